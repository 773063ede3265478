//! Rows added up to a report, in any order and in bounded memory. Pure: the time, the place's clock and all rows come in.

use super::shape::{
    BUCKETS_MAX, CHANGES_MAX, ChangeLine, Course, INCIDENTS_MAX, IncidentLine, KindRow, Report, SCHEMA, Shown, Totals,
};
use super::words;
use alert::units;
use record::{AssetEvent, Incident, IncidentStatus, IpAddr16, Severity, Timestamp, timestamp::NS_PER_S};
use std::collections::{BTreeMap, HashMap};
use store::civil::Place;
use store::export::SeriesRow;

/// Steps of a course, seconds.
const STEPS_S: [i64; 12] = [10, 30, 60, 300, 600, 1_800, 3_600, 7_200, 21_600, 43_200, 86_400, 604_800];
/// Addresses whose incidents are counted; later ones are not.
const ADDRESSES_MAX: usize = 20_000;

/// One bucket of one metric.
#[derive(Clone, Copy, Debug, Default)]
struct Sum {
    total: f64,
    watched_s: u64,
}

/// A report in the making.
pub struct Draft {
    from: Timestamp,
    to: Timestamp,
    step_s: i64,
    place: Place,
    now: Totals,
    before: Totals,
    courses: BTreeMap<&'static str, Vec<Sum>>,
    kinds: BTreeMap<&'static str, (KindRow, Vec<u64>)>,
    incidents: Vec<IncidentLine>,
    by_address: HashMap<IpAddr16, u64>,
    changes: Vec<ChangeLine>,
    changes_total: u64,
}

/// Metrics that a report is made of.
pub const METRICS: [&str; 7] = ["bytes", "bytes_in", "bytes_out", "packets", "flows", "flows_anomalous", "dropped"];

/// A bucket's length for a time.
fn step_s(from: Timestamp, to: Timestamp) -> i64 {
    let span_s = (to.since(from) / NS_PER_S).max(1);
    STEPS_S.into_iter().find(|step| span_s <= step * BUCKETS_MAX).unwrap_or(span_s / BUCKETS_MAX + 1)
}

/// Is it told to people? Held back, suppressed or a step of another story: not.
fn is_told(incident: &Incident) -> bool {
    !incident.over_budget && incident.suppressed_by.is_none() && incident.part_of.is_none()
}

impl Draft {
    /// Of a time, its end not in it.
    pub fn new(from: Timestamp, to: Timestamp, place: Place) -> Self {
        Self {
            from,
            to,
            step_s: step_s(from, to),
            place,
            now: Totals::default(),
            before: Totals::default(),
            courses: BTreeMap::new(),
            kinds: BTreeMap::new(),
            incidents: Vec::new(),
            by_address: HashMap::new(),
            changes: Vec::new(),
            changes_total: 0,
        }
    }

    /// The beginning of the time of the same length before.
    pub fn before_from(&self) -> Timestamp {
        self.from.plus_ns(-self.to.since(self.from))
    }

    fn buckets(&self) -> usize {
        let span_s = (self.to.since(self.from) + NS_PER_S - 1) / NS_PER_S;
        usize::try_from((span_s + self.step_s - 1) / self.step_s).unwrap_or(1).max(1)
    }

    fn bucket(&self, ts: Timestamp) -> usize {
        usize::try_from(ts.since(self.from) / NS_PER_S / self.step_s).unwrap_or(0).min(self.buckets() - 1)
    }

    /// A moment of the place, as the report shows it.
    pub fn show(&self, ts: Timestamp) -> String {
        self.place.show(ts, "%Y-%m-%d %H:%M")
    }

