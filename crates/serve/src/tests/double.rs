//! A running process that answers known values, a store with known rows, and short requests.

use crate::shapes::{
    ChannelState, FeatureView, FeedbackGiven, FeedbackPreview, HostPatch, ModelMember, ModelPhase, ModelVersion,
    Models, NotificationAccepted, NotificationChannel, Notifications, NotificationsRetried, Preset, PresetChange,
    Presets, Question, Questions, Retraining, RuleAdded, RuleGiven, RulePreview, ScopePreview, SettingItem, Settings,
    SettingsPatch, SettingsPreview, Setup, SetupGiven, SetupPreview, SourceState, Summary, SuppressionUndone,
    SuppressionView, Suppressions, VersionNote, WrongSetting,
};
use crate::{AppState, Auth, Exports, Hub, Live, LiveError, ModelUpload, PacketQuery, Peer, ServeConfig, router};
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{Request, Response, StatusCode};
use http_body_util::BodyExt;
use record::{
    AppData, AppProto, AppSummary, Counters, DetailField, DetailLayer, DnsData, EndReason, Endpoint, Evidence,
    FeedbackScope, FlowKey, FlowRecord, HealthItem, HealthLevel, HostRecord, Incident, IncidentFeedback,
    IncidentStatus, IpAddr16, Kind, MacAddr, MemberScore, PacketDetail, PacketSummary, SeriesPoint, Severity,
    Suppression, TcpState, Timestamp, Verdict, Why,
};
use serde_json::Value;
use std::sync::Arc;
use store::access::Access;
use store::export::Exporter;
use store::query::packet_matches;
use store::{FlowWrite, HostProfile, IncidentChange, Page, Sqlite, StoreBatch, StoreConfig};
use tempfile::TempDir;
use tower::ServiceExt;

pub(super) const T0_S: i64 = 1_760_000_400;

pub(super) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_parts(T0_S + seconds, 0)
}

pub(super) struct Double {
    pub store: Arc<Sqlite>,
}

fn packet(id: u64) -> PacketSummary {
    let (src, dest) = (IpAddr16::v4([10, 0, 0, id as u8]), IpAddr16::v4([192, 0, 2, 1]));
    PacketSummary {
        id,
        timestamp: at(id as i64),
        src: src.to_string(),
        dest: dest.to_string(),
        src_ip: Some(src),
        dest_ip: Some(dest),
        src_port: 50_000,
        dest_port: 53,
        protocol: "DNS".into(),
        length: 80,
        info: format!("Standard query {id}"),
        score: None,
    }
}

struct DoubleSetup;

impl crate::SetupKeeper for DoubleSetup {
    fn view(&self) -> Result<Setup, LiveError> {
        Ok(Setup { needed: true, chosen: vec!["eth0".into()], ..Setup::default() })
    }
    fn preview(&self, given: &SetupGiven) -> Result<SetupPreview, LiveError> {
        match given.preset.as_deref() {
            Some("moon") => Err(LiveError::NotFound("there is no preset `moon`".into())),
            _ => Ok(SetupPreview { words: vec!["eth0 is watched.".into()], ..SetupPreview::default() }),
        }
    }
    fn apply(&self, given: &SetupGiven) -> Result<Setup, LiveError> {
        let changed = given.version.as_deref() == Some("old");
        if changed { Err(LiveError::Conflict("the file was changed".into())) } else { self.view() }
    }
    fn restart(&self) -> Result<(), LiveError> {
        Err(LiveError::Conflict("a replay would begin anew".into()))
    }
}

