//! A report as one self-contained page: no script, nothing fetched, light and dark, on paper too. Owns layout; every text that came from
//! the network is escaped.

use super::charts::{self, COLOURS, Line};
use super::html::escape;
use super::units;
use crate::report::shape::{IncidentLine, KindRow, Report};
use crate::report::{counted, kind_words, span};
use std::fmt::Write as _;

const STYLE: &str = include_str!("report.css");
/// Incidents shown whole; the rest of the report's is a table, as many at most.
const WHOLE_MAX: usize = 40;
const LISTED_MAX: usize = 200;
/// Reasons of one incident.
const REASONS_MAX: usize = 4;
/// Addresses of one side of an incident.
const ADDRESSES_MAX: usize = 6;
/// Changes of scans shown.
const CHANGES_MAX: usize = 60;
/// Steps in the life of the models shown.
const EVENTS_MAX: usize = 12;

/// The page.
pub fn page(report: &Report) -> String {
    let title = format!("Tripline report: {}, {} to {}", report.network.sensor, report.shown.from, report.shown.to);
    let mut out = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\
         <meta name=\"color-scheme\" content=\"light dark\"><title>{}</title><style>{STYLE}</style></head><body>\n",
        escape(&title)
    );
    head(&mut out, report);
    figures(&mut out, report);
    traffic(&mut out, report);
    anomalies(&mut out, report);
    hosts(&mut out, report);
    incidents(&mut out, report);
    scans(&mut out, report);
    models(&mut out, report);
    losses(&mut out, report);
    foot(&mut out, report);
    out.push_str("</body></html>\n");
    out
}

fn head(out: &mut String, report: &Report) {
    let (network, shown) = (&report.network, &report.shown);
    let _ = write!(
        out,
        "<h1>Network report: {}</h1><p class=\"soft\">{} to {} ({}) · {} · home networks {}</p><h2>In short</h2><ul class=\"summary\">",
        escape(&network.sensor),
        escape(&shown.from),
        escape(&shown.to),
        escape(&shown.zone),
        span((report.to.since(report.from) / 1_000_000_000).max(0) as u64),
        escape(&network.home.join(", "))
    );
    for sentence in &report.summary {
        let _ = write!(out, "<li>{}</li>", escape(sentence));
    }
    out.push_str("</ul>\n");
}

/// The sums, each beside that of the time before.
fn figures(out: &mut String, report: &Report) {
    let (now, before) = (&report.totals, &report.before);
    let known = before.watched_s > 0 || before.incidents > 0;
    let count = |n: u64| units::short(n as f64);
    let cells = [
        ("Incidents", count(now.incidents), count(before.incidents)),
        ("Traffic", units::bytes(now.bytes as f64), units::bytes(before.bytes as f64)),
        ("Flows", count(now.flows), count(before.flows)),
        ("Anomalous flows", count(now.flows_anomalous), count(before.flows_anomalous)),
        ("Packets lost", count(now.dropped), count(before.dropped)),
        ("Watched", span(now.watched_s), span(before.watched_s)),
    ];
    out.push_str("<div class=\"figures\">");
    for (name, value, earlier) in cells {
        let earlier = if known { format!("before: {earlier}") } else { "before: not known".to_owned() };
        let _ = write!(out, "<div><span>{name}</span><b>{value}</b><span>{earlier}</span></div>");
    }
    out.push_str("</div>\n");
}

fn traffic(out: &mut String, report: &Report) {
    let course = &report.course;
    out.push_str("<h2>Traffic</h2>");
    let any = |values: &[Option<f64>]| values.iter().flatten().any(|v| *v > 0.0);
    let both = any(&course.bytes_in) || any(&course.bytes_out);
    if !both && !any(&course.bytes) {
        out.push_str("<p>No traffic was seen in this time.</p>");
        return;
    }
    let bits = |values: &[Option<f64>]| values.iter().map(|v| v.map(|v| v * 8.0)).collect::<Vec<_>>();
    let (incoming, outgoing, all) = (bits(&course.bytes_in), bits(&course.bytes_out), bits(&course.bytes));
    let lines = if both {
        vec![Line { class: "in", name: "in", values: &incoming }, Line { class: "out", name: "out", values: &outgoing }]
    } else {
        vec![Line { class: "in", name: "all", values: &all }]
    };
    out.push_str(&charts::course("Traffic over time", &lines, &report.shown.buckets, &|v| units::si(v, "bit/s")));
}

fn anomalies(out: &mut String, report: &Report) {
    out.push_str("<h2>Anomalies</h2>");
    let course = &report.course;
    if report.totals.incidents == 0 {
        out.push_str("<p>No incident was raised in this time.</p>");
    } else {
        let parts = by_kind(report);
        let number = |v: f64| units::short(v);
        out.push_str("<h3>Incidents by kind</h3>");
        out.push_str(&charts::bars("Incidents over time by kind", &parts, &report.shown.buckets, &number));
        kinds(out, &report.kinds);
    }
    if course.flows_anomalous.iter().flatten().any(|v| *v > 0.0) {
        let line = [Line { class: "red", name: "anomalous flows", values: &course.flows_anomalous }];
        let every = span(u64::from(course.step_s));
        let _ = write!(out, "<h3>Anomalous flows in each {every}</h3>");
        out.push_str(&charts::course("Anomalous flows over time", &line, &report.shown.buckets, &units::short));
    }
}

