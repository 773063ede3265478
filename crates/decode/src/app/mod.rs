//! Application protocols: one file each, one ordered list, tried in order on a packet's payload.
//! Owns who may claim a payload; knows no flow table: what has to be remembered between packets is in `pending`.

pub(crate) mod certificate;
pub(crate) mod dcerpc;
pub(crate) mod dhcp;
pub(crate) mod dnp3;
pub(crate) mod dns;
pub(crate) mod ftp;
pub(crate) mod hello;
pub(crate) mod http;
pub(crate) mod imap;
pub(crate) mod ja4;
mod lines;
pub(crate) mod modbus;
pub(crate) mod ntp;
pub(crate) mod pending;
pub(crate) mod pop3;
pub(crate) mod quic;
pub(crate) mod smb;
pub(crate) mod smtp;
pub(crate) mod snmp;
pub(crate) mod ssh;
pub(crate) mod stratum;
pub(crate) mod telnet;
pub(crate) mod tls;

use crate::config::DecodeConfig;
use pending::Pending;
use record::{AppData, PacketMeta};

/// What a protocol says of a payload at first sight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Probe {
    /// Mine; when it cannot be read, that is an error and nobody else is asked.
    Certain,
    /// Perhaps mine; when it cannot be read, the next protocol is asked.
    Unsure,
    /// Not mine.
    NotMine,
}

/// A payload and the packet it came in.
#[derive(Clone, Copy, Debug)]
pub struct Payload<'a> {
    /// Captured payload bytes, never empty.
    pub data: &'a [u8],
    /// The packet.
    pub meta: &'a PacketMeta,
}

impl Payload<'_> {
    /// True when it travels in UDP.
    #[inline]
    pub fn is_udp(&self) -> bool {
        self.meta.proto == 17
    }
    /// True when it travels in TCP.
    #[inline]
    pub fn is_tcp(&self) -> bool {
        self.meta.proto == 6
    }
    /// True when either port is `port`.
    #[inline]
    pub fn has_port(&self, port: u16) -> bool {
        self.meta.src_port == port || self.meta.dest_port == port
    }
    /// True when the capture holds less than the wire carried.
    #[inline]
    pub fn is_cut(&self) -> bool {
        self.meta.payload_captured < self.meta.payload_len || self.meta.fragment
    }
}

/// What came of reading.
#[derive(Debug)]
pub enum Parsed {
    /// A message, whole or as far as it could be read.
    Message(AppData),
    /// Mine, but nothing to tell (yet): the rest is in later packets, or the message says nothing that is kept.
    Waiting,
    /// It said it was mine but cannot be read.
    Invalid,
}

/// What carries a payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
}

/// One application protocol.
pub trait Protocol: Sync {
    /// Lower-case name.
    fn name(&self) -> &'static str;
    /// False when no payload that begins with this byte can be its own: `probe` is then not asked. Told once at the start, so that
    /// a packet costs the few protocols that come in question and not all of them.
    fn may_begin(&self, _transport: Transport, _first: u8) -> bool {
        true
    }
    /// Cheap: looks at a few bytes, allocates nothing.
    fn probe(&self, payload: &Payload<'_>) -> Probe;
    /// Reads; never panics, whatever the bytes are; keeps at most `TEXT_BYTES_MAX` of each text.
    fn parse(&self, payload: &Payload<'_>, pending: &mut Pending) -> Parsed;
}

/// Every protocol, most telling first bytes first; the ones that need a port's hint come last.
pub const PROTOCOLS: &[&dyn Protocol] = &[
    &tls::Tls,
    &certificate::Certificate,
    &http::Http,
    &ssh::Ssh,
    &smb::Smb,
    &quic::Quic,
    &dnp3::Dnp3,
    &dcerpc::DceRpc,
    &dhcp::Dhcp,
    &ntp::Ntp,
    &modbus::Modbus,
    &stratum::Stratum,
    &pop3::Pop3,
    &imap::Imap,
    &smtp::Smtp,
    &ftp::Ftp,
    &telnet::Telnet,
    &snmp::Snmp,
    &dns::Dns,
];

/// Captured payload bytes of a packet, if it has any that are its transport's.
#[inline]
pub(crate) fn payload_bytes<'a>(meta: &PacketMeta, frame: &'a [u8]) -> Option<&'a [u8]> {
    let start = meta.payload_offset as usize;
    let data = frame.get(start..start + meta.payload_captured as usize)?;
    (!data.is_empty() && !meta.fragment_later && meta.l4_header_len != 0).then_some(data)
}

