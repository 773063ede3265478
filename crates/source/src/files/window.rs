//! A bounded window of contiguous bytes sliding over any reader. Knows no format.
//!
//! Large `read` calls into one reused buffer beat a memory map here: over the page cache a map pays for every page
//! entered (60 ns a packet of 435 bytes, 90 with `MADV_SEQUENTIAL` or `MAP_POPULATE`), the copy costs 36 ns and leaves
//! the frame in the second-level cache for the decoder. It also cannot die by SIGBUS when someone truncates the file.

use std::io::{self, Read};

/// Size of the buffer, bytes. Reading alone, 1 MiB takes 36 ns a packet, 256 KiB 41, 64 KiB 45; with the models beside it, whose
/// tables want the second-level cache too, half a MiB is fastest.
pub const WINDOW_BYTES: usize = 1 << 19;

/// The window.
pub struct Window {
    reader: Box<dyn Read + Send>,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    position: u64,
    ended: bool,
    waits: bool,
    failure: Option<io::Error>,
}

impl Window {
    /// Over `reader`, whose first byte is byte 0.
    pub fn new(reader: Box<dyn Read + Send>) -> Self {
        let buffer = vec![0; WINDOW_BYTES];
        Self { reader, buffer, start: 0, end: 0, position: 0, ended: false, waits: false, failure: None }
    }

    /// Bytes that are there now.
    #[inline]
    pub fn available(&self) -> &[u8] {
        &self.buffer[self.start..self.end]
    }

    /// Offset of the first available byte in the (decompressed) input.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// What ended reading early, if something did.
    pub fn failure(&self) -> Option<&io::Error> {
        self.failure.as_ref()
    }

    /// True when the last reading found nothing yet (the reader said `WouldBlock`): the input has not ended, more may come.
    pub fn waits(&self) -> bool {
        self.waits
    }

    /// Takes the failure, to return it.
    pub fn take_failure(&mut self) -> Option<io::Error> {
        self.failure.take()
    }

    /// Makes `need` bytes available, reading no more calls than it takes (so a slow pipe is delivered at once).
    /// False when the input ends before, or `waits`. `need` must be bounded by the caller: the buffer grows to it.
    pub fn fill(&mut self, need: usize) -> bool {
        if self.end - self.start >= need {
            return true;
        }
        self.buffer.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        if self.buffer.len() < need {
            self.buffer.resize(need, 0);
        }
        while self.end < need && self.read_once() {}
        self.end >= need
    }

    /// Moves past `count` bytes, reading over those that are not there yet. False when the input ends before, or `waits`:
    /// `position` says how far it came.
    pub fn advance(&mut self, count: u64) -> bool {
        let mut left = count;
        loop {
            let here = left.min((self.end - self.start) as u64);
            self.start += here as usize;
            self.position += here;
            left -= here;
            if left == 0 {
                return true;
            }
            self.start = 0;
            self.end = 0;
            if !self.read_once() {
                return false;
            }
        }
    }

    /// One successful read into the free end of the buffer; false at the end, at a failure, or when it `waits`.
    fn read_once(&mut self) -> bool {
        self.waits = false;
        while !self.ended {
            match self.reader.read(&mut self.buffer[self.end..]) {
                Ok(0) => self.ended = true,
                Ok(n) => {
                    self.end += n;
                    return true;
                }
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                    self.waits = true;
                    return false;
                }
                Err(e) => {
                    self.ended = true;
                    self.failure = Some(e);
                }
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Hands out one byte a call, as a slow pipe would.
    struct Drip(Vec<u8>, usize);
    impl Read for Drip {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            match self.0.get(self.1) {
                Some(b) if !out.is_empty() => {
                    out[0] = *b;
                    self.1 += 1;
                    Ok(1)
                }
                _ => Ok(0),
            }
        }
    }

    #[test]
    fn fills_advances_and_ends() {
        let mut w = Window::new(Box::new(Drip((0..100).collect(), 0)));
        assert!(w.fill(4));
        assert_eq!(w.available(), &[0, 1, 2, 3]);
        assert!(w.advance(10));
        assert_eq!(w.position(), 10);
        assert!(w.fill(90));
        assert_eq!(w.available()[89], 99);
        assert!(!w.fill(91));
        assert!(!w.advance(91));
        assert_eq!(w.position(), 100);
    }

    #[test]
    fn grows_to_what_is_needed() {
        let mut w = Window::new(Box::new(io::repeat(7)));
        assert!(w.fill(WINDOW_BYTES + 5));
        assert_eq!(w.available().len(), WINDOW_BYTES + 5);
    }
}
