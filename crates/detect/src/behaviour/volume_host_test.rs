//! The volume of hosts over made weeks: what is told, when, and what is not.

#![allow(clippy::unwrap_used)]

use super::super::synthetic::{flow, ip, run_on};
use super::*;

const OUTSIDE: IpAddr16 = IpAddr16::v4([203, 0, 113, 9]);
/// Monday 2026-01-05 00:00 UTC, ms.
const MONDAY_MS: i64 = 1_767_571_200_000;
const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;
const WINDOW_MS: i64 = 300_000;

fn host(config: &VolumeHostConfig, input: &[Observation]) -> Vec<Alert> {
    run_on(&mut VolumeHost::new(config), input)
}

fn told(input: &[Observation]) -> Vec<Alert> {
    host(&VolumeHostConfig::default(), input)
}

/// Bytes a window of an office's host: 2 to 8 MB in working hours, with a download now and then, and little else.
fn office(ms: i64, host: u8) -> u64 {
    let of_week = (ms - MONDAY_MS).rem_euclid(7 * DAY_MS) / HOUR_MS;
    let chance = (ms / WINDOW_MS * 256 + i64::from(host)).wrapping_mul(0x9e37_79b9_7f4a_7c15_u64 as i64) as u64 >> 33;
    let busy = of_week < 5 * 24 && (7..17).contains(&(of_week % 24));
    match (busy, chance % 97) {
        (true, 0) => 60_000_000,
        (true, _) => 2_000_000 + chance % 6_000_000,
        (false, _) => 20_000 + chance % 10_000,
    }
}

/// A flow of each host in each window from `from` for `days`; `extra` bytes more are received.
fn days(from: i64, days: i64, hosts: u8, extra: impl Fn(i64, u8) -> u64) -> Vec<Observation> {
    let windows = (0..days * DAY_MS / WINDOW_MS).map(|window| from + window * WINDOW_MS + WINDOW_MS / 2);
    let one = |ms: i64, host: u8| {
        let usual = office(ms, host);
        let got = usual + extra(ms, host);
        Observation::Flow(Box::new(flow(ms + i64::from(host), ip(host), OUTSIDE, 443, usual / 10, got)))
    };
    windows.flat_map(|ms| (1..=hosts).map(move |host| one(ms, host))).collect()
}

fn within(ms: i64, from: i64, windows: i64) -> bool {
    (from..from + windows * WINDOW_MS).contains(&ms)
}

#[test]
fn a_burst_is_told_once_within_two_windows_and_nothing_else_is() {
    let burst = MONDAY_MS + 3 * DAY_MS + 10 * HOUR_MS;
    let input = days(MONDAY_MS, 5, 6, |ms, host| if host == 3 && within(ms, burst, 12) { 900_000_000 } else { 0 });
    let alerts = told(&input);
    assert_eq!(alerts.len(), 1, "{alerts:?}");
    let a = &alerts[0];
    assert_eq!((a.src.as_slice(), a.dest.as_slice()), ([ip(3)].as_slice(), [OUTSIDE].as_slice()));
    assert!(a.title.starts_with("10.0.0.3 receives 180 MB a minute where at most "), "{}", a.title);
    assert!(a.title.contains("is usual on Thursdays at 10:00 UTC and 12 MB was the most in 3 days"), "{}", a.title);
    assert!(a.ts <= Timestamp((burst + 3 * WINDOW_MS) * 1_000_000), "{}", a.ts.seconds());
    assert_eq!(a.first_seen, Timestamp(burst * 1_000_000));
    let [low, high] = a.why[0].expected;
    assert!(low < high && high < a.why[0].value, "{:?}", a.why[0]);
}

#[test]
fn the_busiest_peer_is_named_also_when_it_comes_after_many_others() {
    let mut detector = VolumeHost::new(&VolumeHostConfig::default());
    let input: Vec<_> = (0..40)
        .map(|n| {
            let got = if n == 39 { 900_000 } else { 1000 + n };
            Observation::Flow(Box::new(flow(n as i64, ip(3), IpAddr16::v4([203, 0, 113, n as u8]), 443, 0, got)))
        })
        .collect();
    run_on(&mut detector, &input);
    let peers = &detector.hosts.peek(&ip(3)).unwrap().peers;
    let top = peers.iter().max_by(|a, b| a.1.total_cmp(&b.1)).unwrap();
    assert_eq!((peers.len(), top.0), (PEERS_MAX, IpAddr16::v4([203, 0, 113, 39])));
}

