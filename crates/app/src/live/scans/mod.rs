//! Active scanning in the running process: who may scan what now, the scans that run, and the answers to the API. Each scan has a thread of
//! its own (`running.rs`); what it found goes into the inventory (`entering.rs`), is judged (`judging.rs`) and told; `timetable.rs` begins
//! scans by itself. Owns that no two scans touch one network at once, and that every begin, end and refusal is in the audit log.

mod asking;
mod entering;
mod judging;
mod running;
mod timetable;

use super::desk::Desk;
use super::judging::lock;
use super::requests::Request;
use super::spawn;
use super::worker::wall_clock;
use crate::failure::{Context, Result as StartResult};
use asking::Permitted;
use crossbeam_channel::Sender;
use record::{Prefix, ScanOrigin, ScanProgress, ScanRow, ScanState};
use scan::{Cancel, Scan};
use serve::shapes::{ScanAsked, ScanSchedule, ScansState};
use serve::{DiffFormat, EventKind, Hub, LiveError, ScanKeeper};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Instant;
use store::{AuditEntry, ListQuery, Query, Read, Reader, ScanWrite, StoreBatch, TimeRange};
use timetable::{Timetable, Timing};

/// Scans at the same time, each of networks of its own.
const RUNNING_MAX: usize = 4;

/// A scan that runs.
struct Running {
    row: ScanRow,
    networks: Vec<Prefix>,
    cancel: Cancel,
    /// A person ended it.
    cancelled: bool,
    /// When its progress was last told.
    told: Instant,
}

/// What scans need of the process.
pub struct ScanDesk {
    desk: Arc<Desk>,
    reader: Arc<Reader>,
    hub: Hub,
    /// To the judge; None: capture time is not the wall clock, and no incident is made.
    judge: Option<Sender<Request>>,
    seed: u64,
    stop: Arc<AtomicBool>,
    nmap: Option<String>,
    running: Mutex<Vec<Running>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    /// Held while a scan enters the inventory.
    entering: Mutex<()>,
    timetable: Mutex<Option<Timetable>>,
}

/// What the desk is made of.
pub struct Parts {
    /// Settings and store.
    pub desk: Arc<Desk>,
    /// The store's reading side.
    pub reader: Arc<Reader>,
    /// Live stream.
    pub hub: Hub,
    /// To the judge; None: see `ScanDesk`.
    pub judge: Option<Sender<Request>>,
    /// Seed of what is by chance.
    pub seed: u64,
    /// Set when the process is to end.
    pub stop: Arc<AtomicBool>,
}

/// Closes scans that an earlier process left running, and starts the timetable.
pub fn start(parts: Parts) -> StartResult<(Arc<ScanDesk>, JoinHandle<()>)> {
    let Parts { desk, reader, hub, judge, seed, stop } = parts;
    let (running, threads) = (Mutex::default(), Mutex::default());
    let (entering, timetable) = (Mutex::default(), Mutex::default());
    let nmap = asking::nmap_version();
    let scans =
        Arc::new(ScanDesk { desk, reader, hub, judge, seed, stop, nmap, running, threads, entering, timetable });
    scans.close_left_running().context("scans of an earlier run")?;
    let timing = Timing { scans: Arc::clone(&scans) };
    let thread = spawn("scans", move || timing.run())?;
    Ok((scans, thread))
}

fn unavailable(error: &store::StoreError) -> LiveError {
    LiveError::Unavailable(error.to_string())
}

impl ScanDesk {
    /// A scan that ran when the process died is incomplete.
    fn close_left_running(&self) -> Result<(), store::StoreError> {
        let filter = Query::parse("state:running", store::query::SCAN_FIELDS)?;
        let query = ListQuery { filter, range: TimeRange::default(), limit: store::read::PAGE_ROWS_MAX, cursor: None };
        let mut batch = StoreBatch::default();
        for mut row in self.reader.scans(&query)?.items {
            row.state = ScanState::Incomplete;
            row.ended = Some(wall_clock());
            "the program ended while it ran; nothing of it was kept".clone_into(&mut row.words);
            batch.audit.push(audit(&row, format!("scan {} is incomplete: {}", row.id, row.words)));
            batch.scans.push(ScanWrite { row, ..ScanWrite::default() });
        }
        self.desk.store().write(batch)?;
        self.desk.store().flush()
    }

    /// Writes, and says it in the log where that fails.
    fn write(&self, batch: StoreBatch) -> Result<(), LiveError> {
        let written = self.desk.store().write(batch).and_then(|()| self.desk.store().flush());
        written.map_err(|error| {
            tracing::error!("store: {error}");
            unavailable(&error)
        })
    }

    /// Begins a scan, or says why not; both are in the audit log.
    fn ask(self: &Arc<Self>, asked: &ScanAsked, origin: ScanOrigin) -> Result<ScanRow, LiveError> {
        let config = self.desk.running().scan;
        let begun = Permitted::of(&config, asked, self.nmap.is_some()).and_then(|permitted| {
            let row = self.enter(&permitted, origin)?;
            self.launch(permitted, &row)?;
            Ok(row)
        });
        if let Err(error) = &begun {
            let subject = asked.targets.join(" ");
            let text = format!("{} scan refused: {error}", origin.name());
            let entry = AuditEntry { ts: wall_clock(), what: "scan".to_owned(), subject: bounded(&subject), text };
            drop(self.write(StoreBatch { audit: vec![entry], ..StoreBatch::default() }));
        }
        begun
    }

