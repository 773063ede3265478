//! A program of this machine that has had few and always the same peers calls a new one. A program that keeps calling new peers (a
//! browser, an updater with many mirrors) is known by that, and stays silent; so does one that was not watched for long. Peers are
//! networks (/24, /48) with a port: services move within their own. Owns the programs' peers; reads no socket itself.

use super::lru::Lru;
use super::text::{self, alert, plural, why};
use super::watch::Watch;
use super::{Behaviour, Context, Wants};
use crate::DetectError;
use crate::blob::{Reader, Writer};
use record::{
    Alert, Counters, Endpoint, IpAddr16, Kind, Observation, Severity, SocketChange, SocketEvent, Timestamp,
    timestamp::NS_PER_S,
};
use serde::{Deserialize, Serialize};

/// Entries read from a memory at most: a bound on what a file can claim.
const READ_MAX: usize = 1 << 20;
/// Peers that the settings may ask for at most: what is kept of each program.
const PEERS_BOUND: usize = 256;

/// Settings of the detector of new peers of processes.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ProcessPeerConfig {
    /// Time for which a program must have been watched, seconds. Default 86400.
    pub learn_s: u32,
    /// Time for which it must have called nobody new, seconds. Default 43200.
    pub stable_s: u32,
    /// Calls that it must have made. Default 10.
    pub calls_min: u32,
    /// Most peers (networks with a port) of a program that is judged, at most 256. Default 8.
    pub peers_max: usize,
    /// Programs remembered. Default 1024.
    pub programs_max: usize,
}

impl Default for ProcessPeerConfig {
    fn default() -> Self {
        Self { learn_s: 86_400, stable_s: 43_200, calls_min: 10, peers_max: 8, programs_max: 1024 }
    }
}

/// A network with a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Peer {
    network: IpAddr16,
    port: u16,
}

/// What is known of one program of one user.
#[derive(Clone, Debug, Default)]
struct Program {
    /// Time watched when it first called, ns.
    first_ns: i64,
    /// The same when it last called somebody new.
    newest_ns: i64,
    calls: u64,
    /// Peers told apart, one more than is judged.
    peers: Vec<Peer>,
}

/// The detector.
pub struct ProcessPeer {
    config: ProcessPeerConfig,
    /// By program and user.
    programs: Lru<(String, u32), Program>,
    watch: Watch,
    heard: bool,
}

impl ProcessPeer {
    /// Builds it.
    #[must_use]
    pub fn new(config: &ProcessPeerConfig) -> Self {
        let config = ProcessPeerConfig { peers_max: config.peers_max.min(PEERS_BOUND), ..config.clone() };
        Self { programs: Lru::new(config.programs_max), config, watch: Watch::default(), heard: false }
    }

    fn socket(&mut self, socket: &SocketEvent, out: &mut Vec<Alert>) {
        self.heard = true;
        self.watch.hear(socket.ts);
        let calls = socket.change == SocketChange::Opened && !socket.listening && !socket.incoming;
        let remote = socket.remote.addr;
        if !calls || remote.is_not_one_host() || remote.to_ip().is_loopback() {
            return;
        }
        let Some(process) = socket.owner.process() else { return };
        let name = if process.exe.is_empty() { &process.name } else { &process.exe };
        let now_ns = self.watch.watched_ns();
        let program = self.programs.touch(&(name.clone(), socket.uid.unwrap_or(u32::MAX)), socket.ts, || Program {
            first_ns: now_ns,
            newest_ns: now_ns,
            ..Program::default()
        });
        let peer = Peer { network: network_of(remote), port: socket.remote.port };
        if program.peers.contains(&peer) {
            program.calls += 1;
            return;
        }
        let stable = program.is_stable(now_ns, &self.config);
        if stable {
            out.push(story(socket, program, now_ns, &self.config));
        }
        program.calls += 1;
        program.newest_ns = now_ns;
        if program.peers.len() <= self.config.peers_max {
            program.peers.push(peer);
        }
    }
}

impl Program {
    fn is_stable(&self, now_ns: i64, config: &ProcessPeerConfig) -> bool {
        let s = |seconds: u32| i64::from(seconds) * NS_PER_S;
        self.peers.len() <= config.peers_max
            && self.calls >= u64::from(config.calls_min)
            && now_ns - self.first_ns >= s(config.learn_s)
            && now_ns - self.newest_ns >= s(config.stable_s)
    }
}

