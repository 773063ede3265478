//! The server's loop: what sensors and detectors wrote becomes rounds of the judge thread, epoch by epoch. Owns the two consumers and when
//! their offsets are committed: after the store has what they brought. The order is `merge`'s.

use super::link::{Link, Node, NodeTeller};
use super::merge::{Judged, MergeCounters, Merger, Ready};
use super::models::ModelWriter;
use super::offsets::Offsets;
use super::settings::topics;
use super::{Elsewhere, Place, ToldEpoch, scoring};
use crate::failure::{Failure, Result};
use crate::live::status::item;
use crate::live::worker::{Parcel, wall_clock};
use crossbeam_channel::{Receiver, Sender};
use evaluate::{JudgedFlow, Told};
use record::wire::{Epoch, FlowBatch, JudgedBatch, Names, Versioned, WireError};
use record::{HealthItem, HealthLevel, HostRecord, Timestamp};
use source::kafka::{Consumer, ConsumerConfig, From, Incoming};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use store::Sqlite;
use store::kafka::Producer;

/// Longest wait for a message.
const POLL: Duration = Duration::from_millis(50);
/// Time between two commits and two looks.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// A process that was not heard for so long is missed.
const SILENT_MS: i64 = 15_000;
/// Processes that are known of.
const NODES_MAX: usize = 4_096;

/// Topics in the order of `Place`.
const SENSORS: usize = 0;
const ASSETS: usize = 1;
const VERDICTS: usize = 2;

/// See the module.
pub struct InletLoop {
    /// Broker.
    pub link: Link,
    /// Number of its source.
    pub number: usize,
    /// To the judge thread.
    pub parcels: Sender<Parcel>,
    /// From the judge thread: places of messages whose content the store was given.
    pub acks: Receiver<Vec<Place>>,
    /// For the same, handed on with each epoch.
    pub ack: Sender<Vec<Place>>,
    /// History.
    pub store: Arc<Sqlite>,
    /// Where models are.
    pub data_dir: PathBuf,
    /// What an earlier process told of each sensor.
    pub told: BTreeMap<String, (u64, u64)>,
    /// The producer that the judge thread writes incidents with.
    pub producer: Arc<Producer>,
}

struct State {
    merger: Merger,
    offsets: Offsets,
    names: Names,
    hosts: Vec<HostRecord>,
    host_places: Vec<Place>,
    nodes: BTreeMap<String, Node>,
    lost_by_sensors: BTreeMap<String, u64>,
    damaged: u64,
    newer: Option<WireError>,
    flows: u64,
    interfaces: BTreeSet<Arc<str>>,
    /// Rounds of sensors of which more is to come, with where their messages lie.
    begun: BTreeMap<String, (Told, Vec<Place>)>,
}

impl InletLoop {
    /// Runs until the process ends.
    pub fn run(self) {
        if let Err(error) = self.serve() {
            tracing::error!("server: {error}");
            let action = "Correct [kafka] or [roles] in the settings and start again.";
            self.link.say(vec![item("kafka", HealthLevel::Error, error.to_string(), action)]);
        }
    }

    fn serve(&self) -> Result<()> {
        let maker = self.link.clone();
        std::thread::spawn(move || maker.make_topics());
        let mut epochs = self.consumer("server-sensors", &[topics::SENSORS, topics::ASSETS])?;
        let mut verdicts = self.consumer("server-verdicts", &[topics::VERDICTS])?;
        let mut nodes = self.consumer("", &[topics::NODES])?;
        let mut models = ModelWriter::new(&self.link, &self.data_dir);
        let mut teller = NodeTeller::new(&self.link, "server");
        let mut state = State::after(&self.told);
        let mut looked = Instant::now();
        let most = self.link.settings.epochs_waiting_max;
        while !self.link.stop.load(Ordering::Relaxed) && state.newer.is_none() {
            let (waiting_epochs, waiting_parts) = state.merger.waiting();
            if waiting_epochs < most {
                let polled = poll(&mut epochs)?;
                state.take_all(polled, &self.link);
            }
            if waiting_parts < most || waiting_epochs >= most {
                let polled = poll(&mut verdicts)?;
                state.take_all(polled, &self.link);
            }
            while let Some(ready) = state.merger.ready() {
                if !self.hand_on(&mut state, ready) {
                    return Ok(());
                }
            }
            self.hand_on_hosts(&mut state);
            for place in state.merger.take_repeated() {
                state.offsets.done(place.0, place.1, place.2);
            }
            state.hear(nodes.poll(Duration::ZERO).map(|polled| polled.messages).unwrap_or_default());
            if looked.elapsed() >= LOOK_EVERY {
                looked = Instant::now();
                self.commit(&mut state, &mut epochs, &mut verdicts);
                models.look(&self.producer);
                let lag = epochs.state().lag + verdicts.state().lag;
                teller.tell(&self.producer, lag, state.flows, "");
                self.link.say(state.words(&epochs, &verdicts, lag));
            }
        }
        self.settle(&mut state, &mut epochs, &mut verdicts);
        Ok(())
    }

