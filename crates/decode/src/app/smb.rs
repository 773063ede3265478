//! SMB 1 to 3 (MS-SMB, MS-SMB2), first message of a packet: refused log-ins, shares, files and pipes by name, and the one reserved
//! transaction. No file contents; encrypted sessions (SMB 3) show nothing.

use super::{Parsed, Payload, Probe, Protocol, Transport, pending::Pending};
use crate::bytes::array_at;
use record::{AdminData, AdminStep, AppData, app_event::TEXT_BYTES_MAX};

/// SMB.
pub struct Smb;

/// Length prefix of the session service (RFC 1002) before the header.
const SESSION_BYTES: usize = 4;
/// Header of SMB 2 and 3.
const HEADER2_BYTES: usize = 64;
/// Header of SMB 1, up to the count of words.
const HEADER1_BYTES: usize = 32;
/// UTF-16 units read of a name.
const NAME_UNITS_MAX: usize = 256;
/// Trans2 subcommand `SESSION_SETUP`, reserved (MS-CIFS 2.2.6).
const TRANS2_SESSION_SETUP: u16 = 0x000e;
/// `STATUS_LOGON_FAILURE`, `STATUS_WRONG_PASSWORD`, `STATUS_ACCOUNT_LOCKED_OUT`, `STATUS_NO_SUCH_USER` (MS-ERREF).
const REFUSED: [u32; 4] = [0xc000_006d, 0xc000_006a, 0xc000_0234, 0xc000_0064];

impl Protocol for Smb {
    fn name(&self) -> &'static str {
        "smb"
    }

    fn may_begin(&self, transport: Transport, first: u8) -> bool {
        transport == Transport::Tcp && first == 0
    }

    #[inline]
    fn probe(&self, payload: &Payload<'_>) -> Probe {
        let magic = payload.data.get(SESSION_BYTES..SESSION_BYTES + 4);
        if payload.is_tcp() && payload.data[0] == 0 && matches!(magic, Some([0xfe | 0xff, b'S', b'M', b'B'])) {
            Probe::Certain
        } else {
            Probe::NotMine
        }
    }

    fn parse(&self, payload: &Payload<'_>, _: &mut Pending) -> Parsed {
        let message = &payload.data[SESSION_BYTES..];
        let read = if message[0] == 0xfe { smb2(message) } else { smb1(message) };
        read.map_or(Parsed::Invalid, |data| Parsed::Message(AppData::Admin(data)))
    }
}

fn le16(data: &[u8], at: usize) -> Option<u16> {
    array_at(data, at).map(u16::from_le_bytes)
}

fn le32(data: &[u8], at: usize) -> Option<u32> {
    array_at(data, at).map(u32::from_le_bytes)
}

fn smb2(message: &[u8]) -> Option<AdminData> {
    let (status, command) = (le32(message, 8)?, le16(message, 12)?);
    let response = le32(message, 16)? & 1 == 1;
    let mut data = AdminData { response, ..AdminData::default() };
    let body = message.get(HEADER2_BYTES..).unwrap_or(&[]);
    match (command, response) {
        (1, true) if REFUSED.contains(&status) => data.step = AdminStep::LogonRefused,
        (3, false) => {
            data.step = AdminStep::Share;
            data.name = utf16(message, le16(body, 4)?, le16(body, 6)?);
        }
        (5, false) => {
            data.step = AdminStep::File;
            data.name = utf16(message, le16(body, 44)?, le16(body, 46)?);
            // Disposition 1 opens what is there; write, append and generic write are asked for in the access mask.
            data.writes = le32(body, 36)? != 1 || le32(body, 24)? & 0x4000_0006 != 0;
        }
        _ => {}
    }
    Some(data)
}

fn smb1(message: &[u8]) -> Option<AdminData> {
    let (command, status) = (*message.get(4)?, le32(message, 5)?);
    let response = message.get(9)? & 0x80 != 0;
    let unicode = le16(message, 10)? & 0x8000 != 0;
    let mut data = AdminData { response, ..AdminData::default() };
    let words = usize::from(*message.get(HEADER1_BYTES)?);
    let word = |n: usize| le16(message, HEADER1_BYTES + 1 + 2 * n);
    let text_at = HEADER1_BYTES + 1 + 2 * words + 2;
    match (command, response) {
        (0x73, true) if REFUSED.contains(&status) => data.step = AdminStep::LogonRefused,
        (0x32, false) if words >= 15 && word(14)? == TRANS2_SESSION_SETUP => data.step = AdminStep::ReservedTransaction,
        (0x75, false) if words >= 4 => {
            data.step = AdminStep::Share;
            data.name = oem_or_utf16(message, text_at + usize::from(word(3)?), unicode);
        }
        (0xa2, false) if words >= 24 => {
            data.step = AdminStep::File;
            data.name = oem_or_utf16(message, text_at, unicode);
            // Words begin with the chained command; the disposition is the 32 bits at byte 35 of them.
            data.writes = le32(message, HEADER1_BYTES + 1 + 35)? != 1;
        }
        _ => {}
    }
    Some(data)
}

/// Lower-case text of `len` bytes at `at` from the header's start; as far as it was captured.
fn utf16(message: &[u8], at: u16, len: u16) -> String {
    let (at, len) = (usize::from(at), usize::from(len).min(2 * NAME_UNITS_MAX));
    let bytes = message.get(at..).unwrap_or(&[]);
    lower(bytes[..bytes.len().min(len)].chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])))
}

/// Text up to its zero; UTF-16 begins at an even place of the header.
fn oem_or_utf16(message: &[u8], at: usize, unicode: bool) -> String {
    if unicode {
        let bytes = message.get(at + at % 2..).unwrap_or(&[]);
        lower(bytes.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])))
    } else {
        lower(message.get(at..).unwrap_or(&[]).iter().map(|byte| u16::from(*byte)))
    }
}

fn lower(units: impl Iterator<Item = u16>) -> String {
    let units = units.take_while(|unit| *unit != 0).take(NAME_UNITS_MAX);
    let plain = |c: char| if c.is_control() { '.' } else { c };
    let read = char::decode_utf16(units).map(|c| plain(c.unwrap_or(char::REPLACEMENT_CHARACTER)));
    let mut text: String = read.flat_map(char::to_lowercase).collect();
    while text.len() > TEXT_BYTES_MAX {
        text.pop();
    }
    text
}
