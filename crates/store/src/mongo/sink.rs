//! One pass after the other: what is listed as changed is read, written, and taken off the list when the server has it. Owns the order
//! and the counters; a failure leaves the list as it is, so that nothing is lost and nothing is doubled.

use super::client::Server;
use super::documents::{self, Upsert};
use super::reports::Reports;
use super::{MongoConfig, Trouble, indexes};
use crate::journal::{Collection, JournalWrite};
use crate::{Listed, Reader, Sqlite, StoreBatch, Thing};
use mongodb::bson::Bson;
use record::{Counters, MacAddr};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;

/// Folder of the reports in the data directory.
const REPORTS: &str = "reports";
/// How often what waits is counted.
const COUNT_EVERY: Duration = Duration::from_secs(1);
/// After a failure the next command has so many times fewer documents: a server that is too slow for the time limit still gets on.
const FEWER: usize = 4;

/// What the sink has done since it was started.
#[derive(Clone, Debug, Default)]
pub struct SinkCounters {
    /// Documents that the server has confirmed, by collection.
    pub written: Counters,
    /// Changes that wait.
    pub waiting: u64,
    /// Not written for good, by reason: `mongodb_refused`, `mongodb_waiting_full`, `mongodb_forgotten` (kept no more when its turn came).
    pub dropped: Counters,
    /// Failed attempts by reason.
    pub failures: Counters,
    /// The last refusal: document and why.
    pub last_refusal: Option<String>,
    /// True when documents should end and the server has no way for it.
    pub no_ends: bool,
}

/// Tells the maker of a network card.
pub type Vendor = Box<dyn Fn(MacAddr) -> String + Send>;

/// The sink; blocks its caller.
pub struct Sink {
    config: MongoConfig,
    store: Arc<Sqlite>,
    reader: Arc<Reader>,
    runtime: Runtime,
    server: Option<Server>,
    /// Newest revision of each collection that is done: what follows is read next.
    cursors: BTreeMap<Collection, i64>,
    /// The round of hosts that is being written ends at this revision.
    hosts_until: Option<i64>,
    hosts_begun: Option<Instant>,
    counted: Option<Instant>,
    /// Documents of the next command; grows with every one that arrives.
    batch: usize,
    reports: Reports,
    vendor: Vendor,
    counters: SinkCounters,
}

