//! A report of known rows: sums, comparison, order, bounds, words, and that no text from the network becomes markup.
#![allow(clippy::unwrap_used)]

use super::draft::Draft;
use super::losses::{HOURS_MAX, Log};
use super::shape::{INCIDENTS_MAX, Report};
use crate::export_args::ReportForm;
use record::{Counters, Incident, Kind, Severity, Timestamp, timestamp::NS_PER_S};
use store::civil::Place;
use store::export::SeriesRow;

const HOUR_S: i64 = 3_600;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_parts(1_767_225_600 + seconds, 0)
}

fn draft() -> Draft {
    Draft::new(at(0), at(24 * HOUR_S), Place::parse("UTC").unwrap())
}

fn minute(metric: &str, seconds: i64, value: f64) -> SeriesRow {
    SeriesRow { timestamp: at(seconds), metric: metric.to_owned(), step_s: 60, value, watched_s: 60 }
}

fn incident(n: u64, seconds: i64, severity: Severity) -> Incident {
    let mut made = alert::notification::sample(at(seconds)).incident;
    made.id = format!("{n:016x}");
    made.kind = if n.is_multiple_of(3) { Kind::Beacon } else { Kind::PortScan };
    made.severity = severity;
    made.raised = at(seconds);
    made
}

fn done(draft: Draft) -> Report {
    draft.finish(at(25 * HOUR_S), |report, _| report.models.budget_per_hour = 4.0)
}

/// A day of traffic, half of it in the day before; an incident an hour.
fn day() -> Report {
    let mut draft = draft();
    for m in 0..1_440 {
        draft.series(&minute("bytes", m * 60, 1_000.0));
        draft.series(&minute("packets", m * 60, 10.0));
        draft.series(&minute("flows", m * 60, 1.0));
        draft.series(&minute("bytes", m * 60 - 24 * HOUR_S, 500.0));
        draft.series(&minute("packets", m * 60 - 24 * HOUR_S, 5.0));
    }
    draft.series(&minute("dropped", 60, 2.0));
    for n in 0..24 {
        let severity = if n == 7 { Severity::Critical } else { Severity::Medium };
        draft.incident(&incident(n, n as i64 * HOUR_S, severity));
    }
    draft.incident(&incident(90, -HOUR_S, Severity::Low));
    draft.incident(&incident(91, 24 * HOUR_S, Severity::Low));
    draft.incident(&Incident { over_budget: true, ..incident(92, HOUR_S, Severity::Low) });
    draft.incident(&Incident { part_of: Some("x".to_owned()), ..incident(93, HOUR_S, Severity::Low) });
    done(draft)
}

#[test]
fn sums_are_those_of_the_rows_and_the_end_is_not_in_the_time() {
    let report = day();
    assert_eq!((report.totals.bytes, report.before.bytes), (86_400_000, 43_200_000));
    assert_eq!((report.totals.flows, report.totals.dropped, report.totals.watched_s), (86_400, 120, 86_400));
    assert_eq!((report.totals.incidents, report.before.incidents, report.totals.held_back), (24, 1, 1));
    assert_eq!(report.losses.unwatched_s, 0);
    assert_eq!(report.incidents[0].severity, Severity::Critical);
    assert!(report.incidents[1..].windows(2).all(|two| two[0].raised > two[1].raised));
    let kinds: Vec<_> = report.kinds.iter().map(|row| (row.kind.as_str(), row.incidents, row.before)).collect();
    assert_eq!(kinds, [("port_scan", 16, 0), ("beacon", 8, 1)]);
    let told: u64 = report.course.incidents.values().flatten().sum();
    assert_eq!((told, report.course.step_s), (24, 600));
    assert!(report.course.bytes.iter().all(|v| (v.unwrap() - 1_000.0).abs() < 1e-9));
}

#[test]
fn the_summary_says_what_matters_first() {
    let report = day();
    let text = report.summary.join("\n");
    assert!(report.summary[0].starts_with("24 incidents were raised (1 critical, 23 medium), against 1"), "{text}");
    assert!(text.contains("100 % more than in the same time before"), "{text}");
    assert!(text.contains("120 packets were lost") && text.contains("1 was held back"), "{text}");
    assert!(!text.contains("were watched:"), "{text}");
    let quiet = done(draft());
    let text = quiet.summary.join("\n");
    assert!(text.contains("No incident was raised.") && text.contains("No traffic was seen."), "{text}");
    assert!(text.contains("Only 0 s of 1 day were watched"), "{text}");
}

