//! A SYN scan of the 1,000 most asked ports of one host, as nmap's default timing does it: one source port, closed
//! ports refuse, the few open ones answer and are reset.

use super::super::engine::Activity;
use super::super::frame::{ACK, Peer, RST, SYN, TcpFields, tcp};
use super::super::world::{FILES, World};
use super::{Scenario, ScenarioInfo, Tempo};
use record::Kind;

/// Ports that answer on the file server.
const OPEN: [u16; 4] = [22, 80, 139, 445];
const PORTS: usize = 1000;

/// The scenario.
pub(super) struct PortScanFast;

impl Scenario for PortScanFast {
    fn info(&self) -> ScenarioInfo {
        ScenarioInfo::attack("port_scan_fast", Kind::PortScan, "SYN scan of 1,000 ports of one host in a few seconds")
    }
    fn launch(&self, now: i64, world: &mut World, _: Tempo) -> i64 {
        let attacker = world.desk();
        let from = world.client(attacker);
        let target = world.lan(FILES, 0);
        let label = world.new_label(now, Kind::PortScan, from.ip, Some(target.ip), None);
        let ports = ports(world);
        world.spawn(
            now,
            Scan { from, target, ports, next: 0, answers: Vec::new(), gap_ns: (2_000_000, 6_000_000), label },
        );
        PORTS as i64 * 4_000_000
    }
}

/// A shuffled list of ports, well-known ones first, as nmap orders them.
fn ports(world: &mut World) -> Vec<u16> {
    let mut ports: Vec<u16> = (1..=PORTS as u16).collect();
    for i in (1..ports.len()).rev() {
        ports.swap(i, world.random.below(i + 1));
    }
    ports
}

/// A running SYN scan of one target; also used by the slow scan.
pub(super) struct Scan {
    pub(super) from: Peer,
    pub(super) target: Peer,
    pub(super) ports: Vec<u16>,
    pub(super) next: usize,
    /// What is still to be sent for the last probe: time, from the target, flags, sequence and acknowledgement.
    pub(super) answers: Vec<(i64, bool, u8, u32, u32)>,
    /// Shortest and longest pause between probes.
    pub(super) gap_ns: (i64, i64),
    pub(super) label: usize,
}

impl Scan {
    fn probe(&mut self, now: i64, world: &mut World) {
        let port = self.ports[self.next];
        self.next += 1;
        self.target.port = port;
        let seq = world.random.bits() as u32;
        self.send(now, false, SYN, seq, 0, world);
        let at = now + world.random.between(90_000, 250_000);
        if OPEN.contains(&port) {
            let theirs = world.random.bits() as u32;
            self.answers.push((at + 60_000, false, RST, seq.wrapping_add(1), 0));
            self.answers.push((at, true, SYN | ACK, theirs, seq.wrapping_add(1)));
        } else {
            self.answers.push((at, true, RST | ACK, 0, seq.wrapping_add(1)));
        }
    }

    fn send(&mut self, now: i64, from_target: bool, flags: u8, seq: u32, ack: u32, world: &mut World) {
        let options: &[u8] = if flags & SYN != 0 { &[2, 4, 5, 180] } else { &[] };
        let window = if flags & RST != 0 { 0 } else { 1024 };
        let f = TcpFields { seq, ack, flags, window, options };
        let (from, to) = if from_target { (&mut self.target, &self.from) } else { (&mut self.from, &self.target) };
        tcp(&mut world.frame, from, to, &f, |_| {});
        world.mark(Some(self.label), now);
    }
}

impl Activity for Scan {
    fn fire(&mut self, now: i64, world: &mut World) -> Option<i64> {
        if let Some((_, from_target, flags, seq, ack)) = self.answers.pop() {
            self.send(now, from_target, flags, seq, ack, world);
        } else {
            self.probe(now, world);
        }
        match self.answers.last() {
            Some(a) => Some(a.0),
            None if self.next < self.ports.len() => Some(now + world.random.between(self.gap_ns.0, self.gap_ns.1)),
            None => None,
        }
    }
}
