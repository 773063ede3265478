//! What all lists share: cursors, time bounds, bounded counts.

use super::ReadError;
use crate::StoreError;
use crate::read::{COUNT_MAX, ListQuery, PAGE_ROWS_MAX, TimeRange};
use crate::schema::SEGMENT;
use rusqlite::types::Value;
use rusqlite::{Connection, Row, params_from_iter};

/// How one list is stored.
pub(super) struct List {
    /// Table.
    pub table: &'static str,
    /// Columns to read.
    pub columns: &'static str,
    /// Column of the time that orders it, ns.
    pub time: &'static str,
    /// Column that breaks ties.
    pub tie: &'static str,
    /// Columns that `from` and `to` bound: the row must end after `from` and begin before `to`.
    pub ends: &'static str,
    /// See `ends`.
    pub begins: &'static str,
}

/// Rows of one page with what the page says of itself.
pub(super) struct RawPage<T> {
    pub items: Vec<T>,
    pub next_cursor: Option<String>,
}

/// A cursor: the time and the tie-breaker of the last row, as text.
fn parse_cursor(text: &str, list: &List) -> Result<(i64, Value), ReadError> {
    let bad = || ReadError::Store(StoreError::Cursor(text.chars().take(80).collect()));
    let (time, tie) = text.split_once('_').ok_or_else(bad)?;
    let time = time.parse().map_err(|_| bad())?;
    let tie = match list.tie {
        "flow_id" => Value::Integer(tie.parse().map_err(|_| bad())?),
        "ip" => {
            let ip: record::IpAddr16 = tie.parse().map_err(|_| bad())?;
            Value::Blob(ip.0.to_vec())
        }
        _ => Value::Text(tie.to_owned()),
    };
    Ok((time, tie))
}

/// One segment of the flows and a bound on the ends of its flows.
pub(super) struct Segment {
    pub number: i64,
    last_ns: i64,
}

/// The segments that may hold flows of a range, those with the newest ends first.
pub(super) fn segments(connection: &Connection, range: TimeRange) -> rusqlite::Result<Vec<Segment>> {
    let mut statement = connection.prepare_cached(
        "SELECT segment, last_ns FROM flow_segments WHERE last_ns >= ?1 AND first_ns <= ?2 ORDER BY last_ns DESC, segment DESC",
    )?;
    let ends = [range.from.map_or(i64::MIN, |t| t.0), range.to.map_or(i64::MAX, |t| t.0)];
    statement.query_map(ends, |row| Ok(Segment { number: row.get(0)?, last_ns: row.get(1)? }))?.collect()
}

/// Is this list best searched segment by segment?
fn by_segment(list: &List, query: &ListQuery) -> bool {
    list.table == "flows" && query.filter.asks_for_addresses()
}

/// Conditions of filter and time; inside one segment when its number is given.
fn conditions(list: &List, query: &ListQuery, segment: Option<i64>) -> (String, Vec<Value>) {
    let (mut sql, mut values) = match segment {
        Some(number) => (format!("{SEGMENT} = ?1"), vec![Value::Integer(number)]),
        None => (String::from("1"), Vec::new()),
    };
    if let Some(from) = query.range.from {
        sql.extend([" AND ", list.ends, " >= ?"]);
        values.push(Value::Integer(from.0));
    }
    if let Some(to) = query.range.to {
        sql.extend([" AND ", list.begins, " <= ?"]);
        values.push(Value::Integer(to.0));
    }
    if segment.is_some() {
        query.filter.append_segment_sql(&mut sql, &mut values);
    } else {
        query.filter.append_sql(&mut sql, &mut values);
    }
    (sql, values)
}

/// At most `limit` rows, newest first.
pub(super) fn newest<T>(
    connection: &Connection,
    list: &List,
    query: &ListQuery,
    limit: usize,
    read: impl Fn(&Row) -> rusqlite::Result<T>,
    order: impl Fn(&T) -> (i64, u64),
) -> Result<Vec<T>, ReadError> {
    if !by_segment(list, query) {
        return select(connection, list, query, None, limit, &read);
    }
    let mut items: Vec<T> = Vec::new();
    for segment in segments(connection, query.range)? {
        // What is left ended before the last row that fits.
        if items.len() >= limit && items.last().is_some_and(|last| order(last).0 > segment.last_ns) {
            break;
        }
        items.extend(select(connection, list, query, Some(segment.number), limit, &read)?);
        items.sort_by_key(|item| std::cmp::Reverse(order(item)));
        items.truncate(limit);
    }
    Ok(items)
}

fn select<T>(
    connection: &Connection,
    list: &List,
    query: &ListQuery,
    segment: Option<i64>,
    limit: usize,
    read: &impl Fn(&Row) -> rusqlite::Result<T>,
) -> Result<Vec<T>, ReadError> {
    let (mut sql, mut values) = conditions(list, query, segment);
    if let Some(cursor) = &query.cursor {
        let (time, tie) = parse_cursor(cursor, list)?;
        sql.extend([" AND (", list.time, ", ", list.tie, ") < (?, ?)"]);
        values.extend([Value::Integer(time), tie]);
    }
    let List { table, columns, time, tie, .. } = list;
    let text = format!("SELECT {columns} FROM {table} WHERE {sql} ORDER BY {time} DESC, {tie} DESC LIMIT {limit}");
    let mut statement = connection.prepare_cached(&text)?;
    Ok(statement.query_map(params_from_iter(values), |row| read(row))?.collect::<rusqlite::Result<_>>()?)
}

/// One page. `read` makes a row of columns; `key` gives time and tie of it as the cursor has them, `order` as numbers (for flows).
pub(super) fn rows<T>(
    connection: &Connection,
    list: &List,
    query: &ListQuery,
    read: impl Fn(&Row) -> rusqlite::Result<T>,
    key: impl Fn(&T) -> String,
    order: impl Fn(&T) -> (i64, u64),
) -> Result<RawPage<T>, ReadError> {
    let limit = query.limit.clamp(1, PAGE_ROWS_MAX) as usize;
    let mut items = newest(connection, list, query, limit + 1, read, order)?;
    let more = items.len() > limit;
    items.truncate(limit);
    let next_cursor = if more { items.last().map(key) } else { None };
    Ok(RawPage { items, next_cursor })
}

/// How many rows match: exact up to `COUNT_MAX`, then that number and false.
pub(super) fn count(connection: &Connection, list: &List, query: &ListQuery) -> rusqlite::Result<(u64, bool)> {
    let unbounded = query.filter.is_all() && query.range.from.is_none() && query.range.to.is_none();
    if unbounded && list.table == "flows" {
        // Rows are appended and deleted at the ends only, so that their numbers are without gaps.
        let rows: i64 =
            connection.query_row("SELECT coalesce(max(row) - min(row) + 1, 0) FROM flows", [], |r| r.get(0))?;
        return Ok((rows as u64, true));
    }
    let mut rows = 0;
    let parts = if by_segment(list, query) {
        segments(connection, query.range)?.into_iter().map(|s| Some(s.number)).collect()
    } else {
        vec![None]
    };
    for part in parts {
        let (sql, values) = conditions(list, query, part);
        let room = (COUNT_MAX + 1).saturating_sub(rows);
        if room == 0 {
            break;
        }
        let text = format!("SELECT count(*) FROM (SELECT 1 FROM {} WHERE {sql} LIMIT {room})", list.table);
        rows += connection.prepare_cached(&text)?.query_row(params_from_iter(values), |r| r.get::<_, i64>(0))? as u64;
    }
    Ok((rows.min(COUNT_MAX), rows <= COUNT_MAX))
}
