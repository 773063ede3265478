//! What parses, what is refused and where, and properties of programs. Counts against tcpdump are in
//! `tests/filter_tcpdump.rs`.
#![allow(clippy::unwrap_used)]
use super::assemble::{INSTRUCTIONS_MAX, code};
use super::*;

/// Ethernet, IPv4, TCP SYN 192.0.2.1:1234 to 198.51.100.2:80.
fn syn() -> Vec<u8> {
    let mut f = vec![2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0];
    f.extend([0x45, 0, 0, 40, 0, 0, 0x40, 0, 64, 6, 0, 0, 192, 0, 2, 1, 198, 51, 100, 2]);
    f.extend([0x04, 0xd2, 0, 80, 0, 0, 0, 1, 0, 0, 0, 0, 0x50, 2, 0xfa, 0xf0, 0, 0, 0, 0]);
    f
}

fn tagged(frame: &[u8], id: u16) -> Vec<u8> {
    [&frame[..12], &[0x81, 0], &id.to_be_bytes(), &frame[12..]].concat()
}

fn passes(expression: &str, frame: &[u8]) -> bool {
    Filter::parse(expression).unwrap().matches(LinkType::ETHERNET, frame, frame.len() as u32)
}

#[test]
fn words_inheritance_and_equal_binding() {
    let frame = syn();
    for yes in [
        "",
        "tcp",
        "src host 192.0.2.1 and dst port 80",
        "port 53 or 80",
        "host 192.0.2.0 or 192.0.2.1",
        "net 192.0.2",
        "tcp[tcpflags] & tcp-syn != 0 and not tcp[13] & 16 != 0",
        "ether src 02:00:00:00:00:01",
        "len = 54",
        "udp or port 80 and tcp",
        "src and dst net 0.0.0.0/0",
        "(tcp[0:2] + 1) = 1235",
        "-1 = 0xffffffff",
        "port http",
        "host (192.0.2.9 or 192.0.2.1)",
        "portrange 79-81",
        "src or dst port 1234",
        "not (udp or arp)",
        "ip[0] >> 4 = 4",
        "tcp[tcp[12] >> 4 & 0 : 2] = 1234",
        "host not 192.0.2.9",
        "10 / 3 = 3",
        "ip proto \\tcp",
        "less 54 and greater 54",
    ] {
        assert!(passes(yes, &frame), "{yes}");
    }
    for no in [
        "udp",
        "vlan",
        "port 81",
        "not tcp",
        "ip6",
        "tcp or udp and arp",
        "ip[9] % (ip[8] - 64) = 0",
        "ip[400] = 0 or tcp",
    ] {
        assert!(!passes(no, &frame), "{no}");
    }
}

#[test]
fn later_tests_look_behind_a_tag() {
    let frame = tagged(&tagged(&syn(), 7), 9);
    assert!(passes("vlan 9 and vlan 7 and tcp port 80", &frame));
    assert!(passes("vlan and not tcp", &frame));
    assert!(!passes("tcp", &frame));
}

#[test]
fn errors_say_where_and_what_to_do() {
    for (expression, position, advice) in [
        ("host example.org", 5, "names are not looked up"),
        ("tcp and", 7, "write e.g."),
        ("port 70000", 5, "write a port"),
        ("udp and 53", 8, "put `host`"),
        ("tcp[13:3] = 1", 7, "[6:2]"),
        ("(tcp", 4, "close"),
        ("net 10.0.0.1/8", 13, "set them to 0"),
        ("ip broadcast", 3, "ether broadcast"),
        ("tcp port 80 80", 12, "join"),
        ("ether 5", 6, "follow it by"),
        ("wlan type mgt", 0, "documentation"),
        ("tcp[0] & 1", 10, "!= 0"),
    ] {
        let error = Filter::parse(expression).unwrap_err();
        assert!(error.advice.contains(advice), "{error}");
        assert_eq!(error.position, position, "{error}");
    }
    assert!(Filter::parse(&"(".repeat(200)).is_err());
    assert!(Filter::parse(&"!".repeat(200)).is_err());
    assert!(Filter::parse(&"x".repeat(10_000)).is_err());
}

#[test]
fn ethernet_words_need_ethernet() {
    let filter = Filter::parse("ether broadcast or tcp").unwrap();
    assert!(filter.supports(LinkType::ETHERNET) && !filter.supports(LinkType::RAW));
    assert!(filter.to_bpf(LinkType::RAW).unwrap_err().to_string().contains("Ethernet address"));
    assert!(!filter.matches(LinkType(105), &syn(), 54));
}

#[test]
fn long_lists_use_long_jumps_and_mean_the_same() {
    let list: Vec<String> = (0..150).map(|i| format!("198.51.100.{i}")).collect();
    let filter = Filter::parse(&format!("host {}", list.join(" or "))).unwrap();
    let program = filter.to_bpf(LinkType::ETHERNET).unwrap();
    assert!(program.len() > 1000 && program.len() <= INSTRUCTIONS_MAX);
    assert!(program.iter().any(|i| i.code == code::JA));
    assert!(filter.matches(LinkType::ETHERNET, &syn(), 54));
    assert!(!Filter::parse(&format!("udp and (host {})", list.join(" or "))).unwrap().matches(
        LinkType::ETHERNET,
        &syn(),
        54
    ));
    let far = format!("not ({})", list.iter().map(|a| format!("src host {a}")).collect::<Vec<_>>().join(" or "));
    assert!(passes(&far, &syn()));
}

proptest::proptest! {
    #[test]
    fn no_text_panics_and_no_program_is_long(text in "[a-z0-9 ().:/!&|<>=\\[\\]+*-]{0,60}", frame in proptest::collection::vec(0u8.., 0..80)) {
        if let Ok(filter) = Filter::parse(&text) {
            for link in LINKS {
                let _ = filter.matches(link, &frame, frame.len() as u32);
            }
        }
    }

    #[test]
    fn words_in_any_order_do_not_panic(words in proptest::collection::vec(proptest::sample::select(vec![
        "tcp", "ip6", "port", "host", "net", "src", "dst", "or", "and", "not", "(", ")", "10.0.0.0", "/", "8", "vlan",
        "mpls", "[", "]", ":", "=", "&", "len", "ether", "proto", "-", "2001:db8::1", "portrange", "1-2", "less", "5",
    ]), 0..12)) {
        if let Ok(filter) = Filter::parse(&words.join(" ")) {
            for link in LINKS {
                let _ = filter.matches(link, &syn(), 54);
            }
        }
    }
}
