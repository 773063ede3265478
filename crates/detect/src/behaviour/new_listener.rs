//! A new listener (ATT&CK T1571): a program of this machine waits for others on a port on which nobody waited before. What is there
//! at the first reading is known, and so is what an earlier run has seen; everything later is told at once. A port of the range that
//! the system hands out says nothing: there it is the program that is known or new, and it must stay. Owns what is known; reads
//! no socket itself.

use super::lru::Lru;
use super::text::{self, alert, why};
use super::watch::Watch;
use super::{Behaviour, Context, Wants, ports};
use crate::DetectError;
use crate::blob::{Reader, Writer};
use record::{
    Alert, Counters, Endpoint, Kind, Observation, Severity, SocketChange, SocketEvent, Timestamp, timestamp::NS_PER_S,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Entries read from a memory at most: a bound on what a file can claim.
const READ_MAX: usize = 1 << 20;
/// IP protocol number of TCP.
const TCP: u8 = 6;
/// From here on ports are handed out where the system does not say otherwise; a resolver takes any above the first thousand.
const PRIVILEGED_PORTS: u16 = 1024;

/// Settings of the new listener detector.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NewListenerConfig {
    /// Time after the first reading in which new listeners are taken as known, seconds. Default 0: the first reading is what is known.
    pub learn_s: u32,
    /// Tell of listeners that only this machine can reach, too. Default false.
    pub loopback: bool,
    /// A UDP socket must stay this long, seconds: one that asks and is gone is no service. Default 3.
    pub udp_stay_s: u32,
    /// On a port that the system hands out, a listener must stay this long, seconds. Default 60.
    pub handed_out_stay_s: u32,
    /// Listeners remembered. Default 4096.
    pub listeners_max: usize,
}

impl Default for NewListenerConfig {
    fn default() -> Self {
        Self { learn_s: 0, loopback: false, udp_stay_s: 3, handed_out_stay_s: 60, listeners_max: 4096 }
    }
}

/// What is known: a port, or a program that listens on handed-out ones.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Listener {
    proto: u8,
    /// 0: any port that the system hands out.
    port: u16,
    loopback: bool,
    /// The program of a handed-out port; empty for others.
    program: String,
}

/// The detector.
pub struct NewListener {
    config: NewListenerConfig,
    known: Lru<Listener, ()>,
    /// Sockets that must stay before they are told.
    waiting: BTreeMap<(u8, Endpoint), (Timestamp, SocketEvent)>,
    /// True when an earlier run has left what it knew.
    restored: bool,
    first: Option<Timestamp>,
    watch: Watch,
    unreported: u64,
}

impl NewListener {
    /// Builds it.
    #[must_use]
    pub fn new(config: &NewListenerConfig) -> Self {
        Self {
            known: Lru::new(config.listeners_max),
            config: config.clone(),
            waiting: BTreeMap::new(),
            restored: false,
            first: None,
            watch: Watch::default(),
            unreported: 0,
        }
    }

    fn socket(&mut self, socket: &SocketEvent, out: &mut Vec<Alert>) {
        let first = *self.first.get_or_insert(socket.ts);
        self.watch.hear(socket.ts);
        if !socket.listening || socket.local.port == 0 {
            return;
        }
        let place = (socket.proto, socket.local);
        if socket.change == SocketChange::Closed {
            self.waiting.remove(&place);
            return;
        }
        let learning = !self.restored
            && (socket.first_reading || socket.ts.since(first) < i64::from(self.config.learn_s) * NS_PER_S);
        let listener = listener_of(socket);
        let silent = socket.is_loopback() && !self.config.loopback;
        if learning || silent || self.is_known(&listener) {
            self.known.touch(&listener, socket.ts, || ());
            return;
        }
        let stay_ns = i64::from(self.stay_s(socket)) * NS_PER_S;
        if stay_ns == 0 {
            self.tell(socket, socket.ts, out);
        } else if self.waiting.len() < self.config.listeners_max {
            self.waiting.insert(place, (socket.ts.plus_ns(stay_ns), socket.clone()));
        } else {
            self.unreported += 1;
        }
    }

    /// A port that all may reach is known on the machine itself as well.
    fn is_known(&self, listener: &Listener) -> bool {
        let outside = Listener { loopback: false, ..listener.clone() };
        self.known.peek(listener).is_some() || self.known.peek(&outside).is_some()
    }

    fn stay_s(&self, socket: &SocketEvent) -> u32 {
        let udp_s = if socket.proto == TCP { 0 } else { self.config.udp_stay_s };
        // A resolver asks from any port that needs no rights.
        let passing = socket.handed_out || (socket.proto != TCP && odd_udp(socket.local.port));
        if passing { udp_s.max(self.config.handed_out_stay_s) } else { udp_s }
    }

    fn tell(&mut self, socket: &SocketEvent, now: Timestamp, out: &mut Vec<Alert>) {
        let listener = listener_of(socket);
        if self.is_known(&listener) {
            return;
        }
        self.known.touch(&listener, now, || ());
        // After the table has forgotten something, an old listener may look new.
        if self.known.evicted() > 0 {
            self.unreported += 1;
            return;
        }
        out.push(story(socket, now, self.watch.watched_ns()));
    }
}

/// UDP ports that name no service and need no rights.
fn odd_udp(port: u16) -> bool {
    port >= PRIVILEGED_PORTS && text::service(port).is_none() && !ports::has_service(port)
}

