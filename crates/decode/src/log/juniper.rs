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
    let proto = fields::protocol(pairs.get("protocol-id").ok_or(LogError::Cut)?).ok_or(LogError::BadNumber)?;
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

/// `… 192.0.2.5/40001->203.0.113.9/25 … rule 6 POLICY ZONE ZONE ID 12(3400) 9(1200) 8 …`: the protocol stands four words before the counts,
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
    } else if text.contains("SESSION_CLOSE") {
        return Err(LogError::Cut);
    } else {
        let denied = words.iter().find_map(|word| counted(word));
        let created =
            || words.windows(5).find_map(|five| (five[4].parse::<u64>().ok()? > 255).then(|| five[0].parse().ok())?);
        denied.and_then(|(proto, _): (u64, u64)| u8::try_from(proto).ok()).or_else(created)
    };
    let between = Between::new(fields::endpoint(from, '/')?, fields::endpoint(to, '/')?, proto.ok_or(LogError::Cut)?);
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
            "RT_FLOW_SESSION_CLOSE: session closed TCP CLIENT RST: 192.0.2.31/50411->203.0.113.31/587 0x0 None 192.0.2.31/50411->203.0.113.31/587 0x0 N/A N/A source rule out 6 mail office uplink 70001 12(3400) 9(1200) 8 UNKNOWN",
        );
        let flow = &close.flow;
        assert_eq!((flow.proto, flow.src.port, flow.dest.port, flow.forward.bytes), (6, 50411, 587, 3400));
        assert_eq!((flow.backward.unwrap().packets, flow.reason), (9, Some(EndReason::Rst)));
        let data = read(
            "RT_FLOW_SESSION_CLOSE [junos@2636.1.1.1.2.26 reason=\"TCP FIN\" source-address=\"192.0.2.32\" source-port=\"50412\" destination-address=\"203.0.113.32\" destination-port=\"993\" protocol-id=\"6\" packets-from-client=\"21\" bytes-from-client=\"2048\" packets-from-server=\"18\" bytes-from-server=\"9216\" elapsed-time=\"6\"]",
        );
        assert_eq!(
            (data.flow.forward.packets, data.flow.forward.bytes, data.flow.reason),
            (21, 2048, Some(EndReason::Fin))
        );
        let denied = read(
            "RT_FLOW_SESSION_DENY [junos@2636.1.1.1.2.26 source-address=\"192.0.2.33\" source-port=\"50413\" destination-address=\"203.0.113.33\" destination-port=\"3478\" protocol-id=\"17\"]",
        );
        assert_eq!((denied.flow.proto, denied.flow.outcome), (17, Some(ContactOutcome::Unanswered)));
        let created = read(
            "RT_FLOW_SESSION_CREATE: session created 192.0.2.34/50414->203.0.113.34/587 0x0 None 192.0.2.34/50414->203.0.113.34/587 0x0 N/A N/A source rule out 6 mail office uplink 70002 N/A(N/A) ge-0/0/1.20",
        );
        assert_eq!((created.extent, created.flow.proto), (Extent::Opening, 6));
    }
}
