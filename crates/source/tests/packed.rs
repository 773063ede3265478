//! Packed logs of the development data that end anywhere: what can be unpacked is a beginning of what they hold, and the end is told.
#![allow(clippy::unwrap_used)]

mod common;

use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Files up to this size end at each of their bytes.
const EACH_BYTE_MAX: u64 = 12 * 1024;
/// Of larger ones, so many first bytes are ends, so many last ones, and so many places between, about evenly.
const FIRST_BYTES: u64 = 8 * 1024;
const LAST_BYTES: u64 = 32;
const ENDS_BETWEEN: u64 = 61;

fn packed(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            packed(&path, found);
        } else if path.extension().is_some_and(|end| end == "gz" || end == "zst") {
            found.push(path);
        }
    }
    found.sort();
}

/// What can be read, and whether reading ended as a whole file's does.
fn unpacked(path: &Path) -> (Vec<u8>, bool) {
    let mut bytes = Vec::new();
    let whole = source::open_unpacked(path).is_ok_and(|mut reader| reader.read_to_end(&mut bytes).is_ok());
    (bytes, whole)
}

/// Whether reading ended as a whole file's does, and whether what was read is a beginning of `all`; without keeping it.
fn compared(path: &Path, all: &[u8], buffer: &mut [u8]) -> (bool, bool) {
    let Ok(mut reader) = source::open_unpacked(path) else { return (false, true) };
    let mut left = all;
    loop {
        match reader.read(buffer) {
            Ok(0) => return (true, true),
            Ok(n) => match left.strip_prefix(&buffer[..n]) {
                Some(rest) => left = rest,
                None => return (false, false),
            },
            Err(_) => return (false, true),
        }
    }
}

/// Ends one file; the number of its ends, and whether it is undamaged when it is whole.
fn cut(file: &Path, each_byte: bool) -> (u64, bool) {
    let (dir, mut buffer, mut ends) = (tempfile::tempdir().unwrap(), vec![0; 64 * 1024], 0);
    let copy = dir.path().join("cut");
    std::fs::copy(file, &copy).unwrap();
    let size = std::fs::metadata(&copy).unwrap().len();
    let (all, undamaged) = unpacked(&copy);
    let cut = std::fs::OpenOptions::new().write(true).open(&copy).unwrap();
    // Downwards, so that one copy is enough.
    for len in (0..size).rev() {
        let between = size > EACH_BYTE_MAX && len > FIRST_BYTES && len + LAST_BYTES < size;
        if between && !each_byte && len % (size / ENDS_BETWEEN) != 0 {
            continue;
        }
        cut.set_len(len).unwrap();
        let (whole, beginning) = compared(&copy, &all, &mut buffer);
        // The first bytes alone do not say that they are packed.
        assert!(len < 4 || !whole, "{}: the end after {len} bytes is not told", file.display());
        assert!(len < 4 || beginning, "{}: {len} bytes unpack to something else", file.display());
        ends += 1;
    }
    (ends, undamaged)
}

/// `TRIPLINE_TEST_EACH_BYTE=1` ends the large files at each of their bytes too, which takes hours.
#[test]
fn what_is_left_of_a_packed_log_is_a_beginning_of_it_and_its_end_is_told() {
    let Some(root) = common::data("what_is_left_of_a_packed_log_is_a_beginning_of_it_and_its_end_is_told") else {
        return;
    };
    let each_byte = std::env::var_os("TRIPLINE_TEST_EACH_BYTE").is_some();
    let mut files = Vec::new();
    packed(&root.join("logs"), &mut files);
    // The largest first, so that the threads end together.
    files.sort_by_key(|file| std::cmp::Reverse(std::fs::metadata(file).unwrap().len()));
    let (next, done) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                while let Some(file) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let result = cut(file, each_byte);
                    if each_byte {
                        println!("{}: {} ends", file.display(), result.0);
                    }
                    done.lock().unwrap().push(result);
                }
            });
        }
    });
    let done = done.into_inner().unwrap();
    let ends: u64 = done.iter().map(|(ends, _)| ends).sum();
    println!("{} files, {ends} ends", done.len());
    assert!(files.len() > 25 && done.len() == files.len() && ends > 100_000);
    if each_byte {
        let bytes: u64 = files.iter().map(|file| std::fs::metadata(file).unwrap().len()).sum();
        assert_eq!(ends, bytes, "an end for each byte");
    }
    // One is damaged as it came.
    assert_eq!(done.iter().filter(|(_, undamaged)| !undamaged).count(), 1);
}
