//! The volume of protocols over made days: what is told, when, and what is left to the hosts.

#![allow(clippy::unwrap_used)]

use super::super::synthetic::{flow, ip, run_on};
use super::*;

const OUTSIDE: IpAddr16 = IpAddr16::v4([203, 0, 113, 9]);
/// Monday 2026-01-05 00:00 UTC, ms.
const MONDAY_MS: i64 = 1_767_571_200_000;
const DAY_MS: i64 = 86_400_000;
const WINDOW_MS: i64 = 300_000;

fn detector() -> VolumeProtocol {
    VolumeProtocol::new(&VolumeProtocolConfig::default(), &VolumeHostConfig::default())
}

/// Twelve hosts, each with a TLS and an SMB flow in every window; `smb` bytes of the latter.
fn days(days: i64, smb: impl Fn(i64, u8) -> u64) -> Vec<Observation> {
    let windows = (0..days * DAY_MS / WINDOW_MS).map(|window| MONDAY_MS + window * WINDOW_MS + WINDOW_MS / 2);
    let mut out = Vec::new();
    for ms in windows {
        for host in 1..=12_u8 {
            let at = ms + i64::from(host);
            let varied = 400_000 + (at.wrapping_mul(2_654_435_761) as u64 >> 9) % 900_000;
            out.push(Observation::Flow(Box::new(flow(at, ip(host), OUTSIDE, 443, varied / 10, varied))));
            out.push(Observation::Flow(Box::new(flow(at, ip(host), ip(100 + host), 445, smb(ms, host), 1000))));
        }
    }
    out
}

fn burst(ms: i64) -> bool {
    (MONDAY_MS + 2 * DAY_MS + 36_000_000..MONDAY_MS + 2 * DAY_MS + 39_600_000).contains(&ms)
}

#[test]
fn a_protocol_that_many_hosts_use_far_more_than_ever_is_told_once_with_the_busiest_of_them() {
    let alerts = run_on(&mut detector(), &days(4, |ms, _| if burst(ms) { 30_000_000 } else { 100_000 }));
    assert_eq!(alerts.len(), 1, "{alerts:?}");
    assert!(alerts[0].title.starts_with("SMB carries 72 MB a minute where at most"), "{}", alerts[0].title);
    assert!(alerts[0].title.contains("on Wednesdays at 10:00 UTC"), "{}", alerts[0].title);
    assert_eq!(alerts[0].src.len(), NAMED_MAX);
    assert!(alerts[0].ts <= Timestamp((MONDAY_MS + 2 * DAY_MS + 36_000_000 + 3 * WINDOW_MS) * 1_000_000));
}

#[test]
fn usual_days_are_silent_and_what_one_host_does_is_left_to_it_and_counted() {
    assert!(run_on(&mut detector(), &days(9, |_, _| 100_000)).is_empty());
    let mut one = detector();
    let alone = |ms: i64, host: u8| if burst(ms) && host == 4 { 400_000_000 } else { 100_000 };
    assert!(run_on(&mut one, &days(4, alone)).is_empty());
    assert_eq!(one.counters().0.get("stretches_left_to_hosts"), Some(&1));
}

#[test]
fn frames_that_are_no_flow_count_by_class_and_the_usual_week_outlives_the_process() {
    let seconds = |from: i64, length: i64, packets: u64| -> Vec<Observation> {
        let second = |s: i64| {
            let mut second = InterfaceSecond { ts: Timestamp::from_parts(s, 0), ..InterfaceSecond::default() };
            second.packets[TrafficClass::Arp as usize] = packets;
            second.bytes[TrafficClass::Arp as usize] = packets * 60;
            Observation::Second(Box::new(second))
        };
        (from..from + length).step_by(10).map(second).collect()
    };
    let start = MONDAY_MS / 1000;
    let mut before = detector();
    assert!(run_on(&mut before, &seconds(start, 2 * 86_400, 5)).is_empty());
    let memory = before.snapshot().unwrap();
    let storm = seconds(start + 2 * 86_400, 3600, 20_000);
    let mut after = detector();
    after.restore(&memory).unwrap();
    assert_eq!(after.snapshot().unwrap(), memory);
    let alerts = run_on(&mut after, &storm);
    assert_eq!(alerts.len(), 1, "{alerts:?}");
    assert!(alerts[0].title.starts_with("ARP carries 120,000 packets a minute"), "{}", alerts[0].title);
    assert!(run_on(&mut detector(), &storm).is_empty(), "without the memory it is the first day");
}
