//! Lines of Linux's packet filters (iptables and nftables `LOG`, UFW, firewalld, Shorewall, Proxmox, UniFi): `IN=… SRC=… DST=…`
//! behind a prefix that people choose. Owns what the words of prefixes say was done.

use super::build::{Between, LoggedPacket};
use super::fields::{self, Pairs};
use super::{Heads, Line, LogError, LogFormat, time};
use record::{Endpoint, FirewallAction, LogEntry, MacAddr, TcpFlags, Timestamp};

/// Names of TCP flags as the kernel writes them.
const FLAGS: [(&str, u8); 8] = [
    ("FIN", TcpFlags::FIN),
    ("SYN", TcpFlags::SYN),
    ("RST", TcpFlags::RST),
    ("PSH", TcpFlags::PSH),
    ("ACK", TcpFlags::ACK),
    ("URG", TcpFlags::URG),
    ("ECE", TcpFlags::ECE),
    ("CWR", TcpFlags::CWR),
];

/// The kernel's packet log.
pub(crate) struct Netfilter;

impl LogFormat for Netfilter {
    fn name(&self) -> &'static str {
        "netfilter"
    }
    fn claims(&self, line: &Line<'_>, _: &Heads) -> bool {
        let text = line.text;
        text.contains(" SRC=") && text.contains(" DST=") && text.contains(" PROTO=")
    }
    fn read(&self, line: &Line<'_>, _: &mut Heads, out: &mut Vec<LogEntry>) -> Result<(), LogError> {
        let (prefix, packet) = split(line.message());
        let pairs = Pairs::read(packet);
        let proto = fields::protocol(pairs.get("PROTO").ok_or(LogError::Cut)?).ok_or(LogError::BadNumber)?;
        let end = |addr: &str, port: &str| -> Result<Endpoint, LogError> {
            let addr = fields::address(pairs.get(addr).ok_or(LogError::NoAddress)?)?;
            Ok(Endpoint { addr, port: pairs.get(port).map_or(Ok(0), fields::port)? })
        };
        // Ports are missing of later fragments and of packets whose own end is missing; of others the line was cut before them.
        let with_ports = pairs.get("SPT").is_some() && pairs.get("DPT").is_some();
        if fields::has_ports(proto) && !with_ports && !packet.contains("FRAG:") && !packet.contains("INCOMPLETE") {
            return Err(LogError::Cut);
        }
        let between = Between::new(end("SRC", "SPT")?, end("DST", "DPT")?, proto);
        let small = |name| pairs.get(name).and_then(fields::small);
        let (dest_mac, src_mac) = macs(pairs.get("MAC").unwrap_or_default());
        let logged = LoggedPacket {
            between,
            ts: line.framed.ts.or_else(|| in_prefix(prefix)).unwrap_or(line.now),
            bytes: fields::count(pairs.get("LEN").ok_or(LogError::Cut)?)?,
            flags: (proto == 6).then(|| flags(&pairs)),
            icmp: matches!(proto, 1 | 58).then(|| (small("TYPE").unwrap_or(0), small("CODE").unwrap_or(0))),
            action: unifi(prefix).or_else(|| said(prefix)),
            to_firewall: pairs.get("IN").is_some() && pairs.get("OUT").is_none(),
            src_mac,
            dest_mac,
        };
        out.push(logged.entry());
        Ok(())
    }
}

/// Prefix and packet; of a packet that an ICMP error quotes, nothing is taken.
fn split(message: &str) -> (&str, &str) {
    let own = message.split(" [SRC=").next().unwrap_or(message);
    let starts = ["IN=", "OUT=", "SRC="].iter().filter_map(|name| {
        own.match_indices(name).map(|(at, _)| at).find(|at| *at == 0 || own.as_bytes()[*at - 1].is_ascii_whitespace())
    });
    let start = starts.min().unwrap_or(0);
    own.split_at(start)
}

/// Proxmox writes its time into the prefix.
fn in_prefix(prefix: &str) -> Option<Timestamp> {
    prefix.match_indices(' ').find_map(|(at, _)| time::day_first(&prefix[at + 1..])).map(|(ts, _)| ts)
}

/// A flag is a bare word; `ACK=0` is the number.
fn flags(pairs: &Pairs<'_>) -> TcpFlags {
    let set = |name: &str| pairs.0.iter().any(|(found, value)| *found == name && value.is_empty());
    TcpFlags(FLAGS.iter().filter(|(name, _)| set(name)).fold(0, |bits, (_, bit)| bits | bit))
}

/// Receiver's and sender's addresses of `MAC=`, which is the whole Ethernet header.
fn macs(text: &str) -> (MacAddr, MacAddr) {
    let place = text.match_indices(':').nth(5).map(|(at, _)| at);
    place.map_or_else(Default::default, |at| (fields::mac(&text[..at]), fields::mac(&text[at + 1..])))
}

