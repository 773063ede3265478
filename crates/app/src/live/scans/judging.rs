//! What people are told of a scan: its alerts, and which hosts are strange in it. Owns which change of the inventory is worth which alert, and
//! its words; what is strange is not asked yet. Nothing is told of the first scan of some targets: it teaches.

use record::asset::{Asset, AssetChange, AssetEvent, InventoryChange};
use record::scan::Scan;
use record::{Alert, DetectorScore, Finding, IpAddr16, Kind, MacAddr, ScanRow, Severity, Timestamp};
use std::collections::BTreeMap;
use store::{FirstUse, Reader, StoreError};

/// Name under which these alerts are made.
const DETECTOR: &str = "scan";
/// Score and p-value of what is exact.
const SCORE: f32 = 0.5;
const P_VALUE: f64 = 1e-2;
/// Alerts of one scan; a network that changed all at once is told in part, and the inventory has the rest.
const ALERTS_MAX: usize = 256;
/// Changes told in one title.
const TOLD_MAX: usize = 3;

/// Whole scans of the same targets before, oldest first, as many as memory is given.
pub struct History {
    /// Scans.
    pub scans: Vec<Scan>,
}

/// A whole scan beside what was known before.
pub struct Case<'a> {
    /// The run.
    pub row: &'a ScanRow,
    /// What earlier ones found.
    pub history: History,
    /// What it changed.
    pub change: &'a InventoryChange,
    /// For the traffic of ports.
    pub reader: &'a Reader,
}

/// What is to be told.
#[derive(Default)]
pub struct ScanJudged {
    /// Hosts that are strange in it.
    pub findings: Vec<Finding>,
    /// Alerts, each with the key of its host.
    pub alerts: Vec<(String, Alert)>,
}

/// Judges a whole scan.
pub fn judge_scan(case: &Case) -> Result<ScanJudged, StoreError> {
    if case.history.scans.is_empty() {
        return Ok(ScanJudged::default());
    }
    let assets: BTreeMap<&str, &Asset> = case.change.assets.iter().map(|asset| (asset.key.as_str(), asset)).collect();
    let mut stories: BTreeMap<(&str, Kind), Vec<&AssetEvent>> = BTreeMap::new();
    for event in &case.change.events {
        if let Some(kind) = kind_of(event.what) {
            stories.entry((&event.key, kind)).or_default().push(event);
        }
    }
    let mut alerts = Vec::new();
    for ((key, kind), events) in stories.into_iter().take(ALERTS_MAX) {
        let Some(asset) = assets.get(key) else { continue };
        alerts.push((key.to_owned(), alert(case, asset, kind, &events)?));
    }
    Ok(ScanJudged { findings: Vec::new(), alerts })
}

/// What a change is told as; None: it is in the inventory's history and no reason to call anybody.
fn kind_of(what: AssetChange) -> Option<Kind> {
    match what {
        AssetChange::NewDevice => Some(Kind::NewDevice),
        AssetChange::PortOpened => Some(Kind::NewService),
        AssetChange::PortClosed | AssetChange::ServiceChanged | AssetChange::CertificateChanged => {
            Some(Kind::PortChange)
        }
        AssetChange::Down => Some(Kind::HostDown),
        AssetChange::Returned
        | AssetChange::VersionChanged
        | AssetChange::OsChanged
        | AssetChange::NameChanged
        | AssetChange::AddressChanged => None,
    }
}

fn alert(case: &Case, asset: &Asset, kind: Kind, events: &[&AssetEvent]) -> Result<Alert, StoreError> {
    let ts = case.row.ended.unwrap_or(case.row.started);
    let mut alert = Alert {
        ts,
        first_seen: case.row.started,
        kind,
        detector: DETECTOR,
        src: asset.addresses.clone(),
        dest: Vec::new(),
        dest_port: events.iter().filter_map(|event| u16::try_from(event.port).ok()).filter(|port| *port > 0).collect(),
        score: SCORE,
        severity: Severity::Low,
        title: String::new(),
        why: Vec::new(),
        detectors: vec![DetectorScore { name: DETECTOR.to_owned(), score: f64::from(SCORE), p_value: P_VALUE }],
        flows: Vec::new(),
        packets: 0,
        story: story(asset, kind, events),
        attack: Vec::new(),
    };
    alert.dest_port.truncate(64);
    let mut told = Vec::new();
    for event in events.iter().take(TOLD_MAX) {
        let used = if kind == Kind::NewService { first_use(case.reader, asset, event)? } else { None };
        told.push(words(event, used.as_ref()));
        if let Some(used) = used {
            alert.flows.push(used.flow_id);
            alert.dest.push(used.peer);
        }
    }
    if let more @ 1.. = events.len().saturating_sub(TOLD_MAX) {
        told.push(format!("{more} more"));
    }
    alert.title = title(asset, kind, &told.join("; "));
    Ok(alert)
}

