//! Every protocol of the registry keeps its promise: no panic and no unbounded text, whatever the bytes are; each
//! fixture is read as what it is; a protocol claims only its own.
#![allow(clippy::unwrap_used)]

mod common;
use common::{captures, data, ethernet, for_each_frame, header, ipv4, ipv6, tcp_ports, udp};
use decode::{DecodeConfig, Decoder, PROTOCOLS, Payload, Pending, Probe, Transport, dissect};
use proptest::prelude::*;
use record::app_event::TEXT_BYTES_MAX;
use record::{AdminStep, AppData, LinkType, PacketMeta};

/// A DNS answer for `a.example.org`: two addresses.
const DNS_RESPONSE: &[u8] = b"\x12\x34\x81\x80\x00\x01\x00\x02\x00\x00\x00\x00\x01a\x07example\x03org\x00\x00\x01\x00\x01\
    \xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04\xc0\x00\x02\x01\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x1e\x00\x04\xc0\x00\x02\x02";
/// A multicast announcement: PTR `_http._tcp.local`.
const MDNS: &[u8] = b"\x00\x00\x84\x00\x00\x00\x00\x01\x00\x00\x00\x00\x05_http\x04_tcp\x05local\x00\x00\x0c\x00\x01\
    \x00\x00\x11\x94\x00\x07\x04Desk\xc0\x0c";

/// Modbus: unit 17 refuses function 16.
const MODBUS_EXCEPTION: &[u8] = &[0, 9, 0, 0, 0, 3, 17, 0x90, 2];
/// DNP3 from 1 to 10: read, and cold restart.
const DNP3_READ: &[u8] = &[0x05, 0x64, 8, 0xc4, 10, 0, 1, 0, 0xfc, 0x42, 0xc0, 0xc0, 1, 0, 0];
const DNP3_COLD_RESTART: &[u8] = &[0x05, 0x64, 8, 0xc4, 10, 0, 1, 0, 0xfc, 0x42, 0xc1, 0xc1, 13, 0, 0];

fn extension(kind: u16, content: &[u8]) -> Vec<u8> {
    [&kind.to_be_bytes()[..], &(content.len() as u16).to_be_bytes(), content].concat()
}

/// A ClientHello for `example.org`, as a handshake message.
fn client_hello(padding: usize) -> Vec<u8> {
    let extensions = [
        extension(0, b"\x00\x0e\x00\x00\x0bexample.org"),
        extension(0x0a0a, &[]),
        extension(21, &vec![0; padding]),
        extension(16, b"\x00\x0c\x02h2\x08http/1.1"),
        extension(13, &[0, 4, 4, 3, 8, 4]),
        extension(43, &[4, 3, 4, 3, 3]),
    ]
    .concat();
    let mut body = vec![3, 3];
    body.extend([7; 32]);
    body.push(0);
    body.extend([0, 6, 0x1a, 0x1a, 0x13, 1, 0x13, 2, 1, 0]);
    body.extend((extensions.len() as u16).to_be_bytes());
    body.extend(extensions);
    let len = body.len() as u32;
    [&[1][..], &len.to_be_bytes()[1..], &body].concat()
}

fn record(handshake: &[u8]) -> Vec<u8> {
    [&[22, 3, 1][..], &(handshake.len() as u16).to_be_bytes(), handshake].concat()
}

fn dhcp() -> Vec<u8> {
    let mut out = vec![1, 1, 6, 0, 1, 2, 3, 4];
    out.resize(28, 0);
    out.extend([2, 0, 0, 0, 0, 9]);
    out.resize(236, 0);
    out.extend([
        0x63, 0x82, 0x53, 0x63, 53, 1, 3, 50, 4, 192, 0, 2, 50, 12, 4, b'd', b'e', b's', b'k', 54, 4, 192, 0, 2, 1,
    ]);
    out.extend([3, 4, 192, 0, 2, 1, 255]);
    out
}

fn ntp() -> Vec<u8> {
    let mut out = vec![0x24, 2, 6, 0xe9];
    out.resize(48, 1);
    out
}

/// A service is opened for writing on a share, SMB 2: session prefix, header, body, name.
fn smb2_create(name: &str) -> Vec<u8> {
    let name: Vec<u8> = name.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let mut message = vec![0u8; 64 + 56];
    message[..4].copy_from_slice(b"\xfeSMB");
    message[12] = 5;
    message[64] = 57;
    message[64 + 36] = 5;
    message[64 + 44] = 120;
    message[64 + 46] = name.len() as u8;
    message.extend(name);
    [&(message.len() as u32).to_be_bytes()[..], &message].concat()
}

