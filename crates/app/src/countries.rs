//! Countries of addresses, from a database that the user has (MaxMind's format: GeoLite2, DB-IP, IP2Location and others write it); none is
//! shipped. Owns its setting, reading it and keeping what was read while the file is bad; what is done with a country is the page's.

use crate::failure::{Failure, Result};
use maxminddb::{PathElement, Reader};
use record::IpAddr16;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::UNIX_EPOCH;

/// Bytes read of a database.
const BYTES_MAX: u64 = 256 << 20;
/// Where databases have the code: MaxMind's own, and flat ones.
const PATHS: [&[PathElement<'static>]; 4] = [
    &[PathElement::Key("country"), PathElement::Key("iso_code")],
    &[PathElement::Key("country_code")],
    &[PathElement::Key("country")],
    &[PathElement::Key("registered_country"), PathElement::Key("iso_code")],
];

/// Countries.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GeoIpSettings {
    /// Database of countries, MMDB; empty: none.
    pub country_file: PathBuf,
}

impl GeoIpSettings {
    /// Reads the file, when there is one, to say now what is wrong with it.
    pub fn check(&self) -> Result<()> {
        read(&self.country_file).map(|_| ())
    }
}

type Database = Reader<Vec<u8>>;

/// None: no file is set.
fn read(path: &Path) -> Result<Option<Database>> {
    if path.as_os_str().is_empty() {
        return Ok(None);
    }
    let told = |what: String| Failure::new(format!("geoip.country_file {}: {what}", path.display()));
    let length =
        std::fs::metadata(path).map_err(|e| told(format!("{e}; give a file that can be read, or none")))?.len();
    if length > BYTES_MAX {
        return Err(told(format!(
            "{length} bytes; at most {BYTES_MAX} are read: give a database of countries, not of cities"
        )));
    }
    let bytes = std::fs::read(path).map_err(|e| told(format!("{e}; give a file that can be read, or none")))?;
    let database = Reader::from_source(bytes)
        .map_err(|e| told(format!("this is no database in MaxMind's format (.mmdb): {e}; download it anew")))?;
    Ok(Some(database))
}

/// The database in use.
#[derive(Default)]
pub struct Countries {
    database: RwLock<Option<Arc<Database>>>,
}

impl Countries {
    /// Reads the database anew. One that cannot be read leaves the old one in place and is told in the log.
    pub fn take(&self, settings: &GeoIpSettings) {
        match read(&settings.country_file) {
            Ok(found) => {
                *self.database.write().unwrap_or_else(PoisonError::into_inner) = found.map(Arc::new);
            }
            Err(failure) => tracing::error!("countries stay as they were: {failure}"),
        }
    }

    fn current(&self) -> Option<Arc<Database>> {
        self.database.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// ISO code in capitals; empty when it is not known, and for addresses that are of no place.
    pub fn of(&self, ip: IpAddr16) -> String {
        if is_of_no_place(ip.to_ip()) {
            return String::new();
        }
        let Some(database) = self.current() else { return String::new() };
        let Ok(found) = database.lookup(ip.to_ip()) else { return String::new() };
        let code = PATHS.iter().find_map(|path| found.decode_path::<&str>(path).ok().flatten().filter(|c| is_code(c)));
        code.map(str::to_ascii_uppercase).unwrap_or_default()
    }

    /// What the database calls itself, and when it was made.
    pub fn name(&self) -> Option<String> {
        let database = self.current()?;
        let metadata = database.metadata();
        let made = metadata.build_time().ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok());
        let day = made.map(|at| record::Timestamp::from_parts(at.as_secs() as i64, 0).to_string());
        let day = day.as_deref().and_then(|text| text.get(..10)).unwrap_or("an unknown day").to_owned();
        Some(format!("{}, made {day}", metadata.database_type))
    }
}

/// Private, of this machine or of its link: whatever a database says of them, it is not where they are.
fn is_of_no_place(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(v4) => v4.is_private() || v4.is_link_local() || v4.is_loopback() || v4.is_multicast(),
        IpAddr::V6(v6) => v6.is_unique_local() || v6.is_unicast_link_local() || v6.is_loopback() || v6.is_multicast(),
    }
}

