//! One scan while it runs: its thread, its progress, its end. Owns what each way to end is called.

use super::asking::Permitted;
use super::{ScanDesk, audit};
use crate::live::judging::lock;
use crate::live::worker::wall_clock;
use record::{ScanBackend, ScanProgress, ScanRow, ScanState};
use scan::{ConnectScan, Control, NmapScan, Progress, Scan};
use serve::EventKind;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use store::{ScanWrite, StoreBatch};

/// Progress is told at most this often.
const TELL_EVERY: Duration = Duration::from_millis(500);

impl ScanDesk {
    /// From the first question to the inventory.
    pub(super) fn run_scan(&self, permitted: &Permitted, id: &str) {
        let Some(cancel) = lock(&self.running).iter().find(|r| r.row.id == id).map(|r| r.cancel.clone()) else {
            return;
        };
        let deadline = Instant::now() + Duration::from_secs(permitted.config.time_limit_s);
        let mut progress = |progress: &Progress| self.progress(id, progress);
        let mut control = Control { cancel, deadline, progress: &mut progress };
        let config = &permitted.config;
        let result = match permitted.backend {
            ScanBackend::Nmap => NmapScan::new(config)
                .and_then(|scan| scan.run(&permitted.targets, &mut control).map_err(|e| e.to_string())),
            ScanBackend::Connect | ScanBackend::Import => ConnectScan::new(config)
                .and_then(|scan| scan.run(&permitted.targets, &mut control).map_err(|e| e.to_string())),
        };
        self.finish(id, result);
    }

    fn progress(&self, id: &str, progress: &Progress) {
        let mut running = lock(&self.running);
        let Some(found) = running.iter_mut().find(|running| running.row.id == id) else { return };
        found.row.progress = Some(ScanProgress {
            percent: progress.percent.clamp(0.0, 100.0),
            task: progress.task.clone(),
            remaining_s: progress.remaining_s,
            hosts_done: progress.hosts_done,
        });
        if found.told.elapsed() >= TELL_EVERY {
            found.told = Instant::now();
            self.hub.publish(EventKind::Scan, &found.row);
        }
    }

    /// What becomes of a scan that has ended, however it did.
    pub(super) fn finish(&self, id: &str, result: Result<Scan, String>) {
        let Some((mut row, networks, cancelled)) = lock(&self.running)
            .iter()
            .find(|running| running.row.id == id)
            .map(|running| (running.row.clone(), running.networks.clone(), running.cancelled))
        else {
            return;
        };
        let stopping = self.stop.load(Ordering::Relaxed);
        (row.progress, row.ended) = (None, Some(wall_clock()));
        let found = match result {
            Ok(scan) => {
                (row.state, row.words) = ended(&scan, cancelled, stopping);
                Some(scan)
            }
            Err(why) => {
                row.state = if cancelled { ScanState::Cancelled } else { ScanState::Failed };
                row.words = why;
                None
            }
        };
        match found {
            Some(scan) => self.enter_inventory(&mut row, scan, &networks),
            None => self.keep_failure(&row),
        }
        // Only now may the next scan of these hosts begin: its inventory is the one that this one made.
        lock(&self.running).retain(|running| running.row.id != id);
        self.hub.publish(EventKind::Scan, &row);
    }

    /// The row as it ended, and why, for the list and the audit log.
    pub(super) fn keep_failure(&self, row: &ScanRow) {
        let text = format!("scan {} {}: {}", row.id, row.state.name(), row.words);
        let write = ScanWrite { row: row.clone(), ..ScanWrite::default() };
        // What cannot be written is in the program's own log.
        drop(self.write(StoreBatch { scans: vec![write], audit: vec![audit(row, text)], ..StoreBatch::default() }));
    }
}

/// State and words of a scan that gave something.
fn ended(scan: &Scan, cancelled: bool, stopping: bool) -> (ScanState, String) {
    match &scan.incomplete {
        None => (ScanState::Done, String::new()),
        Some(why) if cancelled => (ScanState::Cancelled, why.clone()),
        Some(_) if stopping => {
            (ScanState::Incomplete, "the program was ended while it ran; only hosts that were done are here".to_owned())
        }
        Some(why) => (ScanState::Incomplete, why.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_end_has_its_name() {
        let whole = Scan::default();
        let broken = Scan { incomplete: Some("it was cancelled".to_owned()), ..Scan::default() };
        assert_eq!(ended(&whole, true, true).0, ScanState::Done, "it was faster");
        assert_eq!(ended(&broken, true, false), (ScanState::Cancelled, "it was cancelled".to_owned()));
        assert_eq!(ended(&broken, false, false).0, ScanState::Incomplete);
        assert!(ended(&broken, false, true).1.contains("the program was ended"));
    }
}