/// SMB 1, the reserved transaction.
fn smb1_reserved() -> Vec<u8> {
    let mut message = vec![0u8; 32];
    message[..5].copy_from_slice(b"\xffSMB\x32");
    message.push(15);
    message.extend([0; 28]);
    message.extend([0x0e, 0, 0, 0]);
    [&(message.len() as u32).to_be_bytes()[..], &message].concat()
}

/// DCE/RPC bind to the service control manager.
fn dcerpc_bind() -> Vec<u8> {
    let mut message =
        vec![5, 0, 11, 3, 0x10, 0, 0, 0, 72, 0, 0, 0, 1, 0, 0, 0, 0xb8, 0x10, 0xb8, 0x10, 0, 0, 0, 0, 1, 0, 0, 0];
    message
        .extend([0, 0, 1, 0, 0x81, 0xbb, 0x7a, 0x36, 0x44, 0x98, 0xf1, 0x35, 0xad, 0x32, 0x98, 0xf0, 0x38, 0, 0x10, 3]);
    message.resize(72, 2);
    message
}

/// Version 2c, community `public`, a question for one name.
const SNMP_GET: &[u8] = &[
    0x30, 0x26, 2, 1, 1, 4, 6, b'p', b'u', b'b', b'l', b'i', b'c', 0xa0, 0x19, 2, 1, 9, 2, 1, 0, 2, 1, 0, 0x30, 0x0e,
    0x30, 0x0c, 6, 8, 0x2b, 6, 1, 2, 1, 1, 1, 0, 5, 0,
];

/// A fixture a protocol: its name and a frame that holds one of its messages.
fn fixtures() -> Vec<(&'static str, Vec<u8>)> {
    let over_tcp = |src, dest, data: &[u8]| ethernet(0x0800, &ipv4(6, &tcp_ports(src, dest, 0x18, &[], data)));
    let over_udp = |src, dest, data: &[u8]| ethernet(0x0800, &ipv4(17, &udp(src, dest, data)));
    let prefixed = [&(DNS_RESPONSE.len() as u16).to_be_bytes()[..], DNS_RESPONSE].concat();
    vec![
        ("dns", over_udp(53, 40_000, DNS_RESPONSE)),
        ("dns", over_udp(9953, 40_000, DNS_RESPONSE)),
        ("dns", over_tcp(53, 40_000, &prefixed)),
        ("dns", ethernet(0x86dd, &ipv6(17, &udp(5353, 5353, MDNS)))),
        ("tls", over_tcp(40_000, 8443, &record(&client_hello(0)))),
        ("http", over_tcp(40_000, 8080, b"POST /x HTTP/1.1\r\nHost: a.test\r\nContent-Length: 3\r\n\r\nabc")),
        ("http", over_tcp(80, 40_000, b"HTTP/1.1 302 Found\r\nContent-Type: text/html; charset=utf-8\r\n\r\n")),
        ("ssh", over_tcp(2222, 40_000, b"SSH-2.0-OpenSSH_9.6p1 Debian-3\r\n")),
        ("dhcp", over_udp(68, 67, &dhcp())),
        ("ntp", over_udp(40_000, 123, &ntp())),
        ("modbus", over_tcp(502, 40_000, MODBUS_EXCEPTION)),
        ("dnp3", over_tcp(40_000, 20_000, &[DNP3_READ, DNP3_COLD_RESTART].concat())),
        ("smb", over_tcp(40_000, 445, &smb2_create("PSEXESVC.exe"))),
        ("smb", over_tcp(40_000, 445, &smb1_reserved())),
        ("dcerpc", over_tcp(40_000, 49_700, &dcerpc_bind())),
        ("ftp", over_tcp(40_000, 2121, b"USER bob\r\n")),
        ("smtp", over_tcp(587, 40_000, b"334 UGFzc3dvcmQ6\r\n")),
        ("imap", over_tcp(40_000, 143, b"a1 LOGIN bob hunter2\r\n")),
        ("pop3", over_tcp(110, 40_000, b"-ERR [AUTH] Authentication failed.\r\n")),
        ("telnet", over_tcp(40_000, 23, &[255, 253, 1, 255, 251, 31])),
        ("snmp", over_udp(40_000, 161, SNMP_GET)),
        ("stratum", over_tcp(40_000, 3333, b"{\"id\":1,\"method\":\"mining.subscribe\",\"params\":[]}\n")),
    ]
}

