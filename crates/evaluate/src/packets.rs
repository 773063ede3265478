//! The packet level beside the flows: keeps damped statistics of sampled packets, learns from them, and then judges them,
//! pooled for each flow and for each host and second. Owns these pools and the sums that become alerts; the network is
//! `detect`'s, the choice of packets the sampler's.

use crate::lesson::Lesson;
use crate::packet_lesson::{PacketChallenge, PacketMaterial, PacketReservoir};
use crate::sampler::{PacketConfig, address_word, mac_word};
use crate::watch::MemberWatch;
use detect::packet::{COLUMNS, Damped, MEMBER, PacketModel, SecondScore, log_columns};
use flow::mix;
use record::{
    Alert, Counters, DetectorScore, FlowKey, IpAddr16, Kind, MacAddr, MemberScore, PacketSample, Severity, Timestamp,
    Why, timestamp::NS_PER_S,
};
use std::collections::{BTreeMap, HashMap};
use std::hash::BuildHasherDefault;
use std::sync::Arc;

/// Streams that statistics are kept of, 80 bytes each.
const STREAMS_MAX: usize = 1 << 15;
/// Packets that wait in a file analysis until the model has learned; then it learns from these.
const HELD_MAX: usize = 32_768;
/// Packets of the epoch in which that many were reached.
const HELD_SLACK: usize = 8_192;
/// Flows whose packets are pooled, in each of two generations.
const POOLS_MAX: usize = 32_768;
/// Senders followed in one second, and sums remembered.
const SENDERS_MAX: usize = 4_096;
/// Most that one second of a host adds to its sum, so that one second never stands for many.
const STEP_MAX: f64 = 8.0;
/// Time in which a quiet host's sum halves, seconds.
const HALF_LIFE_S: f64 = 600.0;
/// A sender that was told of asks for that much more evidence the next time, at most.
const ALERTS_MAX: u32 = 8;
/// Alerts older than this count half.
const FORGET_ALERTS_NS: i64 = 86_400 * NS_PER_S;
/// Nothing is learned of a sender whose sum has reached this share of the threshold.
const STRANGE_SHARE: f64 = 0.5;
/// Peers named in one alert.
const PEERS_MAX: usize = 16;
/// Classes of −log10 p in a flow's pool, half a decade each.
const CLASSES: usize = 16;

/// Who sent a packet: an address, or a device where there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Sender {
    Host(IpAddr16),
    Device(MacAddr),
}

/// What one sender did in the second under way.
struct Second {
    score: SecondScore,
    strongest: (f64, f32, [f32; COLUMNS], PacketSample),
}

/// Evidence of one sender since its sum left zero.
#[derive(Clone, Default)]
struct Sum {
    value: f64,
    touched: Timestamp,
    first: Timestamp,
    packets: u64,
    peers: Vec<IpAddr16>,
    ports: Vec<u16>,
    why: Vec<Why>,
    why_p_value: f64,
    score: f32,
    /// Alerts told of this sender, halved each day: each asks for as much evidence again.
    alerts: u32,
    alerted: Timestamp,
}

/// One flow's packets by −log10 p.
#[derive(Clone, Copy, Default)]
struct Pool {
    classes: [u16; CLASSES],
    strongest: (f32, f32),
    packets: u32,
}

/// Scores of a flow's packets: the strangest, and the one that nine in ten stay below.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FlowPackets {
    /// Packets judged.
    pub packets: u32,
    /// Score and p-value of the strangest packet.
    pub max: (f32, f32),
    /// p-value that one packet in ten is at or below, to half a decade.
    pub tenth_p_value: f32,
}

impl FlowPackets {
    /// As members of a verdict. They have no vote in it: the packet level raises its own alerts.
    pub fn members(&self) -> [MemberScore; 2] {
        let member = |name: &str, score: f32, p_value: f32| MemberScore {
            name: name.to_owned(),
            score,
            p_value: f64::from(p_value),
            admitted: false,
        };
        let tenth = -self.tenth_p_value.log10();
        [member("kitnet_max", self.max.0, self.max.1), member("kitnet_q90", tenth, self.tenth_p_value)]
    }
}

/// A packet with its statistics, waiting.
struct Held {
    samples: Vec<PacketSample>,
    rows: Vec<[f32; COLUMNS]>,
    /// Of all of them, once there is a model.
    scores: Vec<f32>,
    next: usize,
}

impl Held {
    fn new() -> Self {
        Self { samples: Vec::new(), rows: Vec::new(), scores: Vec::new(), next: 0 }
    }

