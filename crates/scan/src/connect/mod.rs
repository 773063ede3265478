//! A scanner of our own for where nmap is missing: TCP connections and UDP questions, so many at a time and so many a second, and what a
//! service says first. Owns pace and bounds; one connection is `probe`'s, one question `datagram`'s.

mod datagram;
mod neighbours;
mod probe;
mod questions;

use crate::control::{Control, LOOK_EVERY, ScanError, name_hosts, now, stop_reason};
use crate::ports::PortList;
use crate::settings::ScanConfig;
use crate::targets::Targets;
use crate::xml::Progress;
use probe::{Answer, Transport, Waits, probe};
use record::scan::{AddressKind, AskedPorts, ExtraPorts, HostAddress, Scan, ScannedHost, ScannedPort};
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// Hosts that are asked side by side: each port of all of them before the next, so that no host is asked in one burst.
const HOSTS_AT_ONCE: usize = 64;
/// A scanner that was held up does not catch up more than this at once.
const BURST: Duration = Duration::from_millis(10);
/// A host is asked so many UDP ports at once, then one in each pause: systems say no faster than this that a port is closed (Linux:
/// six, then one a second), and silence would be taken for an open port.
const UDP_AT_ONCE: usize = 5;
const UDP_PAUSE: Duration = Duration::from_secs(1);

/// How the connect probe scans.
#[derive(Clone, Debug, PartialEq)]
pub struct ConnectScan {
    ports: PortList,
    udp_ports: Option<PortList>,
    connections_max: usize,
    between: Duration,
    waits: Waits,
}

/// What was found of one host so far.
#[derive(Default)]
struct Found {
    open: Vec<ScannedPort>,
    closed: u64,
    filtered: u64,
    silent: u64,
}

/// What was found so far.
#[derive(Default)]
struct State {
    done: Vec<ScannedHost>,
    block: BTreeMap<IpAddr, Found>,
    running: JoinSet<Asked>,
    probes: u64,
}

impl ConnectScan {
    /// From the settings.
    ///
    /// # Errors
    /// Which setting is wrong.
    pub fn new(config: &ScanConfig) -> Result<Self, String> {
        config.check()?;
        Ok(Self {
            ports: PortList::parse(&config.ports)?,
            udp_ports: PortList::parse_or_none(&config.udp_ports)?,
            connections_max: config.connections_max as usize,
            between: Duration::from_secs(1) / config.rate_packets_per_s,
            waits: Waits {
                connect: Duration::from_millis(config.connect_timeout_ms),
                banner: Duration::from_millis(config.banner_wait_ms),
            },
        })
    }

    /// Scans the targets. A scan that was stopped says so in `incomplete`.
    ///
    /// # Errors
    /// This machine cannot open the connections.
    pub fn run(&self, targets: &Targets, control: &mut Control) -> Result<Scan, ScanError> {
        let addresses = targets.addresses();
        if addresses.is_empty() {
            return Err(ScanError("there is nothing to scan; name a target".to_owned()));
        }
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|e| ScanError(format!("the connect probe cannot start: {e}")))?;
        let started = now();
        let (cancel, deadline) = (control.cancel.clone(), control.deadline);
        let stopping = async move {
            loop {
                if let Some(why) = stop_reason(&cancel, deadline) {
                    return why;
                }
                tokio::time::sleep(LOOK_EVERY).await;
            }
        };
        let mut state = State::default();
        let stopped = runtime.block_on(async {
            tokio::select! {
                result = self.probe_all(&addresses, &mut state, control) => result.map(|()| None),
                why = stopping => Ok(Some(why)),
            }
        })?;
        let words = [targets.of_version(true), targets.of_version(false)].concat().join(" ");
        let udp = self.udp_ports.as_ref().map(|ports| format!(" --set scan.udp_ports={ports}")).unwrap_or_default();
        let mut scan = Scan {
            scanner: "tripline".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            args: format!("tripline scan --backend connect --set scan.ports={}{udp} {words}", self.ports),
            started: Some(started),
            ended: Some(now()),
            exit: stopped.is_none().then(|| "success".to_owned()),
            incomplete: stopped.map(|why| format!("{why}; only hosts that were done are here")),
            asked: self.asked(),
            hosts: state.done,
            ..Scan::default()
        };
        name_hosts(&mut scan, targets);
        Ok(scan)
    }

    fn asked(&self) -> Vec<AskedPorts> {
        let asked =
            |protocol: &str, ports: &PortList| AskedPorts { protocol: protocol.to_owned(), ports: ports.to_string() };
        let udp = self.udp_ports.iter().map(|ports| asked("udp", ports));
        std::iter::once(asked("tcp", &self.ports)).chain(udp).collect()
    }

    /// What is asked of each host, in this order: ports of TCP, then of UDP.
    fn asks(&self) -> impl Iterator<Item = (Transport, u16)> {
        let tcp = self.ports.iter().map(|port| (Transport::Tcp, port));
        tcp.chain(self.udp_ports.iter().flat_map(PortList::iter).map(|port| (Transport::Udp, port)))
    }

    async fn probe_all(
        &self,
        addresses: &[IpAddr],
        state: &mut State,
        control: &mut Control<'_>,
    ) -> Result<(), ScanError> {
        let total = addresses.len() as u64 * self.asks().count() as u64;
        let begun = Instant::now();
        let mut next = begun;
        for block in addresses.chunks(HOSTS_AT_ONCE) {
            state.block = block.iter().map(|address| (*address, Found::default())).collect();
            let (mut udp_asked, mut round) = (0, Instant::now());
            for (transport, port) in self.asks() {
                if transport == Transport::Udp {
                    udp_asked += 1;
                    if udp_asked > UDP_AT_ONCE {
                        tell(control, state, total, begun);
                        next = next.max(round + UDP_PAUSE);
                    }
                    round = Instant::now().max(next);
                }
                for address in block {
                    self.begin(state, transport, SocketAddr::new(*address, port), &mut next).await?;
                    if state.probes.is_multiple_of(256) {
                        tell(control, state, total, begun);
                    }
                }
            }
            while let Some(answer) = state.running.join_next().await {
                take(state, answer)?;
            }
            tell(control, state, total, begun);
            let found = std::mem::take(&mut state.block);
            let macs = neighbours::known();
            state.done.extend(found.into_iter().map(|(address, found)| host(address, found, macs.get(&address))));
        }
        Ok(())
    }

    /// Begins one probe when there is room for it and its time has come.
    async fn begin(
        &self,
        state: &mut State,
        transport: Transport,
        to: SocketAddr,
        next: &mut Instant,
    ) -> Result<(), ScanError> {
        while state.running.len() >= self.connections_max {
            let Some(answer) = state.running.join_next().await else { break };
            take(state, answer)?;
        }
        while let Some(answer) = state.running.try_join_next() {
            take(state, answer)?;
        }
        tokio::time::sleep_until(*next).await;
        let held_up = Instant::now();
        *next = (*next + self.between).max(held_up.checked_sub(BURST).unwrap_or(held_up));
        let waits = self.waits;
        state.running.spawn(async move {
            let answer = match transport {
                Transport::Tcp => probe(to, waits).await,
                Transport::Udp => datagram::ask(to, waits.connect).await,
            };
            (to, answer)
        });
        state.probes += 1;
        Ok(())
    }
}

