//! Headers on literal bytes: good, cut at every byte, and with impossible lengths.
#![allow(clippy::unwrap_used)]

mod common;
use common::{decoded, decoded_ethernet, ethernet, header, ipv4, ipv4_with, ipv6, tcp, udp};
use decode::{DecodeConfig, Decoder, dissect, flow_hash};
use record::{DecodeErrorKind as Kind, FlowKey, FrameHeader, Layer, LinkType, PacketMeta, Tunnel};

fn stop(meta: &PacketMeta) -> Option<(Kind, Layer)> {
    meta.stop.map(|(kind, layer, _)| (kind, layer))
}

/// Every prefix of a frame decodes, is dissected, and never claims bytes that are not there.
fn every_prefix(link: LinkType, frame: &[u8]) {
    let mut decoder = Decoder::new(DecodeConfig::default());
    for cut in 0..=frame.len() {
        let piece = &frame[..cut];
        for wire_len in [cut, frame.len()] {
            let mut header = header(link, piece);
            header.wire_len = wire_len as u32;
            let mut meta = PacketMeta::default();
            decoder.decode(&header, piece, &mut meta);
            if meta.payload_captured != 0 {
                assert!((meta.payload_offset + meta.payload_captured) as usize <= cut);
            }
            assert!(meta.payload_captured <= meta.payload_len);
            assert!(meta.ip_len as usize <= wire_len.max(cut));
            decoder.application(&meta, piece);
            for layer in dissect(&header, piece).layers {
                assert!((layer.offset + layer.length) as usize <= cut);
            }
        }
    }
}

#[test]
fn tcp_over_ipv4_over_ethernet() {
    let frame = ethernet(0x0800, &ipv4(6, &tcp(0x12, &[2, 4, 5, 0xb4, 1, 3, 3, 7], b"hello")));
    let meta = decoded_ethernet(&frame);
    assert_eq!(meta.stop, None);
    assert_eq!((meta.ip_version, meta.proto, meta.ttl), (4, 6, 64));
    assert_eq!((meta.src_port, meta.dest_port), (40_000, 443));
    assert_eq!(meta.src().addr.to_string(), "192.0.2.1");
    assert_eq!(meta.dest().addr.to_string(), "198.51.100.2");
    assert_eq!((meta.tcp_flags.0, meta.tcp_mss, meta.tcp_window), (0x12, 1460, 0xfaf0));
    assert_eq!((meta.tcp_seq, meta.tcp_ack), (1000, 2000));
    assert_eq!((meta.ip_header_len, meta.l4_header_len, meta.ip_len), (20, 28, 53));
    assert_eq!((meta.payload_len, meta.payload_captured, meta.payload_offset), (5, 5, 62));
    assert_eq!(meta.src_mac.to_string(), "02:00:00:00:00:01");
    assert_eq!(meta.key, FlowKey::new(meta.src(), meta.dest(), 6).0);
    assert_eq!(meta.hash, flow_hash(&meta.key));
    every_prefix(LinkType::ETHERNET, &frame);
}

#[test]
fn ethernet_padding_is_no_payload() {
    let mut frame = ethernet(0x0800, &ipv4(6, &tcp(0x10, &[], b"")));
    frame.resize(60, 0);
    let meta = decoded_ethernet(&frame);
    assert_eq!((meta.payload_len, meta.payload_captured, meta.ip_len), (0, 0, 40));
}

#[test]
fn a_snapped_packet_is_no_error_and_keeps_the_length_on_the_wire() {
    let frame = ethernet(0x0800, &ipv4(6, &tcp(0x18, &[], &[7; 1000])));
    let mut header = header(LinkType::ETHERNET, &frame);
    header.captured_len = 68;
    let mut decoder = Decoder::new(DecodeConfig::default());
    let mut meta = PacketMeta::default();
    decoder.decode(&header, &frame[..68], &mut meta);
    assert_eq!(meta.stop, None);
    assert_eq!((meta.payload_len, meta.payload_captured), (1000, 14));
    assert_eq!(decoder.errors().total(), 0);
}

#[test]
fn total_length_zero_means_the_whole_wire() {
    let mut packet = ipv4(6, &tcp(0x18, &[], &[7; 100]));
    packet[2..4].fill(0);
    let meta = decoded_ethernet(&ethernet(0x0800, &packet));
    assert_eq!((meta.stop, meta.payload_len, meta.ip_len), (None, 100, 140));
    let mut packet = ipv6(6, &tcp(0x18, &[], &[7; 100]));
    packet[4..6].fill(0);
    let meta = decoded_ethernet(&ethernet(0x86dd, &packet));
    assert_eq!((meta.stop, meta.payload_len), (None, 100));
}

