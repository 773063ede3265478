//! The level of series: interfaces and the busiest steady home hosts, in steps of ten seconds, each against a forecast of its
//! own course. Owns what a step is made of, what waits in a file analysis, and the alerts; forecasting is `detect`'s.

use super::sums::{Enough, SumSettings, Sums};
use super::tracks::{Bounds, Followed, Row, STEP_S, Told};
use crate::sampler::address_word;
use crate::watch::MemberWatch;
use detect::DetectError;
use detect::series::{GroupLesson, LstmSettings, MEMBER, SeriesModel};
use features::{host_series_schema, host_step_vector, interface_series_schema, interface_step_vector};
use record::{
    Alert, Counters, DetectorScore, HostWindow, InterfaceSecond, IpAddr16, Kind, Matrix, Prefix, Schema, Severity,
    Timestamp, TrafficClass, timestamp::NS_PER_S,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Interfaces followed.
const INTERFACES_MAX: usize = 8;
/// Seasons that the baseline tries: a minute, five, an hour, a day; in steps.
const SEASONS: [usize; 4] = [6, 30, 360, 8_640];
/// Most that one step adds to a sum.
const STEP_MAX: f64 = 6.0;
/// Time in which the sum of a silent series halves, seconds.
const HALF_LIFE_S: f64 = 600.0;
/// Steps that wait in a file analysis; then the model learns from these.
const HELD_MAX: usize = 32_768;

/// Settings of the level of series.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SeriesConfig {
    /// False: series are not judged (default true).
    pub enabled: bool,
    /// Hosts followed at once, the busiest.
    pub hosts_max: usize,
    /// Steps of ten seconds kept of each host to learn from.
    pub host_steps_max: usize,
    /// Steps of ten seconds kept of each interface to learn from.
    pub interface_steps_max: usize,
    /// Training steps in a file analysis, where time is short; those of `lstm` are for `run` and `train`.
    pub file_train_steps: usize,
    /// Windows of one of them.
    pub file_batch: usize,
    /// Taken off the evidence, -ln p, of each step.
    pub drift: f64,
    /// Sum of evidence at which a series becomes an alert.
    pub threshold: f64,
    /// The network.
    pub lstm: LstmSettings,
}

impl Default for SeriesConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            hosts_max: 256,
            host_steps_max: 720,
            interface_steps_max: 30_240,
            file_train_steps: 60,
            file_batch: 8,
            drift: 3.0,
            threshold: 30.0,
            lstm: LstmSettings::default(),
        }
    }
}

enum Phase {
    Off,
    Learn,
    /// Learning up to a time after the first step, nanoseconds (None: all of it); steps that are to be judged wait.
    Hold {
        teach_ns: Option<i64>,
        held: Vec<Waiting>,
    },
    Judge,
}

/// One step of either kind.
enum Waiting {
    Interfaces(i64, Vec<Row<u16>>),
    Hosts(i64, Vec<Row<IpAddr16>>),
}

/// The level of series.
pub struct SeriesWatch {
    config: SeriesConfig,
    home: Vec<Prefix>,
    phase: Phase,
    model: Option<Arc<SeriesModel>>,
    interfaces: Followed<u16>,
    hosts: Followed<IpAddr16>,
    interface_sums: Sums<u16>,
    host_sums: Sums<IpAddr16>,
    /// Interfaces of the step under way, and its number.
    running: BTreeMap<u16, InterfaceSecond>,
    step: i64,
    first: Option<Timestamp>,
    last: Timestamp,
}

impl SeriesWatch {
    /// Learns from what it sees until `install`. Only hosts within `home` are followed, or all where that is empty.
    pub fn new(config: &SeriesConfig, home: Vec<Prefix>) -> Self {
        let sums = SumSettings {
            drift: config.drift,
            step_max: STEP_MAX,
            threshold: config.threshold,
            half_life_s: HALF_LIFE_S,
        };
        let interfaces = Bounds { series_max: INTERFACES_MAX, steps_max: config.interface_steps_max };
        let hosts = Bounds { series_max: config.hosts_max, steps_max: config.host_steps_max };
        Self {
            config: config.clone(),
            home,
            phase: if config.enabled { Phase::Learn } else { Phase::Off },
            model: None,
            interfaces: Followed::new(interface_series_schema(), interfaces),
            hosts: Followed::new(host_series_schema(), hosts),
            interface_sums: Sums::new(sums),
            host_sums: Sums::new(sums),
            running: BTreeMap::new(),
            step: i64::MIN,
            first: None,
            last: Timestamp(i64::MIN),
        }
    }

