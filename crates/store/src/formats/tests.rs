//! The contract of every format, and the details of each.
#![allow(clippy::unwrap_used)]

use super::{FORMATS, FormatContext, csv, flow_format, statistics, zeek};
use record::{
    AppData, AppProto, AppSummary, DirectionStats, DnsData, EndReason, Endpoint, FlowKey, FlowRecord, HistoryText,
    MacAddr, Moments, TcpFlags, TcpState, Timestamp, Tunnel,
};
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::Write as _;

fn context() -> FormatContext {
    FormatContext { community_id: |flow| format!("1:{}=", flow.flow_id), interfaces: vec!["eth0".to_owned()] }
}

fn moments(values: &[f64]) -> Moments {
    let mut all = Moments::default();
    for value in values {
        all.add(*value);
    }
    all
}

/// A TCP connection of 2.5 s with numbers that are easy to find again.
fn connection() -> FlowRecord {
    let end = |addr: &str, port| Endpoint { addr: addr.parse().unwrap(), port };
    let (key, originator_low) = FlowKey::new(end("192.0.2.7", 40_000), end("192.0.2.1", 443), 6);
    let start = Timestamp(1_700_000_000_123_456_789);
    let mut history = HistoryText::default();
    b"ShADdFf".iter().for_each(|letter| history.push(*letter));
    let side = |packets: u64, payload: &[f64], iat: &[f64]| DirectionStats {
        packets,
        bytes: packets * 100,
        ip_bytes: packets * 80,
        payload: moments(payload),
        iat: moments(iat),
        header_bytes: packets * 40,
        flags: [1, 1, 0, 2, 3, 0, 0, 0],
        bulks: 1,
        bulk_bytes: 400,
        bulk_packets: 4,
        bulk_duration_ns: 500_000_000,
        init_window: 64_240,
        segment_size_min: 20,
        ..DirectionStats::default()
    };
    FlowRecord {
        flow_id: 4_503_599_627_370_497,
        key,
        originator_low,
        start,
        end: start.plus_ns(2_500_000_000),
        first_seen: start,
        forward: side(3, &[0.0, 0.0, 300.0], &[1e9, 1.5e9]),
        backward: side(2, &[0.0, 700.0], &[1e9]),
        payload: moments(&[0.0, 0.0, 300.0, 0.0, 700.0]),
        iat: moments(&[5e8, 5e8, 5e8, 1e9]),
        subflows: 2,
        reason: EndReason::Fin,
        state: TcpState::Sf,
        history,
        tcp_flags_forward: TcpFlags(0x1b),
        tcp_flags_backward: TcpFlags(0x12),
        src_mac: MacAddr([2, 0, 0, 0, 0, 7]),
        dest_mac: MacAddr([2, 0, 0, 0, 0, 1]),
        vlan: 12,
        app: Some(Box::new(AppSummary {
            proto: AppProto::Tls,
            request: Some(AppData::Dns(DnsData { rrname: "a\"b,c\td".to_owned(), ..DnsData::default() })),
            response: None,
        })),
        ..FlowRecord::default()
    }
}

/// Records with nothing in them, with extremes, and of other protocols.
fn records() -> Vec<FlowRecord> {
    let mut extreme = connection();
    extreme.forward.payload = Moments { count: 1, sum: f64::MAX, sum_squares: f64::INFINITY, min: f64::NAN, max: 1.0 };
    extreme.payload = extreme.forward.payload;
    (extreme.iat, extreme.end) = (Moments { count: 3, sum: f64::NAN, ..Moments::default() }, extreme.start);
    let end = |addr: &str| Endpoint { addr: addr.parse().unwrap(), port: 0 };
    let (key, originator_low) = FlowKey::new(end("2001:db8::7"), end("2001:db8::1"), 58);
    let icmp = FlowRecord { key, originator_low, icmp_type: 128, interface: 9, tunnel: Tunnel::Gre, ..connection() };
    vec![FlowRecord::default(), connection(), extreme, icmp]
}

fn bytes_of(format: &str, records: &[FlowRecord]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut writer = flow_format(format).unwrap().open(Box::new(&mut out), context()).unwrap();
    for flow in records {
        writer.write(flow).unwrap();
    }
    writer.finish().unwrap();
    drop(writer);
    out
}

fn written(format: &str, records: &[FlowRecord]) -> String {
    String::from_utf8(bytes_of(format, records)).unwrap()
}

