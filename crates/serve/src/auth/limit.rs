//! How often somebody may try a password. Pure: time is passed in. Owns two growing waits and their bounded tables: one of an address
//! (whoever tries from there), one of a name (whoever tries it, from addresses that this user never came in from). An attacker so locks
//! out an address, and slows down strangers, but never the user at a place known before.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;

/// Addresses and names remembered, each; the one that failed longest ago goes.
const ENTRIES_MAX: usize = 10_000;
/// Failures of an address that cost nothing.
const ADDRESS_FREE: u32 = 5;
/// Failures on a name that cost nothing.
const NAME_FREE: u32 = 20;
/// Longest wait of an address, ns.
const ADDRESS_WAIT_MAX_NS: i64 = 900_000_000_000;
/// Longest wait of strangers to a name, ns: people with the right password must get in at last.
const NAME_WAIT_MAX_NS: i64 = 60_000_000_000;
/// Failures are forgotten after so long without another, ns.
const FORGOTTEN_NS: i64 = 3_600_000_000_000;
const SECOND_NS: i64 = 1_000_000_000;
/// Characters of a name that count.
const NAME_CHARS: usize = 64;

#[derive(Clone, Copy, Debug, Default)]
struct Entry {
    failures: u32,
    last_ns: i64,
    until_ns: i64,
}

/// One table.
struct Table<K> {
    entries: HashMap<K, Entry>,
    free: u32,
    wait_max_ns: i64,
}

impl<K: Hash + Eq + Clone> Table<K> {
    fn new(free: u32, wait_max_ns: i64) -> Self {
        Self { entries: HashMap::new(), free, wait_max_ns }
    }

    fn until(&self, key: &K, now_ns: i64) -> Option<i64> {
        self.entries.get(key).map(|entry| entry.until_ns).filter(|until| *until > now_ns)
    }

    /// One more failure; true when a wait begins with it.
    fn failed(&mut self, key: &K, now_ns: i64) -> bool {
        if self.entries.len() >= ENTRIES_MAX && !self.entries.contains_key(key) {
            self.make_room(now_ns);
        }
        let entry = self.entries.entry(key.clone()).or_default();
        if now_ns - entry.last_ns > FORGOTTEN_NS {
            *entry = Entry::default();
        }
        entry.failures = entry.failures.saturating_add(1);
        entry.last_ns = now_ns;
        let Some(over) = entry.failures.checked_sub(self.free) else { return false };
        let wait = SECOND_NS.saturating_mul(1 << over.min(20)).min(self.wait_max_ns);
        entry.until_ns = now_ns + wait;
        true
    }

    /// A tenth goes at once, so that a flood of addresses does not cost a search each.
    fn make_room(&mut self, now_ns: i64) {
        self.entries.retain(|_, entry| now_ns - entry.last_ns <= FORGOTTEN_NS);
        if self.entries.len() < ENTRIES_MAX {
            return;
        }
        let mut ages: Vec<i64> = self.entries.values().map(|entry| entry.last_ns).collect();
        ages.sort_unstable();
        let border = ages[ages.len() / 10];
        self.entries.retain(|_, entry| entry.last_ns > border);
    }
}

/// The same for all addresses that one subscriber has.
fn place(ip: IpAddr) -> IpAddr {
    match ip.to_canonical() {
        IpAddr::V6(ip) => IpAddr::V6((u128::from(ip) & !u128::from(u64::MAX)).into()),
        ip @ IpAddr::V4(_) => ip,
    }
}

fn of_name(name: &str) -> String {
    name.chars().take(NAME_CHARS).flat_map(char::to_lowercase).collect()
}

/// Whoever tries.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Attempt<'a> {
    /// From where.
    pub ip: IpAddr,
    /// Which name.
    pub name: &'a str,
    /// Has this user come in from there before?
    pub known: bool,
}

/// Both tables.
pub(crate) struct Limiter {
    addresses: Table<IpAddr>,
    names: Table<String>,
}

impl Limiter {
    pub(crate) fn new() -> Self {
        Self {
            addresses: Table::new(ADDRESS_FREE, ADDRESS_WAIT_MAX_NS),
            names: Table::new(NAME_FREE, NAME_WAIT_MAX_NS),
        }
    }

