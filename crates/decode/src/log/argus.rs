//! Argus' bidirectional flows as text (`ra -c,`, `.binetflow`): a head of column names, one flow a line. Owns its states.

use super::build::{self, Between};
use super::{Heads, Line, LogError, LogFormat, fields, time, zeek};
use record::{ContactOutcome, Endpoint, LogEntry, TcpFlags};

/// Argus.
pub(crate) struct Argus;

/// Where the columns stand.
#[derive(Clone, Debug)]
pub(crate) struct Head {
    columns: Vec<String>,
}

impl LogFormat for Argus {
    fn name(&self) -> &'static str {
        "argus"
    }
    fn claims(&self, line: &Line<'_>, heads: &Heads) -> bool {
        line.text.starts_with("StartTime,") || (heads.argus.is_some() && line.text.contains(','))
    }
    fn read(&self, line: &Line<'_>, heads: &mut Heads, out: &mut Vec<LogEntry>) -> Result<(), LogError> {
        if line.text.starts_with("StartTime,") {
            let columns = line.text.split(',').map(|name| name.trim().to_ascii_lowercase()).collect();
            heads.argus = Some(Head { columns });
            return Ok(());
        }
        let head = heads.argus.as_ref().ok_or(LogError::NoHead)?;
        let cells: Vec<&str> = line.text.split(',').collect();
        if cells.len() < head.columns.len() {
            return Err(LogError::Cut);
        }
        let get = |name: &str| {
            let place = head.columns.iter().position(|column| column == name);
            place.and_then(|place| cells.get(place)).map_or("", |cell| cell.trim())
        };
        if get("proto") == "arp" {
            out.push(LogEntry::NotUsed("argus arp".to_owned()));
            return Ok(());
        }
        out.push(flow(&get)?);
        Ok(())
    }
}

fn flow<'a>(get: &dyn Fn(&str) -> &'a str) -> Result<LogEntry, LogError> {
    let proto = fields::protocol(get("proto")).ok_or(LogError::BadNumber)?;
    let port = |text: &str| match text.strip_prefix("0x") {
        Some(hex) => u16::from_str_radix(hex, 16).map_err(|_| LogError::BadPort),
        None => fields::port(text),
    };
    let src = Endpoint { addr: fields::address(get("srcaddr"))?, port: port(get("sport"))? };
    let dest = Endpoint { addr: fields::address(get("dstaddr"))?, port: port(get("dport"))? };
    let (start, _) = time::iso_prefix(get("starttime")).ok_or(LogError::BadTime)?;
    let seconds: f64 = get("dur").parse().map_err(|_| LogError::BadNumber)?;
    let mut flow = build::flow(Between::new(src, dest, proto), start, start.plus_ns((seconds * 1e9).round() as i64));
    let (packets, bytes) = (fields::count(get("totpkts"))?, fields::count(get("totbytes"))?);
    let sent_bytes = fields::count(get("srcbytes"))?.min(bytes);
    // Some tables leave the sender's packets out: the whole is then the sender's where all bytes are.
    let sent_packets = match get("srcpkts") {
        "" if sent_bytes == bytes => packets,
        "" => packets / 2,
        text => fields::count(text)?.min(packets),
    };
    let state = get("state");
    let (forward, backward) = flags(proto, state);
    flow.forward = build::side(sent_packets, sent_bytes);
    let mut back = build::side(packets - sent_packets, bytes - sent_bytes);
    (flow.forward.tcp_flags, back.tcp_flags) = (forward, backward);
    flow.backward = Some(back);
    flow.state = zeek::state(state);
    flow.originator_known = get("dir") != "<?>";
    flow.outcome = Some(outcome(proto, state, backward, back.packets > 0, flow.originator_known));
    Ok(build::connection(flow, None))
}

