//! Who talks to whom around a host or an incident: the newest flows of a bounded number of hosts, found by the indexes of addresses, added
//! up by pair. Owns what is drawn and what is left out, and says both in numbers.

use super::page::segments;
use super::{ReadError, flows, incidents};
use crate::flow_blob::address;
use crate::graph_rows::{Graph, GraphEdge, GraphNode, GraphOf};
use crate::read::TimeRange;
use crate::schema::SEGMENT;
use record::{Incident, IpAddr16};
use rusqlite::{Connection, OptionalExtension, Row, params};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

/// Hosts drawn, those asked for with them.
const NODES_MAX: usize = 32;
/// Newest flows of a host that is asked for, each way.
const SUBJECT_FLOWS_MAX: usize = 3_000;
/// Newest flows of each of an incident's hosts, each way.
const INCIDENT_FLOWS_MAX: usize = 500;
/// Hosts of an incident of which other flows are read.
const INCIDENT_HOSTS_MAX: usize = 6;
/// Hosts of an incident that are drawn in any case, each side.
const INCIDENT_SIDE_MAX: usize = 12;
/// Newest flows of each drawn neighbour, of which those to other drawn hosts are kept.
const NEIGHBOUR_FLOWS_MAX: usize = 200;
/// Segments of flows in which neighbours are looked for: the newest half million flows.
const NEIGHBOUR_SEGMENTS: usize = 16;

/// One flow as it counts for the drawing.
struct Line {
    flow_id: i64,
    src: IpAddr16,
    dest: IpAddr16,
    bytes: u64,
    anomalous: bool,
}

#[derive(Default)]
struct Sums {
    edges: BTreeMap<(IpAddr16, IpAddr16), GraphEdge>,
    seen: BTreeSet<i64>,
    more: bool,
}

impl Sums {
    fn edge(&mut self, src: IpAddr16, dest: IpAddr16) -> &mut GraphEdge {
        let empty = GraphEdge { src, dest, flows: 0, bytes: 0, anomalous: 0, evidence: false };
        self.edges.entry((src, dest)).or_insert(empty)
    }

    /// Counts a flow once, whichever of its ends it was found by.
    fn add(&mut self, line: &Line, evidence: bool) {
        let fresh = self.seen.insert(line.flow_id);
        let edge = self.edge(line.src, line.dest);
        if fresh {
            edge.flows += 1;
            edge.bytes += line.bytes;
            edge.anomalous += u64::from(line.anomalous);
        }
        edge.evidence |= evidence;
    }
}

/// None: there is no such incident. A host that no flow knows stands alone.
pub(super) fn graph(connection: &Connection, of: &GraphOf) -> Result<Option<Graph>, ReadError> {
    let mut sums = Sums::default();
    let subjects = match of {
        GraphOf::Host(ip) => {
            around(connection, *ip, SUBJECT_FLOWS_MAX, usize::MAX, &mut sums)?;
            vec![*ip]
        }
        GraphOf::Incident(id) => match of_incident(connection, id, &mut sums)? {
            Some(subjects) => subjects,
            None => return Ok(None),
        },
    };
    let chosen = choose(&subjects, &sums);
    for ip in chosen.iter().filter(|ip| !subjects.contains(ip)) {
        among(connection, *ip, &chosen, &mut sums)?;
    }
    Ok(Some(drawn(connection, &subjects, &chosen, sums)?))
}

/// The flows of an incident, and what else its hosts did.
fn of_incident(connection: &Connection, id: &str, sums: &mut Sums) -> Result<Option<Vec<IpAddr16>>, ReadError> {
    let Some(incident) = incidents::one(connection, id)? else { return Ok(None) };
    for flow in flows::of_incident(connection, id, INCIDENT_FLOWS_MAX)? {
        let line = Line {
            flow_id: flow.flow_id as i64,
            src: flow.src_ip,
            dest: flow.dest_ip,
            bytes: flow.bytes_toserver + flow.bytes_toclient,
            anomalous: flow.anomalous,
        };
        sums.add(&line, true);
    }
    for (src, dest) in named_pairs(&incident) {
        sums.edge(src, dest).evidence = true;
    }
    let mut subjects: Vec<IpAddr16> = Vec::new();
    for ip in incident.src.iter().take(INCIDENT_SIDE_MAX).chain(incident.dest.iter().take(INCIDENT_SIDE_MAX)) {
        if !subjects.contains(ip) {
            subjects.push(*ip);
        }
    }
    for ip in subjects.iter().take(INCIDENT_HOSTS_MAX) {
        around(connection, *ip, INCIDENT_FLOWS_MAX, NEIGHBOUR_SEGMENTS, sums)?;
    }
    Ok(Some(subjects))
}

/// Where one side is one host, what the incident says of both is a line; between many and many it would be a guess.
fn named_pairs(incident: &Incident) -> Vec<(IpAddr16, IpAddr16)> {
    let (src, dest) = (&incident.src, &incident.dest);
    if src.len() == 1 || dest.len() == 1 {
        let pairs = src.iter().flat_map(|src| dest.iter().map(|dest| (*src, *dest)));
        pairs.filter(|(src, dest)| src != dest).take(2 * INCIDENT_SIDE_MAX).collect()
    } else {
        Vec::new()
    }
}

