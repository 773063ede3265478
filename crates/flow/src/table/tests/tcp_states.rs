//! `conn_state` and history against what Zeek's documentation of conn.log says of each situation.

use super::wire::{Said, run, tcp};
use record::{EndReason, PacketMeta};

/// Packets from a script: `C:S C:A S:PA100 …` with sequence numbers kept per side.
fn script(text: &str) -> Vec<PacketMeta> {
    let (mut next, mut packets) = ([1_000_u32, 9_000], Vec::new());
    for (number, word) in text.split_whitespace().enumerate() {
        let (side, rest) = word.split_at(1);
        let rest = &rest[1..];
        let digits = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        let (flags, payload) = (&rest[..digits], rest[digits..].parse::<u32>().unwrap_or(0));
        let side = side.chars().next().unwrap();
        let seq = &mut next[usize::from(side == 'S')];
        packets.push(tcp(number as f64 * 10.0, side, flags, *seq, payload));
        *seq += payload + u32::from(flags.contains('S')) + u32::from(flags.contains('F'));
    }
    packets
}

fn only(said: &Said) -> (&'static str, String, EndReason) {
    assert_eq!(
        said.flows.len(),
        1,
        "{:?}",
        said.flows.iter().map(|f| f.history.as_str().to_owned()).collect::<Vec<_>>()
    );
    let flow = &said.flows[0];
    (flow.state.name(), flow.history.as_str().to_owned(), flow.reason)
}

#[test]
fn states_and_history_are_zeeks() {
    // Packets; conn_state, history, why it ended.
    let cases = [
        ("C:S", "S0", "S", EndReason::Shutdown),
        ("C:S C:S C:S", "S0", "S", EndReason::Shutdown),
        ("C:S S:SA", "S1", "Sh", EndReason::Shutdown),
        ("C:S S:SA C:A C:PA100 S:A S:PA500 C:A", "S1", "ShADad", EndReason::Shutdown),
        ("C:S S:SA C:A C:PA100 S:PA500 C:FA S:FA C:A", "SF", "ShADdFf", EndReason::Fin),
        ("C:S S:SA C:A C:PA100 C:FA S:A", "S2", "ShADFa", EndReason::Shutdown),
        ("C:S S:SA C:A S:PA100 S:FA C:A", "S3", "ShAdf", EndReason::Shutdown),
        ("C:S S:RA", "REJ", "Sr", EndReason::Rst),
        ("C:S S:SA C:R", "RSTO", "ShR", EndReason::Rst),
        ("C:S S:SA C:A C:PA10 S:RA", "RSTR", "ShADr", EndReason::Rst),
        ("C:S C:R", "RSTOS0", "SR", EndReason::Rst),
        ("C:S C:F", "SH", "SF", EndReason::Shutdown),
        ("S:SA S:RA", "RSTRH", "hr", EndReason::Rst),
        ("S:SA S:FA", "SHR", "hf", EndReason::Shutdown),
        ("C:PA10 S:PA20 C:A", "OTH", "DdA", EndReason::Shutdown),
        ("S:SA C:A C:PA10", "S1", "hAD", EndReason::Shutdown),
        // FIN then RST of one side, answered by FIN: a normal end.
        ("C:S S:SA C:A C:FA C:R S:FA", "SF", "ShAFRf", EndReason::Rst),
        ("C:S S:SA C:A C:FA S:FA S:R", "SF", "ShAFfr", EndReason::Fin),
        // Probes: no SYN ever.
        ("C:F", "SH", "F", EndReason::Shutdown),
        ("C:F S:RA", "RSTR", "Fr", EndReason::Rst),
        ("C:FPU", "SH", "F", EndReason::Shutdown),
        ("C:SF", "SH", "Q", EndReason::Shutdown),
    ];
    for (text, state, history, reason) in cases {
        let got = only(&run(&script(text)));
        assert_eq!((got.0, got.1.as_str(), got.2), (state, history, reason), "{text}");
    }
}

#[test]
fn repeated_data_is_counted_and_written() {
    let mut packets = script("C:S S:SA C:A C:PA100 C:PA100 C:A");
    packets.push(tcp(60.0, 'C', "PA", 1_001, 100));
    // A keep-alive: one byte below what is next.
    packets.push(tcp(70.0, 'C', "A", 1_200, 1));
    let said = run(&packets);
    assert_eq!(said.flows[0].forward.retransmissions, 1);
    assert_eq!(said.flows[0].history.as_str(), "ShADT");
}

#[test]
fn a_gap_is_missed_until_it_is_filled() {
    let mut packets = script("C:S S:SA C:A");
    packets.push(tcp(50.0, 'C', "PA", 1_101, 100));
    assert_eq!(run(&packets).flows[0].forward.missed_bytes, 100);
    packets.push(tcp(51.0, 'C', "PA", 1_001, 100));
    let said = run(&packets);
    assert_eq!((said.flows[0].forward.missed_bytes, said.flows[0].forward.retransmissions), (0, 0));
}

#[test]
fn the_first_fin_does_not_end_a_flow_and_trailing_acks_join() {
    let mut packets = script("C:S S:SA C:A C:PA100 C:FA S:A S:PA1000 C:A S:FA C:A");
    packets.push(tcp(300.0, 'S', "FA", 10_001, 0));
    packets.push(tcp(310.0, 'C', "A", 1_102, 0));
    let said = run(&packets);
    assert_eq!(said.flows.len(), 1);
    assert_eq!(said.flows[0].packets(), 12);
    assert_eq!(said.flows[0].reason, EndReason::Fin);
}

#[test]
fn a_new_syn_on_closed_ports_is_a_new_flow() {
    let mut packets = script("C:S S:SA C:A C:FA S:FA C:A");
    packets.push(tcp(100.0, 'C', "S", 700_000, 0));
    packets.push(tcp(110.0, 'S', "SA", 800_000, 0));
    let said = run(&packets);
    assert_eq!(said.flows.len(), 2);
    assert_eq!((said.flows[0].packets(), said.flows[1].packets()), (6, 2));
    assert_ne!(said.flows[0].flow_id, said.flows[1].flow_id);
    // The same after a reset, and in the middle of a connection whose end was not seen; but not for a repeated SYN.
    let mut packets = script("C:S S:RA");
    packets.push(tcp(100.0, 'C', "S", 700_000, 0));
    assert_eq!(run(&packets).flows.len(), 2);
    let mut packets = script("C:S S:SA C:A C:PA100");
    packets.push(tcp(100.0, 'C', "S", 700_000, 0));
    assert_eq!(run(&packets).flows.len(), 2);
    let mut packets = script("C:S S:SA");
    packets.push(tcp(100.0, 'C', "S", 1_000, 0));
    assert_eq!(run(&packets).flows.len(), 1);
}

#[test]
fn the_handshake_is_timed_without_repeated_syns() {
    let packets = [
        tcp(0.0, 'C', "S", 1, 0),
        tcp(1_000.0, 'C', "S", 1, 0),
        tcp(1_030.0, 'S', "SA", 5, 0),
        tcp(1_031.0, 'C', "A", 2, 0),
        tcp(1_500.0, 'C', "PA", 2, 10),
    ];
    assert_eq!(run(&packets).flows[0].handshake_ns, 31_000_000);
}
