//! ArcSight's common event format, which many makers offer beside their own: `CEF:0|maker|product|…|name|severity|src=… dst=…`. Owns the
//! names that all share and whose traffic, alerts and other events are which.

use super::build::{self, Between, LoggedPacket, outcome_of, text};
use super::fields::{self, Pairs};
use super::{Heads, Line, LogError, LogFormat, time};
use record::{ContactOutcome, Endpoint, FirewallAction, IpAddr16, LogEntry, Severity, Timestamp};

/// CEF of any maker.
pub(crate) struct Cef;

/// The header's parts that are used, and the extension.
struct Event<'a> {
    maker: &'a str,
    id: &'a str,
    name: &'a str,
    severity: &'a str,
    pairs: Pairs<'a>,
}

impl LogFormat for Cef {
    fn name(&self) -> &'static str {
        "cef"
    }
    fn claims(&self, line: &Line<'_>, _: &Heads) -> bool {
        let (text, message) = (line.text, line.message());
        text.contains("CEF:0|")
            || text.contains("CEF:1|")
            || (message.starts_with("0|") && message.matches('|').count() >= 7)
    }
    fn read(&self, line: &Line<'_>, _: &mut Heads, out: &mut Vec<LogEntry>) -> Result<(), LogError> {
        let event = header(line).ok_or(LogError::Cut)?;
        match sort(&event) {
            Sort::Traffic => traffic(line, &event, out),
            Sort::Alert => alert(line, &event, out),
            Sort::Other => {
                out.push(LogEntry::NotUsed(format!("cef {}", event.maker.to_ascii_lowercase())));
                Ok(())
            }
        }
    }
}

/// Seven parts behind the version; a bar in one is escaped.
fn header<'a>(line: &Line<'a>) -> Option<Event<'a>> {
    let text = ["CEF:0|", "CEF:1|"]
        .iter()
        .find_map(|mark| line.text.split_once(mark))
        .map_or(line.message(), |(_, rest)| rest);
    let text = text.strip_prefix("0|").unwrap_or(text);
    let mut parts = [""; 6];
    let mut rest = text;
    for part in &mut parts {
        let end = rest.match_indices('|').map(|(at, _)| at).find(|at| *at == 0 || rest.as_bytes()[*at - 1] != b'\\')?;
        (*part, rest) = (&rest[..end], &rest[end + 1..]);
    }
    let [maker, product, _, id, name, severity] = parts;
    // Some forwarders leave the maker out.
    let maker = if maker.is_empty() { product } else { maker };
    Some(Event { maker, id, name, severity, pairs: Pairs::read_cef(rest) })
}

/// What an event is about.
enum Sort {
    Traffic,
    Alert,
    Other,
}

fn sort(event: &Event<'_>) -> Sort {
    let pairs = &event.pairs;
    let maker = event.maker.to_ascii_lowercase();
    let category = pairs.get("cat").unwrap_or_default();
    if pairs.get("src").is_none() || pairs.get("dst").is_none() {
        // An alert tells enough by its sender alone.
        return if is_alert(event, &maker, category) && pairs.get("src").is_some() { Sort::Alert } else { Sort::Other };
    }
    if is_alert(event, &maker, category) {
        return Sort::Alert;
    }
    let traffic = match maker.as_str() {
        "fortinet" => category.starts_with("traffic"),
        "palo alto networks" => event.id == "TRAFFIC",
        "check point" => event.pairs.get("product").is_some_and(|product| product.starts_with("VPN-1")),
        "sonicwall" => matches!(event.id, "36" | "37" | "38" | "97" | "98" | "524" | "537" | "173" | "174" | "175"),
        _ => pairs.get("act").is_some() || pairs.any(&["out", "in"]).is_some(),
    };
    if traffic { Sort::Traffic } else { Sort::Other }
}

fn is_alert(event: &Event<'_>, maker: &str, category: &str) -> bool {
    match maker {
        "fortinet" => ["utm:ips", "utm:anomaly", "anomaly:anomaly", "utm:virus", "utm:waf"]
            .iter()
            .any(|c| category.starts_with(c)),
        "palo alto networks" => event.id == "THREAT" && !matches!(event.name, "url" | "file" | "data"),
        "ubiquiti" => event.name.starts_with("Threat Detected"),
        "check point" => event.id == "IPS" || event.pairs.get("product") == Some("SmartDefense"),
        "sonicwall" => event.name.contains("IPS") || event.name.contains("Virus"),
        _ => false,
    }
}

/// One word; of a line that was cut, the beginning of the next name may stand behind it.
fn protocol(pairs: &Pairs<'_>) -> Option<u8> {
    pairs.any(&["proto", "app"])?.split_whitespace().next().and_then(fields::protocol)
}