    /// Other home networks.
    pub fn set_home(&mut self, home: Vec<Prefix>) {
        self.home = home;
    }

    /// Keeps the steps that are to be judged until `learn`: all of them, or those after `teach_ns` of capture time.
    pub fn hold(&mut self, teach_ns: Option<i64>) {
        if self.config.enabled {
            self.phase = Phase::Hold { teach_ns, held: Vec::new() };
        }
    }

    /// Steps are judged from now on; their past goes on growing for later trainings.
    pub fn install(&mut self, model: Arc<SeriesModel>) {
        if self.config.enabled {
            self.interfaces.install(&model);
            self.hosts.install(&model);
            (self.model, self.phase) = (Some(model), Phase::Judge);
        }
    }

    /// What comes next does not continue what was seen: it is followed for a while before it is judged.
    pub fn interrupt(&mut self) {
        self.interfaces.interrupt();
        self.hosts.interrupt();
    }

    /// The model in place.
    pub fn model(&self) -> Option<&Arc<SeriesModel>> {
        self.model.as_ref()
    }

    /// Capture time between the first and the newest step, seconds.
    pub fn seen_s(&self) -> i64 {
        self.first.map_or(0, |first| self.last.since(first) / NS_PER_S)
    }

    /// Steps of series judged so far.
    pub fn judged(&self) -> u64 {
        self.interfaces.judged() + self.hosts.judged()
    }

    /// How the words of the models in place are spread: of interfaces, of hosts.
    pub fn scores(&self) -> [&MemberWatch; 2] {
        [self.interfaces.scores(), self.hosts.scores()]
    }

    /// What was forgotten at the bounds, by reason.
    pub fn drops(&self) -> Counters {
        let mut drops = Counters::default();
        let forgotten = self.interface_sums.forgotten() + self.host_sums.forgotten();
        drops.add("series_level.series_forgotten", forgotten + self.interfaces.replaced() + self.hosts.replaced());
        drops
    }

    /// What a training may take away.
    pub fn material(&self) -> Option<SeriesMaterial> {
        let (interfaces, hosts) = (self.interfaces.pasts(), self.hosts.pasts());
        let any = self.config.enabled && !(interfaces.0.is_empty() && hosts.0.is_empty());
        any.then(|| SeriesMaterial { interfaces, hosts, until: Some(self.last), settings: self.config.lstm.clone() })
    }

    /// True when so many steps wait that the model must learn from these.
    pub fn is_full(&self) -> bool {
        matches!(&self.phase, Phase::Hold { held, .. } if held.len() >= HELD_MAX)
    }

    /// One part of one second of one interface; parts of a second come before any part of a later step.
    pub fn second(&mut self, second: &InterfaceSecond, alerts: &mut Vec<Alert>) {
        if matches!(self.phase, Phase::Off) {
            return;
        }
        let step = second.ts.seconds().div_euclid(STEP_S);
        if step > self.step {
            self.close_interfaces(alerts);
            self.step = step;
        }
        if self.running.len() < INTERFACES_MAX || self.running.contains_key(&second.interface) {
            add(self.running.entry(second.interface).or_default(), second);
        }
    }

    fn close_interfaces(&mut self, alerts: &mut Vec<Alert>) {
        let row = |(interface, sums): (u16, InterfaceSecond)| {
            let mut values = Vec::with_capacity(interface_series_schema().features.len());
            interface_step_vector(&sums, &mut values);
            let weight = sums.packets.iter().sum::<u64>() as f64;
            let busiest = sums.top_receivers.first().map(|top| (top.sender_top, top.dest));
            Row { key: interface, name: u64::from(interface), weight, values, busiest }
        };
        let rows: Vec<Row<u16>> = std::mem::take(&mut self.running).into_iter().map(row).collect();
        if !rows.is_empty() {
            self.take(Waiting::Interfaces(self.step, rows), alerts);
        }
    }

