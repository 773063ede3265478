//! Flows and verdicts into their table.

use super::busy;
use crate::flow_blob::{pack_record, pack_verdict};
use crate::rows::{host_name, proto_name, tunnel_name};
use crate::schema::SEGMENT_BITS;
use crate::sqlite::FlowWrite;
use record::Verdict;
use rusqlite::{Connection, params};

const INSERT: &str = "
INSERT INTO flows (flow_id, start_ns, end_ns, src, src_port, dest, dest_port, proto, app_proto, state, history, reason,
  pkts_toserver, pkts_toclient, bytes_toserver, bytes_toclient, community_id, in_iface, vlan, tunnel, host_name,
  score, p_value, anomalous, record, verdict, process, process_id)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24,
  ?25, ?26, ?27, ?28)
ON CONFLICT (end_ns, flow_id) DO UPDATE SET start_ns = excluded.start_ns, src = excluded.src,
  src_port = excluded.src_port, dest = excluded.dest, dest_port = excluded.dest_port, proto = excluded.proto,
  app_proto = excluded.app_proto, state = excluded.state, history = excluded.history, reason = excluded.reason,
  pkts_toserver = excluded.pkts_toserver, pkts_toclient = excluded.pkts_toclient,
  bytes_toserver = excluded.bytes_toserver, bytes_toclient = excluded.bytes_toclient,
  community_id = excluded.community_id, in_iface = excluded.in_iface, vlan = excluded.vlan, tunnel = excluded.tunnel,
  host_name = excluded.host_name, record = excluded.record,
  process = excluded.process, process_id = excluded.process_id,
  score = coalesce(excluded.score, score), p_value = coalesce(excluded.p_value, p_value),
  anomalous = CASE WHEN excluded.score IS NULL THEN anomalous ELSE excluded.anomalous END,
  verdict = coalesce(excluded.verdict, verdict)";

const JUDGE: &str = "UPDATE flows SET score = ?2, p_value = ?3, anomalous = ?4, verdict = ?5
WHERE flow_id = ?1 AND (row >> 15) = ?6";

const WIDEN: &str = "
INSERT INTO flow_segments (segment, first_ns, last_ns) VALUES (?1, ?2, ?3)
ON CONFLICT (segment) DO UPDATE SET first_ns = min(first_ns, excluded.first_ns), last_ns = max(last_ns, excluded.last_ns)";

/// Adds or replaces flows.
pub(crate) fn write(connection: &Connection, flows: &[FlowWrite]) -> rusqlite::Result<()> {
    let before = last_row(connection)?;
    insert(connection, flows)?;
    widen_segments(connection, flows, before)?;
    busy::add(connection, flows)
}

fn last_row(connection: &Connection) -> rusqlite::Result<i64> {
    connection.prepare_cached("SELECT coalesce(max(row), 0) FROM flows")?.query_row([], |row| row.get(0))
}

/// The segments of the rows written after row `before` hold these flows' ends. A row that was there has its end already.
fn widen_segments(connection: &Connection, flows: &[FlowWrite], before: i64) -> rusqlite::Result<()> {
    let ends = flows.iter().map(|f| f.record.end.0);
    let (Some(first), Some(last)) = (ends.clone().min(), ends.max()) else { return Ok(()) };
    let after = last_row(connection)?;
    let mut widen = connection.prepare_cached(WIDEN)?;
    if after > before {
        for segment in (before + 1) >> SEGMENT_BITS..=after >> SEGMENT_BITS {
            widen.execute([segment, first, last])?;
        }
    }
    Ok(())
}

fn insert(connection: &Connection, flows: &[FlowWrite]) -> rusqlite::Result<()> {
    let mut insert = connection.prepare_cached(INSERT)?;
    for FlowWrite { record: f, verdict, community_id, in_iface } in flows {
        let (src, dest) = (f.src(), f.dest());
        let verdict = verdict.as_ref();
        insert.execute(params![
            f.flow_id as i64,
            f.start.0,
            f.end.0,
            src.addr.0.as_slice(),
            src.port,
            dest.addr.0.as_slice(),
            dest.port,
            proto_name(f.key.proto),
            f.app_proto().name(),
            f.state.name(),
            f.history.as_str(),
            f.reason.name(),
            f.forward.packets as i64,
            f.backward.packets as i64,
            f.forward.bytes as i64,
            f.backward.bytes as i64,
            community_id,
            &**in_iface,
            f.vlan,
            tunnel_name(f.tunnel),
            f.app.as_deref().map(host_name).unwrap_or_default(),
            verdict.map(|v| f64::from(v.score)),
            verdict.map(|v| v.p_value),
            verdict.is_some_and(|v| v.anomalous),
            pack_record(f),
            verdict.map(|v| pack_verdict(&v.members, &v.why)),
            f.process.as_ref().map_or("", |process| process.name.as_str()),
            f.process.as_ref().map(|process| process.pid),
        ])?;
    }
    Ok(())
}

/// Adds verdicts to flows that are there; others are passed over.
pub(crate) fn judge(connection: &Connection, verdicts: &[Verdict]) -> rusqlite::Result<()> {
    let mut segments = connection.prepare_cached("SELECT segment FROM flow_segments ORDER BY segment DESC")?;
    let segments: Vec<i64> = segments.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
    let mut update = connection.prepare_cached(JUDGE)?;
    for v in verdicts {
        let blob = pack_verdict(&v.members, &v.why);
        for segment in &segments {
            let (id, score) = (v.flow_id as i64, f64::from(v.score));
            if update.execute(params![id, score, v.p_value, v.anomalous, blob, segment])? > 0 {
                break;
            }
        }
    }
    Ok(())
}
