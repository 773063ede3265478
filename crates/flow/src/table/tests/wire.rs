//! Builds packets without frames: two hosts, a client `C` and a server `S`, and a table that swallows them.

use super::super::{AppParser, FlowTable, NoAppParser};
use crate::FlowConfig;
use record::{
    AppData, Contact, Endpoint, FlowKey, FlowRecord, IpAddr16, MacAddr, Observation, PacketMeta, TcpFlags, Timestamp,
};

pub(super) const TCP: u8 = 6;
pub(super) const UDP: u8 = 17;
pub(super) const ICMP: u8 = 1;
/// 2023-11-14, in milliseconds.
const START_MS: i64 = 1_700_000_000_000;

/// A packet between two endpoints; the hash is of the key, as the decoder makes it.
pub(super) fn packet(ms: f64, src: (&str, u16), dest: (&str, u16), proto: u8, payload: u32) -> PacketMeta {
    let end = |(addr, port): (&str, u16)| Endpoint { addr: addr.parse::<IpAddr16>().unwrap(), port };
    let (key, from_low) = FlowKey::new(end(src), end(dest), proto);
    let (l4, mac) = (if proto == TCP { 20 } else { 8 }, MacAddr([2, 0, 0, 0, 0, src.0.len() as u8]));
    PacketMeta {
        ts: Timestamp(START_MS * 1_000_000 + (ms * 1e6) as i64),
        key,
        hash: hash_of(&key),
        from_low,
        ip_version: 4,
        proto,
        src_port: src.1,
        dest_port: dest.1,
        ip_header_len: 20,
        l4_header_len: l4,
        payload_len: payload,
        payload_captured: payload,
        ip_len: 20 + u32::from(l4) + payload,
        wire_len: 34 + u32::from(l4) + payload,
        src_mac: mac,
        ..PacketMeta::default()
    }
}

pub(super) fn hash_of(key: &FlowKey) -> u64 {
    super::super::report::flow_id(key, 0, 0).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1
}

pub(super) const CLIENT: (&str, u16) = ("10.0.0.9", 40_000);
pub(super) const SERVER: (&str, u16) = ("10.0.0.1", 80);

/// A TCP packet: `side` is `C` or `S`, `flags` are letters of `FSRPAUEC`.
pub(super) fn tcp(ms: f64, side: char, flags: &str, seq: u32, payload: u32) -> PacketMeta {
    let (src, dest) = if side == 'C' { (CLIENT, SERVER) } else { (SERVER, CLIENT) };
    let mut meta = packet(ms, src, dest, TCP, payload);
    let bit = |letter| "FSRPAUEC".find(letter).map_or(0, |at| 1_u8 << at);
    meta.tcp_flags = TcpFlags(flags.chars().map(bit).fold(0, |all, one| all | one));
    meta.tcp_seq = seq;
    meta.tcp_window = 1_000;
    meta
}

/// Everything a table said of some packets.
#[derive(Default)]
pub(super) struct Said {
    pub flows: Vec<FlowRecord>,
    pub contacts: Vec<Contact>,
    pub apps: usize,
}

impl Said {
    pub(super) fn take(&mut self, out: &mut Vec<Observation>) {
        for observation in out.drain(..) {
            match observation {
                Observation::Flow(flow) => self.flows.push(*flow),
                Observation::Contact(contact) => self.contacts.push(contact),
                Observation::App(_) => self.apps += 1,
                _ => {}
            }
        }
    }
}

/// Runs packets through a table, one batch, to the end.
pub(super) fn run(packets: &[PacketMeta]) -> Said {
    run_with(FlowConfig::default(), packets, &mut NoAppParser)
}

pub(super) fn run_with(config: FlowConfig, packets: &[PacketMeta], parser: &mut dyn AppParser) -> Said {
    let (mut table, mut out, mut said) = (FlowTable::new(config), Vec::new(), Said::default());
    table.ingest(packets, 0, 1, parser, &mut out);
    table.finish(&mut out);
    said.take(&mut out);
    check(&table);
    said
}

/// The two sums that always hold.
pub(super) fn check(table: &FlowTable) {
    let c = table.counters();
    assert_eq!(c.flows_created, c.flows_ended() + c.flows_live);
    assert_eq!(c.packets, c.packets_in_records + c.packets_live + c.packets_without_flow + c.packets_other_shard);
}

/// Answers every packet with the same message.
pub(super) struct Always(pub AppData);

impl AppParser for Always {
    fn parse(&mut self, _index: usize, _meta: &PacketMeta) -> Option<AppData> {
        Some(self.0.clone())
    }
}
