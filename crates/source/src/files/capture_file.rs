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
    ended: bool,
    notes: Vec<String>,
}

impl CaptureFile {
    /// `window` stands behind the header that chose `format`.
    pub fn new(window: Window, format: Box<dyn Format>) -> Self {
        Self { window, format, taken: 0, packets: 0, ended: false, notes: Vec::new() }
    }

    /// The input ended where `need` bytes of a record were expected.
    fn cut(&mut self, need: u64, have: u64) {
        self.ended = true;
        let at = self.window.position();
        if let Some(failure) = self.window.failure() {
            self.notes.push(format!("stopped at byte {at}: {failure}; everything before was read"));
        } else if have > 0 {
            self.notes.push(format!("cut at byte {at}: record needs {need} bytes, {have} are there"));
        }
    }

    /// Acts on a batch that found nothing; false when the source has ended.
    fn move_on(&mut self, used: usize, stop: Stop) -> bool {
        self.window.advance(used as u64);
        match stop {
            Stop::Full => {}
            Stop::Need(bytes) => {
                if !self.window.fill(bytes) {
                    self.cut(bytes as u64, self.window.available().len() as u64);
                }
            }
            Stop::Skip(bytes) => {
                let before = self.window.position();
                if !self.window.advance(bytes) {
                    self.cut(bytes, self.window.position() - before);
                }
            }
            Stop::Corrupt(why) => {
                self.ended = true;
                let at = self.window.position();
                self.notes.push(format!("stopped at byte {at}: {why}; everything before was read"));
            }
        }
        !self.ended
    }
}

impl FrameSource for CaptureFile {
    fn next_batch(&mut self, headers: &mut Vec<FrameHeader>) -> Result<Option<&[u8]>, SourceError> {
        headers.clear();
        self.window.advance(std::mem::take(&mut self.taken));
        while !self.ended {
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
        Ok(None)
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
        }
    }
}
