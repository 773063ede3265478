//! First contacts on administrative services between home hosts (SSH, Telnet, RPC, SMB, RDP, VNC, WinRM; ATT&CK T1021): a host that
//! never was such a client becomes one; a host calls many others; or a host that was itself called calls on, the way of worms ("server
//! becomes client", "fan-out": Ellis and others, A Behavioral Approach to Worm Detection, 2004). The first and the second need a learning
//! time; the third does not. Knows answered contacts only, so it works whatever is encrypted; failing ones are `host_sweep`'s.

use super::lru::Lru;
use super::text::{self, alert, plural, push_distinct, seconds, why};
use super::throttle::Throttle;
use super::watch::Watch;
use super::{Behaviour, Context, Wants};
use crate::DetectError;
use crate::blob::{Reader, Writer};
use record::{
    Alert, Contact, ContactOutcome, Counters, IpAddr16, Kind, Observation, Severity, TcpFlags, Timestamp,
    timestamp::NS_PER_S,
};
use serde::{Deserialize, Serialize};

/// Clients read from a memory at most: a bound on what a file can claim.
const CLIENTS_READ_MAX: usize = 1 << 22;

/// Settings of the detector of lateral movement.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LateralConfig {
    /// Time in which every client of an administrative service counts as known, seconds. Default 86400.
    pub learn_s: u32,
    /// New hosts called on one service within `window_s` by a host that has a past. Default 5.
    pub hosts_min: usize,
    /// Window of new hosts, seconds. Default 600.
    pub window_s: u32,
    /// A host that is called and then becomes a client of the same service within this time was perhaps taken over, seconds.
    /// Default 900.
    pub chain_s: u32,
    /// New hosts that such a one must call, besides its own caller. Default 3; 1 after the learning time.
    pub chain_hosts_min: usize,
    /// Clients of a service remembered. Default 16384.
    pub clients_max: usize,
    /// Hosts remembered of one client; who calls more is a manager of many. Default 64.
    pub hosts_max: usize,
}

impl Default for LateralConfig {
    fn default() -> Self {
        Self {
            learn_s: 86_400,
            hosts_min: 5,
            window_s: 600,
            chain_s: 900,
            chain_hosts_min: 3,
            clients_max: 16_384,
            hosts_max: 64,
        }
    }
}

/// Administrative services; several ports of one service count as one.
fn service_of(port: u16) -> Option<(u8, &'static str)> {
    Some(match port {
        22 => (0, "SSH"),
        23 => (1, "Telnet"),
        135 => (2, "RPC"),
        139 | 445 => (3, "SMB"),
        3389 => (4, "RDP"),
        5900..=5909 => (5, "VNC"),
        5985 | 5986 => (6, "WinRM"),
        _ => return None,
    })
}

const SSH: u8 = 0;

/// A host as a client of one service.
#[derive(Default)]
struct Client {
    first: Timestamp,
    hosts: Vec<IpAddr16>,
    /// The newest hosts and when they were first called.
    recent: Vec<(Timestamp, IpAddr16)>,
    /// Called more hosts than are remembered.
    many: bool,
    /// Who had called it on this service before it began to call others, and when.
    called_by: Option<(IpAddr16, Timestamp)>,
}

#[derive(Default)]
struct Story {
    first: Timestamp,
    last: Timestamp,
    services: Vec<&'static str>,
    dest: Vec<IpAddr16>,
    ports: Vec<u16>,
    chain: Option<(IpAddr16, f64)>,
    severity: Option<Severity>,
    throttle: Throttle,
}

/// The detector.
pub struct Lateral {
    config: LateralConfig,
    clients: Lru<(IpAddr16, u8), Client>,
    /// Who last called a host on a service.
    callers: Lru<(IpAddr16, u8), (IpAddr16, Timestamp)>,
    stories: Lru<IpAddr16, Story>,
    watch: Watch,
}