/// UniFi's rules: `[WAN_LOCAL-D-2147483647]` and `[LAN_IN-default-A]` name the deed by a letter.
fn unifi(prefix: &str) -> Option<FirewallAction> {
    let rule = prefix.split_once('[')?.1.split_once(']')?.0;
    rule.split('-').skip(1).find_map(|part| match part {
        "D" => Some(FirewallAction::Blocked),
        "R" => Some(FirewallAction::Reset),
        "A" => Some(FirewallAction::Allowed),
        _ => None,
    })
}

/// What the words of a prefix say was done; None where they say nothing.
pub(super) fn said(prefix: &str) -> Option<FirewallAction> {
    let prefix = prefix.to_ascii_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| prefix.contains(word));
    if has(&["reject", "refuse"]) {
        Some(FirewallAction::Reset)
    } else if has(&["drop", "block", "deny", "denied", "discard", "invalid"]) {
        Some(FirewallAction::Blocked)
    } else {
        has(&["accept", "allow", "pass", "permit"]).then_some(FirewallAction::Allowed)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::LogParser;
    use super::*;
    use record::{ContactOutcome, LoggedFlow};

    fn read(line: &str) -> LoggedFlow {
        let reference = Timestamp::parse_rfc3339("2026-01-01T00:00:00Z").unwrap();
        let (mut parser, mut out) = (LogParser::new(reference), Vec::new());
        parser.line(line.as_bytes(), false, &mut out);
        match out.as_slice() {
            [LogEntry::Flow(logged)] => (**logged).clone(),
            other => panic!("{other:?} {:?}", parser.counters()),
        }
    }

    #[test]
    fn a_line_without_a_word_for_the_deed_counts_as_unanswered_at_the_firewall_itself() {
        let line = "Nov  3 21:40:05 edge1 kernel: [81234.567890] IN=wan0 OUT= MAC=02:00:5e:10:00:01:02:00:5e:10:00:02:08:00 SRC=203.0.113.51 DST=192.0.2.51 LEN=60 TOS=0x10 PREC=0x20 TTL=51 ID=777 DF PROTO=TCP SPT=50418 DPT=8080 WINDOW=64240 RES=0x00 SYN URGP=0";
        let logged = read(line);
        let flow = &logged.flow;
        assert_eq!((flow.src.addr.to_string().as_str(), flow.src.port, flow.dest.port), ("203.0.113.51", 50418, 8080));
        assert_eq!((flow.forward.bytes, flow.forward.packets, flow.proto), (60, 1, 6));
        assert_eq!(
            (flow.forward.tcp_flags, flow.outcome),
            (Some(TcpFlags(TcpFlags::SYN)), Some(ContactOutcome::Unanswered))
        );
        assert_eq!(flow.start.rfc3339(), "2025-11-03T21:40:05.000000Z");
        assert_eq!((flow.src_mac.to_string().as_str(), logged.action), ("02:00:5e:10:00:02", None));
        let passing = read(&line.replace("OUT= ", "OUT=eth1 "));
        assert_eq!(
            (passing.flow.outcome, passing.flow.forward.tcp_flags),
            (Some(ContactOutcome::Midstream), Some(TcpFlags(TcpFlags::SYN)))
        );
    }

    #[test]
    fn prefixes_say_what_was_done() {
        let packet = "IN=e OUT=f SRC=10.0.0.1 DST=10.0.0.2 LEN=60 PROTO=TCP SPT=1 DPT=2 SYN";
        let action = |prefix: &str| read(&format!("{prefix}{packet}")).action;
        assert_eq!(action("[UFW BLOCK] "), Some(FirewallAction::Blocked));
        assert_eq!(action("Shorewall:net2fw:REJECT:"), Some(FirewallAction::Reset));
        assert_eq!(action("office->uplink ACCEPT "), Some(FirewallAction::Allowed));
        assert_eq!(action("[GUEST_IN-A-20] DESCR=\"[GUEST_IN]Block printers\" "), Some(FirewallAction::Allowed));
        assert_eq!(action("seen: "), None);
        let proxmox = read(&format!("204 6 tap204i1-IN 04/Mar/2026:09:15:30 +0100 REJECT: {packet}"));
        assert_eq!(
            (proxmox.action, proxmox.flow.outcome),
            (Some(FirewallAction::Reset), Some(ContactOutcome::Refused))
        );
        assert_eq!(proxmox.flow.start.rfc3339(), "2026-03-04T08:15:30.000000Z");
    }

    #[test]
    fn quoted_packets_of_errors_are_not_taken() {
        let logged = read(
            "IN=e OUT= SRC=10.0.0.1 DST=10.0.0.2 LEN=88 PROTO=ICMP TYPE=3 CODE=3 [SRC=10.0.0.2 DST=10.0.0.1 LEN=60 PROTO=UDP SPT=9 DPT=53 ]",
        );
        assert_eq!((logged.flow.proto, logged.flow.icmp, logged.flow.dest.port), (1, Some((3, 3)), 0));
        assert_eq!(logged.flow.dest.addr.to_string(), "10.0.0.2");
    }
}
