//! Router advertisements of IPv6 (RFC 4861, RFC 8106). Owns reading one; who may advertise is not known here.

use crate::bytes::{array_at, be16_at};
use record::{IpAddr16, PacketMeta, RouterData};

/// ICMPv6, and the type.
const ICMPV6: u8 = 58;
const ROUTER_ADVERTISEMENT: u8 = 134;
/// Fixed part, bytes; then come options.
const FIXED_BYTES: usize = 16;
/// Options that are read: prefix, recursive name servers.
const PREFIX: u8 = 3;
const NAME_SERVERS: u8 = 25;
/// Prefixes and name servers kept.
const KEPT_MAX: usize = 4;

/// The advertisement in a packet; None when it is another, or not whole.
#[inline]
pub(crate) fn data(meta: &PacketMeta, frame: &[u8]) -> Option<RouterData> {
    if meta.proto != ICMPV6 || meta.icmp_type != ROUTER_ADVERTISEMENT || meta.fragment_later || meta.l4_header_len == 0
    {
        return None;
    }
    let start = (meta.payload_offset as usize).checked_sub(usize::from(meta.l4_header_len))?;
    let message = frame.get(start..)?;
    let sender = if meta.from_low { meta.key.low } else { meta.key.high };
    let mut out = RouterData {
        ts: meta.ts,
        router: sender.addr,
        src_mac: meta.src_mac,
        vlan: meta.vlan,
        lifetime_s: be16_at(message, 6)?,
        ..RouterData::default()
    };
    let mut rest = message.get(FIXED_BYTES..)?;
    while let &[kind, len, ..] = rest {
        // Lengths count eight bytes; 0 would never end.
        let Some(option) = rest.get(..usize::from(len) * 8).filter(|o| !o.is_empty()) else { break };
        match kind {
            PREFIX => out.prefixes.extend(address(option, 16).filter(|_| out.prefixes.len() < KEPT_MAX)),
            NAME_SERVERS => out.dns_servers.extend((0..KEPT_MAX).map_while(|n| address(option, 8 + 16 * n))),
            _ => {}
        }
        out.dns_servers.truncate(KEPT_MAX);
        rest = &rest[option.len()..];
    }
    Some(out)
}

fn address(option: &[u8], at: usize) -> Option<IpAddr16> {
    array_at(option, at).map(IpAddr16)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn advertisement() -> (PacketMeta, Vec<u8>) {
        let mut message = vec![134, 0, 0, 0, 64, 0, 7, 8, 0, 0, 0, 0, 0, 0, 0, 0];
        message.extend([3, 4, 64, 0xc0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        message.extend([0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        message.extend([25, 3, 0, 0, 0, 0, 0, 9]);
        message.extend([0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x53]);
        let meta = PacketMeta { proto: 58, icmp_type: 134, l4_header_len: 8, payload_offset: 8, ..PacketMeta::EMPTY };
        (meta, message)
    }

    #[test]
    fn lifetime_prefix_and_name_server_are_read() {
        let (meta, message) = advertisement();
        let read = data(&meta, &message).unwrap();
        assert_eq!(read.lifetime_s, 1800);
        assert_eq!(read.prefixes, ["2001:db8::".parse().unwrap()]);
        assert_eq!(read.dns_servers, ["2001:db8::53".parse().unwrap()]);
        assert!(data(&PacketMeta { icmp_type: 135, ..meta }, &message).is_none());
    }

    #[test]
    fn cut_and_endless_options_end() {
        let (meta, mut message) = advertisement();
        for cut in 0..message.len() {
            assert_eq!(data(&meta, &message[..cut]).is_some(), cut >= FIXED_BYTES, "{cut}");
        }
        message[17] = 0;
        assert!(data(&meta, &message).unwrap().prefixes.is_empty());
    }
}
