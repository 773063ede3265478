//! A whole file analysis: replay, learn as asked, judge, and one result. Owns when the models learn and from what; flows wait in
//! memory until then, as their vectors and little more, bounded by `HELD_FLOWS_MAX`, and alerts of the exact detectors wait with them, so that incidents are made
//! in the order of capture time.

// Flow records come boxed from the table: a box moves where a record would be copied, a kilobyte each time.
#![allow(clippy::vec_box)]

use crate::contents::ContentsSums;
use crate::exports;
use crate::judge::{Judge, JudgeConfig, Judged, take_told};
use crate::learn::{LearnConfig, Learner};
use crate::meter::MeterConfig;
use crate::packets::FlowPackets;
use crate::replay::{ReplayResult, replay};
use detect::Ensemble;
use detect::packet::PacketModel;
use detect::series::SeriesModel;
use detect::stream::HostModel;
use record::analysis::{LevelState, PacketLevel, Timing};
use record::{
    Alert, Analysis, AnalysisInput, Counters, FlowBrief, FlowRecord, Incident, Matrix, Observation, Timestamp,
    TrainedOn,
};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

/// Flows held while the models wait to learn. When more come, the models learn from these and the rest is judged as it comes.
pub const HELD_FLOWS_MAX: usize = 100_000;
/// Flows of one epoch that may come on top.
const HELD_FLOWS_SLACK: usize = 16_384;
/// Held flows judged together.
const JUDGED_TOGETHER: usize = 16_384;
/// Fewer flows than this teach nothing: only the exact detectors speak.
pub const TRAINING_FLOWS_MIN: usize = 500;

/// From what the models learn.
#[derive(Default)]
pub enum Training {
    /// The whole input under the contamination guard; it is judged afterwards.
    #[default]
    WholeInput,
    /// Flows that end within this much capture time of the first packet, nanoseconds; the rest is judged.
    First(i64),
    /// Nothing: these models judge.
    Given(Box<Ensemble>),
}

/// One analysis.
pub struct AnalyzeConfig {
    /// Filter, decoder, flow table.
    pub meter: MeterConfig,
    /// Detectors, models, incidents.
    pub judge: JudgeConfig,
    /// Where the models come from.
    pub training: Training,
    /// With models given: the packet level's, when there is one.
    pub packet_model: Option<Arc<PacketModel>>,
    /// With models given: those of the other levels.
    pub levels: LevelModels,
    /// Threads.
    pub workers: usize,
    /// Models' seed.
    pub seed: u64,
}

