//! The block capture file (draft-ietf-opsawg-pcapng): sections, interfaces, packets. Unknown blocks are stepped over.
//! Knows no file.

use super::bytes::{Big, Little, Order, u16_at, u32_at};
use super::format::{CAPTURED_BYTES_MAX, Format, FormatStats, Progress, Stop};
use super::resolution::Resolution;
use record::{FrameHeader, LinkType, Timestamp};
use std::collections::HashMap;

/// Section header block, the same in both byte orders.
pub const SECTION_HEADER: u32 = 0x0a0d_0d0a;
/// Byte order mark inside the section header.
const ORDER_MARK: u32 = 0x1a2b_3c4d;
const INTERFACE_DESCRIPTION: u32 = 1;
const PACKET: u32 = 2;
const SIMPLE_PACKET: u32 = 3;
const ENHANCED_PACKET: u32 = 6;

/// Largest block that is held whole, bytes (as Wireshark). Larger packet blocks mean damage; others are stepped over.
const BLOCK_BYTES_MAX: u32 = 16 << 20;
/// Most interfaces of one section and of all together; beyond, packets are counted as `interface_unknown`.
const INTERFACES_MAX: usize = u16::MAX as usize;

/// One described interface.
#[derive(Clone, Copy)]
struct Interface {
    link: LinkType,
    snap_len: u32,
    resolution: Resolution,
    index: u16,
}

/// A pcapng file being read.
#[derive(Default)]
pub struct Pcapng {
    big: bool,
    interfaces: Vec<Interface>,
    seen: HashMap<(String, LinkType), u16>,
    last: Timestamp,
    stats: FormatStats,
}

impl Pcapng {
    /// At the first section header.
    pub fn new() -> Self {
        Self::default()
    }

    fn section(&mut self, block: &[u8]) -> Result<(), String> {
        self.interfaces.clear();
        let major = if self.big { u16_at::<Big>(block, 12) } else { u16_at::<Little>(block, 12) };
        if major == 1 { Ok(()) } else { Err(format!("the section's version is {major}, version 1 is read")) }
    }

    fn describe<O: Order>(&mut self, block: &[u8]) {
        if self.interfaces.len() >= INTERFACES_MAX {
            return;
        }
        let link = LinkType(u16_at::<O>(block, 8));
        let (mut name, mut resolution) = (String::new(), Resolution::default());
        let body_end = block.len() - 4;
        let mut at = 16;
        while at + 4 <= body_end {
            let (code, length) = (u16_at::<O>(block, at), usize::from(u16_at::<O>(block, at + 2)));
            let Some(value) = block.get(at + 4..at + 4 + length).filter(|_| at + 4 + length <= body_end) else { break };
            match (code, length) {
                (0, _) => break,
                (2, _) => name = String::from_utf8_lossy(&value[..length.min(64)]).trim_end_matches('\0').into(),
                (9, 1) => resolution.set_units(value[0]),
                (14, 8) => {
                    let (a, b) = (u32_at::<O>(value, 0), u32_at::<O>(value, 4));
                    let (high, low) = if O::u16([0, 1]) == 1 { (a, b) } else { (b, a) };
                    resolution.set_offset((u64::from(high) << 32 | u64::from(low)) as i64);
                }
                _ => {}
            }
            at += 4 + length.next_multiple_of(4);
        }
        let index = self.global_index(name, link);
        self.interfaces.push(Interface { link, snap_len: u32_at::<O>(block, 12), resolution, index });
    }

    /// The same name and link type in a later section is the same interface.
    fn global_index(&mut self, name: String, link: LinkType) -> u16 {
        let name = if name.is_empty() { format!("interface {}", self.interfaces.len()) } else { name };
        let next = self.seen.len().min(INTERFACES_MAX) as u16;
        if let Some(index) = self.seen.get(&(name.clone(), link)) {
            return *index;
        }
        if self.seen.len() < INTERFACES_MAX {
            self.stats.interfaces.push(name.clone());
            self.seen.insert((name, link), next);
        }
        next
    }

