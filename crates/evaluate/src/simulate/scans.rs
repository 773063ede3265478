//! Believable histories of scans of an office: printers, servers, workstations and telephones, what changes in them without harm, and one
//! host that changes in the last scan. Owns what is ordinary here; knows no judge. The same settings give the same scans.

use super::random::Random;
use record::Timestamp;
use record::scan::{AddressKind, ExtraPorts, HostAddress, Scan, ScannedHost, ScannedPort, Service};

/// Ports that a simulated scan asks of each host.
const PORTS_ASKED: u64 = 65_535;
/// Time between two scans.
const PERIOD_S: i64 = 86_400;
/// Ports that programs open on workstations sooner or later.
const PROGRAMS: &[(u32, &str)] = &[
    (5357, "wsdapi"),
    (7680, "pando-pub"),
    (8080, "http"),
    (3389, "ms-wbt-server"),
    (27_036, "steam"),
    (17_500, "dropbox"),
];

/// How lively the office is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Churn {
    /// Nothing changes, all hosts are up in every scan.
    None,
    /// Hosts come and go, systems hand out other ports, versions go up (all servers at once in some nights), services are not recognised.
    Usual,
    /// The same, and people install programs, developers start and stop servers, guests bring devices.
    Lively,
}

/// What happens to one host in the last scan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScanEvent {
    /// Nothing.
    Nothing,
    /// 4444/tcp opens.
    OnePort,
    /// Three ports open.
    ThreePorts,
    /// Its first service moves to another port.
    ServiceMoved,
    /// A server is a workstation now.
    AnotherRole,
    /// All servers are upgraded in the same night.
    UpgradeOfAll,
}

/// What to simulate.
#[derive(Clone, Copy, Debug)]
pub struct ScanOffice {
    /// Hosts.
    pub hosts: usize,
    /// Scans, the last one with the event.
    pub scans: usize,
    /// What changes without harm.
    pub churn: Churn,
    /// What happens in the last scan.
    pub event: ScanEvent,
    /// Everything else.
    pub seed: u64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Server,
    Printer,
    Workstation,
    Phone,
}