impl Live for Double {
    fn reports(&self) -> Option<Arc<dyn crate::ReportKeeper>> {
        Some(Arc::new(super::reports::OneReport))
    }
    fn summary(&self) -> Summary {
        let mut summary = Summary { now: at(1_000), started: at(0), version: "0.1.0".into(), ..Summary::default() };
        summary.totals.packets = 1_234;
        summary.totals.drops.add("store_queue_full", 3);
        summary.sources = vec![SourceState { name: "eth0".into(), packets: 1_234, ..SourceState::default() }];
        summary.model.state = ModelPhase::Ready;
        summary.health = self.health();
        summary
    }
    fn packets(&self, query: &PacketQuery) -> Page<PacketSummary> {
        let wanted = |p: &PacketSummary| {
            query.after.is_none_or(|id| p.id > id)
                && query.before.is_none_or(|id| p.id < id)
                && packet_matches(&query.filter, p)
        };
        let all: Vec<_> = (1..=20).rev().map(packet).filter(wanted).collect();
        let items: Vec<_> = all.iter().take(query.limit as usize).cloned().collect();
        let next_cursor = if all.len() > items.len() { items.last().map(|p| p.id.to_string()) } else { None };
        Page { total: all.len() as u64, items, total_exact: true, next_cursor }
    }
    fn packet(&self, id: u64) -> Option<PacketDetail> {
        (id <= 20).then(|| PacketDetail {
            summary: packet(id),
            layers: vec![DetailLayer {
                name: "Internet Protocol Version 4".into(),
                offset: 0,
                length: 1,
                fields: vec![DetailField {
                    name: "ip.src".into(),
                    label: "Source address".into(),
                    value: packet(id).src,
                    offset: 0,
                    length: 1,
                }],
            }],
            hex: "00ff".into(),
            stopped: String::new(),
        })
    }
    fn packets_of_flow(&self, _: &FlowRecord, limit: usize) -> Vec<PacketSummary> {
        (1..=2).map(packet).take(limit).collect()
    }
    fn packets_pcap(&self, ids: &[u64]) -> Result<Vec<u8>, LiveError> {
        if ids.iter().any(|id| *id <= 20) {
            Ok(vec![0x0a, 0x0d, 0x0d, 0x0a])
        } else {
            Err(LiveError::NotFound("none of these packets is in the ring any more".into()))
        }
    }
    fn features(&self, _: &FlowRecord) -> Vec<FeatureView> {
        vec![FeatureView { feature: "duration_ms".into(), value: 5.0, expected: Some([0.0, 9.0]), unit: "ms".into() }]
    }
    fn models(&self) -> Models {
        let member = ModelMember { name: "isolation_forest".into(), admitted: true, ..ModelMember::default() };
        Models {
            state: ModelPhase::Ready,
            progress: 1.0,
            schema: "flow/1".into(),
            members: vec![member],
            version: Some(3),
            versions: vec![ModelVersion {
                note: VersionNote { version: 3, ..VersionNote::default() },
                in_use: true,
                ..ModelVersion::default()
            }],
            ..Models::default()
        }
    }
    fn country(&self, ip: IpAddr16) -> String {
        if ip == IpAddr16::v4([192, 0, 2, 1]) { "NL".into() } else { String::new() }
    }
    fn country_database(&self) -> Option<String> {
        Some("Test".into())
    }
    fn health(&self) -> Vec<HealthItem> {
        let item =
            |level, name: &str| HealthItem { name: name.into(), level, text: "so".into(), action: String::new() };
        vec![item(HealthLevel::Warning, "drops"), item(HealthLevel::Ok, "capture")]
    }
    fn counters(&self) -> Counters {
        let mut counters = Counters::default();
        counters.add("flows_created", 77);
        counters
    }
    fn threat_lists(&self) -> crate::shapes::ThreatLists {
        let list = crate::shapes::ThreatList { name: "feodo".into(), entries: 7, ..Default::default() };
        crate::shapes::ThreatLists { entries: 7, entries_max: 1000, lists: vec![list] }
    }
    fn sources(&self) -> crate::shapes::SourcesView {
        let exporter = crate::shapes::ExporterView {
            exporter: "192.0.2.1".into(),
            missing: 3,
            ..crate::shapes::ExporterView::default()
        };
        let source = crate::shapes::SourceView {
            name: "exports at 127.0.0.1:2055".into(),
            kind: "collector".into(),
            exporters: vec![exporter],
            exporters_total: 1,
            log: Some(crate::shapes::LogView::default()),
            ..crate::shapes::SourceView::default()
        };
        let interface = crate::shapes::SourceView {
            name: "eth0".into(),
            kind: "interface".into(),
            packets: 1234,
            idle_ms: Some(1_500.0),
            ..crate::shapes::SourceView::default()
        };
        crate::shapes::SourcesView { sources: vec![source, interface] }
    }
    fn scans(&self) -> Option<Arc<dyn crate::ScanKeeper>> {
        Some(Arc::new(super::scans::Keeper))
    }
    fn gauges(&self) -> Vec<(String, f64)> {
        vec![("flow_table_entries".into(), 12.0)]
    }
    fn feature_stability(&self) -> Vec<(String, f64)> {
        vec![("duration_ms".into(), 0.125)]
    }
    fn set_incident(&self, id: &str, change: IncidentChange) -> Result<Incident, LiveError> {
        use store::Read;
        let unavailable = |e: store::StoreError| LiveError::Unavailable(e.to_string());
        let changes = vec![(id.to_owned(), change)];
        self.store.write(StoreBatch { changes, ..StoreBatch::default() }).map_err(unavailable)?;
        self.store.flush().map_err(unavailable)?;
        let found = self.store.reader().incident(id).map_err(unavailable)?;
        found.map(|d| d.incident).ok_or_else(|| LiveError::NotFound(format!("there is no incident {id}")))
    }
    fn give_feedback(&self, id: &str, given: FeedbackGiven) -> Result<Incident, LiveError> {
        let said = |verdict| IncidentFeedback { id: 1, verdict, scope: given.scope, until: given.until, at: at(1) };
        let change = IncidentChange { feedback: Some(given.verdict.map(said)), ..IncidentChange::default() };
        self.set_incident(id, change)
    }
    fn preview_feedback(&self, id: &str) -> Result<FeedbackPreview, LiveError> {
        if id != incident(1).id {
            return Err(LiveError::NotFound(format!("there is no incident {id}")));
        }
        let scope = FeedbackScope::Pair;
        Ok(FeedbackPreview { scopes: vec![ScopePreview { scope, text: "x".into(), incidents: 2, alerts: 5 }] })
    }
    fn notifications(&self) -> Result<Notifications, LiveError> {
        let channel = NotificationChannel {
            name: "admins".into(),
            kind: "email".into(),
            state: ChannelState::Failing,
            waiting: 2,
            last_error: "connection refused".into(),
            next_try: Some(at(1_060)),
            ..NotificationChannel::default()
        };
        Ok(Notifications { channels: vec![channel], ..Notifications::default() })
    }

