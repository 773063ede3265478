//! `tripline check`: plays crafted attacks through the whole pipeline and says which detections fired. Nothing is sent anywhere.

use super::analyze::{judge_config, meter_config};
use super::output::Output;
use crate::cli::{CheckArgs, Common, ListFormat};
use crate::config::Config;
use crate::failure::{Context, EXIT_DONE, EXIT_FOUND, Result};
use evaluate::simulate::{ScenarioInfo, SimulateConfig, Simulator, scenarios};
use evaluate::{AnalyzeConfig, Training};
use record::{Incident, LinkType};
use source::PcapWriter;
use std::io::Write;
use std::path::PathBuf;

/// Quiet capture time before the attack, seconds: a little more than the hour that the slowest detector learns.
const PAST_S: f64 = 3_900.0;
/// Capture time with the attack, seconds: long enough for the slowest attack to be told.
const ATTACK_S: f64 = 1_500.0;

/// One attack and what came of it.
#[derive(serde::Serialize)]
struct Outcome {
    scenario: &'static str,
    kind: &'static str,
    fired: bool,
    title: String,
}

/// Plays every attack scenario; 1 when one was missed.
pub fn run(common: &Common, args: &CheckArgs) -> Result<u8> {
    let config = Config::load(common)?;
    let mut outcomes = Vec::new();
    for scenario in scenarios().iter().filter(|s| s.attack) {
        if let Some(kind) = scenario.kind {
            let incidents = play(&config, scenario)?;
            let found = incidents.iter().find(|i| i.kind == kind);
            let title = found.map_or(String::new(), |i| i.title.clone());
            outcomes.push(Outcome { scenario: scenario.name, kind: kind.name(), fired: found.is_some(), title });
        }
    }
    write(args.output, &outcomes)?;
    Ok(if outcomes.iter().all(|o| o.fired) { EXIT_DONE } else { EXIT_FOUND })
}

/// One capture with the office and one attack, analysed from a file that is removed afterwards.
fn play(config: &Config, scenario: &ScenarioInfo) -> Result<Vec<Incident>> {
    let past = SimulateConfig { duration_s: PAST_S, packets_per_second_max: Some(100.0), ..SimulateConfig::default() };
    let attack = SimulateConfig {
        scenarios: vec!["office".to_owned(), scenario.name.to_owned()],
        duration_s: ATTACK_S,
        start: past.start.plus_ns((PAST_S * 1e9) as i64),
        ..past.clone()
    };
    let path = std::env::temp_dir().join(format!("tripline-check-{}-{}.pcap", std::process::id(), scenario.name));
    let result = write_and_analyze(config, &[past, attack], &path);
    // Nothing is lost when it cannot be removed: the name says whose it is.
    let _ = std::fs::remove_file(&path);
    result
}

fn write_and_analyze(config: &Config, parts: &[SimulateConfig], path: &PathBuf) -> Result<Vec<Incident>> {
    let file = std::fs::File::create(path).context(path.display())?;
    let mut writer =
        PcapWriter::new(std::io::BufWriter::new(file), LinkType::ETHERNET, 65_535).context(path.display())?;
    for part in parts {
        for frame in Simulator::new(part).plain()? {
            writer.write(frame.ts, frame.data.len() as u32, &frame.data).context(path.display())?;
        }
    }
    writer.finish().context(path.display())?.flush().context(path.display())?;
    let plan = AnalyzeConfig {
        meter: meter_config(config, None)?,
        judge: judge_config(config)?,
        training: Training::WholeInput,
        packet_model: None,
        levels: evaluate::LevelModels::default(),
        workers: 1,
        seed: 1,
    };
    let outcome = evaluate::analyze(std::slice::from_ref(path), plan, &mut |_| {}).plain()?;
    Ok(outcome.analysis.incidents)
}

fn write(format: ListFormat, outcomes: &[Outcome]) -> Result<()> {
    let mut output = Output::open(None)?;
    let fired = outcomes.iter().filter(|o| o.fired).count();
    match format {
        ListFormat::Json => {
            serde_json::to_writer_pretty(&mut output, outcomes).context("output")?;
            writeln!(output).context("output")?;
        }
        ListFormat::Text => {
            for o in outcomes {
                let mark = if o.fired { "fired " } else { "MISSED" };
                writeln!(output, "{mark}  {:<18} {:<14} {}", o.scenario, o.kind, o.title).context("output")?;
            }
            writeln!(output, "{fired} of {} detections fired", outcomes.len()).context("output")?;
        }
    }
    output.finish()
}