/// Why an analysis could not be made.
#[derive(Debug, thiserror::Error)]
pub enum AnalyzeError {
    /// A file could not be read.
    #[error(transparent)]
    Source(#[from] source::SourceError),
    /// The models could not be trained.
    #[error("training: {0}")]
    Train(#[from] detect::DetectError),
}

/// The result and what a caller may want beside it.
pub struct Outcome {
    /// The contract's object; `timing` is the caller's to fill.
    pub analysis: Analysis,
    /// Incidents that the alert budget held back: not announced, never lost.
    pub held_back: Vec<Incident>,
    /// The models, for saving.
    pub ensemble: Option<Arc<Ensemble>>,
    /// The packet level's model, for saving.
    pub packet_model: Option<Arc<PacketModel>>,
    /// The other levels' models, for saving.
    pub levels: LevelModels,
}

/// Models of the levels beside flows and packets.
#[derive(Clone, Debug, Default)]
pub struct LevelModels {
    /// Minutes of hosts.
    pub host: Option<Arc<HostModel>>,
    /// Series of interfaces and busy hosts.
    pub series: Option<Arc<SeriesModel>>,
}

/// Analyses files. `progress` gets packets read so far.
pub fn analyze(
    files: &[PathBuf],
    config: AnalyzeConfig,
    progress: &mut dyn FnMut(u64),
) -> Result<Outcome, AnalyzeError> {
    let AnalyzeConfig { meter, judge, training, packet_model, levels, workers, seed } = config;
    let mut state = FileJudge::new(&judge, training, packet_model, levels, seed);
    let mut failed = None;
    let result = replay(files, &meter, workers, progress, &mut |epoch| {
        if failed.is_none() {
            failed = state.epoch(epoch).err();
        }
    })?;
    if let Some(error) = failed {
        return Err(error.into());
    }
    state.end()?;
    Ok(state.outcome(files, &result))
}

enum Phase {
    Hold { until: Option<i64> },
    Stream,
}

/// Flows without their statistics, and their vectors.
struct Held {
    flows: Vec<FlowBrief>,
    rows: Matrix,
    /// Of flows that were reported while packets were judged already.
    packets: Vec<Option<FlowPackets>>,
}

impl Held {
    fn new() -> Self {
        let rows = Matrix::with_capacity(0, features::flow_schema().features.len());
        Self { flows: Vec::new(), rows, packets: Vec::new() }
    }

    /// With room for all, so that growing never holds two copies; memory that is not used is never touched.
    fn roomy() -> Self {
        let (mut held, rows) = (Self::new(), HELD_FLOWS_MAX + HELD_FLOWS_SLACK);
        held.flows.reserve_exact(rows);
        held.rows.values.reserve_exact(rows * held.rows.columns);
        held
    }

    fn push(&mut self, flow: &FlowRecord, packets: Option<FlowPackets>) {
        self.flows.push(flow.brief());
        self.packets.push(packets);
        features::flow_vector(flow, &mut self.rows.values);
    }

    /// Places in order of time.
    fn order(&self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.flows.len()).collect();
        order.sort_by_key(|at| (self.flows[*at].end, self.flows[*at].key, self.flows[*at].flow_id));
        order
    }

    /// These flows only, in this order.
    fn chosen(&self, order: &[usize]) -> Self {
        let mut chosen = Self {
            flows: Vec::with_capacity(order.len()),
            rows: Matrix::with_capacity(order.len(), self.rows.columns),
            packets: order.iter().map(|at| self.packets[*at]).collect(),
        };
        for at in order {
            chosen.flows.push(self.flows[*at]);
            chosen.rows.push(self.rows.row(*at));
        }
        chosen
    }
}

struct FileJudge {
    judge: Judge,
    config: detect::EnsembleConfig,
    seed: u64,
    phase: Phase,
    first: Option<Timestamp>,
    /// Flows that wait, in the order in which they were reported.
    held: Held,
    alerts: Vec<Alert>,
    incidents: BTreeMap<String, Incident>,
    flows: u64,
    contents: ContentsSums,
    trained_on: TrainedOn,
}

impl FileJudge {
    fn new(
        config: &JudgeConfig,
        training: Training,
        packet_model: Option<Arc<PacketModel>>,
        levels: LevelModels,
        seed: u64,
    ) -> Self {
        let mut judge =
            Judge::new(config, Learner::new(LearnConfig { reservoir_rows_max: 1, ..LearnConfig::default() }));
        let mut trained_on = TrainedOn { how: "none".to_owned(), ..TrainedOn::default() };
        let phase = match training {
            Training::WholeInput => Phase::Hold { until: None },
            Training::First(ns) => Phase::Hold { until: Some(ns) },
            Training::Given(ensemble) => {
                let span = ensemble.span();
                trained_on =
                    TrainedOn { packets: span.packets, flows: span.rows, until: span.until, how: "model".to_owned() };
                judge.install(Arc::new(*ensemble));
                if let Some(model) = packet_model {
                    judge.packets().install(model);
                }
                if let Some(model) = levels.host {
                    judge.host_level().install(model);
                }
                if let Some(model) = levels.series {
                    judge.series_level().install(model);
                }
                Phase::Stream
            }
        };
        if let Phase::Hold { until } = phase {
            judge.packets().hold(until);
            judge.host_level().hold(until);
            // A forecast of what was learned from says nothing, and learning it costs more than all flows.
            if until.is_some() {
                judge.series_level().hold(until);
            }
        }
        Self {
            judge,
            config: config.models.clone(),
            seed,
            phase,
            first: None,
            held: Held::roomy(),
            alerts: Vec::new(),
            incidents: BTreeMap::new(),
            flows: 0,
            contents: ContentsSums::default(),
            trained_on,
        }
    }

