//! From a scan to the inventory and to people: folds, compares with the scan before, stores all of it as one, judges, tells. Also for files of
//! nmap's. Owns the order; the rules are the scan room's and `judging.rs`'s.

use super::judging::{Case, ScanJudged, judge_scan};
use super::{ScanDesk, audit, bounded, unavailable};
use crate::live::judging::lock;
use crate::live::requests::Request;
use crate::live::worker::wall_clock;
use record::{Asset, Finding, Incident, InventoryChange, MacAddr, Prefix, ScanBackend, ScanOrigin, ScanRow, ScanState};
use scan::{Fold, Limits, Scan};
use serve::{EventKind, LiveError};
use std::time::Duration;
use store::{Read, ScanWrite, StoreBatch, StoreError};

/// Whole scans of the past that a scan is judged by.
const HISTORY_SCANS_MAX: u32 = 30;
/// Ports of all of them together: bounds the memory. The newest scans are taken first.
const HISTORY_PORTS_MAX: usize = 1_000_000;
/// Longest wait for the judge to take alerts.
const JUDGE_WAIT: Duration = Duration::from_secs(10);

/// Hosts and ports that an import names as its targets, at most.
const TARGETS_OF_IMPORT_MAX: usize = 16;

impl ScanDesk {
    /// Puts a scan that gave something into store and inventory, and tells what is to be told.
    pub(super) fn enter_inventory(&self, row: &mut ScanRow, scan: Scan, networks: &[Prefix]) {
        if let Err(error) = self.enter_all(row, scan, networks) {
            tracing::error!("scan {}: {error}", row.id);
            row.state = ScanState::Failed;
            row.words = format!("it could not be kept: {error}");
            self.keep_failure(row);
        }
    }

    fn enter_all(&self, row: &mut ScanRow, scan: Scan, networks: &[Prefix]) -> Result<(), LiveError> {
        let one = lock(&self.entering);
        let read = |e: StoreError| unavailable(&e);
        let down = |host: &&scan::ScannedHost| host.state.as_deref() == Some("down");
        row.hosts_up = scan.up() as u64;
        row.hosts_down = scan.hosts.iter().filter(down).count() as u64;
        row.ports_open =
            scan.hosts.iter().flat_map(|h| &h.ports).filter(|p| p.state.as_deref() == Some("open")).count() as u64;
        let mut past = Vec::new();
        if row.state == ScanState::Done {
            past = self.reader.whole_scans(&row.targets, HISTORY_SCANS_MAX + 1).map_err(read)?;
            past.retain(|other| other.id != row.id && other.started < row.started);
        }
        if let Some(previous) = past.first()
            && let Some(before) = self.reader.scan_body(&previous.id).map_err(read)?
        {
            row.previous = Some(previous.id.clone());
            row.changes = Some(scan::diff(&before, &scan).hosts.len() as u64);
        }
        let inventory = self.reader.inventory().map_err(read)?;
        let missed_scans_down = self.desk.running().scan.missed_scans_down;
        let call = Fold { scan: &row.id, at: row.started, networks, missed_scans_down };
        let mut change = scan::fold(inventory, &scan, &call);
        self.name_vendors(&mut change);
        let mut judged = judging_of(self, row, &scan, &past, &change).map_err(read)?;
        row.anomalies = judged.findings.len() as u64;
        let text = format!(
            "scan {} {}: {} hosts up, {} ports open{}",
            row.id,
            row.state.name(),
            row.hosts_up,
            row.ports_open,
            if row.words.is_empty() { String::new() } else { format!("; {}", row.words) }
        );
        let write = ScanWrite {
            row: row.clone(),
            scan: Some(Box::new(scan)),
            inventory: change,
            findings: judged.findings.clone(),
            ..ScanWrite::default()
        };
        self.write(StoreBatch { scans: vec![write], audit: vec![audit(row, text)], ..StoreBatch::default() })?;
        drop(one);
        if let Err(error) = self.tell(row, &mut judged.findings, judged.alerts) {
            // It is kept all the same; only nobody was told.
            tracing::error!("scan {}: {error}", row.id);
            row.words = format!("what it changed became no incidents: {error}");
            self.keep_failure(row);
        }
        Ok(())
    }

    /// Makers of network cards that the scanner did not tell.
    fn name_vendors(&self, change: &mut InventoryChange) {
        let unnamed = |asset: &&mut Asset| asset.vendor.is_empty() && asset.mac.is_some();
        for asset in change.assets.iter_mut().filter(unnamed) {
            let mac: Option<MacAddr> = serde_json::from_value(asset.mac.clone().into()).ok();
            asset.vendor = mac.map(|mac| self.desk.vendors.name(mac)).unwrap_or_default();
        }
    }

