//! Incidents as Suricata EVE alerts, one JSON object a line.

use alert::eve_event;
use record::Incident;
use std::io::{self, Write};

/// Writes one line an incident.
pub fn incidents(output: &mut impl Write, incidents: &[Incident]) -> io::Result<()> {
    for incident in incidents {
        serde_json::to_writer(&mut *output, &eve_event(incident))?;
        writeln!(output)?;
    }
    Ok(())
}
