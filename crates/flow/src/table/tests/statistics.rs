//! The statistics, on flows small enough to do by hand; the errors of CICFlowMeter that are mended here are named.

use super::wire::{CLIENT, SERVER, UDP, packet, run, tcp};

#[test]
fn sizes_times_and_flags_are_by_direction() {
    let said = run(&[
        tcp(0.0, 'C', "S", 1, 0),
        tcp(10.0, 'S', "SA", 1, 0),
        tcp(30.0, 'C', "PA", 2, 100),
        tcp(70.0, 'C', "PAU", 102, 300),
        tcp(80.0, 'S', "PA", 2, 50),
    ]);
    let flow = &said.flows[0];
    let (f, b) = (&flow.forward, &flow.backward);
    assert_eq!((f.packets, b.packets, f.packets_with_payload, b.packets_with_payload), (3, 2, 2, 1));
    assert_eq!((f.bytes, b.bytes), (3 * 54 + 400, 2 * 54 + 50));
    assert_eq!((f.ip_bytes, f.header_bytes, f.segment_size_min, f.init_window), (3 * 40 + 400, 120, 20, 1_000));
    // PSH and URG are counted in their own direction (CICFlowMeter counted the flow's first packet only).
    assert_eq!((f.flags[3], b.flags[3], f.flags[5], b.flags[5]), (2, 1, 1, 0));
    assert_eq!((f.payload.sum, f.payload.min, f.payload.max), (400.0, 0.0, 300.0));
    assert!((f.payload.std_dev() - 152.752_523).abs() < 1e-6);
    assert_eq!((flow.payload.count, flow.payload.mean(), flow.payload.max), (5, 90.0, 300.0));
    // Means are not cut to whole numbers.
    assert_eq!((flow.iat.count, flow.iat.mean(), flow.iat.min, flow.iat.max), (4, 20e6, 10e6, 40e6));
    assert_eq!((f.iat.count, f.iat.sum, f.iat.min, f.iat.max), (2, 70e6, 30e6, 40e6));
    assert_eq!((b.iat.count, b.iat.mean()), (1, 70e6));
    assert_eq!(flow.duration_ns(), 80_000_000);
    assert_eq!((flow.tcp_flags_forward.0, flow.tcp_flags_backward.0), (0x3a, 0x1a));
}

#[test]
fn a_one_packet_flow_has_no_gaps_and_no_nonsense() {
    let flow = &run(&[packet(0.0, CLIENT, SERVER, UDP, 10)]).flows[0];
    assert_eq!((flow.iat.count, flow.iat.mean(), flow.iat.std_dev(), flow.iat.min), (0, 0.0, 0.0, 0.0));
    assert_eq!((flow.backward.payload.min, flow.backward.segment_size_min, flow.subflows), (0.0, 0, 1));
    assert_eq!((flow.active.count, flow.idle.count), (0, 0));
}

#[test]
fn active_and_idle_are_durations() {
    // Busy 0–2 s, idle 8 s, busy 10–13 s, idle 7 s, one packet.
    let ms = [0.0, 1_000.0, 2_000.0, 10_000.0, 13_000.0, 20_000.0];
    let packets: Vec<_> = ms.map(|ms| packet(ms, CLIENT, SERVER, UDP, 10)).to_vec();
    let flow = &run(&packets).flows[0];
    assert_eq!((flow.idle.count, flow.idle.min, flow.idle.max), (2, 7e9, 8e9));
    assert_eq!((flow.active.count, flow.active.min, flow.active.max), (2, 2e9, 3e9));
    // Gaps over one second part subflows: 8, 3 and 7 s.
    assert_eq!(flow.subflows, 4);
}

#[test]
fn bulks_are_runs_of_four_in_one_direction() {
    let mut packets: Vec<_> = (0..6).map(|n| tcp(f64::from(n) * 10.0, 'C', "A", n * 100, 100)).collect();
    // The other side's payload ends the run; three more are no bulk.
    packets.push(tcp(60.0, 'S', "A", 1, 20));
    packets.extend((6..9).map(|n| tcp(f64::from(n) * 10.0 + 5.0, 'C', "A", n * 100, 100)));
    let flow = &run(&packets).flows[0];
    assert_eq!((flow.forward.bulks, flow.forward.bulk_packets, flow.forward.bulk_bytes), (1, 6, 600));
    assert_eq!(flow.forward.bulk_duration_ns, 50_000_000);
    assert_eq!(flow.backward.bulks, 0);
    // A pause of more than a second does, too.
    let packets: Vec<_> = (0..6).map(|n| tcp(f64::from(n) * 1_001.0, 'C', "A", n * 100, 100)).collect();
    assert_eq!(run(&packets).flows[0].forward.bulks, 0);
}

#[test]
fn link_addresses_follow_the_originator() {
    let mut answer = tcp(0.0, 'S', "SA", 1, 0);
    (answer.src_mac.0, answer.dest_mac.0, answer.vlan) = ([1; 6], [2; 6], 7);
    let flow = &run(&[answer]).flows[0];
    assert_eq!((flow.src_mac.0, flow.dest_mac.0, flow.vlan), ([2; 6], [1; 6], 7));
}

#[test]
fn sums_of_a_long_flow_and_of_absurd_lengths_are_whole() {
    // Over twice the packets after which sums move, and lengths that a broken capture may claim.
    let mut packets: Vec<_> = (0..20_000).map(|n| tcp(f64::from(n), 'C', "PA", n as u32 * 100, 100)).collect();
    packets.extend((0..3).map(|n| tcp(20_000.0 + f64::from(n), 'S', "A", 1, 50)));
    for packet in packets.iter_mut().skip(9_000).take(4) {
        packet.wire_len = u32::MAX;
    }
    let flow = &run(&packets).flows[0];
    let (f, b) = (&flow.forward, &flow.backward);
    assert_eq!(f.bytes, 19_996 * 154 + 4 * u64::from(u32::MAX));
    assert_eq!((f.ip_bytes, f.header_bytes, f.payload.sum), (20_000 * 140, 20_000 * 40, 2e6));
    assert_eq!((f.flags[3], f.flags[4], f.flags[1], f.packets), (20_000, 20_000, 0, 20_000));
    assert_eq!((b.bytes, b.flags[4], b.flags[3], b.payload.sum), (3 * 104, 3, 0, 150.0));
    assert_eq!((flow.tcp_flags_forward.0, flow.tcp_flags_backward.0), (0x18, 0x10));
}
