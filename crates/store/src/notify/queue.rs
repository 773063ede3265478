//! What is still to be told, on disk: a small database of its own beside the store, so that neither a full store nor a crash takes
//! it. Owns what was told of which incident, bounds, and the list of failures; an entry leaves only when the far side has accepted it,
//! or moves to that list.

use record::{Cause, Notice, Severity, Timestamp};
use rusqlite::{Connection, OptionalExtension, Transaction, params};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Name of the database in the data directory.
pub const QUEUE_NAME: &str = "notify.sqlite3";
/// Incidents remembered as told, all channels together; the oldest are forgotten first.
const TOLD_MAX: i64 = 200_000;
/// One hour, ns.
const HOUR_NS: i64 = super::plan::HOUR_NS;

/// The tables; the number is kept as `user_version`.
const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS entries (id INTEGER PRIMARY KEY AUTOINCREMENT, channel TEXT NOT NULL, incident TEXT NOT NULL,
  severity INTEGER NOT NULL, queued INTEGER NOT NULL, notice TEXT NOT NULL, batch TEXT, held INTEGER NOT NULL DEFAULT 0,
  attempts INTEGER NOT NULL DEFAULT 0) STRICT;
CREATE INDEX IF NOT EXISTS entries_channel ON entries (channel, batch, id);
CREATE INDEX IF NOT EXISTS entries_incident ON entries (incident, channel);
CREATE TABLE IF NOT EXISTS told (channel TEXT NOT NULL, incident TEXT NOT NULL, severity INTEGER NOT NULL,
  times INTEGER NOT NULL, at INTEGER NOT NULL, PRIMARY KEY (channel, incident)) STRICT;
CREATE INDEX IF NOT EXISTS told_at ON told (at);
CREATE TABLE IF NOT EXISTS failed (id INTEGER PRIMARY KEY AUTOINCREMENT, channel TEXT NOT NULL, incident TEXT NOT NULL,
  title TEXT NOT NULL, severity INTEGER NOT NULL, queued INTEGER NOT NULL, failed INTEGER NOT NULL, why TEXT NOT NULL,
  notice TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS sent (channel TEXT NOT NULL, at INTEGER NOT NULL) STRICT;
CREATE INDEX IF NOT EXISTS sent_channel ON sent (channel, at);
CREATE TABLE IF NOT EXISTS tally (channel TEXT PRIMARY KEY, accepted INTEGER NOT NULL DEFAULT 0, dropped INTEGER NOT NULL DEFAULT 0,
  last_accepted INTEGER, said TEXT NOT NULL DEFAULT '') STRICT;
PRAGMA user_version = 1;";

/// Why the queue does not work.
#[derive(Debug, thiserror::Error)]
#[error("the queue of notifications {}: {source}", path.display())]
pub struct QueueError {
    path: PathBuf,
    source: rusqlite::Error,
}

/// One waiting incident of a channel, as far as deciding needs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Number, rising.
    pub id: i64,
    /// When it was queued.
    pub queued: Timestamp,
    /// How much it matters.
    pub severity: Severity,
    /// True when it was due and held back: it goes out together with others.
    pub held: bool,
}

/// Entries that are one message, the same on every attempt.
#[derive(Clone, Debug, PartialEq)]
pub struct Batch {
    /// The message's key.
    pub key: String,
    /// Attempts so far.
    pub attempts: u32,
    /// What it tells, oldest first.
    pub notices: Vec<Notice>,
}

/// One message that was given up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failed {
    /// Number.
    pub id: i64,
    /// Channel.
    pub channel: String,
    /// Incident.
    pub incident: String,
    /// Its title.
    pub title: String,
    /// Its severity.
    pub severity: Severity,
    /// When it was queued.
    pub queued: Timestamp,
    /// When it was given up.
    pub failed: Timestamp,
    /// Why: the far side's words.
    pub why: String,
}

/// Numbers of one channel.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Incidents that wait.
    pub waiting: u64,
    /// Messages accepted since the queue was made.
    pub accepted: u64,
    /// Incidents that fell out at the bound.
    pub dropped: u64,
    /// Messages that were given up and are still listed.
    pub failed: u64,
    /// When the last message was accepted.
    pub last_accepted: Option<Timestamp>,
    /// The far side's words then.
    pub said: String,
}

