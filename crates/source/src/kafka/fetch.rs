//! The client's side of a consumer: connects, stays a member of the group, fetches while there is room, commits. Owns what its threads share.

use super::connect::{connect, probe, words};
use super::consumer::ConsumerState;
use super::held::{Held, Incoming, Partition, PartitionLag, Polled};
use super::settings::{ConsumerConfig, From};
use krafka::CloseOptions;
use krafka::consumer::{
    AutoOffsetReset, Consumer as Client, ConsumerRebalanceListener, ConsumerRecord, OffsetAndMetadata,
    PartitionAssignmentStrategy, TopicPartition,
};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::{Duration, Instant};
use tokio::sync::Notify;

/// How long one poll of the client waits.
const POLL: Duration = Duration::from_millis(250);
/// How long is waited after a failure.
const PAUSE: Duration = Duration::from_secs(1);
/// Without a message for so long it is looked whether a broker is there at all.
const SILENCE: Duration = Duration::from_secs(3);
/// How often ends of partitions and what the group has committed are looked up.
const LOOK: Duration = Duration::from_secs(3);
/// How long leaving the group, and the last commit, may take.
const LEAVE: Duration = Duration::from_secs(5);
/// The client's thread polls on whatever the caller does, so a member is never away by being slow.
const POLL_INTERVAL_MAX: Duration = Duration::from_mins(10);

struct Progress {
    held: Held,
    connected: bool,
    last_error: Option<String>,
    /// When a message came last.
    fetched_at: Instant,
}

/// What the caller's thread and the client's share.
pub(super) struct Shared {
    config: ConsumerConfig,
    start: Vec<(Arc<str>, i32, i64)>,
    progress: Mutex<Progress>,
    news: Condvar,
    commits: Notify,
    stopping: AtomicBool,
    stop: Notify,
}

