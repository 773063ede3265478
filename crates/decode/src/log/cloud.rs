//! Flow logs of private networks at Google (one JSON object a line) and Azure (tuples inside a JSON document, in any layout). Owns
//! both shapes.

use super::build::{self, Between, LoggedPacket, outcome_of};
use super::{Heads, Line, LogError, LogFormat, fields, time};
use record::{Endpoint, FirewallAction, LogEntry};
use serde_json::{Map, Value};

/// Google's flow and firewall logs.
pub(crate) struct Gcp;

impl LogFormat for Gcp {
    fn name(&self) -> &'static str {
        "gcp_vpc"
    }
    fn claims(&self, line: &Line<'_>, _: &Heads) -> bool {
        line.json().is_some_and(|json| {
            json.contains("\"connection\"") && json.contains("\"src_ip\"") && json.contains("\"dest_ip\"")
        })
    }
    fn read(&self, line: &Line<'_>, _: &mut Heads, out: &mut Vec<LogEntry>) -> Result<(), LogError> {
        let json = line.json().ok_or(LogError::BadJson)?;
        let whole: Map<String, Value> = serde_json::from_str(json).map_err(|_| LogError::BadJson)?;
        let payload = whole.get("jsonPayload").and_then(Value::as_object).unwrap_or(&whole);
        let ends = payload.get("connection").and_then(Value::as_object).ok_or(LogError::NoAddress)?;
        let end = |ip: &str, port: &str| -> Result<Endpoint, LogError> {
            let addr = fields::address(ends.get(ip).and_then(Value::as_str).ok_or(LogError::NoAddress)?)?;
            Ok(Endpoint { addr, port: fields::port(&number(ends.get(port)))? })
        };
        let proto = fields::protocol(&number(ends.get("protocol"))).unwrap_or(0);
        let between = Between::new(end("src_ip", "src_port")?, end("dest_ip", "dest_port")?, proto);
        let at = |object: &Map<String, Value>, name: &str| object.get(name).and_then(Value::as_str).and_then(time::iso);
        let ts = at(&whole, "timestamp").unwrap_or(line.ts());
        match payload.get("disposition").and_then(Value::as_str) {
            Some("DENIED") => {
                let action = Some(FirewallAction::Blocked);
                out.push(LoggedPacket { between, ts, action, ..LoggedPacket::default() }.entry());
                return Ok(());
            }
            Some(_) => {
                out.push(build::opening(between, ts, Some(FirewallAction::Allowed)));
                return Ok(());
            }
            None => {}
        }
        // Between two machines of one network both report the same packets: the sender's report is enough.
        let by_receiver = payload.get("reporter").and_then(Value::as_str) == Some("DEST");
        if by_receiver && payload.contains_key("src_instance") {
            out.push(LogEntry::NotUsed("gcp vpc second report".to_owned()));
            return Ok(());
        }
        let start = at(payload, "start_time").unwrap_or(ts);
        let mut flow = build::flow(between, start, at(payload, "end_time").unwrap_or(start));
        let count = |name| fields::count(&number(payload.get(name)));
        flow.forward = build::side(count("packets_sent")?, count("bytes_sent")?);
        flow.originator_known = false;
        out.push(build::connection(flow, None));
        Ok(())
    }
}

/// Google writes large numbers as text.
fn number(value: Option<&Value>) -> String {
    match value {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) => number.to_string(),
        _ => String::new(),
    }
}

/// Azure's flow logs of security groups (versions 1 and 2) and of virtual networks.
pub(crate) struct Azure;

impl LogFormat for Azure {
    fn name(&self) -> &'static str {
        "azure_flows"
    }
    fn claims(&self, line: &Line<'_>, _: &Heads) -> bool {
        let text = line.text.trim();
        text.contains("\"flowTuples\"") || text.starts_with("\"records\"") || tuples(text).next().is_some()
    }
    fn read(&self, line: &Line<'_>, _: &mut Heads, out: &mut Vec<LogEntry>) -> Result<(), LogError> {
        let before = out.len();
        for tuple in tuples(line.text) {
            out.push(of_tuple(tuple)?);
        }
        if out.len() == before {
            out.push(LogEntry::NotUsed("azure document".to_owned()));
        }
        Ok(())
    }
}

/// Quoted texts that begin like a tuple: an epoch of 10 or 13 digits and a comma. They hold no quotes themselves.
fn tuples(text: &str) -> impl Iterator<Item = &str> {
    text.split('"').filter(|part| {
        let digits = part.bytes().take_while(u8::is_ascii_digit).count();
        matches!(digits, 10 | 13) && part.as_bytes().get(digits) == Some(&b',') && part.matches(',').count() >= 7
    })
}

