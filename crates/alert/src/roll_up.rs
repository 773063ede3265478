//! Learned verdicts of one host to one decision: a one-sided cumulative sum (Page 1954) of −ln p over its flows. Under the
//! calibration benign p-values are uniform, −ln p has mean 1, and the sum drifts down; many weakly strange flows lift it,
//! one mild outlier does not. Also gathers what the incident will need: flows, peers, reasons, member scores.

use record::{DetectorScore, FlowBrief, IpAddr16, Kind, Timestamp, Verdict, Why, timestamp::NS_PER_S};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Settings of the roll-up.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RollUpConfig {
    /// Taken off each flow's −ln p. Benign flows have mean 1; at 3 a host needs p below 0.05 to rise at all. Default 3.
    pub drift: f64,
    /// Sum at which a host becomes an incident. With drift 3 and independent benign flows it is reached less than once
    /// in a million flows (e^(−0.94·15)). Default 15.
    pub threshold: f64,
    /// A single flow at or below this p-value is an incident by itself. Default 1e-7.
    pub single_p_value: f64,
    /// Most that one flow may add to the sum, so that one flow never stands for many. Default 10.
    pub step_max: f64,
    /// Time in which a quiet host's sum halves, seconds. Default 3600.
    pub half_life_s: u32,
    /// Hosts remembered; the longest quiet goes first. Default 16384.
    pub hosts_max: usize,
}

impl Default for RollUpConfig {
    fn default() -> Self {
        Self { drift: 3.0, threshold: 15.0, single_p_value: 1e-7, step_max: 10.0, half_life_s: 3600, hosts_max: 16_384 }
    }
}

/// How often a feature led, and its strongest appearance.
#[derive(Clone, Debug)]
struct Reason {
    strongest: Why,
    weight: f64,
}

/// Evidence gathered of one host since its sum left zero.
#[derive(Clone, Debug, Default)]
pub(crate) struct Gathered {
    sum: f64,
    touched: Timestamp,
    pub(crate) first: Timestamp,
    pub(crate) last: Timestamp,
    pub(crate) flows: Vec<u64>,
    pub(crate) flow_count: u64,
    pub(crate) packets: u64,
    pub(crate) dest: Vec<IpAddr16>,
    pub(crate) dest_port: Vec<u16>,
    pub(crate) score: f32,
    pub(crate) p_value: f64,
    pub(crate) detectors: Vec<DetectorScore>,
    /// Sum of −ln p over the flows, for ranking candidates.
    pub(crate) strength: f64,
    reasons: BTreeMap<String, Reason>,
}

impl Gathered {
    fn add(&mut self, flow: &FlowBrief, verdict: &Verdict, surprise: f64, list_max: usize) {
        if self.flow_count == 0 {
            self.first = flow.start;
            self.p_value = 1.0;
        }
        self.first = self.first.min(flow.start);
        self.last = self.last.max(flow.end).max(self.first);
        self.flow_count += 1;
        self.packets += flow.packets;
        self.strength += surprise;
        self.score = self.score.max(verdict.score);
        self.p_value = self.p_value.min(verdict.p_value);
        crate::merge::merge_sorted(&mut self.dest, &[flow.dest().addr], list_max);
        if flow.dest().port != 0 {
            crate::merge::merge_sorted(&mut self.dest_port, &[flow.dest().port], list_max);
        }
        crate::merge::merge_sorted(&mut self.flows, &[flow.flow_id], list_max);
        let members: Vec<DetectorScore> = verdict
            .members
            .iter()
            .filter(|m| m.admitted)
            .map(|m| DetectorScore { name: m.name.clone(), score: f64::from(m.score), p_value: m.p_value })
            .collect();
        crate::merge::merge_detectors(&mut self.detectors, &members);
        for why in &verdict.why {
            let weight = why.share * surprise;
            let known = self.reasons.entry(why.feature.clone());
            let reason = known.or_insert_with(|| Reason { strongest: why.clone(), weight: 0.0 });
            reason.weight += weight;
            if why.share > reason.strongest.share {
                reason.strongest = why.clone();
            }
        }
    }

