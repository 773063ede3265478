//! JA4, the TLS client fingerprint, by FoxIO's description of that one method (BSD 3-Clause). The other methods of the
//! family are not freely licensed and are not here.

use super::hello::ClientHello;
use ring::digest::{SHA256, digest};

/// Extension types that do not enter the third part: they say whom the client asks, not what it is.
const SERVER_NAME: u16 = 0x0000;
const ALPN: u16 = 0x0010;
const EMPTY_HASH: &str = "000000000000";
const DIGITS: &[u8; 16] = b"0123456789abcdef";
const FINGERPRINT_BYTES: usize = 36;
/// Room for a list at first: about thirty values.
const LIST_BYTES_USUAL: usize = 160;

/// Reserved values that clients send at random (RFC 8701).
pub(crate) const fn is_grease(value: u16) -> bool {
    value & 0x0f0f == 0x0a0a && value >> 8 == value & 0xff
}

/// The fingerprint, such as `t13d1516h2_8daaf6152771_e5627efa2ab1`.
pub(crate) fn fingerprint(hello: &ClientHello, quic: bool) -> String {
    let mut ciphers = without_grease(&hello.ciphers);
    let mut extensions = without_grease(&hello.extensions);
    let (first, last) = alpn_ends(hello.alpn.first().map_or(&[], Vec::as_slice));
    let mut out = String::with_capacity(FINGERPRINT_BYTES);
    out.push(if quic { 'q' } else { 't' });
    out.push_str(version_code(hello.version()));
    out.push(if extensions.contains(&SERVER_NAME) { 'd' } else { 'i' });
    push_count(&mut out, ciphers.len());
    push_count(&mut out, extensions.len());
    out.push(first);
    out.push(last);
    out.push('_');
    let mut list = Vec::with_capacity(LIST_BYTES_USUAL);
    ciphers.sort_unstable();
    push_list(&mut list, &ciphers);
    push_hash(&mut out, &list);
    out.push('_');
    list.clear();
    extensions.retain(|kind| !matches!(*kind, SERVER_NAME | ALPN));
    extensions.sort_unstable();
    push_list(&mut list, &extensions);
    if !extensions.is_empty() && hello.signature_algorithms.iter().any(|value| !is_grease(*value)) {
        list.push(b'_');
        push_list(&mut list, &hello.signature_algorithms);
    }
    push_hash(&mut out, &list);
    out
}

fn without_grease(values: &[u16]) -> Vec<u16> {
    let mut out = Vec::with_capacity(values.len());
    out.extend(values.iter().filter(|value| !is_grease(**value)));
    out
}

/// Two digits, at most 99.
fn push_count(out: &mut String, count: usize) {
    let count = count.min(99) as u8;
    out.push(char::from(b'0' + count / 10));
    out.push(char::from(b'0' + count % 10));
}

const fn version_code(version: u16) -> &'static str {
    match version {
        0x0304 => "13",
        0x0303 => "12",
        0x0302 => "11",
        0x0301 => "10",
        0x0300 => "s3",
        0x0002 => "s2",
        0xfeff => "d1",
        0xfefd => "d2",
        0xfefc => "d3",
        _ => "00",
    }
}

/// First and last character of the first protocol; of its hexadecimal form when they are not letters or digits.
fn alpn_ends(name: &[u8]) -> (char, char) {
    let (Some(&first), Some(&last)) = (name.first(), name.last()) else { return ('0', '0') };
    if first.is_ascii_alphanumeric() && last.is_ascii_alphanumeric() {
        return (first as char, last as char);
    }
    let digit = |value: u8| char::from_digit(u32::from(value), 16).unwrap_or('0');
    (digit(first >> 4), digit(last & 0x0f))
}

/// The values that are no GREASE in hexadecimal, parted by commas; by hand, because formatting takes most of the time of
/// a fingerprint.
fn push_list(out: &mut Vec<u8>, values: &[u16]) {
    let start = out.len();
    for value in values.iter().filter(|value| !is_grease(**value)) {
        let digit = |shift: u16| DIGITS[usize::from(value >> shift & 15)];
        out.extend_from_slice(&[digit(12), digit(8), digit(4), digit(0), b',']);
    }
    out.truncate(start.max(out.len().saturating_sub(1)));
}

/// First twelve hexadecimal digits of the SHA-256; of nothing, zeros.
fn push_hash(out: &mut String, list: &[u8]) {
    if list.is_empty() {
        out.push_str(EMPTY_HASH);
        return;
    }
    for byte in &digest(&SHA256, list).as_ref()[..6] {
        out.push(char::from(DIGITS[usize::from(byte >> 4)]));
        out.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The worked example of the method's published description.
    fn published_example() -> ClientHello {
        ClientHello {
            legacy_version: 0x0303,
            ciphers: vec![
                0x8a8a, 0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc013, 0xc014, 0x009c,
                0x009d, 0x002f, 0x0035,
            ],
            extensions: vec![
                0x2a2a, 0x001b, 0x0000, 0x0033, 0x0010, 0x4469, 0x0017, 0x002d, 0x000d, 0x0005, 0x0023, 0x0012, 0x002b,
                0xff01, 0x000b, 0x000a, 0x0015, 0x5a5a,
            ],
            signature_algorithms: vec![0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601],
            versions: vec![0xdada, 0x0304, 0x0303],
            sni: Some("example.org".to_owned()),
            alpn: vec![b"h2".to_vec(), b"http/1.1".to_vec()],
            complete: true,
        }
    }

    #[test]
    fn published_example_is_met() {
        assert_eq!(fingerprint(&published_example(), false), "t13d1516h2_8daaf6152771_e5627efa2ab1");
        assert!(fingerprint(&published_example(), true).starts_with("q13d1516h2_"));
    }

    #[test]
    fn what_is_absent_has_its_own_spelling() {
        let hello = ClientHello { legacy_version: 0x0301, complete: true, ..ClientHello::default() };
        assert_eq!(fingerprint(&hello, false), "t10i000000_000000000000_000000000000");
    }

    #[test]
    fn protocol_names_that_are_no_text_are_spelled_in_hexadecimal() {
        assert_eq!(alpn_ends(b"h2"), ('h', '2'));
        assert_eq!(alpn_ends(b"h"), ('h', 'h'));
        assert_eq!(alpn_ends(&[0xab, b'x', 0xcd]), ('a', 'd'));
        assert_eq!(alpn_ends(&[0x30, 0xab]), ('3', 'b'));
    }

    #[test]
    fn grease_is_the_sixteen_reserved_values() {
        assert_eq!((0..=u16::MAX).filter(|value| is_grease(*value)).count(), 16);
    }
}
