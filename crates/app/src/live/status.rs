//! What the running process knows of itself, shared between the judge thread (which writes) and the API (which reads). Owns the
//! numbers and the words of the health strip; measures nothing itself.

use super::log_told::LogTold;
use super::losses::Losses;
use super::pulse::{Pulse, SECONDS_DRAWN, SECONDS_OF_RATE};
use super::roles::Part;
use detect::Ensemble;
use evaluate::{LearnProgress, MeterCounters};
use record::{Counters, ExportFormat, ExporterState, FlowKey, HealthItem, HealthLevel, IpAddr16, Timestamp};
use source::SourceStats;
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Scores of the newest flows that are remembered for the packet list.
const SCORES_MAX: usize = 65_536;

/// One source as shown.
#[derive(Clone, Debug)]
pub struct SourceState {
    /// Interface or file.
    pub name: String,
    /// `interface`, `file`, `demo`, `host`, `collector`, `remote`, `log`.
    pub kind: &'static str,
    /// Meter counters of its worker.
    pub meter: MeterCounters,
    /// Reader's statistics.
    pub stats: SourceStats,
    /// Its worker's clock: all that happened before has been handed on. Moves while nothing comes.
    pub clock: Option<Timestamp>,
    /// Of a log: what its lines told.
    pub log: Option<Box<LogTold>>,
    /// Why it ended; None while it runs.
    pub ended: Option<String>,
    /// How much came lately.
    pub pulse: Pulse,
    /// The same of each exporter; as many as the meter knows.
    pub exporters: BTreeMap<ExporterKey, Pulse>,
    /// How late its events were judged lately, ms.
    pub lag_ms: u64,
    looked: Option<Instant>,
}

/// One exporter: an address, a format, a source identifier.
pub type ExporterKey = (IpAddr16, ExportFormat, u32);

/// Time between two looks at what was counted.
const LOOK_EVERY: Duration = Duration::from_millis(90);

impl SourceState {
    /// A source that has not said anything yet.
    pub fn new(name: String, kind: &'static str) -> Self {
        Self {
            name,
            kind,
            meter: MeterCounters::default(),
            stats: SourceStats::default(),
            clock: None,
            log: None,
            ended: None,
            pulse: Pulse::new(SECONDS_DRAWN),
            exporters: BTreeMap::new(),
            lag_ms: 0,
            looked: None,
        }
    }

    /// Newest capture time; of a log the newest time told, or when a line came where none tells any.
    pub fn last_event(&self) -> Option<Timestamp> {
        self.meter.last.or(self.pulse.received().filter(|_| self.kind == "log"))
    }

    /// Takes the pulse of the source and of its exporters at `now`, which is `wall` for people.
    pub fn look(&mut self, now: Instant, wall: Timestamp, lag_ms: u64) {
        self.lag_ms = lag_ms;
        if self.looked.is_some_and(|at| now.saturating_duration_since(at) < LOOK_EVERY) {
            return;
        }
        self.looked = Some(now);
        self.pulse.look(now, wall, [self.meter.frames, self.meter.bytes]);
        let known: BTreeSet<ExporterKey> = self.meter.exports.exporters.iter().map(key).collect();
        self.exporters.retain(|key, _| known.contains(key));
        for state in &self.meter.exports.exporters {
            let pulse = self.exporters.entry(key(state)).or_insert_with(|| Pulse::new(SECONDS_OF_RATE));
            pulse.look(now, wall, [state.datagrams, state.flows]);
        }
    }
}

/// What tells one exporter from another.
pub fn key(state: &ExporterState) -> ExporterKey {
    (state.exporter, state.format, state.domain)
}

impl SourceState {
    /// A source of captures by TCP has the name of who sends; true when it changed.
    pub fn take_peers_name(&mut self) -> bool {
        let Some(peer) = self.stats.peer.as_ref().filter(|peer| peer.name != self.name) else { return false };
        self.name.clone_from(&peer.name);
        true
    }
}

/// Where the models are.
#[derive(Clone, Debug, PartialEq)]
pub enum ModelState {
    /// Collecting flows.
    Learning(LearnProgress),
    /// A training runs; 0 … 1.
    Training(f64),
    /// Judging.
    Ready,
    /// Could not be trained or read.
    Failed(String),
    /// Nothing to learn from: no flows in this mode.
    Off,
}

