//! Messages of each transport on loopback, and the bound on connections.
#![allow(clippy::unwrap_used)]

use super::*;
use std::io::Write;
use std::net::{TcpStream, UdpSocket};

fn local(settings: LogSettings) -> Syslog {
    Syslog::open(&settings).unwrap()
}

fn address(syslog: &Syslog, transport: &str) -> String {
    let places = syslog.listens_at();
    places.iter().find_map(|place| place.strip_prefix(transport)).unwrap().trim().to_owned()
}

/// Lines of as many turns as it takes to see `wanted` of them, or a thousand turns.
fn lines(syslog: &mut Syslog, wanted: usize) -> Vec<String> {
    let mut found = Vec::new();
    for _ in 0..1_000 {
        let mut sink = |_: u64, piece: Piece<'_>| {
            if let Piece::Bytes(bytes) = piece {
                found.extend(String::from_utf8_lossy(bytes).lines().map(str::to_owned));
            }
        };
        syslog.next(&mut sink).unwrap();
        if found.len() >= wanted {
            break;
        }
    }
    found
}

#[test]
fn udp_and_tcp_give_the_same_lines() {
    let any = vec!["127.0.0.1:0".to_owned()];
    let mut syslog = local(LogSettings { listen_udp: any.clone(), listen_tcp: any, ..LogSettings::default() });
    let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
    sender.send_to(b"<1>a datagram", address(&syslog, "udp")).unwrap();
    assert_eq!(lines(&mut syslog, 1), ["<1>a datagram"]);
    let mut stream = TcpStream::connect(address(&syslog, "tcp")).unwrap();
    stream.write_all(b"<1>first\n10 <2>second!").unwrap();
    assert_eq!(lines(&mut syslog, 2), ["<1>first", "<2>second!"]);
    drop(stream);
    let stats = syslog.stats();
    assert_eq!((stats.packets, stats.dropped.total()), (3, 0));
}

#[test]
fn more_connections_than_allowed_are_refused_and_counted() {
    let any = vec!["127.0.0.1:0".to_owned()];
    let mut syslog = local(LogSettings { listen_tcp: any, connections_max: 2, ..LogSettings::default() });
    let at = address(&syslog, "tcp");
    let mut streams: Vec<TcpStream> = (0..5).map(|_| TcpStream::connect(&at).unwrap()).collect();
    streams[0].write_all(b"<1>heard\n").unwrap();
    assert_eq!(lines(&mut syslog, 1), ["<1>heard"]);
    assert_eq!(syslog.stats().dropped.0.get("connections_refused"), Some(&3));
}

#[test]
fn an_address_in_use_says_so() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = taken.local_addr().unwrap().to_string();
    let error = Syslog::open(&LogSettings { listen_tcp: vec![at.clone()], ..LogSettings::default() }).err().unwrap();
    assert!(error.to_string().contains(&at), "{error}");
}
