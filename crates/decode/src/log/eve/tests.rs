//! Flows with both sides, the three versions of DNS, the mapped severity.
#![allow(clippy::unwrap_used)]

use crate::log::LogParser;
use record::{AppData, ContactOutcome, DnsData, EndReason, FirewallAction, LogEntry, Severity, TcpFlags, Timestamp};

const HEAD: &str = r#""timestamp":"2021-06-06T15:57:37.272281+0200","src_ip":"192.168.1.2","src_port":1900,"dest_ip":"192.168.1.9","dest_port":53"#;

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
        r#""proto":"TCP","event_type":"flow","app_proto":"tls","flow":{"pkts_toserver":2,"pkts_toclient":1,"bytes_toserver":108,"bytes_toclient":54,"start":"2021-06-06T15:50:00+0200","end":"2021-06-06T15:50:01.5+0200","state":"closed","reason":"timeout"},"tcp":{"tcp_flags_ts":"06","tcp_flags_tc":"14","rst":true}"#,
    );
    let [LogEntry::Flow(logged)] = entries.as_slice() else { panic!("{entries:?}") };
    let flow = &logged.flow;
    assert_eq!(flow.end.since(flow.start), 1_500_000_000);
    assert_eq!((flow.forward.packets, flow.forward.bytes), (2, 108));
    let back = flow.backward.unwrap();
    assert_eq!((back.packets, back.bytes, back.tcp_flags), (1, 54, Some(TcpFlags(0x14))));
    assert_eq!((flow.reason, flow.outcome, flow.originator_known), (Some(EndReason::Rst), None, true));
    assert_eq!(flow.reported.rfc3339(), "2021-06-06T13:57:37.272281Z");
}

#[test]
fn a_half_waits_for_the_other_and_udp_tells_its_answer() {
    let half = read(
        r#""proto":"UDP","event_type":"netflow","netflow":{"pkts":3,"bytes":300,"start":"2021-06-06T15:50:00+0200"}"#,
    );
    let [LogEntry::Flow(logged)] = half.as_slice() else { panic!("{half:?}") };
    assert_eq!((logged.flow.backward, logged.flow.originator_known), (None, false));
    let whole = read(r#""proto":"UDP","event_type":"flow","flow":{"pkts_toserver":1,"bytes_toserver":60}"#);
    let [LogEntry::Flow(logged)] = whole.as_slice() else { panic!("{whole:?}") };
    assert_eq!(logged.flow.outcome, Some(ContactOutcome::Unanswered));
}

#[test]
fn three_versions_of_dns() {
    let (query, from_low) = dns(r#""type":"query","id":2,"rrname":"A.example","rrtype":"A""#);
    assert_eq!((query.response, query.rrname.as_str(), query.id, from_low), (false, "a.example", 2, true));
    let (first, from_low) =
        dns(r#""type":"answer","id":2,"rcode":"NOERROR","rrname":"a.example","rrtype":"A","ttl":9,"rdata":"1.2.3.4""#);
    assert_eq!((first.response, first.ttl_s, first.answers, from_low), (true, 9, vec!["1.2.3.4".into()], false));
    let (second, _) = dns(
        r#""version":2,"type":"answer","rcode":"NXDOMAIN","rrname":"b.example","rrtype":"A","grouped":{"A":["1.1.1.1","2.2.2.2"]}"#,
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
            r#""proto":"TCP","event_type":"alert","alert":{{"action":"blocked","signature_id":2403388,"signature":"ET X","category":"Misc Attack","severity":{level}{more}}}"#
        );
        match read(&text).as_slice() {
            [LogEntry::Alert(alert)] => (**alert).clone(),
            other => panic!("{other:?}"),
        }
    };
    let two = alert(2, "");
    assert_eq!(
        (two.severity, two.severity_said.as_str(), two.signature_id),
        (Severity::Medium, "severity 2", 2_403_388)
    );
    assert_eq!((two.action, two.product), (Some(FirewallAction::Blocked), "Suricata"));
    assert_eq!(
        (alert(1, "").severity, alert(3, "").severity, alert(255, "").severity),
        (Severity::High, Severity::Low, Severity::Low)
    );
    assert_eq!(alert(1, r#","metadata":{"signature_severity":["Critical"]}"#).severity, Severity::Critical);
}
