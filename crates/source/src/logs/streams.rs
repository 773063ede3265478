//! Messages out of a byte stream of syslog (RFC 6587): counted, or ended by a newline or a zero, message by message as the sender
//! likes. Owns the bound on a message; what is longer is handed on as far as it goes.

/// Longest message kept, bytes.
const MESSAGE_BYTES_MAX: usize = 1 << 20;
/// Digits of a count that can be meant: seven are 9,999,999.
const COUNT_DIGITS_MAX: usize = 7;

/// One connection's messages.
#[derive(Debug, Default)]
pub(super) struct Messages {
    pending: Vec<u8>,
    /// Bytes of a giant message still to be dropped, or up to its end where it has no count.
    dropping: Option<usize>,
    /// Messages longer than the bound.
    pub(super) cut: u64,
}

impl Messages {
    /// Takes bytes; hands on each message with one newline at its end.
    pub(super) fn push(&mut self, bytes: &[u8], sink: &mut dyn FnMut(&[u8])) {
        self.pending.extend_from_slice(bytes);
        let mut at = 0;
        while let Some(used) = self.one(at, sink) {
            at += used;
        }
        self.pending.drain(..at.min(self.pending.len()));
    }

    /// The connection ended: what is there is a message.
    pub(super) fn finish(&mut self, sink: &mut dyn FnMut(&[u8])) {
        let rest = std::mem::take(&mut self.pending);
        if self.dropping.is_none() && !rest.is_empty() && !is_count(&rest) {
            hand_on(&rest, sink);
        }
    }

    /// One message at `at`; the bytes it took, None when it is not whole.
    fn one(&mut self, at: usize, sink: &mut dyn FnMut(&[u8])) -> Option<usize> {
        let rest = &self.pending[at..];
        if rest.is_empty() {
            return None;
        }
        let end = rest.iter().position(|byte| matches!(byte, b'\n' | 0));
        if let Some(left) = self.dropping {
            let used = if left == usize::MAX { end.map_or(rest.len(), |end| end + 1) } else { left.min(rest.len()) };
            let done = if left == usize::MAX { end.is_some() } else { used == left };
            self.dropping = (!done).then_some(if left == usize::MAX { left } else { left - used });
            return Some(used);
        }
        if let Some((digits, count)) = counted(rest) {
            let begin = digits + 1;
            if count > MESSAGE_BYTES_MAX {
                self.cut += 1;
                self.dropping = Some(count);
                return Some(begin);
            }
            let message = rest.get(begin..begin + count)?;
            hand_on(message, sink);
            return Some(begin + count);
        }
        if is_count(rest) {
            // A count whose space has not come.
            return None;
        }
        match end {
            Some(end) => {
                hand_on(&rest[..end], sink);
                Some(end + 1)
            }
            None if rest.len() > MESSAGE_BYTES_MAX => {
                hand_on(&rest[..MESSAGE_BYTES_MAX], sink);
                self.cut += 1;
                self.dropping = Some(usize::MAX);
                Some(rest.len())
            }
            None => None,
        }
    }
}

/// Digits, a space and `<`: a count, its digits and its value.
fn counted(bytes: &[u8]) -> Option<(usize, usize)> {
    let digits = bytes.iter().take(COUNT_DIGITS_MAX + 1).take_while(|byte| byte.is_ascii_digit()).count();
    if digits == 0 || digits > COUNT_DIGITS_MAX || bytes.get(digits) != Some(&b' ') || bytes[0] == b'0' {
        return None;
    }
    // `1 2 eni-…` of a cloud's log is no count: what follows one is a priority.
    if bytes.get(digits + 1).is_some_and(|byte| *byte != b'<') {
        return None;
    }
    std::str::from_utf8(&bytes[..digits]).ok()?.parse().ok().map(|count| (digits, count))
}

/// Nothing but the beginning of a count.
fn is_count(bytes: &[u8]) -> bool {
    bytes.len() <= COUNT_DIGITS_MAX && bytes.iter().all(u8::is_ascii_digit)
}

/// A message is one line, whatever is in it.
pub(super) fn hand_on(message: &[u8], sink: &mut dyn FnMut(&[u8])) {
    let message = message.strip_suffix(b"\n").unwrap_or(message);
    if message.is_empty() {
        return;
    }
    let mut line: Vec<u8> = message.iter().map(|byte| if *byte == b'\n' { b' ' } else { *byte }).collect();
    line.push(b'\n');
    sink(&line);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pieces: &[&[u8]]) -> (Vec<String>, u64) {
        let (mut messages, mut out) = (Messages::default(), Vec::new());
        let mut sink = |line: &[u8]| out.push(String::from_utf8_lossy(line).into_owned());
        for piece in pieces {
            messages.push(piece, &mut sink);
        }
        messages.finish(&mut sink);
        (out, messages.cut)
    }

    #[test]
    fn both_framings_in_any_pieces() {
        let all = b"7 <1>a\nbc<2>second\n9 <3>third!<4>last\0" as &[u8];
        let expected = ["<1>a bc\n", "<2>second\n", "<3>third!\n", "<4>last\n"];
        assert_eq!(read(&[all]).0, expected);
        let bytes: Vec<&[u8]> = all.chunks(1).collect();
        assert_eq!(read(&bytes).0, expected);
        assert_eq!(read(&[b"<5>no newline"]).0, ["<5>no newline\n"]);
        assert_eq!(read(&[b"2 123 eni-1 x\n"]).0, ["2 123 eni-1 x\n"]);
    }

    #[test]
    fn giants_are_cut_and_the_next_message_is_whole() {
        let mut counted = b"3000000 <1>".to_vec();
        counted.resize(3_000_000 + 8, b'x');
        counted.extend(b"<2>next\n");
        assert_eq!(read(&[&counted]), (vec!["<2>next\n".to_owned()], 1));
        let mut endless = b"<1>".to_vec();
        endless.resize(5 << 20, b'x');
        let (messages, cut) = read(&[&endless, b"tail\n<2>next\n"]);
        assert_eq!((messages.len(), messages[0].len(), messages[1].as_str(), cut), (2, (1 << 20) + 1, "<2>next\n", 1));
    }
}