    /// With room for all that may wait: memory that is never touched costs nothing, growing would touch it twice.
    fn roomy() -> Self {
        let room = HELD_MAX + HELD_SLACK;
        Self { samples: Vec::with_capacity(room), rows: Vec::with_capacity(room), ..Self::new() }
    }
}

enum Phase {
    /// Not judged: switched off, or there was too little to learn from.
    Off,
    /// Learning; the packets themselves are not kept.
    Learn,
    /// Learning up to a time after the first packet, nanoseconds (None: all of it); packets that are to be judged wait.
    Hold { teach_ns: Option<i64>, held: Held },
    /// Judging.
    Judge(Arc<PacketModel>),
}

/// The packet level.
pub struct PacketWatch {
    config: PacketConfig,
    damped: Damped,
    lesson: Lesson,
    /// For trainings after the first; None where the model is not renewed.
    kept: Option<PacketReservoir>,
    phase: Phase,
    first: Option<Timestamp>,
    last: Timestamp,
    second: i64,
    seconds: BTreeMap<Sender, Second>,
    sums: BTreeMap<Sender, Sum>,
    pools: [HashMap<FlowKey, Pool, BuildHasherDefault<flow::FixedHasher>>; 2],
    judged: u64,
    scores: MemberWatch,
    pools_forgotten: u64,
    senders_forgotten: u64,
}

impl PacketWatch {
    /// Learns from what it sees until `install`.
    pub fn new(config: &PacketConfig) -> Self {
        Self {
            config: config.clone(),
            damped: Damped::new(if config.enabled { STREAMS_MAX } else { 1 }),
            lesson: Lesson::new(COLUMNS, config.rows_max),
            kept: None,
            phase: if config.enabled { Phase::Learn } else { Phase::Off },
            first: None,
            last: Timestamp(i64::MIN),
            second: i64::MIN,
            seconds: BTreeMap::new(),
            sums: BTreeMap::new(),
            pools: Default::default(),
            judged: 0,
            scores: MemberWatch::default(),
            pools_forgotten: 0,
            senders_forgotten: 0,
        }
    }

    /// Keeps the packets that are to be judged until `learn`: all of them, or those after `teach_ns` of capture time.
    pub fn hold(&mut self, teach_ns: Option<i64>) {
        if self.config.enabled {
            self.phase = Phase::Hold { teach_ns, held: Held::roomy() };
        }
    }

    /// Packets are judged from now on.
    pub fn install(&mut self, model: Arc<PacketModel>) {
        if self.config.enabled {
            self.phase = Phase::Judge(model);
            self.scores = MemberWatch::default();
            self.lesson = Lesson::new(COLUMNS, 1);
        }
    }

    /// The model in place.
    pub fn model(&self) -> Option<&Arc<PacketModel>> {
        if let Phase::Judge(model) = &self.phase { Some(model) } else { None }
    }

    /// Capture time between the first and the newest packet, seconds.
    pub fn seen_s(&self) -> i64 {
        self.first.map_or(0, |first| self.last.since(first) / NS_PER_S)
    }