/// `FSPA_SRA`: one letter a flag, the sender's before the bar.
fn flags(proto: u8, state: &str) -> (Option<TcpFlags>, Option<TcpFlags>) {
    let Some((forward, backward)) = state.split_once('_').filter(|_| proto == 6) else { return (None, None) };
    let bit = |letter| match letter {
        'F' => TcpFlags::FIN,
        'S' => TcpFlags::SYN,
        'R' => TcpFlags::RST,
        'P' => TcpFlags::PSH,
        'A' => TcpFlags::ACK,
        'U' => TcpFlags::URG,
        'E' => TcpFlags::ECE,
        'C' => TcpFlags::CWR,
        _ => 0,
    };
    let all = |letters: &str| Some(TcpFlags(letters.chars().fold(0, |bits, letter| bits | bit(letter))));
    (all(forward), all(backward))
}

fn outcome(proto: u8, state: &str, back: Option<TcpFlags>, answered: bool, opened: bool) -> ContactOutcome {
    if !opened {
        return ContactOutcome::Midstream;
    }
    if let Some(state) = zeek::state(state) {
        return zeek::outcome(proto, state, answered);
    }
    if let Some(back) = back {
        return match back {
            TcpFlags(0) => ContactOutcome::Unanswered,
            back if back.has(TcpFlags::RST) && !back.has(TcpFlags::SYN) => ContactOutcome::Refused,
            _ => ContactOutcome::Answered,
        };
    }
    match state {
        "REQ" | "INT" | "ECO" | "TIM" if !answered => ContactOutcome::Unanswered,
        "RST" if proto == 6 && !answered => ContactOutcome::Refused,
        "URP" | "URH" | "URN" | "URF" => ContactOutcome::Midstream,
        _ if answered => ContactOutcome::Answered,
        _ => ContactOutcome::Unanswered,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::LogParser;
    use super::*;
    use record::{LoggedFlow, Timestamp};

    fn read(rows: &str) -> Vec<LoggedFlow> {
        let head = "StartTime,Proto,SrcAddr,Sport,Dir,DstAddr,Dport,State,Dur,TotPkts,SrcPkts,TotBytes,SrcBytes,sTos,dTos,Label\n";
        let (mut parser, mut out) = (LogParser::new(Timestamp(0)), Vec::new());
        format!("{head}{rows}").lines().for_each(|line| parser.line(line.as_bytes(), false, &mut out));
        assert_eq!(parser.counters().unreadable.total(), 0, "{:?}", parser.counters());
        let flows = out.into_iter().filter_map(|entry| match entry {
            LogEntry::Flow(logged) => Some(*logged),
            _ => None,
        });
        flows.collect()
    }

    #[test]
    fn states_and_halves() {
        let flows = read(
            "2026/03/04 08:15:30.250000,tcp,203.0.113.61,50421,   ->,192.0.2.61,3389,S_RA,0.125000,2,1,114,60,0,0,\n\
             2026/03/04 08:15:31.000000,tcp,203.0.113.61,50422,   ->,192.0.2.62,3389,S_,0.000000,1,1,60,60,0,0,\n\
             2026/03/04 08:15:32.500000,tcp,192.0.2.63,50423,   ->,203.0.113.63,8443,S0,20.000000,12,7,4000,900,0,0,\n\
             2026/03/04 08:15:33.000000,udp,192.0.2.63,50424,  <->,203.0.113.53,123,CON,0.010000,2,1,180,90,0,0,\n\
             2026/03/04 08:15:34.000000,tcp,192.0.2.64,50425,  <?>,192.0.2.65,22,CON,7.5,27,,5400,1800,8,8,\n",
        );
        let outcomes: Vec<_> = flows.iter().map(|logged| logged.flow.outcome.unwrap()).collect();
        use ContactOutcome::{Answered, Midstream, Refused, Unanswered};
        assert_eq!(outcomes, [Refused, Unanswered, Unanswered, Answered, Midstream]);
        let first = &flows[0].flow;
        assert_eq!((first.forward.bytes, first.backward.unwrap().bytes), (60, 54));
        assert_eq!(first.backward.unwrap().tcp_flags, Some(TcpFlags(TcpFlags::RST | TcpFlags::ACK)));
        assert_eq!(first.end.since(first.start), 125_000_000);
        assert_eq!(flows[4].flow.forward.packets + flows[4].flow.backward.unwrap().packets, 27);
    }
}