    fn test_notification(&self, channel: &str) -> Result<NotificationAccepted, LiveError> {
        match channel {
            "admins" => Ok(NotificationAccepted { channel: channel.into(), said: "250 OK".into() }),
            "down" => Err(LiveError::FarSide("connection refused".into())),
            _ => Err(LiveError::NotFound(format!("no channel is called {channel}"))),
        }
    }

    fn retry_notifications(&self, channel: &str) -> Result<NotificationsRetried, LiveError> {
        if channel == "admins" {
            return Ok(NotificationsRetried { incidents: 3 });
        }
        Err(LiveError::NotFound(format!("no channel is called {channel}")))
    }

    fn suppressions(&self) -> Result<Suppressions, LiveError> {
        let suppression = Suppression {
            id: 7,
            incident: incident(1).id,
            kind: Some(Kind::PortScan),
            scope: Some(FeedbackScope::Pair),
            src: Vec::new(),
            dest: Vec::new(),
            dest_port: Vec::new(),
            features: Vec::new(),
            created: at(1),
            until: None,
            text: "port scan".into(),
            rule: None,
            reason: String::new(),
        };
        Ok(Suppressions { items: vec![SuppressionView { suppression, title: "x".into(), active: true, incidents: 2 }] })
    }
    fn undo_suppression(&self, id: u64) -> Result<SuppressionUndone, LiveError> {
        let missing = || LiveError::NotFound(format!("there is no suppression {id}"));
        (id == 7).then_some(SuppressionUndone { incidents: 2 }).ok_or_else(missing)
    }
    fn preview_rule(&self, given: RuleGiven) -> Result<RulePreview, LiveError> {
        if given.rule.is_empty() {
            return Err(LiveError::Refused("give at least one".into()));
        }
        Ok(RulePreview { text: "a rule".into(), incidents: 3, alerts: 9, examples: Vec::new() })
    }
    fn add_rule(&self, given: RuleGiven) -> Result<RuleAdded, LiveError> {
        self.preview_rule(given.clone())?;
        let mut view = self.suppressions()?.items.remove(0);
        (view.suppression.rule, view.suppression.reason) = (Some(given.rule), given.reason);
        Ok(view)
    }
    fn set_host(&self, ip: IpAddr16, patch: HostPatch) -> Result<(), LiveError> {
        let (importance, label) = (patch.importance.unwrap_or_default(), patch.label.unwrap_or_default());
        let profile = HostProfile { ip, importance, label, note: patch.note.unwrap_or_default(), changed: at(1) };
        let unavailable = |e: store::StoreError| LiveError::Unavailable(e.to_string());
        self.store.write(StoreBatch { profiles: vec![profile], ..StoreBatch::default() }).map_err(unavailable)?;
        self.store.flush().map_err(unavailable)
    }
    fn vendor(&self, _: MacAddr) -> String {
        "Cimsys".into()
    }
    fn settings(&self) -> Result<Settings, LiveError> {
        let item = SettingItem { key: "alert.per_hour".into(), value: 4.0.into(), ..SettingItem::default() };
        Ok(Settings { items: vec![item], ..Settings::default() })
    }
    fn change_settings(&self, patch: &SettingsPatch) -> Result<Settings, LiveError> {
        match patch.preset.as_deref() {
            Some(name) if name != "home" => Err(LiveError::NotFound(format!("there is no preset `{name}`"))),
            _ if patch.values.contains_key("serve.listen") => Err(LiveError::Conflict("it is fixed".into())),
            _ if patch.values.values().any(|v| !v.is_number()) => Err(LiveError::Refused("write a number".into())),
            _ => self.settings(),
        }
    }
    fn preview_settings(&self, patch: &SettingsPatch) -> Result<SettingsPreview, LiveError> {
        let wrong = |(key, value): (&String, &serde_json::Value)| {
            let why = format!("{value} is no number");
            (!value.is_number()).then(|| WrongSetting { key: key.clone(), why })
        };
        let wrong = patch.values.iter().filter_map(wrong).collect();
        Ok(SettingsPreview { difference: "+per_hour = 2.0\n".into(), wrong, ..SettingsPreview::default() })
    }
    fn setup(&self) -> Option<std::sync::Arc<dyn crate::SetupKeeper>> {
        Some(std::sync::Arc::new(DoubleSetup))
    }
    fn presets(&self) -> Result<Presets, LiveError> {
        let change = PresetChange { key: "alert.per_hour".into(), to: 2.0.into(), ..PresetChange::default() };
        Ok(Presets { items: vec![Preset { name: "home".into(), changes: vec![change], ..Preset::default() }] })
    }
    fn retrain(&self) -> Result<Retraining, LiveError> {
        Err(LiveError::Conflict("a training is under way already".into()))
    }
    fn roll_back(&self, kind: &str, version: u64) -> Result<Models, LiveError> {
        let missing = || LiveError::NotFound(format!("version {version} is not kept"));
        (version == 2 && kind == "flow").then(|| self.models()).ok_or_else(missing)
    }
    fn questions(&self) -> Result<Questions, LiveError> {
        let question = Question { incident: incident(1), doubt: 0.5, text: "so".into() };
        Ok(Questions { per_day: 5, answered_today: 1, items: vec![question] })
    }
    fn import_model(&self, upload: ModelUpload) -> Result<Models, LiveError> {
        if upload.onnx.is_empty() {
            return Err(LiveError::Refused(format!("{}: it is empty", upload.onnx_name)));
        }
        let member = ModelMember { name: upload.manifest, looks_at: upload.onnx_name, ..ModelMember::default() };
        Ok(Models { members: vec![member], ..Models::default() })
    }
}

