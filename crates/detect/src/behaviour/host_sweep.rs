//! Host sweep: one source asks many hosts for the same service, by echo request or by ARP, and mostly gets no answer. A
//! threshold random walk over first contacts of each source and service. ARP outcomes are found here, since ARP is no flow.

use super::contacts::{ICMP, ICMPV6, TCP, UDP, is_cut_off};
use super::lru::{Lru, hash_of};
use super::random_walk::{Walk, WalkConfig, WalkSteps};
use super::set16::Set16;
use super::text::{self, alert, count, plural, push_distinct, why};
use super::throttle::{HOUR_NS, Throttle};
use super::{Behaviour, Context, Wants};
use record::{
    Alert, ArpData, Contact, Counters, IpAddr16, Kind, Observation, Severity, Timestamp, timestamp::NS_PER_S,
};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// A story is told a last time when it has been quiet for this long.
const QUIET_NS: i64 = 3 * NS_PER_S;
/// How long an ARP request may wait for its reply.
const ARP_WAIT_NS: i64 = 2 * NS_PER_S;
/// ARP requests waiting for a reply, at most; the oldest count as unanswered early.
const ARP_WAITING_MAX: usize = 4096;
/// Ethernet type of ARP, used as the protocol number of ARP groups (beyond any IP protocol).
const ARP: u16 = 0x0806;
/// Protocol number of the group that counts a source's openings of all well-known TCP services together: the original walk (Jung and
/// others, 2004) counts hosts whatever they are asked for, and patient scanners change the service.
const ANY_SERVICE: u16 = 0xffff;

/// Settings of the host sweep detector.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HostSweepConfig {
    /// Random walk for well-known services and echo requests.
    pub walk: WalkConfig,
    /// Random walk for UDP, for ports that peer-to-peer programs choose, and for ARP.
    pub walk_lenient: WalkConfig,
    /// Hosts that must have been asked by ARP within `arp_window_s` when no reply to the asker was ever seen (on a
    /// switch port only the requests are visible). Default 48.
    pub arp_hosts_min: u32,
    /// Window of ARP sweeps, seconds. Default 60.
    pub arp_window_s: u32,
    /// A source and service without a new contact for this long is forgotten, seconds. Default 7200.
    pub idle_s: u32,
    /// Pairs of source and service remembered. Default 16384.
    pub groups_max: usize,
    /// Sources whose sweep is being told. Default 4096.
    pub stories_max: usize,
    /// Sets of more than 64 hosts (8 KiB each). Default 512.
    pub large_sets_max: usize,
    /// ARP speakers remembered. Default 16384.
    pub senders_max: usize,
}

impl Default for HostSweepConfig {
    fn default() -> Self {
        Self {
            walk: WalkConfig::default(),
            walk_lenient: WalkConfig::peer_to_peer(),
            arp_hosts_min: 48,
            arp_window_s: 60,
            idle_s: 7200,
            groups_max: 16_384,
            stories_max: 4096,
            large_sets_max: 512,
            senders_max: 16_384,
        }
    }
}

/// Source, protocol (IP protocol, or ARP), port.
type GroupKey = (IpAddr16, u16, u16);

#[derive(Default)]
struct Group {
    walk: Walk,
    asked: Set16,
    failed: u32,
    empty: u32,
    first: Timestamp,
    dest: Vec<IpAddr16>,
    services: Vec<(u16, u16)>,
    alarmed: bool,
}

/// One first contact and the group that it counts in.
#[derive(Clone, Copy)]
struct Probe {
    key: GroupKey,
    /// Protocol and port asked for.
    service: (u16, u16),
    dest: IpAddr16,
    failed: bool,
    /// A ping without data.
    empty: bool,
    /// The stricter walk, for services whose honest clients nearly always succeed.
    strict: bool,
    opened: Timestamp,
}

#[derive(Default)]
struct Story {
    first: Timestamp,
    last: Timestamp,
    services: Vec<(u16, u16)>,
    dest: Vec<IpAddr16>,
    hosts: Set16,
    failed: u64,
    empty: u64,
    asked: u64,
    throttle: Throttle,
}

struct Waiting {
    asked_at: Timestamp,
    asker: IpAddr16,
    target: IpAddr16,
    answered: bool,
}