impl Shared {
    pub(super) fn new(config: ConsumerConfig, start: Vec<(Arc<str>, i32, i64)>) -> Self {
        let held = Held::new(2 * config.batch_max_bytes, config.group.is_some());
        Self {
            config,
            start,
            progress: Mutex::new(Progress { held, connected: false, last_error: None, fetched_at: Instant::now() }),
            news: Condvar::new(),
            commits: Notify::new(),
            stopping: AtomicBool::new(false),
            stop: Notify::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Progress> {
        // What is held is whole between its calls: a panic elsewhere does not spoil it.
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn has_group(&self) -> bool {
        self.config.group.is_some()
    }

    pub(super) fn poll(&self, wait: Duration) -> Polled {
        let until = Instant::now() + wait;
        let mut progress = self.lock();
        while !progress.held.has_news() {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            progress = self.news.wait_timeout(progress, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        progress.held.take(self.config.batch_max_bytes)
    }

    pub(super) fn commit(&self, next: &[(Arc<str>, i32, i64)]) {
        self.lock().held.commit(next);
        self.commits.notify_one();
    }

    pub(super) fn lag(&self) -> Vec<PartitionLag> {
        self.lock().held.lag()
    }

    pub(super) fn state(&self) -> ConsumerState {
        let progress = self.lock();
        let lag = progress.held.lag();
        let mut state = ConsumerState {
            connected: progress.connected,
            assigned: lag.len(),
            received: progress.held.received,
            lag: lag.iter().filter_map(|row| row.lag).sum(),
            last_error: progress.last_error.clone(),
            words: String::new(),
        };
        state.words = self.words(&state);
        state
    }

    fn words(&self, state: &ConsumerState) -> String {
        let topics = self.config.topics.join(", ");
        if let Some(error) = &state.last_error {
            return format!("{error}; {topics} will be read when it is well again");
        }
        let brokers = self.config.connection.brokers.join(", ");
        match (state.connected, state.assigned, &self.config.group) {
            (false, ..) => format!("connecting to {brokers}"),
            (true, 0, Some(group)) => format!("member of group {group}, which has no partition of {topics} for it yet"),
            (true, 0, None) => format!("{topics}: no partition yet"),
            (true, count, _) => format!("reads {count} partitions of {topics}, {} messages behind", state.lag),
        }
    }

    pub(super) fn stop(&self) {
        self.stopping.store(true, Ordering::SeqCst);
        self.stop.notify_one();
        self.commits.notify_one();
    }

    /// Where a client begins: where the caller said, and without a group where an earlier client of ours had come to.
    fn next_offsets(&self) -> BTreeMap<Partition, i64> {
        let told = self.start.iter().map(|(topic, partition, next)| ((Arc::clone(topic), *partition), *next));
        let mut next: BTreeMap<Partition, i64> = told.collect();
        if !self.has_group() {
            next.extend(self.lock().held.taken.clone());
        }
        next
    }

    fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::SeqCst)
    }

    fn failed(&self, why: String) {
        let mut progress = self.lock();
        progress.connected = false;
        progress.last_error = Some(why);
    }

    /// Brokers are there; what else may be wrong stays said.
    fn answers(&self) {
        let mut progress = self.lock();
        if !progress.connected {
            (progress.connected, progress.last_error) = (true, None);
        }
    }

    fn well(&self) {
        let mut progress = self.lock();
        progress.connected = true;
        progress.last_error = None;
    }
}

fn partitions(of: &[TopicPartition]) -> Vec<Partition> {
    of.iter().map(|each| (Arc::from(each.topic.as_str()), each.partition)).collect()
}

/// Hears which partitions are ours.
struct Listener {
    shared: Arc<Shared>,
    client: Arc<OnceLock<Weak<Client>>>,
}

impl ConsumerRebalanceListener for Listener {
    async fn on_partitions_assigned(&self, assigned: &[TopicPartition]) {
        self.shared.lock().held.assign(partitions(assigned));
        self.shared.news.notify_all();
    }

    async fn on_partitions_revoked(&self, revoked: &[TopicPartition]) {
        // What the caller is done with need not be done again by the next owner.
        if let Some(client) = self.client.get().and_then(Weak::upgrade) {
            commit(&self.shared, &client).await;
        }
        self.on_partitions_lost(revoked).await;
    }

    async fn on_partitions_lost(&self, lost: &[TopicPartition]) {
        self.shared.lock().held.revoke(&partitions(lost).into_iter().collect());
        self.shared.news.notify_all();
    }
}

/// Runs until the consumer is ended.
pub(super) async fn run(shared: Arc<Shared>) {
    while !shared.is_stopping() {
        let client = tokio::select! {
            client = open(&shared) => client,
            () = shared.stop.notified() => return,
        };
        match client {
            Ok(client) => {
                shared.well();
                tokio::select! {
                    () = fetch(&shared, &client) => {}
                    () = commits(&shared, &client) => {}
                    () = watch(&shared, &client) => {}
                }
                leave(&shared, &client).await;
            }
            Err(why) => shared.failed(why),
        }
        tokio::select! {
            () = tokio::time::sleep(PAUSE) => {}
            () = shared.stop.notified() => {}
        }
    }
}

async fn leave(shared: &Shared, client: &Client) {
    if shared.is_stopping() {
        tokio::time::timeout(LEAVE, commit(shared, client)).await.ok();
    }
    client.close_with(CloseOptions::new().timeout(LEAVE)).await.ok();
    let mut progress = shared.lock();
    let all = progress.held.assigned().into_iter().collect();
    progress.held.revoke(&all);
}

async fn open(shared: &Arc<Shared>) -> Result<Arc<Client>, String> {
    let config = &shared.config;
    let connection = &config.connection;
    probe(connection).await?;
    let kafka = connect(connection).await?;
    let builder = match &config.group {
        Some(group) => kafka.consumer(group.as_str()),
        None => kafka.consumer_without_group(),
    };
    let own = Arc::new(OnceLock::new());
    let session = Duration::from_millis(config.session_timeout_ms);
    let start = shared.next_offsets();
    let start = start.iter().map(|((topic, partition), next)| (TopicPartition::new(topic.as_ref(), *partition), *next));
    let client = builder
        .enable_auto_commit(false)
        .auto_offset_reset(match config.from {
            From::Earliest => AutoOffsetReset::Earliest,
            From::Latest => AutoOffsetReset::Latest,
        })
        .initial_offsets(start)
        .session_timeout(session)
        .heartbeat_interval(session / 3)
        .max_poll_interval(POLL_INTERVAL_MAX)
        .partition_assignment_strategy(PartitionAssignmentStrategy::CooperativeSticky)
        .fetch_max_bytes(config.batch_max_bytes as i32)
        .max_partition_fetch_bytes(config.batch_max_bytes as i32)
        .max_poll_records(10_000)
        .max_buffered_records(10_000)
        .metrics_push(false)
        .rebalance_listener(Listener { shared: Arc::clone(shared), client: Arc::clone(&own) })
        .build()
        .await
        .map_err(|e| words(connection, &e))?;
    let client = Arc::new(client);
    own.set(Arc::downgrade(&client)).ok();
    client.subscribe(&config.topics).await.map_err(|e| words(connection, &e))?;
    if config.group.is_none() {
        assign_all(shared, &client).await;
    }
    Ok(client)
}

/// Without a group nobody tells which partitions there are.
async fn assign_all(shared: &Shared, client: &Client) {
    let now = client.assignment().await;
    let now = now.iter().flat_map(|(topic, all)| all.iter().map(|one| (Arc::<str>::from(topic.as_str()), *one)));
    let mut progress = shared.lock();
    let known: BTreeSet<Partition> = progress.held.assigned().into_iter().collect();
    let new: Vec<Partition> = now.filter(|partition| !known.contains(partition)).collect();
    if !new.is_empty() {
        progress.held.assign(new);
        shared.news.notify_all();
    }
}

/// Polls, with all partitions paused while the caller has enough: polling is what keeps the membership.
async fn fetch(shared: &Arc<Shared>, client: &Client) {
    let mut paused = false;
    while !shared.is_stopping() {
        let has_room = shared.lock().held.has_room();
        // Partitions that were assigned meanwhile are to be paused too.
        if paused || !has_room {
            for (topic, all) in client.assignment().await {
                if has_room {
                    client.resume(&topic, &all).await;
                } else {
                    client.pause(&topic, &all).await;
                }
            }
        }
        paused = !has_room;
        match client.poll(if paused { POLL / 10 } else { POLL }).await {
            Ok(records) if records.is_empty() => {}
            Ok(records) => {
                if !shared.has_group() {
                    assign_all(shared, client).await;
                }
                take(shared, records);
            }
            Err(error) => {
                shared.failed(words(&shared.config.connection, &error));
                if error.is_fatal() {
                    return;
                }
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

fn take(shared: &Shared, records: Vec<ConsumerRecord>) {
    let messages: Vec<Incoming> = records
        .into_iter()
        .map(|record| Incoming {
            topic: record.topic,
            partition: record.partition,
            offset: record.offset,
            ts_ms: record.timestamp,
            key: record.key.map(|bytes| bytes.to_vec()).unwrap_or_default(),
            payload: record.value.map(|bytes| bytes.to_vec()).unwrap_or_default(),
            headers: record
                .headers
                .into_iter()
                .map(|(name, value)| (name, value.map(|bytes| bytes.to_vec()).unwrap_or_default()))
                .collect(),
        })
        .collect();
    let mut progress = shared.lock();
    for message in messages {
        progress.held.fetch(message);
    }
    (progress.connected, progress.last_error, progress.fetched_at) = (true, None, Instant::now());
    drop(progress);
    shared.news.notify_all();
}

/// Tells the group what the caller is done with, as often as it takes.
async fn commits(shared: &Shared, client: &Client) {
    loop {
        tokio::select! {
            () = shared.commits.notified() => {}
            () = tokio::time::sleep(PAUSE) => {}
        }
        if shared.is_stopping() {
            return;
        }
        if !commit(shared, client).await {
            tokio::time::sleep(PAUSE).await;
        }
    }
}

/// True where nothing is left to be told.
async fn commit(shared: &Shared, client: &Client) -> bool {
    let next: Vec<(Partition, i64)> = shared.lock().held.to_commit.clone().into_iter().collect();
    if next.is_empty() {
        return true;
    }
    let offsets: HashMap<TopicPartition, OffsetAndMetadata> = next
        .iter()
        .map(|((topic, partition), offset)| {
            (TopicPartition::new(topic.as_ref(), *partition), OffsetAndMetadata::new(*offset))
        })
        .collect();
    match client.commit_offsets(&offsets).await {
        Ok(()) => {
            shared.lock().held.committed(&next);
            true
        }
        Err(error) => {
            shared.lock().last_error = Some(words(&shared.config.connection, &error));
            false
        }
    }
}

/// Notices that brokers have gone, how far partitions reach, and what the group had committed before us.
async fn watch(shared: &Shared, client: &Client) {
    loop {
        tokio::time::sleep(LOOK).await;
        let (is_silent, is_paused) = {
            let progress = shared.lock();
            (progress.fetched_at.elapsed() > SILENCE, !progress.held.has_room())
        };
        if is_silent {
            match probe(&shared.config.connection).await {
                Ok(()) => shared.answers(),
                Err(why) => {
                    shared.failed(why);
                    continue;
                }
            }
        }
        for (partition, lag) in client.lag().await {
            // Fetches tell where a partition ends; there are none while the caller has enough.
            let looked_up = if is_paused {
                client.fetch_watermarks(&partition.topic, partition.partition).await.ok().map(|(_, end)| end)
            } else {
                None
            };
            if let Some(end) = looked_up.or(lag.high_watermark) {
                shared.lock().held.end(&(Arc::from(partition.topic.as_str()), partition.partition), end);
            }
        }
        look_up_committed(shared, client).await;
    }
}

async fn look_up_committed(shared: &Shared, client: &Client) {
    let unknown = shared.lock().held.not_committed();
    if !shared.has_group() || unknown.is_empty() {
        return;
    }
    let asked: Vec<(&str, i32)> = unknown.iter().map(|(topic, partition)| (&**topic, *partition)).collect();
    if let Ok(found) = client.committed(&asked).await {
        let found: Vec<(Partition, i64)> = found
            .into_iter()
            .map(|((topic, partition), place)| ((Arc::from(topic.as_str()), partition), place.offset))
            .collect();
        shared.lock().held.found_committed(&found);
    }
}
