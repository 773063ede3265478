//! MAC addresses that the kernel learned while it connected. Owns the reading of its IPv4 table; asks nobody.
//!
//! The table holds hosts of the same link only, which is what a MAC address says something of. IPv6 neighbours are told by netlink
//! alone, which nothing here speaks: those hosts have no MAC address in a scan of ours.

use std::collections::BTreeMap;
use std::net::IpAddr;

const TABLE: &str = "/proc/net/arp";
/// Most lines read; the kernel keeps 1,024 unless told otherwise.
const LINES_MAX: usize = 65_536;
/// The flag of an address that is known (ATF_COM).
const KNOWN: u32 = 0x2;
/// The hardware type of Ethernet.
const ETHERNET: &str = "0x1";

/// Who is known now; empty where the system has no such table.
pub fn known() -> BTreeMap<IpAddr, String> {
    std::fs::read_to_string(TABLE).map(|text| read(&text)).unwrap_or_default()
}

/// Lines of `address, hardware type, flags, MAC, mask, device`, below a headline.
fn read(text: &str) -> BTreeMap<IpAddr, String> {
    text.lines().skip(1).take(LINES_MAX).filter_map(line).collect()
}

fn line(text: &str) -> Option<(IpAddr, String)> {
    let mut words = text.split_whitespace();
    let address = words.next()?.parse().ok()?;
    let ethernet = words.next()? == ETHERNET;
    let flags = u32::from_str_radix(words.next()?.strip_prefix("0x")?, 16).ok()?;
    // In capitals, as nmap writes it: an address is the same only in the same spelling.
    let mac = words.next()?.to_ascii_uppercase();
    let pairs = mac.split(':').filter(|pair| pair.len() == 2 && pair.bytes().all(|b| b.is_ascii_hexdigit())).count();
    let whole = mac.len() == 17 && pairs == 6 && mac != "00:00:00:00:00:00";
    (ethernet && flags & KNOWN != 0 && whole).then_some((address, mac))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn only_what_is_known_is_taken() {
        let text = "IP address       HW type     Flags       HW address            Mask     Device\n\
                    10.0.0.1         0x1         0x2         52:54:00:ab:00:01     *        eth0\n\
                    10.0.0.2         0x1         0x0         00:00:00:00:00:00     *        eth0\n\
                    10.0.0.3         0x1         0x6         52:54:00:ab:00:03     *        eth0\n\
                    10.0.0.4         0x20        0x2         52:54:00:ab:00:04     *        ib0\n\
                    10.0.0.5         0x1         0x2         52:54:00:ab:00\n\
                    x                0x1         0x2         52:54:00:ab:00:06     *        eth0\n\n";
        let found = read(text);
        let expected = [("10.0.0.1", "52:54:00:AB:00:01"), ("10.0.0.3", "52:54:00:AB:00:03")];
        assert_eq!(found.len(), 2, "{found:?}");
        for (address, mac) in expected {
            assert_eq!(found[&address.parse::<IpAddr>().unwrap()], mac);
        }
        assert!(read("").is_empty());
    }
}