    fn epoch(&mut self, epoch: &mut Vec<Observation>) -> Result<(), detect::DetectError> {
        let mut judged = Judged::default();
        let Phase::Hold { until } = self.phase else {
            self.judge.observe(epoch, &mut judged);
            self.flows += judged.flows.len() as u64;
            for flow in &judged.flows {
                self.contents.flow(&flow.record);
            }
            self.keep(judged);
            return Ok(());
        };
        if self.first.is_none() {
            self.first = epoch.iter().map(begin).min();
        }
        let mut flows = Vec::new();
        self.judge.exact(epoch, &mut flows, &mut judged);
        self.flows += flows.len() as u64;
        for flow in &flows {
            self.contents.flow(flow);
        }
        drop(take_told(&mut flows));
        for flow in &flows {
            let packets = self.judge.packets().take_flow(&flow.key);
            self.held.push(flow, packets);
        }
        self.alerts.append(&mut self.judge.take_alerts());
        if self.judge.packets().is_full() {
            let model = self.judge.packets().learn(self.seed);
            self.judge_packets(model, &mut Held::new(), &[]);
        }
        if self.judge.host_level().is_full() || self.judge.series_level().is_full() {
            self.learn_levels();
        }
        let learned_enough = match (until, self.first) {
            (Some(ns), Some(first)) => self.judge.now().since(first) > ns,
            _ => false,
        };
        if learned_enough || self.held.flows.len() >= HELD_FLOWS_MAX { self.learn_and_release() } else { Ok(()) }
    }

    fn end(&mut self) -> Result<(), detect::DetectError> {
        if matches!(self.phase, Phase::Hold { .. }) {
            self.learn_and_release()?;
        }
        let mut judged = Judged::default();
        self.judge.finish(&mut judged);
        self.keep(judged);
        Ok(())
    }

    /// Trains on the held flows that may teach, then judges the others and makes the incidents of both in time order.
    fn learn_and_release(&mut self) -> Result<(), detect::DetectError> {
        let Phase::Hold { until } = std::mem::replace(&mut self.phase, Phase::Stream) else { return Ok(()) };
        let held = std::mem::replace(&mut self.held, Held::new());
        let order = held.order();
        let border = match (until, self.first) {
            (Some(ns), Some(first)) => order.partition_point(|at| held.flows[*at].end <= first.plus_ns(ns)),
            _ => order.len(),
        };
        self.train(&held, &order[..border], until.is_some())?;
        // What is learned from is also judged, unless the beginning only taught.
        let judged = if until.is_some() { &order[border..] } else { &order };
        let model = self.judge.packets().learn(self.seed);
        let mut held = held;
        self.judge_packets(model, &mut held, judged);
        self.learn_levels();
        self.release(&held, judged);
        Ok(())
    }

    /// The levels beside flows and packets learn, then judge what waited.
    fn learn_levels(&mut self) {
        let level = self.judge.host_level();
        if let Some(model) = level.learn(self.seed) {
            level.judge_held(&model, &mut self.alerts);
        }
        let level = self.judge.series_level();
        if let Some(model) = level.learn(self.seed) {
            level.judge_held(&model, &mut self.alerts);
        }
    }

    fn train(&mut self, held: &Held, order: &[usize], first_part: bool) -> Result<(), detect::DetectError> {
        if order.len() < TRAINING_FLOWS_MIN {
            return Ok(());
        }
        let config =
            LearnConfig { reservoir_rows_max: self.config.rows_max, seed: self.seed, ..LearnConfig::default() };
        let mut learner = Learner::new(config);
        for at in order {
            learner.learn_vector(&held.flows[*at], held.rows.row(*at));
        }
        let (count, packets, until) = learner.seen();
        let (mut ensemble, _) =
            Ensemble::train(features::flow_schema(), learner.rows(), self.seed, &self.config, &mut |_| {})?;
        ensemble.set_span(order.first().map(|at| held.flows[*at].start), until, packets);
        let how = if first_part { "train_first" } else { "whole_input" };
        self.trained_on = TrainedOn { packets, flows: count, until, how: how.to_owned() };
        self.judge.install(Arc::new(ensemble));
        Ok(())
    }

    /// Judges the packets that waited, each before the flows that end after it, so that these know of it.
    fn judge_packets(&mut self, model: Option<Arc<PacketModel>>, held: &mut Held, order: &[usize]) {
        let Some(model) = model else { return };
        let packets = self.judge.packets();
        for at in order {
            packets.judge_held(&model, held.flows[*at].end, &mut self.alerts);
            held.packets[*at] = packets.take_flow(&held.flows[*at].key).or(held.packets[*at]);
        }
        packets.judge_held(&model, Timestamp(i64::MAX), &mut self.alerts);
        packets.install(model);
    }

