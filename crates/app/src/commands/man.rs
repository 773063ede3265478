//! `tripline man DIR`: the manual pages, one for the program and one for each command, from what `--help` is made of. Hidden: packages call it.

use crate::cli::Cli;
use crate::failure::{Context, EXIT_DONE, Result};
use clap::CommandFactory;
use std::path::Path;

/// Writes `tripline.1` and `tripline-COMMAND.1` into a folder.
pub fn run(dir: &Path) -> Result<u8> {
    std::fs::create_dir_all(dir).context(dir.display())?;
    for (name, page) in pages()? {
        let path = dir.join(format!("{name}.1"));
        std::fs::write(&path, page).context(path.display())?;
    }
    Ok(EXIT_DONE)
}

/// Every page by its name.
fn pages() -> Result<Vec<(String, Vec<u8>)>> {
    // The version is in the footer; a date would differ with each build.
    let mut program = Cli::command().disable_help_subcommand(true);
    program.build();
    let mut pages = vec![page("tripline", program.clone())?];
    for command in program.get_subcommands().filter(|command| !command.is_hide_set()) {
        let name = format!("tripline-{}", command.get_name());
        pages.push(page(&name, command.clone())?);
    }
    Ok(pages)
}

fn page(name: &str, command: clap::Command) -> Result<(String, Vec<u8>)> {
    // A page is found by a name that lives as long as the program.
    let page_name: &'static str = Box::leak(name.to_owned().into_boxed_str());
    let mut text = Vec::new();
    clap_mangen::Man::new(command.name(page_name)).section("1").render(&mut text).context(name)?;
    Ok((name.to_owned(), text))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn each_command_that_is_shown_has_a_page_with_its_options() {
        let pages = pages().unwrap();
        let shown = Cli::command().get_subcommands().filter(|command| !command.is_hide_set()).count();
        assert_eq!(pages.len(), shown + 1);
        for (name, page) in &pages {
            let text = String::from_utf8(page.clone()).unwrap();
            for part in [".TH ", ".SH NAME", ".SH SYNOPSIS", ".SH OPTIONS"] {
                assert!(text.contains(part), "{name} has no {part}");
            }
        }
        let run = &pages.iter().find(|(name, _)| name == "tripline-run").unwrap().1;
        assert!(String::from_utf8_lossy(run).contains("interface"));
    }
}
