//! IMAP (RFC 3501): LOGIN and AUTHENTICATE, and what the server says of them.

use super::lines::{answers, asks, authenticate, first_line, holds, word};
use super::{Parsed, Payload, Probe, Protocol, Transport, pending::Pending};
use record::{AppData, AppProto};

/// IMAP.
pub struct Imap;

const PORT: u16 = 143;
/// Longest tag before a command, bytes; clients use a few.
const TAG_BYTES_MAX: usize = 16;

impl Protocol for Imap {
    fn name(&self) -> &'static str {
        "imap"
    }

    fn may_begin(&self, transport: Transport, first: u8) -> bool {
        transport == Transport::Tcp && first.is_ascii_graphic()
    }

    #[inline]
    fn probe(&self, payload: &Payload<'_>) -> Probe {
        let data = payload.data;
        if !payload.is_tcp() || data.len() < 5 {
            return Probe::NotMine;
        }
        // A greeting, or what is said on the port; elsewhere its words are too plain.
        let greeting = data.starts_with(b"* OK ") && first_line(data).is_some_and(|line| holds(line, &["imap"]));
        if greeting || (payload.has_port(PORT) && data[0].is_ascii_graphic()) { Probe::Unsure } else { Probe::NotMine }
    }

    fn parse(&self, payload: &Payload<'_>, _: &mut Pending) -> Parsed {
        let Some(line) = first_line(payload.data) else { return Parsed::Invalid };
        let (tag, rest) = word(line);
        let (command, rest) = word(rest);
        if tag.is_empty() || tag.len() > TAG_BYTES_MAX {
            return Parsed::Invalid;
        }
        let login = match command.to_ascii_uppercase().as_slice() {
            b"LOGIN" => {
                let user = word(rest).0;
                asks(AppProto::Imap, "LOGIN", user.strip_prefix(b"\"").unwrap_or(user), !word(rest).1.is_empty())
            }
            b"AUTHENTICATE" => authenticate(AppProto::Imap, rest),
            b"OK" if tag == b"*" => answers(AppProto::Imap, None),
            b"OK" if holds(rest, &["logged in", "login", "authenticat"]) => answers(AppProto::Imap, Some(true)),
            b"NO" if holds(rest, &["login", "authenticat", "password", "credential"]) => {
                answers(AppProto::Imap, Some(false))
            }
            _ => return Parsed::Waiting,
        };
        Parsed::Message(AppData::Login(unquoted(login)))
    }
}

/// `"bob"` without its quotes.
fn unquoted(mut login: record::LoginData) -> record::LoginData {
    if login.user.ends_with('"') {
        login.user.pop();
    }
    login
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::login_of;

    #[test]
    fn log_ins_and_their_answers_are_read() {
        let login = login_of(b"a1 LOGIN \"bob\" \"hunter2\"\r\n", 40_000, 143).unwrap();
        assert_eq!((login.user.as_str(), login.password), ("bob", true));
        assert!(!format!("{login:?}").contains("hunter2"));
        assert_eq!(login_of(b"a1 NO [AUTHENTICATIONFAILED] no\r\n", 143, 40_000).unwrap().accepted, Some(false));
        assert_eq!(login_of(b"a1 OK [CAPABILITY X] Logged in\r\n", 143, 40_000).unwrap().accepted, Some(true));
        assert!(login_of(b"* OK IMAP4rev1 ready\r\n", 1143, 40_000).unwrap().accepted.is_none());
        assert!(login_of(b"a2 SELECT INBOX\r\n", 40_000, 143).is_none());
    }
}
