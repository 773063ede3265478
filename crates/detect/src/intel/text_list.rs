//! Lists of one indicator a line, and hosts files. Owns comments and notes behind an indicator; knows no bound.

use super::entry::recognise;
use super::{Found, Take};

/// Addresses to which hosts files send what they block.
const SINKS: [&str; 5] = ["0.0.0.0", "127.0.0.1", "::", "::1", "255.255.255.255"];
/// Longest note kept, bytes.
const NOTE_BYTES_MAX: usize = 120;

/// Reads the lines.
pub(super) fn read(bytes: &[u8], take: &mut Take<'_>) {
    for line in bytes.split(|b| *b == b'\n') {
        let line = String::from_utf8_lossy(line);
        self::line(line.trim_start_matches('\u{feff}').trim(), take);
    }
}

fn line(line: &str, take: &mut Take<'_>) {
    if line.is_empty() || line.starts_with(['#', ';', '!']) || line.starts_with("//") {
        return;
    }
    let (content, note) = match line.find([' ', '\t', ';', '#', ',']) {
        Some(at) => (&line[..at], line[at..].trim_matches([' ', '\t', ';', '#', ','])),
        None => (line, ""),
    };
    if SINKS.contains(&content) && !note.is_empty() {
        // A hosts file: the names after the address are what it blocks.
        for name in note.split('#').next().unwrap_or_default().split_whitespace() {
            if !name.starts_with("localhost") {
                take(recognise(name, ""));
            }
        }
        return;
    }
    take(match recognise(content, shorten(note)) {
        Found::Other(_) => Found::Other(line.to_owned()),
        found => found,
    });
}

/// At most `NOTE_BYTES_MAX` bytes, cut between characters.
pub(super) fn shorten(text: &str) -> &str {
    let mut end = text.len().min(NOTE_BYTES_MAX);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}