/// A port that stands alone: some devices write the sender's only.
fn between(event: &Event<'_>) -> Result<Between, LogError> {
    let pairs = &event.pairs;
    let end = |ip: Option<&str>, port: Option<&str>| -> Result<Endpoint, LogError> {
        let addr = ip.map_or(Ok(IpAddr16::default()), fields::address)?;
        Ok(Endpoint { addr, port: port.map_or(Ok(0), fields::port)? })
    };
    let proto = protocol(pairs).unwrap_or(0);
    Ok(Between::new(end(pairs.get("src"), pairs.get("spt"))?, end(pairs.get("dst"), pairs.get("dpt"))?, proto))
}

/// The maker's own clock before the common ones: `rt` and `start` may be when a collector got it.
fn when(line: &Line<'_>, pairs: &Pairs<'_>) -> Timestamp {
    let read = |value: &str| {
        time::epoch_any(value)
            .or_else(|| time::iso(value))
            .or_else(|| time::month_first(value, line.now).filter(|(_, rest)| rest.is_empty()).map(|(ts, _)| ts))
    };
    let values =
        [pairs.ending("eventtime"), pairs.ending("utcTime"), pairs.get("start"), pairs.get("rt"), pairs.get("end")];
    values.into_iter().flatten().find_map(read).unwrap_or(line.ts())
}

fn traffic(line: &Line<'_>, event: &Event<'_>, out: &mut Vec<LogEntry>) -> Result<(), LogError> {
    let (between, pairs) = (between(event)?, &event.pairs);
    // These makers always tell the protocol: a line without it was cut before it.
    let tells = ["Fortinet", "Palo Alto Networks", "Check Point", "SonicWall"].contains(&event.maker);
    if tells && protocol(pairs).is_none() {
        return Err(LogError::Cut);
    }
    let ts = when(line, pairs);
    let word = pairs.get("act").unwrap_or_default();
    let action = fields::action(word);
    let counted = pairs.get("out").is_some() || pairs.get("in").is_some();
    let told_again = event.maker == "Fortinet" && fields::tells_again(event.id);
    let interim = pairs.ending("sentdelta").is_some() || pairs.ending("rcvddelta").is_some();
    if (told_again && !interim) || (event.maker == "Palo Alto Networks" && !counted) {
        return Err(LogError::Cut);
    }
    if !counted {
        let logged = LoggedPacket { between, ts, action, ..LoggedPacket::default() };
        // What was let through without a count is a connection's beginning.
        let kept_back = matches!(action, Some(FirewallAction::Blocked | FirewallAction::Reset));
        out.push(if kept_back { logged.entry() } else { build::opening(between, ts, action) });
        return Ok(());
    }
    if event.name.eq_ignore_ascii_case("start") || event.name.contains("Opened") {
        out.push(build::opening(between, ts, action));
        return Ok(());
    }
    // `out` is what the sender sent; Palo Alto has them the other way round.
    let (sent, received) = if event.maker.starts_with("Palo Alto") { ("in", "out") } else { ("out", "in") };
    let count = |value: Option<&str>| value.map_or(Ok(0), fields::count);
    let packets = |names: [&str; 2]| count(names.iter().find_map(|name| pairs.ending(name)));
    let duration_s = count(pairs.ending("duration").or_else(|| pairs.get("cn3").filter(|_| event.id == "TRAFFIC")))?;
    let (forward, back) = if interim {
        let side = |packets, bytes| Ok(build::side(count(pairs.ending(packets))?, count(pairs.ending(bytes))?));
        (side("sentpktdelta", "sentdelta")?, side("rcvdpktdelta", "rcvddelta")?)
    } else {
        let side = |names, bytes| Ok(build::side(packets(names)?, count(pairs.get(bytes))?));
        (side(["sentpkt", "PacketsSent"], sent)?, side(["rcvdpkt", "PacketsReceived"], received)?)
    };
    let duration_ns = i64::try_from(duration_s).unwrap_or(0).saturating_mul(-1_000_000_000);
    let mut flow = build::flow(between, ts.plus_ns(duration_ns), ts);
    (flow.forward, flow.backward) = (forward, Some(back));
    flow.outcome = outcome_of(action, Some(back.packets > 0 || back.bytes > 0));
    if word == "ip-conn" {
        flow.outcome = Some(ContactOutcome::Unanswered);
    }
    out.push(build::connection(flow, action));
    Ok(())
}

fn alert(line: &Line<'_>, event: &Event<'_>, out: &mut Vec<LogEntry>) -> Result<(), LogError> {
    let pairs = &event.pairs;
    let product = match event.maker {
        "Fortinet" => "FortiGate",
        "Ubiquiti" => "UniFi",
        "Palo Alto Networks" => "Palo Alto",
        "Check Point" => "Check Point",
        "SonicWall" => "SonicWall",
        _ => "CEF",
    };
    let mut alert = build::alert(product, between(event)?, when(line, pairs));
    let named = pairs.ending("ipsSignature").or_else(|| pairs.ending("GTattack")).or_else(|| pairs.ending("attack"));
    alert.signature = text(named.or_else(|| pairs.ending("virus")).unwrap_or(event.name));
    let id = pairs.ending("ipsSignatureId").or_else(|| pairs.ending("attackid"));
    alert.signature_id = id.and_then(|id| id.parse().ok()).unwrap_or(0);
    alert.category = text(pairs.any(&["cat", "cs3"]).unwrap_or(event.name));
    alert.severity_said = text(event.severity);
    alert.severity = severity(event.severity);
    alert.action = pairs.get("act").and_then(fields::action);
    if alert.action.is_none() && event.name.contains("Blocked") {
        alert.action = Some(FirewallAction::Blocked);
    }
    out.push(LogEntry::Alert(Box::new(alert)));
    Ok(())
}