impl Sink {
    /// A sink of a store; what is to be written is listed from now on. Nothing is asked of the server yet.
    ///
    /// # Errors
    /// The store or the runtime, in words.
    pub fn new(config: MongoConfig, store: Arc<Sqlite>, data_dir: &Path, vendor: Vendor) -> Result<Self, String> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|e| e.to_string())?;
        let sink = Self {
            reader: store.reader(),
            store,
            runtime,
            server: None,
            cursors: BTreeMap::new(),
            hosts_until: None,
            hosts_begun: None,
            counted: None,
            batch: config.batch_max,
            reports: Reports::new(data_dir.join(REPORTS)),
            vendor,
            counters: SinkCounters::default(),
            config,
        };
        sink.journal(JournalWrite::Keep(sink.config.collections.clone())).map_err(|trouble| trouble.text)?;
        Ok(sink)
    }

    /// What it has done.
    #[must_use]
    pub const fn counters(&self) -> &SinkCounters {
        &self.counters
    }

    /// Waits, while the connections are kept alive and what waits is counted.
    pub fn wait(&mut self, time: Duration) {
        // What the store says of a failure comes with the next pass.
        drop(self.count());
        self.runtime.block_on(async { tokio::time::sleep(time).await });
    }

    /// Writes some of what waits. True: there is more.
    ///
    /// # Errors
    /// Why the server takes nothing now; what waits stays.
    pub fn pass(&mut self) -> Result<bool, Trouble> {
        let outcome = self.try_pass();
        if let Err(trouble) = &outcome {
            self.counters.failures.add(trouble.reason, 1);
            // The next pass reads settings, secrets and names anew.
            self.server = None;
            self.batch = (self.batch / FEWER).max(1);
        }
        outcome
    }

    fn try_pass(&mut self) -> Result<bool, Trouble> {
        self.count()?;
        if self.server.is_none() {
            self.connect()?;
        }
        let mut more = false;
        for collection in self.config.collections.clone() {
            more |= match collection {
                Collection::Reports => self.pass_reports()?,
                Collection::Hosts => self.pass_hosts()?,
                _ => self.pass_listed(collection, i64::MAX)?,
            };
        }
        Ok(more)
    }

    /// Indexes, and all that there is where the server has nothing: it is new, or has lost what it had.
    fn connect(&mut self) -> Result<(), Trouble> {
        let server = self.runtime.block_on(Server::open(&self.config))?;
        let (mut missing, mut no_ends) = (Vec::new(), false);
        for collection in &self.config.collections {
            let ends = self.runtime.block_on(indexes::ensure(&server, *collection, self.config.ttl_days))?;
            no_ends |= !ends;
            if self.runtime.block_on(server.is_empty(collection.name()))? {
                missing.push(*collection);
            }
        }
        self.counters.no_ends = no_ends;
        if missing.contains(&Collection::Reports) {
            self.reports.again();
        }
        if !missing.is_empty() {
            self.journal(JournalWrite::Whole(missing))?;
        }
        self.server = Some(server);
        Ok(())
    }

    /// Hosts change all the time: a round takes those that changed before it began, and rounds are apart.
    fn pass_hosts(&mut self) -> Result<bool, Trouble> {
        let every = Duration::from_secs(self.config.hosts_every_s);
        if self.hosts_until.is_none() && self.hosts_begun.is_none_or(|at| at.elapsed() >= every) {
            self.hosts_begun = Some(Instant::now());
            self.hosts_until = Some(self.reader.newest_listed(Collection::Hosts).map_err(|e| Trouble::store(&e))?);
        }
        let Some(until) = self.hosts_until else { return Ok(false) };
        let more = self.pass_listed(Collection::Hosts, until)?;
        if !more {
            self.hosts_until = None;
        }
        Ok(more)
    }

    fn pass_listed(&mut self, collection: Collection, until: i64) -> Result<bool, Trouble> {
        let after = self.cursors.get(&collection).copied().unwrap_or(0);
        let limit = self.batch;
        let mut listed = self.reader.listed(collection, after, limit).map_err(|e| Trouble::store(&e))?;
        listed.retain(|entry| entry.revision <= until);
        let Some(last) = listed.last().map(|entry| entry.revision) else { return Ok(false) };
        let forgotten = |entry: &&Listed| entry.thing.is_none();
        self.counters.dropped.add("mongodb_forgotten", listed.iter().filter(forgotten).count() as u64);
        for entry in &mut listed {
            self.name_vendor(entry);
        }
        let upserts: Vec<Upsert> = listed.iter().filter_map(documents::of).collect();
        self.put(collection, upserts)?;
        self.journal_later(JournalWrite::Done(listed.iter().map(|entry| entry.revision).collect()))?;
        self.cursors.insert(collection, last);
        Ok(listed.len() == limit)
    }

    /// The store knows no makers.
    fn name_vendor(&self, entry: &mut Listed) {
        if let Some(Thing::Host(row)) = &mut entry.thing
            && let Some(mac) = row.host.mac
        {
            row.vendor = (self.vendor)(mac);
        }
    }

    fn pass_reports(&mut self) -> Result<bool, Trouble> {
        let limit = self.batch.min(100);
        let upserts = self.reports.new_ones(limit);
        if upserts.is_empty() {
            return Ok(false);
        }
        let names: Vec<(Bson, i64)> = upserts.iter().map(|upsert| (upsert.id.clone(), upsert.revision)).collect();
        self.put(Collection::Reports, upserts)?;
        self.reports.done(&names);
        Ok(names.len() == limit)
    }

    fn put(&mut self, collection: Collection, upserts: Vec<Upsert>) -> Result<(), Trouble> {
        let Some(server) = &self.server else { return Ok(()) };
        let written = self.runtime.block_on(server.put(collection.name(), upserts))?;
        self.batch = (self.batch * 2).min(self.config.batch_max);
        self.counters.written.add(collection.name(), written.done.len() as u64);
        self.counters.dropped.add("mongodb_refused", written.refused.len() as u64);
        if let Some((_, why)) = written.refused.into_iter().next_back() {
            self.counters.last_refusal = Some(why);
        }
        Ok(())
    }

    /// Counts what waits, and gives up the alerts that have waited longest where it is too much: incidents name their flows themselves.
    fn count(&mut self) -> Result<(), Trouble> {
        if self.counted.is_some_and(|at| at.elapsed() < COUNT_EVERY) {
            return Ok(());
        }
        self.counted = Some(Instant::now());
        let count = |collection: &Collection| self.reader.waiting(*collection).map_err(|e| Trouble::store(&e));
        let mut waiting = 0;
        for collection in &self.config.collections {
            waiting += count(collection)?;
        }
        let over = waiting.saturating_sub(self.config.waiting_max);
        if over > 0 {
            let given_up = self.reader.oldest_listed(Collection::Alerts, over).map_err(|e| Trouble::store(&e))?;
            self.counters.dropped.add("mongodb_waiting_full", given_up.len() as u64);
            waiting -= given_up.len() as u64;
            self.journal(JournalWrite::Done(given_up))?;
        }
        self.counters.waiting = waiting;
        Ok(())
    }

    fn journal_later(&self, write: JournalWrite) -> Result<(), Trouble> {
        let batch = StoreBatch { journal: vec![write], ..StoreBatch::default() };
        self.store.write(batch).map_err(|e| Trouble::store(&e))
    }

    /// The same, and waits until it is written.
    fn journal(&self, write: JournalWrite) -> Result<(), Trouble> {
        self.journal_later(write)?;
        self.store.flush().map_err(|e| Trouble::store(&e))
    }
}

#[cfg(test)]
#[path = "sink_test.rs"]
mod tests;
