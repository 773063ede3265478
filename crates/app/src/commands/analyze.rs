//! `tripline analyze`: files as fast as possible, incidents with reasons, then a summary.

use super::output::Output;
use crate::cli::{AnalyzeArgs, AnalyzeFormat, Common};
use crate::config::Config;
use crate::duration::parse_ns;
use crate::failure::{Context, EXIT_DONE, EXIT_FOUND, Failure, Result};
use crate::progress::Progress;
use crate::render;
use crate::usage::cpu_seconds_and_peak_bytes;
use detect::packet::PacketModel;
use evaluate::{AnalyzeConfig, MeterConfig, Outcome, Training};
use record::analysis::Timing;
use record::{Counters, Severity, Timestamp};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

/// Reads, judges, writes; 1 when `--fail-on` was met.
pub fn run(common: &Common, args: &AnalyzeArgs) -> Result<u8> {
    let mut config = Config::load(common)?;
    config.exports.in_captures = args.exports.map_or(config.exports.in_captures, Into::into);
    refuse_filter_of_logs(&args.files, args.filter.as_deref())?;
    let fail_on = args.fail_on.as_deref().map(severity).transpose()?;
    let started = Instant::now();
    let plan = AnalyzeConfig {
        meter: meter_config(&config, args.filter.as_deref())?,
        judge: judge_with_lists(&config, common)?,
        training: training(args)?,
        packet_model: packet_model(args)?,
        levels: levels(args)?,
        workers: args.workers,
        seed: args.seed,
    };
    let mut output = Output::open(args.write.as_deref())?;
    let progress =
        if args.progress_lines { Progress::lines(count(&args.files)) } else { Progress::new("packets", common.quiet) };
    let mut outcome = evaluate::analyze(&args.files, plan, &mut |packets| progress.set(packets)).plain()?;
    drop(progress);
    let input = &outcome.analysis.input;
    check_link_types(&args.files, input.packets, &input.decode_errors)?;
    outcome.analysis.timing = timing(started, outcome.analysis.input.packets);
    if outcome.analysis.input.packets == 0 && outcome.analysis.input.logs.is_none() {
        tracing::warn!("there is no packet in the input");
    }
    for note in &outcome.analysis.input.notes {
        tracing::warn!("{note}");
    }
    write(&mut output, args.output, &outcome).map_err(|e| output.failure(&e))?;
    output.finish()?;
    let found = fail_on.is_some_and(|floor| outcome.analysis.incidents.iter().any(|i| i.severity >= floor));
    Ok(if found { EXIT_FOUND } else { EXIT_DONE })
}

/// A capture filter looks at packets, which logs do not have.
pub fn refuse_filter_of_logs(files: &[PathBuf], filter: Option<&str>) -> Result<()> {
    if filter.is_some() && evaluate::logs::are_logs(files).plain()? {
        return Err(Failure::new("-F: a capture filter looks at packets, and the input is logs; leave it out"));
    }
    Ok(())
}

fn write(output: &mut Output, format: AnalyzeFormat, outcome: &Outcome) -> std::io::Result<()> {
    match format {
        AnalyzeFormat::Text => render::text::analysis(output, outcome),
        AnalyzeFormat::Json => render::json::analysis(output, outcome),
        AnalyzeFormat::Eve => render::eve::incidents(output, &outcome.analysis.incidents),
        AnalyzeFormat::Html => render::html::analysis(output, outcome),
    }
}

fn severity(name: &str) -> Result<Severity> {
    Severity::parse(name).ok_or_else(|| Failure::new(format!("--fail-on {name}: write low, medium, high or critical")))
}

fn timing(started: Instant, packets: u64) -> Timing {
    let wall_s = started.elapsed().as_secs_f64();
    let (cpu_s, rss_max_bytes) = cpu_seconds_and_peak_bytes();
    Timing { wall_s, cpu_s, packets_per_s: packets as f64 / wall_s.max(1e-9), rss_max_bytes }
}

/// Decoder and flow table as configured, with the user's filter.
pub fn meter_config(config: &Config, filter: Option<&str>) -> Result<MeterConfig> {
    let filter = filter.map(|text| source::Filter::parse(text).plain()).transpose()?;
    Ok(MeterConfig {
        decode: config.decode.clone(),
        flow: config.flow.clone(),
        home: config.home()?,
        filter,
        packets: Some(config.packets.clone()),
        records_only: false,
        exports: evaluate::ExportsConfig {
            take: config.exports.in_captures.into(),
            read: config.exports.clone(),
            join: config.exported.clone(),
        },
    })
}

/// The same with the threat-intelligence lists as they are now.
fn judge_with_lists(config: &Config, common: &Common) -> Result<evaluate::JudgeConfig> {
    let mut judge = judge_config(config)?;
    if !config.intel.lists.is_empty() {
        let data_dir = crate::config::data_dir(common).ok();
        judge.behaviour.indicators = crate::lists::of_command(&config.intel, data_dir.as_deref())?;
    }
    Ok(judge)
}

