//! Scans one after the other, and exactly what each changes.
#![allow(clippy::unwrap_used)]

use super::{Fold, fold};
use record::asset::{Asset, AssetChange, AssetState, InventoryChange};
use record::scan::{
    AddressKind, AskedPorts, ExtraPorts, HostAddress, OsMatch, Scan, ScannedHost, ScannedPort, ScriptOutput, Service,
};
use record::{Prefix, Timestamp};

/// An inventory that takes one scan after the other.
struct World {
    assets: Vec<Asset>,
    scans: i64,
    missed_scans_down: u32,
}

impl World {
    fn new() -> Self {
        Self { assets: Vec::new(), scans: 0, missed_scans_down: 2 }
    }

    fn at(&mut self, seconds: i64, scan: &Scan) -> InventoryChange {
        let networks: Vec<Prefix> = vec!["10.0.0.0/24".parse().unwrap()];
        let at = Timestamp::from_parts(seconds, 0);
        let call = Fold { scan: "s", at, networks: &networks, missed_scans_down: self.missed_scans_down };
        let change = fold(self.assets.clone(), scan, &call);
        for (gone, _) in &change.merged {
            self.assets.retain(|asset| asset.key != *gone);
        }
        for asset in &change.assets {
            self.assets.retain(|known| known.key != asset.key);
            self.assets.push(asset.clone());
        }
        change
    }

    /// What the next scan changes: kinds with their words.
    fn take(&mut self, scan: &Scan) -> Vec<(AssetChange, String)> {
        self.scans += 1;
        let at = self.scans * 3_600;
        self.at(at, scan).events.into_iter().map(|event| (event.what, event.text)).collect()
    }

    fn one(&self, key: &str) -> &Asset {
        self.assets.iter().find(|asset| asset.key == key).unwrap()
    }
}

fn scan(ports: &str, hosts: Vec<ScannedHost>) -> Scan {
    let asked = vec![AskedPorts { protocol: "tcp".to_owned(), ports: ports.to_owned() }];
    Scan { scanner: "nmap".to_owned(), args: "nmap -sV".to_owned(), asked, hosts, ..Scan::default() }
}

fn open(port: u32, name: &str, version: &str) -> ScannedPort {
    let version = Some(version.to_owned()).filter(|version| !version.is_empty());
    let service = Service { name: Some(name.to_owned()), product: version, ..Service::default() };
    let (protocol, state) = ("tcp".to_owned(), Some("open".to_owned()));
    ScannedPort { protocol, port, state, service, ..ScannedPort::default() }
}

fn host(address: &str, mac: Option<&str>, ports: Vec<ScannedPort>) -> ScannedHost {
    let of = |kind, addr: &str| HostAddress { kind, addr: addr.to_owned(), vendor: None };
    let mut addresses = vec![of(AddressKind::Ipv4, address)];
    addresses.extend(mac.map(|mac| of(AddressKind::Mac, mac)));
    let closed = ExtraPorts { state: Some("closed".to_owned()), count: 99 };
    ScannedHost { state: Some("up".to_owned()), addresses, ports, not_shown: vec![closed], ..ScannedHost::default() }
}

fn texts(changes: &[(AssetChange, String)]) -> Vec<&str> {
    changes.iter().map(|(_, text)| text.as_str()).collect()
}

const MAC: &str = "02:00:00:00:00:0a";
const KEY: &str = "02:00:00:00:00:0A";

#[test]
fn a_service_opens_closes_moves_and_is_upgraded() {
    let mut world = World::new();
    let ssh = || open(22, "ssh", "OpenSSH 9.2");
    let of = |ports| scan("1-10000", vec![host("10.0.0.7", Some(MAC), ports)]);
    assert_eq!(texts(&world.take(&of(vec![ssh()]))), ["new device with 1 open port"]);
    assert!(world.take(&of(vec![ssh()])).is_empty());
    let started = world.take(&of(vec![ssh(), open(80, "http", "nginx 1.22")]));
    assert_eq!(started, [(AssetChange::PortOpened, "80/tcp http opened".to_owned())]);
    let port = world.one(KEY).ports[1].clone();
    assert_eq!((port.first_seen.seconds(), port.absent.unwrap().seconds()), (3 * 3_600, 2 * 3_600));
    let moved = world.take(&of(vec![ssh(), open(8080, "http", "nginx 1.22")]));
    assert_eq!(texts(&moved), ["8080/tcp http opened", "80/tcp http closed"]);
    assert_eq!(world.one(KEY).ports[1].state, "closed");
    let upgraded = world.take(&of(vec![open(22, "ssh", "OpenSSH 9.6"), open(8080, "http", "nginx 1.22")]));
    assert_eq!(
        upgraded,
        [(AssetChange::VersionChanged, "22/tcp ssh is OpenSSH 9.6, before ssh OpenSSH 9.2".to_owned())]
    );
    let other = world.take(&of(vec![open(22, "telnet", ""), open(8080, "http", "nginx 1.22")]));
    assert_eq!(other, [(AssetChange::ServiceChanged, "22/tcp is telnet, before ssh OpenSSH 9.6".to_owned())]);
}

