//! Tests of the per-second counters and the host windows.
#![allow(clippy::unwrap_used)]

use crate::{HostWindows, Prefix, SecondCounter, WindowConfig, merge_seconds};
use record::{
    AppData, AppEvent, Contact, ContactOutcome, DnsData, Endpoint, FlowKey, FlowRecord, HostWindow, InterfaceSecond,
    IpAddr16, MacAddr, Observation, PacketMeta, TcpFlags, Timestamp, TrafficClass,
};

fn addr(text: &str) -> IpAddr16 {
    text.parse().unwrap()
}

fn at(seconds: f64) -> Timestamp {
    Timestamp::from_seconds_f64(1_700_000_000.0 + seconds)
}

fn packet(seconds: f64, src: &str, dest: &str, proto: u8, dest_port: u16, flags: u8) -> PacketMeta {
    let end = |text, port| Endpoint { addr: addr(text), port };
    let (key, from_low) = FlowKey::new(end(src, 40_000), end(dest, dest_port), proto);
    let hash = u64::from(key.low.addr.0[15]).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ u64::from(dest_port) << 33;
    PacketMeta {
        ts: at(seconds),
        key,
        from_low,
        hash,
        ip_version: 4,
        proto,
        src_port: 40_000,
        dest_port,
        tcp_flags: TcpFlags(flags),
        wire_len: 100,
        ..PacketMeta::default()
    }
}

fn seconds(out: Vec<Observation>) -> Vec<InterfaceSecond> {
    out.into_iter()
        .filter_map(|o| match o {
            Observation::Second(second) => Some(*second),
            _ => None,
        })
        .collect()
}