struct Host {
    role: Role,
    mac: u32,
    ports: Vec<(u32, &'static str, u32)>,
    developer: bool,
    guest: bool,
    away: u32,
}

/// The scans, oldest first, and the key (Ethernet address) of the host with the event.
#[must_use]
pub fn scan_history(office: &ScanOffice) -> (Vec<Scan>, String) {
    let mut random = Random::new(office.seed);
    let mut hosts: Vec<Host> = (0..office.hosts).map(|place| host(place, &mut random)).collect();
    let servers: Vec<usize> = (0..hosts.len()).filter(|place| hosts[*place].role == Role::Server).collect();
    let steady: Vec<usize> =
        (0..hosts.len()).filter(|place| !hosts[*place].guest && hosts[*place].role != Role::Phone).collect();
    let victim = match office.event {
        ScanEvent::AnotherRole | ScanEvent::ServiceMoved => *random.pick(&servers),
        _ => *random.pick(&steady),
    };
    let mut scans = Vec::with_capacity(office.scans);
    for number in 0..office.scans {
        if number > 0 {
            live(&mut hosts, office.churn, &mut random);
        }
        if number + 1 == office.scans {
            hosts[victim].away = 0;
            happen(&mut hosts, victim, office.event);
        }
        scans.push(scan(&hosts, number, office.churn, &mut random));
    }
    (scans, mac(hosts[victim].mac))
}

fn host(place: usize, random: &mut Random) -> Host {
    let role = match place % 10 {
        0 | 5 => Role::Server,
        1 => Role::Printer,
        9 if place > 9 => Role::Phone,
        _ => Role::Workstation,
    };
    let mut ports = match role {
        Role::Server => vec![(22, "ssh", 1), (111, "rpcbind", 1)],
        Role::Printer => {
            vec![(80, "http", 1), (443, "https", 1), (515, "printer", 1), (631, "ipp", 1), (9100, "jetdirect", 1)]
        }
        Role::Workstation => vec![(135, "msrpc", 1), (139, "netbios-ssn", 1), (445, "microsoft-ds", 1)],
        Role::Phone => vec![(62_078 % 32_768, "iphone-sync", 1)],
    };
    if role == Role::Server {
        let more: &[(u32, &'static str, u32)] = match place / 5 % 4 {
            0 => &[(53, "domain", 3), (88, "kerberos", 1), (389, "ldap", 1), (445, "microsoft-ds", 1)],
            1 => &[(80, "http", 4), (443, "https", 4)],
            2 => &[(25, "smtp", 2), (143, "imap", 2), (993, "imaps", 2), (587, "submission", 2)],
            _ => &[(5432, "postgresql", 9), (445, "microsoft-ds", 1), (2049, "nfs", 1)],
        };
        ports.extend(more);
    }
    if role == Role::Workstation && random.chance(0.3) {
        ports.push((5357, "wsdapi", 1));
    }
    let guest = role == Role::Phone && random.chance(0.3);
    let developer = role == Role::Workstation && random.chance(0.08);
    Host { role, mac: place as u32 + 1, ports, developer, guest, away: 0 }
}

/// A day passes.
fn live(hosts: &mut [Host], churn: Churn, random: &mut Random) {
    if churn == Churn::None {
        return;
    }
    let night_of_upgrades = random.chance(0.1);
    for host in hosts {
        let away = match host.role {
            Role::Server | Role::Printer => 0.003,
            Role::Workstation => 0.1,
            Role::Phone => 0.4,
        };
        host.away = host.away.saturating_sub(1);
        if random.chance(away) {
            host.away = 1 + random.below(4) as u32;
        }
        if host.role == Role::Server && (night_of_upgrades || random.chance(0.02)) {
            upgrade(host);
        }
        if churn == Churn::Lively {
            lively(host, random);
        }
    }
}

fn lively(host: &mut Host, random: &mut Random) {
    if host.role == Role::Workstation && random.chance(0.002) {
        let (port, name) = *random.pick(PROGRAMS);
        open(host, port, name);
    }
    if host.developer && random.chance(0.4) {
        match host.ports.iter().position(|port| port.0 == 3000) {
            Some(place) => drop(host.ports.remove(place)),
            None => open(host, 3000, "http"),
        }
    }
    if host.guest {
        host.mac = 0x10_0000 + (random.bits() as u32 & 0xf_ffff);
    }
}

fn open(host: &mut Host, port: u32, name: &'static str) {
    if host.ports.iter().all(|known| known.0 != port) {
        host.ports.push((port, name, 1));
    }
}

fn upgrade(host: &mut Host) {
    host.ports.iter_mut().for_each(|port| port.2 += 1);
}

fn happen(hosts: &mut [Host], victim: usize, event: ScanEvent) {
    let host = &mut hosts[victim];
    match event {
        ScanEvent::Nothing => {}
        ScanEvent::OnePort => open(host, 4444, ""),
        ScanEvent::ThreePorts => {
            for (port, name) in [(4444, ""), (8081, "http"), (2323, "telnet")] {
                open(host, port, name);
            }
        }
        ScanEvent::ServiceMoved => host.ports[0].0 = 2222,
        ScanEvent::AnotherRole => {
            host.ports =
                vec![(135, "msrpc", 1), (139, "netbios-ssn", 1), (445, "microsoft-ds", 1), (5357, "wsdapi", 1)];
        }
        ScanEvent::UpgradeOfAll => hosts.iter_mut().filter(|host| host.role == Role::Server).for_each(upgrade),
    }
}

fn mac(number: u32) -> String {
    let [a, b, c, d] = number.to_be_bytes();
    format!("02:00:{a:02x}:{b:02x}:{c:02x}:{d:02x}")
}

fn scan(hosts: &[Host], number: usize, churn: Churn, random: &mut Random) -> Scan {
    let started = Timestamp::from_parts(1_700_000_000 + number as i64 * PERIOD_S, 0);
    let present = hosts.iter().enumerate().filter(|(_, host)| host.away == 0);
    Scan {
        scanner: "nmap".to_owned(),
        started: Some(started),
        ended: Some(Timestamp::from_parts(started.seconds() + 60, 0)),
        hosts: present.map(|(place, host)| scanned(place, host, churn, random)).collect(),
        ..Scan::default()
    }
}

fn scanned(place: usize, host: &Host, churn: Churn, random: &mut Random) -> ScannedHost {
    let mut ports: Vec<ScannedPort> =
        host.ports.iter().map(|(port, name, version)| answered(*port, name, *version, churn, random)).collect();
    if host.role == Role::Workstation {
        // Windows hands out a handful of ports for remote procedure calls at each start.
        let count = if churn == Churn::None { 5 } else { 5 + random.below(3) };
        let first = if churn == Churn::None { 49_664 } else { 49_664 + random.below(300) as u32 };
        ports.extend((0..count as u32).map(|n| answered(first + n, "msrpc", 1, churn, random)));
    }
    ports.sort_by_key(|port| port.port);
    let ip = format!("10.{}.{}.{}", place / 62_500, place / 250 % 250, place % 250 + 1);
    let address = |kind, addr: String| HostAddress { kind, addr, vendor: None };
    ScannedHost {
        state: Some("up".to_owned()),
        addresses: vec![address(AddressKind::Ipv4, ip), address(AddressKind::Mac, mac(host.mac))],
        not_shown: vec![ExtraPorts { state: Some("closed".to_owned()), count: PORTS_ASKED - ports.len() as u64 }],
        ports,
        ..ScannedHost::default()
    }
}

fn answered(port: u32, name: &str, version: u32, churn: Churn, random: &mut Random) -> ScannedPort {
    let known = !name.is_empty() && (churn == Churn::None || !random.chance(0.02));
    let told = |text: String| known.then_some(text);
    ScannedPort {
        protocol: "tcp".to_owned(),
        port,
        state: Some("open".to_owned()),
        service: Service {
            name: (!name.is_empty()).then(|| name.to_owned()),
            product: told(format!("{name} server")),
            version: told(format!("{version}.0")),
            ..Service::default()
        },
        ..ScannedPort::default()
    }
}
