//! Anomalies over scans: which hosts of the newest scan are unlike their own past and unlike hosts of their role, and what of a scan people
//! should be told. Owns who is compared with whom and what is worth an alert; pure: scans in, findings and alerts out.
//!
//! Reading order: `identity` (which host is which), `groups` (roles), `walk` (each scan beside those before it), `calibrated` (one score, one
//! p-value), `alerts` and `words` (what is told).

mod alerts;
#[cfg(test)]
mod alerts_test;
mod calibrated;
mod groups;
mod identity;
mod ranges;
#[cfg(test)]
mod tests;
mod walk;
mod words;

pub use alerts::{FirstUse, ScanStory, scan_alerts};
pub use identity::comparable;

use calibrated::{Calibrated, FALSE_SHARE, told};
use features::scan::{Change, PortKey};
use features::scan_host_schema;
use record::Matrix;
use record::scan::Scan;
use std::collections::BTreeMap;
use walk::{Row, Walk};

/// Scans of the past that are looked at, the newest.
pub const SCANS_MAX: usize = 64;
/// The first eighth of the past only teaches: a host of which nothing is known yet is nothing to calibrate by.
const TEACHING_PART: usize = 8;
/// Reasons of a finding at most.
const REASONS_MAX: usize = 5;

/// What the newest scan is, beside those before it.
#[derive(Clone, Debug, Default)]
pub struct ScanJudgement {
    /// One for each host that is up, the strangest first.
    pub findings: Vec<HostFinding>,
    /// What half of a group, or of the network, did at once: nobody's own.
    pub shared: Vec<SharedChange>,
    /// Scans of the past that were compared: whole ones that asked alike.
    pub scans: usize,
    /// Rows of hosts in scans that the p-values stand on.
    pub rows: usize,
    /// True when those are enough for one host to be told: about ten scans.
    pub enough: bool,
    /// Hosts that found no room.
    pub left_out: usize,
}

/// A change that many hosts made in the same scan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SharedChange {
    /// What.
    pub change: Change,
    /// Keys of the hosts.
    pub hosts: Vec<String>,
}

/// One host of the newest scan.
#[derive(Clone, Debug)]
pub struct HostFinding {
    /// Its Ethernet address where one is known, else its address.
    pub key: String,
    /// What people call it: its address, else the key.
    pub address: String,
    /// 0 as ever … 1 as strange as can be: the forest's score, measured from that of a host without any change.
    pub score: f32,
    /// How often a host in a scan of the past was as strange.
    pub p_value: f64,
    /// True where it is told as an anomaly.
    pub anomalous: bool,
    /// Why, strongest first; empty where the score is 0.
    pub reasons: Vec<FindingReason>,
    /// Ports that it opened for the first time and others did not.
    pub ports_first: Vec<PortKey>,
    /// All that changed since it was last up, without what others did as well.
    pub changes: Vec<Change>,
    /// Scans before in which it was up.
    pub scans: u32,
    /// Hosts of its role, itself among them.
    pub group_hosts: usize,
    /// One sentence in plain words.
    pub text: String,
}

/// A value beside what was expected.
#[derive(Clone, Debug, PartialEq)]
pub struct FindingReason {
    /// Column of `scan_host/1`.
    pub feature: String,
    /// In words.
    pub words: String,
    /// Unit of the values.
    pub unit: String,
    /// What it is.
    pub value: f64,
    /// Lowest and highest value before.
    pub expected_low: f64,
    /// See `expected_low`.
    pub expected_high: f64,
    /// Whose values: `history` (its own) or `group`.
    pub of: &'static str,
    /// Part of the score, 0 to 1.
    pub share: f64,
}