#[test]
fn impossible_ipv4_lengths() {
    let good = ipv4(6, &tcp(0x10, &[], b"abc"));
    for (at, value, stopped) in [(0, 0x44, true), (0, 0x55, true), (3, 10, true), (2, 0xff, false)] {
        let mut packet = good.clone();
        packet[at] = value;
        if at == 3 {
            packet[2] = 0;
        }
        let meta = decoded_ethernet(&ethernet(0x0800, &packet));
        assert_eq!(stop(&meta), Some((Kind::Ipv4Invalid, Layer::Network)), "{at} {value}");
        assert_eq!(meta.ip_version == 0, stopped, "a length beyond the wire still gives the flow");
    }
}

#[test]
fn ipv4_options_and_fragments() {
    let meta = decoded_ethernet(&ethernet(0x0800, &ipv4_with(17, 0, &[7, 4, 4, 0], &udp(1, 2, b"x"))));
    assert_eq!((meta.ip_header_len, meta.payload_len, meta.dest_port), (24, 1, 2));
    let first = decoded_ethernet(&ethernet(0x0800, &ipv4_with(17, 0x2000, &[], &udp(1000, 2000, b"x")[..9])));
    assert!(first.fragment && !first.fragment_later);
    assert_eq!((first.src_port, first.stop), (1000, None));
    let later = decoded_ethernet(&ethernet(0x0800, &ipv4_with(17, 0x0010, &[], &[9; 32])));
    assert!(later.fragment && later.fragment_later);
    assert_eq!((later.src_port, later.key.low.port, later.payload_len, later.l4_header_len), (0, 0, 32, 0));
}

#[test]
fn tcp_impossible_offset_and_options() {
    let mut segment = tcp(0x02, &[], b"");
    segment[12] = 0x40;
    assert_eq!(
        stop(&decoded_ethernet(&ethernet(0x0800, &ipv4(6, &segment)))),
        Some((Kind::TcpInvalid, Layer::Transport))
    );
    segment[12] = 0xf0;
    assert_eq!(
        stop(&decoded_ethernet(&ethernet(0x0800, &ipv4(6, &segment)))),
        Some((Kind::TcpInvalid, Layer::Transport))
    );
    for options in [[2, 0, 0, 0], [2, 9, 0, 0], [1, 1, 1, 2]] {
        let meta = decoded_ethernet(&ethernet(0x0800, &ipv4(6, &tcp(0x02, &options, b"abc"))));
        assert_eq!(stop(&meta), Some((Kind::TcpOptionInvalid, Layer::Transport)), "{options:?}");
        assert_eq!(meta.payload_len, 3, "the payload is where the offset says");
    }
}

#[test]
fn udp_impossible_length() {
    let mut datagram = udp(5, 6, b"abcd");
    for (length, expected) in [(7u16, 4), (9000, 4), (12, 4)] {
        datagram[4..6].copy_from_slice(&length.to_be_bytes());
        let meta = decoded_ethernet(&ethernet(0x0800, &ipv4(17, &datagram)));
        assert_eq!(stop(&meta).is_some(), length != 12);
        assert_eq!((meta.src_port, meta.payload_len), (5, expected));
    }
    datagram[4..6].copy_from_slice(&10u16.to_be_bytes());
    assert_eq!(decoded_ethernet(&ethernet(0x0800, &ipv4(17, &datagram))).payload_len, 2);
}

#[test]
fn icmp_echo_and_reply_are_one_flow() {
    let echo = |kind, packet: fn(u8, &[u8]) -> Vec<u8>, proto, ether| {
        decoded_ethernet(&ethernet(ether, &packet(proto, &[kind, 0, 0, 0, 0x12, 0x34, 0, 1, 9, 9])))
    };
    for (request, reply, packet, proto, ether) in
        [(8, 0, ipv4 as fn(u8, &[u8]) -> Vec<u8>, 1, 0x0800), (128, 129, ipv6, 58, 0x86dd)]
    {
        let (request, reply) = (echo(request, packet, proto, ether), echo(reply, packet, proto, ether));
        assert_eq!(request.key, reply.key);
        assert_eq!((request.key.low.port, request.key.high.port), (0x1234, 0x1234));
        assert_eq!((request.src_port, request.payload_len, request.l4_header_len), (0, 2, 8));
    }
    let unreachable = echo(3, ipv4, 1, 0x0800);
    assert_eq!((unreachable.icmp_type, unreachable.key.low.port), (3, 0));
    every_prefix(LinkType::ETHERNET, &ethernet(0x0800, &ipv4(1, &[8, 0, 0, 0, 1, 2, 3, 4])));
}

