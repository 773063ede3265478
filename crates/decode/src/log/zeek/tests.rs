//! Both spellings give the same, and damage is named.
#![allow(clippy::unwrap_used)]

use crate::log::{LogCounters, LogParser};
use record::{AppData, ContactOutcome, ExportedFlow, LogEntry, Severity, TcpFlags, Timestamp};

fn read(text: &str) -> (Vec<LogEntry>, LogCounters) {
    let (mut parser, mut out) = (LogParser::new(Timestamp(0)), Vec::new());
    text.lines().for_each(|line| parser.line(line.as_bytes(), false, &mut out));
    (out, parser.counters().clone())
}

fn only_flow(text: &str) -> ExportedFlow {
    match read(text).0.as_slice() {
        [LogEntry::Flow(logged)] => logged.flow.clone(),
        other => panic!("{other:?}"),
    }
}

const HEAD: &str = "#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n";

#[test]
fn columns_in_any_order_and_json_give_the_same_connection() {
    let tsv = format!(
        "{HEAD}#path\tconn\n#fields\tproto\tts\tid.resp_h\tid.resp_p\tid.orig_h\tid.orig_p\tservice\tduration\torig_bytes\tresp_bytes\tconn_state\thistory\torig_pkts\torig_ip_bytes\tresp_pkts\tresp_ip_bytes\n\
         tcp\t1772612130.250001\t203.0.113.11\t993\t192.0.2.11\t50471\timap\t1.5\t310\t620\tRSTR\tShADadr\t6\t634\t5\t892\n#close\tx\n"
    );
    let json = r#"{"ts":1772612130.250001,"uid":"Cown1","id.orig_h":"192.0.2.11","id.orig_p":50471,"id.resp_h":"203.0.113.11","id.resp_p":993,"proto":"tcp","service":"imap","duration":1.5,"orig_bytes":310,"resp_bytes":620,"conn_state":"RSTR","history":"ShADadr","orig_pkts":6,"orig_ip_bytes":634,"resp_pkts":5,"resp_ip_bytes":892}"#;
    let flow = only_flow(&tsv);
    assert_eq!(flow, only_flow(json));
    assert_eq!((flow.start.0, flow.end.0), (1_772_612_130_250_001_000, 1_772_612_131_750_001_000));
    assert_eq!((flow.src.port, flow.dest.port, flow.proto), (50471, 993, 6));
    let back = flow.backward.unwrap();
    assert_eq!((flow.forward.packets, flow.forward.bytes, back.packets, back.bytes), (6, 634, 5, 892));
    assert_eq!(back.tcp_flags, Some(TcpFlags(TcpFlags::SYN | TcpFlags::ACK | TcpFlags::RST)));
    assert_eq!((flow.outcome, flow.history.as_str()), (Some(ContactOutcome::Answered), "ShADadr"));
}

#[test]
fn states_say_how_the_opening_was_taken() {
    let outcome = |proto: &str, state: &str, back: u8| {
        let json = format!(
            r#"{{"ts":1.0,"id.orig_h":"10.0.0.1","id.orig_p":8,"id.resp_h":"10.0.0.2","id.resp_p":0,"proto":"{proto}","conn_state":"{state}","resp_pkts":{back}}}"#
        );
        only_flow(&json).outcome.unwrap()
    };
    assert_eq!(outcome("tcp", "S0", 0), ContactOutcome::Unanswered);
    assert_eq!(outcome("tcp", "REJ", 1), ContactOutcome::Refused);
    assert_eq!(outcome("tcp", "OTH", 1), ContactOutcome::Midstream);
    assert_eq!(outcome("udp", "SF", 1), ContactOutcome::Answered);
    assert_eq!(outcome("icmp", "OTH", 1), ContactOutcome::Answered);
    assert_eq!(outcome("icmp", "OTH", 0), ContactOutcome::Unanswered);
}

#[test]
fn a_dns_line_is_a_question_and_its_answer() {
    let (entries, counters) = read(
        r#"{"ts":1.5,"id.orig_h":"10.0.0.1","id.orig_p":5,"id.resp_h":"10.0.0.2","id.resp_p":53,"proto":"udp","trans_id":7,"rtt":0.25,"query":"A.Example","qtype_name":"TXT","rcode_name":"NOERROR","rejected":false,"answers":["x","y"],"TTLs":[30.0,20.0]}"#,
    );
    assert_eq!((entries.len(), counters.events, counters.used), (2, 2, 1));
    let [LogEntry::App(question), LogEntry::App(answer)] = entries.as_slice() else { panic!("{entries:?}") };
    let (AppData::Dns(asked), AppData::Dns(said)) = (&question.data, &answer.data) else { panic!("{entries:?}") };
    assert_eq!((asked.rrname.as_str(), asked.rrtype.as_str(), asked.response), ("a.example", "TXT", false));
    assert_eq!((said.answers.len(), said.ttl_s, said.response), (2, 20, true));
    assert_eq!(answer.ts.since(question.ts), 250_000_000);
    assert_ne!(question.from_low, answer.from_low);
}

#[test]
fn notices_are_alerts_and_other_logs_are_read_and_not_used() {
    let (entries, counters) = read(
        "{\"ts\":1.0,\"note\":\"Scan::Port_Scan\",\"msg\":\"m\",\"src\":\"10.0.0.9\"}\n{\"ts\":1.0,\"name\":\"bad\",\"peer\":\"zeek\"}\n",
    );
    let [LogEntry::Alert(alert)] = entries.as_slice() else { panic!("{entries:?}") };
    assert_eq!(
        (alert.product, alert.signature.as_str(), alert.severity),
        ("Zeek", "Scan::Port_Scan", Severity::Medium)
    );
    assert_eq!(alert.src.to_string(), "10.0.0.9");
    assert_eq!(counters.not_used.0.get("zeek other"), Some(&1));
}

#[test]
fn damage_is_named() {
    let reasons = |text: &str| read(text).1.unreadable.0.into_keys().collect::<Vec<_>>();
    let head = format!("{HEAD}#path\tconn\n#fields\tts\tid.orig_h\tid.resp_h\tproto\n");
    assert_eq!(reasons(&format!("{head}1.0\t10.0.0.1\n")), ["line_cut"]);
    assert_eq!(reasons(&format!("{head}1.0\t10.0.0.999\t10.0.0.1\ttcp\n")), ["address_invalid"]);
    assert_eq!(reasons(&format!("{head}x\t10.0.0.9\t10.0.0.1\ttcp\n")), ["time_invalid"]);
    assert_eq!(reasons("#separator \\x09\n1.0\t2\n"), ["head_missing"]);
    assert_eq!(reasons("{\"ts\":1.0,\"uid\":\n"), ["json_invalid"]);
    assert_eq!(reasons("{\"ts\":1.0,\"conn_state\":\"SF\"}\n"), ["address_missing"]);
}
