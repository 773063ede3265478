//! A capture file as a source of frames: a window over its bytes, and a format that finds the frames in it.
//! Damage ends the source with a note; everything before is delivered.

use super::format::{Format, Stop};
use super::window::Window;
use crate::SourceError;
use crate::frame_source::{BATCH_FRAMES_MAX, FrameSource, SourceStats};
use record::{Counters, FrameHeader};

/// An open capture.
pub struct CaptureFile {
    window: Window,
    format: Box<dyn Format>,
    /// Bytes of the last batch, released at the next call.
    taken: u64,
    packets: u64,
    /// Bytes still to come of a record that carries nothing for us and has not come whole.
    skipping: u64,
    /// Bytes of that record that came before.
    skipped: u64,
    /// Longest record that is held.
    record_bytes_max: usize,
    end: Option<End>,
    notes: Vec<String>,
}

/// How a capture ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Behind a whole record.
    Whole,
    /// Inside a record.
    Cut,
    /// It could not be read on.
    Failed,
    /// A record cannot be right.
    Damaged,
}

impl CaptureFile {
    /// `window` stands behind the header that chose `format`.
    pub fn new(window: Window, format: Box<dyn Format>) -> Self {
        let record_bytes_max = usize::MAX;
        let (notes, end) = (Vec::new(), None);
        Self { window, format, taken: 0, packets: 0, skipping: 0, skipped: 0, record_bytes_max, end, notes }
    }

    /// The same for input of others: a longer record than this is damage. Bounds the memory of the window.
    #[must_use]
    pub fn with_record_bytes_max(self, record_bytes_max: usize) -> Self {
        Self { record_bytes_max, ..self }
    }

    /// How it ended; None while more may come.
    #[must_use]
    pub fn end(&self) -> Option<End> {
        self.end
    }

    /// The bytes that the last batch points into.
    #[must_use]
    pub fn last_batch(&self) -> &[u8] {
        &self.window.available()[..self.taken as usize]
    }

    /// The input ended where `need` bytes of a record that begins at byte `at` were expected.
    fn cut(&mut self, at: u64, need: u64, have: u64) {
        if let Some(failure) = self.window.failure() {
            self.end = Some(End::Failed);
            self.notes.push(format!("stopped at byte {at}: {failure}; everything before was read"));
        } else if have > 0 {
            self.end = Some(End::Cut);
            self.notes.push(format!("cut at byte {at}: record needs {need} bytes, {have} are there"));
        } else {
            self.end = Some(End::Whole);
        }
    }

    /// Acts on a batch that found nothing; false when the source has ended or nothing more is there yet.
    fn move_on(&mut self, used: usize, stop: Stop) -> bool {
        self.window.advance(used as u64);
        match stop {
            Stop::Full => {}
            Stop::Need(bytes) if bytes > self.record_bytes_max => {
                self.damaged(&format!("a record has {bytes} bytes, over {}", self.record_bytes_max));
            }
            Stop::Need(bytes) => {
                if !self.window.fill(bytes) {
                    if self.window.waits() {
                        return false;
                    }
                    let have = self.window.available().len() as u64;
                    self.cut(self.window.position(), bytes as u64, have);
                }
            }
            Stop::Skip(bytes) => {
                (self.skipping, self.skipped) = (bytes, 0);
                return self.skip();
            }
            Stop::Corrupt(why) => self.damaged(&why),
        }
        self.end.is_none()
    }

    fn damaged(&mut self, why: &str) {
        self.end = Some(End::Damaged);
        let at = self.window.position();
        self.notes.push(format!("stopped at byte {at}: {why}; everything before was read"));
    }

    /// Moves past what is being skipped; false as `move_on`.
    fn skip(&mut self) -> bool {
        let (before, wanted) = (self.window.position(), self.skipping);
        if wanted == 0 || self.window.advance(wanted) {
            self.skipping = 0;
            return true;
        }
        let moved = self.window.position() - before;
        (self.skipping, self.skipped) = (wanted - moved, self.skipped + moved);
        if !self.window.waits() {
            let have = self.skipped;
            self.cut(self.window.position() - have, self.skipping + have, have);
        }
        false
    }
}

impl FrameSource for CaptureFile {
    fn next_batch(&mut self, headers: &mut Vec<FrameHeader>) -> Result<Option<&[u8]>, SourceError> {
        headers.clear();
        self.window.advance(std::mem::take(&mut self.taken));
        if self.end.is_none() && !self.skip() && self.window.waits() {
            return Ok(Some(&[]));
        }
        while self.end.is_none() {
            let progress = self.format.parse(self.window.available(), headers, BATCH_FRAMES_MAX);
            if !headers.is_empty() {
                self.packets += headers.len() as u64;
                self.taken = progress.used as u64;
                return Ok(Some(&self.window.available()[..progress.used]));
            }
            if !self.move_on(progress.used, progress.stop) {
                break;
            }
        }
        // Nothing is there yet: whoever reads the input waits, not this.
        if self.end.is_none() { Ok(Some(&[])) } else { Ok(None) }
    }

