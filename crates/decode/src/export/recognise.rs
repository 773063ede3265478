//! Which payloads are exports. On the usual ports the version is enough; elsewhere every length in the datagram must fit, which
//! no other traffic does by accident. Owns the ports and these tests; reads no record.

use crate::bytes::{be16_at, be32_at};
use record::ExportFormat;

/// Ports that exports are sent to by custom: NetFlow, IPFIX, sFlow, and two more of NetFlow.
pub const PORTS: [u16; 5] = [2055, 4739, 6343, 9995, 9996];

/// Length of NetFlow v5's header and of one record.
pub(super) const V5_HEADER: usize = 24;
pub(super) const V5_RECORD: usize = 48;
/// Length of the headers of NetFlow v9 and IPFIX.
pub(super) const V9_HEADER: usize = 20;
pub(super) const IPFIX_HEADER: usize = 16;

/// The format by the version field.
pub(super) fn format_of(payload: &[u8]) -> ExportFormat {
    match (be16_at(payload, 0), be32_at(payload, 0)) {
        (_, Some(5)) => ExportFormat::Sflow,
        (Some(5), _) => ExportFormat::NetflowV5,
        (Some(9), _) => ExportFormat::NetflowV9,
        (Some(10), _) => ExportFormat::Ipfix,
        _ => ExportFormat::Other,
    }
}

/// True for a payload that was sent to one of the usual ports with a version that is read, or that fits as an export in every length.
#[must_use]
pub fn is_export(dest_port: u16, payload: &[u8]) -> bool {
    if PORTS.contains(&dest_port) { format_of(payload) != ExportFormat::Other } else { reads_as_export(payload) }
}

/// True when version and every length fit: for payloads of which nothing else is known.
#[must_use]
pub fn reads_as_export(payload: &[u8]) -> bool {
    match format_of(payload) {
        ExportFormat::NetflowV5 => {
            let count = be16_at(payload, 2).map_or(0, usize::from);
            count > 0 && payload.len() == V5_HEADER + V5_RECORD * count
        }
        ExportFormat::NetflowV9 => {
            let count = be16_at(payload, 2).unwrap_or(0);
            count > 0 && sets_fit(payload, V9_HEADER, |id| id <= 1 || id >= 256)
        }
        ExportFormat::Ipfix => {
            be16_at(payload, 2).map(usize::from) == Some(payload.len())
                && sets_fit(payload, IPFIX_HEADER, |id| id == 2 || id == 3 || id >= 256)
        }
        ExportFormat::Sflow => samples_fit(payload),
        ExportFormat::Other => false,
    }
}

/// True when sets with identifiers that `known` accepts fill the payload from `at` to its end.
fn sets_fit(payload: &[u8], mut at: usize, known: impl Fn(u16) -> bool) -> bool {
    let mut sets = 0;
    while at < payload.len() {
        let (Some(id), Some(length)) = (be16_at(payload, at), be16_at(payload, at + 2)) else { return false };
        if !known(id) || length < 4 || at + usize::from(length) > payload.len() {
            return false;
        }
        at += usize::from(length);
        sets += 1;
    }
    sets > 0
}

/// True when the samples that the header counts fill the datagram.
fn samples_fit(payload: &[u8]) -> bool {
    let address = match be32_at(payload, 4) {
        Some(1) => 4,
        Some(2) => 16,
        _ => return false,
    };
    let mut at = 8 + address + 12;
    let Some(count) = be32_at(payload, at) else { return false };
    at += 4;
    for _ in 0..count {
        let Some(length) = be32_at(payload, at + 4) else { return false };
        at = at.saturating_add(8).saturating_add(length as usize);
        if at > payload.len() {
            return false;
        }
    }
    count > 0 && at == payload.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_fits_in_every_length_is_an_export() {
        let mut v5 = vec![0, 5, 0, 1];
        v5.resize(V5_HEADER + V5_RECORD, 0);
        assert!(reads_as_export(&v5) && is_export(40_000, &v5));
        v5.push(0);
        assert!(!reads_as_export(&v5) && !is_export(40_000, &v5) && is_export(2055, &v5));
        let mut ipfix = vec![0, 10, 0, 24];
        ipfix.resize(IPFIX_HEADER, 0);
        ipfix.extend([0, 2, 0, 8, 0, 0, 0, 0]);
        assert!(reads_as_export(&ipfix));
        ipfix[17] = 4;
        assert!(!reads_as_export(&ipfix), "set 4 is reserved");
        // A DNS query whose identifier is 9.
        let mut dns = vec![0, 9, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 7];
        dns.extend(b"example\x03com\0\0\x01\0\x01");
        assert!(!reads_as_export(&dns) && !is_export(53, &dns));
        assert!(!reads_as_export(&[0, 0, 0, 5, 0, 0, 0, 1]));
        assert!(!reads_as_export(&[]));
    }
}
