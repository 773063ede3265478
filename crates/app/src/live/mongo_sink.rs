//! The thread that keeps results in MongoDB. Owns when it is tried again and what is shown of it; what is written and how is
//! `store::mongo`'s. The watch never waits for it: what is to be written is listed in the store.

use super::Plan;
use super::judging::lock;
use super::status::Status;
use crate::config::Config;
use crate::failure::{Context, Result};
use record::{Counters, HealthItem};
use serve::shapes::Mode;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use store::journal::JournalWrite;
use store::{Sqlite, StoreBatch};

/// What is shown of the sink.
pub trait Shown: Send + Sync {
    /// Lines of the health strip.
    fn health(&self) -> Vec<HealthItem>;
    /// What was not written for good, by reason.
    fn dropped(&self) -> Counters;
    /// Other counters by name.
    fn counters(&self) -> Counters;
    /// Changes that wait.
    fn waiting(&self) -> u64;
}

/// What was started: how it does, and its thread.
type Started = (Arc<dyn Shown>, JoinHandle<()>);

/// Starts the sink where the settings name a server; made-up traffic is nobody's result. Where it is off nothing is listed any more.
pub fn start(
    config: &Config,
    plan: &Plan,
    store: &Arc<Sqlite>,
    status: &Mutex<Status>,
    stop: &Arc<AtomicBool>,
) -> Result<Option<JoinHandle<()>>> {
    if plan.mode == Mode::Demo || !config.mongodb.is_on() {
        let none = StoreBatch { journal: vec![JournalWrite::Keep(Vec::new())], ..StoreBatch::default() };
        return store.write(none).context("store").map(|()| None);
    }
    let (shown, thread) = running(config, store, &plan.data_dir, stop)?;
    lock(status).mongodb = Some(shown);
    Ok(Some(thread))
}

#[cfg(not(feature = "mongodb"))]
fn running(_: &Config, _: &Arc<Sqlite>, _: &Path, _: &Arc<AtomicBool>) -> Result<Started> {
    Err(crate::failure::Failure::new(
        "mongodb.url is set, and this build of Tripline has no MongoDB: take the build with all engines (`make release`), or empty mongodb.url",
    ))
}

#[cfg(feature = "mongodb")]
fn running(config: &Config, store: &Arc<Sqlite>, data_dir: &Path, stop: &Arc<AtomicBool>) -> Result<Started> {
    with::start(config, store, data_dir, stop)
}

#[cfg(feature = "mongodb")]
mod with {
    use super::{Config, Counters, HealthItem, Result, Shown, Sqlite, Started};
    use crate::failure::Failure;
    use crate::live::judging::lock;
    use crate::live::status::item;
    use crate::live::vendors::Vendors;
    use record::HealthLevel;
    use std::path::Path;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::sync::{Arc, Mutex};
    use std::time::{Duration, Instant};
    use store::mongo::{Sink, SinkCounters, Trouble};
    use store::notify::backoff;

    /// Time between two looks at what has changed.
    const LOOK: Duration = Duration::from_millis(500);
    /// First and longest wait after a failure, seconds.
    const AGAIN_FIRST_S: f64 = 1.0;
    const AGAIN_MAX_S: f64 = 30.0;
    /// How long the end of the process is held up for what still waits.
    const LAST_PASSES: Duration = Duration::from_secs(5);
    /// A wait is taken in pieces of this length, so that the process ends soon.
    const PIECE: Duration = Duration::from_millis(100);

    /// How the sink does.
    #[derive(Default)]
    struct Shared {
        counters: Mutex<SinkCounters>,
        trouble: Mutex<Option<Trouble>>,
    }

    impl Shown for Shared {
        fn health(&self) -> Vec<HealthItem> {
            let (counters, trouble) = (lock(&self.counters), lock(&self.trouble));
            let mut items = Vec::new();
            if let Some(trouble) = &*trouble {
                let text = format!("{}; {} changes wait", trouble.text, counters.waiting);
                items.push(item("mongodb", HealthLevel::Error, text, &trouble.advice));
            }
            if let Some(why) = &counters.last_refusal {
                let refused = counters.dropped.0.get("mongodb_refused").copied().unwrap_or(0);
                let text = format!("MongoDB refused {refused} documents for good, the last: {why}");
                let action = "Look at the collection's validation rules and unique indexes; a document is offered again when it changes.";
                items.push(item("mongodb", HealthLevel::Warning, text, action));
            }
            let lost = |reason: &str| counters.dropped.0.get(reason).copied().unwrap_or(0);
            let (full, gone) = (lost("mongodb_waiting_full"), lost("mongodb_forgotten"));
            if full + gone > 0 {
                let text = format!(
                    "Not kept in MongoDB: {full} alerts over mongodb.waiting_max, {gone} changes of what the store keeps no more"
                );
                let action = "Keep the server reachable, or raise mongodb.waiting_max and the ages of [store].";
                items.push(item("mongodb", HealthLevel::Warning, text, action));
            }
            if counters.no_ends {
                let text = "This MongoDB server cannot end documents (no TTL indexes): mongodb.ttl_days has no effect"
                    .to_owned();
                items.push(item(
                    "mongodb",
                    HealthLevel::Info,
                    text,
                    "Delete old documents yourself by their field `updated`.",
                ));
            }
            items
        }

