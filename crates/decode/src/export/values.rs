//! One record's values, gathered field by field, then made an `ExportedFlow`: which of several counters and clocks of a record
//! counts, and which records are no flows. Owns these rules; knows no template.

use super::domain::Samplers;
use super::elements::Meaning;
use super::sets::Moment;
use super::templates::Field;
use record::timestamp::{NS_PER_MS, NS_PER_S, NS_PER_US};
use record::{
    ContactOutcome, EndReason, Endpoint, ExportedFlow, ExportedSide, FlowOrigin, IpAddr16, MacAddr, TcpFlags, Timestamp,
};

const ICMP: u8 = 1;
const ICMPV6: u8 = 58;
/// Seconds between the epochs of NTP (1900) and Unix (1970).
const NTP_TO_UNIX_S: i64 = 2_208_988_800;

/// What one direction counts.
#[derive(Clone, Copy, Debug, Default)]
struct Side {
    octets: Option<u64>,
    packets: Option<u64>,
    octets_total: Option<u64>,
    packets_total: Option<u64>,
    octets_wire: Option<u64>,
    flags: Option<u8>,
}

/// A record's values so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Values<'a> {
    sides: [Side; 2],
    post: [Option<u64>; 2],
    initiator: [Option<u64>; 2],
    responder: [Option<u64>; 2],
    v4: [Option<[u8; 4]>; 2],
    v6: [Option<[u8; 16]>; 2],
    ports: [u16; 2],
    macs: [MacAddr; 2],
    interfaces: [u32; 2],
    proto: u8,
    ip_version: u8,
    tos: u8,
    vlan: u16,
    icmp: Option<u16>,
    uptimes: [Option<u32>; 2],
    times: [Option<Timestamp>; 2],
    /// µs before the export.
    ago: [Option<u32>; 2],
    seen: Option<Timestamp>,
    duration_ns: Option<i64>,
    started_ms: Option<i64>,
    end_reason: u8,
    direction: u8,
    firewall: Option<u8>,
    nat: Option<u8>,
    sampler: Option<u64>,
    interval: Option<u64>,
    taken: Option<u64>,
    left: Option<u64>,
    size: Option<u64>,
    population: Option<u64>,
    probability: Option<f64>,
    frame_bytes: Option<u32>,
    /// Start of a packet, and whether with its link header.
    section: Option<(&'a [u8], bool)>,
}

/// A number of up to eight bytes (reduced-size encoding); of longer ones the last eight.
fn number(bytes: &[u8]) -> u64 {
    let tail = &bytes[bytes.len().saturating_sub(8)..];
    tail.iter().fold(0, |n, byte| n << 8 | u64::from(*byte))
}

/// NTP's 64 bits: seconds since 1900 and a fraction.
fn ntp(n: u64) -> Timestamp {
    let seconds = (n >> 32) as i64 - NTP_TO_UNIX_S;
    let fraction_ns = ((n & 0xffff_ffff) * NS_PER_S as u64) >> 32;
    Timestamp::from_parts(seconds, fraction_ns as i64)
}

fn ms(n: u64) -> Timestamp {
    Timestamp(i64::try_from(n).unwrap_or(i64::MAX).saturating_mul(NS_PER_MS))
}

fn array<const N: usize>(bytes: &[u8]) -> Option<[u8; N]> {
    bytes.try_into().ok()
}