    /// Packets judged so far.
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
        drops.add("packet_level.streams_forgotten", self.damped.forgotten());
        drops.add("packet_level.flows_forgotten", self.pools_forgotten);
        drops.add("packet_level.senders_forgotten", self.senders_forgotten);
        drops
    }

    /// What a training may take away: rows, their seconds and senders. None while there is not enough.
    pub fn material(&self) -> Option<PacketMaterial> {
        let learns = matches!(self.phase, Phase::Learn) && self.lesson.len() >= self.config.rows_min;
        learns.then(|| PacketMaterial::of(self.lesson.clone(), self.config.rows_min))
    }

    /// Keeps judged packets for later trainings from now on.
    pub fn keep_reservoir(&mut self) {
        self.kept = self.config.enabled.then(|| PacketReservoir::new(self.config.rows_max));
    }

    /// What a challenger may be trained on and judged by; None while there is not enough.
    pub fn challenge(&self) -> Option<PacketChallenge> {
        self.kept.as_ref().and_then(|kept| kept.material(self.config.rows_min))
    }

    /// Takes the seconds that are over among what is kept, but for hosts of which `in_incident` says that they are in an open one.
    pub(crate) fn settle(&mut self, in_incident: impl Fn(IpAddr16) -> bool) {
        if let Some(kept) = &mut self.kept {
            kept.settle(in_incident);
        }
    }

    /// True when so many packets wait that the model must learn from these.
    pub fn is_full(&self) -> bool {
        matches!(&self.phase, Phase::Hold { held, .. } if held.samples.len() >= HELD_MAX)
    }

    /// Takes one packet; alerts go to `alerts`.
    pub fn observe(&mut self, sample: &PacketSample, alerts: &mut Vec<Alert>) {
        if matches!(self.phase, Phase::Off) {
            return;
        }
        let mut columns = [0.0; COLUMNS];
        let (bytes, count) = (f64::from(sample.wire_len), f64::from(sample.count));
        self.damped.update(sample.ts, bytes, count, &streams(sample), &mut columns);
        log_columns(&mut columns);
        let first = *self.first.get_or_insert(sample.ts);
        self.last = self.last.max(sample.ts);
        match &mut self.phase {
            Phase::Off => {}
            Phase::Learn => self.lesson.push(&columns, sample.ts.seconds(), sender_word(sample)),
            Phase::Hold { teach_ns: Some(ns), .. } if sample.ts <= first.plus_ns(*ns) => {
                self.lesson.push(&columns, sample.ts.seconds(), sender_word(sample));
            }
            Phase::Hold { held, .. } => {
                held.samples.push(*sample);
                held.rows.push(columns);
            }
            Phase::Judge(model) => {
                let model = Arc::clone(model);
                self.judge(&model, sample, columns, model.score(&columns), alerts);
            }
        }
    }

    /// Learns from what was held or shown so far. Afterwards `judge_held` judges what waits.
    pub fn learn(&mut self, seed: u64) -> Option<Arc<PacketModel>> {
        let Phase::Hold { teach_ns, held } = &self.phase else { return None };
        if teach_ns.is_none() {
            for (sample, row) in held.samples.iter().zip(&held.rows) {
                self.lesson.push(row, sample.ts.seconds(), sender_word(sample));
            }
        }
        let lesson = std::mem::replace(&mut self.lesson, Lesson::new(COLUMNS, 1));
        let material = PacketMaterial::of(lesson, self.config.rows_min);
        if let Ok(model) = material.train(seed) {
            return Some(Arc::new(model));
        }
        self.phase = Phase::Off;
        None
    }

    /// Judges the held packets up to `until`; at the last of them the model stays in place.
    pub fn judge_held(&mut self, model: &Arc<PacketModel>, until: Timestamp, alerts: &mut Vec<Alert>) {
        let Phase::Hold { held, .. } = &mut self.phase else { return };
        let mut waiting = std::mem::replace(held, Held::new());
        if waiting.scores.len() != waiting.rows.len() {
            waiting.scores = model.scores(&waiting.rows);
        }
        while let Some(sample) = waiting.samples.get(waiting.next).filter(|sample| sample.ts <= until) {
            let (sample, row, score) = (*sample, waiting.rows[waiting.next], waiting.scores[waiting.next]);
            waiting.next += 1;
            self.judge(model, &sample, row, score, alerts);
        }
        if let Phase::Hold { held, .. } = &mut self.phase {
            *held = waiting;
        }
    }

    /// What the packets of a flow looked like; forgets them.
    pub fn take_flow(&mut self, key: &FlowKey) -> Option<FlowPackets> {
        let pools = self.pools.each_mut().map(|pools| pools.remove(key));
        pools.into_iter().flatten().next().map(|pool| pool.told())
    }

    /// The input ended, or time went on without packets: the second under way is weighed.
    pub fn advance(&mut self, now: Timestamp, alerts: &mut Vec<Alert>) {
        if now.seconds() > self.second {
            self.close_second(alerts);
        }
    }

    fn judge(
        &mut self,
        model: &PacketModel,
        sample: &PacketSample,
        row: [f32; COLUMNS],
        score: f32,
        alerts: &mut Vec<Alert>,
    ) {
        let second = sample.ts.seconds();
        if second > self.second {
            self.close_second_of(model, alerts);
            self.second = second;
        }
        self.judged += 1;
        let p_value = model.p_value(score);
        self.scores.see(p_value);
        if sample.has_flow {
            self.pool(sample.key, score, p_value);
        }
        let sender = sender(sample);
        if let Some(kept) = &mut self.kept {
            kept.wait(&row, second, sender.word(), sender.host());
        }
        if self.seconds.len() >= SENDERS_MAX && !self.seconds.contains_key(&sender) {
            self.senders_forgotten += 1;
            return;
        }
        let new = || Second { score: SecondScore::default(), strongest: (f64::INFINITY, 0.0, row, *sample) };
        let of = self.seconds.entry(sender).or_insert_with(new);
        of.score.add(p_value);
        if p_value < of.strongest.0 {
            of.strongest = (p_value, score, row, *sample);
        }
    }

    fn pool(&mut self, key: FlowKey, score: f32, p_value: f64) {
        if self.pools[0].len() >= POOLS_MAX && !self.pools[0].contains_key(&key) {
            self.pools.swap(0, 1);
            self.pools_forgotten += self.pools[0].len() as u64;
            self.pools[0].clear();
        }
        if let Some(older) = self.pools[1].remove(&key) {
            self.pools[0].insert(key, older);
        }
        self.pools[0].entry(key).or_default().add(score, p_value);
    }

    fn close_second(&mut self, alerts: &mut Vec<Alert>) {
        if let Phase::Judge(model) = &self.phase {
            let model = Arc::clone(model);
            self.close_second_of(&model, alerts);
        }
    }

    /// Weighs the second that is over: each sender's sum rises by what was strange in it.
    fn close_second_of(&mut self, model: &PacketModel, alerts: &mut Vec<Alert>) {
        let end = Timestamp::from_parts(self.second.saturating_add(1), 0);
        let mut strange = Vec::new();
        for (sender, second) in std::mem::take(&mut self.seconds) {
            let p_value = model.second_p_value(second.score.mean());
            let step = step(p_value, self.config.drift);
            if step <= 0.0 && !self.sums.contains_key(&sender) {
                continue;
            }
            if self.sums.len() >= SENDERS_MAX && !self.sums.contains_key(&sender) {
                self.forget_sums();
            }
            let sum = self.sums.entry(sender).or_default();
            sum.add(step, end, p_value, &second, model);
            if sum.value >= self.config.threshold * STRANGE_SHARE {
                strange.push(sender.word());
            }
            if sum.value >= self.config.threshold * sum.told() {
                if model.member().admitted {
                    alerts.push(sum.alert(sender, end));
                }
                sum.tell(end);
            } else if sum.value <= 0.0 && sum.alerts == 0 {
                self.sums.remove(&sender);
            }
        }
        if let Some(kept) = &mut self.kept {
            kept.close(&strange);
        }
    }

    /// The half that was quiet longest leaves.
    fn forget_sums(&mut self) {
        let mut touched: Vec<(Timestamp, Sender)> =
            self.sums.iter().map(|(sender, sum)| (sum.touched, *sender)).collect();
        touched.sort_unstable();
        for (_, sender) in touched.iter().take(SENDERS_MAX / 2) {
            self.sums.remove(sender);
            self.senders_forgotten += 1;
        }
    }
}

