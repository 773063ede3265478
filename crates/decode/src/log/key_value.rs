//! FortiGate's `date=… type="traffic" srcip=…` and the alike of Stormshield. Owns their names; CEF of the same makers is elsewhere.

use super::build::{self, Between, LoggedPacket, outcome_of, text};
use super::fields::{self, Pairs};
use super::{Heads, Line, LogError, LogFormat, time};
use record::{ContactOutcome, EndReason, Endpoint, FirewallAction, LogEntry, Severity, Timestamp};

/// FortiGate, Stormshield.
pub(crate) struct KeyValue;

impl LogFormat for KeyValue {
    fn name(&self) -> &'static str {
        "key_value"
    }
    fn claims(&self, line: &Line<'_>, _: &Heads) -> bool {
        let text = line.text;
        let fortigate = (text.contains("logid=") || text.contains("log_id=") || text.contains("logdesc="))
            && text.contains("type=");
        fortigate || (text.contains("fw=") && (text.contains("logtype=") || text.contains("id=firewall")))
    }
    fn read(&self, line: &Line<'_>, _: &mut Heads, out: &mut Vec<LogEntry>) -> Result<(), LogError> {
        let pairs = Pairs::read(line.message());
        if pairs.has("fw") && !pairs.has("logid") {
            return stormshield(line, &pairs, out);
        }
        let (kind, subtype) = (pairs.get("type").unwrap_or_default(), pairs.get("subtype").unwrap_or_default());
        match (kind, subtype) {
            ("traffic", _) if pairs.has("srcip") => traffic(line, &pairs, out),
            ("utm", "ips" | "anomaly" | "virus" | "waf") | ("anomaly" | "ips" | "virus", _) => alert(line, &pairs, out),
            _ => {
                out.push(LogEntry::NotUsed(format!("fortigate {kind} {subtype}")));
                Ok(())
            }
        }
    }
}

fn between(pairs: &Pairs<'_>, names: [&str; 4], proto: Option<&str>) -> Result<Between, LogError> {
    let [src, src_port, dest, dest_port] = names;
    let end = |ip: &str, port: &str| -> Result<Endpoint, LogError> {
        let addr = fields::address(pairs.get(ip).ok_or(LogError::NoAddress)?)?;
        Ok(Endpoint { addr, port: pairs.get(port).map_or(Ok(0), fields::port)? })
    };
    let proto = proto.and_then(fields::protocol).unwrap_or(0);
    Ok(Between::new(end(src, src_port)?, end(dest, dest_port)?, proto))
}

/// Of traffic, protocol and ports are always told: where they are missing, the line was cut before them.
fn between_all(pairs: &Pairs<'_>, names: [&str; 4], proto: Option<&str>) -> Result<Between, LogError> {
    let proto = proto.filter(|word| fields::protocol(word).is_some()).ok_or(LogError::Cut)?;
    let between = between(pairs, names, Some(proto))?;
    let with_ports = pairs.get(names[1]).is_some() && pairs.get(names[3]).is_some();
    if fields::has_ports(between.proto) && !with_ports { Err(LogError::Cut) } else { Ok(between) }
}

const FORTIGATE: [&str; 4] = ["srcip", "srcport", "dstip", "dstport"];

/// The event's own epoch; else date and time in the device's zone, which `tz` names.
fn when(line: &Line<'_>, pairs: &Pairs<'_>) -> Timestamp {
    if let Some(ts) = pairs.get("eventtime").and_then(time::epoch_any) {
        return ts;
    }
    let zone = pairs.get("tz").filter(|tz| tz.starts_with(['+', '-'])).unwrap_or("");
    let civil =
        pairs.get("date").zip(pairs.get("time")).and_then(|(date, clock)| time::iso(&format!("{date} {clock}{zone}")));
    civil.or_else(|| pairs.get("time").and_then(|whole| time::iso(&format!("{whole}{zone}")))).unwrap_or(line.ts())
}