impl<'a> Values<'a> {
    /// Takes one field.
    pub(super) fn set(&mut self, field: &Field, bytes: &'a [u8]) {
        let n = number(bytes);
        let side = &mut self.sides[usize::from(field.reverse)];
        match field.meaning {
            Meaning::Skip => {}
            Meaning::Octets => side.octets = Some(n),
            Meaning::Packets => side.packets = Some(n),
            Meaning::OctetsTotal => side.octets_total = Some(n),
            Meaning::PacketsTotal => side.packets_total = Some(n),
            Meaning::OctetsWire => side.octets_wire = Some(n),
            Meaning::TcpFlags => side.flags = Some(side.flags.unwrap_or(0) | n as u8),
            Meaning::Protocol => self.proto = n as u8,
            Meaning::SrcPort => self.ports[0] = n as u16,
            Meaning::DestPort => self.ports[1] = n as u16,
            Meaning::SrcV4 => self.v4[0] = array(bytes),
            Meaning::DestV4 => self.v4[1] = array(bytes),
            Meaning::SrcV6 => self.v6[0] = array(bytes),
            Meaning::DestV6 => self.v6[1] = array(bytes),
            // Of the rest, what a record says of the other direction is the same, turned round.
            _ if field.reverse => {}
            _ => self.set_other(field.meaning, bytes, n),
        }
    }

    fn set_other(&mut self, meaning: Meaning, bytes: &'a [u8], n: u64) {
        match meaning {
            Meaning::Tos => self.tos = n as u8,
            Meaning::IpVersion => self.ip_version = n as u8,
            Meaning::InterfaceIn => self.interfaces[0] = n as u32,
            Meaning::InterfaceOut => self.interfaces[1] = n as u32,
            Meaning::Vlan => self.vlan = n as u16 & 0xfff,
            Meaning::SrcMac => self.macs[0] = MacAddr(array(bytes).unwrap_or_default()),
            Meaning::DestMac => self.macs[1] = MacAddr(array(bytes).unwrap_or_default()),
            Meaning::IcmpTypeCode => self.icmp = self.icmp.filter(|known| *known != 0).or(Some(n as u16)),
            Meaning::IcmpType => self.icmp = Some(self.icmp.unwrap_or(0) & 0xff | (n as u16) << 8),
            Meaning::IcmpCode => self.icmp = Some(self.icmp.unwrap_or(0) & 0xff00 | n as u16 & 0xff),
            Meaning::OctetsPost => self.post[0] = Some(n),
            Meaning::PacketsPost => self.post[1] = Some(n),
            Meaning::InitiatorOctets => self.initiator[0] = Some(n),
            Meaning::InitiatorPackets => self.initiator[1] = Some(n),
            Meaning::ResponderOctets => self.responder[0] = Some(n),
            Meaning::ResponderPackets => self.responder[1] = Some(n),
            Meaning::EndReason => self.end_reason = n as u8,
            Meaning::BiflowDirection => self.direction = n as u8,
            Meaning::FirewallEvent => self.firewall = Some(n as u8),
            Meaning::NatEvent => self.nat = Some(n as u8),
            Meaning::FrameSection => self.section = Some((bytes, true)),
            Meaning::IpSection => self.section = Some((bytes, false)),
            Meaning::FrameBytes => self.frame_bytes = Some(n as u32),
            _ => self.set_time(meaning, bytes, n),
        }
    }

    fn set_time(&mut self, meaning: Meaning, bytes: &[u8], n: u64) {
        match meaning {
            Meaning::StartUptime => self.uptimes[0] = Some(n as u32),
            Meaning::EndUptime => self.uptimes[1] = Some(n as u32),
            Meaning::StartSeconds => self.times[0] = Some(ms(n.saturating_mul(1_000))),
            Meaning::EndSeconds => self.times[1] = Some(ms(n.saturating_mul(1_000))),
            Meaning::StartMs => self.times[0] = Some(ms(n)),
            Meaning::EndMs => self.times[1] = Some(ms(n)),
            Meaning::StartNtp => self.times[0] = Some(ntp(n)),
            Meaning::EndNtp => self.times[1] = Some(ntp(n)),
            Meaning::StartAgoUs => self.ago[0] = Some(n as u32),
            Meaning::EndAgoUs => self.ago[1] = Some(n as u32),
            Meaning::DurationMs => self.duration_ns = Some((n as i64).saturating_mul(NS_PER_MS)),
            Meaning::DurationUs => self.duration_ns = Some((n as i64).saturating_mul(NS_PER_US)),
            Meaning::StartedMs => self.started_ms = Some(n as i64),
            Meaning::SeenSeconds => self.seen = Some(ms(n.saturating_mul(1_000))),
            Meaning::SeenMs => self.seen = Some(ms(n)),
            Meaning::SeenNtp => self.seen = Some(ntp(n)),
            _ => self.set_sampling(meaning, bytes, n),
        }
    }

