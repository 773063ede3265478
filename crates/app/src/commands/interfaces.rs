//! `tripline interfaces`: what can be watched.

use super::output::Output;
use crate::cli::{InterfacesArgs, ListFormat};
use crate::failure::{Context, EXIT_DONE, Result};
use std::io::Write;

/// Lists the interfaces, the default route's first.
pub fn run(args: &InterfacesArgs) -> Result<u8> {
    let mut interfaces = source::interfaces().plain()?;
    interfaces.sort_by_key(|i| (!i.default_route, i.index));
    let mut output = Output::open(None)?;
    match args.output {
        ListFormat::Json => {
            serde_json::to_writer_pretty(&mut output, &interfaces).context("output")?;
            writeln!(output).context("output")?;
        }
        ListFormat::Text => {
            for i in &interfaces {
                let addresses =
                    i.addresses.iter().map(|(ip, length)| format!("{ip}/{length}")).collect::<Vec<_>>().join(" ");
                let state = if i.up { "up" } else { "down" };
                let marks = [(i.default_route, "default route"), (i.loopback, "loopback")];
                let marks = marks.iter().filter(|m| m.0).map(|m| m.1).collect::<Vec<_>>().join(", ");
                writeln!(output, "{:<16} {state:<5} {:<18} {addresses}  {marks}", i.name, i.mac.to_string())
                    .context("output")?;
            }
        }
    }
    output.finish()?;
    if !source::may_capture() {
        tracing::warn!("this user may not capture; run as root, or: {}", crate::rights::setcap_command());
    }
    Ok(EXIT_DONE)
}
