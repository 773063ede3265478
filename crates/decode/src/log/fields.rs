//! Pieces of log lines: pairs of names and values, comma-separated cells, addresses, ports, protocols, actions. Owns the spellings
//! that several formats share; knows no format.

use super::LogError;
use record::{Endpoint, FirewallAction, IpAddr16, MacAddr};

/// Most pairs or cells taken of one line; more is no log that is known.
const FIELDS_MAX: usize = 1_024;

/// Largest count of packets or bytes that can be meant: what JavaScript reads exactly, 9 PB. Sums of such counts do not overflow.
pub(super) const COUNT_MAX: u64 = (1 << 53) - 1;

/// Names and values of one line, in its order.
#[derive(Debug, Default)]
pub(super) struct Pairs<'a>(pub(super) Vec<(&'a str, &'a str)>);

impl<'a> Pairs<'a> {
    /// The first value of that name; an empty one and `N/A` are none.
    pub(super) fn get(&self, name: &str) -> Option<&'a str> {
        let value = self.0.iter().find(|(found, _)| *found == name).map(|(_, value)| value.trim())?;
        (!value.is_empty() && value != "N/A").then_some(value)
    }
    /// The first of these names that has a value.
    pub(super) fn any(&self, names: &[&str]) -> Option<&'a str> {
        names.iter().find_map(|name| self.get(name))
    }
    /// The value of the first name that ends so: makers put their own prefix before a common name.
    pub(super) fn ending(&self, end: &str) -> Option<&'a str> {
        self.0
            .iter()
            .find(|(name, value)| name.ends_with(end) && !value.trim().is_empty())
            .map(|(_, value)| value.trim())
    }
    /// True when the name stands there, with or without a value.
    pub(super) fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(found, _)| *found == name)
    }

    /// `a=1 b="two words" c=3`, also separated by commas. A bare word (`SYN`) is a name without a value.
    pub(super) fn read(text: &'a str) -> Self {
        let mut pairs = Vec::new();
        let mut rest = text.trim_start_matches([' ', ',', '\t']);
        while !rest.is_empty() && pairs.len() < FIELDS_MAX {
            let name_end = rest.find(['=', ' ', ',', '\t']).unwrap_or(rest.len());
            let (name, behind) = rest.split_at(name_end);
            let Some(value) = behind.strip_prefix('=') else {
                pairs.push((name, ""));
                rest = behind.trim_start_matches([' ', ',', '\t']);
                continue;
            };
            let (value, behind) = value_of(value);
            pairs.push((name, value));
            rest = behind.trim_start_matches([' ', ',', '\t']);
        }
        Self(pairs)
    }

    /// CEF's extension: values are not quoted and may hold spaces; a name is the word before `=`.
    pub(super) fn read_cef(text: &'a str) -> Self {
        let mut starts: Vec<(usize, usize)> = Vec::new();
        let bytes = text.as_bytes();
        for (at, byte) in bytes.iter().enumerate() {
            if *byte != b'=' || (at > 0 && bytes[at - 1] == b'\\') {
                continue;
            }
            let name_len = bytes[..at]
                .iter()
                .rev()
                .take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-'))
                .count();
            let start = at - name_len;
            if name_len > 0
                && (start == 0 || matches!(bytes[start - 1], b' ' | b'\n' | b'\t' | b'|'))
                && starts.len() < FIELDS_MAX
            {
                starts.push((start, at));
            }
        }
        let pair = |(place, (start, equals)): (usize, &(usize, usize))| {
            let end = starts.get(place + 1).map_or(text.len(), |(next, _)| *next);
            (&text[*start..*equals], text[equals + 1..end].trim().trim_matches('"'))
        };
        Self(starts.iter().enumerate().map(pair).collect())
    }
}

/// A value and what stands behind it: quoted, or up to the next space or the comma before the next name.
fn value_of(text: &str) -> (&str, &str) {
    if let Some(inner) = text.strip_prefix('"') {
        let mut escaped = false;
        for (at, byte) in inner.bytes().enumerate() {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => return (&inner[..at], &inner[at + 1..]),
                _ => {}
            }
        }
        return (inner, "");
    }
    let mut end = text.len();
    for (at, byte) in text.bytes().enumerate() {
        let comma_before_name = || {
            let behind = &text[at + 1..];
            let name = behind.bytes().take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-')).count();
            name > 0 && behind.as_bytes().get(name) == Some(&b'=')
        };
        if matches!(byte, b' ' | b'\t') || (byte == b',' && comma_before_name()) {
            end = at;
            break;
        }
    }
    text.split_at(end)
}

