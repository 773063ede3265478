//! EVE's application events: DNS in its three versions, TLS, HTTP, SSH. Owns what their objects mean.

use super::{Event, Object};
use crate::log::LogError;
use crate::log::build::{app, text};
use crate::log::zeek::{NAME_PORTS_ALIKE, tls_version};
use record::{AppData, DnsData, HttpData, LogEntry, SshData, TlsData};
use serde_json::Value;

const UDP: u8 = 17;
const MDNS_PORT: u16 = 5353;
/// Answers kept, as of packets.
const ANSWERS_MAX: usize = 16;

impl Event<'_> {
    /// One message; `from_src` tells whether the event's source said it.
    fn says(&self, from_src: bool, data: AppData) -> LogEntry {
        app(self.between, self.ts, from_src, super::mac(self.object, "src_mac"), data)
    }
}

fn field(object: Object<'_>, name: &str) -> String {
    object.text(name).map(text).unwrap_or_default()
}

/// Version 1 and 2 name the message `query` or `answer`, version 3 `request` or `response` and lists its questions. An answer event's
/// source is the client in versions 1 and 2 of flows that Suricata saw from their beginning, or whoever sent the packet: the port
/// that is DNS's own tells.
pub(super) fn dns(event: &Event<'_>, out: &mut Vec<LogEntry>) -> Result<(), LogError> {
    let ports = [event.between.src.port, event.between.dest.port];
    if NAME_PORTS_ALIKE.iter().any(|port| ports.contains(port)) {
        out.push(LogEntry::NotUsed("eve dns of NetBIOS or LLMNR".to_owned()));
        return Ok(());
    }
    let dns = event.object.object("dns").ok_or(LogError::Cut)?;
    let response = matches!(dns.text("type"), Some("answer" | "response"));
    let server_is_src = ports[0] == 53 && ports[1] != 53;
    let question = dns.array("queries").iter().chain(dns.array("query")).find_map(Value::as_object).map(Object);
    let asked = question.unwrap_or(dns);
    // Version 1 has one event an answer, with the question's name in each answer.
    let named = asked.text("rrname").or_else(|| Object(first_answer(dns)?).text("rrname")).unwrap_or_default();
    let data = DnsData {
        multicast: ports.contains(&MDNS_PORT),
        response,
        id: dns.number("id").unwrap_or(0) as u16,
        rrname: text(named).to_ascii_lowercase(),
        rrtype: field(asked, "rrtype"),
        rcode: if response { field(dns, "rcode") } else { String::new() },
        answers: answers(dns),
        ttl_s: ttl_s(dns),
        message_bytes: 0,
    };
    let from_src = response == server_is_src;
    out.push(event.says(from_src, AppData::Dns(data)));
    Ok(())
}

fn first_answer(dns: Object<'_>) -> Option<&serde_json::Map<String, Value>> {
    dns.array("answers").first()?.as_object()
}

/// `rdata` of each answer, of version 1's single one, or grouped by type.
fn answers(dns: Object<'_>) -> Vec<String> {
    let listed = dns.array("answers").iter().filter_map(|answer| answer.get("rdata")?.as_str());
    let grouped = dns.object("grouped").into_iter().flat_map(|groups| groups.0.values());
    let grouped = grouped.filter_map(Value::as_array).flatten().filter_map(Value::as_str);
    let mut all: Vec<String> = listed.chain(dns.text("rdata")).map(text).take(ANSWERS_MAX).collect();
    if all.is_empty() {
        all = grouped.map(text).take(ANSWERS_MAX).collect();
    }
    all
}

fn ttl_s(dns: Object<'_>) -> u32 {
    let listed = dns.array("answers").iter().filter_map(|answer| answer.get("ttl")?.as_u64());
    listed.chain(dns.number("ttl")).min().and_then(|ttl| u32::try_from(ttl).ok()).unwrap_or(0)
}

pub(super) fn tls(event: &Event<'_>, out: &mut Vec<LogEntry>) -> Result<(), LogError> {
    let tls = event.object.object("tls").ok_or(LogError::Cut)?;
    let offered = tls.array("client_alpns").iter().filter_map(Value::as_str).map(text).take(8).collect();
    let hello = TlsData {
        quic: event.between.proto == UDP,
        sni: field(tls, "sni").to_ascii_lowercase(),
        alpn: offered,
        version: tls.text("version").map(tls_version).unwrap_or_default(),
        ja4: field(tls, "ja4"),
    };
    out.push(event.says(true, AppData::Tls(hello)));
    Ok(())
}

pub(super) fn http(event: &Event<'_>, out: &mut Vec<LogEntry>) -> Result<(), LogError> {
    let http = event.object.object("http").ok_or(LogError::Cut)?;
    let before = out.len();
    if http.text("http_method").is_some() || http.text("url").is_some() {
        let request = HttpData {
            http_method: field(http, "http_method"),
            hostname: field(http, "hostname"),
            url: field(http, "url"),
            http_user_agent: field(http, "http_user_agent"),
            ..HttpData::default()
        };
        out.push(event.says(true, AppData::Http(request)));
    }
    if let Some(status) = http.number("status") {
        let response = HttpData {
            response: true,
            status: u16::try_from(status).map_err(|_| LogError::BadNumber)?,
            http_content_type: field(http, "http_content_type"),
            length: http.number("length").unwrap_or(0),
            ..HttpData::default()
        };
        out.push(event.says(false, AppData::Http(response)));
    }
    if out.len() == before {
        out.push(LogEntry::NotUsed("eve http without request".to_owned()));
    }
    Ok(())
}

pub(super) fn ssh(event: &Event<'_>, out: &mut Vec<LogEntry>) -> Result<(), LogError> {
    let ssh = event.object.object("ssh").ok_or(LogError::Cut)?;
    for (side, from_src) in [("client", true), ("server", false)] {
        if let Some(side) = ssh.object(side) {
            let data = SshData {
                proto_version: field(side, "proto_version"),
                software_version: field(side, "software_version"),
            };
            out.push(event.says(from_src, AppData::Ssh(data)));
        }
    }
    Ok(())
}