#[test]
fn a_scan_says_nothing_of_ports_that_it_did_not_ask() {
    let mut world = World::new();
    let of = |asked: &str, ports| scan(asked, vec![host("10.0.0.7", None, ports)]);
    world.take(&of("22", vec![open(22, "ssh", "")]));
    // Looked at for the first time: it may have been open all the while.
    assert!(world.take(&of("1-100", vec![open(22, "ssh", ""), open(80, "http", "")])).is_empty());
    assert!(world.take(&of("22", vec![open(22, "ssh", "")])).is_empty());
    assert!(world.one("10.0.0.7").ports[1].is_open(), "80 was not asked");
    assert!(world.take(&Scan { asked: Vec::new(), ..of("", vec![]) }).is_empty(), "silent once");
    assert_eq!(texts(&world.take(&of("1-100", vec![]))).len(), 2, "both are closed");
    // Without a count of what is not shown the host was not asked to the end.
    world.take(&of("1-100", vec![open(22, "ssh", "")]));
    let mut unasked = of("1-100", vec![]);
    unasked.hosts[0].not_shown.clear();
    assert!(world.take(&unasked).is_empty());
}

#[test]
fn a_host_is_down_after_so_many_whole_scans_and_returns() {
    let mut world = World::new();
    let there = scan("22", vec![host("10.0.0.7", Some(MAC), vec![open(22, "ssh", "")])]);
    let nobody = scan("22", Vec::new());
    world.take(&there);
    let broken = Scan { incomplete: Some("it was cancelled".to_owned()), ..nobody.clone() };
    for _ in 0..5 {
        assert!(world.take(&broken).is_empty(), "incomplete scans find nothing gone");
    }
    assert!(world.take(&nobody).is_empty());
    assert_eq!((world.one(KEY).state, world.one(KEY).missed_scans), (AssetState::Up, 1));
    assert_eq!(texts(&world.take(&nobody)), ["not found by 2 scans in a row"]);
    assert!(world.take(&nobody).is_empty(), "told once");
    let back = world.take(&there);
    assert_eq!(back[0].0, AssetChange::Returned);
    assert_eq!((back.len(), world.one(KEY).state), (1, AssetState::Returned));
    assert!(world.take(&there).is_empty());
    assert_eq!(world.one(KEY).state, AssetState::Up);
    // Outside of what was covered nobody is missed.
    let mut elsewhere = World::new();
    elsewhere.take(&scan("22", vec![host("10.0.1.7", None, vec![])]));
    for _ in 0..3 {
        assert!(elsewhere.take(&nobody).is_empty());
    }
    let mut told = host("10.0.1.7", None, vec![]);
    (told.state, told.not_shown) = (Some("down".to_owned()), Vec::new());
    assert!(elsewhere.take(&scan("22", vec![told.clone()])).is_empty());
    assert_eq!(elsewhere.take(&scan("22", vec![told]))[0].0, AssetChange::Down, "called down by the scan");
}

#[test]
fn an_incomplete_scan_adds_and_never_takes_away() {
    let mut world = World::new();
    let of = |ports| scan("1-100", vec![host("10.0.0.7", None, ports)]);
    world.take(&of(vec![open(22, "ssh", "")]));
    let broken = Scan { incomplete: Some("killed".to_owned()), ..of(vec![open(80, "http", "")]) };
    assert_eq!(texts(&world.take(&broken)), ["80/tcp http opened"]);
    assert_eq!(world.one("10.0.0.7").open_ports().count(), 2);
}