/// Flow `n` from 10.0.0.n, ended `n` seconds after the beginning; every tenth is anomalous.
pub(super) fn flow(n: u64) -> FlowWrite {
    let src = Endpoint { addr: IpAddr16::v4([10, 0, (n >> 8) as u8, n as u8]), port: 40_000 };
    let dest = Endpoint { addr: IpAddr16::v4([192, 0, 2, 1]), port: 53 };
    let (key, originator_low) = FlowKey::new(src, dest, 17);
    let dns = DnsData { rrname: format!("n{n}.example.org"), rrtype: "A".into(), ..DnsData::default() };
    let mut record = FlowRecord {
        flow_id: 5_000 + n,
        key,
        originator_low,
        start: at(n as i64).plus_ns(-20_000_000),
        end: at(n as i64),
        first_seen: at(n as i64).plus_ns(-20_000_000),
        reason: EndReason::Idle,
        state: TcpState::Sf,
        app: Some(Box::new(AppSummary { proto: AppProto::Dns, request: Some(AppData::Dns(dns)), response: None })),
        ..FlowRecord::default()
    };
    (record.forward.packets, record.forward.bytes, record.backward.packets, record.backward.bytes) = (1, 80, 1, 200);
    record.forward.payload.add(38.0);
    let anomalous = n.is_multiple_of(10);
    let member = MemberScore { name: "autoencoder".into(), score: 1.0, p_value: 0.5, admitted: true };
    let verdict = Verdict {
        flow_id: record.flow_id,
        ts: record.end,
        score: if anomalous { 0.95 } else { 0.2 },
        p_value: 0.5,
        novelty_p_value: 0.5,
        known: None,
        anomalous,
        members: vec![member],
        why: Vec::new(),
    };
    FlowWrite { record: Box::new(record), verdict: Some(verdict), community_id: "1:x".into(), in_iface: "eth0".into() }
}

