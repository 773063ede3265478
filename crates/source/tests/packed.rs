//! Packed logs of the development data that end anywhere: what can be unpacked is a beginning of what they hold, and the end is told.
#![allow(clippy::unwrap_used)]

mod common;

use std::io::Read;
use std::path::{Path, PathBuf};

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

#[test]
fn what_is_left_of_a_packed_log_is_a_beginning_of_it_and_its_end_is_told() {
    let Some(root) = common::data("what_is_left_of_a_packed_log_is_a_beginning_of_it_and_its_end_is_told") else {
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let (copy, mut files, mut ends, mut wholly) = (dir.path().join("cut"), Vec::new(), 0, 0);
    packed(&root.join("logs"), &mut files);
    for file in &files {
        std::fs::copy(file, &copy).unwrap();
        let size = std::fs::metadata(&copy).unwrap().len();
        let (all, undamaged) = unpacked(&copy);
        wholly += u64::from(undamaged);
        let cut = std::fs::OpenOptions::new().write(true).open(&copy).unwrap();
        // Downwards, so that one copy is enough.
        for len in (0..size).rev() {
            let between = size > EACH_BYTE_MAX && len > FIRST_BYTES && len + LAST_BYTES < size;
            if between && len % (size / ENDS_BETWEEN) != 0 {
                continue;
            }
            cut.set_len(len).unwrap();
            let (left, whole) = unpacked(&copy);
            // The first bytes alone do not say that they are packed.
            assert!(len < 4 || !whole, "{}: the end after {len} bytes is not told", file.display());
            assert!(len < 4 || all.starts_with(&left), "{}: {len} bytes unpack to something else", file.display());
            ends += 1;
        }
    }
    println!("{} files, {ends} ends", files.len());
    assert!(files.len() > 25 && ends > 100_000);
    // One is damaged as it came.
    assert_eq!(wholly + 1, files.len() as u64);
}
