//! Telnet (RFC 854): its option talk, and the prompts of a log-in. What is typed comes letter by letter and is not read.

use super::lines::{answers, holds};
use super::{Parsed, Payload, Probe, Protocol, Transport, pending::Pending};
use record::{AppData, AppProto};

/// Telnet.
pub struct Telnet;

/// The port, and the one that home devices offer it on.
const PORTS: [u16; 2] = [23, 2323];
/// Interpret as command.
const IAC: u8 = 255;
/// Bytes searched for prompts.
const SEARCHED_MAX: usize = 400;

impl Protocol for Telnet {
    fn name(&self) -> &'static str {
        "telnet"
    }

    fn may_begin(&self, transport: Transport, _first: u8) -> bool {
        transport == Transport::Tcp
    }

    #[inline]
    fn probe(&self, payload: &Payload<'_>) -> Probe {
        if !payload.is_tcp() {
            return Probe::NotMine;
        }
        let here = PORTS.iter().any(|port| payload.has_port(*port));
        match payload.data {
            // Will, won't, do, don't; two of them where the port does not say so.
            [IAC, 251..=254, _, IAC, 250..=254, ..] => Probe::Certain,
            [IAC, 250..=254, ..] if here => Probe::Certain,
            [_, _, _, _, ..] if here && PORTS.contains(&payload.meta.src_port) => Probe::Unsure,
            _ => Probe::NotMine,
        }
    }

    fn parse(&self, payload: &Payload<'_>, _: &mut Pending) -> Parsed {
        let searched = &payload.data[..payload.data.len().min(SEARCHED_MAX)];
        let from_server = PORTS.contains(&payload.meta.src_port);
        let mut login = answers(AppProto::Telnet, None);
        login.response = from_server;
        if from_server
            && holds(searched, &["login incorrect", "login failed", "authentication failed", "access denied"])
        {
            login.accepted = Some(false);
        } else if from_server && holds(searched, &["last login", "welcome to"]) && !holds(searched, &["password:"]) {
            login.accepted = Some(true);
        } else if from_server && holds(searched, &["password:"]) {
            (login.password, login.mechanism) = (true, "prompt".to_owned());
        } else if !(from_server && holds(searched, &["login:", "username:"])) && payload.data[0] != IAC {
            return Parsed::Invalid;
        }
        Parsed::Message(AppData::Login(login))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::login_of;

    #[test]
    fn prompts_are_read_and_what_is_typed_is_not() {
        assert!(login_of(b"Password: ", 23, 40_000).unwrap().password);
        assert!(!login_of(b"\r\nrouter login: ", 23, 40_000).unwrap().password);
        assert_eq!(login_of(b"\r\nLogin incorrect\r\nlogin: ", 23, 40_000).unwrap().accepted, Some(false));
        assert!(login_of(&[255, 253, 1, 255, 253, 3], 40_000, 9000).is_some());
        assert!(login_of(b"hunter2\r\n", 40_000, 23).is_none());
        assert!(login_of(b"Password: ", 9000, 40_000).is_none());
    }
}
