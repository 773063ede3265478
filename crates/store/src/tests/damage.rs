//! Damage: of the file, of rights, by a kill in the middle of writing.

use super::support::*;
use crate::{Read, Reader, Sqlite, StoreBatch, StoreConfig, StoreError};
use record::Kind;
use std::io::{BufRead, BufReader, Seek, SeekFrom, Write};
use std::path::Path;
use std::process::{Command, Stdio};

fn open_error(dir: &Path) -> StoreError {
    Sqlite::open(dir, &StoreConfig::default()).err().expect("must be refused")
}

#[test]
fn a_damaged_database_is_named_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("tripline.db");
    std::fs::write(&path, "this is no database, whatever its name says".repeat(100)).unwrap();
    let error = open_error(dir.path());
    assert!(matches!(error, StoreError::Corrupt { .. }), "{error}");
    let text = error.to_string();
    assert!(text.contains("tripline.db") && text.contains("nothing was deleted") && text.contains("move it"), "{text}");
    assert!(path.exists());
}

#[test]
fn a_cut_or_overwritten_database_is_noticed() {
    for cut in [true, false] {
        let (dir, store) = open();
        store.write(StoreBatch { flows: (0..2_000).map(flow).collect(), ..StoreBatch::default() }).unwrap();
        drop(store);
        let path = dir.path().join("tripline.db");
        let mut file = std::fs::File::options().write(true).open(&path).unwrap();
        if cut {
            file.set_len(std::fs::metadata(&path).unwrap().len() / 2).unwrap();
        } else {
            file.seek(SeekFrom::Start(40 * 4_096)).unwrap();
            file.write_all(&vec![0xa5; 20 * 4_096]).unwrap();
        }
        drop(file);
        let error = open_error(dir.path());
        assert!(matches!(error, StoreError::Corrupt { .. }), "cut {cut}: {error}");
    }
}

#[test]
fn a_newer_schema_is_refused() {
    let (dir, store) = open();
    drop(store);
    let database = rusqlite::Connection::open(dir.path().join("tripline.db")).unwrap();
    database.pragma_update(None, "user_version", 9_999).unwrap();
    drop(database);
    let text = open_error(dir.path()).to_string();
    assert!(text.contains("schema 9999") && text.contains("newer version"), "{text}");
    assert!(matches!(Reader::open(dir.path(), &StoreConfig::default()), Err(StoreError::TooNew { .. })));
}

#[test]
fn a_directory_that_cannot_be_written_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    std::fs::write(&file, "x").unwrap();
    let text = open_error(&file.join("data")).to_string();
    assert!(text.contains("cannot write") && text.contains("--data-dir"), "{text}");
    let locked = dir.path().join("locked");
    std::fs::create_dir(&locked).unwrap();
    let mut rights = std::fs::metadata(&locked).unwrap().permissions();
    rights.set_readonly(true);
    std::fs::set_permissions(&locked, rights).unwrap();
    // Rights do not bind root; the process folder of the kernel binds everybody.
    let root = std::fs::write(locked.join("probe"), "x").is_ok();
    let locked = if root { std::path::Path::new("/proc/self") } else { &locked };
    assert!(matches!(open_error(locked), StoreError::NotWritable { .. }));
}

#[test]
fn reading_needs_a_database() {
    let dir = tempfile::tempdir().unwrap();
    assert!(matches!(Reader::open(dir.path(), &StoreConfig::default()), Err(StoreError::Missing { .. })));
}

#[test]
fn a_long_read_is_ended() {
    let (dir, store) = open();
    store.write(StoreBatch { flows: (0..20_000).map(flow).collect(), ..StoreBatch::default() }).unwrap();
    store.flush().unwrap();
    let config = StoreConfig { read_timeout_ms: 0, ..StoreConfig::default() };
    let reader = Reader::open(dir.path(), &config).unwrap();
    let query = flows("host_name:*nothing*here*");
    assert!(matches!(reader.flows(&query), Err(StoreError::TooSlow { .. })));
    assert!(matches!(reader.flows(&query), Err(StoreError::TooSlow { .. })), "the connection goes back to the pool");
}

/// Not a test by itself: the child that `a_kill_leaves_a_sound_database` kills. Writes until it dies.
#[test]
fn child_that_is_killed() {
    let Ok(dir) = std::env::var("TRIPLINE_TEST_STORE_CHILD") else { return };
    let config = StoreConfig { batch_ms: 1, ..StoreConfig::default() };
    let store = Sqlite::open(Path::new(&dir), &config).unwrap();
    for n in (0..u64::MAX).step_by(200) {
        let incidents = vec![incident(n, Kind::Dga, "10.0.0.1")];
        store
            .write(StoreBatch { flows: (n..n + 200).map(flow).collect(), incidents, ..StoreBatch::default() })
            .unwrap();
        store.flush().unwrap();
        println!("committed {n}");
    }
}

#[test]
fn a_kill_leaves_a_sound_database() {
    let dir = tempfile::tempdir().unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "sqlite::tests::damage::child_that_is_killed", "--nocapture"])
        .env("TRIPLINE_TEST_STORE_CHILD", dir.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut last = 0;
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        if let Some(n) = line.unwrap().rsplit_once("committed ").and_then(|(_, n)| n.parse::<u64>().ok()) {
            last = n;
            if n >= 20 * 200 {
                break;
            }
        }
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(last >= 20 * 200, "the child wrote");
    let store = Sqlite::open(dir.path(), &StoreConfig::default()).unwrap();
    let reader = store.reader();
    assert!(reader.flows(&flows("")).unwrap().total >= last + 200, "all that was committed is there");
    for n in (0..=last).step_by(200) {
        assert!(reader.incident(&incident(n, Kind::Dga, "10.0.0.1").id).unwrap().is_some(), "{n}");
    }
    store.write(StoreBatch { flows: vec![flow(1)], ..StoreBatch::default() }).unwrap();
    store.flush().unwrap();
    assert_eq!(store.counters().last_error, None);
}
