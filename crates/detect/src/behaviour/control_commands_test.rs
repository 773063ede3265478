//! Control commands: strangers, stations that turn into masters, restarts, rates, and what stays silent.

#![allow(clippy::unwrap_used)]

use super::super::synthetic::{ip, mac, run};
use record::{
    Alert, AppData, AppEvent, ControlData, ControlProtocol, Endpoint, FlowKey, Kind, Observation, Severity, Timestamp,
};

/// One DNP3 message at `ms`; codes from 129 on are the station's.
pub(in super::super) fn message(ms: i64, client: u8, server: u8, code: u8) -> Observation {
    let (from, to) = (Endpoint { addr: ip(client), port: 40_000 }, Endpoint { addr: ip(server), port: 20_000 });
    let (key, client_low) = FlowKey::new(from, to, 6);
    let response = code >= 129;
    let data = ControlData {
        protocol: ControlProtocol::Dnp3,
        response,
        functions: vec![code],
        messages: 1,
        ..ControlData::default()
    };
    Observation::App(Box::new(AppEvent {
        ts: Timestamp(ms * 1_000_000),
        key,
        from_low: client_low != response,
        src_mac: mac(if response { server } else { client }),
        data: AppData::Control(data),
    }))
}

/// Station 10.0.0.2 and 10.0.0.3 polled by 10.0.0.1 each second.
fn polling(seconds: i64) -> Vec<Observation> {
    (0..seconds)
        .flat_map(|s| {
            [2, 3].into_iter().flat_map(move |station| {
                let ms = s * 1000 + i64::from(station);
                [message(ms, 1, station, 1), message(ms + 20, 1, station, 129)]
            })
        })
        .collect()
}

fn told(more: Vec<Observation>, seconds: i64) -> Vec<Alert> {
    let mut input = polling(seconds);
    input.extend(more);
    input.sort_by_key(Observation::ts);
    run("control_commands", &input)
}

#[test]
fn polling_alone_is_silent_from_the_first_message_on() {
    assert!(told(Vec::new(), 8000).is_empty());
}

#[test]
fn a_second_master_is_told_with_the_commands_it_gives() {
    let alerts = told(vec![message(200_000, 66, 2, 5), message(200_020, 66, 2, 129)], 300);
    assert_eq!(
        alerts[0].title,
        "10.0.0.66 exchanged 1 DNP3 messages (Direct Operate) with 10.0.0.2, which so far only took commands from 10.0.0.1"
    );
    assert_eq!((alerts[0].kind, alerts[0].severity), (Kind::ProtocolMisuse, Severity::High));
    assert_eq!(alerts[0].attack, ["T0848", "T0855"]);
    assert_eq!((alerts[0].src[0], alerts[0].dest[0], alerts[0].dest_port[0]), (ip(66), ip(2), 20_000));
}

#[test]
fn a_station_that_gives_commands_is_told_after_seconds() {
    let alerts = told(vec![message(7_500, 2, 3, 1)], 20);
    assert!(alerts[0].title.starts_with("10.0.0.2, so far only a station, exchanged"), "{}", alerts[0].title);
    assert_eq!(alerts[0].severity, Severity::Medium);
}

#[test]
fn a_pair_that_was_not_there_in_the_first_hour_is_told_again_at_each_visit() {
    let visits: Vec<_> =
        [5000, 6000].into_iter().flat_map(|s| (0..4).map(move |i| message(s * 1000 + i, 66, 67, 1))).collect();
    let alerts = told(visits, 7000);
    let begins: Vec<i64> = alerts.iter().map(|a| a.first_seen.seconds()).collect();
    assert!(begins.contains(&5000) && begins.contains(&6000), "{begins:?}");
    assert!(alerts.iter().all(|a| a.story == alerts[0].story));
}

#[test]
fn a_restart_is_told_of_a_master_that_is_known() {
    let alerts = told(vec![message(500_500, 1, 2, 13)], 600);
    assert_eq!(
        alerts[0].title,
        "10.0.0.1 gave 10.0.0.2 a DNP3 command that stops, restarts or silences a station (Cold Restart)"
    );
    assert_eq!(alerts[0].attack, ["T0816", "T0855"]);
    assert_eq!(alerts.len(), 1);
}

#[test]
fn many_times_the_usual_rate_is_a_flood_and_ends_with_it() {
    let burst = (0..300).map(|i| message(900_000 + i, 1, 2, 1)).collect();
    let alerts = told(burst, 1200);
    assert!(alerts.iter().all(|a| a.kind == Kind::Flood && a.ts.seconds() == 900), "{alerts:?}");
    assert!(!alerts.is_empty());
}
