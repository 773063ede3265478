//! Flow logs of a private network at AWS: a line a direction and interval, columns in the usual order or as a head names them.

use super::build::{self, Between};
use super::{Heads, Line, LogError, LogFormat, fields, time};
use record::{ContactOutcome, Endpoint, FirewallAction, LogEntry, TcpFlags};

/// AWS.
pub(crate) struct Aws;

/// Where the columns stand.
#[derive(Clone, Debug)]
pub(crate) struct Head {
    columns: Vec<String>,
}

/// Version 2's columns, which a log without a head has.
const USUAL: [&str; 14] = [
    "version",
    "account-id",
    "interface-id",
    "srcaddr",
    "dstaddr",
    "srcport",
    "dstport",
    "protocol",
    "packets",
    "bytes",
    "start",
    "end",
    "action",
    "log-status",
];

fn is_head(text: &str) -> bool {
    text.contains("srcaddr") && text.contains("dstaddr") && !text.contains('=')
}

fn is_usual(text: &str) -> bool {
    let mut words = text.split(' ');
    words.next() == Some("2") && words.nth(1).is_some_and(|word| word.starts_with("eni-")) && words.count() == 11
}

impl LogFormat for Aws {
    fn name(&self) -> &'static str {
        "aws_vpc"
    }
    fn claims(&self, line: &Line<'_>, heads: &Heads) -> bool {
        is_head(line.text)
            || is_usual(line.text)
            || (heads.vpc.is_some() && line.text.starts_with(|c: char| c.is_ascii_alphanumeric()))
    }
    fn read(&self, line: &Line<'_>, heads: &mut Heads, out: &mut Vec<LogEntry>) -> Result<(), LogError> {
        if is_head(line.text) {
            let names = line.text.split_whitespace().map(|name| name.trim_matches(['$', '{', '}']).replace('_', "-"));
            heads.vpc = Some(Head { columns: names.collect() });
            return Ok(());
        }
        let cells: Vec<&str> = line.text.split_whitespace().collect();
        let columns = heads.vpc.as_ref().map_or(USUAL.len(), |head| head.columns.len());
        if cells.len() < columns {
            return Err(LogError::Cut);
        }
        let get = |name: &str| {
            let place = match &heads.vpc {
                Some(head) => head.columns.iter().position(|column| column == name),
                None => USUAL.iter().position(|column| *column == name),
            };
            place.and_then(|place| cells.get(place)).copied().filter(|cell| *cell != "-")
        };
        if matches!(get("log-status"), Some("NODATA" | "SKIPDATA")) {
            out.push(LogEntry::NotUsed("aws vpc without data".to_owned()));
            return Ok(());
        }
        out.push(flow(&get)?);
        Ok(())
    }
}

/// One direction; the other has a line of its own, unless it was rejected.
fn flow<'a>(get: &dyn Fn(&str) -> Option<&'a str>) -> Result<LogEntry, LogError> {
    // Behind an address translation, the packet's own addresses are whom it is about.
    let end = |packet: &str, interface: &str, port: &str| -> Result<Endpoint, LogError> {
        let addr = get(packet).or_else(|| get(interface)).ok_or(LogError::NoAddress)?;
        Ok(Endpoint { addr: fields::address(addr)?, port: get(port).map_or(Ok(0), fields::port)? })
    };
    let (src, dest) = (end("pkt-srcaddr", "srcaddr", "srcport")?, end("pkt-dstaddr", "dstaddr", "dstport")?);
    let proto = get("protocol").and_then(fields::protocol).unwrap_or(0);
    let at = |name| get(name).and_then(time::epoch_any).ok_or(LogError::BadTime);
    let mut flow = build::flow(Between::new(src, dest, proto), at("start")?, at("end")?);
    let count = |name| get(name).map_or(Ok(0), fields::count);
    flow.forward = build::side(count("packets")?, count("bytes")?);
    flow.forward.tcp_flags = get("tcp-flags").and_then(fields::small).map(TcpFlags);
    let action = match get("action") {
        Some("ACCEPT") => Some(FirewallAction::Allowed),
        Some("REJECT") => Some(FirewallAction::Blocked),
        _ => None,
    };
    if action == Some(FirewallAction::Blocked) {
        flow.backward = Some(build::side(0, 0));
        flow.outcome = Some(ContactOutcome::Unanswered);
    } else {
        flow.originator_known = false;
    }
    Ok(build::connection(flow, action))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::{LogCounters, LogParser};
    use super::*;
    use record::{LoggedFlow, Timestamp};

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
    fn the_usual_columns() {
        let (flows, counters) = read(
            "2 100000000001 eni-0a0b0c0d 192.0.2.15 10.0.0.15 50494 22 6 14 2990 1772612130 1772612190 ACCEPT OK\n\
             2 100000000001 eni-0a0b0c0d 198.51.100.15 10.0.0.15 50495 3389 6 3 180 1772612130 1772612190 REJECT OK\n\
             2 100000000001 eni-0a0b0c0d - - - - - - - 1772612190 1772612250 - NODATA\n",
        );
        assert_eq!((flows.len(), counters.not_used.total(), counters.unreadable.total()), (2, 1, 0));
        let accepted = &flows[0].flow;
        assert_eq!(
            (accepted.src.port, accepted.dest.port, accepted.forward.packets, accepted.forward.bytes),
            (50494, 22, 14, 2990)
        );
        assert_eq!(
            (accepted.backward, accepted.originator_known, accepted.start.seconds()),
            (None, false, 1_772_612_130)
        );
        assert_eq!(
            (flows[1].action, flows[1].flow.outcome),
            (Some(FirewallAction::Blocked), Some(ContactOutcome::Unanswered))
        );
    }

    #[test]
    fn columns_as_the_head_names_them() {
        let (flows, _) = read(
            "version interface-id vpc-id srcaddr srcport dstaddr dstport pkt-srcaddr pkt-dstaddr protocol tcp-flags start end packets bytes\n\
             3 eni-0a0b0c0e vpc-0e0f 10.0.0.16 50496 10.0.1.1 8080 10.0.0.16 203.0.113.16 6 3 1772612130 1772612190 8 540\n",
        );
        let flow = &flows[0].flow;
        assert_eq!((flow.dest.addr.to_string().as_str(), flow.forward.bytes), ("203.0.113.16", 540));
        assert_eq!(flow.forward.tcp_flags, Some(TcpFlags(TcpFlags::SYN | TcpFlags::FIN)));
    }
}