#[test]
fn a_window_between_two_reports_of_one_transfer_does_not_hide_it() {
    let burst = MONDAY_MS + 3 * DAY_MS + 10 * HOUR_MS;
    let every_other = |ms: i64, host: u8| {
        let window = (ms - burst).div_euclid(WINDOW_MS);
        if host == 3 && [0, 2, 3, 4].contains(&window) { 900_000_000 } else { 0 }
    };
    let alerts = told(&days(MONDAY_MS, 5, 6, every_other));
    assert_eq!(alerts.len(), 1, "{alerts:?}");
    assert_eq!(alerts[0].ts, Timestamp((burst + 3 * WINDOW_MS) * 1_000_000));
}

#[test]
fn ordinary_weeks_single_downloads_and_the_first_day_are_silent() {
    assert!(told(&days(MONDAY_MS, 21, 4, |_, _| 0)).is_empty(), "three weeks");
    assert!(told(&days(MONDAY_MS + 5 * DAY_MS, 5, 4, |_, _| 0)).is_empty(), "a start on a Saturday");
    let once = |ms: i64, host: u8| if host == 2 && ms.rem_euclid(DAY_MS) < WINDOW_MS { 900_000_000 } else { 0 };
    assert!(told(&days(MONDAY_MS, 8, 4, once)).is_empty(), "one window a day");
    let first = MONDAY_MS + 20 * HOUR_MS;
    let early = days(MONDAY_MS, 1, 4, |ms, host| if host == 2 && ms > first { 900_000_000 } else { 0 });
    assert!(told(&early).is_empty(), "the first day");
}

#[test]
fn as_much_as_ever_at_an_hour_that_was_always_quiet_is_told_after_two_weeks() {
    let night = MONDAY_MS + 20 * DAY_MS + 3 * HOUR_MS;
    let alerts =
        told(&days(MONDAY_MS, 21, 3, |ms, host| if host == 1 && within(ms, night, 6) { 90_000_000 } else { 0 }));
    assert_eq!(alerts.len(), 1, "{alerts:?}");
    assert!(alerts[0].title.contains("was the most in 2 weeks on Sundays at 3:00 UTC"), "{}", alerts[0].title);
}

#[test]
fn what_lasts_a_day_becomes_usual_and_comes_back_unnoticed() {
    let backup = |ms: i64, host: u8| {
        let night = (ms - MONDAY_MS).rem_euclid(DAY_MS) / HOUR_MS == 2 && ms > MONDAY_MS + 3 * DAY_MS;
        if host == 1 && night { 700_000_000 } else { 0 }
    };
    let alerts = told(&days(MONDAY_MS, 12, 3, backup));
    assert_eq!(alerts.len(), 1, "a nightly backup that begins on the fourth night: {alerts:?}");
}

#[test]
fn the_usual_week_outlives_the_process_and_a_clock_that_was_wrong_is_forgotten() {
    let burst = MONDAY_MS + 4 * DAY_MS + 10 * HOUR_MS;
    let mut before = VolumeHost::new(&VolumeHostConfig::default());
    assert!(run_on(&mut before, &days(MONDAY_MS, 4, 4, |_, _| 0)).is_empty());
    let memory = before.snapshot().unwrap();
    let day = days(MONDAY_MS + 4 * DAY_MS, 1, 4, |ms, h| if h == 2 && within(ms, burst, 6) { 900_000_000 } else { 0 });
    let mut after = VolumeHost::new(&VolumeHostConfig::default());
    after.restore(&memory).unwrap();
    assert_eq!(after.snapshot().unwrap(), memory);
    assert_eq!(run_on(&mut after, &day).len(), 1);
    assert!(told(&day).is_empty(), "without the memory it is the first day");
    let mut wrong = VolumeHost::new(&VolumeHostConfig::default());
    wrong.restore(&memory).unwrap();
    let earlier = days(MONDAY_MS - 300 * DAY_MS, 1, 2, |_, _| 0);
    assert!(run_on(&mut wrong, &earlier).is_empty() && wrong.hosts.len() == 2);
    for end in (0..memory.len()).step_by(131) {
        assert!(VolumeHost::new(&VolumeHostConfig::default()).restore(&memory[..end]).is_err(), "cut at {end}");
    }
}

#[test]
fn only_the_busiest_hosts_have_a_week_and_what_was_replaced_is_counted() {
    let config = VolumeHostConfig { hosts_max: 2, ..VolumeHostConfig::default() };
    let mut detector = VolumeHost::new(&config);
    let louder = |_: i64, host: u8| if host >= 4 { 50_000_000 } else { 0 };
    run_on(&mut detector, &days(MONDAY_MS, 1, 5, louder));
    let kept: Vec<IpAddr16> = detector.hosts.iter().map(|(ip, _)| *ip).collect();
    assert!(kept.contains(&ip(4)) && kept.contains(&ip(5)), "{kept:?}");
    assert_eq!(detector.counters().0.get("hosts_replaced"), Some(&2));
}
