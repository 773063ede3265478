//! The rows and pages that the store answers with; their JSON is the API's.

use crate::scan_rows::AssetRow;
pub use record::net::proto_name;
use record::{
    AppSummary, FlowRecord, HostRecord, Importance, Incident, IpAddr16, MacAddr, MemberScore, Severity, Timestamp,
    Tunnel, Verdict, Why,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One page of a list, newest first.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Page<T> {
    /// Rows.
    pub items: Vec<T>,
    /// Rows that match in all; a lower bound when `total_exact` is false.
    pub total: u64,
    /// False when counting stopped at 100,000.
    pub total_exact: bool,
    /// Give it as `cursor` for the next page; null at the end.
    pub next_cursor: Option<String>,
}

impl<T> Page<T> {
    /// No rows.
    #[must_use]
    pub const fn empty() -> Self {
        Self { items: Vec::new(), total: 0, total_exact: true, next_cursor: None }
    }
}

/// FLOW: one row of the flow list. Names are Suricata EVE's where it has the thing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FlowRow {
    /// Identity, exact in JavaScript.
    pub flow_id: u64,
    /// First packet.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub start: Timestamp,
    /// Last packet.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub end: Timestamp,
    /// Milliseconds between them.
    pub duration_ms: f64,
    /// Originator.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub src_ip: IpAddr16,
    /// Originator's port, 0 when none.
    pub src_port: u16,
    /// Responder.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub dest_ip: IpAddr16,
    /// Responder's port, 0 when none.
    pub dest_port: u16,
    /// `TCP`, `UDP`, `ICMP`, `IPv6-ICMP`, `SCTP` …, else the number.
    pub proto: String,
    /// `tls`, `dns` …; `unknown`.
    pub app_proto: String,
    /// Zeek's connection state.
    pub state: String,
    /// Zeek's history letters.
    pub history: String,
    /// Why it was reported.
    pub reason: String,
    /// Packets of the originator.
    pub pkts_toserver: u64,
    /// Packets of the responder.
    pub pkts_toclient: u64,
    /// Wire bytes of the originator.
    pub bytes_toserver: u64,
    /// Wire bytes of the responder.
    pub bytes_toclient: u64,
    /// Community ID, version 1.
    pub community_id: String,
    /// Interface.
    pub in_iface: String,
    /// Outermost VLAN, 0 untagged.
    pub vlan: u16,
    /// Outermost tunnel, `none` without.
    pub tunnel: String,
    /// Server name of TLS, host of HTTP, or name asked of DNS; empty when unknown.
    pub host_name: String,
    /// 0 normal … 1 strange; null until judged.
    pub score: Option<f64>,
    /// Combined p-value; null until judged.
    pub p_value: Option<f64>,
    /// True above the threshold.
    pub anomalous: bool,
    /// Process of this machine whose socket it was; absent when no end is one, or its owner is not known.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub process: String,
    /// Its number; absent when it is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub process_id: Option<u32>,
    /// Country of the originator's address as an ISO code, found when the row is read; absent for private addresses and where it is not known.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub src_country: String,
    /// The same of the responder's.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub dest_country: String,
}

