//! `tripline`: parses what was typed, runs one command, and turns its result into an exit code. Everything else lives in
//! `commands` (what each does), `live` (the running process), `config` (settings) and `render` (output).

mod archived;
mod cli;
mod commands;
mod config;
mod countries;
mod duration;
mod export_args;
mod failure;
mod lists;
mod live;
mod progress;
mod render;
mod report;
mod rights;
mod scan_args;
mod settings;
mod usage;
mod user_args;

use clap::{CommandFactory, Parser};
use failure::{EXIT_DONE, EXIT_FAILURE, Failure};
use std::io::IsTerminal;
use std::process::ExitCode;

/// Whole program: records are made by one thread and dropped by another, which glibc's allocator pays for.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = match cli::Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return ExitCode::from(wrong_use(&error)),
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

/// Help and version as they were asked for; anything else is the one line that the contract promises.
fn wrong_use(error: &clap::Error) -> u8 {
    let no_command = error.kind() == clap::error::ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand;
    if no_command || !error.use_stderr() {
        // Nothing better can be done when even the terminal is gone.
        let _ = error.print();
        return if no_command { EXIT_FAILURE } else { EXIT_DONE };
    }
    let text = error.render().to_string();
    let says = text.lines().take_while(|l| !l.starts_with("Usage:") && !l.starts_with("For more information"));
    let says = says.collect::<Vec<_>>().join(" ");
    let command = std::env::args().nth(1).filter(|name| cli::Cli::command().find_subcommand(name).is_some());
    let help = command.map_or_else(|| "tripline --help".to_owned(), |name| format!("tripline {name} --help"));
    eprintln!("tripline: {}; see `{help}`", Failure::new(says.trim_start_matches("error: ")));
    EXIT_FAILURE
}

/// Log lines go to standard error; standard output belongs to results.
fn start_log(common: &cli::Common) {
    let level = match (common.quiet, common.verbose) {
        (true, _) => "error",
        (false, 0) => "info",
        (false, 1) => "debug",
        (false, _) => "trace",
    };
    // Colour codes in a file or a journal are noise.
    let colour = std::io::stderr().is_terminal();
    let builder = tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_ansi(colour)
        .with_target(false)
        .with_env_filter(level);
    match common.log_format {
        cli::LogFormat::Text => builder.init(),
        cli::LogFormat::Json => builder.json().init(),
    }
}
