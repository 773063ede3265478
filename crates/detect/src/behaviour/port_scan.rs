//! Port scan: one source asks many ports (or IP protocols) of one host and is mostly refused or left alone. A threshold
//! random walk over first contacts of each source and target; several targets of one source are one story.

use super::contacts::{TCP, UDP, is_cut_off, never_honest};
use super::lru::Lru;
use super::random_walk::{Walk, WalkConfig, WalkSteps};
use super::set16::Set16;
use super::text::{self, alert, count, plural, push_distinct, why};
use super::throttle::{HOUR_NS, Throttle};
use super::{Behaviour, Context, Wants};
use record::{
    Alert, Contact, Counters, IpAddr16, Kind, Observation, Severity, TcpFlags, Timestamp, timestamp::NS_PER_S,
};
use serde::{Deserialize, Serialize};

/// A story is told a last time when it has been quiet for this long.
const QUIET_NS: i64 = 3 * NS_PER_S;

/// A scanner who was silent for this long and asks again is told at once, not when the count has doubled.
const RETURN_NS: i64 = 300 * NS_PER_S;

/// A probe with flags that no program sends weighs as much as so many refused openings: one in the middle of a damaged capture is
/// nothing, three to different ports are a scan.
const NEVER_HONEST_WEIGHT: u32 = 3;

/// Settings of the port scan detector.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PortScanConfig {
    /// Random walk for TCP, SCTP and bare IP protocols.
    pub walk: WalkConfig,
    /// Random walk for UDP, where honest programs are often left without an answer.
    pub walk_udp: WalkConfig,
    /// A pair without a new contact for this long is forgotten, seconds. Default 7200, so that slow scans are seen.
    pub idle_s: u32,
    /// Pairs of source and target with a failure, remembered; the longest untouched goes first. Default 16384.
    pub pairs_max: usize,
    /// Sources whose scan is being told. Default 4096.
    pub stories_max: usize,
    /// Sets of more than 64 ports (8 KiB each); at the bound a pair's count stops at 64. Default 512.
    pub large_sets_max: usize,
    /// UDP ports remembered as sending, for every detector of scans. Default 16384.
    pub senders_max: usize,
}

impl Default for PortScanConfig {
    fn default() -> Self {
        Self {
            walk: WalkConfig::default(),
            walk_udp: WalkConfig::peer_to_peer(),
            idle_s: 7200,
            pairs_max: 16_384,
            stories_max: 4096,
            large_sets_max: 512,
            senders_max: 16_384,
        }
    }
}

/// What is counted as one thing asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Space {
    Tcp,
    Udp,
    Sctp,
    Protocols,
}

type PairKey = (IpAddr16, IpAddr16, Space);

#[derive(Default)]
struct Pair {
    walk: Walk,
    asked: Set16,
    failed: u32,
    first: Timestamp,
    stealth: u32,
    ports: Vec<u16>,
    alarmed: bool,
}

/// The scan of one source, over all its targets.
#[derive(Default)]
struct Story {
    first: Timestamp,
    last: Timestamp,
    targets: u64,
    dest: Vec<IpAddr16>,
    ports: Vec<u16>,
    answered_ports: Vec<u16>,
    asked: u64,
    failed: u64,
    stealth: u64,
    protocols: bool,
    throttle: Throttle,
}

/// The detector.
pub struct PortScan {
    config: PortScanConfig,
    steps: WalkSteps,
    steps_udp: WalkSteps,
    pairs: Lru<PairKey, Pair>,
    stories: Lru<IpAddr16, Story>,
    large_sets: usize,
    capped: u64,
}

impl PortScan {
    /// Builds it.
    #[must_use]
    pub fn new(config: &PortScanConfig) -> Self {
        Self {
            steps: config.walk.walk(),
            steps_udp: config.walk_udp.walk(),
            pairs: Lru::new(config.pairs_max),
            stories: Lru::new(config.stories_max),
            large_sets: 0,
            capped: 0,
            config: config.clone(),
        }
    }

