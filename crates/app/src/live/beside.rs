//! What runs beside capture and judge: the watch of this machine itself, the CSV logs, the archive, the sink to MongoDB. Owns when each of
//! them runs; what they do is in their own files.

use super::archiving;
use super::csv_logs::{self, CsvLog};
use super::host_watch::{HostShared, HostWatcher};
use super::judging::lock;
use super::status::Status;
use super::worker::Parcel;
use super::{Plan, is_live, mongo_sink, spawn};
use crate::config::Config;
use crate::failure::Result;
use crossbeam_channel::Sender;
use serve::shapes::Mode;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use store::Sqlite;

/// What was started.
pub struct Beside {
    /// This machine's own sockets and counters; None when it is not watched.
    pub host: Option<Arc<HostShared>>,
    /// The CSV logs; None when they are off.
    pub log: Option<CsvLog>,
    /// To the judge: for the capture workers too, which end the judge when the last of them goes.
    pub parcels: Sender<Parcel>,
    /// Set when the process is to end.
    pub stop: Arc<AtomicBool>,
    /// Threads.
    pub threads: Vec<JoinHandle<()>>,
    captures: bool,
}

impl Beside {
    /// Starts what the settings ask for. Traffic that is replayed or made up is not this machine's and is not logged.
    pub fn start(
        config: &Config,
        plan: &Plan,
        (status, store): (&Mutex<Status>, &Arc<Sqlite>),
        parcels: Sender<Parcel>,
        stop: &Arc<AtomicBool>,
    ) -> Result<Self> {
        let captures = plan.mode == Mode::Live;
        let (host, log, stop) = (None, None, Arc::clone(stop));
        let mut beside = Self { host, log, parcels, stop, threads: Vec::new(), captures };
        // Replays are archived as they are stored; only made-up traffic is not.
        if plan.mode != Mode::Demo
            && let Some((archiving, shared)) = archiving::open(config, plan, store, &beside.stop)?
        {
            lock(status).archive = Some(shared);
            beside.threads.push(spawn("archive", move || archiving.run())?);
        }
        beside.threads.extend(mongo_sink::start(config, plan, store, status, &beside.stop)?);
        if !is_live(plan.mode) {
            return Ok(beside);
        }
        if let Some((log, writer, shared)) = csv_logs::open(&config.logging.csv, &plan.data_dir) {
            lock(status).csv_logs = Some(shared);
            beside.log = Some(log);
            beside.threads.push(spawn("csv-logs", move || writer.run())?);
        }
        if !captures || config.host.watch {
            beside.host = Some(Arc::default());
            lock(status).host.clone_from(&beside.host);
        }
        if captures && let Some(watcher) = beside.watcher(None) {
            beside.threads.push(spawn("host", move || watcher.run())?);
        }
        Ok(beside)
    }

    /// The watch of this machine, as the source of this number or beside the sources.
    pub fn watcher(&self, source: Option<usize>) -> Option<HostWatcher> {
        let (parcels, stop, log) = (self.parcels.clone(), Arc::clone(&self.stop), self.log.clone());
        self.host.clone().map(|shared| HostWatcher { source, parcels, shared, log, stop })
    }

    /// Where flows are logged; None when nothing is captured: then sockets are.
    pub fn flow_log(&self) -> Option<CsvLog> {
        self.log.clone().filter(|_| self.captures)
    }
}
