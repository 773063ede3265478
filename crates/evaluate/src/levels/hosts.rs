//! The host level: what each home host does in a minute, learned as a whole and then judged against all hosts' minutes and
//! its own. Owns which windows count, what waits in a file analysis, and the alert; the trees are `detect`'s.

use super::sums::{Enough, Step, SumSettings, Sums};
use crate::lesson::Lesson;
use crate::sampler::address_word;
use crate::watch::MemberWatch;
use detect::DetectError;
use detect::stream::{HalfSpaceSettings, HostLesson, HostModel, MEMBER};
use features::{host_schema, host_vector};
use record::{
    Alert, Counters, DetectorScore, HostWindow, IpAddr16, Kind, Prefix, Severity, Timestamp, Why, timestamp::NS_PER_S,
};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Length of the windows judged, seconds: the longer one that hosts have.
const WINDOW_S: u32 = 60;
/// Windows that wait in a file analysis until the model has learned; then it learns from these.
const HELD_MAX: usize = 16_384;
/// Hosts of one minute whose median evidence is taken for the network's own.
const HOSTS_SHARED_MIN: usize = 5;
/// Most that one minute of a host adds to its sum.
const STEP_MAX: f64 = 8.0;
/// Time in which a silent host's sum halves, seconds.
const HALF_LIFE_S: f64 = 1_800.0;
/// Windows beyond this p-value do not teach later trainings.
const LEARN_P_VALUE_MIN: f64 = 1e-3;

/// Settings of the host level.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HostConfig {
    /// False: minutes of hosts are not judged (default true).
    pub enabled: bool,
    /// Half-space trees.
    pub trees: usize,
    /// Their depth, 1 to 16.
    pub depth: u32,
    /// Fewest minutes of hosts that can be learned from.
    pub rows_min: usize,
    /// Most minutes learned from; beyond it whole minutes are left out evenly.
    pub rows_max: usize,
    /// Minutes of hosts after which, while judging, the newest become the reference; never fewer than were learned from.
    pub refresh_rows: u64,
    /// Taken off the evidence, -ln p, of each minute of a host.
    pub drift: f64,
    /// Sum of evidence at which a host becomes an alert.
    pub threshold: f64,
}

impl Default for HostConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            trees: 25,
            depth: 10,
            rows_min: 200,
            rows_max: 20_000,
            refresh_rows: 2_000,
            drift: 2.0,
            threshold: 25.0,
        }
    }
}

enum Phase {
    /// Not judged: switched off, or there was too little to learn from.
    Off,
    /// Learning.
    Learn,
    /// Learning up to a time after the first window, nanoseconds (None: all of it); windows that are to be judged wait.
    Hold { teach_ns: Option<i64>, held: Vec<HostWindow> },
    /// Judging. `adapts`: ordinary windows are learned while judging.
    Judge { model: Arc<HostModel>, adapts: bool },
}

/// The host level.
pub struct HostWatch {
    config: HostConfig,
    home: Vec<Prefix>,
    lesson: Lesson,
    phase: Phase,
    /// The model as it was put in place, before it learned on.
    installed: Option<Arc<HostModel>>,
    first: Option<Timestamp>,
    last: Timestamp,
    sums: Sums<IpAddr16>,
    judged: u64,
    scores: MemberWatch,
    waiting: Vec<HostWindow>,
}

impl HostWatch {
    /// Learns from what it sees until `install`. Only hosts within `home` count, or all where that is empty.
    pub fn new(config: &HostConfig, home: Vec<Prefix>) -> Self {
        let settings = SumSettings {
            drift: config.drift,
            step_max: STEP_MAX,
            threshold: config.threshold,
            half_life_s: HALF_LIFE_S,
        };
        Self {
            config: config.clone(),
            home,
            lesson: Lesson::new(host_schema().features.len(), config.rows_max),
            phase: if config.enabled { Phase::Learn } else { Phase::Off },
            installed: None,
            first: None,
            last: Timestamp(i64::MIN),
            sums: Sums::new(settings),
            judged: 0,
            scores: MemberWatch::default(),
            waiting: Vec::new(),
        }
    }

    /// Other home networks.
    pub fn set_home(&mut self, home: Vec<Prefix>) {
        self.home = home;
    }

    /// Keeps the windows that are to be judged until `learn`: all of them, or those after `teach_ns` of capture time.
    pub fn hold(&mut self, teach_ns: Option<i64>) {
        if self.config.enabled {
            self.phase = Phase::Hold { teach_ns, held: Vec::new() };
        }
    }

