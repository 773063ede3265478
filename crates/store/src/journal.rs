//! What changed and is kept elsewhere too: a list of names, one entry a thing, made by triggers in the very transactions that change the
//! things, so that nothing is forgotten when the process or the far side dies. Owns the list and its triggers; knows no far side.
//!
//! An entry is a name and a revision, not a copy: however long the far side is away, the list has at most one entry for each thing that the
//! store keeps, and what is read at last is the newest state.

use rusqlite::Connection;
use serde::{Deserialize, Serialize};

/// What can be kept elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Collection {
    /// Incidents.
    Incidents,
    /// Flows that were judged anomalous.
    Alerts,
    /// Hosts known from traffic.
    Hosts,
    /// Scans with what they changed.
    Scans,
    /// Daily reports, which are files and not in the list.
    Reports,
}

impl Collection {
    /// All, in the order in which they are written.
    pub const ALL: [Self; 5] = [Self::Incidents, Self::Alerts, Self::Hosts, Self::Scans, Self::Reports];

    /// Lower-case name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Incidents => "incidents",
            Self::Alerts => "alerts",
            Self::Hosts => "hosts",
            Self::Scans => "scans",
            Self::Reports => "reports",
        }
    }

    /// The query of the names of all that there are.
    const fn source(self) -> Option<&'static str> {
        match self {
            Self::Incidents => Some("SELECT id FROM incidents"),
            Self::Alerts => Some("SELECT DISTINCT flow_id AS id FROM flows WHERE anomalous = 1"),
            Self::Hosts => Some("SELECT ip AS id FROM hosts"),
            Self::Scans => Some("SELECT id FROM scans"),
            Self::Reports => None,
        }
    }

    /// When an entry is made: name of the trigger, event, condition, expression of the name.
    const fn events(self) -> &'static [(&'static str, &'static str, &'static str, &'static str)] {
        match self {
            Self::Incidents => &[
                ("journal_incidents_added", "INSERT ON incidents", "1", "NEW.id"),
                ("journal_incidents_changed", "UPDATE ON incidents", "1", "NEW.id"),
            ],
            Self::Alerts => &[
                ("journal_alerts_added", "INSERT ON flows", "NEW.anomalous = 1", "NEW.flow_id"),
                ("journal_alerts_changed", "UPDATE ON flows", "NEW.anomalous = 1 OR OLD.anomalous = 1", "NEW.flow_id"),
            ],
            Self::Hosts => &[
                ("journal_hosts_added", "INSERT ON hosts", "1", "NEW.ip"),
                ("journal_hosts_changed", "UPDATE ON hosts", HOST_DIFFERS, "NEW.ip"),
                ("journal_hosts_named", "INSERT ON host_profiles", KNOWN, "NEW.ip"),
                ("journal_hosts_renamed", "UPDATE ON host_profiles", KNOWN, "NEW.ip"),
                ("journal_hosts_unnamed", "DELETE ON host_profiles", KNOWN_BEFORE, "OLD.ip"),
                ("journal_hosts_open", "INSERT ON incident_ips", KNOWN, "NEW.ip"),
                ("journal_hosts_ranked", "UPDATE OF open ON incident_ips", KNOWN, "NEW.ip"),
            ],
            Self::Scans => &[
                ("journal_scans_added", "INSERT ON scans", "1", "NEW.id"),
                ("journal_scans_changed", "UPDATE ON scans", "1", "NEW.id"),
            ],
            Self::Reports => &[],
        }
    }
}

const KNOWN: &str = "EXISTS (SELECT 1 FROM hosts WHERE ip = NEW.ip)";
const KNOWN_BEFORE: &str = "EXISTS (SELECT 1 FROM hosts WHERE ip = OLD.ip)";
/// Hosts are written again whether they changed or not.
const HOST_DIFFERS: &str = "NEW.last_ns <> OLD.last_ns OR NEW.mac IS NOT OLD.mac OR NEW.name <> OLD.name OR NEW.home <> OLD.home
  OR NEW.flows_out <> OLD.flows_out OR NEW.flows_in <> OLD.flows_in OR NEW.bytes_out <> OLD.bytes_out OR NEW.bytes_in <> OLD.bytes_in
  OR NEW.services <> OLD.services";

