//! Observations made by hand, for the tests of this folder.

#![allow(clippy::unwrap_used)]

use super::contacts::{Senders, evidence_of};
use super::{Behaviour, BehaviourConfig, Context, HomeNetworks, REGISTRY};
use crate::intel::Indicators;
use record::{
    Alert, ArpData, Contact, ContactOutcome, Endpoint, FlowKey, FlowRecord, IpAddr16, MacAddr, Observation, TcpFlags,
    Timestamp,
};
use std::sync::Arc;

/// 10.0.0.n.
pub(super) fn ip(n: u8) -> IpAddr16 {
    IpAddr16::v4([10, 0, 0, n])
}

/// 02:00:00:00:00:n.
pub(super) fn mac(n: u8) -> MacAddr {
    MacAddr([2, 0, 0, 0, 0, n])
}

/// A TCP opening at `ms` that nobody answered.
pub(super) fn contact(ms: i64, src: IpAddr16, dest: IpAddr16, dest_port: u16) -> Contact {
    let ts = Timestamp(ms * 1_000_000);
    let (key, _) = FlowKey::new(Endpoint { addr: src, port: 40_000 }, Endpoint { addr: dest, port: dest_port }, 6);
    Contact {
        ts,
        opened: ts,
        key,
        src,
        dest,
        dest_port,
        src_port: 40_000,
        proto: 6,
        opening_flags: TcpFlags::SYN,
        opening_payload: 0,
        outcome: ContactOutcome::Unanswered,
    }
}

/// A broadcast ARP request at `ms`; the Ethernet address is that of the asker's last address byte.
pub(super) fn arp_request(ms: i64, asker: IpAddr16, target: IpAddr16) -> ArpData {
    let m = mac(asker.0[15]);
    ArpData {
        ts: Timestamp(ms * 1_000_000),
        operation: 1,
        frame_src_mac: m,
        frame_dest_mac: MacAddr([0xff; 6]),
        sender_mac: m,
        sender_ip: asker,
        target_mac: MacAddr([0; 6]),
        target_ip: target,
        vlan: 0,
    }
}

/// A unicast ARP reply at `ms`: `sender_mac` claims `sender` towards `target`.
pub(super) fn arp_reply(ms: i64, sender: IpAddr16, sender_mac: MacAddr, target: IpAddr16) -> ArpData {
    ArpData {
        operation: 2,
        frame_src_mac: sender_mac,
        frame_dest_mac: mac(target.0[15]),
        sender_mac,
        target_mac: mac(target.0[15]),
        ..arp_request(ms, sender, target)
    }
}

/// A finished TCP flow with both directions, ending at `ms`.
pub(super) fn flow(ms: i64, src: IpAddr16, dest: IpAddr16, port: u16, bytes_out: u64, bytes_in: u64) -> FlowRecord {
    let end = Timestamp(ms * 1_000_000);
    let src_port = 40_000 + (ms % 20_000) as u16;
    let (key, originator_low) = FlowKey::new(Endpoint { addr: src, port: src_port }, Endpoint { addr: dest, port }, 6);
    let mut f = FlowRecord {
        flow_id: ms as u64 + 1,
        key,
        originator_low,
        start: end,
        end,
        first_seen: end,
        ..FlowRecord::default()
    };
    f.forward.packets = 1 + bytes_out / 1400;
    f.forward.bytes = bytes_out;
    f.forward.payload.count = f.forward.packets;
    f.forward.payload.sum = bytes_out as f64;
    f.forward.packets_with_payload = f.forward.packets;
    f.backward.packets = 1 + bytes_in / 1400;
    f.backward.bytes = bytes_in;
    f.backward.payload.count = f.backward.packets;
    f.backward.payload.sum = bytes_in as f64;
    f.backward.packets_with_payload = f.backward.packets;
    f.src_mac = mac(src.0[15]);
    f.dest_mac = mac(dest.0[15]);
    f
}

/// Something harmless every ten minutes from `from_ms` for a day: a capture that is watched, not a gap.
pub(super) fn quiet_day(from_ms: i64) -> Vec<Observation> {
    (0..=145).map(|i| Observation::Arp(arp_request(from_ms + i * 600_000, ip(200), ip(201)))).collect()
}

/// Runs one detector alone over observations, with `advance` at each new second and `finish` at the end.
pub(super) fn run(name: &str, observations: &[Observation]) -> Vec<Alert> {
    let (_, make) = REGISTRY.iter().find(|(n, _)| *n == name).unwrap();
    run_on(make(&BehaviourConfig::default()).as_mut(), observations)
}

/// The same on a given detector.
pub(super) fn run_on(detector: &mut dyn Behaviour, observations: &[Observation]) -> Vec<Alert> {
    run_with(detector, observations, Arc::default())
}

/// The same, with threat-intelligence lists.
pub(super) fn run_with(
    detector: &mut dyn Behaviour,
    observations: &[Observation],
    indicators: Arc<Indicators>,
) -> Vec<Alert> {
    let mut out = Vec::new();
    let Some(first) = observations.first() else { return out };
    let (home, start) = (HomeNetworks::default(), first.ts());
    let mut context = Context { home, indicators, started: start, now: start, evidence: None };
    let mut senders = Senders::new(16_384);
    for observation in observations {
        if observation.ts() > context.now {
            let entered = observation.ts().seconds() > context.now.seconds();
            context.now = observation.ts();
            if entered {
                detector.advance(context.now, &context, &mut out);
            }
        }
        context.evidence = evidence_of(observation, &mut senders);
        detector.observe(observation, &context, &mut out);
    }
    detector.finish(&context, &mut out);
    out
}