fn read(frame: &[u8]) -> (PacketMeta, Option<AppData>, u64) {
    let mut decoder = Decoder::new(DecodeConfig::default());
    let mut meta = PacketMeta::default();
    decoder.decode(&header(LinkType::ETHERNET, frame), frame, &mut meta);
    let data = decoder.application(&meta, frame);
    (meta, data, decoder.errors().total())
}

#[test]
fn every_protocol_reads_its_fixture_and_claims_no_other() {
    let fixtures = fixtures();
    for protocol in PROTOCOLS {
        // QUIC's and the certificate's fixtures are captures: sealed and signed bytes cannot be written by hand.
        assert!(
            ["quic", "tls_certificate"].contains(&protocol.name())
                || fixtures.iter().any(|(name, _)| *name == protocol.name()),
            "{}",
            protocol.name()
        );
        for (name, frame) in &fixtures {
            let (meta, data, errors) = read(frame);
            let payload = Payload { data: &frame[meta.payload_offset as usize..], meta: &meta };
            let claimed = protocol.probe(&payload) != Probe::NotMine;
            assert_eq!(claimed, *name == protocol.name(), "{} and a message of {name}", protocol.name());
            assert!(data.is_some(), "{name}");
            assert_eq!(errors, 0);
        }
    }
}

#[test]
fn what_is_read() {
    let all: Vec<AppData> = fixtures().iter().map(|(_, frame)| read(frame).1.unwrap()).collect();
    let AppData::Dns(dns) = &all[0] else { panic!("{:?}", all[0]) };
    assert_eq!((dns.rrname.as_str(), dns.rrtype.as_str(), dns.rcode.as_str()), ("a.example.org", "A", "NOERROR"));
    assert_eq!((dns.answers.join(" ").as_str(), dns.ttl_s, dns.id), ("192.0.2.1 192.0.2.2", 30, 0x1234));
    assert_eq!(dns.message_bytes as usize, DNS_RESPONSE.len());
    for same in [&all[1], &all[2]] {
        let AppData::Dns(other) = same else { panic!("{same:?}") };
        assert_eq!(other, dns);
    }
    let AppData::Dns(mdns) = &all[3] else { panic!("{:?}", all[3]) };
    assert!(mdns.multicast && mdns.response);
    assert_eq!((mdns.rrname.as_str(), mdns.rrtype.as_str()), ("_http._tcp.local", "PTR"));
    assert_eq!(mdns.answers, ["Desk._http._tcp.local"]);
    let AppData::Tls(tls) = &all[4] else { panic!("{:?}", all[4]) };
    assert_eq!(
        (tls.sni.as_str(), tls.version.as_str(), tls.alpn.join(",").as_str()),
        ("example.org", "1.3", "h2,http/1.1")
    );
    assert!(tls.ja4.starts_with("t13d0205h2_"), "{}", tls.ja4);
    let AppData::Http(response) = &all[6] else { panic!("{:?}", all[6]) };
    assert!(response.response && response.status == 302);
    let AppData::Ssh(ssh) = &all[7] else { panic!("{:?}", all[7]) };
    assert_eq!((ssh.proto_version.as_str(), ssh.software_version.as_str()), ("2.0", "OpenSSH_9.6p1"));
    let AppData::Dhcp(dhcp) = &all[8] else { panic!("{:?}", all[8]) };
    assert_eq!((dhcp.dhcp_type.as_str(), dhcp.hostname.as_str()), ("request", "desk"));
    assert_eq!(dhcp.client_mac.to_string(), "02:00:00:00:00:09");
    assert_eq!(dhcp.assigned_ip.unwrap().to_string(), "192.0.2.50");
    assert_eq!(dhcp.routers.len(), 1);
    let AppData::Ntp(ntp) = &all[9] else { panic!("{:?}", all[9]) };
    assert_eq!((ntp.version, ntp.mode, ntp.stratum), (4, 4, 2));
    let AppData::Control(modbus) = &all[10] else { panic!("{:?}", all[10]) };
    assert!(modbus.response && modbus.exception);
    assert_eq!((modbus.unit, modbus.functions.as_slice(), modbus.messages), (17, &[16][..], 1));
    let AppData::Control(dnp3) = &all[11] else { panic!("{:?}", all[11]) };
    assert!(!dnp3.response);
    assert_eq!((dnp3.unit, dnp3.source, dnp3.functions.as_slice(), dnp3.messages), (10, 1, &[1, 13][..], 2));
    let admin = |n: usize| if let AppData::Admin(admin) = &all[n] { admin.clone() } else { panic!("{:?}", all[n]) };
    assert_eq!((admin(12).step, admin(12).name.as_str(), admin(12).writes), (AdminStep::File, "psexesvc.exe", true));
    assert_eq!(admin(13).step, AdminStep::ReservedTransaction);
    assert_eq!((admin(14).step, admin(14).name.as_str()), (AdminStep::Bind, "svcctl"));
}