fn program(socket: &SocketEvent) -> String {
    let process = socket.owner.process();
    process.map_or_else(|| format!("user {}", socket.user), |process| process.name.clone())
}

fn listener_of(socket: &SocketEvent) -> Listener {
    let (proto, loopback) = (socket.proto, socket.is_loopback());
    let passing = socket.handed_out || (proto != TCP && odd_udp(socket.local.port));
    if passing {
        Listener { proto, port: 0, loopback, program: program(socket) }
    } else {
        Listener { proto, port: socket.local.port, loopback, program: String::new() }
    }
}

/// `python3 (process 4711, user root)`, or what is known without it.
fn who(socket: &SocketEvent) -> String {
    match socket.owner.process() {
        Some(process) => format!("{} (process {}, user {})", process.name, process.pid, socket.user),
        None => format!("A program of user {} (which one is not visible without rights)", socket.user),
    }
}

fn story(socket: &SocketEvent, now: Timestamp, watched_ns: i64) -> Alert {
    let mut a = alert(Kind::NewService, "new_listener", socket.since, now, 1e-2);
    let port = socket.local.port;
    let transport = if socket.proto == TCP { "TCP" } else { "UDP" };
    let reach = if socket.is_loopback() { " of this machine alone" } else { "" };
    let before = if socket.first_reading { " since Tripline last ran" } else { "" };
    a.title = format!(
        "{} listens on {transport} {}{reach} at {}, where nobody listened before{before}",
        who(socket),
        text::port(port),
        socket.host
    );
    a.src = vec![socket.host];
    a.dest_port = vec![port];
    let hours = watched_ns.max(0) as f64 / NS_PER_S as f64 / 3600.0;
    a.why = vec![
        why("listens_on_new_port", f64::from(port), [0.0, 0.0], "port", 0.7),
        why("watched_without_it", hours, [0.0, 0.0], "h", 0.3),
    ];
    // A way to control the host, or a port that nothing known listens on, is what a backdoor looks like.
    let control = matches!(port, 22 | 23 | 2323 | 3389 | 5900..=5909 | 5985 | 5986);
    let odd = !ports::has_service(port);
    a.severity = if !socket.is_loopback() && (control || odd) { Severity::Medium } else { Severity::Low };
    a.attack = match (odd, control) {
        (true, _) => vec!["T1571"],
        (false, true) => vec!["T1021"],
        _ => Vec::new(),
    };
    // The same words as the detector that sees the answers on the wire: one incident for both.
    a.story = format!("{} {port}", socket.host);
    text::scored(a, if control || odd { 0.7 } else { 0.5 })
}

impl Behaviour for NewListener {
    fn name(&self) -> &'static str {
        "new_listener"
    }
    fn wants(&self) -> Wants {
        Wants::SOCKET
    }
    fn observe(&mut self, observation: &Observation, _context: &Context, out: &mut Vec<Alert>) {
        if let Observation::Socket(socket) = observation {
            self.socket(socket, out);
        }
    }
    fn advance(&mut self, now: Timestamp, _context: &Context, out: &mut Vec<Alert>) {
        // Time in which no socket is looked at is not watched.
        if self.first.is_some() {
            self.watch.hear(now);
        }
        let due: Vec<_> = self.waiting.iter().filter(|(_, (at, _))| *at <= now).map(|(place, _)| *place).collect();
        for place in due {
            if let Some((at, socket)) = self.waiting.remove(&place) {
                self.tell(&socket, at, out);
            }
        }
    }
    fn counters(&self) -> Counters {
        let mut counters = Counters::default();
        counters.add("listeners_evicted", self.known.evicted());
        counters.add("listeners_unreported", self.unreported);
        counters
    }
    fn entries(&self) -> usize {
        self.known.len() + self.waiting.len()
    }
    fn snapshot(&self) -> Option<Vec<u8>> {
        if self.watch.is_new() {
            return None;
        }
        let mut writer = Writer::default();
        writer.bytes.extend(self.watch.watched_ns().to_le_bytes());
        writer.u32(self.known.len() as u32);
        for (listener, ()) in self.known.iter() {
            writer.bytes.extend([listener.proto, u8::from(listener.loopback)]);
            writer.bytes.extend(listener.port.to_le_bytes());
            writer.u32(listener.program.len() as u32);
            writer.bytes.extend(listener.program.as_bytes());
        }
        Some(writer.bytes)
    }
    fn restore(&mut self, bytes: &[u8]) -> Result<(), DetectError> {
        let mut reader = Reader::new(bytes);
        let watched_ns = reader.u64()?.cast_signed();
        for _ in 0..reader.count(0, READ_MAX, "known listeners")? {
            let fixed = reader.take(4)?;
            let (proto, loopback) = (fixed[0], fixed[1] != 0);
            let port = u16::from_le_bytes([fixed[2], fixed[3]]);
            let length = reader.u32()? as usize;
            let program = String::from_utf8_lossy(reader.take(length)?).into_owned();
            self.known.touch(&Listener { proto, port, loopback, program }, Timestamp(0), || ());
        }
        self.watch.resume(watched_ns);
        self.restored = true;
        Ok(())
    }
}

#[cfg(test)]
#[path = "new_listener_test.rs"]
mod tests;
