//! Juniper SRX's flow log: `RT_FLOW_SESSION_CREATE`, `_CLOSE`, `_DENY`, as a sentence or as structured data. Owns both spellings.

use super::build::{self, Between, LoggedPacket};
use super::fields::{self, Pairs};
use super::{Heads, Line, LogError, LogFormat};
use record::{ContactOutcome, EndReason, Endpoint, FirewallAction, LogEntry};

/// SRX.
pub(crate) struct Juniper;

/// What a line says, whichever way it is spelled.
struct Session {
    between: Between,
    sent: (u64, u64),
    received: (u64, u64),
    elapsed_s: u64,
}

impl LogFormat for Juniper {
    fn name(&self) -> &'static str {
        "juniper"
    }
    fn claims(&self, line: &Line<'_>, _: &Heads) -> bool {
        line.text.contains("RT_FLOW_SESSION_") || line.text.contains("RT_SCREEN_")
    }
    fn read(&self, line: &Line<'_>, _: &mut Heads, out: &mut Vec<LogEntry>) -> Result<(), LogError> {
        let text = line.text;
        if !text.contains("RT_FLOW_SESSION_") {
            out.push(LogEntry::NotUsed("juniper screen".to_owned()));
            return Ok(());
        }
        let session = if text.contains("source-address=") { structured(text)? } else { sentence(text)? };
        let (ts, allowed) = (line.ts(), Some(FirewallAction::Allowed));
        if text.contains("SESSION_CREATE") {
            out.push(build::opening(session.between, ts, allowed));
        } else if text.contains("SESSION_DENY") {
            let action = Some(FirewallAction::Blocked);
            out.push(LoggedPacket { between: session.between, ts, action, ..LoggedPacket::default() }.entry());
        } else {
            out.push(closed(&session, line));
        }
        Ok(())
    }
}

fn closed(session: &Session, line: &Line<'_>) -> LogEntry {
    let end = line.ts();
    let elapsed_ns = i64::try_from(session.elapsed_s).unwrap_or(0).saturating_mul(-1_000_000_000);
    let mut flow = build::flow(session.between, end.plus_ns(elapsed_ns), end);
    flow.forward = build::side(session.sent.0, session.sent.1);
    flow.backward = Some(build::side(session.received.0, session.received.1));
    let answered = session.received.0 > 0;
    flow.outcome = Some(if answered { ContactOutcome::Answered } else { ContactOutcome::Unanswered });
    if line.text.contains("RST") {
        flow.reason = Some(EndReason::Rst);
        if session.received.0 <= 1 && session.sent.0 <= 1 && answered && line.text.contains("SERVER RST") {
            flow.outcome = Some(ContactOutcome::Refused);
        }
    } else if line.text.contains("FIN") {
        flow.reason = Some(EndReason::Fin);
    }
    build::connection(flow, Some(FirewallAction::Allowed))
}

fn structured(text: &str) -> Result<Session, LogError> {
    let pairs = Pairs::read(text.split_once('[').map_or(text, |(_, rest)| rest));
    let end = |ip: &str, port: &str| -> Result<Endpoint, LogError> {
        let addr = fields::address(pairs.get(ip).ok_or(LogError::NoAddress)?)?;
        Ok(Endpoint { addr, port: pairs.get(port).map_or(Ok(0), fields::port)? })
    };
    let count = |name| pairs.get(name).map_or(Ok(0), fields::count);
    let proto = pairs.get("protocol-id").and_then(fields::protocol).unwrap_or(0);
    Ok(Session {
        between: Between::new(
            end("source-address", "source-port")?,
            end("destination-address", "destination-port")?,
            proto,
        ),
        sent: (count("packets-from-client")?, count("bytes-from-client")?),
        received: (count("packets-from-server")?, count("bytes-from-server")?),
        elapsed_s: count("elapsed-time")?,
    })
}

