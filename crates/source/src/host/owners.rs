//! Which process holds a socket, by its inode. A look through the processes costs a system call for each open file, so it is made
//! only for inodes not seen before, begins with the processes that had sockets already, and ends when all are found. What this user
//! may not see stays hidden; nothing is guessed. Bounded by the sockets that are there: an inode that is gone is forgotten.

use super::sockets::RawSocket;
use record::{Process, SocketOwner};
use std::collections::{BTreeSet, HashMap, HashSet};
use std::fs;
use std::sync::Arc;

/// Looks for the holder of one inode: a socket that was just made may be in nobody's hands for a moment.
const LOOKS_MAX: u8 = 2;

struct Known {
    process: Option<Arc<Process>>,
    looks: u8,
}

/// The holders of the sockets of the newest reading.
#[derive(Default)]
pub struct Owners {
    by_inode: HashMap<u64, Known>,
    /// Looks through the processes so far.
    looks: u64,
}

impl Owners {
    /// Looks up the holders of inodes that are new, and forgets those of inodes that are gone.
    pub fn update(&mut self, sockets: &[RawSocket]) {
        let present: HashSet<u64> = sockets.iter().map(|s| s.inode).filter(|inode| *inode > 0).collect();
        self.by_inode.retain(|inode, _| present.contains(inode));
        let settled = |known: &Known| known.process.is_some() || known.looks >= LOOKS_MAX;
        let mut wanted: HashSet<u64> =
            present.into_iter().filter(|inode| !self.by_inode.get(inode).is_some_and(settled)).collect();
        if wanted.is_empty() {
            return;
        }
        for inode in &wanted {
            self.by_inode.entry(*inode).or_insert(Known { process: None, looks: 0 }).looks += 1;
        }
        self.looks += 1;
        let busy: BTreeSet<u32> = self.by_inode.values().filter_map(|k| Some(k.process.as_ref()?.pid)).collect();
        let rest = pids().into_iter().filter(|pid| !busy.contains(pid)).collect::<Vec<_>>();
        for pid in busy.iter().copied().chain(rest) {
            if wanted.is_empty() {
                break;
            }
            self.look_into(pid, &mut wanted);
        }
    }

    /// Who holds the socket with this inode.
    #[must_use]
    pub fn of(&self, inode: u64) -> SocketOwner {
        let process = self.by_inode.get(&inode).and_then(|known| known.process.clone());
        process.map_or(SocketOwner::Hidden, SocketOwner::Process)
    }

    /// Looks through the processes so far.
    #[must_use]
    pub const fn looks(&self) -> u64 {
        self.looks
    }

    /// Gives the process all of `wanted` that it holds. A process that ends meanwhile, or may not be read, holds nothing.
    fn look_into(&mut self, pid: u32, wanted: &mut HashSet<u64>) {
        let Ok(descriptors) = fs::read_dir(format!("/proc/{pid}/fd")) else { return };
        let mut process: Option<Arc<Process>> = None;
        for descriptor in descriptors.flatten() {
            let Ok(target) = fs::read_link(descriptor.path()) else { continue };
            let Some(inode) = target.to_str().and_then(socket_inode).filter(|inode| wanted.contains(inode)) else {
                continue;
            };
            let process = process.get_or_insert_with(|| Arc::new(read_process(pid)));
            wanted.remove(&inode);
            if let Some(known) = self.by_inode.get_mut(&inode) {
                known.process = Some(Arc::clone(process));
            }
        }
    }
}

/// Every process number.
fn pids() -> Vec<u32> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

/// `socket:[4026]` as 4026.
fn socket_inode(target: &str) -> Option<u64> {
    target.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok()
}

fn read_process(pid: u32) -> Process {
    let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default().trim().to_owned();
    let exe = fs::read_link(format!("/proc/{pid}/exe"));
    Process { pid, name, exe: exe.map_or_else(|_| String::new(), |path| path.display().to_string()) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::sockets::read_sockets;
    use super::*;

    #[test]
    fn our_own_socket_is_ours_and_is_looked_up_once() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let ours = |sockets: &[RawSocket]| {
            sockets.iter().copied().filter(|s| s.local.port == port && s.listening).collect::<Vec<_>>()
        };
        let sockets = ours(&read_sockets().unwrap().0);
        let mut owners = Owners::default();
        owners.update(&sockets);
        let SocketOwner::Process(process) = owners.of(sockets[0].inode) else { panic!("not found") };
        assert_eq!(process.pid, std::process::id());
        assert!(!process.name.is_empty() && process.exe.starts_with('/'), "{process:?}");
        owners.update(&sockets);
        assert_eq!(owners.looks(), 1);
        owners.update(&[]);
        assert_eq!(owners.of(sockets[0].inode), SocketOwner::Hidden, "forgotten when it is gone");
    }

    #[test]
    fn what_cannot_be_seen_is_hidden_and_not_looked_for_for_ever() {
        let nobodys = RawSocket {
            proto: 6,
            local: record::Endpoint::default(),
            remote: record::Endpoint::default(),
            listening: true,
            lingering: false,
            uid: 0,
            inode: u64::MAX,
        };
        let mut owners = Owners::default();
        for _ in 0..5 {
            owners.update(&[nobodys]);
        }
        assert_eq!(owners.of(u64::MAX), SocketOwner::Hidden);
        assert_eq!(owners.looks(), u64::from(LOOKS_MAX));
        assert_eq!(socket_inode("socket:[4026]"), Some(4026));
        assert_eq!(socket_inode("pipe:[4026]"), None);
    }
}