#[test]
fn a_host_is_one_by_its_mac_address() {
    let mut world = World::new();
    world.take(&scan("22", vec![host("10.0.0.7", None, vec![open(22, "ssh", "")])]));
    assert_eq!(world.assets[0].key, "10.0.0.7");
    let as_root = scan("22", vec![host("10.0.0.7", Some(MAC), vec![open(22, "ssh", "")])]);
    let change = world.at(5_000, &as_root);
    assert_eq!((change.merged.len(), change.events.len(), world.assets.len()), (1, 0, 1));
    assert_eq!(change.keys, [KEY]);
    assert_eq!((world.assets[0].key.as_str(), world.assets[0].first_seen.seconds()), (KEY, 3_600));
    world.scans = 2;
    // Without rights the MAC address is not told: it is the same host.
    assert!(world.take(&scan("22", vec![host("10.0.0.7", None, vec![open(22, "ssh", "")])])).is_empty());
    let moved = world.take(&scan("22", vec![host("10.0.0.9", Some(MAC), vec![open(22, "ssh", "")])]));
    assert_eq!(moved, [(AssetChange::AddressChanged, "has the address 10.0.0.9".to_owned())]);
    assert_eq!(world.assets.len(), 1);
    // The address that is free is another host's.
    let two = vec![host("10.0.0.9", Some(MAC), vec![open(22, "ssh", "")]), host("10.0.0.7", None, vec![])];
    assert_eq!(texts(&world.take(&scan("22", two))), ["new device with 0 open ports"]);
    assert_eq!(world.assets.len(), 2);
    // Told by the first scan that sees it.
    let mut world = World::new();
    world.take(&as_root);
    assert_eq!((world.assets[0].key.as_str(), world.assets[0].mac.as_deref()), (KEY, Some(KEY)));
}

#[test]
fn a_router_that_answers_for_many_is_not_all_of_them() {
    let mut world = World::new();
    let many = (1..=20).map(|n| host(&format!("10.0.0.{n}"), Some(MAC), vec![])).collect();
    world.take(&scan("22", many));
    assert_eq!(world.assets.len(), 20);
    let mut aliases = World::new();
    aliases.take(&scan("22", vec![host("10.0.0.1", Some(MAC), vec![]), host("10.0.0.2", Some(MAC), vec![])]));
    assert_eq!((aliases.assets.len(), aliases.assets[0].addresses.len()), (1, 2));
}

#[test]
fn words_of_different_scanners_are_not_compared() {
    let mut world = World::new();
    let nmap = |version: &str| scan("22", vec![host("10.0.0.7", None, vec![open(22, "ssh", version)])]);
    let ours = |banner: &str| {
        let mut port = open(22, "ssh", "");
        port.scripts = vec![ScriptOutput { id: "banner".to_owned(), output: banner.to_owned() }];
        Scan { scanner: "tripline".to_owned(), ..scan("22", vec![host("10.0.0.7", None, vec![port])]) }
    };
    world.take(&nmap("OpenSSH 9.2"));
    assert!(world.take(&ours("SSH-2.0-OpenSSH_9.6")).is_empty());
    assert_eq!(world.one("10.0.0.7").ports[0].version, "OpenSSH 9.2");
    let by_port = Scan { args: "nmap".to_owned(), ..nmap("") };
    assert!(world.take(&by_port).is_empty());
    assert_eq!(world.take(&nmap("OpenSSH 9.6"))[0].0, AssetChange::VersionChanged);
    let mut probe = World::new();
    probe.take(&ours("SSH-2.0-OpenSSH_9.2"));
    assert!(probe.take(&ours("SSH-2.0-OpenSSH_9.2 <1234.5@host>; 10:00:01")).is_empty());
    assert_eq!(probe.take(&ours("SSH-2.0-OpenSSH_9.6"))[0].0, AssetChange::VersionChanged);
}

#[test]
fn names_systems_and_certificates() {
    let mut world = World::new();
    let of = |name: &str, os: &[&str], print: &str| {
        let mut port = open(443, "https", "");
        let output = format!("Subject: commonName=shop\nNot valid after: 2030\nSHA-1: {print}");
        port.scripts = vec![ScriptOutput { id: "ssl-cert".to_owned(), output }];
        let mut host = host("10.0.0.7", None, vec![port]);
        host.names = vec![name.to_owned()];
        host.os = os.iter().map(|name| OsMatch { name: (*name).to_owned(), accuracy: None }).collect();
        scan("443", vec![host])
    };
    world.take(&of("shop", &["Linux 5", "Linux 6"], "aa"));
    assert!(world.take(&of("shop", &["Linux 6", "Linux 5"], "aa")).is_empty());
    assert_eq!(texts(&world.take(&of("shop", &["Windows"], "aa"))), ["perhaps Windows, before Linux 5"]);
    assert_eq!(texts(&world.take(&of("shop", &["Windows"], "bb"))), ["443/tcp shows another certificate"]);
    assert_eq!(texts(&world.take(&of("till", &["Windows"], "bb"))), ["is called till"]);
}

#[test]
fn an_old_file_changes_nothing_that_is_newer() {
    let mut world = World::new();
    world.take(&scan("1-100", vec![host("10.0.0.7", None, vec![open(22, "ssh", "")])]));
    let change = world.at(60, &scan("1-100", vec![host("10.0.0.7", None, vec![open(80, "http", "")])]));
    assert!(change.events.is_empty());
    let asset = world.one("10.0.0.7");
    assert_eq!((asset.first_seen.seconds(), asset.last_seen.seconds()), (60, 3_600));
    assert_eq!(asset.ports.len(), 1);
}
