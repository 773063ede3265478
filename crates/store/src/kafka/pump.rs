//! The client's side of a producer: connects, hands it messages in their order, takes acknowledgements, says when no broker answers. Owns
//! what its threads share.

use super::connect::{connect, probe, words};
use super::producer::ProducerState;
use super::queue::{Queue, Sent};
use super::settings::{Compression, MESSAGE_BYTES_MAX, Outgoing, ProducerConfig};
use bytes::Bytes;
use krafka::error::ErrorCode;
use krafka::producer::{Producer as Client, RecordMetadata};
use krafka::{CloseOptions, KrafkaError, Record};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::Notify;

/// Without an acknowledgement for so long, brokers count as away and what waits goes to disk.
const SILENCE: Duration = Duration::from_secs(3);
/// How often that is looked at.
const TICK: Duration = Duration::from_millis(500);
/// How long is waited after a failure.
const PAUSE: Duration = Duration::from_secs(1);
/// The client itself never gives a message up within this: it keeps their order, and so they are written once.
const DELIVERY_TIMEOUT: Duration = Duration::from_hours(7 * 24);
/// How long the client may look for a topic.
const TOPIC_TIMEOUT: Duration = Duration::from_secs(5);
/// Bytes in one batch of a partition.
const BATCH_BYTES: usize = 1 << 20;
/// How old the number of a topic's partitions may be.
const PARTITIONS_AGE: Duration = Duration::from_secs(30);
/// Topics whose partitions are known.
const TOPICS_MAX: usize = 256;

struct Progress {
    queue: Queue,
    connected: bool,
    last_error: Option<String>,
    /// When a broker acknowledged something, or the first message was sent after all were.
    at: Instant,
    partitions: BTreeMap<String, Option<u32>>,
    /// The client can send nothing more.
    broken: bool,
}

/// What the caller's thread and the client's share.
pub(super) struct Shared {
    config: ProducerConfig,
    progress: Mutex<Progress>,
    empty: Condvar,
    work: Notify,
    stopping: AtomicBool,
    stop: Notify,
}

