//! What all lists share: cursors, time bounds, bounded counts.

use super::ReadError;
use crate::StoreError;
use crate::read::{COUNT_MAX, ListQuery, PAGE_ROWS_MAX};
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

/// Conditions of filter and time.
pub(super) fn conditions(list: &List, query: &ListQuery) -> (String, Vec<Value>) {
    let (mut sql, mut values) = (String::from("1"), Vec::new());
    if let Some(from) = query.range.from {
        sql.extend([" AND ", list.ends, " >= ?"]);
        values.push(Value::Integer(from.0));
    }
    if let Some(to) = query.range.to {
        sql.extend([" AND ", list.begins, " <= ?"]);
        values.push(Value::Integer(to.0));
    }
    query.filter.append_sql(&mut sql, &mut values);
    (sql, values)
}

/// One page. `read` makes a row of columns; `key` gives time and tie of it as the cursor has them.
pub(super) fn rows<T>(
    connection: &Connection,
    list: &List,
    query: &ListQuery,
    read: impl Fn(&Row) -> rusqlite::Result<T>,
    key: impl Fn(&T) -> String,
) -> Result<RawPage<T>, ReadError> {
    let limit = query.limit.clamp(1, PAGE_ROWS_MAX) as usize;
    let (mut sql, mut values) = conditions(list, query);
    if let Some(cursor) = &query.cursor {
        let (time, tie) = parse_cursor(cursor, list)?;
        sql.extend([" AND (", list.time, ", ", list.tie, ") < (?, ?)"]);
        values.extend([Value::Integer(time), tie]);
    }
    let List { table, columns, time, tie, .. } = list;
    let text =
        format!("SELECT {columns} FROM {table} WHERE {sql} ORDER BY {time} DESC, {tie} DESC LIMIT {}", limit + 1);
    let mut statement = connection.prepare_cached(&text)?;
    let mut items =
        statement.query_map(params_from_iter(values), |row| read(row))?.collect::<rusqlite::Result<Vec<T>>>()?;
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
    let (sql, values) = conditions(list, query);
    let text = format!("SELECT count(*) FROM (SELECT 1 FROM {} WHERE {sql} LIMIT {})", list.table, COUNT_MAX + 1);
    let rows: i64 = connection.prepare_cached(&text)?.query_row(params_from_iter(values), |r| r.get(0))?;
    let rows = rows as u64;
    Ok((rows.min(COUNT_MAX), rows <= COUNT_MAX))
}
