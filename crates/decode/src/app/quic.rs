//! QUIC version 1 (RFC 9000, RFC 9001), version 2 (RFC 9369) and drafts 23 to 34: the client's Initial packets, whose keys
//! anyone can derive, and the ClientHello in their CRYPTO frames, also when it goes on in later datagrams.

use super::pending::{Assembly, Hello, PACKETS_MAX, Pending};
use super::{Parsed, Payload, Probe, Protocol, Transport, hello};
use crate::bytes::be32_at;
use record::AppData;
use ring::{aead, hkdf};

/// QUIC.
pub struct Quic;

/// Longest connection identifier of these versions, bytes (RFC 9000 section 17.2).
const CONNECTION_ID_BYTES_MAX: usize = 20;
const TAG_BYTES: usize = 16;
const SAMPLE_BYTES: usize = 16;

/// What a version does differently.
#[derive(Debug)]
struct Version {
    /// Numbers, first and last.
    numbers: (u32, u32),
    salt: [u8; 20],
    /// The long header's two type bits of an Initial packet.
    initial: u8,
    labels: [&'static str; 3],
}

const LABELS: [&str; 3] = ["quic key", "quic iv", "quic hp"];

const VERSIONS: [Version; 5] = [
    Version {
        numbers: (1, 1),
        salt: *b"\x38\x76\x2c\xf7\xf5\x59\x34\xb3\x4d\x17\x9a\xe6\xa4\xc8\x0c\xad\xcc\xbb\x7f\x0a",
        initial: 0,
        labels: LABELS,
    },
    Version {
        numbers: (0x6b33_43cf, 0x6b33_43cf),
        salt: *b"\x0d\xed\xe3\xde\xf7\x00\xa6\xdb\x81\x93\x81\xbe\x6e\x26\x9d\xcb\xf9\xbd\x2e\xd9",
        initial: 1,
        labels: ["quicv2 key", "quicv2 iv", "quicv2 hp"],
    },
    // Drafts 33 and 34, 29 to 32, 23 to 28.
    Version {
        numbers: (0xff00_0021, 0xff00_0022),
        salt: *b"\x38\x76\x2c\xf7\xf5\x59\x34\xb3\x4d\x17\x9a\xe6\xa4\xc8\x0c\xad\xcc\xbb\x7f\x0a",
        initial: 0,
        labels: LABELS,
    },
    Version {
        numbers: (0xff00_001d, 0xff00_0020),
        salt: *b"\xaf\xbf\xec\x28\x99\x93\xd2\x4c\x9e\x97\x86\xf1\x9c\x61\x11\xe0\x43\x90\xa8\x99",
        initial: 0,
        labels: LABELS,
    },
    Version {
        numbers: (0xff00_0017, 0xff00_001c),
        salt: *b"\xc3\xee\xf7\x12\xc7\x2e\xbb\x5a\x11\xa7\xd2\x43\x2b\xb4\x63\x65\xbe\xf9\xf5\x02",
        initial: 0,
        labels: LABELS,
    },
];

/// The version that has this number, when it is one we read.
#[inline]
fn version_of(number: u32) -> Option<&'static Version> {
    VERSIONS.iter().find(|version| (version.numbers.0..=version.numbers.1).contains(&number))
}

/// What the keys of a connection's Initial packets come from.
#[derive(Clone, Debug)]
pub struct Connection {
    version: u32,
    id: Vec<u8>,
}

impl Protocol for Quic {
    fn name(&self) -> &'static str {
        "quic"
    }

    fn may_begin(&self, transport: Transport, first: u8) -> bool {
        transport == Transport::Udp && first & 0xc0 == 0xc0
    }

    #[inline]
    fn probe(&self, payload: &Payload<'_>) -> Probe {
        let data = payload.data;
        if !payload.is_udp() || data.len() < 64 || data[0] & 0xc0 != 0xc0 {
            return Probe::NotMine;
        }
        let number = u32::from_be_bytes([data[1], data[2], data[3], data[4]]);
        match version_of(number) {
            Some(version) if data[0] >> 4 & 3 == version.initial => Probe::Unsure,
            _ => Probe::NotMine,
        }
    }

    fn parse(&self, payload: &Payload<'_>, pending: &mut Pending) -> Parsed {
        let before = pending.take(payload.meta);
        let (mut assembly, known, packets) = match before {
            Some(hello) => (hello.assembly, hello.quic, hello.packets.saturating_add(1)),
            None => (Assembly::default(), None, 1),
        };
        let mut connection = known;
        let opened = read_datagram(payload.data, &mut connection, &mut assembly, pending.bytes_max());
        let crypto = assembly.prefix();
        let whole = hello::message_bytes(crypto).unwrap_or(usize::MAX);
        if crypto.len() >= whole || packets >= PACKETS_MAX {
            return match hello::read(crypto) {
                Some(hello) => Parsed::Message(AppData::Tls(hello.into_data(true))),
                None => Parsed::Invalid,
            };
        }
        // A server's Initial packet, or one of a connection whose beginning was not seen, cannot be opened.
        if !opened && packets == 1 {
            return Parsed::Invalid;
        }
        let meta = payload.meta;
        let (key, from_low) = (meta.key, meta.from_low);
        pending
            .put(meta, Box::new(Hello { key, from_low, seq: 0, server: false, quic: connection, packets, assembly }));
        Parsed::Waiting
    }
}