/// The last second of traffic, all sources.
#[derive(Clone, Debug, Default)]
pub struct SecondState {
    /// Start of the second.
    pub ts: Timestamp,
    /// Packets.
    pub packets: u64,
    /// Bytes on the wire.
    pub bytes: u64,
    /// Bytes into the home networks.
    pub bytes_in: u64,
    /// Bytes out of them.
    pub bytes_out: u64,
    /// Flows reported.
    pub flows: u64,
    /// Of these, anomalous.
    pub flows_anomalous: u64,
    /// Bytes by traffic class, in the order of `TrafficClass::ALL`.
    pub bytes_by_class: [u64; record::TrafficClass::COUNT],
    /// Packets by the same classes.
    pub packets_by_class: [u64; record::TrafficClass::COUNT],
}

/// Scores of recent flows by key, bounded.
#[derive(Default)]
pub struct Scores {
    by_key: HashMap<FlowKey, f32>,
    order: VecDeque<FlowKey>,
}

impl Scores {
    /// Remembers the newest score of a flow.
    pub fn put(&mut self, key: FlowKey, score: f32) {
        if self.by_key.insert(key, score).is_none() {
            self.order.push_back(key);
        }
        while self.order.len() > SCORES_MAX {
            if let Some(oldest) = self.order.pop_front() {
                self.by_key.remove(&oldest);
            }
        }
    }

    /// The score, when the flow was judged lately.
    pub fn get(&self, key: &FlowKey) -> Option<f32> {
        self.by_key.get(key).copied()
    }
}

/// Everything shared.
pub struct Status {
    /// Mode.
    pub mode: serve::shapes::Mode,
    /// Wall clock at the start.
    pub started: Timestamp,
    /// Capture clock.
    pub now: Timestamp,
    /// Sources in the order of the command line.
    pub sources: Vec<SourceState>,
    /// The newest whole second.
    pub second: SecondState,
    /// Models.
    pub model: ModelState,
    /// When they are renewed.
    pub retraining: serve::shapes::Retraining,
    /// How they do, and what became of them.
    pub models: Arc<super::models_view::ModelsLive>,
    /// The models in place.
    pub ensemble: Option<Arc<Ensemble>>,
    /// Flows learned from by the models in place.
    pub flows_learned: u64,
    /// Flows reported since the start.
    pub flows: u64,
    /// Of these, anomalous.
    pub flows_anomalous: u64,
    /// Hosts seen.
    pub hosts: u64,
    /// Incidents that nobody has looked at, stored ones included.
    pub incidents_open: u64,
    /// Alert budget.
    pub budget: alert::BudgetState,
    /// The packet level's model; None while it learns.
    pub packet_model: Option<Arc<detect::packet::PacketModel>>,
    /// Models of the other levels.
    pub levels: evaluate::LevelModels,
    /// Minutes of hosts judged.
    pub windows_judged: u64,
    /// Steps of series judged.
    pub steps_judged: u64,
    /// Packets that it has judged.
    pub packets_judged: u64,
    /// Losses of the judging rooms by reason.
    pub judge_drops: Counters,
    /// Parcels waiting for the judge.
    pub queue: usize,
    /// How far judging is behind the traffic, milliseconds of wall time, the largest of the last seconds.
    pub lag_ms: u64,
    /// Threat-intelligence lists in use.
    pub threat_lists: serve::shapes::ThreatLists,
    /// What the store says of itself.
    pub store: store::StoreCounters,
    /// What notifications say of themselves.
    pub notifications: Vec<HealthItem>,
    /// Words for people at the start: why there is no capture, which models were read.
    pub notices: Vec<HealthItem>,
    /// What this process does of the work.
    pub part: Part,
    /// What this process's part of the work says of itself, and of its neighbours.
    pub roles: Vec<HealthItem>,
    /// Flows that a sensor had no room for on disk while no broker was there.
    pub flows_not_handed_on: u64,
    /// What the watched folder says of itself.
    pub folder: Vec<HealthItem>,
    /// This machine's own sockets and counters; None when it is not watched.
    pub host: Option<Arc<super::host_watch::HostShared>>,
    /// CSV logs; None when they are off.
    pub csv_logs: Option<Arc<super::csv_logs::LogShared>>,
    /// The archive; None when there is none.
    pub archive: Option<Arc<super::archiving::ArchiveShared>>,
    /// Results kept in MongoDB; None when they are not.
    pub mongodb: Option<Arc<dyn super::mongo_sink::Shown>>,
}

impl Status {
    /// Packets, bytes and decode errors of all sources.
    pub fn totals(&self) -> (u64, u64, Counters) {
        let mut errors = Counters::default();
        let (mut packets, mut bytes) = (0, 0);
        for source in &self.sources {
            packets += source.meter.frames;
            bytes += source.meter.bytes;
            errors.merge(&source.meter.decode_errors);
        }
        (packets, bytes, errors)
    }

