//! Sums of the busiest addresses, protocols and ports by five minutes of the flows' ends, so that "who is busiest" need not read
//! the flows. Owns the bounds: of each write and of each five minutes the busiest are kept, the rest is not in the sums.

use crate::rows::proto_name;
use crate::sqlite::FlowWrite;
use rusqlite::{Connection, params};
use std::collections::HashMap;

/// Length of a bucket, seconds.
pub(crate) const STEP_S: i64 = 300;
/// Names of one kind that one write adds to one bucket.
const ADDED_MAX: usize = 128;
/// Names of one kind kept of a bucket that is over.
const KEPT_MAX: i64 = 32;

/// Addresses.
pub(crate) const HOSTS: i64 = 0;
/// Application protocols, else transport.
pub(crate) const PROTOCOLS: i64 = 1;
/// Ports of responders.
pub(crate) const PORTS: i64 = 2;
const KINDS: [i64; 3] = [HOSTS, PROTOCOLS, PORTS];

const ADD: &str = "
INSERT INTO busy (what, start_s, name, bytes, packets, flows) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
ON CONFLICT (what, start_s, name) DO UPDATE SET bytes = bytes + excluded.bytes, packets = packets + excluded.packets,
  flows = flows + excluded.flows";
const PRUNE: &str = "
DELETE FROM busy WHERE what = ?1 AND start_s = ?2 AND name NOT IN (
  SELECT name FROM busy WHERE what = ?1 AND start_s = ?2 ORDER BY bytes DESC, name LIMIT ?3)";

/// Bytes, packets, flows.
type Sums = [u64; 3];
/// The sums of one kind in one bucket.
type Bucket<K> = HashMap<K, Sums>;

#[derive(Default)]
struct Buckets {
    hosts: Bucket<[u8; 16]>,
    /// Application protocol and transport.
    protocols: Bucket<(&'static str, u8)>,
    ports: Bucket<(u16, u8)>,
}

fn count<K: std::hash::Hash + Eq>(bucket: &mut Bucket<K>, key: K, bytes: u64, packets: u64) {
    let sums = bucket.entry(key).or_default();
    sums[0] += bytes;
    sums[1] += packets;
    sums[2] += 1;
}

/// Adds flows; a flow written again counts again.
pub(crate) fn add(connection: &Connection, flows: &[FlowWrite]) -> rusqlite::Result<()> {
    let mut by_start: HashMap<i64, Buckets> = HashMap::new();
    for FlowWrite { record: f, .. } in flows {
        let buckets = by_start.entry(f.end.seconds().div_euclid(STEP_S) * STEP_S).or_default();
        let (src, dest, proto) = (f.src(), f.dest(), f.key.proto);
        let (bytes, packets) = (f.bytes(), f.packets());
        count(&mut buckets.hosts, src.addr.0, bytes, packets);
        if dest.addr != src.addr {
            count(&mut buckets.hosts, dest.addr.0, bytes, packets);
        }
        count(&mut buckets.protocols, (f.app_proto().name(), proto), bytes, packets);
        if dest.port > 0 {
            count(&mut buckets.ports, (dest.port, proto), bytes, packets);
        }
    }
    let mut starts: Vec<_> = by_start.into_iter().collect();
    starts.sort_unstable_by_key(|(start, _)| *start);
    for (start_s, buckets) in starts {
        put(connection, HOSTS, start_s, buckets.hosts, |ip| ip.to_vec())?;
        put(connection, PROTOCOLS, start_s, buckets.protocols, |(app, proto)| {
            if app == "unknown" { proto_name(proto).into_bytes() } else { app.as_bytes().to_vec() }
        })?;
        put(connection, PORTS, start_s, buckets.ports, |(port, proto)| {
            format!("{port}/{}", proto_name(proto).to_lowercase()).into_bytes()
        })?;
    }
    Ok(())
}

fn put<K: Ord + Copy>(
    connection: &Connection,
    what: i64,
    start_s: i64,
    bucket: Bucket<K>,
    name: impl Fn(K) -> Vec<u8>,
) -> rusqlite::Result<()> {
    let mut sums: Vec<(K, Sums)> = bucket.into_iter().collect();
    if sums.len() > ADDED_MAX {
        sums.sort_unstable_by_key(|(key, sums)| (std::cmp::Reverse(sums[0]), *key));
        sums.truncate(ADDED_MAX);
    }
    sums.sort_unstable_by_key(|(key, _)| *key);
    let mut add = connection.prepare_cached(ADD)?;
    for (key, [bytes, packets, flows]) in sums {
        add.execute(params![what, start_s, name(key), bytes as i64, packets as i64, flows as i64])?;
    }
    Ok(())
}

/// Leaves the busiest of the buckets that begin from `from_s` and before `to_s`.
pub(crate) fn prune(connection: &Connection, from_s: i64, to_s: i64) -> rusqlite::Result<()> {
    let mut full = connection
        .prepare_cached("SELECT start_s FROM busy WHERE what = ?1 AND start_s >= ?2 AND start_s < ?3 GROUP BY start_s HAVING count(*) > ?4")?;
    for what in KINDS {
        let starts = full.query_map([what, from_s, to_s, KEPT_MAX], |row| row.get(0))?;
        for start_s in starts.collect::<rusqlite::Result<Vec<i64>>>()? {
            connection.prepare_cached(PRUNE)?.execute([what, start_s, KEPT_MAX])?;
        }
    }
    Ok(())
}

/// The newest bucket's start.
pub(crate) fn newest_s(connection: &Connection) -> rusqlite::Result<Option<i64>> {
    connection.prepare_cached("SELECT max(start_s) FROM busy WHERE what = ?1")?.query_row([HOSTS], |row| row.get(0))
}

/// Forgets the buckets before `before_s`.
pub(crate) fn forget(connection: &Connection, before_s: i64) -> rusqlite::Result<()> {
    for what in KINDS {
        connection.prepare_cached("DELETE FROM busy WHERE what = ?1 AND start_s < ?2")?.execute([what, before_s])?;
    }
    Ok(())
}
