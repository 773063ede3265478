//! Query parameters of the lists, read and bounded the same way everywhere.

use crate::Problem;
use record::Timestamp;
use serde::Deserialize;
use store::read::PAGE_ROWS_MAX;
use store::{Field, ListQuery, Query, StoreError, TimeRange};
use utoipa::IntoParams;

/// Rows of a page when `limit` is not given.
const LIMIT_DEFAULT: u32 = 100;

/// Parameters of every list.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListParams {
    /// Filter: `field:value` tokens separated by spaces; `-field:value` excludes; values may be a CIDR, hold `*`, or
    /// begin with `>=`, `<=`, `>`, `<`; a bare word is searched in the text fields.
    pub q: Option<String>,
    /// Rows of a page, 1 to 500, default 100.
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
    /// RFC 3339: nothing earlier.
    pub from: Option<String>,
    /// RFC 3339: nothing later.
    pub to: Option<String>,
}

impl ListParams {
    /// As the store takes it.
    pub(crate) fn list(self, fields: &'static [Field]) -> Result<ListQuery, Problem> {
        Ok(ListQuery {
            filter: filter(self.q.as_deref(), fields)?,
            range: range(self.from.as_deref(), self.to.as_deref())?,
            limit: limit(self.limit, LIMIT_DEFAULT, PAGE_ROWS_MAX)?,
            cursor: self.cursor,
        })
    }
}

pub(crate) fn filter(q: Option<&str>, fields: &'static [Field]) -> Result<Query, Problem> {
    Query::parse(q.unwrap_or_default(), fields).map_err(|e| StoreError::from(e).into())
}

/// Refuses what is outside 1 … `max` instead of changing it silently.
pub(crate) fn limit(given: Option<u32>, default: u32, max: u32) -> Result<u32, Problem> {
    match given.unwrap_or(default) {
        n if (1..=max).contains(&n) => Ok(n),
        n => Err(Problem::bad_request(format!("limit is {n}, it must be from 1 to {max}"))),
    }
}

/// A time; an offset's `+` that was not escaped arrives as a space and is put back.
pub(crate) fn time(name: &str, text: &str) -> Result<Timestamp, Problem> {
    Timestamp::parse_rfc3339(text)
        .or_else(|| Timestamp::parse_rfc3339(&text.replace(' ', "+")))
        .ok_or_else(|| Problem::bad_request(format!("{name} is `{text}`, it must be RFC 3339 (2026-01-31T12:00:00Z)")))
}

pub(crate) fn range(from: Option<&str>, to: Option<&str>) -> Result<TimeRange, Problem> {
    let bound = |name, text: Option<&str>| text.filter(|t| !t.is_empty()).map(|t| time(name, t)).transpose();
    let range = TimeRange { from: bound("from", from)?, to: bound("to", to)? };
    if let (Some(from), Some(to)) = (range.from, range.to)
        && from > to
    {
        return Err(Problem::bad_request("from is after to"));
    }
    Ok(range)
}
