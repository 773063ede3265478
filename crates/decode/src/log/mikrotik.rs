//! MikroTik's firewall log: `input: in:ether1 out:(unknown 0), …, proto TCP (SYN), 203.0.113.8:50500->192.0.2.2:23, len 60`. The deed is
//! only told where people wrote it into the prefix. Owns its phrases.

use super::build::{Between, LoggedPacket};
use super::{Heads, Line, LogError, LogFormat, fields, netfilter};
use record::{Endpoint, LogEntry, TcpFlags};

/// RouterOS.
pub(crate) struct Mikrotik;

impl LogFormat for Mikrotik {
    fn name(&self) -> &'static str {
        "mikrotik"
    }
    fn claims(&self, line: &Line<'_>, _: &Heads) -> bool {
        let text = line.text;
        let packet = text.contains(" in:") && text.contains(" out:") && text.contains("proto ") && text.contains("->");
        packet || text.contains(" system,") && text.contains("login failure")
    }
    fn read(&self, line: &Line<'_>, _: &mut Heads, out: &mut Vec<LogEntry>) -> Result<(), LogError> {
        let text = line.text;
        let Some((prefix, rest)) = text.split_once(" in:") else {
            out.push(LogEntry::NotUsed("mikrotik system".to_owned()));
            return Ok(());
        };
        let (_, behind) = rest.split_once("proto ").ok_or(LogError::Cut)?;
        let (proto_name, detail) = behind.split_once([' ', ',']).ok_or(LogError::Cut)?;
        let proto = fields::protocol(proto_name).ok_or(LogError::BadNumber)?;
        let arrow = behind.split([' ', ',']).find(|word| word.contains("->")).ok_or(LogError::Cut)?;
        let (from, to) = arrow.split_once("->").ok_or(LogError::Cut)?;
        let end = |text: &str| -> Result<Endpoint, LogError> { fields::endpoint(text, ':') };
        let words =
            |name: &str| behind.split_once(name).map(|(_, value)| value.split([',', ')', ' ']).next().unwrap_or(""));
        let bytes = words(", len ").ok_or(LogError::Cut)?;
        let icmp_type = words("(type ").and_then(fields::small);
        let src_mac =
            rest.split_once("src-mac ").map(|(_, mac)| fields::mac(mac.split([',', ' ']).next().unwrap_or("")));
        let message = prefix.rsplit_once(" firewall,").map_or(prefix, |(_, message)| message);
        let logged = LoggedPacket {
            between: Between::new(end(from)?, end(to)?, proto),
            ts: line.ts(),
            bytes: fields::count(bytes)?,
            flags: (proto == 6).then(|| flags(detail)),
            icmp: icmp_type.map(|kind| (kind, words(", code ").and_then(fields::small).unwrap_or(0))),
            action: netfilter::said(message),
            to_firewall: rest.contains("out:(unknown"),
            src_mac: src_mac.unwrap_or_default(),
            ..LoggedPacket::default()
        };
        out.push(logged.entry());
        Ok(())
    }
}

/// `(SYN,ACK), …`.
fn flags(detail: &str) -> TcpFlags {
    let inside =
        detail.trim_start().strip_prefix('(').and_then(|text| text.split_once(')')).map_or("", |(inside, _)| inside);
    let bit = |name: &str| match name.trim() {
        "FIN" => TcpFlags::FIN,
        "SYN" => TcpFlags::SYN,
        "RST" => TcpFlags::RST,
        "PSH" => TcpFlags::PSH,
        "ACK" => TcpFlags::ACK,
        "URG" => TcpFlags::URG,
        _ => 0,
    };
    TcpFlags(inside.split(',').fold(0, |bits, name| bits | bit(name)))
}

#[cfg(test)]
mod tests {
    use super::super::LogParser;
    use super::*;
    use record::{ContactOutcome, FirewallAction, LoggedFlow, Timestamp};

    fn read(line: &str) -> LoggedFlow {
        let (mut parser, mut out) = (LogParser::new(Timestamp(0)), Vec::new());
        parser.line(line.as_bytes(), false, &mut out);
        match out.as_slice() {
            [LogEntry::Flow(logged)] => (**logged).clone(),
            other => panic!("{other:?} {:?}", parser.counters()),
        }
    }

    #[test]
    fn packets_of_both_versions() {
        let line = "2026-03-04T09:15:30.250000+01:00 gw firewall,info drop-guests input: in:sfp1-uplink out:(unknown 0), connection-state:new src-mac 02:00:5e:10:00:03, proto TCP (SYN), 203.0.113.81:50441->192.0.2.81:2323, len 60";
        let logged = read(line);
        assert_eq!((logged.flow.src.port, logged.flow.dest.port, logged.flow.forward.bytes), (50441, 2323, 60));
        assert_eq!(
            (logged.action, logged.flow.outcome),
            (Some(FirewallAction::Blocked), Some(ContactOutcome::Unanswered))
        );
        assert_eq!(logged.flow.forward.tcp_flags, Some(TcpFlags(TcpFlags::SYN)));
        assert_eq!(logged.flow.start.rfc3339(), "2026-03-04T08:15:30.250000Z");
        let six = read(
            "2026-03-04T09:15:31.500000+01:00 gw firewall,info forward: in:sfp1-uplink out:bridge-office, connection-state:new src-mac 02:00:5e:10:00:04, proto UDP, [2001:db8:1::7]:50442->[2001:db8:2::9]:3478, len 96",
        );
        assert_eq!((six.flow.src.addr.to_string().as_str(), six.flow.dest.port), ("2001:db8:1::7", 3478));
        assert_eq!((six.action, six.flow.outcome), (None, Some(ContactOutcome::Midstream)));
        let echo = read(
            "x firewall,info input: in:sfp1-uplink out:(unknown 0), proto ICMP (type 8, code 0), 192.0.2.1->192.0.2.2, len 84",
        );
        assert_eq!((echo.flow.icmp, echo.flow.forward.bytes), (Some((8, 0)), 84));
    }
}
