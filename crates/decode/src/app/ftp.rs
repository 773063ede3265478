//! FTP (RFC 959): who logs in, and what the server says of it.

use super::lines::{answers, asks, first_line, holds, word};
use super::{Parsed, Payload, Probe, Protocol, Transport, pending::Pending, pop3};
use record::{AppData, AppProto};

/// FTP.
pub struct Ftp;

const PORT: u16 = 21;

impl Protocol for Ftp {
    fn name(&self) -> &'static str {
        "ftp"
    }

    fn may_begin(&self, transport: Transport, first: u8) -> bool {
        transport == Transport::Tcp && matches!(first.to_ascii_uppercase(), b'U' | b'P' | b'2' | b'5')
    }

    #[inline]
    fn probe(&self, payload: &Payload<'_>) -> Probe {
        let data = payload.data;
        if !payload.is_tcp() || data.len() < 6 {
            return Probe::NotMine;
        }
        match data[0] {
            b'U' | b'u' | b'P' | b'p' if !payload.has_port(pop3::PORT) && is_command(data) => Probe::Unsure,
            // Replies of three digits are mail's too: the port, or the word, must say that it is FTP.
            b'2' | b'5' if is_reply(data) && (payload.meta.src_port == PORT || holds_ftp(data)) => Probe::Unsure,
            _ => Probe::NotMine,
        }
    }

    fn parse(&self, payload: &Payload<'_>, _: &mut Pending) -> Parsed {
        let Some(line) = first_line(payload.data) else { return Parsed::Invalid };
        let (command, rest) = word(line);
        let login = if command.eq_ignore_ascii_case(b"USER") {
            // One word; the USER of IRC has four.
            if rest.is_empty() || rest.contains(&b' ') {
                return Parsed::Invalid;
            }
            asks(AppProto::Ftp, "USER", rest, false)
        } else if command.eq_ignore_ascii_case(b"PASS") {
            asks(AppProto::Ftp, "PASS", &[], true)
        } else {
            match command.get(..3) {
                Some(b"230") => answers(AppProto::Ftp, Some(true)),
                Some(b"530") => answers(AppProto::Ftp, Some(false)),
                Some(b"220") => answers(AppProto::Ftp, None),
                _ => return Parsed::Invalid,
            }
        };
        Parsed::Message(AppData::Login(login))
    }
}

fn is_command(data: &[u8]) -> bool {
    data.get(..5).is_some_and(|c| c.eq_ignore_ascii_case(b"USER ") || c.eq_ignore_ascii_case(b"PASS "))
}

/// `220 text` or `220-text`.
fn is_reply(data: &[u8]) -> bool {
    matches!(data, [b'2', b'2' | b'3', b'0', b' ' | b'-', ..] | [b'5', b'3', b'0', b' ' | b'-', ..])
}

fn holds_ftp(data: &[u8]) -> bool {
    first_line(data).is_some_and(|line| holds(line, &["ftp", "login", "logged"]))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::login_of;

    #[test]
    fn a_log_in_is_followed_and_its_password_forgotten() {
        let user = login_of(b"USER bob\r\n", 40_000, 21).unwrap();
        assert_eq!((user.user.as_str(), user.password), ("bob", false));
        let pass = login_of(b"PASS hunter2\r\n", 40_000, 21).unwrap();
        assert!(pass.password && !format!("{pass:?}").contains("hunter2"));
        assert_eq!(login_of(b"530 Login incorrect.\r\n", 21, 40_000).unwrap().accepted, Some(false));
        assert_eq!(login_of(b"230 Login successful.\r\n", 2121, 40_000).unwrap().accepted, Some(true));
        assert_eq!(login_of(b"220 (vsFTPd 3.0.3)\r\n", 21, 40_000).unwrap().accepted, None);
    }

    #[test]
    fn words_of_others_are_not_taken() {
        assert!(login_of(b"USER guest 0 * :Real Name\r\n", 40_000, 6667).is_none());
        assert!(login_of(b"USERS\r\n", 40_000, 21).is_none());
        assert!(login_of(b"220 files\r\n", 40_001, 40_000).is_none());
    }
}