fn home() -> Vec<Prefix> {
    vec!["10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()]
}

/// A flood from many senders, a scan of many ports, and some calm traffic, in one second.
fn busy_second() -> Vec<PacketMeta> {
    let mut packets = Vec::new();
    for n in 0..2_000_u32 {
        let t = f64::from(n) / 4_000.0;
        let sender = format!("198.51.{}.{}", n / 250, n % 250 + 1);
        packets.push(packet(t, &sender, "10.0.0.1", 6, 80, 0x02));
        if n % 4 == 0 {
            packets.push(packet(t, "10.0.0.66", "10.0.0.2", 6, (n / 4 + 1) as u16, 0x02));
            packets.push(packet(t, "10.0.0.2", "10.0.0.66", 6, 40_000, 0x14));
        }
        // Several hundred receivers of one packet each wear the others down.
        packets.push(packet(t, "10.0.0.9", &format!("203.0.{}.{}", n % 7, n % 251 + 1), 17, 53, 0));
    }
    packets
}

#[test]
fn a_second_counts_classes_directions_and_quiet() {
    let mut counter = SecondCounter::new(home());
    let mut out = Vec::new();
    let arp = PacketMeta { ts: at(0.2), ether_type: 0x0806, wire_len: 60, ..PacketMeta::default() };
    let batch = [
        packet(0.1, "10.0.0.1", "192.0.2.1", 6, 80, 0x02),
        arp,
        packet(0.9, "192.0.2.1", "10.0.0.1", 6, 80, 0x12),
        packet(3.5, "10.0.0.1", "10.0.0.2", 17, 53, 0),
        // Late by a second: still counted, in the running one.
        packet(2.5, "fd00::1", "2001:db8::1", 17, 53, 0),
    ];
    counter.ingest(&batch, 0, 1, &mut out);
    counter.flows_created(3);
    counter.advance(at(4.0), &mut out);
    counter.finish(&mut out);
    let all = seconds(out);
    assert_eq!(all.iter().map(|s| s.ts.seconds() - 1_700_000_000).collect::<Vec<_>>(), [0, 1, 2, 3, 4]);
    assert_eq!(all[0].packets, [2, 0, 0, 0, 1, 0]);
    assert_eq!((all[0].packets_out, all[0].packets_in, all[0].bytes_out, all[0].tcp_syn), (1, 1, 100, 1));
    assert_eq!((all[1].packets, all[2].packets), ([0; 6], [0; 6]));
    assert_eq!((all[3].packets[TrafficClass::Udp as usize], all[3].packets_out, all[3].flows_new), (2, 1, 3));
}

#[test]
fn the_flooded_and_the_scanned_receiver_stand_out() {
    let mut counter = SecondCounter::new(home());
    let mut out = Vec::new();
    counter.ingest(&busy_second(), 0, 1, &mut out);
    counter.finish(&mut out);
    let all = seconds(out);
    let top = &all[0].top_receivers;
    assert!(top.len() <= 8);
    let flooded = top[0];
    assert_eq!(
        (flooded.dest, flooded.packets, flooded.tcp_syn, flooded.packets_back),
        (addr("10.0.0.1"), 2_000, 2_000, 0)
    );
    assert!((1_500..2_500).contains(&flooded.senders), "{}", flooded.senders);
    assert!(flooded.sender_top_packets < 100);
    assert_eq!((flooded.dest_port, flooded.class), (80, TrafficClass::Tcp));
    assert!(flooded.dest_port_packets > 1_800);
    let scanned = top.iter().find(|r| r.dest == addr("10.0.0.2")).unwrap();
    assert_eq!((scanned.packets, scanned.senders, scanned.sender_top), (500, 1, addr("10.0.0.66")));
    assert!(scanned.dest_port_packets < 100 && scanned.packets_back > 400);
}

#[test]
fn parts_of_several_workers_add_up_to_the_whole() {
    let packets = busy_second();
    let parts: Vec<InterfaceSecond> = (0..3)
        .flat_map(|shard| {
            let (mut counter, mut out) = (SecondCounter::new(home()), Vec::new());
            counter.ingest(&packets, shard, 3, &mut out);
            counter.finish(&mut out);
            seconds(out)
        })
        .collect();
    let (mut counter, mut out) = (SecondCounter::new(home()), Vec::new());
    counter.ingest(&packets, 0, 1, &mut out);
    counter.finish(&mut out);
    let (whole, joined) = (&seconds(out)[0], merge_seconds(&parts));
    assert_eq!((whole.packets, whole.bytes, whole.tcp_syn), (joined.packets, joined.bytes, joined.tcp_syn));
    assert_eq!((whole.packets_in, whole.packets_out), (joined.packets_in, joined.packets_out));
    assert_eq!(format!("{:?}", whole.top_receivers[0]), format!("{:?}", joined.top_receivers[0]));
}

fn contact(seconds: f64, src: &str, dest: &str, dest_port: u16, outcome: ContactOutcome) -> Observation {
    let end = |text, port| Endpoint { addr: addr(text), port };
    let (key, _) = FlowKey::new(end(src, 4_000), end(dest, dest_port), 6);
    let (src, dest, ts) = (addr(src), addr(dest), at(seconds));
    Observation::Contact(Contact {
        ts,
        opened: ts,
        key,
        src,
        dest,
        dest_port,
        src_port: 4_000,
        proto: 6,
        opening_flags: 2,
        opening_payload: 0,
        outcome,
    })
}

fn closed(windows: &mut HostWindows) -> Vec<HostWindow> {
    let mut out = Vec::new();
    windows.finish(&mut out);
    out
}

#[test]
fn a_scanner_shows_in_its_windows() {
    let mut windows = HostWindows::new(WindowConfig::default());
    for n in 0..100_u16 {
        let outcome = if n == 7 { ContactOutcome::Answered } else { ContactOutcome::Refused };
        windows.observe(&contact(f64::from(n) * 0.15, "10.0.0.66", "10.0.0.2", n + 1, outcome));
    }
    windows.observe(&contact(16.0, "10.0.0.66", "10.0.0.3", 80, ContactOutcome::Midstream));
    let all = closed(&mut windows);
    let of = |start: i64, length, host: &str| {
        let start = Timestamp::from_parts(1_700_000_000 + start, 0);
        all.iter().find(|w| w.start == start && w.length_s == length && w.host == addr(host)).unwrap()
    };
    let first = of(0, 10, "10.0.0.66");
    assert_eq!((first.flows_out, first.contacts_failed, first.contacts_answered), (67, 66, 1));
    assert_eq!((first.peers, first.peers_new, first.first_contacts_failed), (1, 1, 1));
    assert!((60..=74).contains(&first.ports) && (60..=74).contains(&first.services), "{first:?}");
    // 1,700,000,000 is 20 s into a minute: one long window holds all.
    let minute = of(-20, 60, "10.0.0.66");
    assert_eq!((minute.flows_out, minute.contacts_failed, minute.peers_new), (101, 99, 1));
    assert!((92..=108).contains(&minute.ports));
    assert_eq!(of(-20, 60, "10.0.0.2").flows_in, 100);
}

#[test]
fn names_bytes_and_late_flows_are_counted() {
    let mut windows = HostWindows::new(WindowConfig::default());
    windows.observe(&contact(1.0, "10.0.0.7", "10.0.0.1", 53, ContactOutcome::Answered));
    for n in 0..5_u16 {
        for response in [false, true] {
            let end = |text, port| Endpoint { addr: addr(text), port };
            let (key, low) = FlowKey::new(end("10.0.0.7", 4_000), end("10.0.0.1", 53), 17);
            let rcode = if response { "NXDOMAIN" } else { "" }.to_owned();
            let data = AppData::Dns(DnsData { response, rcode, rrname: format!("n{n}.example"), ..DnsData::default() });
            let (ts, src_mac, from_low) = (at(2.0), MacAddr::default(), low != response);
            windows.observe(&Observation::App(Box::new(AppEvent { ts, key, from_low, src_mac, data })));
        }
    }
    // Reported now, ended long ago.
    let (key, originator_low) =
        FlowKey::new(Endpoint { addr: addr("10.0.0.7"), port: 1 }, Endpoint { addr: addr("10.0.0.8"), port: 2 }, 6);
    let mut flow = FlowRecord { key, originator_low, end: at(-100.0), ..FlowRecord::default() };
    (flow.forward.bytes, flow.backward.bytes, flow.forward.packets) = (700, 50, 7);
    windows.observe(&Observation::Flow(Box::new(flow)));
    let all = closed(&mut windows);
    let host = all.iter().find(|w| w.host == addr("10.0.0.7") && w.length_s == 10).unwrap();
    assert_eq!((host.dns_queries, host.dns_nxdomain, host.dns_names, host.dns_name_bytes), (5, 5, 5, 50));
    assert_eq!((host.bytes_out, host.bytes_in, host.packets_out), (700, 50, 7));
    assert_eq!(all.len(), 6);
}

#[test]
fn windows_are_bounded_and_say_what_they_left_out() {
    let config = WindowConfig { hosts_max: 50, contacts_remembered_max: 100 };
    let mut windows = HostWindows::new(config);
    for n in 0..40 {
        windows.observe(&contact(1.0, "10.0.0.66", &format!("10.0.1.{n}"), 80, ContactOutcome::Unanswered));
    }
    for n in 0..5_000 {
        let src = format!("172.16.{}.{}", n / 250, n % 250 + 1);
        windows.observe(&contact(2.0, &src, "10.0.0.2", 80, ContactOutcome::Unanswered));
    }
    // Hosts that did something stay, so that at last nobody else fits.
    for n in 0..200 {
        for port in 0..3 {
            windows.observe(&contact(3.0, &format!("10.0.7.{n}"), "10.0.0.2", port, ContactOutcome::Refused));
        }
    }
    let counters = windows.counters().0;
    let all = closed(&mut windows);
    assert!(all.len() <= 100);
    assert!(all.iter().any(|w| w.host == addr("10.0.0.66") && w.peers > 30), "the scanner stays");
    let after = windows.counters().0;
    assert!(after["window_hosts_evicted"] > 0 && after["window_hosts_refused"] > 0);
    assert!(counters["window_contacts_forgotten"] > 4_000);
}