/// Detectors, models and incidents as configured.
pub fn judge_config(config: &Config) -> Result<evaluate::JudgeConfig> {
    Ok(evaluate::JudgeConfig {
        windows: config.windows.clone(),
        behaviour: config.behaviour.clone(),
        models: config.models.clone(),
        packets: config.packets.clone(),
        hosts: config.hosts.clone(),
        series: config.series.clone(),
        alert: config.alert.clone(),
        home: config.home()?,
    })
}

/// An input of which no packet can be read, because its link type is not known, is no input.
pub fn check_link_types(files: &[PathBuf], packets: u64, errors: &Counters) -> Result<()> {
    if packets == 0 || errors.0.get("link_type_unknown").is_none_or(|unknown| *unknown < packets) {
        return Ok(());
    }
    let names: Vec<String> = files.iter().map(|file| file.display().to_string()).collect();
    Err(Failure::new(format!(
        "{}: no packet can be read, all have {} that is not known; capture with an Ethernet, Linux cooked, raw IP or 802.11 link type",
        names.join(", "),
        link_type(files).map_or_else(|| "a link type".to_owned(), |link| format!("link type {}", link.0)),
    )))
}

/// The first packet's, for the error's words; standard input cannot be read again.
fn link_type(files: &[PathBuf]) -> Option<record::LinkType> {
    let mut headers = Vec::new();
    for file in files.iter().filter(|file| *file != Path::new("-")) {
        let mut source = source::open_capture(file).ok()?;
        while source.next_batch(&mut headers).ok()?.is_some() {
            if let Some(header) = headers.first() {
                return Some(header.link);
            }
        }
    }
    None
}

fn packet_model(args: &AnalyzeArgs) -> Result<Option<Arc<PacketModel>>> {
    args.model.as_deref().map_or(Ok(None), crate::live::side_models::load_packets)
}

fn levels(args: &AnalyzeArgs) -> Result<evaluate::LevelModels> {
    args.model.as_deref().map_or(Ok(evaluate::LevelModels::default()), crate::live::level_models::load)
}

fn training(args: &AnalyzeArgs) -> Result<Training> {
    if let Some(dir) = &args.model {
        let ensemble = crate::live::artifact::load(dir)?.ok_or_else(|| {
            Failure::new(format!("--model {}: there is no {} in it", dir.display(), crate::live::artifact::FILE_NAME))
        })?;
        return Ok(Training::Given(Box::new(ensemble)));
    }
    let Some(text) = &args.train_first else { return Ok(Training::WholeInput) };
    match text.strip_suffix('%') {
        None => match parse_ns(text).context("--train-first")? {
            0 => Err(Failure::new(format!(
                "--train-first {text}: nothing to learn from; write a time above 0, such as 10m"
            ))),
            ns => Ok(Training::First(ns)),
        },
        Some(share) => {
            let share: f64 = share.trim().parse().ok().filter(|s| *s > 0.0 && *s <= 100.0).ok_or_else(|| {
                Failure::new(format!(
                    "--train-first {text}: write a share above 0% and up to 100%, or a duration such as 10m"
                ))
            })?;
            if evaluate::logs::are_logs(&args.files).plain()? {
                return Err(Failure::new(format!(
                    "--train-first {text}: a share is for captures, whose time span is known before; of logs, write a duration such as 1h"
                )));
            }
            let (first, last) = span(&args.files)?;
            Ok(Training::First((last.since(first) as f64 * share / 100.0) as i64))
        }
    }
}

/// Packets in the files, by reading the record headers once before the analysis; None when that cannot be told.
fn count(files: &[PathBuf]) -> Option<u64> {
    let mut packets = 0;
    let mut headers = Vec::new();
    for file in files {
        let mut source = (file != Path::new("-")).then(|| source::open_capture(file).ok()).flatten()?;
        while source.next_batch(&mut headers).ok()?.is_some() {
            packets += headers.len() as u64;
        }
    }
    Some(packets)
}

/// First and last capture time, by reading the record headers once before the analysis.
fn span(files: &[PathBuf]) -> Result<(Timestamp, Timestamp)> {
    let mut ends: Option<(Timestamp, Timestamp)> = None;
    let mut headers = Vec::new();
    for file in files {
        if file == Path::new("-") {
            return Err(Failure::new(
                "--train-first with a share needs the whole time span, which standard input does not tell; write a duration such as 10m",
            ));
        }
        let mut source = source::open_capture(file).plain()?;
        while source.next_batch(&mut headers).plain()?.is_some() {
            for ts in headers.iter().map(|h| h.ts) {
                ends = Some(ends.map_or((ts, ts), |(a, b)| (a.min(ts), b.max(ts))));
            }
        }
    }
    Ok(ends.unwrap_or_default())
}