    /// Judges flows and makes the incidents of them and of the alerts so far, in this order.
    fn release(&mut self, held: &Held, order: &[usize]) {
        let mut alerts = std::mem::take(&mut self.alerts);
        alerts.sort_by_key(|a| a.ts);
        let mut alerts = alerts.into_iter().peekable();
        for block in order.chunks(JUDGED_TOGETHER) {
            let block = held.chosen(block);
            // Without models there are no judgements.
            for (at, judgement) in self.judge.judgements(&block.rows).iter().enumerate() {
                let flow = &block.flows[at];
                while let Some(alert) = alerts.next_if(|a| a.ts <= flow.end) {
                    self.judge.incidents().alert(alert);
                }
                // Nobody else is shown these verdicts: what the members said of ordinary flows is not put into words.
                let in_full = self.judge.incidents().counts(judgement.p_value);
                let verdict = self.judge.verdict(flow, block.rows.row(at), judgement, block.packets[at], in_full);
                self.judge.incidents().verdict(flow, &verdict);
                self.judge.incidents().advance(flow.end);
            }
        }
        for alert in alerts {
            self.judge.incidents().alert(alert);
        }
        let incidents = self.judge.incidents().drain();
        self.keep(Judged { incidents, ..Judged::default() });
    }

    fn keep(&mut self, judged: Judged) {
        for incident in judged.incidents {
            self.incidents.insert(incident.id.clone(), incident);
        }
    }

    fn outcome(mut self, files: &[PathBuf], result: &ReplayResult) -> Outcome {
        let mut all: Vec<Incident> = self.incidents.into_values().collect();
        all.sort_by(|a, b| {
            b.severity
                .cmp(&a.severity)
                .then(b.score.total_cmp(&a.score))
                .then(a.first_seen.cmp(&b.first_seen))
                .then(a.id.cmp(&b.id))
        });
        let (held_back, incidents) = all.into_iter().partition(|i| i.over_budget);
        let mut input = input(files, result);
        input.drops.merge(&self.judge.drops());
        let analysis = Analysis {
            schema: "tripline.analysis/1".to_owned(),
            input,
            flows: self.flows,
            hosts: self.judge.hosts().distinct(),
            trained_on: self.trained_on,
            packet_level: PacketLevel {
                taken: result.meter.sampling.taken,
                skipped: result.meter.sampling.skipped,
                judged: self.judge.packets().judged(),
                admitted: self.judge.packets().model().is_some_and(|model| model.member().admitted),
            },
            host_level: LevelState {
                judged: self.judge.host_level().judged(),
                admitted: self.judge.host_level().model().is_some_and(|model| model.member().admitted),
            },
            series_level: LevelState {
                judged: self.judge.series_level().judged(),
                admitted: self.judge.series_level().model().is_some_and(|model| model.is_heard()),
            },
            contents: self.contents.finish(self.judge.hosts()),
            incidents,
            timing: Timing::default(),
        };
        let packet_model = self.judge.packets().model().cloned();
        let levels = LevelModels {
            host: self.judge.host_level().model().cloned(),
            series: self.judge.series_level().model().cloned(),
        };
        Outcome { analysis, held_back, ensemble: self.judge.into_ensemble(), packet_model, levels }
    }
}

/// When the story of an observation began; for the start of the capture.
fn begin(observation: &Observation) -> Timestamp {
    match observation {
        Observation::Flow(flow) => flow.start,
        Observation::Contact(contact) => contact.opened,
        Observation::Second(second) => second.ts,
        other => other.ts(),
    }
}

fn input(files: &[PathBuf], result: &ReplayResult) -> AnalysisInput {
    let mut drops = Counters::default();
    let mut notes = Vec::new();
    for (file, stats) in &result.sources {
        drops.merge(&stats.dropped);
        notes.extend(stats.notes.iter().map(|n| format!("{}: {n}", file.display())));
    }
    drops.add("flows_evicted", result.meter.flow.ended_evicted);
    if let Some(logs) = &result.logs {
        drops.merge(&logs.exported.dropped);
        let noted = logs.files.iter().filter(|file| !file.note.is_empty());
        notes.extend(noted.map(|file| format!("{}: {}", file.path.display(), file.note)));
    }
    drops.merge(&result.meter.exports.dropped);
    notes.extend(exports::notes(&result.meter.exports));
    AnalysisInput {
        files: files.iter().map(|f| f.display().to_string()).collect(),
        packets: result.meter.frames,
        bytes: result.meter.bytes,
        first: result.meter.first,
        last: result.meter.last,
        drops,
        decode_errors: result.meter.decode_errors.clone(),
        notes,
        logs: result.logs.as_ref().map(crate::logs::LogTotals::summary),
    }
}
