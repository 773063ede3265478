//! `tripline train --kind packet|host|series`: benign captures to the models of the levels beside flows, and what was learned in
//! words. Owns the reading; what the levels learn is `evaluate`'s.

use super::analyze::{judge_config, meter_config};
use super::output::Output;
use crate::cli::{Common, TrainArgs};
use crate::config::Config;
use crate::failure::{Context, EXIT_DONE, Failure, Result};
use crate::live::artifact;
use crate::live::level_models::{HOST, SERIES};
use crate::live::level_words::{host_words, series_words};
use crate::live::side_models::PACKET;
use crate::progress::Progress;
use evaluate::{Judge, LearnConfig, Learner};
use std::io::Write as _;

/// Trains the packet level.
pub fn packet(common: &Common, args: &TrainArgs) -> Result<u8> {
    let mut judge = read(common, args)?;
    let material = judge.packets().material().ok_or_else(|| too_little(args, "packets", "packets.rows_min"))?;
    let model = material.train(args.seed).context("packet level")?;
    let (rows, _) = model.span();
    let kept = if model.member().admitted { "raises alerts of its own" } else { "raises nothing" };
    write(common, args, PACKET, &model.to_bytes(), &[format!("Learned {rows} packets; it {kept}")])
}

/// Trains the host level.
pub fn host(common: &Common, args: &TrainArgs) -> Result<u8> {
    let mut judge = read(common, args)?;
    let material =
        judge.host_level().material().ok_or_else(|| too_little(args, "minutes of hosts", "hosts.rows_min"))?;
    let model = material.train(args.seed).context("host level")?;
    write(common, args, HOST, &model.to_bytes(), &[host_words(&model)])
}

/// Trains the level of series.
pub fn series(common: &Common, args: &TrainArgs) -> Result<u8> {
    let mut judge = read(common, args)?;
    let needed = "steps of steady interfaces and hosts";
    let material = judge.series_level().material().ok_or_else(|| too_little(args, needed, "series.enabled"))?;
    let model = material.train(args.seed).context("level of series")?;
    let words: Vec<String> = model.groups().iter().map(series_words).collect();
    write(common, args, SERIES, &model.to_bytes(), &words)
}

fn too_little(args: &TrainArgs, of: &str, setting: &str) -> Failure {
    let names: Vec<String> = args.input.files.iter().map(|file| file.display().to_string()).collect();
    Failure::new(format!("{}: too few {of} to learn from; give longer captures (see {setting})", names.join(", ")))
}

/// Every packet through the meter, as past: all levels know it afterwards.
fn read(common: &Common, args: &TrainArgs) -> Result<Judge> {
    let input = &args.input;
    let labelled = input.labels.is_some() || !input.packet_labels.is_empty() || input.label_column.is_some();
    if labelled || args.leave_attacks.is_some() || !args.models.is_empty() || input.rows.is_some() {
        return Err(Failure::new(
            "--labels, --packet-labels, --label-column, --rows, --leave-attacks and --models are for --kind flow; the other kinds learn from benign captures",
        ));
    }
    let config = Config::load(common)?;
    let learner = Learner::new(LearnConfig { reservoir_rows_max: 1, ..config.learn });
    let mut judge = Judge::new(&judge_config(&config)?, learner);
    let progress = Progress::new("packets", common.quiet);
    let told = &mut |packets| progress.set(packets);
    evaluate::replay(&input.files, &meter_config(&config, None)?, 1, told, &mut |epoch| judge.warm(epoch)).plain()?;
    Ok(judge)
}

fn write(common: &Common, args: &TrainArgs, kind: &str, bytes: &[u8], words: &[String]) -> Result<u8> {
    artifact::save_bytes(&args.out, kind, bytes, Config::load(common)?.models.versions_max)?;
    if !common.quiet {
        let mut output = Output::open(None)?;
        for line in words {
            writeln!(output, "{line}").map_err(|error| output.failure(&error))?;
        }
        writeln!(output, "model in {}", args.out.join(artifact::file_name(kind)).display())
            .map_err(|error| output.failure(&error))?;
        output.finish()?;
    }
    Ok(EXIT_DONE)
}
