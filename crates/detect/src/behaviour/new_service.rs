//! New service: a home host that has been watched for long answers on a TCP port on which it never answered before, and is used: by
//! two clients, or again and again. Ports that systems hand out for single connections (from 32768 on; data of FTP, RPC, calls back)
//! are no service. Knows answered contacts only; UDP is left out, because an answer there does not tell the server from the client.

use super::lru::Lru;
use super::text::{self, alert, plural, push_distinct, why};
use super::watch::Watch;
use super::{Behaviour, Context, Wants, ports};
use crate::DetectError;
use crate::blob::{Reader, Writer};
use record::{
    Alert, Contact, ContactOutcome, Counters, IpAddr16, Kind, Observation, Severity, TcpFlags, Timestamp,
    timestamp::NS_PER_S,
};
use serde::{Deserialize, Serialize};

/// Entries read from a memory at most: a bound on what a file can claim.
const READ_MAX: usize = 1 << 24;
/// From here on ports are handed out by systems (Linux from 32768, IANA from 49152).
const HANDED_OUT_PORTS: u16 = 32_768;
/// Clients of a new service told apart.
const CLIENTS_MAX: usize = 16;

/// Settings of the new service detector.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NewServiceConfig {
    /// Time for which the network and the host must have been watched, seconds. Default 86400.
    pub learn_s: u32,
    /// Clients that make a new port a service. Default 2.
    pub clients_min: usize,
    /// Or so many connections of one client. Default 3.
    pub connections_min: u32,
    /// Spread over at least this time, seconds. Default 600.
    pub spread_s: u32,
    /// Services remembered; when the table is full nothing is reported any more. Default 65536.
    pub services_max: usize,
    /// Hosts remembered. Default 65536.
    pub hosts_max: usize,
}

impl Default for NewServiceConfig {
    fn default() -> Self {
        Self {
            learn_s: 86_400,
            clients_min: 2,
            connections_min: 3,
            spread_s: 600,
            services_max: 65_536,
            hosts_max: 65_536,
        }
    }
}

/// A port on which a host answers.
#[derive(Default)]
struct Service {
    /// It belongs to the past, or was told.
    known: bool,
    first: Timestamp,
    connections: u32,
    clients: Vec<IpAddr16>,
}

/// The detector.
pub struct NewService {
    config: NewServiceConfig,
    services: Lru<(IpAddr16, u16), Service>,
    /// Time watched when a home host was first seen, ns.
    hosts: Lru<IpAddr16, i64>,
    unreported: u64,
    watch: Watch,
}

impl NewService {
    /// Builds it.
    #[must_use]
    pub fn new(config: &NewServiceConfig) -> Self {
        Self {
            services: Lru::new(config.services_max),
            hosts: Lru::new(config.hosts_max),
            unreported: 0,
            watch: Watch::default(),
            config: config.clone(),
        }
    }

    fn contact(&mut self, c: &Contact, context: &Context, out: &mut Vec<Alert>) {
        let flags = TcpFlags(c.opening_flags);
        let answered = c.outcome == ContactOutcome::Answered && c.proto == super::contacts::TCP;
        if !answered || !flags.has(TcpFlags::SYN) || flags.has(TcpFlags::ACK) || c.src == c.dest {
            return;
        }
        self.watch.hear(context.now);
        let watched_ns = self.watch.watched_ns();
        if context.home.contains(c.src) {
            self.hosts.touch(&c.src, c.ts, || watched_ns);
        }
        if c.dest_port >= HANDED_OUT_PORTS || !context.home.contains(c.dest) {
            return;
        }
        let host_ns = watched_ns - *self.hosts.touch(&c.dest, c.ts, || watched_ns);
        let learned = host_ns >= i64::from(self.config.learn_s) * NS_PER_S;
        let service = self.services.touch(&(c.dest, c.dest_port), c.ts, || Service {
            known: !learned,
            first: c.opened,
            ..Service::default()
        });
        if service.known {
            return;
        }
        service.connections += 1;
        if service.clients.len() < CLIENTS_MAX {
            push_distinct(&mut service.clients, c.src);
        }
        let spread = c.opened.since(service.first) >= i64::from(self.config.spread_s) * NS_PER_S;
        let again = service.connections >= self.config.connections_min && spread;
        if service.clients.len() < self.config.clients_min && !again {
            return;
        }
        service.known = true;
        // After the table has forgotten something, an old service may look new.
        if self.services.evicted() > 0 || self.hosts.evicted() > 0 {
            self.unreported += 1;
        } else if let Some(service) = self.services.peek(&(c.dest, c.dest_port)) {
            out.push(service_alert(c, service, host_ns, &self.config));
        }
    }
}

fn service_alert(c: &Contact, service: &Service, watched_ns: i64, config: &NewServiceConfig) -> Alert {
    let mut a = alert(Kind::NewService, "new_service", service.first, c.ts, 1e-2);
    let clients = service.clients.len() as u64;
    a.title = format!(
        "{} answers on {}, where it never answered before, to {}",
        c.dest,
        text::port(c.dest_port),
        plural(clients, "client", "clients")
    );
    a.src = vec![c.dest];
    a.dest.clone_from(&service.clients);
    a.dest_port = vec![c.dest_port];
    let hours = watched_ns.max(0) as f64 / NS_PER_S as f64 / 3600.0;
    a.why = vec![
        why("watched_without_it", hours, [0.0, f64::from(config.learn_s) / 3600.0], "h", 0.6),
        why("clients", clients as f64, [0.0, 0.0], "hosts", 0.2),
        why("connections", f64::from(service.connections), [0.0, 0.0], "connections", 0.2),
    ];
    a.packets = u64::from(service.connections);
    // A way to control the host, or a port that nothing known listens on, is what a backdoor looks like.
    let control = matches!(c.dest_port, 22 | 23 | 2323 | 3389 | 5900..=5909 | 5985 | 5986);
    let odd = !ports::has_service(c.dest_port);
    a.severity = if control || odd { Severity::Medium } else { Severity::Low };
    a.attack = if odd {
        vec!["T1571"]
    } else if control {
        vec!["T1021"]
    } else {
        vec!["T1543"]
    };
    a.story = format!("{} {}", c.dest, c.dest_port);
    text::scored(a, if control || odd { 0.7 } else { 0.5 })
}