    /// Adds one bucket of a series.
    pub fn series(&mut self, row: &SeriesRow) {
        let ts = row.timestamp;
        let Some(metric) = METRICS.into_iter().find(|metric| *metric == row.metric) else { return };
        if ts < self.before_from() || ts >= self.to {
            return;
        }
        let (total, inside) = (row.value * f64::from(row.watched_s), ts >= self.from);
        let sums = if inside { &mut self.now } else { &mut self.before };
        let whole = total.round().max(0.0) as u64;
        match metric {
            "bytes" => sums.bytes += whole,
            "packets" => {
                sums.packets += whole;
                sums.watched_s += u64::from(row.watched_s);
            }
            "flows" => sums.flows += whole,
            "flows_anomalous" => sums.flows_anomalous += whole,
            "dropped" => sums.dropped += whole,
            _ => {}
        }
        if inside {
            let (bucket, buckets) = (self.bucket(ts), self.buckets());
            let sum = &mut self.courses.entry(metric).or_insert_with(|| vec![Sum::default(); buckets])[bucket];
            sum.total += total;
            sum.watched_s += u64::from(row.watched_s);
        }
    }

    /// Adds an incident; one raised outside of both times is passed over.
    pub fn incident(&mut self, incident: &Incident) {
        let raised = incident.raised;
        if raised < self.before_from() || raised >= self.to {
            return;
        }
        let inside = raised >= self.from;
        let sums = if inside { &mut self.now } else { &mut self.before };
        if !is_told(incident) {
            sums.held_back += u64::from(incident.over_budget);
            sums.suppressed += u64::from(incident.suppressed_by.is_some());
            return;
        }
        sums.incidents += 1;
        sums.open += u64::from(incident.status == IncidentStatus::Open);
        *sums.by_severity.entry(incident.severity.name().to_owned()).or_default() += 1;
        let (bucket, buckets) = (self.bucket(raised), self.buckets());
        let name = incident.kind.name();
        let (row, course) = self
            .kinds
            .entry(name)
            .or_insert_with(|| (KindRow { kind: name.to_owned(), ..KindRow::default() }, vec![0; buckets]));
        if !inside {
            row.before += 1;
            return;
        }
        row.incidents += 1;
        row.worst = row.worst.max(incident.severity);
        course[bucket] += 1;
        self.count_addresses(incident);
        self.keep(incident);
    }

    fn count_addresses(&mut self, incident: &Incident) {
        for ip in incident.src.iter().chain(&incident.dest) {
            if self.by_address.len() < ADDRESSES_MAX || self.by_address.contains_key(ip) {
                *self.by_address.entry(*ip).or_default() += 1;
            }
        }
    }

    /// Keeps an incident among the most severe; twice the bound is held before the rest goes.
    fn keep(&mut self, incident: &Incident) {
        self.incidents.push(self.line(incident));
        if self.incidents.len() >= 2 * INCIDENTS_MAX {
            self.trim();
        }
    }

    fn trim(&mut self) {
        self.incidents.sort_by(|a, b| b.severity.cmp(&a.severity).then(b.raised.cmp(&a.raised)).then(a.id.cmp(&b.id)));
        self.incidents.truncate(INCIDENTS_MAX);
    }

    fn line(&self, incident: &Incident) -> IncidentLine {
        let names = |addresses: &[IpAddr16]| addresses.iter().map(ToString::to_string).collect();
        let step = |s: &record::StoryStep| format!("{}: {}", self.show(s.ts), s.title);
        IncidentLine {
            id: incident.id.clone(),
            kind: incident.kind.name().to_owned(),
            title: incident.title.clone(),
            severity: incident.severity,
            status: incident.status.name().to_owned(),
            score: incident.score,
            first_seen: incident.first_seen,
            last_seen: incident.last_seen,
            raised: incident.raised,
            raised_shown: self.show(incident.raised),
            src: names(&incident.src),
            dest: names(&incident.dest),
            dest_port: incident.dest_port.clone(),
            alerts: incident.alerts,
            attack: incident.attack.clone(),
            reasons: incident.why.iter().map(units::reason).collect(),
            advice: incident.advice.clone(),
            steps: incident.timeline.iter().map(step).collect(),
        }
    }

