//! The first bytes of a packet that an exporter sampled (sFlow, IPFIX packet sections), read by the same header views as captured
//! packets, as a flow of one packet. Owns no format of exports.

use super::sets::Moment;
use crate::config::DecodeConfig;
use crate::decoder::walk_frame;
use record::{ExportedFlow, ExportedSide, FlowOrigin, FrameHeader, IpAddr16, LinkType, PacketMeta};

const TCP: u8 = 6;
const ICMP: u8 = 1;
const ICMPV6: u8 = 58;

/// The packet in `bytes`, which begin at an Ethernet header (`link`) or at IP's. None when there is no IP in it.
pub(super) fn read(
    decode: &DecodeConfig,
    bytes: &[u8],
    link: bool,
    wire_len: Option<u32>,
    moment: &Moment,
) -> Option<ExportedFlow> {
    let link = if link { LinkType::ETHERNET } else { LinkType::RAW };
    packet(decode, bytes, link, wire_len.unwrap_or(bytes.len() as u32), moment)
}

/// The same for any link type.
pub(super) fn packet(
    decode: &DecodeConfig,
    bytes: &[u8],
    link: LinkType,
    wire_len: u32,
    moment: &Moment,
) -> Option<ExportedFlow> {
    let captured_len = bytes.len() as u32;
    let wire_len = wire_len.max(captured_len);
    let header = FrameHeader { ts: moment.received, offset: 0, captured_len, wire_len, link, interface: 0 };
    let mut meta = PacketMeta::EMPTY;
    walk_frame(decode, &header, bytes, &mut meta);
    if meta.ip_version == 0 {
        return None;
    }
    let is_icmp = meta.proto == ICMP || meta.proto == ICMPV6;
    let endpoint = |mut end: record::Endpoint| {
        if is_icmp {
            end.port = 0;
        }
        end
    };
    let forward = ExportedSide {
        packets: 1,
        bytes: u64::from(meta.ip_len),
        wire_bytes: Some(u64::from(wire_len)),
        payload_bytes: Some(u64::from(meta.payload_len)),
        tcp_flags: (meta.proto == TCP).then_some(meta.tcp_flags),
    };
    Some(ExportedFlow {
        origin: FlowOrigin::Export { exporter: moment.exporter, sampling: 1 },
        exporter: moment.exporter,
        domain: moment.domain,
        reported: moment.received,
        start: moment.received,
        end: moment.received,
        src: endpoint(meta.src()),
        dest: endpoint(meta.dest()),
        proto: meta.proto,
        icmp: is_icmp.then_some((meta.icmp_type, meta.icmp_code)),
        forward,
        is_sample: true,
        vlan: meta.vlan,
        src_mac: meta.src_mac,
        dest_mac: meta.dest_mac,
        ..ExportedFlow::default()
    })
}

/// A sampled packet of which the exporter tells the fields instead of the bytes (sFlow's sampled IPv4 and IPv6).
pub(super) fn fields(
    moment: &Moment,
    src: IpAddr16,
    dest: IpAddr16,
    proto: u8,
    ports: [u16; 2],
    forward: ExportedSide,
) -> ExportedFlow {
    let is_icmp = proto == ICMP || proto == ICMPV6;
    let end = |addr, port| record::Endpoint { addr, port: if is_icmp { 0 } else { port } };
    ExportedFlow {
        origin: FlowOrigin::Export { exporter: moment.exporter, sampling: 1 },
        exporter: moment.exporter,
        domain: moment.domain,
        reported: moment.received,
        start: moment.received,
        end: moment.received,
        src: end(src, ports[0]),
        dest: end(dest, ports[1]),
        proto,
        icmp: is_icmp.then_some((ports[1] as u8, 0)),
        forward,
        is_sample: true,
        ..ExportedFlow::default()
    }
}
