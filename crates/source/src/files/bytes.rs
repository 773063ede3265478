//! Integers from bytes in the writer's byte order, without a branch on the hot path. Callers check lengths first.

/// Byte order of the writer, as a type, so that each reader is compiled once for each order.
pub trait Order: Send {
    /// Two bytes.
    fn u16(b: [u8; 2]) -> u16;
    /// Four bytes.
    fn u32(b: [u8; 4]) -> u32;
}

/// Least significant byte first.
pub struct Little;
/// Most significant byte first.
pub struct Big;

impl Order for Little {
    #[inline(always)]
    fn u16(b: [u8; 2]) -> u16 {
        u16::from_le_bytes(b)
    }
    #[inline(always)]
    fn u32(b: [u8; 4]) -> u32 {
        u32::from_le_bytes(b)
    }
}

impl Order for Big {
    #[inline(always)]
    fn u16(b: [u8; 2]) -> u16 {
        u16::from_be_bytes(b)
    }
    #[inline(always)]
    fn u32(b: [u8; 4]) -> u32 {
        u32::from_be_bytes(b)
    }
}

/// Two bytes at `at`; 0 outside.
#[inline(always)]
pub fn u16_at<O: Order>(data: &[u8], at: usize) -> u16 {
    data.get(at..at + 2).map_or(0, |b| O::u16([b[0], b[1]]))
}

/// Four bytes at `at`; 0 outside.
#[inline(always)]
pub fn u32_at<O: Order>(data: &[u8], at: usize) -> u32 {
    data.get(at..at + 4).map_or(0, |b| O::u32([b[0], b[1], b[2], b[3]]))
}