#[test]
fn ipv6_extensions_and_fragments() {
    let hop_by_hop = |next: u8, rest: &[u8]| [&[next, 0, 5, 2, 0, 0, 0, 0], rest].concat();
    let packet = ipv6(0, &hop_by_hop(60, &hop_by_hop(17, &udp(53, 54, b"ab"))));
    let frame = ethernet(0x86dd, &packet);
    let meta = decoded_ethernet(&frame);
    assert_eq!((meta.ip_header_len, meta.dest_port, meta.payload_len, meta.proto), (56, 54, 2, 17));
    every_prefix(LinkType::ETHERNET, &frame);

    let fragment = |field: u16, rest: &[u8]| {
        let [f0, f1] = field.to_be_bytes();
        ethernet(0x86dd, &ipv6(44, &[&[17, 0, f0, f1, 0, 0, 0, 1], rest].concat()))
    };
    let first = decoded_ethernet(&fragment(1, &udp(7, 8, b"ab")));
    assert!(first.fragment && !first.fragment_later && first.dest_port == 8);
    let later = decoded_ethernet(&fragment(0x0011, &[1; 16]));
    assert!(later.fragment && later.fragment_later && later.dest_port == 0 && later.proto == 17);
    let atomic = decoded_ethernet(&fragment(0, &udp(7, 8, b"ab")));
    assert!(!atomic.fragment && atomic.dest_port == 8);

    let mut chain = udp(1, 2, b"");
    let mut next = 17;
    for _ in 0..9 {
        chain = hop_by_hop(next, &chain);
        next = 60;
    }
    let meta = decoded_ethernet(&ethernet(0x86dd, &ipv6(60, &chain)));
    assert_eq!(stop(&meta), Some((Kind::Ipv6ExtensionsTooMany, Layer::Network)));
    assert_eq!(decoded_ethernet(&ethernet(0x86dd, &ipv6(59, &[]))).stop, None);
}

#[test]
fn vlan_priority_tags_mpls_and_pppoe() {
    let inner = ipv4(17, &udp(1, 2, b"abc"));
    let tagged = |tags: &[(u16, u16)], kind: u16| {
        let mut out = Vec::new();
        for (n, (_, control)) in tags.iter().enumerate() {
            out.extend(control.to_be_bytes());
            out.extend(tags.get(n + 1).map_or(kind, |next| next.0).to_be_bytes());
        }
        out.extend(&inner);
        ethernet(tags[0].0, &out)
    };
    for (tags, vlan) in [
        (&[(0x8100, 0x2064)][..], 100),
        (&[(0x88a8, 7), (0x8100, 9)], 7),
        (&[(0x9100, 0x6000), (0x8100, 9)], 9),
        (&[(0x8100, 0xe000)], 0),
    ] {
        let frame = tagged(tags, 0x0800);
        let meta = decoded_ethernet(&frame);
        assert_eq!((meta.vlan, meta.dest_port, meta.ether_type), (vlan, 2, 0x0800), "{tags:?}");
        every_prefix(LinkType::ETHERNET, &frame);
    }
    let many: Vec<(u16, u16)> = vec![(0x8100, 1); 9];
    assert_eq!(stop(&decoded_ethernet(&tagged(&many, 0x0800))), Some((Kind::TagsTooMany, Layer::Link)));

    let labels = [&[0, 1, 0, 64, 0, 2, 1, 64][..], &inner].concat();
    assert_eq!(decoded_ethernet(&ethernet(0x8847, &labels)).dest_port, 2);
    let wire = [&[0, 1, 1, 64, 0, 0, 0, 0][..], &ethernet(0x0800, &inner)].concat();
    assert_eq!(decoded_ethernet(&ethernet(0x8847, &wire)).dest_port, 2);

    let len = (inner.len() + 2) as u16;
    let session = [&[0x11, 0, 0, 9, (len >> 8) as u8, len as u8, 0, 0x21][..], &inner].concat();
    let frame = ethernet(0x8864, &session);
    assert_eq!(decoded_ethernet(&frame).dest_port, 2);
    every_prefix(LinkType::ETHERNET, &frame);
}

