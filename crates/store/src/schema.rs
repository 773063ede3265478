//! The database's tables as an ordered list of steps; `user_version` says how many were taken. A step is never changed
//! once released: a new one is appended.

use rusqlite::Connection;

/// Steps in order.
pub(crate) const STEPS: &[&str] = &[STEP_1, STEP_2, STEP_3, STEP_4, STEP_5, STEP_6, STEP_7];

/// Rows of `flows` are appended in the order they are stored, so that their row number is their age and the oldest are
/// deleted without an index. `record` and `verdict` are blobs of `flow_blob`. Addresses are 16 bytes: a network is a range.
const STEP_1: &str = "
CREATE TABLE flows (
  row INTEGER PRIMARY KEY,
  flow_id INTEGER NOT NULL UNIQUE,
  start_ns INTEGER NOT NULL, end_ns INTEGER NOT NULL,
  src BLOB NOT NULL, src_port INTEGER NOT NULL, dest BLOB NOT NULL, dest_port INTEGER NOT NULL,
  proto TEXT NOT NULL, app_proto TEXT NOT NULL, state TEXT NOT NULL, history TEXT NOT NULL, reason TEXT NOT NULL,
  pkts_toserver INTEGER NOT NULL, pkts_toclient INTEGER NOT NULL,
  bytes_toserver INTEGER NOT NULL, bytes_toclient INTEGER NOT NULL,
  community_id TEXT NOT NULL, in_iface TEXT NOT NULL, vlan INTEGER NOT NULL, tunnel TEXT NOT NULL,
  host_name TEXT NOT NULL,
  score REAL, p_value REAL, anomalous INTEGER NOT NULL DEFAULT 0,
  record BLOB NOT NULL, verdict BLOB
);
CREATE INDEX flows_end ON flows (end_ns, flow_id);
CREATE INDEX flows_src ON flows (src, end_ns, flow_id);
CREATE INDEX flows_dest ON flows (dest, end_ns, flow_id);
CREATE INDEX flows_anomalous ON flows (end_ns, flow_id) WHERE anomalous = 1;
CREATE TABLE flow_marks (wall_s INTEGER PRIMARY KEY, last_row INTEGER NOT NULL);

