//! Alerts of scans: kind, words, number.
#![allow(clippy::unwrap_used)]

use super::*;
use features::scan::PortKey;
use record::scan::{AddressKind, ExtraPorts, HostAddress, ScannedHost, ScannedPort, Service};
use record::{Alert, IpAddr16, Kind, Severity, Timestamp};

/// 2023-11-14 10:02 UTC.
const START_S: i64 = 1_699_956_120;

fn port(port: u32, name: &str) -> ScannedPort {
    ScannedPort {
        protocol: "tcp".to_owned(),
        port,
        state: Some("open".to_owned()),
        service: Service { name: Some(name.to_owned()), ..Service::default() },
        ..ScannedPort::default()
    }
}

fn host(n: u8, ports: Vec<ScannedPort>) -> ScannedHost {
    let address = HostAddress { kind: AddressKind::Ipv4, addr: format!("10.0.0.{n}"), vendor: None };
    let not_shown = vec![ExtraPorts { state: Some("closed".to_owned()), count: 1000 - ports.len() as u64 }];
    ScannedHost { state: Some("up".to_owned()), addresses: vec![address], ports, not_shown, ..ScannedHost::default() }
}

fn usual() -> Vec<ScannedHost> {
    (5..=9).map(|n| host(n, vec![port(22, "ssh"), port(80, "http")])).collect()
}

/// The last scan is at 10:02, those before an hour apart.
fn scans(lists: Vec<Vec<ScannedHost>>) -> Vec<Scan> {
    let last = lists.len() as i64 - 1;
    let at = |place: usize| Some(Timestamp::from_parts(START_S - (last - place as i64) * 3600, 0));
    let scan = |(place, hosts)| Scan {
        scanner: "nmap".to_owned(),
        hosts,
        started: at(place),
        ended: at(place),
        ..Scan::default()
    };
    lists.into_iter().enumerate().map(scan).collect()
}

fn alerts_with(lists: Vec<Vec<ScannedHost>>, first_uses: &[FirstUse]) -> Vec<Alert> {
    let mut scans = scans(lists);
    let current = scans.pop().unwrap();
    let judgement = judge(&scans, &current, 1);
    let story =
        ScanStory { history: &scans, current: &current, judgement: &judgement, first_uses, missed_scans_down: 3 };
    scan_alerts(&story)
}

fn alerts(past: usize, now: Vec<ScannedHost>) -> Vec<Alert> {
    let mut lists = vec![usual(); past];
    lists.push(now);
    alerts_with(lists, &[])
}

fn titles(alerts: &[Alert]) -> Vec<&str> {
    alerts.iter().map(|alert| alert.title.as_str()).collect()
}

#[test]
fn an_opened_port_is_told_with_who_used_it_first() {
    let mut lists = vec![usual(); 20];
    lists[19][2].ports.push(port(4444, "krb524"));
    let key = "10.0.0.7".to_owned();
    let used = FirstUse {
        key,
        port: PortKey::new("tcp", 4444).unwrap(),
        at: Timestamp::from_parts(START_S + 60, 0),
        peer: IpAddr16::v4([10, 0, 0, 9]),
        flow_id: 77,
    };
    let told = alerts_with(lists, &[used]);
    assert_eq!(
        titles(&told),
        ["10.0.0.7: 4444/tcp (krb524) open since 10:02 UTC; first used by 10.0.0.9 at 10:03 UTC"]
    );
    let alert = &told[0];
    assert_eq!((alert.kind, alert.severity, alert.story.as_str()), (Kind::NewService, Severity::High, "10.0.0.7 4444"));
    assert_eq!(
        (alert.dest_port.as_slice(), alert.flows.as_slice(), alert.attack.as_slice()),
        (&[4444][..], &[77][..], &["T1571"][..])
    );
    assert!(alert.why.iter().any(|why| why.value == 1.0 && why.expected == [0.0, 0.0]), "{:?}", alert.why);
    assert!(alert.detectors.iter().any(|detector| detector.name == "scan_anomaly"));
}

