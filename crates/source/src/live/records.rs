//! The layout of one ring block: its packets and the VLAN tag that the kernel took out of each. Works on plain bytes.

use record::{FrameHeader, LinkType, Timestamp};

/// Bytes in front of each frame that the kernel is asked to keep free: one VLAN tag.
pub const HEADROOM_BYTES: u32 = 4;
/// Fixed part of a packet's header with the link address behind it (`TPACKET3_HDRLEN`).
const HEADER_BYTES: usize = 68;
/// `TP_STATUS_VLAN_VALID`.
const VLAN_VALID: u32 = 1 << 4;
/// `TP_STATUS_VLAN_TPID_VALID`.
const VLAN_TYPE_VALID: u32 = 1 << 6;

/// Where reading of a block stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// Start of the next packet's header in the block.
    pub at: usize,
    /// Packets left.
    pub left: u32,
}

fn u32_at(block: &[u8], at: usize) -> u32 {
    block.get(at..at + 4).map_or(0, |b| u32::from_ne_bytes([b[0], b[1], b[2], b[3]]))
}

fn u16_at(block: &[u8], at: usize) -> u16 {
    block.get(at..at + 2).map_or(0, |b| u16::from_ne_bytes([b[0], b[1]]))
}

/// At the first packet of a block.
pub fn start(block: &[u8]) -> Cursor {
    Cursor { at: u32_at(block, 16) as usize, left: u32_at(block, 12) }
}

/// The next packet; None at the end of the block. Puts the VLAN tag back into Ethernet frames.
pub fn next(block: &mut [u8], cursor: &mut Cursor, link: LinkType) -> Option<FrameHeader> {
    if cursor.left == 0 {
        return None;
    }
    let at = cursor.at;
    cursor.left -= 1;
    cursor.at = at.saturating_add(u32_at(block, at) as usize);
    let mut header = FrameHeader {
        ts: Timestamp::from_parts(i64::from(u32_at(block, at + 4)), i64::from(u32_at(block, at + 8))),
        offset: at + usize::from(u16_at(block, at + 24)),
        captured_len: u32_at(block, at + 12),
        wire_len: u32_at(block, at + 16),
        link,
        interface: 0,
    };
    let status = u32_at(block, at + 20);
    let tagged = status & VLAN_VALID != 0 && link == LinkType::ETHERNET && header.captured_len >= 12;
    if tagged && header.offset >= at + HEADER_BYTES + 4 && header.offset + 12 <= block.len() {
        let kind = if status & VLAN_TYPE_VALID != 0 { u16_at(block, at + 36) } else { 0x8100 };
        put_tag_back(block, &mut header, kind, u32_at(block, at + 32) as u16);
    }
    if header.offset + header.captured_len as usize > block.len() {
        // The kernel does not write such a header; if it did, nothing behind it could be trusted.
        cursor.left = 0;
        return None;
    }
    Some(header)
}

/// Moves the addresses into the headroom and writes the tag behind them.
fn put_tag_back(block: &mut [u8], header: &mut FrameHeader, kind: u16, tag: u16) {
    let frame = header.offset - 4;
    block.copy_within(header.offset..header.offset + 12, frame);
    block[frame + 12..frame + 14].copy_from_slice(&kind.to_be_bytes());
    block[frame + 14..frame + 16].copy_from_slice(&tag.to_be_bytes());
    header.offset = frame;
    header.captured_len += 4;
    header.wire_len += 4;
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn put32(block: &mut [u8], at: usize, value: u32) {
        block[at..at + 4].copy_from_slice(&value.to_ne_bytes());
    }

    #[test]
    fn the_tag_comes_back_in_place() {
        let mut block = vec![0u8; 512];
        put32(&mut block, 12, 2);
        put32(&mut block, 16, 48);
        for (at, status) in [(48, VLAN_VALID | VLAN_TYPE_VALID), (248, 0)] {
            put32(&mut block, at, 200);
            put32(&mut block, at + 4, 7);
            put32(&mut block, at + 8, 9);
            put32(&mut block, at + 12, 60);
            put32(&mut block, at + 16, 60);
            put32(&mut block, at + 20, status);
            put32(&mut block, at + 32, 0x2064);
            block[at + 24..at + 26].copy_from_slice(&86u16.to_ne_bytes());
            block[at + 36..at + 38].copy_from_slice(&0x88a8u16.to_ne_bytes());
            for i in 0..60 {
                block[at + 86 + i] = i as u8;
            }
        }
        let mut cursor = start(&block);
        let first = next(&mut block, &mut cursor, LinkType::ETHERNET).unwrap();
        assert_eq!((first.offset, first.captured_len, first.wire_len, first.ts.0), (48 + 82, 64, 64, 7_000_000_009));
        let frame = &block[first.offset..first.offset + 64];
        assert_eq!(frame[..18], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 0x88, 0xa8, 0x20, 0x64, 12, 13]);
        assert_eq!(frame[63], 59);
        let second = next(&mut block, &mut cursor, LinkType::ETHERNET).unwrap();
        assert_eq!((second.offset, second.captured_len), (248 + 86, 60));
        assert!(next(&mut block, &mut cursor, LinkType::ETHERNET).is_none());
    }

    #[test]
    fn impossible_lengths_end_the_block() {
        let mut block = vec![0xffu8; 256];
        let mut cursor = Cursor { at: 48, left: 3 };
        assert!(next(&mut block, &mut cursor, LinkType::ETHERNET).is_none());
        assert_eq!(cursor.left, 0);
    }
}
