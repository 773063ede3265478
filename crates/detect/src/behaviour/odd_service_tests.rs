//! Tests of the combined signs of a home-made channel.

use super::super::synthetic::{contact, flow, ip, mac, run};
use super::*;
use record::{Endpoint, FlowKey, HistoryText};

const C2: IpAddr16 = IpAddr16::v4([203, 0, 113, 9]);

fn event(ms: i64, from: Endpoint, to: Endpoint, proto: u8, data: AppData) -> Observation {
    let (key, from_low) = FlowKey::new(from, to, proto);
    Observation::App(Box::new(AppEvent { ts: Timestamp(ms * 1_000_000), key, from_low, src_mac: mac(1), data }))
}

fn at(addr: IpAddr16, port: u16) -> Endpoint {
    Endpoint { addr, port }
}

/// Five answered look-ups by host 7 of other addresses, the first 100 s before time zero.
fn lookups() -> Vec<Observation> {
    (0..5)
        .map(|i| {
            let dns = DnsData { response: true, answers: vec![format!("198.51.100.{i}")], ..DnsData::default() };
            event(i * 1000 - 100_000, at(ip(1), 53), at(ip(7), 40_000), 17, AppData::Dns(dns))
        })
        .collect()
}

fn hello(ms: i64, to: IpAddr16, port: u16, sni: &str) -> Observation {
    let tls = TlsData { sni: sni.into(), ..TlsData::default() };
    event(ms, at(ip(7), 50_000), at(to, port), 6, AppData::Tls(tls))
}

fn post(ms: i64, to: IpAddr16, host: &str, agent: &str) -> Observation {
    let http = HttpData {
        http_method: "POST".into(),
        hostname: host.into(),
        http_user_agent: agent.into(),
        ..HttpData::default()
    };
    event(ms, at(ip(7), 50_000), at(to, 80), 6, AppData::Http(http))
}

#[test]
fn nameless_tls_on_an_odd_port_of_an_address_never_looked_up_is_told_at_once() {
    let mut input = lookups();
    input.push(hello(0, C2, 7084, ""));
    let alerts = run("odd_service", &input);
    assert_eq!(alerts.len(), 1);
    assert_eq!(alerts[0].kind, Kind::ProtocolMisuse);
    assert_eq!((alerts[0].src.as_slice(), alerts[0].dest.as_slice()), ([ip(7)].as_slice(), [C2].as_slice()));
    assert_eq!(alerts[0].why[0].feature, "address_never_looked_up");
    assert!(alerts[0].why.iter().any(|w| w.feature == "address_never_looked_up" && w.unit == "yes/no"));
    assert!(alerts[0].title.contains("TLS without a server name"), "{}", alerts[0].title);
}

#[test]
fn a_sign_alone_or_two_are_not_enough() {
    let mut input = lookups();
    input.push(hello(0, C2, 443, ""));
    input.push(hello(1, C2, 7085, "www.example.com"));
    input.push(hello(2, IpAddr16::v4([198, 51, 100, 2]), 7084, ""));
    input.push(post(3, C2, "www.example.com", ""));
    assert!(run("odd_service", &input).is_empty());
    // Look-ups are not visible: an address without a name says nothing.
    assert!(run("odd_service", &[hello(0, C2, 7084, "")]).is_empty());
    // A server at home.
    assert!(run("odd_service", &[hello(0, ip(9), 7084, ""), post(1, ip(9), "10.0.0.9", "")]).is_empty());
}

#[test]
fn data_posted_to_a_bare_address_that_was_never_looked_up_is_told() {
    let mut input = lookups();
    input.push(post(0, C2, "203.0.113.9:80", "Mozilla/4.0"));
    let alerts = run("odd_service", &input);
    assert_eq!(alerts.len(), 1);
    assert!(alerts[0].title.contains("HTTP to a bare address"), "{}", alerts[0].title);
}

#[test]
fn a_dead_server_called_again_and_again_is_told_and_a_short_outage_is_not() {
    let tries = |n: i64, every_ms: i64| {
        let mut input = lookups();
        input.extend((0..n).map(|i| {
            let mut c = contact(i * every_ms, ip(7), C2, 443);
            c.outcome = ContactOutcome::Refused;
            Observation::Contact(c)
        }));
        run("odd_service", &input)
    };
    let alerts = tries(8, 60_000);
    assert_eq!(alerts[0].kind, Kind::Beacon);
    assert!(alerts[0].title.contains("5 times in vain"), "{}", alerts[0].title);
    assert!(tries(20, 100).is_empty(), "one visit");
}

#[test]
fn peer_to_peer_programs_are_not_told() {
    let mut input = lookups();
    for round in 0..4 {
        for peer in 0..10 {
            let server = IpAddr16::v4([203, 0, 113, 100 + peer]);
            let mut f = flow(i64::from(round) * 60_000 + i64::from(peer) * 100, ip(7), server, 16_881, 4000, 40_000);
            f.history = HistoryText::default();
            f.history.push(b'S');
            f.first_seen = f.start;
            input.push(Observation::Flow(Box::new(f)));
        }
    }
    assert!(run("odd_service", &input).is_empty());
}

#[test]
fn an_old_tls_version_counts_only_since_it_is_forbidden() {
    let at_s = |s: i64| {
        let tls = TlsData { version: "1.0".into(), ..TlsData::default() };
        run("odd_service", &[event(s * 1000, at(ip(7), 50_000), at(C2, 7084), 6, AppData::Tls(tls))]).len()
    };
    assert_eq!((at_s(1_500_000_000), at_s(1_700_000_000)), (0, 1));
}
