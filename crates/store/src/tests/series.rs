//! Series: roll-up, gaps, ages.

use super::support::*;
use crate::{Read, SeriesQuery, Sqlite, StoreBatch, StoreConfig};
use record::SeriesPoint;

fn points(range: std::ops::Range<i64>) -> StoreBatch {
    let series = range
        .flat_map(|s| {
            [("bytes", (s % 60) as f64), ("packets", 2.0)].map(|(metric, value)| SeriesPoint {
                ts: at(s),
                metric,
                value,
            })
        })
        .collect();
    StoreBatch { series, ..StoreBatch::default() }
}

fn ask(store: &Sqlite, from: i64, to: i64, step_s: u32) -> record::SeriesResult {
    let query = SeriesQuery { metrics: vec!["bytes".into()], from: at(from), to: at(to), step_s };
    store.reader().series(&query).unwrap().remove(0)
}

#[test]
fn gaps_are_unknown_and_averages_are_per_second() {
    let (_dir, store) = open();
    store.write(points(0..100)).unwrap();
    store.write(points(120..130)).unwrap();
    store.write(points(0..10)).unwrap();
    store.flush().unwrap();
    let seconds = ask(&store, 0, 129, 1);
    assert_eq!((seconds.values.len(), seconds.step_s, seconds.from), (130, 1, at(0)));
    assert_eq!((seconds.values[59], seconds.values[100], seconds.values[121]), (Some(59.0), None, Some(1.0)));
    let minutes = ask(&store, 0, 179, 60);
    assert_eq!(minutes.values, [Some(29.5), Some(19.5), Some(4.5)], "averages over the seconds that are known");
    let unknown = SeriesQuery { metrics: vec!["nothing".into()], from: at(0), to: at(5), step_s: 0 };
    assert_eq!(store.reader().series(&unknown).unwrap()[0].values, vec![None; 6]);
}

#[test]
fn the_step_is_chosen_and_bounded() {
    let (_dir, store) = open();
    store.write(points(0..60)).unwrap();
    store.flush().unwrap();
    for (span, step) in [(600, 1), (3_600, 10), (86_400, 300), (7 * 86_400, 1_800), (400 * 86_400, 86_400)] {
        let result = ask(&store, 0, span - 1, 0);
        assert!(result.values.len() <= 601, "{span}");
        assert_eq!(result.step_s, step, "{span}");
    }
    let many = ask(&store, 0, 400 * 86_400, 1);
    assert!(many.values.len() <= 10_001 && many.step_s > 3_000);
}

#[test]
fn old_seconds_live_on_as_minutes_and_hours() {
    let config =
        StoreConfig { batch_ms: 5, series_second_age_h: 1, series_minute_age_days: 1, ..StoreConfig::default() };
    let (dir, store) = open_with(&config);
    // Forty hours of one point a minute, each written as its second.
    for start in (0..40 * 3_600).step_by(3_600) {
        let series = (start..start + 3_600)
            .step_by(60)
            .map(|s| SeriesPoint { ts: at(s), metric: "bytes", value: 6.0 })
            .collect();
        store.write(StoreBatch { series, ..StoreBatch::default() }).unwrap();
    }
    drop(store);
    let store = Sqlite::open(dir.path(), &config).unwrap();
    // Ages are looked at in a run that has written something.
    store
        .write(StoreBatch {
            series: vec![SeriesPoint { ts: at(40 * 3_600), metric: "bytes", value: 6.0 }],
            ..StoreBatch::default()
        })
        .unwrap();
    store.flush().unwrap();
    let database = rusqlite::Connection::open(dir.path().join("tripline.db")).unwrap();
    let stored = |step: i64| {
        database
            .query_row("SELECT count(*), coalesce(min(ts_s), 0) FROM series WHERE step_s = ?1", [step], |r| {
                Ok((r.get::<_, i64>(0)?, r.get::<_, i64>(1)?))
            })
            .unwrap()
    };
    assert!(stored(1).0 <= 2 * 60 + 1 && stored(1).1 >= T0_S + 38 * 3_600, "{:?}", stored(1));
    assert!(stored(60).1 >= T0_S + 15 * 3_600, "{:?}", stored(60));
    assert_eq!(stored(3_600), (41, T0_S - T0_S % 3_600));
    let day = ask(&store, 0, 40 * 3_600 - 1, 0);
    assert_eq!(day.step_s, 3_600, "minutes do not reach back that far");
    assert!(day.values.iter().all(|v| *v == Some(6.0)), "{:?}", day.values);
    store.write(points(0..3)).unwrap();
    store.flush().unwrap();
    assert_eq!(store.counters().dropped.0.get("series_late"), Some(&6), "too late to be added to whole hours");
}
