//! A file that holds the payloads of export datagrams and nothing else, as frames: one message after the other by the lengths that they
//! tell (an IPFIX file, RFC 5655, is one), sFlow one datagram a file. Owns where a message ends; reads no record.

use super::window::Window;
use crate::collect::frames::{HEADERS_BYTES, write_headers};
use crate::{FrameSource, SourceError, SourceStats};
use record::{FrameHeader, LinkType, Timestamp};
use std::net::{Ipv4Addr, SocketAddr};

/// Longest payload of a datagram over IPv4.
const DATAGRAM_BYTES_MAX: usize = 65_507;
/// Messages handed on at once.
const MESSAGES_MAX: usize = 64;
/// Version and header length of NetFlow v9.
const V9: u16 = 9;
const V9_HEADER: usize = 20;
/// Port that exports are sent to by custom, which the frames carry.
const PORT: u16 = 2055;

/// True when these first bytes can begin a dump: a version, and a length or a count that makes sense with it.
pub fn is_export_dump(first: &[u8]) -> bool {
    match *first {
        [0, 5, high, low, ..] => (1..=1_024).contains(&u16::from_be_bytes([high, low])),
        [0, 9, high, low, ..] => (1..=4_096).contains(&u16::from_be_bytes([high, low])),
        [0, 10, high, low, ..] => u16::from_be_bytes([high, low]) >= 16,
        [0, 0, 0, 5, 0, 0, 0, 1 | 2, ..] => true,
        _ => false,
    }
}

/// An open dump.
pub struct ExportDump {
    window: Window,
    frames: Vec<u8>,
    messages: u64,
    bytes: u64,
    ended: bool,
    notes: Vec<String>,
}

impl ExportDump {
    /// Over a window at the first byte.
    pub fn new(window: Window) -> Self {
        Self { window, frames: Vec::new(), messages: 0, bytes: 0, ended: false, notes: Vec::new() }
    }

    /// Length of the message that begins here, as far as bytes are there; 0 at the end.
    fn length(&mut self) -> usize {
        self.window.fill(16);
        let wanted = match *self.window.available() {
            [0, 5, high, low, ..] => 24 + 48 * usize::from(u16::from_be_bytes([high, low])),
            [0, 10, high, low, ..] => usize::from(u16::from_be_bytes([high, low])),
            _ => DATAGRAM_BYTES_MAX,
        };
        let wanted = wanted.clamp(1, DATAGRAM_BYTES_MAX);
        self.window.fill(wanted);
        let there = &self.window.available()[..wanted.min(self.window.available().len())];
        if there.starts_with(&[0, 9]) { v9_length(there) } else { there.len() }
    }

    /// Time that the message's header says; sFlow's says none.
    fn time(&self) -> Timestamp {
        let word = |at: usize| {
            let bytes = self.window.available().get(at..at + 4).and_then(|b| b.first_chunk::<4>());
            i64::from(bytes.map_or(0, |b| u32::from_be_bytes(*b)))
        };
        match *self.window.available() {
            [0, 5, ..] => Timestamp::from_parts(word(8), word(12)),
            [0, 9, ..] => Timestamp::from_parts(word(8), 0),
            [0, 10, ..] => Timestamp::from_parts(word(4), 0),
            _ => Timestamp(0),
        }
    }
}

/// Where the sets of a NetFlow v9 datagram end: the next one begins with a version, which is no set's identifier.
fn v9_length(bytes: &[u8]) -> usize {
    let mut at = V9_HEADER;
    while let Some([id_high, id_low, high, low]) = bytes.get(at..).and_then(|rest| rest.first_chunk::<4>()) {
        let (id, length) = (u16::from_be_bytes([*id_high, *id_low]), usize::from(u16::from_be_bytes([*high, *low])));
        if id == V9 {
            return at;
        }
        if length < 4 {
            // Padding, or damage that the reader counts.
            break;
        }
        at += length;
    }
    bytes.len()
}

