//! All lists compiled for look-up: addresses by hash, networks by length from the longest, domains by suffix. Owns the bound of all
//! lists together and what each gave.

use super::{Found, Indicator, ListError, ListReport, ListText};
use record::{IpAddr16, Prefix, Severity};
use std::collections::HashMap;

/// Most different notes kept; later ones are left out (the indicator stays).
const NOTES_MAX: usize = 65_535;
/// Longest line quoted in a report, characters.
const QUOTED_MAX: usize = 80;

/// Where an indicator stands.
#[derive(Clone, Copy, Debug)]
struct Place {
    list: u16,
    note: u16,
}

struct ListHead {
    name: String,
    severity: Severity,
}

/// What a look-up found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listed<'a> {
    /// The list's name.
    pub list: &'a str,
    /// The list's severity.
    pub severity: Severity,
    /// What the list says of it; empty when it says nothing.
    pub note: &'a str,
}

/// The compiled lists. Memory is bounded by the number of entries: some 40 bytes an address, 80 a name.
#[derive(Default)]
pub struct Indicators {
    lists: Vec<ListHead>,
    notes: Vec<Box<str>>,
    addresses: HashMap<IpAddr16, Place>,
    /// By length, longest first.
    networks: Vec<(u8, HashMap<Prefix, Place>)>,
    domains: HashMap<Box<str>, Place>,
    urls: HashMap<Box<str>, Place>,
    ja4: HashMap<Box<str>, Place>,
    entries: usize,
}

impl std::fmt::Debug for Indicators {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Indicators({} of {} lists)", self.entries, self.lists.len())
    }
}

impl Indicators {
    /// Adds a list; together they hold at most `entries_max`. Lists added first win where two name the same thing.
    ///
    /// # Errors
    /// The list is not what its format says, or holds nothing; then nothing of it is taken.
    pub fn add(&mut self, list: &ListText<'_>, entries_max: usize) -> Result<ListReport, ListError> {
        let place = u16::try_from(self.lists.len()).unwrap_or(u16::MAX);
        let mut report = ListReport { name: list.name.clone(), ..ListReport::default() };
        let mut found = Vec::new();
        super::read(list, &mut |one| found.push(one))?;
        if !found.iter().any(|one| matches!(one, Found::Indicator(..) | Found::Expired)) && !list.bytes.is_empty() {
            return Err(ListError::Empty { name: list.name.clone(), first: first_line(list.bytes) });
        }
        let mut notes: HashMap<String, u16> = HashMap::new();
        for one in found {
            self.take(one, place, entries_max, &mut notes, &mut report);
        }
        self.networks.sort_by_key(|(length, _)| std::cmp::Reverse(*length));
        self.lists.push(ListHead { name: list.name.clone(), severity: list.severity });
        Ok(report)
    }

    fn take(
        &mut self,
        one: Found,
        list: u16,
        entries_max: usize,
        notes: &mut HashMap<String, u16>,
        report: &mut ListReport,
    ) {
        let (indicator, note) = match one {
            Found::Indicator(indicator, note) => (indicator, note),
            Found::Expired => return report.expired += 1,
            Found::TooBroad(text) => {
                report.too_broad += 1;
                return problem(report, "too broad", &text);
            }
            Found::Other(text) => {
                report.not_matchable += 1;
                return problem(report, "not an address, domain, URL or JA4 fingerprint", &text);
            }
        };
        if self.entries >= entries_max {
            report.over_bound += 1;
            return;
        }
        let note = self.note(note, notes);
        if self.insert(indicator, Place { list, note }) {
            self.entries += 1;
            report.entries += 1;
        } else {
            report.repeated += 1;
        }
    }

    /// Number of a note, 0 for none.
    fn note(&mut self, text: String, known: &mut HashMap<String, u16>) -> u16 {
        if text.is_empty() {
            return 0;
        }
        if let Some(number) = known.get(&text) {
            return *number;
        }
        if self.notes.len() >= NOTES_MAX {
            return 0;
        }
        self.notes.push(text.clone().into_boxed_str());
        let number = u16::try_from(self.notes.len()).unwrap_or(0);
        known.insert(text, number);
        number
    }