    /// Puts a scan among those that run, if nothing speaks against it.
    fn enter(&self, permitted: &Permitted, origin: ScanOrigin) -> Result<ScanRow, LiveError> {
        if self.stop.load(Ordering::Relaxed) {
            return Err(LiveError::Unavailable("the program is ending".to_owned()));
        }
        let mut running = lock(&self.running);
        if let Some(other) = running.iter().find(|other| asking::overlap(&other.networks, &permitted.networks)) {
            return Err(LiveError::Conflict(format!(
                "scan {} of {} runs and asks the same hosts; wait for it, or cancel it",
                other.row.id,
                other.row.targets.join(" ")
            )));
        }
        if running.len() >= RUNNING_MAX {
            return Err(LiveError::Conflict(format!(
                "{RUNNING_MAX} scans run, which is the most; wait for one of them"
            )));
        }
        let started = wall_clock();
        let row = ScanRow {
            id: format!("{:016x}", started.0),
            targets: permitted.words.clone(),
            backend: permitted.backend,
            origin,
            started,
            progress: Some(ScanProgress::default()),
            ..ScanRow::default()
        };
        let text = format!("{} scan {} begun by {}", origin.name(), row.id, row.backend.name());
        let write = ScanWrite { row: row.clone(), sources: permitted.sources.clone(), ..ScanWrite::default() };
        let batch = StoreBatch { scans: vec![write], audit: vec![audit(&row, text)], ..StoreBatch::default() };
        self.write(batch)?;
        running.push(Running {
            row: row.clone(),
            networks: permitted.networks.clone(),
            cancel: Cancel::default(),
            cancelled: false,
            told: Instant::now(),
        });
        self.hub.publish(EventKind::Scan, &row);
        Ok(row)
    }

    fn launch(self: &Arc<Self>, permitted: Permitted, row: &ScanRow) -> Result<(), LiveError> {
        let (desk, id) = (Arc::clone(self), row.id.clone());
        let begun = spawn("scan", move || desk.run_scan(&permitted, &id));
        let mut threads = lock(&self.threads);
        threads.retain(|thread| !thread.is_finished());
        match begun {
            Ok(thread) => threads.push(thread),
            Err(failure) => {
                drop(threads);
                let why = failure.to_string();
                self.finish(&row.id, Err(why.clone()));
                return Err(LiveError::Unavailable(why));
            }
        }
        Ok(())
    }

    /// Ends what runs and waits for it.
    fn end_all(&self) {
        lock(&self.running).iter().for_each(|running| running.cancel.cancel());
        let threads = std::mem::take(&mut *lock(&self.threads));
        for thread in threads {
            if thread.join().is_err() {
                tracing::error!("a scan ended by a defect");
            }
        }
    }
}

/// One line of the audit log.
fn audit(row: &ScanRow, text: String) -> AuditEntry {
    AuditEntry { ts: wall_clock(), what: "scan".to_owned(), subject: bounded(&row.targets.join(" ")), text }
}

/// As much as a line of the log needs.
fn bounded(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(200).collect()
}

/// What the API asks.
pub struct Keeper(pub Arc<ScanDesk>);

impl ScanKeeper for Keeper {
    fn state(&self) -> Result<ScansState, LiveError> {
        let config = self.0.desk.running().scan;
        let filter = Query::parse("-state:running", store::query::SCAN_FIELDS);
        let filter = filter.map_err(|e| LiveError::Unavailable(e.to_string()))?;
        let query = ListQuery { filter, range: TimeRange::default(), limit: 1, cursor: None };
        let read = |e: store::StoreError| unavailable(&e);
        let table = lock(&self.0.timetable).clone();
        let line =
            |table: Timetable| ScanSchedule { targets: table.targets, every_h: table.every_h, next: Some(table.next) };
        Ok(ScansState {
            allow: config.allow,
            nmap: self.0.nmap.clone(),
            missed_scans_down: config.missed_scans_down,
            schedule: table.into_iter().map(line).collect(),
            running: self.running(),
            last: self.0.reader.scans(&query).map_err(read)?.items.pop(),
            assets: self.0.reader.asset_totals().map_err(read)?,
        })
    }

    fn running(&self) -> Vec<ScanRow> {
        lock(&self.0.running).iter().map(|running| running.row.clone()).collect()
    }

    fn begin(&self, asked: &ScanAsked) -> Result<ScanRow, LiveError> {
        self.0.ask(asked, ScanOrigin::Manual)
    }

    fn cancel(&self, id: &str) -> Result<ScanRow, LiveError> {
        let mut running = lock(&self.0.running);
        if let Some(found) = running.iter_mut().find(|running| running.row.id == id) {
            found.cancelled = true;
            found.cancel.cancel();
            let row = found.row.clone();
            drop(running);
            let entry = audit(&row, format!("scan {} cancelled by a person", row.id));
            self.0.write(StoreBatch { audit: vec![entry], ..StoreBatch::default() })?;
            return Ok(row);
        }
        drop(running);
        let shown = bounded(id);
        match self.0.reader.scan(id).map_err(|e| unavailable(&e))? {
            Some(row) => Err(LiveError::Conflict(format!("scan {shown} does not run: it is {}", row.state.name()))),
            None => Err(LiveError::NotFound(format!("there is no scan `{shown}`"))),
        }
    }

    fn import(&self, xml: &[u8]) -> Result<ScanRow, LiveError> {
        self.0.take_in(xml)
    }

    fn diff(&self, before: &Scan, after: &Scan, format: DiffFormat) -> String {
        let diff = scan::diff(before, after);
        match format {
            DiffFormat::Text => scan::diff_text(&diff),
            DiffFormat::Xml => scan::diff_xml(&diff),
            DiffFormat::Json => crate::commands::scan::changes_json(&diff).unwrap_or_default(),
        }
    }
}
