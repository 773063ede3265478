//! The office and its Internet: hosts, sites, caches, addresses, and what an activity may use while it is fired.
//! Owns who is where; knows no protocol. Addresses are private or reserved for documentation (RFC 1918, 5737, 3849),
//! names are reserved too (RFC 2606).

use super::content::Pools;
use super::engine::Activity;
use super::frame::Peer;
use super::labels::Label;
use super::random::Random;
use super::rhythm::{Budget, Rhythm};
use record::Kind;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Index of the router: gateway, resolver, DHCP and time server.
pub(super) const ROUTER: usize = 0;
pub(super) const FILES: usize = 1;
pub(super) const MAIL: usize = 2;
pub(super) const PRINTER: usize = 3;
pub(super) const BACKUP: usize = 4;
/// The first workstation.
pub(super) const FIRST_DESK: usize = 5;
/// Fewest and most hosts of an office.
pub const HOSTS_RANGE: std::ops::RangeInclusive<usize> = 8..=900;

/// Guests remembered at once.
const GUESTS_MAX: usize = 16;

/// A machine in the office.
#[derive(Clone, Debug)]
pub(super) struct Host {
    pub(super) name: String,
    pub(super) mac: [u8; 6],
    pub(super) v4: Ipv4Addr,
    pub(super) v6: Ipv6Addr,
    /// 128 for Windows, 64 for the rest.
    pub(super) ttl: u8,
    /// Which TLS ClientHello its browser sends.
    pub(super) browser: usize,
    next_port: u16,
    ip_id: u16,
}

/// A name on the Internet.
#[derive(Clone, Debug)]
pub(super) struct Site {
    pub(super) name: String,
    pub(super) v4: Ipv4Addr,
    /// None: the name has no AAAA record.
    pub(super) v6: Option<Ipv6Addr>,
    pub(super) rtt_ns: i64,
    pub(super) ttl_s: u32,
    /// Its name leads to another one first.
    pub(super) alias: bool,
}

/// A running man-in-the-middle by ARP.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mitm {
    pub(super) victim: [u8; 6],
    pub(super) attacker: [u8; 6],
    pub(super) gateway: [u8; 6],
    pub(super) label: usize,
}

/// What activities share.
pub(super) struct World {
    pub(super) random: Random,
    pub(super) pools: Pools,
    /// The frame being built; empty: none.
    pub(super) frame: Vec<u8>,
    /// The label of the frame being built.
    pub(super) marked: Option<usize>,
    pub(super) spawned: Vec<(i64, Box<dyn Activity>)>,
    pub(super) labels: Vec<Label>,
    pub(super) hosts: Vec<Host>,
    pub(super) sites: Vec<Site>,
    pub(super) rhythm: Rhythm,
    pub(super) budget: Budget,
    pub(super) mitm: Option<Mitm>,
    /// Last moment of the simulation, ns.
    pub(super) end: i64,
    /// How many of `hosts` belong to the office, and how many guests came.
    pub(super) office: usize,
    guests: usize,
    /// Until when a host remembers a site's address, by host and site.
    remembered: Vec<i64>,
}

