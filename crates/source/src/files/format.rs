//! What a capture format tells the file reader after looking at some bytes. Knows no file.

use record::FrameHeader;

/// Largest captured length of one frame, bytes: tcpdump's limit (`MAXIMUM_SNAPLEN`). More means a damaged record.
pub const CAPTURED_BYTES_MAX: u32 = 262_144;

/// Why a format stopped looking.
#[derive(Debug)]
pub enum Stop {
    /// The batch is full.
    Full,
    /// The next record needs this many bytes from `used` on.
    Need(usize),
    /// From `used` on, this many bytes carry nothing for us.
    Skip(u64),
    /// The record at `used` cannot be right: what is wrong with it.
    Corrupt(String),
}

/// How far a format got.
#[derive(Debug)]
pub struct Progress {
    /// Bytes consumed.
    pub used: usize,
    /// Why no further.
    pub stop: Stop,
}

/// Counts and names a format keeps.
#[derive(Clone, Debug, Default)]
pub struct FormatStats {
    /// Wire bytes of the frames delivered.
    pub wire_bytes: u64,
    /// Frames whose interface was never described.
    pub interface_unknown: u64,
    /// Frames without a time of their own.
    pub time_unknown: u64,
    /// Notes.
    pub notes: Vec<String>,
    /// Interface names.
    pub interfaces: Vec<String>,
}

/// A capture format: a parser that keeps its state between slices.
pub trait Format: Send {
    /// Appends frames found in `data` to `headers`, up to `max` in all; offsets count from the start of `data`.
    fn parse(&mut self, data: &[u8], headers: &mut Vec<FrameHeader>, max: usize) -> Progress;
    /// Counts and names.
    fn stats(&self) -> &FormatStats;
}