impl Lateral {
    /// Builds it.
    #[must_use]
    pub fn new(config: &LateralConfig) -> Self {
        Self {
            clients: Lru::new(config.clients_max),
            callers: Lru::new(config.clients_max),
            stories: Lru::new(1024),
            watch: Watch::default(),
            config: config.clone(),
        }
    }

    fn contact(&mut self, c: &Contact, context: &Context, out: &mut Vec<Alert>) {
        let Some((service, name)) = service_of(c.dest_port) else { return };
        let answered = c.outcome == ContactOutcome::Answered && c.proto == super::contacts::TCP;
        let opening = TcpFlags(c.opening_flags).has(TcpFlags::SYN) && !TcpFlags(c.opening_flags).has(TcpFlags::ACK);
        if !answered || !opening || c.src == c.dest || !context.home.contains(c.src) || !context.home.contains(c.dest) {
            return;
        }
        self.watch.hear(context.now);
        let known = self.clients.peek(&(c.src, service)).is_some();
        let caller = self.callers.peek(&(c.src, service)).copied();
        // After the table has forgotten somebody, nobody is new any more.
        let reliable = self.clients.evicted() == 0;
        let client = self.clients.touch(&(c.src, service), c.ts, || Client { first: c.opened, ..Client::default() });
        if !known {
            let chain_ns = i64::from(self.config.chain_s) * NS_PER_S;
            client.called_by = caller.filter(|(from, at)| *from != c.dest && c.opened.since(*at) <= chain_ns);
        }
        self.callers.touch(&(c.dest, service), c.ts, || (c.src, c.opened)).clone_from(&(c.src, c.opened));
        if client.many || client.hosts.contains(&c.dest) {
            return;
        }
        client.note(c, &self.config);
        let learned = self.watch.watched_ns() >= i64::from(self.config.learn_s) * NS_PER_S;
        let Some((severity, chain)) = client.judge(service, learned, reliable, known, &self.config) else { return };
        let fresh: Vec<IpAddr16> = client.recent.iter().map(|(_, host)| *host).collect();
        self.tell(c, name, severity, chain, &fresh, out);
    }

    fn tell(
        &mut self,
        c: &Contact,
        service: &'static str,
        severity: Severity,
        chain: Option<(IpAddr16, Timestamp)>,
        hosts: &[IpAddr16],
        out: &mut Vec<Alert>,
    ) {
        let first = chain.map_or(c.opened, |(_, at)| at);
        let story = self.stories.touch(&c.src, c.ts, || Story { first, ..Story::default() });
        let before = story.severity;
        story.last = story.last.max(c.ts);
        push_distinct(&mut story.services, service);
        push_distinct(&mut story.ports, c.dest_port);
        for host in hosts {
            push_distinct(&mut story.dest, *host);
        }
        story.severity = Some(before.map_or(severity, |old| old.max(severity)));
        if let Some((from, at)) = chain {
            story.chain = story.chain.or(Some((from, c.opened.since(at).max(0) as f64 / NS_PER_S as f64)));
        }
        let size = story.dest.len() as u64;
        if story.throttle.due(size, c.ts) || story.severity > before {
            out.push(story_alert(c.src, story, &self.config));
        }
    }
}

impl Client {
    fn note(&mut self, c: &Contact, config: &LateralConfig) {
        let window_ns = i64::from(config.window_s) * NS_PER_S;
        self.recent.retain(|(at, _)| c.opened.since(*at) <= window_ns);
        if self.hosts.len() >= config.hosts_max {
            self.many = true;
            return;
        }
        self.hosts.push(c.dest);
        self.recent.push((c.opened, c.dest));
    }

    fn judge(
        &self,
        service: u8,
        learned: bool,
        reliable: bool,
        known: bool,
        config: &LateralConfig,
    ) -> Option<(Severity, Option<(IpAddr16, Timestamp)>)> {
        let besides_caller = |from: IpAddr16| self.recent.iter().filter(|(_, host)| *host != from).count();
        // Hosts that people work on from elsewhere (jump hosts) are called and call on by SSH every day.
        let chain = self.called_by.filter(|(from, _)| {
            let needed = if learned { 1 } else { config.chain_hosts_min };
            (service != SSH || learned) && besides_caller(*from) >= needed
        });
        if chain.is_some() {
            return Some((Severity::High, chain));
        }
        if !learned || !reliable {
            return None;
        }
        if self.recent.len() >= config.hosts_min {
            return Some((
                if self.recent.len() >= 2 * config.hosts_min { Severity::High } else { Severity::Medium },
                None,
            ));
        }
        (!known).then_some((Severity::Low, None))
    }
}

