//! The thread that keeps threat-intelligence lists fresh: looks at files every few seconds and at addresses at their time, and hands
//! a new set to the judge. Owns the rhythm; what a list is stands in `crate::lists`.

use super::judging::lock;
use super::status::Status;
use crate::lists::Lists;
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};
use detect::intel::{Indicators, IntelConfig};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// Files are looked at this often.
const EVERY: Duration = Duration::from_secs(2);
/// How soon the thread sees that the process is to end.
const WAIT: Duration = Duration::from_millis(200);

/// What the thread is made of.
pub struct ListKeeper {
    /// The lists.
    pub lists: Lists,
    /// Folder of copies.
    pub data_dir: PathBuf,
    /// New settings.
    pub settings: Receiver<IntelConfig>,
    /// To the judge.
    pub indicators: Sender<Arc<Indicators>>,
    /// Where people see them.
    pub status: Arc<Mutex<Status>>,
    /// Set when the process is to end.
    pub stop: Arc<AtomicBool>,
}

impl ListKeeper {
    /// Runs until the process stops.
    pub fn run(mut self) {
        let mut looked: Option<Instant> = None;
        while !self.stop.load(Ordering::Relaxed) {
            match self.settings.recv_timeout(WAIT) {
                Ok(config) => self.take(&config),
                Err(RecvTimeoutError::Timeout) => {}
                // Nobody can send settings any more: the process ends.
                Err(RecvTimeoutError::Disconnected) => std::thread::sleep(WAIT),
            }
            if looked.is_none_or(|at| at.elapsed() >= EVERY) {
                let news = self.lists.look();
                self.hand_over(news);
                looked = Some(Instant::now());
            }
        }
    }

    /// Other lists: the new ones are used when all that lie here can be read.
    fn take(&mut self, config: &IntelConfig) {
        let mut lists = Lists::new(config, Some(&self.data_dir));
        match lists.compile() {
            Ok(set) => {
                self.lists = lists;
                self.hand_over(Some(set));
            }
            Err(failure) => tracing::error!("threat lists stay as they were: {failure}"),
        }
    }

    fn hand_over(&self, set: Option<Arc<Indicators>>) {
        let view = self.lists.view();
        if let Some(set) = set {
            tracing::info!("threat lists: {} indicators of {} lists", set.len(), view.lists.len());
            // A judge that has ended needs no lists.
            let _ = self.indicators.send(set);
        }
        lock(&self.status).threat_lists = view;
    }
}
