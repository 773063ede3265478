//! Volume of hosts: the bytes and packets a minute of the busiest home hosts, each held against its own usual week. Owns which hosts are
//! the busiest and the words of the alert; the usual week and the rule are `usual_week` and `week_watch`. Amounts are those of flow
//! reports, so that a transfer counts when it is reported: at its end, or every five minutes while it lasts.

use super::lru::Lru;
use super::text::{self, alert, may_be_broadcast};
use super::usual_week::{Calendar, Past};
use super::week_watch::{Bar, Clock, Closed, Counted, Left, Rule, Tick};
use super::{Behaviour, Context, Wants};
use crate::DetectError;
use crate::blob::{Reader, Writer};
use record::{Alert, Counters, FlowRecord, IpAddr16, Kind, Observation, Severity, Timestamp};
use serde::{Deserialize, Serialize};

/// Bytes received, bytes sent, packets of both directions.
const METRICS: usize = 3;
/// Peers told apart in one window.
const PEERS_MAX: usize = 16;
/// Hosts read from a memory at most.
const READ_MAX: usize = 65_536;
/// A newcomer must be so many times as busy as the quietest host that it takes the place of.
const NEWCOMER_RATIO: f64 = 2.0;

/// Settings of the volume of hosts.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct VolumeHostConfig {
    /// Length of a window, seconds. Default 300, as often as a flow that lasts is reported.
    pub window_s: u32,
    /// Hours in which a host was watched before anything is said of it. Default 24.
    pub learn_h: u32,
    /// Deviations of the logarithm to either side of the middle that are usual. Default 4.
    pub deviations: f64,
    /// Times the largest window of the last four weeks. Default 4.
    pub past_ratio: f64,
    /// At an hour of the week that was always quiet: times the largest window of that hour. Default 20.
    pub quiet_ratio: f64,
    /// Weeks in which an hour was watched before it counts as quiet. Default 2.
    pub weeks_min: u32,
    /// Windows in a row before an alert. Default 2.
    pub windows_min: u32,
    /// Bytes a minute below which nothing is reported. Default 5000000.
    pub floor_bytes_per_min: f64,
    /// Packets a minute below which nothing is reported. Default 10000.
    pub floor_packets_per_min: f64,
    /// Hosts with a usual week of their own: the busiest. Default 256 (about 1 MiB).
    pub hosts_max: usize,
    /// Other hosts whose bytes of the hour are counted, to find the busiest. Default 4096.
    pub waiting_max: usize,
}

impl Default for VolumeHostConfig {
    fn default() -> Self {
        Self {
            window_s: 300,
            learn_h: 24,
            deviations: 4.0,
            past_ratio: 4.0,
            quiet_ratio: 20.0,
            weeks_min: 2,
            windows_min: 2,
            floor_bytes_per_min: 5e6,
            floor_packets_per_min: 10_000.0,
            hosts_max: 256,
            waiting_max: 4096,
        }
    }
}

impl VolumeHostConfig {
    fn rule(&self) -> Rule {
        Rule {
            window_s: self.window_s,
            learn_h: self.learn_h,
            deviations: self.deviations,
            past_ratio: self.past_ratio,
            quiet_ratio: self.quiet_ratio,
            weeks_min: self.weeks_min,
            windows_min: self.windows_min,
        }
    }

    fn floors(&self) -> [f64; METRICS] {
        [self.floor_bytes_per_min, self.floor_bytes_per_min, self.floor_packets_per_min]
    }
}

struct Host {
    counted: Counted<METRICS>,
    /// Bytes of the running hour, and their weighted mean over hours: who is busiest.
    hour_bytes: f64,
    busy: f64,
    /// Other ends of the window, with bytes.
    peers: Vec<(IpAddr16, f64)>,
    flows: Vec<u64>,
}

impl Host {
    fn of(counted: Counted<METRICS>, busy: f64) -> Self {
        Self { counted, hour_bytes: 0.0, busy, peers: Vec::new(), flows: Vec::new() }
    }
}

/// The detector.
pub struct VolumeHost {
    config: VolumeHostConfig,
    rule: Rule,
    clock: Clock,
    hour: i64,
    /// The busiest host of each hour: what a host without a week of its own is held against.
    busiest: Past<METRICS>,
    hosts: Lru<IpAddr16, Host>,
    /// Bytes of the running hour of hosts that found no place.
    waiting: Lru<IpAddr16, f64>,
    replaced: u64,
    waiting_evicted: u64,
}

