//! TLS over TCP: the ClientHello in the first records, also when it goes on in later segments.

use super::pending::{Assembly, Hello, PACKETS_MAX, Pending};
use super::{Parsed, Payload, Probe, Protocol, Transport, hello};
use crate::bytes::be16_at;
use record::AppData;
use std::borrow::Cow;

/// TLS.
pub struct Tls;

/// Bytes of a record's header.
const RECORD_HEADER_BYTES: usize = 5;
/// Longest record, with the allowance of TLS 1.2 for expansion.
const RECORD_BYTES_MAX: u16 = (1 << 14) + 2048;

impl Protocol for Tls {
    fn name(&self) -> &'static str {
        "tls"
    }

    fn may_begin(&self, transport: Transport, first: u8) -> bool {
        transport == Transport::Tcp && first == 22
    }

    #[inline]
    fn probe(&self, payload: &Payload<'_>) -> Probe {
        match payload.data {
            // Handshake record, SSL 3.0 to TLS 1.3, ClientHello.
            [22, 3, 0..=4, _, _, 1, rest @ ..] if payload.is_tcp() && matches!(rest, [] | [0, ..]) => Probe::Certain,
            _ => Probe::NotMine,
        }
    }

    fn parse(&self, payload: &Payload<'_>, pending: &mut Pending) -> Parsed {
        let (handshake, broken) = handshake_bytes(payload.data);
        if broken {
            return Parsed::Invalid;
        }
        // Its length is in the first four bytes; until they are there, more must come.
        let whole = hello::message_bytes(&handshake).unwrap_or(4);
        let waitable = whole <= pending.bytes_max() && !payload.is_cut();
        if handshake.len() < whole && waitable {
            let mut assembly = Assembly::default();
            assembly.insert(0, payload.data, pending.bytes_max());
            let meta = payload.meta;
            let (key, from_low, seq) = (meta.key, meta.from_low, meta.tcp_seq);
            pending.put(meta, Box::new(Hello { key, from_low, seq, server: false, quic: None, packets: 1, assembly }));
            return Parsed::Waiting;
        }
        match hello::read(&handshake) {
            Some(hello) => Parsed::Message(AppData::Tls(hello.into_data(false))),
            None => Parsed::Invalid,
        }
    }
}

/// The next segment of a flow whose hello is not whole.
pub(crate) fn go_on(payload: &Payload<'_>, pending: &mut Pending) -> Option<AppData> {
    let mut waiting = pending.take(payload.meta)?;
    waiting.packets = waiting.packets.saturating_add(1);
    let offset = payload.meta.tcp_seq.wrapping_sub(waiting.seq);
    waiting.assembly.insert(u64::from(offset), payload.data, pending.bytes_max());
    let (handshake, broken) = handshake_bytes(waiting.assembly.prefix());
    let whole = hello::message_bytes(&handshake).unwrap_or(usize::MAX);
    if handshake.len() < whole && !broken && !payload.is_cut() && waiting.packets < PACKETS_MAX {
        pending.put(payload.meta, waiting);
        return None;
    }
    hello::read(&handshake).map(|hello| AppData::Tls(hello.into_data(false)))
}

/// The content of the handshake records at the start of `stream`, joined; true when something else comes before the
/// hello is whole.
fn handshake_bytes(stream: &[u8]) -> (Cow<'_, [u8]>, bool) {
    let mut out = Cow::Borrowed(&stream[..0]);
    let mut at = 0;
    while let (Some(&kind), Some(len)) = (stream.get(at), be16_at(stream, at + 3)) {
        if kind != 22 || len == 0 || len > RECORD_BYTES_MAX {
            return (out, true);
        }
        let start = at + RECORD_HEADER_BYTES;
        let end = (start + usize::from(len)).min(stream.len());
        let content = stream.get(start..end).unwrap_or(&[]);
        if out.is_empty() {
            // Nearly always the only record: no copy.
            out = Cow::Borrowed(content);
        } else {
            out.to_mut().extend_from_slice(content);
        }
        at = start + usize::from(len);
        if hello::message_bytes(&out).is_some_and(|whole| out.len() >= whole) {
            break;
        }
    }
    (out, false)
}