    /// Closed windows of hosts, in order of time.
    pub fn windows(&mut self, windows: &[HostWindow], alerts: &mut Vec<Alert>) {
        if matches!(self.phase, Phase::Off) {
            return;
        }
        let counts = |window: &HostWindow| {
            i64::from(window.length_s) == STEP_S
                && (self.home.is_empty() || self.home.iter().any(|prefix| prefix.contains(window.host)))
        };
        let mut steps: BTreeMap<i64, Vec<Row<IpAddr16>>> = BTreeMap::new();
        for window in windows.iter().filter(|window| counts(window)) {
            let mut values = Vec::with_capacity(host_series_schema().features.len());
            host_step_vector(window, &mut values);
            let weight = (window.packets_out + window.packets_in) as f64;
            let name = address_word(window.host);
            let row = Row { key: window.host, name, weight, values, busiest: None };
            steps.entry(window.start.seconds().div_euclid(STEP_S)).or_default().push(row);
        }
        for (step, rows) in steps {
            self.take(Waiting::Hosts(step, rows), alerts);
        }
    }

    fn take(&mut self, waiting: Waiting, alerts: &mut Vec<Alert>) {
        let (Waiting::Interfaces(number, _) | Waiting::Hosts(number, _)) = &waiting;
        let end = Timestamp::from_parts((number + 1) * STEP_S, 0);
        let first = *self.first.get_or_insert(end.plus_ns(-STEP_S * NS_PER_S));
        self.last = self.last.max(end);
        match &mut self.phase {
            Phase::Hold { teach_ns: Some(ns), held } if end > first.plus_ns(*ns) => held.push(waiting),
            Phase::Hold { teach_ns: None, held } => held.push(waiting),
            _ => self.step(waiting, alerts),
        }
    }

    fn step(&mut self, waiting: Waiting, alerts: &mut Vec<Alert>) {
        match waiting {
            Waiting::Interfaces(number, rows) => {
                let mut told: Vec<Told<u16>> = Vec::new();
                self.interfaces.step(number, rows, &mut self.interface_sums, &mut told);
                alerts.extend(told.into_iter().map(interface_alert));
            }
            Waiting::Hosts(number, rows) => {
                let mut told: Vec<Told<IpAddr16>> = Vec::new();
                self.hosts.step(number, rows, &mut self.host_sums, &mut told);
                alerts.extend(told.into_iter().map(host_alert));
            }
        }
    }

    /// Learns from what was held or shown so far. Afterwards `judge_held` judges what waits.
    pub fn learn(&mut self, seed: u64) -> Option<Arc<SeriesModel>> {
        let Phase::Hold { teach_ns, held } = &mut self.phase else { return None };
        let steps = if teach_ns.is_none() { std::mem::take(held) } else { Vec::new() };
        // Judged is what waits, from a past that is its own: what was learned in a file is followed anew from its beginning.
        let again: Vec<Waiting> = steps.iter().map(Waiting::again).collect();
        for waiting in steps {
            self.step(waiting, &mut Vec::new());
        }
        let mut material = self.material();
        if let Some(material) = &mut material {
            material.settings.train_steps = self.config.file_train_steps;
            material.settings.batch = self.config.file_batch;
        }
        let model = material.and_then(|material| material.train(seed).ok()).map(Arc::new);
        if !again.is_empty() {
            self.begin_anew();
        }
        match &mut self.phase {
            _ if model.is_none() => self.phase = Phase::Off,
            Phase::Hold { held, .. } if !again.is_empty() => *held = again,
            _ => {}
        }
        model
    }

    fn begin_anew(&mut self) {
        let (phase, fresh) =
            (std::mem::replace(&mut self.phase, Phase::Off), Self::new(&self.config, self.home.clone()));
        (self.interfaces, self.hosts, self.phase) = (fresh.interfaces, fresh.hosts, phase);
    }

    /// Judges the held steps; the model stays in place.
    pub fn judge_held(&mut self, model: &Arc<SeriesModel>, alerts: &mut Vec<Alert>) {
        let Phase::Hold { held, .. } = std::mem::replace(&mut self.phase, Phase::Off) else { return };
        self.install(Arc::clone(model));
        for waiting in held {
            self.step(waiting, alerts);
        }
    }
}