pub(super) fn incident(n: u64) -> Incident {
    Incident {
        id: format!("{n:016x}"),
        kind: Kind::PortScan,
        title: "10.0.0.1 scanned, \"all\" of 192.0.2.1".into(),
        severity: Severity::High,
        score: 0.9,
        first_seen: at(1),
        last_seen: at(2),
        raised: at(n as i64),
        src: vec![IpAddr16::v4([10, 0, 0, 1])],
        dest: vec![IpAddr16::v4([192, 0, 2, 1])],
        dest_port: vec![22],
        alerts: 1,
        attack: vec!["T1046".into()],
        status: IncidentStatus::Open,
        why: vec![Why { feature: "ports".into(), value: 9.0, expected: [0.0, 1.0], unit: "ports".into(), share: 1.0 }],
        detectors: Vec::new(),
        flows: vec![5_001],
        evidence: Evidence { pcap: true, packets: 2 },
        advice: "Look.".into(),
        over_budget: false,
        notes: Vec::new(),
        feedback: None,
        suppressed_by: None,
        domains: Vec::new(),
        part_of: None,
        timeline: Vec::new(),
    }
}

pub(super) struct World {
    _dir: TempDir,
    pub state: AppState,
    pub store: Arc<Sqlite>,
    pub access: Arc<Access>,
}