impl FrameSource for ExportDump {
    fn next_batch(&mut self, headers: &mut Vec<FrameHeader>) -> Result<Option<&[u8]>, SourceError> {
        headers.clear();
        self.frames.clear();
        let nobody = SocketAddr::from((Ipv4Addr::UNSPECIFIED, PORT));
        while !self.ended && headers.len() < MESSAGES_MAX {
            let length = self.length();
            if length == 0 {
                self.ended = true;
                break;
            }
            let first = self.window.available().get(..4).unwrap_or_default();
            if self.messages > 0 && !is_export_dump(&[first, &[0, 0, 0, 1]].concat()) {
                self.ended = true;
                let at = self.window.position();
                self.notes.push(format!("stopped at byte {at}: no export begins there; everything before was read"));
                break;
            }
            let mut room = [0; HEADERS_BYTES];
            let begin = write_headers(&mut room, nobody, nobody, length);
            let offset = self.frames.len();
            self.frames.extend_from_slice(&room[begin..]);
            let ts = self.time();
            self.frames.extend_from_slice(&self.window.available()[..length]);
            self.window.advance(length as u64);
            let captured_len = (self.frames.len() - offset) as u32;
            self.messages += 1;
            self.bytes += u64::from(captured_len);
            let (wire_len, link) = (captured_len, LinkType::RAW);
            headers.push(FrameHeader { ts, offset, captured_len, wire_len, link, interface: 0 });
        }
        Ok((!headers.is_empty()).then_some(&self.frames))
    }

    fn stats(&self) -> SourceStats {
        SourceStats { packets: self.messages, bytes: self.bytes, notes: self.notes.clone(), ..SourceStats::default() }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn read(bytes: Vec<u8>) -> (Vec<(i64, usize)>, Vec<String>) {
        let mut dump = ExportDump::new(Window::new(Box::new(std::io::Cursor::new(bytes))));
        let (mut found, mut headers) = (Vec::new(), Vec::new());
        while let Some(frames) = dump.next_batch(&mut headers).unwrap() {
            for header in &headers {
                assert!(header.offset + header.captured_len as usize <= frames.len());
                found.push((header.ts.seconds(), header.captured_len as usize - 28));
            }
        }
        (found, dump.stats().notes)
    }

    fn ipfix(length: u16, seconds: u32) -> Vec<u8> {
        let mut message = vec![0, 10];
        message.extend(length.to_be_bytes());
        message.extend(seconds.to_be_bytes());
        message.resize(usize::from(length), 0);
        message
    }

    #[test]
    fn messages_are_cut_by_their_own_lengths() {
        let bytes: Vec<u8> = (0..200).flat_map(|n| ipfix(16 + n, u32::from(n))).collect();
        let (found, notes) = read(bytes);
        assert_eq!(found.len(), 200);
        assert_eq!((found[7], notes.len()), ((7, 23), 0));
    }

    #[test]
    fn a_cut_message_and_what_is_no_export_end_the_dump() {
        let mut bytes = ipfix(40, 1);
        bytes.extend(&ipfix(40, 2)[..20]);
        assert_eq!(read(bytes).0, [(1, 40), (2, 20)]);
        let mut bytes = ipfix(40, 1);
        bytes.extend(b"something else");
        let (found, notes) = read(bytes);
        assert_eq!(found.len(), 1);
        assert!(notes[0].contains("byte 40"), "{notes:?}");
        let mut v9 = vec![0, 9, 0, 1];
        v9.resize(20, 0);
        v9.extend([1, 0, 0, 8, 7, 7, 7, 7]);
        assert_eq!(read(v9.clone()).0, [(0, 28)]);
        let two = [&v9[..], &v9[..]].concat();
        assert_eq!(read(two).0, [(0, 28), (0, 28)]);
        v9.resize(1_000, 0);
        assert_eq!(read(v9).0, [(0, 1_000)], "padding belongs to it");
    }

    #[test]
    fn only_exports_are_taken_for_a_dump() {
        assert!(is_export_dump(&[0, 5, 0, 30]) && is_export_dump(&[0, 10, 1, 0]));
        assert!(is_export_dump(&[0, 0, 0, 5, 0, 0, 0, 1]));
        assert!(!is_export_dump(&[0, 5, 0, 0]) && !is_export_dump(&[0, 10, 0, 4]) && !is_export_dump(b"\0\x01"));
        assert!(!is_export_dump(&[0, 0, 0, 5]) && !is_export_dump(b"text"));
    }
}
