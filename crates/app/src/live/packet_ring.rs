//! The newest packets of one worker in bounded memory, for the Packets page and as evidence. Owns the bytes and their numbers;
//! decodes nothing. The oldest packets leave first, which is no loss: they were counted and judged when they came.

use record::{FlowKey, FrameHeader, LinkType, PacketMeta, Timestamp};
use std::collections::VecDeque;

/// One packet kept.
#[derive(Clone, Debug)]
pub struct KeptPacket {
    /// Number since start, shared by all workers.
    pub id: u64,
    /// As captured; `captured_len` may be cut to the ring's snap length, `offset` is 0.
    pub header: FrameHeader,
    /// Its flow; default for frames without one.
    pub key: FlowKey,
    /// The bytes kept.
    pub data: Vec<u8>,
}

struct Entry {
    id: u64,
    ts: Timestamp,
    offset: usize,
    len: u32,
    wire_len: u32,
    link: LinkType,
    interface: u16,
    key: FlowKey,
}

/// A circular byte buffer with its index.
pub struct PacketRing {
    bytes: Vec<u8>,
    next: usize,
    entries: VecDeque<Entry>,
    snap_len: usize,
    capacity: usize,
}

impl PacketRing {
    /// At most `capacity` bytes of packets, each cut to `snap_len`.
    pub fn new(capacity: usize, snap_len: usize) -> Self {
        Self { bytes: Vec::new(), next: 0, entries: VecDeque::new(), snap_len, capacity: capacity.max(snap_len) }
    }

    /// Keeps one batch; ids count up from `first_id`.
    pub fn push_batch(&mut self, bytes: &[u8], headers: &[FrameHeader], metas: &[PacketMeta], first_id: u64) {
        for (index, (header, meta)) in headers.iter().zip(metas).enumerate() {
            let len = (header.captured_len as usize).min(self.snap_len);
            let Some(data) = bytes.get(header.offset..header.offset + len) else { continue };
            let offset = self.room(len);
            self.bytes[offset..offset + len].copy_from_slice(data);
            self.entries.push_back(Entry {
                id: first_id + index as u64,
                ts: header.ts,
                offset,
                len: len as u32,
                wire_len: header.wire_len,
                link: header.link,
                interface: header.interface,
                key: meta.key,
            });
        }
    }

    /// Frees the place for `len` bytes and returns its start.
    fn room(&mut self, len: usize) -> usize {
        if self.next + len > self.capacity {
            // The end is too short: what is still kept there is older than all that stands at the front.
            while self.entries.front().is_some_and(|e| e.offset >= self.next) {
                self.entries.pop_front();
            }
            self.next = 0;
        }
        let end = self.next + len;
        if self.bytes.len() < end {
            // Grown as needed, so that a quiet network costs no memory.
            self.bytes.resize(end.next_power_of_two().min(self.capacity).max(end), 0);
        }
        while self.entries.front().is_some_and(|e| e.offset < end && e.offset + e.len as usize > self.next) {
            self.entries.pop_front();
        }
        let start = self.next;
        self.next = end;
        start
    }

    /// The packet with this number, when it is still there.
    pub fn get(&self, id: u64) -> Option<KeptPacket> {
        let at = self.entries.binary_search_by_key(&id, |e| e.id).ok()?;
        self.entries.get(at).map(|e| self.kept(e))
    }

    /// The newest packets that satisfy `wanted`, newest first, at most `limit`, with numbers above `after` and below `before`.
    pub fn newest(
        &self,
        after: u64,
        before: u64,
        limit: usize,
        mut wanted: impl FnMut(&KeptPacket) -> bool,
    ) -> Vec<KeptPacket> {
        let mut found = Vec::new();
        for entry in self.entries.iter().rev().skip_while(|e| e.id >= before).take_while(|e| e.id > after) {
            let packet = self.kept(entry);
            if wanted(&packet) {
                found.push(packet);
                if found.len() == limit {
                    break;
                }
            }
        }
        found
    }

    /// Packets since `since` that satisfy `wanted`, newest first, at most `limit`. Only those are copied.
    pub fn matching(
        &self,
        since: Timestamp,
        limit: usize,
        wanted: impl Fn(&FlowKey, LinkType, &[u8]) -> bool,
    ) -> Vec<KeptPacket> {
        let recent = self.entries.iter().rev().take_while(|e| e.ts >= since);
        recent.filter(|e| wanted(&e.key, e.link, self.data(e))).take(limit).map(|e| self.kept(e)).collect()
    }

    fn kept(&self, e: &Entry) -> KeptPacket {
        let header = FrameHeader {
            ts: e.ts,
            offset: 0,
            captured_len: e.len,
            wire_len: e.wire_len,
            link: e.link,
            interface: e.interface,
        };
        KeptPacket { id: e.id, header, key: e.key, data: self.data(e).to_vec() }
    }

    fn data(&self, e: &Entry) -> &[u8] {
        &self.bytes[e.offset..e.offset + e.len as usize]
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn push(ring: &mut PacketRing, id: u64, data: &[u8]) {
        let header = FrameHeader {
            ts: Timestamp(id as i64),
            offset: 0,
            captured_len: data.len() as u32,
            wire_len: data.len() as u32,
            link: LinkType::ETHERNET,
            interface: 0,
        };
        ring.push_batch(data, &[header], &[PacketMeta::default()], id);
    }

    #[test]
    fn keeps_the_newest_whole_and_stays_inside_its_bytes() {
        let mut ring = PacketRing::new(1_000, 100);
        for id in 1..=500_u64 {
            let len = 1 + (id as usize * 37) % 150;
            push(&mut ring, id, &vec![id as u8; len]);
            let newest = ring.get(id).unwrap();
            assert_eq!(newest.data, vec![id as u8; len.min(100)]);
            assert!(ring.bytes.len() <= 1_000);
        }
        assert!(ring.get(1).is_none());
        let kept = ring.newest(0, u64::MAX, 1_000, |_| true);
        assert!(kept.len() >= 8 && kept.len() == ring.entries.len(), "{}", kept.len());
        for packet in &kept {
            assert!(packet.data.iter().all(|b| *b == packet.id as u8), "packet {} was overwritten", packet.id);
        }
        assert_eq!(ring.newest(497, 500, 10, |_| true).iter().map(|p| p.id).collect::<Vec<_>>(), [499, 498]);
    }
}
