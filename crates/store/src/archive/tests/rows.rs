//! Rows of the database and of what it published and deleted: each once, in every form of loss; the archive is not asked without need.

use super::support::{Faulty, Memory, archiver, config, later, write};
use crate::archive::read_back::ArchiveReader;
use crate::archive::rows::ArchivedRows;
use crate::archive::{ArchiveError, WRITER};
use crate::export::{RowSource, What};
use crate::query::{FLOW_FIELDS, INCIDENT_FIELDS, SCAN_FIELDS, SERIES_FIELDS};
use crate::sqlite::tests::support::{at, open};
use crate::{Query, Sqlite, StoreBatch, StoreConfig, StoreError, TimeRange};
use record::{SeriesPoint, Timestamp};
use std::ops::ControlFlow;
use std::sync::Arc;

/// A year after everything was written: older than the database keeps.
fn much_later() -> Timestamp {
    at(400 * 86_400)
}

fn published(store: &Sqlite, place: &Arc<Memory>) {
    let settings = vec![(WRITER.to_owned(), "ab12cd34".to_owned())];
    store.write(StoreBatch { settings, ..StoreBatch::default() }).unwrap();
    store.flush().unwrap();
    archiver(Arc::clone(place) as _, &config(), &store.reader()).round(later(), &|| false).unwrap();
}

fn joined(store: &Sqlite, place: &Arc<Memory>, clock: fn() -> Timestamp) -> ArchivedRows {
    let place = Arc::clone(place);
    let open = move || Ok::<_, ArchiveError>(ArchiveReader::at(Arc::clone(&place) as _));
    ArchivedRows::with(store.reader(), Box::new(open), StoreConfig::default(), clock)
}

/// Everything that a source tells, sorted: flows, incidents, scans.
fn told(source: &dyn RowSource, range: TimeRange) -> [Vec<String>; 3] {
    let mut rows = [Vec::new(), Vec::new(), Vec::new()];
    source
        .flows(&Query::all(FLOW_FIELDS), range, &mut |row| {
            rows[0].push(format!("{row:?}"));
            ControlFlow::Continue(())
        })
        .unwrap();
    source
        .incidents(&Query::all(INCIDENT_FIELDS), range, &mut |row| {
            rows[1].push(format!("{row:?}"));
            ControlFlow::Continue(())
        })
        .unwrap();
    source
        .scans(&Query::all(SCAN_FIELDS), range, &mut |row| {
            rows[2].push(format!("{row:?}"));
            ControlFlow::Continue(())
        })
        .unwrap();
    for rows in &mut rows {
        rows.sort();
    }
    rows
}

fn delete(dir: &tempfile::TempDir, statement: &str) {
    rusqlite::Connection::open(dir.path().join("tripline.db")).unwrap().execute(statement, []).unwrap();
}

#[test]
fn what_the_database_deleted_comes_from_the_archive_and_the_rest_once() {
    let ((dir, store), place) = (open(), Arc::new(Memory::default()));
    write(&store, 0..300);
    let middle = TimeRange { from: Some(at(86_400)), to: Some(at(2 * 86_400)) };
    let before = [TimeRange::default(), middle].map(|range| told(store.reader().as_ref(), range));
    published(&store, &place);
    delete(&dir, "DELETE FROM flows WHERE row <= 120");
    delete(&dir, "DELETE FROM incidents WHERE id IN (SELECT id FROM incidents ORDER BY id LIMIT 3)");
    delete(&dir, "DELETE FROM scans WHERE id IN (SELECT id FROM scans ORDER BY id LIMIT 1)");
    let now = told(store.reader().as_ref(), TimeRange::default());
    assert!((0..3).all(|what| now[what].len() < before[0][what].len()), "something of each kind is gone");
    let joined = joined(&store, &place, much_later);
    assert!([TimeRange::default(), middle].map(|range| told(&joined, range)) == before);
    let total = |what, fields| joined.total(what, &Query::all(fields), TimeRange::default()).unwrap();
    assert_eq!((total(What::Flows, FLOW_FIELDS), total(What::Scans, SCAN_FIELDS)), (None, None), "not known before");
    // What is asked for goes through the filter of both.
    let mut ports = Vec::new();
    let query = Query::parse("anomalous:1", FLOW_FIELDS).unwrap();
    joined
        .flows(&query, TimeRange::default(), &mut |(_, row)| {
            ports.push(row.anomalous);
            ControlFlow::Continue(())
        })
        .unwrap();
    assert_eq!(ports, vec![true; 10]);
    // Who has seen enough is told no more.
    let mut seen = 0;
    joined
        .flows(&Query::all(FLOW_FIELDS), TimeRange::default(), &mut |_| {
            seen += 1;
            if seen < 200 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })
        .unwrap();
    assert_eq!(seen, 200);
}

