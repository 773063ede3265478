//! The sockets of this machine between two readings: what came, what went, since when, and whose a conversation was. Owns the
//! comparison and the memory of what was closed lately; reads nothing itself, and is told the time.

use super::owners::Owners;
use super::sockets::{RawSocket, TCP, UDP};
use super::users::Users;
use record::{Endpoint, IpAddr16, Process, SocketChange, SocketEvent, SocketOwner, Timestamp, timestamp::NS_PER_S};
use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

/// How long a closed socket is remembered: a conversation is reported some time after its end, s.
const CLOSED_KEPT_S: i64 = 180;
/// Closed sockets remembered at most.
const CLOSED_MAX: usize = 65_536;
/// How far the beginning of a conversation may lie from the readings around it: two readings and a little, ns.
const SLACK_NS: i64 = 2 * NS_PER_S + NS_PER_S / 2;

/// What makes a socket this one: protocol, local and remote end.
type Key = (u8, Endpoint, Endpoint);

/// One socket that is there.
#[derive(Clone, Debug)]
pub struct OpenSocket {
    /// IP protocol.
    pub proto: u8,
    /// Local end.
    pub local: Endpoint,
    /// Remote end; all zero when there is none.
    pub remote: Endpoint,
    /// Waits for others.
    pub listening: bool,
    /// Its other end opened it.
    pub incoming: bool,
    /// First reading that showed it.
    pub since: Timestamp,
    /// True when it was there at the first reading: it may be much older.
    pub first_reading: bool,
    /// User that opened it; None when the kernel does not say.
    pub uid: Option<u32>,
    /// That user's name.
    pub user: String,
    /// Who holds it.
    pub owner: SocketOwner,
    inode: u64,
    /// Number of the last reading that showed it.
    seen: u64,
}

struct Closed {
    until: Timestamp,
    since: Timestamp,
    process: Arc<Process>,
}

/// What the book needs to know of the machine besides its sockets.
#[derive(Clone, Debug, Default)]
pub struct Surroundings {
    /// Every address of the machine.
    pub addresses: HashSet<IpAddr16>,
    /// The address by which others usually reach it; None when it has none but loopback.
    pub main: Option<IpAddr16>,
    /// Ports that the system hands out, first and last.
    pub handed_out: (u16, u16),
}

/// The book.
#[derive(Default)]
pub struct SocketBook {
    open: HashMap<Key, OpenSocket>,
    /// The newest of each key, and their order.
    closed: HashMap<Key, Closed>,
    closed_order: VecDeque<(Timestamp, Key)>,
    lingering: HashSet<Key>,
    readings: u64,
    surroundings: Surroundings,
    forgotten: u64,
}

impl SocketBook {
    /// Other addresses or ports of the machine.
    pub fn set_surroundings(&mut self, surroundings: Surroundings) {
        self.surroundings = surroundings;
    }

    /// Takes a reading made at `now`: what changed since the one before, closed sockets first, each kind in a fixed order.
    pub fn take(&mut self, sockets: &[RawSocket], owners: &Owners, users: &Users, now: Timestamp) -> Vec<SocketEvent> {
        self.readings += 1;
        let listens: HashSet<(u8, u16)> =
            sockets.iter().filter(|s| s.listening && s.proto == TCP).map(|s| (s.proto, s.local.port)).collect();
        let (mut opened, mut lingering) = (Vec::new(), HashSet::new());
        for raw in sockets {
            let key = (raw.proto, raw.local, raw.remote);
            let incoming = !raw.listening && listens.contains(&(raw.proto, raw.local.port));
            if raw.lingering {
                if !self.open.contains_key(&key) && !self.lingering.contains(&key) && self.readings > 1 {
                    opened.push(self.passed_by(raw, incoming, now));
                }
                lingering.insert(key);
                continue;
            }
            if let Some(known) = self.open.get_mut(&key) {
                known.see(raw, owners, users, self.readings);
                continue;
            }
            let mut socket = new_socket(raw, incoming, now);
            socket.first_reading = self.readings == 1;
            socket.see(raw, owners, users, self.readings);
            opened.push(self.event(&socket, SocketChange::Opened, now));
            self.open.insert(key, socket);
        }
        self.lingering = lingering;
        let mut changes = self.close_unseen(now);
        self.forget(now);
        opened.sort_by_key(|e| (e.proto, e.local, e.remote, e.change.name()));
        let gone: Vec<_> = opened.iter().filter(|e| e.owner == SocketOwner::Gone).cloned().collect();
        changes.append(&mut opened);
        changes.extend(gone.into_iter().map(|e| SocketEvent { change: SocketChange::Closed, ..e }));
        changes
    }

    /// Sockets that are there, in no order.
    pub fn open(&self) -> impl Iterator<Item = &OpenSocket> {
        self.open.values()
    }

