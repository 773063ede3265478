//! Suricata's EVE: one JSON object a line. Owns flows, netflow halves, alerts; its application events are in `apps`.

mod apps;

use super::build::{self, Between};
use super::{Heads, Line, LogError, LogFormat, fields, time};
use record::{
    AppProto, ContactOutcome, EndReason, Endpoint, ExportedFlow, FirewallAction, LogEntry, MacAddr, Severity, TcpFlags,
    Timestamp,
};
use serde_json::{Map, Value};

const TCP: u8 = 6;

/// Suricata, and what writes like it.
pub(crate) struct Eve;

/// An object's fields by their types.
#[derive(Clone, Copy)]
struct Object<'a>(&'a Map<String, Value>);

impl<'a> Object<'a> {
    fn text(self, name: &str) -> Option<&'a str> {
        self.0.get(name)?.as_str()
    }
    fn number(self, name: &str) -> Option<u64> {
        self.0.get(name)?.as_u64()
    }
    fn object(self, name: &str) -> Option<Object<'a>> {
        self.0.get(name)?.as_object().map(Object)
    }
    fn array(self, name: &str) -> &'a [Value] {
        self.0.get(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }
    /// A count that must be one where it stands.
    fn count(self, name: &str) -> Result<u64, LogError> {
        match self.0.get(name) {
            None | Some(Value::Null) => Ok(0),
            Some(value) => value.as_u64().filter(|count| *count <= fields::COUNT_MAX).ok_or(LogError::BadNumber),
        }
    }
    fn time(self, name: &str) -> Result<Option<Timestamp>, LogError> {
        self.text(name).map(|text| time::iso(text).ok_or(LogError::BadTime)).transpose()
    }
}

/// What every event says.
struct Event<'a> {
    object: Object<'a>,
    ts: Timestamp,
    between: Between,
}

impl LogFormat for Eve {
    fn name(&self) -> &'static str {
        "eve"
    }
    fn claims(&self, line: &Line<'_>, _: &Heads) -> bool {
        line.json().is_some_and(|json| json.contains("\"event_type\":"))
    }
    fn read(&self, line: &Line<'_>, _: &mut Heads, out: &mut Vec<LogEntry>) -> Result<(), LogError> {
        let json = line.json().ok_or(LogError::BadJson)?;
        let map: Map<String, Value> = serde_json::from_str(json).map_err(|_| LogError::BadJson)?;
        let object = Object(&map);
        let kind = object.text("event_type").unwrap_or_default();
        if !matches!(kind, "flow" | "netflow" | "alert" | "dns" | "tls" | "http" | "ssh") {
            out.push(LogEntry::NotUsed(format!("eve {kind}")));
            return Ok(());
        }
        let ts = object.time("timestamp")?.ok_or(LogError::BadTime)?;
        let event = Event { object, ts, between: between(object)? };
        match kind {
            "flow" => flow(&event, out),
            "netflow" => netflow(&event, out),
            "alert" => alert(&event, out),
            "dns" => apps::dns(&event, out),
            "tls" => apps::tls(&event, out),
            "http" => apps::http(&event, out),
            _ => apps::ssh(&event, out),
        }
    }
}

fn between(object: Object<'_>) -> Result<Between, LogError> {
    let end = |ip: &str, port: &str| -> Result<Endpoint, LogError> {
        let addr = fields::address(object.text(ip).ok_or(LogError::NoAddress)?)?;
        let port = u16::try_from(object.count(port)?).map_err(|_| LogError::BadPort)?;
        Ok(Endpoint { addr, port })
    };
    let proto = object.text("proto").and_then(fields::protocol).unwrap_or(0);
    Ok(Between::new(end("src_ip", "src_port")?, end("dest_ip", "dest_port")?, proto))
}

/// `1b`, flags as hexadecimal digits.
fn flags(tcp: Option<Object<'_>>, name: &str) -> Option<TcpFlags> {
    u8::from_str_radix(tcp?.text(name)?, 16).ok().map(TcpFlags)
}

/// The `ether` object's addresses, one or several.
fn mac(object: Object<'_>, name: &str) -> MacAddr {
    let Some(ether) = object.object("ether") else { return MacAddr::default() };
    let one = ether.text(name).or_else(|| ether.array(&format!("{name}s")).first()?.as_str());
    one.map(fields::mac).unwrap_or_default()
}

/// Addresses, protocol, link: what flows and halves of flows share.
fn base(event: &Event<'_>, start: Timestamp, end: Timestamp) -> ExportedFlow {
    let mut flow = build::flow(event.between, start, end);
    flow.reported = event.ts.max(flow.end);
    flow.src_mac = mac(event.object, "src_mac");
    flow.dest_mac = mac(event.object, "dest_mac");
    flow.vlan = event.object.array("vlan").first().and_then(Value::as_u64).and_then(|v| v.try_into().ok()).unwrap_or(0);
    let small = |name| event.object.number(name).and_then(|n| u8::try_from(n).ok());
    flow.icmp = small("icmp_type").map(|kind| (kind, small("icmp_code").unwrap_or(0)));
    flow.app_proto = event.object.text("app_proto").map_or(AppProto::Unknown, protocol);
    flow
}

