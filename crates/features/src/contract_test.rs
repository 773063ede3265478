//! What every group of every schema must hold, and what the schemas promise for any record whatever.
#![allow(clippy::unwrap_used)]

use crate::{
    Group, flow, flow_schema, flow_vector, host, host_schema, host_series_schema, host_step_vector, host_vector,
    interface_series_schema, interface_step_vector, scan, scan_host_schema, series,
};
use proptest::prelude::*;
use record::{
    AppData, AppProto, AppSummary, DirectionStats, DnsData, Endpoint, FlowKey, FlowRecord, HostWindow, InterfaceSecond,
    IpAddr16, MacAddr, Moments, Schema, TcpState, Timestamp,
};

fn check_groups<R: Default>(groups: &[Group<R>]) {
    for group in groups {
        let mut values = Vec::new();
        (group.fill)(&R::default(), &mut values);
        assert_eq!(values.len(), group.columns.len(), "group {} fills another number of columns", group.name);
        assert!(values.iter().all(|value| value.is_finite()), "group {} is not finite on an empty record", group.name);
    }
}

fn check_schema(schema: &Schema) {
    let mut names: Vec<&str> = schema.features.iter().map(|feature| &*feature.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), schema.features.len(), "{}: a name is used twice", schema.name);
    for feature in schema.features.iter() {
        assert!(!feature.phrase.is_empty(), "{} has no phrase", feature.name);
        let snake = feature.name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
        assert!(snake, "{} is not snake case", feature.name);
        for banned in ["ttl", "address", "mac", "port_number", "timestamp", "hour", "window_size"] {
            assert!(!feature.name.contains(banned), "{} tells the laboratory, not the behaviour", feature.name);
        }
    }
}

#[test]
fn every_group_keeps_the_contract() {
    check_groups(flow::GROUPS);
    check_groups(host::GROUPS);
    check_groups(scan::GROUPS);
    check_groups(series::HOST_GROUPS);
    check_groups(series::INTERFACE_GROUPS);
}

#[test]
fn schemas_are_well_formed() {
    check_schema(flow_schema());
    check_schema(host_schema());
    check_schema(scan_host_schema());
    check_schema(host_series_schema());
    check_schema(interface_series_schema());
    assert_ne!(flow_schema().fingerprint(), host_schema().fingerprint());
}

/// A changed column needs a new schema name: this pins what `flow/1` and `host/1` mean.
#[test]
fn schemas_do_not_change_silently() {
    assert_eq!((&*flow_schema().name, flow_schema().features.len()), ("flow/1", 51));
    assert_eq!((&*host_schema().name, host_schema().features.len()), ("host/1", 25));
    assert_eq!((&*scan_host_schema().name, scan_host_schema().features.len()), ("scan_host/1", 16));
    assert_eq!((&*host_series_schema().name, host_series_schema().features.len()), ("host_series/1", 8));
    assert_eq!((&*interface_series_schema().name, interface_series_schema().features.len()), ("interface_series/1", 8));
}

#[test]
fn addresses_ports_of_one_group_and_clock_do_not_matter() {
    let build = |a: [u8; 4], b: [u8; 4], src_port: u16, dest_port: u16, start: i64| {
        let (low, originator_low) = FlowKey::new(
            Endpoint { addr: IpAddr16::v4(a), port: src_port },
            Endpoint { addr: IpAddr16::v4(b), port: dest_port },
            6,
        );
        let mut flow = FlowRecord { key: low, originator_low, start: Timestamp(start), ..FlowRecord::default() };
        flow.end = Timestamp(start + 5_000_000);
        flow.src_mac = MacAddr([a[3]; 6]);
        flow.forward.init_window = src_port;
        let mut out = Vec::new();
        flow_vector(&flow, &mut out);
        out
    };
    let one = build([10, 0, 0, 1], [10, 0, 0, 2], 40_000, 80, 0);
    let two = build([192, 168, 7, 9], [8, 8, 8, 8], 55_555, 8080, 1_700_000_000_000_000_000);
    assert_eq!(one, two);
}

#[test]
fn steps_of_series_are_what_the_names_say() {
    let told = |schema: &Schema, values: &[f32], name: &str| {
        let index = schema.features.iter().position(|feature| feature.name == name).unwrap();
        schema.features[index].kind.shown(values[index]).round() as u64
    };
    let (mut interface, mut host) = (Vec::new(), Vec::new());
    let sums =
        InterfaceSecond { bytes: [5, 70, 0, 0, 1, 0], packets: [1, 2, 0, 0, 3, 0], ..InterfaceSecond::default() };
    interface_step_vector(&InterfaceSecond { tcp_syn: 9, flows_new: 8, bytes_in: 7, ..sums }, &mut interface);
    let of = |name: &str| told(interface_series_schema(), &interface, name);
    assert_eq!((of("bytes"), of("packets"), of("bytes_tcp"), of("bytes_udp")), (76, 6, 5, 70));
    assert_eq!((of("tcp_syn"), of("flows_new"), of("bytes_in"), of("bytes_out")), (9, 8, 7, 0));
    host_step_vector(&HostWindow { bytes_out: 5, peers: 3, contacts_failed: 2, ..HostWindow::default() }, &mut host);
    let of = |name: &str| told(host_series_schema(), &host, name);
    assert_eq!((of("bytes_out"), of("peers"), of("contacts_failed"), of("packets_in")), (5, 3, 2, 0));
}

