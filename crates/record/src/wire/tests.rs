//! Records survive the way; the schema for other programs says what the messages are.

use super::message::{Alert as AlertMessage, Flow, Member, Second, Verdict as VerdictMessage};
use super::*;
use crate::*;
use prost::Message;
use std::collections::BTreeSet;
use std::sync::Arc;

fn moments(seed: f64) -> Moments {
    let mut moments = Moments::default();
    for value in [seed, seed * 3.5, seed + 0.125] {
        moments.add(value);
    }
    moments
}

fn side(seed: u64) -> DirectionStats {
    DirectionStats {
        packets: seed + 1,
        bytes: seed + 2,
        ip_bytes: seed + 3,
        payload: moments(seed as f64),
        iat: moments(seed as f64 / 7.0),
        header_bytes: seed + 4,
        packets_with_payload: seed + 5,
        segment_size_min: seed as u16,
        init_window: seed as u16 + 1,
        flags: [1, 2, 3, 4, 5, 6, 7, seed as u32],
        retransmissions: seed as u32 + 6,
        missed_bytes: seed + 7,
        bulk_bytes: seed + 8,
        bulk_packets: seed + 9,
        bulks: seed as u32 + 10,
        bulk_duration_ns: seed + 11,
    }
}

/// A record in which no field has its default, and no two the same value.
fn full() -> FlowRecord {
    let end = |address: &str, port| Endpoint { addr: address.parse().unwrap_or_default(), port };
    let (key, originator_low) = FlowKey::new(end("2001:db8::7", 50_123), end("192.0.2.9", 853), 6);
    let mut history = HistoryText::default();
    b"ShADadFf".iter().for_each(|letter| history.push(*letter));
    let dns = |response| AppData::Dns(DnsData { rrname: "é.example".into(), response, ..DnsData::default() });
    FlowRecord {
        flow_id: (1 << 53) - 1,
        key,
        originator_low,
        start: Timestamp(1_700_000_000_123_456_789),
        end: Timestamp(1_700_000_009_987_654_321),
        first_seen: Timestamp(1_699_999_999_000_000_001),
        report: 3,
        forward: side(100),
        backward: side(200),
        payload: moments(0.1),
        iat: moments(1e12),
        active: moments(5.5),
        idle: moments(7.75),
        subflows: 4,
        reason: EndReason::Evicted,
        state: TcpState::Rstos0,
        history,
        tcp_flags_forward: TcpFlags(0x1b),
        tcp_flags_backward: TcpFlags(0x12),
        icmp_type: 8,
        icmp_code: 9,
        handshake_ns: 1_234_567,
        vlan: 4_094,
        interface: 11,
        tunnel: Tunnel::IpInIp,
        origin: FlowOrigin::Export { exporter: IpAddr16::v4([10, 0, 0, 1]), sampling: 512 },
        src_mac: MacAddr([2, 0, 0, 0, 0, 1]),
        dest_mac: MacAddr([2, 0, 0, 0, 0, 2]),
        app: Some(Box::new(AppSummary { proto: AppProto::Mdns, request: Some(dns(false)), response: Some(dns(true)) })),
        process: Some(Arc::new(Process { pid: 77, name: "named".into(), exe: "/usr/sbin/named".into() })),
    }
}

fn through(record: &FlowRecord) -> FlowRecord {
    let bytes = Flow::of(record, "eth0").encode_to_vec();
    let flow = Flow::decode(&bytes[..]).unwrap_or_default();
    assert_eq!(flow.in_iface, "eth0");
    flow.into_record()
}

