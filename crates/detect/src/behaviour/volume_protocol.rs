//! Volume of protocols: the bytes and packets a minute of each application protocol, service or class of traffic on the whole network, held
//! against its own usual week. Owns the words of the alert; what counts as one protocol is `protocol_names`, the usual week and the rule are `usual_week`
//! and `week_watch`. What one host makes of it alone is that host's volume and told there (`volume_host`).

use super::protocol_names::{PROTOCOLS, name_of, place};
use super::text::{self, alert, push_distinct, why};
use super::usual_week::{Calendar, Past};
use super::week_watch::{Bar, Clock, Closed, Counted, Left, Rule, Tick};
use super::{Behaviour, Context, VolumeHostConfig, Wants};
use crate::DetectError;
use crate::blob::{Reader, Writer};
use record::{
    Alert, Counters, FlowRecord, InterfaceSecond, IpAddr16, Kind, Observation, Severity, Timestamp, TrafficClass,
};
use serde::{Deserialize, Serialize};

/// Bytes and packets of both directions.
const METRICS: usize = 2;
/// Home hosts told apart in one window of one protocol.
const TALKERS_MAX: usize = 32;
/// Home hosts named in an alert.
const NAMED_MAX: usize = 8;

/// Settings of the volume of protocols.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct VolumeProtocolConfig {
    /// Length of a window, seconds. Default 300, as often as a flow that lasts is reported.
    pub window_s: u32,
    /// Hours in which a protocol was watched before anything is said of it. Default 24.
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
    /// Packets a minute below which nothing is reported. Default 3000.
    pub floor_packets_per_min: f64,
    /// Largest part that one home host may have; above, it is that host's volume. 0 to 1. Default 0.5.
    pub one_host_share_max: f64,
}

impl Default for VolumeProtocolConfig {
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
            floor_packets_per_min: 3000.0,
            one_host_share_max: 0.5,
        }
    }
}

impl VolumeProtocolConfig {
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
}

/// One protocol.
struct Protocol {
    counted: Counted<METRICS>,
    /// Home hosts of the window, with bytes and packets.
    talkers: Vec<(IpAddr16, [f64; METRICS])>,
    flows: Vec<u64>,
}

impl Protocol {
    fn of(counted: Counted<METRICS>) -> Self {
        Self { counted, talkers: Vec::new(), flows: Vec::new() }
    }

    fn talks(&mut self, host: IpAddr16, amounts: [f64; METRICS]) {
        let at = match self.talkers.iter().position(|(known, _)| *known == host) {
            Some(at) => at,
            None if self.talkers.len() < TALKERS_MAX => {
                self.talkers.push((host, [0.0; METRICS]));
                self.talkers.len() - 1
            }
            None => {
                // The quietest gives way and its amount with it: a busy host is never missed, a quiet one may look busier.
                let quietest = self.talkers.iter().enumerate().min_by(|a, b| a.1.1[0].total_cmp(&b.1.1[0]));
                let Some(at) = quietest.map(|(at, _)| at) else { return };
                self.talkers[at].0 = host;
                at
            }
        };
        self.talkers[at].1.iter_mut().zip(amounts).for_each(|(sum, amount)| *sum += amount);
    }
}

/// The detector.
pub struct VolumeProtocol {
    config: VolumeProtocolConfig,
    host_floors: [f64; METRICS],
    rule: Rule,
    clock: Clock,
    protocols: Vec<Option<Protocol>>,
    left_to_hosts: u64,
}

impl VolumeProtocol {
    /// Builds it; `hosts` says what is loud enough to be told of one host.
    #[must_use]
    pub fn new(config: &VolumeProtocolConfig, hosts: &VolumeHostConfig) -> Self {
        Self {
            rule: config.rule(),
            host_floors: [hosts.floor_bytes_per_min, hosts.floor_packets_per_min],
            clock: Clock::default(),
            protocols: PROTOCOLS.iter().map(|_| None).collect(),
            left_to_hosts: 0,
            config: config.clone(),
        }
    }

    fn reach(&mut self, now: Timestamp, out: &mut Vec<Alert>) {
        match self.clock.reach(now, &self.rule) {
            Tick::Same => {}
            Tick::Forget => self.protocols.iter_mut().for_each(|protocol| *protocol = None),
            Tick::Closed(closed) => self.close(closed, out),
        }
    }

    fn close(&mut self, closed: Closed, out: &mut Vec<Alert>) {
        let floors = [self.config.floor_bytes_per_min, self.config.floor_packets_per_min];
        let bar = Bar { rule: &self.rule, calendar: &self.clock.calendar, floors, ceilings: [0.0; METRICS] };
        for (name, protocol) in PROTOCOLS.into_iter().zip(&mut self.protocols) {
            let Some(protocol) = protocol else { continue };
            if let Some(left) = protocol.counted.close(closed, &bar) {
                protocol.talkers.sort_by(|a, b| b.1[left.metric].total_cmp(&a.1[left.metric]).then(a.0.cmp(&b.0)));
                let minutes = self.rule.length_s() as f64 / 60.0;
                let most = protocol.talkers.first().map_or(0.0, |(_, amounts)| amounts[left.metric] / minutes);
                if most >= self.host_floors[left.metric] && most > self.config.one_host_share_max * left.rate {
                    self.left_to_hosts += 1;
                } else {
                    out.push(protocol_alert(name, protocol, &left, most / left.rate, &self.config));
                }
            }
            protocol.talkers.clear();
            protocol.flows.clear();
        }
    }

