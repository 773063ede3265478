//! DNS messages (RFC 1035): questions and answers as a stub resolver and its forwarder exchange them.
//! Owns the encoding; knows no address of the office and no time.

use std::net::{Ipv4Addr, Ipv6Addr};

pub(in super::super) const A: u16 = 1;
pub(in super::super) const CNAME: u16 = 5;
pub(in super::super) const SOA: u16 = 6;
pub(in super::super) const PTR: u16 = 12;
pub(in super::super) const TXT: u16 = 16;
pub(in super::super) const AAAA: u16 = 28;
pub(in super::super) const SRV: u16 = 33;
pub(in super::super) const HTTPS: u16 = 65;

/// Response codes.
pub(in super::super) const NO_ERROR: u8 = 0;
pub(in super::super) const NAME_ERROR: u8 = 3;

/// A record of an answer; an empty owner is the question's name by a compression pointer.
#[derive(Clone, Debug)]
pub(in super::super) struct Record {
    pub(in super::super) owner: String,
    pub(in super::super) kind: u16,
    /// Class, with mDNS's cache-flush bit where wanted.
    pub(in super::super) class: u16,
    pub(in super::super) ttl_s: u32,
    pub(in super::super) data: Vec<u8>,
}

impl Record {
    /// A record of class IN that answers the question.
    pub(in super::super) fn answer(kind: u16, ttl_s: u32, data: Vec<u8>) -> Self {
        Self { owner: String::new(), kind, class: 1, ttl_s, data }
    }
    /// An A record.
    pub(in super::super) fn a(ttl_s: u32, ip: Ipv4Addr) -> Self {
        Self::answer(A, ttl_s, ip.octets().to_vec())
    }
    /// An AAAA record.
    pub(in super::super) fn aaaa(ttl_s: u32, ip: Ipv6Addr) -> Self {
        Self::answer(AAAA, ttl_s, ip.octets().to_vec())
    }
    /// The SOA record of a zone, as in a negative answer (RFC 2308).
    pub(in super::super) fn soa(zone: &str) -> Self {
        let mut data = name(&format!("ns1.{zone}"));
        data.extend_from_slice(&name(&format!("hostmaster.{zone}")));
        for n in [2_024_030_601u32, 7200, 3600, 1_209_600, 300] {
            data.extend_from_slice(&n.to_be_bytes());
        }
        Self { owner: zone.to_owned(), kind: SOA, class: 1, ttl_s: 300, data }
    }
}

/// A name as length-prefixed labels. Labels above 63 bytes are cut.
pub(in super::super) fn name(text: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() + 2);
    for label in text.split('.').filter(|l| !l.is_empty()) {
        let label = &label.as_bytes()[..label.len().min(63)];
        out.push(label.len() as u8);
        out.extend_from_slice(label);
    }
    out.push(0);
    out
}

fn header(id: u16, flags: u16, counts: [u16; 4]) -> Vec<u8> {
    [id, flags].iter().chain(&counts).flat_map(|v| v.to_be_bytes()).collect()
}

fn question(out: &mut Vec<u8>, qname: &str, kind: u16) {
    out.extend_from_slice(&name(qname));
    out.extend_from_slice(&kind.to_be_bytes());
    out.extend_from_slice(&1u16.to_be_bytes());
}

fn record(out: &mut Vec<u8>, r: &Record) {
    if r.owner.is_empty() {
        out.extend_from_slice(&[0xc0, 12]);
    } else {
        out.extend_from_slice(&name(&r.owner));
    }
    out.extend_from_slice(&r.kind.to_be_bytes());
    out.extend_from_slice(&r.class.to_be_bytes());
    out.extend_from_slice(&r.ttl_s.to_be_bytes());
    out.extend_from_slice(&(r.data.len() as u16).to_be_bytes());
    out.extend_from_slice(&r.data);
}

/// The EDNS(0) pseudo-record (RFC 6891) with 1,232 bytes.
const EDNS: [u8; 11] = [0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0];

/// A recursive question.
pub(in super::super) fn query(id: u16, qname: &str, kind: u16) -> Vec<u8> {
    let mut out = header(id, 0x0100, [1, 0, 0, 1]);
    question(&mut out, qname, kind);
    out.extend_from_slice(&EDNS);
    out
}

/// Its answer; records of type SOA go to the authority section.
pub(in super::super) fn response(id: u16, code: u8, qname: &str, kind: u16, records: &[Record]) -> Vec<u8> {
    let (authority, answers): (Vec<_>, Vec<_>) = records.iter().partition(|r| r.kind == SOA);
    let flags = 0x8180 | u16::from(code);
    let mut out = header(id, flags, [1, answers.len() as u16, authority.len() as u16, 1]);
    question(&mut out, qname, kind);
    answers.iter().chain(&authority).for_each(|r| record(&mut out, r));
    out.extend_from_slice(&EDNS);
    out
}

/// An mDNS question (RFC 6762): id 0, no recursion.
pub(in super::super) fn mdns_query(qname: &str, kind: u16) -> Vec<u8> {
    let mut out = header(0, 0, [1, 0, 0, 0]);
    question(&mut out, qname, kind);
    out
}

/// An mDNS announcement of records with their own owners.
pub(in super::super) fn mdns_announce(records: &[Record]) -> Vec<u8> {
    let mut out = header(0, 0x8400, [0, records.len() as u16, 0, 0]);
    for r in records {
        record(&mut out, r);
    }
    out
}
