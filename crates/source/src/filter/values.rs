//! Values of filter expressions: addresses, networks, ports and protocol numbers, and which words they go with.

use super::FilterError;
use super::ast::{Address, Direction, Protocol, Test};
use super::names;
use super::parser::{Kind, Parsed, Parser, Qualifiers};
use std::net::Ipv6Addr;

/// The value that comes next, read as `qualifiers` say.
pub fn value(parser: &mut Parser<'_>, qualifiers: Qualifiers) -> Parsed<Test> {
    match qualifiers.kind {
        Kind::Host | Kind::Net => host(parser, qualifiers),
        Kind::Port | Kind::PortRange => port(parser, qualifiers),
        Kind::Proto => proto(parser, qualifiers),
    }
}

fn take(parser: &mut Parser<'_>, expected: &str) -> Parsed<(String, FilterError)> {
    let found = parser.found();
    let error = parser.wrong(format!("{expected} is expected, not {found}"), format!("write {expected}"));
    match parser.take_word() {
        Some(word) => Ok((word, error)),
        None => Err(error),
    }
}

fn host(parser: &mut Parser<'_>, qualifiers: Qualifiers) -> Parsed<Test> {
    let network = qualifiers.kind == Kind::Net;
    if qualifiers.protocol == Some(Protocol::Link) {
        let (word, error) = take(parser, "an Ethernet address such as 00:00:5e:00:53:01")?;
        let mac = ethernet(&word).filter(|_| !network).ok_or(error)?;
        return Ok(Test::EtherHost(qualifiers.direction, mac));
    }
    if !matches!(qualifiers.protocol, None | Some(Protocol::Ip | Protocol::Ip6 | Protocol::Arp | Protocol::Rarp)) {
        let advice = "write it apart: `tcp and host …`, or `tcp port …`";
        return Err(parser.wrong("this protocol word does not go with an address", advice));
    }
    let (word, mut error) = take(parser, if network { "a network such as 192.0.2.0/24" } else { "an IP address" })?;
    if word.contains(|c: char| c.is_alphabetic()) && !word.contains(':') {
        error.advice = "names are not looked up: write the address".into();
    }
    let address = if let Ok(v6) = word.parse::<Ipv6Addr>() {
        if matches!(qualifiers.protocol, Some(Protocol::Ip | Protocol::Arp | Protocol::Rarp)) {
            return Err(error);
        }
        let bits = prefix(parser, network, 128)?.unwrap_or(128);
        let mask = if bits == 0 { 0 } else { u128::MAX << (128 - bits) };
        Address::V6(u128::from(v6), mask)
    } else {
        if qualifiers.protocol == Some(Protocol::Ip6) || ethernet(&word).is_some() {
            error.advice = "write an IPv6 address, or `ether host` for an Ethernet address".into();
            return Err(error);
        }
        network4(parser, &word, network).map_err(|other| other.unwrap_or(error))?
    };
    let stray = match address {
        Address::V4(a, mask) => a & !mask != 0,
        Address::V6(a, mask) => a & !mask != 0,
    };
    if stray {
        parser.step_back();
        return Err(parser.wrong("address bits are set outside the mask", "set them to 0, or use `host`"));
    }
    Ok(Test::Host(qualifiers.protocol, qualifiers.direction, address))
}

/// `10`, `10.1`, `10.1.2.3`, with `/bits` or `mask a.b.c.d` for networks. Short forms are prefixes, as in tcpdump.
fn network4(parser: &mut Parser<'_>, word: &str, network: bool) -> Result<Address, Option<FilterError>> {
    let (mut address, mut mask) = quad(word).ok_or(None)?;
    if let Some(bits) = prefix(parser, network, 32)? {
        mask = if bits == 0 { 0 } else { u32::MAX << (32 - bits) };
    } else if network && parser.word() == Some("mask") {
        parser.take_word();
        let (text, error) = take(parser, "a mask such as 255.255.255.0")?;
        mask = quad(&text).ok_or(error)?.0;
    } else if !network && !word.contains('.') {
        // A lone number is a whole address for `host`, the first byte or bytes for `net`.
        (address, mask) = (names::number(word).ok_or(None)?, u32::MAX);
    }
    Ok(Address::V4(address, mask))
}