/// Opens the Initial packets of one datagram; true when one could be opened.
fn read_datagram(
    datagram: &[u8],
    connection: &mut Option<Connection>,
    assembly: &mut Assembly,
    bytes_max: usize,
) -> bool {
    let mut opened = false;
    let mut rest = datagram;
    // Coalesced packets (RFC 9000 section 12.2); a datagram holds no more than a few.
    for _ in 0..8 {
        let Some(packet) = Initial::read(rest) else { break };
        rest = &rest[packet.end..];
        let own = Connection { version: packet.number, id: packet.destination.to_vec() };
        let mut plain = packet.open(&own);
        if plain.is_some() {
            *connection = Some(own);
        } else if let Some(first) = connection.as_ref().filter(|first| first.version == packet.number) {
            // After the server's answer the identifier changes, the keys do not.
            plain = packet.open(first);
        }
        if let Some(plain) = plain {
            opened = true;
            read_frames(&plain, assembly, bytes_max);
        }
    }
    opened
}

/// An Initial packet, still protected.
struct Initial<'a> {
    number: u32,
    version: &'static Version,
    destination: &'a [u8],
    /// From the first byte to the end of the packet.
    bytes: &'a [u8],
    /// Where the packet number is.
    number_at: usize,
    /// End in the slice it was read from.
    end: usize,
}

impl<'a> Initial<'a> {
    fn read(data: &'a [u8]) -> Option<Self> {
        let first = *data.first()?;
        let number = be32_at(data, 1)?;
        let version = version_of(number)?;
        if first & 0xc0 != 0xc0 || first >> 4 & 3 != version.initial {
            return None;
        }
        let destination_len = usize::from(*data.get(5)?);
        let destination = data.get(6..6 + destination_len)?;
        let source_len_at = 6 + destination_len;
        let source_len = usize::from(*data.get(source_len_at)?);
        if destination_len > CONNECTION_ID_BYTES_MAX || source_len > CONNECTION_ID_BYTES_MAX {
            return None;
        }
        let mut at = source_len_at + 1 + source_len;
        let token_len = usize::try_from(varint(data, &mut at)?).ok()?;
        at = at.checked_add(token_len)?;
        let len = usize::try_from(varint(data, &mut at)?).ok()?;
        let end = at.checked_add(len)?;
        let bytes = data.get(..end)?;
        Some(Self { number, version, destination, bytes, number_at: at, end })
    }

    /// Removes the protection with the keys of `connection`; None when they are not this packet's.
    fn open(&self, connection: &Connection) -> Option<Vec<u8>> {
        let keys = Keys::client(self.version, &connection.id)?;
        let sample = self.bytes.get(self.number_at + 4..self.number_at + 4 + SAMPLE_BYTES)?;
        let mask = keys.header.new_mask(sample).ok()?;
        let mut packet = self.bytes.to_vec();
        packet[0] ^= mask[0] & 0x0f;
        let number_len = usize::from(packet[0] & 3) + 1;
        let mut number = 0u64;
        for (byte, mask) in packet.get_mut(self.number_at..self.number_at + number_len)?.iter_mut().zip(&mask[1..]) {
            *byte ^= mask;
            number = number << 8 | u64::from(*byte);
        }
        let mut nonce = keys.iv;
        for (byte, part) in nonce[4..].iter_mut().zip(number.to_be_bytes()) {
            *byte ^= part;
        }
        let mut content = packet.split_off(self.number_at + number_len);
        let nonce = aead::Nonce::assume_unique_for_key(nonce);
        keys.packet.open_in_place(nonce, aead::Aad::from(&packet), &mut content).ok()?;
        content.truncate(content.len().saturating_sub(TAG_BYTES));
        Some(content)
    }
}

/// A variable-length integer (RFC 9000 section 16); moves `at` past it.
fn varint(data: &[u8], at: &mut usize) -> Option<u64> {
    let first = *data.get(*at)?;
    let len = 1usize << (first >> 6);
    let bytes = data.get(*at..*at + len)?;
    *at += len;
    Some(bytes[1..].iter().fold(u64::from(first & 0x3f), |value, byte| value << 8 | u64::from(*byte)))
}