#[test]
fn with_few_scans_a_change_is_told_without_the_models() {
    let mut now = usual();
    now[2].ports.push(port(8443, "https-alt"));
    let told = alerts(1, now);
    assert_eq!(titles(&told), ["10.0.0.7: 8443/tcp (https-alt) open since 10:02 UTC"]);
    assert_eq!((told[0].severity, told[0].detectors.len()), (Severity::Low, 1));
}

#[test]
fn ten_ports_of_a_host_are_one_alert_and_a_first_scan_is_none() {
    let mut now = usual();
    now[2].ports.extend((0..10).map(|n| port(7001 + n, "x")));
    let told = alerts(4, now.clone());
    assert_eq!(told.len(), 1, "{:?}", titles(&told));
    assert!(told[0].title.contains("and 6 more ports open since"), "{}", told[0].title);
    assert_eq!(told[0].dest_port.len(), 10);
    assert!(alerts(0, now).is_empty());
    assert!(alerts(4, usual()).is_empty());
}

#[test]
fn a_new_host_is_one_new_device_and_many_are_one_alert() {
    let mut now = usual();
    now.push(host(77, vec![port(22, "ssh"), port(4444, "x")]));
    let told = alerts(4, now.clone());
    assert_eq!(titles(&told), ["A device not seen in 4 scans before: 10.0.0.77, open: 22/tcp (ssh) and 4444/tcp (x)"]);
    assert_eq!(told[0].kind, Kind::NewDevice);
    now.extend((80..90).map(|n| host(n, vec![port(22, "ssh")])));
    let told = alerts(4, now);
    assert_eq!((told.len(), told[0].src.len()), (1, 11), "{:?}", titles(&told));
    assert!(told[0].title.starts_with("11 devices not seen in 4 scans before"));
}

#[test]
fn a_service_that_moves_or_becomes_another_is_a_port_change() {
    let mut now = usual();
    now[2].ports[0].port = 2222;
    let told = alerts(4, now);
    assert_eq!(titles(&told), ["10.0.0.7: ssh moved from 22/tcp to 2222/tcp"]);
    assert_eq!((told[0].kind, told[0].attack.as_slice()), (Kind::PortChange, &["T1571"][..]));
    let mut now = usual();
    now[2].ports[1] = port(80, "socks5");
    assert_eq!(titles(&alerts(4, now)), ["10.0.0.7: 80/tcp is socks5, was http"]);
    let mut now = usual();
    now[2].ports.remove(1);
    assert_eq!(titles(&alerts(4, now.clone())), ["10.0.0.7: 80/tcp closed"]);
    assert!(alerts(2, now).is_empty(), "it was not there for long");
}

#[test]
fn what_many_open_at_once_is_one_alert() {
    let mut now = usual();
    for host in &mut now {
        host.ports.push(port(4118, "agent"));
        host.not_shown[0].count -= 1;
    }
    let told = alerts(4, now);
    assert_eq!(titles(&told), ["5 hosts opened 4118/tcp since the last scan, seen at 10:02 UTC"]);
    assert_eq!((told[0].severity, told[0].src.len()), (Severity::Low, 5));
}

#[test]
fn a_host_is_down_once_after_so_many_scans_and_only_if_it_was_always_there() {
    let without =
        |n: usize| usual().into_iter().enumerate().filter(|(i, _)| *i != n).map(|(_, h)| h).collect::<Vec<_>>();
    let after = |missed: usize| alerts_with([vec![usual(); 6], vec![without(2); missed]].concat(), &[]);
    assert!(after(2).is_empty() && after(4).is_empty(), "not before, not again");
    let told = after(3);
    assert_eq!(titles(&told), ["10.0.0.7 does not answer any more: missing in 3 scans, last seen up at 07:02 UTC"]);
    assert_eq!((told[0].kind, told[0].severity), (Kind::HostDown, Severity::Medium));
    let flapping: Vec<_> = (0..6).map(|n| if n % 2 == 0 { usual() } else { without(2) }).collect();
    assert!(alerts_with([flapping, vec![without(2); 3]].concat(), &[]).is_empty());
    let told = alerts_with([vec![usual(); 6], vec![Vec::new(); 3]].concat(), &[]);
    assert_eq!(titles(&told), ["5 of 5 hosts no longer answer: is the network, or the scanner, cut off?"]);
}
