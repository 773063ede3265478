//! What is told of a pair that gives commands on a control network: cause, title, reasons and techniques (ATT&CK for ICS).
//! Owns words and rhythm; decides nothing.

use super::control_commands::STATION_REQUESTS;
use super::text::{self, alert, count, push_distinct, seconds, why};
use super::throttle::Throttle;
use record::{Alert, ControlData, ControlProtocol, IpAddr16, Kind, Severity, Timestamp, Why};

/// Client, station, protocol.
pub(super) type Key = (IpAddr16, IpAddr16, ControlProtocol);

/// Why a pair's talk is told.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Cause {
    /// Nobody saw this pair in the learning time.
    Late { watched_s: f64 },
    /// The station had other masters so far.
    OtherMaster { master: IpAddr16, requests: u64 },
    /// The client was a station so far.
    Station { served: u64 },
    /// A command that stops, restarts or silences.
    Command,
    /// Far more messages than ever.
    Rate { past: u32 },
}

/// Technique (ATT&CK for ICS) of a command that stops or restarts a device or silences it; None for others.
pub(super) fn disruptive(protocol: ControlProtocol, code: u8) -> Option<&'static str> {
    match (protocol, code) {
        (ControlProtocol::Dnp3, 13 | 14) => Some("T0816"),
        (ControlProtocol::Dnp3, 15..=18 | 31) => Some("T0858"),
        (ControlProtocol::Dnp3, 21) => Some("T0878"),
        (ControlProtocol::Dnp3, 27) => Some("T0809"),
        _ => None,
    }
}

/// True for commands that change something in the plant.
fn changes(protocol: ControlProtocol, code: u8) -> bool {
    match protocol {
        ControlProtocol::Modbus => matches!(code, 5 | 6 | 15 | 16 | 21 | 22 | 23 | 90),
        ControlProtocol::Dnp3 => matches!(code, 2 | 4..=19 | 21 | 25..=31),
    }
}

/// What is being told of a pair: one visit, from its first message to a long silence.
#[derive(Default)]
pub(super) struct Story {
    /// Why; None before anything is told.
    pub cause: Option<Cause>,
    pub first: Timestamp,
    pub last: Timestamp,
    messages: u64,
    functions: Vec<u8>,
    port: u16,
    busiest: u32,
    throttle: Throttle,
}

impl Story {
    /// A story that begins at `ts`.
    pub(super) fn begin(ts: Timestamp) -> Self {
        Self { first: ts, last: ts, ..Self::default() }
    }

    /// Takes messages that came at `ts`, in a second that holds `in_second` so far; true when the story is to be told now.
    pub(super) fn grow(&mut self, cause: Cause, data: &ControlData, port: u16, ts: Timestamp, in_second: u32) -> bool {
        self.cause = Some(cause);
        self.last = self.last.max(ts);
        self.port = port;
        self.messages += u64::from(data.messages);
        self.busiest = self.busiest.max(in_second);
        for code in &data.functions {
            if disruptive(data.protocol, *code).is_some() && !self.functions.contains(code) {
                self.throttle = Throttle::default();
            }
            push_distinct(&mut self.functions, *code);
        }
        self.throttle.due(self.messages, ts)
    }

    /// True when it has grown and fallen quiet.
    pub(super) fn settled(&mut self, now: Timestamp, quiet_ns: i64) -> bool {
        self.throttle.settled(self.messages, self.last, now, quiet_ns)
    }

    /// The story as an alert; `past` is the pair's busiest ordinary second, messages.
    pub(super) fn alert(&self, key: &Key, past: u32) -> Alert {
        let (client, server, protocol) = *key;
        let story = self;
        let kind = if matches!(story.cause, Some(Cause::Rate { .. })) { Kind::Flood } else { Kind::ProtocolMisuse };
        let mut a = alert(kind, "control_commands", story.first.min(story.last), story.last, 1e-4);
        a.title = title(key, story);
        a.src = vec![client];
        a.dest = vec![server];
        a.dest_port = vec![story.port];
        a.why = reasons(story, past);
        a.packets = story.messages;
        a.attack = attack(protocol, story);
        let grave = story.functions.iter().any(|code| changes(protocol, *code)) || kind == Kind::Flood;
        a.severity = if grave { Severity::High } else { Severity::Medium };
        a.story = format!("{client} {server} {}", protocol.label());
        text::scored(a, if grave { 0.97 } else { 0.92 })
    }
}

