//! `tripline report`: what happened in a time, of the store of a data directory, also while `tripline run` writes it. Owns what was asked
//! for and where it goes; the content is `report`'s.

use super::export::{open, range};
use super::output::Output;
use crate::archived;
use crate::cli::Common;
use crate::config::{self, Config};
use crate::export_args::{ReportArgs, ReportForm};
use crate::failure::{Context, EXIT_DONE, Failure, Result};
use crate::live::notify::outbox::own_name;
use crate::live::wall_clock;
use crate::report;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use store::civil::Place;

/// Makes and writes it.
pub fn run(common: &Common, args: &ReportArgs) -> Result<u8> {
    let config = Config::load(common)?;
    let clock = Place::parse(&config.reports.zone).map_err(Failure::new)?;
    let now = wall_clock();
    let times = range(&clock, now, Some(&args.since), Some(args.until.as_deref().unwrap_or("now")))?;
    let (from, to) = (times.from.unwrap_or(now), times.to.unwrap_or(now));
    if from >= to {
        return Err(Failure::new(format!("--since {from} is not before the end {to}; give an earlier beginning")));
    }
    let reader = Arc::new(open(common, &config.store)?);
    let rows = archived::rows(&config, &reader);
    let data_dir = config::data_dir(common)?;
    let place = report::Place {
        reader: &reader,
        rows: rows.as_ref(),
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
    if let Some(address) = args.write.as_deref().and_then(Path::to_str).filter(|text| archived::is_object(text)) {
        archived::put(&config, address, bytes)?;
        return Ok(EXIT_DONE);
    }
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