fn story_alert(src: IpAddr16, story: &Story, config: &LateralConfig) -> Alert {
    let mut a = alert(Kind::LateralMovement, "lateral_movement", story.first, story.last, 1e-3);
    let services = story.services.join(", ");
    let hosts = story.dest.len() as u64;
    a.title = match (&story.chain, story.dest.as_slice()) {
        (Some((from, after)), [one]) => {
            format!("{src} was called by {from} by {services} and {} later itself called {one}", seconds(*after))
        }
        (Some((from, after)), _) => format!(
            "{src} was called by {from} by {services} and {} later itself called {}",
            seconds(*after),
            plural(hosts, "host", "hosts")
        ),
        (None, [one]) => format!("{src} called {one} by {services}, which it never used before"),
        (None, _) => {
            format!("{src} called {} by {services} that it never called before", plural(hosts, "host", "hosts"))
        }
    };
    a.why = vec![why("new_hosts_called", hosts as f64, [0.0, config.hosts_min as f64 - 1.0], "hosts", 0.6)];
    if let Some((_, after)) = story.chain {
        a.why.push(why("time_from_called_to_caller", after, [f64::from(config.chain_s), 1e9], "s", 0.4));
    }
    a.src = vec![src];
    a.dest.clone_from(&story.dest);
    a.dest_port.clone_from(&story.ports);
    a.packets = hosts;
    a.severity = story.severity.unwrap_or(Severity::Low);
    a.attack = if story.chain.is_some() { vec!["T1210", "T1021"] } else { vec!["T1021"] };
    a.story = src.to_string();
    text::scored(a, if a_is_low(story) { 0.5 } else { 0.85 })
}

fn a_is_low(story: &Story) -> bool {
    story.severity.is_none_or(|severity| severity == Severity::Low)
}