impl World {
    /// An office of `hosts` machines (within [`HOSTS_RANGE`]).
    pub(super) fn new(seed: u64, hosts: usize, end: i64, rhythm: Rhythm, budget: Budget) -> Self {
        let mut random = Random::new(seed);
        let pools = Pools::new(&mut random);
        let sites = sites(&mut random);
        let hosts: Vec<Host> = (0..hosts).map(|i| host(i, &mut random)).collect();
        Self {
            remembered: vec![i64::MIN; hosts.len() * sites.len()],
            office: hosts.len(),
            guests: 0,
            random,
            pools,
            frame: Vec::with_capacity(1600),
            marked: None,
            spawned: Vec::new(),
            labels: Vec::new(),
            hosts,
            sites,
            rhythm,
            budget,
            mitm: None,
            end,
        }
    }
    /// Called before each firing.
    pub(super) fn begin(&mut self, _now: i64) {
        self.frame.clear();
        self.marked = None;
    }
    /// Lets an activity begin at `at`.
    pub(super) fn spawn(&mut self, at: i64, activity: impl Activity + 'static) {
        self.spawned.push((at, Box::new(activity)));
    }
    /// A new episode's label.
    pub(super) fn new_label(
        &mut self,
        now: i64,
        kind: Kind,
        src: IpAddr,
        dest: Option<IpAddr>,
        port: Option<u16>,
    ) -> usize {
        self.labels.push(Label::new(now, kind, src, dest, port));
        self.labels.len() - 1
    }
    /// Says that the frame being built belongs to an episode.
    pub(super) fn mark(&mut self, label: Option<usize>, now: i64) {
        let Some(i) = label else { return };
        self.marked = Some(i);
        if let Some(l) = self.labels.get_mut(i) {
            l.end.0 = l.end.0.max(now);
        }
    }
    /// A random workstation's index; guests are not meant.
    pub(super) fn desk(&mut self) -> usize {
        FIRST_DESK + self.random.below(self.office - FIRST_DESK)
    }
    /// Lets a machine in that was never seen before; returns its index. After [`GUESTS_MAX`] the first ones' places are
    /// taken again, so that an endless simulation stays small.
    pub(super) fn guest(&mut self) -> usize {
        let n = self.guests;
        self.guests += 1;
        let mut h = host(self.office, &mut self.random);
        let number = (n % 200) as u8;
        h.name = format!("guest-{:03}", n % 1000);
        h.mac = [0x0a, h.mac[1], h.mac[2], h.mac[3], (n >> 8) as u8, n as u8];
        h.v4 = Ipv4Addr::new(10, 20, 3, 40 + number);
        h.v6 = Ipv6Addr::new(0x2001, 0xdb8, 0x20, 0, 0, 0, 0xffff, n as u16);
        let at = self.office + n % GUESTS_MAX;
        if at < self.hosts.len() {
            self.hosts[at] = h;
        } else {
            self.hosts.push(h);
        }
        at
    }
    /// A host at a given port over IPv4.
    pub(super) fn lan(&mut self, host: usize, port: u16) -> Peer {
        let h = &mut self.hosts[host];
        h.ip_id = h.ip_id.wrapping_add(257);
        Peer { mac: h.mac, ip: h.v4.into(), port, ttl: h.ttl, ip_id: h.ip_id }
    }
    /// A host at a given port over IPv6.
    pub(super) fn lan_v6(&mut self, host: usize, port: u16) -> Peer {
        Peer { ip: self.hosts[host].v6.into(), ..self.lan(host, port) }
    }
    /// A host at its next ephemeral port (IANA's range).
    pub(super) fn client(&mut self, host: usize) -> Peer {
        let step = 1 + self.random.below(3) as u16;
        let h = &mut self.hosts[host];
        h.next_port = if h.next_port > u16::MAX - step { 49_152 } else { h.next_port + step };
        let port = h.next_port;
        self.lan(host, port)
    }
    /// A machine beyond the router.
    pub(super) fn outside(&mut self, ip: IpAddr, port: u16) -> Peer {
        let far = match ip {
            IpAddr::V4(a) => a.octets()[3],
            IpAddr::V6(a) => a.octets()[15],
        };
        Peer { mac: self.hosts[ROUTER].mac, ip, port, ttl: 44 + far % 13, ip_id: self.random.bits() as u16 }
    }
    /// Client and server of a connection to a site; IPv6 when the site has it and the coin says so.
    pub(super) fn ends(&mut self, host: usize, site: usize, port: u16) -> (Peer, Peer) {
        let client = self.client(host);
        match self.sites[site].v6 {
            Some(v6) if self.random.chance(0.3) => {
                (Peer { ip: self.hosts[host].v6.into(), ..client }, self.outside(v6.into(), port))
            }
            _ => (client, self.outside(self.sites[site].v4.into(), port)),
        }
    }
    /// Reaction times of a local client and a site.
    pub(super) fn site_latency(&mut self, site: usize) -> [i64; 2] {
        let rtt = self.sites[site].rtt_ns;
        [self.random.jitter_ns(90_000, 0.4), self.random.jitter_ns(rtt, 0.08)]
    }
    /// Reaction times within the office.
    pub(super) fn lan_latency(&mut self) -> [i64; 2] {
        [self.random.jitter_ns(80_000, 0.4), self.random.jitter_ns(180_000, 0.4)]
    }
    /// A site by popularity (Zipf).
    pub(super) fn popular_site(&mut self) -> usize {
        let n = self.sites.len() as f64;
        (n.powf(self.random.unit()) as usize).saturating_sub(1).min(self.sites.len() - 1)
    }
    /// True when the host has to ask for the site's address; remembers that it did.
    pub(super) fn must_resolve(&mut self, host: usize, site: usize, now: i64) -> bool {
        let until = now + i64::from(self.sites[site].ttl_s) * 1_000_000_000;
        let n = self.sites.len();
        match self.remembered.get_mut(host * n + site) {
            Some(slot) if *slot > now => false,
            Some(slot) => {
                *slot = until;
                true
            }
            None => true,
        }
    }
}