/// Judges every host that is up in `current` by itself and by its group, in `history` (oldest first; the same targets). Scans that are not
/// whole, or that asked otherwise, are left out. The same scans and seed give the same answer.
#[must_use]
pub fn judge(history: &[Scan], current: &Scan, seed: u64) -> ScanJudgement {
    let usable = |scan: &&Scan| scan.incomplete.is_none() && comparable(scan, current);
    let mut scans: Vec<&Scan> = history.iter().filter(usable).collect();
    scans.drain(..scans.len().saturating_sub(SCANS_MAX));
    let columns = scan_host_schema().features.len();
    let mut walk = Walk::new(&scans, current);
    let teaching = (scans.len() / TEACHING_PART).max(1);
    let (mut past, mut now) = (Matrix::with_capacity(0, columns), Matrix::with_capacity(0, columns));
    for (place, scan) in scans.iter().enumerate() {
        let rows = walk.step(scan);
        if place >= teaching {
            for row in &rows {
                past.push(&row.excess);
            }
        }
    }
    let groups: Vec<_> = (0..walk.sizes.len()).map(|group| walk.group_ranges(group as u16)).collect();
    let rows = walk.step(current);
    for row in &rows {
        now.push(&row.excess);
    }
    let mut findings = Vec::new();
    if !scans.is_empty() {
        let calibrated = Calibrated::new(&past, &now, seed);
        let of = |row| finding(row, &calibrated, &groups, &walk.sizes);
        findings = rows.iter().map(of).collect();
        let p_values: Vec<f64> = findings.iter().map(|finding: &HostFinding| finding.p_value).collect();
        for (finding, told) in findings.iter_mut().zip(told(&p_values)) {
            finding.anomalous = told;
            finding.text = words::sentence(finding);
        }
        findings.sort_by(|a, b| {
            (b.anomalous.cmp(&a.anomalous)).then(b.score.total_cmp(&a.score)).then_with(|| a.key.cmp(&b.key))
        });
    }
    let enough = past.rows() > 0 && 1.0 / (past.rows() + 1) as f64 <= FALSE_SHARE / rows.len().max(1) as f64;
    let shared = shared(&rows);
    ScanJudgement { findings, shared, scans: scans.len(), rows: past.rows(), enough, left_out: walk.left_out }
}

fn shared(rows: &[Row<'_>]) -> Vec<SharedChange> {
    let mut hosts: BTreeMap<Change, Vec<String>> = BTreeMap::new();
    for row in rows {
        for change in &row.shared {
            hosts.entry(*change).or_default().push(row.key.clone());
        }
    }
    hosts.into_iter().map(|(change, hosts)| SharedChange { change, hosts }).collect()
}

fn finding(row: &Row<'_>, calibrated: &Calibrated, groups: &[Vec<[f32; 2]>], sizes: &[usize]) -> HostFinding {
    let (score, p_value) = calibrated.judge(&row.excess);
    let group = groups.get(usize::from(row.group)).map_or(&[][..], Vec::as_slice);
    let mut reasons = if score > 0.0 { calibrated.reasons(&row.excess) } else { Vec::new() };
    reasons.truncate(REASONS_MAX);
    HostFinding {
        address: identity::address(row.host).unwrap_or_else(|| row.key.clone()),
        key: row.key.clone(),
        score,
        p_value,
        anomalous: false,
        reasons: reasons.into_iter().map(|(column, share)| reason(row, column, share, group)).collect(),
        ports_first: row.first.clone(),
        changes: row.changes.clone(),
        scans: row.scans_up,
        group_hosts: sizes.get(usize::from(row.group)).copied().unwrap_or(0),
        text: String::new(),
    }
}

/// Beside its own past where it has one.
fn reason(row: &Row<'_>, column: usize, share: f32, group: &[[f32; 2]]) -> FindingReason {
    let feature = &scan_host_schema().features[column];
    let own = row.own.of(column);
    let [low, high] = own.or_else(|| group.get(column).copied()).unwrap_or_default();
    FindingReason {
        feature: feature.name.to_string(),
        words: feature.phrase.to_string(),
        unit: feature.unit.to_string(),
        value: f64::from(row.values[column]),
        expected_low: f64::from(low),
        expected_high: f64::from(high),
        of: if own.is_some() { "history" } else { "group" },
        share: f64::from(share),
    }
}