    fn contact(&mut self, contact: &Contact, context: &Context, out: &mut Vec<Alert>) {
        let now = context.now;
        let Some(failed) = context.evidence.or(is_cut_off(contact).then_some(true)) else { return };
        let (space, asked) = match contact.proto {
            TCP => (Space::Tcp, contact.dest_port),
            UDP => (Space::Udp, contact.dest_port),
            super::contacts::SCTP => (Space::Sctp, contact.dest_port),
            super::contacts::ICMP | super::contacts::ICMPV6 => return,
            other => (Space::Protocols, u16::from(other)),
        };
        let key = (contact.src, contact.dest, space);
        let opened = contact.opened;
        // A pair is remembered from its first failure on: what always works fills no table, so that busy networks do not push the
        // pairs of a slow scan out. What worked before would have put the walk at most three failures further down.
        if !failed && self.pairs.peek(&key).is_none() {
            return;
        }
        let evicted_before = self.pairs.evicted();
        let pair = self.pairs.touch(&key, now, || Pair { first: opened, ..Pair::default() });
        let was_small = pair.asked.count() <= 64;
        if was_small && pair.asked.count() == 64 && self.large_sets >= self.config.large_sets_max {
            self.capped += 1;
            return;
        }
        if !pair.asked.insert(asked) {
            return;
        }
        self.large_sets += usize::from(was_small && pair.asked.count() > 64);
        push_distinct(&mut pair.ports, asked);
        pair.failed += u32::from(failed);
        let stealth = contact.proto == TCP && !TcpFlags(contact.opening_flags).has(TcpFlags::SYN);
        pair.stealth += u32::from(stealth);
        let steps = if space == Space::Udp { &self.steps_udp } else { &self.steps };
        if pair.walk.at_rest() && !pair.alarmed {
            pair.first = opened;
        }
        let mut crossed = pair.walk.step(failed, steps);
        if failed && never_honest(contact) {
            for _ in 1..NEVER_HONEST_WEIGHT {
                crossed = pair.walk.step(true, steps);
            }
        }
        if evicted_before != self.pairs.evicted() {
            self.recount_large_sets();
        }
        if crossed || self.pairs.peek(&key).is_some_and(|p| p.alarmed) {
            self.tell(&key, contact, failed, now, out);
        }
    }

    /// An evicted pair may have held a bitmap; evictions are rare enough to count again.
    fn recount_large_sets(&mut self) {
        if self.large_sets > 0 {
            self.large_sets = self.pairs.iter().filter(|(_, p)| p.asked.count() > 64).count();
        }
    }

