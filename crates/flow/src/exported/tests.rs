//! Reports put together: pairs, openers, contacts, totals, continuations, samples, bounds.
#![allow(clippy::unwrap_used)]

use super::*;
use record::{Contact, ContactOutcome, Endpoint, ExportedSide, FlowOrigin, FlowRecord, IpAddr16, TcpState};

const S: u8 = TcpFlags::SYN;
const A: u8 = TcpFlags::ACK;
const F: u8 = TcpFlags::FIN;
const R: u8 = TcpFlags::RST;

fn end(host: u8, port: u16) -> Endpoint {
    Endpoint { addr: IpAddr16::v4([10, 0, 0, host]), port }
}

fn at(ms: i64) -> Timestamp {
    Timestamp((1_000_000 + ms) * NS_PER_MS)
}

/// A TCP report of one direction.
fn report(
    src: Endpoint,
    dest: Endpoint,
    flags: u8,
    from_ms: i64,
    to_ms: i64,
    packets: u64,
    bytes: u64,
) -> ExportedFlow {
    ExportedFlow {
        origin: FlowOrigin::Export { exporter: IpAddr16::v4([192, 0, 2, 1]), sampling: 1 },
        reported: at(to_ms + 100),
        start: at(from_ms),
        end: at(to_ms),
        src,
        dest,
        proto: 6,
        forward: ExportedSide { packets, bytes, tcp_flags: Some(TcpFlags(flags)), ..ExportedSide::default() },
        ..ExportedFlow::default()
    }
}

fn told(config: ExportedConfig, reports: Vec<ExportedFlow>) -> (Vec<FlowRecord>, Vec<Contact>, ExportedCounts) {
    let mut exported = Exported::new(config, None);
    let mut out = Vec::new();
    for report in reports {
        exported.observe(report, &mut out);
    }
    exported.finish(&mut out);
    assert_eq!((exported.waiting(), exported.waiting.len()), (0, 0));
    let (mut flows, mut contacts) = (Vec::new(), Vec::new());
    for observation in out {
        match observation {
            Observation::Flow(flow) => flows.push(*flow),
            Observation::Contact(contact) => contacts.push(contact),
            _ => {}
        }
    }
    (flows, contacts, exported.counts())
}

fn of(reports: Vec<ExportedFlow>) -> (Vec<FlowRecord>, Vec<Contact>) {
    let (flows, contacts, _) = told(ExportedConfig::default(), reports);
    (flows, contacts)
}

#[test]
fn both_directions_become_one_flow_of_the_opener() {
    let (client, server) = (end(1, 40_000), end(2, 443));
    let (flows, contacts) =
        of(vec![report(server, client, S | A | F, 5, 90, 8, 9_000), report(client, server, S | A | F, 0, 95, 6, 700)]);
    assert_eq!((flows.len(), contacts.len()), (1, 1));
    let flow = &flows[0];
    assert_eq!((flow.src(), flow.dest()), (client, server));
    assert_eq!(
        (flow.forward.packets, flow.forward.bytes, flow.backward.packets, flow.backward.bytes),
        (6, 700, 8, 9_000)
    );
    assert_eq!((flow.start, flow.end, flow.state), (at(0), at(95), TcpState::Sf));
    assert_eq!(contacts[0].outcome, ContactOutcome::Answered);
    assert_eq!((contacts[0].src, contacts[0].dest_port, contacts[0].opened), (client.addr, 443, at(0)));
    assert!(!flow.origin.has_packet_statistics() && !flow.origin.is_estimate());
}

#[test]
fn a_scan_is_refused_and_unanswered_by_its_flags() {
    let scanner = end(9, 50_000);
    let mut reports = vec![report(scanner, end(1, 81), S, 0, 0, 1, 44)];
    reports.push(report(scanner, end(1, 82), S, 10, 10, 1, 44));
    reports.push(report(end(1, 82), scanner, R | A, 11, 11, 1, 40));
    let (flows, mut contacts) = of(reports);
    contacts.sort_by_key(|contact| contact.dest_port);
    let outcomes: Vec<_> = contacts.iter().map(|contact| (contact.dest_port, contact.outcome)).collect();
    assert_eq!(outcomes, [(81, ContactOutcome::Unanswered), (82, ContactOutcome::Refused)]);
    assert!(contacts.iter().all(|contact| contact.src == scanner.addr && contact.opening_flags == S));
    assert_eq!(flows.len(), 2);
}

