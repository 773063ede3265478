//! DNP3 (IEEE 1815-2012): link addresses and application function codes of the frames in one packet; no objects.

use super::modbus::keep;
use super::{Parsed, Payload, Probe, Protocol, Transport, pending::Pending};
use record::{AppData, ControlData, ControlProtocol};

/// DNP3.
pub struct Dnp3;

/// Link header with its checksum.
const HEADER_BYTES: usize = 10;
/// User data in one block, each followed by a checksum of two bytes.
const BLOCK_BYTES: usize = 16;
/// Frames read of one packet.
const FRAMES_MAX: usize = 256;
/// Lowest function code that the controlled device speaks.
const RESPONSE: u8 = 129;
/// Transport octet: first fragment.
const FIRST: u8 = 0x40;

impl Protocol for Dnp3 {
    fn name(&self) -> &'static str {
        "dnp3"
    }

    /// The start octets and the header's checksum: no port is needed.
    fn may_begin(&self, _transport: Transport, first: u8) -> bool {
        first == 0x05
    }

    #[inline]
    fn probe(&self, payload: &Payload<'_>) -> Probe {
        if payload.data.starts_with(&[0x05, 0x64]) && is_header(payload.data) { Probe::Certain } else { Probe::NotMine }
    }

    fn parse(&self, payload: &Payload<'_>, _: &mut Pending) -> Parsed {
        let mut control = ControlData { protocol: ControlProtocol::Dnp3, ..ControlData::default() };
        let mut rest = payload.data;
        for _ in 0..FRAMES_MAX {
            if !is_header(rest) {
                break;
            }
            if let Some(code) = function(rest) {
                if control.messages == 0 {
                    control.unit = u16::from_le_bytes([rest[4], rest[5]]);
                    control.source = u16::from_le_bytes([rest[6], rest[7]]);
                    control.response = code >= RESPONSE;
                }
                control.messages += 1;
                keep(&mut control.functions, code);
            }
            rest = rest.get(frame_bytes(rest[2])..).unwrap_or(&[]);
        }
        // Link status, acknowledgements and later fragments say nothing that is kept.
        if control.messages == 0 { Parsed::Waiting } else { Parsed::Message(AppData::Control(control)) }
    }
}

/// Application function of a frame that carries the beginning of an application message.
fn function(frame: &[u8]) -> Option<u8> {
    let user_data = usize::from(frame[2]).saturating_sub(5);
    let (transport, code) = (*frame.get(HEADER_BYTES)?, *frame.get(HEADER_BYTES + 2)?);
    (user_data >= 3 && transport & FIRST != 0).then_some(code)
}

/// Bytes of a frame on the wire, from its length octet (which counts from the control octet, without checksums).
fn frame_bytes(length: u8) -> usize {
    let user_data = usize::from(length).saturating_sub(5);
    HEADER_BYTES + user_data + 2 * user_data.div_ceil(BLOCK_BYTES)
}

/// True when a whole link header with a right checksum is there.
fn is_header(data: &[u8]) -> bool {
    let Some(header) = data.first_chunk::<HEADER_BYTES>() else { return false };
    header[0] == 0x05 && header[1] == 0x64 && header[2] >= 5 && checksum(&header[..8]) == [header[8], header[9]]
}

/// CRC-16/DNP: polynomial 0x3d65 reflected, inverted at the end, low byte first.
fn checksum(data: &[u8]) -> [u8; 2] {
    let mut crc = 0_u16;
    for byte in data {
        crc ^= u16::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { crc >> 1 ^ 0xa6bc } else { crc >> 1 };
        }
    }
    (!crc).to_le_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_check_value_comes_out() {
        assert_eq!(checksum(b"123456789"), 0xea82_u16.to_le_bytes());
    }

    #[test]
    fn frames_are_as_long_as_their_blocks_say() {
        assert_eq!(
            [frame_bytes(5), frame_bytes(8), frame_bytes(21), frame_bytes(22), frame_bytes(255)],
            [10, 15, 28, 31, 292]
        );
    }
}