pub(super) fn world() -> World {
    let dir = tempfile::tempdir().unwrap();
    let config = StoreConfig { batch_ms: 1, ..StoreConfig::default() };
    let store = Arc::new(Sqlite::open(dir.path(), &config).unwrap());
    let host = HostRecord {
        ip: IpAddr16::v4([10, 0, 0, 1]),
        mac: None,
        name: "=cmd()".into(),
        home: true,
        first_seen: at(0),
        last_seen: at(9),
        flows_out: 1,
        flows_in: 0,
        bytes_out: 80,
        bytes_in: 200,
        services: Vec::new(),
    };
    let series = (0..120).map(|s| SeriesPoint { ts: at(s), metric: "bytes", value: 10.0 }).collect();
    let batch = StoreBatch {
        flows: (1..=250).map(flow).collect(),
        incidents: vec![incident(1), incident(2)],
        hosts: vec![host],
        series,
        ..StoreBatch::default()
    };
    store.write(batch).unwrap();
    store.flush().unwrap();
    store.evidence().save(&incident(1).id, |out| out.write_all(b"pcapng")).unwrap();
    let live: Arc<dyn Live> = Arc::new(Double { store: Arc::clone(&store) });
    let read = store.reader();
    let exports = Exports::new(Exporter::new(store.reader(), |incident| serde_json::json!({"id": incident.id})));
    let config = Arc::new(ServeConfig::default());
    let access = Arc::new(Access::open(dir.path()).unwrap());
    let auth = Arc::new(Auth::new(Arc::clone(&access), &config).unwrap());
    let state = AppState { read, live, hub: Hub::starting_at(1), exports, auth, config };
    World { _dir: dir, state, store, access }
}

/// The other end of a connection.
pub(super) fn from(ip: &str) -> ConnectInfo<Peer> {
    ConnectInfo(Peer((ip.parse::<std::net::IpAddr>().unwrap(), 50_000).into()))
}

impl World {
    /// From this machine, where the request does not say otherwise.
    pub(super) async fn send(&self, mut request: Request<Body>) -> Response<Body> {
        if request.extensions().get::<ConnectInfo<Peer>>().is_none() {
            request.extensions_mut().insert(from("127.0.0.1"));
        }
        router(self.state.clone()).oneshot(request).await.unwrap()
    }
    pub(super) async fn get(&self, path: &str) -> Response<Body> {
        self.send(Request::get(path).header("host", "127.0.0.1:7070").body(Body::empty()).unwrap()).await
    }
    /// JSON of a successful answer.
    pub(super) async fn json(&self, path: &str) -> Value {
        let response = self.get(path).await;
        let status = response.status();
        let text = text(response).await;
        assert_eq!(status, StatusCode::OK, "{path}: {text}");
        serde_json::from_str(&text).unwrap()
    }
    /// The problem of a refused request; its status must be `status`.
    pub(super) async fn problem(&self, path: &str, status: u16) -> Value {
        problem(self.get(path).await, status, path).await
    }
    pub(super) async fn post(&self, path: &str, body: &str) -> Response<Body> {
        let request = Request::post(path).header("host", "localhost").header("content-type", "application/json");
        self.send(request.body(Body::from(body.to_owned())).unwrap()).await
    }
    pub(super) async fn delete(&self, path: &str) -> Response<Body> {
        self.send(Request::delete(path).header("host", "localhost").body(Body::empty()).unwrap()).await
    }
    pub(super) async fn patch(&self, path: &str, body: &str) -> Response<Body> {
        let request = Request::patch(path).header("host", "localhost").header("content-type", "application/json");
        self.send(request.body(Body::from(body.to_owned())).unwrap()).await
    }
}

pub(super) async fn problem(response: Response<Body>, status: u16, what: &str) -> Value {
    assert_eq!(response.status().as_u16(), status, "{what}");
    assert_eq!(response.headers()["content-type"], "application/problem+json", "{what}");
    let value: Value = serde_json::from_str(&text(response).await).unwrap();
    assert_eq!(keys(&value), "detail status title type", "{what}");
    assert_eq!(value["status"], status, "{what}");
    value
}

pub(super) async fn bytes(response: Response<Body>) -> Vec<u8> {
    response.into_body().collect().await.unwrap().to_bytes().to_vec()
}

pub(super) async fn text(response: Response<Body>) -> String {
    String::from_utf8(bytes(response).await).unwrap()
}

/// The names of an object, sorted, separated by spaces.
pub(super) fn keys(value: &Value) -> String {
    let mut names: Vec<_> = value.as_object().unwrap().keys().map(String::as_str).collect();
    names.sort_unstable();
    names.join(" ")
}

/// Sorts a list written as in the reference page.
pub(super) fn names(list: &str) -> String {
    let mut names: Vec<_> = list.split_whitespace().collect();
    names.sort_unstable();
    names.join(" ")
}
