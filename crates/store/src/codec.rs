//! A small binary form for values that are stored but never searched: LEB128 integers, and floats whose bits are
//! byte-swapped first, so that the small whole numbers which most statistics are take two or three bytes. Owns bytes,
//! not meaning.

/// Appends values.
#[derive(Default)]
pub(crate) struct Packer(pub Vec<u8>);

impl Packer {
    pub(crate) fn uint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push((value as u8) | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }
    pub(crate) fn float(&mut self, value: f64) {
        self.uint(value.to_bits().swap_bytes());
    }
    pub(crate) fn bytes(&mut self, value: &[u8]) {
        self.uint(value.len() as u64);
        self.0.extend_from_slice(value);
    }
    pub(crate) fn text(&mut self, value: &str) {
        self.bytes(value.as_bytes());
    }
}

/// Reads them back; None as soon as something is missing.
pub(crate) struct Unpacker<'a>(pub &'a [u8]);

impl<'a> Unpacker<'a> {
    pub(crate) fn uint(&mut self) -> Option<u64> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let (&byte, rest) = self.0.split_first()?;
            self.0 = rest;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }
    pub(crate) fn float(&mut self) -> Option<f64> {
        self.uint().map(|bits| f64::from_bits(bits.swap_bytes()))
    }
    pub(crate) fn bytes(&mut self) -> Option<&'a [u8]> {
        let len = usize::try_from(self.uint()?).ok()?;
        let (head, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(head)
    }
    pub(crate) fn text(&mut self) -> Option<&'a str> {
        std::str::from_utf8(self.bytes()?).ok()
    }
    pub(crate) fn narrow<T: TryFrom<u64>>(&mut self) -> Option<T> {
        T::try_from(self.uint()?).ok()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn values_come_back_as_they_went_in() {
        let floats = [0.0, 1.0, 1500.0, -2.5, 1e300, f64::MIN_POSITIVE, 0.1];
        let uints = [0, 1, 127, 128, 300, u64::from(u32::MAX), u64::MAX];
        let mut packer = Packer::default();
        for v in floats {
            packer.float(v);
        }
        for v in uints {
            packer.uint(v);
        }
        packer.text("grün");
        let bytes = packer.0;
        let mut reader = Unpacker(&bytes);
        assert!(floats.iter().all(|v| reader.float() == Some(*v)));
        assert!(uints.iter().all(|v| reader.uint() == Some(*v)));
        assert_eq!(reader.text(), Some("grün"));
        assert_eq!(reader.uint(), None);
        for cut in 0..bytes.len() {
            let mut reader = Unpacker(&bytes[..cut]);
            let whole = (0..7).all(|_| reader.float().is_some())
                && (0..7).all(|_| reader.uint().is_some())
                && reader.text().is_some();
            assert!(!whole, "cut at {cut} must be noticed");
        }
    }
}
