//! `tripline completions SHELL`.

use crate::cli::Cli;
use crate::failure::EXIT_DONE;
use clap::CommandFactory;

/// Writes the completion script to standard output.
pub fn run(shell: clap_complete::Shell) -> u8 {
    clap_complete::generate(shell, &mut Cli::command(), "tripline", &mut std::io::stdout());
    EXIT_DONE
}