    /// Where packets went at the choice of the packet level, all sources.
    pub fn sampling(&self) -> evaluate::SamplingCounters {
        let mut sum = evaluate::SamplingCounters::default();
        for sampling in self.sources.iter().map(|source| source.meter.sampling) {
            sum.seen += sampling.seen;
            sum.taken += sampling.taken;
            sum.skipped += sampling.skipped;
        }
        sum
    }

    /// Everything lost, by reason.
    pub fn drops(&self) -> Counters {
        let mut drops = self.judge_drops.clone();
        for source in &self.sources {
            drops.merge(&source.stats.dropped);
            drops.add("flows_evicted", source.meter.flow.ended_evicted);
            drops.merge(&source.meter.exports.dropped);
        }
        drops.merge(&self.store.dropped);
        drops.add("store_kafka_spool_full", self.flows_not_handed_on);
        drops.merge(&self.mongodb.as_ref().map(|sink| sink.dropped()).unwrap_or_default());
        drops.add("csv_rows_lost", self.csv_logs.as_ref().map_or(0, |logs| logs.rows_lost()));
        drops.add("archive_missed", self.archive.as_ref().map_or(0, |archive| archive.missed()));
        drops
    }

    /// The health strip, worst first.
    pub fn health(&self) -> Vec<HealthItem> {
        let mut items = self.notices.clone();
        items.extend(self.notifications.iter().cloned());
        items.extend(self.folder.iter().cloned());
        items.extend(self.roles.iter().cloned());
        items.push(self.capture_health());
        items.push(self.model_health());
        items.extend(self.sampling_health());
        items.extend(super::source_advice::health(&self.sources, Instant::now()));
        items.extend(self.list_health());
        items.extend(Losses::of(&self.drops()).health());
        items.extend(self.csv_logs.as_ref().and_then(|logs| logs.health()));
        items.extend(self.archive.as_ref().and_then(|archive| archive.health()));
        items.extend(self.mongodb.iter().flat_map(|sink| sink.health()));
        items.extend(self.host.as_ref().and_then(|host| host.health()));
        if let Some(error) = &self.store.last_error {
            items.push(item(
                "store",
                HealthLevel::Error,
                format!("The store cannot write: {error}"),
                "Free disk space or point --data-dir at another place.",
            ));
        }
        items.extend(self.spool_health());
        if self.lag_ms > 2_000 {
            let text = format!("Judging is {:.1} s behind the traffic", self.lag_ms as f64 / 1e3);
            items.push(item(
                "lag",
                HealthLevel::Warning,
                text,
                "Filter traffic you do not need, or give this machine more processor time.",
            ));
        }
        items.sort_by_key(|i| std::cmp::Reverse(i.level));
        items
    }

    /// Flows on disk are late and not lost.
    fn spool_health(&self) -> Option<HealthItem> {
        let (flows, megabytes) = (self.store.spooled_flows, self.store.spooled_bytes as f64 / 1e6);
        let text = format!("Flows wait on disk for their place in the history: {flows} ({megabytes:.0} MB)");
        let action = "Nothing at once: they come in when there is time. If it stays, a faster disk or a filter (-F).";
        (flows > 0).then(|| item("spool", HealthLevel::Info, text, action))
    }

    fn capture_health(&self) -> HealthItem {
        let running = self.sources.iter().filter(|s| s.ended.is_none()).count();
        let names = |ended: bool| {
            let shown = super::sources::shown(&self.sources);
            let list: Vec<&str> = shown.filter(|s| s.ended.is_some() == ended).map(|s| s.name.as_str()).collect();
            // The workers of one interface are one source for people.
            let mut seen = BTreeSet::new();
            list.into_iter().filter(|name| seen.insert(*name)).collect::<Vec<_>>().join(", ")
        };
        if running > 0 {
            return item("capture", HealthLevel::Ok, format!("Watching {}", names(false)), "");
        }
        let failed = self
            .sources
            .iter()
            .filter_map(|s| s.ended.as_ref())
            .find(|why| *why != "end of input" && *why != "stopped");
        match failed {
            Some(why) => item(
                "capture",
                HealthLevel::Error,
                format!("Capture stopped: {why}"),
                "Bring the interface up and start Tripline again.",
            ),
            None => item(
                "capture",
                HealthLevel::Info,
                format!("Finished reading {}", names(true)),
                "What was found stays here until Tripline is stopped.",
            ),
        }
    }

