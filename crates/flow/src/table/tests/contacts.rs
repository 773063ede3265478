//! How openings were taken, and application messages.

use super::wire::{Always, CLIENT, ICMP, SERVER, UDP, hash_of, packet, run, run_with, tcp};
use crate::FlowConfig;
use record::ContactOutcome::{Answered, Midstream, Refused, Unanswered};
use record::{AppData, ContactOutcome, DnsData, HttpData, PacketMeta};

fn outcomes(packets: &[PacketMeta]) -> Vec<ContactOutcome> {
    run(packets).contacts.iter().map(|c| c.outcome).collect()
}

/// A later packet of somebody else, which moves the clock.
fn later(ms: f64) -> PacketMeta {
    packet(ms, ("10.0.7.7", 9), ("224.0.0.1", 9), UDP, 0)
}

#[test]
fn tcp_openings_are_answered_refused_or_left_alone() {
    assert_eq!(outcomes(&[tcp(0.0, 'C', "S", 1, 0), tcp(5.0, 'S', "SA", 1, 0), tcp(6.0, 'C', "R", 2, 0)]), [Answered]);
    assert_eq!(outcomes(&[tcp(0.0, 'C', "S", 1, 0), tcp(5.0, 'S', "RA", 0, 0)]), [Refused]);
    assert_eq!(outcomes(&[tcp(0.0, 'C', "S", 1, 0), later(1_001.0)])[..], [Unanswered, Midstream]);
    // An answer after the time-out comes too late, whether the wheel came by or not.
    assert_eq!(outcomes(&[tcp(0.0, 'C', "S", 1, 0), tcp(1_001.0, 'S', "SA", 1, 0)]), [Unanswered]);
    let said = run(&[tcp(0.0, 'C', "S", 1, 0), tcp(1_001.0, 'S', "SA", 1, 0)]);
    assert_eq!(said.contacts[0].ts.since(said.contacts[0].opened), 1_000_000_000);
}

#[test]
fn probes_without_syn_are_judged_by_their_answer() {
    for flags in ["", "F", "FPU"] {
        let said = run(&[tcp(0.0, 'C', flags, 1, 0), tcp(5.0, 'S', "RA", 0, 0)]);
        assert_eq!(said.contacts[0].outcome, Refused, "{flags}");
        assert_eq!(said.contacts[0].src.to_string(), "10.0.0.9");
        assert_eq!(outcomes(&[tcp(0.0, 'C', flags, 1, 0), later(1_500.0)])[0], Unanswered, "{flags}");
    }
    assert_eq!(outcomes(&[tcp(0.0, 'C', "A", 1, 0), tcp(5.0, 'S', "R", 0, 0)]), [Refused]);
    assert_eq!(outcomes(&[tcp(0.0, 'C', "A", 1, 0), tcp(5.0, 'S', "PA", 0, 9)]), [Midstream]);
    assert_eq!(outcomes(&[tcp(0.0, 'C', "A", 1, 0), tcp(9.0, 'C', "A", 1, 0), later(1_500.0)])[0], Midstream);
}

#[test]
fn the_middle_of_a_connection_says_nothing_and_finds_its_server() {
    for first in [tcp(0.0, 'S', "PA", 1, 500), tcp(0.0, 'C', "PA", 1, 500), tcp(0.0, 'S', "SA", 1, 0)] {
        let said = run(&[first]);
        assert_eq!(said.contacts[0].outcome, Midstream);
        assert_eq!((said.contacts[0].src.to_string().as_str(), said.contacts[0].dest_port), ("10.0.0.9", 80));
        assert_eq!(said.flows[0].src().port, 40_000);
    }
}

#[test]
fn udp_and_echo_are_answered_by_anything_back() {
    let (resolver, echo) = (("10.0.0.1", 53), 77);
    let ask = packet(0.0, CLIENT, resolver, UDP, 30);
    assert_eq!(outcomes(&[ask, packet(4.0, resolver, CLIENT, UDP, 90)]), [Answered]);
    assert_eq!(outcomes(&[packet(4.0, resolver, CLIENT, UDP, 90)]), [Midstream]);
    let mut ping = packet(0.0, (CLIENT.0, echo), (SERVER.0, echo), ICMP, 56);
    ping.icmp_type = 8;
    let mut pong = packet(1.0, (SERVER.0, echo), (CLIENT.0, echo), ICMP, 56);
    pong.icmp_type = 0;
    assert_eq!(outcomes(&[ping, pong]), [Answered]);
    let said = run(&[pong]);
    assert_eq!((said.contacts[0].outcome, said.contacts[0].dest_port), (Midstream, 0));
    assert_eq!(said.flows[0].src().addr.to_string(), "10.0.0.9");
}

#[test]
fn an_icmp_error_refuses_the_quoted_flow() {
    let probe = packet(0.0, CLIENT, ("10.0.0.1", 161), UDP, 30);
    let mut error = packet(1.0, (SERVER.0, 0), (CLIENT.0, 0), ICMP, 36);
    (error.icmp_type, error.icmp_code, error.icmp_inner_hash) = (3, 3, hash_of(&probe.key));
    let said = run(&[probe, error]);
    let refused: Vec<_> = said.contacts.iter().filter(|c| c.outcome == Refused).collect();
    assert_eq!((refused.len(), refused[0].dest_port), (1, 161));
    // Time exceeded is no refusal.
    error.icmp_type = 11;
    assert!(run(&[probe, error]).contacts.iter().all(|c| c.outcome != Refused));
}

#[test]
fn at_the_end_a_contact_is_unanswered_only_when_it_waited() {
    assert_eq!(outcomes(&[tcp(0.0, 'C', "S", 1, 0)]), [Midstream]);
    assert_eq!(outcomes(&[tcp(0.0, 'C', "S", 1, 0), later(300.0)])[1], Unanswered);
}

#[test]
fn every_datagram_of_dns_is_a_message_and_only_the_first_of_http() {
    let dns = |response| AppData::Dns(DnsData { response, ..DnsData::default() });
    let packets: Vec<_> = (0..20).map(|n| packet(f64::from(n), CLIENT, ("10.0.0.1", 53), UDP, 30)).collect();
    let said = run_with(FlowConfig::default(), &packets, &mut Always(dns(false)));
    assert_eq!(said.apps, 20);
    assert!(said.flows[0].app.as_ref().unwrap().request.is_some());
    let http = AppData::Http(HttpData::default());
    let mut packets: Vec<_> = (0..20).map(|n| tcp(f64::from(n), 'C', "PA", n * 10, 10)).collect();
    packets.push(tcp(30.0, 'S', "PA", 1, 10));
    let said = run_with(FlowConfig::default(), &packets, &mut Always(http));
    assert_eq!(said.apps, 2);
    // An ACK without payload is never shown to the parser.
    let said = run_with(FlowConfig::default(), &[tcp(0.0, 'C', "S", 1, 0)], &mut Always(dns(true)));
    assert_eq!(said.apps, 0);
}
