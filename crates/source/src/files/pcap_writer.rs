//! Writes the classic capture file with nanoseconds, little-endian. Knows no file: any `Write` does.

use super::format::CAPTURED_BYTES_MAX;
use super::pcap::MAGIC_NANOSECONDS;
use record::timestamp::NS_PER_S;
use record::{LinkType, Timestamp};
use std::io::{self, Write};

/// A pcap file being written. Buffer `W`: each frame is two small writes.
pub struct PcapWriter<W: Write> {
    out: W,
}

impl<W: Write> PcapWriter<W> {
    /// Writes the header. `snap_len` is what the frames were cut to, bytes (262,144 when they were not).
    ///
    /// # Errors
    /// What `out` says.
    pub fn new(mut out: W, link: LinkType, snap_len: u32) -> io::Result<Self> {
        let mut header = Vec::with_capacity(24);
        header.extend(MAGIC_NANOSECONDS.to_le_bytes());
        header.extend([2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        header.extend(snap_len.to_le_bytes());
        header.extend(u32::from(link.0).to_le_bytes());
        out.write_all(&header)?;
        Ok(Self { out })
    }

    /// Goes on behind what `finish` gave back.
    pub fn go_on(out: W) -> Self {
        Self { out }
    }

    /// Writes one frame of `data.len()` captured and `wire_len` original bytes. Times before 1970 become 1970, for the
    /// format cannot say them; data beyond 262,144 bytes is cut.
    ///
    /// # Errors
    /// What `out` says.
    pub fn write(&mut self, ts: Timestamp, wire_len: u32, data: &[u8]) -> io::Result<()> {
        let ns = ts.0.max(0);
        let data = &data[..data.len().min(CAPTURED_BYTES_MAX as usize)];
        let mut record = [0u8; 16];
        record[..4].copy_from_slice(&((ns / NS_PER_S) as u32).to_le_bytes());
        record[4..8].copy_from_slice(&((ns % NS_PER_S) as u32).to_le_bytes());
        record[8..12].copy_from_slice(&(data.len() as u32).to_le_bytes());
        record[12..].copy_from_slice(&wire_len.to_le_bytes());
        self.out.write_all(&record)?;
        self.out.write_all(data)
    }

    /// Flushes and gives `W` back.
    ///
    /// # Errors
    /// What `out` says.
    pub fn finish(mut self) -> io::Result<W> {
        self.out.flush()?;
        Ok(self.out)
    }
}