    /// Reads a packet block that lies whole in `block`; None for a packet of an interface never described.
    fn frame<O: Order>(&mut self, kind: u32, block: &[u8], at: usize) -> Result<Option<FrameHeader>, String> {
        let (interface, fixed) = match kind {
            ENHANCED_PACKET => (u32_at::<O>(block, 8), 28),
            PACKET => (u32::from(u16_at::<O>(block, 8)), 28),
            _ => (0, 12),
        };
        let Some(interface) = self.interfaces.get(interface as usize).copied() else {
            self.stats.interface_unknown += 1;
            return Ok(None);
        };
        let room = (block.len() - fixed - 4) as u32;
        let (captured, wire_len);
        if kind == SIMPLE_PACKET {
            wire_len = u32_at::<O>(block, 8);
            let limit = if interface.snap_len == 0 { CAPTURED_BYTES_MAX } else { interface.snap_len };
            captured = wire_len.min(limit).min(room);
            self.stats.time_unknown += 1;
        } else {
            captured = u32_at::<O>(block, 20);
            wire_len = u32_at::<O>(block, 24);
            let units = u64::from(u32_at::<O>(block, 12)) << 32 | u64::from(u32_at::<O>(block, 16));
            self.last = interface.resolution.time(units);
        }
        if captured > CAPTURED_BYTES_MAX || captured > room {
            return Err(format!("captured length {captured} is over {}", room.min(CAPTURED_BYTES_MAX)));
        }
        Ok(Some(FrameHeader {
            ts: self.last,
            offset: at + fixed,
            captured_len: captured,
            wire_len,
            link: interface.link,
            interface: interface.index,
        }))
    }

    /// One block at the start of `rest`: its length, or why not.
    fn block<O: Order>(&mut self, rest: &[u8], at: usize, headers: &mut Vec<FrameHeader>) -> Result<usize, Stop> {
        let (kind, total) = (u32_at::<O>(rest, 0), u32_at::<O>(rest, 4));
        let smallest = match kind {
            SECTION_HEADER => 28,
            ENHANCED_PACKET | PACKET => 32,
            INTERFACE_DESCRIPTION => 20,
            SIMPLE_PACKET => 16,
            _ => 12,
        };
        if total < smallest || total % 4 != 0 {
            return Err(Stop::Corrupt(format!("block type {kind:#x} has the impossible length {total}")));
        }
        if smallest == 12 {
            return Err(Stop::Skip(u64::from(total)));
        }
        if total > BLOCK_BYTES_MAX {
            return Err(Stop::Corrupt(format!("block type {kind:#x} has length {total}, over {BLOCK_BYTES_MAX}")));
        }
        let length = total as usize;
        let Some(block) = rest.get(..length) else { return Err(Stop::Need(length)) };
        let again = u32_at::<O>(block, length - 4);
        if again != total {
            return Err(Stop::Corrupt(format!("block type {kind:#x} has length {total} before and {again} behind")));
        }
        match kind {
            SECTION_HEADER => self.section(block).map_err(Stop::Corrupt)?,
            INTERFACE_DESCRIPTION => self.describe::<O>(block),
            _ => {
                if let Some(header) = self.frame::<O>(kind, block, at).map_err(Stop::Corrupt)? {
                    self.stats.wire_bytes += u64::from(header.wire_len);
                    headers.push(header);
                }
            }
        }
        Ok(length)
    }

    /// Blocks until the batch is full, the bytes end or the byte order changes (None).
    fn run<O: Order>(
        &mut self,
        data: &[u8],
        used: &mut usize,
        headers: &mut Vec<FrameHeader>,
        max: usize,
    ) -> Option<Stop> {
        loop {
            if headers.len() >= max {
                return Some(Stop::Full);
            }
            let rest = &data[*used..];
            if rest.len() < 12 {
                return Some(Stop::Need(12));
            }
            if u32_at::<O>(rest, 0) == SECTION_HEADER && u32_at::<O>(rest, 8) != ORDER_MARK {
                return None;
            }
            match self.block::<O>(rest, *used, headers) {
                Ok(length) => *used += length,
                Err(Stop::Skip(total)) if total <= rest.len() as u64 => *used += total as usize,
                Err(stop) => return Some(stop),
            }
        }
    }
}

impl Format for Pcapng {
    fn parse(&mut self, data: &[u8], headers: &mut Vec<FrameHeader>, max: usize) -> Progress {
        let mut used = 0;
        loop {
            let stop = if self.big {
                self.run::<Big>(data, &mut used, headers, max)
            } else {
                self.run::<Little>(data, &mut used, headers, max)
            };
            if let Some(stop) = stop {
                return Progress { used, stop };
            }
            let mark = [data[used + 8], data[used + 9], data[used + 10], data[used + 11]];
            self.big = match (u32::from_le_bytes(mark), u32::from_be_bytes(mark)) {
                (ORDER_MARK, _) => false,
                (_, ORDER_MARK) => true,
                _ => {
                    let what = format!("a section header has the unknown byte order mark {mark:02x?}");
                    return Progress { used, stop: Stop::Corrupt(what) };
                }
            };
        }
    }

    fn stats(&self) -> &FormatStats {
        &self.stats
    }
}

#[cfg(test)]
mod tests;
