//! Distributed scan: several sources share the ports of one host among them, each asking too few to be seen alone. Looks at the
//! victim: how many different ports nobody had asked before were asked in vain within a window, by how many sources, against the
//! same victim's past. Sources that a scan of their own names, one dead service asked by many, and the random ports of a spoofed
//! flood (one packet a source) are none of it. Over UDP only the system ports count: above them honest programs are left without an answer
//! by many sources at many ports (calls, games, peers), below never. (Gates and others, 2006; Yegneswaran and others, 2003: coordinated scans.)

use super::contacts::{TCP, UDP};
use super::lru::Lru;
use super::set16::Set16;
use super::text::{self, alert, count, plural, push_distinct, why};
use super::throttle::{HOUR_NS, Throttle};
use super::{Behaviour, Context, Wants};
use record::{Alert, Contact, Counters, IpAddr16, Kind, Observation, Severity, Timestamp, timestamp::NS_PER_S};
use serde::{Deserialize, Serialize};

/// Settings of the detector of distributed scans.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DistributedScanConfig {
    /// Length of a window, seconds. Default 3600, so that slow ones are seen.
    pub window_s: u32,
    /// Different ports of one host asked in vain within a window. Default 32.
    pub ports_min: u32,
    /// Sources that share them. Default 4.
    pub sources_min: u32,
    /// Largest part of the ports that one source may have asked; above, it is that source's scan. 0 to 1. Default 0.5.
    pub one_source_share_max: f64,
    /// Times the victim's largest window of the past; hosts with a public address are asked at random all day. Default 3.
    pub past_ratio: f64,
    /// Hosts asked in vain, remembered. Default 2048.
    pub hosts_max: usize,
    /// Sources told apart for one host. Default 256.
    pub sources_max: usize,
}

impl Default for DistributedScanConfig {
    fn default() -> Self {
        Self {
            window_s: 3600,
            ports_min: 32,
            sources_min: 4,
            one_source_share_max: 0.5,
            past_ratio: 3.0,
            hosts_max: 2048,
            sources_max: 256,
        }
    }
}

/// Ports below this one are assigned to services of the system (RFC 6335), and nobody sends from them by chance.
const SYSTEM_PORTS: u16 = 1024;

/// One host that is asked in vain over one protocol.
#[derive(Default)]
struct Victim {
    window: i64,
    first: Timestamp,
    last: Timestamp,
    ports: Set16,
    port_list: Vec<u16>,
    /// Sources with the number of new ports each asked for.
    sources: Vec<(IpAddr16, u32)>,
    /// Contacts by sources beyond the bound.
    beyond: u32,
    past_max: u32,
    windows: u32,
    throttle: Throttle,
}

/// The detector.
pub struct DistributedScan {
    config: DistributedScanConfig,
    victims: Lru<(IpAddr16, u8), Victim>,
}

impl DistributedScan {
    /// Builds it.
    #[must_use]
    pub fn new(config: &DistributedScanConfig) -> Self {
        Self { victims: Lru::new(config.hosts_max), config: config.clone() }
    }

    fn contact(&mut self, contact: &Contact, context: &Context, out: &mut Vec<Alert>) {
        let now = context.now;
        let counts = match contact.proto {
            TCP => true,
            UDP => contact.dest_port < SYSTEM_PORTS,
            _ => false,
        };
        if !counts || context.evidence != Some(true) {
            return;
        }
        let config = &self.config;
        let window = contact.opened.seconds().div_euclid(i64::from(config.window_s.max(1)));
        let key = (contact.dest, contact.proto);
        let victim = self.victims.touch(&key, now, || Victim { window, first: contact.opened, ..Victim::default() });
        if window > victim.window {
            victim.turn(window, contact.opened);
        }
        if !victim.ports.insert(contact.dest_port) {
            return;
        }
        victim.last = victim.last.max(contact.opened);
        push_distinct(&mut victim.port_list, contact.dest_port);
        victim.note(contact.src, config.sources_max);
        if victim.is_scanned(config) && victim.throttle.due_within(u64::from(victim.ports.count()), contact.ts, HOUR_NS)
        {
            out.push(victim_alert(key, victim, config));
        }
    }
}