#[test]
fn a_hello_in_two_segments_is_told_when_it_is_whole() {
    let stream = record(&client_hello(1600));
    let whole = read(&ethernet(0x0800, &ipv4(6, &tcp_ports(40_000, 443, 0x18, &[], &stream)))).1.unwrap();
    for cut in [6, 50, 1400] {
        let mut decoder = Decoder::new(DecodeConfig::default());
        let mut meta = PacketMeta::default();
        let mut told = Vec::new();
        for (start, end) in [(0, cut), (0, cut), (cut, stream.len())] {
            let mut segment = tcp_ports(40_000, 443, 0x18, &[], &stream[start..end]);
            segment[4..8].copy_from_slice(&(u32::MAX - 3).wrapping_add(start as u32).to_be_bytes());
            let frame = ethernet(0x0800, &ipv4(6, &segment));
            decoder.decode(&header(LinkType::ETHERNET, &frame), &frame, &mut meta);
            told.extend(decoder.application(&meta, &frame));
        }
        let told: Vec<String> = told.iter().map(|data| format!("{data:?}")).collect();
        assert_eq!(told, [format!("{whole:?}")], "cut at {cut}");
    }
}

#[test]
fn a_snapped_hello_gives_the_name_but_no_fingerprint() {
    let frame = ethernet(0x0800, &ipv4(6, &tcp_ports(40_000, 443, 0x18, &[], &record(&client_hello(1000)))));
    let cut = &frame[..200];
    let mut header = header(LinkType::ETHERNET, cut);
    header.wire_len = frame.len() as u32;
    let (mut decoder, mut meta) = (Decoder::new(DecodeConfig::default()), PacketMeta::default());
    decoder.decode(&header, cut, &mut meta);
    let Some(AppData::Tls(tls)) = decoder.application(&meta, cut) else { panic!("nothing told") };
    assert_eq!((tls.sni.as_str(), tls.ja4.as_str()), ("example.org", ""));
}

#[test]
fn certificates_and_log_ins_of_recorded_sessions() {
    let Some(root) = data("certificates_and_log_ins") else { return };
    let mut told = Vec::new();
    for name in [
        "long_tls_certificate.pcap",
        "ftp_failed.pcap",
        "imap.pcap",
        "pop3.pcap",
        "smtp.pcap",
        "http_auth.pcap",
        "snmp.pcap",
    ] {
        let (mut decoder, mut meta) = (Decoder::new(DecodeConfig::default()), PacketMeta::default());
        for_each_frame(&root.join("pcap-protocols/ndpi").join(name), |header, frame| {
            decoder.decode(header, frame, &mut meta);
            match decoder.application(&meta, frame) {
                Some(AppData::Certificate(shown)) => {
                    assert!(shown.not_before_s < shown.not_after_s && shown.subject.contains("CN="), "{shown:?}");
                    told.push("certificate");
                }
                Some(AppData::Login(login)) => told.push(login.protocol.name()),
                Some(AppData::Http(http)) if !http.authorization.is_empty() => told.push("http"),
                _ => {}
            }
        });
    }
    for expected in ["certificate", "ftp", "imap", "pop3", "smtp", "http", "snmp"] {
        assert!(told.contains(&expected), "{expected}: {told:?}");
    }
}

#[test]
fn quic_hellos_of_real_clients() {
    let Some(root) = data("quic_hellos_of_real_clients") else { return };
    let folder = root.join("pcap-protocols/ndpi");
    let (mut decoder, mut meta, mut told) = (Decoder::new(DecodeConfig::default()), PacketMeta::default(), Vec::new());
    for path in captures(&folder).iter().filter(|path| path.to_string_lossy().contains("quic")) {
        for_each_frame(path, |header, frame| {
            decoder.decode(header, frame, &mut meta);
            if let Some(AppData::Tls(tls)) = decoder.application(&meta, frame)
                && tls.quic
            {
                told.push(tls);
            }
        });
    }
    assert!(told.len() >= 10, "{} hellos", told.len());
    assert!(told.iter().all(|tls| tls.ja4.starts_with('q') && tls.ja4.len() == 36), "{told:?}");
    assert!(told.iter().filter(|tls| !tls.sni.is_empty()).count() >= 8);
}