#[test]
fn other_programs_of_the_same_archive_are_theirs_alone() {
    let ((dir, store), (_other_dir, other), place) = (open(), open(), Arc::new(Memory::default()));
    write(&store, 0..150);
    published(&store, &place);
    write(&other, 1_000..1_200);
    crate::archive::archiver::Archiver::at(Arc::clone(&place) as _, &config(), other.reader(), "ffffffff")
        .round(later(), &|| false)
        .unwrap();
    let before = told(store.reader().as_ref(), TimeRange::default());
    delete(&dir, "DELETE FROM flows WHERE row <= 50");
    assert!(told(&joined(&store, &place, much_later), TimeRange::default()) == before);
}

#[test]
fn hours_before_the_databases_own_are_made_of_archived_flows() {
    let ((_dir, store), place) = (open(), Arc::new(Memory::default()));
    write(&store, 0..300);
    // The series begin on the third day only.
    let points = ["flows", "bytes"].map(|metric| SeriesPoint { ts: at(2 * 86_400 + 60), metric, value: 7.0 });
    store.write(StoreBatch { series: points.to_vec(), ..StoreBatch::default() }).unwrap();
    published(&store, &place);
    let joined = joined(&store, &place, much_later);
    let (mut flows, mut steps) = (0.0, Vec::new());
    joined
        .series(&Query::parse("metric:flows", SERIES_FIELDS).unwrap(), TimeRange::default(), &mut |row| {
            assert_eq!(row.metric, "flows");
            steps.push((row.timestamp, row.step_s));
            flows += row.value * f64::from(row.watched_s);
            ControlFlow::Continue(())
        })
        .unwrap();
    let ended_before = told(store.reader().as_ref(), TimeRange { from: None, to: Some(at(2 * 86_400 + 59)) })[0].len();
    assert!(ended_before > 100 && (flows - 7.0 - ended_before as f64).abs() < 1e-6, "{flows} of {ended_before}");
    assert!(steps.is_sorted() && steps.iter().filter(|(_, step)| *step == 3_600).count() > 40);
}

#[test]
fn the_archive_is_asked_only_where_something_may_be_missing_and_its_faults_are_told() {
    fn soon() -> Timestamp {
        at(4 * 86_400)
    }
    let ((dir, store), place) = (open(), Arc::new(Memory::default()));
    write(&store, 0..100);
    published(&store, &place);
    let down = |fail_at| {
        let faulty = Faulty::new(&place, fail_at, super::support::Fault::Before, true);
        let open = move || Ok::<_, ArchiveError>(ArchiveReader::at(Arc::clone(&faulty) as _));
        ArchivedRows::with(store.reader(), Box::new(open), StoreConfig::default(), soon)
    };
    let recent = TimeRange { from: Some(at(0)), to: None };
    let whole = told(store.reader().as_ref(), recent);
    assert!(told(&down(0), recent) == whole, "nothing was deleted: nothing is asked");
    delete(&dir, "DELETE FROM flows WHERE row <= 10");
    for fail_at in 0..4 {
        let told = down(fail_at).flows(&Query::all(FLOW_FIELDS), recent, &mut |_| ControlFlow::Continue(()));
        assert!(matches!(&told, Err(StoreError::Archive { what }) if what.contains("cannot be reached")), "{told:?}");
    }
}