#[test]
fn an_answer_alone_is_turned_round_and_says_nothing() {
    let (flows, contacts) = of(vec![report(end(2, 80), end(1, 40_000), R | A, 0, 0, 1, 40)]);
    assert_eq!((flows[0].src(), flows[0].forward.packets, flows[0].backward.bytes), (end(1, 40_000), 0, 40));
    assert_eq!(contacts[0].outcome, ContactOutcome::Midstream);
}

#[test]
fn several_reports_stay_several_and_make_one_contact() {
    let (client, server) = (end(1, 40_000), end(2, 22));
    let span = |n: i64| (n * 60_000, n * 60_000 + 59_000);
    let mut reports = Vec::new();
    for n in 0..3 {
        let flags = if n == 0 { S | A } else { A };
        let (from, to) = span(n);
        reports.push(report(client, server, flags, from, to, 10, 1_000));
        reports.push(report(server, client, flags, from, to, 20, 2_000));
    }
    let (flows, contacts) = of(reports);
    let numbers: Vec<_> = flows.iter().map(|flow| (flow.report, flow.first_seen, flow.src())).collect();
    assert_eq!(numbers, [(0, at(0), client), (1, at(0), client), (2, at(0), client)]);
    assert_eq!(contacts.len(), 1);
    assert_eq!(flows.iter().map(FlowRecord::bytes).sum::<u64>(), 9_000);
    let ids: std::collections::BTreeSet<u64> = flows.iter().map(|flow| flow.flow_id).collect();
    assert_eq!(ids.len(), 3);
}

#[test]
fn a_new_syn_on_the_same_ports_is_a_new_contact() {
    let (client, server) = (end(1, 40_000), end(2, 22));
    let once = |from| {
        [
            report(client, server, S | A | F, from, from + 10, 5, 500),
            report(server, client, S | A | F, from, from + 10, 5, 500),
        ]
    };
    let (flows, contacts) = of(once(0).into_iter().chain(once(9_000)).collect());
    assert_eq!((flows.len(), contacts.len()), (2, 2));
    assert!(flows.iter().all(|flow| flow.report == 0));
}

#[test]
fn sampled_totals_are_multiplied_and_marked_and_absence_says_nothing() {
    let mut sampled = report(end(1, 40_000), end(2, 80), S, 0, 0, 3, 132);
    sampled.sampling = 100;
    sampled.origin = FlowOrigin::Export { exporter: IpAddr16::default(), sampling: 100 };
    let (flows, contacts) = of(vec![sampled]);
    assert_eq!((flows[0].forward.packets, flows[0].forward.ip_bytes), (300, 13_200));
    assert!(flows[0].origin.is_estimate());
    assert_eq!(contacts[0].outcome, ContactOutcome::Midstream);
}

#[test]
fn samples_of_a_conversation_are_added_up() {
    let sample = |src, dest, flags, ms| ExportedFlow {
        is_sample: true,
        sampling: 10,
        ..report(src, dest, flags, ms, ms, 1, 100)
    };
    let (client, server) = (end(1, 40_000), end(2, 80));
    let mut reports: Vec<_> = (0..5).map(|n| sample(client, server, A, n * 1_000)).collect();
    reports.push(sample(server, client, S | A, 2_500));
    reports.push(sample(client, server, A, 61_000));
    let (flows, contacts) = of(reports);
    assert_eq!(flows.len(), 2, "one span of a minute, and what came after");
    assert_eq!((flows[0].forward.packets, flows[0].backward.packets), (50, 10));
    assert_eq!((flows[0].end, flows[1].forward.bytes, flows[1].report), (at(4_000), 1_000, 1));
    assert_eq!(contacts.len(), 1);
}