/// The same story as the detectors of traffic tell, so that both are one incident: `10.0.0.7 4444`, a device by its MAC address.
fn story(asset: &Asset, kind: Kind, events: &[&AssetEvent]) -> String {
    match (kind, events) {
        (Kind::NewService, [event]) => format!("{} {}", asset.address(), event.port),
        (Kind::NewDevice, _) => {
            let mac = asset.mac.clone().and_then(|mac| serde_json::from_value::<MacAddr>(mac.into()).ok());
            mac.map_or_else(|| asset.address(), |mac| mac.to_string())
        }
        _ => asset.key.clone(),
    }
}

fn title(asset: &Asset, kind: Kind, told: &str) -> String {
    let address = asset.address();
    let name = asset.names.first().map(|name| format!(" ({name})")).unwrap_or_default();
    match kind {
        Kind::NewDevice => {
            let mac = asset.mac.as_ref().map(|mac| format!(" with {mac}")).unwrap_or_default();
            format!("A scan found a device not known before: {address}{name}{mac}, {told}")
        }
        _ => format!("{address}{name}: {told}"),
    }
}

/// One change in words: `4444/tcp open since 10:02; first used by 10.0.0.9 at 10:03`.
fn words(event: &AssetEvent, used: Option<&FirstUse>) -> String {
    if event.what != AssetChange::PortOpened {
        return event.text.clone();
    }
    let service = event.text.strip_suffix(" opened").unwrap_or(&event.text);
    let used = used.map(|used| format!("; first used by {} at {}", used.peer, clock(used.at))).unwrap_or_default();
    format!("{service} open since {}{used}", clock(event.at))
}

/// `10:02`, UTC.
fn clock(at: Timestamp) -> String {
    at.rfc3339().get(11..16).unwrap_or("").to_owned()
}

/// Who used the port of an event since the scan before.
fn first_use(reader: &Reader, asset: &Asset, event: &AssetEvent) -> Result<Option<FirstUse>, StoreError> {
    let port = asset.ports.iter().find(|port| (&port.protocol, port.port) == (&event.protocol, event.port));
    let since = port.and_then(|port| port.absent).unwrap_or(event.at);
    let addresses: &[IpAddr16] = &asset.addresses;
    reader.first_use(addresses, &event.protocol, event.port, since)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn event(what: AssetChange, text: &str) -> AssetEvent {
        AssetEvent {
            at: Timestamp::from_parts(36_120, 0),
            scan: "s".to_owned(),
            key: "10.0.0.7".to_owned(),
            what,
            text: text.to_owned(),
            before: String::new(),
            after: String::new(),
            protocol: "tcp".to_owned(),
            port: 4444,
        }
    }

    #[test]
    fn words_join_scan_and_traffic() {
        let opened = event(AssetChange::PortOpened, "4444/tcp opened");
        assert_eq!(words(&opened, None), "4444/tcp open since 10:02");
        let used = FirstUse { at: Timestamp::from_parts(36_180, 0), peer: "10.0.0.9".parse().unwrap(), flow_id: 1 };
        let asset = Asset {
            key: "10.0.0.7".to_owned(),
            addresses: vec!["10.0.0.7".parse().unwrap()],
            names: vec!["till".to_owned()],
            ..Asset::default()
        };
        let told = title(&asset, Kind::NewService, &words(&opened, Some(&used)));
        assert_eq!(told, "10.0.0.7 (till): 4444/tcp open since 10:02; first used by 10.0.0.9 at 10:03");
        assert_eq!(story(&asset, Kind::NewService, &[&opened]), "10.0.0.7 4444", "as the detector of traffic");
        let card = Asset { mac: Some("02:00:00:00:00:0A".to_owned()), ..asset };
        assert_eq!(story(&card, Kind::NewDevice, &[]), "02:00:00:00:00:0a");
        assert_eq!(words(&event(AssetChange::PortClosed, "80/tcp http closed"), None), "80/tcp http closed");
    }

    #[test]
    fn what_is_told_has_a_kind() {
        let told: Vec<_> = AssetChange::ALL.into_iter().filter_map(kind_of).map(Kind::name).collect();
        assert_eq!(told, ["new_device", "host_down", "new_service", "port_change", "port_change", "port_change"]);
    }
}
