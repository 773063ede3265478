//! A scanner of our own for where nmap is missing: TCP connections, so many at a time and so many a second, and what a service says first.
//! Owns pace and bounds; one connection is `probe`'s.

mod probe;

use crate::control::{Control, LOOK_EVERY, ScanError, name_hosts, now, stop_reason};
use crate::ports::PortList;
use crate::settings::ScanConfig;
use crate::targets::Targets;
use crate::xml::Progress;
use probe::{Answer, Waits, probe};
use record::scan::{AddressKind, ExtraPorts, HostAddress, Scan, ScannedHost, ScannedPort};
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// Hosts that are asked side by side: each port of all of them before the next, so that no host is asked in one burst.
const HOSTS_AT_ONCE: usize = 64;
/// A scanner that was held up does not catch up more than this at once.
const BURST: Duration = Duration::from_millis(10);

/// How the connect probe scans.
#[derive(Clone, Debug, PartialEq)]
pub struct ConnectScan {
    ports: PortList,
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
}

/// What was found so far.
#[derive(Default)]
struct State {
    done: Vec<ScannedHost>,
    block: BTreeMap<IpAddr, Found>,
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
        let mut scan = Scan {
            scanner: "tripline".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            args: format!("tripline scan --backend connect --set scan.ports={} {words}", self.ports),
            started: Some(started),
            ended: Some(now()),
            exit: stopped.is_none().then(|| "success".to_owned()),
            incomplete: stopped.map(|why| format!("{why}; only hosts that were done are here")),
            hosts: state.done,
            ..Scan::default()
        };
        name_hosts(&mut scan, targets);
        Ok(scan)
    }

    async fn probe_all(
        &self,
        addresses: &[IpAddr],
        state: &mut State,
        control: &mut Control<'_>,
    ) -> Result<(), ScanError> {
        let total = addresses.len() as u64 * self.ports.count() as u64;
        let begun = Instant::now();
        let mut next = begun;
        for block in addresses.chunks(HOSTS_AT_ONCE) {
            state.block = block.iter().map(|address| (*address, Found::default())).collect();
            let mut running = JoinSet::new();
            for port in self.ports.iter() {
                for address in block {
                    while running.len() >= self.connections_max {
                        take(state, running.join_next().await)?;
                    }
                    while let Some(answer) = running.try_join_next() {
                        take(state, Some(answer))?;
                    }
                    tokio::time::sleep_until(next).await;
                    next = (next + self.between).max(Instant::now().checked_sub(BURST).unwrap_or(begun));
                    let (to, waits) = (SocketAddr::new(*address, port), self.waits);
                    running.spawn(async move { (to, probe(to, waits).await) });
                    state.probes += 1;
                    if state.probes.is_multiple_of(256) {
                        tell(control, state.probes, total, begun);
                    }
                }
            }
            while let Some(answer) = running.join_next().await {
                take(state, Some(answer))?;
            }
            tell(control, state.probes, total, begun);
            let found = std::mem::take(&mut state.block);
            state.done.extend(found.into_iter().map(|(address, found)| host(address, found)));
        }
        Ok(())
    }
}

fn tell(control: &mut Control, done: u64, total: u64, begun: Instant) {
    let share = done as f64 / total.max(1) as f64;
    let left = begun.elapsed().as_secs_f64() * (1.0 - share) / share.max(1e-9);
    let remaining_s = Some(left as u64);
    (control.progress)(&Progress { task: "connect probe".to_owned(), percent: share * 100.0, remaining_s });
}

type Done = Result<(SocketAddr, Answer), tokio::task::JoinError>;

/// Notes one answer.
fn take(state: &mut State, done: Option<Done>) -> Result<(), ScanError> {
    let Some(done) = done else { return Ok(()) };
    let (to, answer) = done.map_err(|e| ScanError(format!("a probe ended by itself: {e}")))?;
    let Some(found) = state.block.get_mut(&to.ip()) else { return Ok(()) };
    match answer {
        Answer::Open(port) => found.open.push(*port),
        Answer::Closed => found.closed += 1,
        Answer::Filtered => found.filtered += 1,
        Answer::CannotAsk(error) => {
            return Err(ScanError(format!(
                "this machine cannot open more connections: {error}; lower scan.connections_max or scan.rate_packets_per_s, or \
                 raise the limit of open files (`ulimit -n`)"
            )));
        }
    }
    Ok(())
}

/// A host is up when it answered anything at all, also that a port is closed.
fn host(address: IpAddr, mut found: Found) -> ScannedHost {
    let up = !found.open.is_empty() || found.closed > 0;
    let reason = if !found.open.is_empty() {
        "syn-ack"
    } else if up {
        "conn-refused"
    } else {
        "no-response"
    };
    found.open.sort_by_key(|port| port.port);
    let counted = [("closed", found.closed), ("filtered", found.filtered)];
    let extra = |(state, count): (&str, u64)| ExtraPorts { state: Some(state.to_owned()), count };
    ScannedHost {
        state: Some(if up { "up" } else { "down" }.to_owned()),
        reason: reason.to_owned(),
        addresses: vec![HostAddress {
            kind: if address.is_ipv4() { AddressKind::Ipv4 } else { AddressKind::Ipv6 },
            addr: address.to_string(),
            vendor: None,
        }],
        not_shown: counted.into_iter().filter(|(_, count)| up && *count > 0).map(extra).collect(),
        ports: found.open,
        ..ScannedHost::default()
    }
}

#[cfg(test)]
mod tests;
