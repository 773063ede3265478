//! A program that was built without Kafka: it does everything in one process, and says so when asked for a part.

use super::{IncidentTopic, Outward, Part, TakenEpochs};
use crate::config::Config;
use crate::failure::{Failure, Result};
use crate::live::status::Status;
use crate::live::worker::Parcel;
use crossbeam_channel::Sender;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};
use store::Sqlite;

/// Nothing.
#[derive(Default)]
pub struct Ends {
    /// None.
    pub outward: Option<Box<dyn Outward>>,
    /// None.
    pub incident_topic: Option<IncidentTopic>,
    /// Empty.
    pub epochs: TakenEpochs,
    /// None.
    pub run: Option<Box<dyn FnOnce() + Send>>,
}

/// Refuses parts.
pub fn open(
    (part, _): (Part, &Config),
    _: &Path,
    _: (&Arc<Mutex<Status>>, &Arc<AtomicBool>),
    _: &Arc<Sqlite>,
    _: &Sender<Parcel>,
) -> Result<Ends> {
    if part == Part::All {
        return Ok(Ends::default());
    }
    Err(Failure::new("--role: this program was built without Kafka; build it with `make release`"))
}
