//! What machines do for the network's sake: ARP, neighbour discovery, DHCP, NTP, mDNS, echo.

use super::super::super::exchange::{Exchange, Packet};
use super::super::super::frame::{Arp, BROADCAST, Peer};
use super::super::super::protocols::{dhcp, dns, ntp};
use super::super::super::world::{MAIL, ROUTER, World};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

const MS: i64 = 1_000_000;
const MDNS_V4: IpAddr = IpAddr::V4(Ipv4Addr::new(224, 0, 0, 251));
const ALL_NODES: IpAddr = IpAddr::V6(Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1));

/// Refreshes the router's entry in the ARP cache.
pub(super) fn find_router(now: i64, host: usize, world: &mut World) {
    let (asker, router) = (world.lan(host, 0), world.lan(ROUTER, 0));
    let (h, g) = (&world.hosts[host], &world.hosts[ROUTER]);
    // A cache entry is confirmed by unicast first (RFC 1122, 2.3.2.1); a lost one is asked of all.
    let to = if world.random.chance(0.7) { g.mac } else { BROADCAST };
    let question = Arp { to, operation: 1, sender: (h.mac, h.v4), target: ([0; 6], g.v4) };
    let answer = Arp { to: h.mac, operation: 2, sender: (g.mac, g.v4), target: (h.mac, h.v4) };
    let wait = world.random.jitter_ns(200_000, 0.4);
    Exchange::new(asker, router)
        .then(now, 0, Packet::Arp(question))
        .then(now + wait, 1, Packet::Arp(answer))
        .start(world);
}

/// Neighbour solicitation and advertisement (RFC 4861) for the router.
pub(super) fn find_router_v6(now: i64, host: usize, world: &mut World) {
    let asker = Peer { ttl: 255, ..world.lan_v6(host, 0) };
    let router = Peer { ttl: 255, ..world.lan_v6(ROUTER, 0) };
    let target = world.hosts[ROUTER].v6.octets();
    let mut question = vec![0; 4];
    question.extend_from_slice(&target);
    question.extend_from_slice(&[1, 1]);
    question.extend_from_slice(&asker.mac);
    let mut answer = vec![0xe0, 0, 0, 0];
    answer.extend_from_slice(&target);
    answer.extend_from_slice(&[2, 1]);
    answer.extend_from_slice(&router.mac);
    let wait = world.random.jitter_ns(250_000, 0.4);
    Exchange::new(asker, router)
        .then(now, 0, Packet::Icmp(135, 0, question))
        .then(now + wait, 1, Packet::Icmp(136, 0, answer))
        .start(world);
}

/// The router's advertisement of itself and the office's prefix.
pub(super) fn advertise(now: i64, host: usize, world: &mut World) {
    let mac = world.hosts[host].mac;
    let local = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1);
    let router = Peer { ttl: 255, ip: local.into(), ..world.lan_v6(host, 0) };
    let mut body = vec![64, 0, 0x07, 0x08, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1];
    body.extend_from_slice(&mac);
    body.extend_from_slice(&[3, 4, 64, 0xc0, 0, 0x27, 0x8d, 0, 0, 9, 0x3a, 0x80, 0, 0, 0, 0]);
    body.extend_from_slice(&Ipv6Addr::new(0x2001, 0xdb8, 0x20, 0, 0, 0, 0, 0).octets());
    let all = Peer::group(ALL_NODES, 0);
    Exchange::new(router, all).then(now, 0, Packet::Icmp(134, 0, body)).start(world);
}

/// Asks the router for the time.
pub(super) fn ask_time(now: i64, host: usize, world: &mut World) {
    let (client, server) = (world.client(host), world.lan(ROUTER, 123));
    let wait = world.random.jitter_ns(350_000, 0.4);
    Exchange::new(client, server)
        .then(now, 0, Packet::Udp(ntp::request(now)))
        .then(now + wait, 1, Packet::Udp(ntp::answer(now, now + wait)))
        .start(world);
}

fn lease(host: usize, renewal: bool, world: &mut World) -> dhcp::Lease {
    let transaction = world.random.bits() as u32;
    let (h, g) = (&world.hosts[host], &world.hosts[ROUTER]);
    dhcp::Lease { transaction, mac: h.mac, ip: h.v4, server: g.v4, host_name: h.name.clone(), renewal }
}

/// Renews the lease by unicast.
pub(super) fn renew_lease(now: i64, host: usize, world: &mut World) {
    let (client, server) = (world.lan(host, 68), world.lan(ROUTER, 67));
    let l = lease(host, true, world);
    Exchange::new(client, server)
        .then(now, 0, Packet::Udp(dhcp::message(&l, dhcp::REQUEST)))
        .then(now + 3 * MS, 1, Packet::Udp(dhcp::message(&l, dhcp::ACKNOWLEDGE)))
        .start(world);
}

