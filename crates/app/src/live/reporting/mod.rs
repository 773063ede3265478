//! Reports in the running process: made because a person asks or the timetable says so, kept (`shelf.rs`), mailed (`mail.rs`). Its thread
//! also writes down what is lost, by hour and reason, so that a report of last week can say it. Owns that one is made at a time and that each is in
//! the audit log; the content is `report`'s.

mod copies;
pub mod mail;
mod shelf;
mod timetable;

use super::desk::Desk;
use super::judging::lock;
use super::notify::Outbox;
use super::notify::outbox::own_name;
use super::spawn;
use super::status::Status;
use super::worker::wall_clock;
use crate::archived;
use crate::export_args::ReportForm;
use crate::failure::Result as StartResult;
use crate::report::{self, Report, losses};
use record::{Counters, Timestamp};
use serve::shapes::{ReportAsked, ReportRow, Reports};
use serve::{LiveError, ReportFormat, ReportKeeper};
use shelf::Shelf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use store::civil::{Period, Place};
use store::{AuditEntry, Read, Reader, StoreBatch};
use timetable::Reached;

/// Where the timetable is kept.
const SETTING: &str = "reports.reached";
/// How often it is looked whether the process ends.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// How often it is looked what is due and what was lost.
const WORK_EVERY: Duration = Duration::from_secs(5);
/// A report that could not be made is tried again after this.
const AGAIN_AFTER: Duration = Duration::from_mins(10);
const FORMS: [(ReportFormat, ReportForm); 3] = [
    (ReportFormat::Html, ReportForm::Html),
    (ReportFormat::Json, ReportForm::Json),
    (ReportFormat::Csv, ReportForm::Csv),
];

/// Makes and keeps reports.
pub struct ReportDesk {
    desk: Arc<Desk>,
    reader: Arc<Reader>,
    outbox: Arc<Outbox>,
    status: Arc<Mutex<Status>>,
    stop: Arc<AtomicBool>,
    shelf: Mutex<Shelf>,
    /// Held while one is made.
    making: Mutex<()>,
    /// Why the last one could not be made.
    trouble: Mutex<String>,
}

/// Opens the shelf and starts the thread, one of those that are waited for.
pub fn start(
    desk: &Arc<Desk>,
    reader: Arc<Reader>,
    outbox: &Arc<Outbox>,
    status: &Arc<Mutex<Status>>,
    (stop, threads): (&Arc<AtomicBool>, &mut Vec<JoinHandle<()>>),
) -> StartResult<Arc<ReportDesk>> {
    let reports = Arc::new(ReportDesk {
        shelf: Mutex::new(Shelf::open(desk.data_dir())),
        desk: Arc::clone(desk),
        reader,
        outbox: Arc::clone(outbox),
        status: Arc::clone(status),
        stop: Arc::clone(stop),
        making: Mutex::default(),
        trouble: Mutex::default(),
    });
    let worker = Arc::clone(&reports);
    threads.push(spawn("reports", move || worker.run())?);
    Ok(reports)
}

impl ReportDesk {
    /// Until the process stops.
    fn run(&self) {
        let mut reached = self.setting::<Reached>(SETTING);
        let mut lost = self.setting::<losses::Log>(losses::SETTING).unwrap_or_default();
        let (mut counted, mut worked) = (Counters::default(), None::<Instant>);
        let mut not_before = None::<Instant>;
        let mut copies = copies::Copies::open(self);
        loop {
            let ends = self.stop.load(Ordering::Relaxed);
            if ends || worked.is_none_or(|at| at.elapsed() >= WORK_EVERY) {
                worked = Some(Instant::now());
                self.write_down(&mut lost, &mut counted);
                if !ends && not_before.is_none_or(|at| Instant::now() >= at) {
                    not_before = self.make_due(&mut reached);
                }
                if !ends {
                    copies.work(self);
                }
            }
            if ends {
                return;
            }
            std::thread::sleep(LOOK_EVERY);
        }
    }

    fn setting<T: serde::de::DeserializeOwned>(&self, name: &str) -> Option<T> {
        self.reader.setting(name).ok().flatten().and_then(|text| serde_json::from_str(&text).ok())
    }

    fn keep_setting(&self, name: &str, value: &impl serde::Serialize) {
        let Ok(text) = serde_json::to_string(value) else { return };
        self.write(StoreBatch { settings: vec![(name.to_owned(), text)], ..StoreBatch::default() });
    }

    fn write(&self, batch: StoreBatch) {
        if let Err(error) = self.desk.store().write(batch) {
            tracing::error!("store: {error}");
        }
    }

    /// What was lost since the last look.
    fn write_down(&self, lost: &mut losses::Log, counted: &mut Counters) {
        let now = lock(&self.status).drops();
        if lost.add(wall_clock(), counted, &now) {
            self.keep_setting(losses::SETTING, lost);
        }
        *counted = now;
    }