    /// Seconds to wait before this may be tried; None: now. What is tried too early is not hashed and does not make the wait longer.
    pub(crate) fn wait_s(&self, attempt: Attempt<'_>, now_ns: i64) -> Option<u64> {
        let address = self.addresses.until(&place(attempt.ip), now_ns);
        let name = if attempt.known { None } else { self.names.until(&of_name(attempt.name), now_ns) };
        let until = address.max(name)?;
        Some(((until - now_ns) as u64).div_ceil(SECOND_NS as u64))
    }

    /// It was wrong; true when a wait begins with it. Counted when it is let through and given back when it was right, so that many at
    /// once are not each the first.
    pub(crate) fn failed(&mut self, attempt: Attempt<'_>, now_ns: i64) -> bool {
        let address = self.addresses.failed(&place(attempt.ip), now_ns);
        let name = !attempt.known && self.names.failed(&of_name(attempt.name), now_ns);
        address || name
    }

    /// It was right: the address begins anew, the name too.
    pub(crate) fn right(&mut self, attempt: Attempt<'_>) {
        self.addresses.entries.remove(&place(attempt.ip));
        self.names.entries.remove(&of_name(attempt.name));
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn attempt<'a>(ip: &str, name: &'a str, known: bool) -> Attempt<'a> {
        Attempt { ip: ip.parse().unwrap(), name, known }
    }

    /// Tries as fast as possible for so many seconds; how many were let through.
    fn flood(limiter: &mut Limiter, one: Attempt<'_>, seconds: i64) -> usize {
        let mut through = 0;
        for step in 0..seconds * 10 {
            let now = step * SECOND_NS / 10;
            if limiter.wait_s(one, now).is_none() {
                limiter.failed(one, now);
                through += 1;
            }
        }
        through
    }

    #[test]
    fn an_address_waits_longer_each_time_and_others_do_not() {
        let mut limiter = Limiter::new();
        let evil = attempt("192.0.2.66", "ann", false);
        assert_eq!(flood(&mut limiter, evil, 1_000), 14, "5 free, then 1, 2, 4 … seconds apart");
        assert!(limiter.wait_s(evil, 1_000 * SECOND_NS).unwrap() > 20);
        assert!(limiter.wait_s(attempt("192.0.2.1", "ann", false), 1_000 * SECOND_NS).is_none());
        assert!(limiter.wait_s(attempt("192.0.2.66", "bob", true), 1_000 * SECOND_NS).is_some(), "any name from there");
        assert!(limiter.wait_s(evil, 10_000 * SECOND_NS).is_none(), "it ends");
    }

    #[test]
    fn many_addresses_slow_down_strangers_to_a_name_and_not_its_user() {
        let mut limiter = Limiter::new();
        let mut through = 0;
        for n in 0..5_000_u32 {
            let ip = IpAddr::from((0x0a00_0000 + n).to_be_bytes());
            let one = Attempt { ip, name: "Ann", known: false };
            if limiter.wait_s(one, 0).is_none() {
                limiter.failed(one, 0);
                through += 1;
            }
        }
        assert_eq!(through, 20);
        let wait = limiter.wait_s(attempt("192.0.2.1", "ann", false), 0).unwrap();
        assert!(wait <= 60, "{wait} s");
        assert!(limiter.wait_s(attempt("192.0.2.1", "ann", true), 0).is_none(), "known there");
        assert!(limiter.wait_s(attempt("192.0.2.1", "bob", false), 0).is_none());
        limiter.right(attempt("192.0.2.1", "ANN", true));
        assert!(limiter.wait_s(attempt("192.0.2.9", "ann", false), 0).is_none());
    }

    #[test]
    fn tables_are_bounded_and_a_network_is_one_address() {
        let mut limiter = Limiter::new();
        for n in 0..50_000_u32 {
            let ip = IpAddr::from(n.to_be_bytes());
            limiter.failed(Attempt { ip, name: &n.to_string(), known: false }, i64::from(n));
        }
        assert!(limiter.addresses.entries.len() <= ENTRIES_MAX && limiter.names.entries.len() <= ENTRIES_MAX);
        let mut limiter = Limiter::new();
        for n in 0..6 {
            limiter.failed(attempt(&format!("2001:db8::{n}"), &n.to_string(), false), 0);
        }
        assert!(limiter.wait_s(attempt("2001:db8::ffff", "x", false), 0).is_some(), "one /64");
        assert!(limiter.wait_s(attempt("::ffff:192.0.2.1", "x", false), 0).is_none());
        assert!(limiter.wait_s(attempt("2001:db8:0:1::1", "x", false), 0).is_none());
    }
}
