//! Palo Alto's own comma-separated logs and the JSON of its cloud: TRAFFIC and THREAT. Owns the places of their columns; CEF is
//! elsewhere.

use super::build::{self, Between, outcome_of, text};
use super::{Heads, Line, LogError, LogFormat, fields, time};
use record::{ContactOutcome, EndReason, Endpoint, FirewallAction, LogEntry, Severity, Timestamp};
use serde_json::{Map, Value};

/// PAN-OS.
pub(crate) struct PaloAlto;

/// Columns by their place, and the names of the same things in JSON.
const TYPE: usize = 3;
const COLUMNS: [(&str, usize); 18] = [
    ("LogType", TYPE),
    ("Subtype", 4),
    ("TimeGenerated", 6),
    ("SourceAddress", 7),
    ("DestinationAddress", 8),
    ("Application", 14),
    ("SourcePort", 24),
    ("DestinationPort", 25),
    ("Protocol", 29),
    ("Action", 30),
    ("BytesSent", 32),
    ("BytesReceived", 33),
    ("ThreatID", 32),
    ("VendorSeverity", 34),
    ("SessionStartTime", 35),
    ("PacketsSent", 44),
    ("PacketsReceived", 45),
    ("SessionEndReason", 46),
];

/// One log, whichever way it is written.
enum Row<'a> {
    Cells(Vec<&'a str>),
    Object(&'a Map<String, Value>),
}

impl Row<'_> {
    fn get(&self, name: &str) -> String {
        match self {
            Self::Cells(cells) => {
                let place = COLUMNS.iter().find(|(known, _)| *known == name).map(|(_, place)| *place);
                place.and_then(|place| cells.get(place)).map_or_else(String::new, |cell| (*cell).to_owned())
            }
            Self::Object(object) => match object.get(name) {
                Some(Value::String(value)) => value.clone(),
                Some(Value::Number(value)) => value.to_string(),
                _ => String::new(),
            },
        }
    }
    fn count(&self, name: &str) -> Result<u64, LogError> {
        fields::count(&self.get(name))
    }
    fn time(&self, name: &str) -> Option<Timestamp> {
        let value = self.get(name);
        time::iso(&value).or_else(|| time::american(&value).map(|(ts, _)| ts))
    }
    fn between(&self) -> Result<Between, LogError> {
        let end = |ip: &str, port: &str| -> Result<Endpoint, LogError> {
            let addr = self.get(ip);
            let addr = fields::address(if addr.is_empty() { return Err(LogError::NoAddress) } else { &addr })?;
            Ok(Endpoint { addr, port: fields::port(&self.get(port))? })
        };
        let proto = fields::protocol(&self.get("Protocol")).unwrap_or(0);
        Ok(Between::new(end("SourceAddress", "SourcePort")?, end("DestinationAddress", "DestinationPort")?, proto))
    }
}

impl LogFormat for PaloAlto {
    fn name(&self) -> &'static str {
        "palo_alto"
    }
    fn claims(&self, line: &Line<'_>, _: &Heads) -> bool {
        if let Some(json) = line.json() {
            return json.contains("\"LogType\"") && (json.contains("\"DeviceSN\"") || json.contains("\"LogSourceID\""));
        }
        // Column 3 is the type in capitals, column 1 a time.
        let mut cells = line.message().splitn(5, ',');
        let begins = cells.next().is_some_and(|cell| cell.bytes().all(|b| b.is_ascii_digit()) && cell.len() <= 2);
        let time = cells.next().is_some_and(|cell| cell.contains('/') && cell.contains(':'));
        let kind = cells
            .nth(1)
            .is_some_and(|cell| cell.len() >= 3 && cell.bytes().all(|b| b.is_ascii_uppercase() || b == b'-'));
        begins && time && kind
    }
    fn read(&self, line: &Line<'_>, _: &mut Heads, out: &mut Vec<LogEntry>) -> Result<(), LogError> {
        let map: Map<String, Value>;
        let row = match line.json() {
            Some(json) => {
                map = serde_json::from_str(json).map_err(|_| LogError::BadJson)?;
                Row::Object(&map)
            }
            None => Row::Cells(fields::cells(line.message())),
        };
        let kind = row.get("LogType");
        // The last column that is read of each; of a connection's beginning, the deed.
        let columns = match (kind.as_str(), row.get("Subtype").as_str()) {
            ("TRAFFIC", "start") => 31,
            ("TRAFFIC", _) => 36,
            ("THREAT", _) => 35,
            _ => 0,
        };
        if matches!(&row, Row::Cells(cells) if cells.len() < columns) {
            return Err(LogError::Cut);
        }
        match kind.as_str() {
            "TRAFFIC" => traffic(line, &row, out),
            "THREAT" => threat(line, &row, out),
            other => {
                out.push(LogEntry::NotUsed(format!("palo alto {}", other.to_ascii_lowercase())));
                Ok(())
            }
        }
    }
}

