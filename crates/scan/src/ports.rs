//! Which ports are looked at. Owns the spelling `22,80,8000-8010` and the list of common ports; knows no scanner.

use std::fmt;
use std::ops::RangeInclusive;

/// TCP ports on which administrators find services that matter: remote access, mail, names, files, databases, web and its alternatives,
/// management, control systems, and a few that back doors like.
pub const COMMON: &str = "21-23,25,53,80,88,102,110-111,113,135,139,143,161,179,389,443,445,464-465,502,512-515,543-544,548,554,587,\
631,636,646,873,902,990,993,995,1025-1029,1080,1099,1194,1433-1434,1521,1720,1723,1755,1883,1900,2000-2001,2049,2121,2181,2222,\
2375-2376,2379-2380,2404,2717,3000,3128,3268-3269,3306,3389,3690,3986,4333,4369,4444,4786,4840,4848,4899,5000-5001,5009,5038,5050,\
5051,5060-5061,5101,5190,5222,5357,5432,5601,5631-5632,5666,5672,5800,5900-5901,5984-5986,6000-6001,6379,6443,6646,6667,7001,7070,\
7547,8000,8006,8008-8010,8080-8081,8086,8088,8090,8181,8291,8333,8443,8500,8728,8883,8888,9000-9001,9042,9090,9092,9100,9200,9300,\
9418,9443,9999-10000,10050-10051,10250,11211,15672,20000,25565,27017,28017,31337,32768,37777,44818,47808,49152-49157,50000,50070";

/// Ports, sorted, in ranges that do not touch. At least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortList(Vec<RangeInclusive<u16>>);

impl PortList {
    /// Reads `22,80,8000-8010`; empty is the list of common ports.
    ///
    /// # Errors
    /// In words: which part is no port.
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = if text.trim().is_empty() { COMMON } else { text };
        let mut ranges = Vec::new();
        for part in text.split(',').map(str::trim) {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            let port = |text: &str| {
                let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
                text.parse::<u16>().ok().filter(|port| digits && *port > 0)
            };
            match (port(first), port(last)) {
                (Some(first), Some(last)) if first <= last => ranges.push(first..=last),
                _ => {
                    return Err(format!(
                        "`{:.40}` is no port; write ports from 1 to 65535 as 22,80,8000-8010",
                        part.escape_debug().to_string()
                    ));
                }
            }
        }
        Ok(Self::joined(ranges))
    }

    fn joined(mut ranges: Vec<RangeInclusive<u16>>) -> Self {
        ranges.sort_by_key(|range| *range.start());
        let mut joined: Vec<RangeInclusive<u16>> = Vec::new();
        for range in ranges {
            match joined.last_mut() {
                Some(last) if u32::from(*range.start()) <= u32::from(*last.end()) + 1 => {
                    *last = *last.start()..=*last.end().max(range.end());
                }
                _ => joined.push(range),
            }
        }
        Self(joined)
    }

    /// Reads the same; empty is none.
    ///
    /// # Errors
    /// In words: which part is no port.
    pub fn parse_or_none(text: &str) -> Result<Option<Self>, String> {
        if text.trim().is_empty() { Ok(None) } else { Self::parse(text).map(Some) }
    }

    /// Each port, ascending.
    pub fn iter(&self) -> impl Iterator<Item = u16> + '_ {
        self.0.iter().cloned().flatten()
    }

    /// True for a port of the list.
    pub fn contains(&self, port: u16) -> bool {
        let after = self.0.partition_point(|range| *range.start() <= port);
        after > 0 && self.0[after - 1].contains(&port)
    }

    /// The ports of both.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        Self::joined(self.0.iter().chain(&other.0).cloned().collect())
    }

    /// How many.
    pub fn count(&self) -> usize {
        self.0.iter().map(ExactSizeIterator::len).sum()
    }
}

impl fmt::Display for PortList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, range) in self.0.iter().enumerate() {
            let comma = if i == 0 { "" } else { "," };
            if range.start() == range.end() {
                write!(f, "{comma}{}", range.start())?;
            } else {
                write!(f, "{comma}{}-{}", range.start(), range.end())?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn ports_are_read_and_written() {
        let ports = PortList::parse("8000-8010, 22,80,8005-8020,23").unwrap();
        assert_eq!((ports.to_string().as_str(), ports.count()), ("22-23,80,8000-8020", 24));
        assert_eq!(ports.iter().take(3).collect::<Vec<_>>(), [22, 23, 80]);
        assert!(ports.contains(22) && ports.contains(8_020) && !ports.contains(24) && !ports.contains(21));
        let both = ports.union(&PortList::parse("1,24-79").unwrap());
        assert_eq!(both.to_string(), "1,22-80,8000-8020");
        assert_eq!(PortList::parse("1-65535").unwrap().count(), 65_535);
        assert_eq!(PortList::parse_or_none("53").unwrap().unwrap().to_string(), "53");
        assert_eq!(PortList::parse_or_none(" ").unwrap(), None);
        let common = PortList::parse("").unwrap();
        assert!(common.count() > 150 && common.iter().any(|p| p == 443), "{common}");
        for wrong in ["0", "65536", "22,", "80-22", "-p", "T:22", "22;ls", "+22", "--script=x", "1-", "-"] {
            let error = PortList::parse(wrong).unwrap_err();
            assert!(error.contains("8000-8010"), "{wrong}: {error}");
        }
    }
}
