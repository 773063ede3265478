//! Compares the manifests with the table of rooms in ARCHITECTURE.md, and reads the pure rooms for clocks, threads, sockets and
//! files: a forbidden import should not wait for a reviewer.
#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// Room → rooms that it may import, as written in ARCHITECTURE.md's table.
fn table() -> BTreeMap<String, BTreeSet<String>> {
    let text = std::fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let mut rooms = BTreeMap::new();
    for line in text.lines().filter(|l| l.starts_with("| `")) {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [name, .., imports] = cells[..] else { continue };
        let names = imports.split('`').skip(1).step_by(2).map(str::to_owned).collect();
        rooms.insert(name.trim_matches('`').to_owned(), names);
    }
    rooms
}

/// Rooms named under `[dependencies]` of a manifest (tests may import more: `[dev-dependencies]` do not count).
fn imports(manifest: &Path, rooms: &BTreeSet<String>) -> BTreeSet<String> {
    let text = std::fs::read_to_string(manifest).unwrap();
    let mut section = String::new();
    let mut found = BTreeSet::new();
    for line in text.lines().map(str::trim) {
        if line.starts_with('[') {
            line.trim_matches(['[', ']']).clone_into(&mut section);
            if let Some(name) = section.strip_prefix("dependencies.") {
                found.extend(rooms.get(name).cloned());
            }
        } else if section == "dependencies" {
            let name = line.split(['.', '=', ' ']).next().unwrap_or("");
            found.extend(rooms.get(name).cloned());
        }
    }
    found
}

#[test]
fn manifests_follow_the_table() {
    let table = table();
    assert_eq!(table.len(), 12, "ARCHITECTURE.md lists twelve rooms in its table, found {:?}", table.keys());
    let rooms: BTreeSet<String> = table.keys().cloned().collect();
    for (room, allowed) in &table {
        let manifest = root().join("crates").join(room).join("Cargo.toml");
        let actual = imports(&manifest, &rooms);
        let extra: Vec<_> = actual.difference(allowed).collect();
        assert!(extra.is_empty(), "{room} imports {extra:?}, which the table does not allow");
    }
    for folder in std::fs::read_dir(root().join("crates")).unwrap().flatten() {
        let name = folder.file_name().into_string().unwrap();
        assert!(rooms.contains(&name), "crates/{name} is missing in ARCHITECTURE.md's table");
    }
}

fn rust_files(folder: &Path, files: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        if path.is_dir() {
            rust_files(&path, files);
        } else if path.extension().is_some_and(|e| e == "rs") {
            files.push(path);
        }
    }
}

/// The part of a source file before its unit tests.
fn without_tests(text: &str) -> &str {
    text.find("#[cfg(test)]").map_or(text, |at| &text[..at])
}

#[test]
fn pure_rooms_have_no_clock_thread_socket_or_file() {
    let banned = [
        "std::thread",
        "std::net::Tcp",
        "std::net::Udp",
        "std::fs",
        "Instant::now",
        "SystemTime",
        "tokio",
        "rand::rng(",
        "thread_rng",
    ];
    for room in ["record", "decode", "flow", "features", "detect", "alert"] {
        let mut files = Vec::new();
        rust_files(&root().join("crates").join(room).join("src"), &mut files);
        assert!(!files.is_empty(), "{room} has no source");
        // A file of tests may read captures.
        for file in files.into_iter().filter(|f| !f.to_string_lossy().ends_with("tests.rs")) {
            let text = std::fs::read_to_string(&file).unwrap();
            for word in banned {
                assert!(
                    !without_tests(&text).contains(word),
                    "{} uses {word}: pure rooms get time and data as values",
                    file.display()
                );
            }
        }
    }
}

#[test]
fn unsafe_stays_where_it_is_allowed() {
    let mut kernels = 0;
    let mut files = Vec::new();
    rust_files(&root().join("crates"), &mut files);
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        let relative = file.strip_prefix(root()).unwrap().to_string_lossy().into_owned();
        if relative.ends_with("tests/arrows.rs") || !text.contains("allow(unsafe_code)") {
            continue;
        }
        if relative.starts_with("crates/detect/") {
            kernels += 1;
            continue;
        }
        assert!(relative.starts_with("crates/source/"), "{relative} allows unsafe code outside `source`");
    }
    assert!(kernels <= 1, "`detect` may hold unsafe code in one file of kernels, found {kernels}");
}
