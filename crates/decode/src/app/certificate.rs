//! The certificate that a TLS server shows first, up to TLS 1.2 (RFC 5246); from 1.3 on it is encrypted. Owns finding it behind the
//! ServerHello, over records and segments; its content (X.509, RFC 5280) is read by `x509-parser`.

use super::pending::{Assembly, Hello, PACKETS_MAX, Pending};
use super::{Parsed, Payload, Probe, Protocol, Transport};
use crate::bytes::{array_at, be16_at, text};
use record::{AppData, CertificateData};
use x509_parser::prelude::{FromDer, X509Certificate};

/// Server's certificates in TLS.
pub struct Certificate;

/// Bytes of a record's header, and of a handshake message's.
const RECORD_HEADER_BYTES: usize = 5;
const MESSAGE_HEADER_BYTES: usize = 4;
/// Handshake messages that are looked for.
const SERVER_HELLO: u8 = 2;
const CERTIFICATE: u8 = 11;
/// ServerHello up to its session identifier: version and random.
const BEFORE_SESSION_BYTES: usize = 34;

/// Certificates read lately, and the largest kept, bytes: a server shows the same one at each connection. Most have one to two kilobytes,
/// so that all take less than half a megabyte.
const READ_MAX: usize = 256;
const READ_BYTES_MAX: usize = 4096;

/// Certificates read lately, by their bytes, so that each is taken apart once.
#[derive(Debug, Default)]
pub(crate) struct Read(Vec<Option<(Box<[u8]>, CertificateData)>>);

impl Read {
    /// The content of these bytes, read now or before; the bytes are compared whole.
    fn content(&mut self, der: &[u8]) -> Option<CertificateData> {
        // The last bytes are the issuer's signature: as good as random, and another certificate in this place is only read again.
        let place = usize::from(*der.last()?);
        const { assert!(READ_MAX == u8::MAX as usize + 1) };
        if let Some(Some((bytes, known))) = self.0.get(place)
            && **bytes == *der
        {
            return Some(known.clone());
        }
        let content = certificate(der)?;
        if der.len() <= READ_BYTES_MAX {
            self.0.resize(READ_MAX, None);
            self.0[place] = Some((der.into(), content.clone()));
        }
        Some(content)
    }
}

/// What is known of a server's flight.
enum Flight {
    /// The first certificate, whole.
    Shown(CertificateData),
    /// It may still come.
    More,
    /// None will come in the clear, or it cannot be read.
    Never,
}

impl Protocol for Certificate {
    fn name(&self) -> &'static str {
        "tls_certificate"
    }

    fn may_begin(&self, transport: Transport, first: u8) -> bool {
        transport == Transport::Tcp && first == 22
    }

    #[inline]
    fn probe(&self, payload: &Payload<'_>) -> Probe {
        match payload.data {
            // Handshake record, SSL 3.0 to TLS 1.2, ServerHello shorter than 64 kB.
            [22, 3, 0..=3, _, _, SERVER_HELLO, 0, ..] if payload.is_tcp() => Probe::Certain,
            _ => Probe::NotMine,
        }
    }

    fn parse(&self, payload: &Payload<'_>, pending: &mut Pending) -> Parsed {
        match read(payload.data, pending.certificates()) {
            Flight::Shown(certificate) => Parsed::Message(AppData::Certificate(certificate)),
            Flight::More if !payload.is_cut() => {
                let mut assembly = Assembly::default();
                assembly.insert(0, payload.data, pending.bytes_max());
                let meta = payload.meta;
                let (key, from_low, seq) = (meta.key, meta.from_low, meta.tcp_seq);
                pending
                    .put(meta, Box::new(Hello { key, from_low, seq, server: true, quic: None, packets: 1, assembly }));
                Parsed::Waiting
            }
            Flight::More | Flight::Never => Parsed::Waiting,
        }
    }
}

/// The next segment of a server whose certificate is not whole.
pub(crate) fn go_on(payload: &Payload<'_>, pending: &mut Pending) -> Option<AppData> {
    let mut waiting = pending.take(payload.meta)?;
    waiting.packets = waiting.packets.saturating_add(1);
    let offset = payload.meta.tcp_seq.wrapping_sub(waiting.seq);
    waiting.assembly.insert(u64::from(offset), payload.data, pending.bytes_max());
    match read(waiting.assembly.prefix(), pending.certificates()) {
        Flight::Shown(certificate) => Some(AppData::Certificate(certificate)),
        Flight::More if waiting.packets < PACKETS_MAX && !payload.is_cut() => {
            pending.put(payload.meta, waiting);
            None
        }
        Flight::More | Flight::Never => None,
    }
}

/// Reads the server's bytes from their beginning.
fn read(stream: &[u8], known: &mut Read) -> Flight {
    let (messages, ended) = handshake(stream);
    let more = if ended { Flight::Never } else { Flight::More };
    let mut rest = messages.as_slice();
    while let Some([kind, l0, l1, l2]) = array_at(rest, 0) {
        let len = u32::from_be_bytes([0, l0, l1, l2]) as usize;
        let body = &rest[MESSAGE_HEADER_BYTES..];
        if kind == CERTIFICATE {
            return leaf(body).map_or(more, |der| known.content(der).map_or(Flight::Never, Flight::Shown));
        }
        let Some(body) = body.get(..len) else { return more };
        if kind != SERVER_HELLO || is_1_3(body) {
            return Flight::Never;
        }
        rest = &rest[MESSAGE_HEADER_BYTES + len..];
    }
    more
}

