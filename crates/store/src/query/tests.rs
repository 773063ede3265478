//! The filter language without a database.
#![allow(clippy::unwrap_used)]

use super::*;
use record::{PacketSummary, Timestamp};

fn packet() -> PacketSummary {
    PacketSummary {
        id: 1,
        timestamp: Timestamp(0),
        src: "10.1.2.3".into(),
        dest: "2001:db8::9".into(),
        src_ip: Some("10.1.2.3".parse().unwrap()),
        dest_ip: Some("2001:db8::9".parse().unwrap()),
        src_port: 50_000,
        dest_port: 443,
        protocol: "TLSv1.3".into(),
        length: 583,
        info: "Client Hello (SNI=example.org)".into(),
        score: None,
    }
}

fn passes(filter: &str) -> bool {
    packet_matches(&Query::parse(filter, PACKET_FIELDS).unwrap(), &packet())
}

#[test]
fn tokens_select_and_exclude() {
    for yes in [
        "",
        "src_ip:10.0.0.0/8",
        "ip:2001:db8::/32",
        "-src_ip:192.0.2.0/24",
        "dest_port:443",
        "length:>=583",
        "length:<584 length:>582",
        "protocol:tls*",
        "protocol:*1.3",
        "protocol:t*v*3",
        "hello",
        "10.1.2.3",
        "2001:db8::9",
        "info:\"client hello*\"",
        "-score:>0.5",
        "port:50000",
        "src:*",
    ] {
        assert!(passes(yes), "{yes}");
    }
    for no in [
        "src_ip:192.0.2.0/24",
        "-ip:10.1.2.3",
        "dest_port:80",
        "length:<583",
        "protocol:tls",
        "-hello",
        "score:*",
        "10.9.9.9",
        "protocol:*2",
        "score:<0.5",
    ] {
        assert!(!passes(no), "{no}");
    }
}

#[test]
fn mistakes_are_named() {
    let error = |text: &str| Query::parse(text, FLOW_FIELDS).unwrap_err().to_string();
    let unknown = error("colour:red");
    assert!(unknown.contains("unknown field `colour`") && unknown.contains("src_ip, dest_ip"), "{unknown}");
    assert!(error("src_ip:10.0.0.0/33").contains("network such as"));
    assert!(error("bytes:many").contains("a number"));
    assert!(error("anomalous:maybe").contains("true or false"));
    assert!(error("host_name:\"a b").contains("quotation"));
    assert!(error(&"a ".repeat(65)).contains("too long"));
    assert!(Query::parse("severity:huge", INCIDENT_FIELDS).unwrap_err().to_string().contains("low, medium"));
}

#[test]
fn networks_are_ranges() {
    let range = |text: &str| addresses(text).map(|(a, b)| format!("{a} {b}"));
    assert_eq!(range("10.1.2.3/8").as_deref(), Some("10.0.0.0 10.255.255.255"));
    assert_eq!(range("0.0.0.0/0").as_deref(), Some("0.0.0.0 255.255.255.255"));
    assert_eq!(range("::/0").as_deref(), Some(":: ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"));
    assert_eq!(range("fe80::1").as_deref(), Some("fe80::1 fe80::1"));
    assert_eq!(range("10.0.0.0/x"), None);
}
