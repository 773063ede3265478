//! One packet's way through its headers: what is left to read, what was learned, and which header comes next.
//! Owns the order of steps and the bounds; each header's bytes are read in its own file.

use crate::config::DecodeConfig;
use crate::{link, net, transport, tunnel};
use record::{DecodeErrorKind, Endpoint, FlowKey, IpAddr16, Layer, LinkType, PacketMeta};

/// The header to read next, at a byte of the frame.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Next {
    /// By link type.
    Link(LinkType, usize),
    /// An Ethernet header.
    Ethernet(usize),
    /// What the Ethernet type says.
    EtherType(u16, usize),
    /// An IP header whose version is in its first four bits.
    Ip(usize),
    /// IPv4.
    Ipv4(usize),
    /// IPv6.
    Ipv6(usize),
    /// What the IP protocol says.
    Protocol(u8, usize),
    /// Nothing more.
    Done,
}

/// State of one packet's decoding.
pub(crate) struct Walk<'a> {
    /// Captured bytes.
    pub frame: &'a [u8],
    /// End of what is captured and belongs to the current header's payload.
    pub captured_end: usize,
    /// End of the current header's payload on the wire; at least `captured_end`.
    pub wire_end: usize,
    /// What was learned.
    pub meta: &'a mut PacketMeta,
    /// Bounds.
    pub config: &'a DecodeConfig,
    /// Addresses of the innermost IP header.
    pub src: IpAddr16,
    /// See `src`.
    pub dest: IpAddr16,
    /// Tunnels entered.
    pub tunnels: u8,
    /// Tags read in this link header.
    pub tags: u8,
    /// True for the outermost link header (its VLAN is the one noted).
    pub outermost: bool,
}

impl Walk<'_> {
    /// Follows an Ethernet frame. The usual way (IPv4, then TCP or UDP) is written out, because each turn of the loop in
    /// `run` costs a jump that the processor guesses wrong; everything else goes on there.
    #[inline]
    pub(crate) fn run_ethernet(&mut self) {
        let mut next = link::ethernet::read(self, 0);
        if let Next::EtherType(link::ETHER_IPV4, at) = next {
            self.meta.ether_type = link::ETHER_IPV4;
            next = match net::ipv4::read(self, at) {
                Next::Protocol(6, at) => transport::tcp::read(self, at),
                Next::Protocol(17, at) => transport::udp::read(self, at),
                other => other,
            };
        }
        if !matches!(next, Next::Done) {
            self.run(next);
        }
    }

    /// Follows the headers from `next` to the end.
    #[inline]
    pub(crate) fn run(&mut self, mut next: Next) {
        loop {
            next = match next {
                Next::Ethernet(at) => link::ethernet::read(self, at),
                Next::EtherType(kind, at) => link::ether_type(self, kind, at),
                Next::Ipv4(at) => net::ipv4::read(self, at),
                Next::Protocol(proto, at) => self.protocol(proto, at),
                Next::Ipv6(at) => net::ipv6::read(self, at),
                Next::Ip(at) => net::by_version(self, at),
                Next::Link(link, at) => link::read(self, link, at),
                Next::Done => return,
            }
        }
    }

    #[inline]
    fn protocol(&mut self, proto: u8, at: usize) -> Next {
        match proto {
            6 => transport::tcp::read(self, at),
            17 => transport::udp::read(self, at),
            1 | 58 => transport::icmp::read(self, proto, at),
            132 => transport::sctp::read(self, at),
            2 => transport::igmp::read(self, at),
            _ => tunnel::by_protocol(self, proto, at),
        }
    }

    /// Captured bytes of the current payload from `at`.
    #[inline(always)]
    pub(crate) fn rest(&self, at: usize) -> &[u8] {
        self.frame.get(at..self.captured_end).unwrap_or(&[])
    }

    /// `N` captured bytes at `at`, inside the current payload.
    #[inline(always)]
    pub(crate) fn array<const N: usize>(&self, at: usize) -> Option<[u8; N]> {
        self.rest(at).first_chunk::<N>().copied()
    }

    /// Ends the current payload after `len` bytes from `at`, on the wire and in what is captured.
    #[inline(always)]
    pub(crate) fn limit(&mut self, at: usize, len: usize) {
        self.wire_end = self.wire_end.min(at.saturating_add(len));
        self.captured_end = self.captured_end.min(self.wire_end);
    }

    /// Notes the first reason to stop; the first is the outermost cause.
    #[inline]
    pub(crate) fn note(&mut self, kind: DecodeErrorKind, layer: Layer, at: usize) {
        if self.meta.stop.is_none() {
            self.meta.stop = Some((kind, layer, u16::try_from(at).unwrap_or(u16::MAX)));
        }
    }

    /// Notes the reason and ends the walk.
    #[inline]
    pub(crate) fn stop(&mut self, kind: DecodeErrorKind, layer: Layer, at: usize) -> Next {
        self.note(kind, layer, at);
        Next::Done
    }

    /// The flow's key with these ports; the transport's header length and payload.
    #[inline(always)]
    pub(crate) fn flow(&mut self, proto: u8, src_port: u16, dest_port: u16) {
        let src = Endpoint { addr: self.src, port: src_port };
        let dest = Endpoint { addr: self.dest, port: dest_port };
        let (src_bits, dest_bits) = (u128::from_be_bytes(self.src.0), u128::from_be_bytes(self.dest.0));
        // Same order as `FlowKey::new` (a test compares them), without two memory comparisons.
        let from_low = src_bits < dest_bits || (src_bits == dest_bits && src_port <= dest_port);
        self.meta.from_low = from_low;
        self.meta.key =
            if from_low { FlowKey { low: src, high: dest, proto } } else { FlowKey { low: dest, high: src, proto } };
        self.meta.proto = proto;
    }

    /// Notes a transport header of `header_len` bytes at `at` and the payload behind it, up to the current end.
    #[inline(always)]
    pub(crate) fn payload(&mut self, at: usize, header_len: usize) {
        let start = at + header_len;
        self.meta.l4_header_len = header_len as u16;
        self.meta.payload_len = self.wire_end.saturating_sub(start) as u32;
        self.meta.payload_captured = self.captured_end.saturating_sub(start) as u32;
        self.meta.payload_offset = start as u32;
    }
}