    /// Not a loss: flows, hosts and exact detectors see every packet.
    fn sampling_health(&self) -> Option<HealthItem> {
        let sampling = self.sampling();
        (sampling.skipped > 0).then(|| {
            let share = sampling.taken as f64 / sampling.seen.max(1) as f64 * 100.0;
            let text = format!("The packet level takes {share:.1} % of the packets; {} skipped", sampling.skipped);
            let action =
                "Busy pairs of hosts are sampled (section packets); flows, hosts and exact detectors see every packet.";
            item("sampling", HealthLevel::Info, text, action)
        })
    }

    /// Lists that are not what they should be; good ones need no line.
    fn list_health(&self) -> Option<HealthItem> {
        let bad: Vec<_> = self.threat_lists.lists.iter().filter_map(|l| Some((l, l.problem.as_ref()?))).collect();
        if let [(list, problem), ..] = bad.as_slice() {
            let text = format!("Threat list {}: {problem}", list.name);
            let action = "The last good content stays in use; mend the list or its address.";
            return Some(item("threat lists", HealthLevel::Warning, text, action));
        }
        let over: u64 = self.threat_lists.lists.iter().map(|l| l.over_bound).sum();
        (over > 0).then(|| {
            let text = format!("{over} indicators of threat lists are left out: intel.entries_max is reached");
            item("threat lists", HealthLevel::Warning, text, "Raise intel.entries_max, or leave a list out.")
        })
    }

    fn model_health(&self) -> HealthItem {
        let drift = self.models.drift.as_ref().filter(|d| d.state == serve::shapes::DriftState::Drifted);
        match (&self.model, drift) {
            (ModelState::Ready, Some(drift)) => item(
                "models",
                HealthLevel::Info,
                format!("Models judge every flow; {}", drift.text),
                "The Models page says what the training that follows has brought.",
            ),
            (ModelState::Ready, None) => item(
                "models",
                HealthLevel::Ok,
                format!("Models judge every flow; learned from {} flows", self.flows_learned),
                "",
            ),
            (ModelState::Training(share), _) => {
                item("models", HealthLevel::Info, format!("Models are training: {:.0} %", share * 100.0), "")
            }
            (ModelState::Learning(p), _) => {
                let to_go = p.eta_s.map_or(String::new(), |s| format!(", about {} to go", minutes(s)));
                let flows = if p.flows < p.flows_needed {
                    format!("{} of {} flows", p.flows, p.flows_needed)
                } else {
                    format!("{} flows, enough", p.flows)
                };
                let text = format!(
                    "Models are learning: {flows}; {} of {}{to_go}",
                    minutes(p.elapsed_s.min(p.needed_s)),
                    minutes(p.needed_s)
                );
                item(
                    "models",
                    HealthLevel::Info,
                    text,
                    "Until then the exact detectors watch for scans, floods, spoofing and the like.",
                )
            }
            (ModelState::Failed(why), _) => item(
                "models",
                HealthLevel::Error,
                format!("Models are not there: {why}"),
                "The exact detectors go on; see the reason and start again.",
            ),
            (ModelState::Off, _) if self.part == Part::Sensor => item(
                "models",
                HealthLevel::Ok,
                "Flows are judged by the detectors; exact detectors and the levels of packets, hosts and series run here"
                    .to_owned(),
                "",
            ),
            (ModelState::Off, _) => item(
                "models",
                HealthLevel::Info,
                "Models need packets; counters and exported flows do not tell enough".to_owned(),
                "Exact detectors and the levels of hosts and series watch what there is.",
            ),
        }
    }
}

/// One line.
pub fn item(name: &str, level: HealthLevel, text: String, action: &str) -> HealthItem {
    HealthItem { name: name.to_owned(), level, text, action: action.to_owned() }
}

/// `3 format unknown, 1 line cut`.
pub fn words(counters: &Counters) -> String {
    let each: Vec<String> =
        counters.0.iter().map(|(reason, n)| format!("{n} {}", reason.replace(['_', '.'], " "))).collect();
    each.join(", ")
}

/// `40 s`, `12 min`.
fn minutes(seconds: u64) -> String {
    if seconds < 120 { format!("{seconds} s") } else { format!("{} min", seconds.div_ceil(60)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_are_bounded() {
        let mut scores = Scores::default();
        for n in 0..SCORES_MAX as u32 + 10 {
            let addr = record::IpAddr16::v4(n.to_be_bytes());
            scores.put(FlowKey { low: record::Endpoint { addr, port: 1 }, ..FlowKey::default() }, 0.5);
        }
        assert_eq!(scores.by_key.len(), SCORES_MAX);
    }
}
