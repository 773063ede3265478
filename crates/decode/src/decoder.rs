//! The decoder: one a worker, holding its bounds and counts. The hot path allocates nothing.

use crate::app::Registry;
use crate::arp;
use crate::config::DecodeConfig;
use crate::errors::{ErrorCounts, error_name};
use crate::hash::flow_hash;
use crate::router;
use crate::walk::{Next, Walk};
use record::{AppData, ArpData, Counters, DecodeErrorKind, FrameHeader, IpAddr16, PacketMeta, RouterData};

/// Frames whose first bytes are asked for together: about as many as a core can wait for at once.
const TOUCH_FRAMES: usize = 16;
/// Where the second cache line of the usual headers begins at the latest.
const TOUCH_SECOND: usize = 60;

/// Turns frames into `PacketMeta` and payloads into application messages; counts why it stops.
#[derive(Debug)]
pub struct Decoder {
    config: DecodeConfig,
    errors: ErrorCounts,
    registry: Registry,
    /// Payloads that their protocol could not read.
    invalid: u64,
}

impl Decoder {
    /// A decoder with these bounds.
    #[must_use]
    pub fn new(config: DecodeConfig) -> Self {
        let registry = Registry::new(&config);
        Self { config, errors: ErrorCounts::default(), registry, invalid: 0 }
    }

    /// Reads the headers of `frame` into `meta` (every field is set anew). `frame` is the captured bytes of `header`;
    /// a frame shorter than its header says is read as far as it goes. Never fails: `meta.stop` says where reading ended.
    #[inline]
    pub fn decode(&mut self, header: &FrameHeader, frame: &[u8], meta: &mut PacketMeta) {
        walk_frame(&self.config, header, frame, meta);
        if let Some((kind, _, _)) = meta.stop {
            self.errors.add(kind);
        }
    }

    /// Decodes a batch: `metas` becomes one entry a header, in order. `bytes` is the slice that the headers point into.
    /// Faster than one call a frame when the frames come from memory that is not in the cache: the first bytes of some
    /// frames are asked for at once, so that waiting for them overlaps. A header that points outside gives an empty frame.
    pub fn decode_batch(&mut self, headers: &[FrameHeader], bytes: &[u8], metas: &mut Vec<PacketMeta>) {
        metas.resize(headers.len(), PacketMeta::EMPTY);
        for (headers, metas) in headers.chunks(TOUCH_FRAMES).zip(metas.chunks_mut(TOUCH_FRAMES)) {
            let mut touched = 0u8;
            for header in headers {
                for ahead in [0, TOUCH_SECOND] {
                    touched ^= bytes.get(header.offset + ahead).copied().unwrap_or(0);
                }
            }
            std::hint::black_box(touched);
            for (header, meta) in headers.iter().zip(metas) {
                let end = header.offset.saturating_add(header.captured_len as usize);
                self.decode(header, bytes.get(header.offset..end).unwrap_or(&[]), meta);
            }
        }
    }

    /// The ARP packet in `frame`, when `meta` says that it is one (`ether_type` 0x0806, whole, IPv4 over Ethernet).
    #[must_use]
    pub fn arp(&self, meta: &PacketMeta, frame: &[u8]) -> Option<ArpData> {
        arp::data(meta, frame)
    }

    /// The router advertisement in `frame`, when `meta` says that it is one (ICMPv6 type 134, not a later fragment).
    #[must_use]
    pub fn router(&self, meta: &PacketMeta, frame: &[u8]) -> Option<RouterData> {
        router::data(meta, frame)
    }

    /// The application message in the packet's payload, if one of the registry's protocols owns it. Ports are hints
    /// only. A ClientHello that goes on in the next packet is waited for (bounded) and given with the packet that
    /// completes it, so call this for the first few payload packets of a flow, in order.
    pub fn application(&mut self, meta: &PacketMeta, frame: &[u8]) -> Option<AppData> {
        let (data, invalid) = self.registry.parse(meta, frame);
        self.invalid += u64::from(invalid);
        data
    }

    /// True for packets that are each a message of their own (DNS, mDNS, DHCP, NTP over UDP): ask `application` for
    /// every one of them, not only for the first few of the flow.
    #[inline]
    #[must_use]
    pub fn wants_every_packet(meta: &PacketMeta) -> bool {
        const fn message_port(port: u16) -> bool {
            matches!(port, 53 | 67 | 68 | 123 | 5353)
        }
        meta.proto == 17
            && meta.payload_captured != 0
            && !meta.fragment_later
            && (message_port(meta.dest_port) || message_port(meta.src_port))
    }

    /// Frames and messages by the reason why reading them stopped, since the start.
    #[must_use]
    pub fn errors(&self) -> Counters {
        let mut counters = self.errors.counters();
        counters.merge(&self.application_errors());
        counters
    }

    /// Those of `errors` that come from application payloads: `application_invalid` by packet, and `hellos_evicted`, the
    /// ClientHellos that were waited for in vain because a newer one needed their place. They are counted where
    /// `application` is called, so workers that share the packets of one input add them up.
    #[must_use]
    pub fn application_errors(&self) -> Counters {
        let mut counters = Counters::default();
        counters.add(error_name(DecodeErrorKind::ApplicationInvalid), self.invalid);
        counters.add("hellos_evicted", self.registry.hellos_evicted());
        counters
    }
}

/// Reads the headers of one frame; pure.
#[inline]
pub(crate) fn walk_frame(config: &DecodeConfig, header: &FrameHeader, frame: &[u8], meta: &mut PacketMeta) {
    *meta = PacketMeta {
        ts: header.ts,
        interface: header.interface,
        wire_len: header.wire_len,
        captured_len: header.captured_len,
        ..PacketMeta::EMPTY
    };
    let mut walk = Walk {
        frame,
        captured_end: frame.len(),
        // Some writers say less than they captured.
        wire_end: frame.len().max(header.wire_len as usize),
        meta,
        config,
        src: IpAddr16::default(),
        dest: IpAddr16::default(),
        tunnels: 0,
        tags: 0,
        outermost: true,
    };
    if header.link == record::LinkType::ETHERNET {
        walk.run_ethernet();
    } else {
        walk.run(Next::Link(header.link, 0));
    }
    if meta.ip_version != 0 {
        meta.hash = flow_hash(&meta.key);
    }
}