/// CEF's scale: 0 to 3 low, 4 to 6 medium, 7 and 8 high, 9 and 10 very high; or those words.
fn severity(text: &str) -> Severity {
    match text.trim().to_ascii_lowercase().as_str() {
        "9" | "10" | "very-high" | "critical" => Severity::Critical,
        "7" | "8" | "high" => Severity::High,
        "4" | "5" | "6" | "medium" => Severity::Medium,
        _ => Severity::Low,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::LogParser;
    use super::*;

    fn read(line: &str) -> LogEntry {
        let (mut parser, mut out) = (LogParser::new(Timestamp(0)), Vec::new());
        parser.line(line.as_bytes(), false, &mut out);
        assert_eq!(out.len(), 1, "{:?}", parser.counters());
        out.remove(0)
    }

    #[test]
    fn alerts_of_a_gateway() {
        let line = "Mar  4 09:15:30 gw CEF:0|Ubiquiti|UniFi Network|9.9.9|201|Threat Detected and Blocked|7|src=198.51.100.10 dst=10.0.0.9 spt=50600 dpt=8080 proto=TCP UNIFIrisk=medium app=HTTP act=blocked UNIFIipsSignature=LAB odd request of a door lock UNIFIipsSignatureId=9000017 UNIFIutcTime=2026-03-04T08:15:30.250Z msg=x";
        let LogEntry::Alert(alert) = read(line) else { panic!() };
        assert_eq!((alert.product, alert.signature_id, alert.severity), ("UniFi", 9_000_017, Severity::High));
        assert_eq!(alert.signature, "LAB odd request of a door lock");
        assert_eq!(
            (alert.ts.rfc3339().as_str(), alert.action),
            ("2026-03-04T08:15:30.250000Z", Some(FirewallAction::Blocked))
        );
        assert_eq!((alert.src.to_string().as_str(), alert.dest_port), ("198.51.100.10", 8080));
    }

    #[test]
    fn traffic_of_two_makers_and_who_sent_what() {
        let fortinet = "CEF:0|Fortinet|Fortigate|v7.4.1|00013|traffic:forward close|3|deviceExternalId=edge1 FTNTFGTeventtime=1772612130 cat=traffic:forward src=192.0.2.41 dst=203.0.113.41 spt=50415 dpt=993 proto=6 act=close in=90210 out=4096 FTNTFGTduration=75 FTNTFGTsentpkt=33 FTNTFGTrcvdpkt=71";
        let LogEntry::Flow(logged) = read(fortinet) else { panic!() };
        let back = logged.flow.backward.unwrap();
        assert_eq!(
            (logged.flow.forward.bytes, logged.flow.forward.packets, back.bytes, back.packets),
            (4096, 33, 90_210, 71)
        );
        assert_eq!(logged.flow.end.since(logged.flow.start), 75_000_000_000);
        let palo = "CEF:0|Palo Alto Networks|LF|2.0|TRAFFIC|end|3|rt=Mar 04 2026 08:15:50 src=192.0.2.42 spt=50416 dst=203.0.113.42 dpt=993 start=Mar 04 2026 08:15:30 proto=tcp act=allow cn3=61 in=2222 out=3333 PanOSPacketsReceived=8 PanOSPacketsSent=9";
        let LogEntry::Flow(logged) = read(palo) else { panic!() };
        assert_eq!((logged.flow.forward.bytes, logged.flow.forward.packets), (2222, 9));
        assert_eq!(logged.flow.end.rfc3339(), "2026-03-04T08:15:30.000000Z");
    }

    #[test]
    fn a_drop_is_a_packet() {
        let line = "CEF:0|Check Point|VPN-1 & FireWall-1|Check Point|Log|Log|Unknown|act=Drop src=203.0.113.43 spt=50417 dst=192.0.2.43 dpt=23 proto=6 product=VPN-1 & FireWall-1 rt=1772612130000";
        let LogEntry::Flow(logged) = read(line) else { panic!() };
        assert_eq!(
            (logged.action, logged.flow.outcome),
            (Some(FirewallAction::Blocked), Some(ContactOutcome::Unanswered))
        );
        assert_eq!((logged.flow.dest.port, logged.flow.start.rfc3339().as_str()), (23, "2026-03-04T08:15:30.000000Z"));
    }
}
