//! The decode tree for people: every header of one packet with Wireshark's field names, offsets and lengths.
//! Owns labels and wording. Slow and allocating on purpose: it runs for the packet that someone looks at. It follows
//! the same headers as the hot path; what it says of addresses, ports and lengths comes from there.

mod application;
mod link;
mod names;
mod network;
mod summary;
mod transport;
mod tree;
mod tunnel;
mod wireless;

use crate::config::DecodeConfig;
use crate::decoder::walk_frame;
use crate::errors::stop_text;
use record::{DetailLayer, FrameHeader, PacketMeta, PacketSummary};
pub use summary::summarize;
use tree::Tree;

/// One packet, taken apart.
#[derive(Clone, Debug)]
pub struct Dissection {
    /// What the hot path makes of it.
    pub meta: PacketMeta,
    /// Highest protocol known (`TCP`, `DNS`, `ARP`).
    pub protocol: String,
    /// Wireshark-like summary.
    pub info: String,
    /// The tree, outermost layer first.
    pub layers: Vec<DetailLayer>,
    /// Why reading stopped early; empty when it did not.
    pub stopped: String,
}

/// Takes one packet apart. Never panics; a cut or broken packet gives the layers that were there.
#[must_use]
pub fn dissect(header: &FrameHeader, frame: &[u8]) -> Dissection {
    let mut meta = PacketMeta::default();
    walk_frame(&DecodeConfig::default(), header, frame, &mut meta);
    let mut tree = Tree::new(frame);
    tree.frame_layer(header);
    link::layers(&mut tree, header.link, 0);
    application::layers(&mut tree, &meta);
    let (protocol, info) = summarize(&meta, frame);
    let stopped = meta.stop.map(stop_text).unwrap_or_default();
    Dissection { meta, protocol, info, layers: tree.into_layers(), stopped }
}

/// The list's row of a packet, without its score. `id` is the caller's number.
#[must_use]
pub fn packet_summary(id: u64, meta: &PacketMeta, frame: &[u8]) -> PacketSummary {
    let (protocol, info) = summarize(meta, frame);
    let ip = (meta.ip_version != 0).then(|| (meta.src().addr, meta.dest().addr));
    PacketSummary {
        id,
        timestamp: meta.ts,
        src: ip.map_or_else(|| meta.src_mac.to_string(), |(src, _)| src.to_string()),
        dest: ip.map_or_else(|| meta.dest_mac.to_string(), |(_, dest)| dest.to_string()),
        src_ip: ip.map(|(src, _)| src),
        dest_ip: ip.map(|(_, dest)| dest),
        src_port: meta.src_port,
        dest_port: meta.dest_port,
        protocol,
        length: meta.wire_len,
        info,
        score: None,
    }
}