impl Victim {
    /// A window is over; half of the old past is forgotten with it.
    fn turn(&mut self, window: i64, first: Timestamp) {
        let asked = if self.throttle.started() { 0 } else { self.ports.count() };
        let windows = self.windows.saturating_add(1);
        *self = Self { window, first, past_max: (self.past_max / 2).max(asked), windows, ..Self::default() };
    }

    fn note(&mut self, src: IpAddr16, sources_max: usize) {
        if let Some(known) = self.sources.iter_mut().find(|(ip, _)| *ip == src) {
            known.1 += 1;
        } else if self.sources.len() < sources_max {
            self.sources.push((src, 1));
        } else {
            self.beyond += 1;
        }
    }

    fn is_scanned(&self, config: &DistributedScanConfig) -> bool {
        let (ports, sources) = (self.ports.count(), self.sources.len() as u32);
        let most = self.sources.iter().map(|(_, n)| *n).max().unwrap_or(0);
        // Spoofed floods and the Internet's noise ask once a source; who shares out a list asks again.
        let again = self.sources.iter().filter(|(_, n)| *n > 1).count() as u32;
        ports >= config.ports_min
            && again >= config.sources_min
            && again * 2 >= sources
            && self.beyond == 0
            && f64::from(most) <= config.one_source_share_max * f64::from(ports)
            && f64::from(ports) >= config.past_ratio * f64::from(self.past_max)
    }
}

fn victim_alert((dest, proto): (IpAddr16, u8), victim: &Victim, config: &DistributedScanConfig) -> Alert {
    let protocol = if proto == UDP { "UDP" } else { "TCP" };
    let (ports, sources) = (u64::from(victim.ports.count()), victim.sources.len() as u64);
    let most = victim.sources.iter().map(|(_, n)| *n).max().unwrap_or(0);
    let mut a = alert(Kind::PortScan, "distributed_scan", victim.first, victim.last, 1e-4);
    a.title = format!(
        "{} share a scan of {dest}: {} {protocol} ports asked in vain, at most {} by one of them",
        plural(sources, "host", "hosts"),
        count(ports),
        most
    );
    a.src = victim.sources.iter().map(|(ip, _)| *ip).take(64).collect();
    a.dest = vec![dest];
    a.dest_port.clone_from(&victim.port_list);
    let usual = f64::from(victim.past_max).max(f64::from(config.ports_min) / config.past_ratio.max(1.0));
    a.why = vec![
        why("distinct_ports_asked_in_vain", ports as f64, [0.0, usual], "ports", 0.5),
        why("sources", sources as f64, [1.0, f64::from(config.sources_min)], "hosts", 0.3),
        why(
            "largest_part_of_one_source",
            f64::from(most) / ports.max(1) as f64,
            [config.one_source_share_max, 1.0],
            "share",
            0.2,
        ),
    ];
    a.packets = ports;
    a.severity = if ports >= 100 { Severity::High } else { Severity::Medium };
    a.story = format!("{dest} {protocol} shared");
    text::scored(a, 0.8 + 0.2 * (1.0 - f64::from(config.ports_min) / (ports as f64).max(f64::from(config.ports_min))))
}

impl Behaviour for DistributedScan {
    fn name(&self) -> &'static str {
        "distributed_scan"
    }
    fn wants(&self) -> Wants {
        Wants::CONTACT
    }
    fn observe(&mut self, observation: &Observation, context: &Context, out: &mut Vec<Alert>) {
        if let Observation::Contact(contact) = observation {
            self.contact(contact, context, out);
        }
    }
    fn advance(&mut self, now: Timestamp, _context: &Context, _out: &mut Vec<Alert>) {
        // A host that nobody asked in vain for four windows has no past worth its memory.
        let idle_ns = 4 * i64::from(self.config.window_s) * NS_PER_S;
        self.victims.expire(now, idle_ns, |_, _| {});
    }
    fn counters(&self) -> Counters {
        let mut counters = Counters::default();
        counters.add("hosts_evicted", self.victims.evicted());
        counters
    }
    fn entries(&self) -> usize {
        self.victims.len()
    }
}

#[cfg(test)]
mod tests {
    use super::super::lru::hash_of;
    use super::super::synthetic::{contact, ip, run};
    use super::*;
    use record::ContactOutcome;

