//! Which information element says what (IANA's registry of IPFIX elements, which NetFlow v9's field types begin; Cisco's, CERT's
//! and ntop's own where they say something a flow record has). One line an element; everything else is skipped by its length.

use record::ExportFormat;

/// Enterprise number of reverse elements (RFC 5103).
const REVERSE: u32 = 29_305;
/// CERT, the maker of YAF; its reverse elements have this bit set.
const CERT: u32 = 6_871;
const CERT_REVERSE: u16 = 0x4000;

/// What a field says, as far as a flow record has a place for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    Skip,
    /// Bytes and packets since the last report.
    Octets,
    Packets,
    /// The same since the flow began; used where the ones above are missing.
    OctetsTotal,
    PacketsTotal,
    /// After a middlebox, and in NetFlow v9's egress reports in place of the first ones.
    OctetsPost,
    PacketsPost,
    /// Of the side that opened the flow and of the other (middleboxes, firewalls).
    InitiatorOctets,
    InitiatorPackets,
    ResponderOctets,
    ResponderPackets,
    /// With link headers.
    OctetsWire,
    Protocol,
    Tos,
    TcpFlags,
    SrcPort,
    DestPort,
    SrcV4,
    DestV4,
    SrcV6,
    DestV6,
    IpVersion,
    InterfaceIn,
    InterfaceOut,
    Vlan,
    SrcMac,
    DestMac,
    /// Type and code in one number.
    IcmpTypeCode,
    IcmpType,
    IcmpCode,
    /// Times by the exporter's uptime.
    StartUptime,
    EndUptime,
    /// Absolute times.
    StartSeconds,
    EndSeconds,
    StartMs,
    EndMs,
    StartNtp,
    EndNtp,
    /// Microseconds before the export.
    StartAgoUs,
    EndAgoUs,
    DurationMs,
    DurationUs,
    /// When the exporter started, ms.
    StartedMs,
    /// When an event or a packet was seen.
    SeenSeconds,
    SeenMs,
    SeenNtp,
    EndReason,
    /// 1: `src` opened the flow; 2: `dest` did.
    BiflowDirection,
    /// A firewall's word: 1 created, 2 deleted, 3 denied, 4 alert, 5 update.
    FirewallEvent,
    /// An address translation was made or ended.
    NatEvent,
    Sampler,
    /// One of so many.
    SamplingInterval,
    /// So many in a row …
    SamplingTaken,
    /// … and then so many left out.
    SamplingLeft,
    /// So many of …
    SamplingSize,
    /// … this many.
    SamplingPopulation,
    /// A probability, a floating-point number.
    SamplingProbability,
    /// The first bytes of a packet, from its link header or its IP header.
    FrameSection,
    IpSection,
    FrameBytes,
}

/// What an element says, and whether of the other direction.
pub(super) fn meaning(enterprise: u32, element: u16, format: ExportFormat) -> (Meaning, bool) {
    match enterprise {
        0 => (plain(element, format), false),
        REVERSE => (plain(element, format), true),
        CERT => {
            let meaning = match element & !CERT_REVERSE {
                // The flags of the first packet, and of all later ones: together all.
                14 | 15 => Meaning::TcpFlags,
                _ => Meaning::Skip,
            };
            (meaning, element & CERT_REVERSE != 0)
        }
        _ => (Meaning::Skip, false),
    }
}

/// IANA's elements. NetFlow v9 has no enterprise numbers: makers took high numbers, which mean other things in IPFIX.
fn plain(element: u16, format: ExportFormat) -> Meaning {
    match element {
        ..=99 => first_hundred(element),
        // Cisco's firewalls before version 8.4.
        40_005 if format == ExportFormat::NetflowV9 => Meaning::FirewallEvent,
        _ => later(element),
    }
}

/// Those that NetFlow v9 defined.
fn first_hundred(element: u16) -> Meaning {
    match element {
        1 => Meaning::Octets,
        2 => Meaning::Packets,
        4 => Meaning::Protocol,
        5 => Meaning::Tos,
        6 => Meaning::TcpFlags,
        7 => Meaning::SrcPort,
        8 => Meaning::SrcV4,
        10 => Meaning::InterfaceIn,
        11 => Meaning::DestPort,
        12 => Meaning::DestV4,
        14 => Meaning::InterfaceOut,
        21 => Meaning::EndUptime,
        22 => Meaning::StartUptime,
        23 => Meaning::OctetsPost,
        24 => Meaning::PacketsPost,
        27 => Meaning::SrcV6,
        28 => Meaning::DestV6,
        32 => Meaning::IcmpTypeCode,
        34 | 50 => Meaning::SamplingInterval,
        48 => Meaning::Sampler,
        56 => Meaning::SrcMac,
        58 => Meaning::Vlan,
        60 => Meaning::IpVersion,
        80 => Meaning::DestMac,
        85 => Meaning::OctetsTotal,
        86 => Meaning::PacketsTotal,
        _ => Meaning::Skip,
    }
}

fn later(element: u16) -> Meaning {
    match element {
        104 | 315 => Meaning::FrameSection,
        136 => Meaning::EndReason,
        139 => Meaning::IcmpTypeCode,
        150 => Meaning::StartSeconds,
        151 => Meaning::EndSeconds,
        152 => Meaning::StartMs,
        153 => Meaning::EndMs,
        154 | 156 => Meaning::StartNtp,
        155 | 157 => Meaning::EndNtp,
        158 => Meaning::StartAgoUs,
        159 => Meaning::EndAgoUs,
        160 => Meaning::StartedMs,
        161 => Meaning::DurationMs,
        162 => Meaning::DurationUs,
        176 | 178 => Meaning::IcmpType,
        177 | 179 => Meaning::IcmpCode,
        180 | 182 => Meaning::SrcPort,
        181 | 183 => Meaning::DestPort,
        230 => Meaning::NatEvent,
        231 => Meaning::InitiatorOctets,
        232 => Meaning::ResponderOctets,
        233 => Meaning::FirewallEvent,
        239 => Meaning::BiflowDirection,
        243 => Meaning::Vlan,
        252 => Meaning::InterfaceIn,
        253 => Meaning::InterfaceOut,
        298 => Meaning::InitiatorPackets,
        299 => Meaning::ResponderPackets,
        302 => Meaning::Sampler,
        305 => Meaning::SamplingTaken,
        306 => Meaning::SamplingLeft,
        309 => Meaning::SamplingSize,
        310 => Meaning::SamplingPopulation,
        311 => Meaning::SamplingProbability,
        312 => Meaning::FrameBytes,
        313 => Meaning::IpSection,
        322 => Meaning::SeenSeconds,
        323 => Meaning::SeenMs,
        324 | 325 => Meaning::SeenNtp,
        352 => Meaning::OctetsWire,
        _ => Meaning::Skip,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reverse_elements_are_the_same_of_the_other_direction() {
        let of = |enterprise, element| meaning(enterprise, element, ExportFormat::Ipfix);
        assert_eq!(of(0, 1), (Meaning::Octets, false));
        assert_eq!(of(REVERSE, 1), (Meaning::Octets, true));
        assert_eq!(of(CERT, 15), (Meaning::TcpFlags, false));
        assert_eq!(of(CERT, 15 | CERT_REVERSE), (Meaning::TcpFlags, true));
        assert_eq!(of(9, 1), (Meaning::Skip, false), "a maker's own element 1 is not IANA's");
        assert_eq!(of(0, 40_005).0, Meaning::Skip);
        assert_eq!(meaning(0, 40_005, ExportFormat::NetflowV9).0, Meaning::FirewallEvent);
    }
}