impl VolumeHost {
    /// Builds it.
    #[must_use]
    pub fn new(config: &VolumeHostConfig) -> Self {
        Self {
            rule: config.rule(),
            clock: Clock::default(),
            hour: i64::MIN,
            busiest: Past::new(0),
            hosts: Lru::new(config.hosts_max),
            waiting: Lru::new(config.waiting_max),
            replaced: 0,
            waiting_evicted: 0,
            config: config.clone(),
        }
    }

    fn reach(&mut self, now: Timestamp, out: &mut Vec<Alert>) {
        match self.clock.reach(now, &self.rule) {
            Tick::Same => {}
            Tick::Forget => (self.hosts, self.busiest) = (Lru::new(self.config.hosts_max), Past::new(0)),
            Tick::Closed(closed) => self.close(closed, out),
        }
    }

    fn close(&mut self, closed: Closed, out: &mut Vec<Alert>) {
        let calendar = &self.clock.calendar;
        let ceilings = std::array::from_fn(|metric| self.busiest.usual(metric, closed.hour, calendar, 0.0).largest);
        let bar = Bar { rule: &self.rule, calendar, floors: self.config.floors(), ceilings };
        let hosts: Vec<IpAddr16> = self.hosts.iter().map(|(ip, _)| *ip).collect();
        let mut most = [0.0_f64; METRICS];
        for ip in hosts {
            let Some(host) = self.hosts.peek_mut(&ip) else { continue };
            if let Some(left) = host.counted.close(closed, &bar) {
                out.push(host_alert(ip, host, &left, &self.rule));
            }
            most.iter_mut().zip(host.counted.usual_rates()).for_each(|(most, rate)| *most = most.max(rate));
            host.peers.clear();
            host.flows.clear();
        }
        self.busiest.learn(closed.hour, &most);
        let hour = self.clock.hour(&self.rule);
        if hour != self.hour {
            self.hour = hour;
            self.turn_hour();
        }
    }

    /// An hour is over: the busiest of those that wait take the places of the quietest.
    fn turn_hour(&mut self) {
        let hosts: Vec<IpAddr16> = self.hosts.iter().map(|(ip, _)| *ip).collect();
        let mut quietest: Vec<(f64, IpAddr16)> = Vec::new();
        for ip in hosts {
            let Some(host) = self.hosts.peek_mut(&ip) else { continue };
            host.busy += 0.1 * (std::mem::take(&mut host.hour_bytes) - host.busy);
            if !host.counted.is_out() {
                quietest.push((host.busy, ip));
            }
        }
        self.waiting_evicted += self.waiting.evicted();
        let waiting = std::mem::replace(&mut self.waiting, Lru::new(self.config.waiting_max));
        let mut busiest: Vec<(f64, IpAddr16)> = waiting.iter().map(|(ip, bytes)| (*bytes, *ip)).collect();
        quietest.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        busiest.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        for ((bytes, newcomer), (busy, quiet)) in busiest.into_iter().zip(quietest) {
            if bytes < NEWCOMER_RATIO * busy {
                return;
            }
            self.hosts.remove(&quiet);
            self.replaced += 1;
            let hour = self.hour;
            self.hosts.touch(&newcomer, Timestamp::default(), || Host::of(Counted::new(hour), bytes));
        }
    }

    fn flow(&mut self, flow: &FlowRecord, context: &Context) {
        let (src, dest) = (flow.src().addr, flow.dest().addr);
        let (sent, got) = (flow.forward.bytes as f64, flow.backward.bytes as f64);
        let packets = flow.packets() as f64;
        self.clock.hear(&self.rule);
        if dest.is_not_one_host() || may_be_broadcast(dest) || src.is_not_one_host() {
            return;
        }
        for (host, peer, amounts) in [(src, dest, [got, sent, packets]), (dest, src, [sent, got, packets])] {
            if context.home.contains(host) {
                self.count(host, peer, amounts, flow);
            }
        }
    }

    fn count(&mut self, ip: IpAddr16, peer: IpAddr16, amounts: [f64; METRICS], flow: &FlowRecord) {
        let bytes = amounts[0] + amounts[1];
        if self.hosts.len() >= self.config.hosts_max.max(1) && self.hosts.peek(&ip).is_none() {
            *self.waiting.touch(&ip, flow.end, || 0.0) += bytes;
            return;
        }
        let hour = self.clock.hour(&self.rule);
        let host = self.hosts.touch(&ip, flow.end, || Host::of(Counted::new(hour), 0.0));
        host.counted.sums.iter_mut().zip(amounts).for_each(|(sum, amount)| *sum += amount);
        host.hour_bytes += bytes;
        text::push_distinct(&mut host.flows, flow.flow_id);
        if let Some(known) = host.peers.iter_mut().find(|(known, _)| *known == peer) {
            known.1 += bytes;
        } else if host.peers.len() < PEERS_MAX {
            host.peers.push((peer, bytes));
        } else if let Some(quietest) = host.peers.iter_mut().min_by(|a, b| a.1.total_cmp(&b.1)) {
            // The quietest gives way and its amount with it: a busy peer is never missed, and the sum stays that of the window.
            *quietest = (peer, quietest.1 + bytes);
        }
    }
}