    fn asked(n: i64, every_ms: i64, src: impl Fn(i64) -> u8, port: impl Fn(i64) -> u16) -> Vec<Observation> {
        (0..n).map(|i| Observation::Contact(contact(i * every_ms, ip(src(i)), ip(9), port(i)))).collect()
    }

    #[test]
    fn eight_sources_that_share_the_ports_are_one_scan_also_when_slow() {
        for every_ms in [100, 60_000] {
            let alerts = run("distributed_scan", &asked(56, every_ms, |i| 20 + (i % 8) as u8, |i| 1 + i as u16));
            assert_eq!(
                alerts[0].title,
                "8 hosts share a scan of 10.0.0.9: 32 TCP ports asked in vain, at most 4 by one of them"
            );
            assert_eq!((alerts[0].src.len(), alerts[0].dest.as_slice()), (8, [ip(9)].as_slice()));
            // Each alone stays below the bound of the single source's walk: seven ports.
            assert!(run("port_scan", &asked(56, every_ms, |i| 20 + (i % 8) as u8, |i| 1 + i as u16)).is_empty());
        }
    }

    fn over_udp(input: Vec<Observation>, outcome: ContactOutcome) -> Vec<Observation> {
        let change = |observation| match observation {
            Observation::Contact(c) => {
                let key = record::FlowKey { proto: UDP, ..c.key };
                Observation::Contact(Contact { proto: UDP, key, outcome, ..c })
            }
            other => other,
        };
        input.into_iter().map(change).collect()
    }

    #[test]
    fn a_shared_scan_over_udp_is_told_by_the_system_ports_alone() {
        let shared = |first: u16| asked(56, 60_000, |i| 20 + (i % 8) as u8, |i| first + i as u16);
        for outcome in [ContactOutcome::Unanswered, ContactOutcome::Refused] {
            let alerts = run("distributed_scan", &over_udp(shared(500), outcome));
            assert_eq!(
                alerts[0].title,
                "8 hosts share a scan of 10.0.0.9: 32 UDP ports asked in vain, at most 4 by one of them"
            );
        }
        assert!(run("distributed_scan", &over_udp(shared(40_000), ContactOutcome::Unanswered)).is_empty(), "calls");
        assert!(run("distributed_scan", &over_udp(shared(500), ContactOutcome::Answered)).is_empty(), "answered");
        let one = asked(500, 10, |_| 7, |i| 500 + (i % 400) as u16);
        assert!(run("distributed_scan", &over_udp(one, ContactOutcome::Unanswered)).is_empty(), "one scanner");
        // Half over each protocol: neither is enough.
        let half: Vec<_> = shared(500)
            .into_iter()
            .take(31)
            .chain(over_udp(shared(600), ContactOutcome::Unanswered).into_iter().take(31))
            .collect();
        assert!(run("distributed_scan", &half).is_empty(), "protocols are counted apart");
    }

    #[test]
    fn one_scanner_a_dead_service_a_spoofed_flood_and_a_working_server_are_not() {
        assert!(run("distributed_scan", &asked(500, 10, |_| 7, |i| 1 + i as u16)).is_empty(), "one scanner");
        assert!(run("distributed_scan", &asked(500, 10, |i| i as u8, |_| 8080)).is_empty(), "dead service");
        assert!(run("distributed_scan", &asked(200, 10, |i| i as u8, |i| 1 + i as u16)).is_empty(), "spoofed flood");
        let works: Vec<_> = (0..500_u16)
            .map(|i| {
                let c = contact(i64::from(i) * 100, ip(20 + (i % 8) as u8), ip(9), 1 + i);
                Observation::Contact(Contact { outcome: ContactOutcome::Answered, ..c })
            })
            .collect();
        assert!(run("distributed_scan", &works).is_empty(), "answered");
    }

    #[test]
    fn a_host_that_is_asked_at_random_all_day_is_silent_after_its_first_windows() {
        let noise: Vec<_> = (0..24 * 24_i64)
            .map(|i| {
                let src = IpAddr16::v4([198, 51, (hash_of(&(i / 2)) % 200) as u8, (hash_of(&i) % 3) as u8]);
                Observation::Contact(contact(i * 150_000, src, ip(9), (hash_of(&(i as u64 + 5)) % 60_000) as u16))
            })
            .collect();
        assert!(run("distributed_scan", &noise).is_empty());
    }
}