    fn consumer(&self, group: &str, what: &[&str]) -> Result<Consumer> {
        let config = ConsumerConfig {
            connection: self.link.connection.clone(),
            group: (!group.is_empty()).then(|| format!("{}-{group}", self.link.settings.topic_prefix)),
            topics: what.iter().map(|what| self.link.topic(what)).collect(),
            from: if group.is_empty() { From::Latest } else { From::Earliest },
            ..ConsumerConfig::default()
        };
        Consumer::open(config).map_err(|error| Failure::new(error.to_string()))
    }

    /// False when the judge has gone.
    fn hand_on(&self, state: &mut State, ready: Ready) -> bool {
        state.flows += ready.parts.iter().map(|part| part.batch.flows.len() as u64).sum::<u64>();
        let (sensor, number) = (ready.epoch.sensor.clone(), (ready.epoch.run, ready.epoch.epoch));
        if ready.epoch.flows_dropped > 0 {
            state.lost_by_sensors.insert(sensor.clone(), ready.epoch.flows_dropped);
        }
        let Some((told, mut places)) = state.round(ready) else { return true };
        let now = told.now;
        let mut parcel = super::parcel(self.number, now);
        parcel.meter.frames = state.merger.counters.epochs;
        let hosts = std::mem::take(&mut state.hosts);
        places.append(&mut state.host_places);
        let epoch = ToldEpoch { told, hosts, sensor, number, places, ack: self.ack.clone() };
        parcel.elsewhere = Some(Box::new(Elsewhere::Epoch(epoch)));
        self.parcels.send(parcel).is_ok()
    }

    /// Hosts wait for an epoch to go with; the next comes within a second.
    fn hand_on_hosts(&self, state: &mut State) {
        if state.hosts.len() < HOSTS_WAITING_MAX {
            return;
        }
        let sensor = String::new();
        let ready = Ready { epoch: Epoch { sensor, ..Epoch::default() }, parts: Vec::new(), places: Vec::new() };
        self.hand_on(state, ready);
    }

    /// What the store has is done with.
    fn commit(&self, state: &mut State, epochs: &mut Consumer, verdicts: &mut Consumer) {
        let done: Vec<Place> = self.acks.try_iter().flatten().collect();
        if !done.is_empty()
            && let Err(error) = self.store.flush()
        {
            // Not committed: it comes again after the next start, and the store takes it once.
            tracing::error!("store: {error}");
            return;
        }
        for (topic, partition, offset) in done {
            state.offsets.done(topic, partition, offset);
        }
        let (mut of_epochs, mut of_verdicts) = (Vec::new(), Vec::new());
        for (topic, partition, next) in state.offsets.due() {
            let name: Arc<str> = Arc::from(self.link.topic([topics::SENSORS, topics::ASSETS, topics::VERDICTS][topic]));
            if topic == VERDICTS { &mut of_verdicts } else { &mut of_epochs }.push((name, partition, next));
        }
        for (consumer, next) in [(epochs, of_epochs), (verdicts, of_verdicts)] {
            if !next.is_empty()
                && let Err(error) = consumer.commit(&next)
            {
                tracing::debug!("server: {error}");
            }
        }
    }

