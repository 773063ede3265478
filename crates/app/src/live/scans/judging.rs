//! What people are told of a scan: which hosts are strange in it, and its alerts. Owns the joining of `evaluate::scans`, which judges, with the
//! inventory's keys and with the traffic that used what opened. Nothing is told of the first scan of some targets: it teaches.

use evaluate::scans::{self, FirstUse, HostFinding, ScanStory};
use features::scan::PortKey;
use record::asset::{AssetChange, FindingReason, InventoryChange};
use record::scan::Scan;
use record::{Alert, Finding, ScanRow};
use std::collections::HashMap;
use store::{Reader, StoreError};

/// Alerts of one scan; a network that changed all at once is told in part, and the inventory has the rest.
const ALERTS_MAX: usize = 256;
/// Opened ports of one scan whose first use is looked for.
const FIRST_USES_MAX: usize = 256;

/// A whole scan beside what was known before.
pub struct Case<'a> {
    /// The run.
    pub row: &'a ScanRow,
    /// What it found.
    pub scan: &'a Scan,
    /// Whole scans of the same targets before, oldest first, as many as memory is given.
    pub history: &'a [Scan],
    /// What it changed.
    pub change: &'a InventoryChange,
    /// For the traffic of ports.
    pub reader: &'a Reader,
    /// A host is down after so many scans without it.
    pub missed_scans_down: u32,
    /// The models' chance.
    pub seed: u64,
}

/// What is to be told.
#[derive(Default)]
pub struct ScanJudged {
    /// Hosts that are strange in it.
    pub findings: Vec<Finding>,
    /// Alerts, each with the inventory's key of its host.
    pub alerts: Vec<(String, Alert)>,
}

/// Judges a whole scan.
pub fn judge_scan(case: &Case) -> Result<ScanJudged, StoreError> {
    if case.history.is_empty() {
        return Ok(ScanJudged::default());
    }
    let judgement = scans::judge(case.history, case.scan, case.seed);
    let keys = keys(case);
    let first_uses = first_uses(case, &judgement.findings)?;
    let story = ScanStory {
        history: case.history,
        current: case.scan,
        judgement: &judgement,
        first_uses: &first_uses,
        missed_scans_down: case.missed_scans_down as usize,
    };
    let key_of = |address: &str| keys.get(address).copied().unwrap_or(address).to_owned();
    let told = scans::scan_alerts(&story).into_iter().take(ALERTS_MAX);
    let alerts = told.map(|alert| (alert.src.first().map_or(String::new(), |ip| key_of(&ip.to_string())), alert));
    let strange = judgement.findings.iter().filter(|finding| finding.anomalous);
    let findings = strange.map(|host| finding(case.row, key_of(&host.address), host));
    Ok(ScanJudged { findings: findings.collect(), alerts: alerts.collect() })
}

/// The inventory's key of each address that it knows of the hosts in this scan.
fn keys<'a>(case: &Case<'a>) -> HashMap<String, &'a str> {
    let assets = case.change.assets.iter();
    let mut keys: HashMap<String, &str> =
        assets.flat_map(|asset| asset.addresses.iter().map(|ip| (ip.to_string(), asset.key.as_str()))).collect();
    for (host, key) in case.scan.hosts.iter().zip(&case.change.keys).filter(|(_, key)| !key.is_empty()) {
        keys.extend(host.addresses.iter().map(|address| (address.addr.clone(), key.as_str())));
    }
    keys
}

fn finding(row: &ScanRow, key: String, host: &HostFinding) -> Finding {
    let reason = |reason: &scans::FindingReason| FindingReason {
        feature: reason.feature.clone(),
        words: reason.words.clone(),
        value: reason.value,
        expected_low: reason.expected_low,
        expected_high: reason.expected_high,
        of: reason.of.to_owned(),
    };
    Finding {
        scan: row.id.clone(),
        at: row.started,
        key,
        score: f64::from(host.score),
        p_value: host.p_value,
        text: host.text.clone(),
        reasons: host.reasons.iter().map(reason).collect(),
        incident: None,
    }
}

/// Who used what opened, since the scan before, under the judge's keys.
fn first_uses(case: &Case, findings: &[HostFinding]) -> Result<Vec<FirstUse>, StoreError> {
    let judged: HashMap<&str, &str> = findings.iter().map(|f| (f.address.as_str(), f.key.as_str())).collect();
    let opened = case.change.events.iter().filter(|event| event.what == AssetChange::PortOpened).take(FIRST_USES_MAX);
    let mut found = Vec::new();
    for event in opened {
        let Some(asset) = case.change.assets.iter().find(|asset| asset.key == event.key) else { continue };
        let key = asset.addresses.iter().find_map(|ip| judged.get(ip.to_string().as_str()));
        let (Some(key), Some(port)) = (key, PortKey::new(&event.protocol, event.port)) else { continue };
        let known = asset.ports.iter().find(|port| (&port.protocol, port.port) == (&event.protocol, event.port));
        let since = known.and_then(|port| port.absent).unwrap_or(event.at);
        if let Some(used) = case.reader.first_use(&asset.addresses, &event.protocol, event.port, since)? {
            found.push(FirstUse { key: (*key).to_owned(), port, at: used.at, peer: used.peer, flow_id: used.flow_id });
        }
    }
    Ok(found)
}