impl Behaviour for Lateral {
    fn name(&self) -> &'static str {
        "lateral_movement"
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
        self.watch.hear(now);
    }
    fn counters(&self) -> Counters {
        let mut counters = Counters::default();
        counters.add("clients_evicted", self.clients.evicted());
        counters
    }
    fn entries(&self) -> usize {
        self.clients.len() + self.callers.len() + self.stories.len()
    }
    fn snapshot(&self) -> Option<Vec<u8>> {
        if self.watch.is_new() {
            return None;
        }
        let mut writer = Writer::default();
        writer.bytes.extend(self.watch.watched_ns().to_le_bytes());
        writer.u32(self.clients.len() as u32);
        for ((ip, service), client) in self.clients.iter() {
            writer.bytes.extend(ip.0);
            writer.bytes.push(*service);
            writer.bytes.push(u8::from(client.many));
            writer.bytes.extend(client.first.0.to_le_bytes());
            writer.u32(client.hosts.len() as u32);
            for host in &client.hosts {
                writer.bytes.extend(host.0);
            }
        }
        Some(writer.bytes)
    }
    fn restore(&mut self, bytes: &[u8]) -> Result<(), DetectError> {
        let mut reader = Reader::new(bytes);
        let address = |reader: &mut Reader<'_>| -> Result<IpAddr16, DetectError> {
            let mut ip = [0; 16];
            ip.copy_from_slice(reader.take(16)?);
            Ok(IpAddr16(ip))
        };
        let watched_ns = reader.u64()?.cast_signed();
        for _ in 0..reader.count(0, CLIENTS_READ_MAX, "known clients")? {
            let ip = address(&mut reader)?;
            let (service, many) = (reader.take(1)?[0], reader.take(1)?[0] != 0);
            let first = Timestamp(reader.u64()?.cast_signed());
            let count = reader.count(0, 1 << 16, "hosts of a client")?;
            let hosts = (0..count).map(|_| address(&mut reader)).collect::<Result<Vec<_>, _>>()?;
            *self.clients.touch(&(ip, service), first, Client::default) =
                Client { first, hosts, many, ..Client::default() };
        }
        self.watch.resume(watched_ns);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::synthetic::{contact, ip, quiet_day, run, run_on};
    use super::*;

    const DAY_MS: i64 = 86_400_000;

    fn called(ms: i64, src: u8, dest: u8, port: u16) -> Observation {
        Observation::Contact(Contact { outcome: ContactOutcome::Answered, ..contact(ms, ip(src), ip(dest), port) })
    }

    #[test]
    fn a_worm_that_goes_on_from_its_victim_is_told_without_a_past() {
        let mut input: Vec<_> = (0..4).map(|i| called(i * 100, 7, 20 + i as u8, 445)).collect();
        input.extend((0..3).map(|i| called(60_000 + i * 500, 20, 30 + i as u8, 445)));
        let alerts = run("lateral_movement", &input);
        assert_eq!(alerts[0].title, "10.0.0.20 was called by 10.0.0.7 by SMB and 61.0 s later itself called 3 hosts");
        assert!(alerts.iter().all(|a| a.src == [ip(20)]), "{alerts:?}");
    }

    #[test]
    fn offices_jump_hosts_and_neighbours_in_their_first_hours_are_silent() {
        let mut office: Vec<_> = (0..50).map(|i| called(i * 1000, 30 + i as u8, 5, 445)).collect();
        office.extend((0..20).map(|i| called(60_000 + i * 700, 3, 30 + i as u8, 22)));
        office.extend([called(90_000, 40, 41, 445), called(91_000, 41, 40, 445), called(92_000, 41, 5, 445)]);
        assert!(run("lateral_movement", &office).is_empty());
        let mut jump = vec![called(0, 7, 8, 22)];
        jump.extend((0..9).map(|i| called(1000 + i * 500, 8, 60 + i as u8, 22)));
        assert!(run("lateral_movement", &jump).is_empty());
    }

    #[test]
    fn after_a_day_a_first_client_is_low_a_fan_out_medium_and_what_was_always_so_silent() {
        let mut input = vec![called(0, 7, 9, 3389), called(5, 3, 5, 22)];
        input.extend(quiet_day(10));
        input.push(called(DAY_MS + 900_000, 7, 9, 3389));
        assert!(run("lateral_movement", &input).is_empty());
        input.push(called(DAY_MS + 900_020, 8, 9, 3389));
        let told = run("lateral_movement", &input);
        assert_eq!((told.len(), told[0].severity, told[0].src.as_slice()), (1, Severity::Low, [ip(8)].as_slice()));
        let mut wide = input[..input.len() - 1].to_vec();
        wide.extend((0..5).map(|i| called(DAY_MS + 905_000 + i * 2000, 3, 50 + i as u8, 22)));
        let told = run("lateral_movement", &wide);
        assert_eq!(told.last().map(|a| a.severity), Some(Severity::Medium));
    }

    #[test]
    fn a_restart_forgets_no_client() {
        let mut before = Lateral::new(&LateralConfig::default());
        let mut past = vec![called(0, 7, 9, 22)];
        past.extend(quiet_day(10));
        run_on(&mut before, &past);
        let kept = before.snapshot().unwrap_or_default();
        let mut after = Lateral::new(&LateralConfig::default());
        assert!(after.restore(&kept).is_ok());
        let told = run_on(&mut after, &[called(2 * DAY_MS, 7, 9, 22), called(2 * DAY_MS + 5, 8, 9, 22)]);
        assert_eq!((told.len(), told[0].src.as_slice()), (1, [ip(8)].as_slice()));
        assert!((0..kept.len()).all(|end| Lateral::new(&LateralConfig::default()).restore(&kept[..end]).is_err()));
    }
}