/// Comma-separated cells; a cell in quotes may hold commas.
pub(super) fn cells(text: &str) -> Vec<&str> {
    let mut cells = Vec::new();
    let (mut start, mut quoted) = (0, false);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'"' => quoted = !quoted,
            b',' if !quoted && cells.len() < FIELDS_MAX => {
                cells.push(text[start..at].trim_matches('"'));
                start = at + 1;
            }
            _ => {}
        }
    }
    cells.push(text[start..].trim_matches('"'));
    cells
}

/// An IP address, also in brackets or with a zone behind it.
pub(super) fn address(text: &str) -> Result<IpAddr16, LogError> {
    let text = text.trim().trim_start_matches('[').trim_end_matches(']');
    let text = text.split('%').next().unwrap_or(text);
    text.parse().map_err(|_| LogError::BadAddress)
}

/// A port; a text that is empty or `-` is none.
pub(super) fn port(text: &str) -> Result<u16, LogError> {
    match text.trim() {
        "" | "-" => Ok(0),
        text => text.parse().map_err(|_| LogError::BadPort),
    }
}

/// A count; a text that is empty or `-` is 0.
pub(super) fn count(text: &str) -> Result<u64, LogError> {
    match text.trim() {
        "" | "-" => Ok(0),
        text => text.parse().ok().filter(|count| *count <= COUNT_MAX).ok_or(LogError::BadNumber),
    }
}

/// A decimal or hexadecimal (`0x92`) number of one byte.
pub(super) fn small(text: &str) -> Option<u8> {
    match text.strip_prefix("0x") {
        Some(hex) => u8::from_str_radix(hex, 16).ok(),
        None => text.parse().ok(),
    }
}

/// An IP protocol by number or name, whatever its case; `tcp/https` is TCP.
pub(super) fn protocol(text: &str) -> Option<u8> {
    let name = text.trim().split('/').next().unwrap_or_default().to_ascii_lowercase();
    Some(match name.as_str() {
        "tcp" => 6,
        "udp" => 17,
        "icmp" => 1,
        "icmp6" | "icmpv6" | "ipv6-icmp" | "icmp-v6" => 58,
        "igmp" => 2,
        "gre" => 47,
        "esp" => 50,
        "ah" => 51,
        "ospf" | "ospfigp" => 89,
        "sctp" => 132,
        "ipip" | "ipencap" => 4,
        "ipv6" => 41,
        "pim" => 103,
        "vrrp" | "carp" => 112,
        "udplite" => 136,
        number => return number.parse().ok(),
    })
}

/// FortiOS' number of the message that tells a session again while it lasts, with zeros before it. Its totals were told before: a line
/// of that number without what came since (`sentdelta`) was cut before it, or adds nothing.
pub(super) fn tells_again(message_id: &str) -> bool {
    message_id.trim_start_matches('0') == "20"
}

/// True for protocols with ports.
pub(super) const fn has_ports(proto: u8) -> bool {
    matches!(proto, 6 | 17 | 132 | 136)
}

/// `192.0.2.4/443`, `192.0.2.4:443`, `[2001:db8::1]:443`, or an address alone.
pub(super) fn endpoint(text: &str, separator: char) -> Result<Endpoint, LogError> {
    match text.rsplit_once(separator) {
        // Of an IPv6 address without brackets, the last part is no port.
        Some((addr, digits)) if separator != ':' || addr.ends_with(']') || !addr.contains(':') => {
            Ok(Endpoint { addr: address(addr)?, port: port(digits)? })
        }
        _ => Ok(Endpoint { addr: address(text)?, port: 0 }),
    }
}

/// An Ethernet address; zero where it is none.
pub(super) fn mac(text: &str) -> MacAddr {
    let mut bytes = [0; 6];
    let mut parts = text.trim().split([':', '-']);
    for byte in &mut bytes {
        match parts.next().and_then(|part| u8::from_str_radix(part, 16).ok()) {
            Some(value) => *byte = value,
            None => return MacAddr::default(),
        }
    }
    MacAddr(bytes)
}