/// The /24 or /48 of an address.
fn network_of(ip: IpAddr16) -> IpAddr16 {
    let mut bytes = ip.0;
    let kept = if ip.is_v4() { 15 } else { 6 };
    bytes[kept..].fill(0);
    IpAddr16(bytes)
}

/// `192.0.2.1:443`, `[2001:db8::1]:443`.
fn place(end: Endpoint) -> String {
    std::net::SocketAddr::new(end.addr.to_ip(), end.port).to_string()
}

fn story(socket: &SocketEvent, program: &Program, now_ns: i64, config: &ProcessPeerConfig) -> Alert {
    let mut a = alert(Kind::AnomalousHost, "process_peer", socket.since, socket.ts, 1e-2);
    let hours = |ns: i64| ns.max(0) as f64 / NS_PER_S as f64 / 3600.0;
    let (name, pid) = socket.owner.process().map_or(("", 0), |p| (p.name.as_str(), p.pid));
    a.title = format!(
        "{name} (process {pid}, user {}) calls {}, where in {} it had {} and nobody new for {}",
        socket.user,
        place(socket.remote),
        text::seconds(hours(now_ns - program.first_ns) * 3600.0),
        plural(program.peers.len() as u64, "peer", "peers"),
        text::seconds(hours(now_ns - program.newest_ns) * 3600.0),
    );
    a.src = vec![socket.host];
    a.dest = vec![socket.remote.addr];
    a.dest_port = vec![socket.remote.port];
    a.why = vec![
        why(
            "hours_without_new_peer",
            hours(now_ns - program.newest_ns),
            [0.0, f64::from(config.stable_s) / 3600.0],
            "h",
            0.5,
        ),
        why("peers_so_far", program.peers.len() as f64, [0.0, config.peers_max as f64], "peers", 0.3),
        why("calls_so_far", program.calls as f64, [0.0, f64::from(config.calls_min)], "connections", 0.2),
    ];
    a.severity = Severity::Low;
    a.story = format!("process {name} {}", socket.user);
    text::scored(a, 0.6)
}