impl Waiting {
    fn again(&self) -> Self {
        fn rows<K: Copy>(rows: &[Row<K>]) -> Vec<Row<K>> {
            rows.iter().map(|row| Row { values: row.values.clone(), ..*row }).collect()
        }
        match self {
            Self::Interfaces(number, of) => Self::Interfaces(*number, rows(of)),
            Self::Hosts(number, of) => Self::Hosts(*number, rows(of)),
        }
    }
}

/// What a training takes.
pub struct SeriesMaterial {
    interfaces: (Vec<Matrix>, Vec<u64>),
    hosts: (Vec<Matrix>, Vec<u64>),
    until: Option<Timestamp>,
    settings: LstmSettings,
}

impl SeriesMaterial {
    /// Learns; see [`SeriesModel::train`].
    ///
    /// # Errors
    /// Too few steps.
    pub fn train(&self, seed: u64) -> Result<SeriesModel, DetectError> {
        let lesson = |schema: &'static Schema, of: &'_ (Vec<Matrix>, Vec<u64>)| (schema, of.0.clone(), of.1.clone());
        let of = [lesson(interface_series_schema(), &self.interfaces), lesson(host_series_schema(), &self.hosts)];
        let lessons = of.each_ref().map(|(schema, series, names)| GroupLesson { schema, series, names });
        SeriesModel::train(&lessons, &SEASONS, &self.settings, seed, self.until)
    }
}

/// The schemas that a model of series may be made for.
pub fn series_schemas() -> [&'static Schema; 2] {
    [interface_series_schema(), host_series_schema()]
}

fn add(sums: &mut InterfaceSecond, second: &InterfaceSecond) {
    for class in 0..TrafficClass::COUNT {
        sums.packets[class] += second.packets[class];
        sums.bytes[class] += second.bytes[class];
    }
    sums.packets_in += second.packets_in;
    sums.packets_out += second.packets_out;
    sums.bytes_in += second.bytes_in;
    sums.bytes_out += second.bytes_out;
    sums.tcp_syn += second.tcp_syn;
    sums.flows_new += second.flows_new;
    // Of all seconds and parts, the receiver that got most in one.
    let busiest =
        sums.top_receivers.iter().chain(&second.top_receivers).max_by_key(|top| (top.packets, top.dest)).copied();
    sums.top_receivers = busiest.into_iter().collect();
}

fn interface_alert(told: Told<u16>) -> Alert {
    let who = record::observation::interface_words(told.key);
    let alert = alert(&who, interface_series_schema(), told.until, told.enough);
    let Some((src, dest)) = told.busiest else {
        return Alert { kind: Kind::AnomalousPackets, story: who, ..alert };
    };
    let title = format!("{}; busiest then: {src} to {dest}", alert.title);
    Alert { kind: Kind::AnomalousPackets, story: who, src: vec![src], dest: vec![dest], title, ..alert }
}

fn host_alert(told: Told<IpAddr16>) -> Alert {
    let who = told.key.to_string();
    let alert = alert(&who, host_series_schema(), told.until, told.enough);
    Alert { src: vec![told.key], story: who, ..alert }
}

/// `192.0.2.7 left its forecast: bytes sent in ten seconds 41 MB where at most 1.2 MB is usual`.
fn alert(who: &str, schema: &Schema, until: Timestamp, told: Enough) -> Alert {
    let phrase = |name: &str| {
        let feature = schema.features.iter().find(|feature| feature.name == name);
        feature.map_or_else(|| name.replace('_', " "), |feature| feature.phrase.to_string())
    };
    let title = match told.why.first() {
        Some(why) => {
            format!("{who} left its forecast: {} in ten seconds {}", phrase(&why.feature), super::against(why))
        }
        None => format!("{who} left its forecast"),
    };
    Alert {
        ts: until,
        first_seen: told.first,
        kind: Kind::AnomalousHost,
        detector: MEMBER,
        src: Vec::new(),
        dest: Vec::new(),
        dest_port: Vec::new(),
        score: (-told.p_value.log10() / 6.0).clamp(0.0, 1.0) as f32,
        severity: Severity::Low,
        title,
        detectors: vec![DetectorScore { name: MEMBER.to_owned(), score: f64::from(told.score), p_value: told.p_value }],
        why: told.why,
        flows: Vec::new(),
        packets: 0,
        story: String::new(),
        attack: Vec::new(),
    }
}

#[cfg(test)]
#[path = "series_test.rs"]
mod tests;
