//! DNS (RFC 1035) over UDP and TCP, and multicast DNS (RFC 6762).
//! The first question is read here, so that a cut message still tells what was asked; the records by `simple-dns`.

use super::{Parsed, Payload, Probe, Protocol, pending::Pending};
use crate::bytes::{be16, be16_at, text};
use record::app_event::TEXT_BYTES_MAX;
use record::{AppData, DnsData};
use simple_dns::rdata::RData;

/// DNS and mDNS.
pub struct Dns;

/// Header, bytes.
const HEADER_BYTES: usize = 12;
/// Room for a name at first: most are shorter.
const NAME_BYTES_USUAL: usize = 40;
/// Answers kept.
const ANSWERS_MAX: usize = 16;
/// Ports of DNS and mDNS.
const PORT_DNS: u16 = 53;
const PORT_MDNS: u16 = 5353;
/// Name services that borrow DNS's format but not its names: NetBIOS and LLMNR.
const PORTS_ALIKE: [u16; 3] = [137, 138, 5355];

impl Protocol for Dns {
    fn name(&self) -> &'static str {
        "dns"
    }

    #[inline]
    fn probe(&self, payload: &Payload<'_>) -> Probe {
        let (message, hinted) = if payload.is_tcp() {
            let [l0, l1, message @ ..] = payload.data else { return Probe::NotMine };
            let len = usize::from(be16(*l0, *l1));
            let hinted = payload.has_port(PORT_DNS);
            if len < HEADER_BYTES || (!hinted && len != message.len()) {
                return Probe::NotMine;
            }
            (message, hinted)
        } else {
            if PORTS_ALIKE.iter().any(|port| payload.has_port(*port)) {
                return Probe::NotMine;
            }
            (payload.data, payload.has_port(PORT_DNS) || payload.has_port(PORT_MDNS))
        };
        probe_header(message, hinted)
    }

    fn parse(&self, payload: &Payload<'_>, _: &mut Pending) -> Parsed {
        let (message, message_bytes) = if payload.is_tcp() {
            let len = usize::from(be16_at(payload.data, 0).unwrap_or(0));
            let rest = payload.data.get(2..).unwrap_or(&[]);
            (&rest[..rest.len().min(len)], len as u32)
        } else {
            (payload.data, payload.meta.payload_len)
        };
        let multicast = payload.is_udp() && payload.has_port(PORT_MDNS);
        let hinted = multicast || payload.has_port(PORT_DNS);
        match read(message, multicast, hinted) {
            Some(data) => Parsed::Message(AppData::Dns(DnsData { message_bytes, ..data })),
            None => Parsed::Invalid,
        }
    }
}

/// Judges the twelve bytes of the header; without a port's hint only the plainest questions and answers pass.
fn probe_header(message: &[u8], hinted: bool) -> Probe {
    let Some(&[_, _, f0, f1, q0, q1, a0, a1, n0, n1, r0, r1]) = message.first_chunk::<HEADER_BYTES>() else {
        return Probe::NotMine;
    };
    let opcode = f0 >> 3 & 0x0f;
    let (questions, answers) = (be16(q0, q1), be16(a0, a1));
    let records = u32::from(answers) + u32::from(be16(n0, n1)) + u32::from(be16(r0, r1));
    if !matches!(opcode, 0 | 1 | 2 | 4 | 5) || f1 & 0x40 != 0 || (questions == 0 && records == 0 && f0 & 0x80 == 0) {
        return Probe::NotMine;
    }
    if hinted {
        return Probe::Certain;
    }
    let query = f0 & 0x80 == 0;
    if opcode != 0 || questions != 1 || records > 64 || (query && (records > 2 || answers != 0)) {
        return Probe::NotMine;
    }
    match message.get(HEADER_BYTES) {
        Some(1..=63) => Probe::Unsure,
        _ => Probe::NotMine,
    }
}

/// Reads a message. Without a port's hint it must be whole and of the Internet class.
fn read(message: &[u8], multicast: bool, hinted: bool) -> Option<DnsData> {
    let flags = be16_at(message, 2)?;
    let questions = be16_at(message, 4)?;
    let response = flags & 0x8000 != 0;
    let mut data = DnsData {
        multicast,
        response,
        id: be16_at(message, 0)?,
        rcode: if response { rcode_name(flags & 0x0f) } else { String::new() },
        ..DnsData::default()
    };
    let mut question_read = questions == 0;
    if questions != 0
        && let Some((name, at)) = name(message, HEADER_BYTES)
    {
        data.rrname = name;
        if let (Some(kind), Some(class)) = (be16_at(message, at), be16_at(message, at + 2)) {
            data.rrtype = type_name(kind);
            question_read = hinted || class == 1;
        }
    }
    // Without answers the records tell nothing; without a port's hint they still tell whether it is DNS.
    let whole = (hinted && be16_at(message, 6) == Some(0)) || read_records(message, &mut data);
    // Something must have been readable: garbage on port 53 is no message.
    let believable = question_read || (hinted && !data.rrname.is_empty());
    (believable && (hinted || whole)).then_some(data)
}

/// Answers by `simple-dns`; false when the message is not whole or not well-formed.
fn read_records(message: &[u8], data: &mut DnsData) -> bool {
    // The parser reserves by the counts: a count that cannot be true must not reach it. A record is 11 bytes or more.
    let counts: usize = (0..4).map(|n| usize::from(be16_at(message, 4 + 2 * n).unwrap_or(0))).sum();
    if counts * 5 > message.len() {
        return false;
    }
    let Ok(packet) = simple_dns::Packet::parse(message) else { return false };
    if data.rrname.is_empty() && data.rrtype.is_empty() {
        // Multicast announcements have no question: the first answer's name stands for it.
        if let Some(first) = packet.answers.first() {
            data.rrname = bounded(first.name.to_string().to_lowercase());
            data.rrtype = type_name(u16::from(first.rdata.type_code()));
        }
    }
    let records = packet.answers.iter();
    data.ttl_s = records.clone().map(|record| record.ttl).min().unwrap_or(0);
    data.answers = records.filter_map(|record| answer(&record.rdata)).take(ANSWERS_MAX).map(bounded).collect();
    true
}

