//! Exports of a real store: every kind in every form, refusals, two places joined.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::read::TimeRange;
use crate::sqlite::tests::support::{at, flow, host, incident, open, verdict};
use crate::{Sqlite, StoreBatch};
use parquet::file::reader::{FileReader, SerializedFileReader};
use record::{Kind, ScanRow, SeriesPoint};
use std::sync::{Arc, Mutex};
use tempfile::TempDir;

/// 1,200 flows (more than two pages), every 100th anomalous, two incidents, one host, one scan, a minute of one series.
fn filled() -> (TempDir, Sqlite) {
    let (dir, store) = open();
    let flows: Vec<_> = (1..=1_200).map(flow).collect();
    let verdicts = flows.iter().enumerate().map(|(n, f)| verdict(f.record.flow_id, 0.4, n % 100 == 0)).collect();
    let series = (0..60).map(|s| SeriesPoint { ts: at(s), metric: "bytes", value: s as f64 }).collect();
    let scan = ScanRow { id: "s1".into(), started: at(5), targets: vec!["10.0.0.0/24".into()], ..ScanRow::default() };
    let batch = StoreBatch {
        flows,
        verdicts,
        incidents: vec![incident(1, Kind::PortScan, "10.0.0.1"), incident(2, Kind::Beacon, "10.0.0.2")],
        hosts: vec![host("10.0.0.1", 3)],
        series,
        scans: vec![crate::ScanWrite { row: scan, ..crate::ScanWrite::default() }],
        ..StoreBatch::default()
    };
    store.write(batch).unwrap();
    store.flush().unwrap();
    (dir, store)
}