/// The most frequent kinds with a colour each, the others as one.
fn by_kind(report: &Report) -> Vec<(String, String, Vec<u64>)> {
    let mut parts: Vec<(String, String, Vec<u64>)> = Vec::new();
    for row in report.kinds.iter().filter(|row| row.incidents > 0) {
        let Some(counts) = report.course.incidents.get(&row.kind) else { continue };
        if parts.len() < COLOURS {
            parts.push((format!("k{}", parts.len()), kind_words(&row.kind), counts.clone()));
        } else if let Some((_, _, rest)) = parts.get_mut(COLOURS) {
            rest.iter_mut().zip(counts).for_each(|(sum, n)| *sum += n);
        } else {
            parts.push((format!("k{COLOURS}"), "other kinds".to_owned(), counts.clone()));
        }
    }
    parts
}

fn kinds(out: &mut String, rows: &[KindRow]) {
    out.push_str("<div class=\"scroll\"><table><tr><th>Kind</th><th class=\"n\">Incidents</th><th class=\"n\">Before</th><th>Worst</th></tr>");
    for row in rows {
        let worst = if row.incidents > 0 { row.worst.name() } else { "" };
        let _ = write!(
            out,
            "<tr><td>{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"mark {worst}\">{worst}</td></tr>",
            escape(&kind_words(&row.kind)),
            row.incidents,
            row.before
        );
    }
    out.push_str("</table></div>");
}

fn hosts(out: &mut String, report: &Report) {
    out.push_str("<h2>Busiest hosts</h2>");
    if report.hosts.is_empty() {
        out.push_str("<p>No host was seen in this time.</p>");
        return;
    }
    out.push_str("<div class=\"scroll\"><table><tr><th>Host</th><th>Name</th><th class=\"n\">Traffic</th><th class=\"n\">Flows</th><th class=\"n\">Incidents</th></tr>");
    for host in &report.hosts {
        let _ = write!(
            out,
            "<tr><td>{}</td><td>{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td></tr>",
            escape(&host.ip),
            escape(&host.name),
            units::bytes(host.bytes as f64),
            units::short(host.flows as f64),
            host.incidents
        );
    }
    out.push_str("</table></div>\n");
}

fn incidents(out: &mut String, report: &Report) {
    out.push_str("<h2>Incidents</h2>");
    if report.incidents.is_empty() {
        out.push_str("<p>None.</p>");
        return;
    }
    report.incidents.iter().take(WHOLE_MAX).for_each(|incident| article(out, incident));
    let rest: Vec<&IncidentLine> = report.incidents.iter().skip(WHOLE_MAX).take(LISTED_MAX).collect();
    if !rest.is_empty() {
        out.push_str("<h3>Less severe</h3><div class=\"scroll\"><table><tr><th>Raised</th><th>Severity</th><th>What</th><th>Status</th></tr>");
        for incident in &rest {
            let _ = write!(
                out,
                "<tr><td class=\"t\">{}</td><td class=\"mark {1}\">{1}</td><td>{2}</td><td>{3}</td></tr>",
                escape(&incident.raised_shown),
                incident.severity.name(),
                escape(&incident.title),
                escape(&incident.status.replace('_', " "))
            );
        }
        out.push_str("</table></div>");
    }
    let more = report.totals.incidents.saturating_sub((WHOLE_MAX + LISTED_MAX).min(report.incidents.len()) as u64);
    if more > 0 {
        let _ = write!(
            out,
            "<p>{} not on this page; -o json, -o csv and <code>tripline export incidents</code> have more.</p>",
            counted(more, "more is", "more are")
        );
    }
}

