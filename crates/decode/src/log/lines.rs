//! Bytes to lines, however they come in pieces. Owns the bound on a line's length: what is beyond it is dropped and counted.
//! Knows no file and no encoding.

/// Longest line kept, bytes; the rest of a longer one is dropped.
pub const LINE_BYTES_MAX: usize = 1 << 20;

/// Cuts a stream of bytes at newlines.
#[derive(Debug, Default)]
pub struct LineCutter {
    /// Beginning of a line whose end has not come.
    pending: Vec<u8>,
    /// The line in `pending` was longer than the bound: what comes up to its end is dropped.
    dropping: bool,
    /// Lines that were longer than the bound.
    cut: u64,
}

impl LineCutter {
    /// Takes the next bytes and hands on each line that they end, without its newline; the flag is true for one that was cut.
    pub fn push(&mut self, bytes: &[u8], sink: &mut dyn FnMut(&[u8], bool)) {
        let mut rest = bytes;
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            let line = &rest[..end];
            rest = &rest[end + 1..];
            if self.pending.is_empty() && !self.dropping && line.len() <= LINE_BYTES_MAX {
                // Nearly always: the whole line is in the bytes at hand.
                sink(without_return(line), false);
            } else {
                self.keep(line);
                self.hand_on(sink);
            }
        }
        self.keep(rest);
    }

    /// The stream ended: a last line without a newline is handed on.
    pub fn finish(&mut self, sink: &mut dyn FnMut(&[u8], bool)) {
        if !self.pending.is_empty() {
            self.hand_on(sink);
        }
    }

    /// Lines that were longer than [`LINE_BYTES_MAX`].
    #[must_use]
    pub fn cut(&self) -> u64 {
        self.cut
    }

    /// Bytes of an unfinished line held now.
    #[must_use]
    pub fn pending(&self) -> usize {
        self.pending.len()
    }

    fn keep(&mut self, part: &[u8]) {
        let room = LINE_BYTES_MAX - self.pending.len();
        if part.len() > room && !self.dropping {
            self.dropping = true;
            self.cut += 1;
        }
        self.pending.extend_from_slice(&part[..part.len().min(room)]);
    }

    fn hand_on(&mut self, sink: &mut dyn FnMut(&[u8], bool)) {
        sink(without_return(&self.pending), self.dropping);
        self.pending.clear();
        self.dropping = false;
        // One giant line must not hold a megabyte for ever.
        self.pending.shrink_to(LINE_BYTES_MAX / 16);
    }
}

fn without_return(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(pieces: &[&[u8]]) -> (Vec<(usize, bool)>, u64) {
        let (mut cutter, mut out) = (LineCutter::default(), Vec::new());
        let mut sink = |line: &[u8], cut| out.push((line.len(), cut));
        for piece in pieces {
            cutter.push(piece, &mut sink);
            assert!(cutter.pending() <= LINE_BYTES_MAX);
        }
        cutter.finish(&mut sink);
        assert_eq!(cutter.pending(), 0);
        let cut = cutter.cut();
        (out, cut)
    }

    #[test]
    fn pieces_do_not_matter() {
        assert_eq!(lines(&[b"ab\ncd\r\n\ne"]).0, [(2, false), (2, false), (0, false), (1, false)]);
        assert_eq!(lines(&[b"a", b"b\nc", b"d\r", b"\n\ne"]).0, [(2, false), (2, false), (0, false), (1, false)]);
        assert_eq!(lines(&[]).0, []);
    }

    #[test]
    fn a_giant_line_is_cut_and_the_next_one_is_whole() {
        let giant = vec![b'x'; 10 << 20];
        let (out, cut) = lines(&[&giant, b"tail\nnext\n"]);
        assert_eq!((out, cut), (vec![(LINE_BYTES_MAX, true), (4, false)], 1));
        let exact = vec![b'x'; LINE_BYTES_MAX];
        assert_eq!(lines(&[&exact, b"\n"]), (vec![(LINE_BYTES_MAX, false)], 0));
    }
}