/// Long sessions are told several times, with totals so far and what came since (`sentdelta`): only the latter may be added up.
fn traffic(line: &Line<'_>, pairs: &Pairs<'_>, out: &mut Vec<LogEntry>) -> Result<(), LogError> {
    let between = between_all(pairs, FORTIGATE, pairs.get("proto"))?;
    let end = when(line, pairs);
    let word = pairs.get("action").unwrap_or_default();
    let action = fields::action(word);
    if word == "start" {
        out.push(build::opening(between, end, action));
        return Ok(());
    }
    let count = |names: &[&str]| pairs.any(names).map_or(Ok(0), fields::count);
    let interim = pairs.has("sentdelta") || pairs.has("rcvddelta");
    if !interim && pairs.any(&["logid", "log_id"]).is_some_and(fields::tells_again) {
        return Err(LogError::Cut);
    }
    let duration_s = count(if interim { &["durationdelta", "duration"] } else { &["duration"] })?;
    let names = if interim {
        [["sentpktdelta", "sentdelta"], ["rcvdpktdelta", "rcvddelta"]]
    } else {
        [["sentpkt", "sentbyte"], ["rcvdpkt", "rcvdbyte"]]
    };
    let [forward, back] = names.map(|[packets, bytes]| Ok(build::side(count(&[packets])?, count(&[bytes])?)));
    let (forward, back) = (forward?, back?);
    let duration_ns = i64::try_from(duration_s).unwrap_or(0).saturating_mul(-1_000_000_000);
    let mut flow = build::flow(between, end.plus_ns(duration_ns), end);
    (flow.forward, flow.backward) = (forward, Some(back));
    let answered = back.packets > 0 || back.bytes > 0;
    flow.outcome = outcome_of(action, Some(answered));
    match word {
        "close" => flow.reason = Some(EndReason::Fin),
        "client-rst" | "server-rst" => flow.reason = Some(EndReason::Rst),
        "timeout" => flow.reason = Some(EndReason::Idle),
        // FortiOS: no answer came from the server.
        "ip-conn" => flow.outcome = Some(ContactOutcome::Unanswered),
        _ => {}
    }
    // One packet there and a reset back is a refusal.
    if word == "server-rst" && forward.packets <= 2 && back.packets <= 1 {
        flow.outcome = Some(ContactOutcome::Refused);
    }
    out.push(build::connection(flow, action));
    Ok(())
}

fn alert(line: &Line<'_>, pairs: &Pairs<'_>, out: &mut Vec<LogEntry>) -> Result<(), LogError> {
    let mut alert = build::alert("FortiGate", between(pairs, FORTIGATE, pairs.get("proto"))?, when(line, pairs));
    alert.signature = text(pairs.any(&["attack", "virus", "name", "msg"]).unwrap_or("alert"));
    alert.signature_id = pairs.any(&["attackid", "virusid"]).and_then(|id| id.parse().ok()).unwrap_or(0);
    alert.category = text(pairs.any(&["subtype", "type"]).unwrap_or_default());
    let word = pairs.any(&["severity", "crlevel", "level"]).unwrap_or_default();
    alert.severity_said = text(word);
    alert.severity = match word {
        "critical" | "emergency" => Severity::Critical,
        "high" | "alert" => Severity::High,
        "medium" | "warning" | "error" => Severity::Medium,
        _ => Severity::Low,
    };
    alert.action = pairs.get("action").and_then(fields::action);
    out.push(LogEntry::Alert(Box::new(alert)));
    Ok(())
}

