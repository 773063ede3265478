//! Sockets for flow exports as one source of frames: each datagram becomes a raw IP frame of its exporter. Owns the sockets, who may
//! send, and what was dropped; knows no format of exports.

use super::frames::{HEADERS_BYTES, write_headers};
use super::settings::CollectSettings;
use super::socket::{DATAGRAMS_MAX, ExportSocket, SLOT_BYTES, Taken, wait};
use crate::{FrameSource, KernelBuffer, SourceError, SourceStats};
use record::{Counters, FrameHeader, IpAddr16, LinkType, Prefix, Timestamp};
use std::time::{SystemTime, UNIX_EPOCH};

/// How long a call waits when nothing comes.
const WAIT_MS: i32 = 100;

/// Open sockets.
pub struct Collector {
    sockets: Vec<ExportSocket>,
    allow: Vec<Prefix>,
    asked_bytes: u32,
    /// One slot a datagram.
    buffer: Vec<u8>,
    taken: Vec<Taken>,
    /// The socket to be asked first, so that a busy one does not starve the others.
    next: usize,
    datagrams: u64,
    bytes: u64,
    refused: u64,
    cut: u64,
}

/// Binds every address of the settings.
///
/// # Errors
/// A setting cannot be read; an address cannot be bound.
pub fn open_collector(settings: &CollectSettings) -> Result<Collector, SourceError> {
    let mut sockets = Vec::new();
    for address in settings.addresses()? {
        let bound = ExportSocket::bind(address, settings.receive_buffer_bytes);
        sockets.push(bound.map_err(|source| SourceError::Collect { address, source })?);
    }
    Ok(Collector {
        sockets,
        allow: settings.allowed()?,
        asked_bytes: settings.receive_buffer_bytes,
        buffer: vec![0; DATAGRAMS_MAX * SLOT_BYTES],
        taken: Vec::with_capacity(DATAGRAMS_MAX),
        next: 0,
        datagrams: 0,
        bytes: 0,
        refused: 0,
        cut: 0,
    })
}

impl Collector {
    /// Where it waits, with the ports that were given where 0 was asked.
    #[must_use]
    pub fn listens_at(&self) -> Vec<std::net::SocketAddr> {
        self.sockets.iter().map(|socket| socket.local).collect()
    }

    /// The smallest receive buffer that the kernel granted, and what was asked, bytes.
    #[must_use]
    pub fn receive_buffer(&self) -> (u32, u32) {
        let least = self.sockets.iter().map(|socket| socket.granted_bytes).min();
        (least.unwrap_or(0), self.asked_bytes)
    }

    /// Turns what one socket gave into frames.
    fn frames(&mut self, at: usize, headers: &mut Vec<FrameHeader>) {
        let to = self.sockets[at].local;
        for (slot, taken) in self.taken.iter().enumerate() {
            let src = IpAddr16::from(taken.from.ip());
            if !self.allow.is_empty() && !self.allow.iter().any(|network| network.contains(src)) {
                self.refused += 1;
                continue;
            }
            self.cut += u64::from(taken.is_cut);
            let start = slot * SLOT_BYTES;
            let room = self.buffer[start..].first_chunk_mut::<HEADERS_BYTES>();
            let Some(begin) = room.map(|room| write_headers(room, taken.from, to, taken.bytes)) else { continue };
            let length = (HEADERS_BYTES - begin + taken.bytes) as u32;
            self.datagrams += 1;
            self.bytes += u64::from(length);
            headers.push(FrameHeader {
                ts: taken.at.unwrap_or_else(now),
                offset: start + begin,
                captured_len: length,
                wire_len: length,
                link: LinkType::RAW,
                interface: 0,
            });
        }
    }
}