/// The detector.
pub struct HostSweep {
    config: HostSweepConfig,
    steps: WalkSteps,
    steps_lenient: WalkSteps,
    groups: Lru<GroupKey, Group>,
    stories: Lru<IpAddr16, Story>,
    /// Addresses that have spoken ARP, and whether a reply to them was ever seen.
    speakers: Lru<IpAddr16, bool>,
    waiting: VecDeque<Waiting>,
    large_sets: usize,
    capped: u64,
}

/// A SYN at the end of the input, except to the web: a page opened then asks many hosts at once.
fn alone_cut_off(contact: &Contact) -> bool {
    !matches!(contact.dest_port, 80 | 443 | 8080 | 8443) && is_service(TCP, contact.dest_port) && is_cut_off(contact)
}

/// Ports whose honest clients nearly always succeed.
fn is_service(proto: u8, port: u16) -> bool {
    match proto {
        TCP => {
            port < 1024
                || matches!(
                    port,
                    1433 | 1521
                        | 1723
                        | 1883
                        | 2049
                        | 2222
                        | 2323
                        | 2375
                        | 3128
                        | 3306
                        | 3389
                        | 4899
                        | 5000
                        | 5038
                        | 5060
                        | 5061
                        | 5432
                        | 5555
                        | 5800
                        | 5900
                        ..=5909
                            | 5984
                            | 6000
                            | 6379
                            | 6443
                            | 7001
                            | 7547
                            | 8000
                            | 8080
                            | 8081
                            | 8088
                            | 8443
                            | 8728
                            | 8888
                            | 9000
                            | 9090
                            | 9200
                            | 9527
                            | 10_000
                            | 11_211
                            | 20_000
                            | 27_017
                            | 37_215
                            | 44_818
                            | 52_869
                )
        }
        ICMP | ICMPV6 => true,
        _ => false,
    }
}

impl HostSweep {
    /// Builds it.
    #[must_use]
    pub fn new(config: &HostSweepConfig) -> Self {
        Self {
            steps: config.walk.walk(),
            steps_lenient: config.walk_lenient.walk(),
            groups: Lru::new(config.groups_max),
            stories: Lru::new(config.stories_max),
            speakers: Lru::new(config.senders_max),
            waiting: VecDeque::new(),
            large_sets: 0,
            capped: 0,
            config: config.clone(),
        }
    }

    fn contact(&mut self, contact: &Contact, context: &Context, out: &mut Vec<Alert>) {
        let now = context.now;
        let Some(failed) = context.evidence.or(alone_cut_off(contact).then_some(true)) else {
            return;
        };
        if !matches!(contact.proto, TCP | UDP | ICMP | ICMPV6) {
            return;
        }
        let ping = matches!(contact.proto, ICMP | ICMPV6);
        let port = if ping { 0 } else { contact.dest_port };
        let service = (u16::from(contact.proto), port);
        let probe = Probe {
            key: (contact.src, service.0, service.1),
            service,
            dest: contact.dest,
            failed,
            // Programs that want to know whether a host answers send data with the request; scanners send none. Whoever is asked so
            // is asked by a scanner, even if it answers.
            empty: ping && contact.opening_payload == 0,
            strict: is_service(contact.proto, port),
            opened: contact.opened,
        };
        self.step(&probe, now, out);
        if contact.proto == TCP && probe.strict {
            self.step_any(Probe { key: (contact.src, ANY_SERVICE, 0), ..probe }, now, out);
        }
    }

    /// The same contact in the group of all services. What one service's group tells already is not told again; what always
    /// works is not remembered here.
    fn step_any(&mut self, probe: Probe, now: Timestamp, out: &mut Vec<Alert>) {
        let known = self.groups.peek(&probe.key).map(|group| group.alarmed);
        if known == Some(true) || ((probe.failed || known.is_some()) && self.stories.peek(&probe.key.0).is_none()) {
            self.step(&probe, now, out);
        }
    }