    fn stats(&self) -> SourceStats {
        let format = self.format.stats();
        let mut dropped = Counters::default();
        dropped.add("interface_unknown", format.interface_unknown);
        let mut notes = format.notes.clone();
        if format.time_unknown > 0 {
            let n = format.time_unknown;
            notes.push(format!("{n} simple packet blocks carry no time: they took that of the packet before"));
        }
        notes.extend(self.notes.iter().cloned());
        SourceStats {
            packets: self.packets,
            bytes: format.wire_bytes,
            dropped,
            freezes: 0,
            notes,
            interfaces: format.interfaces.clone(),
            buffer: None,
            peer: None,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::recognise::begin;
    use super::*;
    use crate::{PcapWriter, PcapngWriter};
    use proptest::prelude::*;
    use record::{LinkType, Timestamp};
    use std::io::{self, Read};

    /// Bytes in pieces of these lengths, with nothing to read between them.
    struct Stuttering {
        bytes: Vec<u8>,
        at: usize,
        pieces: Vec<usize>,
        left: usize,
        turn: usize,
    }

    impl Read for Stuttering {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            if self.at == self.bytes.len() {
                return Ok(0);
            }
            if self.left == 0 {
                self.left = self.pieces[self.turn % self.pieces.len()];
                self.turn += 1;
                return Err(io::ErrorKind::WouldBlock.into());
            }
            let n = self.left.min(out.len()).min(self.bytes.len() - self.at);
            out[..n].copy_from_slice(&self.bytes[self.at..self.at + n]);
            (self.at, self.left) = (self.at + n, self.left - n);
            Ok(n)
        }
    }

    /// Times and bytes of all frames, how it ended, what was noted.
    type Whole = (Vec<(i64, Vec<u8>)>, Option<End>, Vec<String>);

    fn drain(mut window: Window) -> Option<Whole> {
        let mut format = None;
        for _ in 0..100 {
            format = begin("x", &mut window).ok()?;
            if format.is_some() {
                break;
            }
        }
        let mut capture = CaptureFile::new(window, format?);
        let (mut headers, mut found) = (Vec::new(), Vec::new());
        while let Some(bytes) = capture.next_batch(&mut headers).unwrap() {
            let frame = |h: &FrameHeader| bytes[h.offset..h.offset + h.captured_len as usize].to_vec();
            found.extend(headers.iter().map(|h| (h.ts.0, frame(h))));
        }
        let notes = capture.stats().notes;
        Some((found, capture.end(), notes))
    }

    fn capture(blocks: bool, lengths: &[usize]) -> Vec<u8> {
        let frame = |n: usize| (Timestamp::from_parts(1_700_000_000 + n as i64, 0), vec![n as u8; lengths[n]]);
        let frames = (0..lengths.len()).map(frame);
        if blocks {
            let mut out = PcapngWriter::new(Vec::new(), &[("eth0", LinkType::ETHERNET, 65_535)]).unwrap();
            for (ts, data) in frames {
                out.write(0, ts, 60, &data).unwrap();
            }
            return out.finish().unwrap();
        }
        let mut out = PcapWriter::new(Vec::new(), LinkType::ETHERNET, 65_535).unwrap();
        for (ts, data) in frames {
            out.write(ts, 60, &data).unwrap();
        }
        out.finish().unwrap()
    }

    /// A block that nobody knows, cut at its end: what is told counts the whole block, wherever the pieces end.
    #[test]
    fn a_cut_unknown_block_is_told_whole() {
        let mut bytes = capture(true, &[20]);
        let block = bytes.len() - 52;
        bytes[block] = 7;
        bytes.truncate(bytes.len() - 1);
        for piece in 1..60 {
            let pieces = Stuttering { bytes: bytes.clone(), at: 0, pieces: vec![piece], left: 0, turn: 0 };
            let (_, end, notes) = drain(Window::new(Box::new(pieces))).unwrap();
            assert_eq!(end, Some(End::Cut));
            assert_eq!(notes, [format!("cut at byte {block}: record needs 52 bytes, 51 are there")], "{piece}");
        }
    }

    proptest! {
        /// However a capture comes, whole or damaged, it is read as if it were all there.
        #[test]
        fn pieces_are_read_as_the_whole(
            blocks: bool,
            lengths in prop::collection::vec(1..90_usize, 0..20),
            pieces in prop::collection::vec(1..200_usize, 1..20),
            damage in prop::option::of((0..2_000_usize, any::<u8>())),
            cut in 0..40_usize,
        ) {
            let mut bytes = capture(blocks, &lengths);
            bytes.truncate(bytes.len() - cut.min(bytes.len()));
            if let Some((at, byte)) = damage {
                let at = at % bytes.len().max(1);
                if let Some(here) = bytes.get_mut(at) {
                    *here = byte;
                }
            }
            let whole = drain(Window::new(Box::new(io::Cursor::new(bytes.clone()))));
            let parts = drain(Window::new(Box::new(Stuttering { bytes, at: 0, pieces, left: 0, turn: 0 })));
            prop_assert_eq!(parts, whole);
        }
    }
}