#[test]
fn every_link_type_that_is_read() {
    let v4 = ipv4(17, &udp(1, 2, b"abc"));
    let v6 = ipv6(17, &udp(1, 2, b"abc"));
    let with = |head: &[u8], rest: &[u8]| [head, rest].concat();
    let sll: Vec<u8> = [&[0, 0, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0][..], &[8, 0]].concat();
    let sll2: Vec<u8> = [&[8, 0, 0, 0, 0, 0, 0, 3, 0, 1, 0, 6][..], &[2, 0, 0, 0, 0, 1, 0, 0]].concat();
    for (link, frame) in [
        (LinkType::RAW, v4.clone()),
        (LinkType::RAW, v6.clone()),
        (LinkType::RAW_BSD, v4.clone()),
        (LinkType(14), v6.clone()),
        (LinkType::IPV4, v4.clone()),
        (LinkType::IPV6, v6.clone()),
        (LinkType::NULL, with(&[2, 0, 0, 0], &v4)),
        (LinkType::NULL, with(&[0, 0, 0, 2], &v4)),
        (LinkType::NULL, with(&[30, 0, 0, 0], &v6)),
        (LinkType::LOOP, with(&[0, 0, 0, 24], &v6)),
        (LinkType::PPP, with(&[0xff, 3, 0, 0x21], &v4)),
        (LinkType::PPP, with(&[0x57], &v6)),
        (LinkType::PPP_HDLC, with(&[0xff, 3, 0, 0x21], &v4)),
        (LinkType::PPP_HDLC, with(&[0x0f, 0, 8, 0], &v4)),
        (LinkType::C_HDLC, with(&[0x0f, 0, 0x86, 0xdd], &v6)),
        (LinkType::LINUX_SLL, with(&sll, &v4)),
        (LinkType::LINUX_SLL2, with(&sll2, &v4)),
    ] {
        let meta = decoded(link, &frame);
        assert_eq!((meta.stop, meta.dest_port, meta.payload_len), (None, 2, 3), "{link:?}");
        every_prefix(link, &frame);
    }
    assert_eq!(decoded(LinkType::LINUX_SLL, &with(&sll, &v4)).src_mac.to_string(), "02:00:00:00:00:01");
    assert_eq!(stop(&decoded(LinkType(9999), &v4)), Some((Kind::LinkTypeUnknown, Layer::Link)));
    assert_eq!(stop(&decoded(LinkType::RAW, &[])), Some((Kind::LinkTruncated, Layer::Link)));
}

#[test]
fn llc_and_snap() {
    let inner = ipv4(17, &udp(1, 2, b"abc"));
    let snap = [&[0xaa, 0xaa, 3, 0, 0, 0, 8, 0][..], &inner].concat();
    let mut frame = ethernet(snap.len() as u16, &snap);
    frame.extend([0; 20]);
    assert_eq!((decoded_ethernet(&frame).dest_port, decoded_ethernet(&frame).payload_len), (2, 3));
    let tree = ethernet(38, &[&[0x42, 0x42, 3][..], &[0; 35]].concat());
    assert_eq!(stop(&decoded_ethernet(&tree)), Some((Kind::EtherTypeUnknown, Layer::Link)));
    assert_eq!(stop(&decoded_ethernet(&ethernet(0x88b8, &[0; 40]))), Some((Kind::EtherTypeUnknown, Layer::Link)));
}

#[test]
fn arp_is_read_and_its_oddities_are_named() {
    let packet = [0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 9, 192, 0, 2, 7, 0, 0, 0, 0, 0, 0, 192, 0, 2, 1];
    let frame = ethernet(0x0806, &packet);
    let meta = decoded_ethernet(&frame);
    let arp = Decoder::new(DecodeConfig::default()).arp(&meta, &frame).unwrap();
    assert_eq!(
        (arp.operation, arp.sender_ip.to_string(), arp.target_ip.to_string()),
        (1, "192.0.2.7".into(), "192.0.2.1".into())
    );
    assert_ne!(arp.sender_mac, arp.frame_src_mac);
    assert_eq!(dissect(&header(LinkType::ETHERNET, &frame), &frame).info, "Who has 192.0.2.1? Tell 192.0.2.7");
    let cut = &frame[..30];
    assert_eq!(stop(&decoded_ethernet(cut)), Some((Kind::ArpTruncated, Layer::Arp)));
    assert!(Decoder::new(DecodeConfig::default()).arp(&decoded_ethernet(cut), cut).is_none());
    let mut other = frame.clone();
    other[17] = 9;
    assert_eq!(stop(&decoded_ethernet(&other)), Some((Kind::ArpUnsupported, Layer::Arp)));
    every_prefix(LinkType::ETHERNET, &frame);
}