    /// Adds a change that a scan found.
    pub fn change(&mut self, event: &AssetEvent) {
        self.changes_total += 1;
        if self.changes.len() < CHANGES_MAX {
            let (at, host) = (event.at, event.key.clone());
            let (what, text) = (event.what.name().to_owned(), event.text.clone());
            self.changes.push(ChangeLine { at, at_shown: self.show(at), host, what, text });
        }
    }

    fn course(&self, metric: &str) -> Vec<Option<f64>> {
        let value = |sum: &Sum| (sum.watched_s > 0).then(|| sum.total / sum.watched_s as f64);
        self.courses.get(metric).map_or_else(|| vec![None; self.buckets()], |sums| sums.iter().map(value).collect())
    }

    /// What was counted in each bucket.
    fn sums(&self, metric: &str) -> Vec<Option<f64>> {
        let value = |sum: &Sum| (sum.watched_s > 0).then_some(sum.total);
        self.courses.get(metric).map_or_else(|| vec![None; self.buckets()], |sums| sums.iter().map(value).collect())
    }

    /// The report; what is not made of rows is filled in by `facts`, then the sentences follow.
    pub fn finish(mut self, made: Timestamp, facts: impl FnOnce(&mut Report, &HashMap<IpAddr16, u64>)) -> Report {
        self.trim();
        let step_s = self.step_s as u32;
        let course = Course {
            step_s,
            bytes_in: self.course("bytes_in"),
            bytes_out: self.course("bytes_out"),
            bytes: self.course("bytes"),
            flows_anomalous: self.sums("flows_anomalous"),
            incidents: self
                .kinds
                .iter()
                .filter(|(_, k)| k.0.incidents > 0)
                .map(|(n, k)| ((*n).to_owned(), k.1.clone()))
                .collect(),
        };
        let mut kinds: Vec<KindRow> = self.kinds.values().map(|(row, _)| row.clone()).collect();
        kinds.sort_by(|a, b| b.incidents.cmp(&a.incidents).then(b.before.cmp(&a.before)).then(a.kind.cmp(&b.kind)));
        let end = self.to.min(made);
        let period_s = (end.since(self.from).max(0) / NS_PER_S) as u64;
        let mut report = Report {
            schema: SCHEMA.to_owned(),
            from: self.from,
            to: self.to,
            made,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            shown: self.shown(made),
            course,
            kinds,
            ..Report::default()
        };
        report.losses.period_s = period_s;
        report.losses.unwatched_s = period_s.saturating_sub(self.now.watched_s);
        report.scans.changes = self.changes;
        report.scans.changes_total = self.changes_total;
        report.totals = self.now;
        report.before = self.before;
        report.incidents = self.incidents;
        let hours = report.totals.watched_s as f64 / 3_600.0;
        let told = report.totals.incidents as f64;
        // Of less than an hour no rate can be told.
        report.models.told_per_hour = told / hours.max(1.0);
        let flows = report.totals.flows.max(1) as f64;
        report.models.anomalous_share = report.totals.flows_anomalous as f64 / flows;
        facts(&mut report, &self.by_address);
        report.summary = words::summary(&report);
        report
    }

    fn shown(&self, made: Timestamp) -> Shown {
        let long = self.step_s >= 86_400;
        let day = self.to.since(self.from) <= 2 * 86_400 * NS_PER_S;
        let format = if long {
            "%Y-%m-%d"
        } else if day {
            "%H:%M"
        } else {
            "%m-%d %H:%M"
        };
        let start = |n: usize| self.from.plus_ns(n as i64 * self.step_s * NS_PER_S);
        Shown {
            from: self.show(self.from),
            to: self.show(self.to),
            made: self.show(made),
            zone: self.place.show(self.from, "UTC%:z"),
            buckets: (0..self.buckets()).map(|n| self.place.show(start(n), format)).collect(),
        }
    }
}

/// Severities, the worst first.
pub const SEVERITIES: [Severity; 4] = [Severity::Critical, Severity::High, Severity::Medium, Severity::Low];