/// Collects the CRYPTO frames of a packet; stops at a frame that an Initial packet may not hold.
fn read_frames(plain: &[u8], assembly: &mut Assembly, bytes_max: usize) -> Option<()> {
    let mut at = 0;
    while at < plain.len() {
        match varint(plain, &mut at)? {
            // PADDING, PING.
            0 | 1 => {}
            kind @ (2 | 3) => skip_acknowledgement(plain, &mut at, kind == 3)?,
            6 => {
                let offset = varint(plain, &mut at)?;
                let len = usize::try_from(varint(plain, &mut at)?).ok()?;
                let end = at.checked_add(len)?;
                assembly.insert(offset, plain.get(at..end)?, bytes_max);
                at = end;
            }
            _ => return None,
        }
    }
    Some(())
}

/// ACK: largest, delay, count of ranges, first range, ranges, and three counts with ECN.
fn skip_acknowledgement(plain: &[u8], at: &mut usize, congestion: bool) -> Option<()> {
    varint(plain, at)?;
    varint(plain, at)?;
    let ranges = varint(plain, at)?;
    varint(plain, at)?;
    let numbers = ranges.checked_mul(2)?.checked_add(if congestion { 3 } else { 0 })?;
    for _ in 0..numbers {
        varint(plain, at)?;
    }
    Some(())
}

/// Keys of the client's Initial packets.
struct Keys {
    packet: aead::LessSafeKey,
    header: aead::quic::HeaderProtectionKey,
    iv: [u8; 12],
}

impl Keys {
    fn client(version: &Version, destination: &[u8]) -> Option<Self> {
        let [key_label, iv_label, header_label] = version.labels;
        let initial = hkdf::Salt::new(hkdf::HKDF_SHA256, &version.salt).extract(destination);
        let secret: [u8; 32] = expand(&initial, "client in")?;
        let secret = hkdf::Prk::new_less_safe(hkdf::HKDF_SHA256, &secret);
        let key: [u8; 16] = expand(&secret, key_label)?;
        let header: [u8; 16] = expand(&secret, header_label)?;
        Some(Self {
            packet: aead::LessSafeKey::new(aead::UnboundKey::new(&aead::AES_128_GCM, &key).ok()?),
            header: aead::quic::HeaderProtectionKey::new(&aead::quic::AES_128, &header).ok()?,
            iv: expand(&secret, iv_label)?,
        })
    }
}

/// Length of an expansion, as ring wants it.
struct Length(usize);

impl hkdf::KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

/// HKDF-Expand-Label of TLS 1.3 with an empty context (RFC 8446 section 7.1).
fn expand<const N: usize>(secret: &hkdf::Prk, label: &str) -> Option<[u8; N]> {
    const PREFIX: &str = "tls13 ";
    let lengths = [(N >> 8) as u8, N as u8, (PREFIX.len() + label.len()) as u8];
    let info: [&[u8]; 4] = [&lengths, PREFIX.as_bytes(), label.as_bytes(), &[0]];
    let mut out = [0; N];
    secret.expand(&info, Length(N)).ok()?.fill(&mut out).ok()?;
    Some(out)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// RFC 9001 appendix A.1.
    #[test]
    fn keys_are_those_of_the_standard() {
        let id = [0x83, 0x94, 0xc8, 0xf0, 0x3e, 0x51, 0x57, 0x08];
        let version = &VERSIONS[0];
        let keys = Keys::client(version, &id).unwrap();
        assert_eq!(keys.iv, [0xfa, 0x04, 0x4b, 0x2f, 0x42, 0xa3, 0xfd, 0x3b, 0x46, 0xfb, 0x25, 0x5c]);
        // Appendix A.2: the sample of the client's packet and its mask.
        let sample = [0xd1, 0xb1, 0xc9, 0x8d, 0xd7, 0x68, 0x9f, 0xb8, 0xec, 0x11, 0xd2, 0x42, 0xb1, 0x23, 0xdc, 0x9b];
        assert_eq!(keys.header.new_mask(&sample).unwrap(), [0x43, 0x7b, 0x9a, 0xec, 0x36]);
    }

    #[test]
    fn integers_of_every_length() {
        for (bytes, value) in [
            (&[0x25][..], 37),
            (&[0x7b, 0xbd], 15_293),
            (&[0x9d, 0x7f, 0x3e, 0x7d], 494_878_333),
            (&[0xc2, 0x19, 0x7c, 0x5e, 0xff, 0x14, 0xe8, 0x8c], 151_288_809_941_952_652),
        ] {
            let mut at = 0;
            assert_eq!(varint(bytes, &mut at), Some(value));
            assert_eq!(at, bytes.len());
            assert_eq!(varint(&bytes[..bytes.len() - 1], &mut 0), None);
        }
    }

    #[test]
    fn a_frame_list_with_a_huge_count_ends() {
        let mut assembly = Assembly::default();
        let plain = [2, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0];
        assert!(read_frames(&plain, &mut assembly, 100).is_none());
    }
}
