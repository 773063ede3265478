//! DCE/RPC over TCP (C706, MS-RPCE): which interface is bound to and which operation is called; no arguments.

use super::{Parsed, Payload, Probe, Protocol, Transport, pending::Pending};
use crate::bytes::array_at;
use record::{AdminData, AdminProtocol, AdminStep, AppData};
use std::fmt::Write;

/// DCE/RPC.
pub struct DceRpc;

/// Common header of every message.
const HEADER_BYTES: usize = 16;
/// Where the list of interfaces of a bind begins.
const CONTEXTS_AT: usize = 28;
/// Interfaces read of one bind.
const CONTEXTS_MAX: u8 = 8;

/// Interfaces by the names of their specifications.
const KNOWN: [([u8; 16], &str); 12] = [
    (uuid(0x367a_bb81_9844_35f1_ad32_98f0_3800_1003), "svcctl"),
    (uuid(0x1ff7_0682_0a51_30e8_076d_740b_e8ce_e98b), "atsvc"),
    (uuid(0x86d3_5949_83c9_4044_b424_db36_3231_fd0c), "itaskschedulerservice"),
    (uuid(0x0000_01a0_0000_0000_c000_0000_0000_0046), "isystemactivator"),
    (uuid(0x9556_dc99_828c_11cf_a37e_00aa_0032_40c7), "iwbemservices"),
    (uuid(0xf309_ad18_d86a_11d0_a075_00c0_4fb6_8820), "iwbemlevel1login"),
    (uuid(0xe351_4235_4b06_11d1_ab04_00c0_4fc2_dcd2), "drsuapi"),
    (uuid(0xe1af_8308_5d1f_11c9_91a4_0800_2b14_a0fa), "epmapper"),
    (uuid(0x1234_5778_1234_abcd_ef00_0123_4567_89ac), "samr"),
    (uuid(0x1234_5778_1234_abcd_ef00_0123_4567_89ab), "lsarpc"),
    (uuid(0x4b32_4fc8_1670_01d3_1278_5a47_bf6e_e188), "srvsvc"),
    (uuid(0x338c_d001_2244_31f1_aaaa_9000_3800_1003), "winreg"),
];

const fn uuid(number: u128) -> [u8; 16] {
    number.to_be_bytes()
}

impl Protocol for DceRpc {
    fn name(&self) -> &'static str {
        "dcerpc"
    }

    /// Version 5.0, a message kind of clients or servers, flags, a known way of writing numbers.
    fn may_begin(&self, transport: Transport, first: u8) -> bool {
        transport == Transport::Tcp && first == 5
    }

    #[inline]
    fn probe(&self, payload: &Payload<'_>) -> Probe {
        match payload.data {
            [5, 0, 0 | 2 | 3 | 11..=16, _, 0x00 | 0x10, 0, 0, 0, ..] if payload.is_tcp() => Probe::Unsure,
            _ => Probe::NotMine,
        }
    }

    fn parse(&self, payload: &Payload<'_>, _: &mut Pending) -> Parsed {
        read(payload.data).map_or(Parsed::Invalid, |data| Parsed::Message(AppData::Admin(data)))
    }
}

fn read(message: &[u8]) -> Option<AdminData> {
    let little = message.get(4)? & 0x10 != 0;
    let number = |at: usize| {
        array_at(message, at).map(|bytes| if little { u16::from_le_bytes(bytes) } else { u16::from_be_bytes(bytes) })
    };
    if usize::from(number(8)?) < HEADER_BYTES {
        return None;
    }
    let kind = *message.get(2)?;
    let response = matches!(kind, 2 | 3 | 12 | 13 | 15);
    let mut data = AdminData { protocol: AdminProtocol::DceRpc, response, ..AdminData::default() };
    match kind {
        0 => {
            data.step = AdminStep::Call;
            data.operation = number(22)?;
        }
        11 | 14 => {
            data.step = AdminStep::Bind;
            data.name = interface(message, little)?;
        }
        _ => {}
    }
    Some(data)
}

/// The first known interface of a bind, else the first one's UUID.
fn interface(message: &[u8], little: bool) -> Option<String> {
    let (count, mut at, mut first) = (*message.get(24)?, CONTEXTS_AT, None);
    for _ in 0..count.min(CONTEXTS_MAX) {
        let Some(bytes) = array_at::<16>(message, at + 4) else { break };
        let id = if little { swapped(bytes) } else { bytes };
        if let Some((_, name)) = KNOWN.iter().find(|(known, _)| *known == id) {
            return Some((*name).to_owned());
        }
        first = first.or(Some(id));
        let syntaxes = usize::from(*message.get(at + 2)?);
        at += 24 + 20 * syntaxes;
    }
    first.map(written)
}

/// The first three fields of a UUID are numbers, written in the sender's order.
fn swapped(mut bytes: [u8; 16]) -> [u8; 16] {
    bytes[..4].reverse();
    bytes[4..6].reverse();
    bytes[6..8].reverse();
    bytes
}

fn written(id: [u8; 16]) -> String {
    let mut text = String::with_capacity(36);
    for (place, byte) in id.iter().enumerate() {
        if matches!(place, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        let _ = write!(text, "{byte:02x}");
    }
    text
}
