//! TLS (RFC 8446): ClientHellos of several programs, a TLS 1.3 server's answer, and application data by size.
//! Owns the handshake bytes; keys, certificates and finished messages are noise, as any observer sees them.

use super::super::content::Content;
use super::super::random::Random;
use super::super::tcp::Step;

const MS: i64 = 1_000_000;

/// A program's habits in its ClientHello.
struct Profile {
    ciphers: &'static [u16],
    /// Extension types in the order sent; 0x0a0a stands for GREASE (RFC 8701).
    extensions: &'static [u16],
    groups: &'static [u16],
    alpn: &'static [&'static str],
}

const GREASE: u16 = 0x0a0a;
const X25519: u16 = 29;
/// X25519 with ML-KEM-768, as browsers send it: the hello no longer fits one segment.
const X25519_MLKEM: u16 = 0x11ec;

/// Two browsers, a system service, a library, the odd one that the beacon uses, and a browser over QUIC.
static PROFILES: [Profile; 6] = [
    Profile {
        ciphers: &[
            GREASE, 0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc013, 0xc014, 0x9c, 0x9d,
            0x2f, 0x35,
        ],
        extensions: &[GREASE, 0, 23, 0xff01, 10, 11, 35, 16, 5, 13, 18, 51, 45, 43],
        groups: &[GREASE, X25519_MLKEM, X25519, 23, 24],
        alpn: &["h2", "http/1.1"],
    },
    Profile {
        ciphers: &[
            0x1301, 0x1303, 0x1302, 0xc02b, 0xc02f, 0xcca9, 0xcca8, 0xc02c, 0xc030, 0xc00a, 0xc009, 0xc013, 0xc014,
            0x9c, 0x9d, 0x2f, 0x35,
        ],
        extensions: &[0, 23, 0xff01, 10, 11, 35, 16, 5, 34, 51, 43, 13, 45, 28],
        groups: &[X25519, 23, 24, 25, 256],
        alpn: &["h2", "http/1.1"],
    },
    Profile {
        ciphers: &[
            0x1302, 0x1301, 0xc02c, 0xc02b, 0xc030, 0xc02f, 0xc024, 0xc023, 0xc028, 0xc027, 0x9d, 0x9c, 0x3d, 0x3c,
        ],
        extensions: &[0, 5, 10, 11, 13, 35, 16, 23, 43, 45, 51, 0xff01],
        groups: &[X25519, 23, 24],
        alpn: &["h2", "http/1.1"],
    },
    Profile {
        ciphers: &[0x1302, 0x1303, 0x1301, 0xc02c, 0xc030, 0x9f, 0xcca9, 0xcca8, 0xccaa, 0xc02b, 0xc02f, 0x9e],
        extensions: &[0, 11, 10, 35, 16, 22, 23, 13, 43, 45, 51],
        groups: &[X25519, 23, 30, 25, 24],
        alpn: &["http/1.1"],
    },
    Profile {
        ciphers: &[0x1301, 0x1302, 0xc02f, 0xc030, 0xc013, 0xc014],
        extensions: &[0, 10, 11, 13, 43, 45, 51],
        groups: &[X25519, 23],
        alpn: &[],
    },
    Profile {
        ciphers: &[0x1301, 0x1302, 0x1303],
        extensions: &[0, 10, 16, 13, 51, 45, 43, 57],
        groups: &[X25519, 23, 24],
        alpn: &["h3"],
    },
];

/// Index of the profile that no office program has.
pub(in super::super) const UNUSUAL_CLIENT: usize = 4;
/// Index of the library profile, for services and polling programs.
pub(in super::super) const LIBRARY_CLIENT: usize = 3;

/// Index of the profile for QUIC.
pub(in super::super) const QUIC_CLIENT: usize = 5;

/// Appends `bytes` behind their length in `width` bytes.
fn sized(out: &mut Vec<u8>, width: usize, bytes: &[u8]) {
    out.extend_from_slice(&(bytes.len() as u32).to_be_bytes()[4 - width..]);
    out.extend_from_slice(bytes);
}

fn words(values: &[u16]) -> Vec<u8> {
    values.iter().flat_map(|v| v.to_be_bytes()).collect()
}

/// A handshake message.
fn handshake_message(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut out = vec![kind];
    sized(&mut out, 3, body);
    out
}

/// One handshake message in one record.
fn handshake_record(message: &[u8], record_version: u8) -> Vec<u8> {
    let mut out = vec![0x16, 3, record_version];
    sized(&mut out, 2, message);
    out
}

fn key_share(p: &Profile, r: &mut Random) -> Vec<u8> {
    let mut shares = Vec::new();
    for group in p.groups {
        let size = match *group {
            GREASE => 1,
            X25519_MLKEM => 1216,
            X25519 => 32,
            _ => continue,
        };
        shares.extend_from_slice(&group.to_be_bytes());
        let key = if size == 1 { vec![0] } else { r.bytes(size) };
        sized(&mut shares, 2, &key);
    }
    let mut out = Vec::new();
    sized(&mut out, 2, &shares);
    out
}