impl Behaviour for NewService {
    fn name(&self) -> &'static str {
        "new_service"
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
        counters.add("services_evicted", self.services.evicted());
        counters.add("hosts_evicted", self.hosts.evicted());
        counters.add("services_unreported", self.unreported);
        counters
    }
    fn entries(&self) -> usize {
        self.services.len() + self.hosts.len()
    }
    fn snapshot(&self) -> Option<Vec<u8>> {
        if self.watch.is_new() {
            return None;
        }
        let mut writer = Writer::default();
        writer.bytes.extend(self.watch.watched_ns().to_le_bytes());
        writer.u32(self.hosts.len() as u32);
        for (ip, first) in self.hosts.iter() {
            writer.bytes.extend(ip.0);
            writer.bytes.extend(first.to_le_bytes());
        }
        // What is not decided yet is counted anew after a restart.
        let known: Vec<_> = self.services.iter().filter(|(_, service)| service.known).collect();
        writer.u32(known.len() as u32);
        for ((ip, port), service) in known {
            writer.bytes.extend(ip.0);
            writer.bytes.extend(port.to_le_bytes());
            writer.bytes.extend(service.first.0.to_le_bytes());
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
        for _ in 0..reader.count(0, READ_MAX, "known hosts")? {
            let ip = address(&mut reader)?;
            let first_ns = reader.u64()?.cast_signed();
            self.hosts.touch(&ip, Timestamp(0), || first_ns);
        }
        for _ in 0..reader.count(0, READ_MAX, "known services")? {
            let ip = address(&mut reader)?;
            let port = reader.take(2)?;
            let key = (ip, u16::from_le_bytes([port[0], port[1]]));
            let first = Timestamp(reader.u64()?.cast_signed());
            self.services.touch(&key, first, || Service { known: true, first, ..Service::default() });
        }
        self.watch.resume(watched_ns);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::synthetic::{contact, ip, quiet_day, run, run_on};
    use super::*;

    /// After `past`.
    const DAY_MS: i64 = 86_400_000 + 900_000;

    fn answered(ms: i64, src: u8, dest: u8, port: u16) -> Observation {
        Observation::Contact(Contact { outcome: ContactOutcome::Answered, ..contact(ms, ip(src), ip(dest), port) })
    }

    fn past() -> Vec<Observation> {
        let mut input = vec![answered(0, 7, 9, 80), answered(1, 9, 8, 443)];
        input.extend(quiet_day(10));
        input
    }

    #[test]
    fn a_port_that_opens_after_a_day_and_is_used_is_told_once() {
        let mut input = past();
        input.push(answered(DAY_MS + 5000, 7, 9, 4444));
        assert!(run("new_service", &input).is_empty(), "one connection is no service");
        input.extend([answered(DAY_MS + 6000, 8, 9, 4444), answered(DAY_MS + 7000, 5, 9, 4444)]);
        let told = run("new_service", &input);
        assert_eq!(told.len(), 1);
        assert_eq!(told[0].title, "10.0.0.9 answers on port 4444, where it never answered before, to 2 clients");
        assert_eq!((told[0].severity, told[0].src.as_slice()), (Severity::Medium, [ip(9)].as_slice()));
        let mut again = past();
        again.extend((0..3).map(|i| answered(DAY_MS + 5000 + i * 400_000, 7, 9, 8080)));
        assert_eq!(run("new_service", &again)[0].severity, Severity::Low);
    }

    #[test]
    fn first_hours_new_hosts_handed_out_ports_and_known_services_are_silent() {
        let mut input = vec![answered(0, 7, 9, 80)];
        input.extend((0..9).map(|i| answered(3_600_000 + i * 1000, 20 + i as u8, 9, 8443)));
        assert!(run("new_service", &input).is_empty());
        input = past();
        input.extend((0..9).map(|i| answered(DAY_MS + i * 1000, 20 + i as u8, 9, 80)));
        input.extend((0..9).map(|i| answered(DAY_MS + i * 1000, 20 + i as u8, 99, 8081)));
        input.extend((0..9).map(|i| answered(DAY_MS + i * 1000, 20 + i as u8, 9, 50_000 + i as u16)));
        assert!(run("new_service", &input).is_empty());
    }

    #[test]
    fn services_stay_known_over_a_restart() {
        let mut before = NewService::new(&NewServiceConfig::default());
        run_on(&mut before, &past());
        let kept = before.snapshot().unwrap_or_default();
        let mut after = NewService::new(&NewServiceConfig::default());
        assert!(after.restore(&kept).is_ok());
        let input: Vec<_> = [80, 81]
            .into_iter()
            .flat_map(|port| (0..2).map(move |i| answered(2 * DAY_MS + i, 20 + i as u8, 9, port)))
            .collect();
        let told = run_on(&mut after, &input);
        assert_eq!((told.len(), told[0].dest_port.as_slice()), (1, [81].as_slice()));
        assert!(
            (0..kept.len()).all(|end| NewService::new(&NewServiceConfig::default()).restore(&kept[..end]).is_err())
        );
    }
}
