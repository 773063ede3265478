//! What every source of frames offers: batches of headers over one slice of bytes, and what it counted. Knows no format.

use crate::SourceError;
use record::{Counters, FrameHeader};

/// Most frames in one batch. 256 headers (10 KiB) and the first line of their frames stay in a core's first caches.
pub const BATCH_FRAMES_MAX: usize = 256;

/// Room in the kernel for what was not read yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KernelBuffer {
    /// Asked of the kernel, bytes.
    pub asked_bytes: u64,
    /// What it gave, bytes; of several sockets the least.
    pub granted_bytes: u64,
}

impl KernelBuffer {
    /// What to do when the kernel gave less than was asked.
    #[must_use]
    pub fn note(&self) -> Option<String> {
        let Self { asked_bytes: asked, granted_bytes: granted } = self;
        (granted < asked).then(|| {
            format!(
                "The kernel granted a receive buffer of {granted} bytes where {asked} were asked: \
                 `sysctl -w net.core.rmem_max={asked}` and start again"
            )
        })
    }
}

/// What a source has counted so far.
#[derive(Clone, Debug, Default)]
pub struct SourceStats {
    /// Frames delivered.
    pub packets: u64,
    /// Their bytes on the wire.
    pub bytes: u64,
    /// Frames that existed and were not delivered, by reason (`kernel_ring_full`, `interface_unknown`).
    pub dropped: Counters,
    /// Times the kernel's ring was full and capture stood still (live only).
    pub freezes: u64,
    /// What people should know of the input, in words: "cut at byte 1234: …".
    pub notes: Vec<String>,
    /// Names of the interfaces seen, by `FrameHeader::interface`.
    pub interfaces: Vec<String>,
    /// Ring or receive buffer; None for files and for streams, whose sender waits.
    pub buffer: Option<KernelBuffer>,
    /// Who sends to it; None where nobody does, or nobody has yet.
    pub peer: Option<Peer>,
}

/// Who sends what a source reads.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Peer {
    /// Address.
    pub name: String,
    /// The connection is open.
    pub connected: bool,
}

/// One reader of frames, used by one thread.
pub trait FrameSource: Send {
    /// Replaces `headers` with the next batch, at most [`BATCH_FRAMES_MAX`] frames, and returns the bytes they point
    /// into. A live source returns an empty batch after at most 100 ms without traffic. None at the end.
    ///
    /// # Errors
    /// Only when nothing sensible can follow (the interface is gone). A damaged file ends with None and a note.
    fn next_batch(&mut self, headers: &mut Vec<FrameHeader>) -> Result<Option<&[u8]>, SourceError>;
    /// Counts up to now.
    fn stats(&self) -> SourceStats;
}