/// `logtype` says what it is: connections have both sides' bytes, filter lines are packets, alarms are alerts.
fn stormshield(line: &Line<'_>, pairs: &Pairs<'_>, out: &mut Vec<LogEntry>) -> Result<(), LogError> {
    let kind = pairs.get("logtype").unwrap_or_default();
    let names = ["src", "srcport", "dst", "dstport"];
    let proto = pairs.any(&["ipproto", "proto"]);
    let with_ends = pairs.get("src").is_some() && pairs.get("dst").is_some();
    let action = pairs.get("action").and_then(fields::action);
    match kind {
        "connection" | "plugin" if with_ends => {
            let end = when(line, pairs);
            let duration_s: f64 = pairs.get("duration").and_then(|text| text.parse().ok()).unwrap_or(0.0);
            let mut flow = build::flow(between_all(pairs, names, proto)?, end.plus_ns((duration_s * -1e9) as i64), end);
            let count = |name| pairs.get(name).map_or(Ok(0), fields::count);
            let (forward, back) = (build::side(0, count("sent")?), build::side(0, count("rcvd")?));
            flow.outcome = outcome_of(action, Some(back.bytes > 0));
            (flow.forward, flow.backward) = (forward, Some(back));
            out.push(build::connection(flow, action));
        }
        "filter" if with_ends => {
            let logged = LoggedPacket {
                between: between_all(pairs, names, proto)?,
                ts: when(line, pairs),
                action,
                ..LoggedPacket::default()
            };
            out.push(logged.entry());
        }
        "alarm" if with_ends => {
            let mut alert = build::alert("Stormshield", between(pairs, names, proto)?, when(line, pairs));
            alert.signature = text(pairs.get("msg").unwrap_or("alarm"));
            alert.signature_id = pairs.get("alarmid").and_then(|id| id.parse().ok()).unwrap_or(0);
            alert.category = text(pairs.get("class").unwrap_or_default());
            let word = pairs.get("pri").unwrap_or_default();
            alert.severity = if word == "1" {
                Severity::High
            } else if word == "4" {
                Severity::Medium
            } else {
                Severity::Low
            };
            alert.severity_said = text(word);
            alert.action = action.or(Some(FirewallAction::Allowed));
            out.push(LogEntry::Alert(Box::new(alert)));
        }
        other => out.push(LogEntry::NotUsed(format!("stormshield {other}"))),
    }
    Ok(())
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

    const TRAFFIC: &str = "date=2026-03-04 time=09:15:30 devname=\"edge1\" logid=\"0000000013\" type=\"traffic\" subtype=\"forward\" eventtime=1772612130 level=\"notice\" srcip=203.0.113.71 dstip=192.0.2.71 srcport=50431 dstport=993 proto=6 action=\"close\" duration=8 sentbyte=3100 rcvdbyte=1700 sentpkt=11 rcvdpkt=9";

    #[test]
    fn traffic_with_spaces_or_commas() {
        for line in [TRAFFIC.to_owned(), TRAFFIC.replace(' ', ",")] {
            let LogEntry::Flow(logged) = read(&line) else { panic!() };
            let flow = &logged.flow;
            let back = flow.backward.unwrap();
            assert_eq!((flow.forward.bytes, flow.forward.packets, back.bytes, back.packets), (3100, 11, 1700, 9));
            assert_eq!(
                (flow.src.port, flow.dest.port, flow.end.seconds(), flow.start.seconds()),
                (50431, 993, 1_772_612_130, 1_772_612_122)
            );
            assert_eq!((flow.outcome, logged.action), (Some(ContactOutcome::Answered), Some(FirewallAction::Allowed)));
        }
        let LogEntry::Flow(denied) = read(&TRAFFIC.replace("close", "deny")) else { panic!() };
        assert_eq!(denied.flow.outcome, Some(ContactOutcome::Unanswered));
        let LogEntry::Flow(reset) =
            read(&TRAFFIC.replace("close", "server-rst").replace("sentpkt=11 rcvdpkt=9", "sentpkt=1 rcvdpkt=1"))
        else {
            panic!()
        };
        assert_eq!(reset.flow.outcome, Some(ContactOutcome::Refused));
    }

    #[test]
    fn a_session_told_again_tells_what_came_since() {
        let LogEntry::Flow(logged) =
            read(&format!("{TRAFFIC} sentdelta=420 rcvddelta=90 sentpktdelta=3 rcvdpktdelta=1 durationdelta=4"))
        else {
            panic!()
        };
        assert_eq!((logged.flow.forward.bytes, logged.flow.forward.packets), (420, 3));
        assert_eq!(logged.flow.end.since(logged.flow.start), 4_000_000_000);
    }

    #[test]
    fn alerts_and_the_alike_of_stormshield() {
        let ips = "date=2026-03-04 time=09:15:30 devname=\"edge1\" logid=\"0419016384\" type=\"utm\" subtype=\"ips\" level=\"alert\" srcip=203.0.113.72 srcport=50432 dstip=192.0.2.72 dstport=8080 proto=6 severity=\"critical\" attack=\"Lab.Door.Lock.Overflow\" attackid=90017 action=\"reset\"";
        let LogEntry::Alert(alert) = read(ips) else { panic!() };
        assert_eq!(
            (alert.signature.as_str(), alert.signature_id, alert.severity),
            ("Lab.Door.Lock.Overflow", 90_017, Severity::Critical)
        );
        assert_eq!(
            (alert.ts.rfc3339().as_str(), alert.action),
            ("2026-03-04T09:15:30.000000Z", Some(FirewallAction::Reset))
        );
        let connection = "id=firewall time=\"2026-03-04 09:15:30\" tz=+0100 fw=\"edge2\" src=192.0.2.73 srcport=50433 dst=203.0.113.73 dstport=443 ipproto=tcp proto=https sent=2600 rcvd=5100 duration=2.5 action=pass logtype=\"connection\"";
        let LogEntry::Flow(logged) = read(connection) else { panic!() };
        assert_eq!(
            (logged.flow.proto, logged.flow.forward.bytes, logged.flow.end.rfc3339().as_str()),
            (6, 2600, "2026-03-04T08:15:30.000000Z")
        );
    }
}