/// Up to four dotted numbers, left-aligned, with the mask of the bytes given.
fn quad(word: &str) -> Option<(u32, u32)> {
    let parts: Vec<u32> = word.split('.').map(|part| part.parse::<u8>().ok().map(u32::from)).collect::<Option<_>>()?;
    if parts.len() > 4 {
        return None;
    }
    let address = (0..4).fold(0, |sum, i| sum << 8 | parts.get(i).copied().unwrap_or(0));
    let missing = 8 * (4 - parts.len()) as u32;
    Some((address, u32::MAX.checked_shl(missing).unwrap_or(0)))
}

/// `/bits` behind a network.
fn prefix(parser: &mut Parser<'_>, network: bool, max: u32) -> Parsed<Option<u32>> {
    if !parser.is_sign(0, "/") {
        return Ok(None);
    }
    if !network {
        return Err(parser.wrong("a prefix length goes with `net` only", "write `net` instead of `host`"));
    }
    parser.take_sign("/");
    let (word, error) = take(parser, "a prefix length")?;
    names::number(&word).filter(|bits| *bits <= max).map(Some).ok_or(error)
}

fn ethernet(word: &str) -> Option<[u8; 6]> {
    let mut mac = [0; 6];
    let mut parts = word.split([':', '-', '.']);
    for byte in &mut mac {
        let part = parts.next().filter(|part| (1..=2).contains(&part.len()))?;
        *byte = u8::from_str_radix(part, 16).ok()?;
    }
    parts.next().is_none().then_some(mac)
}

fn port(parser: &mut Parser<'_>, qualifiers: Qualifiers) -> Parsed<Test> {
    let transport = match qualifiers.protocol {
        None => None,
        Some(Protocol::OverBoth(p @ (6 | 17 | 132))) => Some(p),
        Some(_) => return Err(parser.wrong("only tcp, udp and sctp have ports", "write `tcp port …`")),
    };
    let range = qualifiers.kind == Kind::PortRange;
    let (word, error) = take(parser, if range { "a range such as 1024-65535" } else { "a port number" })?;
    let single = |text: &str| match names::number(text) {
        Some(number) => u16::try_from(number).ok(),
        None => names::port(text),
    };
    let ends = match single(&word) {
        Some(port) => Some((port, port)),
        None if range => word.split_once('-').and_then(|(low, high)| Some((single(low)?, single(high)?))),
        None => None,
    };
    let (a, b) = ends.ok_or(error)?;
    Ok(Test::Port(transport, qualifiers.direction, a.min(b), a.max(b)))
}

fn proto(parser: &mut Parser<'_>, qualifiers: Qualifiers) -> Parsed<Test> {
    if qualifiers.direction != Direction::Either {
        return Err(parser.wrong("`src` and `dst` do not go with `proto`", "remove them"));
    }
    let (word, error) = take(parser, "a protocol number")?;
    if qualifiers.protocol == Some(Protocol::Link) {
        let number = names::number(&word).and_then(|n| u16::try_from(n).ok()).or_else(|| names::ether_type(&word));
        return number.map(Test::EtherType).ok_or(error);
    }
    let number = names::number(&word).and_then(|n| u8::try_from(n).ok()).or_else(|| names::ip_protocol(&word));
    let number = number.ok_or(error)?;
    match qualifiers.protocol {
        None => Ok(Test::Is(Protocol::OverBoth(number))),
        Some(Protocol::Ip) => Ok(Test::Is(Protocol::Over4(number))),
        Some(Protocol::Ip6) => Ok(Test::Is(Protocol::Over6(number))),
        Some(_) => Err(parser.wrong("only ether, ip and ip6 go with `proto`", "write `ip proto …`")),
    }
}