    fn insert(&mut self, indicator: Indicator, place: Place) -> bool {
        let text = |map: &mut HashMap<Box<str>, Place>, key: String| {
            let new = !map.contains_key(key.as_str());
            map.entry(key.into_boxed_str()).or_insert(place);
            new
        };
        match indicator {
            Indicator::Domain(name) => text(&mut self.domains, name),
            Indicator::Url(url) => text(&mut self.urls, url),
            Indicator::Ja4(ja4) => text(&mut self.ja4, ja4),
            Indicator::Network(prefix) => self.insert_network(prefix, place),
        }
    }

    fn insert_network(&mut self, prefix: Prefix, place: Place) -> bool {
        let full = if prefix.addr().is_v4() { 32 } else { 128 };
        if prefix.length() == full {
            let new = !self.addresses.contains_key(&prefix.addr());
            self.addresses.entry(prefix.addr()).or_insert(place);
            return new;
        }
        let at = self.networks.iter().position(|(length, _)| *length == prefix.length()).unwrap_or_else(|| {
            self.networks.push((prefix.length(), HashMap::new()));
            self.networks.len() - 1
        });
        let map = &mut self.networks[at].1;
        let new = !map.contains_key(&prefix);
        map.entry(prefix).or_insert(place);
        new
    }

    /// Entries of all lists.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries
    }

    /// True when nothing is listed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries == 0
    }

    fn listed(&self, place: Place) -> Option<Listed<'_>> {
        let list = self.lists.get(usize::from(place.list))?;
        let note = usize::from(place.note).checked_sub(1).and_then(|at| self.notes.get(at)).map_or("", |note| note);
        Some(Listed { list: &list.name, severity: list.severity, note })
    }

    /// Looks an address up: itself, then the longest network around it.
    #[must_use]
    pub fn address(&self, address: IpAddr16) -> Option<Listed<'_>> {
        if let Some(place) = self.addresses.get(&address) {
            return self.listed(*place);
        }
        let full = if address.is_v4() { 32 } else { 128 };
        for (length, networks) in self.networks.iter().filter(|(length, _)| *length <= full) {
            if let Some(place) = Prefix::new(address, *length).and_then(|prefix| networks.get(&prefix)) {
                return self.listed(*place);
            }
        }
        None
    }

    /// Looks a name up: itself, then each domain above it. Gives the listed domain too.
    #[must_use]
    pub fn domain<'a, 'n>(&'a self, name: &'n str) -> Option<(&'n str, Listed<'a>)> {
        if self.domains.is_empty() {
            return None;
        }
        let mut rest = name;
        loop {
            if let Some(place) = self.domains.get(rest) {
                return self.listed(*place).map(|listed| (rest, listed));
            }
            rest = rest.split_once('.')?.1;
        }
    }

    /// Looks up the URL of a clear-text request: host (with port unless 80) and path.
    #[must_use]
    pub fn url(&self, host: &str, path: &str) -> Option<Listed<'_>> {
        if self.urls.is_empty() {
            return None;
        }
        let host = host.to_ascii_lowercase();
        let key = format!("{}{path}", host.strip_suffix(":80").unwrap_or(&host));
        self.urls.get(key.as_str()).and_then(|place| self.listed(*place))
    }

    /// Looks up a client's JA4 fingerprint.
    #[must_use]
    pub fn ja4(&self, ja4: &str) -> Option<Listed<'_>> {
        if self.ja4.is_empty() { None } else { self.ja4.get(ja4).and_then(|place| self.listed(*place)) }
    }
}

fn problem(report: &mut ListReport, what: &str, text: &str) {
    if report.first_problem.is_empty() {
        let text: String = text.chars().take(QUOTED_MAX).collect();
        report.first_problem = format!("`{text}` is {what}");
    }
}

fn first_line(bytes: &[u8]) -> String {
    let line = bytes.split(|b| *b == b'\n').find(|line| !line.is_empty()).unwrap_or_default();
    String::from_utf8_lossy(line).trim().chars().take(QUOTED_MAX).collect()
}