        fn dropped(&self) -> Counters {
            lock(&self.counters).dropped.clone()
        }

        fn counters(&self) -> Counters {
            let (sink, mut counters) = (lock(&self.counters), Counters::default());
            for (collection, n) in &sink.written.0 {
                counters.add(&format!("mongodb_written.{collection}"), *n);
            }
            for (reason, n) in &sink.failures.0 {
                counters.add(&format!("mongodb_failures.{reason}"), *n);
            }
            counters
        }

        fn waiting(&self) -> u64 {
            lock(&self.counters).waiting
        }
    }

    /// The thread.
    struct Writer {
        sink: Sink,
        shared: Arc<Shared>,
        stop: Arc<AtomicBool>,
        failures: u32,
    }

    pub(super) fn start(
        config: &Config,
        store: &Arc<Sqlite>,
        data_dir: &Path,
        stop: &Arc<AtomicBool>,
    ) -> Result<Started> {
        let vendors = Vendors::default();
        let vendor = Box::new(move |mac| vendors.name(mac));
        let sink = Sink::new(config.mongodb.clone(), Arc::clone(store), data_dir, vendor).map_err(Failure::new)?;
        let shared = Arc::new(Shared::default());
        let writer = Writer { sink, shared: Arc::clone(&shared), stop: Arc::clone(stop), failures: 0 };
        let thread = crate::live::spawn("mongodb", move || writer.run())?;
        Ok((shared, thread))
    }

    impl Writer {
        fn run(mut self) {
            while !self.stop.load(Ordering::Relaxed) {
                match self.pass() {
                    Ok(true) => {}
                    Ok(false) => self.wait(LOOK),
                    Err(()) => {
                        self.wait(backoff::wait(
                            AGAIN_FIRST_S,
                            AGAIN_MAX_S,
                            self.failures,
                            backoff::seed_of("mongodb"),
                        ));
                    }
                }
            }
            let until = Instant::now() + LAST_PASSES;
            // What is not written now is listed still at the next start.
            while self.failures == 0 && Instant::now() < until && self.pass() == Ok(true) {}
        }

        /// True: there is more. A failure has been told.
        fn pass(&mut self) -> std::result::Result<bool, ()> {
            let outcome = self.sink.pass();
            *lock(&self.shared.counters) = self.sink.counters().clone();
            let mut trouble = lock(&self.shared.trouble);
            match outcome {
                Ok(more) => {
                    if trouble.take().is_some() {
                        tracing::info!("MongoDB takes results again");
                    }
                    self.failures = 0;
                    Ok(more)
                }
                Err(why) => {
                    if trouble.as_ref().is_none_or(|before| before.reason != why.reason) {
                        tracing::warn!("{}; {}", why.text, why.advice);
                    }
                    *trouble = Some(why);
                    self.failures = self.failures.saturating_add(1);
                    Err(())
                }
            }
        }

        fn wait(&mut self, time: Duration) {
            let until = Instant::now() + time;
            while !self.stop.load(Ordering::Relaxed) && Instant::now() < until {
                self.sink.wait(PIECE.min(until.saturating_duration_since(Instant::now())));
                lock(&self.shared.counters).waiting = self.sink.counters().waiting;
            }
        }
    }

    #[cfg(test)]
    mod tests {
        #![allow(clippy::unwrap_used)]
        use super::*;

        #[test]
        fn trouble_refusals_and_losses_are_lines_with_what_to_do() {
            let shared = Shared::default();
            assert!(shared.health().is_empty(), "nothing to say of what works");
            let trouble = Trouble {
                reason: "login",
                text: "MongoDB at db refuses the user".to_owned(),
                advice: "Correct it.".to_owned(),
            };
            *lock(&shared.trouble) = Some(trouble);
            let mut dropped = Counters::default();
            dropped.add("mongodb_refused", 2);
            dropped.add("mongodb_forgotten", 3);
            let last_refusal = Some("incidents/x: Document failed validation (code 121)".to_owned());
            *lock(&shared.counters) =
                SinkCounters { waiting: 7, dropped, last_refusal, no_ends: true, ..SinkCounters::default() };
            let items = shared.health();
            let texts: Vec<&str> = items.iter().map(|i| i.text.as_str()).collect();
            assert_eq!(texts[0], "MongoDB at db refuses the user; 7 changes wait");
            assert!(texts[1].starts_with("MongoDB refused 2 documents") && texts[1].contains("code 121"));
            assert!(texts[2].contains("3 changes of what the store keeps no more"));
            assert!(texts[3].contains("ttl_days"));
            assert_eq!(items[0].level, HealthLevel::Error);
            assert!(items.iter().all(|item| !item.action.is_empty()));
            assert_eq!(crate::live::status::words(&shared.dropped()), "3 mongodb forgotten, 2 mongodb refused");
        }
    }
}