#[test]
fn values_are_what_the_names_say() {
    let mut flow = FlowRecord::default();
    flow.forward.packets = 9;
    flow.forward.bytes = 99;
    flow.end = Timestamp(1_000_000_000);
    let mut out = Vec::new();
    flow_vector(&flow, &mut out);
    let at = |name: &str| {
        let index = flow_schema().features.iter().position(|feature| feature.name == name).unwrap();
        flow_schema().features[index].kind.shown(out[index])
    };
    assert!((at("forward_packets") - 9.0).abs() < 1e-4);
    assert!((at("forward_bytes") - 99.0).abs() < 1e-3);
    assert!((at("duration_ms") - 1000.0).abs() < 1e-2);
    assert!((at("packets_per_s") - 9.0).abs() < 1e-4);
    assert_eq!(at("forward_bytes_share"), 1.0);
}

fn any_moments() -> impl Strategy<Value = Moments> {
    let wild = || proptest::num::f64::ANY;
    (any::<u64>(), wild(), wild(), wild(), wild()).prop_map(|(count, sum, sum_squares, min, max)| Moments {
        count,
        sum,
        sum_squares,
        min,
        max,
    })
}

fn any_side() -> impl Strategy<Value = DirectionStats> {
    (any::<[u64; 4]>(), any_moments(), any_moments(), any::<[u32; 8]>(), any::<u32>()).prop_map(
        |(numbers, payload, iat, flags, retransmissions)| DirectionStats {
            packets: numbers[0],
            bytes: numbers[1],
            packets_with_payload: numbers[2],
            missed_bytes: numbers[3],
            payload,
            iat,
            flags,
            retransmissions,
            ..DirectionStats::default()
        },
    )
}

fn any_flow() -> impl Strategy<Value = FlowRecord> {
    let states = prop::sample::select(vec![TcpState::S0, TcpState::Sf, TcpState::Rej, TcpState::Oth]);
    let numbers = (any::<i64>(), any::<i64>(), any::<u64>(), any::<u32>(), any::<u8>(), any::<u8>(), any::<u16>());
    (any_side(), any_side(), any_moments(), any_moments(), numbers, states, ".*").prop_map(
        |(forward, backward, iat, idle, numbers, state, name)| {
            let (start, end, handshake_ns, subflows, proto, icmp_type, port) = numbers;
            let dns = DnsData { rrname: name.clone(), rcode: name, ..DnsData::default() };
            let app = AppSummary { proto: AppProto::Dns, request: Some(AppData::Dns(dns)), response: None };
            let mut flow = FlowRecord { forward, backward, iat, idle, handshake_ns, subflows, ..FlowRecord::default() };
            (flow.start, flow.end, flow.state, flow.icmp_type) = (Timestamp(start), Timestamp(end), state, icmp_type);
            (flow.key.proto, flow.key.low.port, flow.app) = (proto, port, Some(Box::new(app)));
            flow
        },
    )
}

proptest! {
    #[test]
    fn any_flow_gives_finite_values(flow in any_flow()) {
        let mut out = Vec::new();
        flow_vector(&flow, &mut out);
        prop_assert_eq!(out.len(), flow_schema().features.len());
        prop_assert!(out.iter().all(|value| value.is_finite()), "{:?}", out);
    }

    #[test]
    fn any_window_gives_finite_values(n in any::<[u64; 18]>()) {
        let window = HostWindow {
            flows_out: n[0], flows_in: n[1], contacts_failed: n[2], contacts_answered: n[3],
            first_contacts_failed: n[4], peers_new: n[5], peers: n[6], services: n[7], ports: n[8], bytes_out: n[9],
            bytes_in: n[10], packets_out: n[11], packets_in: n[12], dns_queries: n[13], dns_nxdomain: n[14],
            dns_names: n[15], dns_name_bytes: n[16], tls_names: n[17], ..HostWindow::default()
        };
        let mut out = Vec::new();
        host_vector(&window, &mut out);
        prop_assert_eq!(out.len(), host_schema().features.len());
        prop_assert!(out.iter().all(|value| value.is_finite()));
    }
}
