//! This machine's sockets, processes and counters as the API shows them. Owns order, bounds and words; reads nothing itself.

use super::host_watch::HostShared;
use super::judging::lock;
use record::{Endpoint, SocketOwner};
use serve::shapes::{HostInterface, ProcessView, SocketView, Sockets};
use source::{HostCounters, OpenSocket};
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Listening sockets shown.
const LISTENING_MAX: usize = 500;
/// Connections shown, newest first.
const CONNECTED_MAX: usize = 500;
/// Processes shown, busiest first.
const PROCESSES_MAX: usize = 20;

/// Everything; empty when this machine is not watched.
pub fn sockets(host: Option<&Arc<HostShared>>) -> Sockets {
    let Some(host) = host else { return Sockets::default() };
    let numbers = lock(&host.numbers).clone();
    let book = lock(&host.book);
    let all: Vec<&OpenSocket> = book.open().collect();
    let processes = processes(&all);
    let hidden = all.iter().filter(|socket| socket.owner == SocketOwner::Hidden).count() as u64;
    let (mut listening, mut connected): (Vec<_>, Vec<_>) = all.into_iter().partition(|socket| socket.listening);
    listening.sort_by_key(|s| (is_loopback(s), s.local.port, s.proto, s.local.addr));
    connected.sort_by_key(|s| (Reverse(s.since), s.local, s.remote));
    let (listening_total, connected_total) = (listening.len() as u64, connected.len() as u64);
    Sockets {
        watching: true,
        alone: numbers.alone,
        read: numbers.read,
        problem: numbers.error,
        reading_ms: numbers.reading_ms,
        interfaces: numbers.interfaces.iter().map(|(total, passed)| interface(total, passed)).collect(),
        listening: listening.into_iter().take(LISTENING_MAX).map(view).collect(),
        listening_total,
        connected: connected.into_iter().take(CONNECTED_MAX).map(view).collect(),
        connected_total,
        processes,
        owners_hidden: hidden,
        left_out: numbers.left_out,
    }
}

fn is_loopback(socket: &OpenSocket) -> bool {
    socket.local.addr.to_ip().is_loopback()
}

fn view(socket: &OpenSocket) -> SocketView {
    let process = socket.owner.process();
    let remote = Some(socket.remote).filter(|remote| *remote != Endpoint::default());
    let role = match (socket.listening, socket.incoming) {
        (true, _) => "listening",
        (false, true) => "incoming",
        (false, false) => "outgoing",
    };
    SocketView {
        proto: store::rows::proto_name(socket.proto),
        role: role.to_owned(),
        local_ip: socket.local.addr,
        local_port: socket.local.port,
        remote_ip: remote.map(|remote| remote.addr),
        remote_port: remote.map(|remote| remote.port),
        loopback: is_loopback(socket),
        since: socket.since,
        since_start: socket.first_reading,
        uid: socket.uid,
        user: socket.user.clone(),
        pid: process.map(|process| process.pid),
        process: process.map_or(String::new(), |process| process.name.clone()),
        exe: process.map_or(String::new(), |process| process.exe.clone()),
        owner: socket.owner.name().to_owned(),
    }
}

/// The processes with most connections.
fn processes(all: &[&OpenSocket]) -> Vec<ProcessView> {
    let mut by_pid: BTreeMap<u32, ProcessView> = BTreeMap::new();
    for socket in all {
        let Some(process) = socket.owner.process() else { continue };
        let view = by_pid.entry(process.pid).or_insert_with(|| ProcessView {
            pid: process.pid,
            process: process.name.clone(),
            exe: process.exe.clone(),
            user: socket.user.clone(),
            ..ProcessView::default()
        });
        *(if socket.listening { &mut view.listening } else { &mut view.connected }) += 1;
    }
    let mut processes: Vec<_> = by_pid.into_values().collect();
    processes.sort_by_key(|p| (Reverse((p.connected, p.listening)), p.pid));
    processes.truncate(PROCESSES_MAX);
    processes
}

fn interface(total: &HostCounters, passed: &HostCounters) -> HostInterface {
    HostInterface {
        name: total.interface.clone(),
        rx_bytes: total.rx_bytes,
        rx_packets: total.rx_packets,
        rx_errors: total.rx_errors,
        rx_dropped: total.rx_dropped,
        tx_bytes: total.tx_bytes,
        tx_packets: total.tx_packets,
        tx_errors: total.tx_errors,
        tx_dropped: total.tx_dropped,
        rx_bits_per_s: passed.rx_bytes as f64 * 8.0,
        tx_bits_per_s: passed.tx_bytes as f64 * 8.0,
        rx_packets_per_s: passed.rx_packets as f64,
        tx_packets_per_s: passed.tx_packets as f64,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use record::Timestamp;
    use source::SocketReader;

    #[test]
    fn our_own_listener_and_its_guest_are_shown_with_their_process() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let _client = std::net::TcpStream::connect(address).unwrap();
        let (_guest, _) = listener.accept().unwrap();
        let host = Arc::new(HostShared::default());
        let mut reader = SocketReader::default();
        reader.read().unwrap();
        reader.enter(&mut lock(&host.book), Timestamp::from_parts(9, 0));
        let shown = sockets(Some(&host));
        let ours = shown.listening.iter().find(|s| s.local_port == address.port()).unwrap();
        assert!(ours.loopback && ours.since_start && ours.remote_ip.is_none());
        assert_eq!((ours.pid, ours.owner.as_str()), (Some(std::process::id()), "visible"));
        let guest = shown.connected.iter().find(|s| s.local_port == address.port()).unwrap();
        let client = shown.connected.iter().find(|s| s.remote_port == Some(address.port())).unwrap();
        assert_eq!((guest.role.as_str(), client.role.as_str()), ("incoming", "outgoing"));
        assert!(shown.processes.iter().any(|p| p.pid == std::process::id() && p.connected >= 2 && p.listening >= 1));
        assert!(!sockets(None).watching);
    }
}