/// The database.
pub struct Queue {
    connection: Connection,
    path: PathBuf,
}

impl Queue {
    /// Opens or makes it.
    ///
    /// # Errors
    /// `QueueError` naming the file.
    pub fn open(data_dir: &Path) -> Result<Self, QueueError> {
        let path = data_dir.join(QUEUE_NAME);
        let opened = (|| {
            let connection = Connection::open(&path)?;
            connection.busy_timeout(Duration::from_secs(5))?;
            connection.pragma_update(None, "auto_vacuum", "FULL")?;
            connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
            // Few and small writes: each may cost a synchronisation, so that a power cut loses none.
            connection.pragma_update(None, "synchronous", "FULL")?;
            connection.pragma_update_and_check(None, "journal_size_limit", 1 << 20, |_| Ok(()))?;
            connection.execute_batch(SCHEMA)?;
            Ok(connection)
        })();
        match opened {
            Ok(connection) => Ok(Self { connection, path }),
            Err(source) => Err(QueueError { path, source }),
        }
    }

    fn work<T>(&mut self, work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>) -> Result<T, QueueError> {
        let done = (|| {
            let transaction = self.connection.transaction()?;
            let result = work(&transaction)?;
            transaction.commit()?;
            Ok(result)
        })();
        done.map_err(|source| QueueError { path: self.path.clone(), source })
    }

    /// Queues incidents for channels. An incident is told of when it is first raised and once more when it became more severe; while
    /// it still waits, it is told as it is newest.
    ///
    /// # Errors
    /// `QueueError`; then nothing was queued.
    pub fn offer(&mut self, offers: &[(String, Notice)], queue_max: usize) -> Result<(), QueueError> {
        self.work(|t| {
            for (channel, notice) in offers {
                take(t, channel, notice)?;
            }
            let over = count(t, "SELECT count(*) FROM entries")? - queue_max as i64;
            for _ in 0..over.max(0) {
                drop_one(t)?;
            }
            let extra = count(t, "SELECT count(*) FROM told")? - TOLD_MAX;
            if extra > 0 {
                let oldest = "DELETE FROM told WHERE rowid IN (SELECT rowid FROM told ORDER BY at LIMIT ?1)";
                t.execute(oldest, [extra])?;
            }
            Ok(())
        })
    }

    /// The message under way of a channel: its entries were put together and not accepted yet.
    ///
    /// # Errors
    /// `QueueError`.
    pub fn under_way(&mut self, channel: &str) -> Result<Option<Batch>, QueueError> {
        self.work(|t| {
            let first = "SELECT batch FROM entries WHERE channel = ?1 AND batch IS NOT NULL ORDER BY id LIMIT 1";
            let key: Option<String> = t.query_row(first, [channel], |row| row.get(0)).optional()?;
            key.map(|key| read_batch(t, channel, key)).transpose()
        })
    }

    /// Entries of a channel that are in no message yet, at most `limit`: those not held back first, each kind oldest first.
    ///
    /// # Errors
    /// `QueueError`.
    pub fn waiting(&mut self, channel: &str, limit: usize) -> Result<Vec<Entry>, QueueError> {
        self.work(|t| {
            let mut statement = t.prepare_cached(
                "SELECT id, queued, severity, held FROM entries WHERE channel = ?1 AND batch IS NULL ORDER BY held, id LIMIT ?2",
            )?;
            let rows = statement.query_map(params![channel, limit as i64], |row| {
                Ok(Entry {
                    id: row.get(0)?,
                    queued: Timestamp(row.get(1)?),
                    severity: severity(row.get(2)?),
                    held: row.get(3)?,
                })
            })?;
            rows.collect()
        })
    }

    /// Messages accepted within the hour before `now`, and when the oldest of them was.
    ///
    /// # Errors
    /// `QueueError`.
    pub fn sent_last_hour(&mut self, channel: &str, now: Timestamp) -> Result<(u32, Option<Timestamp>), QueueError> {
        self.work(|t| {
            let sql = "SELECT count(*), min(at) FROM sent WHERE channel = ?1 AND at > ?2";
            t.query_row(sql, params![channel, now.0.saturating_sub(HOUR_NS)], |row| {
                Ok((row.get(0)?, row.get::<_, Option<i64>>(1)?.map(Timestamp)))
            })
        })
    }