    fn set_sampling(&mut self, meaning: Meaning, bytes: &[u8], n: u64) {
        match meaning {
            Meaning::Sampler => self.sampler = Some(n),
            Meaning::SamplingInterval => self.interval = Some(n),
            Meaning::SamplingTaken => self.taken = Some(n),
            Meaning::SamplingLeft => self.left = Some(n),
            Meaning::SamplingSize => self.size = Some(n),
            Meaning::SamplingPopulation => self.population = Some(n),
            Meaning::SamplingProbability => {
                let eight = array(bytes).map(f64::from_be_bytes);
                self.probability = eight.or_else(|| array(bytes).map(f32::from_be_bytes).map(f64::from));
            }
            _ => {}
        }
    }

    /// The sampling rate that this record itself tells; 0 none.
    pub(super) fn rate(&self) -> u32 {
        let parts = match (self.taken, self.left, self.size, self.population) {
            (Some(taken), Some(left), _, _) if taken > 0 => (taken.saturating_add(left)) / taken,
            // Cisco tells the interval alone in the place of the number taken.
            (Some(taken), None, _, _) => taken,
            (_, _, Some(size), Some(population)) if size > 0 => population / size,
            _ => 0,
        };
        let probable = self.probability.filter(|p| *p > 0.0 && *p <= 1.0).map_or(0, |p| (1.0 / p).round() as u64);
        let rate = [self.interval.unwrap_or(0), parts, probable].into_iter().find(|rate| *rate > 0).unwrap_or(0);
        u32::try_from(rate).unwrap_or(u32::MAX)
    }

    /// The sampler that it speaks of.
    pub(super) fn sampler(&self) -> Option<u64> {
        self.sampler
    }

    /// When the exporter says it was started.
    pub(super) fn started_ms(&self) -> Option<i64> {
        self.started_ms.filter(|ms| *ms > 0)
    }

    /// The start of a packet that the record carries, with its length on the wire where told.
    pub(super) fn section(&self) -> Option<(&'a [u8], bool, Option<u32>)> {
        self.section.filter(|(bytes, _)| !bytes.is_empty()).map(|(bytes, link)| (bytes, link, self.frame_bytes))
    }

    /// Fills what a sampled packet does not say itself.
    pub(super) fn around(&self, flow: &mut ExportedFlow, moment: &Moment, samplers: &Samplers) {
        [flow.interface_in, flow.interface_out] = self.interfaces;
        flow.sampling = self.sampling(samplers);
        let at = self.seen.or(self.times[0]).unwrap_or(moment.exported).plus_ns(moment.clock_off_ns);
        (flow.start, flow.end) = (at, at);
    }

    fn sampling(&self, samplers: &Samplers) -> u32 {
        let own = self.rate();
        if own > 0 { own } else { samplers.rate(self.sampler).unwrap_or(0) }
    }

