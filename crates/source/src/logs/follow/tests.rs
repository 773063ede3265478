//! Rotation of every sort, without a line lost or read twice.
#![allow(clippy::unwrap_used)]

use super::*;
use std::collections::BTreeMap;
use std::io::Write;

struct Reader {
    follow: Follow,
    streams: BTreeMap<u64, Vec<u8>>,
}

impl Reader {
    fn new(pattern: &Path, from_start: bool) -> Self {
        let files = vec![pattern.display().to_string()];
        let follow = Follow::new(&LogSettings { files, from_start, ..LogSettings::default() });
        Self { follow, streams: BTreeMap::new() }
    }
    /// Lines since the last look; searches at once.
    fn lines(&mut self) -> Vec<String> {
        let streams = &mut self.streams;
        let mut out = Vec::new();
        let mut sink = |stream: u64, piece: Piece<'_>| match piece {
            Piece::End => drop(streams.remove(&stream)),
            Piece::Bytes(bytes) => {
                let pending = streams.entry(stream).or_default();
                pending.extend_from_slice(bytes);
                while let Some(end) = pending.iter().position(|byte| *byte == b'\n') {
                    let line: Vec<u8> = pending.drain(..=end).collect();
                    out.push(String::from_utf8_lossy(&line).trim().to_owned());
                }
            }
        };
        for _ in 0..3 {
            self.follow.searched = None;
            self.follow.next(&mut sink).unwrap();
        }
        out
    }
}

fn append(path: &Path, text: &str) {
    std::fs::OpenOptions::new().create(true).append(true).open(path).unwrap().write_all(text.as_bytes()).unwrap();
}

#[test]
fn what_is_written_is_read_once_from_the_end_on() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("a.log");
    append(&log, "old\n");
    let mut reader = Reader::new(&log, false);
    assert!(reader.lines().is_empty());
    append(&log, "one\ntw");
    assert_eq!(reader.lines(), ["one"]);
    append(&log, "o\n");
    assert_eq!(reader.lines(), ["two"]);
    assert_eq!(Reader::new(&log, true).lines(), ["old", "one", "two"]);
}

#[test]
fn rename_and_create_loses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("a.log");
    let mut reader = Reader::new(&dir.path().join("a.log*"), true);
    append(&log, "one\n");
    assert_eq!(reader.lines(), ["one"]);
    std::fs::rename(&log, dir.path().join("a.log.1")).unwrap();
    append(&dir.path().join("a.log.1"), "late\n");
    append(&log, "two\n");
    let mut lines = reader.lines();
    lines.sort();
    assert_eq!(lines, ["late", "two"]);
    // Compressed on its way out: read before.
    std::fs::rename(dir.path().join("a.log.1"), dir.path().join("a.log.1.gz")).unwrap();
    append(&log, "three\n");
    assert_eq!(reader.lines(), ["three"]);
}

fn numbered(word: &str, lines: usize) -> String {
    let lines: Vec<String> = (0..lines).map(|n| format!("{word} {n}\n")).collect();
    lines.concat()
}

#[test]
fn copy_and_truncate_reads_neither_the_copy_nor_anything_twice() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("a.log");
    let mut reader = Reader::new(&dir.path().join("a.log*"), true);
    let first: String = numbered("line", 60);
    append(&log, &first);
    assert_eq!(reader.lines().len(), 60);
    std::fs::copy(&log, dir.path().join("a.log.1")).unwrap();
    assert!(reader.lines().is_empty());
    std::fs::write(&log, "new one\n").unwrap();
    assert_eq!(reader.lines(), ["new one"]);
    // Grown beyond where it was read to before anybody looked.
    let longer: String = numbered("other", 90);
    std::fs::write(&log, &longer).unwrap();
    assert_eq!(reader.lines().len(), 90);
}

#[test]
fn a_restart_goes_on_where_it_stopped_also_behind_a_rotation() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("a.log");
    append(&log, "#fields\tts\none\nhalf");
    let mut reader = Reader::new(&log, true);
    assert_eq!(reader.lines(), ["#fields\tts", "one"]);
    let places = reader.follow.places();
    append(&log, " line\ntwo\n");
    let mut again = Reader::new(&log, false);
    again.follow.restore(&places);
    assert_eq!(
        again.lines(),
        ["#fields\tts", "half line", "two"],
        "its head is told again, so that columns have names"
    );
    let places = again.follow.places();
    append(&log, "rest\n");
    std::fs::rename(&log, dir.path().join("a.log.1")).unwrap();
    append(&log, "fresh\n");
    let mut third = Reader::new(&log, false);
    third.follow.restore(&places);
    let mut lines = third.lines();
    lines.sort();
    assert_eq!(lines, ["#fields\tts", "fresh", "rest"]);
}

#[test]
fn more_files_than_allowed_are_said() {
    let dir = tempfile::tempdir().unwrap();
    for n in 0..5 {
        append(&dir.path().join(format!("{n}.log")), "x\n");
    }
    let mut reader = Reader::new(&dir.path().join("*.log"), true);
    reader.follow.settings.files_max = 3;
    assert_eq!((reader.lines().len(), reader.follow.followed()), (3, 3));
    assert!(reader.follow.stats().notes[0].contains("files_max"));
}
