//! Upgrading keeps data: a database of every released schema, as SQL text made when the schema was new (`schemas/step_N.sql`), is opened by
//! today's store, and its rows are still there. A file is written once and never again; a new step needs one (`NEW_SCHEMA=1`).

use super::support::*;
use crate::query::{HOST_FIELDS, INCIDENT_FIELDS};
use crate::schema::{self, STEPS};
use crate::{DATABASE_NAME, DataDirectory, HostSort, Read, Sqlite, StoreBatch, StoreConfig};
use record::Kind;
use rusqlite::Connection;
use std::fmt::Write;
use std::path::PathBuf;

/// Set it to write the files that are missing.
const NEW: &str = "NEW_SCHEMA";

fn file(step: usize) -> PathBuf {
    PathBuf::from(format!("{}/src/tests/schemas/step_{step}.sql", env!("CARGO_MANIFEST_DIR")))
}

/// Rows as the program of that step wrote them.
fn rows(step: usize) -> String {
    let written = flow(7);
    let (record, told) = (&written.record, incident(1, Kind::PortScan, "10.0.0.1"));
    let hex = |bytes: &[u8]| bytes.iter().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"));
    let (src, dest) = (record.src(), record.dest());
    let body = serde_json::to_string(&told).unwrap();
    let mut sql = format!(
        "INSERT INTO flows (flow_id, start_ns, end_ns, src, src_port, dest, dest_port, proto, app_proto, state, history, reason,
          pkts_toserver, pkts_toclient, bytes_toserver, bytes_toclient, community_id, in_iface, vlan, tunnel, host_name, record)
         VALUES ({}, {}, {}, x'{}', {}, x'{}', {}, 'TCP', 'tls', '{}', '{}', '{}', 3, 2, {}, 132, '1:id7=', 'eth0', 0, 'none',
          'host7.example.org', x'{}');\n",
        record.flow_id, record.start.0, record.end.0, hex(&src.addr.0), src.port, hex(&dest.addr.0), dest.port,
        record.state.name(), record.history.as_str(), record.reason.name(), record.forward.bytes,
        hex(&crate::flow_blob::pack_record(record)),
    );
    write!(
        sql,
        "INSERT INTO incidents (id, raised_ns, first_ns, last_ns, kind, title, severity, status, score, alerts, over_budget, body)
         VALUES ('{}', {}, {}, {}, 'port_scan', '{}', 2, 'open', 0.9, 3, 0, '{body}');
         INSERT INTO incident_flows VALUES ({}, '{}');
         INSERT INTO hosts (ip, mac, name, home, first_ns, last_ns, flows_out, flows_in, bytes_out, bytes_in)
         VALUES (x'{}', '02:00:00:00:00:09', 'desk', 1, {}, {}, 5, 1, 1000, 200);
         INSERT INTO settings VALUES ('kept', 'yes');\n",
        told.id, told.raised.0, told.first_seen.0, told.last_seen.0, told.title, record.flow_id, told.id,
        hex(&ip("10.0.0.1").0), at(1).0, at(101).0,
    )
    .unwrap();
    let old = format!("INSERT INTO incident_ips VALUES (x'{}', '{}', 0);\n", hex(&ip("10.0.0.1").0), told.id);
    let new = format!(
        "INSERT INTO incident_ips VALUES (x'{}', {}, '{}', 0, 3);\n",
        hex(&ip("10.0.0.1").0),
        told.raised.0,
        told.id
    );
    sql.push_str(if step < 4 { &old } else { &new });
    let since: [(usize, String); 4] = [
        (2, format!("INSERT INTO flow_segments VALUES (0, {0}, {0});\n", record.end.0)),
        (3, format!("INSERT INTO feedback VALUES (1, {}, '{}', '{{}}', 0, x'');\n", at(9).0, told.id)),
        (
            4,
            format!(
                "INSERT INTO audit VALUES (1, {0}, 'host', '10.0.0.1', 'said');\nINSERT INTO host_profiles VALUES (x'{1}', 3, 'The shop', '', {0});\n",
                at(9).0,
                hex(&ip("10.0.0.1").0)
            ),
        ),
        (
            6,
            format!(
                "INSERT INTO scans VALUES ('s1', {0}, {0}, '10.0.0.0/24', 'connect', 'person', 'done', '', 1, 0, 1, NULL, NULL, 0, '[]', '', 0);\n",
                at(9).0
            ),
        ),
    ];
    since.iter().filter(|(from, _)| step >= *from).for_each(|(_, text)| sql.push_str(text));
    sql
}

