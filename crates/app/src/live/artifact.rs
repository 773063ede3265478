//! The models' file: written whole or not at all, read at the next start. Owns the name and the rename; the format is `detect`'s.

use crate::failure::{Context, Failure, Result};
use detect::Ensemble;
use std::fs;
use std::path::Path;

/// Name of the flow models' file in the data or model directory.
pub const FILE_NAME: &str = "flow.model";

/// Reads the models of a directory; None when there are none yet.
pub fn load(dir: &Path) -> Result<Option<Ensemble>> {
    let path = dir.join(FILE_NAME);
    let bytes = match fs::read(&path) {
        Ok(bytes) => bytes,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(e) => {
            let advice = "name a folder that holds it and that you may read";
            return Err(Failure::new(format!("models {}: {e}; {advice}", path.display())));
        }
    };
    Ensemble::from_bytes(&bytes, features::flow_schema()).map(Some).context(format!("models {}", path.display()))
}

/// Writes the models beside their final name and renames, so that a crash leaves the old ones.
pub fn save(dir: &Path, ensemble: &Ensemble) -> Result<()> {
    let path = dir.join(FILE_NAME);
    let temporary = path.with_extension("model.part");
    fs::create_dir_all(dir).context(dir.display())?;
    let write = || {
        let mut file = fs::File::create(&temporary)?;
        std::io::Write::write_all(&mut file, &ensemble.to_bytes())?;
        file.sync_all()?;
        fs::rename(&temporary, &path)
    };
    write().context(format!("models {}", path.display()))
}