/// At most so many names.
fn some(names: &[String], of: usize) -> String {
    let shown = names.iter().take(of).map(|name| escape(name)).collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(of) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

fn article(out: &mut String, incident: &IncidentLine) {
    let severity = incident.severity.name();
    let _ = write!(
        out,
        "<article class=\"{severity}\"><h3>{}</h3><p class=\"soft\"><span class=\"mark {severity}\">{severity}</span> · {} · raised {} · {}",
        escape(&incident.title),
        escape(&kind_words(&incident.kind)),
        escape(&incident.raised_shown),
        escape(&incident.status.replace('_', " "))
    );
    if !incident.attack.is_empty() {
        let _ = write!(out, " · ATT&amp;CK {}", escape(&incident.attack.join(" ")));
    }
    let _ = write!(out, "</p><p class=\"soft\">From {}", some(&incident.src, ADDRESSES_MAX));
    if !incident.dest.is_empty() {
        let _ = write!(out, " to {}", some(&incident.dest, ADDRESSES_MAX));
    }
    out.push_str("</p>");
    if !incident.reasons.is_empty() {
        out.push_str("<ul>");
        for reason in incident.reasons.iter().take(REASONS_MAX) {
            let _ = write!(out, "<li>{}</li>", escape(reason));
        }
        out.push_str("</ul>");
    }
    if incident.steps.len() > 1 {
        let _ = write!(out, "<p>In {} steps:</p><ul>", incident.steps.len());
        for step in incident.steps.iter().take(8) {
            let _ = write!(out, "<li>{}</li>", escape(step));
        }
        out.push_str("</ul>");
    }
    let _ = writeln!(out, "<p>{}</p></article>", escape(&incident.advice));
}

fn scans(out: &mut String, report: &Report) {
    let scans = &report.scans;
    out.push_str("<h2>Scans</h2>");
    if scans.runs.is_empty() {
        out.push_str("<p>Nothing was scanned in this time.</p>");
        return;
    }
    let _ = write!(
        out,
        "<p>{}; {}.</p>",
        counted(scans.runs.len() as u64, "scan", "scans"),
        counted(scans.changes_total, "change", "changes")
    );
    if !scans.changes.is_empty() {
        out.push_str("<div class=\"scroll\"><table><tr><th>Found</th><th>Host</th><th>Change</th></tr>");
        for change in scans.changes.iter().take(CHANGES_MAX) {
            let _ = write!(
                out,
                "<tr><td class=\"t\">{}</td><td>{}</td><td>{}: {}</td></tr>",
                escape(&change.at_shown),
                escape(&change.host),
                escape(&change.what.replace('_', " ")),
                escape(&change.text)
            );
        }
        out.push_str("</table></div>");
    }
    let more = scans.changes_total.saturating_sub(scans.changes.len().min(CHANGES_MAX) as u64);
    if more > 0 {
        let _ = write!(out, "<p>{} not shown.</p>", counted(more, "more change is", "more changes are"));
    }
}

fn models(out: &mut String, report: &Report) {
    let models = &report.models;
    out.push_str("<h2>Models</h2>");
    if models.versions.is_empty() {
        out.push_str("<p>No models are in place: only the exact detectors spoke.</p>");
    } else {
        out.push_str(
            "<div class=\"scroll\"><table><tr><th>Judge</th><th class=\"n\">Version</th><th>Made</th><th>Why</th></tr>",
        );
        for version in &models.versions {
            let _ = write!(
                out,
                "<tr><td>{}</td><td class=\"n\">{}</td><td class=\"t\">{}</td><td>{}</td></tr>",
                escape(&version.kind),
                version.version,
                escape(&version.made),
                escape(&version.text)
            );
        }
        out.push_str("</table></div>");
    }
    let _ = write!(
        out,
        "<dl><dt>Incidents told an hour</dt><dd>{} (learned detectors may tell {})</dd><dt>Held back by the budget</dt><dd>{}</dd>\
         <dt>Suppressed</dt><dd>{}</dd><dt>Anomalous flows</dt><dd>{} %</dd></dl>",
        units::short(models.told_per_hour),
        units::short(models.budget_per_hour),
        report.totals.held_back,
        report.totals.suppressed,
        units::short(models.anomalous_share * 100.0)
    );
    if !models.events.is_empty() {
        out.push_str("<h3>What happened to them</h3><ul>");
        for event in models.events.iter().take(EVENTS_MAX) {
            let (at, what) = (escape(&event.at), escape(&event.what.replace('_', " ")));
            let _ = write!(out, "<li>{at} · {what}: {}</li>", escape(&event.text));
        }
        out.push_str("</ul>");
    }
}

fn losses(out: &mut String, report: &Report) {
    let losses = &report.losses;
    out.push_str("<h2>What was not seen</h2>");
    let watched = losses.period_s.saturating_sub(losses.unwatched_s);
    let _ = write!(
        out,
        "<dl><dt>Watched</dt><dd>{} of {}</dd><dt>Not watched</dt><dd>{}</dd><dt>Packets lost</dt><dd>{}</dd></dl>",
        span(watched),
        span(losses.period_s),
        if losses.unwatched_s > 0 { span(losses.unwatched_s) } else { "none of it".to_owned() },
        units::short(report.totals.dropped as f64)
    );
    if losses.reasons.is_empty() {
        out.push_str("<p class=\"soft\">No other loss was counted in this time.</p>");
        return;
    }
    out.push_str("<div class=\"scroll\"><table><tr><th>Reason</th><th>Of</th><th class=\"n\">Count</th></tr>");
    for line in &losses.reasons {
        let _ = write!(
            out,
            "<tr><td>{}</td><td>{}</td><td class=\"n\">{}</td></tr>",
            escape(&line.reason.replace('_', " ")),
            escape(&line.of),
            units::short(line.count as f64)
        );
    }
    out.push_str("</table></div><p class=\"soft\">Reasons are counted by the hour: the hour in which the time begins is counted whole.</p>");
}

fn foot(out: &mut String, report: &Report) {
    out.push_str("<footer class=\"soft\">");
    for note in &report.notes {
        let _ = write!(out, "<p>{}</p>", escape(note));
    }
    let _ = write!(
        out,
        "<p>Made {} ({}) by Tripline {}. Times are those of {1}.</p></footer>",
        escape(&report.shown.made),
        escape(&report.shown.zone),
        escape(&report.version)
    );
}
