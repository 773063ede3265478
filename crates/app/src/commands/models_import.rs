//! `tripline models import`: a user's own ONNX model beside the trained ones, in shadow until it is calibrated on benign input, muted when
//! it costs too much. Owns the words; the steps are `live::importing`'s.

use super::analyze::meter_config;
use super::models::hold;
use super::output::Output;
use crate::cli::{Common, ImportArgs};
use crate::config::Config;
use crate::failure::{Context, EXIT_DONE, Failure, Result};
use crate::live::{artifact, importing, versions};
use detect::Ensemble;
use detect::imported::Imported;
use evaluate::tables::TablePlan;
use evaluate::{Input, InputOptions};
use record::Matrix;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};

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
    let cost_us = importing::cost_us(&model, benign.as_ref(), ensemble.schema().features.len());
    let name = model.name().to_owned();
    let cost = (cost_us, args.cost_max_us);
    importing::seat(&mut ensemble, model, cost, benign.as_ref(), &config.models).context(args.onnx.display())?;
    let kept = versions::list(dir, artifact::FLOW);
    importing::put_note(&mut ensemble, versions::next_number(&kept), &name);
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
        Failure::new(format!("manifest {}: {error}; write one with at least {}", path.display(), importing::EXAMPLE))
    })?;
    let manifest = importing::manifest(&path.display().to_string(), &text).map_err(Failure::new)?;
    let size = std::fs::metadata(&args.onnx).context(args.onnx.display())?.len();
    if let Some(why) = importing::too_large(&args.onnx.display().to_string(), size) {
        return Err(Failure::new(why));
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

fn told(ensemble: &Ensemble, name: &str, cost_us: f64) -> String {
    let mut text = String::new();
    for guest in ensemble.guests().iter().filter(|guest| guest.model().name() == name) {
        let state = importing::standing(guest);
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