fn extension_body(kind: u16, p: &Profile, sni: &str, r: &mut Random) -> Vec<u8> {
    let mut out = Vec::new();
    match kind {
        0 => {
            let mut entry = vec![0];
            sized(&mut entry, 2, sni.as_bytes());
            sized(&mut out, 2, &entry);
        }
        5 => out.extend_from_slice(&[1, 0, 0, 0, 0]),
        10 => sized(&mut out, 2, &words(p.groups)),
        11 => out.extend_from_slice(&[1, 0]),
        13 => sized(&mut out, 2, &words(&[0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601])),
        16 => {
            let mut list = Vec::new();
            p.alpn.iter().for_each(|a| sized(&mut list, 1, a.as_bytes()));
            sized(&mut out, 2, &list);
        }
        28 => out.extend_from_slice(&0x4001u16.to_be_bytes()),
        34 => sized(&mut out, 2, &words(&[0x0403, 0x0503, 0x0603, 0x0203])),
        43 => sized(&mut out, 1, &words(&[0x0304, 0x0303])),
        45 => out.extend_from_slice(&[1, 1]),
        51 => out = key_share(p, r),
        // Transport parameters (RFC 9000, section 18): idle time-out, data, streams, no source identifier.
        57 => out.extend_from_slice(&[1, 4, 0x80, 0, 0x75, 0x30, 4, 4, 0x80, 0xf0, 0, 0, 8, 2, 0x40, 0x64, 15, 0]),
        0xff01 => out.push(0),
        _ => {}
    }
    out
}

/// A ClientHello message; an empty `sni` leaves the extension out.
pub(in super::super) fn client_hello_message(profile: usize, sni: &str, session: &[u8], r: &mut Random) -> Vec<u8> {
    let p = &PROFILES[profile.min(PROFILES.len() - 1)];
    let grease = (r.below(16) as u16 * 0x1010) | GREASE;
    let seen = |v: u16| if v == GREASE { grease } else { v };
    let mut body = vec![3, 3];
    body.extend_from_slice(&r.bytes(32));
    sized(&mut body, 1, session);
    sized(&mut body, 2, &words(&p.ciphers.iter().map(|c| seen(*c)).collect::<Vec<_>>()));
    body.extend_from_slice(&[1, 0]);
    let mut extensions = Vec::new();
    for kind in p.extensions.iter().filter(|k| **k != 0 || !sni.is_empty()) {
        extensions.extend_from_slice(&seen(*kind).to_be_bytes());
        sized(&mut extensions, 2, &extension_body(*kind, p, sni, r));
    }
    sized(&mut body, 2, &extensions);
    handshake_message(1, &body)
}

/// A ServerHello message of TLS 1.3.
pub(in super::super) fn server_hello_message(session: &[u8], r: &mut Random) -> Vec<u8> {
    let mut body = vec![3, 3];
    body.extend_from_slice(&r.bytes(32));
    sized(&mut body, 1, session);
    body.extend_from_slice(&[0x13, 0x01 + r.below(3) as u8, 0]);
    let mut extensions = vec![0, 43, 0, 2, 3, 4, 0, 51, 0, 36, 0, 29, 0, 32];
    extensions.extend_from_slice(&r.bytes(32));
    sized(&mut body, 2, &extensions);
    handshake_message(2, &body)
}

/// ServerHello, change-cipher-spec, and the encrypted rest of the server's flight.
fn server_flight(session: &[u8], r: &mut Random) -> Content {
    let mut out = handshake_record(&server_hello_message(session, r), 3);
    out.extend_from_slice(&[0x14, 3, 3, 0, 1, 1]);
    Content::tls(out, r.log_normal(3100.0, 0.35).clamp(900.0, 9000.0) as u64, r.bits())
}

/// The three steps that open a TLS 1.3 connection.
pub(in super::super) fn open(profile: usize, sni: &str, r: &mut Random) -> Vec<Step> {
    let session = r.bytes(32);
    let hello = handshake_record(&client_hello_message(profile, sni, &session, r), 1);
    let flight = server_flight(&session, r);
    vec![
        Step::client(Content::bytes(hello), r.between(100_000, 2 * MS)),
        Step::server(flight, r.jitter_ns(2 * MS, 0.5)),
        Step::client(Content::tls(vec![0x14, 3, 3, 0, 1, 1], 52, r.bits()), r.jitter_ns(MS, 0.5)),
    ]
}

/// A request and its answer in application data.
pub(in super::super) fn request(up: u64, down: u64, think_ns: i64, r: &mut Random) -> [Step; 2] {
    [
        Step::client(Content::tls(Vec::new(), up, r.bits()), think_ns),
        Step::server(Content::tls(Vec::new(), down, r.bits()), r.jitter_ns(12 * MS, 0.9)),
    ]
}

/// The encrypted close-notify alert.
pub(in super::super) fn close(r: &mut Random) -> Step {
    Step::client(Content::tls(Vec::new(), 2, r.bits()), r.jitter_ns(3 * MS, 0.5))
}