fn is_code(text: &str) -> bool {
    text.len() == 2 && text.bytes().all(|b| b.is_ascii_alphabetic())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// Appends a string of the format's data section.
    fn text(out: &mut Vec<u8>, value: &str) {
        out.push(0x40 | value.len() as u8);
        out.extend(value.as_bytes());
    }

    /// Appends an unsigned number: of two bytes (type 5), of four (6), of eight (9, extended).
    fn number(out: &mut Vec<u8>, value: u64, bytes: usize) {
        match bytes {
            2 => out.push(0xa2),
            4 => out.push(0xc4),
            _ => out.extend([0x08, 0x02]),
        }
        out.extend(&value.to_be_bytes()[8 - bytes..]);
    }

    /// A database of one node, in the format's own words: addresses whose first bit is 0 are in `low`, the others in `high`.
    fn database(low: &[u8], high: &[u8]) -> Vec<u8> {
        let record = |at: usize| ((1 + 16 + at) as u32).to_be_bytes()[1..].to_vec();
        let mut out = [record(0), record(low.len())].concat();
        out.extend([0; 16]);
        out.extend(low);
        out.extend(high);
        out.extend(b"\xab\xcd\xefMaxMind.com");
        out.push(0xe0 | 9);
        for (key, value, bytes) in [
            ("binary_format_major_version", 2, 2),
            ("binary_format_minor_version", 0, 2),
            ("build_epoch", 1_760_000_000, 8),
            ("ip_version", 4, 2),
            ("node_count", 1, 4),
            ("record_size", 24, 2),
        ] {
            text(&mut out, key);
            number(&mut out, value, bytes);
        }
        text(&mut out, "database_type");
        text(&mut out, "Made-Up-Country");
        text(&mut out, "languages");
        out.extend([0x00, 0x04]);
        text(&mut out, "description");
        out.push(0xe0);
        out
    }

    fn of_maxmind(code: &str) -> Vec<u8> {
        let mut out = vec![0xe1];
        text(&mut out, "country");
        out.push(0xe1);
        text(&mut out, "iso_code");
        text(&mut out, code);
        out
    }

    fn flat(code: &str) -> Vec<u8> {
        let mut out = vec![0xe1];
        text(&mut out, "country_code");
        text(&mut out, code);
        out
    }

    #[test]
    fn both_forms_are_read_and_a_new_file_is_taken_over() {
        let folder = tempfile::tempdir().unwrap();
        let settings = GeoIpSettings { country_file: folder.path().join("made.mmdb") };
        std::fs::write(&settings.country_file, database(&of_maxmind("de"), &flat("US"))).unwrap();
        settings.check().unwrap();
        let countries = Countries::default();
        assert_eq!((countries.of(IpAddr16::v4([9, 9, 9, 9])), countries.name()), (String::new(), None));
        countries.take(&settings);
        assert_eq!(countries.of(IpAddr16::v4([9, 9, 9, 9])), "DE");
        assert_eq!(countries.of(IpAddr16::v4([192, 0, 2, 1])), "US");
        assert_eq!(countries.of(IpAddr16::v4([10, 0, 0, 1])), "", "a private address is nowhere");
        assert_eq!(countries.of("2001:db8::1".parse().unwrap()), "", "a database of IPv4 knows no IPv6");
        assert_eq!(countries.name().unwrap(), "Made-Up-Country, made 2025-10-09");
        std::fs::write(&settings.country_file, database(&flat("FR"), &flat("xx1"))).unwrap();
        countries.take(&settings);
        assert_eq!(countries.of(IpAddr16::v4([9, 9, 9, 9])), "FR");
        assert_eq!(countries.of(IpAddr16::v4([192, 0, 2, 1])), "", "what is no code is none");
    }

    #[test]
    fn a_bad_file_is_said_and_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let settings = GeoIpSettings { country_file: folder.path().join("made.mmdb") };
        assert!(settings.check().unwrap_err().to_string().contains("geoip.country_file"));
        std::fs::write(&settings.country_file, database(&flat("FR"), &flat("IT"))).unwrap();
        let countries = Countries::default();
        countries.take(&settings);
        std::fs::write(&settings.country_file, b"not a database").unwrap();
        assert!(settings.check().unwrap_err().to_string().contains("MaxMind's format"));
        countries.take(&settings);
        assert_eq!(countries.of(IpAddr16::v4([9, 9, 9, 9])), "FR");
        // Whatever is cut or changed of it: an answer or none, never a panic.
        let whole = database(&of_maxmind("DE"), &flat("US"));
        for at in 0..whole.len() {
            let mut broken = whole.clone();
            broken[at] ^= 0xff;
            for bytes in [broken, whole[..at].to_vec()] {
                std::fs::write(&settings.country_file, bytes).unwrap();
                countries.take(&settings);
                let _ = (countries.of(IpAddr16::v4([9, 9, 9, 9])), countries.name());
            }
        }
        countries.take(&GeoIpSettings::default());
        assert_eq!(countries.of(IpAddr16::v4([9, 9, 9, 9])), "", "no file any more");
    }
}
