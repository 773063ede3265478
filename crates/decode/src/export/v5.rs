//! NetFlow version 5: a fixed header and fixed records of IPv4.

use super::recognise::{V5_HEADER, V5_RECORD};
use super::sets::clock_off_ns;
use super::{Datagram, ExportReader};
use crate::bytes::{array_at, be16_at, be32_at};
use record::timestamp::{NS_PER_MS, NS_PER_S};
use record::{Endpoint, ExportFormat, ExportedFlow, ExportedSide, FlowOrigin, IpAddr16, TcpFlags, Timestamp};

const ICMP: u8 = 1;
/// The header's sampling field: two bits of mode, then the interval.
const INTERVAL: u16 = 0x3fff;

/// What the header says for all records.
struct Head {
    exporter: IpAddr16,
    domain: u32,
    received: Timestamp,
    /// When it was sent, by our clock.
    exported: Timestamp,
    uptime_ms: u32,
    sampling: u32,
}

/// Reads one datagram.
pub(super) fn read(reader: &mut ExportReader, datagram: &Datagram<'_>, out: &mut Vec<ExportedFlow>) {
    let payload = datagram.payload;
    let word = |at| be32_at(payload, at).unwrap_or(0);
    // Engine type and number tell the sources of one exporter apart.
    let engine = u32::from(be16_at(payload, 20).unwrap_or(0));
    let domain = reader.domain(datagram, ExportFormat::NetflowV5, engine);
    if payload.len() < V5_HEADER {
        domain.state.unreadable.add("header_truncated", 1);
        return;
    }
    let count = be16_at(payload, 2).map_or(0, usize::from);
    let exported = Timestamp::from_parts(i64::from(word(8)), i64::from(word(12)));
    let off_ns = clock_off_ns(datagram.received, exported);
    let head = Head {
        exporter: datagram.exporter,
        domain: engine,
        received: datagram.received,
        exported: exported.plus_ns(off_ns),
        uptime_ms: word(4),
        sampling: u32::from(be16_at(payload, 22).unwrap_or(0) & INTERVAL),
    };
    let records = payload[V5_HEADER..].chunks_exact(V5_RECORD).take(count);
    let there = records.len();
    out.extend(records.filter_map(|record| flow(&head, record)));
    // The sequence counts flows, also those that were cut off.
    domain.sequence(word(16), Some(count as u32), 0);
    domain.state.records += there as u64;
    domain.state.flows += there as u64;
    domain.state.sampling = head.sampling;
    domain.state.clock_off_s = off_ns / NS_PER_S;
    domain.state.unreadable.add("record_truncated", (count - there) as u64);
}

/// One record; None is not possible, the chunk is whole.
fn flow(head: &Head, record: &[u8]) -> Option<ExportedFlow> {
    let addr = |at| array_at::<4>(record, at).map(IpAddr16::v4);
    let time = |at| {
        let ago_ms = head.uptime_ms.wrapping_sub(be32_at(record, at)?) as i32;
        Some(head.exported.plus_ns(-i64::from(ago_ms) * NS_PER_MS))
    };
    let proto = *record.get(38)?;
    let dest_port = be16_at(record, 34)?;
    let icmp = (proto == ICMP).then_some(((dest_port >> 8) as u8, dest_port as u8));
    let port = |port: u16| if icmp.is_some() { 0 } else { port };
    let (start, end) = (time(24)?, time(28)?);
    let forward = ExportedSide {
        packets: u64::from(be32_at(record, 16)?),
        bytes: u64::from(be32_at(record, 20)?),
        tcp_flags: Some(TcpFlags(*record.get(37)?)),
        ..ExportedSide::default()
    };
    Some(ExportedFlow {
        origin: FlowOrigin::Export { exporter: head.exporter, sampling: head.sampling.max(1) },
        exporter: head.exporter,
        domain: head.domain,
        reported: head.received,
        start,
        end: end.max(start),
        src: Endpoint { addr: addr(0)?, port: port(be16_at(record, 32)?) },
        dest: Endpoint { addr: addr(4)?, port: port(dest_port) },
        proto,
        icmp,
        forward,
        sampling: head.sampling,
        interface_in: u32::from(be16_at(record, 12)?),
        interface_out: u32::from(be16_at(record, 14)?),
        tos: *record.get(39)?,
        ..ExportedFlow::default()
    })
}
