//! The thread that writes the CSV logs, and the way to it. Owns the queue: a disk that is slow or full never stops the watch, it
//! costs rows, counted and shown. Rows and files are `store::csv_log`'s.

use super::judging::lock;
use super::status::item;
use super::worker::wall_clock;
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, TrySendError, bounded};
use record::{HealthItem, HealthLevel};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use store::csv_log::{
    CONNECTION_COLUMNS, CONNECTIONS_NAME, CsvLogConfig, LogState, RotatingFile, TRAFFIC_COLUMNS, TRAFFIC_NAME,
};

/// Rows that wait for the thread; more are lost, counted.
const ROWS_MAX: usize = 65_536;
/// Longest time that a row waits before it is written.
const FLUSH_EVERY: Duration = Duration::from_secs(1);

enum Row {
    Traffic(String),
    Connection(String),
}

/// How the logs do.
#[derive(Default)]
pub struct LogShared {
    states: Mutex<[LogState; 2]>,
    /// Rows lost because the thread was behind.
    behind: AtomicU64,
}

impl LogShared {
    /// Rows lost for whatever reason.
    pub fn rows_lost(&self) -> u64 {
        let written: u64 = lock(&self.states).iter().map(|state| state.rows_lost).sum();
        written + self.behind.load(Ordering::Relaxed)
    }

    /// Rows written, and files put aside.
    pub fn written(&self) -> (u64, u64) {
        let states = lock(&self.states);
        (states.iter().map(|state| state.rows).sum(), states.iter().map(|state| state.rotated).sum())
    }

    /// A line for the health strip when a log cannot be written.
    pub fn health(&self) -> Option<HealthItem> {
        let error = lock(&self.states).iter().find_map(|state| state.error.clone())?;
        let text = format!("The CSV logs cannot be written: {error}; {} rows lost so far", self.rows_lost());
        let action = "Free disk space, or set logging.csv.directory to another place. Watching goes on meanwhile.";
        Some(item("csv logs", HealthLevel::Error, text, action))
    }
}

/// The way to the thread.
#[derive(Clone)]
pub struct CsvLog {
    rows: Sender<Row>,
    shared: Arc<LogShared>,
    traffic_every_s: u32,
}

impl CsvLog {
    /// A row of `traffic.csv`.
    pub fn traffic(&self, row: String) {
        self.send(Row::Traffic(row));
    }

    /// A row of `connections.csv`.
    pub fn connection(&self, row: String) {
        self.send(Row::Connection(row));
    }

    /// Time that one row of traffic covers, s.
    pub const fn traffic_every_s(&self) -> u32 {
        self.traffic_every_s
    }

    fn send(&self, row: Row) {
        if let Err(TrySendError::Full(_)) = self.rows.try_send(row) {
            self.shared.behind.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// The thread: ends when nobody can send rows any more.
pub struct LogWriter {
    rows: Receiver<Row>,
    traffic: RotatingFile,
    connections: RotatingFile,
    shared: Arc<LogShared>,
}

/// The logs that the settings ask for, and the thread that writes them.
pub fn open(config: &CsvLogConfig, data_dir: &Path) -> Option<(CsvLog, LogWriter, Arc<LogShared>)> {
    if !config.enabled {
        return None;
    }
    let directory =
        if config.directory.as_os_str().is_empty() { data_dir.join("csv") } else { config.directory.clone() };
    let (sender, rows) = bounded(ROWS_MAX);
    let shared = Arc::new(LogShared::default());
    let writer = LogWriter {
        rows,
        traffic: RotatingFile::new(&directory, TRAFFIC_NAME, TRAFFIC_COLUMNS, config),
        connections: RotatingFile::new(&directory, CONNECTIONS_NAME, CONNECTION_COLUMNS, config),
        shared: Arc::clone(&shared),
    };
    let log = CsvLog { rows: sender, shared: Arc::clone(&shared), traffic_every_s: config.traffic_every_s };
    Some((log, writer, shared))
}

impl LogWriter {
    /// Runs until the last row is written.
    pub fn run(mut self) {
        let mut flushed = Instant::now();
        loop {
            let closed = match self.rows.recv_timeout(FLUSH_EVERY) {
                Ok(row) => {
                    self.take(&row);
                    false
                }
                Err(RecvTimeoutError::Timeout) => false,
                Err(RecvTimeoutError::Disconnected) => true,
            };
            if closed || flushed.elapsed() >= FLUSH_EVERY {
                flushed = Instant::now();
                self.flush();
            }
            if closed {
                return;
            }
        }
    }

    fn take(&mut self, row: &Row) {
        match row {
            Row::Traffic(row) => self.traffic.push(row, wall_clock()),
            Row::Connection(row) => self.connections.push(row, wall_clock()),
        }
    }

    fn flush(&mut self) {
        let now = wall_clock();
        self.traffic.flush(now);
        self.connections.flush(now);
        let states = [self.traffic.state().clone(), self.connections.state().clone()];
        let mut shared = lock(&self.shared.states);
        for (before, after) in shared.iter().zip(&states) {
            if let (None, Some(error)) = (&before.error, &after.error) {
                tracing::error!("CSV log {error}");
            }
        }
        *shared = states;
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn every_row_is_written_when_the_process_ends() {
        let dir = tempfile::tempdir().unwrap();
        let config = CsvLogConfig { enabled: true, ..CsvLogConfig::default() };
        let (log, writer, shared) = open(&config, dir.path()).unwrap();
        for n in 0..1_000 {
            log.connection(n.to_string());
        }
        log.traffic("x".to_owned());
        drop(log);
        writer.run();
        let lines = |name: &str| std::fs::read_to_string(dir.path().join("csv").join(name)).unwrap().lines().count();
        assert_eq!((lines("connections.csv"), lines("traffic.csv")), (1_001, 2));
        assert_eq!((shared.written(), shared.rows_lost()), ((1_001, 0), 0));
        assert!(shared.health().is_none());
        assert!(open(&CsvLogConfig::default(), dir.path()).is_none(), "off unless asked for");
    }

    #[test]
    fn a_full_disk_is_a_line_of_the_health_strip_and_a_full_queue_is_counted() {
        let dir = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink("/dev/full", dir.path().join("traffic.csv")).unwrap();
        let config = CsvLogConfig { enabled: true, directory: dir.path().to_path_buf(), ..CsvLogConfig::default() };
        let (log, writer, shared) = open(&config, dir.path()).unwrap();
        for _ in 0..ROWS_MAX + 5 {
            log.traffic("x".to_owned());
        }
        drop(log);
        writer.run();
        assert_eq!(shared.rows_lost(), 5);
        let line = shared.health().unwrap();
        assert!(line.level == HealthLevel::Error && line.text.contains("No space left"), "{line:?}");
    }
}
