//! Numbers and names as people read them in titles, and the blank alert that detectors fill.

use record::{Alert, DetectorScore, IpAddr16, Kind, Severity, Timestamp, Why};

/// `12,345`.
pub(super) fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(c);
    }
    out
}

/// `1 host`, `12 hosts`.
pub(super) fn plural(n: u64, one: &str, many: &str) -> String {
    format!("{} {}", count(n), if n == 1 { one } else { many })
}

/// Bytes with a decimal unit: `41 MB`, `1.2 MB`, `900 B`.
pub(super) fn bytes(n: f64) -> String {
    let units = ["B", "kB", "MB", "GB", "TB", "PB"];
    let mut value = n.max(0.0);
    let mut unit = 0;
    while value >= 999.5 && unit + 1 < units.len() {
        value /= 1000.0;
        unit += 1;
    }
    if unit > 0 && value < 9.95 { format!("{value:.1} {}", units[unit]) } else { format!("{value:.0} {}", units[unit]) }
}

/// A duration in seconds as `850 ms`, `2.0 s`, `4 min`, `1.5 h`.
pub(super) fn seconds(s: f64) -> String {
    match s {
        s if s < 1.0 => format!("{:.0} ms", s * 1000.0),
        s if s < 90.0 => format!("{s:.1} s"),
        s if s < 5400.0 => format!("{:.0} min", s / 60.0),
        s => format!("{:.1} h", s / 3600.0),
    }
}

/// A port with its usual service: `port 23 (Telnet)`.
pub(super) fn port(n: u16) -> String {
    service(n).map_or_else(|| format!("port {n}"), |name| format!("port {n} ({name})"))
}

/// Usual service of a port, for people.
pub(super) fn service(n: u16) -> Option<&'static str> {
    Some(match n {
        21 => "FTP",
        22 => "SSH",
        23 | 2323 => "Telnet",
        25 | 465 | 587 => "SMTP",
        53 => "DNS",
        80 | 8080 => "HTTP",
        110 | 995 => "POP3",
        123 => "NTP",
        137..=139 => "NetBIOS",
        143 | 993 => "IMAP",
        161 => "SNMP",
        389 | 636 => "LDAP",
        443 | 8443 => "HTTPS",
        445 => "SMB",
        502 => "Modbus",
        1433 => "SQL Server",
        1900 => "SSDP",
        3306 => "MySQL",
        3389 => "RDP",
        5432 => "PostgreSQL",
        5900..=5909 => "VNC",
        11211 => "memcached",
        20_000 => "DNP3",
        _ => return None,
    })
}

/// Unit of what is there (1) or not (0).
pub(super) const YES_NO: &str = "yes/no";

/// One reason.
pub(super) fn why(feature: &str, value: f64, expected: [f64; 2], unit: &str, share: f64) -> Why {
    Why { feature: feature.to_owned(), value, expected, unit: unit.to_owned(), share }
}

/// An alert with the fields that every detector fills the same way.
pub(super) fn alert(kind: Kind, detector: &'static str, first_seen: Timestamp, ts: Timestamp, p_value: f64) -> Alert {
    Alert {
        ts,
        first_seen,
        kind,
        detector,
        src: Vec::new(),
        dest: Vec::new(),
        dest_port: Vec::new(),
        score: 0.9,
        severity: Severity::Medium,
        title: String::new(),
        why: Vec::new(),
        detectors: vec![DetectorScore { name: detector.to_owned(), score: 0.9, p_value }],
        flows: Vec::new(),
        packets: 0,
        story: String::new(),
        attack: Vec::new(),
    }
}

/// Sets the score in both places that carry it.
pub(super) fn scored(mut alert: Alert, score: f64) -> Alert {
    alert.score = score.clamp(0.0, 1.0) as f32;
    for detector in &mut alert.detectors {
        detector.score = f64::from(alert.score);
    }
    alert
}

/// Adds `value` to a list of distinct things of at most 64.
pub(super) fn push_distinct<T: PartialEq>(list: &mut Vec<T>, value: T) {
    if list.len() < 64 && !list.contains(&value) {
        list.push(value);
    }
}

/// True for an IPv4 address that ends in .255 or .0: the broadcast or network address of nearly every subnet.
pub(super) fn may_be_broadcast(ip: IpAddr16) -> bool {
    ip.is_v4() && matches!(ip.0[15], 0 | 255)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!(count(1_234_567), "1,234,567");
        assert_eq!(count(12), "12");
        assert_eq!(plural(1, "host", "hosts"), "1 host");
        assert_eq!(bytes(41_000_000.0), "41 MB");
        assert_eq!(bytes(1_200_000.0), "1.2 MB");
        assert_eq!(bytes(900.0), "900 B");
        assert_eq!(seconds(0.25), "250 ms");
        assert_eq!(port(23), "port 23 (Telnet)");
    }
}
