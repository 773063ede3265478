//! NTP version 4 (RFC 5905): a client's question and a stratum-2 answer. Owns the 48 bytes.

/// Seconds from 1900 to 1970.
const ERA: i64 = 2_208_988_800;

fn stamp(ns: i64) -> [u8; 8] {
    let seconds = (ns.div_euclid(1_000_000_000) + ERA) as u32;
    let fraction = ((ns.rem_euclid(1_000_000_000) << 32) / 1_000_000_000) as u32;
    let mut out = [0; 8];
    out[..4].copy_from_slice(&seconds.to_be_bytes());
    out[4..].copy_from_slice(&fraction.to_be_bytes());
    out
}

/// A client's request at `now` (ns).
pub(in super::super) fn request(now: i64) -> Vec<u8> {
    let mut m = vec![0x23, 0, 6, 0xe9];
    m.extend_from_slice(&[0; 36]);
    m.extend_from_slice(&stamp(now));
    m
}

/// The answer to a request of time `asked`, sent at `now` (ns).
pub(in super::super) fn answer(asked: i64, now: i64) -> Vec<u8> {
    let mut m = vec![0x24, 2, 6, 0xe9, 0, 0, 4, 0, 0, 0, 8, 0, 192, 0, 2, 123];
    for t in [now - 37_000_000_000, asked, now - 20_000, now] {
        m.extend_from_slice(&stamp(t));
    }
    m
}