    /// Marks entries as held back.
    ///
    /// # Errors
    /// `QueueError`.
    pub fn hold(&mut self, ids: &[i64]) -> Result<(), QueueError> {
        self.work(|t| {
            let mut statement = t.prepare_cached("UPDATE entries SET held = 1 WHERE id = ?1 AND held = 0")?;
            ids.iter().try_for_each(|id| statement.execute([id]).map(drop))
        })
    }

    /// What these entries tell.
    ///
    /// # Errors
    /// `QueueError`.
    pub fn notices(&mut self, ids: &[i64]) -> Result<Vec<Notice>, QueueError> {
        self.work(|t| {
            let mut statement = t.prepare_cached("SELECT notice FROM entries WHERE id = ?1")?;
            let texts = ids.iter().map(|id| statement.query_row([id], |row| row.get::<_, String>(0)).optional());
            let texts: Vec<Option<String>> = texts.collect::<rusqlite::Result<_>>()?;
            Ok(texts.iter().flatten().filter_map(|text| serde_json::from_str(text).ok()).collect())
        })
    }

    /// Puts entries together as one message with this key.
    ///
    /// # Errors
    /// `QueueError`.
    pub fn put_together(&mut self, channel: &str, ids: &[i64], key: &str) -> Result<Batch, QueueError> {
        self.work(|t| {
            let mut statement = t.prepare_cached("UPDATE entries SET batch = ?2 WHERE id = ?1")?;
            for id in ids {
                statement.execute(params![id, key])?;
            }
            drop(statement);
            read_batch(t, channel, key.to_owned())
        })
    }

    /// The far side has it.
    ///
    /// # Errors
    /// `QueueError`; then the message may be sent a second time, with the same key.
    pub fn accepted(&mut self, channel: &str, key: &str, now: Timestamp, said: &str) -> Result<(), QueueError> {
        self.work(|t| {
            t.execute("DELETE FROM entries WHERE channel = ?1 AND batch = ?2", params![channel, key])?;
            t.execute("INSERT INTO sent (channel, at) VALUES (?1, ?2)", params![channel, now.0])?;
            t.execute("DELETE FROM sent WHERE at <= ?1", [now.0.saturating_sub(HOUR_NS)])?;
            t.execute(
                "INSERT INTO tally (channel, accepted, last_accepted, said) VALUES (?1, 1, ?2, ?3) ON CONFLICT (channel)
                 DO UPDATE SET accepted = accepted + 1, last_accepted = ?2, said = ?3",
                params![channel, now.0, said],
            )
            .map(drop)
        })
    }

    /// An attempt failed; the entries stay.
    ///
    /// # Errors
    /// `QueueError`.
    pub fn failed_once(&mut self, channel: &str, key: &str) -> Result<(), QueueError> {
        self.work(|t| {
            let sql = "UPDATE entries SET attempts = attempts + 1 WHERE channel = ?1 AND batch = ?2";
            t.execute(sql, params![channel, key]).map(drop)
        })
    }

    /// Moves a message to the list of failures.
    ///
    /// # Errors
    /// `QueueError`.
    pub fn give_up(
        &mut self,
        channel: &str,
        key: &str,
        now: Timestamp,
        why: &str,
        failed_max: usize,
    ) -> Result<(), QueueError> {
        self.work(|t| {
            let sql = "channel = ?1 AND batch = ?2";
            bury(t, sql, params![channel, key], now, why)?;
            t.execute(&format!("DELETE FROM entries WHERE {sql}"), params![channel, key])?;
            trim_failed(t, failed_max)
        })
    }

    /// Moves what waits for channels that are not in `channels` to the list of failures.
    ///
    /// # Errors
    /// `QueueError`.
    pub fn keep_only(&mut self, channels: &[&str], now: Timestamp, failed_max: usize) -> Result<(), QueueError> {
        self.work(|t| {
            let mut statement = t.prepare("SELECT DISTINCT channel FROM entries")?;
            let known: Vec<String> = statement.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
            for gone in known.iter().filter(|name| !channels.contains(&name.as_str())) {
                bury(t, "channel = ?1", params![gone], now, "no channel of this name is set any more")?;
                t.execute("DELETE FROM entries WHERE channel = ?1", [gone])?;
            }
            trim_failed(t, failed_max)
        })
    }