/// Longest text anywhere in a message.
fn longest_text(data: &AppData) -> usize {
    match data {
        AppData::Dns(dns) => dns.answers.iter().map(String::len).max().unwrap_or(0).max(dns.rrname.len()),
        AppData::Tls(tls) => tls.alpn.iter().map(String::len).max().unwrap_or(0).max(tls.sni.len()),
        AppData::Http(http) => http.url.len().max(http.hostname.len()).max(http.http_user_agent.len()),
        AppData::Ssh(ssh) => ssh.software_version.len(),
        AppData::Dhcp(dhcp) => dhcp.hostname.len(),
        AppData::Ntp(_) => 0,
        AppData::Control(control) => control.functions.len(),
        AppData::Admin(admin) => admin.name.len(),
        AppData::Login(login) => login.user.len().max(login.mechanism.len()),
        AppData::Certificate(certificate) => certificate.subject.len().max(certificate.issuer.len()),
    }
}

/// Asks every protocol for itself, the registry and the tree about one frame.
fn ask_all(frame: &[u8]) {
    let (meta, data, _) = read(frame);
    assert!(data.as_ref().is_none_or(|data| longest_text(data) <= TEXT_BYTES_MAX));
    let start = meta.payload_offset as usize;
    if meta.payload_captured != 0 {
        let payload = Payload { data: &frame[start..start + meta.payload_captured as usize], meta: &meta };
        let mut pending = Pending::new(&DecodeConfig::default());
        for protocol in PROTOCOLS {
            if protocol.probe(&payload) != Probe::NotMine {
                let transport = if payload.is_udp() { Transport::Udp } else { Transport::Tcp };
                assert!(protocol.may_begin(transport, payload.data[0]), "{} is not asked for its own", protocol.name());
                protocol.parse(&payload, &mut pending);
            }
        }
    }
    assert!(dissect(&header(LinkType::ETHERNET, frame), frame).layers.len() <= 41);
}

#[test]
fn every_prefix_of_every_fixture() {
    for (_, frame) in fixtures() {
        for cut in 0..=frame.len() {
            ask_all(&frame[..cut]);
        }
    }
}

#[test]
fn every_first_byte_of_every_fixture() {
    for (_, mut frame) in fixtures() {
        let start = read(&frame).0.payload_offset as usize;
        for first in 0..=255 {
            frame[start] = first;
            ask_all(&frame);
        }
    }
}

proptest! {
    #[test]
    fn any_bytes_as_a_frame_of_any_link(bytes in proptest::collection::vec(any::<u8>(), 0..200), link in 0u16..300) {
        let meta = common::decoded(LinkType(link), &bytes);
        prop_assert!(meta.payload_captured <= meta.payload_len);
        prop_assert!(dissect(&header(LinkType(link), &bytes), &bytes).layers.len() <= 41);
    }

    #[test]
    fn any_bytes_as_a_payload(bytes in proptest::collection::vec(any::<u8>(), 1..400), port in 0u16..10_000, udp_not_tcp: bool) {
        let packet = if udp_not_tcp { ipv4(17, &udp(40_000, port, &bytes)) } else { ipv4(6, &tcp_ports(40_000, port, 0x18, &[], &bytes)) };
        ask_all(&ethernet(0x0800, &packet));
    }

    #[test]
    fn fixtures_with_some_bytes_changed(which in 0usize..21, changes in proptest::collection::vec((0usize..600, any::<u8>()), 1..12)) {
        let (_, mut frame) = fixtures().swap_remove(which);
        for (at, value) in changes {
            let at = at % frame.len();
            frame[at] = value;
        }
        ask_all(&frame);
    }

    #[test]
    fn keys_are_the_canonical_ones(a in any::<[u8; 16]>(), b in any::<[u8; 16]>(), ports in any::<(u16, u16)>(), same: bool) {
        let b = if same { a } else { b };
        let mut packet = ipv6(17, &udp(ports.0, ports.1, b""));
        packet[8..24].copy_from_slice(&a);
        packet[24..40].copy_from_slice(&b);
        let meta = common::decoded(LinkType::RAW, &packet);
        let (key, from_low) = record::FlowKey::new(meta.src(), meta.dest(), 17);
        prop_assert_eq!((key, from_low, meta.src().port), (meta.key, meta.from_low, ports.0));
        packet[8..24].copy_from_slice(&b);
        packet[24..40].copy_from_slice(&a);
        packet[40..44].rotate_left(2);
        prop_assert_eq!(common::decoded(LinkType::RAW, &packet).hash, meta.hash);
    }
}