/// A whole flow: both sides' counts, which Suricata takes of whole frames.
fn flow(event: &Event<'_>, out: &mut Vec<LogEntry>) -> Result<(), LogError> {
    let counts = event.object.object("flow").ok_or(LogError::Cut)?;
    let start = counts.time("start")?.unwrap_or(event.ts);
    let end = counts.time("end")?.unwrap_or(start);
    let mut flow = base(event, start, end);
    let tcp = event.object.object("tcp");
    flow.forward = build::side(counts.count("pkts_toserver")?, counts.count("bytes_toserver")?);
    flow.forward.tcp_flags = flags(tcp, "tcp_flags_ts");
    let mut back = build::side(counts.count("pkts_toclient")?, counts.count("bytes_toclient")?);
    back.tcp_flags = flags(tcp, "tcp_flags_tc");
    flow.backward = Some(back);
    flow.reason = reason(counts.text("reason").unwrap_or_default(), counts.text("state").unwrap_or_default(), tcp);
    // TCP tells it by its flags; of others, an answer is one.
    if event.between.proto != TCP {
        let answered = back.packets > 0;
        flow.outcome = Some(if answered { ContactOutcome::Answered } else { ContactOutcome::Unanswered });
    }
    let action = counts.text("action").and_then(action);
    if action == Some(FirewallAction::Blocked) {
        flow.outcome = Some(ContactOutcome::Unanswered);
    }
    out.push(build::connection(flow, action));
    Ok(())
}

/// One direction of a flow; the other has an event of its own.
fn netflow(event: &Event<'_>, out: &mut Vec<LogEntry>) -> Result<(), LogError> {
    let counts = event.object.object("netflow").ok_or(LogError::Cut)?;
    let start = counts.time("start")?.unwrap_or(event.ts);
    let mut flow = base(event, start, counts.time("end")?.unwrap_or(start));
    flow.forward = build::side(counts.count("pkts")?, counts.count("bytes")?);
    flow.forward.tcp_flags = flags(event.object.object("tcp"), "tcp_flags");
    flow.originator_known = false;
    out.push(build::connection(flow, None));
    Ok(())
}

fn reason(reason: &str, state: &str, tcp: Option<Object<'_>>) -> Option<EndReason> {
    let has = |name: &str| tcp.and_then(|tcp| tcp.0.get(name)?.as_bool()) == Some(true);
    Some(match (reason, state) {
        ("shutdown", _) => EndReason::Shutdown,
        ("forced", _) => EndReason::Evicted,
        (_, "closed") if has("rst") => EndReason::Rst,
        (_, "closed") if has("fin") => EndReason::Fin,
        ("timeout", _) => EndReason::Idle,
        _ => return None,
    })
}

fn protocol(name: &str) -> AppProto {
    match name {
        "dns" => AppProto::Dns,
        "mdns" => AppProto::Mdns,
        "tls" => AppProto::Tls,
        "quic" => AppProto::Quic,
        "http" => AppProto::Http,
        "ssh" => AppProto::Ssh,
        "dhcp" => AppProto::Dhcp,
        "ntp" => AppProto::Ntp,
        "modbus" => AppProto::Modbus,
        "dnp3" => AppProto::Dnp3,
        "ftp" => AppProto::Ftp,
        "smtp" => AppProto::Smtp,
        "imap" => AppProto::Imap,
        "pop3" => AppProto::Pop3,
        "telnet" => AppProto::Telnet,
        _ => AppProto::Unknown,
    }
}

fn action(word: &str) -> Option<FirewallAction> {
    match word {
        "blocked" | "drop" => Some(FirewallAction::Blocked),
        "reject" => Some(FirewallAction::Reset),
        "allowed" | "accept" | "pass" => Some(FirewallAction::Allowed),
        _ => None,
    }
}

fn alert(event: &Event<'_>, out: &mut Vec<LogEntry>) -> Result<(), LogError> {
    let said = event.object.object("alert").ok_or(LogError::Cut)?;
    let mut alert = build::alert("Suricata", event.between, event.ts);
    alert.signature_id = said.number("signature_id").unwrap_or(0);
    alert.signature = build::text(said.text("signature").unwrap_or_default());
    alert.category = build::text(said.text("category").unwrap_or_default());
    alert.action = said.text("action").and_then(action);
    let level = said.number("severity").unwrap_or(0);
    let author = said.object("metadata").map_or(&[][..], |metadata| metadata.array("signature_severity"));
    let critical = author.iter().any(|word| word.as_str() == Some("Critical"));
    alert.severity = severity(level, critical);
    alert.severity_said = format!("severity {level}");
    out.push(LogEntry::Alert(Box::new(alert)));
    Ok(())
}

/// Suricata's scale: 1 is the worst of its classification, 3 the least; 4 and more are rules' own. Where the rule's author calls it
/// critical as well, 1 is critical.
const fn severity(level: u64, critical: bool) -> Severity {
    match level {
        1 if critical => Severity::Critical,
        1 => Severity::High,
        2 => Severity::Medium,
        _ => Severity::Low,
    }
}

#[cfg(test)]
mod tests;