/// `… 1.2.3.4/37769->5.6.7.8/25 … rule 6 POLICY ZONE ZONE ID 60(52906) 47(26103) 3 …`: the protocol stands four words before the counts,
/// or as `6(0)` where a session was denied.
fn sentence(text: &str) -> Result<Session, LogError> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let ends = words.iter().find(|word| word.contains("->")).ok_or(LogError::Cut)?;
    let (from, to) = ends.split_once("->").ok_or(LogError::Cut)?;
    let counted = |word: &str| {
        let (packets, bytes) = word.strip_suffix(')')?.split_once('(')?;
        Some((packets.parse().ok()?, bytes.parse().ok()?))
    };
    let counts = words.windows(2).position(|pair| counted(pair[0]).is_some() && counted(pair[1]).is_some());
    let (mut sent, mut received, mut elapsed_s) = ((0, 0), (0, 0), 0);
    let proto = if let Some(at) = counts {
        sent = counted(words[at]).unwrap_or_default();
        received = counted(words[at + 1]).unwrap_or_default();
        elapsed_s = words.get(at + 2).map_or(Ok(0), |word| fields::count(word))?;
        at.checked_sub(5).and_then(|at| words[at].parse().ok())
    } else {
        let denied = words.iter().find_map(|word| counted(word));
        let created =
            || words.windows(5).find_map(|five| (five[4].parse::<u64>().ok()? > 255).then(|| five[0].parse().ok())?);
        denied.map(|(proto, _): (u64, u64)| proto as u8).or_else(created)
    };
    let between = Between::new(fields::endpoint(from, '/')?, fields::endpoint(to, '/')?, proto.unwrap_or(6));
    Ok(Session { between, sent, received, elapsed_s })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::LogParser;
    use super::*;
    use record::{Extent, LoggedFlow, Timestamp};

    fn read(line: &str) -> LoggedFlow {
        let (mut parser, mut out) = (LogParser::new(Timestamp(0)), Vec::new());
        parser.line(line.as_bytes(), false, &mut out);
        match out.as_slice() {
            [LogEntry::Flow(logged)] => (**logged).clone(),
            other => panic!("{other:?} {:?}", parser.counters()),
        }
    }

    #[test]
    fn sentences_and_structured_data() {
        let close = read(
            "RT_FLOW_SESSION_CLOSE: session closed TCP CLIENT RST: 1.2.3.4/37769->5.6.7.8/25 0x0 junos-smtp 1.2.3.4/37769->5.6.7.8/25 0x0 N/A N/A static rule F 6 P Z1 Z2 154619140403 60(52906) 47(26103) 3 UNKNOWN",
        );
        let flow = &close.flow;
        assert_eq!((flow.proto, flow.src.port, flow.dest.port, flow.forward.bytes), (6, 37769, 25, 52906));
        assert_eq!((flow.backward.unwrap().packets, flow.reason), (47, Some(EndReason::Rst)));
        let data = read(
            "RT_FLOW_SESSION_CLOSE [junos@2636.1 reason=\"TCP FIN\" source-address=\"192.168.1.1\" source-port=\"56732\" destination-address=\"192.168.1.2\" destination-port=\"8080\" protocol-id=\"6\" packets-from-client=\"17\" bytes-from-client=\"3676\" packets-from-server=\"13\" bytes-from-server=\"7867\" elapsed-time=\"2\"]",
        );
        assert_eq!(
            (data.flow.forward.packets, data.flow.forward.bytes, data.flow.reason),
            (17, 3676, Some(EndReason::Fin))
        );
        let denied = read(
            "RT_FLOW_SESSION_DENY [junos@2636.1 source-address=\"192.168.1.11\" source-port=\"62224\" destination-address=\"192.168.1.12\" destination-port=\"443\" protocol-id=\"17\"]",
        );
        assert_eq!((denied.flow.proto, denied.flow.outcome), (17, Some(ContactOutcome::Unanswered)));
        let created = read(
            "RT_FLOW_SESSION_CREATE: session created 1.2.3.4/46087->5.6.7.8/25 0x0 junos-smtp 1.2.3.4/46087->5.6.7.8/25 0x0 N/A N/A static rule F 6 P Z1 Z2 158913894867 N/A(N/A) reth2.1010",
        );
        assert_eq!((created.extent, created.flow.proto), (Extent::Opening, 6));
    }
}
