//! pf's filterlog, as pfSense and OPNsense write it: comma-separated, raw or in syslog. Owns its columns.

use super::build::{Between, LoggedPacket};
use super::{Heads, Line, LogError, LogFormat, fields};
use record::{Endpoint, FirewallAction, LogEntry, TcpFlags};

/// pfSense and OPNsense.
pub(crate) struct Filterlog;

/// Columns before those that depend on the IP version: rule, sub-rule, anchor, tracker, interface, reason, action, direction, version.
const COMMON: usize = 9;

impl LogFormat for Filterlog {
    fn name(&self) -> &'static str {
        "filterlog"
    }
    fn claims(&self, line: &Line<'_>, _: &Heads) -> bool {
        let message = line.message();
        let begins = message.starts_with(|c: char| c.is_ascii_digit());
        let raw = || [",in,4,", ",in,6,", ",out,4,", ",out,6,"].iter().any(|part| message.contains(part));
        begins && (line.framed.program == "filterlog" || raw())
    }
    fn read(&self, line: &Line<'_>, _: &mut Heads, out: &mut Vec<LogEntry>) -> Result<(), LogError> {
        let cells = fields::cells(line.message().trim_end());
        let cell = |at: usize| cells.get(at).copied().ok_or(LogError::Cut);
        // Where protocol number, length, source, destination and the transport's part stand.
        let (proto, bytes, src, transport) = match cell(COMMON - 1)? {
            "4" => (15, 17, 18, 20),
            "6" => (13, 14, 15, 17),
            _ => return Err(LogError::BadNumber),
        };
        let proto: u8 = cell(proto)?.parse().map_err(|_| LogError::BadNumber)?;
        // Later fragments have no ports.
        let fragment = cell(8)? == "4" && cell(13)? != "0";
        let with_ports = fields::has_ports(proto) && !fragment;
        let port = |at| if with_ports { fields::port(some(cell(at)?)?) } else { Ok(0) };
        let from = Endpoint { addr: fields::address(cell(src)?)?, port: port(transport)? };
        let to = Endpoint { addr: fields::address(cell(src + 1)?)?, port: port(transport + 1)? };
        let logged = LoggedPacket {
            between: Between::new(from, to, proto),
            ts: line.ts(),
            bytes: fields::count(cell(bytes)?)?,
            flags: if proto == 6 && with_ports { Some(flags(cell(transport + 3)?)) } else { None },
            icmp: icmp(proto, cells.get(transport).copied().unwrap_or_default()),
            action: action(cell(6)?),
            ..LoggedPacket::default()
        };
        out.push(logged.entry());
        Ok(())
    }
}

/// A column that is never empty: where it is, the line was cut before it.
fn some(cell: &str) -> Result<&str, LogError> {
    if cell.is_empty() { Err(LogError::Cut) } else { Ok(cell) }
}

fn action(word: &str) -> Option<FirewallAction> {
    match word {
        "pass" => Some(FirewallAction::Allowed),
        "block" => Some(FirewallAction::Blocked),
        "reject" => Some(FirewallAction::Reset),
        _ => None,
    }
}

/// `SA`, `PA`: one letter a flag.
fn flags(letters: &str) -> TcpFlags {
    let bit = |letter| match letter {
        'F' => TcpFlags::FIN,
        'S' => TcpFlags::SYN,
        'R' => TcpFlags::RST,
        'P' => TcpFlags::PSH,
        'A' | '.' => TcpFlags::ACK,
        'U' => TcpFlags::URG,
        'E' => TcpFlags::ECE,
        'C' | 'W' => TcpFlags::CWR,
        _ => 0,
    };
    TcpFlags(letters.chars().fold(0, |bits, letter| bits | bit(letter)))
}

/// Echo is named; other types are not told apart by their numbers.
fn icmp(proto: u8, word: &str) -> Option<(u8, u8)> {
    match (proto, word) {
        (1, "request") => Some((8, 0)),
        (1, "reply") => Some((0, 0)),
        (58, "request") => Some((128, 0)),
        (58, "reply") => Some((129, 0)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::{LogCounters, LogParser};
    use super::*;
    use record::{ContactOutcome, LoggedFlow, Timestamp};

    fn read(line: &str) -> (Option<LoggedFlow>, LogCounters) {
        let (mut parser, mut out) = (LogParser::new(Timestamp(0)), Vec::new());
        parser.line(line.as_bytes(), false, &mut out);
        let flow = match out.as_slice() {
            [LogEntry::Flow(logged)] => Some((**logged).clone()),
            _ => None,
        };
        (flow, parser.counters().clone())
    }

    #[test]
    fn both_versions_raw_and_framed() {
        let four = "7,,,1700000123,igb1,match,block,in,4,0x10,,63,9001,0,none,6,tcp,152,203.0.113.21,192.0.2.21,50321,22,100,PA,1000:1100,2000,512,,";
        for line in [
            four.to_owned(),
            format!("Mar  4 08:15:30 edge1 filterlog: {four}"),
            format!("<134>1 2026-03-04T08:15:30+01:00 gw filterlog 411 - [meta sequenceId=\"17\"] {four}"),
        ] {
            let logged = read(&line).0.unwrap();
            let flow = &logged.flow;
            assert_eq!((flow.src.port, flow.dest.port, flow.forward.bytes, flow.proto), (50321, 22, 152, 6));
            assert_eq!(
                (logged.action, flow.outcome),
                (Some(FirewallAction::Blocked), Some(ContactOutcome::Unanswered))
            );
            assert_eq!(flow.forward.tcp_flags, Some(TcpFlags(TcpFlags::PSH | TcpFlags::ACK)));
        }
        let six = "12,,,31,igb0,match,pass,in,6,0x00,0x01234,60,udp,17,96,2001:db8:1::7,2001:db8:2::9,49152,3478,96";
        let flow = read(six).0.unwrap().flow;
        assert_eq!(
            (flow.src.addr.to_string().as_str(), flow.dest.port, flow.outcome),
            ("2001:db8:1::7", 3478, Some(ContactOutcome::Midstream))
        );
    }

    #[test]
    fn a_cut_line_says_so() {
        let (flow, counters) = read("7,,,31,igb1,match,block,in,4,0x10,,63,9001,0,none,6,tcp,152,203.0.113.21");
        assert!(flow.is_none());
        assert_eq!(counters.unreadable.0.get("line_cut"), Some(&1));
    }
}