impl FlowRow {
    /// The row of a record; `verdict` when it has been judged.
    #[must_use]
    pub fn new(flow: &FlowRecord, verdict: Option<&Verdict>, community_id: &str, in_iface: &str) -> Self {
        let (src, dest) = (flow.src(), flow.dest());
        Self {
            flow_id: flow.flow_id,
            start: flow.start,
            end: flow.end,
            duration_ms: flow.duration_ns() as f64 / 1e6,
            src_ip: src.addr,
            src_port: src.port,
            dest_ip: dest.addr,
            dest_port: dest.port,
            proto: proto_name(flow.key.proto),
            app_proto: flow.app_proto().name().to_owned(),
            state: flow.state.name().to_owned(),
            history: flow.history.as_str().to_owned(),
            reason: flow.reason.name().to_owned(),
            pkts_toserver: flow.forward.packets,
            pkts_toclient: flow.backward.packets,
            bytes_toserver: flow.forward.bytes,
            bytes_toclient: flow.backward.bytes,
            community_id: community_id.to_owned(),
            in_iface: in_iface.to_owned(),
            vlan: flow.vlan,
            tunnel: tunnel_name(flow.tunnel).to_owned(),
            host_name: flow.app.as_deref().map(host_name).unwrap_or_default().to_owned(),
            score: verdict.map(|v| f64::from(v.score)),
            p_value: verdict.map(|v| v.p_value),
            anomalous: verdict.is_some_and(|v| v.anomalous),
            process: flow.process.as_ref().map_or(String::new(), |process| process.name.clone()),
            process_id: flow.process.as_ref().map(|process| process.pid),
            src_country: String::new(),
            dest_country: String::new(),
        }
    }
}

/// Tunnel by the name that records and pages use.
#[must_use]
pub const fn tunnel_name(tunnel: Tunnel) -> &'static str {
    match tunnel {
        Tunnel::None => "none",
        Tunnel::Gre => "gre",
        Tunnel::IpInIp => "ip_in_ip",
        Tunnel::Vxlan => "vxlan",
        Tunnel::GtpU => "gtp_u",
        Tunnel::Teredo => "teredo",
        Tunnel::Geneve => "geneve",
    }
}

/// The name that the client asked for, empty when it asked for none.
#[must_use]
pub fn host_name(app: &AppSummary) -> &str {
    app.host_name()
}

/// What the store holds of one flow.
#[derive(Clone, Debug)]
pub struct FlowDetail {
    /// The row.
    pub flow: FlowRow,
    /// The whole record again.
    pub record: FlowRecord,
    /// Every member's view; empty until judged.
    pub members: Vec<MemberScore>,
    /// Why; empty unless anomalous.
    pub why: Vec<Why>,
    /// Incidents that name the flow.
    pub incidents: Vec<String>,
}

/// One point of the scatter: `[flow_id, end_ms, duration_ms, bytes, score, anomalous 0/1]`, score null until judged.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ScatterPoint(pub u64, pub i64, pub f64, pub u64, pub Option<f64>, pub u8);

/// Answer of the scatter.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ScatterResult {
    /// Newest first: `[flow_id, end_ms, duration_ms, bytes, score, anomalous 0/1]`, score null until judged.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<Vec<Option<f64>>>))]
    pub points: Vec<ScatterPoint>,
    /// Flows that match in all; a lower bound from 100,000 on.
    pub total: u64,
}

/// One line of a busiest-first list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TopRow {
    /// Address, protocol or port.
    pub name: String,
    /// Wire bytes, both directions.
    pub bytes: u64,
    /// Packets, both directions.
    pub packets: u64,
    /// Flows.
    pub flows: u64,
}

/// Somebody a host talked to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PeerRow {
    /// Address.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub ip: IpAddr16,
    /// Flows.
    pub flows: u64,
    /// Wire bytes, both directions.
    pub bytes: u64,
}

/// Something a host answered on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ServiceRow {
    /// Port.
    pub port: u16,
    /// Protocol.
    pub proto: String,
    /// Flows.
    pub flows: u64,
    /// Start of the first flow among those looked at.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub first_seen: Timestamp,
    /// End of the last of them.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub last_seen: Timestamp,
}

/// What a person said of a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostProfile {
    /// Address.
    pub ip: IpAddr16,
    /// How much it matters.
    pub importance: Importance,
    /// Its name among people; empty: none.
    pub label: String,
    /// Anything else; empty: nothing.
    pub note: String,
    /// When it was said, wall time.
    pub changed: Timestamp,
}

impl HostProfile {
    /// True when it says no more than of a host of which nothing was said.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.importance == Importance::Normal && self.label.is_empty() && self.note.is_empty()
    }
}