#[test]
fn every_format_keeps_the_contract() {
    let mut names: Vec<&str> = FORMATS.iter().map(|f| f.name()).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), FORMATS.len());
    assert!(flow_format("yaml").is_none());
    for format in FORMATS {
        assert_eq!(bytes_of(format.name(), &records()), bytes_of(format.name(), &records()), "{}", format.name());
        assert!(!format.about().is_empty());
    }
    for format in FORMATS.iter().filter(|f| f.is_text()) {
        let (none, all) = (written(format.name(), &[]), written(format.name(), &records()));
        assert!(all.starts_with(&none) && all.ends_with('\n'), "{}", format.name());
        assert_eq!(all.lines().count() - none.lines().count(), records().len(), "{}", format.name());
        for word in all.split([',', '\t', ':', ' ', '}', '\n']) {
            let word = word.trim_matches('"').to_lowercase();
            assert!(!["nan", "inf", "-inf", "infinity"].contains(&word.as_str()), "{}: {all}", format.name());
        }
    }
}

/// The first record's values by column.
fn columns(header: &[&str], text: &str, separator: char) -> BTreeMap<String, String> {
    let line = text.lines().find(|l| !l.starts_with('#') && !l.starts_with("Flow ID")).unwrap();
    let values: Vec<&str> = line.split(separator).collect();
    assert_eq!(values.len(), header.len());
    header.iter().map(|h| (*h).to_owned()).zip(values.into_iter().map(str::to_owned)).collect()
}

#[test]
fn csv_has_cicflowmeters_columns() {
    for line in written("csv", &records()).lines() {
        assert_eq!(line.split(',').count(), 84, "{line}");
    }
    let row = columns(&csv::COLUMNS, &written("csv", &[connection()]), ',');
    for (name, value) in [
        ("Flow ID", "192.0.2.7-192.0.2.1-40000-443-6"),
        ("Timestamp", "2023-11-14 22:13:20.123456"),
        ("Flow Duration", "2500000"),
        ("Total Fwd Packet", "3"),
        ("Total Length of Bwd Packet", "700"),
        ("Fwd Packet Length Max", "300"),
        ("Fwd Packet Length Mean", "100"),
        ("Flow Bytes/s", "400"),
        ("Flow Packets/s", "2"),
        ("Flow IAT Mean", "625000"),
        ("Fwd IAT Total", "2500000"),
        ("Bwd IAT Min", "1000000"),
        ("Fwd PSH Flags", "2"),
        ("PSH Flag Count", "4"),
        ("ACK Flag Count", "6"),
        ("CWR Flag Count", "0"),
        ("Subflow Fwd Packets", "1.5"),
        ("Subflow Bwd Bytes", "350"),
        ("Fwd Bytes/Bulk Avg", "400"),
        ("Fwd Bulk Rate Avg", "800"),
        ("FWD Init Win Bytes", "64240"),
        ("Idle Min", "0"),
        ("Label", "NeedManualLabel"),
    ] {
        assert_eq!(row[name], value, "{name}");
    }
}

#[test]
fn zeek_has_conn_logs_fields() {
    let names: Vec<&str> = zeek::FIELDS.iter().map(|(name, _)| *name).collect();
    let text = written("zeek", &[connection()]);
    assert!(text.starts_with("#separator \\x09\n#set_separator\t,\n"));
    assert!(text.contains(&format!("\n#fields\t{}\n#types\ttime\tstring\t", names.join("\t"))));
    let row = columns(&names, &text, '\t');
    for (name, value) in [
        ("ts", "1700000000.123456"),
        ("id.orig_h", "192.0.2.7"),
        ("id.resp_p", "443"),
        ("proto", "tcp"),
        ("service", "ssl"),
        ("duration", "2.500000"),
        ("orig_bytes", "300"),
        ("resp_ip_bytes", "160"),
        ("conn_state", "SF"),
        ("history", "ShADdFf"),
        ("tunnel_parents", "-"),
        ("ip_proto", "6"),
        ("community_id", "1:4503599627370497="),
    ] {
        assert_eq!(row[name], value, "{name}");
    }
    let icmp = columns(&names, &written("zeek", &records()[3..]), '\t');
    assert_eq!((icmp["proto"].as_str(), icmp["id.orig_p"].as_str()), ("icmp", "128"));
}

