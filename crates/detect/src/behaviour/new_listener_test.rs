//! New listeners, told by hand.

use super::super::synthetic::{ip, run, run_on};
use super::*;
use record::{IpAddr16, Process, SocketOwner};
use std::sync::Arc;

/// A socket that waits at `port` of every address.
fn listens(s: i64, port: u16) -> SocketEvent {
    let process = Process { pid: 4711, name: "python3".to_owned(), exe: "/usr/bin/python3".to_owned() };
    SocketEvent {
        ts: Timestamp::from_parts(s, 0),
        since: Timestamp::from_parts(s, 0),
        proto: TCP,
        local: Endpoint { addr: IpAddr16::v4([0; 4]), port },
        listening: true,
        handed_out: (32_768..=60_999).contains(&port),
        host: ip(9),
        uid: Some(1000),
        user: "alice".to_owned(),
        owner: SocketOwner::Process(Arc::new(process)),
        ..SocketEvent::default()
    }
}

fn seen(socket: SocketEvent) -> Observation {
    Observation::Socket(Box::new(socket))
}

fn first(port: u16) -> Observation {
    seen(SocketEvent { first_reading: true, ..listens(0, port) })
}

fn udp(s: i64, port: u16) -> SocketEvent {
    SocketEvent { proto: 17, ..listens(s, port) }
}

fn titles(input: &[Observation]) -> Vec<String> {
    run("new_listener", input).into_iter().map(|a| a.title).collect()
}

/// Time passes: something happens on a port that is known.
fn until(s: i64) -> Observation {
    seen(listens(s, 22))
}

#[test]
fn a_port_that_opens_beside_known_ones_is_told_at_once_with_program_and_user() {
    let told = run("new_listener", &[first(22), seen(listens(5, 8000))]);
    assert_eq!(
        told[0].title,
        "python3 (process 4711, user alice) listens on TCP port 8000 at 10.0.0.9, where nobody listened before"
    );
    assert_eq!((told[0].ts, told[0].severity), (Timestamp::from_parts(5, 0), Severity::Low));
    assert_eq!((told[0].kind, told[0].story.as_str()), (Kind::NewService, "10.0.0.9 8000"));
    let odd = run("new_listener", &[first(22), seen(listens(5, 31_337))]);
    assert_eq!((odd[0].severity, odd[0].attack.as_slice()), (Severity::Medium, ["T1571"].as_slice()));
}

#[test]
fn an_owner_that_is_not_visible_is_said_and_not_guessed() {
    let hidden = SocketEvent { owner: SocketOwner::Hidden, user: "root".to_owned(), ..listens(5, 31_337) };
    assert_eq!(
        titles(&[first(22), seen(hidden)]),
        [
            "A program of user root (which one is not visible without rights) listens on TCP port 31337 at 10.0.0.9, where \
          nobody listened before"
        ]
    );
}

#[test]
fn what_is_known_or_comes_again_or_serves_this_machine_alone_is_silent() {
    let mut closed = listens(7, 8000);
    closed.change = SocketChange::Closed;
    let twice = [first(22), seen(listens(5, 8000)), seen(closed), seen(listens(9, 8000)), until(10)];
    assert_eq!(titles(&twice).len(), 1);
    let alone = SocketEvent { local: Endpoint { addr: IpAddr16::v4([127, 0, 0, 1]), port: 9000 }, ..listens(5, 9000) };
    assert!(titles(&[first(22), seen(alone.clone())]).is_empty());
    let mut told = NewListener::new(&NewListenerConfig { loopback: true, ..NewListenerConfig::default() });
    let alerts = run_on(&mut told, &[first(22), seen(alone)]);
    assert!(alerts[0].title.contains("of this machine alone"), "{}", alerts[0].title);
    let mut learns = NewListener::new(&NewListenerConfig { learn_s: 60, ..NewListenerConfig::default() });
    let input = [first(22), seen(listens(50, 80)), seen(listens(70, 81))];
    assert_eq!(run_on(&mut learns, &input).len(), 1, "services that come up in the learning time are known");
    let called = SocketEvent { listening: false, ..listens(5, 4444) };
    assert!(titles(&[first(22), seen(called)]).is_empty());
}

#[test]
fn udp_clients_are_silent_and_udp_services_are_told() {
    let mut gone = udp(4, 1900);
    gone.change = SocketChange::Closed;
    assert!(titles(&[first(22), seen(udp(3, 1900)), seen(gone), until(90)]).is_empty(), "closed within 3 s");
    let told = run("new_listener", &[first(22), seen(udp(3, 1900)), until(10)]);
    assert_eq!((told.len(), told[0].ts), (1, Timestamp::from_parts(6, 0)));
    let resolver: Vec<_> = (0..200).map(|n| seen(udp(3 + n / 50, 10_001 + n as u16 * 3))).collect();
    let closed = resolver.iter().filter_map(|o| {
        let Observation::Socket(socket) = o else { return None };
        let ts = socket.ts.plus_ns(20 * NS_PER_S);
        Some(seen(SocketEvent { ts, change: SocketChange::Closed, ..(**socket).clone() }))
    });
    let asked: Vec<_> = std::iter::once(first(22)).chain(resolver.iter().cloned()).chain(closed).collect();
    assert!(titles(&asked).is_empty(), "a resolver's questions");
}

#[test]
fn on_handed_out_ports_it_is_the_program_that_is_new_or_known() {
    let rpc = |s, port, name: &str| {
        let process = Process { pid: 7, name: name.to_owned(), ..Process::default() };
        seen(SocketEvent { owner: SocketOwner::Process(Arc::new(process)), ..listens(s, port) })
    };
    let first_rpc = seen(SocketEvent { first_reading: true, ..listens(0, 40_001) });
    let known = [first_rpc.clone(), first(22), rpc(9, 41_002, "python3"), until(200)];
    assert!(titles(&known).is_empty(), "known by its name");
    assert_eq!(titles(&[first_rpc.clone(), first(22), rpc(9, 41_002, "nc"), until(200)]).len(), 1);
    assert!(titles(&[first_rpc, first(22), rpc(9, 41_002, "nc"), until(50)]).is_empty(), "not yet a minute");
}

#[test]
fn listeners_stay_known_over_a_restart_and_those_that_came_meanwhile_are_told() {
    let mut before = NewListener::new(&NewListenerConfig::default());
    run_on(&mut before, &[first(22), first(443), until(3600)]);
    let kept = before.snapshot().unwrap_or_default();
    let restart = || {
        let mut after = NewListener::new(&NewListenerConfig::default());
        assert!(after.restore(&kept).is_ok());
        after
    };
    let told = run_on(&mut restart(), &[first(22), first(443), first(31_337)]);
    assert_eq!(told.len(), 1);
    assert!(told[0].title.ends_with("where nobody listened before since Tripline last ran"), "{}", told[0].title);
    assert!(told[0].why.iter().any(|w| w.feature == "watched_without_it" && w.value > 0.2));
    assert!((0..kept.len()).all(|end| NewListener::new(&NewListenerConfig::default()).restore(&kept[..end]).is_err()));
    assert!(NewListener::new(&NewListenerConfig::default()).snapshot().is_none(), "nothing was watched");
}