#[test]
fn what_waits_and_what_is_remembered_is_bounded_and_nothing_is_lost() {
    let config = ExportedConfig { waiting_max: 100, conversations_max: 50, ..ExportedConfig::default() };
    let reports: Vec<_> = (0..10_000_u32)
        .map(|n| {
            let host = Endpoint { addr: IpAddr16::v4(n.to_be_bytes()), port: 1_000 };
            report(host, end(2, 80), S, 0, 0, 2, 80)
        })
        .collect();
    let (flows, contacts, counts) = told(config, reports);
    assert_eq!((flows.len(), contacts.len()), (10_000, 10_000));
    assert_eq!(flows.iter().map(FlowRecord::bytes).sum::<u64>(), 800_000);
    assert_eq!(counts.dropped.0["exported_told_early"], 9_900);
}

#[test]
fn one_conversation_cannot_hold_many_reports() {
    let same = || report(end(1, 40_000), end(2, 80), A, 0, 0, 1, 40);
    let (flows, _, counts) = told(ExportedConfig::default(), (0..100).map(|_| same()).collect());
    assert_eq!(flows.len(), 100);
    assert_eq!(counts.dropped.0["exported_told_early"], 100 - WAITING_OF_ONE_MAX as u64);
}

#[test]
fn times_that_cannot_be_do_not_move_the_clock() {
    let mut ahead = report(end(1, 40_000), end(2, 80), S, 0, 500, 1, 40);
    ahead.reported = at(-86_400_000);
    let mut endless = report(end(1, 40_001), end(2, 80), S, 0, 500, 1, 40);
    endless.start = Timestamp(0);
    endless.end = at(86_400_000 * 100);
    endless.reported = endless.end;
    let (flows, _, counts) = told(ExportedConfig::default(), vec![ahead.clone(), endless.clone()]);
    assert_eq!((flows[0].end, flows[0].duration_ns()), (ahead.reported, 500_000_000));
    assert_eq!((flows[1].start, flows[1].end), (endless.end, endless.end));
    assert_eq!(counts.dropped.0["exported_times_put_right"], 2);
}

#[test]
fn a_host_that_speaks_to_itself_is_not_paired_with_itself() {
    let (flows, _) =
        of(vec![report(end(1, 80), end(1, 80), A, 0, 0, 1, 40), report(end(1, 80), end(1, 80), A, 0, 0, 1, 40)]);
    assert_eq!(flows.len(), 2);
}

#[test]
fn seconds_carry_what_flows_carried() {
    let config = ExportedConfig { seconds_lag_s: 10, ..ExportedConfig::default() };
    let mut exported = Exported::new(config, Some(vec!["10.0.0.0/24".parse().unwrap()]));
    let mut out = Vec::new();
    let outside = Endpoint { addr: IpAddr16::v4([192, 0, 2, 7]), port: 443 };
    exported.observe(report(end(1, 40_000), outside, S | A, 0, 3_999, 10, 1_001), &mut out);
    exported.observe(report(outside, end(1, 40_000), S | A, 0, 3_999, 20, 4_000), &mut out);
    // It lasted longer than seconds are kept open.
    exported.observe(report(end(1, 40_001), outside, S | A, -100_000, 4_000, 10_500, 105_000), &mut out);
    exported.finish(&mut out);
    let seconds: Vec<_> =
        out.iter().filter_map(|o| if let Observation::Second(s) = o { Some(s) } else { None }).collect();
    let sum = |of: fn(&record::InterfaceSecond) -> u64| seconds.iter().map(|s| of(s)).sum::<u64>();
    let late = exported.counts().dropped.0["exported_bytes_outside_seconds"];
    assert_eq!(sum(|s| s.bytes.iter().sum()) + late, 1_001 + 4_000 + 105_000);
    assert_eq!(sum(|s| s.bytes_in), 4_000);
    assert!(late > 50_000 && late < 105_000, "{late}");
    assert_eq!(sum(|s| s.tcp_syn), 1);
    let busy = seconds.iter().find(|s| s.ts == at(0)).unwrap();
    let top = busy.top_receivers[0];
    assert_eq!((top.dest, top.packets > 90), (outside.addr, true));
    assert!(seconds.windows(2).all(|pair| pair[1].ts.since(pair[0].ts) == 1_000 * NS_PER_MS), "none is left out");
}
