//! Little-endian values in a byte string: the inside of an artifact's sections. Reading checks every length against what
//! is there before it allocates, so that no file can make the program panic or claim memory.

use crate::DetectError;

/// Alignment of arrays, bytes, so that a mapped file can be used in place.
pub(crate) const ALIGN: usize = 64;

/// Appends values.
#[derive(Default)]
pub(crate) struct Writer {
    pub(crate) bytes: Vec<u8>,
}

impl Writer {
    pub(crate) fn u32(&mut self, value: u32) {
        self.bytes.extend(value.to_le_bytes());
    }
    pub(crate) fn f64(&mut self, value: f64) {
        self.bytes.extend(value.to_le_bytes());
    }
    pub(crate) fn align(&mut self) {
        self.bytes.resize(self.bytes.len().next_multiple_of(ALIGN), 0);
    }
    /// Length, then padding, then the values.
    pub(crate) fn f32s(&mut self, values: &[f32]) {
        self.u32(values.len() as u32);
        self.align();
        self.bytes.extend(values.iter().flat_map(|value| value.to_le_bytes()));
    }
    pub(crate) fn u32s(&mut self, values: &[u32]) {
        self.u32(values.len() as u32);
        self.align();
        self.bytes.extend(values.iter().flat_map(|value| value.to_le_bytes()));
    }
}

/// Reads them back.
pub(crate) struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

fn damaged(what: &str) -> DetectError {
    DetectError::Damaged(what.to_owned())
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }
    pub(crate) fn take(&mut self, length: usize) -> Result<&'a [u8], DetectError> {
        let end = self.at.checked_add(length).ok_or_else(|| damaged("a length is impossible"))?;
        let taken = self.bytes.get(self.at..end).ok_or_else(|| damaged("a section ends too early"))?;
        self.at = end;
        Ok(taken)
    }
    fn array<const N: usize>(&mut self) -> Result<[u8; N], DetectError> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N)?);
        Ok(array)
    }
    pub(crate) fn u32(&mut self) -> Result<u32, DetectError> {
        Ok(u32::from_le_bytes(self.array()?))
    }
    pub(crate) fn u64(&mut self) -> Result<u64, DetectError> {
        Ok(u64::from_le_bytes(self.array()?))
    }
    pub(crate) fn f64(&mut self) -> Result<f64, DetectError> {
        Ok(f64::from_le_bytes(self.array()?))
    }
    fn words(&mut self) -> Result<impl Iterator<Item = [u8; 4]> + use<'a>, DetectError> {
        let count = self.u32()? as usize;
        self.at = self.at.next_multiple_of(ALIGN);
        let bytes = self.take(count.checked_mul(4).ok_or_else(|| damaged("a length is impossible"))?)?;
        Ok(bytes.chunks_exact(4).map(|word| [word[0], word[1], word[2], word[3]]))
    }
    /// Numbers that must all be finite.
    pub(crate) fn f32s(&mut self) -> Result<Vec<f32>, DetectError> {
        let values: Vec<f32> = self.words()?.map(f32::from_le_bytes).collect();
        if values.iter().all(|value| value.is_finite()) { Ok(values) } else { Err(damaged("a number is not finite")) }
    }
    /// Finite numbers, exactly `count` of them.
    pub(crate) fn f32s_of(&mut self, count: usize, what: &str) -> Result<Vec<f32>, DetectError> {
        let values = self.f32s()?;
        if values.len() == count { Ok(values) } else { Err(damaged(&format!("{what}: {} values", values.len()))) }
    }
    pub(crate) fn u32s(&mut self) -> Result<Vec<u32>, DetectError> {
        Ok(self.words()?.map(u32::from_le_bytes).collect())
    }
    /// A count within bounds.
    pub(crate) fn count(&mut self, low: usize, high: usize, what: &str) -> Result<usize, DetectError> {
        let value = self.u32()? as usize;
        if (low..=high).contains(&value) { Ok(value) } else { Err(damaged(&format!("{what} = {value}"))) }
    }
}
