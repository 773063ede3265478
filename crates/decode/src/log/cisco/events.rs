//! FTD's events, `Name: value, Name: value`: connections with both sides' counts, intrusions, malware.

use crate::log::build::{self, Between, outcome_of, text};
use crate::log::{Line, LogError, fields, time};
use record::{Endpoint, LogEntry, Severity, Timestamp};

/// `Name: value, Name: value`. A value may hold commas and spaces; a name is one to three words and a colon.
struct Named<'a>(Vec<(&'a str, &'a str)>);

impl<'a> Named<'a> {
    fn read(message: &'a str) -> Self {
        let mut pairs: Vec<(&str, &str)> = Vec::new();
        for part in message.split(", ") {
            if let Some((name, value)) = part.split_once(": ").or_else(|| part.split_once(':')) {
                pairs.push((name.trim(), value.trim()));
            }
        }
        Self(pairs)
    }
    fn get(&self, name: &str) -> Option<&'a str> {
        self.0.iter().find(|(found, _)| *found == name).map(|(_, value)| *value).filter(|value| !value.is_empty())
    }
    fn count(&self, name: &str) -> Result<u64, LogError> {
        self.get(name).map_or(Ok(0), fields::count)
    }
    fn between(&self) -> Result<Between, LogError> {
        let end = |ip: &str, port: &str| -> Result<Endpoint, LogError> {
            let addr = fields::address(self.get(ip).ok_or(LogError::NoAddress)?)?;
            Ok(Endpoint { addr, port: self.get(port).map_or(Ok(0), fields::port)? })
        };
        let proto = self.get("Protocol").and_then(fields::protocol).ok_or(LogError::Cut)?;
        Ok(Between::new(end("SrcIP", "SrcPort")?, end("DstIP", "DstPort")?, proto))
    }
    fn time(&self, name: &str) -> Option<Timestamp> {
        self.get(name).and_then(time::iso)
    }
}

/// 430002 tells the beginning, 430003 the end; of a connection that was kept back there is only the beginning.
pub(super) fn connection(line: &Line<'_>, id: u32, message: &str, out: &mut Vec<LogEntry>) -> Result<(), LogError> {
    let named = Named::read(message);
    let between = named.between()?;
    let start = named.time("FirstPacketSecond").unwrap_or(line.ts());
    let said = named.get("AccessControlRuleAction").unwrap_or_default();
    let action = fields::action(said.trim_start_matches("<br/>"));
    let kept_back = matches!(action, Some(record::FirewallAction::Blocked | record::FirewallAction::Reset));
    if id == 430_002 && !kept_back {
        out.push(build::opening(between, start, action));
        return Ok(());
    }
    let duration_s = i64::try_from(named.count("ConnectionDuration")?).map_err(|_| LogError::BadNumber)?;
    let mut flow = build::flow(between, start, start.plus_ns(duration_s.saturating_mul(1_000_000_000)));
    flow.forward = build::side(named.count("InitiatorPackets")?, named.count("InitiatorBytes")?);
    let back = build::side(named.count("ResponderPackets")?, named.count("ResponderBytes")?);
    flow.backward = Some(back);
    flow.outcome = outcome_of(action, Some(back.packets > 0));
    out.push(build::connection(flow, action));
    Ok(())
}

/// An intrusion (430001) or malware (430005).
pub(super) fn alert(line: &Line<'_>, id: u32, message: &str, out: &mut Vec<LogEntry>) -> Result<(), LogError> {
    let named = Named::read(message);
    let mut alert = build::alert("Cisco FTD", named.between()?, named.time("FirstPacketSecond").unwrap_or(line.ts()));
    let what = if id == 430_001 { named.get("Message") } else { named.get("ThreatName") };
    alert.signature = text(what.unwrap_or("malware file").trim_matches('"'));
    alert.category = text(named.get("Classification").or_else(|| named.get("FileName")).unwrap_or_default());
    alert.signature_id = named.get("SID").and_then(|sid| sid.parse().ok()).unwrap_or(0);
    let priority = named.get("Priority").unwrap_or("high");
    alert.severity = match priority {
        "1" | "high" => Severity::High,
        "2" | "medium" => Severity::Medium,
        _ => Severity::Low,
    };
    alert.severity_said = text(priority);
    alert.action = named.get("InlineResult").or_else(|| named.get("FileAction")).and_then(fields::action);
    out.push(LogEntry::Alert(Box::new(alert)));
    Ok(())
}