    fn count(&mut self, at: usize, amounts: [f64; METRICS]) -> Option<&mut Protocol> {
        self.clock.hear(&self.rule);
        let hour = self.clock.hour(&self.rule);
        let protocol = self.protocols.get_mut(at)?.get_or_insert_with(|| Protocol::of(Counted::new(hour)));
        protocol.counted.sums.iter_mut().zip(amounts).for_each(|(sum, amount)| *sum += amount);
        Some(protocol)
    }

    fn flow(&mut self, flow: &FlowRecord, context: &Context) {
        let amounts = [flow.bytes() as f64, flow.packets() as f64];
        let Some(protocol) = self.count(place(name_of(flow)), amounts) else { return };
        push_distinct(&mut protocol.flows, flow.flow_id);
        for host in [flow.src().addr, flow.dest().addr] {
            if context.home.contains(host) && !host.is_not_one_host() {
                protocol.talks(host, amounts);
            }
        }
    }

    /// What is no flow: frames without IP.
    fn second(&mut self, second: &InterfaceSecond) {
        for (class, name) in [(TrafficClass::Arp, "ARP"), (TrafficClass::Other, "other frames")] {
            let amounts = [second.bytes[class as usize] as f64, second.packets[class as usize] as f64];
            if amounts[1] > 0.0 {
                self.count(place(name), amounts);
            }
        }
    }
}

fn protocol_alert(name: &str, protocol: &Protocol, left: &Left, share: f64, config: &VolumeProtocolConfig) -> Alert {
    let mut a = alert(Kind::Volume, "volume_protocol", left.since, left.ts, 1e-4);
    let (measure, unit) = [("carried_per_minute", "bytes"), ("packets_per_minute", "packets")][left.metric];
    a.title = format!("{name} carries {}", left.in_words(left.metric == 0, &config.rule()));
    a.why = left.reasons(measure, unit, &config.rule());
    a.why.push(why("part_of_the_busiest_host", share, [0.0, config.one_host_share_max], "share", 0.0));
    a.src = protocol.talkers.iter().map(|(host, _)| *host).take(NAMED_MAX).collect();
    a.flows.clone_from(&protocol.flows);
    a.severity = if left.times_the_largest() >= 10.0 { Severity::Medium } else { Severity::Low };
    a.story = format!("protocol {name}");
    text::scored(a, 0.6 + 0.3 * (1.0 - 1.0 / left.times_the_largest().max(1.0)))
}

impl Behaviour for VolumeProtocol {
    fn name(&self) -> &'static str {
        "volume_protocol"
    }
    fn wants(&self) -> Wants {
        Wants::FLOW | Wants::SECOND
    }
    fn observe(&mut self, observation: &Observation, context: &Context, out: &mut Vec<Alert>) {
        match observation {
            Observation::Flow(flow) => {
                self.reach(context.now, out);
                self.flow(flow, context);
            }
            Observation::Second(second) => {
                self.reach(context.now, out);
                self.second(second);
            }
            _ => {}
        }
    }
    fn advance(&mut self, now: Timestamp, _context: &Context, out: &mut Vec<Alert>) {
        self.reach(now, out);
    }
    fn counters(&self) -> Counters {
        let mut counters = Counters::default();
        counters.add("stretches_left_to_hosts", self.left_to_hosts);
        counters
    }
    fn entries(&self) -> usize {
        self.protocols.iter().flatten().count()
    }
    fn snapshot(&self) -> Option<Vec<u8>> {
        let mut writer = Writer::default();
        writer.u32(self.config.window_s);
        self.clock.calendar.write(&mut writer);
        let known = self.protocols.iter().enumerate().filter_map(|(at, protocol)| Some((at, protocol.as_ref()?)));
        writer.u32(known.clone().count() as u32);
        for (at, protocol) in known {
            writer.u32(at as u32);
            protocol.counted.past().write(&mut writer);
        }
        Some(writer.bytes)
    }
    /// Peaks are of windows of one length: with another length they are left, and learned anew.
    fn restore(&mut self, bytes: &[u8]) -> Result<(), DetectError> {
        let mut reader = Reader::new(bytes);
        let same_length = reader.u32()? == self.config.window_s;
        let calendar = Calendar::read(&mut reader)?;
        let mut protocols: Vec<Option<Protocol>> = PROTOCOLS.iter().map(|_| None).collect();
        for _ in 0..reader.count(0, PROTOCOLS.len(), "protocols")? {
            let at = reader.count(0, PROTOCOLS.len() - 1, "protocol")?;
            protocols[at] = Some(Protocol::of(Counted::of(Past::read(&mut reader)?)));
        }
        if same_length {
            (self.clock, self.protocols) = (Clock::of(calendar), protocols);
        }
        Ok(())
    }
}

#[cfg(test)]
#[path = "volume_protocol_test.rs"]
mod tests;
