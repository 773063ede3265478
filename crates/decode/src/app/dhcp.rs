//! DHCP for IPv4 (RFC 2131, RFC 2132), by `dhcproto`.

use super::{Parsed, Payload, Probe, Protocol, Transport, pending::Pending};
use crate::bytes::text;
use dhcproto::v4::{DhcpOption, Message, MessageType, OptionCode};
use dhcproto::{Decodable, Decoder};
use record::{AppData, DhcpData, IpAddr16, MacAddr};
use std::net::Ipv4Addr;

/// DHCP.
pub struct Dhcp;

/// Where the options begin: after the fixed fields comes the magic cookie.
const COOKIE_AT: usize = 236;
const COOKIE: [u8; 4] = [0x63, 0x82, 0x53, 0x63];
/// Routers kept, and name servers.
const ROUTERS_MAX: usize = 8;

impl Protocol for Dhcp {
    fn name(&self) -> &'static str {
        "dhcp"
    }

    fn may_begin(&self, transport: Transport, first: u8) -> bool {
        transport == Transport::Udp && matches!(first, 1 | 2)
    }

    #[inline]
    fn probe(&self, payload: &Payload<'_>) -> Probe {
        let data = payload.data;
        // Operation, Ethernet, six address bytes.
        if !payload.is_udp() || data.len() <= COOKIE_AT + 4 || !matches!(data[0], 1 | 2) || data[1] != 1 || data[2] != 6
        {
            return Probe::NotMine;
        }
        if data[COOKIE_AT..COOKIE_AT + 4] == COOKIE { Probe::Certain } else { Probe::NotMine }
    }

    fn parse(&self, payload: &Payload<'_>, _: &mut Pending) -> Parsed {
        let Ok(message) = Message::decode(&mut Decoder::new(payload.data)) else { return Parsed::Invalid };
        let chaddr = crate::bytes::array_at(payload.data, 28).unwrap_or_default();
        let mut out = DhcpData {
            client_mac: MacAddr(chaddr),
            assigned_ip: some_address(message.yiaddr()).or_else(|| some_address(message.ciaddr())),
            ..DhcpData::default()
        };
        let mut requested = None;
        for (_, option) in message.opts().iter() {
            match option {
                DhcpOption::MessageType(kind) => out.dhcp_type = type_name(*kind),
                DhcpOption::RequestedIpAddress(address) => requested = some_address(*address),
                DhcpOption::ServerIdentifier(address) => out.server_ip = some_address(*address),
                DhcpOption::Hostname(name) => out.hostname = text(name.trim_end_matches('\0').as_bytes()),
                DhcpOption::Router(routers) => {
                    out.routers = routers.iter().take(ROUTERS_MAX).map(|a| IpAddr16::v4(a.octets())).collect();
                }
                DhcpOption::DomainNameServer(servers) => {
                    out.dns_servers = servers.iter().take(ROUTERS_MAX).map(|a| IpAddr16::v4(a.octets())).collect();
                }
                _ => {}
            }
        }
        out.assigned_ip = out.assigned_ip.or(requested);
        // Plain BOOTP has the cookie too, but no message type: nothing to tell.
        if message.opts().get(OptionCode::MessageType).is_none() {
            return if payload.is_cut() { Parsed::Waiting } else { Parsed::Invalid };
        }
        Parsed::Message(AppData::Dhcp(out))
    }
}

fn some_address(address: Ipv4Addr) -> Option<IpAddr16> {
    (!address.is_unspecified()).then(|| IpAddr16::v4(address.octets()))
}

fn type_name(kind: MessageType) -> String {
    match kind {
        MessageType::Discover => "discover".to_owned(),
        MessageType::Offer => "offer".to_owned(),
        MessageType::Request => "request".to_owned(),
        MessageType::Decline => "decline".to_owned(),
        MessageType::Ack => "ack".to_owned(),
        MessageType::Nak => "nak".to_owned(),
        MessageType::Release => "release".to_owned(),
        MessageType::Inform => "inform".to_owned(),
        MessageType::Unknown(number) => number.to_string(),
        other => format!("{other:?}").to_lowercase(),
    }
}