    /// At the end: the judge writes what it has, within bounds.
    fn settle(&self, state: &mut State, epochs: &mut Consumer, verdicts: &mut Consumer) {
        for _ in 0..5 {
            std::thread::sleep(POLL);
            self.commit(state, epochs, verdicts);
        }
    }
}

/// Hosts that are not held back for an epoch.
const HOSTS_WAITING_MAX: usize = 4_096;

fn poll(consumer: &mut Consumer) -> Result<Vec<Incoming>> {
    consumer.poll(POLL).map(|polled| polled.messages).map_err(|error| Failure::new(error.to_string()))
}

impl State {
    fn after(told: &BTreeMap<String, (u64, u64)>) -> Self {
        Self {
            merger: Merger::after(told),
            offsets: Offsets::default(),
            names: Names::default(),
            hosts: Vec::new(),
            host_places: Vec::new(),
            nodes: BTreeMap::new(),
            lost_by_sensors: BTreeMap::new(),
            damaged: 0,
            newer: None,
            flows: 0,
            interfaces: BTreeSet::new(),
            begun: BTreeMap::new(),
        }
    }

    fn take_all(&mut self, messages: Vec<Incoming>, link: &Link) {
        for message in messages {
            let is = |what: &str| link.topic(what) == *message.topic;
            let topic = if is(topics::SENSORS) {
                SENSORS
            } else if is(topics::ASSETS) {
                ASSETS
            } else {
                VERDICTS
            };
            let place = (topic, message.partition, message.offset);
            if !self.offsets.came(place.0, place.1, place.2) {
                continue;
            }
            if let Err(error) = self.take(place, &message) {
                match error {
                    WireError::Damaged => {
                        self.damaged += 1;
                        self.offsets.done(place.0, place.1, place.2);
                    }
                    newer @ WireError::Newer(_) => {
                        tracing::error!("server: {}: {newer}", message.topic);
                        self.newer = Some(newer);
                        return;
                    }
                }
            }
        }
    }

    fn take(&mut self, place: Place, message: &Incoming) -> std::result::Result<(), WireError> {
        match place.0 {
            SENSORS => self.merger.epoch(Epoch::read(&message.payload)?, place),
            ASSETS => {
                let host = serde_json::from_slice(&message.payload).map_err(|_| WireError::Damaged)?;
                self.hosts.push(host);
                self.host_places.push(place);
            }
            _ => {
                let judged = JudgedBatch::read(&message.payload)?;
                let batch = FlowBatch::read(&judged.batch)?;
                self.merger.judged(Judged { batch, judged }, place);
            }
        }
        Ok(())
    }

    /// The epoch put to those of its round before it; the round when this was its last.
    fn round(&mut self, mut ready: Ready) -> Option<(Told, Vec<Place>)> {
        let (sensor, more) = (ready.epoch.sensor.clone(), ready.epoch.more);
        let mut places = std::mem::take(&mut ready.places);
        let told = self.told(ready);
        let round = match self.begun.remove(&sensor) {
            None => (told, places),
            Some((mut begun, mut before)) => {
                before.append(&mut places);
                begun.now = begun.now.max(told.now);
                begun.alerts.extend(told.alerts);
                begun.flows.extend(told.flows);
                begun.seconds.extend(told.seconds);
                begun.last |= told.last;
                (begun, before)
            }
        };
        if more {
            self.begun.insert(sensor, round);
            return None;
        }
        Some(round)
    }

    /// An epoch as the judge takes it.
    fn told(&mut self, ready: Ready) -> Told {
        let Ready { epoch, parts, .. } = ready;
        let alerts = epoch.alerts.into_iter().map(|alert| alert.into_alert(&mut self.names)).collect();
        let seconds = epoch.seconds.into_iter().map(record::wire::message::Second::into_second).collect();
        let mut flows = Vec::new();
        for Judged { batch, judged } in parts {
            let mut verdicts = judged.verdicts.into_iter();
            for flow in batch.flows {
                let verdict = verdicts.next().and_then(record::wire::message::Verdict::into_verdict);
                let in_iface = Some(self.interface(&batch.sensor, &flow.in_iface));
                let record = scoring::measured(flow).record;
                flows.push(JudgedFlow { record, verdict, in_iface });
            }
        }
        // The partitions' flows in the order in which one process has them.
        flows.sort_by_key(|flow| (flow.record.end, flow.record.key, flow.record.flow_id));
        Told { now: Timestamp(epoch.now_ns), alerts, flows, seconds, last: epoch.last }
    }