    /// The flow that it tells, or why it is none. `started_ms` is when the exporter started, where only an option says so.
    pub(super) fn told(
        &self,
        moment: &Moment,
        samplers: &Samplers,
        started_ms: Option<i64>,
    ) -> Result<ExportedFlow, &'static str> {
        if self.nat.is_some_and(|event| event != 0) && self.sides[0].octets.is_none() && self.initiator[0].is_none() {
            return Err("nat_event");
        }
        // That a flow was created says nothing of it yet, unless its first packet is counted already (Palo Alto).
        let nothing_counted = self.sides[0].octets.unwrap_or(0) == 0 && self.sides[0].packets.unwrap_or(0) == 0;
        if matches!(self.firewall, Some(1 | 4)) && nothing_counted {
            return Err("firewall_event");
        }
        let (src, dest) = self.addresses().ok_or("no_addresses")?;
        let (forward, backward) = self.counts();
        let (start, end) = self.span(moment, started_ms);
        let icmp = self.icmp();
        let port = |port: u16| if icmp.is_some() { 0 } else { port };
        let sampling = self.sampling(samplers);
        let mut flow = ExportedFlow {
            origin: FlowOrigin::Export { exporter: moment.exporter, sampling: sampling.max(1) },
            exporter: moment.exporter,
            domain: moment.domain,
            reported: moment.received,
            start,
            end,
            src: Endpoint { addr: src, port: port(self.ports[0]) },
            dest: Endpoint { addr: dest, port: port(self.ports[1]) },
            proto: self.proto,
            icmp,
            forward,
            originator_known: backward.is_some() || self.direction == 1 || self.direction == 2,
            backward,
            sampling,
            interface_in: self.interfaces[0],
            interface_out: self.interfaces[1],
            tos: self.tos,
            vlan: self.vlan,
            src_mac: self.macs[0],
            dest_mac: self.macs[1],
            reason: self.reason(),
            outcome: (self.firewall == Some(3)).then_some(ContactOutcome::Unanswered),
            ..ExportedFlow::default()
        };
        if self.direction == 2 {
            turn(&mut flow);
        }
        Ok(flow)
    }

    /// Both addresses, of the version that the record speaks of.
    fn addresses(&self) -> Option<(IpAddr16, IpAddr16)> {
        let v4 = self.v4[0].zip(self.v4[1]).map(|(src, dest)| (IpAddr16::v4(src), IpAddr16::v4(dest)));
        let v6 = self.v6[0].zip(self.v6[1]).map(|(src, dest)| (IpAddr16(src), IpAddr16(dest)));
        let is_empty = |pair: &(IpAddr16, IpAddr16)| pair.0.to_ip().is_unspecified() && pair.1.to_ip().is_unspecified();
        match self.ip_version {
            4 => v4.or(v6),
            6 => v6.or(v4),
            // Some templates have both, one of them empty.
            _ => v4.filter(|pair| v6.is_none() || !is_empty(pair)).or(v6),
        }
    }

    /// What each direction sent. Which counters of several: those since the last report, then those of the opener, then totals,
    /// then those behind a middlebox.
    fn counts(&self) -> (ExportedSide, Option<ExportedSide>) {
        let [ahead, back] = &self.sides;
        let octets = ahead.octets.or(self.initiator[0]).or(ahead.octets_total).or(self.post[0]);
        let packets = ahead.packets.or(self.initiator[1]).or(ahead.packets_total).or(self.post[1]);
        let forward = side(ahead, octets, packets);
        let octets = back.octets.or(self.responder[0]).or(back.octets_total);
        let packets = back.packets.or(self.responder[1]).or(back.packets_total);
        let has_back = octets.is_some() || packets.is_some();
        (forward, has_back.then(|| side(back, octets, packets)))
    }

    /// First and last packet. A record without any time happened when it was exported.
    fn span(&self, moment: &Moment, started_ms: Option<i64>) -> (Timestamp, Timestamp) {
        let started = self.started_ms().or(started_ms);
        let of = |place: usize| {
            let by_uptime = || {
                let uptime = self.uptimes[place]?;
                match (moment.uptime_ms, started) {
                    // Uptimes wrap after 49 days: the difference does not.
                    (Some(now), _) => {
                        let ago_ms = now.wrapping_sub(uptime) as i32;
                        Some(moment.exported.plus_ns(-i64::from(ago_ms) * NS_PER_MS))
                    }
                    (None, Some(started)) => Some(ms((started.saturating_add(i64::from(uptime))) as u64)),
                    (None, None) => None,
                }
            };
            let by_ago = || Some(moment.exported.plus_ns(-i64::from(self.ago[place]?) * NS_PER_US));
            self.times[place].or_else(by_uptime).or_else(by_ago)
        };
        let duration = self.duration_ns.or_else(|| {
            let (first, last) = self.uptimes[0].zip(self.uptimes[1])?;
            Some(i64::from(last.wrapping_sub(first) as i32) * NS_PER_MS)
        });
        let duration = duration.unwrap_or(0).max(0);
        let (start, end) = match (of(0), of(1)) {
            (Some(start), Some(end)) => (start, end),
            (Some(start), None) => {
                let end = self.seen.filter(|_| self.duration_ns.is_none()).unwrap_or(start.plus_ns(duration));
                (start, end)
            }
            (None, Some(end)) => (end.plus_ns(-duration), end),
            (None, None) => {
                let end = self.seen.unwrap_or(moment.exported);
                (end.plus_ns(-duration), end)
            }
        };
        let (start, end) = (start.plus_ns(moment.clock_off_ns), end.plus_ns(moment.clock_off_ns));
        (start, end.max(start))
    }

    /// Type and code: of their own fields, else of the place where NetFlow puts them, the destination port.
    fn icmp(&self) -> Option<(u8, u8)> {
        if self.proto != ICMP && self.proto != ICMPV6 {
            return None;
        }
        let both = self.icmp.filter(|both| *both != 0 || self.ports[1] == 0).unwrap_or(self.ports[1]);
        Some(((both >> 8) as u8, both as u8))
    }

    /// RFC 5102, flowEndReason.
    fn reason(&self) -> Option<EndReason> {
        let told = match self.end_reason {
            1 => EndReason::Idle,
            2 => EndReason::Active,
            3 if self.sides[0].flags.is_some_and(|flags| flags & TcpFlags::RST != 0) => EndReason::Rst,
            3 => EndReason::Fin,
            4 => EndReason::Shutdown,
            5 => EndReason::Evicted,
            _ => return (self.firewall == Some(2)).then_some(EndReason::Fin),
        };
        Some(told)
    }
}