CREATE TABLE incidents (
  id TEXT PRIMARY KEY,
  raised_ns INTEGER NOT NULL, first_ns INTEGER NOT NULL, last_ns INTEGER NOT NULL,
  kind TEXT NOT NULL, title TEXT NOT NULL, severity INTEGER NOT NULL, status TEXT NOT NULL, score REAL NOT NULL,
  alerts INTEGER NOT NULL, over_budget INTEGER NOT NULL, feedback TEXT NOT NULL DEFAULT '',
  body TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX incidents_raised ON incidents (raised_ns, id);
CREATE TABLE incident_ips (
  ip BLOB NOT NULL, incident TEXT NOT NULL, role INTEGER NOT NULL, PRIMARY KEY (ip, incident, role)
) WITHOUT ROWID;
CREATE INDEX incident_ips_incident ON incident_ips (incident);
CREATE TABLE incident_flows (
  flow_id INTEGER NOT NULL, incident TEXT NOT NULL, PRIMARY KEY (flow_id, incident)
) WITHOUT ROWID;
CREATE INDEX incident_flows_incident ON incident_flows (incident);

CREATE TABLE hosts (
  ip BLOB PRIMARY KEY,
  mac TEXT, name TEXT NOT NULL, home INTEGER NOT NULL,
  first_ns INTEGER NOT NULL, last_ns INTEGER NOT NULL,
  flows_out INTEGER NOT NULL, flows_in INTEGER NOT NULL, bytes_out INTEGER NOT NULL, bytes_in INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX hosts_first ON hosts (first_ns, ip);
CREATE INDEX hosts_last ON hosts (last_ns);

CREATE TABLE metrics (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE series (
  step_s INTEGER NOT NULL, metric INTEGER NOT NULL, ts_s INTEGER NOT NULL,
  total REAL NOT NULL, seconds INTEGER NOT NULL,
  PRIMARY KEY (step_s, metric, ts_s)
) WITHOUT ROWID;

CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
";

/// Rows of `flows` fall into segments of `1 << SEGMENT_BITS` by their number, which is their age. Indexes whose keys come in no
/// order (addresses, ids) begin with the segment, so that a transaction writes to a few hundred pages of them and not to all:
/// the price of a write stays the same however many flows are kept, and a search looks into one segment after the other, newest
/// first. `flow_segments` bounds the ends of each segment's flows from outside. A flow is the same when id and end are.
/// `busy` holds sums by five minutes of the busiest, written with the flows.
const STEP_2: &str = "
ALTER TABLE flows RENAME TO flows_1;
DROP INDEX flows_end; DROP INDEX flows_src; DROP INDEX flows_dest; DROP INDEX flows_anomalous;
CREATE TABLE flows (
  row INTEGER PRIMARY KEY,
  flow_id INTEGER NOT NULL,
  start_ns INTEGER NOT NULL, end_ns INTEGER NOT NULL,
  src BLOB NOT NULL, src_port INTEGER NOT NULL, dest BLOB NOT NULL, dest_port INTEGER NOT NULL,
  proto TEXT NOT NULL, app_proto TEXT NOT NULL, state TEXT NOT NULL, history TEXT NOT NULL, reason TEXT NOT NULL,
  pkts_toserver INTEGER NOT NULL, pkts_toclient INTEGER NOT NULL,
  bytes_toserver INTEGER NOT NULL, bytes_toclient INTEGER NOT NULL,
  community_id TEXT NOT NULL, in_iface TEXT NOT NULL, vlan INTEGER NOT NULL, tunnel TEXT NOT NULL,
  host_name TEXT NOT NULL,
  score REAL, p_value REAL, anomalous INTEGER NOT NULL DEFAULT 0,
  record BLOB NOT NULL, verdict BLOB
);
INSERT INTO flows SELECT * FROM flows_1 ORDER BY row;
DROP TABLE flows_1;
CREATE UNIQUE INDEX flows_end ON flows (end_ns, flow_id);
CREATE INDEX flows_id ON flows ((row >> 15), flow_id);
CREATE INDEX flows_src ON flows ((row >> 15), src, end_ns, flow_id);
CREATE INDEX flows_dest ON flows ((row >> 15), dest, end_ns, flow_id);
CREATE INDEX flows_anomalous ON flows (end_ns, flow_id) WHERE anomalous = 1;
CREATE TABLE flow_segments (segment INTEGER PRIMARY KEY, first_ns INTEGER NOT NULL, last_ns INTEGER NOT NULL);
INSERT INTO flow_segments SELECT row >> 15, min(end_ns), max(end_ns) FROM flows GROUP BY row >> 15;
CREATE TABLE busy (
  what INTEGER NOT NULL, start_s INTEGER NOT NULL, name BLOB NOT NULL,
  bytes INTEGER NOT NULL, packets INTEGER NOT NULL, flows INTEGER NOT NULL,
  PRIMARY KEY (what, start_s, name)
) WITHOUT ROWID;
";

/// What people said of incidents, as it was said; rows are only added. `body` is JSON; `vectors` holds little-endian f32 of the
/// incident's flows, so that they outlive the flows.
const STEP_3: &str = "
CREATE TABLE feedback (
  id INTEGER PRIMARY KEY, ts_ns INTEGER NOT NULL, incident TEXT NOT NULL, body TEXT NOT NULL,
  columns INTEGER NOT NULL, vectors BLOB NOT NULL
);
";

/// What people say of hosts and what they changed; services and the course of hosts; and what it takes to search a hundred thousand
/// incidents without reading them: `incident_ips` in the order of time with the rank of open ones (0, else severity + 1), what an
/// incident is tagged with (`attack`, `detector`, `domain`), and indexes that hold all that a list counts by.
const STEP_4: &str = "
ALTER TABLE hosts ADD COLUMN services TEXT NOT NULL DEFAULT '[]';
CREATE INDEX hosts_bytes ON hosts (bytes_in + bytes_out, ip);
CREATE TABLE host_profiles (
  ip BLOB PRIMARY KEY, importance INTEGER NOT NULL DEFAULT 1, label TEXT NOT NULL DEFAULT '', note TEXT NOT NULL DEFAULT '',
  changed_ns INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE host_series (
  ip BLOB NOT NULL, step_s INTEGER NOT NULL, ts_s INTEGER NOT NULL,
  bytes_out INTEGER NOT NULL, bytes_in INTEGER NOT NULL, flows INTEGER NOT NULL,
  PRIMARY KEY (ip, step_s, ts_s)
) WITHOUT ROWID;
CREATE INDEX host_series_age ON host_series (step_s, ts_s);
CREATE TABLE audit (
  id INTEGER PRIMARY KEY, ts_ns INTEGER NOT NULL, what TEXT NOT NULL, subject TEXT NOT NULL, text TEXT NOT NULL
);

ALTER TABLE incidents ADD COLUMN suppressed_by INTEGER;
ALTER TABLE incidents ADD COLUMN part_of TEXT;
UPDATE incidents SET suppressed_by = json_extract(body, '$.suppressed_by'), part_of = json_extract(body, '$.part_of');
DROP INDEX incidents_raised;
CREATE INDEX incidents_raised ON incidents (raised_ns, id, last_ns, first_ns);
CREATE INDEX incidents_status ON incidents (
  status COLLATE NOCASE, over_budget, raised_ns, id, last_ns, first_ns, severity, kind COLLATE NOCASE, part_of);
CREATE INDEX incidents_kind ON incidents (
  kind COLLATE NOCASE, raised_ns, id, last_ns, first_ns, status COLLATE NOCASE, over_budget, severity, part_of);
CREATE INDEX incidents_suppressed ON incidents (suppressed_by, raised_ns, id) WHERE suppressed_by IS NOT NULL;
CREATE INDEX incidents_last ON incidents (last_ns);

CREATE TABLE incident_ips_4 (
  ip BLOB NOT NULL, raised_ns INTEGER NOT NULL, incident TEXT NOT NULL, role INTEGER NOT NULL, open INTEGER NOT NULL,
  PRIMARY KEY (ip, raised_ns, incident, role)
) WITHOUT ROWID;
INSERT INTO incident_ips_4 SELECT a.ip, i.raised_ns, a.incident, a.role,
    CASE WHEN i.status = 'open' AND i.over_budget = 0 AND i.part_of IS NULL THEN i.severity + 1 ELSE 0 END
  FROM incident_ips a JOIN incidents i ON i.id = a.incident;
DROP TABLE incident_ips;
ALTER TABLE incident_ips_4 RENAME TO incident_ips;
CREATE INDEX incident_ips_incident ON incident_ips (incident, ip, role);
CREATE INDEX incident_ips_open ON incident_ips (ip, open, incident) WHERE open > 0;

CREATE TABLE incident_tags (
  tag TEXT NOT NULL, value TEXT NOT NULL COLLATE NOCASE, raised_ns INTEGER NOT NULL, incident TEXT NOT NULL,
  PRIMARY KEY (tag, value, raised_ns, incident)
) WITHOUT ROWID;
INSERT OR IGNORE INTO incident_tags
  SELECT 'attack', j.value, i.raised_ns, i.id FROM incidents i, json_each(i.body, '$.attack') j;
INSERT OR IGNORE INTO incident_tags
  SELECT 'detector', json_extract(j.value, '$.name'), i.raised_ns, i.id FROM incidents i, json_each(i.body, '$.detectors') j;
CREATE INDEX incident_tags_incident ON incident_tags (incident, tag, value);
";

/// The process of this machine whose socket a flow was: its name, empty when it is not known, and its number.
const STEP_5: &str = "
ALTER TABLE flows ADD COLUMN process TEXT NOT NULL DEFAULT '';
ALTER TABLE flows ADD COLUMN process_id INTEGER;
";

/// Scans with what each found of each host (`body`: JSON, compressed), and the inventory that they make: hosts by their key, their
/// addresses, their ports, what changed, what is strange. What lists sort by or filter by is a column with an index; `services`, `names`
/// and `addresses` are JSON. `anomaly` is the score in millionths.
const STEP_6: &str = "
CREATE TABLE scans (
  id TEXT PRIMARY KEY,
  started_ns INTEGER NOT NULL, ended_ns INTEGER,
  targets TEXT NOT NULL, backend TEXT NOT NULL, origin TEXT NOT NULL, state TEXT NOT NULL, words TEXT NOT NULL,
  hosts_up INTEGER NOT NULL, hosts_down INTEGER NOT NULL, ports_open INTEGER NOT NULL,
  changes INTEGER, previous TEXT, anomalies INTEGER NOT NULL,
  sources TEXT NOT NULL, head TEXT NOT NULL DEFAULT '', bytes INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
CREATE INDEX scans_started ON scans (started_ns, id, ended_ns);
CREATE INDEX scans_targets ON scans (targets, state, started_ns, id);
CREATE TABLE scan_hosts (
  scan TEXT NOT NULL, place INTEGER NOT NULL, key TEXT NOT NULL, body BLOB NOT NULL, PRIMARY KEY (scan, place)
) WITHOUT ROWID;

CREATE TABLE assets (
  key TEXT PRIMARY KEY,
  mac TEXT, vendor TEXT NOT NULL, names TEXT NOT NULL, addresses TEXT NOT NULL, state TEXT NOT NULL,
  first_ns INTEGER NOT NULL, last_ns INTEGER NOT NULL, missed INTEGER NOT NULL, os TEXT NOT NULL,
  covered TEXT NOT NULL, ports_open INTEGER NOT NULL, services TEXT NOT NULL, anomaly INTEGER NOT NULL DEFAULT 0, finding TEXT
) WITHOUT ROWID;
CREATE INDEX assets_first ON assets (first_ns, key);
CREATE INDEX assets_last ON assets (last_ns, key);
CREATE INDEX assets_ports ON assets (ports_open, key);
CREATE INDEX assets_anomaly ON assets (anomaly, key);
CREATE INDEX assets_state ON assets (state, ports_open);
CREATE TABLE asset_addresses (ip BLOB NOT NULL, key TEXT NOT NULL, PRIMARY KEY (ip, key)) WITHOUT ROWID;
CREATE INDEX asset_addresses_key ON asset_addresses (key, ip);
CREATE TABLE asset_ports (
  key TEXT NOT NULL, protocol TEXT NOT NULL, port INTEGER NOT NULL, state TEXT NOT NULL, open INTEGER NOT NULL,
  service TEXT NOT NULL COLLATE NOCASE, version TEXT NOT NULL, certificate TEXT NOT NULL, told_by TEXT NOT NULL,
  first_ns INTEGER NOT NULL, last_ns INTEGER NOT NULL, closed_ns INTEGER, absent_ns INTEGER,
  PRIMARY KEY (key, protocol, port)
) WITHOUT ROWID;
CREATE INDEX asset_ports_port ON asset_ports (port, key) WHERE open = 1;
CREATE INDEX asset_ports_service ON asset_ports (service, key) WHERE open = 1;
CREATE TABLE asset_events (
  id INTEGER PRIMARY KEY, at_ns INTEGER NOT NULL, scan TEXT NOT NULL, key TEXT NOT NULL, what TEXT NOT NULL, text TEXT NOT NULL,
  before TEXT NOT NULL, after TEXT NOT NULL, protocol TEXT NOT NULL, port INTEGER NOT NULL
);
CREATE INDEX asset_events_key ON asset_events (key, id);
CREATE INDEX asset_events_scan ON asset_events (scan, id);
CREATE TABLE findings (
  scan TEXT NOT NULL, key TEXT NOT NULL, at_ns INTEGER NOT NULL, score REAL NOT NULL, body TEXT NOT NULL, PRIMARY KEY (scan, key)
) WITHOUT ROWID;
CREATE INDEX findings_key ON findings (key, at_ns);
";

/// The newest change of each incident (`what` 1) and scan (2), numbered without ever using a number twice, for those who pass them on (the
/// archive): who has seen a number asks for the larger ones. One row an incident or scan, kept by the database itself.
const STEP_7: &str = "
CREATE TABLE changes (
  number INTEGER PRIMARY KEY AUTOINCREMENT, what INTEGER NOT NULL, id TEXT NOT NULL, at_s INTEGER NOT NULL, UNIQUE (what, id)
);
INSERT INTO changes (what, id, at_s) SELECT 1, id, unixepoch() FROM incidents ORDER BY raised_ns, id;
INSERT INTO changes (what, id, at_s) SELECT 2, id, unixepoch() FROM scans ORDER BY started_ns, id;
CREATE TRIGGER incident_added AFTER INSERT ON incidents BEGIN
  DELETE FROM changes WHERE what = 1 AND id = new.id;
  INSERT INTO changes (what, id, at_s) VALUES (1, new.id, unixepoch());
END;
CREATE TRIGGER incident_changed AFTER UPDATE ON incidents BEGIN
  DELETE FROM changes WHERE what = 1 AND id = new.id;
  INSERT INTO changes (what, id, at_s) VALUES (1, new.id, unixepoch());
END;
CREATE TRIGGER incident_gone AFTER DELETE ON incidents BEGIN DELETE FROM changes WHERE what = 1 AND id = old.id; END;
CREATE TRIGGER scan_added AFTER INSERT ON scans BEGIN
  DELETE FROM changes WHERE what = 2 AND id = new.id;
  INSERT INTO changes (what, id, at_s) VALUES (2, new.id, unixepoch());
END;
CREATE TRIGGER scan_changed AFTER UPDATE ON scans BEGIN
  DELETE FROM changes WHERE what = 2 AND id = new.id;
  INSERT INTO changes (what, id, at_s) VALUES (2, new.id, unixepoch());
END;
CREATE TRIGGER scan_gone AFTER DELETE ON scans BEGIN DELETE FROM changes WHERE what = 2 AND id = old.id; END;
";

/// See `STEP_2`, which says the same as a number.
pub(crate) const SEGMENT_BITS: i64 = 15;
/// The segment of a row of `flows`, as the indexes have it.
pub(crate) const SEGMENT: &str = "(row >> 15)";

/// How a migration ended when it did not reach the newest schema.
#[derive(Debug)]
pub(crate) enum MigrateError {
    /// `user_version` is above what is known.
    TooNew(i64),
    Database(rusqlite::Error),
}

impl From<rusqlite::Error> for MigrateError {
    fn from(source: rusqlite::Error) -> Self {
        Self::Database(source)
    }
}

/// The schema found.
pub(crate) fn version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.query_row("PRAGMA user_version", [], |row| row.get(0))
}

/// Takes the steps that are missing, each in its own transaction together with its number.
pub(crate) fn migrate(connection: &mut Connection, steps: &[&str]) -> Result<(), MigrateError> {
    let found = version(connection)?;
    let taken = usize::try_from(found).map_err(|_| MigrateError::TooNew(found))?;
    if taken > steps.len() {
        return Err(MigrateError::TooNew(found));
    }
    for (index, step) in steps.iter().enumerate().skip(taken) {
        let transaction = connection.transaction()?;
        transaction.execute_batch(step)?;
        transaction.pragma_update(None, "user_version", index as i64 + 1)?;
        transaction.commit()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn steps_are_taken_once_and_in_order() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate(&mut connection, STEPS).unwrap();
        connection.execute("INSERT INTO settings VALUES ('a', 'kept')", []).unwrap();
        let mut more = STEPS.to_vec();
        more.push("ALTER TABLE settings ADD COLUMN changed INTEGER NOT NULL DEFAULT 7;");
        migrate(&mut connection, &more).unwrap();
        migrate(&mut connection, &more).unwrap();
        let row: (String, i64) =
            connection.query_row("SELECT value, changed FROM settings", [], |r| Ok((r.get(0)?, r.get(1)?))).unwrap();
        assert_eq!(row, ("kept".to_owned(), 7));
        assert_eq!(version(&connection).unwrap(), more.len() as i64);
        assert!(matches!(migrate(&mut connection, STEPS), Err(MigrateError::TooNew(_))));
    }

    #[test]
    fn flows_of_the_first_schema_are_kept_and_found() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate(&mut connection, &STEPS[..1]).unwrap();
        let insert = "INSERT INTO flows (flow_id, start_ns, end_ns, src, src_port, dest, dest_port, proto, app_proto, state,
            history, reason, pkts_toserver, pkts_toclient, bytes_toserver, bytes_toclient, community_id, in_iface, vlan,
            tunnel, host_name, record) VALUES (?1, 0, ?2, x'01', 1, x'02', 2, 'TCP', 'tls', 'SF', '', 'fin', 1, 1, 9, 9, '',
            '', 0, 'none', '', x'00')";
        for row in 0..70_000 {
            connection.prepare_cached(insert).unwrap().execute([row * 7_919 % 70_001, row]).unwrap();
        }
        migrate(&mut connection, STEPS).unwrap();
        let one = |text: &str| connection.query_row(text, [], |r| r.get::<_, i64>(0)).unwrap();
        assert_eq!(one("SELECT count(*) FROM flows"), 70_000);
        assert_eq!(one("SELECT sum(end_ns) FROM flows"), (0..70_000).sum::<i64>());
        assert_eq!(one("SELECT count(*) FROM flow_segments"), 3);
        assert_eq!(one("SELECT first_ns FROM flow_segments WHERE segment = 1"), (1 << SEGMENT_BITS) - 1);
        let found =
            "SELECT end_ns + 0 * pkts_toserver FROM flows WHERE (row >> 15) = 2 AND flow_id = 66000 * 7919 % 70001";
        assert_eq!(one(found), 66_000);
        let plan: String =
            connection.query_row(&format!("EXPLAIN QUERY PLAN {found}"), [], |r| r.get("detail")).unwrap();
        assert!(plan.contains("flows_id"), "{plan}");
        let check: String = connection.query_row("PRAGMA integrity_check", [], |r| r.get(0)).unwrap();
        assert_eq!(check, "ok");
        assert!(SEGMENT.contains(&SEGMENT_BITS.to_string()));
    }

    #[test]
    fn a_database_of_before_scans_keeps_its_rows_and_takes_them() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate(&mut connection, &STEPS[..5]).unwrap();
        connection.execute("INSERT INTO settings VALUES ('a', 'kept')", []).unwrap();
        migrate(&mut connection, STEPS).unwrap();
        let kept: String = connection.query_row("SELECT value FROM settings", [], |r| r.get(0)).unwrap();
        let empty: i64 = connection
            .query_row("SELECT (SELECT count(*) FROM scans) + (SELECT count(*) FROM assets)", [], |r| r.get(0))
            .unwrap();
        assert_eq!((kept.as_str(), empty, version(&connection).unwrap()), ("kept", 0, 7));
    }

    #[test]
    fn a_failing_step_changes_nothing() {
        let mut connection = Connection::open_in_memory().unwrap();
        let steps = ["CREATE TABLE a (x);", "CREATE TABLE b (x); CREATE TABLE a (x);"];
        assert!(migrate(&mut connection, &steps).is_err());
        assert_eq!(version(&connection).unwrap(), 1);
        let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |r| r.get(0)).unwrap();
        assert_eq!(tables, 1);
    }
}