    /// Windows are judged from now on, and ordinary ones learned.
    pub fn install(&mut self, model: Arc<HostModel>) {
        if self.config.enabled {
            self.installed = Some(Arc::clone(&model));
            self.phase = Phase::Judge { model, adapts: true };
            self.scores = MemberWatch::default();
        }
    }

    /// The model in place, as it was learned.
    pub fn model(&self) -> Option<&Arc<HostModel>> {
        self.installed.as_ref()
    }

    /// Capture time between the first and the newest window, seconds.
    pub fn seen_s(&self) -> i64 {
        self.first.map_or(0, |first| self.last.since(first) / NS_PER_S)
    }

    /// Windows judged so far.
    pub fn judged(&self) -> u64 {
        self.judged
    }

    /// How the words of the model in place are spread.
    pub fn scores(&self) -> &MemberWatch {
        &self.scores
    }

    /// What was forgotten at the bounds, by reason.
    pub fn drops(&self) -> Counters {
        let mut drops = Counters::default();
        drops.add("host_level.hosts_forgotten", self.sums.forgotten());
        drops
    }

    /// What a training may take away. None while there is not enough.
    pub fn material(&self) -> Option<HostMaterial> {
        let enough = self.config.enabled && self.lesson.times.len() >= self.config.rows_min;
        enough.then(|| HostMaterial {
            rows: self.lesson.rows.clone(),
            windows: self.lesson.times.clone(),
            hosts: self.lesson.sources.clone(),
            until: Some(self.last),
            config: self.config.clone(),
        })
    }

    /// True when so many windows wait that the model must learn from these.
    pub fn is_full(&self) -> bool {
        matches!(&self.phase, Phase::Hold { held, .. } if held.len() >= HELD_MAX)
    }

    /// Takes closed windows of hosts, in order of time; alerts go to `alerts`.
    pub fn observe(&mut self, windows: &[HostWindow], alerts: &mut Vec<Alert>) {
        if matches!(self.phase, Phase::Off) {
            return;
        }
        let mut counted = std::mem::take(&mut self.waiting);
        for window in windows.iter().filter(|window| window.length_s == WINDOW_S) {
            let first = *self.first.get_or_insert(window.start);
            self.last = self.last.max(end(window));
            // The first minute is rarely whole, and a host that sent nothing was only asked for.
            if window.start > first && window.packets_out > 0 && self.is_home(window.host) {
                counted.push(window.clone());
            }
        }
        for minute in counted.chunk_by(|a, b| a.start == b.start) {
            self.minute(minute, alerts);
        }
        counted.clear();
        self.waiting = counted;
    }

    fn minute(&mut self, minute: &[HostWindow], alerts: &mut Vec<Alert>) {
        let first = self.first.unwrap_or_default();
        match &mut self.phase {
            Phase::Off => {}
            Phase::Hold { teach_ns, held } if teach_ns.is_none_or(|ns| end(&minute[0]) > first.plus_ns(ns)) => {
                held.extend_from_slice(minute);
            }
            Phase::Learn | Phase::Hold { .. } => minute.iter().for_each(|window| teach(&mut self.lesson, window)),
            Phase::Judge { model, adapts } => {
                let (model, adapts) = (Arc::clone(model), *adapts);
                self.judge(model, adapts, minute, alerts);
            }
        }
    }

    /// Learns from what was held or shown so far. Afterwards `judge_held` judges what waits.
    pub fn learn(&mut self, seed: u64) -> Option<Arc<HostModel>> {
        let Phase::Hold { teach_ns, held } = &self.phase else { return None };
        if teach_ns.is_none() {
            for window in held {
                teach(&mut self.lesson, window);
            }
        }
        let model = self.material().and_then(|material| material.train(seed).ok()).map(Arc::new);
        if model.is_none() {
            self.phase = Phase::Off;
        }
        model
    }

    /// Judges the held windows; the model stays in place. What was learned from is judged as it was learned.
    pub fn judge_held(&mut self, model: &Arc<HostModel>, alerts: &mut Vec<Alert>) {
        let Phase::Hold { teach_ns, held } = std::mem::replace(&mut self.phase, Phase::Off) else { return };
        self.installed = Some(Arc::clone(model));
        self.phase = Phase::Judge { model: Arc::clone(model), adapts: teach_ns.is_some() };
        for minute in held.chunk_by(|a, b| a.start == b.start) {
            self.minute(minute, alerts);
        }
        if let Phase::Judge { adapts, .. } = &mut self.phase {
            *adapts = true;
        }
    }

