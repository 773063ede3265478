//! sFlow version 5 (sflow.org): samples of packets and counters of interfaces. A sample is told as a flow of one packet with the
//! sampling rate; `flow::exported` adds up the samples of a conversation.

use super::domain::Domain;
use super::sampled_packet;
use super::sets::Moment;
use super::{Datagram, ExportReader};
use crate::bytes::{array_at, be16_at, be32_at};
use crate::config::DecodeConfig;
use crate::export::domain::DomainKey;
use record::{
    ExportFormat, ExportedCounters, ExportedFlow, ExportedSide, FlowOrigin, IpAddr16, LinkType, MacAddr, TcpFlags,
};

/// Formats of samples (enterprise 0).
const FLOW: u32 = 1;
const COUNTERS: u32 = 2;
const FLOW_EXPANDED: u32 = 3;
const COUNTERS_EXPANDED: u32 = 4;
const DISCARDED: u32 = 5;

/// Formats of the records in a flow sample.
const RAW_HEADER: u32 = 1;
const ETHERNET: u32 = 2;
const IPV4: u32 = 3;
const IPV6: u32 = 4;
const SWITCH: u32 = 1001;
/// Format of generic interface counters.
const GENERIC_INTERFACE: u32 = 1;

const TCP: u8 = 6;
/// What an output interface says when the packet went to several or nowhere: no index.
const INTERFACE_SPECIAL: u32 = 0xc000_0000;

/// Big-endian words one after the other.
#[derive(Clone, Copy)]
struct Words<'a>(&'a [u8]);

impl<'a> Words<'a> {
    fn next(&mut self) -> Option<u32> {
        let word = be32_at(self.0, 0)?;
        self.0 = &self.0[4..];
        Some(word)
    }

    fn next64(&mut self) -> Option<u64> {
        Some(u64::from(self.next()?) << 32 | u64::from(self.next()?))
    }

    fn bytes(&mut self, count: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(head)
    }

    /// A format, a length and so many bytes.
    fn part(&mut self) -> Option<(u32, &'a [u8])> {
        let format = self.next()?;
        let length = self.next()? as usize;
        self.bytes(length).map(|body| (format, body))
    }

    fn address(&mut self) -> Option<IpAddr16> {
        match self.next()? {
            1 => array_at::<4>(self.bytes(4)?, 0).map(IpAddr16::v4),
            2 => array_at(self.bytes(16)?, 0).map(IpAddr16),
            _ => None,
        }
    }
}

/// Reads one datagram.
pub(super) fn read(reader: &mut ExportReader, datagram: &Datagram<'_>, out: &mut Vec<ExportedFlow>) {
    let mut words = Words(datagram.payload.get(4..).unwrap_or_default());
    let head = (|| Some((words.address()?, words.next()?, words.next()?, words.next()?, words.next()?)))();
    let Some((_agent, sub_agent, sequence, _uptime, count)) = head else {
        let domain = reader.domain(datagram, ExportFormat::Sflow, 0);
        domain.state.unreadable.add("header_truncated", 1);
        return;
    };
    reader.domain(datagram, ExportFormat::Sflow, sub_agent);
    let ExportReader { decode, domains, .. } = reader;
    let key = DomainKey { exporter: datagram.exporter, format: ExportFormat::Sflow, domain: sub_agent };
    let Some(domain) = domains.get_mut(&key) else { return };
    domain.sequence(sequence, Some(1), 0);
    let (exporter, received) = (datagram.exporter, datagram.received);
    let moment = Moment { exporter, domain: sub_agent, received, exported: received, uptime_ms: None, clock_off_ns: 0 };
    let mut samples = Samples { decode, domain, moment, out };
    for _ in 0..count {
        let Some((format, body)) = words.part() else {
            samples.domain.state.unreadable.add("sample_truncated", 1);
            return;
        };
        if samples.sample(format, Words(body)).is_none() {
            samples.domain.state.unreadable.add("sample_truncated", 1);
        }
    }
}

struct Samples<'a> {
    decode: &'a DecodeConfig,
    domain: &'a mut Domain,
    moment: Moment,
    out: &'a mut Vec<ExportedFlow>,
}

/// What stands before the records of a flow sample.
struct Head {
    rate: u32,
    interfaces: [u32; 2],
    records: u32,
}