/// An answer as text; None for records that say nothing of their own (OPT, signatures).
fn answer(data: &RData<'_>) -> Option<String> {
    Some(match data {
        RData::A(a) => dotted(a.address.to_be_bytes()),
        RData::AAAA(a) => std::net::Ipv6Addr::from(a.address).to_string(),
        RData::CNAME(name) => domain(&name.0),
        RData::NS(name) => domain(&name.0),
        RData::PTR(name) => domain(&name.0),
        RData::MX(mx) => mx.exchange.to_string(),
        RData::SRV(srv) => format!("{}:{}", srv.target, srv.port),
        RData::SOA(soa) => soa.mname.to_string(),
        RData::TXT(txt) => {
            let mut all = Vec::new();
            for (key, value) in txt.iter_raw() {
                all.extend_from_slice(key);
                if let Some(value) = value {
                    all.push(b'=');
                    all.extend_from_slice(value);
                }
            }
            text(&all)
        }
        RData::NULL(_, null) => text(null.get_data()),
        RData::HTTPS(https) => https.target.to_string(),
        RData::SVCB(svcb) => svcb.target.to_string(),
        _ => return None,
    })
}

/// An IPv4 address as text; by hand, because it is the most frequent answer and formatting is slow.
fn dotted(address: [u8; 4]) -> String {
    let mut out = String::with_capacity(15);
    for (at, byte) in address.into_iter().enumerate() {
        if at > 0 {
            out.push('.');
        }
        let digits = [byte / 100, byte / 10 % 10, byte % 10];
        let skip = digits.iter().take(2).take_while(|digit| **digit == 0).count();
        out.extend(digits[skip..].iter().map(|digit| char::from(b'0' + digit)));
    }
    out
}

/// A name as its `Display` spells it; letters, digits, hyphens and underscores without the cost of formatting.
fn domain(name: &simple_dns::Name<'_>) -> String {
    let mut out = String::with_capacity(NAME_BYTES_USUAL);
    for (at, label) in name.as_bytes().enumerate() {
        if at > 0 {
            out.push('.');
        }
        match std::str::from_utf8(label) {
            Ok(plain) if label.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_')) => {
                out.push_str(plain);
            }
            // Dots inside a label and the like are escaped there.
            _ => out.push_str(&name.get_labels()[at].to_string()),
        }
    }
    out
}

fn bounded(mut value: String) -> String {
    while value.len() > TEXT_BYTES_MAX {
        value.pop();
    }
    value
}

/// The name at `at` in lower case and the byte behind it. Pointers must lead back, so a chain ends.
pub(crate) fn name(message: &[u8], start: usize) -> Option<(String, usize)> {
    let mut out = String::with_capacity(NAME_BYTES_USUAL);
    let (mut at, mut behind) = (start, None);
    loop {
        let len = usize::from(*message.get(at)?);
        match len >> 6 {
            0 if len == 0 => {
                out.make_ascii_lowercase();
                return Some((out, behind.unwrap_or(at + 1)));
            }
            0 => {
                let label = message.get(at + 1..at + 1 + len)?;
                if !out.is_empty() {
                    out.push('.');
                }
                if label.iter().all(|byte| (b' '..0x7f).contains(byte))
                    && let Ok(plain) = std::str::from_utf8(label)
                {
                    out.push_str(plain);
                } else {
                    out.push_str(&text(label).to_lowercase());
                }
                if out.len() > TEXT_BYTES_MAX {
                    return None;
                }
                at += 1 + len;
            }
            3 => {
                let target = usize::from(be16_at(message, at)? & 0x3fff);
                behind = behind.or(Some(at + 2));
                if target >= at {
                    return None;
                }
                at = target;
            }
            _ => return None,
        }
    }
}

/// A record type's name, or its number.
pub(crate) fn type_name(kind: u16) -> String {
    let name = match kind {
        1 => "A",
        2 => "NS",
        5 => "CNAME",
        6 => "SOA",
        10 => "NULL",
        11 => "WKS",
        12 => "PTR",
        13 => "HINFO",
        15 => "MX",
        16 => "TXT",
        24 => "SIG",
        25 => "KEY",
        28 => "AAAA",
        29 => "LOC",
        33 => "SRV",
        35 => "NAPTR",
        39 => "DNAME",
        41 => "OPT",
        43 => "DS",
        44 => "SSHFP",
        46 => "RRSIG",
        47 => "NSEC",
        48 => "DNSKEY",
        50 => "NSEC3",
        51 => "NSEC3PARAM",
        52 => "TLSA",
        64 => "SVCB",
        65 => "HTTPS",
        99 => "SPF",
        249 => "TKEY",
        250 => "TSIG",
        251 => "IXFR",
        252 => "AXFR",
        255 => "ANY",
        257 => "CAA",
        _ => return kind.to_string(),
    };
    name.to_owned()
}

/// A response code's name, or its number.
pub(crate) fn rcode_name(code: u16) -> String {
    const NAMES: [&str; 11] = [
        "NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED", "YXDOMAIN", "YXRRSET", "NXRRSET", "NOTAUTH",
        "NOTZONE",
    ];
    NAMES.get(usize::from(code)).map_or_else(|| code.to_string(), |name| (*name).to_owned())
}
