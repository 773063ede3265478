//! Writes pcapng: one little-endian section, its interfaces with nanoseconds, enhanced packet blocks. Any `Write` does.

use super::format::CAPTURED_BYTES_MAX;
use record::{LinkType, Timestamp};
use std::io::{self, Write};

const APPLICATION: &[u8] = b"tripline";

/// A pcapng file being written. Buffer `W`: each frame is a few small writes.
pub struct PcapngWriter<W: Write> {
    out: W,
    interfaces: u16,
}

impl<W: Write> PcapngWriter<W> {
    /// Writes the section header and one description per interface: name, link type, snap length in bytes (0 for none).
    ///
    /// # Errors
    /// What `out` says; more than 65,535 interfaces.
    pub fn new(out: W, interfaces: &[(&str, LinkType, u32)]) -> io::Result<Self> {
        Self::with_comment(out, "", interfaces)
    }

    /// The same with a comment on the whole file (`opt_comment` of the section header), which Wireshark shows as the file's; an empty
    /// one is left out.
    ///
    /// # Errors
    /// As `new`.
    pub fn with_comment(mut out: W, comment: &str, interfaces: &[(&str, LinkType, u32)]) -> io::Result<Self> {
        let count = u16::try_from(interfaces.len()).map_err(|_| io::Error::other("more than 65,535 interfaces"))?;
        let mut body = Vec::new();
        body.extend(0x1a2b_3c4d_u32.to_le_bytes());
        body.extend([1, 0, 0, 0]);
        body.extend([0xff; 8]);
        if !comment.is_empty() {
            option(&mut body, 1, text(comment, usize::from(u16::MAX)).as_bytes());
        }
        option(&mut body, 4, APPLICATION);
        option(&mut body, 0, &[]);
        block(&mut out, 0x0a0d_0d0a, &body)?;
        for (name, link, snap_len) in interfaces {
            body.clear();
            body.extend(link.0.to_le_bytes());
            body.extend([0, 0]);
            body.extend(snap_len.to_le_bytes());
            option(&mut body, 2, name.as_bytes());
            option(&mut body, 9, &[9]);
            option(&mut body, 0, &[]);
            block(&mut out, 1, &body)?;
        }
        Ok(Self { out, interfaces: count })
    }

    /// Writes one frame seen on `interface` (its place in the list given to `new`). Times before 1970 become 1970;
    /// data beyond 262,144 bytes is cut.
    ///
    /// # Errors
    /// What `out` says; an interface that was not described.
    pub fn write(&mut self, interface: u16, ts: Timestamp, wire_len: u32, data: &[u8]) -> io::Result<()> {
        if interface >= self.interfaces {
            return Err(io::Error::other(format!("interface {interface} was not described")));
        }
        let data = &data[..data.len().min(CAPTURED_BYTES_MAX as usize)];
        let padding = data.len().next_multiple_of(4) - data.len();
        let total = (32 + data.len() + padding) as u32;
        let ns = ts.0.max(0) as u64;
        let mut head = [0u8; 28];
        let words = [6, total, u32::from(interface), (ns >> 32) as u32, ns as u32, data.len() as u32, wire_len];
        for (place, word) in head.chunks_exact_mut(4).zip(words) {
            place.copy_from_slice(&word.to_le_bytes());
        }
        self.out.write_all(&head)?;
        self.out.write_all(data)?;
        self.out.write_all(&[0; 3][..padding])?;
        self.out.write_all(&total.to_le_bytes())
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

/// At most `max` bytes, cut between characters.
fn text(text: &str, max: usize) -> &str {
    let mut end = text.len().min(max);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

fn option(body: &mut Vec<u8>, code: u16, value: &[u8]) {
    let value = &value[..value.len().min(usize::from(u16::MAX))];
    body.extend(code.to_le_bytes());
    body.extend((value.len() as u16).to_le_bytes());
    body.extend(value);
    body.resize(body.len().next_multiple_of(4), 0);
}

fn block(out: &mut impl Write, kind: u32, body: &[u8]) -> io::Result<()> {
    let total = (body.len() as u32 + 12).to_le_bytes();
    out.write_all(&kind.to_le_bytes())?;
    out.write_all(&total)?;
    out.write_all(body)?;
    out.write_all(&total)
}