/// Names of the functions, the gravest first, at most three.
fn named(protocol: ControlProtocol, functions: &[u8]) -> String {
    let mut codes: Vec<u8> = functions.iter().copied().filter(|code| *code != 0).collect();
    codes.sort_by_key(|code| (disruptive(protocol, *code).is_none(), !changes(protocol, *code), *code));
    codes.dedup();
    let names: Vec<&str> = codes.iter().take(3).map(|code| protocol.function(*code)).collect();
    if names.is_empty() { String::new() } else { format!(" ({})", names.join(", ")) }
}

fn title(key: &Key, story: &Story) -> String {
    let (client, server, protocol) = *key;
    let label = protocol.label();
    let functions = named(protocol, &story.functions);
    let sent = format!("{} {label} messages{functions}", count(story.messages));
    match story.cause {
        Some(Cause::OtherMaster { master, .. }) => {
            format!("{client} exchanged {sent} with {server}, which so far only took commands from {master}")
        }
        Some(Cause::Station { .. }) => format!("{client}, so far only a station, exchanged {sent} with {server}"),
        Some(Cause::Late { watched_s }) => {
            format!("{client} exchanged {sent} with {server}, which it had not done in {}", seconds(watched_s))
        }
        Some(Cause::Rate { past }) => format!(
            "{client} and {server} exchanged {} {label} messages in a second, {} at most before",
            count(u64::from(story.busiest)),
            count(u64::from(past))
        ),
        Some(Cause::Command) | None => {
            format!("{client} gave {server} a {label} command that stops, restarts or silences a station{functions}")
        }
    }
}

fn reasons(story: &Story, past: u32) -> Vec<Why> {
    let mut list = vec![match story.cause {
        Some(Cause::OtherMaster { requests, .. }) => {
            why("requests_of_known_masters", requests as f64, [0.0, 100.0], "requests", 0.5)
        }
        Some(Cause::Station { served }) => {
            why("requests_served_as_station", served as f64, [0.0, (STATION_REQUESTS - 1) as f64], "requests", 0.5)
        }
        Some(Cause::Late { watched_s }) => why("watched_without_it", watched_s / 3600.0, [0.0, 1.0], "h", 0.5),
        Some(Cause::Rate { past }) => {
            why("control_messages_per_s", f64::from(story.busiest), [0.0, f64::from(past.max(1))], "1/s", 0.5)
        }
        Some(Cause::Command) | None => why("commands_never_given_before", 1.0, [0.0, 0.0], "commands", 0.5),
    }];
    list.push(why("control_messages", story.messages as f64, [0.0, 0.0], "messages", 0.2));
    list.push(why("control_functions", story.functions.len() as f64, [0.0, 0.0], "functions", 0.1));
    if !matches!(story.cause, Some(Cause::Rate { .. })) {
        list.push(why("control_messages_per_s", f64::from(story.busiest), [0.0, f64::from(past)], "1/s", 0.2));
    }
    list
}

/// ATT&CK for ICS techniques of the story, the one of the cause first.
fn attack(protocol: ControlProtocol, story: &Story) -> Vec<&'static str> {
    let mut list = match story.cause {
        Some(Cause::Rate { .. }) => vec!["T0814"],
        Some(Cause::Command) | None => Vec::new(),
        Some(_) => vec!["T0848"],
    };
    for code in &story.functions {
        if let Some(technique) = disruptive(protocol, *code) {
            push_distinct(&mut list, technique);
        }
    }
    if story.functions.iter().any(|code| changes(protocol, *code)) {
        push_distinct(&mut list, "T0855");
    }
    list
}
