//! Messages of each group, and who opened a connection.
#![allow(clippy::unwrap_used)]

use crate::log::{LogCounters, LogParser};
use record::{ContactOutcome, Extent, FirewallAction, LogEntry, LoggedFlow, TcpFlags, Timestamp};

fn read(lines: &[&str]) -> (Vec<LoggedFlow>, LogCounters) {
    let (mut parser, mut out) = (LogParser::new(Timestamp(0)), Vec::new());
    for line in lines {
        parser.line(line.as_bytes(), false, &mut out);
    }
    let flows = out.into_iter().filter_map(|entry| match entry {
        LogEntry::Flow(logged) => Some(*logged),
        _ => None,
    });
    (flows.collect(), parser.counters().clone())
}

fn ends(logged: &LoggedFlow) -> String {
    let flow = &logged.flow;
    format!("{} {} {} {} {}", flow.proto, flow.src.addr, flow.src.port, flow.dest.addr, flow.dest.port)
}

#[test]
fn denials_name_both_ends() {
    let one = |line: &str| {
        let (flows, counters) = read(&[line]);
        assert_eq!(flows.len(), 1, "{line}: {counters:?}");
        assert_eq!(flows[0].extent, Extent::Packet);
        flows[0].clone()
    };
    let denied = one(
        "%FTD-2-106001: Inbound TCP connection denied from 203.0.113.77/40113 to 192.0.2.10/23 flags SYN  on interface uplink",
    );
    assert_eq!(ends(&denied), "6 203.0.113.77 40113 192.0.2.10 23");
    assert_eq!(
        (denied.flow.forward.tcp_flags, denied.flow.outcome),
        (Some(TcpFlags(TcpFlags::SYN)), Some(ContactOutcome::Unanswered))
    );
    let group = one(
        "%ASA-4-106023: Deny udp src uplink:203.0.113.78/5353 dst identity:192.0.2.1/161 by access-group \"edge_in\" [0x0, 0x0]",
    );
    assert_eq!(ends(&group), "17 203.0.113.78 5353 192.0.2.1 161");
    let list = one(
        "%ASA-6-106100: access-list edge_in permitted udp uplink/203.0.113.79(50123) -> office/192.0.2.20(123) hit-cnt 1 first hit [0x1a2b3c4d, 0x0000beef]",
    );
    assert_eq!(
        (ends(&list), list.action),
        ("17 203.0.113.79 50123 192.0.2.20 123".into(), Some(FirewallAction::Allowed))
    );
    let icmp = one(
        "%ASA-4-313005: No matching connection for ICMP error message: icmp src uplink:203.0.113.80(LAB\\user7) dst office:192.0.2.30 (type 3, code 1) on uplink interface.  Original IP payload: udp src 192.0.2.30/123 dst 203.0.113.80/51515.",
    );
    assert_eq!((ends(&icmp), icmp.flow.icmp), ("1 203.0.113.80 0 192.0.2.30 0".into(), Some((3, 1))));
    let own = one(
        "Mar 04 2026 08:15:30: %ASA-3-710003: TCP access denied by ACL from 203.0.113.81/50222 to uplink:2001:db8::1/22",
    );
    assert_eq!(
        (ends(&own), own.flow.start.rfc3339().as_str()),
        ("6 203.0.113.81 50222 2001:db8::1 22".into(), "2026-03-04T08:15:30.000000Z")
    );
    let spoof = one("%ASA-2-106016: Deny IP spoof from (192.0.2.99) to 192.0.2.40 on interface office");
    assert_eq!(ends(&spoof), "0 192.0.2.99 0 192.0.2.40 0");
}

#[test]
fn a_teardown_knows_its_building() {
    let (flows, _) = read(&[
        "Mar 04 2026 08:00:00: %ASA-6-302013: Built outbound TCP connection 7 for uplink:203.0.113.5/8443 (203.0.113.5/8443) to office:10.0.0.5/50000 (192.0.2.1/50000)",
        "Mar 04 2026 08:12:30: %ASA-6-302014: Teardown TCP connection 7 for uplink:203.0.113.5/8443 to office:10.0.0.5/50000 duration 0:12:30 bytes 8190 TCP FINs from office",
        "Mar 04 2026 08:12:31: %ASA-6-302014: Teardown TCP connection 8 for uplink:203.0.113.5/443 to office:10.0.0.5/50001 duration 0:00:30 bytes 0 SYN Timeout",
        "Mar 04 2026 08:12:32: %ASA-6-302014: Teardown TCP connection 9 for uplink:203.0.113.90/61001 to shelf:192.0.2.50/443 duration 0:00:00 bytes 0 TCP Reset-I from shelf",
    ]);
    assert_eq!((ends(&flows[0]), flows[0].extent), ("6 10.0.0.5 50000 203.0.113.5 8443".into(), Extent::Opening));
    assert_eq!((ends(&flows[1]), flows[1].extent), ("6 10.0.0.5 50000 203.0.113.5 8443".into(), Extent::Whole));
    assert_eq!(flows[1].flow.start.rfc3339(), "2026-03-04T08:00:00.000000Z");
    assert_eq!((flows[1].flow.backward.unwrap().bytes, flows[1].flow.outcome), (8190, Some(ContactOutcome::Answered)));
    assert_eq!(
        (ends(&flows[2]), flows[2].flow.outcome),
        ("6 10.0.0.5 50001 203.0.113.5 443".into(), Some(ContactOutcome::Unanswered))
    );
    assert_eq!(
        (ends(&flows[3]), flows[3].flow.outcome),
        ("6 203.0.113.90 61001 192.0.2.50 443".into(), Some(ContactOutcome::Refused))
    );
}

#[test]
fn events_have_both_sides() {
    let (flows, _) = read(&[
        "%NGIPS-1-430003: ConnectionID: 811, FirstPacketSecond: 2026-03-04T09:00:00Z, AccessControlRuleName: no, guests, AccessControlRuleAction: <br/>Block with reset, SrcIP: 192.0.2.60, DstIP: 203.0.113.60, SrcPort: 51777, DstPort: 8080, Protocol: tcp, ConnectionDuration: 4, InitiatorPackets: 1, InitiatorBytes: 66, ResponderPackets: 0, ResponderBytes: 0",
    ]);
    let flow = &flows[0].flow;
    assert_eq!(
        (ends(&flows[0]), flow.forward.bytes, flows[0].action),
        ("6 192.0.2.60 51777 203.0.113.60 8080".into(), 66, Some(FirewallAction::Reset))
    );
    assert_eq!(
        (flow.start.rfc3339().as_str(), flow.end.since(flow.start)),
        ("2026-03-04T09:00:00.000000Z", 4_000_000_000)
    );
    assert_eq!(flow.outcome, Some(ContactOutcome::Refused));
}

#[test]
fn other_messages_are_counted() {
    let (_, counters) =
        read(&["%ASA-5-111008: User 'keeper' executed the 'show version' command.", "%ASA-6-302014: Teardown TCP"]);
    assert_eq!(counters.not_used.0.get("cisco 111008"), Some(&1));
    assert_eq!(counters.unreadable.0.get("line_cut"), Some(&1));
}