    /// Puts failed messages back into the queue; how many.
    ///
    /// # Errors
    /// `QueueError`.
    pub fn try_again(&mut self, channel: Option<&str>, now: Timestamp) -> Result<usize, QueueError> {
        self.work(|t| {
            let back = "INSERT INTO entries (channel, incident, severity, queued, notice)
                 SELECT channel, incident, severity, ?2, notice FROM failed WHERE ?1 IS NULL OR channel = ?1 ORDER BY id";
            let count = t.execute(back, params![channel, now.0])?;
            t.execute("DELETE FROM failed WHERE ?1 IS NULL OR channel = ?1", [channel])?;
            Ok(count)
        })
    }

    /// Numbers of one channel.
    ///
    /// # Errors
    /// `QueueError`.
    pub fn tally(&mut self, channel: &str) -> Result<Tally, QueueError> {
        self.work(|t| {
            let sql = "SELECT accepted, dropped, last_accepted, said FROM tally WHERE channel = ?1";
            let kept = t.query_row(sql, [channel], |row| {
                Ok(Tally {
                    accepted: number(row.get(0)?),
                    dropped: number(row.get(1)?),
                    last_accepted: row.get::<_, Option<i64>>(2)?.map(Timestamp),
                    said: row.get(3)?,
                    ..Tally::default()
                })
            });
            let mut tally = kept.optional()?.unwrap_or_default();
            let rows = |table| format!("SELECT count(*) FROM {table} WHERE channel = ?1");
            tally.waiting = number(t.query_row(&rows("entries"), [channel], |row| row.get(0))?);
            tally.failed = number(t.query_row(&rows("failed"), [channel], |row| row.get(0))?);
            Ok(tally)
        })
    }

    /// Messages that were given up, newest first.
    ///
    /// # Errors
    /// `QueueError`.
    pub fn failures(&mut self, limit: usize) -> Result<Vec<Failed>, QueueError> {
        self.work(|t| {
            let mut statement = t.prepare(
                "SELECT id, channel, incident, title, severity, queued, failed, why FROM failed ORDER BY id DESC LIMIT ?1",
            )?;
            let rows = statement.query_map([limit as i64], |row| {
                Ok(Failed {
                    id: row.get(0)?,
                    channel: row.get(1)?,
                    incident: row.get(2)?,
                    title: row.get(3)?,
                    severity: severity(row.get(4)?),
                    queued: Timestamp(row.get(5)?),
                    failed: Timestamp(row.get(6)?),
                    why: row.get(7)?,
                })
            })?;
            rows.collect()
        })
    }
}

fn number(count: i64) -> u64 {
    u64::try_from(count).unwrap_or(0)
}

fn count(t: &Transaction<'_>, sql: &str) -> rusqlite::Result<i64> {
    t.query_row(sql, [], |row| row.get(0))
}

fn severity(number: i64) -> Severity {
    match number {
        0 => Severity::Low,
        1 => Severity::Medium,
        2 => Severity::High,
        _ => Severity::Critical,
    }
}

fn json(notice: &Notice) -> rusqlite::Result<String> {
    serde_json::to_string(notice).map_err(|e| rusqlite::Error::ToSqlConversionFailure(Box::new(e)))
}