fn traffic(line: &Line<'_>, row: &Row<'_>, out: &mut Vec<LogEntry>) -> Result<(), LogError> {
    let between = row.between()?;
    let end = row.time("TimeGenerated").unwrap_or(line.ts());
    let action = fields::action(&row.get("Action"));
    if row.get("Subtype") == "start" {
        out.push(build::opening(between, end, action));
        return Ok(());
    }
    let start = row.time("SessionStartTime").filter(|start| start.seconds() > 0).unwrap_or(end);
    let mut flow = build::flow(between, start.min(end), end);
    flow.forward = build::side(row.count("PacketsSent")?, row.count("BytesSent")?);
    let back = build::side(row.count("PacketsReceived")?, row.count("BytesReceived")?);
    flow.backward = Some(back);
    let why = row.get("SessionEndReason");
    flow.reason = match why.as_str() {
        "tcp-fin" => Some(EndReason::Fin),
        "tcp-rst-from-client" | "tcp-rst-from-server" | "tcp-reuse" => Some(EndReason::Rst),
        "aged-out" => Some(EndReason::Idle),
        _ => None,
    };
    flow.outcome = outcome_of(action, Some(back.packets > 0 || back.bytes > 0));
    // `incomplete` is a connection whose handshake was not finished or that carried nothing: with one packet back it is a refusal.
    if row.get("Application") == "incomplete" && why == "tcp-rst-from-server" && back.packets <= 1 {
        flow.outcome = Some(ContactOutcome::Refused);
    }
    out.push(build::connection(flow, action));
    Ok(())
}

fn threat(line: &Line<'_>, row: &Row<'_>, out: &mut Vec<LogEntry>) -> Result<(), LogError> {
    let subtype = row.get("Subtype");
    if matches!(subtype.as_str(), "url" | "file" | "data") {
        out.push(LogEntry::NotUsed(format!("palo alto threat {subtype}")));
        return Ok(());
    }
    let mut alert = build::alert("Palo Alto", row.between()?, row.time("TimeGenerated").unwrap_or(line.ts()));
    // `LAB odd request of a door lock(90017)`.
    let named = row.get("ThreatID");
    let (name, id) = named.rsplit_once('(').unwrap_or((&named, ""));
    alert.signature = text(name);
    alert.signature_id = id.trim_end_matches(')').parse().unwrap_or(0);
    alert.category = text(&subtype);
    let word = row.get("VendorSeverity").to_ascii_lowercase();
    alert.severity = Severity::parse(&word).unwrap_or(Severity::Low);
    alert.severity_said = text(&word);
    alert.action = fields::action(&row.get("Action")).or(Some(FirewallAction::Allowed));
    out.push(LogEntry::Alert(Box::new(alert)));
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::LogParser;
    use super::*;
    use record::Extent;

    fn read(line: &str) -> LogEntry {
        let (mut parser, mut out) = (LogParser::new(Timestamp(0)), Vec::new());
        parser.line(line.as_bytes(), false, &mut out);
        assert_eq!(out.len(), 1, "{:?}", parser.counters());
        out.remove(0)
    }

    const END: &str = "1,2026/03/04 08:15:50,00900000001,TRAFFIC,end,2561,2026/03/04 08:15:50,192.0.2.91,203.0.113.91,0.0.0.0,0.0.0.0,mail out,lab\\user7,,imap,vsys1,office,uplink,ae1.20,ae1.30,own-log,2026/03/04 08:15:50,70011,1,50451,993,0,0,0x1a,tcp,allow,4300,2900,1400,17,2026/03/04 08:15:30,12,any,,41,0x0,X,Y,,10,7,tcp-fin";

    #[test]
    fn traffic_has_both_sides() {
        let LogEntry::Flow(logged) = read(END) else { panic!() };
        let flow = &logged.flow;
        let back = flow.backward.unwrap();
        assert_eq!((flow.src.port, flow.dest.port, flow.proto), (50451, 993, 6));
        assert_eq!((flow.forward.bytes, flow.forward.packets, back.bytes, back.packets), (2900, 10, 1400, 7));
        assert_eq!((flow.end.since(flow.start), flow.reason), (20_000_000_000, Some(EndReason::Fin)));
        assert_eq!((logged.action, flow.outcome), (Some(FirewallAction::Allowed), Some(ContactOutcome::Answered)));
        let denied = read(&END.replace(",end,", ",drop,").replace(",allow,", ",deny,"));
        let LogEntry::Flow(denied) = denied else { panic!() };
        assert_eq!(denied.flow.outcome, Some(ContactOutcome::Unanswered));
        let LogEntry::Flow(start) = read(&format!("<14>Mar  4 08:15:51 edge1 {}", END.replace(",end,", ",start,")))
        else {
            panic!()
        };
        assert_eq!(start.extent, Extent::Opening);
    }

    #[test]
    fn threats_are_alerts() {
        let line = "2026-03-04T09:15:30+01:00 edge1 1,2026/03/04 08:15:30,00900000001,THREAT,vulnerability,2304,2026/03/04 08:15:30,203.0.113.92,192.0.2.92,0.0.0.0,0.0.0.0,locks in,,,web-browsing,vsys2,uplink,doors,ae1.30,ae1.40,own-log,2026/03/04 08:15:30,70012,2,50452,8080,0,0,0x2000,tcp,reset-both,,LAB odd request of a door lock(90017),any,high,client-to-server";
        let LogEntry::Alert(alert) = read(line) else { panic!() };
        assert_eq!((alert.signature.as_str(), alert.signature_id), ("LAB odd request of a door lock", 90_017));
        assert_eq!(
            (alert.severity, alert.dest_port, alert.action),
            (Severity::High, 8080, Some(FirewallAction::Reset))
        );
    }
}