/// Which of `PROTOCOLS` come in question, a bit each, by the first byte of a payload.
#[derive(Debug)]
struct Openers([[u32; 256]; 2]);

impl Openers {
    fn new() -> Self {
        const { assert!(PROTOCOLS.len() <= 32) };
        let of = |transport| {
            std::array::from_fn(|first| {
                let may = |protocol: &&dyn Protocol| protocol.may_begin(transport, first as u8);
                PROTOCOLS.iter().enumerate().filter(|(_, p)| may(p)).fold(0, |bits, (at, _)| bits | 1 << at)
            })
        };
        Self([of(Transport::Tcp), of(Transport::Udp)])
    }

    /// Their places in the list, in its order.
    #[inline]
    fn of(&self, payload: &Payload<'_>) -> impl Iterator<Item = usize> + use<> {
        let mut bits = self.0[usize::from(payload.is_udp())][usize::from(payload.data[0])];
        std::iter::from_fn(move || {
            let at = bits.trailing_zeros() as usize;
            let any = bits != 0;
            bits &= bits.wrapping_sub(1);
            any.then_some(at)
        })
    }
}

/// The protocols and what they remember.
#[derive(Debug)]
pub(crate) struct Registry {
    openers: Box<Openers>,
    pending: Pending,
}

impl Registry {
    /// With the bounds of `config`.
    pub(crate) fn new(config: &DecodeConfig) -> Self {
        Self { openers: Box::new(Openers::new()), pending: Pending::new(config) }
    }

    /// ClientHellos given up unfinished.
    pub(crate) fn hellos_evicted(&self) -> u64 {
        self.pending.evicted()
    }

    /// The message in the packet's payload; the flag is true when a payload's owner could not read it.
    pub(crate) fn parse(&mut self, meta: &PacketMeta, frame: &[u8]) -> (Option<AppData>, bool) {
        if !matches!(meta.proto, 6 | 17) || meta.ip_version == 0 {
            return (None, false);
        }
        let Some(data) = payload_bytes(meta, frame) else { return (None, false) };
        let payload = Payload { data, meta };
        if payload.is_tcp() && self.pending.waits_for(meta) {
            let server = self.pending.waits_for_server(meta);
            return (
                if server {
                    certificate::go_on(&payload, &mut self.pending)
                } else {
                    tls::go_on(&payload, &mut self.pending)
                },
                false,
            );
        }
        for at in self.openers.of(&payload) {
            let protocol = PROTOCOLS[at];
            let probe = protocol.probe(&payload);
            if probe == Probe::NotMine {
                continue;
            }
            match protocol.parse(&payload, &mut self.pending) {
                Parsed::Message(data) => return (Some(data), false),
                Parsed::Waiting => return (None, false),
                Parsed::Invalid if probe == Probe::Certain => return (None, !payload.is_cut()),
                Parsed::Invalid => {}
            }
        }
        (None, false)
    }
}

/// What a TCP payload between two ports says of a log-in, for the tests of the protocols that say so.
#[cfg(test)]
fn login_of(data: &[u8], src_port: u16, dest_port: u16) -> Option<record::LoginData> {
    let len = data.len() as u32;
    let meta = PacketMeta {
        proto: 6,
        ip_version: 4,
        l4_header_len: 20,
        src_port,
        dest_port,
        payload_captured: len,
        payload_len: len,
        ..PacketMeta::EMPTY
    };
    match Registry::new(&DecodeConfig::default()).parse(&meta, data).0 {
        Some(AppData::Login(login)) => Some(login),
        _ => None,
    }
}