    fn tell(&mut self, key: &PairKey, contact: &Contact, failed: bool, now: Timestamp, out: &mut Vec<Alert>) {
        let Some(pair) = self.pairs.peek_mut(key) else { return };
        let story = self.stories.touch(&key.0, now, || Story { first: pair.first, ..Story::default() });
        story.first = story.first.min(pair.first);
        if contact.ts.since(story.last) > RETURN_NS {
            story.throttle = Throttle::default();
        }
        story.last = story.last.max(contact.ts);
        if pair.alarmed {
            story.asked += 1;
            story.failed += u64::from(failed);
            story.stealth += u64::from(!TcpFlags(contact.opening_flags).has(TcpFlags::SYN));
        } else {
            pair.alarmed = true;
            story.targets += u64::from(!story.dest.contains(&key.1));
            push_distinct(&mut story.dest, key.1);
            story.asked += u64::from(pair.asked.count());
            story.failed += u64::from(pair.failed);
            story.stealth += u64::from(pair.stealth);
            story.protocols |= key.2 == Space::Protocols;
            pair.ports.iter().for_each(|p| push_distinct(&mut story.ports, *p));
        }
        if key.2 != Space::Protocols {
            push_distinct(&mut story.ports, contact.dest_port);
            if !failed {
                push_distinct(&mut story.answered_ports, contact.dest_port);
            }
        }
        if story.throttle.due_within(story.asked, now, HOUR_NS) {
            out.push(story_alert(key.0, story, self.config.walk.false_alarm));
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

fn story_alert(src: IpAddr16, story: &Story, p_value: f64) -> Alert {
    let share = story.failed as f64 / story.asked.max(1) as f64;
    let things = if story.protocols { ("IP protocol", "IP protocols") } else { ("port", "ports") };
    let whom = match story.dest.as_slice() {
        [one] if story.targets <= 1 => one.to_string(),
        _ => plural(story.targets, "host", "hosts"),
    };
    let minutes = story.last.since(story.first).max(0) as f64 / NS_PER_S as f64 / 60.0;
    let mut why_list = vec![
        why("distinct_ports_asked", story.asked as f64, [0.0, 8.0], "ports", 0.5),
        why("first_contacts_failed_share", share, [0.0, 0.2], "", 0.3),
    ];
    if story.stealth > 0 {
        why_list.push(why("openings_without_syn", story.stealth as f64, [0.0, 0.0], "probes", 0.1));
    }
    if minutes > 0.0 {
        why_list.push(why(
            "ports_asked_per_minute",
            story.asked as f64 / minutes.max(1.0 / 60.0),
            [0.0, 5.0],
            "1/min",
            0.1,
        ));
    }
    let mut a = alert(Kind::PortScan, "port_scan", story.first, story.last, p_value);
    a.title = format!(
        "{src} probed {} of {whom}: {} refused or unanswered",
        plural(story.asked, things.0, things.1),
        count(story.failed)
    );
    a.src = vec![src];
    a.dest.clone_from(&story.dest);
    // Answered ports first: they are what the scanner found.
    a.dest_port.clone_from(&story.answered_ports);
    story.ports.iter().for_each(|p| push_distinct(&mut a.dest_port, *p));
    a.why = why_list;
    a.packets = story.asked;
    a.severity = if story.asked >= 100 || story.targets >= 8 { Severity::High } else { Severity::Medium };
    a.story = src.to_string();
    text::scored(a, 0.9 + 0.1 * (1.0 - 9.0 / story.asked.max(9) as f64))
}

impl Behaviour for PortScan {
    fn name(&self) -> &'static str {
        "port_scan"
    }
    fn wants(&self) -> Wants {
        Wants::CONTACT
    }
    fn observe(&mut self, observation: &Observation, context: &Context, out: &mut Vec<Alert>) {
        if let Observation::Contact(contact) = observation {
            self.contact(contact, context, out);
        }
    }
    fn advance(&mut self, now: Timestamp, _context: &Context, out: &mut Vec<Alert>) {
        self.flush(now, QUIET_NS, out);
        let idle_ns = i64::from(self.config.idle_s) * NS_PER_S;
        let mut freed = 0;
        self.pairs.expire(now, idle_ns, |_, pair| freed += usize::from(pair.asked.count() > 64));
        self.large_sets = self.large_sets.saturating_sub(freed);
        self.stories.expire(now, idle_ns, |_, _| {});
    }
    fn finish(&mut self, context: &Context, out: &mut Vec<Alert>) {
        self.flush(context.now, 0, out);
    }
    fn counters(&self) -> Counters {
        let mut counters = Counters::default();
        counters.add("pairs_evicted", self.pairs.evicted());
        counters.add("stories_evicted", self.stories.evicted());
        counters.add("port_sets_capped", self.capped);
        counters
    }
    fn entries(&self) -> usize {
        self.pairs.len() + self.stories.len()
    }
}

#[cfg(test)]
mod tests {
    use super::super::synthetic::{contact, ip, run};
    use super::*;
    use record::ContactOutcome;

    #[test]
    fn names_the_scanner_after_nine_failures_and_counts_on() {
        let scan: Vec<_> =
            (1..=312).map(|p| Observation::Contact(contact(i64::from(p) * 10, ip(7), ip(9), p))).collect();
        let alerts = run("port_scan", &scan);
        assert_eq!(alerts[0].title, "10.0.0.7 probed 9 ports of 10.0.0.9: 9 refused or unanswered");
        assert_eq!(alerts[0].ts, Timestamp(90 * 1_000_000));
        let last = alerts.last().map(|a| a.title.clone());
        assert_eq!(last.as_deref(), Some("10.0.0.7 probed 312 ports of 10.0.0.9: 312 refused or unanswered"));
        assert!(alerts.len() < 10, "{}", alerts.len());
        assert!(alerts.iter().all(|a| a.story == "10.0.0.7" && a.src == [ip(7)] && a.dest == [ip(9)]));
    }

    #[test]
    fn a_slow_scan_of_one_port_a_minute_is_seen() {
        let scan: Vec<_> =
            (1..=60).map(|p| Observation::Contact(contact(i64::from(p) * 60_000, ip(7), ip(9), p))).collect();
        assert!(!run("port_scan", &scan).is_empty());
    }

    #[test]
    fn a_slow_scan_of_one_port_every_five_minutes_is_seen_however_busy_the_network_is() {
        let mut input = Vec::new();
        for p in 1..=24_i64 {
            input.push(Observation::Contact(contact(p * 300_000, ip(7), ip(9), p as u16)));
            // More working pairs than the table holds, between every two probes.
            for i in 0..20_000_i64 {
                let dest = IpAddr16::v4([198, 51, (i >> 8) as u8, i as u8]);
                let mut c = contact(p * 300_000 + 1 + i, ip(20 + (p % 9) as u8), dest, 443);
                c.outcome = ContactOutcome::Answered;
                input.push(Observation::Contact(c));
            }
        }
        let alerts = run("port_scan", &input);
        assert_eq!(alerts[0].title, "10.0.0.7 probed 9 ports of 10.0.0.9: 9 refused or unanswered");
        assert_eq!(alerts[0].ts, Timestamp(9 * 300 * NS_PER_S));
    }

    #[test]
    fn flags_that_no_program_sends_weigh_more_than_a_refusal() {
        let probe = |ms, port, flags| {
            let mut c = contact(ms, ip(7), ip(9), port);
            (c.opening_flags, c.outcome) = (flags, ContactOutcome::Refused);
            Observation::Contact(c)
        };
        let odd = [TcpFlags::FIN, 0, TcpFlags::FIN | TcpFlags::PSH | TcpFlags::URG];
        let three: Vec<_> = (0..3).map(|i| probe(i * 8_000, 3390 + i as u16, odd[i as usize])).collect();
        assert_eq!(run("port_scan", &three).len(), 1);
        let three: Vec<_> = (0..3).map(|i| probe(i * 8_000, 3390 + i as u16, TcpFlags::SYN)).collect();
        assert!(run("port_scan", &three).is_empty());
    }

    #[test]
    fn a_scanner_who_comes_back_is_told_at_once() {
        let scan: Vec<_> = [(0, 1..=100_u16), (1_000_000, 101..=120)]
            .into_iter()
            .flat_map(|(start_ms, ports)| {
                ports.map(move |p| Observation::Contact(contact(start_ms + i64::from(p) * 10, ip(7), ip(9), p)))
            })
            .collect();
        let alerts = run("port_scan", &scan);
        assert!(alerts.iter().any(|a| a.ts == Timestamp((1_000_000 + 1010) * 1_000_000)), "{alerts:?}");
    }

    #[test]
    fn a_dead_server_asked_again_and_again_is_no_scan() {
        let calls: Vec<_> = (0..5000).map(|i| Observation::Contact(contact(i * 50, ip(7), ip(9), 8080))).collect();
        assert!(run("port_scan", &calls).is_empty());
    }

    #[test]
    fn a_client_of_many_working_ports_is_no_scan() {
        let calls: Vec<_> = (0..5000u16)
            .map(|i| {
                let mut c = contact(i64::from(i) * 50, ip(7), ip(9), 20_000 + i);
                c.outcome = if i % 5 == 0 { ContactOutcome::Unanswered } else { ContactOutcome::Answered };
                Observation::Contact(c)
            })
            .collect();
        assert!(run("port_scan", &calls).is_empty());
    }

    #[test]
    fn two_targets_are_one_story() {
        let mut scan = Vec::new();
        for host in [9, 10] {
            for port in 1..=50 {
                let ms = i64::from(host) * 10_000 + i64::from(port) * 10;
                scan.push(Observation::Contact(contact(ms, ip(7), ip(host), port)));
            }
        }
        let alerts = run("port_scan", &scan);
        assert!(alerts.iter().all(|a| a.story == "10.0.0.7"));
        let last = alerts.last().map(|a| a.title.clone());
        assert_eq!(last.as_deref(), Some("10.0.0.7 probed 100 ports of 2 hosts: 100 refused or unanswered"));
    }
}