impl Shared {
    pub(super) fn new(config: ProducerConfig, queue: Queue) -> Self {
        let progress = Progress {
            queue,
            connected: false,
            last_error: None,
            at: Instant::now(),
            partitions: BTreeMap::new(),
            broken: false,
        };
        Self {
            config,
            progress: Mutex::new(progress),
            empty: Condvar::new(),
            work: Notify::new(),
            stopping: AtomicBool::new(false),
            stop: Notify::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Progress> {
        // The queue is whole between its calls: a panic elsewhere does not spoil it.
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn push(&self, message: Outgoing) -> Sent {
        let mut progress = self.lock();
        if progress.partitions.len() < TOPICS_MAX && !progress.partitions.contains_key(&message.topic) {
            progress.partitions.insert(message.topic.clone(), None);
        }
        let sent = progress.queue.push(message);
        drop(progress);
        self.work.notify_one();
        sent
    }

    pub(super) fn partitions(&self, topic: &str) -> Option<u32> {
        let mut progress = self.lock();
        if progress.partitions.len() < TOPICS_MAX {
            return *progress.partitions.entry(topic.to_owned()).or_default();
        }
        progress.partitions.get(topic).copied().flatten()
    }

    pub(super) fn state(&self) -> ProducerState {
        let progress = self.lock();
        let queue = &progress.queue;
        let (waiting_messages, waiting_bytes) = queue.waiting();
        let (spooled_messages, spooled_bytes) = queue.on_disk();
        let last_error = progress.last_error.clone().or_else(|| queue.disk_error.clone());
        let mut state = ProducerState {
            connected: progress.connected && !queue.away,
            waiting_messages,
            waiting_bytes,
            spooled_messages,
            spooled_bytes,
            acknowledged: queue.acknowledged,
            dropped: queue.dropped.clone(),
            last_error,
            words: String::new(),
        };
        state.words = self.words(&state);
        state
    }

    fn words(&self, state: &ProducerState) -> String {
        let begin = match (&state.last_error, state.connected) {
            (Some(error), _) => error.clone(),
            (None, true) => format!("brokers at {} take what is sent", self.config.connection.brokers.join(", ")),
            (None, false) => format!("connecting to {}", self.config.connection.brokers.join(", ")),
        };
        let mut parts = vec![begin];
        if state.spooled_messages > 0 {
            let (bytes, bound) = (size(state.spooled_bytes), size(self.config.spool_max_bytes));
            parts.push(format!("{bytes} wait on disk of {bound}"));
        } else if state.waiting_bytes > 0 && !state.connected {
            let (bytes, bound) = (size(state.waiting_bytes), size(self.config.waiting_max_bytes));
            parts.push(format!("{bytes} wait in memory of {bound}"));
        }
        if state.dropped.total() > 0 {
            parts.push(format!("{} messages were lost", state.dropped.total()));
        }
        parts.join("; ")
    }

    pub(super) fn wait_until_empty(&self, until: Instant) -> bool {
        let mut progress = self.lock();
        while !progress.queue.is_empty() {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            progress = self.empty.wait_timeout(progress, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }

    pub(super) fn stop(&self) {
        self.stopping.store(true, Ordering::SeqCst);
        self.stop.notify_one();
        self.work.notify_one();
    }

    /// After the client's thread has ended.
    pub(super) fn close(&self) {
        let mut progress = self.lock();
        if let Err(error) = progress.queue.close() {
            progress.queue.disk_error = Some(error.to_string());
        }
    }

    fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::SeqCst)
    }

    fn failed(&self, why: String) {
        let mut progress = self.lock();
        progress.connected = false;
        progress.queue.away = true;
        progress.queue.spill();
        progress.last_error = Some(why);
    }

    fn connected(&self) {
        let mut progress = self.lock();
        progress.connected = true;
        progress.broken = false;
        progress.queue.away = false;
        progress.last_error = None;
        progress.at = Instant::now();
    }

    fn take(&self) -> Option<(u64, Arc<Outgoing>)> {
        let mut progress = self.lock();
        if !progress.queue.has_sent() {
            progress.at = Instant::now();
        }
        progress.queue.take()
    }

    /// What became of a message that the client had.
    fn settle(&self, number: u64, outcome: Result<RecordMetadata, KrafkaError>) {
        let mut progress = self.lock();
        match outcome {
            Ok(_) => {
                progress.queue.delivered(number);
                progress.queue.away = false;
                progress.last_error = None;
                progress.at = Instant::now();
            }
            Err(error) => {
                progress.last_error = Some(words(&self.config.connection, &error));
                if let Some(reason) = refusal(&error) {
                    progress.queue.refused(number, reason);
                } else {
                    progress.queue.put_back(number);
                    progress.broken |= error.is_fatal();
                }
            }
        }
        if progress.queue.is_empty() {
            self.empty.notify_all();
        }
    }
}

fn size(bytes: u64) -> String {
    match bytes {
        0..1_024 => format!("{bytes} bytes"),
        1_024..1_048_576 => format!("{} KiB", bytes >> 10),
        _ => format!("{} MiB", bytes >> 20),
    }
}

/// Why no broker will ever take a message; None where a later attempt may go well.
fn refusal(error: &KrafkaError) -> Option<&'static str> {
    match error {
        KrafkaError::Broker { code: ErrorCode::MessageTooLarge | ErrorCode::RecordListTooLarge, .. } => {
            Some("too_long_for_broker")
        }
        KrafkaError::Broker { code: ErrorCode::InvalidRecord | ErrorCode::InvalidTopic, .. } => {
            Some("refused_by_broker")
        }
        KrafkaError::Config { .. } => Some("no_such_partition"),
        KrafkaError::Serialization { .. } | KrafkaError::Compression { .. } => Some("not_writable"),
        _ => None,
    }
}

/// Runs until the producer is ended.
pub(super) async fn run(shared: Arc<Shared>) {
    while !shared.is_stopping() {
        let client = tokio::select! {
            client = open(&shared.config) => client,
            () = shared.stop.notified() => return,
        };
        match client {
            Ok(client) => {
                shared.connected();
                let client = Arc::new(client);
                tokio::select! {
                    () = feed(&shared, &client) => {}
                    () = watch(&shared, &client) => {}
                }
                // What it did not deliver comes back, to be sent by the next client or to wait on disk.
                client.close_with(CloseOptions::new().timeout(PAUSE)).await.ok();
                settle_rest(&shared).await;
            }
            Err(why) => shared.failed(why),
        }
        tokio::select! {
            () = tokio::time::sleep(PAUSE) => {}
            () = shared.stop.notified() => {}
        }
    }
}

async fn open(config: &ProducerConfig) -> Result<Client, String> {
    let connection = &config.connection;
    probe(connection).await?;
    let kafka = connect(connection).await?;
    let compression = match config.compression {
        Compression::None => krafka::Compression::None,
        Compression::Lz4 => krafka::Compression::Lz4,
        Compression::Zstd => krafka::Compression::Zstd,
        Compression::Gzip => krafka::Compression::Gzip,
    };
    let building = kafka
        .producer()
        .compression(compression)
        .linger(Duration::from_millis(config.linger_ms))
        .batch_size(BATCH_BYTES)
        .max_request_size(2 * MESSAGE_BYTES_MAX)
        .buffer_memory(2 * config.waiting_max_bytes as usize + MESSAGE_BYTES_MAX)
        .delivery_timeout(DELIVERY_TIMEOUT)
        .max_block(TOPIC_TIMEOUT)
        .metrics_push(false)
        .build();
    // The client would ask for its identity as long as it would deliver.
    let limit = Duration::from_millis(connection.request_timeout_ms);
    match tokio::time::timeout(limit, building).await {
        Ok(built) => built.map_err(|e| words(connection, &e)),
        Err(_) => Err(format!(
            "the brokers at {} give no producer its identity; are they starting?",
            connection.brokers.join(", ")
        )),
    }
}

/// Gives the client what is ready, in its order.
async fn feed(shared: &Arc<Shared>, client: &Arc<Client>) {
    let mut given = 0_u32;
    while !shared.is_stopping() && !shared.lock().broken {
        let Some((number, message)) = shared.take() else {
            tokio::select! {
                () = shared.work.notified() => {}
                () = tokio::time::sleep(TICK) => {}
            }
            continue;
        };
        match client.enqueue(record(&message)).await {
            Ok(handle) => {
                let shared = Arc::clone(shared);
                tokio::spawn(async move { shared.settle(number, handle.await) });
            }
            Err(error) => {
                let again = refusal(&error).is_none();
                shared.settle(number, Err(error));
                if again {
                    tokio::time::sleep(TICK).await;
                }
            }
        }
        given = given.wrapping_add(1);
        if given.is_multiple_of(64) {
            tokio::task::yield_now().await;
        }
    }
}

fn record(message: &Arc<Outgoing>) -> Record {
    let mut record = Record::new(message.topic.as_str(), Bytes::from_owner(Payload(Arc::clone(message))));
    if !message.key.is_empty() {
        record = record.key(message.key.clone());
    }
    if let Some(partition) = message.partition {
        record = record.partition(partition);
    }
    for (name, value) in &message.headers {
        record = record.header(name.as_str(), value.clone());
    }
    record
}

/// The payload of a message that stays where it is.
struct Payload(Arc<Outgoing>);

impl AsRef<[u8]> for Payload {
    fn as_ref(&self) -> &[u8] {
        &self.0.payload
    }
}

/// Notices that brokers have gone, and how many partitions topics have.
async fn watch(shared: &Shared, client: &Client) {
    let mut partitions_at: Option<Instant> = None;
    loop {
        tokio::time::sleep(TICK).await;
        let is_silent = {
            let progress = shared.lock();
            progress.queue.has_sent() && progress.at.elapsed() > SILENCE
        };
        if is_silent {
            let connection = &shared.config.connection;
            let why = probe(connection).await.err().unwrap_or_else(|| {
                format!("the brokers at {} answer and acknowledge nothing", connection.brokers.join(", "))
            });
            let mut progress = shared.lock();
            if progress.at.elapsed() > SILENCE {
                progress.queue.away = true;
                progress.queue.spill();
                progress.last_error = Some(why);
            }
            continue;
        }
        let is_old = partitions_at.is_none_or(|at| at.elapsed() > PARTITIONS_AGE);
        let unknown = |count: &Option<u32>| count.is_none() || is_old;
        let topics: Vec<String> = shared
            .lock()
            .partitions
            .iter()
            .filter(|(_, count)| unknown(count))
            .map(|(topic, _)| topic.clone())
            .collect();
        if is_old {
            partitions_at = Some(Instant::now());
        }
        for topic in topics {
            if let Ok(found) = client.partitions_for(&topic).await {
                shared.lock().partitions.insert(topic, Some(found.len() as u32));
            }
        }
    }
}

/// Waits until every message that the closed client had is settled.
async fn settle_rest(shared: &Shared) {
    for _ in 0..100 {
        if !shared.lock().queue.has_sent() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
