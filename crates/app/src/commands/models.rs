//! `tripline models`: kept versions of the models in a folder: listed, shown whole, checked, and one put back in place. Owns the words;
//! the files are `live::versions`'.

use super::output::Output;
use crate::cli::{Common, ListFormat, ModelsAction, ModelsArgs};
use crate::config::{Config, data_dir};
use crate::failure::{Context, EXIT_DONE, EXIT_FAILURE, Failure, Result};
use crate::live::artifact;
use crate::live::level_models::HOST;
use crate::live::versions::{self, Kept};
use crate::render::units;
use serve::shapes::ModelVersion;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;

/// Runs the command.
pub fn run(common: &Common, args: &ModelsArgs) -> Result<u8> {
    let dir = match &args.model {
        Some(dir) => dir.clone(),
        None => data_dir(common)?,
    };
    match args.action.clone().unwrap_or(ModelsAction::List { output: ListFormat::Text }) {
        ModelsAction::List { output } => list(&dir, output),
        ModelsAction::Show { version, kind, output } => show(&dir, version, &kind, output),
        ModelsAction::Verify { output } => verify(&dir, output),
        ModelsAction::Import(args) => super::models_import::run(common, &dir, &args),
        ModelsAction::Rollback { version, kind } => roll_back(common, &dir, &kind, version),
    }
}

/// Every models' file of the folder; an empty one is an error that says what to do.
fn kept(dir: &Path) -> Result<Vec<Kept>> {
    let found = versions::all(dir).context(dir.display())?;
    if found.is_empty() {
        let advice = "`tripline run` trains them after the warm-up, `tripline train` from files";
        return Err(Failure::new(format!("{}: there are no models; {advice}", dir.display())));
    }
    Ok(found)
}

fn out(text: &str) -> Result<()> {
    let mut output = Output::open(None)?;
    output.write_all(text.as_bytes()).map_err(|e| output.failure(&e))?;
    output.finish()
}

fn json<T: serde::Serialize>(value: &T) -> Result<u8> {
    let text = serde_json::to_string_pretty(value).context("models")?;
    out(&format!("{text}\n"))?;
    Ok(EXIT_DONE)
}

fn made(version: &ModelVersion) -> String {
    version.note.made.map_or_else(|| "-".to_owned(), record::Timestamp::rfc3339)
}

fn list(dir: &Path, output: ListFormat) -> Result<u8> {
    let found = kept(dir)?;
    if output == ListFormat::Json {
        return json(&found.iter().map(|k| &k.version).collect::<Vec<_>>());
    }
    let mut text =
        format!("{:<8} {:<18} {:<27} {:>16} {:>10}  why\n", "version", "file", "made", "learned from", "size");
    for Kept { version, .. } in &found {
        let learned = match (&version.trained_on, version.note.rows_fitted) {
            (Some(on), _) if on.flows == 0 => format!("{} packets", on.packets),
            (Some(on), _) => format!("{} flows", on.flows),
            (None, 0) => "-".to_owned(),
            (None, rows) => format!("{rows} {}", if version.kind == HOST { "minutes" } else { "steps" }),
        };
        let number = if version.note.version == 0 { "-".to_owned() } else { version.note.version.to_string() };
        let why =
            version.error.as_deref().unwrap_or(if version.note.reason.is_empty() { "-" } else { &version.note.reason });
        let used = if version.in_use { ", in use" } else { "" };
        let size = units::bytes(version.bytes as f64);
        let _ = writeln!(
            text,
            "{number:<8} {:<18} {:<27} {learned:>16} {size:>10}  {why}{used}",
            version.file,
            made(version)
        );
    }
    out(&text)?;
    Ok(EXIT_DONE)
}

