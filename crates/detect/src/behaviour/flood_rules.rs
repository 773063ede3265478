//! Which second of one receiver looks like a flood: floors and proportions that ordinary bulk traffic does not meet,
//! because bulk traffic is answered. Owns the rules; knows no past beyond one number.

use super::flood::FloodConfig;
use record::{TrafficClass, observation::ReceiverSecond};

/// Services whose answers are larger than their questions (US-CERT TA14-017A).
const AMPLIFIERS: [(u16, &str); 12] = [
    (17, "quote of the day"),
    (19, "CHARGEN"),
    (53, "DNS"),
    (111, "portmapper"),
    (123, "NTP"),
    (137, "NetBIOS"),
    (161, "SNMP"),
    (389, "CLDAP"),
    (1900, "SSDP"),
    (3702, "WS-Discovery"),
    (11_211, "memcached"),
    (27_015, "game server"),
];
/// Receivers of logs and flow records, which are never answered by design.
const COLLECTORS: [u16; 7] = [162, 514, 2055, 4739, 6343, 9995, 9996];

/// The name of an amplifying service by its UDP port.
pub(super) fn amplifier(port: u16) -> Option<&'static str> {
    AMPLIFIERS.iter().find(|(known, _)| *known == port).map(|(_, name)| *name)
}

/// What sort of flood.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum FloodSort {
    /// TCP openings.
    Syn,
    /// TCP answers that nobody asked for.
    SynAckReflection,
    /// Answers of amplifying services that nobody asked for.
    Reflection,
    /// UDP.
    Udp,
    /// ICMP.
    Icmp,
}

impl FloodSort {
    /// In words, for titles: "is flooded with … ".
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Syn => "TCP connection openings",
            Self::SynAckReflection => "TCP answers it did not ask for",
            Self::Reflection => "reflected answers it did not ask for",
            Self::Udp => "UDP packets",
            Self::Icmp => "ICMP packets",
        }
    }
    /// Machine name, part of the story.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Syn => "syn",
            Self::SynAckReflection => "syn_ack_reflection",
            Self::Reflection => "reflection",
            Self::Udp => "udp",
            Self::Icmp => "icmp",
        }
    }
}

/// What a rule needs besides the second itself.
#[derive(Clone, Copy, Debug)]
pub(super) struct Known {
    /// The receiver and the busiest sender have talked before: a conversation is no flood.
    pub(super) conversation: bool,
    /// Seconds of this receiver and class seen before.
    pub(super) seconds: u64,
}

/// A suspicious second: the sort, the rate that counts, and the floor it had to pass.
pub(super) fn judge(r: &ReceiverSecond, known: Known, config: &FloodConfig) -> Option<(FloodSort, u64, u64)> {
    let (sort, rate, floor) = match r.class {
        TrafficClass::Tcp => tcp(r, config)?,
        TrafficClass::Udp => udp(r, known, config)?,
        TrafficClass::Icmp => (FloodSort::Icmp, r.packets, config.icmp_per_s),
        _ => return None,
    };
    (rate >= floor.max(1)).then_some((sort, rate, floor.max(1)))
}

/// `part` is at least `percent` % of `whole`.
fn at_least(part: u64, whole: u64, percent: u64) -> bool {
    part.saturating_mul(100) >= whole.saturating_mul(percent)
}

fn one_sender(r: &ReceiverSecond) -> bool {
    at_least(r.sender_top_packets, r.packets, 90)
}

fn tcp(r: &ReceiverSecond, config: &FloodConfig) -> Option<(FloodSort, u64, u64)> {
    // An ordinary connection has one SYN in three or more packets to the server.
    if at_least(r.tcp_syn, r.packets, 60) {
        // One sender over many ports is a port scan, which has its own detector; far above a scanner's pace it floods.
        let pace = r.tcp_syn < config.syn_per_s.saturating_mul(20);
        let scan = pace && one_sender(r) && !at_least(r.dest_port_packets, r.packets, 50);
        return (!scan).then_some((FloodSort::Syn, r.tcp_syn, config.syn_per_s));
    }
    let unasked = r.packets_back.saturating_mul(100) <= r.packets && r.tcp_syn.saturating_mul(100) <= r.packets;
    let empty = r.bytes <= r.packets.saturating_mul(90);
    let from_service = r.src_port < 1024 || at_least(r.src_port_packets, r.packets, 20);
    let sort = FloodSort::SynAckReflection;
    (unasked && empty && from_service && r.senders >= 50).then_some((sort, r.packets, config.reflection_per_s * 5))
}

fn udp(r: &ReceiverSecond, known: Known, config: &FloodConfig) -> Option<(FloodSort, u64, u64)> {
    if at_least(r.packets_back, r.packets, 10) {
        return None;
    }
    // Amplified answers are so large that most of their packets are later fragments, which carry no port.
    let fragments = r.src_port == 0 && r.bytes >= r.packets.saturating_mul(800);
    let amplified = (amplifier(r.src_port).is_some() || fragments) && at_least(r.src_port_packets, r.packets, 30);
    // A victim of reflection hears from several reflectors; one server answering one client is a conversation.
    if amplified && r.senders >= 5 && !known.conversation {
        return Some((FloodSort::Reflection, r.packets, config.reflection_per_s));
    }
    if COLLECTORS.contains(&r.dest_port) && known.seconds < 600 {
        return None;
    }
    if !one_sender(r) {
        return Some((FloodSort::Udp, r.packets, config.udp_per_s));
    }
    let small = r.bytes <= r.packets.saturating_mul(120);
    let scan = small && !at_least(r.dest_port_packets, r.packets, 50);
    let floor = config.udp_per_s.saturating_mul(config.one_sender_ratio);
    (!scan && !known.conversation).then_some((FloodSort::Udp, r.packets, floor))
}
