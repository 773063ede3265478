//! Which fields each list can be filtered by: one ordered slice a list.

use super::{Field, FieldKind};
use FieldKind::{Bool, Ip, Number, Rank, Text};

const IMPORTANCES: &[&str] = &["low", "normal", "high", "critical"];
const IMPORTANCE_SQL: &str = "coalesce((SELECT p.importance FROM host_profiles p WHERE p.ip = hosts.ip), 1) {}";
const SEVERITIES: &[&str] = &["low", "medium", "high", "critical"];

const fn field(name: &'static str, kind: FieldKind, sql: &'static [&'static str], free: bool) -> Field {
    Field { name, kind, sql, free }
}

/// Fields of `/flows`.
pub static FLOW_FIELDS: &[Field] = &[
    field("ip", Ip, &["src {}", "dest {}"], true),
    field("src_ip", Ip, &["src {}"], false),
    field("dest_ip", Ip, &["dest {}"], false),
    field("port", Number, &["src_port {}", "dest_port {}"], false),
    field("src_port", Number, &["src_port {}"], false),
    field("dest_port", Number, &["dest_port {}"], false),
    field("proto", Text, &["proto {}"], true),
    field("app_proto", Text, &["app_proto {}"], true),
    field("state", Text, &["state {}"], true),
    field("history", Text, &["history {}"], false),
    field("reason", Text, &["reason {}"], true),
    field("duration_ms", Number, &["(end_ns - start_ns) / 1e6 {}"], false),
    field("pkts", Number, &["pkts_toserver + pkts_toclient {}"], false),
    field("pkts_toserver", Number, &["pkts_toserver {}"], false),
    field("pkts_toclient", Number, &["pkts_toclient {}"], false),
    field("bytes", Number, &["bytes_toserver + bytes_toclient {}"], false),
    field("bytes_toserver", Number, &["bytes_toserver {}"], false),
    field("bytes_toclient", Number, &["bytes_toclient {}"], false),
    field("flow_id", Number, &["flow_id {}"], false),
    field("community_id", Text, &["community_id {}"], true),
    field("in_iface", Text, &["in_iface {}"], true),
    field("vlan", Number, &["vlan {}"], false),
    field("tunnel", Text, &["tunnel {}"], true),
    field("host_name", Text, &["host_name {}"], true),
    field("score", Number, &["score {}"], false),
    field("p_value", Number, &["p_value {}"], false),
    field("anomalous", Bool, &["anomalous {}"], false),
    field("process", Text, &["process {}"], true),
    field("process_id", Number, &["process_id {}"], false),
];

/// Fields of `/incidents`.
pub static INCIDENT_FIELDS: &[Field] = &[
    field("ip", Ip, &["id IN (SELECT a.incident FROM incident_ips a WHERE a.ip {})"], true),
    field("src_ip", Ip, &["id IN (SELECT a.incident FROM incident_ips a WHERE a.role = 0 AND a.ip {})"], false),
    field("dest_ip", Ip, &["id IN (SELECT a.incident FROM incident_ips a WHERE a.role = 1 AND a.ip {})"], false),
    field("dest_port", Number, &["EXISTS (SELECT 1 FROM json_each(body, '$.dest_port') j WHERE j.value {})"], false),
    field("id", Text, &["id {}"], true),
    field("kind", Text, &["kind {}"], true),
    field("title", Text, &["title {}"], true),
    field("severity", Rank(SEVERITIES), &["severity {}"], false),
    field("status", Text, &["status {}"], true),
    field("score", Number, &["score {}"], false),
    field("alerts", Number, &["alerts {}"], false),
    field(
        "attack",
        Text,
        &["id IN (SELECT t.incident FROM incident_tags t WHERE t.tag = 'attack' AND t.value {})"],
        true,
    ),
    field(
        "detector",
        Text,
        &["id IN (SELECT t.incident FROM incident_tags t WHERE t.tag = 'detector' AND t.value {})"],
        true,
    ),
    field(
        "domain",
        Text,
        &["id IN (SELECT t.incident FROM incident_tags t WHERE t.tag = 'domain' AND t.value {})"],
        true,
    ),
    field("flow_id", Number, &["id IN (SELECT f.incident FROM incident_flows f WHERE f.flow_id {})"], false),
    field("suppressed_by", Number, &["suppressed_by {}"], false),
    field("pcap", Bool, &["coalesce(json_extract(body, '$.evidence.pcap'), 0) {}"], false),
    field("over_budget", Bool, &["over_budget {}"], false),
    field("step", Bool, &["(part_of IS NOT NULL) {}"], false),
    field("story", Text, &["coalesce(part_of, id) {}"], false),
];

/// Fields of `/hosts`.
pub static HOST_FIELDS: &[Field] = &[
    field("ip", Ip, &["ip {}"], true),
    field("mac", Text, &["mac {}"], true),
    field("name", Text, &["name {}"], true),
    field("home", Bool, &["home {}"], false),
    field("flows_out", Number, &["flows_out {}"], false),
    field("flows_in", Number, &["flows_in {}"], false),
    field("bytes_out", Number, &["bytes_out {}"], false),
    field("bytes_in", Number, &["bytes_in {}"], false),
    field("label", Text, &["coalesce((SELECT p.label FROM host_profiles p WHERE p.ip = hosts.ip), '') {}"], true),
    field("importance", Rank(IMPORTANCES), &[IMPORTANCE_SQL], false),
    field(
        "service",
        Number,
        &["EXISTS (SELECT 1 FROM json_each(hosts.services) j WHERE json_extract(j.value, '$.port') {})"],
        false,
    ),
    field(
        "incidents_open",
        Number,
        &["(SELECT count(DISTINCT a.incident) FROM incident_ips a WHERE a.ip = hosts.ip AND a.open > 0) {}"],
        false,
    ),
];

/// Fields of `/scans`.
pub static SCAN_FIELDS: &[Field] = &[
    field("id", Text, &["id {}"], true),
    field("state", Text, &["state {}"], true),
    field("backend", Text, &["backend {}"], true),
    field("origin", Text, &["origin {}"], true),
    field("target", Text, &["EXISTS (SELECT 1 FROM json_each(scans.targets) j WHERE j.value {})"], true),
    field("hosts_up", Number, &["hosts_up {}"], false),
    field("ports_open", Number, &["ports_open {}"], false),
    field("changes", Number, &["changes {}"], false),
    field("anomalies", Number, &["anomalies {}"], false),
];

/// Fields of `/assets`.
pub static ASSET_FIELDS: &[Field] = &[
    field("ip", Ip, &["key IN (SELECT a.key FROM asset_addresses a WHERE a.ip {})"], true),
    field("mac", Text, &["mac {}"], true),
    field("name", Text, &["EXISTS (SELECT 1 FROM json_each(assets.names) j WHERE j.value {})"], true),
    field("state", Text, &["state {}"], true),
    field("port", Number, &["key IN (SELECT p.key FROM asset_ports p WHERE p.open = 1 AND p.port {})"], false),
    field("service", Text, &["key IN (SELECT p.key FROM asset_ports p WHERE p.open = 1 AND p.service {})"], true),
    field("version", Text, &["key IN (SELECT p.key FROM asset_ports p WHERE p.open = 1 AND p.version {})"], false),
    field("vendor", Text, &["vendor {}"], true),
    field("os", Text, &["os {}"], true),
    field("ports_open", Number, &["ports_open {}"], false),
    field("missed_scans", Number, &["missed {}"], false),
    field("anomaly", Number, &["anomaly / 1e6 {}"], false),
];

/// Fields of exported series.
pub static SERIES_FIELDS: &[Field] = &[field("metric", Text, &["name {}"], true)];

/// Fields of `/packets`, which live in memory.
pub static PACKET_FIELDS: &[Field] = &[
    field("ip", Ip, &[], true),
    field("src_ip", Ip, &[], false),
    field("dest_ip", Ip, &[], false),
    field("port", Number, &[], false),
    field("src_port", Number, &[], false),
    field("dest_port", Number, &[], false),
    field("src", Text, &[], true),
    field("dest", Text, &[], true),
    field("protocol", Text, &[], true),
    field("length", Number, &[], false),
    field("info", Text, &[], true),
    field("score", Number, &[], false),
];