fn side(of: &Side, octets: Option<u64>, packets: Option<u64>) -> ExportedSide {
    ExportedSide {
        packets: packets.unwrap_or(0),
        bytes: octets.or(of.octets_wire).unwrap_or(0),
        wire_bytes: of.octets_wire,
        payload_bytes: None,
        tcp_flags: of.flags.map(TcpFlags),
    }
}

/// The same flow told from the other side, which opened it.
fn turn(flow: &mut ExportedFlow) {
    std::mem::swap(&mut flow.src, &mut flow.dest);
    std::mem::swap(&mut flow.src_mac, &mut flow.dest_mac);
    let forward = flow.forward;
    flow.forward = flow.backward.unwrap_or_default();
    flow.backward = Some(forward);
}

#[cfg(test)]
mod tests {
    use super::*;
    use record::ExportFormat;

    fn moment() -> Moment {
        let at = Timestamp::from_parts(1_000_000, 0);
        let exporter = IpAddr16::v4([10, 0, 0, 1]);
        Moment { exporter, domain: 1, received: at, exported: at, uptime_ms: Some(5_000), clock_off_ns: 0 }
    }

    fn told(fields: &[(u32, u16, &[u8])]) -> ExportedFlow {
        match values(fields).told(&moment(), &Samplers::default(), None) {
            Ok(flow) => flow,
            Err(why) => panic!("{why}"),
        }
    }