    fn judge(&mut self, model: Arc<HostModel>, adapts: bool, minute: &[HostWindow], alerts: &mut Vec<Alert>) {
        self.judged += minute.len() as u64;
        let rows: Vec<Vec<f32>> = minute.iter().map(row).collect();
        let scores: Vec<f32> = rows.iter().map(|row| model.score(row)).collect();
        let p_values: Vec<f64> = scores.iter().map(|score| model.p_value(*score)).collect();
        for p_value in &p_values {
            self.scores.see(*p_value);
        }
        let shared = super::shared(&p_values, HOSTS_SHARED_MIN);
        for (at, window) in minute.iter().enumerate() {
            let word = address_word(window.host);
            let (from, until) = (window.start, end(window));
            let usual = model.usual(word).max(shared);
            let step = Step { from, until, p_value: p_values[at], usual, score: scores[at] };
            let told = self.sums.add(window.host, &step, || model.explain(&rows[at], host_schema()));
            if let Some(told) = told.filter(|_| model.member().admitted) {
                alerts.push(alert(window.host, until, told));
            }
        }
        drop(model);
        if adapts {
            self.learn_on(minute, &rows, &scores, &p_values);
        }
    }

    fn learn_on(&mut self, minute: &[HostWindow], rows: &[Vec<f32>], scores: &[f32], p_values: &[f64]) {
        for (at, window) in minute.iter().enumerate() {
            if p_values[at] >= LEARN_P_VALUE_MIN {
                teach(&mut self.lesson, window);
            }
            if let Phase::Judge { model, .. } = &mut self.phase {
                Arc::make_mut(model).learn(&rows[at], scores[at], p_values[at]);
            }
        }
    }

    fn is_home(&self, host: IpAddr16) -> bool {
        self.home.is_empty() || self.home.iter().any(|prefix| prefix.contains(host))
    }
}

/// What a training takes.
pub struct HostMaterial {
    rows: record::Matrix,
    windows: Vec<i64>,
    hosts: Vec<u64>,
    until: Option<Timestamp>,
    config: HostConfig,
}

impl HostMaterial {
    /// Learns; see [`HostModel::train`].
    ///
    /// # Errors
    /// Too few windows.
    pub fn train(&self, seed: u64) -> Result<HostModel, DetectError> {
        let Self { rows, windows, hosts, until, config } = self;
        let lesson = HostLesson { rows, windows, hosts, rows_min: config.rows_min, until: *until };
        let settings = HalfSpaceSettings {
            trees: config.trees.clamp(1, 1_000),
            depth: config.depth,
            window_rows: config.refresh_rows,
        };
        HostModel::train(&lesson, host_schema(), &settings, seed)
    }
}

fn end(window: &HostWindow) -> Timestamp {
    window.start.plus_ns(i64::from(window.length_s) * NS_PER_S)
}

fn row(window: &HostWindow) -> Vec<f32> {
    let mut row = Vec::with_capacity(host_schema().features.len());
    host_vector(window, &mut row);
    row
}

fn teach(lesson: &mut Lesson, window: &HostWindow) {
    lesson.push(&row(window), window.start.seconds() / i64::from(WINDOW_S), address_word(window.host));
}

fn alert(host: IpAddr16, until: Timestamp, told: Enough) -> Alert {
    Alert {
        ts: until,
        first_seen: told.first,
        kind: Kind::AnomalousHost,
        detector: MEMBER,
        src: vec![host],
        dest: Vec::new(),
        dest_port: Vec::new(),
        score: (-told.p_value.log10() / 6.0).clamp(0.0, 1.0) as f32,
        severity: Severity::Low,
        title: title(host, &told.why),
        detectors: vec![DetectorScore { name: MEMBER.to_owned(), score: f64::from(told.score), p_value: told.p_value }],
        why: told.why,
        flows: Vec::new(),
        packets: 0,
        story: host.to_string(),
        attack: Vec::new(),
    }
}

/// `192.0.2.7 behaved unlike the hosts learned: flows opened in a minute 812 where at most 40 is usual`.
fn title(host: IpAddr16, why: &[Why]) -> String {
    let Some(first) = why.first() else { return format!("{host} behaved unlike the hosts learned") };
    let feature = host_schema().features.iter().find(|feature| feature.name == first.feature);
    let phrase = feature.map_or_else(|| first.feature.replace('_', " "), |feature| feature.phrase.to_string());
    format!("{host} behaved unlike the hosts learned: {phrase} in a minute {}", super::against(first))
}

#[cfg(test)]
#[path = "hosts_test.rs"]
mod tests;
