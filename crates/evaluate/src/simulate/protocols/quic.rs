//! QUIC version 1 (RFC 9000, 9001): Initial packets sealed with the keys that everybody can derive, so that an observer
//! reads the ClientHello; everything after them is noise of the right shape. Owns packet bytes; knows no schedule.

use super::super::random::Random;
use super::tls;
use ring::aead::quic::{AES_128, HeaderProtectionKey};
use ring::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use ring::hkdf::{HKDF_SHA256, KeyType, Prk, Salt};

/// RFC 9001, section 5.2.
const SALT: [u8; 20] = [
    0x38, 0x76, 0x2c, 0xf7, 0xf5, 0x59, 0x34, 0xb3, 0x4d, 0x17, 0x9a, 0xe6, 0xa4, 0xc8, 0x0c, 0xad, 0xcc, 0xbb, 0x7f,
    0x0a,
];
/// What a datagram with an Initial must at least carry (RFC 9000, section 14.1); we fill just that.
const DATAGRAM: usize = 1200;
const TAG: usize = 16;
const PACKET_NUMBER: usize = 2;

struct Length(usize);

impl KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

/// HKDF-Expand-Label of TLS 1.3 with an empty context; None never happens for the lengths used here.
fn expand(secret: &Prk, label: &str, len: usize) -> Option<Vec<u8>> {
    let mut info = (len as u16).to_be_bytes().to_vec();
    info.push(label.len() as u8 + 6);
    info.extend_from_slice(b"tls13 ");
    info.extend_from_slice(label.as_bytes());
    info.push(0);
    let mut out = vec![0; len];
    secret.expand(&[&info], Length(len)).ok()?.fill(&mut out).ok()?;
    Some(out)
}

/// A long header up to the length field.
fn long_header(first: u8, dcid: &[u8], scid: &[u8], token: bool) -> Vec<u8> {
    let mut out = vec![first, 0, 0, 0, 1, dcid.len() as u8];
    out.extend_from_slice(dcid);
    out.push(scid.len() as u8);
    out.extend_from_slice(scid);
    if token {
        out.push(0);
    }
    out
}

/// A length as a two-byte variable-length integer (below 16,384).
fn put_length(out: &mut Vec<u8>, len: usize) {
    out.extend_from_slice(&(0x4000 | len as u16).to_be_bytes());
}

/// Who seals an Initial, and between which connection identifiers.
struct Ends<'a> {
    /// `client in` or `server in`.
    sealer: &'a str,
    /// The client's first destination identifier: the source of the keys.
    keyed_by: &'a [u8],
    dcid: &'a [u8],
    scid: &'a [u8],
}

/// Packet number 0 with `frames` as its payload.
fn initial(ends: &Ends, frames: &[u8]) -> Option<Vec<u8>> {
    let secret = expand(&Salt::new(HKDF_SHA256, &SALT).extract(ends.keyed_by), ends.sealer, 32)?;
    let secret = Prk::new_less_safe(HKDF_SHA256, &secret);
    let key = LessSafeKey::new(UnboundKey::new(&AES_128_GCM, &expand(&secret, "quic key", 16)?).ok()?);
    // The packet number is 0, so the nonce is the vector itself.
    let nonce = Nonce::try_assume_unique_for_key(&expand(&secret, "quic iv", 12)?).ok()?;
    let mask_key = HeaderProtectionKey::new(&AES_128, &expand(&secret, "quic hp", 16)?).ok()?;

    let mut out = long_header(0xc0 | (PACKET_NUMBER as u8 - 1), ends.dcid, ends.scid, true);
    put_length(&mut out, PACKET_NUMBER + frames.len() + TAG);
    let number_at = out.len();
    out.extend_from_slice(&[0; PACKET_NUMBER]);
    let mut sealed = frames.to_vec();
    key.seal_in_place_append_tag(nonce, Aad::from(&out), &mut sealed).ok()?;
    out.extend_from_slice(&sealed);
    let mask = mask_key.new_mask(out.get(number_at + 4..number_at + 20)?).ok()?;
    out[0] ^= mask[0] & 0x0f;
    for (byte, m) in out[number_at..number_at + PACKET_NUMBER].iter_mut().zip(&mask[1..]) {
        *byte ^= m;
    }
    Some(out)
}

/// A CRYPTO frame at offset 0.
fn crypto(message: &[u8]) -> Vec<u8> {
    let mut out = vec![0x06, 0];
    put_length(&mut out, message.len());
    out.extend_from_slice(message);
    out
}

/// A connection's identifiers.
#[derive(Debug)]
pub(in super::super) struct Connection {
    first_dcid: Vec<u8>,
    server_id: Vec<u8>,
}

impl Connection {
    /// New identifiers; the client uses none of its own, as browsers do.
    pub(in super::super) fn new(r: &mut Random) -> Self {
        Self { first_dcid: r.bytes(8), server_id: r.bytes(8) }
    }

    /// The client's first datagram: a ClientHello for `sni`, padded.
    pub(in super::super) fn hello(&self, sni: &str, r: &mut Random) -> Option<Vec<u8>> {
        let mut frames = crypto(&tls::client_hello_message(tls::QUIC_CLIENT, sni, &[], r));
        let header = 7 + self.first_dcid.len() + 1 + 2 + PACKET_NUMBER;
        frames.resize(frames.len().max(DATAGRAM - header - TAG), 0);
        initial(&Ends { sealer: "client in", keyed_by: &self.first_dcid, dcid: &self.first_dcid, scid: &[] }, &frames)
    }

    /// The server's first datagram: acknowledgement, ServerHello, and the beginning of its encrypted handshake.
    pub(in super::super) fn answer(&self, r: &mut Random) -> Option<Vec<u8>> {
        let mut frames = vec![0x02, 0, 0, 0, 0];
        frames.extend_from_slice(&crypto(&tls::server_hello_message(&[], r)));
        let ends = Ends { sealer: "server in", keyed_by: &self.first_dcid, dcid: &[], scid: &self.server_id };
        let mut out = initial(&ends, &frames)?;
        let rest = self.handshake(DATAGRAM - out.len(), false, r);
        out.extend_from_slice(&rest);
        Some(out)
    }

    /// A Handshake packet of about `size` bytes in all.
    pub(in super::super) fn handshake(&self, size: usize, by_client: bool, r: &mut Random) -> Vec<u8> {
        let first = 0xe0 | (r.bits() as u8 & 0x0f);
        let (dcid, scid): (&[u8], &[u8]) = if by_client { (&self.server_id, &[]) } else { (&[], &self.server_id) };
        let mut out = long_header(first, dcid, scid, false);
        let len = size.saturating_sub(out.len() + 2).max(24);
        put_length(&mut out, len);
        out.extend_from_slice(&r.bytes(len));
        out
    }

    /// A packet under the final keys of `size` bytes in all.
    pub(in super::super) fn data(&self, size: usize, by_client: bool, r: &mut Random) -> Vec<u8> {
        let mut out = vec![0x40 | (r.bits() as u8 & 0x3f)];
        if by_client {
            out.extend_from_slice(&self.server_id);
        }
        let len = size.saturating_sub(out.len()).max(21);
        out.extend_from_slice(&r.bytes(len));
        out
    }
}