    fn values<'a>(fields: &[(u32, u16, &'a [u8])]) -> Values<'a> {
        let mut values = Values::default();
        for (enterprise, element, bytes) in fields {
            let field = Field::new(*enterprise, *element, bytes.len() as u16, ExportFormat::Ipfix);
            values.set(&field, bytes);
        }
        values
    }

    const SRC: (u32, u16, &[u8]) = (0, 8, &[192, 0, 2, 1]);
    const DEST: (u32, u16, &[u8]) = (0, 12, &[192, 0, 2, 2]);

    #[test]
    fn counters_of_any_width_and_both_directions() {
        let flow = told(&[SRC, DEST, (0, 1, &[1, 0, 0]), (0, 2, &[3]), (29_305, 1, &[0; 9]), (29_305, 2, &[0, 9])]);
        assert_eq!((flow.forward.bytes, flow.forward.packets), (65_536, 3));
        assert_eq!(flow.backward.map(|b| (b.bytes, b.packets)), Some((0, 9)));
        assert!(flow.originator_known);
        let flow = told(&[SRC, DEST, (0, 231, &[7]), (0, 232, &[8])]);
        assert_eq!((flow.forward.bytes, flow.backward.map(|b| b.bytes)), (7, Some(8)));
        let flow = told(&[SRC, DEST, (0, 23, &[5])]);
        assert_eq!((flow.forward.bytes, flow.backward), (5, None));
    }

    #[test]
    fn times_by_uptime_wrap_and_absolute_ones_win() {
        let uptime = |n: u32| n.to_be_bytes();
        let (first, last) = (uptime(u32::MAX - 999), uptime(4_000));
        let flow = told(&[SRC, DEST, (0, 22, &first), (0, 21, &last)]);
        assert_eq!(flow.start, Timestamp::from_parts(999_994, 0), "five seconds of uptime and one before its wrap");
        assert_eq!(flow.end, Timestamp::from_parts(999_999, 0));
        let ms = 999_000_500_u64.to_be_bytes();
        let flow = told(&[SRC, DEST, (0, 152, &ms), (0, 161, &[250])]);
        assert_eq!((flow.start.0, flow.end.0), (999_000_500_000_000, 999_000_750_000_000));
        let half = ((NTP_TO_UNIX_S as u64 + 7) << 32 | 1 << 31).to_be_bytes();
        assert_eq!(told(&[SRC, DEST, (0, 156, &half)]).start, Timestamp(7_500_000_000));
    }

    #[test]
    fn icmp_is_read_from_its_own_field_or_from_the_port() {
        let icmp = |extra: (u32, u16, &[u8])| told(&[SRC, DEST, (0, 4, &[1]), extra]);
        assert_eq!(icmp((0, 32, &[3, 1])).icmp, Some((3, 1)));
        let by_port = icmp((0, 11, &[8, 0]));
        assert_eq!((by_port.icmp, by_port.dest.port), (Some((8, 0)), 0));
    }

    #[test]
    fn events_are_no_flows_but_a_denial_is_one() {
        let why = |fields: &[(u32, u16, &[u8])]| match values(fields).told(&moment(), &Samplers::default(), None) {
            Err(why) => why,
            Ok(_) => "flow",
        };
        assert_eq!(why(&[SRC, DEST, (0, 230, &[1])]), "nat_event");
        assert_eq!(why(&[SRC, DEST, (0, 233, &[1])]), "firewall_event");
        assert_eq!(told(&[SRC, DEST, (0, 233, &[1]), (0, 1, &[60])]).forward.bytes, 60);
        assert_eq!(why(&[SRC]), "no_addresses");
        assert_eq!(told(&[SRC, DEST, (0, 233, &[3])]).outcome, Some(ContactOutcome::Unanswered));
    }

    #[test]
    fn sampling_in_each_of_its_forms() {
        let rate = |fields: &[(u32, u16, &[u8])]| values(fields).rate();
        assert_eq!(rate(&[(0, 34, &[0, 100])]), 100);
        assert_eq!(rate(&[(0, 305, &[1]), (0, 306, &[99])]), 100);
        assert_eq!(rate(&[(0, 305, &[64])]), 64);
        assert_eq!(rate(&[(0, 309, &[2]), (0, 310, &[200])]), 100);
        assert_eq!(rate(&[(0, 311, &0.01_f64.to_be_bytes())]), 100);
        assert_eq!(rate(&[(0, 309, &[0]), (0, 310, &[200])]), 0);
    }
}
