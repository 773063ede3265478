//! Opens what a role needs. Owns which ends each role has; the loops are their own files'.

use super::detector::DetectorLoop;
use super::inlet::InletLoop;
use super::link::Link;
use super::outlet::Outlet;
use super::settings::topics;
use super::{IncidentTopic, Outward, Part, Place, TOLD, TakenEpochs};
use crate::config::Config;
use crate::failure::{Context, Result};
use crate::live::status::Status;
use crate::live::worker::Parcel;
use crossbeam_channel::{Sender, unbounded};
use record::Incident;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};
use store::kafka::{Outgoing, Producer};
use store::{Read, Sqlite};

/// What the judge thread and the process get.
#[derive(Default)]
pub struct Ends {
    /// A sensor's way out.
    pub outward: Option<Box<dyn Outward>>,
    /// Where a server writes incidents.
    pub incident_topic: Option<IncidentTopic>,
    /// How far a server was told before.
    pub epochs: TakenEpochs,
    /// The loop of a detector or a server, for a thread of its own.
    pub run: Option<Box<dyn FnOnce() + Send>>,
}

/// Opens the ends of a part.
pub fn open(
    (part, config): (Part, &Config),
    data_dir: &Path,
    (status, stop): (&Arc<Mutex<Status>>, &Arc<AtomicBool>),
    store: &Arc<Sqlite>,
    parcels: &Sender<Parcel>,
) -> Result<Ends> {
    if part == Part::All {
        return Ok(Ends::default());
    }
    let link = Link {
        settings: config.roles.clone(),
        connection: config.kafka.connection.clone(),
        status: Arc::clone(status),
        stop: Arc::clone(stop),
    };
    let (data_dir, parcels) = (data_dir.to_owned(), parcels.clone());
    match part {
        Part::All => Ok(Ends::default()),
        Part::Sensor => {
            let maker = link.clone();
            let run: Box<dyn FnOnce() + Send> = Box::new(move || maker.make_topics());
            let outward: Box<dyn Outward> = Box::new(Outlet::open(link, &data_dir)?);
            Ok(Ends { outward: Some(outward), run: Some(run), ..Ends::default() })
        }
        Part::Detector => {
            let detector = DetectorLoop { link, number: 0, parcels, data_dir };
            Ok(Ends { run: Some(Box::new(move || detector.run())), ..Ends::default() })
        }
        Part::Server => {
            let told = told_before(store)?;
            let producer = Arc::new(link.producer(Some(&data_dir.join("kafka-spool")))?);
            let incident_topic = incidents(&link, &producer);
            let (ack, acks) = unbounded::<Vec<Place>>();
            let (store, before) = (Arc::clone(store), told.clone());
            let inlet = InletLoop { link, number: 0, parcels, acks, ack, store, data_dir, told: before, producer };
            let epochs = TakenEpochs::after(told);
            let run: Option<Box<dyn FnOnce() + Send>> = Some(Box::new(move || inlet.run()));
            Ok(Ends { outward: None, incident_topic: Some(incident_topic), epochs, run })
        }
    }
}

/// Run and epoch of each sensor that an earlier process told.
fn told_before(store: &Sqlite) -> Result<BTreeMap<String, (u64, u64)>> {
    let text = store.reader().setting(TOLD).plain()?;
    match text {
        None => Ok(BTreeMap::new()),
        Some(text) => serde_json::from_str(&text).context("what was told of sensors before, in the store"),
    }
}

/// Incidents as EVE JSON, keyed by their first source.
fn incidents(link: &Link, producer: &Arc<Producer>) -> IncidentTopic {
    let (topic, producer) = (link.topic(topics::INCIDENTS), Arc::clone(producer));
    Box::new(move |incident: &Incident| {
        let key = incident.src.first().or(incident.dest.first()).map_or_else(String::new, ToString::to_string);
        let payload = serde_json::to_vec(&alert::eve_event(incident)).unwrap_or_default();
        let topic = topic.clone();
        producer.send(Outgoing { topic, key: key.into_bytes(), payload, ..Outgoing::default() });
    })
}
