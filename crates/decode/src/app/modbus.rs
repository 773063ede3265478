//! Modbus/TCP (Modbus Messaging on TCP/IP 1.0b): units, function codes and exceptions; no register contents.

use super::{Parsed, Payload, Probe, Protocol, Transport, pending::Pending};
use crate::bytes::be16_at;
use record::{AppData, ControlData, ControlProtocol};

/// Modbus/TCP.
pub struct Modbus;

const PORT: u16 = 502;
/// Bytes before the function code: transaction, protocol, length, unit.
const HEADER_BYTES: usize = 7;
/// Messages read of one packet.
const MESSAGES_MAX: u16 = 256;
/// Function codes kept of one packet.
pub(super) const FUNCTIONS_MAX: usize = 8;

impl Protocol for Modbus {
    fn name(&self) -> &'static str {
        "modbus"
    }

    /// The port is needed: six of the header's seven bytes may be anything.
    fn may_begin(&self, transport: Transport, _first: u8) -> bool {
        transport == Transport::Tcp
    }

    #[inline]
    fn probe(&self, payload: &Payload<'_>) -> Probe {
        if payload.is_tcp() && payload.has_port(PORT) && is_message(payload.data) {
            Probe::Unsure
        } else {
            Probe::NotMine
        }
    }

    fn parse(&self, payload: &Payload<'_>, _: &mut Pending) -> Parsed {
        let response = payload.meta.src_port == PORT && payload.meta.dest_port != PORT;
        let mut control = ControlData { protocol: ControlProtocol::Modbus, response, ..ControlData::default() };
        let mut rest = payload.data;
        while is_message(rest) && control.messages < MESSAGES_MAX {
            let (unit, code) = (rest[6], rest[HEADER_BYTES]);
            if control.messages == 0 {
                control.unit = u16::from(unit);
            }
            control.messages += 1;
            control.exception |= code >= 0x80;
            keep(&mut control.functions, code & 0x7f);
            let len = usize::from(be16_at(rest, 4).unwrap_or(0));
            rest = rest.get(HEADER_BYTES - 1 + len..).unwrap_or(&[]);
        }
        // An exception is a response whatever the ports say.
        control.response |= control.exception;
        if control.messages == 0 { Parsed::Invalid } else { Parsed::Message(AppData::Control(control)) }
    }
}

/// Adds a code to a short list of distinct ones.
pub(super) fn keep(functions: &mut Vec<u8>, code: u8) {
    if functions.len() < FUNCTIONS_MAX && !functions.contains(&code) {
        functions.push(code);
    }
}

/// True when a header with protocol 0, a length of 2 to 254 bytes and a function code is there.
fn is_message(data: &[u8]) -> bool {
    let [_, _, 0, 0, high, low, _, code, ..] = data else { return false };
    let len = u16::from_be_bytes([*high, *low]);
    (2..=254).contains(&len) && *code & 0x7f != 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_needs_protocol_zero_a_length_and_a_function() {
        assert!(is_message(&[0, 1, 0, 0, 0, 6, 1, 3, 0, 0, 0, 1]));
        assert!(is_message(&[0, 1, 0, 0, 0, 3, 1, 0x83, 2]));
        for bad in
            [&[0, 1, 0, 1, 0, 6, 1, 3][..], &[0, 1, 0, 0, 0, 1, 1, 3], &[0, 1, 0, 0, 1, 0, 1, 3], &[0; 12], &[0; 7]]
        {
            assert!(!is_message(bad), "{bad:?}");
        }
    }
}