impl Behaviour for ProcessPeer {
    fn name(&self) -> &'static str {
        "process_peer"
    }
    fn wants(&self) -> Wants {
        Wants::SOCKET
    }
    fn observe(&mut self, observation: &Observation, _context: &Context, out: &mut Vec<Alert>) {
        if let Observation::Socket(socket) = observation {
            self.socket(socket, out);
        }
    }
    fn advance(&mut self, now: Timestamp, _context: &Context, _out: &mut Vec<Alert>) {
        // Time in which no socket is looked at is not watched.
        if self.heard {
            self.watch.hear(now);
        }
    }
    fn counters(&self) -> Counters {
        let mut counters = Counters::default();
        counters.add("programs_evicted", self.programs.evicted());
        counters
    }
    fn entries(&self) -> usize {
        self.programs.len()
    }
    fn snapshot(&self) -> Option<Vec<u8>> {
        if self.watch.is_new() {
            return None;
        }
        let mut writer = Writer::default();
        writer.bytes.extend(self.watch.watched_ns().to_le_bytes());
        writer.u32(self.programs.len() as u32);
        for ((name, uid), program) in self.programs.iter() {
            writer.u32(name.len() as u32);
            writer.bytes.extend(name.as_bytes());
            writer.u32(*uid);
            for number in [program.first_ns, program.newest_ns, program.calls.cast_signed()] {
                writer.bytes.extend(number.to_le_bytes());
            }
            writer.u32(program.peers.len() as u32);
            for peer in &program.peers {
                writer.bytes.extend(peer.network.0);
                writer.bytes.extend(peer.port.to_le_bytes());
            }
        }
        Some(writer.bytes)
    }
    fn restore(&mut self, bytes: &[u8]) -> Result<(), DetectError> {
        let mut reader = Reader::new(bytes);
        let watched_ns = reader.u64()?.cast_signed();
        for _ in 0..reader.count(0, READ_MAX, "programs")? {
            let length = reader.u32()? as usize;
            let name = String::from_utf8_lossy(reader.take(length)?).into_owned();
            let uid = reader.u32()?;
            let (first_ns, newest_ns) = (reader.u64()?.cast_signed(), reader.u64()?.cast_signed());
            let mut program = Program { first_ns, newest_ns, calls: reader.u64()?, peers: Vec::new() };
            for _ in 0..reader.count(0, PEERS_BOUND + 1, "peers")? {
                let mut network = [0; 16];
                network.copy_from_slice(reader.take(16)?);
                let port = reader.take(2)?;
                program.peers.push(Peer { network: IpAddr16(network), port: u16::from_le_bytes([port[0], port[1]]) });
            }
            self.programs.touch(&(name, uid), Timestamp(0), || program);
        }
        self.watch.resume(watched_ns);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::synthetic::{ip, run, run_on};
    use super::*;
    use record::{Process, SocketOwner};
    use std::sync::Arc;

    fn call(s: i64, program: &str, peer: [u8; 4], port: u16) -> Observation {
        let process = Process { pid: 4711, name: program.to_owned(), exe: format!("/usr/bin/{program}") };
        let ts = Timestamp::from_parts(s, 0);
        Observation::Socket(Box::new(SocketEvent {
            ts,
            since: ts,
            proto: 6,
            local: Endpoint { addr: ip(9), port: 40_000 },
            remote: Endpoint { addr: IpAddr16::v4(peer), port },
            host: ip(9),
            uid: Some(33),
            user: "www-data".to_owned(),
            owner: SocketOwner::Process(Arc::new(process)),
            ..SocketEvent::default()
        }))
    }

    /// Two days of a program that calls its database and one mail server every ten minutes.
    fn usual() -> Vec<Observation> {
        let one = |n: i64| {
            let second = if n % 2 == 0 { [10, 0, 0, 5] } else { [198, 51, 100, 7] };
            call(n * 600, "php-fpm", second, if n % 2 == 0 { 5432 } else { 25 })
        };
        (0..288).map(one).collect()
    }

    #[test]
    fn a_program_with_two_peers_that_calls_a_third_is_told_with_numbers() {
        let mut input = usual();
        input.push(call(173_000, "php-fpm", [203, 0, 113, 66], 4444));
        input.push(call(173_010, "php-fpm", [203, 0, 113, 66], 4444));
        input.push(call(173_020, "php-fpm", [203, 0, 113, 90], 4444));
        let told = run("process_peer", &input);
        assert_eq!(told.len(), 1, "{told:?}");
        assert_eq!(
            told[0].title,
            "php-fpm (process 4711, user www-data) calls 203.0.113.66:4444, where in 48.1 h it had 2 peers and nobody new for 47.9 h"
        );
        assert_eq!((told[0].kind, told[0].dest_port.as_slice()), (Kind::AnomalousHost, [4444].as_slice()));
    }

    #[test]
    fn browsers_short_pasts_guests_and_neighbours_in_a_peers_network_are_silent() {
        let mut input = usual();
        input.extend((0..400).map(|n| call(n * 400, "firefox", [203, (n / 7) as u8, n as u8, 1], 443)));
        input.push(call(173_000, "firefox", [192, 0, 2, 1], 443));
        input.push(call(173_000, "php-fpm", [198, 51, 100, 200], 25));
        input.push(call(173_001, "wget", [203, 0, 113, 66], 80));
        let Observation::Socket(guest) = call(173_002, "php-fpm", [203, 0, 113, 66], 50_000) else {
            panic!("a call is a socket")
        };
        input.push(Observation::Socket(Box::new(SocketEvent { incoming: true, ..*guest })));
        input.sort_by_key(Observation::ts);
        assert!(run("process_peer", &input).is_empty());
        let mut early: Vec<_> = usual().into_iter().take(60).collect();
        early.push(call(36_100, "php-fpm", [203, 0, 113, 66], 4444));
        assert!(run("process_peer", &early).is_empty(), "ten hours are no past");
    }

    #[test]
    fn programs_stay_known_over_a_restart() {
        let mut before = ProcessPeer::new(&ProcessPeerConfig::default());
        run_on(&mut before, &usual());
        let kept = before.snapshot().unwrap_or_default();
        let mut after = ProcessPeer::new(&ProcessPeerConfig::default());
        assert!(after.restore(&kept).is_ok());
        assert_eq!(run_on(&mut after, &[call(900_000, "php-fpm", [203, 0, 113, 66], 4444)]).len(), 1);
        assert!(
            (0..kept.len()).all(|end| ProcessPeer::new(&ProcessPeerConfig::default()).restore(&kept[..end]).is_err())
        );
    }
}
