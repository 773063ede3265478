//! A process that does a part of the work (`run --role`), with Apache Kafka between the parts: sensors measure and run the exact
//! detectors, detectors judge flows by the models, the server makes incidents, stores, learns and shows. Owns what goes over the topics
//! and in which order; measuring, judging and storing are the same code as in one process.

#[cfg(feature = "kafka")]
mod batches;
#[cfg(feature = "kafka")]
mod detector;
#[cfg(feature = "kafka")]
mod inlet;
#[cfg(feature = "kafka")]
mod link;
#[cfg(feature = "kafka")]
mod merge;
#[cfg(feature = "kafka")]
mod models;
#[cfg(feature = "kafka")]
mod offsets;
#[cfg(feature = "kafka")]
mod outlet;
#[cfg(feature = "kafka")]
mod scoring;
pub mod settings;
#[cfg(feature = "kafka")]
mod start;
#[cfg(not(feature = "kafka"))]
#[path = "without.rs"]
mod start;
mod taking;

pub use settings::RoleSettings;
pub use start::open;
pub use taking::TakenEpochs;

use super::worker::Parcel;
use crossbeam_channel::Sender;
use detect::Ensemble;
use evaluate::{Measured, MeasuredFlow, MeterCounters, Told};
use record::{HealthItem, HostRecord, Incident, Timestamp};
use std::sync::Arc;
use std::time::Instant;

/// Where a message lies: which topic, partition, offset.
pub type Place = (usize, i32, i64);

/// What a process does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Part {
    /// Everything, without a broker.
    #[default]
    All,
    /// Sources, exact detectors and the levels beside flows.
    Sensor,
    /// Flow models.
    Detector,
    /// Incidents, history, learning, dashboard.
    Server,
}

/// A sensor's way out.
pub trait Outward: Send {
    /// Hands one round on.
    fn hand_on(
        &mut self,
        measured: Measured,
        now: Timestamp,
        last: bool,
        in_iface: &mut dyn FnMut(&MeasuredFlow) -> Arc<str>,
    );
    /// Hosts that changed.
    fn hosts(&self, hosts: &[HostRecord]);
    /// Words for the health strip.
    fn look(&mut self) -> Vec<HealthItem>;
    /// Flows that were not handed on, since the start.
    fn flows_dropped(&self) -> u64;
    /// The end: waits for a broker, not for ever.
    fn close(&mut self);
}

/// Where incidents go beside the store.
pub type IncidentTopic = Box<dyn Fn(&Incident) + Send>;

/// What comes to the judge thread from other machines.
pub enum Elsewhere {
    /// An epoch of a sensor, judged.
    Epoch(ToldEpoch),
    /// What a detector judged since its start, and the models that it put in place, if these are others.
    Scored { ensemble: Option<Arc<Ensemble>>, flows: u64 },
}

/// An epoch to be told.
pub struct ToldEpoch {
    /// What it says.
    pub told: Told,
    /// Hosts that changed.
    pub hosts: Vec<HostRecord>,
    /// Whose it is.
    pub sensor: String,
    /// Run and epoch.
    pub number: (u64, u64),
    /// Where its messages lie.
    pub places: Vec<Place>,
    /// Takes these places when the store has it.
    pub ack: Sender<Vec<Place>>,
}

/// Name of the setting that holds what was told of each sensor.
pub const TOLD: &str = "roles.told";

/// A parcel without observations.
fn parcel(worker: usize, now: Timestamp) -> Parcel {
    Parcel {
        worker,
        observations: Vec::new(),
        now,
        meter: MeterCounters::default(),
        source: None,
        log: None,
        ended: None,
        due: Instant::now(),
        elsewhere: None,
    }
}