#[derive(Clone, Default)]
struct Bytes(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Bytes {
    fn write(&mut self, data: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(data);
        Ok(data.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn exporter(source: Arc<dyn RowSource>) -> Exporter {
    Exporter::new(source, |incident| serde_json::json!({"event_type": "alert", "id": incident.id}))
}

fn export(exporter: &Exporter, what: What, form: Form, filter: &str, range: TimeRange) -> (Vec<u8>, u64) {
    let bytes = Bytes::default();
    let ask = Ask::new(what, form, filter, range).unwrap();
    let done = exporter.run(&ask, Box::new(bytes.clone()), &mut |_| {}).unwrap();
    if let Some(total) = exporter.total(&ask).unwrap() {
        assert_eq!(total, done.rows, "{what:?}");
    }
    let written = bytes.0.lock().unwrap().clone();
    (written, done.rows)
}

/// Rows in what was written, counted by another way than the writer's.
fn counted(form: Form, written: &[u8]) -> usize {
    let text = || std::str::from_utf8(written).unwrap();
    match form {
        Form::Csv | Form::Cicflowmeter => text().lines().count() - 1,
        Form::Json => serde_json::from_slice::<Vec<serde_json::Value>>(written).unwrap().len(),
        Form::JsonLines | Form::Eve => text()
            .lines()
            .map(|l| serde_json::from_str::<serde_json::Value>(l).unwrap())
            .filter(serde_json::Value::is_object)
            .count(),
        Form::Zeek => text().lines().filter(|l| !l.starts_with('#')).count(),
        Form::Parquet => {
            let file = SerializedFileReader::new(parquet_bytes(written)).unwrap();
            usize::try_from(file.metadata().file_metadata().num_rows()).unwrap()
        }
        Form::Pcapng => 0,
    }
}

fn parquet_bytes(written: &[u8]) -> std::fs::File {
    use std::io::Write;
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(written).unwrap();
    file
}

#[test]
fn every_kind_comes_whole_in_every_form() {
    let (_dir, store) = filled();
    let exporter = exporter(store.reader());
    for what in What::ALL {
        let expected = match what {
            What::Flows => 1_200,
            What::Alerts => 12 + 2,
            What::Incidents => 2,
            What::Hosts | What::Scans => 1,
            What::Series => 60,
        };
        for form in what.forms().iter().filter(|form| **form != Form::Pcapng) {
            let (written, rows) = export(&exporter, what, *form, "", TimeRange::default());
            assert_eq!((rows, counted(*form, &written)), (expected, expected as usize), "{what:?} as {form:?}");
        }
    }
}

#[test]
fn filter_and_time_bound_what_comes() {
    let (_dir, store) = filled();
    let exporter = exporter(store.reader());
    let until = TimeRange { from: Some(at(11)), to: Some(at(20)) };
    let rows = |what, filter, range| export(&exporter, what, Form::JsonLines, filter, range).1;
    assert_eq!(rows(What::Flows, "", until), 10);
    assert_eq!(rows(What::Flows, "anomalous:true", TimeRange::default()), 12);
    assert_eq!(rows(What::Incidents, "kind:beacon", TimeRange::default()), 1);
    assert_eq!(rows(What::Series, "metric:nothing", TimeRange::default()), 0);
    assert_eq!(rows(What::Series, "", TimeRange { from: Some(at(50)), to: None }), 10);
    assert_eq!(rows(What::Alerts, "dest_port:443", TimeRange::default()), 14, "both have the field");
    assert_eq!(rows(What::Alerts, "app_proto:tls", TimeRange::default()), 12, "only flows have it");
    assert_eq!(rows(What::Alerts, "kind:beacon", TimeRange::default()), 1, "only incidents have it");
}

#[test]
fn what_the_models_said_goes_with_the_flow() {
    let (_dir, store) = filled();
    let exporter = exporter(store.reader());
    let lines = |form| {
        String::from_utf8(export(&exporter, What::Flows, form, "anomalous:true", TimeRange::default()).0).unwrap()
    };
    let json: serde_json::Value = serde_json::from_str(lines(Form::JsonLines).lines().next().unwrap()).unwrap();
    assert_eq!((&json["anomalous"], &json["in_iface"]), (&true.into(), &"eth0".into()));
    assert!((json["score"].as_f64().unwrap() - 0.4).abs() < 1e-6 && json["statistics"]["both"].is_object());
    assert!(json["community_id"].as_str().unwrap().starts_with("1:id"), "the kept one");
    let eve: serde_json::Value = serde_json::from_str(lines(Form::Eve).lines().next().unwrap()).unwrap();
    assert_eq!((&eve["flow"]["alerted"], &eve["in_iface"]), (&true.into(), &"eth0".into()));
    let (bytes, _) = export(&exporter, What::Flows, Form::Parquet, "anomalous:true", TimeRange::default());
    let file = SerializedFileReader::new(parquet_bytes(&bytes)).unwrap();
    let row = file.get_row_iter(None).unwrap().next().unwrap().unwrap();
    let named = |name: &str| row.get_column_iter().find(|(n, _)| *n == name).unwrap().1.to_string();
    assert_eq!((named("anomalous"), named("in_iface")), ("true".to_owned(), "\"eth0\"".to_owned()));
}

#[test]
fn impossible_pairs_are_refused_with_those_that_are_possible() {
    for what in What::ALL {
        for form in Form::ALL {
            let asked = Ask::new(what, form, "", TimeRange::default());
            assert_eq!(asked.is_ok(), what.forms().contains(&form), "{what:?} as {form:?}");
            if let Err(error) = asked {
                let text = error.to_string();
                assert!(what.forms().iter().all(|form| text.contains(form.name())), "{text}");
            }
        }
    }
    for (what, filter) in [(What::Hosts, "colour:red"), (What::Alerts, "colour:red"), (What::Series, "score:>1")] {
        assert!(Ask::new(what, What::forms(what)[0], filter, TimeRange::default()).is_err(), "{what:?} {filter}");
    }
}

#[test]
fn text_that_a_spreadsheet_would_run_is_quoted() {
    let (_dir, store) = open();
    let mut bad = host("10.0.0.9", 1);
    bad.name = "=cmd|' /C calc'!A0, \"x\"".to_owned();
    store.write(StoreBatch { hosts: vec![bad], ..StoreBatch::default() }).unwrap();
    store.flush().unwrap();
    let (csv, _) = export(&exporter(store.reader()), What::Hosts, Form::Csv, "", TimeRange::default());
    let csv = String::from_utf8(csv).unwrap();
    assert!(csv.contains(",\"'=cmd|' /C calc'!A0, \"\"x\"\"\","), "{csv}");
}

#[test]
fn packets_of_incidents_come_as_sections_and_what_is_missing_is_said() {
    let (_dir, store) = filled();
    let exporter = exporter(store.reader());
    let ask = |what, filter| Ask::new(what, Form::Pcapng, filter, TimeRange::default()).unwrap();
    let none = exporter.check(&ask(What::Incidents, "")).unwrap_err().to_string();
    assert!(none.contains("no packets are kept") && none.contains("evidence_max_bytes"), "{none}");
    store.evidence().save("0000000000000001", |out| out.write_all(b"ABCD")).unwrap();
    let bytes = Bytes::default();
    let done = exporter.run(&ask(What::Incidents, ""), Box::new(bytes.clone()), &mut |_| {}).unwrap();
    assert_eq!((bytes.0.lock().unwrap().as_slice(), done.rows), (b"ABCD".as_slice(), 1));
    assert!(done.notes.iter().any(|note| note.contains("1 more")), "{:?}", done.notes);
    // Incident 1 names the flow that ended first.
    assert!(exporter.check(&ask(What::Flows, "src_ip:10.0.0.1")).is_ok());
    assert!(exporter.check(&ask(What::Flows, "src_ip:10.0.0.2")).is_err());
}

#[test]
fn a_writer_that_fails_ends_the_export_with_its_words() {
    struct Full;
    impl std::io::Write for Full {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let (_dir, store) = filled();
    for form in [Form::Csv, Form::JsonLines, Form::Parquet] {
        let ask = Ask::new(What::Flows, form, "", TimeRange::default()).unwrap();
        let failed = exporter(store.reader()).run(&ask, Box::new(Full), &mut |_| {});
        let kind = match failed {
            Err(ExportError::Write(error)) => error.kind(),
            other => panic!("{other:?}"),
        };
        assert_eq!(kind, std::io::ErrorKind::StorageFull, "{form:?}");
    }
}
