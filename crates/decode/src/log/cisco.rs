//! Cisco ASA and FTD (and PIX, FWSM): `%ASA-6-302014: Teardown TCP connection …`. Owns the messages about traffic by their numbers
//! and how they name both ends; messages about people, tunnels and the device itself are read and not used.

mod connections;
mod events;

pub(crate) use connections::Directions;

use super::build::{Between, LoggedPacket};
use super::{Heads, Line, LogError, LogFormat, fields};
use record::{Endpoint, FirewallAction, LogEntry, TcpFlags};

/// What stands before the number.
const MARKS: [&str; 5] = ["%ASA-", "%FTD-", "%NGIPS-", "%PIX-", "%FWSM-"];

/// ASA, FTD and their kin.
pub(crate) struct Cisco;

impl LogFormat for Cisco {
    fn name(&self) -> &'static str {
        "cisco"
    }
    fn claims(&self, line: &Line<'_>, _: &Heads) -> bool {
        line.text.contains('%') && MARKS.iter().any(|mark| line.text.contains(mark))
    }
    fn read(&self, line: &Line<'_>, heads: &mut Heads, out: &mut Vec<LogEntry>) -> Result<(), LogError> {
        let (id, message) = numbered(line.text).ok_or(LogError::Cut)?;
        match id {
            302_013 | 302_015 | 302_017 | 302_020 | 302_303 => connections::built(line, message, &mut heads.cisco, out),
            302_014 | 302_016 | 302_018 | 302_021 | 302_304 => {
                connections::torn_down(line, message, &mut heads.cisco, out)
            }
            106_001..=106_103 | 313_001..=313_009 | 710_002..=710_006 => packet(line, id, message, out),
            430_001 | 430_005 => events::alert(line, id, message, out),
            430_002 | 430_003 => events::connection(line, id, message, out),
            _ => {
                out.push(LogEntry::NotUsed(format!("cisco {id}")));
                Ok(())
            }
        }
    }
}

/// Number and text of a message.
fn numbered(text: &str) -> Option<(u32, &str)> {
    let at = MARKS.iter().find_map(|mark| text.find(mark))?;
    let (code, message) = text[at..].split_once([':', ' '])?;
    let id = code.rsplit('-').next()?.parse().ok()?;
    Some((id, message.trim_start_matches([':', ' '])))
}

/// One end as Cisco writes it: `ifc:10.0.0.1/80`, `ifc/10.0.0.1(80)`, `10.0.0.1/80(DOMAIN\user)`, `10.0.0.1`.
fn end(word: &str) -> Result<Endpoint, LogError> {
    let word = word.trim_end_matches([',', '.', ';']);
    let (bare, in_brackets) = word.split_once('(').map_or((word, None), |(bare, rest)| (bare, rest.split(')').next()));
    if let Ok(end) = fields::endpoint(bare, '/') {
        return Ok(end);
    }
    // Behind the interface's name, which is set apart by a colon, or by a slash where the port stands in brackets.
    if let Some((_, address)) = bare.split_once('/')
        && let Ok(addr) = fields::address(address)
    {
        return Ok(Endpoint { addr, port: fields::port(in_brackets.unwrap_or_default())? });
    }
    fields::endpoint(bare.split_once(':').ok_or(LogError::BadAddress)?.1, '/')
}

/// The word behind each of these, the first that is there.
fn behind<'a>(message: &'a str, names: &[&str]) -> Option<&'a str> {
    let at = names.iter().filter_map(|name| message.find(name).map(|at| at + name.len())).min()?;
    message[at..].split_whitespace().next()
}

/// A packet that was kept back (or let through: 106100 tells both).
fn packet(line: &Line<'_>, id: u32, message: &str, out: &mut Vec<LogEntry>) -> Result<(), LogError> {
    let (own, _) = message.split_once("Original IP payload").unwrap_or((message, ""));
    let (src, dest) = match own.split_once(" -> ") {
        Some((before, after)) => (before.split_whitespace().next_back(), after.split_whitespace().next()),
        None => (behind(own, &[" from ", " src "]), behind(own, &[" to ", " dst "])),
    };
    let (Some(src), Some(dest)) = (src, dest) else {
        // Of what was sent to the firewall itself, some messages name the sender only.
        out.push(LogEntry::NotUsed(format!("cisco {id} without a receiver")));
        return Ok(());
    };
    let clean = |word: &str| word.trim_matches(['(', ')']).to_owned();
    let (src, dest) =
        if src.starts_with('(') { (clean(src), dest.to_owned()) } else { (src.to_owned(), dest.to_owned()) };
    let proto = own.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-')).find_map(named_protocol);
    let permitted = own.contains(" permitted ");
    let icmp = numbers(own).filter(|_| matches!(proto, Some(1 | 58)));
    let logged = LoggedPacket {
        between: Between::new(end(&src)?, end(&dest)?, proto.unwrap_or(0)),
        ts: line.ts(),
        flags: flags(own),
        icmp,
        action: Some(if permitted { FirewallAction::Allowed } else { FirewallAction::Blocked }),
        ..LoggedPacket::default()
    };
    out.push(logged.entry());
    Ok(())
}

/// A word that names a protocol; a bare number is no name here.
fn named_protocol(word: &str) -> Option<u8> {
    let named = !word.is_empty() && !word.bytes().all(|b| b.is_ascii_digit());
    match word {
        "IPv6-ICMP" => Some(58),
        // `Deny IP` names no protocol.
        "IP" | "ipv6" | "IPv6" => None,
        word if named => fields::protocol(word),
        _ => None,
    }
}

/// `flags FIN ACK  on interface`.
fn flags(message: &str) -> Option<TcpFlags> {
    let (_, rest) = message.split_once(" flags ")?;
    let bit = |name: &str| match name {
        "FIN" => Some(TcpFlags::FIN),
        "SYN" => Some(TcpFlags::SYN),
        "RST" => Some(TcpFlags::RST),
        "PSH" => Some(TcpFlags::PSH),
        "ACK" => Some(TcpFlags::ACK),
        "URG" => Some(TcpFlags::URG),
        _ => None,
    };
    Some(TcpFlags(rest.split_whitespace().map_while(bit).fold(0, |bits, bit| bits | bit)))
}

/// `(type 3, code 1)` and `type 8 code 0` and `type=136, code=0`.
fn numbers(message: &str) -> Option<(u8, u8)> {
    let number = |name: &str| {
        let rest = &message[message.find(name)? + name.len()..];
        let digits: String = rest.trim_start_matches([' ', '=']).chars().take_while(char::is_ascii_digit).collect();
        digits.parse().ok()
    };
    Some((number("type")?, number("code").unwrap_or(0)))
}

#[cfg(test)]
mod tests;
