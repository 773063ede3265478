//! JA4, the TLS client fingerprint, by FoxIO's description of that one method (BSD 3-Clause). The other methods of the
//! family are not freely licensed and are not here.

use super::hello::ClientHello;
use ring::digest::{SHA256, digest};

/// Extension types that do not enter the third part: they say whom the client asks, not what it is.
const SERVER_NAME: u16 = 0x0000;
const ALPN: u16 = 0x0010;
const EMPTY_HASH: &str = "000000000000";

/// Reserved values that clients send at random (RFC 8701).
pub(crate) const fn is_grease(value: u16) -> bool {
    value & 0x0f0f == 0x0a0a && value >> 8 == value & 0xff
}

/// The fingerprint, such as `t13d1516h2_8daaf6152771_e5627efa2ab1`.
pub(crate) fn fingerprint(hello: &ClientHello, quic: bool) -> String {
    let ciphers = without_grease(&hello.ciphers);
    let extensions = without_grease(&hello.extensions);
    let signature_algorithms = without_grease(&hello.signature_algorithms);
    let (first, last) = alpn_ends(hello.alpn.first().map_or(&[], Vec::as_slice));
    format!(
        "{}{}{}{:02}{:02}{first}{last}_{}_{}",
        if quic { 'q' } else { 't' },
        version_code(hello.version()),
        if extensions.contains(&SERVER_NAME) { 'd' } else { 'i' },
        ciphers.len().min(99),
        extensions.len().min(99),
        cipher_hash(ciphers),
        extension_hash(extensions, &signature_algorithms),
    )
}

fn without_grease(values: &[u16]) -> Vec<u16> {
    values.iter().copied().filter(|value| !is_grease(*value)).collect()
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

fn cipher_hash(mut ciphers: Vec<u16>) -> String {
    if ciphers.is_empty() {
        return EMPTY_HASH.to_owned();
    }
    ciphers.sort_unstable();
    hash12(&joined(&ciphers))
}

fn extension_hash(mut extensions: Vec<u16>, signature_algorithms: &[u16]) -> String {
    extensions.retain(|kind| !matches!(*kind, SERVER_NAME | ALPN));
    if extensions.is_empty() {
        return EMPTY_HASH.to_owned();
    }
    extensions.sort_unstable();
    let mut list = joined(&extensions);
    if !signature_algorithms.is_empty() {
        list.push('_');
        list.push_str(&joined(signature_algorithms));
    }
    hash12(&list)
}

fn joined(values: &[u16]) -> String {
    let mut out = String::with_capacity(values.len() * 5);
    for value in values {
        if !out.is_empty() {
            out.push(',');
        }
        let [high, low] = value.to_be_bytes();
        push_hex(&mut out, high);
        push_hex(&mut out, low);
    }
    out
}

/// First twelve hexadecimal digits of the SHA-256.
fn hash12(list: &str) -> String {
    let mut out = String::with_capacity(12);
    for byte in &digest(&SHA256, list.as_bytes()).as_ref()[..6] {
        push_hex(&mut out, *byte);
    }
    out
}

/// Two digits; by hand, because formatting takes most of the time of a fingerprint.
fn push_hex(out: &mut String, byte: u8) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    out.push(char::from(DIGITS[usize::from(byte >> 4)]));
    out.push(char::from(DIGITS[usize::from(byte & 15)]));
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