/// What a firewall's word for its deed means; None for words that tell how a connection ended or nothing of that sort.
pub(super) fn action(text: &str) -> Option<FirewallAction> {
    let word = text.trim().to_ascii_lowercase();
    let is = |words: &[&str]| words.contains(&word.as_str());
    if is(&[
        "accept",
        "allow",
        "allowed",
        "pass",
        "passthrough",
        "permit",
        "permitted",
        "alert",
        "monitored",
        "log-only",
        "redirect",
        "encrypt",
        "detected",
        "close",
        "timeout",
        "client-rst",
        "server-rst",
        "start",
        "ip-conn",
        "dns",
        "continue",
        "detect",
        "trust",
    ]) {
        return Some(FirewallAction::Allowed);
    }
    if is(&[
        "reset",
        "reject",
        "rejected",
        "reset-both",
        "reset-client",
        "reset-server",
        "reset_client",
        "reset_server",
        "block with reset",
        "drop-icmp",
        "block-continue",
    ]) {
        return Some(FirewallAction::Reset);
    }
    let blocked = is(&[
        "deny",
        "denied",
        "drop",
        "dropped",
        "drop-all-packets",
        "block",
        "blocked",
        "block-url",
        "block-ip",
        "discard",
        "prevent",
        "prevented",
        "random-drop",
        "sinkhole",
        "clear_session",
        "violation",
        "interactive block",
    ]);
    blocked.then_some(FirewallAction::Blocked)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn pairs_with_spaces_commas_and_quotes() {
        let pairs = Pairs::read("date=2026-03-04,time=08:15:30,vd=\"v, 1\" load=4,2,1 SYN dst=");
        assert_eq!(pairs.get("date"), Some("2026-03-04"));
        assert_eq!(
            (pairs.get("time"), pairs.get("vd"), pairs.get("load")),
            (Some("08:15:30"), Some("v, 1"), Some("4,2,1"))
        );
        assert_eq!((pairs.get("dst"), pairs.has("SYN"), pairs.has("dst")), (None, true, true));
    }

    #[test]
    fn cef_values_hold_spaces() {
        let pairs = Pairs::read_cef("src=10.0.0.1 spt= 12345 msg=two words a\\=b cs1=\"door locks\" UNIFIhost=gate 3");
        assert_eq!((pairs.get("src"), pairs.get("spt")), (Some("10.0.0.1"), Some("12345")));
        assert_eq!((pairs.get("msg"), pairs.get("cs1")), (Some("two words a\\=b"), Some("door locks")));
        assert_eq!(pairs.ending("host"), Some("gate 3"));
    }

    #[test]
    fn cells_in_quotes_hold_commas() {
        assert_eq!(cells("1,\"a, b\",,x"), ["1", "a, b", "", "x"]);
        assert_eq!(cells(""), [""]);
    }

    #[test]
    fn endpoints_of_both_versions() {
        let text = |e: Endpoint| format!("{} {}", e.addr, e.port);
        assert_eq!(text(endpoint("192.0.2.4/443", '/').unwrap()), "192.0.2.4 443");
        assert_eq!(text(endpoint("[2001:db8::1]:53", ':').unwrap()), "2001:db8::1 53");
        assert_eq!(text(endpoint("2001:db8::1", ':').unwrap()), "2001:db8::1 0");
        assert_eq!(endpoint("host/443", '/'), Err(LogError::BadAddress));
        assert_eq!(endpoint("192.0.2.4/77777", '/'), Err(LogError::BadPort));
        assert_eq!((count("12"), count("-"), count("99999999999999999")), (Ok(12), Ok(0), Err(LogError::BadNumber)));
    }

    #[test]
    fn words() {
        assert_eq!(
            (protocol("TCP"), protocol("tcp/https"), protocol("58"), protocol("x")),
            (Some(6), Some(6), Some(58), None)
        );
        assert_eq!(action("Deny"), Some(FirewallAction::Blocked));
        assert_eq!(action("reset-both"), Some(FirewallAction::Reset));
        assert_eq!(action("accept"), Some(FirewallAction::Allowed));
        assert_eq!(action("login"), None);
        assert_eq!(mac("02:00:5e:10:00:03").to_string(), "02:00:5e:10:00:03");
        assert!(mac("02:00").is_zero());
    }
}