impl Samples<'_> {
    /// One sample; None when it is cut short.
    fn sample(&mut self, format: u32, mut words: Words<'_>) -> Option<()> {
        match format {
            FLOW => {
                let (_sequence, _source, rate, _pool, _drops) =
                    (words.next()?, words.next()?, words.next()?, words.next()?, words.next()?);
                let interfaces = [index(words.next()?), index(words.next()?)];
                let records = words.next()?;
                self.flow(&Head { rate, interfaces, records }, words)
            }
            FLOW_EXPANDED => {
                words.bytes(12)?;
                let rate = words.next()?;
                words.bytes(8)?;
                let mut interface = || {
                    let (kind, value) = (words.next()?, words.next()?);
                    Some(if kind == 0 { index(value) } else { 0 })
                };
                let interfaces = [interface()?, interface()?];
                let records = words.next()?;
                self.flow(&Head { rate, interfaces, records }, words)
            }
            COUNTERS => {
                words.bytes(8)?;
                self.counters(words)
            }
            COUNTERS_EXPANDED => {
                words.bytes(12)?;
                self.counters(words)
            }
            DISCARDED => {
                self.ignored("discarded_packet");
                Some(())
            }
            _ => {
                self.ignored("sample_format_unknown");
                Some(())
            }
        }
    }

    fn ignored(&mut self, reason: &str) {
        self.domain.state.records += 1;
        self.domain.state.ignored.add(reason, 1);
    }

    /// A sampled packet: its bytes where they are told, else its fields.
    fn flow(&mut self, head: &Head, mut words: Words<'_>) -> Option<()> {
        let (mut by_bytes, mut by_fields, mut macs, mut vlan) = (None, None, None, 0);
        for _ in 0..head.records {
            let (format, body) = words.part()?;
            match format {
                RAW_HEADER => by_bytes = self.raw_header(Words(body)).or(by_bytes),
                IPV4 | IPV6 => by_fields = self.fields(format, Words(body)).or(by_fields),
                ETHERNET => macs = ethernet(body),
                SWITCH => vlan = be32_at(body, 0).unwrap_or(0) as u16,
                _ => {}
            }
        }
        let Some(mut flow) = by_bytes.or(by_fields) else {
            self.ignored("packet_without_ip");
            return Some(());
        };
        flow.sampling = head.rate;
        flow.origin = FlowOrigin::Export { exporter: flow.exporter, sampling: head.rate.max(1) };
        [flow.interface_in, flow.interface_out] = head.interfaces;
        if flow.vlan == 0 {
            flow.vlan = vlan & 0xfff;
        }
        if let Some((src, dest)) = macs.filter(|_| flow.src_mac.is_zero()) {
            (flow.src_mac, flow.dest_mac) = (src, dest);
        }
        self.domain.state.records += 1;
        self.domain.state.flows += 1;
        self.domain.state.sampling = head.rate;
        self.out.push(flow);
        Some(())
    }

    fn raw_header(&mut self, mut words: Words<'_>) -> Option<ExportedFlow> {
        let link = match words.next()? {
            1 => LinkType::ETHERNET,
            7 => LinkType::PPP,
            11 => LinkType::IPV4,
            12 => LinkType::IPV6,
            15 => LinkType::IEEE802_11,
            _ => return None,
        };
        let frame_len = words.next()?;
        let _stripped = words.next()?;
        let length = words.next()? as usize;
        let bytes = words.0.get(..length).unwrap_or(words.0);
        sampled_packet::packet(self.decode, bytes, link, frame_len, &self.moment)
    }

    fn fields(&mut self, format: u32, mut words: Words<'_>) -> Option<ExportedFlow> {
        let length = words.next()?;
        let proto = words.next()? as u8;
        let mut addr = || {
            if format == IPV4 {
                array_at::<4>(words.bytes(4)?, 0).map(IpAddr16::v4)
            } else {
                array_at(words.bytes(16)?, 0).map(IpAddr16)
            }
        };
        let (src, dest) = (addr()?, addr()?);
        let ports = [words.next()? as u16, words.next()? as u16];
        let flags = words.next()? as u8;
        let forward = ExportedSide {
            packets: 1,
            bytes: u64::from(length),
            tcp_flags: (proto == TCP).then_some(TcpFlags(flags)),
            ..ExportedSide::default()
        };
        Some(sampled_packet::fields(&self.moment, src, dest, proto, ports, forward))
    }

    fn counters(&mut self, mut words: Words<'_>) -> Option<()> {
        for _ in 0..words.next()? {
            let (format, body) = words.part()?;
            if format == GENERIC_INTERFACE
                && let Some(counters) = generic_interface(Words(body), &self.moment)
            {
                self.domain.interface(counters);
            }
        }
        self.domain.state.records += 1;
        Some(())
    }
}

/// An interface's index; packets to several interfaces or to none have none.
fn index(value: u32) -> u32 {
    if value & INTERFACE_SPECIAL == 0 { value } else { 0 }
}

fn ethernet(body: &[u8]) -> Option<(MacAddr, MacAddr)> {
    // Length, then both addresses, each padded to eight bytes.
    Some((MacAddr(array_at(body, 4)?), MacAddr(array_at(body, 12)?))).filter(|_| be16_at(body, 20).is_some())
}

fn generic_interface(mut words: Words<'_>, moment: &Moment) -> Option<ExportedCounters> {
    let interface = words.next()?;
    let _kind = words.next()?;
    let speed_bits_per_s = words.next64()?;
    words.bytes(8)?;
    let bytes_in = words.next64()?;
    let packets_in = (0..3).try_fold(0, |sum, _| Some(sum + u64::from(words.next()?)))?;
    words.bytes(12)?;
    let bytes_out = words.next64()?;
    let packets_out = (0..3).try_fold(0, |sum, _| Some(sum + u64::from(words.next()?)))?;
    let reported = moment.received;
    Some(ExportedCounters { reported, interface, speed_bits_per_s, bytes_in, packets_in, bytes_out, packets_out })
}
