//! SSH identification line (RFC 4253 section 4.2).

use super::{Parsed, Payload, Probe, Protocol, Transport, pending::Pending};
use crate::bytes::text;
use record::{AppData, SshData};

/// SSH.
pub struct Ssh;

/// Longest line the standard allows, bytes.
const LINE_BYTES_MAX: usize = 255;

impl Protocol for Ssh {
    fn name(&self) -> &'static str {
        "ssh"
    }

    fn may_begin(&self, transport: Transport, first: u8) -> bool {
        transport == Transport::Tcp && first == b'S'
    }

    #[inline]
    fn probe(&self, payload: &Payload<'_>) -> Probe {
        if payload.is_tcp() && payload.data.starts_with(b"SSH-") { Probe::Certain } else { Probe::NotMine }
    }

    fn parse(&self, payload: &Payload<'_>, _: &mut Pending) -> Parsed {
        let line = payload.data[..payload.data.len().min(LINE_BYTES_MAX)].split(|b| matches!(b, b'\r' | b'\n')).next();
        let mut parts = line.unwrap_or(&[]).splitn(3, |b| *b == b'-').skip(1);
        let (Some(version), Some(rest)) = (parts.next(), parts.next()) else { return Parsed::Invalid };
        if !version.iter().all(|b| b.is_ascii_digit() || *b == b'.') {
            return Parsed::Invalid;
        }
        // Comments follow a space.
        let software = rest.split(|b| *b == b' ').next().unwrap_or(&[]);
        Parsed::Message(AppData::Ssh(SshData { proto_version: text(version), software_version: text(software) }))
    }
}
