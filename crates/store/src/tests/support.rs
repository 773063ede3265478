//! Records with known contents.

use crate::query::FLOW_FIELDS;
use crate::{FlowWrite, ListQuery, Query, Sqlite, StoreConfig, TimeRange};
use record::{
    AppData, AppProto, AppSummary, DetectorScore, EndReason, Endpoint, Evidence, FlowKey, FlowRecord, HostRecord,
    Incident, IncidentStatus, IpAddr16, Kind, MacAddr, MemberScore, Severity, TcpState, Timestamp, TlsData, Verdict,
    Why,
};
use tempfile::TempDir;

pub(crate) const T0_S: i64 = 1_760_000_400;

pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_parts(T0_S + seconds, 0)
}

pub(crate) fn ip(text: &str) -> IpAddr16 {
    text.parse().unwrap()
}

pub(crate) fn open() -> (TempDir, Sqlite) {
    open_with(&StoreConfig { batch_ms: 5, ..StoreConfig::default() })
}

pub(crate) fn open_with(config: &StoreConfig) -> (TempDir, Sqlite) {
    let dir = tempfile::tempdir().unwrap();
    let store = Sqlite::open(dir.path(), config).unwrap();
    (dir, store)
}

/// Flow `n` ended `n` seconds after the beginning, from 10.0.x.y to 192.0.2.1:443.
pub(crate) fn flow(n: u64) -> FlowWrite {
    let src = Endpoint { addr: IpAddr16::v4([10, 0, (n >> 8) as u8, n as u8]), port: 40_000 + (n % 20_000) as u16 };
    let dest = Endpoint { addr: ip("192.0.2.1"), port: 443 };
    let (key, originator_low) = FlowKey::new(src, dest, 6);
    let mut record = FlowRecord {
        flow_id: 1_000 + n * 7_919 % 4_000_000_007,
        key,
        originator_low,
        start: at(n as i64).plus_ns(-1_500_000_123),
        end: at(n as i64),
        first_seen: at(n as i64).plus_ns(-9_000_000_000),
        report: 2,
        reason: EndReason::Fin,
        state: TcpState::Sf,
        subflows: 3,
        handshake_ns: 1_234_567,
        src_mac: MacAddr([2, 0, 0, 0, 0, 1]),
        ..FlowRecord::default()
    };
    for size in [0.0, 517.0, 1_460.0] {
        record.forward.payload.add(size);
        record.payload.add(size);
        record.forward.iat.add(size * 1e3 + 0.5);
    }
    record.forward.packets = 3;
    record.forward.bytes = 2_139 + n;
    record.forward.flags = [1, 1, 0, 1, 3, 0, 0, 0];
    record.forward.init_window = 64_240;
    (record.backward.packets, record.backward.bytes) = (2, 132);
    (record.backward.bulks, record.backward.bulk_bytes, record.backward.bulk_packets) = (1, 4_000, 4);
    b"ShADadFf".iter().for_each(|letter| record.history.push(*letter));
    let tls = TlsData { sni: format!("host{n}.example.org"), ..TlsData::default() };
    record.app = Some(Box::new(AppSummary { proto: AppProto::Tls, request: Some(AppData::Tls(tls)), response: None }));
    FlowWrite { record: Box::new(record), verdict: None, community_id: format!("1:id{n}="), in_iface: "eth0".into() }
}

pub(crate) fn verdict(flow_id: u64, score: f32, anomalous: bool) -> Verdict {
    let member = |name: &str, admitted| MemberScore { name: name.into(), score: 0.7, p_value: 1e-4, admitted };
    Verdict {
        flow_id,
        ts: at(0),
        score,
        p_value: 0.001,
        novelty_p_value: 1.0,
        known: None,
        anomalous,
        members: vec![member("isolation_forest", true), member("autoencoder", false)],
        why: vec![why()],
    }
}

pub(crate) fn why() -> Why {
    Why { feature: "duration_ms".into(), value: 9e6, expected: [0.0, 1.5], unit: "ms".into(), share: 0.6 }
}

pub(crate) fn incident(n: u64, kind: Kind, src: &str) -> Incident {
    Incident {
        id: format!("{n:016x}"),
        kind,
        title: format!("{src} did number {n}"),
        severity: Severity::High,
        score: 0.9,
        first_seen: at(n as i64),
        last_seen: at(n as i64 + 10),
        raised: at(n as i64 + 5).plus_ns(321),
        src: vec![ip(src)],
        dest: vec![ip("192.0.2.1"), ip("2001:db8::1")],
        dest_port: vec![22, 443],
        alerts: 3,
        attack: vec!["T1046".into()],
        status: IncidentStatus::Open,
        why: vec![why()],
        detectors: vec![DetectorScore { name: "port_scan".into(), score: 1.0, p_value: 1e-5 }],
        flows: vec![flow(n).record.flow_id],
        evidence: Evidence { pcap: false, packets: 0 },
        advice: "Look.".into(),
        over_budget: false,
        notes: Vec::new(),
        feedback: None,
        suppressed_by: None,
        domains: Vec::new(),
        part_of: None,
        timeline: Vec::new(),
    }
}

pub(crate) fn host(text: &str, n: i64) -> HostRecord {
    HostRecord {
        ip: ip(text),
        mac: Some(MacAddr([2, 0, 0, 0, 0, 9])),
        name: format!("name{n}"),
        home: true,
        first_seen: at(n),
        last_seen: at(n + 100),
        flows_out: 5,
        flows_in: 1,
        bytes_out: 1_000,
        bytes_in: 200,
        services: Vec::new(),
    }
}

pub(crate) fn list(filter: &str, fields: &'static [crate::Field], limit: u32) -> ListQuery {
    let filter = Query::parse(filter, fields).unwrap();
    ListQuery { filter, range: TimeRange::default(), limit, cursor: None }
}

pub(crate) fn flows(filter: &str) -> ListQuery {
    list(filter, FLOW_FIELDS, 500)
}
