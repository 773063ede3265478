//! When flows end by time, by room, and by the end of the input.

use super::super::{FlowTable, NoAppParser};
use super::wire::{ICMP, Said, TCP, UDP, check, packet, run, run_with, tcp};
use crate::FlowConfig;
use record::{EndReason, Timestamp};

const A: (&str, u16) = ("10.0.0.9", 5_000);
const B: (&str, u16) = ("10.0.0.1", 6_000);

#[test]
fn silence_ends_a_flow_by_its_protocol_and_whether_it_was_answered() {
    // Protocol, answered, longest silence that joins, ms.
    for (proto, answered, ms) in [
        (UDP, true, 60_000.0),
        (UDP, false, 30_000.0),
        (ICMP, true, 30_000.0),
        (TCP, true, 120_000.0),
        (TCP, false, 30_000.0),
        (47, true, 60_000.0),
    ] {
        for (late, flows) in [(0.0, 1), (1.0, 2)] {
            let mut packets = vec![packet(0.0, A, B, proto, 10)];
            packets.extend(answered.then(|| packet(0.0, B, A, proto, 10)));
            packets.push(packet(ms + late, A, B, proto, 10));
            let said = run(&packets);
            assert_eq!(said.flows.len(), flows, "{proto} {answered} {late}");
            assert_eq!(said.flows[0].reason, if flows == 2 { EndReason::Idle } else { EndReason::Shutdown });
        }
    }
}

#[test]
fn a_quiet_wire_ends_flows_too() {
    let (mut table, mut out, mut said) = (FlowTable::new(FlowConfig::default()), Vec::new(), Said::default());
    let first = packet(0.0, A, B, UDP, 10);
    table.ingest(&[first], 0, 1, &mut NoAppParser, &mut out);
    for second in 1..40 {
        table.advance(Timestamp(first.ts.0 + second * 1_000_000_000), &mut out);
        let live = u32::from(second <= 30);
        assert_eq!(table.live(), live, "{second} s");
    }
    said.take(&mut out);
    assert_eq!(said.flows[0].reason, EndReason::Idle);
    check(&table);
}

#[test]
fn a_long_flow_is_reported_in_spans_that_add_up() {
    let packets: Vec<_> = (0..1_000).map(|s| packet(f64::from(s) * 1_000.0, A, B, UDP, 10)).collect();
    let said = run(&packets);
    assert_eq!(said.flows.len(), 4);
    let reports: Vec<u32> = said.flows.iter().map(|f| f.report).collect();
    assert_eq!(reports, [0, 1, 2, 3]);
    assert_eq!(said.flows.iter().map(|f| f.forward.packets).collect::<Vec<_>>(), [300, 300, 300, 100]);
    assert!(said.flows.iter().all(|f| f.first_seen == said.flows[0].start && f.iat.count + 1 == f.packets()));
    assert!(said.flows[..3].iter().all(|f| f.reason == EndReason::Active));
    assert_eq!(said.flows[3].reason, EndReason::Shutdown);
    let mut ids: Vec<u64> = said.flows.iter().map(|f| f.flow_id).collect();
    ids.dedup();
    assert_eq!(ids.len(), 4);
    assert!(ids.iter().all(|id| (1..1 << 53).contains(id)));
}

#[test]
fn a_full_table_lets_the_nearest_to_its_end_go_and_counts_it() {
    let config = FlowConfig { flows_max: 100, ..FlowConfig::default() };
    // One established connection, then a flood of openings.
    let mut packets = vec![tcp(0.0, 'C', "S", 1, 0), tcp(1.0, 'S', "SA", 1, 0), tcp(2.0, 'C', "A", 2, 0)];
    for n in 0..5_000_u16 {
        packets.push(packet(10.0 + f64::from(n), ("10.9.9.9", 1_000 + n), B, TCP, 0));
    }
    packets.push(tcp(5_100.0, 'C', "PA", 2, 10));
    let (mut table, mut out, mut said) = (FlowTable::new(config), Vec::new(), Said::default());
    for batch in packets.chunks(64) {
        table.ingest(batch, 0, 1, &mut NoAppParser, &mut out);
        assert!(table.live() <= 100);
        check(&table);
    }
    assert_eq!(table.counters().ended_evicted, 4_901);
    assert_eq!(table.counters().flows_live_max, 100);
    table.finish(&mut out);
    said.take(&mut out);
    let kept = said.flows.iter().find(|f| f.src().port == 40_000).unwrap();
    assert_eq!((kept.packets(), kept.reason), (4, EndReason::Shutdown));
    assert!(said.flows.iter().filter(|f| f.reason == EndReason::Evicted).all(|f| f.src().port != 40_000));
}

#[test]
fn the_end_can_be_told_in_parts() {
    let packets: Vec<_> = (0..1_000_u16).map(|n| packet(f64::from(n), ("10.9.9.9", 1_000 + n), B, UDP, 0)).collect();
    let (mut table, mut out, mut said) = (FlowTable::new(FlowConfig::default()), Vec::new(), Said::default());
    table.ingest(&packets, 0, 1, &mut NoAppParser, &mut out);
    let mut calls = 0;
    while !table.finish_some(300, &mut out) {
        calls += 1;
        assert!(out.len() <= 1_700);
        said.take(&mut out);
    }
    said.take(&mut out);
    assert_eq!((calls, said.flows.len(), table.live()), (3, 1_000, 0));
}

#[test]
fn a_clock_that_jumps_and_returns_breaks_nothing() {
    let mut packets: Vec<_> = (0..50).map(|s| packet(f64::from(s) * 100.0, A, B, UDP, 10)).collect();
    packets[20].ts = Timestamp(packets[20].ts.0 + 400 * 86_400 * 1_000_000_000);
    packets[21].ts = Timestamp(0);
    packets[22].ts = Timestamp(i64::MAX);
    packets[23].ts = Timestamp(i64::MIN + 1);
    let said = run(&packets);
    assert_eq!(said.flows.iter().map(record::FlowRecord::packets).sum::<u64>(), 50);
}

#[test]
fn a_table_of_one_flow_works() {
    let config = FlowConfig { flows_max: 1, ..FlowConfig::default() };
    let packets: Vec<_> = (0..10_u16).map(|n| packet(f64::from(n), ("10.9.9.9", 1 + n % 3), B, UDP, 0)).collect();
    let said = run_with(config, &packets, &mut NoAppParser);
    assert_eq!(said.flows.len(), 10);
}