fn host_alert(ip: IpAddr16, host: &Host, left: &Left, rule: &Rule) -> Alert {
    let mut a = alert(Kind::Volume, "volume_host", left.since, left.ts, 1e-4);
    let (verb, name, unit) = [
        ("receives", "received_per_minute", "bytes"),
        ("sends", "sent_per_minute", "bytes"),
        ("exchanges", "packets_per_minute", "packets"),
    ][left.metric];
    let all: f64 = host.peers.iter().map(|(_, bytes)| bytes).sum();
    let top = host.peers.iter().copied().max_by(|a, b| a.1.total_cmp(&b.1)).filter(|(_, bytes)| bytes * 2.0 >= all);
    let with = top.map_or_else(String::new, |(peer, _)| format!(", mostly with {peer}"));
    a.title = format!("{ip} {verb} {}{with}", left.in_words(left.metric < 2, rule));
    a.why = left.reasons(name, unit, rule);
    a.src = vec![ip];
    a.dest = top.map(|(peer, _)| peer).into_iter().collect();
    a.flows.clone_from(&host.flows);
    a.severity = if left.times_the_largest() >= 10.0 { Severity::Medium } else { Severity::Low };
    a.story = format!("{ip}");
    text::scored(a, 0.6 + 0.3 * (1.0 - 1.0 / left.times_the_largest().max(1.0)))
}

impl Behaviour for VolumeHost {
    fn name(&self) -> &'static str {
        "volume_host"
    }
    fn wants(&self) -> Wants {
        Wants::FLOW
    }
    fn observe(&mut self, observation: &Observation, context: &Context, out: &mut Vec<Alert>) {
        if let Observation::Flow(flow) = observation {
            self.reach(context.now, out);
            self.flow(flow, context);
        }
    }
    fn advance(&mut self, now: Timestamp, _context: &Context, out: &mut Vec<Alert>) {
        self.reach(now, out);
    }
    fn counters(&self) -> Counters {
        let mut counters = Counters::default();
        counters.add("hosts_replaced", self.replaced);
        counters.add("waiting_evicted", self.waiting_evicted + self.waiting.evicted());
        counters
    }
    fn entries(&self) -> usize {
        self.hosts.len() + self.waiting.len()
    }
    fn snapshot(&self) -> Option<Vec<u8>> {
        let mut writer = Writer::default();
        writer.u32(self.config.window_s);
        self.clock.calendar.write(&mut writer);
        self.busiest.write(&mut writer);
        writer.u32(self.hosts.len() as u32);
        for (ip, host) in self.hosts.iter() {
            writer.bytes.extend(ip.0);
            writer.f64(host.busy);
            host.counted.past().write(&mut writer);
        }
        Some(writer.bytes)
    }
    /// Peaks are of windows of one length: with another length they are left, and learned anew.
    fn restore(&mut self, bytes: &[u8]) -> Result<(), DetectError> {
        let mut reader = Reader::new(bytes);
        let same_length = reader.u32()? == self.config.window_s;
        let (calendar, busiest) = (Calendar::read(&mut reader)?, Past::read(&mut reader)?);
        let mut hosts = Lru::new(self.config.hosts_max);
        for _ in 0..reader.count(0, READ_MAX, "hosts")? {
            let mut ip = IpAddr16([0; 16]);
            ip.0.copy_from_slice(reader.take(16)?);
            let (busy, past) = (reader.f64()?, Past::read(&mut reader)?);
            if !busy.is_finite() || busy < 0.0 {
                return Err(DetectError::Damaged("a host's bytes are no number".to_owned()));
            }
            if hosts.len() < self.config.hosts_max {
                hosts.touch(&ip, Timestamp::default(), || Host::of(Counted::of(past), busy));
            }
        }
        if same_length {
            (self.clock, self.hosts, self.busiest) = (Clock::of(calendar), hosts, busiest);
        }
        Ok(())
    }
}

#[cfg(test)]
#[path = "volume_host_test.rs"]
mod tests;