#[test]
fn a_flow_record_survives_the_way_to_the_last_bit() {
    let record = full();
    assert_eq!(format!("{:?}", through(&record)), format!("{record:?}"));
    // Of two equal ends either is the lower.
    let nothing = FlowRecord { originator_low: true, ..FlowRecord::default() };
    assert_eq!(format!("{:?}", through(&nothing)), format!("{nothing:?}"));
    let origins = [FlowOrigin::Packets, FlowOrigin::Log];
    let tunnels = [Tunnel::None, Tunnel::Gre, Tunnel::Vxlan, Tunnel::GtpU, Tunnel::Teredo, Tunnel::Geneve];
    for (origin, tunnel) in origins.into_iter().cycle().zip(tunnels) {
        let record = FlowRecord { tunnel, origin, ..full() };
        assert_eq!(format!("{:?}", through(&record)), format!("{record:?}"));
    }
}

#[test]
fn a_verdict_survives_the_way_and_none_stays_none() {
    let member = MemberScore { name: "loda".into(), score: 1.5, p_value: 0.25, admitted: true };
    let why = Why { feature: "bytes".into(), value: 7.0, expected: [1.0, 2.0], unit: "bytes".into(), share: 0.5 };
    let verdict = Verdict {
        flow_id: 9,
        ts: Timestamp(4),
        score: 0.875,
        p_value: 1e-9,
        novelty_p_value: 1e-7,
        known: Some(KnownAttack { kind: "dos".into(), probability: 0.75, p_value: 0.001 }),
        anomalous: true,
        members: vec![member.clone()],
        why: vec![why],
    };
    let bytes = VerdictMessage::of(Some(&verdict)).encode_to_vec();
    let back = VerdictMessage::decode(&bytes[..]).unwrap_or_default().into_verdict();
    assert_eq!(format!("{back:?}"), format!("{:?}", Some(verdict)));
    assert!(VerdictMessage::of(None).into_verdict().is_none());
    assert_eq!(format!("{:?}", Member::of(&member).into_score()), format!("{member:?}"));
}

#[test]
fn an_alert_survives_the_way_and_its_names_are_bounded() {
    let alert = Alert {
        ts: Timestamp(20),
        first_seen: Timestamp(10),
        kind: Kind::LateralMovement,
        detector: "lateral_movement",
        src: vec![IpAddr16::v4([10, 0, 0, 5])],
        dest: vec![IpAddr16::v4([10, 0, 0, 6]), IpAddr16::default()],
        dest_port: vec![445, 65_535],
        score: 0.5,
        severity: Severity::Critical,
        title: "a title".into(),
        why: Vec::new(),
        detectors: vec![DetectorScore { name: "x".into(), score: 2.0, p_value: 0.01 }],
        flows: vec![1, 1 << 52],
        packets: 12,
        story: "a story".into(),
        attack: vec!["T1021.002"],
    };
    let mut names = Names::default();
    let back = AlertMessage::of(&alert).into_alert(&mut names);
    assert_eq!(format!("{back:?}"), format!("{alert:?}"));
    (0..5_000).for_each(|n| assert!(names.of(&format!("made up {n}")).len() < 64));
    assert_eq!(names.of("made up 4999"), "other", "no flood of names grows the process");
    assert_eq!(names.of("lateral_movement"), "lateral_movement");
    let odd = AlertMessage { kind: "of tomorrow".into(), severity: "odd".into(), ..AlertMessage::default() };
    let odd = odd.into_alert(&mut names);
    assert_eq!((odd.kind, odd.severity), (Kind::Custom, Severity::Medium));
}

#[test]
fn a_second_keeps_what_is_charted() {
    let second = InterfaceSecond {
        ts: Timestamp(7),
        interface: 3,
        packets: [1, 2, 3, 4, 5, 6],
        bytes: [6, 5, 4, 3, 2, 1],
        packets_out: 8,
        packets_in: 9,
        bytes_out: 10,
        bytes_in: 11,
        tcp_syn: 12,
        flows_new: 13,
        ..InterfaceSecond::default()
    };
    let bytes = Second::of(&second).encode_to_vec();
    let back = Second::decode(&bytes[..]).unwrap_or_default().into_second();
    assert_eq!(format!("{back:?}"), format!("{second:?}"));
}