    /// The reasons that led most of the evidence, strongest first, shares adding to at most 1.
    pub(crate) fn why(&self) -> Vec<Why> {
        let total: f64 = self.strength.max(f64::MIN_POSITIVE);
        let mut list: Vec<(&Reason, f64)> = self.reasons.values().map(|r| (r, r.weight / total)).collect();
        list.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| a.0.strongest.feature.cmp(&b.0.strongest.feature)));
        list.into_iter().take(5).map(|(r, share)| Why { share: share.clamp(0.0, 1.0), ..r.strongest.clone() }).collect()
    }

    /// One flow, or several to one service, is about flows; more is about the host.
    pub(crate) fn kind(&self) -> Kind {
        if self.flow_count <= 3 && self.dest.len() <= 1 { Kind::AnomalousFlow } else { Kind::AnomalousHost }
    }
}

/// All hosts.
pub(crate) struct RollUp {
    config: RollUpConfig,
    list_max: usize,
    hosts: BTreeMap<IpAddr16, Gathered>,
    order: BTreeSet<(Timestamp, IpAddr16)>,
    pub(crate) evicted: u64,
    /// Flows of hosts whose sum fell back to zero, or that were evicted.
    pub(crate) faded_flows: u64,
}

impl RollUp {
    pub(crate) fn new(config: &RollUpConfig, list_max: usize) -> Self {
        Self {
            config: config.clone(),
            list_max,
            hosts: BTreeMap::new(),
            order: BTreeSet::new(),
            evicted: 0,
            faded_flows: 0,
        }
    }

    /// Takes new settings; what hosts have gathered stays.
    pub(crate) fn reconfigure(&mut self, config: &RollUpConfig, list_max: usize) {
        self.config = config.clone();
        self.list_max = list_max;
    }

    /// −ln p, bounded so that p = 0 stays finite.
    pub(crate) fn surprise(p_value: f64) -> f64 {
        let p = if p_value.is_finite() { p_value.clamp(1e-300, 1.0) } else { 1.0 };
        -p.ln()
    }

    /// True when a flow of this surprise lifts its host's sum.
    pub(crate) fn lifts(&self, surprise: f64) -> bool {
        surprise > self.config.drift
    }

    /// Takes one verdict; what was gathered when the host's sum has reached the threshold.
    pub(crate) fn take(&mut self, flow: &FlowBrief, verdict: &Verdict) -> Option<Gathered> {
        let src = flow.src().addr;
        let surprise = Self::surprise(verdict.p_value);
        let known = self.hosts.contains_key(&src);
        if !known && !self.lifts(surprise) {
            return None;
        }
        if !known {
            self.make_room();
        }
        let config = &self.config;
        let host = self.hosts.entry(src).or_default();
        if known {
            self.order.remove(&(host.touched, src));
            let quiet_s = verdict.ts.since(host.touched).max(0) as f64 / NS_PER_S as f64;
            host.sum *= (-quiet_s / f64::from(config.half_life_s.max(1))).exp2();
        }
        host.touched = host.touched.max(verdict.ts);
        host.sum += (surprise - config.drift).min(config.step_max);
        if surprise > config.drift {
            host.add(flow, verdict, surprise, self.list_max);
        }
        let fires = host.sum >= config.threshold || verdict.p_value <= config.single_p_value;
        if fires || host.sum <= 0.0 {
            let gathered = self.hosts.remove(&src)?;
            if fires {
                return Some(gathered);
            }
            self.faded_flows += gathered.flow_count;
            return None;
        }
        self.order.insert((host.touched, src));
        None
    }

    fn make_room(&mut self) {
        while self.hosts.len() >= self.config.hosts_max.max(1) {
            let Some((_, ip)) = self.order.pop_first() else { return };
            self.faded_flows += self.hosts.remove(&ip).map_or(0, |g| g.flow_count);
            self.evicted += 1;
        }
    }

    pub(crate) fn hosts(&self) -> usize {
        self.hosts.len()
    }

    /// Flows gathered of hosts that have not become incidents (yet).
    pub(crate) fn pending_flows(&self) -> u64 {
        self.hosts.values().map(|g| g.flow_count).sum()
    }

    /// What one flow alone would show, for a host that is an incident already.
    pub(crate) fn single(&self, flow: &FlowBrief, verdict: &Verdict) -> Gathered {
        let mut gathered = Gathered::default();
        gathered.add(flow, verdict, Self::surprise(verdict.p_value), self.list_max);
        gathered
    }
}
