//! Flows with both sides, the three versions of DNS, the mapped severity.
#![allow(clippy::unwrap_used)]

use crate::log::LogParser;
use record::{AppData, ContactOutcome, DnsData, EndReason, FirewallAction, LogEntry, Severity, TcpFlags, Timestamp};

const HEAD: &str = r#""timestamp":"2026-03-04T09:15:30.250001+0100","src_ip":"192.0.2.12","src_port":50481,"dest_ip":"192.0.2.99","dest_port":53"#;

fn read(rest: &str) -> Vec<LogEntry> {
    let (mut parser, mut out) = (LogParser::new(Timestamp(0)), Vec::new());
    parser.line(format!("{{{HEAD},{rest}}}").as_bytes(), false, &mut out);
    assert_eq!(parser.counters().unreadable.total(), 0, "{:?}", parser.counters());
    out
}

fn dns(rest: &str) -> (DnsData, bool) {
    match read(&format!(r#""proto":"UDP","event_type":"dns","dns":{{{rest}}}"#)).as_slice() {
        [LogEntry::App(event)] => match &event.data {
            AppData::Dns(data) => (data.clone(), event.from_low),
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_flow_has_both_sides() {
    let entries = read(
        r#""proto":"TCP","event_type":"flow","app_proto":"tls","flow":{"start":"2026-03-04T09:10:00+0100","end":"2026-03-04T09:10:01.5+0100","bytes_toserver":190,"bytes_toclient":70,"pkts_toserver":3,"pkts_toclient":1,"reason":"timeout","state":"closed"},"tcp":{"rst":true,"tcp_flags_ts":"06","tcp_flags_tc":"14"}"#,
    );
    let [LogEntry::Flow(logged)] = entries.as_slice() else { panic!("{entries:?}") };
    let flow = &logged.flow;
    assert_eq!(flow.end.since(flow.start), 1_500_000_000);
    assert_eq!((flow.forward.packets, flow.forward.bytes), (3, 190));
    let back = flow.backward.unwrap();
    assert_eq!((back.packets, back.bytes, back.tcp_flags), (1, 70, Some(TcpFlags(0x14))));
    assert_eq!((flow.reason, flow.outcome, flow.originator_known), (Some(EndReason::Rst), None, true));
    assert_eq!(flow.reported.rfc3339(), "2026-03-04T08:15:30.250001Z");
}

#[test]
fn a_half_waits_for_the_other_and_udp_tells_its_answer() {
    let half = read(
        r#""proto":"UDP","event_type":"netflow","netflow":{"pkts":3,"bytes":300,"start":"2026-03-04T09:10:00+0100"}"#,
    );
    let [LogEntry::Flow(logged)] = half.as_slice() else { panic!("{half:?}") };
    assert_eq!((logged.flow.backward, logged.flow.originator_known), (None, false));
    let whole = read(r#""proto":"UDP","event_type":"flow","flow":{"bytes_toserver":60,"pkts_toserver":1}"#);
    let [LogEntry::Flow(logged)] = whole.as_slice() else { panic!("{whole:?}") };
    assert_eq!(logged.flow.outcome, Some(ContactOutcome::Unanswered));
}

#[test]
fn three_versions_of_dns() {
    let (query, from_low) = dns(r#""type":"query","id":2,"rrname":"A.example","rrtype":"A""#);
    assert_eq!((query.response, query.rrname.as_str(), query.id, from_low), (false, "a.example", 2, true));
    let (first, from_low) = dns(
        r#""type":"answer","id":2,"rcode":"NOERROR","rrname":"a.example","rrtype":"A","ttl":9,"rdata":"192.0.2.77""#,
    );
    assert_eq!((first.response, first.ttl_s, first.answers, from_low), (true, 9, vec!["192.0.2.77".into()], false));
    let (second, _) = dns(
        r#""version":2,"type":"answer","rcode":"NXDOMAIN","rrname":"b.example","rrtype":"A","grouped":{"A":["192.0.2.78","192.0.2.79"]}"#,
    );
    assert_eq!((second.rcode.as_str(), second.answers.len()), ("NXDOMAIN", 2));
    let (third, _) = dns(
        r#""version":3,"type":"response","rcode":"NOERROR","queries":[{"rrname":"c.example","rrtype":"TXT"}],"answers":[{"rrname":"c.example","rrtype":"TXT","ttl":5,"rdata":"x"}]"#,
    );
    assert_eq!(
        (third.response, third.rrname.as_str(), third.rrtype.as_str(), third.ttl_s),
        (true, "c.example", "TXT", 5)
    );
    let (request, _) = dns(r#""version":3,"type":"request","queries":[{"rrname":"c.example","rrtype":"TXT"}]"#);
    assert_eq!((request.response, request.rrname.as_str()), (false, "c.example"));
}

#[test]
fn severity_is_mapped_and_the_word_kept() {
    let alert = |level: u8, more: &str| {
        let text = format!(
            r#""proto":"TCP","event_type":"alert","alert":{{"action":"blocked","signature_id":9000017,"signature":"LAB X","category":"Potentially Bad Traffic","severity":{level}{more}}}"#
        );
        match read(&text).as_slice() {
            [LogEntry::Alert(alert)] => (**alert).clone(),
            other => panic!("{other:?}"),
        }
    };
    let two = alert(2, "");
    assert_eq!(
        (two.severity, two.severity_said.as_str(), two.signature_id),
        (Severity::Medium, "severity 2", 9_000_017)
    );
    assert_eq!((two.action, two.product), (Some(FirewallAction::Blocked), "Suricata"));
    assert_eq!(
        (alert(1, "").severity, alert(3, "").severity, alert(255, "").severity),
        (Severity::High, Severity::Low, Severity::Low)
    );
    assert_eq!(alert(1, r#","metadata":{"signature_severity":["Critical"]}"#).severity, Severity::Critical);
}
