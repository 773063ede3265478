//! One file a command. Owns nothing but the list.

pub mod analyze;
mod check;
mod completions;
mod config;
mod demo;
mod evaluate;
mod export;
mod flows;
pub mod health;
mod health_tls;
mod interfaces;
mod man;
mod models;
mod models_import;
mod notify;
mod output;
mod report;
mod run;
pub mod scan;
pub mod self_check;
mod simulate;
mod token;
mod train;
mod train_levels;
mod user;

use crate::cli::{Cli, Command};
use crate::failure::Result;

/// Runs the command; the answer is the exit code.
pub fn run(cli: &Cli) -> Result<u8> {
    let common = &cli.common;
    match &cli.command {
        Command::Run(args) => run::run(common, args),
        Command::Demo(args) => demo::run(common, args),
        Command::Analyze(args) => analyze::run(common, args),
        Command::Flows(args) => flows::run(common, args),
        Command::Train(args) => train::run(common, args),
        Command::Evaluate(args) => evaluate::run(common, args),
        Command::Simulate(args) => simulate::run(common, args),
        Command::Interfaces(args) => interfaces::run(args),
        Command::Config(args) => config::run(common, args),
        Command::Models(args) => models::run(common, args),
        Command::Notify(args) => notify::run(common, args),
        Command::Scan(args) => scan::run(common, args),
        Command::Export(args) => export::run(common, args),
        Command::Report(args) => report::run(common, args),
        Command::User(args) => user::run(common, args),
        Command::Token(args) => token::run(common, args),
        Command::Check(args) => check::run(common, args),
        Command::SelfCheck(args) => self_check::run(common, args),
        Command::Man { dir } => man::run(dir),
        Command::Health(args) => health::run(common, args),
        Command::Completions { shell } => Ok(completions::run(*shell)),
    }
}