fn show(dir: &Path, wanted: Option<u64>, kind: &str, output: ListFormat) -> Result<u8> {
    let all = kept(dir)?;
    let found: Vec<&Kept> = all.iter().filter(|kept| kept.version.kind == kind).collect();
    let is_it = |k: &&Kept| wanted.map_or(k.version.in_use, |number| k.version.note.version == number);
    let Some(kept) = found.iter().copied().find(is_it) else {
        let numbers: Vec<String> = found.iter().map(|k| k.version.note.version.to_string()).collect();
        let what = wanted.map_or(format!("{kind} models in use"), |n| format!("version {n} of the {kind} models"));
        return Err(Failure::new(format!("{}: {what}: not there; kept are {}", dir.display(), numbers.join(", "))));
    };
    if let Some(error) = &kept.version.error {
        return Err(Failure::new(error.clone()));
    }
    if output == ListFormat::Json {
        return json(kept);
    }
    let (version, note) = (&kept.version, &kept.version.note);
    let mut text = format!("{}, version {}, {}\n", version.file, note.version, units::bytes(version.bytes as f64));
    let _ = writeln!(
        text,
        "made      {} ({})",
        made(version),
        if note.reason.is_empty() { "not told why" } else { &note.reason }
    );
    if !note.text.is_empty() {
        let _ = writeln!(text, "taken     {}", note.text);
    }
    if let Some(on) = &version.trained_on {
        let until = on.until.map_or(String::new(), |t| format!(", up to {t}"));
        let _ = writeln!(text, "learned   {} flows, {} packets{until}", on.flows, on.packets);
    }
    let (fitted, trimmed, held_out) = (note.rows_fitted, note.rows_trimmed, note.rows_held_out);
    let _ = writeln!(
        text,
        "rows      {fitted} fitted, {trimmed} of them trimmed, {held_out} held out, {} labelled",
        note.rows_labelled
    );
    let _ = writeln!(text, "schema    {}, {} columns", kept.schema, kept.columns);
    let _ = writeln!(text, "{:<24} {:<6} {:>12} {:>22}", "member", "votes", "threshold", "held out beyond it");
    for member in &kept.members_told {
        let votes = if member.admitted { "yes" } else { "no" };
        let beyond = format!("{:.2} %", member.false_positive_rate * 100.0);
        let _ = writeln!(text, "{:<24} {votes:<6} {:>12.4} {beyond:>22}", member.name, member.threshold);
    }
    for line in &kept.words {
        let _ = writeln!(text, "{line}");
    }
    if wanted.is_none() && kind == artifact::FLOW {
        beside(&all, &kept.version.file, &mut text);
    }
    out(&text)?;
    Ok(EXIT_DONE)
}

/// The models in use beside those shown: other levels than flows.
fn beside(found: &[Kept], shown: &str, text: &mut String) {
    for kept in found.iter().filter(|kept| kept.version.in_use && kept.version.file != shown) {
        let _ = writeln!(
            text,
            "\n{}, {}, schema {}",
            kept.version.file,
            units::bytes(kept.version.bytes as f64),
            kept.schema
        );
        for line in kept.words.iter().chain(&kept.version.error) {
            let _ = writeln!(text, "  {line}");
        }
    }
}

/// 0 when every file is whole; 2 with a line for each that is not.
fn verify(dir: &Path, output: ListFormat) -> Result<u8> {
    let found = kept(dir)?;
    let bad: Vec<&Kept> = found.iter().filter(|k| k.version.error.is_some()).collect();
    if output == ListFormat::Json {
        json(&found.iter().map(|k| &k.version).collect::<Vec<_>>())?;
    } else {
        let mut text = String::new();
        for Kept { version, .. } in found.iter().filter(|k| k.version.error.is_none()) {
            let _ = writeln!(text, "{}: good, {}", version.file, units::bytes(version.bytes as f64));
        }
        out(&text)?;
    }
    if bad.is_empty() {
        return Ok(EXIT_DONE);
    }
    for kept in &bad {
        eprintln!("tripline: {}", Failure::new(kept.version.error.clone().unwrap_or_default()));
    }
    Ok(EXIT_FAILURE)
}

/// Keeps every other process away from the folder's database, when there is one.
pub(super) fn hold(common: &Common, dir: &Path, advice: &str) -> Result<Option<store::Sqlite>> {
    if !dir.join(store::DATABASE_NAME).exists() {
        return Ok(None);
    }
    let config = Config::load(common)?;
    let held = store::Sqlite::open(dir, &config.store);
    held.map(Some).map_err(|error| Failure::new(format!("{error}; {advice}")))
}

/// Only while no process uses the folder: a running one is asked through its API.
fn roll_back(common: &Common, dir: &Path, kind: &str, version: u64) -> Result<u8> {
    let _held = hold(
        common,
        dir,
        "a running process puts versions back on its Models page, or by POST /api/v1/models/rollback",
    )?;
    versions::roll_back_any(dir, kind, version).map_err(|why| Failure::new(format!("{}: {why}", dir.display())))?;
    out(&format!("version {version} of the {kind} models is in place\n"))?;
    Ok(EXIT_DONE)
}