/// The whole database as text: tables, rows, then what hangs on them.
fn dump(connection: &Connection, step: usize) -> String {
    let names = |kind: &str| -> Vec<(String, String)> {
        let text = format!(
            "SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%' AND type IN ({kind}) ORDER BY rowid"
        );
        let mut query = connection.prepare(&text).unwrap();
        query.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap().map(Result::unwrap).collect()
    };
    let mut text = String::new();
    for (table, sql) in names("'table'") {
        writeln!(text, "{sql};").unwrap();
        let all = connection.prepare(&format!("SELECT * FROM {table}")).unwrap();
        let columns: Vec<String> = all.column_names().map(|name| format!("quote({name})")).collect();
        let mut query = connection.prepare(&format!("SELECT {} FROM {table}", columns.join(" || ', ' || "))).unwrap();
        for row in query.query_map([], |row| row.get::<_, String>(0)).unwrap() {
            writeln!(text, "INSERT INTO {table} VALUES ({});", row.unwrap()).unwrap();
        }
    }
    for (_, sql) in names("'index', 'trigger'") {
        writeln!(text, "{sql};").unwrap();
    }
    writeln!(text, "PRAGMA user_version = {step};").unwrap();
    text
}

fn make(step: usize) {
    let mut connection = Connection::open_in_memory().unwrap();
    schema::migrate(&mut connection, &STEPS[..step]).unwrap();
    connection.execute_batch(&rows(step)).unwrap();
    std::fs::write(file(step), dump(&connection, step)).unwrap();
}

#[test]
fn a_database_of_each_schema_is_opened_with_all_its_rows() {
    for step in 1..=STEPS.len() {
        if std::env::var_os(NEW).is_some() && !file(step).exists() {
            make(step);
        }
        let text =
            std::fs::read_to_string(file(step)).unwrap_or_else(|e| panic!("schema {step}: {e}; {NEW}=1 writes it"));
        let dir = tempfile::tempdir().unwrap();
        Connection::open(dir.path().join(DATABASE_NAME)).unwrap().execute_batch(&text).unwrap();
        let (found, known) = (step as i64, STEPS.len() as i64);
        let wanted = if found == known { DataDirectory::Current(known) } else { DataDirectory::Older(found, known) };
        assert_eq!(crate::look(dir.path()), wanted);
        let store = Sqlite::open(dir.path(), &StoreConfig::default()).unwrap_or_else(|e| panic!("schema {step}: {e}"));
        still_there(&store, step);
        // And it goes on.
        store
            .write(StoreBatch {
                flows: vec![flow(8)],
                incidents: vec![incident(2, Kind::Beacon, "10.0.0.1")],
                ..StoreBatch::default()
            })
            .unwrap();
        store.flush().unwrap();
        assert_eq!(store.reader().flows(&flows("src_ip:10.0.0.0/8")).unwrap().total, 2, "schema {step}");
        drop(store);
        assert_eq!(crate::look(dir.path()), DataDirectory::Current(known));
    }
}

fn still_there(store: &Sqlite, step: usize) {
    let reader = store.reader();
    let found =
        reader.flow(flow(7).record.flow_id).unwrap().unwrap_or_else(|| panic!("schema {step}: the flow is gone"));
    assert_eq!((found.record.forward.bytes, found.record.end), (flow(7).record.forward.bytes, at(7)), "schema {step}");
    let incidents = reader.incidents(&list("", INCIDENT_FIELDS, 10)).unwrap();
    // JSON keeps microseconds.
    let told = serde_json::to_string(&incident(1, Kind::PortScan, "10.0.0.1")).unwrap();
    assert_eq!(incidents.items, [serde_json::from_str(&told).unwrap()], "schema {step}");
    let hosts = reader.hosts(&list("", HOST_FIELDS, 10), HostSort::LastSeen).unwrap();
    assert_eq!((hosts.items.len(), hosts.items[0].host.name.as_str()), (1, "desk"), "schema {step}");
    assert_eq!(reader.audit(10).unwrap().len(), usize::from(step >= 4), "schema {step}");
    assert_eq!(hosts.items[0].label.as_str(), if step >= 4 { "The shop" } else { "" }, "schema {step}");
}

#[test]
fn each_step_has_its_file_and_no_more() {
    let files = std::fs::read_dir(file(1).parent().unwrap()).unwrap().count();
    assert_eq!(files, STEPS.len(), "a new step needs a database of it: {NEW}=1 cargo test -p store migration");
}
