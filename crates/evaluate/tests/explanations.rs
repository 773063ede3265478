//! Reasons against known causes: flows of a simulated office have one behaviour moved, all its numbers together, and are
//! judged by models that learned from the office. Where a flow then counts as evidence for an incident, the behaviour's own
//! columns must be among the first three reasons.
#![allow(clippy::unwrap_used)]

use detect::{Ensemble, EnsembleConfig};
use evaluate::simulate::{SimulateConfig, Simulator};
use evaluate::{Meter, MeterConfig};
use record::{AppData, DirectionStats, FlowRecord, FrameHeader, LinkType, Matrix, Moments, Observation, TcpState};

/// One behaviour: its name, how a flow is changed (false: it cannot be, there), and the columns that say so.
struct Cause {
    name: &'static str,
    change: fn(&mut FlowRecord) -> bool,
    columns: &'static [&'static str],
}

fn times(moments: &mut Moments, factor: f64) {
    moments.sum *= factor;
    moments.sum_squares *= factor * factor;
    moments.min *= factor;
    moments.max *= factor;
}

fn repeat(moments: &mut Moments, count: u64) {
    moments.count *= count;
    moments.sum *= count as f64;
    moments.sum_squares *= count as f64;
}

/// The same packets this many times over, in the same time.
fn repeat_side(side: &mut DirectionStats, count: u64) {
    side.packets *= count;
    side.bytes *= count;
    side.ip_bytes *= count;
    side.packets_with_payload *= count;
    repeat(&mut side.payload, count);
    repeat(&mut side.iat, count);
    times(&mut side.iat, 1.0 / count as f64);
    for flag in &mut side.flags[3..5] {
        *flag *= count as u32;
    }
}

fn join_payloads(flow: &mut FlowRecord) {
    let (a, b) = (flow.forward.payload, flow.backward.payload);
    flow.payload = Moments {
        count: a.count + b.count,
        sum: a.sum + b.sum,
        sum_squares: a.sum_squares + b.sum_squares,
        min: a.min.min(b.min),
        max: a.max.max(b.max),
    };
}

fn talks_much(flow: &mut FlowRecord) -> bool {
    repeat_side(&mut flow.forward, 400);
    repeat(&mut flow.iat, 200);
    times(&mut flow.iat, 1.0 / 200.0);
    join_payloads(flow);
    flow.forward.packets_with_payload > 0
}

fn is_told_much(flow: &mut FlowRecord) -> bool {
    repeat_side(&mut flow.backward, 4000);
    repeat(&mut flow.iat, 2000);
    times(&mut flow.iat, 1.0 / 2000.0);
    join_payloads(flow);
    flow.backward.packets_with_payload > 0
}

fn is_slow(flow: &mut FlowRecord) -> bool {
    let factor = 3000.0;
    flow.end.0 = flow.start.0 + (flow.duration_ns() as f64 * factor) as i64;
    for moments in [&mut flow.iat, &mut flow.forward.iat, &mut flow.backward.iat] {
        times(moments, factor);
    }
    flow.iat.count > 2 && flow.iat.sum > 1e7
}

fn sends_large(flow: &mut FlowRecord) -> bool {
    let side = &mut flow.forward;
    let more = (1400.0 - side.payload.mean()) * side.payload.count as f64;
    side.bytes += more.max(0.0) as u64;
    side.payload = Moments {
        sum: 1400.0 * side.payload.count as f64,
        sum_squares: 1400.0 * 1400.0 * side.payload.count as f64,
        min: 1400.0,
        max: 1400.0,
        ..side.payload
    };
    side.packets_with_payload = side.packets;
    join_payloads(flow);
    flow.forward.packets > 2
}

fn sends_again(flow: &mut FlowRecord) -> bool {
    flow.forward.retransmissions = (flow.forward.packets / 2) as u32;
    flow.state == TcpState::Sf && flow.forward.packets > 5
}

fn misses_bytes(flow: &mut FlowRecord) -> bool {
    flow.backward.missed_bytes = 200_000;
    flow.state == TcpState::Sf
}

fn shakes_hands_slowly(flow: &mut FlowRecord) -> bool {
    let slow = flow.handshake_ns > 0;
    flow.handshake_ns = 9_000_000_000;
    slow
}

fn is_urgent(flow: &mut FlowRecord) -> bool {
    flow.forward.flags[5] = flow.forward.packets as u32;
    flow.state == TcpState::Sf
}

fn resets(flow: &mut FlowRecord) -> bool {
    let was = flow.state == TcpState::Sf;
    flow.forward.flags[2] = 1.max(flow.forward.packets / 3) as u32;
    flow.state = TcpState::Rsto;
    was
}

fn asks_for_random_names(flow: &mut FlowRecord) -> bool {
    let Some(app) = flow.app.as_deref_mut() else { return false };
    let mut found = false;
    for data in [&mut app.request, &mut app.response].into_iter().flatten() {
        if let AppData::Dns(message) = data {
            message.rrname = "x7k2q9w4e8r1t6y3u5i0.p4a8s2d6f1g9h3j7k5l0z.v8b2n6m4q1w9e3r7t5y0.example.net".into();
            found = true;
        }
    }
    found
}

fn asks_for_a_long_path(flow: &mut FlowRecord) -> bool {
    let Some(app) = flow.app.as_deref_mut() else { return false };
    if let Some(AppData::Http(head)) = &mut app.request {
        head.url = "/a".repeat(3000);
        return true;
    }
    false
}

fn greets_a_long_name(flow: &mut FlowRecord) -> bool {
    let Some(app) = flow.app.as_deref_mut() else { return false };
    if let Some(AppData::Tls(hello)) = &mut app.request {
        hello.sni = "abcdefghij.".repeat(22);
        return true;
    }
    false
}