/// Content of the handshake records at the start; true when another record follows them.
fn handshake(stream: &[u8]) -> (Vec<u8>, bool) {
    let (mut out, mut at) = (Vec::new(), 0);
    while let (Some(&kind), Some(len)) = (stream.get(at), be16_at(stream, at + 3)) {
        if kind != 22 || len == 0 {
            return (out, true);
        }
        let start = at + RECORD_HEADER_BYTES;
        let end = (start + usize::from(len)).min(stream.len());
        out.extend_from_slice(stream.get(start..end).unwrap_or(&[]));
        at = start + usize::from(len);
    }
    (out, false)
}

/// True when the hello's supported versions (RFC 8446) choose 1.3.
fn is_1_3(hello: &[u8]) -> bool {
    let session = usize::from(hello.get(BEFORE_SESSION_BYTES).copied().unwrap_or(0));
    // Session, cipher suite, compression, length of the extensions.
    let mut at = BEFORE_SESSION_BYTES + 1 + session + 2 + 1 + 2;
    while let (Some(kind), Some(len)) = (be16_at(hello, at), be16_at(hello, at + 2)) {
        if kind == 43 {
            return true;
        }
        at += 4 + usize::from(len);
    }
    false
}

/// The first certificate of the message, when it is whole: length of all, length of it, it.
fn leaf(body: &[u8]) -> Option<&[u8]> {
    let [l0, l1, l2] = array_at(body, 3)?;
    body.get(6..6 + u32::from_be_bytes([0, l0, l1, l2]) as usize)
}

fn certificate(der: &[u8]) -> Option<CertificateData> {
    let (_, read) = X509Certificate::from_der(der).ok()?;
    let names = read.subject_alternative_name().ok().flatten().map_or(0, |names| names.value.general_names.len());
    Some(CertificateData {
        subject: text(read.subject().to_string().as_bytes()),
        issuer: text(read.issuer().to_string().as_bytes()),
        not_before_s: read.validity().not_before.timestamp(),
        not_after_s: read.validity().not_after.timestamp(),
        self_signed: read.subject().as_raw() == read.issuer().as_raw(),
        names: names as u32,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fresh(stream: &[u8]) -> Flight {
        read(stream, &mut Read::default())
    }

    /// A record around one handshake message.
    fn record(kind: u8, body: &[u8]) -> Vec<u8> {
        let len = (body.len() + 4) as u16;
        let [h, l] = len.to_be_bytes();
        let [_, a, b, c] = (body.len() as u32).to_be_bytes();
        [&[22, 3, 3, h, l, kind, a, b, c][..], body].concat()
    }

    fn hello(extensions: &[u8]) -> Vec<u8> {
        let [h, l] = (extensions.len() as u16).to_be_bytes();
        [&[3, 3][..], &[7; 32], &[0, 0xc0, 0x2f, 0, h, l], extensions].concat()
    }

    #[test]
    fn a_hello_of_1_3_promises_nothing_and_one_of_1_2_does() {
        assert!(matches!(fresh(&record(SERVER_HELLO, &hello(&[0, 43, 0, 2, 3, 4]))), Flight::Never));
        let older = record(SERVER_HELLO, &hello(&[0, 23, 0, 0]));
        assert!(matches!(fresh(&older), Flight::More));
        // Resumed: the server goes on with another record.
        assert!(matches!(fresh(&[&older[..], &[20, 3, 3, 0, 1, 1]].concat()), Flight::Never));
        let cut = [&older[..], &record(CERTIFICATE, &[0, 1, 0, 0, 0, 250, 0x30, 0x82])].concat();
        assert!(matches!(fresh(&cut), Flight::More));
        let garbage = [&older[..], &record(CERTIFICATE, &[0, 0, 5, 0, 0, 2, 0x30, 0x82])].concat();
        assert!(matches!(fresh(&garbage), Flight::Never));
    }

    #[test]
    fn what_was_read_is_known_by_all_its_bytes_and_by_nothing_less() {
        let content = CertificateData { subject: "CN=a".into(), ..CertificateData::default() };
        let mut known = Read(vec![None; READ_MAX]);
        known.0[5] = Some(([1, 2, 3, 5].as_slice().into(), content.clone()));
        assert_eq!(known.content(&[1, 2, 3, 5]), Some(content));
        // No certificates, so that nothing but what is known could be said of them.
        assert_eq!(known.content(&[1, 9, 3, 5]), None);
        assert_eq!(known.content(&[1, 2, 3]), None);
        assert_eq!(known.content(&[]), None);
    }

    #[test]
    fn any_bytes_are_survived() {
        let whole = [
            record(SERVER_HELLO, &hello(&[0, 23, 0, 0])),
            record(CERTIFICATE, &[0, 0, 9, 0, 0, 6, 48, 4, 48, 2, 5, 0]),
        ];
        let whole = whole.concat();
        for cut in 0..whole.len() {
            let _ = fresh(&whole[..cut]);
            let mut damaged = whole.clone();
            damaged[cut] ^= 0xff;
            let _ = fresh(&damaged);
        }
    }
}