impl Pool {
    fn add(&mut self, score: f32, p_value: f64) {
        let class = ((-p_value.log10() * 2.0) as usize).min(CLASSES - 1);
        self.classes[class] = self.classes[class].saturating_add(1);
        if self.packets == 0 || score > self.strongest.0 {
            self.strongest = (score, p_value as f32);
        }
        self.packets += 1;
    }

    fn told(&self) -> FlowPackets {
        let all: u32 = self.classes.iter().map(|count| u32::from(*count)).sum();
        let mut above = 0;
        let class = (0..CLASSES).rev().find(|class| {
            above += u32::from(self.classes[*class]);
            above * 10 >= all
        });
        let tenth_p_value = 10_f32.powf(-(class.unwrap_or(0) as f32) / 2.0);
        FlowPackets { packets: self.packets, max: self.strongest, tenth_p_value }
    }
}

impl Sum {
    fn add(&mut self, step: f64, end: Timestamp, p_value: f64, second: &Second, model: &PacketModel) {
        if self.value > 0.0 {
            let quiet_s = end.since(self.touched).max(0) as f64 / NS_PER_S as f64;
            self.value *= (-quiet_s / HALF_LIFE_S).exp2();
        } else {
            let Self { alerts, alerted, .. } = *self;
            *self = Self { first: end.plus_ns(-NS_PER_S), why_p_value: 1.0, alerts, alerted, ..Self::default() };
        }
        self.value = (self.value + step).max(0.0);
        self.touched = end;
        self.packets += u64::from(second.score.count());
        if step <= 0.0 {
            return;
        }
        let (_, score, row, sample) = &second.strongest;
        if p_value < self.why_p_value || self.why.is_empty() {
            (self.why, self.why_p_value, self.score) = (model.explain(row), p_value, *score);
        }
        if sample.has_flow {
            let (_, peer) = sample.key.ends(sample.from_low);
            if self.peers.len() < PEERS_MAX && !self.peers.contains(&peer.addr) {
                self.peers.push(peer.addr);
            }
            if peer.port != 0 && self.ports.len() < PEERS_MAX && !self.ports.contains(&peer.port) {
                self.ports.push(peer.port);
            }
        }
    }

