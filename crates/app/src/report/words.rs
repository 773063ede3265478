//! What matters of a report, in sentences. Pure.

use super::draft::SEVERITIES;
use super::shape::{Report, Totals};
use alert::units;

/// `1 incident`, `2 incidents`.
pub fn counted(count: u64, one: &str, many: &str) -> String {
    format!("{} {}", units::short(count as f64), if count == 1 { one } else { many })
}

/// A time in hours and minutes.
pub fn span(seconds: u64) -> String {
    let (days, hours, minutes) = (seconds / 86_400, seconds % 86_400 / 3_600, seconds % 3_600 / 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, minutes) => format!("{minutes} min"),
        (0, hours, 0) => format!("{hours} h"),
        (0, hours, minutes) => format!("{hours} h {minutes} min"),
        (1, 0, _) => "1 day".to_owned(),
        (days, 0, _) => format!("{days} days"),
        (days, hours, _) => format!("{days} d {hours} h"),
    }
}

/// A kind as people read it.
pub fn kind(name: &str) -> String {
    name.replace('_', " ")
}

/// How a number moved: `12 % more than`; None where there is nothing to compare with.
fn moved(now: u64, before: u64) -> Option<String> {
    if before == 0 {
        return None;
    }
    let share = (now as f64 - before as f64) / before as f64 * 100.0;
    Some(match share {
        s if s.abs() < 1.0 => "about as much as".to_owned(),
        s if s >= 1_000.0 => format!("{} times as much as", units::short(now as f64 / before as f64)),
        s => format!("{:.0} % {} than", s.abs(), if s > 0.0 { "more" } else { "less" }),
    })
}

/// The sentences, what needs somebody first.
pub fn summary(report: &Report) -> Vec<String> {
    let mut all = vec![incidents(report)];
    all.push(traffic(report));
    all.extend(watch(report));
    all.extend(scans(report));
    all.push(budget(report));
    all
}

fn incidents(report: &Report) -> String {
    let Totals { incidents, open, by_severity, .. } = &report.totals;
    let before = match report.before.incidents {
        n if report.before.watched_s == 0 && n == 0 => String::new(),
        n => format!(", against {} in the same time before", units::short(n as f64)),
    };
    if *incidents == 0 {
        return format!("No incident was raised{before}.");
    }
    let severities: Vec<String> = SEVERITIES
        .into_iter()
        .filter_map(|severity| by_severity.get(severity.name()).map(|n| format!("{n} {}", severity.name())))
        .collect();
    let raised = counted(*incidents, "incident was", "incidents were");
    let kinds: Vec<String> = report
        .kinds
        .iter()
        .filter(|row| row.incidents > 0)
        .take(3)
        .map(|row| format!("{} ({})", kind(&row.kind), row.incidents))
        .collect();
    let open = match open {
        0 => "none is open any more".to_owned(),
        1 => "1 is still open".to_owned(),
        n => format!("{n} are still open"),
    };
    format!("{raised} raised ({}){before}; {open}. Most often: {}.", severities.join(", "), kinds.join(", "))
}

fn traffic(report: &Report) -> String {
    let totals = &report.totals;
    if totals.packets == 0 && totals.bytes == 0 && totals.flows == 0 {
        return "No traffic was seen.".to_owned();
    }
    let flows = counted(totals.flows, "flow", "flows");
    let compared = moved(totals.bytes, report.before.bytes)
        .map_or(String::new(), |moved| format!(", {moved} in the same time before"));
    let strange = counted(totals.flows_anomalous, "of them was", "of them were");
    let share = report.models.anomalous_share * 100.0;
    let share = if totals.flows_anomalous > 0 { format!(" ({} %)", units::short(share)) } else { String::new() };
    format!("{} in {flows} passed{compared}; {strange} anomalous{share}.", units::bytes(totals.bytes as f64))
}

/// What nobody saw.
fn watch(report: &Report) -> Vec<String> {
    let losses = &report.losses;
    let mut all = Vec::new();
    // A second at either end is the clock's.
    if losses.unwatched_s > 60 && losses.unwatched_s * 200 > losses.period_s {
        let (seen, whole) = (span(losses.period_s - losses.unwatched_s), span(losses.period_s));
        all.push(format!("Only {seen} of {whole} were watched: of the rest this report says nothing."));
    }
    if report.totals.dropped > 0 {
        let lost = counted(report.totals.dropped, "packet was", "packets were");
        let share = report.totals.dropped as f64 / (report.totals.packets + report.totals.dropped).max(1) as f64;
        all.push(format!("{lost} lost before anybody looked ({} %).", units::short(share * 100.0)));
    }
    all
}

fn scans(report: &Report) -> Option<String> {
    let runs = report.scans.runs.len() as u64;
    (runs > 0).then(|| {
        let found = match report.scans.changes_total {
            0 => "no change".to_owned(),
            n => counted(n, "change", "changes"),
        };
        format!("{} found {found}.", counted(runs, "scan", "scans"))
    })
}

fn budget(report: &Report) -> String {
    let (told, allowed) = (report.models.told_per_hour, report.models.budget_per_hour);
    let held = match report.totals.held_back {
        0 => "none was held back".to_owned(),
        1 => "1 was held back".to_owned(),
        n => format!("{} were held back", units::short(n as f64)),
    };
    format!(
        "{} incidents were told in an hour that was watched; learned detectors may tell {} ({held} by that budget).",
        units::short(told),
        units::short(allowed)
    )
}