    /// Makes the report that is due; when to try again where it could not be made.
    fn make_due(&self, reached: &mut Option<Reached>) -> Option<Instant> {
        let settings = self.desk.running().reports;
        let (due, next) = timetable::due(reached.as_ref(), &settings, wall_clock());
        if let Some(Period { from, to, .. }) = due {
            match self.made(from, to, "schedule") {
                Ok((row, report)) => {
                    let notice = mail::notice(&row.id, &report, wall_clock());
                    self.outbox.queue_report(&settings.mail_channels, &notice);
                }
                Err(error) => {
                    tracing::error!("the scheduled report was not made, tried again in 10 minutes: {error}");
                    return Some(Instant::now() + AGAIN_AFTER);
                }
            }
        }
        if next != *reached {
            self.keep_setting(SETTING, &next);
            *reached = next;
        }
        None
    }

    /// Makes and keeps one.
    fn made(&self, from: Timestamp, to: Timestamp, origin: &str) -> Result<(ReportRow, Report), LiveError> {
        let Ok(_alone) = self.making.try_lock() else {
            return Err(LiveError::Conflict("another report is being made; ask again when it is there".to_owned()));
        };
        let made = self.make_one(from, to, origin);
        *lock(&self.trouble) = made.as_ref().err().map_or(String::new(), ToString::to_string);
        made
    }

    fn make_one(&self, from: Timestamp, to: Timestamp, origin: &str) -> Result<(ReportRow, Report), LiveError> {
        let unavailable = |error: &dyn std::fmt::Display| LiveError::Unavailable(error.to_string());
        let config = self.desk.running();
        let clock = Place::parse(&config.reports.zone).map_err(LiveError::Unavailable)?;
        let (now, reader) = (wall_clock(), self.reader.as_ref());
        let name = |ts: Timestamp| clock.show(ts, "%Y%m%d-%H%M");
        let id = format!("{}-{}-{:x}", name(from), name(to), now.0 / 1_000_000);
        let rows = archived::rows(&config, &self.reader);
        let place = report::Place {
            reader,
            rows: rows.as_ref(),
            config: &config,
            data_dir: self.desk.data_dir(),
            clock,
            sensor: own_name(),
            now,
        };
        let report = report::gather(&place, from, to).map_err(|e| unavailable(&e))?;
        let written = |(name, form)| Ok((name, report::written(&report, form).map_err(|e| unavailable(&e))?));
        let files = FORMS.into_iter().map(written).collect::<Result<Vec<_>, LiveError>>()?;
        let row = ReportRow {
            id,
            from,
            to,
            made: now,
            bytes: files.first().map_or(0, |(_, bytes)| bytes.len() as u64),
            formats: files.iter().map(|(format, _)| format.name().to_owned()).collect(),
            incidents: report.totals.incidents,
            origin: origin.to_owned(),
            words: report.summary.first().cloned().unwrap_or_default(),
        };
        lock(&self.shelf).put(row.clone(), &files, config.reports.keep).map_err(|e| unavailable(&e))?;
        self.note(&row.id, format!("{origin} report of {from} to {to} was made"));
        Ok((row, report))
    }

    fn note(&self, id: &str, text: String) {
        let entry = AuditEntry { ts: wall_clock(), what: "report".to_owned(), subject: id.to_owned(), text };
        self.write(StoreBatch { audit: vec![entry], ..StoreBatch::default() });
    }
}

fn unknown(id: &str) -> LiveError {
    let id: String = id.chars().take(80).collect();
    LiveError::NotFound(format!("there is no report `{id}`; it may have been deleted"))
}

impl ReportKeeper for ReportDesk {
    fn list(&self) -> Reports {
        let settings = self.desk.running().reports;
        Reports {
            reports: lock(&self.shelf).rows().to_vec(),
            next: timetable::next(&settings, wall_clock()),
            every: settings.every,
            at: settings.at,
            zone: settings.zone,
            mail_channels: settings.mail_channels,
            keep: settings.keep as u64,
            trouble: lock(&self.trouble).clone(),
        }
    }

    fn make(&self, asked: &ReportAsked) -> Result<ReportRow, LiveError> {
        if asked.from >= asked.to {
            let (from, to) = (asked.from, asked.to);
            return Err(LiveError::Refused(format!("from {from} is not before to {to}; give an earlier beginning")));
        }
        self.made(asked.from, asked.to, "manual").map(|(row, _)| row)
    }

    fn read(&self, id: &str, format: ReportFormat) -> Result<Vec<u8>, LiveError> {
        let read = lock(&self.shelf).read(id, format).ok_or_else(|| unknown(id))?;
        read.map_err(|error| LiveError::Unavailable(format!("report {id}: {error}")))
    }

    fn remove(&self, id: &str) -> Result<(), LiveError> {
        let removed = lock(&self.shelf).remove(id).map_err(|e| LiveError::Unavailable(format!("report {id}: {e}")))?;
        if !removed {
            return Err(unknown(id));
        }
        self.note(id, "report deleted".to_owned());
        Ok(())
    }
}
