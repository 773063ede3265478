//! SNMP (RFC 1157, RFC 1901, RFC 3416): which version, which operation, and that a community string goes by in the clear. The community
//! itself is a password and is not kept, unless it is one of the two that everybody knows. Version 3 has none.

use super::{Parsed, Payload, Probe, Protocol, pending::Pending};
use record::{AppData, AppProto, LoginData};

/// SNMP.
pub struct Snmp;

/// BER tags (ITU-T X.690).
const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 2;
const OCTET_STRING: u8 = 4;
/// Communities that agents are delivered with.
const WELL_KNOWN: [&str; 2] = ["public", "private"];
/// Longest community, bytes; agents allow 32.
const COMMUNITY_BYTES_MAX: usize = 255;
/// Operations by the low bits of their tag, from 0xa0 on.
const OPERATIONS: [&str; 9] = [
    "get-request",
    "get-next-request",
    "response",
    "set-request",
    "trap",
    "get-bulk-request",
    "inform-request",
    "trap",
    "report",
];
/// Tag of a response: it repeats the community that the request already told.
const RESPONSE: u8 = 0xa2;

impl Protocol for Snmp {
    fn name(&self) -> &'static str {
        "snmp"
    }

    #[inline]
    fn probe(&self, payload: &Payload<'_>) -> Probe {
        // A sequence that begins with a version; what follows tells it from other protocols written in BER.
        let starts = payload.is_udp() && payload.data.len() >= 12 && payload.data[0] == SEQUENCE;
        if starts && message(payload.data).is_some() { Probe::Unsure } else { Probe::NotMine }
    }

    fn parse(&self, payload: &Payload<'_>, _: &mut Pending) -> Parsed {
        let Some(message) = message(payload.data) else { return Parsed::Invalid };
        if message.response {
            return Parsed::Waiting;
        }
        Parsed::Message(AppData::Login(LoginData {
            protocol: AppProto::Snmp,
            user: message.well_known.unwrap_or_default().to_owned(),
            mechanism: format!("{} {}", message.version, message.operation).trim_end().to_owned(),
            password: message.version != "v3",
            ..LoginData::default()
        }))
    }
}

/// What is told of a message.
struct Message {
    version: &'static str,
    /// Empty where it is encrypted, or may be.
    operation: &'static str,
    well_known: Option<&'static str>,
    response: bool,
}

/// A tag, its value and what follows; None when the length runs out of the packet, or is written in a form that SNMP does not use.
fn tlv(data: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (tag, length) = (*data.first()?, *data.get(1)?);
    let (length, start) = match length {
        0..=0x7f => (usize::from(length), 2),
        0x81 => (usize::from(*data.get(2)?), 3),
        0x82 => (usize::from(u16::from_be_bytes([*data.get(2)?, *data.get(3)?])), 4),
        _ => return None,
    };
    Some((tag, data.get(start..start + length)?, data.get(start + length..)?))
}

/// Like `tlv`, for a value that may go on beyond what was captured.
fn inside(data: &[u8]) -> Option<(u8, &[u8])> {
    let tag = *data.first()?;
    let start = match *data.get(1)? {
        0..=0x7f => 2,
        0x81 => 3,
        0x82 => 4,
        _ => return None,
    };
    Some((tag, data.get(start..)?))
}

fn message(data: &[u8]) -> Option<Message> {
    let (_, body) = inside(data).filter(|(tag, _)| *tag == SEQUENCE)?;
    let (tag, version, rest) = tlv(body)?;
    let [version] = version else { return None };
    if tag != INTEGER {
        return None;
    }
    if *version == 3 {
        // msgGlobalData: a sequence of an identifier, the largest message, the flags (one byte) and the security model.
        let (tag, global, _) = tlv(rest)?;
        let (id, _, after) = tlv(global)?;
        let (size, _, after) = tlv(after)?;
        let (flags, value, _) = tlv(after)?;
        let right = (tag, id, size, flags) == (SEQUENCE, INTEGER, INTEGER, OCTET_STRING) && value.len() == 1;
        return right.then_some(Message { version: "v3", operation: "", well_known: None, response: false });
    }
    let version = match version {
        0 => "v1",
        1 => "v2c",
        _ => return None,
    };
    let (tag, community, rest) = tlv(rest)?;
    let (operation, _) = inside(rest)?;
    if tag != OCTET_STRING || community.len() > COMMUNITY_BYTES_MAX {
        return None;
    }
    let name = OPERATIONS.get(usize::from(operation.checked_sub(0xa0)?))?;
    let well_known = WELL_KNOWN.into_iter().find(|known| known.as_bytes() == community);
    Some(Message { version, operation: name, well_known, response: operation == RESPONSE })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn v2c(community: &[u8], operation: u8) -> Vec<u8> {
        let pdu = [2, 1, 7, 2, 1, 0, 2, 1, 0, 0x30, 0];
        let mut body = vec![2, 1, 1, 4, community.len() as u8];
        body.extend_from_slice(community);
        body.extend_from_slice(&[operation, pdu.len() as u8]);
        body.extend_from_slice(&pdu);
        [vec![SEQUENCE, body.len() as u8], body].concat()
    }

    #[test]
    fn version_operation_and_only_well_known_communities_are_told() {
        let known = message(&v2c(b"public", 0xa0)).unwrap();
        assert_eq!((known.version, known.operation, known.well_known), ("v2c", "get-request", Some("public")));
        let own = message(&v2c(b"s3cret", 0xa3)).unwrap();
        assert_eq!((own.operation, own.well_known), ("set-request", None));
        assert!(message(&v2c(b"public", RESPONSE)).unwrap().response);
        let mut v1 = v2c(b"private", 0xa4);
        v1[4] = 0;
        assert_eq!(message(&v1).map(|m| (m.version, m.operation)), Some(("v1", "trap")));
        let v3 = [0x30, 0x14, 2, 1, 3, 0x30, 0x0d, 2, 2, 1, 1, 2, 2, 5, 0xdc, 4, 1, 4, 2, 1, 3, 4];
        assert_eq!(message(&v3).map(|m| (m.version, m.well_known)), Some(("v3", None)));
    }

    #[test]
    fn other_ber_and_cut_messages_are_refused() {
        // CLDAP: a message identifier, then a search.
        assert!(message(&[0x30, 0x0c, 2, 1, 1, 0x63, 7, 4, 0, 10, 1, 0, 10, 1]).is_none());
        assert!(message(&v2c(b"public", 0x63)).is_none());
        assert!(message(&v2c(b"public", 0xa9)).is_none());
        let whole = v2c(b"public", 0xa0);
        assert!((0..13).all(|n| message(&whole[..n]).is_none()));
        assert!(message(&[0x30, 0x84, 0, 0, 0, 9, 2, 1, 1, 4, 0, 0xa0, 0]).is_none());
    }
}
