//! `tripline config init|show|check`.

use super::output::Output;
use crate::cli::{Common, ConfigAction, ConfigArgs};
use crate::config::{COMMENTED, Config, data_dir};
use crate::failure::{Context, EXIT_DONE, Failure, Result};
use crate::settings::file;
use crate::settings::layers::{Layers, annotated};
use std::io::Write;
use std::path::PathBuf;

/// Writes, shows or checks.
pub fn run(common: &Common, args: &ConfigArgs) -> Result<u8> {
    match &args.action {
        ConfigAction::Init { write, role } => {
            if let Some(path) = write.as_ref().filter(|p| p.exists()) {
                return Err(Failure::new(format!(
                    "{} exists already and was left as it is; choose another name",
                    path.display()
                )));
            }
            match role {
                Some(role) => print(write.as_deref(), &role.text()),
                None => print(write.as_deref(), COMMENTED),
            }
        }
        ConfigAction::Show => {
            let layers = Layers::read(common, dashboards(common).as_deref())?;
            print(None, &annotated(&layers)?)
        }
        ConfigAction::Check => {
            let config = match dashboards(common) {
                Some(dir) => Config::load_in(common, &dir)?,
                None => Config::load(common)?,
            };
            // A list that cannot be read would stop the start.
            crate::lists::Lists::new(&config.intel, data_dir(common).ok().as_deref()).compile()?;
            let name = common.config.as_ref().map_or("the defaults".to_owned(), |p| p.display().to_string());
            print(None, &format!("{name}: good\n"))
        }
    }
}

/// Where the dashboard of `run` with the same options keeps what was set on it.
fn dashboards(common: &Common) -> Option<PathBuf> {
    data_dir(common).ok().filter(|dir| dir.join(file::NAME).exists())
}

fn print(path: Option<&std::path::Path>, text: &str) -> Result<u8> {
    let mut output = Output::open(path)?;
    output.write_all(text.as_bytes()).context("output")?;
    output.finish()?;
    Ok(EXIT_DONE)
}
