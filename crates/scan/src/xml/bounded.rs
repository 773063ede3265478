//! The bytes of an XML document under bounds, with the line they are on. Owns the counting; knows no XML.

use std::io::{self, BufRead, Read};

/// A reader that ends with an error when the document, or one piece of markup, is too large.
pub struct Bounded<R> {
    inner: R,
    /// Bytes given out.
    pub bytes: u64,
    /// Line of the next byte, from 1.
    pub line: u64,
    /// Bytes given out when the piece began.
    piece_began: u64,
    bytes_max: u64,
    piece_bytes_max: u64,
}

impl<R: BufRead> Bounded<R> {
    /// Around a reader.
    pub fn new(inner: R, bytes_max: u64, piece_bytes_max: u64) -> Self {
        Self { inner, bytes: 0, line: 1, piece_began: 0, bytes_max, piece_bytes_max }
    }

    /// The next piece begins here.
    pub fn begin_piece(&mut self) {
        self.piece_began = self.bytes;
    }

    fn within(&self) -> io::Result<()> {
        let too_large = |what: &str, max: u64| {
            Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("{what} is larger than {max} bytes")))
        };
        if self.bytes > self.bytes_max {
            return too_large("the document", self.bytes_max);
        }
        if self.bytes - self.piece_began > self.piece_bytes_max {
            return too_large("one element or text", self.piece_bytes_max);
        }
        Ok(())
    }
}

impl<R: BufRead> Read for Bounded<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let available = self.fill_buf()?;
        let count = available.len().min(into.len());
        into[..count].copy_from_slice(&available[..count]);
        self.consume(count);
        Ok(count)
    }
}

impl<R: BufRead> BufRead for Bounded<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.within()?;
        self.inner.fill_buf()
    }
    fn consume(&mut self, count: usize) {
        // The buffer is there already: this reads nothing.
        if let Ok(buffer) = self.inner.fill_buf() {
            self.line += buffer.iter().take(count).filter(|byte| **byte == b'\n').count() as u64;
        }
        self.bytes += count as u64;
        self.inner.consume(count);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn lines_are_counted_and_bounds_hold() {
        let mut reader = Bounded::new(&b"a\nb\nccc"[..], 100, 100);
        let mut text = String::new();
        reader.read_to_string(&mut text).unwrap();
        assert_eq!((text.as_str(), reader.line, reader.bytes), ("a\nb\nccc", 3, 7));
        let long = vec![b'x'; 1_000];
        let mut reader = Bounded::new(io::BufReader::with_capacity(16, &long[..]), 100, 1_000);
        assert!(reader.read_to_string(&mut String::new()).unwrap_err().to_string().contains("document"));
        let mut reader = Bounded::new(io::BufReader::with_capacity(16, &long[..]), 10_000, 100);
        assert!(reader.read_to_string(&mut String::new()).unwrap_err().to_string().contains("one element"));
    }
}