    /// One first contact of a group.
    fn step(&mut self, probe: &Probe, now: Timestamp, out: &mut Vec<Alert>) {
        let Probe { key, dest, failed, empty, strict, opened, service } = *probe;
        let evicted_before = self.groups.evicted();
        let group = self.groups.touch(&key, now, || Group { first: opened, ..Group::default() });
        if group.asked.count() == 64 && self.large_sets >= self.config.large_sets_max {
            self.capped += 1;
            return;
        }
        if !group.asked.insert(hash_of(&dest) as u16) {
            return;
        }
        self.large_sets += usize::from(group.asked.count() == 65);
        push_distinct(&mut group.dest, dest);
        push_distinct(&mut group.services, service);
        group.failed += u32::from(failed);
        group.empty += u32::from(empty);
        let steps = if strict { &self.steps } else { &self.steps_lenient };
        if group.walk.at_rest() && !group.alarmed {
            group.first = opened;
        }
        let crossed = group.walk.step(failed || empty, steps);
        let blind = key.1 == ARP && self.speakers.peek(&key.0) != Some(&true);
        let enough = !blind || group.asked.count() >= self.config.arp_hosts_min;
        let tell = group.alarmed || (crossed && enough);
        if evicted_before != self.groups.evicted() && self.large_sets > 0 {
            self.large_sets = self.groups.iter().filter(|(_, g)| g.asked.count() > 64).count();
        }
        if !tell {
            return;
        }
        let all_services = (key.0, ANY_SERVICE, 0);
        let told_there = key != all_services
            && service.0 == u16::from(TCP)
            && self.groups.peek(&all_services).is_some_and(|g| g.alarmed);
        if !told_there {
            self.tell(probe, now, out);
        }
    }

    fn tell(&mut self, probe: &Probe, now: Timestamp, out: &mut Vec<Alert>) {
        let Probe { key, dest, failed, empty, opened, service, .. } = *probe;
        let Some(group) = self.groups.peek_mut(&key) else { return };
        let story = self.stories.touch(&key.0, now, || Story { first: group.first, ..Story::default() });
        story.first = story.first.min(group.first);
        story.last = story.last.max(opened);
        if group.alarmed {
            story.hosts.insert(hash_of(&dest) as u16);
            push_distinct(&mut story.dest, dest);
            push_distinct(&mut story.services, service);
            story.asked += 1;
            story.failed += u64::from(failed);
            story.empty += u64::from(empty);
        } else {
            group.alarmed = true;
            for dest in &group.dest {
                story.hosts.insert(hash_of(dest) as u16);
                push_distinct(&mut story.dest, *dest);
            }
            for service in &group.services {
                push_distinct(&mut story.services, *service);
            }
            story.asked += u64::from(group.asked.count());
            story.failed += u64::from(group.failed);
            story.empty += u64::from(group.empty);
        }
        if story.throttle.due_within(story.asked, now, HOUR_NS) {
            out.push(story_alert(key.0, story, self.config.walk.false_alarm));
        }
    }

    fn arp(&mut self, arp: &ArpData, now: Timestamp, out: &mut Vec<Alert>) {
        let (asker, target) = (arp.sender_ip, arp.target_ip);
        if asker.is_not_one_host() || target.is_not_one_host() {
            return;
        }
        self.speakers.touch(&asker, now, || false);
        if arp.operation == 2 {
            if asker != target {
                *self.speakers.touch(&target, now, || true) = true;
            }
            for waiting in self.waiting.iter_mut().rev().take(256) {
                waiting.answered |= waiting.target == asker && waiting.asker == target;
            }
            return;
        }
        if asker == target || !arp.frame_dest_mac.is_group() {
            return; // An announcement, or a unicast refresh of a known neighbour.
        }
        let answered = self.speakers.peek(&target).is_some();
        self.waiting.push_back(Waiting { asked_at: arp.ts, asker, target, answered });
        if self.waiting.len() > ARP_WAITING_MAX {
            self.settle_oldest(now, out);
        }
    }

    /// The oldest waiting ARP request has its outcome.
    fn settle_oldest(&mut self, now: Timestamp, out: &mut Vec<Alert>) {
        let Some(w) = self.waiting.pop_front() else { return };
        let key = (w.asker, ARP, 0);
        let window_ns = i64::from(self.config.arp_window_s) * NS_PER_S;
        if self.groups.peek(&key).is_some_and(|g| !g.alarmed && w.asked_at.since(g.first) > window_ns) {
            self.groups.remove(&key);
        }
        let (dest, opened, service) = (w.target, w.asked_at, (ARP, 0));
        let probe = Probe { key, service, dest, failed: !w.answered, empty: false, strict: false, opened };
        self.step(&probe, now, out);
    }

    fn settle_arp(&mut self, now: Timestamp, wait_ns: i64, out: &mut Vec<Alert>) {
        while self.waiting.front().is_some_and(|w| now.since(w.asked_at) >= wait_ns) {
            self.settle_oldest(now, out);
        }
    }

