//! Messages of each transport on loopback, and the bound on connections.
#![allow(clippy::unwrap_used)]

use super::*;
use std::io::Write;
use std::net::{TcpStream, UdpSocket};

fn local(settings: &LogSettings) -> Syslog {
    Syslog::open(settings).unwrap()
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
    let mut syslog = local(&LogSettings { listen_udp: any.clone(), listen_tcp: any, ..LogSettings::default() });
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
    let mut syslog = local(&LogSettings { listen_tcp: any, connections_max: 2, ..LogSettings::default() });
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

/// A certificate for `localhost` that signs itself, made by openssl; None where that is not.
fn certificate(dir: &std::path::Path) -> Option<(std::path::PathBuf, std::path::PathBuf)> {
    let (certificate, key) = (dir.join("cert.pem"), dir.join("key.pem"));
    let made = std::process::Command::new("openssl")
        .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"])
        .args(["-addext", "subjectAltName=DNS:localhost", "-addext", "basicConstraints=critical,CA:FALSE"])
        .arg("-keyout")
        .arg(&key)
        .arg("-out")
        .arg(&certificate)
        .output();
    made.is_ok_and(|output| output.status.success()).then_some((certificate, key))
}

#[test]
fn tls_gives_what_was_sent_in_it_and_a_plain_client_is_counted() {
    let dir = tempfile::tempdir().unwrap();
    let Some((certificate, key)) = certificate(dir.path()) else {
        eprintln!("SKIP tls_gives_what_was_sent_in_it_and_a_plain_client_is_counted: no openssl here");
        return;
    };
    let settings = LogSettings {
        listen_tls: vec!["127.0.0.1:0".to_owned()],
        tls_certificate: certificate.clone(),
        tls_key: key,
        ..LogSettings::default()
    };
    let mut syslog = local(&settings);
    let at = address(&syslog, "tls");
    let client = std::thread::spawn(move || {
        use rustls::pki_types::pem::PemObject;
        let mut roots = rustls::RootCertStore::empty();
        roots.add(rustls::pki_types::CertificateDer::from_pem_file(certificate).unwrap()).unwrap();
        let config = rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let session = rustls::ClientConnection::new(Arc::new(config), "localhost".try_into().unwrap()).unwrap();
        let mut plain = TcpStream::connect(&at).unwrap();
        let mut stream = rustls::StreamOwned::new(session, TcpStream::connect(&at).unwrap());
        stream.write_all(b"9 <1>secret<2>second line\n").unwrap();
        stream.flush().unwrap();
        plain.write_all(b"<3>not encrypted\n").unwrap();
        stream
    });
    assert_eq!(lines(&mut syslog, 2), ["<1>secret", "<2>second line"]);
    drop(client.join().unwrap());
    for _ in 0..50 {
        syslog.next(&mut |_, _| {}).unwrap();
    }
    assert_eq!(syslog.stats().dropped.0.get("connections_failed"), Some(&1));
}

#[test]
fn a_key_that_is_none_is_refused_in_words() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("key.pem");
    std::fs::write(&path, "not a key").unwrap();
    let at = vec!["127.0.0.1:0".to_owned()];
    let settings =
        LogSettings { listen_tls: at, tls_certificate: path.clone(), tls_key: path, ..LogSettings::default() };
    let error = Syslog::open(&settings).err().unwrap().to_string();
    assert!(error.contains("key.pem") && error.contains("PEM"), "{error}");
}