    /// Alerts go to the judge; findings learn of which incident they are a part.
    fn tell(
        &self,
        row: &ScanRow,
        findings: &mut [Finding],
        alerts: Vec<(String, record::Alert)>,
    ) -> Result<(), LiveError> {
        let Some(judge) = self.judge.as_ref().filter(|_| !alerts.is_empty()) else { return Ok(()) };
        let (keys, alerts): (Vec<String>, Vec<_>) = alerts.into_iter().unzip();
        let (reply, answer) = crossbeam_channel::bounded::<Vec<Option<Incident>>>(1);
        let late = || LiveError::Unavailable("the judge is busy: alerts of the scan are lost".to_owned());
        judge.send_timeout(Request::Alerts(alerts, reply), JUDGE_WAIT).map_err(|_| late())?;
        let incidents = answer.recv_timeout(JUDGE_WAIT).map_err(|_| late())?;
        let mut changed = Vec::new();
        for (key, incident) in keys.iter().zip(incidents) {
            let Some(incident) = incident else { continue };
            for finding in findings.iter_mut().filter(|finding| finding.key == *key && finding.incident.is_none()) {
                finding.incident = Some(incident.id.clone());
                changed.push(finding.clone());
            }
        }
        if changed.is_empty() {
            return Ok(());
        }
        // The row again, without a body: nothing but the findings is written anew.
        let write = ScanWrite { row: row.clone(), findings: changed, ..ScanWrite::default() };
        self.write(StoreBatch { scans: vec![write], ..StoreBatch::default() })
    }

    /// A file of nmap's. It covers the hosts that it lists and no others.
    pub(super) fn take_in(&self, xml: &[u8]) -> Result<ScanRow, LiveError> {
        let scan = scan::read_scan(xml, Limits::default()).map_err(|e| LiveError::Refused(e.to_string()))?;
        let now = wall_clock();
        let mut row = ScanRow {
            id: format!("{:016x}", now.0),
            targets: targets_of(&scan),
            backend: ScanBackend::Import,
            origin: ScanOrigin::Import,
            state: if scan.incomplete.is_some() { ScanState::Incomplete } else { ScanState::Done },
            started: scan.started.unwrap_or(now),
            ended: Some(scan.ended.unwrap_or(now)),
            words: scan.incomplete.clone().unwrap_or_default(),
            ..ScanRow::default()
        };
        self.enter_all(&mut row, scan, &[])?;
        self.hub.publish(EventKind::Scan, &row);
        Ok(row)
    }
}

/// What a file's call names as targets: addresses, networks, and its last word.
fn targets_of(scan: &Scan) -> Vec<String> {
    let words: Vec<&str> = scan.args.split_whitespace().collect();
    let mut targets: Vec<String> =
        words.iter().filter(|word| word.parse::<Prefix>().is_ok()).map(|word| (*word).to_owned()).collect();
    if let Some(last) = words.last().filter(|last| !last.starts_with('-') && !targets.iter().any(|t| t == *last)) {
        targets.push(bounded(last));
    }
    targets.truncate(TARGETS_OF_IMPORT_MAX);
    targets
}

/// Loads the past of these targets, as much as is bounded, and asks `judge_scan`.
fn judging_of(
    desk: &ScanDesk,
    row: &ScanRow,
    scan: &Scan,
    past: &[ScanRow],
    change: &InventoryChange,
) -> Result<ScanJudged, StoreError> {
    if row.state != ScanState::Done || row.origin == ScanOrigin::Import {
        return Ok(ScanJudged::default());
    }
    let (mut scans, mut ports) = (Vec::new(), 0);
    for other in past.iter().take(HISTORY_SCANS_MAX as usize) {
        let Some(body) = desk.reader.scan_body(&other.id)? else { continue };
        ports += body.hosts.iter().map(|host| host.ports.len()).sum::<usize>();
        if ports > HISTORY_PORTS_MAX {
            break;
        }
        scans.push(body);
    }
    scans.reverse();
    let missed_scans_down = desk.desk.running().scan.missed_scans_down;
    let (history, reader, seed) = (scans.as_slice(), &*desk.reader, desk.seed);
    judge_scan(&Case { row, scan, history, change, reader, missed_scans_down, seed })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_targets_of_a_file_are_its_own() {
        let of = |args: &str| targets_of(&Scan { args: args.to_owned(), ..Scan::default() }).join(" ");
        assert_eq!(of("nmap -sV -oX x.xml 10.0.0.0/24 10.1.0.1"), "10.0.0.0/24 10.1.0.1");
        assert_eq!(of("nmap -oX - scanme.example"), "scanme.example");
        assert_eq!(of("nmap -p 22 -F"), "");
    }
}