    /// The process of this machine that took part in a conversation of this time, when its socket is or was seen. Only the socket of
    /// the conversation itself, or one that waits for others at the very end that was spoken to, counts.
    #[must_use]
    pub fn process_of(
        &self,
        proto: u8,
        src: Endpoint,
        dest: Endpoint,
        start: Timestamp,
        end: Timestamp,
    ) -> Option<&Arc<Process>> {
        let keys = [(proto, src, dest), (proto, dest, src)];
        let in_time = |since: Timestamp, first: bool| first || since.since(end) <= SLACK_NS;
        let open = keys.iter().filter_map(|key| self.open.get(key)).find(|s| in_time(s.since, s.first_reading));
        if let Some(process) = open.and_then(|socket| socket.owner.process()) {
            return Some(process);
        }
        let was = |c: &&Closed| start.since(c.until) <= SLACK_NS && c.since.since(end) <= SLACK_NS;
        let closed = keys.iter().filter_map(|key| self.closed.get(key)).find(was);
        if let Some(closed) = closed {
            return Some(&closed.process);
        }
        // Who waits at the end that was spoken to; over UDP also who spoke from a socket that is not connected.
        let mut ends = vec![dest];
        if proto == UDP {
            ends.push(src);
        }
        ends.into_iter()
            .filter(|local| self.surroundings.addresses.contains(&local.addr))
            .flat_map(|local| [local.addr, IpAddr16::v4([0; 4]), IpAddr16::default()].map(|addr| (addr, local.port)))
            .filter_map(|(addr, port)| self.open.get(&(proto, Endpoint { addr, port }, Endpoint::default())))
            .filter(|socket| socket.listening && in_time(socket.since, socket.first_reading))
            .find_map(|socket| socket.owner.process())
    }

    /// Sockets that are there.
    #[must_use]
    pub fn len(&self) -> usize {
        self.open.len()
    }

    /// True before the first reading and on a machine without a network.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    /// Closed sockets forgotten because the bound was reached.
    #[must_use]
    pub const fn forgotten(&self) -> u64 {
        self.forgotten
    }

    fn close_unseen(&mut self, now: Timestamp) -> Vec<SocketEvent> {
        let readings = self.readings;
        let mut gone: Vec<OpenSocket> = self.open.extract_if(|_, s| s.seen != readings).map(|(_, s)| s).collect();
        gone.sort_by_key(|s| (s.proto, s.local, s.remote));
        for socket in &gone {
            let Some(process) = socket.owner.process() else { continue };
            let (key, since) = ((socket.proto, socket.local, socket.remote), socket.since);
            self.closed.insert(key, Closed { until: now, since, process: Arc::clone(process) });
            self.closed_order.push_back((now, key));
        }
        gone.iter().map(|socket| self.event(socket, SocketChange::Closed, now)).collect()
    }

    fn forget(&mut self, now: Timestamp) {
        while let Some((until, key)) = self.closed_order.front().copied() {
            let full = self.closed_order.len() > CLOSED_MAX;
            if !full && now.since(until) <= CLOSED_KEPT_S * NS_PER_S {
                break;
            }
            self.forgotten += u64::from(full);
            self.closed_order.pop_front();
            if self.closed.get(&key).is_some_and(|closed| closed.until == until) {
                self.closed.remove(&key);
            }
        }
    }

    /// A connection that began and ended between two readings.
    fn passed_by(&self, raw: &RawSocket, incoming: bool, now: Timestamp) -> SocketEvent {
        let mut socket = new_socket(raw, incoming, now);
        socket.owner = SocketOwner::Gone;
        self.event(&socket, SocketChange::Opened, now)
    }

    fn event(&self, socket: &OpenSocket, change: SocketChange, now: Timestamp) -> SocketEvent {
        let everywhere = socket.local.addr.to_ip().is_unspecified();
        let (first, last) = self.surroundings.handed_out;
        SocketEvent {
            ts: now,
            change,
            since: socket.since,
            proto: socket.proto,
            local: socket.local,
            remote: socket.remote,
            listening: socket.listening,
            incoming: socket.incoming,
            first_reading: socket.first_reading,
            handed_out: (first..=last).contains(&socket.local.port),
            host: self.surroundings.main.filter(|_| everywhere).unwrap_or(socket.local.addr),
            uid: socket.uid,
            user: socket.user.clone(),
            owner: socket.owner.clone(),
        }
    }
}

fn new_socket(raw: &RawSocket, incoming: bool, now: Timestamp) -> OpenSocket {
    OpenSocket {
        proto: raw.proto,
        local: raw.local,
        remote: raw.remote,
        listening: raw.listening,
        incoming,
        since: now,
        first_reading: false,
        uid: None,
        user: String::new(),
        owner: SocketOwner::Hidden,
        inode: 0,
        seen: 0,
    }
}

impl OpenSocket {
    /// What this reading says of it. A socket has no inode until its program has taken it.
    fn see(&mut self, raw: &RawSocket, owners: &Owners, users: &Users, reading: u64) {
        if self.seen == reading && self.owner.process().is_some() {
            return;
        }
        self.seen = reading;
        let unknown = self.owner.process().is_none();
        if raw.inode != 0 && (raw.inode != self.inode || unknown) {
            self.inode = raw.inode;
            self.owner = owners.of(raw.inode);
            if self.uid != Some(raw.uid) {
                self.uid = Some(raw.uid);
                self.user = users.name(raw.uid);
            }
        }
    }
}

#[cfg(test)]
#[path = "book_test.rs"]
mod tests;
