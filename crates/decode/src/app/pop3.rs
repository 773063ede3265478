//! POP3 (RFC 1939): log-in by USER and PASS, by AUTH (RFC 5034), or without a password by APOP.

use super::lines::{answers, asks, authenticate, first_line, holds, word};
use super::{Parsed, Payload, Probe, Protocol, Transport, pending::Pending};
use record::{AppData, AppProto};

/// POP3.
pub struct Pop3;

/// The port, a hint only: its commands are FTP's.
pub(super) const PORT: u16 = 110;

impl Protocol for Pop3 {
    fn name(&self) -> &'static str {
        "pop3"
    }

    fn may_begin(&self, transport: Transport, first: u8) -> bool {
        transport == Transport::Tcp && matches!(first.to_ascii_uppercase(), b'+' | b'-' | b'U' | b'P' | b'A')
    }

    #[inline]
    fn probe(&self, payload: &Payload<'_>) -> Probe {
        let data = payload.data;
        if !payload.is_tcp() || data.len() < 5 {
            return Probe::NotMine;
        }
        let reply = data.starts_with(b"+OK ") || data.starts_with(b"-ERR");
        let here = payload.has_port(PORT);
        let command = here && matches!(data[0].to_ascii_uppercase(), b'U' | b'P' | b'A');
        if command || (reply && (here || names_itself(data))) { Probe::Unsure } else { Probe::NotMine }
    }

    fn parse(&self, payload: &Payload<'_>, _: &mut Pending) -> Parsed {
        let Some(line) = first_line(payload.data) else { return Parsed::Invalid };
        let (command, rest) = word(line);
        let login = match command.to_ascii_uppercase().as_slice() {
            b"USER" => asks(AppProto::Pop3, "USER", rest, false),
            b"PASS" => asks(AppProto::Pop3, "PASS", &[], true),
            b"APOP" => asks(AppProto::Pop3, "APOP", word(rest).0, false),
            b"AUTH" if !rest.is_empty() => authenticate(AppProto::Pop3, rest),
            b"+OK" => {
                // Answers have no numbers: the words after a password differ from those after a name.
                let in_now =
                    holds(rest, &["logged in", "maildrop", "mailbox", "message(s)", "messages", "locked and ready"]);
                answers(AppProto::Pop3, in_now.then_some(true))
            }
            b"-ERR" => {
                let refused = holds(rest, &["password", "auth", "login", "log in", "invalid", "denied", "incorrect"]);
                answers(AppProto::Pop3, refused.then_some(false))
            }
            _ => return Parsed::Invalid,
        };
        Parsed::Message(AppData::Login(login))
    }
}

fn names_itself(data: &[u8]) -> bool {
    first_line(data).is_some_and(|line| holds(line, &["pop3", "pop server"]))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::login_of;
    use record::AppProto;

    #[test]
    fn log_ins_are_read_by_their_port() {
        let user = login_of(b"USER bob\r\n", 40_000, 110).unwrap();
        assert_eq!((user.protocol, user.user.as_str()), (AppProto::Pop3, "bob"));
        assert!(login_of(b"PASS hunter2\r\n", 40_000, 110).unwrap().password);
        assert!(!login_of(b"APOP bob c4c9334bac560ecc979e58001b3e22fb\r\n", 40_000, 110).unwrap().password);
        assert_eq!(login_of(b"-ERR [AUTH] Authentication failed.\r\n", 110, 40_000).unwrap().accepted, Some(false));
        assert_eq!(login_of(b"+OK Logged in.\r\n", 110, 40_000).unwrap().accepted, Some(true));
        assert!(login_of(b"+OK 2 messages\r\n", 6379, 40_000).is_none());
    }
}