fn calls_an_odd_service(flow: &mut FlowRecord) -> bool {
    let was = flow.state == TcpState::Sf;
    let end = if flow.originator_low { &mut flow.key.high } else { &mut flow.key.low };
    end.port = 6667;
    was
}

const CAUSES: &[Cause] = &[
    Cause { name: "talks much", change: talks_much, columns: &["forward_packets", "forward_bytes"] },
    Cause { name: "is told much", change: is_told_much, columns: &["backward_packets", "backward_bytes"] },
    Cause {
        name: "is slow",
        change: is_slow,
        columns: &["duration_ms", "iat_mean_us", "forward_iat_mean_us", "forward_iat_max_us", "backward_iat_mean_us"],
    },
    Cause {
        name: "sends large packets",
        change: sends_large,
        columns: &["forward_payload_mean_bytes", "forward_payload_max_bytes", "forward_data_packets_ratio"],
    },
    Cause { name: "sends again", change: sends_again, columns: &["retransmission_ratio"] },
    Cause { name: "misses bytes", change: misses_bytes, columns: &["missed_bytes"] },
    Cause { name: "shakes hands slowly", change: shakes_hands_slowly, columns: &["handshake_us"] },
    Cause { name: "is urgent", change: is_urgent, columns: &["urg_ratio"] },
    Cause { name: "resets", change: resets, columns: &["forward_rst_ratio", "state_refused"] },
    Cause {
        name: "asks for random names",
        change: asks_for_random_names,
        columns: &["dns_name_bytes", "dns_name_entropy", "dns_name_labels"],
    },
    Cause { name: "asks for a long path", change: asks_for_a_long_path, columns: &["http_url_bytes"] },
    Cause { name: "greets a long name", change: greets_a_long_name, columns: &["tls_server_name_bytes"] },
    Cause {
        name: "calls an odd service",
        change: calls_an_odd_service,
        columns: &["service_rarity", "application_rarity"],
    },
];

/// A flow adds to its host's sum of evidence when −ln p is above 3.
const EVIDENCE_P_VALUE: f64 = 0.05;
/// Flows that are changed were ordinary before.
const ORDINARY_P_VALUE: f64 = 0.1;
/// Flows changed for each cause.
const FLOWS: usize = 60;

/// Flows of an hour in an office.
fn office(seed: u64) -> Vec<FlowRecord> {
    let config = SimulateConfig { duration_s: 3600.0, seed, ..SimulateConfig::default() };
    let mut simulator = Simulator::new(&config).unwrap();
    let mut meter = Meter::new(&MeterConfig::default(), 0, 1);
    let (mut frame, mut out) = (Vec::new(), Vec::new());
    while let Some((ts, _)) = simulator.next_into(&mut frame) {
        let len = frame.len() as u32;
        let header = FrameHeader { ts, offset: 0, captured_len: len, wire_len: len, link: LinkType(1), interface: 0 };
        meter.batch(&frame, &[header], &mut out);
    }
    meter.finish(&mut out);
    let flow = |observation| match observation {
        Observation::Flow(flow) => Some(*flow),
        _ => None,
    };
    out.into_iter().filter_map(flow).collect()
}

fn vector(flow: &FlowRecord) -> Vec<f32> {
    let mut row = Vec::new();
    features::flow_vector(flow, &mut row);
    row
}

#[test]
fn the_cause_is_among_the_first_three_reasons() {
    let schema = features::flow_schema();
    let mut rows = Matrix::with_capacity(0, schema.features.len());
    for flow in office(1) {
        rows.push(&vector(&flow));
    }
    let (ensemble, _) = Ensemble::train(schema, &rows, 1, &EnsembleConfig::default(), &mut |_| {}).unwrap();
    let later = office(2);
    let p_value = |row: &[f32]| {
        let mut judged = Vec::new();
        ensemble.judge(&Matrix { values: row.to_vec(), columns: row.len() }, &mut judged);
        judged[0].p_value
    };
    let ordinary: Vec<_> = later.iter().step_by(5).filter(|flow| p_value(&vector(flow)) > ORDINARY_P_VALUE).collect();
    let (mut told, mut right) = (0, 0);
    for Cause { name, change, columns } in CAUSES {
        let changed =
            ordinary.iter().map(|flow| (*flow).clone()).filter_map(|mut flow| change(&mut flow).then_some(flow));
        let rows: Vec<Vec<f32>> = changed.take(FLOWS).map(|flow| vector(&flow)).collect();
        let evidence: Vec<&Vec<f32>> = rows.iter().filter(|row| p_value(row) <= EVIDENCE_P_VALUE).collect();
        let mut found = 0;
        for row in &evidence {
            let why = ensemble.explain(row);
            let first: Vec<&str> = why.iter().take(3).map(|reason| reason.feature.as_str()).collect();
            found += usize::from(first.iter().any(|feature| columns.contains(feature)));
            if !first.iter().any(|feature| columns.contains(feature)) {
                eprintln!("  {name}: {first:?}");
            }
        }
        eprintln!("{name:20} {} flows, {} count as evidence, {found} name the cause", rows.len(), evidence.len());
        assert!(rows.len() >= 10, "{name}: only {} flows could be changed", rows.len());
        (told, right) = (told + evidence.len(), right + found);
    }
    assert!(told >= CAUSES.len() * 20, "only {told} count as evidence");
    eprintln!("the cause is among the first three reasons of {right} of {told}");
    assert!(right * 10 >= told * 9, "{right} of {told}");
}