#[test]
fn eve_has_suricatas_names_and_types() {
    let event: Value = serde_json::from_str(&written("eve", &[connection()])).unwrap();
    assert_eq!(event["event_type"], "flow");
    assert_eq!(event["timestamp"], "2023-11-14T22:13:22.623456+0000");
    assert_eq!(event["flow_id"], 4_503_599_627_370_497_u64);
    assert_eq!(
        (&event["src_port"], &event["proto"], &event["app_proto"]),
        (&40_000.into(), &"TCP".into(), &"tls".into())
    );
    assert_eq!(event["flow"]["pkts_toserver"], 3);
    assert_eq!(event["flow"]["bytes_toclient"], 200);
    assert_eq!((&event["flow"]["age"], &event["flow"]["state"]), (&2.into(), &"closed".into()));
    assert_eq!((&event["tcp"]["tcp_flags"], &event["tcp"]["tcp_flags_tc"]), (&"1b".into(), &"12".into()));
    assert_eq!((&event["tcp"]["syn"], &event["tcp"]["rst"]), (&true.into(), &Value::Null));
    assert_eq!((&event["vlan"][0], &event["in_iface"]), (&12.into(), &"eth0".into()));
    let icmp: Value = serde_json::from_str(&written("eve", &records()[3..])).unwrap();
    assert_eq!((&icmp["proto"], &icmp["icmp_type"]), (&"IPv6-ICMP".into(), &128.into()));
    assert!(icmp.get("src_port").is_none() && icmp.get("tcp").is_none() && icmp.get("in_iface").is_none());
}

#[test]
fn json_names_every_statistic_with_its_unit() {
    for line in written("json", &records()).lines() {
        let flow: Value = serde_json::from_str(line).unwrap();
        assert!(flow["statistics"]["both"]["iat_mean_ms"].is_number());
    }
    let flow: Value = serde_json::from_str(&written("json", &[connection()])).unwrap();
    assert_eq!((&flow["src_ip"], &flow["duration_ms"]), (&"192.0.2.7".into(), &2_500.0.into()));
    assert_eq!(flow["statistics"]["forward"]["payload_max_bytes"], 300.0);
    assert_eq!(flow["app"]["rrname"], "a\"b,c\td");
    let all = statistics(&connection());
    assert_eq!((all.forward.len(), all.backward.len(), all.both.len()), (31, 31, 30));
    assert_eq!(all.both["iat_mean_ms"], 625.0);
}

/// A Parquet file's rows as JSON, read by the crate's own reader, with the number of row groups.
fn parquet_rows(bytes: &[u8]) -> (Vec<Value>, usize) {
    use ::parquet::file::reader::{FileReader, SerializedFileReader};
    use ::parquet::record::Field;
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    let reader = SerializedFileReader::new(file).unwrap();
    let value = |field: &Field| match field {
        Field::Null => Value::Null,
        Field::UByte(n) => (*n).into(),
        Field::UShort(n) => (*n).into(),
        Field::UInt(n) => (*n).into(),
        Field::ULong(n) => (*n).into(),
        Field::Double(n) => (*n).into(),
        Field::Str(text) => text.as_str().into(),
        // Json columns come as bytes.
        Field::Bytes(text) => String::from_utf8(text.data().to_vec()).unwrap().into(),
        Field::TimestampMicros(us) => Timestamp(us * 1_000).rfc3339().into(),
        other => panic!("no column has this type: {other:?}"),
    };
    let row = |row: ::parquet::record::Row| row.get_column_iter().map(|(n, f)| (n.clone(), value(f))).collect();
    let rows = reader.get_row_iter(None).unwrap().map(|r| row(r.unwrap())).collect();
    (rows, reader.metadata().num_row_groups())
}

#[test]
fn parquet_has_jsons_columns_and_values() {
    let (rows, groups) = parquet_rows(&bytes_of("parquet", &records()));
    assert_eq!((rows.len(), groups), (4, 1));
    for (row, line) in rows.iter().zip(written("json", &records()).lines()) {
        let mut json: Value = serde_json::from_str(line).unwrap();
        let statistics = json.as_object_mut().unwrap().remove("statistics").unwrap();
        let mut names = json.as_object().unwrap().len();
        for (name, value) in json.as_object().unwrap() {
            if name.starts_with("app") && row[name].is_string() && value.is_object() {
                assert_eq!(&serde_json::from_str::<Value>(row[name].as_str().unwrap()).unwrap(), value, "{name}");
            } else {
                assert_eq!(&row[name], value, "{name}");
            }
        }
        for (side, values) in statistics.as_object().unwrap() {
            for (name, value) in values.as_object().unwrap() {
                assert_eq!(row[format!("{side}_{name}")].as_f64(), value.as_f64(), "{side}_{name}");
                names += 1;
            }
        }
        assert_eq!(row.as_object().unwrap().len(), names);
    }
}

#[test]
fn parquet_writes_a_group_as_soon_as_it_is_full() {
    assert_eq!(parquet_rows(&bytes_of("parquet", &[])), (Vec::new(), 0));
    let many = vec![connection(); crate::columnar::GROUP_ROWS + 1];
    let (rows, groups) = parquet_rows(&bytes_of("parquet", &many));
    assert_eq!((rows.len(), groups), (crate::columnar::GROUP_ROWS + 1, 2));
    assert_eq!(rows[0], rows[crate::columnar::GROUP_ROWS]);
}