fn tell(control: &mut Control, state: &State, total: u64, begun: Instant) {
    let share = state.probes as f64 / total.max(1) as f64;
    let left = begun.elapsed().as_secs_f64() * (1.0 - share) / share.max(1e-9);
    let remaining_s = Some(left as u64);
    let hosts_done = state.done.len() as u64;
    (control.progress)(&Progress { task: "connect probe".to_owned(), percent: share * 100.0, remaining_s, hosts_done });
}

/// Who was asked, and what that says.
type Asked = (SocketAddr, Answer);

/// Notes one answer.
fn take(state: &mut State, done: Result<Asked, tokio::task::JoinError>) -> Result<(), ScanError> {
    let (to, answer) = done.map_err(|e| ScanError(format!("a probe ended by itself: {e}")))?;
    let Some(found) = state.block.get_mut(&to.ip()) else { return Ok(()) };
    match answer {
        Answer::Open(port) => found.open.push(*port),
        Answer::Closed => found.closed += 1,
        Answer::Filtered => found.filtered += 1,
        Answer::Silent => found.silent += 1,
        Answer::CannotAsk(error) => {
            return Err(ScanError(format!(
                "this machine cannot open more connections: {error}; lower scan.connections_max or scan.rate_packets_per_s, or \
                 raise the limit of open files (`ulimit -n`)"
            )));
        }
    }
    Ok(())
}

/// A host is up when it answered anything at all, also that a port is closed. The kernel's table alone is no answer: it remembers.
fn host(address: IpAddr, mut found: Found, mac: Option<&String>) -> ScannedHost {
    found.open.sort_by(|a, b| (a.port, &a.protocol).cmp(&(b.port, &b.protocol)));
    let up = !found.open.is_empty() || found.closed > 0;
    let first = found.open.iter().find(|port| port.protocol == "tcp").or(found.open.first());
    let unanswered = if up { "conn-refused" } else { "no-response" };
    let reason = first.map_or(unanswered, |port| port.reason.as_str()).to_owned();
    let counted = [("closed", found.closed), ("filtered", found.filtered), ("open|filtered", found.silent)];
    let extra = |(state, count): (&str, u64)| ExtraPorts { state: Some(state.to_owned()), count };
    let own = if address.is_ipv4() { AddressKind::Ipv4 } else { AddressKind::Ipv6 };
    let mac = mac.filter(|_| up).map(|mac| (AddressKind::Mac, mac.clone()));
    let addresses = [(own, address.to_string())].into_iter().chain(mac);
    ScannedHost {
        state: Some(if up { "up" } else { "down" }.to_owned()),
        reason,
        addresses: addresses.map(|(kind, addr)| HostAddress { kind, addr, vendor: None }).collect(),
        not_shown: counted.into_iter().filter(|(_, count)| up && *count > 0).map(extra).collect(),
        ports: found.open,
        ..ScannedHost::default()
    }
}

#[cfg(test)]
mod tests;
