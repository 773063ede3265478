//! NTP (RFC 5905, older versions, control and private messages).

use super::{Parsed, Payload, Probe, Protocol, Transport, pending::Pending};
use record::{AppData, NtpData};

/// NTP.
pub struct Ntp;

const PORT: u16 = 123;
/// Bytes of a time message without extensions.
const MESSAGE_BYTES: usize = 48;

impl Protocol for Ntp {
    fn name(&self) -> &'static str {
        "ntp"
    }

    /// The port is needed: the header alone fits far too many other messages.
    fn may_begin(&self, transport: Transport, _first: u8) -> bool {
        transport == Transport::Udp
    }

    #[inline]
    fn probe(&self, payload: &Payload<'_>) -> Probe {
        if payload.is_udp() && payload.has_port(PORT) && is_message(payload.data) {
            Probe::Certain
        } else {
            Probe::NotMine
        }
    }

    fn parse(&self, payload: &Payload<'_>, _: &mut Pending) -> Parsed {
        let [first, second, ..] = payload.data else { return Parsed::Invalid };
        let mode = first & 7;
        Parsed::Message(AppData::Ntp(NtpData {
            version: first >> 3 & 7,
            mode,
            // Control and private messages have no stratum.
            stratum: if mode < 6 { *second } else { 0 },
        }))
    }
}

/// True when the first bytes are sane for their mode.
fn is_message(data: &[u8]) -> bool {
    let (version, mode) = (data[0] >> 3 & 7, data[0] & 7);
    match mode {
        1..=5 => {
            data.len() >= MESSAGE_BYTES
                && (1..=4).contains(&version)
                && data[1] <= 16
                && (-8..=17).contains(&(data[2] as i8))
                && (-40..=0).contains(&(data[3] as i8))
        }
        // Control: operation code below 32 in the low bits, offset and count fit.
        6 => data.len() >= 12 && (1..=4).contains(&version),
        // Private (monlist): the implementation number is 0, 2 or 3.
        7 => data.len() >= 4 && (1..=4).contains(&version) && matches!(data[2], 0 | 2 | 3),
        // Version 1 clients leave the mode empty.
        _ => data.len() == MESSAGE_BYTES && version == 1 && data[1] <= 16,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_of_every_mode_pass() {
        let mut client = vec![0x23];
        client.resize(48, 0);
        assert!(is_message(&client));
        client[1..4].copy_from_slice(&[3, 10, 0xe8]);
        assert!(is_message(&client));
        assert!(is_message(&[0x16, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]));
        assert!(is_message(&[0x17, 0, 3, 0x2a, 0, 0, 0, 0]));
    }

    #[test]
    fn other_bytes_on_the_port_do_not() {
        for bytes in [
            &b"GET / HTTP/1.1\r\nHost: example.org\r\nUser-Agent: x\r\n\r\n"[..],
            &[0xff; 64],
            &[0; 48],
            &[0x23; 48],
            &[0x23],
        ] {
            assert!(!is_message(bytes), "{bytes:?}");
        }
    }
}
