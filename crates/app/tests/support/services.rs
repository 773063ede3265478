//! Real servers from the package registries, started by `scripts/services/<name>.sh run` and ended by their own process number. Owns no
//! assertion about Tripline.

use super::servers::{Far, free_port};
use std::path::{Path, PathBuf};

/// The root of the project.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// The script of a service; None, with the reason on standard error, where `make services` has not installed it.
pub fn installed(test: &str, name: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("TRIPLINE_SERVICES").map_or_else(|| root().join("target/services"), PathBuf::from);
    if folder.join(name).join("version").is_file() {
        return Some(root().join("scripts/services").join(format!("{name}.sh")));
    }
    eprintln!("SKIP {test}: {name} is not installed; run scripts/services/{name}.sh install");
    None
}

/// Starts a service on a free port, its data under `dir`; None where it is not installed.
pub fn start(test: &str, name: &str, dir: &Path) -> Option<(Far, u16)> {
    let script = installed(test, name)?;
    let port = free_port();
    let command = [script.display().to_string(), "run".to_owned(), dir.display().to_string(), port.to_string()];
    let mut far = Far::tcp(command.to_vec(), port);
    far.up();
    Some((far, port))
}