/// A machine comes: four DHCP messages, a probe and an announcement of its address (RFC 5227), and its mDNS name.
/// Returns when it is there.
pub(in super::super) fn arrive(now: i64, host: usize, label: Option<usize>, world: &mut World) -> i64 {
    let (me, router) = (world.lan(host, 68), world.lan(ROUTER, 67));
    let l = lease(host, false, world);
    let everyone = Peer { mac: BROADCAST, ip: Ipv4Addr::BROADCAST.into(), port: 67, ttl: 64, ip_id: 0 };
    let unknown = Peer { ip: Ipv4Addr::UNSPECIFIED.into(), ..me };
    let marked = |e: Exchange| if let Some(l) = label { e.label(l) } else { e };
    let offered = now + world.random.jitter_ns(15 * MS, 0.4);
    for (at, kind) in [(now, dhcp::DISCOVER), (offered + 2 * MS, dhcp::REQUEST)] {
        let ask = Exchange::new(unknown, everyone).then(at, 0, Packet::Udp(dhcp::message(&l, kind)));
        marked(ask).start(world);
    }
    for (at, kind) in [(offered, dhcp::OFFER), (offered + 6 * MS, dhcp::ACKNOWLEDGE)] {
        let answer = Exchange::new(router, me).then(at, 0, Packet::Udp(dhcp::message(&l, kind)));
        marked(answer).start(world);
    }
    let there = offered + 300 * MS;
    let own = |from: Ipv4Addr| Arp { to: BROADCAST, operation: 1, sender: (l.mac, from), target: ([0; 6], l.ip) };
    let probe = Exchange::new(me, me).then(there - 250 * MS, 0, Packet::Arp(own(Ipv4Addr::UNSPECIFIED))).then(
        there,
        0,
        Packet::Arp(own(l.ip)),
    );
    marked(probe).start(world);
    let name = announcement(there + 40 * MS, host, world);
    marked(name).start(world);
    find_router(there + 45 * MS, host, world);
    there + 80 * MS
}

/// Says its name by mDNS.
pub(super) fn announce(now: i64, host: usize, world: &mut World) {
    let says = announcement(now, host, world);
    says.start(world);
}

fn announcement(now: i64, host: usize, world: &mut World) -> Exchange {
    let me = Peer { ttl: 255, ..world.lan(host, 5353) };
    let all = Peer::group(MDNS_V4, 5353);
    let h = &world.hosts[host];
    let owner = format!("{}.local", h.name);
    let service = "_workstation._tcp.local";
    let instance = format!("{}.{service}", h.name);
    let record =
        |owner: &str, kind, class, data| dns::Record { owner: owner.to_owned(), kind, class, ttl_s: 120, data };
    let mut target = vec![0, 0, 0, 0, 0, 9];
    target.extend_from_slice(&dns::name(&owner));
    let records = [
        record(service, dns::PTR, 1, dns::name(&instance)),
        record(&instance, dns::SRV, 0x8001, target),
        record(&owner, dns::A, 0x8001, h.v4.octets().to_vec()),
        record(&owner, dns::AAAA, 0x8001, h.v6.octets().to_vec()),
    ];
    let wait = world.random.between(20 * MS, 120 * MS);
    let question = dns::mdns_query("_ipp._tcp.local", dns::PTR);
    Exchange::new(me, all).then(now, 0, Packet::Udp(dns::mdns_announce(&records))).then(
        now + wait,
        0,
        Packet::Udp(question),
    )
}

/// Echo requests and their answers.
fn ping(now: i64, from: Peer, to: Peer, rtt_ns: i64, count: i64, world: &mut World) {
    let id = world.random.bits().to_be_bytes();
    let kinds = if from.ip.is_ipv4() { (8, 0) } else { (128, 129) };
    let mut exchange = Exchange::new(from, to);
    for i in 0..count {
        let mut body = vec![id[0], id[1], 0, i as u8 + 1];
        body.extend_from_slice(&(now / 1_000_000_000).to_le_bytes());
        body.extend(8..56u8);
        let at = now + i * 1000 * MS;
        let wait = world.random.jitter_ns(rtt_ns, 0.1).min(900 * MS);
        exchange = exchange.then(at, 0, Packet::Icmp(kinds.0, 0, body.clone()));
        exchange = exchange.then(at + wait, 1, Packet::Icmp(kinds.1, 0, body));
    }
    exchange.start(world);
}

/// A person asks whether the Internet is there.
pub(super) fn ping_site(now: i64, host: usize, world: &mut World) {
    let site = world.popular_site();
    let known = super::web::resolve(now, host, site, world);
    let (from, to) = world.ends(host, site, 0);
    let rtt = world.sites[site].rtt_ns;
    ping(known, from, to, rtt, 4, world);
}

/// The mail server's monitor asks whether the other servers are up.
pub(super) fn check_hosts(now: i64, _: usize, world: &mut World) {
    for server in [ROUTER, super::FILES, super::PRINTER, super::BACKUP] {
        let (from, to) = (world.lan(MAIL, 0), world.lan(server, 0));
        ping(now + server as i64 * 20 * MS, from, to, 220_000, 1, world);
    }
}
