//! Makers of network cards by the beginning of their addresses, from the list that the system has installed (of IEEE's register,
//! nmap or Wireshark); nothing is shipped. Read once, when the first host is shown.

use record::MacAddr;
use std::collections::HashMap;
use std::path::Path;
use std::sync::OnceLock;

/// Where distributions keep such lists.
const PLACES: [&str; 6] = [
    "/usr/share/nmap/nmap-mac-prefixes",
    "/usr/share/wireshark/manuf",
    "/usr/share/hwdata/oui.txt",
    "/usr/share/ieee-data/oui.txt",
    "/var/lib/ieee-data/oui.txt",
    "/usr/share/misc/oui.txt",
];
/// Bytes read of a list.
const BYTES_MAX: u64 = 32 << 20;
/// Hexadecimal digits of the shortest prefix given to makers.
const DIGITS: usize = 6;
/// Bit of a card's first byte that says that nobody gave the address out: phones and virtual machines choose such.
const LOCAL: u8 = 0x02;

/// The list.
#[derive(Default)]
pub struct Vendors {
    names: OnceLock<HashMap<u32, String>>,
}

impl Vendors {
    /// The maker, or why there is none; empty when it is not known.
    pub fn name(&self, mac: MacAddr) -> String {
        let [a, b, c, ..] = mac.0;
        if a & LOCAL != 0 {
            return "random or virtual".to_owned();
        }
        let names =
            self.names.get_or_init(|| PLACES.iter().find_map(|place| read(Path::new(place))).unwrap_or_default());
        names.get(&u32::from_be_bytes([0, a, b, c])).cloned().unwrap_or_default()
    }
}

fn read(path: &Path) -> Option<HashMap<u32, String>> {
    if std::fs::metadata(path).ok()?.len() > BYTES_MAX {
        return None;
    }
    let text = String::from_utf8_lossy(&std::fs::read(path).ok()?).into_owned();
    let names: HashMap<u32, String> = text.lines().filter_map(line).collect();
    (!names.is_empty()).then_some(names)
}

/// `001122 Name`, `00:11:22<tab>Short<tab>Name`, `00-11-22   (hex)<tab><tab>Name`. Longer prefixes are of small makers and passed over.
fn line(line: &str) -> Option<(u32, String)> {
    let (prefix, rest) = line.split_once(char::is_whitespace)?;
    let digits: String = prefix.chars().filter(char::is_ascii_hexdigit).collect();
    let plain = prefix.chars().all(|c| c.is_ascii_hexdigit() || c == ':' || c == '-');
    if digits.len() != DIGITS || !plain {
        return None;
    }
    let rest = rest.trim();
    let name = rest.strip_prefix("(hex)").unwrap_or(rest);
    let name = name.rsplit('\t').next().unwrap_or(name).trim();
    (!name.is_empty()).then(|| u32::from_str_radix(&digits, 16).map(|prefix| (prefix, name.to_owned())).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_forms_of_the_lists_are_read() {
        for (text, wanted) in [
            ("001122 Cimsys", Some((0x1122, "Cimsys"))),
            ("00:11:22\tCimsys\tCimsys Inc", Some((0x1122, "Cimsys Inc"))),
            ("00-11-22   (hex)\t\tCimsys Inc", Some((0x1122, "Cimsys Inc"))),
            ("001122     (base 16)\t\tCimsys Inc", Some((0x1122, "Cimsys Inc"))),
            ("# 001122 a comment", None),
            ("0050C2000 A small maker", None),
            ("OUI/MA-L\tOrganization", None),
        ] {
            assert_eq!(line(text), wanted.map(|(prefix, name)| (prefix, name.to_owned())), "{text}");
        }
    }

    #[test]
    fn an_address_that_nobody_gave_out_is_said_to_be_one() {
        let vendors = Vendors { names: HashMap::from([(0x1122, "Cimsys".to_owned())]).into() };
        assert_eq!(vendors.name(MacAddr([0, 0x11, 0x22, 1, 2, 3])), "Cimsys");
        assert_eq!(vendors.name(MacAddr([0, 0x11, 0x23, 1, 2, 3])), "");
        assert_eq!(vendors.name(MacAddr([0x02, 0x11, 0x22, 1, 2, 3])), "random or virtual");
    }
}