    fn flush(&mut self, now: Timestamp, quiet_ns: i64, out: &mut Vec<Alert>) {
        let settled: Vec<IpAddr16> =
            self.stories.iter().filter(|(_, s)| now.since(s.last) >= quiet_ns).map(|(k, _)| *k).collect();
        for src in settled {
            if let Some(story) = self.stories.peek_mut(&src)
                && story.throttle.settled(story.asked, story.last, now, quiet_ns)
            {
                out.push(story_alert(src, story, self.config.walk.false_alarm));
            }
        }
    }
}

/// `on port 23 (Telnet) and 3 other ports`, `by ping`, `by ARP`.
fn services_text(services: &[(u16, u16)]) -> String {
    match services.first() {
        Some((ARP, _)) if services.len() == 1 => "by ARP".to_owned(),
        Some((proto, _)) if services.len() == 1 && (*proto == u16::from(ICMP) || *proto == u16::from(ICMPV6)) => {
            "by ping".to_owned()
        }
        Some((_, port)) if services.len() == 1 => format!("on {}", text::port(*port)),
        Some(_) => format!("for {} different services", services.len()),
        None => String::new(),
    }
}

fn story_alert(src: IpAddr16, story: &Story, p_value: f64) -> Alert {
    let hosts = story.hosts.estimate();
    let share = story.failed as f64 / story.asked.max(1) as f64;
    let minutes = story.last.since(story.first).max(0) as f64 / NS_PER_S as f64 / 60.0;
    let mut a = alert(Kind::HostSweep, "host_sweep", story.first, story.last, p_value);
    a.title = format!(
        "{src} asked {} {}: {} refused or unanswered",
        plural(hosts, "host", "hosts"),
        services_text(&story.services),
        count(story.failed)
    );
    a.src = vec![src];
    a.dest.clone_from(&story.dest);
    a.dest_port =
        story.services.iter().filter(|(proto, _)| *proto != ARP).map(|(_, port)| *port).filter(|p| *p > 0).collect();
    a.why = vec![
        why("distinct_hosts_asked", hosts as f64, [0.0, 8.0], "hosts", 0.5),
        why("first_contacts_failed_share", share, [0.0, 0.2], "", 0.3),
        why("hosts_asked_per_minute", hosts as f64 / minutes.max(1.0 / 60.0), [0.0, 5.0], "1/min", 0.2),
    ];
    if story.empty > 0 {
        a.why.push(why("pings_without_data", story.empty as f64, [0.0, 0.0], "pings", 0.0));
    }
    a.packets = story.asked;
    a.severity = if hosts >= 100 { Severity::High } else { Severity::Medium };
    a.story = src.to_string();
    text::scored(a, 0.9 + 0.1 * (1.0 - 9.0 / story.asked.max(9) as f64))
}

impl Behaviour for HostSweep {
    fn name(&self) -> &'static str {
        "host_sweep"
    }
    fn wants(&self) -> Wants {
        Wants::ARP | Wants::CONTACT
    }
    fn observe(&mut self, observation: &Observation, context: &Context, out: &mut Vec<Alert>) {
        match observation {
            Observation::Contact(contact) => self.contact(contact, context, out),
            Observation::Arp(arp) => self.arp(arp, context.now, out),
            _ => {}
        }
    }
    fn advance(&mut self, now: Timestamp, _context: &Context, out: &mut Vec<Alert>) {
        self.settle_arp(now, ARP_WAIT_NS, out);
        self.flush(now, QUIET_NS, out);
        let idle_ns = i64::from(self.config.idle_s) * NS_PER_S;
        let mut freed = 0;
        self.groups.expire(now, idle_ns, |_, group| freed += usize::from(group.asked.count() > 64));
        self.large_sets = self.large_sets.saturating_sub(freed);
        self.stories.expire(now, idle_ns, |_, _| {});
        self.speakers.expire(now, idle_ns, |_, _| {});
    }
    fn finish(&mut self, context: &Context, out: &mut Vec<Alert>) {
        self.settle_arp(context.now, 0, out);
        self.flush(context.now, 0, out);
    }
    fn counters(&self) -> Counters {
        let mut counters = Counters::default();
        counters.add("groups_evicted", self.groups.evicted());
        counters.add("stories_evicted", self.stories.evicted());
        counters.add("senders_evicted", self.speakers.evicted());
        counters.add("host_sets_capped", self.capped);
        counters
    }
    fn entries(&self) -> usize {
        self.groups.len() + self.stories.len() + self.speakers.len() + self.waiting.len()
    }
}

