//! `tripline self-check`: what would stop or hurt Tripline on this machine, each with what to do. Owns the list and how it is told; each
//! look is a function of `machine` or `kept`. Nothing is changed but a file that is written and removed to measure the disk.

mod kept;
mod machine;

use super::output::Output;
use crate::cli::{Common, ListFormat};
use crate::config::{Config, data_dir};
use crate::failure::{Context, EXIT_DONE, EXIT_FOUND, Result};
use clap::Args;
use serde::Serialize;
use std::io::Write;

/// Help with examples.
pub const EXAMPLES: &str = "Examples:
  tripline self-check                              before the first start
  sudo -u tripline tripline self-check -c /etc/tripline/tripline.toml
  tripline self-check -o json                      for a monitoring system: exit code 1 when something fails";

/// `self-check`.
#[derive(Debug, Clone, Args)]
pub struct SelfCheckArgs {
    /// Output format
    #[arg(short = 'o', long = "output", value_enum, default_value_t = ListFormat::Text)]
    pub output: ListFormat,
}

/// How a look ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Good.
    Ok,
    /// It will work, with a loss.
    Warn,
    /// It will not work.
    Fail,
}

/// One look.
#[derive(Clone, Debug, Serialize)]
pub struct Finding {
    /// What was looked at.
    pub name: &'static str,
    /// How it ended.
    pub state: State,
    /// What was found.
    pub text: String,
    /// What to do; empty when it is good.
    pub action: String,
}

impl Finding {
    /// Good.
    pub fn ok(name: &'static str, text: impl Into<String>) -> Self {
        Self { name, state: State::Ok, text: text.into(), action: String::new() }
    }
    /// A loss.
    pub fn warn(name: &'static str, text: impl Into<String>, action: impl Into<String>) -> Self {
        Self { name, state: State::Warn, text: text.into(), action: action.into() }
    }
    /// A stop.
    pub fn fail(name: &'static str, text: impl Into<String>, action: impl Into<String>) -> Self {
        Self { name, state: State::Fail, text: text.into(), action: action.into() }
    }
}

/// Looks at everything; 1 when something fails.
pub fn run(common: &Common, args: &SelfCheckArgs) -> Result<u8> {
    let findings = look(common);
    write(args.output, &findings)?;
    Ok(if findings.iter().any(|finding| finding.state == State::Fail) { EXIT_FOUND } else { EXIT_DONE })
}

fn look(common: &Common) -> Vec<Finding> {
    let mut findings = Vec::new();
    let dir = data_dir(common);
    // What cannot be read is told, and the rest is looked at with the defaults.
    let there = dir.as_ref().ok().filter(|dir| dir.exists());
    let config = match there.map_or_else(|| Config::load(common), |dir| Config::load_in(common, dir)) {
        Ok(config) => {
            let file = common.config.as_ref().map_or("the defaults".to_owned(), |path| path.display().to_string());
            findings.push(Finding::ok("configuration", format!("{file}: good")));
            config
        }
        Err(why) => {
            findings.push(Finding::fail(
                "configuration",
                why.to_string(),
                "correct the file; `tripline config check` says the same",
            ));
            Config::default()
        }
    };
    findings.push(machine::capture_right());
    findings.extend(machine::interfaces(&config));
    findings.push(machine::receive_buffer(&config));
    findings.push(machine::memory(&config));
    findings.push(machine::clock());
    findings.extend(machine::ports(&config));
    findings.push(machine::nmap(&config));
    match &dir {
        Ok(dir) => findings.extend(kept::all(dir, &config)),
        Err(why) => findings.push(Finding::fail("data directory", why.to_string(), "name one with --data-dir DIR")),
    }
    findings
}

fn write(format: ListFormat, findings: &[Finding]) -> Result<()> {
    let mut output = Output::open(None)?;
    match format {
        ListFormat::Json => {
            serde_json::to_writer_pretty(&mut output, findings).context("output")?;
            writeln!(output).context("output")?;
        }
        ListFormat::Text => {
            for finding in findings {
                let mark = match finding.state {
                    State::Ok => "ok  ",
                    State::Warn => "WARN",
                    State::Fail => "FAIL",
                };
                writeln!(output, "{mark}  {:<15} {}", finding.name, finding.text).context("output")?;
                if !finding.action.is_empty() {
                    writeln!(output, "{:<22}→ {}", "", finding.action).context("output")?;
                }
            }
            let count = |state| findings.iter().filter(|finding| finding.state == state).count();
            let (ok, warn, fail) = (count(State::Ok), count(State::Warn), count(State::Fail));
            writeln!(output, "{ok} good, {warn} to know of, {fail} to mend").context("output")?;
        }
    }
    output.finish()
}
