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
    let denied =
        one("%FTD-2-106001: Inbound TCP connection denied from 1.1.1.1/901 to 2.2.2.2/111 flags SYN  on interface LAN");
    assert_eq!(ends(&denied), "6 1.1.1.1 901 2.2.2.2 111");
    assert_eq!(
        (denied.flow.forward.tcp_flags, denied.flow.outcome),
        (Some(TcpFlags(TcpFlags::SYN)), Some(ContactOutcome::Unanswered))
    );
    let group = one(
        "%ASA-4-106023: Deny udp src ACMEsL:1.1.1.1/320 dst identity:2.2.2.2/320 by access-group \"ACME_group\" [0x0, 0x0]",
    );
    assert_eq!(ends(&group), "17 1.1.1.1 320 2.2.2.2 320");
    let list = one(
        "%ASA-6-106100: access-list ACME_INFRA permitted udp ACME_INFRA/1.1.1.1(42592) -> ACME/2.2.2.2(161) hit-cnt 1 first hit [0x42666c4c, 0x05739900]",
    );
    assert_eq!((ends(&list), list.action), ("17 1.1.1.1 42592 2.2.2.2 161".into(), Some(FirewallAction::Allowed)));
    let icmp = one(
        "%ASA-4-313005: No matching connection for ICMP error message: icmp src outside:1.1.1.1(EXAMPLE\\john.doe) dst inside:2.2.2.2 (type 3, code 3) on outside interface.  Original IP payload: udp src 2.2.2.2/53 dst 1.1.1.1/60717.",
    );
    assert_eq!((ends(&icmp), icmp.flow.icmp), ("1 1.1.1.1 0 2.2.2.2 0".into(), Some((3, 3))));
    let own = one(
        "Jun 07 2025 17:31:57: %ASA-3-710003: TCP access denied by ACL from 9.9.9.9/4711 to outside:2001:db8::1/22",
    );
    assert_eq!(
        (ends(&own), own.flow.start.rfc3339().as_str()),
        ("6 9.9.9.9 4711 2001:db8::1 22".into(), "2025-06-07T17:31:57.000000Z")
    );
    let spoof = one("%ASA-2-106016: Deny IP spoof from (10.1.1.1) to 10.11.11.19 on interface TestInterface");
    assert_eq!(ends(&spoof), "0 10.1.1.1 0 10.11.11.19 0");
}

#[test]
fn a_teardown_knows_its_building() {
    let (flows, _) = read(&[
        "Jun 07 2025 17:00:00: %ASA-6-302013: Built outbound TCP connection 7 for outside:203.0.113.5/8443 (203.0.113.5/8443) to inside:10.0.0.5/50000 (192.0.2.1/50000)",
        "Jun 07 2025 17:10:06: %ASA-6-302014: Teardown TCP connection 7 for outside:203.0.113.5/8443 to inside:10.0.0.5/50000 duration 0:10:06 bytes 4666 TCP FINs from inside",
        "Jun 07 2025 17:10:07: %ASA-6-302014: Teardown TCP connection 8 for outside:203.0.113.5/443 to inside:10.0.0.5/50001 duration 0:00:30 bytes 0 SYN Timeout",
        "Jun 07 2025 17:10:08: %ASA-6-302014: Teardown TCP connection 9 for outside:1.1.1.1/63677 to Pika:2.2.2.2/443 duration 0:00:00 bytes 0 TCP Reset-I from Pika",
    ]);
    assert_eq!((ends(&flows[0]), flows[0].extent), ("6 10.0.0.5 50000 203.0.113.5 8443".into(), Extent::Opening));
    assert_eq!((ends(&flows[1]), flows[1].extent), ("6 10.0.0.5 50000 203.0.113.5 8443".into(), Extent::Whole));
    assert_eq!(flows[1].flow.start.rfc3339(), "2025-06-07T17:00:00.000000Z");
    assert_eq!((flows[1].flow.backward.unwrap().bytes, flows[1].flow.outcome), (4666, Some(ContactOutcome::Answered)));
    assert_eq!(
        (ends(&flows[2]), flows[2].flow.outcome),
        ("6 10.0.0.5 50001 203.0.113.5 443".into(), Some(ContactOutcome::Unanswered))
    );
    assert_eq!(
        (ends(&flows[3]), flows[3].flow.outcome),
        ("6 1.1.1.1 63677 2.2.2.2 443".into(), Some(ContactOutcome::Refused))
    );
}

#[test]
fn events_have_both_sides() {
    let (flows, _) = read(&[
        "%NGIPS-1-430003: EventPriority: Low, FirstPacketSecond: 2020-02-04T08:45:34Z, ConnectionID: 34774, AccessControlRuleAction: <br/>Block with reset, SrcIP: 1.1.1.1, DstIP: 2.2.2.2, SrcPort: 13723, DstPort: 80, Protocol: tcp, ConnectionDuration: 3, InitiatorPackets: 1, ResponderPackets: 0, InitiatorBytes: 54, ResponderBytes: 0",
    ]);
    let flow = &flows[0].flow;
    assert_eq!(
        (ends(&flows[0]), flow.forward.bytes, flows[0].action),
        ("6 1.1.1.1 13723 2.2.2.2 80".into(), 54, Some(FirewallAction::Reset))
    );
    assert_eq!(
        (flow.start.rfc3339().as_str(), flow.end.since(flow.start)),
        ("2020-02-04T08:45:34.000000Z", 3_000_000_000)
    );
    assert_eq!(flow.outcome, Some(ContactOutcome::Refused));
}

#[test]
fn other_messages_are_counted() {
    let (_, counters) =
        read(&["%ASA-5-111008: User 'admin' executed the 'login' command.", "%ASA-6-302014: Teardown TCP"]);
    assert_eq!(counters.not_used.0.get("cisco 111008"), Some(&1));
    assert_eq!(counters.unreadable.0.get("line_cut"), Some(&1));
}