impl FrameSource for Collector {
    fn next_batch(&mut self, headers: &mut Vec<FrameHeader>) -> Result<Option<&[u8]>, SourceError> {
        headers.clear();
        let count = self.sockets.len();
        for round in 0..2 {
            for step in 0..count {
                let at = (self.next + step) % count;
                let socket = &mut self.sockets[at];
                let failed = |address| move |source| SourceError::Collect { address, source };
                socket.take(&mut self.buffer, &mut self.taken).map_err(failed(socket.local))?;
                if self.taken.is_empty() {
                    continue;
                }
                self.frames(at, headers);
                self.next = at + 1;
                return Ok(Some(&self.buffer));
            }
            if round == 0 {
                let address = self.sockets.first().map_or(([0, 0, 0, 0], 0).into(), |socket| socket.local);
                wait(&self.sockets, WAIT_MS).map_err(|source| SourceError::Collect { address, source })?;
            }
        }
        Ok(Some(&[]))
    }

    fn stats(&self) -> SourceStats {
        let mut dropped = Counters::default();
        let lost = self.sockets.iter().map(|socket| u64::from(socket.kernel_drops)).sum();
        dropped.add("kernel_socket_full", lost);
        dropped.add("exporter_not_allowed", self.refused);
        dropped.add("datagram_cut", self.cut);
        let (granted, asked) = self.receive_buffer();
        let buffer = KernelBuffer { asked_bytes: asked.into(), granted_bytes: granted.into() };
        let notes = buffer.note().into_iter().collect();
        let buffer = Some(buffer);
        SourceStats { packets: self.datagrams, bytes: self.bytes, dropped, notes, buffer, ..SourceStats::default() }
    }
}

/// The wall clock, for a datagram that the kernel gave no time.
fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::net::UdpSocket;

    fn collector(listen: &[&str], allow: &[&str]) -> Collector {
        let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        let settings = CollectSettings { listen: owned(listen), allow: owned(allow), receive_buffer_bytes: 262_144 };
        open_collector(&settings).unwrap()
    }

    /// What arrives, as payloads after the headers, waiting for as many as are expected.
    fn payloads(collector: &mut Collector, expected: usize) -> Vec<(u8, Vec<u8>)> {
        let (mut found, mut headers) = (Vec::new(), Vec::new());
        for _ in 0..100 {
            let bytes = collector.next_batch(&mut headers).unwrap().unwrap();
            for header in &headers {
                let frame = &bytes[header.offset..header.offset + header.captured_len as usize];
                let version = frame[0] >> 4;
                let start = if version == 4 { 28 } else { 48 };
                found.push((version, frame[start..].to_vec()));
            }
            if found.len() >= expected {
                break;
            }
        }
        found
    }

    #[test]
    fn datagrams_of_both_versions_come_as_frames_of_their_senders() {
        let mut collector = collector(&["127.0.0.1:0", "[::1]:0"], &[]);
        let sent: Vec<_> = collector.listens_at();
        for (n, to) in sent.iter().enumerate() {
            let from = UdpSocket::bind(if to.is_ipv4() { "127.0.0.1:0" } else { "[::1]:0" }).unwrap();
            from.send_to(&[n as u8; 1_400], to).unwrap();
        }
        let mut found = payloads(&mut collector, 2);
        found.sort();
        assert_eq!(found, [(4, vec![0; 1_400]), (6, vec![1; 1_400])]);
        let stats = collector.stats();
        assert_eq!((stats.packets, stats.dropped.total()), (2, 0));
        assert!(collector.receive_buffer().0 > 0);
    }

    #[test]
    fn who_is_not_allowed_is_counted_and_left() {
        let mut collector = collector(&["127.0.0.1:0"], &["192.0.2.0/24"]);
        let from = UdpSocket::bind("127.0.0.1:0").unwrap();
        from.send_to(b"anything", collector.listens_at()[0]).unwrap();
        let mut headers = Vec::new();
        for _ in 0..20 {
            collector.next_batch(&mut headers).unwrap();
            assert!(headers.is_empty());
            if collector.stats().dropped.total() > 0 {
                break;
            }
        }
        assert_eq!(collector.stats().dropped.0["exporter_not_allowed"], 1);
    }

    #[test]
    fn an_address_that_is_taken_is_named() {
        let taken = UdpSocket::bind("127.0.0.1:0").unwrap();
        let settings =
            CollectSettings { listen: vec![taken.local_addr().unwrap().to_string()], ..CollectSettings::default() };
        let error = open_collector(&settings).err().unwrap().to_string();
        assert!(error.contains(&taken.local_addr().unwrap().to_string()), "{error}");
    }
}