/// One incident for one channel: a new entry, a newer state of the waiting one, or nothing.
fn take(t: &Transaction<'_>, channel: &str, notice: &Notice) -> rusqlite::Result<()> {
    let (id, level) = (&notice.incident.id, notice.incident.severity);
    let told = "SELECT severity, times FROM told WHERE channel = ?1 AND incident = ?2";
    let told: Option<(i64, i64)> = t.query_row(told, [channel, id], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
    let rose = told.is_some_and(|(before, _)| level as i64 > before);
    let waits = "SELECT id, notice FROM entries WHERE channel = ?1 AND incident = ?2 AND batch IS NULL LIMIT 1";
    let waits: Option<(i64, String)> =
        t.query_row(waits, [channel, id], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
    // Counts as told again only when a second message comes of it.
    let added = match (told, waits) {
        (Some(_), Some((entry, before))) => {
            // Told as it is newest, for the reason and from the time for which it was queued.
            let cause = serde_json::from_str::<Notice>(&before).map_or(notice.cause, |n| n.cause);
            let newest = Notice { cause, ..notice.clone() };
            let update = "UPDATE entries SET notice = ?2, severity = ?3 WHERE id = ?1";
            t.execute(update, params![entry, json(&newest)?, level as i64])?;
            0
        }
        (None, _) => {
            insert(t, channel, notice, Cause::Raised)?;
            0
        }
        (Some((before, 1)), None) if rose => {
            insert(t, channel, notice, Cause::Rose(severity(before)))?;
            1
        }
        _ => return Ok(()),
    };
    t.execute(
        "INSERT INTO told (channel, incident, severity, times, at) VALUES (?1, ?2, ?3, 1, ?4) ON CONFLICT (channel, incident)
         DO UPDATE SET severity = max(severity, ?3), times = min(times + ?5, 2), at = ?4",
        params![channel, id, level as i64, notice.queued.0, added],
    )
    .map(drop)
}

fn insert(t: &Transaction<'_>, channel: &str, notice: &Notice, cause: Cause) -> rusqlite::Result<()> {
    let cause = if notice.cause == Cause::Test { Cause::Test } else { cause };
    let notice = Notice { cause, ..notice.clone() };
    let (id, level) = (&notice.incident.id, notice.incident.severity as i64);
    let sql = "INSERT INTO entries (channel, incident, severity, queued, notice) VALUES (?1, ?2, ?3, ?4, ?5)";
    t.execute(sql, params![channel, id, level, notice.queued.0, json(&notice)?]).map(drop)
}

/// At the bound: the oldest of the least severe that is in no message yet.
fn drop_one(t: &Transaction<'_>) -> rusqlite::Result<()> {
    let sql = "SELECT id, channel FROM entries ORDER BY batch IS NOT NULL, severity, id LIMIT 1";
    let (id, channel): (i64, String) = t.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?)))?;
    t.execute("DELETE FROM entries WHERE id = ?1", [id])?;
    t.execute(
        "INSERT INTO tally (channel, dropped) VALUES (?1, 1) ON CONFLICT (channel) DO UPDATE SET dropped = dropped + 1",
        [channel],
    )
    .map(drop)
}

fn read_batch(t: &Transaction<'_>, channel: &str, key: String) -> rusqlite::Result<Batch> {
    let sql = "SELECT notice, attempts FROM entries WHERE channel = ?1 AND batch = ?2 ORDER BY id";
    let mut statement = t.prepare_cached(sql)?;
    let rows = statement.query_map([channel, &key], |row| Ok((row.get::<_, String>(0)?, row.get::<_, u32>(1)?)))?;
    let rows: Vec<(String, u32)> = rows.collect::<rusqlite::Result<_>>()?;
    let attempts = rows.iter().map(|(_, n)| *n).max().unwrap_or(0);
    // A notice of another version that cannot be read tells nothing; the others of its message do.
    let notices = rows.iter().filter_map(|(text, _)| serde_json::from_str(text).ok()).collect();
    Ok(Batch { key, attempts, notices })
}

fn bury(
    t: &Transaction<'_>,
    filter: &str,
    which: &[&dyn rusqlite::ToSql],
    now: Timestamp,
    why: &str,
) -> rusqlite::Result<()> {
    let sql = format!("SELECT channel, incident, severity, queued, notice FROM entries WHERE {filter} ORDER BY id");
    let mut statement = t.prepare(&sql)?;
    let mut rows = statement.query(which)?;
    while let Some(row) = rows.next()? {
        let text: String = row.get(4)?;
        let title = serde_json::from_str::<Notice>(&text).map_or(String::new(), |n| n.incident.title);
        t.execute(
            "INSERT INTO failed (channel, incident, title, severity, queued, failed, why, notice)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            params![
                row.get::<_, String>(0)?,
                row.get::<_, String>(1)?,
                title,
                row.get::<_, i64>(2)?,
                row.get::<_, i64>(3)?,
                now.0,
                why,
                text
            ],
        )?;
    }
    Ok(())
}

fn trim_failed(t: &Transaction<'_>, failed_max: usize) -> rusqlite::Result<()> {
    let sql = "DELETE FROM failed WHERE id <= (SELECT id FROM failed ORDER BY id DESC LIMIT 1 OFFSET ?1)";
    t.execute(sql, [failed_max as i64]).map(drop)
}

#[cfg(test)]
mod tests;