/// One thing that a person changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AuditEntry {
    /// When, wall time.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub ts: Timestamp,
    /// What was changed: `host`, `setting`, `preset`, `suppression`.
    pub what: String,
    /// Which: an address, a setting's key, a number.
    pub subject: String,
    /// From what to what, in words.
    pub text: String,
}

/// HOST: one row of the host list.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct HostRow {
    /// The host as known from traffic.
    #[serde(flatten)]
    pub host: HostRecord,
    /// Maker of its network card, where a list of makers is installed; empty when unknown.
    pub vendor: String,
    /// Country of its address as an ISO code, found when the row is read; absent for private addresses and where it is not known.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub country: String,
    /// How much it matters, as a person said.
    pub importance: Importance,
    /// Its name among people; empty: none was given.
    pub label: String,
    /// What a person noted.
    pub note: String,
    /// Open incidents that it is a part of; those held back by the budget do not count.
    pub incidents_open: u64,
    /// Severity of the worst of them; null without any.
    pub worst: Option<Severity>,
    /// 0 to 100: by the worst open incident (low 10, medium 30, high 55, critical 80), 3 for each further one up to 15, times 0.5 for a
    /// host of low importance, 1.25 for high, 1.5 for critical.
    pub risk: u8,
}

/// One step of a host's course: `[start, seconds since 1970; bytes sent; bytes received; flows]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostStep(pub i64, pub u64, pub u64, pub u64);

/// What a host did over time, and what it usually does.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct HostCourse {
    /// Steps of five minutes of the last two days, oldest first, those without traffic left out.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<Vec<u64>>))]
    pub fine: Vec<HostStep>,
    /// Steps of one hour of the last thirty days.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<Vec<u64>>))]
    pub coarse: Vec<HostStep>,
    /// Whole days before the last one that `usual` was made of; 0: too little is known.
    pub usual_days: u32,
    /// By hour of the day, UTC, 24 of them: what lies between the lowest and highest tenth of those days, bytes sent and received in the
    /// hour. Empty while fewer than three days are known.
    pub usual: Vec<UsualHour>,
}

/// What a host usually moves in one hour of the day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct UsualHour {
    /// Lowest tenth, bytes.
    pub low: u64,
    /// Median, bytes.
    pub median: u64,
    /// Highest tenth, bytes.
    pub high: u64,
}

/// One host and what surrounds it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct HostDetail {
    /// The host.
    pub host: HostRow,
    /// Its newest incidents, at most 50.
    pub incidents: Vec<Incident>,
    /// Its newest flows, at most 100.
    pub flows: Vec<FlowRow>,
    /// Its busiest peers in its newest 10,000 flows, at most 50.
    pub peers: Vec<PeerRow>,
    /// Ports it answered on, at most 50: of a home host since it is known, else in the newest 10,000 flows to it.
    pub services: Vec<ServiceRow>,
    /// What scans know of it; null: nothing.
    pub asset: Option<AssetRow>,
}

/// One incident and what surrounds it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct IncidentDetail {
    /// The incident.
    pub incident: Incident,
    /// Its flows that are still kept, newest first, at most 500.
    pub flows: Vec<FlowRow>,
    /// Others that share something with it, most shared first, then newest, at most 10.
    pub similar: Vec<SimilarIncident>,
    /// Countries of its outside addresses as ISO codes, by address; those that are known.
    #[serde(default)]
    pub countries: std::collections::BTreeMap<String, String>,
}

/// An incident beside another one.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SimilarIncident {
    /// The incident.
    #[serde(flatten)]
    pub incident: Incident,
    /// What both have: `kind`, `source`, `target`, `domain`.
    pub same: Vec<String>,
}

/// Named statistics of a flow, as the detail page shows them. Times are milliseconds, sizes bytes.
pub type Statistics = BTreeMap<String, f64>;

/// An Ethernet address as text; None when it is not known.
#[must_use]
pub fn mac_text(mac: MacAddr) -> Option<String> {
    (!mac.is_zero()).then(|| mac.to_string())
}
