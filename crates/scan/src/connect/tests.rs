//! The connect probe against listeners of its own on loopback.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::control::Cancel;
use crate::targets::AllowList;
use std::io::Write;
use std::net::{TcpListener, TcpStream, UdpSocket};

fn run(config: &ScanConfig, target: &str, cancel: &Cancel, told: &mut dyn FnMut(&Progress)) -> Scan {
    let allow = AllowList::new(&["127.0.0.0/8".to_owned()], &crate::resolve).unwrap();
    let targets = Targets::new(&[target.to_owned()], &allow, 1_024, &crate::resolve).unwrap();
    let deadline = std::time::Instant::now() + Duration::from_mins(1);
    let mut control = Control { cancel: cancel.clone(), deadline, progress: told };
    ConnectScan::new(config).unwrap().run(&targets, &mut control).unwrap()
}

#[test]
fn open_and_closed_ports_and_first_words() {
    let (talks, silent) = (TcpListener::bind("127.0.0.1:0").unwrap(), TcpListener::bind("127.0.0.1:0").unwrap());
    let holder = TcpListener::bind("127.0.0.1:0").unwrap();
    // The near end of a connection: taken, so that nobody comes to listen there, and closed.
    let held = TcpStream::connect(holder.local_addr().unwrap()).unwrap();
    let port = |listener: &TcpListener| listener.local_addr().unwrap().port();
    let (at, quiet, shut) = (port(&talks), port(&silent), held.local_addr().unwrap().port());
    let speaking = std::thread::spawn(move || {
        let (mut stream, _) = talks.accept().unwrap();
        let _ = stream.write_all(b"SSH-2.0-Test\r\n");
    });
    let config = ScanConfig { ports: format!("{at},{quiet},{shut}"), banner_wait_ms: 300, ..ScanConfig::default() };
    let mut percents = Vec::new();
    let scan = run(&config, "127.0.0.1", &Cancel::default(), &mut |progress| percents.push(progress.percent));
    speaking.join().unwrap();
    let [host] = &scan.hosts[..] else { panic!("{scan:?}") };
    assert_eq!(
        (host.state.as_deref(), scan.exit.as_deref(), scan.incomplete.as_deref()),
        (Some("up"), Some("success"), None)
    );
    let mut expected = [u32::from(at), u32::from(quiet)];
    expected.sort_unstable();
    assert_eq!(host.ports.iter().map(|p| p.port).collect::<Vec<_>>(), expected);
    let spoken = host.ports.iter().find(|p| p.port == u32::from(at)).unwrap();
    assert_eq!(spoken.service.name.as_deref(), Some("ssh"));
    assert_eq!(spoken.scripts[0].output, "SSH-2.0-Test");
    assert_eq!(host.not_shown, [ExtraPorts { state: Some("closed".to_owned()), count: 1 }]);
    assert_eq!(percents, [100.0]);
    drop(silent);
}

#[test]
fn udp_ports_are_open_closed_or_silent() {
    let [talks, silent, gone] = [(); 3].map(|()| UdpSocket::bind("127.0.0.1:0").unwrap());
    let port = |socket: &UdpSocket| socket.local_addr().unwrap().port();
    let (at, quiet, shut) = (port(&talks), port(&silent), port(&gone));
    drop(gone);
    let answering = std::thread::spawn(move || {
        let mut bytes = [0; 100];
        let (length, from) = talks.recv_from(&mut bytes).unwrap();
        talks.send_to(b"hello", from).unwrap();
        length
    });
    let config = ScanConfig {
        ports: port_of_tcp(),
        udp_ports: format!("{at},{quiet},{shut}"),
        connect_timeout_ms: 200,
        ..ScanConfig::default()
    };
    let scan = run(&config, "127.0.0.1", &Cancel::default(), &mut |_| {});
    // No question is known for a port that the system chose.
    assert_eq!(answering.join().unwrap(), 0);
    let [host] = &scan.hosts[..] else { panic!("{scan:?}") };
    let [open] = &host.ports[..] else { panic!("{host:?}") };
    assert_eq!((open.protocol.as_str(), open.port, open.reason.as_str()), ("udp", u32::from(at), "udp-response"));
    assert!(open.service.is_empty() && open.scripts.is_empty(), "{open:?}");
    assert_eq!((host.state.as_deref(), host.reason.as_str()), (Some("up"), "udp-response"));
    let counted = |state: &str| host.not_shown.iter().find(|e| e.state.as_deref() == Some(state)).map(|e| e.count);
    assert_eq!((counted("closed"), counted("open|filtered"), counted("filtered")), (Some(2), Some(1), None));
    assert!(scan.args.contains("scan.udp_ports="), "{}", scan.args);
}

/// A TCP port on which nobody listens: just given by the system and given back.
fn port_of_tcp() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string()
}

#[test]
fn a_cancelled_scan_says_that_it_is_not_whole() {
    let cancel = Cancel::default();
    let config = ScanConfig { ports: "1-65535".to_owned(), rate_packets_per_s: 2_000, ..ScanConfig::default() };
    let stop = cancel.clone();
    let mut told = 0;
    let scan = run(&config, "127.0.0.0/24", &cancel, &mut |_| {
        told += 1;
        stop.cancel();
    });
    // 64 of 256 hosts are asked side by side: none of them was done.
    assert!(scan.hosts.is_empty() && told > 0);
    assert!(scan.incomplete.unwrap().contains("cancelled"));
    assert_eq!(scan.exit, None);
}