    /// How many times the threshold this sender's evidence must reach.
    fn told(&self) -> f64 {
        f64::from(self.alerts + 1)
    }

    /// It was told: evidence is gathered anew, and more of it is asked for.
    fn tell(&mut self, end: Timestamp) {
        if end.since(self.alerted) > FORGET_ALERTS_NS {
            self.alerts /= 2;
        }
        let alerts = (self.alerts + 1).min(ALERTS_MAX);
        *self = Self { touched: end, alerts, alerted: end, ..Self::default() };
    }

    fn alert(&mut self, sender: Sender, end: Timestamp) -> Alert {
        self.peers.sort_unstable();
        self.ports.sort_unstable();
        let (src, who) = match sender {
            Sender::Host(address) => (vec![address], address.to_string()),
            Sender::Device(mac) => (Vec::new(), mac.to_string()),
        };
        Alert {
            ts: end,
            first_seen: self.first,
            kind: Kind::AnomalousPackets,
            detector: MEMBER,
            src,
            dest: std::mem::take(&mut self.peers),
            dest_port: std::mem::take(&mut self.ports),
            score: (-self.why_p_value.log10() / 6.0).clamp(0.0, 1.0) as f32,
            severity: Severity::Low,
            title: title(&who, &self.why),
            why: self.why.clone(),
            detectors: vec![DetectorScore {
                name: MEMBER.to_owned(),
                score: f64::from(self.score),
                p_value: self.why_p_value,
            }],
            flows: Vec::new(),
            packets: self.packets,
            story: who,
            attack: Vec::new(),
        }
    }
}

/// `192.0.2.7 sent packets unlike those learned: packets of this sender over 10s 5,120 where 3 to 400 is usual`.
fn title(who: &str, why: &[Why]) -> String {
    let Some((first, phrase)) = why.first().and_then(|why| Some((why, detect::packet::column_phrase(&why.feature)?)))
    else {
        return format!("{who} sent packets unlike those learned");
    };
    let [low, high] = first.expected;
    let value = first.value;
    format!("{who} sent packets unlike those learned: {phrase} {value:.0} where {low:.0} to {high:.0} is usual")
}

fn sender(sample: &PacketSample) -> Sender {
    if sample.has_flow { Sender::Host(sample.key.ends(sample.from_low).0.addr) } else { Sender::Device(sample.src_mac) }
}

impl Sender {
    /// A number that tells senders apart.
    fn word(self) -> u64 {
        match self {
            Self::Host(address) => address_word(address),
            Self::Device(mac) => mac_word(mac) | 1 << 63,
        }
    }

    fn host(self) -> Option<IpAddr16> {
        if let Self::Host(address) = self { Some(address) } else { None }
    }
}

pub(crate) fn sender_word(sample: &PacketSample) -> u64 {
    sender(sample).word()
}

/// What a second of this p-value adds to its sender's sum.
pub(crate) fn step(p_value: f64, drift: f64) -> f64 {
    (-p_value.ln()).min(STEP_MAX + drift) - drift
}

/// Sender's device and address; sender; the two hosts; the connection. 0 where there is none.
pub(crate) fn streams(sample: &PacketSample) -> [u64; 4] {
    let device = mac_word(sample.src_mac);
    if !sample.has_flow {
        return [mix(device | 1 << 62) | 1, 0, mix(device ^ mac_word(sample.dest_mac).rotate_left(17)) | 1, 0];
    }
    let (from, to) = sample.key.ends(sample.from_low);
    let (a, b) = (address_word(from.addr), address_word(to.addr));
    let channel = mix(a ^ b.rotate_left(23));
    let ports = u64::from(from.port) << 32 | u64::from(to.port) << 8 | u64::from(sample.key.proto);
    [
        mix(device ^ a.rotate_left(11)) | 1,
        mix(a) | 1,
        channel | 1,
        mix(channel ^ ports.wrapping_mul(0x9e37_79b9_7f4a_7c15)) | 1,
    ]
}

#[cfg(test)]
#[path = "packets_test.rs"]
mod tests;
