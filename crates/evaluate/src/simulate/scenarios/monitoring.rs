//! Monitoring: the mail server, which is also the office's monitor, asks servers for counters by SNMP every minute and services inside
//! and outside for their health by HTTP every half minute. All of it is periodic, and none of it an attack.

use super::super::engine::Activity;
use super::super::exchange::{Exchange, Packet};
use super::super::protocols::{http, snmp, tls};
use super::super::tcp::{SERVER, Session, Step};
use super::super::world::{BACKUP, FILES, MAIL, PRINTER, ROUTER, World};
use super::super::{frame::Peer, tcp::Outcome};
use super::{Scenario, ScenarioInfo, Tempo};

const S: i64 = 1_000_000_000;
const MS: i64 = 1_000_000;
/// What monitors are set up with, and seldom changed from.
const COMMUNITY: &str = "public";

/// The scenario.
pub(super) struct Monitoring;

impl Scenario for Monitoring {
    fn info(&self) -> ScenarioInfo {
        ScenarioInfo::collection(
            "monitoring",
            "a monitor: SNMP polls every 60 seconds, HTTP and HTTPS health checks every 30, inside and outside",
        )
    }
    fn launch(&self, start: i64, world: &mut World, _: Tempo) -> i64 {
        let sites = world.sites.iter().enumerate().filter(|(_, s)| s.name.starts_with("status"));
        let outside: Vec<(usize, u16)> = sites.map(|(i, _)| i).zip([80, 443]).collect();
        let polls = [ROUTER, FILES, PRINTER, BACKUP].map(|server| (60 * S, Act::Snmp(server)));
        let checks = [FILES, PRINTER, BACKUP].map(|server| (30 * S, Act::Inside(server)));
        let outside = outside.into_iter().map(|(site, port)| (30 * S, Act::Outside(site, port)));
        for (period_ns, act) in polls.into_iter().chain(checks).chain(outside) {
            let first = world.random.between(0, 10 * S);
            world.spawn(start + first, Every { period_ns, act });
        }
        0
    }
}

#[derive(Clone, Copy)]
enum Act {
    /// Counters of a server.
    Snmp(usize),
    /// Health of a service of a server in the office.
    Inside(usize),
    /// Health of a site on the Internet, on a port.
    Outside(usize, u16),
}

struct Every {
    period_ns: i64,
    act: Act,
}

impl Activity for Every {
    fn fire(&mut self, now: i64, world: &mut World) -> Option<i64> {
        match self.act {
            Act::Snmp(server) => poll(now, server, world),
            Act::Inside(server) => {
                let ends = (world.client(MAIL), world.lan(server, 8080));
                let latency = world.lan_latency();
                let host = world.hosts[server].name.clone();
                let steps = Vec::from(http::health_check(&host, &mut world.random));
                check(now, ends, latency, steps, world);
            }
            Act::Outside(site, port) => {
                let ends = world.ends(MAIL, site, port);
                let latency = world.site_latency(site);
                let host = world.sites[site].name.clone();
                let steps = if port == 443 { sealed(&host, world) } else { plain(&host, world) };
                check(now, ends, latency, steps, world);
            }
        }
        Some(now + self.period_ns + world.random.between(-20 * MS, 20 * MS))
    }
}

fn poll(now: i64, server: usize, world: &mut World) {
    let (client, agent) = (world.client(MAIL), world.lan(server, 161));
    let (id, octets) = (world.random.bits() as u32, (now / MS) as u32);
    let mut exchange = Exchange::new(client, agent);
    for interface in 1..=2u8 {
        let at = now + i64::from(interface) * 4 * MS;
        let wait = world.random.jitter_ns(900_000, 0.4).min(3 * MS);
        let id = id.wrapping_add(interface.into());
        exchange = exchange.then(at, 0, Packet::Udp(snmp::get(COMMUNITY, id, interface))).then(
            at + wait,
            1,
            Packet::Udp(snmp::answer(COMMUNITY, id, interface, octets)),
        );
    }
    exchange.start(world);
}

fn plain(host: &str, world: &mut World) -> Vec<Step> {
    Vec::from(http::health_check(host, &mut world.random))
}

fn sealed(host: &str, world: &mut World) -> Vec<Step> {
    let r = &mut world.random;
    let mut steps = tls::open(tls::LIBRARY_CLIENT, host, r);
    steps.extend(tls::request(160, 210, MS, r));
    steps.push(tls::close(r));
    steps
}

fn check(now: i64, (client, server): (Peer, Peer), latency: [i64; 2], steps: Vec<Step>, world: &mut World) {
    let session = Session::new(world, client, server, latency, steps.into_iter()).outcome(Outcome::Fin(SERVER));
    world.spawn(now, session);
}
