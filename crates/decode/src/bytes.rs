//! Reading big-endian numbers out of a slice without a panic. Owns no meaning: a position that is not there is `None`.

/// `N` bytes at `at`, by value: one bounds check, then fixed-size loads.
#[inline(always)]
pub(crate) fn array_at<const N: usize>(data: &[u8], at: usize) -> Option<[u8; N]> {
    data.get(at..)?.first_chunk::<N>().copied()
}

/// Big-endian 16 bits at `at`.
#[inline(always)]
pub(crate) fn be16_at(data: &[u8], at: usize) -> Option<u16> {
    array_at(data, at).map(u16::from_be_bytes)
}

/// Big-endian 32 bits at `at`.
#[inline(always)]
pub(crate) fn be32_at(data: &[u8], at: usize) -> Option<u32> {
    array_at(data, at).map(u32::from_be_bytes)
}

/// Big-endian 16 bits of two bytes that are known to be there.
#[inline(always)]
pub(crate) const fn be16(high: u8, low: u8) -> u16 {
    u16::from_be_bytes([high, low])
}

/// Printable text of at most `record::app_event::TEXT_BYTES_MAX` bytes: control characters become `.`, bytes that are no UTF-8 become `?`-marks.
pub(crate) fn text(bytes: &[u8]) -> String {
    let cut = &bytes[..bytes.len().min(record::app_event::TEXT_BYTES_MAX)];
    if cut.iter().all(|byte| (b' '..0x7f).contains(byte))
        && let Ok(plain) = std::str::from_utf8(cut)
    {
        // Nearly always: nothing to replace.
        return plain.to_owned();
    }
    let mut out: String = String::from_utf8_lossy(cut).chars().map(|c| if c.is_control() { '.' } else { c }).collect();
    while out.len() > record::app_event::TEXT_BYTES_MAX {
        out.pop();
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_read_past_the_end() {
        assert_eq!(be16_at(&[1, 2, 3], 1), Some(0x0203));
        assert_eq!(be16_at(&[1, 2, 3], 2), None);
        assert_eq!(be32_at(&[1, 2, 3], usize::MAX), None);
        assert_eq!(array_at::<1>(&[], 0), None);
    }

    #[test]
    fn text_is_bounded_and_printable() {
        assert_eq!(text(b"a\r\nb"), "a..b");
        assert!(text(&[0xff; 2000]).len() <= record::app_event::TEXT_BYTES_MAX);
    }
}
