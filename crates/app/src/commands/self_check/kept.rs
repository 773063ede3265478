//! Looks at what is kept: room and speed of the disk, the database's schema, models.

use super::Finding;
use crate::config::Config;
use crate::live::{artifact, level_models, side_models};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Instant;
use store::DataDirectory;

/// Written to measure the disk, bytes.
const PROBE_BYTES: usize = 8 << 20;
/// Slower than this, a busy network's history does not keep up, bytes a second.
const SPEED_MIN: f64 = 10e6;
/// Room below which nothing should begin, bytes.
const ROOM_MIN: u64 = 256 << 20;

/// All of them.
pub(super) fn all(dir: &Path, config: &Config) -> Vec<Finding> {
    let mut findings = vec![room(dir, config), speed(dir), schema(dir)];
    findings.push(models(dir));
    findings
}

/// The directory, or the nearest above it that is there.
fn there(dir: &Path) -> PathBuf {
    dir.ancestors().find(|dir| dir.exists()).unwrap_or(Path::new("/")).to_path_buf()
}

/// Room that this user may take, bytes.
fn free_bytes(dir: &Path) -> Option<u64> {
    let about = rustix::fs::statvfs(dir).ok()?;
    Some(about.f_bavail.saturating_mul(about.f_frsize))
}

fn room(dir: &Path, config: &Config) -> Finding {
    let place = there(dir).display().to_string();
    let Some(free) = free_bytes(&there(dir)) else {
        return Finding::warn("disk space", format!("the room at {place} cannot be asked for"), "see `df`");
    };
    let wanted = config.store.max_bytes + config.store.evidence_max_bytes + config.store.spool_max_bytes;
    let text = format!("{} MiB free at {place}", free >> 20);
    if free < ROOM_MIN {
        return Finding::fail("disk space", text, "make room, or name another place with --data-dir DIR");
    }
    if free < wanted {
        let action = format!(
            "history may grow to {} MiB: lower store.max_bytes and store.evidence_max_bytes, or make room",
            wanted >> 20
        );
        return Finding::warn("disk space", text, action);
    }
    Finding::ok("disk space", text)
}

fn speed(dir: &Path) -> Finding {
    let place = there(dir);
    let path = place.join(format!(".tripline-self-check-{}", std::process::id()));
    let begun = Instant::now();
    let written = std::fs::File::create(&path).and_then(|mut file| {
        file.write_all(&vec![0x5a; PROBE_BYTES])?;
        file.sync_all()
    });
    // It is ours, and nothing is lost when it stays.
    let _ = std::fs::remove_file(&path);
    if let Err(error) = written {
        let action = "give this user the right, or name another place with --data-dir DIR";
        return Finding::fail("disk speed", format!("{}: {error}", place.display()), action);
    }
    let speed = PROBE_BYTES as f64 / begun.elapsed().as_secs_f64().max(1e-6);
    let text = format!("{:.0} MB/s written and synced at {}", speed / 1e6, place.display());
    if speed < SPEED_MIN {
        return Finding::warn(
            "disk speed",
            text,
            "a busy network's history waits on disk until there is time; prefer a faster disk",
        );
    }
    Finding::ok("disk speed", text)
}

fn schema(dir: &Path) -> Finding {
    match store::look(dir) {
        DataDirectory::Empty => Finding::ok("data directory", format!("{}: nothing is kept yet", dir.display())),
        DataDirectory::Current(found) => Finding::ok("data directory", format!("{}: schema {found}", dir.display())),
        DataDirectory::Older(found, known) => Finding::ok(
            "data directory",
            format!("{}: schema {found}; the next start brings it to {known}, with all rows", dir.display()),
        ),
        DataDirectory::Newer(found, known) => Finding::fail(
            "data directory",
            format!("{}: schema {found} is of a newer Tripline; this one knows {known}", dir.display()),
            "install the newer one again, or name another place with --data-dir DIR",
        ),
        DataDirectory::Damaged(why) => Finding::fail(
            "data directory",
            format!("{}: {why}", dir.display()),
            "move the database aside, or put a backup in its place",
        ),
    }
}

fn models(dir: &Path) -> Finding {
    let flows = artifact::load(dir);
    let kinds = [
        flows.as_ref().map(Option::is_some).map_err(ToString::to_string),
        side_models::load_packets(dir).map(|model| model.is_some()).map_err(|e| e.to_string()),
        level_models::load(dir).map(|_| false).map_err(|e| e.to_string()),
    ];
    if let Some(why) = kinds.iter().find_map(|kind| kind.as_ref().err()) {
        let action =
            "`tripline models verify` names the file, `tripline models rollback` puts an earlier one in its place";
        return Finding::fail("models", why.clone(), action);
    }
    match flows {
        Ok(Some(_)) => Finding::ok("models", "there, whole"),
        _ => Finding::ok("models", "none yet: the first start learns"),
    }
}
