//! Names and the web: a visit resolves a few names and opens connections to them.

use super::super::super::exchange::{Exchange, Packet};
use super::super::super::frame::Peer;
use super::super::super::protocols::{dns, http, quic, tls};
use super::super::super::tcp::{Outcome, SERVER, Session, Step};
use super::super::super::world::{ROUTER, World};

const MS: i64 = 1_000_000;
/// Largest answer over QUIC, bytes: the whole exchange is prepared at once.
const QUIC_ANSWER_MAX: f64 = 250_000.0;

/// Asks the router for a site's addresses when they are not remembered; returns when they are known.
pub(super) fn resolve(now: i64, host: usize, site: usize, world: &mut World) -> i64 {
    if !world.must_resolve(host, site, now) {
        return now;
    }
    let s = world.sites[site].clone();
    let ttl = 1 + world.random.below(s.ttl_s as usize) as u32;
    let mut known = now;
    let kinds: &[u16] =
        if world.hosts[host].browser < 2 { &[dns::A, dns::AAAA, dns::HTTPS] } else { &[dns::A, dns::AAAA] };
    for kind in kinds {
        let records = match (kind, s.v6) {
            (&dns::A, _) => vec![dns::Record::a(ttl, s.v4)],
            (&dns::AAAA, Some(v6)) => vec![dns::Record::aaaa(ttl, v6)],
            _ => vec![dns::Record::soa(s.name.split_once('.').map_or("test", |n| n.1))],
        };
        let records = if s.alias { alias(&s.name, ttl, records) } else { records };
        let at = now + world.random.between(20_000, 300_000);
        known = known.max(ask(at, host, &s.name, *kind, dns::NO_ERROR, &records, world));
    }
    known + world.random.between(100_000, MS)
}

/// The same answer by way of a canonical name, as content networks give it.
fn alias(name: &str, ttl: u32, records: Vec<dns::Record>) -> Vec<dns::Record> {
    let target = format!("edge.{name}");
    let mut all = vec![dns::Record::answer(dns::CNAME, ttl, dns::name(&target))];
    all.extend(
        records.into_iter().map(|r| if r.owner.is_empty() { dns::Record { owner: target.clone(), ..r } } else { r }),
    );
    all
}

/// One question to the router's resolver and its answer; returns when the answer is there.
fn ask(at: i64, host: usize, name: &str, kind: u16, code: u8, records: &[dns::Record], world: &mut World) -> i64 {
    let id = world.random.bits() as u16;
    let cached = world.random.chance(0.6);
    let wait = if cached { world.random.between(180_000, 900_000) } else { world.random.jitter_ns(18 * MS, 0.7) };
    let (client, server) = (world.client(host), world.lan(ROUTER, 53));
    Exchange::new(client, server)
        .then(at, 0, Packet::Udp(dns::query(id, name, kind)))
        .then(at + wait, 1, Packet::Udp(dns::response(id, code, name, kind, records)))
        .start(world);
    at + wait
}

/// A visit to one site and the others it draws from.
pub(super) fn browse(now: i64, host: usize, world: &mut World) {
    let mut at = now;
    for i in 0..=world.random.below(4) {
        let site = world.popular_site();
        at = resolve(at, host, site, world);
        for _ in 0..=usize::from(i == 0 && world.random.chance(0.4)) {
            if world.hosts[host].browser < 2 && world.random.chance(0.2) {
                over_quic(at, host, site, world);
            } else {
                secure(at, host, site, world);
            }
        }
        at += world.random.between(5 * MS, 120 * MS);
    }
}

/// One HTTPS connection with a few requests.
fn secure(at: i64, host: usize, site: usize, world: &mut World) {
    let ends = world.ends(host, site, 443);
    let (profile, name) = (world.hosts[host].browser, world.sites[site].name.clone());
    let r = &mut world.random;
    let mut steps = tls::open(profile, &name, r);
    for i in 0..=(r.exponential(2.0) as usize).min(15) {
        let think = if i == 0 { r.between(100_000, MS) } else { r.jitter_ns(250 * MS, 1.2) };
        let (up, down) = (r.log_normal(420.0, 0.5) as u64, r.pareto(900.0, 1.15, 6e6) as u64);
        steps.extend(tls::request(up, down, think, r));
    }
    steps.push(tls::close(r));
    connect(at, ends, site, steps, world);
}

