//! The packet that an ICMP error quotes: which flow it speaks of, so that a refused UDP probe is known as refused. Owns only
//! the quoted addresses and ports; an error that quotes too little speaks of no flow.

use super::icmp::is_echo;
use crate::flow_hash;
use record::{Endpoint, FlowKey, IpAddr16};

/// Destination unreachable, time exceeded (RFC 792); destination unreachable, packet too big, time exceeded (RFC 4443).
pub(crate) const fn quotes(proto: u8, kind: u8) -> bool {
    matches!((proto, kind), (1, 3 | 11) | (58, 1..=3))
}

/// Hash of the quoted packet's flow key; 0 when it cannot be told.
pub(crate) fn hash(quoted: &[u8]) -> u64 {
    key(quoted).map_or(0, |key| flow_hash(&key))
}

fn key(quoted: &[u8]) -> Option<FlowKey> {
    let (proto, src, dest, header_bytes) = match quoted.first()? >> 4 {
        4 => {
            let address = |at: usize| quoted.get(at..at + 4)?.try_into().ok().map(IpAddr16::v4);
            (*quoted.get(9)?, address(12)?, address(16)?, usize::from(quoted[0] & 15) * 4)
        }
        6 => {
            let address = |at: usize| quoted.get(at..at + 16)?.try_into().ok().map(IpAddr16);
            (*quoted.get(6)?, address(8)?, address(24)?, 40)
        }
        _ => return None,
    };
    let transport = quoted.get(header_bytes..)?;
    let word = |at: usize| transport.get(at..at + 2)?.try_into().ok().map(u16::from_be_bytes);
    let (src_port, dest_port) = match proto {
        6 | 17 | 132 => (word(0)?, word(2)?),
        1 | 58 if is_echo(proto, *transport.first()?) => (word(4)?, word(4)?),
        _ => (0, 0),
    };
    Some(FlowKey::new(Endpoint { addr: src, port: src_port }, Endpoint { addr: dest, port: dest_port }, proto).0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quoted_udp() -> Vec<u8> {
        let mut bytes = vec![0x45, 0, 0, 32, 0, 0, 0, 0, 64, 17, 0, 0, 192, 0, 2, 1, 192, 0, 2, 9];
        bytes.extend([0x9c, 0x40, 0, 161, 0, 12, 0, 0]);
        bytes
    }

    #[test]
    fn a_quoted_probe_names_its_flow() {
        let ends = [([192, 0, 2, 1], 40_000), ([192, 0, 2, 9], 161)]
            .map(|(ip, port)| Endpoint { addr: IpAddr16::v4(ip), port });
        assert_eq!(hash(&quoted_udp()), flow_hash(&FlowKey::new(ends[0], ends[1], 17).0));
    }

    #[test]
    fn a_quote_that_is_cut_names_none() {
        let whole = quoted_udp();
        for length in 0..24 {
            assert_eq!(hash(&whole[..length]), 0, "{length} bytes");
        }
        assert!(quotes(1, 3) && quotes(58, 1) && !quotes(1, 8));
    }
}