/// The newest flows of a host, both ways.
fn around(
    connection: &Connection,
    ip: IpAddr16,
    limit: usize,
    segments_max: usize,
    sums: &mut Sums,
) -> rusqlite::Result<()> {
    for own in ["src", "dest"] {
        let text = format!(
            "SELECT flow_id, src, dest, bytes_toserver + bytes_toclient, anomalous FROM flows
             WHERE {SEGMENT} = ?1 AND {own} = ?2 ORDER BY end_ns DESC LIMIT ?3"
        );
        let mut statement = connection.prepare_cached(&text)?;
        let mut room = limit;
        for segment in segments(connection, TimeRange::default())?.into_iter().take(segments_max) {
            let lines = statement.query_map(params![segment.number, ip.0.as_slice(), room as i64], line)?;
            for line in lines {
                sums.add(&line?, false);
                room -= 1;
            }
            if room == 0 {
                sums.more = true;
                break;
            }
        }
    }
    Ok(())
}

fn line(row: &Row) -> rusqlite::Result<Line> {
    let end = |index: usize| Ok::<_, rusqlite::Error>(address(row.get_ref(index)?.as_blob().unwrap_or_default()));
    Ok(Line {
        flow_id: row.get(0)?,
        src: end(1)?,
        dest: end(2)?,
        bytes: row.get::<_, i64>(3)? as u64,
        anomalous: row.get(4)?,
    })
}

/// The hosts that are drawn: those asked for, then those with evidence, with anomalies, with most bytes.
fn choose(subjects: &[IpAddr16], sums: &Sums) -> BTreeSet<IpAddr16> {
    let mut weight: BTreeMap<IpAddr16, (bool, bool, u64)> = BTreeMap::new();
    for edge in sums.edges.values() {
        for ip in [edge.src, edge.dest] {
            let sum = weight.entry(ip).or_default();
            *sum = (sum.0 || edge.evidence, sum.1 || edge.anomalous > 0, sum.2 + edge.bytes);
        }
    }
    let mut others: Vec<(IpAddr16, (bool, bool, u64))> =
        weight.into_iter().filter(|(ip, _)| !subjects.contains(ip)).collect();
    others.sort_by_key(|(ip, weight)| (Reverse(*weight), *ip));
    let room = NODES_MAX.saturating_sub(subjects.len());
    subjects.iter().copied().chain(others.into_iter().take(room).map(|(ip, _)| ip)).collect()
}

/// What a neighbour said to other hosts that are drawn.
fn among(connection: &Connection, ip: IpAddr16, chosen: &BTreeSet<IpAddr16>, sums: &mut Sums) -> rusqlite::Result<()> {
    let text = format!(
        "SELECT flow_id, src, dest, bytes_toserver + bytes_toclient, anomalous FROM flows
         WHERE {SEGMENT} = ?1 AND src = ?2 ORDER BY end_ns DESC LIMIT ?3"
    );
    let mut statement = connection.prepare_cached(&text)?;
    let mut room = NEIGHBOUR_FLOWS_MAX;
    for segment in segments(connection, TimeRange::default())?.into_iter().take(NEIGHBOUR_SEGMENTS) {
        for line in statement.query_map(params![segment.number, ip.0.as_slice(), room as i64], line)? {
            let line = line?;
            room -= 1;
            if chosen.contains(&line.dest) {
                sums.add(&line, false);
            }
        }
        if room == 0 {
            break;
        }
    }
    Ok(())
}

fn drawn(
    connection: &Connection,
    subjects: &[IpAddr16],
    chosen: &BTreeSet<IpAddr16>,
    sums: Sums,
) -> rusqlite::Result<Graph> {
    let flows_read = sums.seen.len() as u64;
    let inside = |edge: &GraphEdge| chosen.contains(&edge.src) && chosen.contains(&edge.dest);
    let (mut edges, left): (Vec<GraphEdge>, Vec<GraphEdge>) = sums.edges.into_values().partition(inside);
    edges.sort_by_key(|e| (Reverse((e.evidence, e.anomalous > 0, e.bytes)), e.src, e.dest));
    let outside: BTreeSet<IpAddr16> =
        left.iter().flat_map(|edge| [edge.src, edge.dest]).filter(|ip| !chosen.contains(ip)).collect();
    let order = subjects.iter().chain(chosen.iter().filter(|ip| !subjects.contains(ip)));
    let nodes = order.map(|ip| node(connection, *ip, subjects.contains(ip))).collect::<rusqlite::Result<_>>()?;
    let flows_left = left.iter().map(|edge| edge.flows).sum();
    Ok(Graph { nodes, edges, flows_read, nodes_left: outside.len() as u64, flows_left, more: sums.more })
}

fn node(connection: &Connection, ip: IpAddr16, subject: bool) -> rusqlite::Result<GraphNode> {
    let mut statement = connection.prepare_cached(
        "SELECT coalesce(nullif((SELECT p.label FROM host_profiles p WHERE p.ip = hosts.ip), ''), name), home
         FROM hosts WHERE ip = ?1",
    )?;
    let known: Option<(String, bool)> =
        statement.query_row([ip.0.as_slice()], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
    let (name, home) = known.unwrap_or_else(|| (String::new(), is_private(ip)));
    Ok(GraphNode { ip, name, home, subject, country: String::new() })
}

/// An address that no host of the internet has.
fn is_private(ip: IpAddr16) -> bool {
    match ip.to_ip() {
        std::net::IpAddr::V4(v4) => v4.is_private() || v4.is_link_local() || v4.is_loopback() || v4.is_broadcast(),
        std::net::IpAddr::V6(v6) => v6.is_loopback() || v6.is_unique_local() || v6.is_unicast_link_local(),
    }
}
