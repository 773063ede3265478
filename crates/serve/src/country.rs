//! Countries of rows that the store gave, and `country:XX` among the tokens of a filter: countries are never stored, so that such a list is
//! read page by page and looked through, a bounded number of rows for one answer.

use crate::{Live, Problem};
use store::{FlowRow, HostRow, Page};

/// Pages read for one answer of a list filtered by country.
const PAGES_MAX: usize = 20;

/// A row that has countries.
pub(crate) trait Located {
    /// Puts them in.
    fn locate(&mut self, live: &dyn Live);
    /// True when one of them is `code`.
    fn is_in(&self, code: &str) -> bool;
}

impl Located for FlowRow {
    fn locate(&mut self, live: &dyn Live) {
        self.src_country = live.country(self.src_ip);
        self.dest_country = live.country(self.dest_ip);
    }
    fn is_in(&self, code: &str) -> bool {
        self.src_country.eq_ignore_ascii_case(code) || self.dest_country.eq_ignore_ascii_case(code)
    }
}

impl Located for HostRow {
    fn locate(&mut self, live: &dyn Live) {
        self.country = live.country(self.host.ip);
    }
    fn is_in(&self, code: &str) -> bool {
        self.country.eq_ignore_ascii_case(code)
    }
}

/// What a filter asks of countries: `(code, excluded)` each; all must hold.
pub(crate) type Wanted = Vec<(String, bool)>;

/// Takes `country:XX` and `-country:XX` out of a filter.
pub(crate) fn take(q: Option<String>) -> Result<(Option<String>, Wanted), Problem> {
    let Some(text) = q else { return Ok((None, Vec::new())) };
    let mut wanted = Vec::new();
    let mut rest = Vec::new();
    for token in text.split(' ') {
        let (excluded, body) = token.strip_prefix('-').map_or((false, token), |body| (true, body));
        match body.strip_prefix("country:") {
            Some(code) if code.len() == 2 && code.bytes().all(|b| b.is_ascii_alphabetic()) => {
                wanted.push((code.to_owned(), excluded));
            }
            Some(code) => {
                let code: String = code.chars().take(20).collect();
                return Err(Problem::bad_request(format!(
                    "country is `{code}`, it must be two letters of ISO 3166 (country:DE)"
                )));
            }
            None => rest.push(token),
        }
    }
    Ok((Some(rest.join(" ")), wanted))
}

/// One page with countries; of those wanted, as many as are found in a bounded number of rows. `read` gives the page after a cursor.
pub(crate) fn page<T: Located>(
    live: &dyn Live,
    wanted: &[(String, bool)],
    limit: usize,
    cursor: Option<String>,
    mut read: impl FnMut(Option<String>) -> Result<Page<T>, Problem>,
) -> Result<Page<T>, Problem> {
    let mut page = read(cursor)?;
    page.items.iter_mut().for_each(|row| row.locate(live));
    if wanted.is_empty() {
        return Ok(page);
    }
    let holds = |row: &T| wanted.iter().all(|(code, excluded)| row.is_in(code) != *excluded);
    page.items.retain(holds);
    for _ in 1..PAGES_MAX {
        if page.items.len() >= limit || page.next_cursor.is_none() {
            break;
        }
        let mut next = read(page.next_cursor.take())?;
        next.items.iter_mut().for_each(|row| row.locate(live));
        next.items.retain(holds);
        page.items.append(&mut next.items);
        page.next_cursor = next.next_cursor;
    }
    // How many there are in all is not known without reading all.
    page.total = page.items.len() as u64;
    page.total_exact = page.next_cursor.is_none();
    Ok(page)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn countries_are_taken_out_of_a_filter_and_nothing_else_is() {
        let given = Some("ip:10.0.0.1 country:de -country:US state:S0".to_owned());
        let (rest, wanted) = take(given).unwrap();
        assert_eq!(rest.unwrap(), "ip:10.0.0.1 state:S0");
        assert_eq!(wanted, [("de".to_owned(), false), ("US".to_owned(), true)]);
        assert!(take(None).unwrap().1.is_empty());
        for wrong in ["country:", "country:Germany", "-country:1"] {
            assert!(take(Some(wrong.to_owned())).is_err(), "{wrong}");
        }
    }
}