#[test]
fn more_incidents_than_fit_are_counted_and_the_worst_are_kept() {
    let mut draft = draft();
    let many = 5 * INCIDENTS_MAX as u64;
    for n in 0..many {
        let severity = if n < 10 { Severity::Critical } else { Severity::Low };
        draft.incident(&incident(n, (n % 86_400) as i64, severity));
    }
    let report = done(draft);
    assert_eq!((report.incidents.len(), report.totals.incidents), (INCIDENTS_MAX, many));
    assert!(report.incidents[..10].iter().all(|i| i.severity == Severity::Critical));
    let html = page(&report);
    assert!(html.contains("4,760 more are not on this page"), "the rest is told");
    assert!(html.len() < 400_000, "{}", html.len());
}

fn page(report: &Report) -> String {
    String::from_utf8(super::written(report, ReportForm::Html).unwrap()).unwrap()
}

#[test]
fn no_text_from_the_network_becomes_markup() {
    let bad = "</style><script>alert(1)</script>\"'&";
    let mut draft = draft();
    draft.incident(&Incident {
        title: bad.to_owned(),
        advice: bad.to_owned(),
        attack: vec![bad.to_owned()],
        ..incident(1, 60, Severity::High)
    });
    let report = draft.finish(at(25 * HOUR_S), |report, _| {
        report.network.sensor = bad.to_owned();
        report.network.home = vec![bad.to_owned()];
        let (ip, name) = ("10.0.0.1".to_owned(), bad.to_owned());
        report.hosts.push(super::shape::HostLine { ip, name, ..Default::default() });
        report.models.events.push(super::shape::EventLine { text: bad.to_owned(), ..Default::default() });
        report.losses.reasons.push(super::shape::ReasonLine { reason: bad.to_owned(), of: String::new(), count: 1 });
        report.scans.runs.push(record::ScanRow::default());
        report.scans.changes.push(super::shape::ChangeLine { text: bad.to_owned(), ..Default::default() });
        report.scans.changes_total = 1;
        report.notes.push(bad.to_owned());
    });
    let html = page(&report);
    assert!(!html.contains("<script") && html.matches("&lt;script&gt;").count() >= 9, "{html}");
    assert_eq!(html.matches("</style>").count(), 1);
    // Self-contained: nothing is fetched, nothing runs.
    for forbidden in ["src=", "href=", "url(", "@import", "onload", "http"] {
        assert!(!html.replace(bad, "").contains(forbidden), "{forbidden}");
    }
}

#[test]
fn a_report_is_read_again_from_its_json_and_csv_has_a_line_an_incident() {
    let report = day();
    let json = super::written(&report, ReportForm::Json).unwrap();
    let again: Report = serde_json::from_slice(&json).unwrap();
    assert_eq!((again.schema.as_str(), &again.totals), ("tripline.report/1", &report.totals));
    let csv = String::from_utf8(super::written(&report, ReportForm::Csv).unwrap()).unwrap();
    assert_eq!(csv.lines().count(), 25);
    assert!(csv.lines().nth(1).unwrap().contains(",critical,port_scan,"), "{csv}");
}

#[test]
fn losses_are_kept_by_hour_and_reason_and_bounded() {
    let counters = |n: u64| {
        let mut counters = Counters::default();
        counters.add("kernel_ring_full", n);
        counters
    };
    let mut log = Log::default();
    assert!(log.add(at(60), &counters(0), &counters(5)));
    assert!(!log.add(at(120), &counters(5), &counters(5)));
    assert!(log.add(at(2 * HOUR_S), &counters(5), &counters(12)));
    let lost = |from, to| log.within(at(from), at(to)).total();
    assert_eq!((lost(0, 24 * HOUR_S), lost(0, HOUR_S), lost(2 * HOUR_S + 30, 3 * HOUR_S)), (12, 5, 7));
    assert_eq!((lost(0, 0), lost(3 * HOUR_S, 9 * HOUR_S)), (0, 0));
    for hour in 0..=HOURS_MAX as i64 {
        log.add(at((100 + hour) * HOUR_S), &counters(0), &counters(1));
    }
    assert_eq!(log.within(Timestamp(0), Timestamp(i64::MAX - NS_PER_S)).total(), HOURS_MAX as u64);
}