#[test]
fn tunnels_count_the_inside() {
    let inner = ipv4(17, &udp(77, 78, b"inner"));
    let inner6 = ipv6(17, &udp(77, 78, b"inner"));
    let inner_frame = ethernet(0x0800, &inner);
    let with = |head: &[u8], rest: &[u8]| [head, rest].concat();
    let vxlan = with(&[8, 0, 0, 0, 0, 0, 42, 0], &inner_frame);
    let gtp_len = (inner.len() + 8) as u16;
    let gtp = with(&[0x34, 255, (gtp_len >> 8) as u8, gtp_len as u8, 0, 0, 0, 1, 0, 0, 0, 0x85, 1, 0, 0, 0], &inner);
    for (tunnel, packet) in [
        (Tunnel::Gre, ipv4(47, &with(&[0, 0, 8, 0], &inner))),
        (Tunnel::Gre, ipv4(47, &with(&[0xb0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2], &inner))),
        (Tunnel::Gre, ipv4(47, &with(&[0, 0, 0x65, 0x58], &inner_frame))),
        (Tunnel::Gre, ipv4(47, &with(&[0x10, 0, 0x88, 0xbe, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0], &inner_frame))),
        (Tunnel::Gre, ipv4(47, &with(&[0x30, 0x81, 0x88, 0x0b, 0, 9, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0x21], &inner))),
        (Tunnel::IpInIp, ipv4(4, &inner)),
        (Tunnel::IpInIp, ipv4(41, &inner6)),
        (Tunnel::Vxlan, ipv4(17, &udp(5000, 4789, &vxlan))),
        (Tunnel::Vxlan, ipv4(17, &udp(5000, 8472, &vxlan))),
        (Tunnel::Geneve, ipv4(17, &udp(5000, 6081, &with(&[1, 0, 0x65, 0x58, 0, 0, 1, 0, 0, 0, 0, 0], &inner_frame)))),
        (Tunnel::GtpU, ipv4(17, &udp(2152, 2152, &gtp))),
        (Tunnel::Teredo, ipv4(17, &udp(5000, 3544, &with(&[0, 0, 1, 2, 3, 4, 5, 6], &inner6)))),
    ] {
        let frame = ethernet(0x0800, &packet);
        let meta = decoded_ethernet(&frame);
        assert_eq!((meta.tunnel, meta.src_port, meta.dest_port, meta.payload_len), (tunnel, 77, 78, 5), "{packet:?}");
        assert_eq!(meta.stop, None, "{tunnel:?}");
        every_prefix(LinkType::ETHERNET, &frame);
    }
}

#[test]
fn ordinary_datagrams_on_tunnel_ports_stay_what_they_are() {
    let arp = ethernet(0x0806, &[0; 28]);
    for (port, payload) in [
        (4789, b"hello world, this is no tunnel at all".to_vec()),
        (6081, vec![0; 60]),
        (2152, vec![0x32, 1, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0]),
        (3544, b"GET / HTTP/1.1".to_vec()),
        (4789, [&[8, 0, 0, 0, 0, 0, 42, 0][..], &arp].concat()),
    ] {
        let meta = decoded_ethernet(&ethernet(0x0800, &ipv4(17, &udp(5000, port, &payload))));
        assert_eq!((meta.tunnel, meta.dest_port, meta.stop), (Tunnel::None, port, None));
        assert_eq!(meta.payload_len as usize, payload.len());
        assert_eq!((meta.src_mac.to_string().as_str(), meta.ether_type), ("02:00:00:00:00:01", 0x0800));
    }
}

#[test]
fn nesting_is_bounded() {
    let mut packet = ipv4(17, &udp(77, 78, b"inner"));
    for _ in 0..4 {
        packet = ipv4(4, &packet);
    }
    let four = decoded_ethernet(&ethernet(0x0800, &packet));
    assert_eq!((four.dest_port, four.stop), (78, None));
    let five = decoded_ethernet(&ethernet(0x0800, &ipv4(4, &packet)));
    assert_eq!(stop(&five), Some((Kind::TunnelsTooMany, Layer::Tunnel)));
    assert_eq!((five.proto, five.ip_version), (4, 4));
    for _ in 0..200 {
        packet = ipv4(4, &packet);
    }
    assert!(decoded_ethernet(&ethernet(0x0800, &packet)).stop.is_some());
}

