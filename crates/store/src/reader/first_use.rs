//! Who first used a port that a scan found open. Owns the bound on the flows that are looked at, and that a scan's own traffic is nobody's
//! use.

use super::page::segments;
use crate::flow_blob::address;
use crate::read::TimeRange;
use crate::scan_rows::FirstUse;
use crate::schema::SEGMENT;
use record::{IpAddr16, Timestamp};
use rusqlite::{Connection, params};
use std::collections::BTreeMap;

/// Flows to a host that are looked at, oldest first.
const FLOWS_MAX: usize = 10_000;
/// Scans whose traffic is told apart.
const SCANS_MAX: u32 = 1_000;
/// A scan's flows may be reported to begin a little before it and end a little after it.
const AROUND_NS: i64 = 2_000_000_000;

/// A port whose first use is asked for.
pub(super) struct Wanted {
    /// As flows name it: `TCP`.
    pub protocol: String,
    /// Number.
    pub port: u32,
    /// Flows that began before are not meant.
    pub since: Timestamp,
}

/// The time of one of our scans and where it came from.
struct Own {
    from: i64,
    to: i64,
    sources: Vec<IpAddr16>,
}

/// By transport and port.
pub(super) fn first_uses(
    connection: &Connection,
    addresses: &[IpAddr16],
    wanted: &[Wanted],
) -> rusqlite::Result<BTreeMap<(String, u32), FirstUse>> {
    let mut found = BTreeMap::new();
    let Some(since) = wanted.iter().map(|port| port.since).min() else { return Ok(found) };
    let scans = own_scans(connection, since)?;
    let range = TimeRange { from: Some(since), to: None };
    let mut numbers: Vec<i64> = segments(connection, range)?.iter().map(|segment| segment.number).collect();
    numbers.sort_unstable();
    let text = format!(
        "SELECT flow_id, start_ns, src, proto, dest_port FROM flows INDEXED BY flows_dest
         WHERE {SEGMENT} = ?1 AND dest = ?2 AND end_ns >= ?3 ORDER BY end_ns LIMIT ?4"
    );
    let mut statement = connection.prepare_cached(&text)?;
    let mut room = FLOWS_MAX;
    for ip in addresses {
        for number in &numbers {
            let mut flows = statement.query(params![number, ip.0.as_slice(), since.0, room as i64])?;
            while let Some(flow) = flows.next()? {
                room -= 1;
                let name = (flow.get::<_, String>(3)?, flow.get::<_, u32>(4)?);
                let Some(port) = wanted.iter().find(|port| (&port.protocol, port.port) == (&name.0, name.1)) else {
                    continue;
                };
                let first = FirstUse {
                    flow_id: flow.get::<_, i64>(0)? as u64,
                    at: Timestamp(flow.get(1)?),
                    peer: address(flow.get_ref(2)?.as_blob().unwrap_or_default()),
                };
                if first.at >= port.since && !scans.iter().any(|scan| scan.asked(&first)) {
                    let known = found.entry(name).or_insert_with(|| first.clone());
                    if first.at < known.at {
                        *known = first;
                    }
                }
            }
            if room == 0 {
                return Ok(found);
            }
        }
    }
    Ok(found)
}

impl Own {
    fn asked(&self, flow: &FirstUse) -> bool {
        (self.from..=self.to).contains(&flow.at.0) && self.sources.contains(&flow.peer)
    }
}

fn own_scans(connection: &Connection, since: Timestamp) -> rusqlite::Result<Vec<Own>> {
    let mut statement = connection.prepare_cached(
        "SELECT started_ns, coalesce(ended_ns, 9223372036854775807), sources FROM scans
         WHERE coalesce(ended_ns, 9223372036854775807) >= ?1 AND sources <> '[]' ORDER BY started_ns DESC LIMIT ?2",
    )?;
    let read = |row: &rusqlite::Row| {
        Ok(Own {
            from: row.get::<_, i64>(0)?.saturating_sub(AROUND_NS),
            to: row.get::<_, i64>(1)?.saturating_add(AROUND_NS),
            sources: serde_json::from_str(&row.get::<_, String>(2)?).unwrap_or_default(),
        })
    };
    statement.query_map(params![since.0, SCANS_MAX], read)?.collect()
}
