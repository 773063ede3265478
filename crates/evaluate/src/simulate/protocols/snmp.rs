//! SNMP version 2c (RFC 1901, RFC 3416): a monitor's question for a few counters, and the answer. Owns the BER of these two messages.

const GET_REQUEST: u8 = 0xa0;
const RESPONSE: u8 = 0xa2;
/// Counters of an interface (IF-MIB, 1.3.6.1.2.1.2.2.1.C.I): octets in, errors in, octets out, errors out.
const COLUMNS: [u8; 4] = [10, 14, 16, 20];

/// Tag, length, value; values here are shorter than 128 bytes, but for the whole message.
fn tlv(tag: u8, value: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    if value.len() < 128 {
        out.push(value.len() as u8);
    } else {
        out.push(0x82);
        out.extend_from_slice(&(value.len() as u16).to_be_bytes());
    }
    out.extend_from_slice(value);
    out
}

fn message(kind: u8, community: &str, id: u32, bindings: &[u8]) -> Vec<u8> {
    let mut pdu = tlv(2, &(id & 0x7fff_ffff).to_be_bytes());
    pdu.extend_from_slice(&[2, 1, 0, 2, 1, 0]);
    pdu.extend(tlv(0x30, bindings));
    let mut all = vec![2, 1, 1];
    all.extend(tlv(4, community.as_bytes()));
    all.extend(tlv(kind, &pdu));
    tlv(0x30, &all)
}

fn bindings(interface: u8, value: impl Fn(u8) -> Vec<u8>) -> Vec<u8> {
    let one = |column: &u8| {
        let mut pair = tlv(6, &[0x2b, 6, 1, 2, 1, 2, 2, 1, *column, interface]);
        pair.extend(value(*column));
        tlv(0x30, &pair)
    };
    COLUMNS.iter().flat_map(one).collect()
}

/// A question for the counters of an interface.
pub(in super::super) fn get(community: &str, id: u32, interface: u8) -> Vec<u8> {
    message(GET_REQUEST, community, id, &bindings(interface, |_| vec![5, 0]))
}

/// The answer to it; `octets` is what has been counted so far.
pub(in super::super) fn answer(community: &str, id: u32, interface: u8, octets: u32) -> Vec<u8> {
    let counter = |column: u8| {
        let value = if matches!(column, 10 | 16) { octets.wrapping_mul(u32::from(column)) } else { 0 };
        // An unsigned number keeps a zero in front of its highest bit.
        let bytes = value.to_be_bytes();
        tlv(0x41, &[&[0][..], &bytes].concat())
    };
    message(RESPONSE, community, id, &bindings(interface, counter))
}