#[test]
fn other_transports_and_unknown_protocols_still_make_a_flow() {
    let sctp = decoded_ethernet(&ethernet(0x0800, &ipv4(132, &[0, 7, 0, 8, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 4])));
    assert_eq!((sctp.src_port, sctp.dest_port, sctp.payload_len, sctp.stop), (7, 8, 4, None));
    let igmp = decoded_ethernet(&ethernet(0x0800, &ipv4(2, &[0x16, 0, 0, 0, 224, 0, 0, 251])));
    assert_eq!((igmp.proto, igmp.l4_header_len, igmp.stop), (2, 8, None));
    let ospf = decoded_ethernet(&ethernet(0x0800, &ipv4(89, &[2; 40])));
    assert_eq!(stop(&ospf), Some((Kind::ProtocolUnknown, Layer::Network)));
    assert_eq!((ospf.ip_version, ospf.proto, ospf.payload_len), (4, 89, 40));
    assert_ne!(ospf.hash, 0);
    for (proto, kind) in [
        (132, Kind::SctpTruncated),
        (2, Kind::IgmpTruncated),
        (1, Kind::IcmpTruncated),
        (17, Kind::UdpTruncated),
        (6, Kind::TcpTruncated),
    ] {
        let meta = decoded_ethernet(&ethernet(0x0800, &ipv4(proto, &[0, 1, 0, 2, 0])));
        assert_eq!(stop(&meta), Some((kind, Layer::Transport)));
    }
}

#[test]
fn each_reason_is_counted() {
    let mut decoder = Decoder::new(DecodeConfig::default());
    let mut meta = PacketMeta::default();
    for frame in [ethernet(0x88b8, &[0; 46]), ethernet(0x88b8, &[0; 46]), vec![0; 5]] {
        decoder.decode(&header(LinkType::ETHERNET, &frame), &frame, &mut meta);
    }
    let counts = decoder.errors().0;
    assert_eq!(counts.get("ether_type_unknown"), Some(&2));
    assert_eq!(counts.get("link_truncated"), Some(&1));
    assert_eq!(counts.len(), 2);
}

#[test]
fn a_batch_is_the_same_as_one_by_one() {
    let (mut bytes, mut headers) = (Vec::new(), Vec::new());
    for n in 0..40u8 {
        let frame = ethernet(0x0800, &ipv4(17, &udp(u16::from(n), 53, &vec![n; usize::from(n)])));
        let mut header = header(LinkType::ETHERNET, &frame);
        header.offset = bytes.len();
        headers.push(header);
        bytes.extend(frame);
    }
    // One that points past the end is an empty frame, not a panic.
    headers.push(FrameHeader { offset: bytes.len() - 1, ..headers[0] });
    let mut metas = vec![PacketMeta::default(); 3];
    let mut decoder = Decoder::new(DecodeConfig::default());
    decoder.decode_batch(&headers, &bytes, &mut metas);
    assert_eq!(metas.len(), 41);
    for (header, meta) in headers.iter().zip(&metas).take(40) {
        let mut alone = PacketMeta::default();
        decoder.decode(header, &bytes[header.offset..][..header.captured_len as usize], &mut alone);
        assert_eq!(format!("{alone:?}"), format!("{meta:?}"));
    }
    assert_eq!(stop(&metas[40]), Some((Kind::LinkTruncated, Layer::Link)));
}

#[test]
fn info_is_worded_as_wireshark_words_it() {
    let frame = ethernet(0x0800, &ipv4(6, &tcp(0x12, &[2, 4, 5, 0xb4], b"")));
    let seen = dissect(&header(LinkType::ETHERNET, &frame), &frame);
    assert_eq!((seen.protocol.as_str(), seen.stopped.as_str()), ("TCP", ""));
    assert_eq!(seen.info, "40000 → 443 [SYN, ACK] Seq=1000 Ack=2000 Win=64240 Len=0 MSS=1460");
    let names: Vec<&str> = seen.layers.iter().map(|layer| layer.name.as_str()).collect();
    assert_eq!(names, ["Frame", "Ethernet II", "Internet Protocol Version 4", "Transmission Control Protocol"]);
    let source = seen.layers[2].fields.iter().find(|field| field.name == "ip.src").unwrap();
    assert_eq!((source.value.as_str(), source.offset, source.length), ("192.0.2.1", 26, 4));
}