/// The office's IPv4 network is 10.20.0.0/22; servers at .1 to .5, the rest from .20 on.
fn host(i: usize, random: &mut Random) -> Host {
    let names = ["router", "files", "mail", "printer", "backup"];
    let name = names.get(i).map_or_else(|| format!("desk-{:03}", i - FIRST_DESK + 1), |n| (*n).to_owned());
    let number = if i < FIRST_DESK { i + 1 } else { i + 15 };
    let (high, low) = ((number / 250) as u8, (number % 250) as u8);
    let mac = random.bits().to_be_bytes();
    Host {
        name,
        mac: [0x02, mac[1], mac[2], mac[3], high, low],
        v4: Ipv4Addr::new(10, 20, high, low + 1 - u8::from(i < FIRST_DESK)),
        v6: Ipv6Addr::new(0x2001, 0xdb8, 0x20, 0, 0, 0, 0x20, number as u16),
        ttl: if i >= FIRST_DESK && !i.is_multiple_of(3) { 128 } else { 64 },
        browser: i % 4,
        next_port: 49_152 + random.below(12_000) as u16,
        ip_id: mac[4..6].iter().fold(0, |a, b| a << 8 | u16::from(*b)),
    }
}

fn sites(random: &mut Random) -> Vec<Site> {
    const PREFIXES: [&str; 22] = [
        "www",
        "cdn",
        "api",
        "static",
        "docs",
        "login",
        "images",
        "chat",
        "calendar",
        "video",
        "fonts",
        "metrics",
        "news",
        "shop",
        "maps",
        "code",
        "packages",
        "updates",
        "telemetry",
        "wiki",
        "forum",
        "status",
    ];
    const DOMAINS: [&str; 3] = ["example.com", "example.net", "example.org"];
    let mut all = Vec::new();
    for (i, prefix) in PREFIXES.iter().enumerate() {
        for (j, domain) in DOMAINS.iter().enumerate() {
            let n = (i * DOMAINS.len() + j) as u8;
            let net = [[198, 51, 100], [203, 0, 113], [192, 0, 2]][(i + j) % 3];
            all.push(Site {
                name: format!("{prefix}.{domain}"),
                v4: Ipv4Addr::new(net[0], net[1], net[2], 10 + n),
                v6: random
                    .chance(0.5)
                    .then(|| Ipv6Addr::new(0x2001, 0xdb8, 0xf00d, net[2].into(), 0, 0, 0, 16 + u16::from(n))),
                rtt_ns: (random.log_normal(22.0, 0.7) * 1e6) as i64,
                ttl_s: *random.pick(&[20, 60, 60, 120, 300]),
                alias: i % 4 == 1,
            });
        }
    }
    all
}