/// `time,src,dest,src port,dest port,protocol,direction,decision or state,…`: `T,O,A,E,9,900,7,7000` (security group, version 2) or
/// `6,O,E,NX,9,900,7,7000` (virtual network). Counts of continued flows are what came since.
fn of_tuple(tuple: &str) -> Result<LogEntry, LogError> {
    let cells: Vec<&str> = tuple.split(',').collect();
    let cell = |at: usize| cells.get(at).copied().ok_or(LogError::Cut);
    let ts = time::epoch_any(cell(0)?).ok_or(LogError::BadTime)?;
    let proto = match cell(5)? {
        "T" => 6,
        "U" => 17,
        other => fields::protocol(other).ok_or(LogError::BadNumber)?,
    };
    let end = |ip, port| -> Result<Endpoint, LogError> {
        Ok(Endpoint { addr: fields::address(cell(ip)?)?, port: fields::port(cell(port)?)? })
    };
    let between = Between::new(end(1, 3)?, end(2, 4)?, proto);
    let by_number = cell(5)?.bytes().all(|b| b.is_ascii_digit());
    let state = if by_number { cell(7)? } else { cells.get(8).copied().unwrap_or_default() };
    let denied = cell(7)? == "D";
    if denied {
        let action = Some(FirewallAction::Blocked);
        return Ok(LoggedPacket { between, ts, action, ..LoggedPacket::default() }.entry());
    }
    let action = Some(FirewallAction::Allowed);
    if state == "B" {
        return Ok(build::opening(between, ts, action));
    }
    let count = |at: usize| cells.get(at).map_or(Ok(0), |text| fields::count(text));
    let mut flow = build::flow(between, ts, ts);
    flow.forward = build::side(count(9)?, count(10)?);
    let back = build::side(count(11)?, count(12)?);
    flow.backward = Some(back);
    // Version 1 counts nothing, and so tells nothing of an answer.
    flow.outcome = outcome_of(action, (!state.is_empty()).then_some(back.packets > 0));
    flow.outcome = flow.outcome.or(Some(record::ContactOutcome::Midstream));
    Ok(build::connection(flow, action))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::{LogCounters, LogParser};
    use super::*;
    use record::{ContactOutcome, Extent, LoggedFlow, Timestamp};

    fn read(text: &str) -> (Vec<LoggedFlow>, LogCounters) {
        let (mut parser, mut out) = (LogParser::new(Timestamp(0)), Vec::new());
        text.lines().for_each(|line| parser.line(line.as_bytes(), false, &mut out));
        let flows = out.into_iter().filter_map(|entry| match entry {
            LogEntry::Flow(logged) => Some(*logged),
            _ => None,
        });
        (flows.collect(), parser.counters().clone())
    }

    #[test]
    fn google_reports_a_direction() {
        let line = r#"{"insertId":"x","jsonPayload":{"bytes_sent":"1776","connection":{"dest_ip":"10.10.0.2","dest_port":22,"protocol":6,"src_ip":"203.0.113.9","src_port":40000},"end_time":"2024-01-01T00:00:05.5Z","packets_sent":"12","reporter":"DEST","start_time":"2024-01-01T00:00:00Z"},"timestamp":"2024-01-01T00:00:09Z"}"#;
        let (flows, _) = read(line);
        let flow = &flows[0].flow;
        assert_eq!((flow.forward.bytes, flow.forward.packets, flow.dest.port, flow.backward), (1776, 12, 22, None));
        assert_eq!(flow.end.since(flow.start), 5_500_000_000);
        let second = line.replace("\"reporter\"", "\"src_instance\":{\"vm_name\":\"a\"},\"reporter\"");
        assert_eq!(read(&second).1.not_used.total(), 1);
        let denied = line.replace("\"reporter\"", "\"disposition\":\"DENIED\",\"reporter\"");
        assert_eq!(read(&denied).0[0].flow.outcome, Some(ContactOutcome::Unanswered));
    }

    #[test]
    fn azure_in_any_layout() {
        let compact = r#"{"records":[{"time":"t","properties":{"Version":2,"flows":[{"rule":"r","flows":[{"mac":"0","flowTuples":["1772612130,10.0.0.4,203.0.113.13,50491,993,T,O,A,B,,,,","1772612150,10.0.0.4,203.0.113.13,50491,993,T,O,A,E,9,900,7,7000","1772612160,198.51.100.13,10.0.0.4,50492,23,T,I,D,B,,,,"]}]}]}}]}"#;
        let pretty =
            compact.replace([','], ",").replace("\",\"1772", "\",\n  \"1772").replace("[\"1772", "[\n  \"1772");
        for text in [compact, &pretty] {
            let (flows, counters) = read(text);
            assert_eq!((flows.len(), counters.unreadable.total()), (3, 0), "{counters:?}");
            assert_eq!(flows[0].extent, Extent::Opening);
            let back = flows[1].flow.backward.unwrap();
            assert_eq!((flows[1].flow.forward.bytes, back.packets, back.bytes), (900, 7, 7000));
            assert_eq!(
                (flows[2].action, flows[2].flow.outcome),
                (Some(FirewallAction::Blocked), Some(ContactOutcome::Unanswered))
            );
        }
        let network = "\"1772612130599,10.0.0.6,203.0.113.14,50493,993,6,O,E,NX,5,810,4,1620\",";
        let (flows, _) = read(network);
        assert_eq!((flows[0].flow.start.seconds(), flows[0].flow.forward.bytes), (1_772_612_130, 810));
    }
}
