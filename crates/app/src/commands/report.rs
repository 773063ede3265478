//! `tripline report`: what happened in a time, of the store of a data directory, also while `tripline run` writes it. Owns what was asked
//! for and where it goes; the content is `report`'s.

use super::export::{open, range};
use super::output::Output;
use crate::cli::Common;
use crate::config::{self, Config};
use crate::export_args::{ReportArgs, ReportForm};
use crate::failure::{Context, EXIT_DONE, Failure, Result};
use crate::live::notify::outbox::own_name;
use crate::live::wall_clock;
use crate::report;
use std::io::Write;
use std::path::Path;
use store::civil::Place;

/// Beginnings of places that are no files.
const STORES: [&str; 3] = ["s3://", "gs://", "az://"];

/// Makes and writes it.
pub fn run(common: &Common, args: &ReportArgs) -> Result<u8> {
    let config = Config::load(common)?;
    refuse_stores(args.write.as_deref())?;
    let clock = Place::parse(&config.reports.zone).map_err(Failure::new)?;
    let now = wall_clock();
    let times = range(&clock, now, Some(&args.since), Some(args.until.as_deref().unwrap_or("now")))?;
    let (from, to) = (times.from.unwrap_or(now), times.to.unwrap_or(now));
    if from >= to {
        return Err(Failure::new(format!("--since {from} is not before the end {to}; give an earlier beginning")));
    }
    let reader = open(common, &config.store)?;
    let data_dir = config::data_dir(common)?;
    let place = report::Place {
        reader: &reader,
        rows: &reader,
        config: &config,
        data_dir: &data_dir,
        clock,
        sensor: own_name(),
        now,
    };
    let report = report::gather(&place, from, to).plain()?;
    for note in &report.notes {
        tracing::warn!("{note}");
    }
    let bytes = report::written(&report, form(args))?;
    let mut output = Output::open(args.write.as_deref())?;
    output.write_all(&bytes).map_err(|e| output.failure(&e))?;
    output.finish()?;
    Ok(EXIT_DONE)
}

/// As asked for, else by the file's ending.
fn form(args: &ReportArgs) -> ReportForm {
    let ending = args.write.as_deref().and_then(Path::extension).and_then(|ending| ending.to_str());
    args.output.unwrap_or(match ending {
        Some("json") => ReportForm::Json,
        Some("csv") => ReportForm::Csv,
        _ => ReportForm::Html,
    })
}

/// Object stores are no files: a folder named `s3:` would help nobody.
fn refuse_stores(write: Option<&Path>) -> Result<()> {
    let text = write.map(|path| path.to_string_lossy()).unwrap_or_default();
    match STORES.into_iter().find(|begin| text.starts_with(begin)) {
        Some(begin) => Err(Failure::new(format!(
            "-w {text}: this version cannot write a report to {begin}; write a file with -w FILE and copy it there"
        ))),
        None => Ok(()),
    }
}