#[cfg(test)]
mod tests {
    use super::super::synthetic::{arp_request, contact, ip, run};
    use super::*;
    use record::ContactOutcome;

    #[test]
    fn names_a_telnet_sweep_after_nine_failures() {
        let sweep: Vec<_> =
            (1..=130).map(|h| Observation::Contact(contact(h * 50, ip(7), ip(h as u8 + 10), 23))).collect();
        let alerts = run("host_sweep", &sweep);
        assert_eq!(alerts[0].title, "10.0.0.7 asked 9 hosts on port 23 (Telnet): 9 refused or unanswered");
        assert_eq!(alerts.last().map(|a| a.dest_port.clone()), Some(vec![23]));
        assert!(alerts.iter().all(|a| a.story == "10.0.0.7"));
    }

    #[test]
    fn a_patient_scanner_that_changes_the_service_is_one_story() {
        let services = [22, 23, 445, 3389];
        let sweep: Vec<_> = (0..40_i64)
            .map(|i| Observation::Contact(contact(i * 300_000, ip(7), ip(i as u8 + 10), services[i as usize % 4])))
            .collect();
        let alerts = run("host_sweep", &sweep);
        assert_eq!(alerts[0].title, "10.0.0.7 asked 9 hosts for 4 different services: 9 refused or unanswered");
        let last = alerts.last().map(|a| (a.title.clone(), a.packets));
        let told = "10.0.0.7 asked 40 hosts for 4 different services: 40 refused or unanswered";
        assert_eq!(last, Some((told.to_owned(), 40)));
    }

    #[test]
    fn pings_without_data_are_a_scanners_and_those_of_a_monitor_are_not() {
        let pings = |bytes| -> Vec<_> {
            (0..30)
                .map(|i| {
                    let mut c = contact(i * 50, ip(7), ip(i as u8 + 10), 0);
                    (c.proto, c.outcome, c.opening_payload) = (ICMP, ContactOutcome::Answered, bytes);
                    Observation::Contact(c)
                })
                .collect()
        };
        assert_eq!(run("host_sweep", &pings(0))[0].title, "10.0.0.7 asked 9 hosts by ping: 0 refused or unanswered");
        assert!(run("host_sweep", &pings(56)).is_empty());
    }

    #[test]
    fn a_slow_sweep_of_one_host_every_five_minutes_is_seen() {
        let sweep: Vec<_> =
            (0..24).map(|h| Observation::Contact(contact(h * 300_000, ip(7), ip(h as u8 + 10), 445))).collect();
        let alerts = run("host_sweep", &sweep);
        assert_eq!(alerts[0].ts, Timestamp(8 * 300 * NS_PER_S));
    }

    #[test]
    fn a_peer_to_peer_program_with_half_its_peers_gone_is_no_sweep() {
        let calls: Vec<_> = (0..3000u32)
            .map(|i| {
                let dest = IpAddr16::v4([9, (i >> 8) as u8, i as u8, 7]);
                let mut c = contact(i64::from(i) * 100, ip(7), dest, 6881);
                let lucky = i.wrapping_mul(2_654_435_761) >> 31 == 0;
                c.outcome = if lucky { ContactOutcome::Answered } else { ContactOutcome::Unanswered };
                Observation::Contact(c)
            })
            .collect();
        assert!(run("host_sweep", &calls).is_empty());
    }

    #[test]
    fn a_client_of_few_dead_servers_is_no_sweep() {
        let calls: Vec<_> =
            (0..3000).map(|i| Observation::Contact(contact(i * 100, ip(7), ip(i as u8 % 5 + 10), 443))).collect();
        assert!(run("host_sweep", &calls).is_empty());
    }

    #[test]
    fn an_arp_sweep_is_named_and_a_gateway_asking_now_and_then_is_not() {
        let sweep: Vec<_> = (1..=200).map(|h| Observation::Arp(arp_request(h * 5, ip(7), ip(h as u8)))).collect();
        let alerts = run("host_sweep", &sweep);
        assert!(
            alerts[0].title.ends_with("refused or unanswered") && alerts[0].title.contains("by ARP"),
            "{}",
            alerts[0].title
        );
        let slow: Vec<_> = (1..=200).map(|h| Observation::Arp(arp_request(h * 5000, ip(7), ip(h as u8)))).collect();
        assert!(run("host_sweep", &slow).is_empty());
    }
}
