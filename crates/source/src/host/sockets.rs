//! The host's TCP and UDP sockets with the process that owns each, where this user may see it.

use crate::SourceError;
use procfs::process::FDTarget;
use serde::Serialize;
use std::collections::HashMap;
use std::net::SocketAddr;

/// Most sockets reported; the rest is left out.
pub const SOCKETS_MAX: usize = 65_536;

/// One socket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SocketInfo {
    /// `tcp` or `udp`.
    pub protocol: &'static str,
    /// Local end.
    pub local: SocketAddr,
    /// Remote end; unspecified for listeners.
    pub remote: SocketAddr,
    /// `listen`, `established` and so on, lower case.
    pub state: String,
    /// User that owns it.
    pub uid: u32,
    /// Process, when this user may see it.
    pub pid: Option<i32>,
    /// Its name.
    pub process: Option<String>,
}

/// All TCP and UDP sockets of this network namespace. Owners of other users' sockets need root.
///
/// # Errors
/// /proc is not readable.
pub fn sockets() -> Result<Vec<SocketInfo>, SourceError> {
    let failed = |e: procfs::ProcError| SourceError::Host { what: "/proc/net/tcp", reason: e.to_string() };
    let owners = owners();
    let mut found = Vec::new();
    let mut push = |protocol, local, remote, state: String, uid, inode| {
        if found.len() < SOCKETS_MAX {
            let owner: Option<&(i32, String)> = owners.get(&inode);
            let (pid, process) = (owner.map(|o| o.0), owner.map(|o| o.1.clone()));
            found.push(SocketInfo { protocol, local, remote, state: state.to_lowercase(), uid, pid, process });
        }
    };
    // IPv6 may be switched off: then its tables are not there.
    for entry in procfs::net::tcp().map_err(failed)?.into_iter().chain(procfs::net::tcp6().unwrap_or_default()) {
        let state = format!("{:?}", entry.state);
        push("tcp", entry.local_address, entry.remote_address, state, entry.uid, entry.inode);
    }
    for entry in procfs::net::udp().map_err(failed)?.into_iter().chain(procfs::net::udp6().unwrap_or_default()) {
        let state = format!("{:?}", entry.state);
        push("udp", entry.local_address, entry.remote_address, state, entry.uid, entry.inode);
    }
    Ok(found)
}

/// Socket inode to process. Processes that vanish or may not be read are left out.
fn owners() -> HashMap<u64, (i32, String)> {
    let mut owners = HashMap::new();
    for process in procfs::process::all_processes().into_iter().flatten().flatten() {
        let Ok(descriptors) = process.fd() else { continue };
        let inodes: Vec<u64> = descriptors
            .flatten()
            .filter_map(|descriptor| match descriptor.target {
                FDTarget::Socket(inode) => Some(inode),
                _ => None,
            })
            .collect();
        if inodes.is_empty() {
            continue;
        }
        let name = process.stat().map(|stat| stat.comm).unwrap_or_default();
        owners.extend(inodes.into_iter().map(|inode| (inode, (process.pid, name.clone()))));
    }
    owners
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn our_own_listener_is_found_with_its_process() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let all = sockets().unwrap();
        let ours = all.iter().find(|socket| socket.local == address && socket.protocol == "tcp").unwrap();
        assert_eq!(ours.state, "listen");
        assert_eq!(ours.pid, Some(std::process::id() as i32));
    }
}
