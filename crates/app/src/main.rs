//! `tripline`: parses what was typed, runs one command, and turns its result into an exit code. Everything else lives in
//! `commands` (what each does), `live` (the running process), `config` (settings) and `render` (output).

mod cli;
mod commands;
mod config;
mod duration;
mod failure;
mod live;
mod progress;
mod render;
mod rights;
mod usage;

use clap::Parser;
use failure::{EXIT_DONE, EXIT_FAILURE};
use std::process::ExitCode;

fn main() -> ExitCode {
    let cli = match cli::Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let asked = !error.use_stderr();
            // Nothing better can be done when even the terminal is gone.
            let _ = error.print();
            return ExitCode::from(if asked { EXIT_DONE } else { EXIT_FAILURE });
        }
    };
    start_log(&cli.common);
    match commands::run(&cli) {
        Ok(code) => ExitCode::from(code),
        Err(failure) => {
            eprintln!("tripline: {failure}");
            ExitCode::from(EXIT_FAILURE)
        }
    }
}

/// Log lines go to standard error; standard output belongs to results.
fn start_log(common: &cli::Common) {
    let level = match (common.quiet, common.verbose) {
        (true, _) => "error",
        (false, 0) => "info",
        (false, 1) => "debug",
        (false, _) => "trace",
    };
    let builder = tracing_subscriber::fmt().with_writer(std::io::stderr).with_target(false).with_env_filter(level);
    match common.log_format {
        cli::LogFormat::Text => builder.init(),
        cli::LogFormat::Json => builder.json().init(),
    }
}
