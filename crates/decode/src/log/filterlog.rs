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
        let port = |at| if with_ports { fields::port(cell(at)?) } else { Ok(0) };
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
        let four = "53,,,1000000301,em0,match,block,in,4,0x0,,64,420,0,none,6,tcp,460,10.0.2.2,10.0.2.15,53742,22,420,PA,29633380:29633800,3617062173,65535,,";
        for line in [
            four.to_owned(),
            format!("Sep 28 10:38:09 pfSense filterlog: {four}"),
            format!("<134>1 2022-09-06T18:37:34+02:00 opnsense filterlog 69805 - [meta sequenceId=\"2\"] {four}"),
        ] {
            let logged = read(&line).0.unwrap();
            let flow = &logged.flow;
            assert_eq!((flow.src.port, flow.dest.port, flow.forward.bytes, flow.proto), (53742, 22, 460, 6));
            assert_eq!(
                (logged.action, flow.outcome),
                (Some(FirewallAction::Blocked), Some(ContactOutcome::Unanswered))
            );
            assert_eq!(flow.forward.tcp_flags, Some(TcpFlags(TcpFlags::PSH | TcpFlags::ACK)));
        }
        let six = "98,,,88,re0,match,pass,in,6,0x00,0x0ea87,51,udp,17,73,2008:8a0::2f8a,2c02:2454::1738,6881,51918,73";
        let flow = read(six).0.unwrap().flow;
        assert_eq!(
            (flow.src.addr.to_string().as_str(), flow.dest.port, flow.outcome),
            ("2008:8a0::2f8a", 51918, Some(ContactOutcome::Midstream))
        );
    }

    #[test]
    fn a_cut_line_says_so() {
        let (flow, counters) = read("53,,,1,em0,match,block,in,4,0x0,,64,420,0,none,6,tcp,460,10.0.2.2");
        assert!(flow.is_none());
        assert_eq!(counters.unreadable.0.get("line_cut"), Some(&1));
    }
}