/// `seq` is the revision: microseconds since 1970 when it changed, and always above all before, also after a clock was set back.
const TABLE: &str = "
CREATE TABLE IF NOT EXISTS journal (
  seq INTEGER PRIMARY KEY AUTOINCREMENT, what TEXT NOT NULL, id NOT NULL, UNIQUE (what, id)
);
CREATE INDEX IF NOT EXISTS journal_what ON journal (what, seq);";
const NEXT: &str = "max(CAST(unixepoch('subsec') * 1000000 AS INTEGER),
  coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'journal'), 0) + 1)";

/// A change of the list, written by the store's one writer.
#[derive(Clone, Debug)]
pub enum JournalWrite {
    /// From now on changes of these are listed, and of no others; what is new among them is listed whole. None: the list goes.
    Keep(Vec<Collection>),
    /// All that there is of these is listed again.
    Whole(Vec<Collection>),
    /// The far side has these revisions, or they are given up.
    Done(Vec<i64>),
}

/// Writes changes of the list.
pub(crate) fn write(connection: &Connection, writes: &[JournalWrite]) -> rusqlite::Result<()> {
    for write in writes {
        match write {
            JournalWrite::Keep(kept) => keep(connection, kept)?,
            JournalWrite::Whole(collections) => {
                for collection in collections {
                    whole(connection, *collection)?;
                }
            }
            JournalWrite::Done(revisions) => {
                let mut delete = connection.prepare_cached("DELETE FROM journal WHERE seq = ?1")?;
                for revision in revisions {
                    delete.execute([revision])?;
                }
            }
        }
    }
    Ok(())
}

fn keep(connection: &Connection, kept: &[Collection]) -> rusqlite::Result<()> {
    if kept.iter().all(|collection| collection.source().is_none()) && !exists(connection, "table", "journal")? {
        return Ok(());
    }
    connection.execute_batch(TABLE)?;
    for collection in Collection::ALL {
        let wanted = kept.contains(&collection);
        let mut new = false;
        for (trigger, event, when, id) in collection.events() {
            new |= wanted && !exists(connection, "trigger", trigger)?;
            connection.execute_batch(&format!("DROP TRIGGER IF EXISTS {trigger}"))?;
            if wanted {
                connection.execute_batch(&trigger_text(collection, trigger, event, when, id))?;
            }
        }
        if new {
            whole(connection, collection)?;
        } else if !wanted {
            connection.execute("DELETE FROM journal WHERE what = ?1", [collection.name()])?;
        }
    }
    Ok(())
}

/// Deleted and inserted, not replaced: a trigger takes over how the statement that fires it treats conflicts.
fn trigger_text(collection: Collection, trigger: &str, event: &str, when: &str, id: &str) -> String {
    let what = collection.name();
    format!(
        "CREATE TRIGGER {trigger} AFTER {event} WHEN {when} BEGIN
           DELETE FROM journal WHERE what = '{what}' AND id = {id};
           INSERT INTO journal (seq, what, id) SELECT {NEXT}, '{what}', {id};
         END"
    )
}

fn whole(connection: &Connection, collection: Collection) -> rusqlite::Result<()> {
    let Some(all) = collection.source() else { return Ok(()) };
    let base: i64 = connection.query_row(&format!("SELECT {NEXT}"), [], |row| row.get(0))?;
    let what = collection.name();
    connection.execute("DELETE FROM journal WHERE what = ?1", [what])?;
    let fill =
        format!("INSERT INTO journal (seq, what, id) SELECT ?1 + row_number() OVER (), '{what}', id FROM ({all})");
    connection.execute(&fill, [base]).map(drop)
}

/// True when there is a table or trigger of this name.
pub(crate) fn exists(connection: &Connection, kind: &str, name: &str) -> rusqlite::Result<bool> {
    connection
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE type = ?1 AND name = ?2)")?
        .query_row([kind, name], |row| row.get(0))
}
