//! `tripline models import`: a user's own ONNX model beside the trained ones, in shadow until it is calibrated on benign input, muted when
//! it costs too much. Owns the words and the clock; what a model says is `detect`'s.

use super::analyze::meter_config;
use super::models::hold;
use super::output::Output;
use crate::cli::{Common, ImportArgs};
use crate::config::Config;
use crate::failure::{Context, EXIT_DONE, Failure, Result};
use crate::live::artifact;
use detect::Ensemble;
use detect::imported::{FILE_BYTES_MAX, Imported, Manifest};
use evaluate::tables::TablePlan;
use evaluate::{Input, InputOptions};
use record::Matrix;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// Rows whose scoring is timed where no input is given.
const TIMED_ROWS: usize = 2_048;
/// The smallest manifest, for errors.
const EXAMPLE: &str = "name = \"my_forest\" and meaning = \"lower_is_stranger\" (or higher_is_stranger, attack_probability, reconstruction)";

/// Runs the command.
pub fn run(common: &Common, dir: &Path, args: &ImportArgs) -> Result<u8> {
    let config = Config::load(common)?;
    let path = dir.join(artifact::FILE_NAME);
    let bytes = std::fs::read(&path).map_err(|error| {
        let advice =
            "an imported model joins trained ones: run `tripline train` first, or name their folder with --model";
        Failure::new(format!("models {}: {error}; {advice}", path.display()))
    })?;
    let (mut ensemble, plan, _) = evaluate::recall(&bytes).context(format!("models {}", path.display()))?;
    let model = read_model(args, &ensemble)?;
    if let Some(file) = &args.try_rows {
        return try_out(&model, &rows(&config, std::slice::from_ref(file), plan.as_ref())?);
    }
    let _held = hold(common, dir, "stop the process that uses this folder, or import into another")?;
    let benign = if args.calibrate.is_empty() { None } else { Some(rows(&config, &args.calibrate, plan.as_ref())?) };
    let cost_us = cost(&model, benign.as_ref(), ensemble.schema().features.len());
    let name = model.name().to_owned();
    ensemble.invite(model).context(args.onnx.display())?;
    if cost_us > args.cost_max_us {
        let allowed = args.cost_max_us;
        ensemble.mute(&name, &format!("it takes {cost_us:.1} µs a row, {allowed:.1} are allowed (--cost-max-us)"));
    } else if let Some(benign) = &benign {
        ensemble.calibrate_guests(benign, &config.models).context("calibration")?;
    }
    artifact::save(dir, &ensemble, config.models.versions_max)?;
    let told = told(&ensemble, &name, cost_us);
    let mut output = Output::open(None)?;
    output.write_all(told.as_bytes()).map_err(|error| output.failure(&error))?;
    output.finish()?;
    Ok(EXIT_DONE)
}

fn read_model(args: &ImportArgs, ensemble: &Ensemble) -> Result<Imported> {
    let beside = || args.onnx.with_extension("toml");
    let path = args.manifest.clone().unwrap_or_else(beside);
    let text = std::fs::read_to_string(&path).map_err(|error| {
        Failure::new(format!("manifest {}: {error}; write one with at least {EXAMPLE}", path.display()))
    })?;
    let manifest: Manifest =
        toml::from_str(&text).map_err(|error| Failure::new(format!("manifest {}: {error}", path.display())))?;
    let size = std::fs::metadata(&args.onnx).context(args.onnx.display())?.len();
    if size > FILE_BYTES_MAX as u64 {
        let name = args.onnx.display();
        return Err(Failure::new(format!("{name}: {size} bytes; models of up to {FILE_BYTES_MAX} bytes are read")));
    }
    let bytes = std::fs::read(&args.onnx).context(args.onnx.display())?;
    Imported::read(&bytes, manifest, ensemble.schema()).context(args.onnx.display())
}

/// Rows of captures or tables as the models read them.
fn rows(config: &Config, files: &[PathBuf], plan: Option<&TablePlan>) -> Result<Matrix> {
    let meter = meter_config(config, None)?;
    let plain = |error: &dyn std::fmt::Display| Failure::new(error.to_string());
    let mut input = Input::open(files, &meter, &InputOptions::default(), &mut |_| {}).map_err(|e| plain(&e))?;
    let dataset = input.dataset(plan).map_err(|e| plain(&e))?;
    Ok(dataset.rows)
}

/// Microseconds a row, the better of two passes.
fn cost(model: &Imported, rows: Option<&Matrix>, columns: usize) -> f64 {
    let mut sample = Matrix::with_capacity(TIMED_ROWS, columns);
    match rows.filter(|rows| rows.rows() > 0) {
        Some(rows) => (0..rows.rows().min(TIMED_ROWS)).for_each(|row| sample.push(rows.row(row))),
        None => sample.values.resize(TIMED_ROWS * columns, 1.0),
    }
    let pass = || {
        let begun = Instant::now();
        std::hint::black_box(model.scores(&sample));
        begun.elapsed().as_secs_f64() * 1e6 / sample.rows().max(1) as f64
    };
    pass().min(pass())
}

fn told(ensemble: &Ensemble, name: &str, cost_us: f64) -> String {
    let mut text = String::new();
    for guest in ensemble.guests().iter().filter(|guest| guest.model().name() == name) {
        let info = guest.info();
        let beyond = info.false_positive_rate * 100.0;
        let state = match (guest.muted(), guest.calibration_rows()) {
            (Some(why), _) => format!("muted: {why}"),
            (None, 0) => "in shadow: it is shown and does not vote until it is calibrated on benign input (--calibrate, or the next training of `run`)".to_owned(),
            (None, rows) if info.admitted => format!("votes: {beyond:.2} % of held-out benign rows beyond its threshold {:.4}, calibrated on {rows}", info.threshold),
            (None, _) => format!("does not vote: {beyond:.2} % of held-out benign rows beyond its threshold, or the same answer for every row"),
        };
        let _ = writeln!(text, "{name}: imported, {cost_us:.1} µs a row\n{state}");
    }
    text
}

/// The model's own answers, for comparing with the program that made it.
fn try_out(model: &Imported, rows: &Matrix) -> Result<u8> {
    let answers = model.answers(rows).context(model.name())?;
    let mut output = Output::open(None)?;
    let mut text = String::from("row,answer\n");
    for (row, answer) in answers.iter().enumerate() {
        let _ = writeln!(text, "{},{answer}", row + 1);
    }
    output.write_all(text.as_bytes()).map_err(|error| output.failure(&error))?;
    output.finish()?;
    Ok(EXIT_DONE)
}
