//! The filter language of the lists on rows of the archive: which values a row has for a field. The fields are the lists' own.

use super::tables::{ArchivedScan, ArchivedVerdict};
use crate::query::FieldValue;
use crate::{FlowRow, Query};
use record::{Incident, IpAddr16};

fn whole(give: &mut dyn FnMut(FieldValue), value: u64) {
    give(FieldValue::Number(value as f64));
}

/// A filter over `FLOW_FIELDS`.
pub(super) fn flow_matches(query: &Query, flow: &FlowRow) -> bool {
    query.matches(&|field, give| match field {
        "ip" => [flow.src_ip, flow.dest_ip].into_iter().for_each(|ip| give(FieldValue::Ip(ip))),
        "src_ip" => give(FieldValue::Ip(flow.src_ip)),
        "dest_ip" => give(FieldValue::Ip(flow.dest_ip)),
        "port" => [flow.src_port, flow.dest_port].into_iter().for_each(|port| whole(give, port.into())),
        "src_port" => whole(give, flow.src_port.into()),
        "dest_port" => whole(give, flow.dest_port.into()),
        "proto" => give(FieldValue::Text(&flow.proto)),
        "app_proto" => give(FieldValue::Text(&flow.app_proto)),
        "state" => give(FieldValue::Text(&flow.state)),
        "history" => give(FieldValue::Text(&flow.history)),
        "reason" => give(FieldValue::Text(&flow.reason)),
        "duration_ms" => give(FieldValue::Number(flow.duration_ms)),
        "pkts" => whole(give, flow.pkts_toserver + flow.pkts_toclient),
        "pkts_toserver" => whole(give, flow.pkts_toserver),
        "pkts_toclient" => whole(give, flow.pkts_toclient),
        "bytes" => whole(give, flow.bytes_toserver + flow.bytes_toclient),
        "bytes_toserver" => whole(give, flow.bytes_toserver),
        "bytes_toclient" => whole(give, flow.bytes_toclient),
        "flow_id" => whole(give, flow.flow_id),
        "community_id" => give(FieldValue::Text(&flow.community_id)),
        "in_iface" => give(FieldValue::Text(&flow.in_iface)),
        "vlan" => whole(give, flow.vlan.into()),
        "tunnel" => give(FieldValue::Text(&flow.tunnel)),
        "host_name" => give(FieldValue::Text(&flow.host_name)),
        "score" => flow.score.into_iter().for_each(|score| give(FieldValue::Number(score))),
        "p_value" => flow.p_value.into_iter().for_each(|p| give(FieldValue::Number(p))),
        "anomalous" => whole(give, flow.anomalous.into()),
        "process" => give(FieldValue::Text(&flow.process)),
        "process_id" => flow.process_id.into_iter().for_each(|id| whole(give, id.into())),
        _ => {}
    })
}

/// The fields of a flow that a verdict has too.
pub(super) fn verdict_matches(query: &Query, verdict: &ArchivedVerdict) -> bool {
    query.matches(&|field, give| match field {
        "flow_id" => whole(give, verdict.flow_id),
        "score" => give(FieldValue::Number(verdict.score)),
        "p_value" => give(FieldValue::Number(verdict.p_value)),
        "anomalous" => whole(give, verdict.anomalous.into()),
        _ => {}
    })
}

/// A filter over `INCIDENT_FIELDS`.
pub(super) fn incident_matches(query: &Query, incident: &Incident) -> bool {
    let ips =
        |give: &mut dyn FnMut(FieldValue), list: &[IpAddr16]| list.iter().for_each(|ip| give(FieldValue::Ip(*ip)));
    let texts =
        |give: &mut dyn FnMut(FieldValue), list: &[String]| list.iter().for_each(|text| give(FieldValue::Text(text)));
    query.matches(&|field, give| match field {
        "ip" => {
            ips(give, &incident.src);
            ips(give, &incident.dest);
        }
        "src_ip" => ips(give, &incident.src),
        "dest_ip" => ips(give, &incident.dest),
        "dest_port" => incident.dest_port.iter().for_each(|port| whole(give, (*port).into())),
        "id" => give(FieldValue::Text(&incident.id)),
        "kind" => give(FieldValue::Text(incident.kind.name())),
        "title" => give(FieldValue::Text(&incident.title)),
        "severity" => whole(give, incident.severity as u64),
        "status" => give(FieldValue::Text(incident.status.name())),
        "score" => give(FieldValue::Number(incident.score)),
        "alerts" => whole(give, incident.alerts),
        "attack" => texts(give, &incident.attack),
        "detector" => incident.detectors.iter().for_each(|detector| give(FieldValue::Text(&detector.name))),
        "domain" => texts(give, &incident.domains),
        "flow_id" => incident.flows.iter().for_each(|flow| whole(give, *flow)),
        "suppressed_by" => incident.suppressed_by.into_iter().for_each(|by| whole(give, by)),
        "pcap" => whole(give, incident.evidence.pcap.into()),
        "over_budget" => whole(give, incident.over_budget.into()),
        "step" => whole(give, incident.part_of.is_some().into()),
        "story" => give(FieldValue::Text(incident.part_of.as_ref().unwrap_or(&incident.id))),
        _ => {}
    })
}

/// A filter over `SCAN_FIELDS`.
pub(super) fn scan_matches(query: &Query, scan: &ArchivedScan) -> bool {
    let row = &scan.row;
    query.matches(&|field, give| match field {
        "id" => give(FieldValue::Text(&row.id)),
        "state" => give(FieldValue::Text(row.state.name())),
        "backend" => give(FieldValue::Text(row.backend.name())),
        "origin" => give(FieldValue::Text(row.origin.name())),
        "target" => row.targets.iter().for_each(|target| give(FieldValue::Text(target))),
        "hosts_up" => whole(give, row.hosts_up),
        "ports_open" => whole(give, row.ports_open),
        "changes" => row.changes.into_iter().for_each(|n| whole(give, n)),
        "anomalies" => whole(give, row.anomalies),
        _ => {}
    })
}
