//! SMTP (RFC 5321) and its log-in (RFC 4954).

use super::lines::{answers, asks, authenticate, first_line, holds, word};
use super::{Parsed, Payload, Probe, Protocol, Transport, pending::Pending};
use record::{AppData, AppProto};

/// SMTP.
pub struct Smtp;

const PORTS: [u16; 3] = [25, 587, 2525];

impl Protocol for Smtp {
    fn name(&self) -> &'static str {
        "smtp"
    }

    fn may_begin(&self, transport: Transport, first: u8) -> bool {
        transport == Transport::Tcp && matches!(first.to_ascii_uppercase(), b'E' | b'H' | b'A' | b'2' | b'3' | b'5')
    }

    #[inline]
    fn probe(&self, payload: &Payload<'_>) -> Probe {
        let data = payload.data;
        if !payload.is_tcp() || data.len() < 6 {
            return Probe::NotMine;
        }
        let here = PORTS.iter().any(|port| payload.has_port(*port));
        match data[0] {
            b'E' | b'e' | b'H' | b'h' if greets(data) => Probe::Unsure,
            b'A' | b'a' if here && data.get(..5).is_some_and(|c| c.eq_ignore_ascii_case(b"AUTH ")) => Probe::Certain,
            b'2' | b'3' | b'5' if is_reply(data) && (here || (data.starts_with(b"220") && names_itself(data))) => {
                Probe::Unsure
            }
            _ => Probe::NotMine,
        }
    }

    fn parse(&self, payload: &Payload<'_>, _: &mut Pending) -> Parsed {
        let Some(line) = first_line(payload.data) else { return Parsed::Invalid };
        let (command, rest) = word(line);
        if greets(payload.data) {
            return Parsed::Message(AppData::Login(asks(AppProto::Smtp, "", &[], false)));
        }
        if command.eq_ignore_ascii_case(b"AUTH") {
            return Parsed::Message(AppData::Login(authenticate(AppProto::Smtp, rest)));
        }
        let login = match command.get(..3) {
            Some(b"235") => answers(AppProto::Smtp, Some(true)),
            Some(b"535") => answers(AppProto::Smtp, Some(false)),
            Some(b"220") => answers(AppProto::Smtp, None),
            // `Password:` in base 64: the client's next line is one, in the clear.
            Some(b"334") if rest == b"UGFzc3dvcmQ6" => {
                let mut prompt = answers(AppProto::Smtp, None);
                (prompt.password, prompt.mechanism) = (true, "LOGIN".to_owned());
                prompt
            }
            _ => return Parsed::Waiting,
        };
        Parsed::Message(AppData::Login(login))
    }
}

fn greets(data: &[u8]) -> bool {
    data.get(..5).is_some_and(|c| c.eq_ignore_ascii_case(b"EHLO ") || c.eq_ignore_ascii_case(b"HELO "))
}

fn is_reply(data: &[u8]) -> bool {
    matches!(data, [b'2', b'2' | b'3', b'0' | b'5', b' ' | b'-', ..] | [b'3', b'3', b'4', b' ', ..])
        || data.starts_with(b"535")
}

fn names_itself(data: &[u8]) -> bool {
    first_line(data).is_some_and(|line| holds(line, &["smtp"]))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::login_of;

    #[test]
    fn the_ways_to_log_in_are_told_apart() {
        let plain = login_of(b"AUTH PLAIN AGJvYgBodW50ZXIy\r\n", 40_000, 587).unwrap();
        assert_eq!((plain.user.as_str(), plain.password, plain.mechanism.as_str()), ("bob", true, "PLAIN"));
        let prompt = login_of(b"334 UGFzc3dvcmQ6\r\n", 25, 40_000).unwrap();
        assert!(prompt.response && prompt.password);
        assert!(!login_of(b"AUTH CRAM-MD5\r\n", 40_000, 25).unwrap().password);
        assert_eq!(login_of(b"535 5.7.8 authentication failed\r\n", 25, 40_000).unwrap().accepted, Some(false));
        assert_eq!(login_of(b"235 2.7.0 ok\r\n", 587, 40_000).unwrap().accepted, Some(true));
        assert!(login_of(b"EHLO client.example\r\n", 40_000, 25).unwrap().user.is_empty());
        assert!(login_of(b"250-PIPELINING\r\n", 25, 40_000).is_none());
    }
}
