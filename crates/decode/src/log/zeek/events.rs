//! Zeek's logs of applications: dns.log, ssl.log, http.log, ssh.log. One line tells the client's half and, where there was one, the
//! server's. Owns what their columns mean.

use super::Row;
use crate::log::LogError;
use crate::log::build::{self, app, text};
use record::{AppData, DnsData, HttpData, LogEntry, MacAddr, SshData, TlsData};

const TCP: u8 = 6;
const UDP: u8 = 17;
const MDNS_PORT: u16 = 5353;
/// NetBIOS and LLMNR borrow DNS's format but not its names.
pub(in crate::log) const NAME_PORTS_ALIKE: [u16; 3] = [137, 138, 5355];
/// Answers kept, as of packets.
const ANSWERS_MAX: usize = 16;

fn whose(row: &Row<'_>, proto: u8) -> Result<build::Between, LogError> {
    row.between(Some(proto))?.ok_or(LogError::NoAddress)
}

pub(super) fn dns(row: &Row<'_>, out: &mut Vec<LogEntry>) -> Result<(), LogError> {
    let (between, ts) = (whose(row, UDP)?, row.ts()?);
    if NAME_PORTS_ALIKE.iter().any(|port| between.src.port == *port || between.dest.port == *port) {
        out.push(LogEntry::NotUsed("zeek dns of NetBIOS or LLMNR".to_owned()));
        return Ok(());
    }
    let answers: Vec<String> = row.list("answers").iter().take(ANSWERS_MAX).map(|answer| text(answer)).collect();
    let rcode = row.get("rcode_name").map(|name| text(&name)).unwrap_or_default();
    let question = DnsData {
        multicast: between.dest.port == MDNS_PORT || between.src.port == MDNS_PORT,
        id: row.count("trans_id")? as u16,
        rrname: text(&row.get("query").unwrap_or_default()).to_ascii_lowercase(),
        rrtype: row.get("qtype_name").map(|name| text(&name)).unwrap_or_default(),
        ..DnsData::default()
    };
    let ttls = row.list("TTLs");
    let ttl_s = ttls.iter().filter_map(|ttl| ttl.parse::<f64>().ok()).fold(f64::INFINITY, f64::min);
    let answered = !rcode.is_empty() || !answers.is_empty();
    out.push(app(between, ts, true, MacAddr::default(), AppData::Dns(question.clone())));
    if answered {
        let ttl_s = if ttl_s.is_finite() { ttl_s as u32 } else { 0 };
        let answer = DnsData { response: true, rcode, answers, ttl_s, ..question };
        let later = ts.plus_ns(row.interval_ns("rtt")?.max(0));
        out.push(app(between, later, false, MacAddr::default(), AppData::Dns(answer)));
    }
    Ok(())
}

pub(super) fn ssl(row: &Row<'_>, out: &mut Vec<LogEntry>) -> Result<(), LogError> {
    let (between, ts) = (whose(row, TCP)?, row.ts()?);
    let field = |name: &str| row.get(name).map(|value| text(&value)).unwrap_or_default();
    let version = field("version");
    let hello = TlsData {
        quic: between.proto == UDP,
        sni: field("server_name").to_ascii_lowercase(),
        alpn: row.get("next_protocol").map(|name| vec![text(&name)]).unwrap_or_default(),
        version: tls_version(&version),
        ja4: field("ja4"),
    };
    out.push(app(between, ts, true, MacAddr::default(), AppData::Tls(hello)));
    Ok(())
}

/// `TLSv12` and `TLS 1.2` as `1.2`.
pub(in crate::log) fn tls_version(name: &str) -> String {
    let digits: String = name.chars().filter(char::is_ascii_digit).collect();
    match digits.as_bytes() {
        [major, minor] => format!("{}.{}", char::from(*major), char::from(*minor)),
        [major] => format!("{}.0", char::from(*major)),
        _ => String::new(),
    }
}

pub(super) fn http(row: &Row<'_>, out: &mut Vec<LogEntry>) -> Result<(), LogError> {
    let (between, ts) = (whose(row, TCP)?, row.ts()?);
    let field = |name: &str| row.get(name).map(|value| text(&value)).unwrap_or_default();
    let method = field("method");
    let user = field("username");
    if !method.is_empty() {
        let request = HttpData {
            http_method: method,
            hostname: field("host"),
            url: field("uri"),
            http_user_agent: field("user_agent"),
            length: row.count("request_body_len")?,
            authorization: if user.is_empty() { String::new() } else { "basic".to_owned() },
            http_user: user,
            ..HttpData::default()
        };
        out.push(app(between, ts, true, MacAddr::default(), AppData::Http(request)));
    }
    let status = row.count("status_code")?;
    if status > 0 {
        let response = HttpData {
            response: true,
            status: u16::try_from(status).map_err(|_| LogError::BadNumber)?,
            http_content_type: row.list("resp_mime_types").first().map(|name| text(name)).unwrap_or_default(),
            length: row.count("response_body_len")?,
            ..HttpData::default()
        };
        out.push(app(between, ts, false, MacAddr::default(), AppData::Http(response)));
    }
    if status == 0 && row.get("method").is_none() {
        out.push(LogEntry::NotUsed("zeek http without request".to_owned()));
    }
    Ok(())
}

pub(super) fn ssh(row: &Row<'_>, out: &mut Vec<LogEntry>) -> Result<(), LogError> {
    let (between, ts) = (whose(row, TCP)?, row.ts()?);
    let before = out.len();
    for (name, from_client) in [("client", true), ("server", false)] {
        if let Some(line) = row.get(name) {
            out.push(app(between, ts, from_client, MacAddr::default(), AppData::Ssh(identification(&line))));
        }
    }
    if out.len() == before {
        out.push(LogEntry::NotUsed("zeek ssh without identification".to_owned()));
    }
    Ok(())
}

/// `SSH-2.0-OpenSSH_7.6`.
fn identification(line: &str) -> SshData {
    let mut parts = line.trim().splitn(3, '-').skip(1);
    let mut next = || text(parts.next().unwrap_or_default());
    SshData { proto_version: next(), software_version: next() }
}
