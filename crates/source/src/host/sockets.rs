//! The kernel's tables of TCP and UDP sockets of this network namespace, as they are at one moment. Owns the reading; whose they
//! are is `owners`', what changed between two readings is `book`'s.

use crate::SourceError;
use procfs::net::{TcpState, UdpState};
use record::{Endpoint, IpAddr16};
use std::net::SocketAddr;

/// Most sockets of one reading; the rest is left out and counted.
pub const SOCKETS_MAX: usize = 65_536;

/// IP protocol number of TCP.
pub const TCP: u8 = 6;
/// IP protocol number of UDP.
pub const UDP: u8 = 17;

/// One line of the kernel's tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RawSocket {
    /// IP protocol.
    pub proto: u8,
    /// Local end.
    pub local: Endpoint,
    /// Remote end; all zero when there is none.
    pub remote: Endpoint,
    /// Waits for others: TCP that listens, UDP that is not connected.
    pub listening: bool,
    /// Closed by its program and only remembered by the kernel (TIME_WAIT).
    pub lingering: bool,
    /// User that opened it.
    pub uid: u32,
    /// Inode; 0 when no program has it in its hands.
    pub inode: u64,
}

/// Every TCP and UDP socket, and how many were left out at the bound.
///
/// # Errors
/// /proc is not readable.
pub fn read_sockets() -> Result<(Vec<RawSocket>, u64), SourceError> {
    let failed = |what: &'static str| move |e: procfs::ProcError| SourceError::Host { what, reason: e.to_string() };
    let mut found = Vec::new();
    // IPv6 may be switched off: then its tables are not there.
    let tcp = procfs::net::tcp().map_err(failed("/proc/net/tcp"))?;
    for entry in tcp.into_iter().chain(procfs::net::tcp6().unwrap_or_default()) {
        let listening = entry.state == TcpState::Listen;
        let lingering = entry.state == TcpState::TimeWait;
        let (local, remote) = (endpoint(entry.local_address), endpoint(entry.remote_address));
        found.push(RawSocket { proto: TCP, local, remote, listening, lingering, uid: entry.uid, inode: entry.inode });
    }
    let udp = procfs::net::udp().map_err(failed("/proc/net/udp"))?;
    for entry in udp.into_iter().chain(procfs::net::udp6().unwrap_or_default()) {
        let listening = entry.state != UdpState::Established;
        let (local, remote) = (endpoint(entry.local_address), endpoint(entry.remote_address));
        let (uid, inode) = (entry.uid, entry.inode);
        found.push(RawSocket { proto: UDP, local, remote, listening, lingering: false, uid, inode });
    }
    let over = found.len().saturating_sub(SOCKETS_MAX) as u64;
    found.truncate(SOCKETS_MAX);
    Ok((found, over))
}

/// Ports that the system hands out for single connections, first and last; Linux's default when it does not say.
#[must_use]
pub fn handed_out_ports() -> (u16, u16) {
    let text = std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap_or_default();
    let mut numbers = text.split_whitespace().map(str::parse);
    match (numbers.next(), numbers.next()) {
        (Some(Ok(first)), Some(Ok(last))) if first <= last => (first, last),
        _ => (32_768, 60_999),
    }
}

/// All addresses alike: nothing is the same nothing in both versions.
fn endpoint(address: SocketAddr) -> Endpoint {
    let ip = address.ip();
    if address.port() == 0 && ip.is_unspecified() {
        return Endpoint::default();
    }
    Endpoint { addr: IpAddr16::from(ip), port: address.port() }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn our_own_sockets_are_there_with_what_they_do() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let waiting = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let (all, over) = read_sockets().unwrap();
        let find = |proto, address: SocketAddr, listening| {
            let wanted = endpoint(address);
            all.iter().find(|s| s.proto == proto && s.local == wanted && s.listening == listening).copied()
        };
        let heard = find(TCP, listener.local_addr().unwrap(), true).unwrap();
        assert_eq!(heard.remote, Endpoint::default());
        assert!(heard.inode > 0);
        let connected = find(TCP, client.local_addr().unwrap(), false).unwrap();
        assert_eq!(connected.remote, endpoint(listener.local_addr().unwrap()));
        assert!(find(UDP, waiting.local_addr().unwrap(), true).is_some());
        assert_eq!(over, 0);
    }

    #[test]
    fn the_range_of_handed_out_ports_is_a_range() {
        let (first, last) = handed_out_ports();
        assert!(first > 0 && first <= last);
    }
}