    /// `sensor/interface`, once in memory.
    fn interface(&mut self, sensor: &str, interface: &str) -> Arc<str> {
        let name = format!("{sensor}/{interface}");
        if let Some(known) = self.interfaces.get(name.as_str()) {
            return Arc::clone(known);
        }
        let name: Arc<str> = Arc::from(name);
        if self.interfaces.len() < NODES_MAX {
            self.interfaces.insert(Arc::clone(&name));
        }
        name
    }

    fn hear(&mut self, messages: Vec<Incoming>) {
        for message in messages {
            let Ok(node) = serde_json::from_slice::<Node>(&message.payload) else { continue };
            if self.nodes.len() < NODES_MAX {
                self.nodes.insert(format!("{} {}", node.role, node.name), node);
            }
        }
    }

    fn words(&self, epochs: &Consumer, verdicts: &Consumer, lag: u64) -> Vec<HealthItem> {
        let (one, two) = (epochs.state(), verdicts.state());
        let connected = one.connected && two.connected;
        let level = if connected { HealthLevel::Ok } else { HealthLevel::Warning };
        let text = format!("{}; {lag} messages wait for the server", if connected { two.words } else { one.words });
        let action = if connected {
            ""
        } else {
            "See that a broker of kafka.brokers answers; what comes meanwhile waits there and at the sensors."
        };
        let mut items = vec![item("kafka", level, text, action)];
        items.extend(self.node_words());
        items.extend(loss_words(&self.merger.counters, &self.lost_by_sensors, self.damaged));
        if let Some(newer) = self.newer {
            items.push(item(
                "schema",
                HealthLevel::Error,
                newer.to_string(),
                "Upgrade the server, then the detectors, then the sensors.",
            ));
        }
        items
    }

    fn node_words(&self) -> Vec<HealthItem> {
        let now_ms = wall_clock().0 / 1_000_000;
        let word = |(name, node): (&String, &Node)| {
            let silent_ms = now_ms - node.at_ms;
            if silent_ms > SILENT_MS {
                let text = format!("{name}: not heard for {} s", silent_ms / 1_000);
                return item("node", HealthLevel::Warning, text, "See whether it runs and reaches a broker.");
            }
            let text = format!("{name}: {} flows, {} messages behind", node.flows, node.lag);
            let level =
                if node.trouble.is_empty() || node.role == "sensor" { HealthLevel::Ok } else { HealthLevel::Warning };
            item("node", level, text, &node.trouble)
        };
        self.nodes.iter().filter(|(_, node)| node.role != "server").map(word).collect()
    }
}

/// What was lost on the way, each by its place.
fn loss_words(counters: &MergeCounters, by_sensors: &BTreeMap<String, u64>, damaged: u64) -> Vec<HealthItem> {
    let mut items = Vec::new();
    let mut say = |name: &str, count: u64, what: &str, action: &str| {
        if count > 0 {
            items.push(item(name, HealthLevel::Warning, format!("{what}: {count}"), action));
        }
    };
    say(
        "flows missing",
        counters.flows_missing,
        "Flows that a sensor sent and that never came",
        "See the topics' retention (roles.retention_h) and what brokers lost.",
    );
    say(
        "epochs missing",
        counters.epochs_missing,
        "Epochs of sensors that never came",
        "See the topics' retention (roles.retention_h) and what brokers lost.",
    );
    let lost: u64 = by_sensors.values().sum();
    say(
        "flows lost",
        lost,
        "Flows that sensors had no room for while no broker was there",
        "Raise roles.spool_max_bytes at the sensors.",
    );
    say("damaged", damaged, "Messages that could not be read", "See who else writes to these topics.");
    items
}
