//! What holds for any packets: nothing is lost, nothing depends on batches or on the number of workers.

use super::super::{FlowTable, NoAppParser};
use super::wire::{Always, Said, check, hash_of};
use crate::FlowConfig;
use proptest::prelude::*;
use record::{AppData, DnsData, Endpoint, FlowKey, IpAddr16, Observation, PacketMeta, TcpFlags, Timestamp};

/// A packet among few hosts and ports, so that flows meet; steps of time up to a minute, sometimes back.
fn any_packet() -> impl Strategy<Value = (i64, PacketMeta)> {
    let step = prop_oneof![8 => 0..200_i64, 2 => 0..70_000_i64, 1 => -500..0_i64];
    let flags = prop_oneof![Just(0x02), Just(0x12), Just(0x10), Just(0x18), Just(0x11), Just(0x04), 0..=255_u8];
    let proto = prop_oneof![4 => Just(6), 2 => Just(17), 1 => Just(1), 1 => Just(0)];
    (step, 0..4_u8, 0..4_u8, 0..3_u16, proto, flags, 0..2_000_u32, any::<u32>(), any::<bool>()).prop_map(
        |(step, a, b, port, proto, flags, payload, seq, high)| {
            let end = |host, port| Endpoint { addr: IpAddr16::v4([10, 0, 0, host]), port };
            let (src, dest) =
                if high { (end(a, 80), end(b, 50_000 + port)) } else { (end(b, 50_000 + port), end(a, 80)) };
            let (key, from_low) = FlowKey::new(src, dest, proto);
            let meta = PacketMeta {
                key,
                from_low,
                hash: hash_of(&key),
                ip_version: if proto == 0 { 0 } else { 4 },
                proto,
                tcp_flags: TcpFlags(if proto == 6 { flags } else { 0 }),
                tcp_seq: seq % 5_000,
                src_port: src.port,
                dest_port: dest.port,
                payload_len: payload,
                wire_len: payload + 54,
                ip_len: payload + 40,
                ip_header_len: 20,
                l4_header_len: 20,
                icmp_type: if proto == 1 { flags } else { 0 },
                icmp_inner_hash: if proto == 1 && flags == 3 { hash_of(&key) } else { 0 },
                ..PacketMeta::default()
            };
            (step, meta)
        },
    )
}

fn packets() -> impl Strategy<Value = Vec<PacketMeta>> {
    proptest::collection::vec(any_packet(), 1..300).prop_map(|steps| {
        let mut now = 1_000_000;
        steps
            .into_iter()
            .map(|(step, meta)| {
                now += step;
                PacketMeta { ts: Timestamp(now * 1_000_000), ..meta }
            })
            .collect()
    })
}

/// Everything said by `shards` tables that all see the packets in batches of `batch`, sorted.
fn said(packets: &[PacketMeta], shards: u32, batch: usize, config: &FlowConfig) -> Vec<String> {
    let mut lines = Vec::new();
    for shard in 0..shards {
        let (mut table, mut out, mut all) = (FlowTable::new(config.clone()), Vec::new(), Said::default());
        for part in packets.chunks(batch) {
            table.ingest(part, shard, shards, &mut NoAppParser, &mut out);
            check(&table);
        }
        table.finish(&mut out);
        check(&table);
        all.take(&mut out);
        lines.extend(all.flows.iter().map(|flow| format!("{flow:?}")));
        lines.extend(all.contacts.iter().map(|contact| format!("{contact:?}")));
    }
    lines.sort();
    lines
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn workers_and_batches_change_nothing(packets in packets()) {
        let config = FlowConfig::default();
        let one = said(&packets, 1, 256, &config);
        prop_assert_eq!(&one, &said(&packets, 1, 1, &config));
        prop_assert_eq!(&one, &said(&packets, 3, 7, &config));
    }

    #[test]
    fn records_alone_are_the_same_records(packets in packets()) {
        let told = |table: FlowTable| {
            let (mut table, mut out) = (table, Vec::new());
            let mut parser = Always(AppData::Dns(DnsData::default()));
            packets.chunks(50).for_each(|part| table.ingest(part, 0, 1, &mut parser, &mut out));
            table.finish(&mut out);
            (out, table.counters())
        };
        let (mut all, counters) = told(FlowTable::new(FlowConfig::default()));
        let (records, records_counters) = told(FlowTable::new(FlowConfig::default()).records_only());
        prop_assert_eq!(counters, records_counters);
        all.retain(|o| matches!(o, Observation::Flow(_)));
        prop_assert_eq!(format!("{all:?}"), format!("{records:?}"));
    }

    #[test]
    fn nothing_is_lost_even_in_a_tiny_table(packets in packets(), flows_max in 1_u32..4) {
        let config = FlowConfig { flows_max, active_timeout_ms: 5_000, ..FlowConfig::default() };
        let (mut table, mut out, mut all) = (FlowTable::new(config), Vec::new(), Said::default());
        for part in packets.chunks(50) {
            table.ingest(part, 0, 1, &mut NoAppParser, &mut out);
            prop_assert!(table.live() <= flows_max);
        }
        table.finish(&mut out);
        all.take(&mut out);
        let ip = packets.iter().filter(|p| p.ip_version != 0);
        prop_assert_eq!(all.flows.iter().map(record::FlowRecord::packets).sum::<u64>(), ip.clone().count() as u64);
        prop_assert_eq!(
            all.flows.iter().map(record::FlowRecord::bytes).sum::<u64>(),
            ip.map(|p| u64::from(p.wire_len)).sum::<u64>()
        );
        prop_assert_eq!(table.live(), 0);
        prop_assert_eq!(all.contacts.len() as u64, table.counters().flows_created);
        for flow in &all.flows {
            prop_assert!(flow.start <= flow.end && flow.first_seen <= flow.start && flow.packets() > 0);
            prop_assert_eq!(flow.iat.count + 1, flow.packets());
            prop_assert!(flow.iat.max <= flow.duration_ns() as f64 && flow.iat.min <= flow.iat.mean() + 1e-6);
            prop_assert!(flow.forward.packets_with_payload <= flow.forward.packets);
            prop_assert!((1..1 << 53).contains(&flow.flow_id));
            for value in [flow.iat.std_dev(), flow.payload.std_dev(), flow.active.mean(), flow.idle.std_dev()] {
                prop_assert!(value.is_finite());
            }
        }
    }
}
