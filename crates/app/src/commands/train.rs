//! `tripline train`: captures or tables to models in a folder, and what was learned in words.

use super::analyze::meter_config;
use super::output::Output;
use super::train_levels;
use crate::cli::{Common, HeaderChoice, InputArgs, TrainArgs, TrainKind};
use crate::config::Config;
use crate::failure::{Context, EXIT_DONE, Failure, Result};
use crate::live::{artifact, feedback};
use crate::progress::Progress;
use evaluate::tables::{Header, ReadOptions, listed};
use evaluate::teach::Taught;
use evaluate::truth::{ColumnLabels, TruthOptions};
use evaluate::{Input, InputOptions};
use std::io::{self, Write};
use std::path::Path;

/// How training of a kind is done.
type Trainer = fn(&Common, &TrainArgs) -> Result<u8>;

/// The registry: a kind of model is one line.
const TRAINERS: &[(TrainKind, Trainer)] = &[
    (TrainKind::Flow, flow),
    (TrainKind::Packet, train_levels::packet),
    (TrainKind::Host, train_levels::host),
    (TrainKind::Series, train_levels::series),
];

/// Reads, learns, writes.
pub fn run(common: &Common, args: &TrainArgs) -> Result<u8> {
    match TRAINERS.iter().find(|(kind, _)| *kind == args.kind) {
        Some((_, train)) => train(common, args),
        None => Err(Failure::new("--kind: write flow, packet, host or series")),
    }
}

fn flow(common: &Common, args: &TrainArgs) -> Result<u8> {
    let config = Config::load(common)?;
    let mut input = open(&config, common, &args.input)?;
    if let Some(text) = &args.leave_attacks {
        let share = text.trim_end_matches('%').parse::<f64>().ok().filter(|share| (0.0..=50.0).contains(share));
        let share = share.ok_or_else(|| {
            Failure::new(format!("--leave-attacks {text}: write a share of the rows up to 50%, such as 0.4%"))
        })?;
        input.leave_attacks(share / 100.0, args.seed);
    }
    let progress = Progress::new("% of training", common.quiet);
    let told = &mut |share: f32| progress.set((share * 100.0) as u64);
    let verdicts = args.verdicts.as_deref().map(|dir| feedback::of_store(dir, &config)).transpose()?;
    let settings = (args.seed, &config.models);
    let taught = evaluate::teach_with(&mut input, &args.models, verdicts.as_ref(), settings, told).plain()?;
    drop(progress);
    for note in &input.notes {
        tracing::warn!("{note}");
    }
    artifact::save(&args.out, &taught.ensemble, config.models.versions_max)?;
    if !common.quiet {
        let mut output = Output::open(None)?;
        report(&mut output, &taught, &input, &args.out).map_err(|error| output.failure(&error))?;
        output.finish()?;
    }
    Ok(EXIT_DONE)
}

/// Reads what the arguments name.
pub fn open(config: &Config, common: &Common, args: &InputArgs) -> Result<Input> {
    let progress = Progress::new("packets", common.quiet);
    let meter = meter_config(config, None)?;
    Input::open(&args.files, &meter, &options(args)?, &mut |packets| progress.set(packets)).plain()
}

fn options(args: &InputArgs) -> Result<InputOptions> {
    let column = args.label_column.as_ref().map(|column| ColumnLabels {
        column: column.clone(),
        benign: args.benign.clone(),
        kind: args.kind_column.clone(),
    });
    let header = match args.header {
        HeaderChoice::Auto => Header::Auto,
        HeaderChoice::Yes => Header::Yes,
        HeaderChoice::No => Header::No,
    };
    Ok(InputOptions {
        read: ReadOptions { header, drop: args.drop.clone() },
        truth: TruthOptions { events: args.labels.clone(), packets: args.packet_labels.clone(), column },
        part: part("--rows", args.rows.as_deref())?,
        benign_part: part("--benign-rows", args.benign_rows.as_deref())?,
    })
}

/// `0-50%` as shares.
fn part(option: &str, text: Option<&str>) -> Result<(f64, f64)> {
    let Some(text) = text else { return Ok((0.0, 1.0)) };
    let ends = text.trim_end_matches('%').split_once('-');
    let share = |text: &str| text.trim().parse::<f64>().ok().filter(|share| (0.0..=100.0).contains(share));
    ends.and_then(|(from, to)| Some((share(from)? / 100.0, share(to)? / 100.0)))
        .filter(|(from, to)| from < to)
        .ok_or_else(|| {
            Failure::new(format!("{option} {text}: write a part of the rows in order of time, such as 0-50%"))
        })
}

fn report(output: &mut impl Write, taught: &Taught, input: &Input, out: &Path) -> io::Result<()> {
    let (report, lesson) = (&taught.report, &taught.lesson);
    let attacks = match lesson.attacks {
        Some(attacks) => format!("; {attacks} rows are labelled as attacks"),
        None => String::new(),
    };
    writeln!(output, "learned from {} rows of {}{attacks}", lesson.rows, input.describe())?;
    if lesson.said != (0, 0) {
        let (benign, attacks) = lesson.said;
        writeln!(output, "people called {benign} flows benign, and {attacks} attacks")?;
    }
    writeln!(
        output,
        "{} rows to fit on, {} of them too strange to keep, {} held out for calibration; {} columns",
        report.rows_fitted,
        report.rows_trimmed,
        report.rows_held_out,
        taught.ensemble.schema().features.len()
    )?;
    for member in &report.members {
        let votes = if member.admitted { "votes" } else { "does not vote" };
        let rate = member.false_positive_rate * 100.0;
        writeln!(output, "  {:<22} {votes}; {rate:.2} % false positives at its 1 % threshold", member.name)?;
    }
    if let Some(known) = &report.known {
        let (hits, alarms) = (known.true_positive_rate * 100.0, known.false_positive_rate * 100.0);
        let kinds = known.kinds.len().saturating_sub(1);
        let name = "random_forest";
        writeln!(
            output,
            "  {name:<22} {kinds} kinds; out of bag {hits:.1} % of attacks, {alarms:.2} % of benign rows called"
        )?;
    }
    if let Some(decision) = lesson.decision {
        writeln!(
            output,
            "rows are called at p ≤ {decision}: what catches most of a kind that was left out of the labels"
        )?;
    }
    if let Some(plan) = taught.plan.as_ref().filter(|plan| !plan.left_out.is_empty()) {
        let names: Vec<&str> = plan.left_out.iter().map(|(name, _)| &**name).collect();
        writeln!(output, "not used: {}", listed(&names))?;
    }
    writeln!(output, "models in {}", out.join(artifact::FILE_NAME).display())
}