#[test]
fn newer_schemas_are_refused_and_unknown_fields_pass_through() {
    let batch = FlowBatch { schema: SCHEMA, sensor: "a".into(), ..FlowBatch::default() };
    assert_eq!(FlowBatch::read(&batch.encode_to_vec()), Ok(batch.clone()));
    let newer = FlowBatch { schema: SCHEMA + 1, ..batch.clone() }.encode_to_vec();
    assert_eq!(FlowBatch::read(&newer), Err(WireError::Newer(SCHEMA + 1)));
    assert_eq!(FlowBatch::read(&[0xff; 9]), Err(WireError::Damaged));
    assert_eq!(FlowBatch::read(&[]), Err(WireError::Damaged), "an empty message says no schema");
    // Field 200 of a later version, a text: read over here, and handed on whole inside a judged batch.
    let mut extended = batch.encode_to_vec();
    extended.extend_from_slice(&[0xc2, 0x0c, 2, b'h', b'i']);
    assert_eq!(FlowBatch::read(&extended), Ok(batch));
    let judged = JudgedBatch { schema: SCHEMA, batch: extended.clone(), ..JudgedBatch::default() };
    assert_eq!(JudgedBatch::read(&judged.encode_to_vec()).map(|judged| judged.batch), Ok(extended));
}

/// `(message, field, number, type, repeated)` of every field, from the Rust texts.
fn rust_fields() -> BTreeSet<(String, String, u32, String, bool)> {
    let (mut fields, mut message, mut about) = (BTreeSet::new(), String::new(), None);
    for line in include_str!("message.rs").lines().map(str::trim) {
        if let Some(name) = line.strip_prefix("pub struct ") {
            message = name.trim_end_matches(" {").to_owned();
        } else if let Some(rest) = line.strip_prefix("#[prost(") {
            about = Some(rest.trim_end_matches(")]").to_owned());
        } else if let (Some(words), Some(rest)) = (about.take(), line.strip_prefix("pub ")) {
            let (name, kind) = rest.split_once(": ").unwrap_or_default();
            let number = words.rsplit('"').nth(1).and_then(|n| n.parse().ok()).unwrap_or(0);
            let first = words.split([',', ' ']).next().unwrap_or_default();
            let inner = kind.trim_end_matches([',', '>']).rsplit('<').next().unwrap_or_default();
            let kind = if first == "message" { inner } else { first };
            fields.insert((message.clone(), name.into(), number, kind.into(), words.contains("repeated")));
        }
    }
    fields
}

/// The same from the schema for other programs.
fn proto_fields() -> BTreeSet<(String, String, u32, String, bool)> {
    let (mut fields, mut message) = (BTreeSet::new(), String::new());
    for line in include_str!("tripline.proto").lines().map(str::trim).filter(|line| !line.starts_with("//")) {
        if let Some(name) = line.strip_prefix("message ") {
            message = name.trim_end_matches(" {").to_owned();
        } else if let Some((head, number)) = line.trim_end_matches(';').split_once(" = ")
            && !message.is_empty()
        {
            let words: Vec<&str> = head.split(' ').collect();
            let [.., kind, name] = &words[..] else { continue };
            let number = number.parse().unwrap_or(0);
            fields.insert((message.clone(), (*name).into(), number, (*kind).into(), words[0] == "repeated"));
        }
    }
    fields
}

#[test]
fn the_schema_for_other_programs_is_that_of_the_messages() {
    let (rust, proto) = (rust_fields(), proto_fields());
    assert!(rust.len() > 150, "{} fields read from the Rust texts", rust.len());
    assert_eq!(
        rust.symmetric_difference(&proto).collect::<Vec<_>>(),
        Vec::<&(String, String, u32, String, bool)>::new()
    );
    let numbers: BTreeSet<_> = rust.iter().map(|(message, _, number, ..)| (message, number)).collect();
    assert_eq!(numbers.len(), rust.len(), "a number is used once in a message");
}