/// One HTTP/3 connection with a few requests.
fn over_quic(at: i64, host: usize, site: usize, world: &mut World) {
    let (client, server) = world.ends(host, site, 443);
    let [near, rtt] = world.site_latency(site);
    let name = world.sites[site].name.clone();
    let r = &mut world.random;
    let connection = quic::Connection::new(r);
    let (Some(hello), Some(answer)) = (connection.hello(&name, r), connection.answer(r)) else { return };
    let mut frames = vec![(at, 0, hello), (at + rtt, 1, answer)];
    frames.push((at + rtt + 30_000, 1, connection.handshake(1200, false, r)));
    let mut now = at + rtt + near + MS;
    frames.push((now, 0, connection.handshake(96, true, r)));
    for _ in 0..=(r.exponential(1.5) as usize).min(8) {
        frames.push((
            now + 200_000,
            0,
            connection.data(r.log_normal(180.0, 0.5).clamp(40.0, 1200.0) as usize, true, r),
        ));
        now += rtt + r.jitter_ns(8 * MS, 0.8);
        let mut left = r.pareto(900.0, 1.15, QUIC_ANSWER_MAX) as usize;
        for i in 0.. {
            let size = left.min(1230);
            frames.push((now, 1, connection.data(size + 20, false, r)));
            left -= size;
            if i % 4 == 3 || left == 0 {
                frames.push((now + near, 0, connection.data(33, true, r)));
            }
            if left == 0 {
                break;
            }
            now += if i % 16 == 15 { rtt } else { 15_000 };
        }
        now += r.jitter_ns(250 * MS, 1.0);
    }
    frames.sort_by_key(|f| f.0);
    let start = Exchange::new(client, server);
    let all = frames.into_iter().fold(start, |e, (at, from, data)| e.then(at, from, Packet::Udp(data)));
    all.start(world);
}

/// Opens a connection whose end varies as real ones do.
fn connect(at: i64, (client, server): (Peer, Peer), site: usize, steps: Vec<Step>, world: &mut World) {
    let latency = world.site_latency(site);
    let outcome = match world.random.below(100) {
        0..3 => Outcome::Reset(0),
        3 => Outcome::Reset(SERVER),
        4..20 => Outcome::Fin(SERVER),
        _ => Outcome::Fin(0),
    };
    let session = Session::new(world, client, server, latency, steps.into_iter()).outcome(outcome);
    world.spawn(at, session);
}

/// A plain HTTP connection.
pub(super) fn plain(now: i64, host: usize, world: &mut World) {
    let site = world.popular_site();
    let at = resolve(now, host, site, world);
    let ends = world.ends(host, site, 80);
    let (agent, name) = (world.hosts[host].browser, world.sites[site].name.clone());
    let n = 1 + world.random.below(4);
    let steps: Vec<Step> = (0..n).flat_map(|_| http::fetch(&name, agent, &mut world.random)).collect();
    connect(at, ends, site, steps, world);
}

/// Asks a programming interface for news: the same short connection again and again, by a library.
pub(super) fn poll(now: i64, host: usize, world: &mut World) {
    let site = host % world.sites.len();
    exchange_with(now, host, site, (180, 1200), world);
}

/// The system's own reports.
pub(super) fn report_telemetry(now: i64, host: usize, world: &mut World) {
    let site = world.sites.iter().position(|s| s.name.starts_with("telemetry")).unwrap_or(0);
    exchange_with(now, host, site, (2400, 180), world);
}

fn exchange_with(now: i64, host: usize, site: usize, (up, down): (u64, u64), world: &mut World) {
    let at = resolve(now, host, site, world);
    let ends = world.ends(host, site, 443);
    let name = world.sites[site].name.clone();
    let r = &mut world.random;
    let mut steps = tls::open(tls::LIBRARY_CLIENT, &name, r);
    let (up, down) = (r.log_normal(up as f64, 0.3) as u64, r.log_normal(down as f64, 0.5) as u64);
    steps.extend(tls::request(up, down, MS, r));
    steps.push(tls::close(r));
    connect(at, ends, site, steps, world);
}

/// The system looks for updates and fetches some.
pub(super) fn update_check(now: i64, host: usize, world: &mut World) {
    let site = world.sites.iter().position(|s| s.name.starts_with("updates")).unwrap_or(0);
    let at = resolve(now, host, site, world);
    let ends = world.ends(host, site, 80);
    let name = world.sites[site].name.clone();
    let steps = (0..6).flat_map(|_| http::fetch(&name, 2, &mut world.random)).collect();
    connect(at, ends, site, steps, world);
}

/// A name that does not exist, with the search domain tried after it.
pub(super) fn mistype(now: i64, host: usize, world: &mut World) {
    let letters = world.random.below(26 * 26);
    let tail = [b'a' + (letters / 26) as u8, b'a' + (letters % 26) as u8].map(char::from);
    let mut at = now;
    for zone in ["example.com", "office.test"] {
        let name = format!("intranet{}{}.{zone}", tail[0], tail[1]);
        let soa = [dns::Record::soa(zone)];
        at = ask(at + MS, host, &name, dns::A, dns::NAME_ERROR, &soa, world);
    }
}

/// The name of an address, as log viewers ask for it.
pub(super) fn reverse_lookup(now: i64, host: usize, world: &mut World) {
    let site = world.popular_site();
    let o = world.sites[site].v4.octets();
    let name = format!("{}.{}.{}.{}.in-addr.arpa", o[3], o[2], o[1], o[0]);
    let answer = [dns::Record::answer(dns::PTR, 3600, dns::name(&world.sites[site].name))];
    ask(now, host, &name, dns::PTR, dns::NO_ERROR, &answer, world);
}
