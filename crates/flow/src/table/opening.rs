//! The first packet of a flow: who is the originator, and whether the packet asks for something, so that the answer (or
//! its absence) says something about the asker.
//!
//! The originator is the first packet's sender, except: a SYN-ACK or an echo reply is an answer; and in the middle of a
//! connection the side with the service's port is the responder.

use record::{PacketMeta, TcpFlags};

pub(super) const ICMP: u8 = 1;
pub(super) const TCP: u8 = 6;
pub(super) const UDP: u8 = 17;
pub(super) const ICMPV6: u8 = 58;

/// UDP services whose answers are told by their source port when the question was not seen: DNS, NTP, SNMP, LDAP, QUIC,
/// IKE, DNS over QUIC. Few on purpose: a scanner may choose its source port.
const UDP_SERVICE_PORTS: [u16; 7] = [53, 123, 161, 389, 443, 500, 853];
/// Ports below are a service's; most systems give clients ports from `EPHEMERAL_MIN`.
const SERVICE_MAX: u16 = 1_024;
const SERVICE_LIKELY_MAX: u16 = 10_000;
const EPHEMERAL_MIN: u16 = 32_768;

/// What a flow's first packet is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Opening {
    /// True when `key.low` is the originator.
    pub originator_low: bool,
    /// True when the packet asks, so that an answer is awaited.
    pub asks: bool,
}

/// Judges a flow's first packet.
pub(super) fn opening_of(meta: &PacketMeta) -> Opening {
    let (answer, asks) = match meta.proto {
        // Without its header nothing is known of a later fragment.
        _ if meta.fragment_later => (false, false),
        TCP => tcp(meta),
        UDP => {
            let answer = UDP_SERVICE_PORTS.contains(&meta.src_port) && meta.dest_port >= SERVICE_MAX;
            (answer, !answer)
        }
        ICMP => (matches!(meta.icmp_type, 0 | 14 | 16 | 18), matches!(meta.icmp_type, 8 | 13 | 15 | 17)),
        ICMPV6 => (meta.icmp_type == 129, matches!(meta.icmp_type, 128 | 135)),
        _ => (false, true),
    };
    // A group has no single member whose silence would mean anything.
    let asks = asks && !meta.dest().addr.is_not_one_host();
    Opening { originator_low: meta.from_low != answer, asks }
}

fn tcp(meta: &PacketMeta) -> (bool, bool) {
    let flags = meta.tcp_flags;
    if flags.has(TcpFlags::SYN | TcpFlags::ACK) {
        return (true, false);
    }
    if flags.has(TcpFlags::SYN) {
        return (false, true);
    }
    if flags.has(TcpFlags::RST) || meta.payload_len > 0 {
        return (from_service(meta), false);
    }
    // A bare ACK may be a probe or the middle of a connection; FIN, none, or FIN+PSH+URG without ACK is only a probe.
    if flags.has(TcpFlags::ACK) {
        let answer = from_service(meta);
        (answer, !answer && !flags.has(TcpFlags::PSH))
    } else {
        (false, true)
    }
}

/// True when the sender's port looks like the service's.
fn from_service(meta: &PacketMeta) -> bool {
    let (src, dest) = (meta.src_port, meta.dest_port);
    (src < SERVICE_MAX && dest >= SERVICE_MAX) || (src < SERVICE_LIKELY_MAX && dest >= EPHEMERAL_MIN)
}

/// True for flags that may as well stand in the middle of a connection: their answer says nothing, a refusal does.
pub(super) fn ambiguous(proto: u8, flags: u8) -> bool {
    proto == TCP && flags & TcpFlags::SYN == 0 && flags & TcpFlags::ACK != 0
}

/// True for an ICMP error that says the quoted packet was refused.
pub(super) fn is_unreachable(meta: &PacketMeta) -> bool {
    match meta.proto {
        ICMP => meta.icmp_type == 3,
        ICMPV6 => meta.icmp_type == 1,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use record::{Endpoint, FlowKey};

    fn meta(proto: u8, src_port: u16, dest_port: u16, flags: u8, payload: u32) -> PacketMeta {
        let src = Endpoint { addr: "10.0.0.9".parse().unwrap(), port: src_port };
        let dest = Endpoint { addr: "10.0.0.1".parse().unwrap(), port: dest_port };
        let (key, from_low) = FlowKey::new(src, dest, proto);
        let tcp_flags = TcpFlags(flags);
        PacketMeta {
            key,
            from_low,
            proto,
            src_port,
            dest_port,
            tcp_flags,
            payload_len: payload,
            ..PacketMeta::default()
        }
    }

    #[test]
    fn openings_are_told_from_answers() {
        // Protocol, ports, flags, payload; is an answer, asks.
        let cases = [
            (TCP, 40_000, 80, 0x02, 0, false, true),
            (TCP, 80, 40_000, 0x12, 0, true, false),
            (TCP, 80, 40_000, 0x10, 500, true, false),
            (TCP, 40_000, 80, 0x18, 500, false, false),
            (TCP, 40_000, 8_080, 0x04, 0, false, false),
            (TCP, 8_080, 40_000, 0x14, 0, true, false),
            (TCP, 40_000, 80, 0x00, 0, false, true),
            (TCP, 40_000, 80, 0x29, 0, false, true),
            (TCP, 40_000, 80, 0x10, 0, false, true),
            (TCP, 40_000, 80, 0x11, 0, false, true),
            (UDP, 40_000, 53, 0, 30, false, true),
            (UDP, 53, 40_000, 0, 300, true, false),
            (UDP, 123, 123, 0, 48, false, true),
        ];
        for (proto, src, dest, flags, payload, answer, asks) in cases {
            let m = meta(proto, src, dest, flags, payload);
            let expected = Opening { originator_low: m.from_low != answer, asks };
            assert_eq!(opening_of(&m), expected, "{proto} {src} {dest} {flags:02x}");
        }
    }

    #[test]
    fn groups_are_never_asked() {
        let mut m = meta(UDP, 40_000, 5_353, 0, 30);
        let group = Endpoint { addr: "224.0.0.251".parse().unwrap(), port: 5_353 };
        (m.key, m.from_low) = FlowKey::new(m.src(), group, UDP);
        assert!(!opening_of(&m).asks);
    }
}
