//! Packets kept as evidence, of all incidents that are asked for, as one pcapng file: a section for each incident, as it was saved with
//! its comment. A file of several sections is what the format calls for (draft-ietf-opsawg-pcapng, section 4.1).

use super::{Ask, ExportError, RowSource, What};
use crate::StoreError;
use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Write};
use std::ops::ControlFlow;

/// Flows asked about at a time.
const FLOWS_AT_ONCE: usize = 500;

/// Incidents that are asked for: their ids are all that is held of them.
fn incidents(source: &dyn RowSource, ask: &Ask) -> Result<BTreeSet<String>, StoreError> {
    let mut found = BTreeSet::new();
    let Some(filter) = &ask.own else { return Ok(found) };
    if ask.what == What::Incidents {
        source.incidents(filter, ask.range, &mut |incident| {
            found.insert(incident.id);
            ControlFlow::Continue(())
        })?;
        return Ok(found);
    }
    let mut ids = Vec::with_capacity(FLOWS_AT_ONCE);
    let mut failed = None;
    source.flows(filter, ask.range, &mut |(record, _)| {
        ids.push(record.flow_id);
        if ids.len() < FLOWS_AT_ONCE {
            return ControlFlow::Continue(());
        }
        match source.incidents_of(&ids) {
            Ok(more) => found.extend(more),
            Err(error) => failed = Some(error),
        }
        ids.clear();
        if failed.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    if let Some(error) = failed {
        return Err(error);
    }
    found.extend(source.incidents_of(&ids)?);
    Ok(found)
}

/// Incidents with packets, and how many have none.
pub(super) fn find(source: &dyn RowSource, ask: &Ask) -> Result<(Vec<String>, usize), ExportError> {
    let all = incidents(source, ask)?;
    let asked = all.len();
    let with: Vec<String> = all.into_iter().filter(|id| source.evidence(id).is_some()).collect();
    let without = asked - with.len();
    if with.is_empty() {
        let found = if asked == 0 { "no incident matches" } else { "no packets are kept of the incidents that match" };
        return Err(ExportError::Refused(format!(
            "{found} ({asked} incidents); packets are saved with an incident while it is raised and the oldest go at store.evidence_max_bytes"
        )));
    }
    Ok((with, without))
}

/// Writes the sections; a capture that went meanwhile is passed over and counted.
pub(super) fn write(
    source: &dyn RowSource,
    incidents: &[String],
    out: &mut dyn Write,
    progress: &mut dyn FnMut(u64),
) -> io::Result<u64> {
    let mut written = 0;
    for id in incidents {
        let Some(mut file) = source.evidence(id).and_then(|path| File::open(path).ok()) else { continue };
        io::copy(&mut file, out)?;
        written += 1;
        progress(written);
    }
    out.flush()?;
    Ok(written)
}
