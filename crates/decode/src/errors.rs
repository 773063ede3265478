//! Names and counts of the reasons why decoding stops. Owns the spelling; knows no packet.

use record::{Counters, DecodeErrorKind, Layer};

/// Every kind, in the order of the enumeration, with its counter's name.
pub const ERROR_KINDS: [(DecodeErrorKind, &str); 25] = [
    (DecodeErrorKind::LinkTypeUnknown, "link_type_unknown"),
    (DecodeErrorKind::LinkTruncated, "link_truncated"),
    (DecodeErrorKind::EtherTypeUnknown, "ether_type_unknown"),
    (DecodeErrorKind::TagsTooMany, "tags_too_many"),
    (DecodeErrorKind::ArpTruncated, "arp_truncated"),
    (DecodeErrorKind::ArpUnsupported, "arp_unsupported"),
    (DecodeErrorKind::Ipv4Truncated, "ipv4_truncated"),
    (DecodeErrorKind::Ipv4Invalid, "ipv4_invalid"),
    (DecodeErrorKind::Ipv6Truncated, "ipv6_truncated"),
    (DecodeErrorKind::Ipv6Invalid, "ipv6_invalid"),
    (DecodeErrorKind::Ipv6ExtensionsTooMany, "ipv6_extensions_too_many"),
    (DecodeErrorKind::TcpTruncated, "tcp_truncated"),
    (DecodeErrorKind::TcpInvalid, "tcp_invalid"),
    (DecodeErrorKind::TcpOptionInvalid, "tcp_option_invalid"),
    (DecodeErrorKind::UdpTruncated, "udp_truncated"),
    (DecodeErrorKind::UdpInvalid, "udp_invalid"),
    (DecodeErrorKind::IcmpTruncated, "icmp_truncated"),
    (DecodeErrorKind::SctpTruncated, "sctp_truncated"),
    (DecodeErrorKind::IgmpTruncated, "igmp_truncated"),
    (DecodeErrorKind::TunnelTruncated, "tunnel_truncated"),
    (DecodeErrorKind::TunnelsTooMany, "tunnels_too_many"),
    (DecodeErrorKind::ProtocolUnknown, "protocol_unknown"),
    (DecodeErrorKind::ApplicationInvalid, "application_invalid"),
    (DecodeErrorKind::LinkEncrypted, "link_encrypted"),
    (DecodeErrorKind::LinkControl, "link_control"),
];

/// The counter's name of a kind.
#[must_use]
pub const fn error_name(kind: DecodeErrorKind) -> &'static str {
    ERROR_KINDS[kind as usize].1
}

/// A layer's name.
#[must_use]
pub const fn layer_name(layer: Layer) -> &'static str {
    match layer {
        Layer::Link => "link",
        Layer::Arp => "arp",
        Layer::Network => "network",
        Layer::Transport => "transport",
        Layer::Tunnel => "tunnel",
        Layer::Application => "application",
    }
}

/// A stop in words: what, where.
#[must_use]
pub fn stop_text((kind, layer, offset): (DecodeErrorKind, Layer, u16)) -> String {
    let what = error_name(kind).replace('_', " ");
    format!("{what} at byte {offset} ({} layer)", layer_name(layer))
}

/// One count a kind; an array, because the hot path adds to it.
#[derive(Clone, Debug, Default)]
pub(crate) struct ErrorCounts([u64; ERROR_KINDS.len()]);

impl ErrorCounts {
    /// One more of `kind`.
    #[inline]
    pub(crate) fn add(&mut self, kind: DecodeErrorKind) {
        self.0[kind as usize] += 1;
    }
    /// By name, without the zeros.
    pub(crate) fn counters(&self) -> Counters {
        let mut out = Counters::default();
        for ((_, name), count) in ERROR_KINDS.iter().zip(self.0) {
            out.add(name, count);
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_is_in_the_order_of_the_enumeration_and_spelled_as_serialised() {
        for (index, (kind, name)) in ERROR_KINDS.iter().enumerate() {
            assert_eq!(*kind as usize, index);
            let mut spelled = String::new();
            for c in format!("{kind:?}").chars() {
                if c.is_uppercase() && !spelled.is_empty() {
                    spelled.push('_');
                }
                spelled.push(c.to_ascii_lowercase());
            }
            assert_eq!(*name, spelled);
        }
    }
}
