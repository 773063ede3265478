//! Where exports are waited for, and from whom they are taken.

use crate::SourceError;
use record::Prefix;
use serde::{Deserialize, Serialize};
use std::net::{IpAddr, SocketAddr};

/// Ports that are opened for an address without one: NetFlow, IPFIX, sFlow by custom. Each takes every format.
pub const DEFAULT_PORTS: [u16; 3] = [2055, 4739, 6343];
/// Sockets of one collector.
const SOCKETS_MAX: usize = 64;

/// Collectors of flow exports.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CollectSettings {
    /// Addresses to wait at, with a port or without (then 2055, 4739 and 6343). Empty: no exports are collected.
    pub listen: Vec<String>,
    /// Networks that exporters may send from. Empty: any. Others are counted as `exporter_not_allowed`.
    pub allow: Vec<String>,
    /// Receive buffer asked of the kernel for each socket, bytes. What is granted is read back and shown.
    pub receive_buffer_bytes: u32,
}

impl Default for CollectSettings {
    fn default() -> Self {
        Self { listen: Vec::new(), allow: Vec::new(), receive_buffer_bytes: 8 << 20 }
    }
}

impl CollectSettings {
    /// The addresses to bind.
    ///
    /// # Errors
    /// An entry is no address, or there are too many.
    pub fn addresses(&self) -> Result<Vec<SocketAddr>, SourceError> {
        let mut addresses = Vec::new();
        for text in &self.listen {
            if let Ok(address) = text.parse::<SocketAddr>() {
                addresses.push(address);
            } else if let Ok(ip) = text.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>() {
                addresses.extend(DEFAULT_PORTS.map(|port| SocketAddr::new(ip, port)));
            } else {
                let range = "an address such as 0.0.0.0 or [::], with a port or without: 0.0.0.0:2055";
                return Err(SourceError::Setting { name: "collect.listen", value: text.clone(), range });
            }
        }
        if addresses.len() > SOCKETS_MAX {
            let value = format!("{} sockets", addresses.len());
            return Err(SourceError::Setting { name: "collect.listen", value, range: "at most 64 sockets" });
        }
        Ok(addresses)
    }

    /// The networks that may send.
    ///
    /// # Errors
    /// An entry is no network.
    pub fn allowed(&self) -> Result<Vec<Prefix>, SourceError> {
        networks("collect.allow", &self.allow)
    }
}

/// Networks, or single addresses.
pub(crate) fn networks(name: &'static str, texts: &[String]) -> Result<Vec<Prefix>, SourceError> {
    let range = "a network such as 192.0.2.0/24 or an address";
    let parse = |text: &String| {
        let whole = text.parse::<IpAddr>().map(|ip| format!("{ip}/{}", if ip.is_ipv4() { 32 } else { 128 }));
        let error = |_| SourceError::Setting { name, value: text.clone(), range };
        whole.unwrap_or_else(|_| text.clone()).parse::<Prefix>().map_err(error)
    };
    texts.iter().map(parse).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn an_address_without_a_port_opens_the_usual_ones() {
        let of = |listen: &[&str]| {
            let listen = listen.iter().map(|text| (*text).to_owned()).collect();
            CollectSettings { listen, ..CollectSettings::default() }.addresses()
        };
        assert_eq!(of(&["127.0.0.1:9995", "[::1]:2055"]).unwrap().len(), 2);
        let ports: Vec<u16> = of(&["0.0.0.0", "::"]).unwrap().iter().map(SocketAddr::port).collect();
        assert_eq!(ports, [2055, 4739, 6343, 2055, 4739, 6343]);
        assert!(of(&["router"]).unwrap_err().to_string().contains("collect.listen"));
        assert!(of(&["0.0.0.0"; 30]).unwrap_err().to_string().contains("at most 64"));
    }

    #[test]
    fn networks_may_be_single_addresses() {
        let allow = vec!["192.0.2.1".to_owned(), "2001:db8::/32".to_owned()];
        let allowed = CollectSettings { allow, ..CollectSettings::default() }.allowed().unwrap();
        assert!(
            allowed[0].contains("192.0.2.1".parse().unwrap()) && !allowed[0].contains("192.0.2.2".parse().unwrap())
        );
        assert!(allowed[1].contains("2001:db8::7".parse().unwrap()));
        let bad = CollectSettings { allow: vec!["all".to_owned()], ..CollectSettings::default() };
        assert!(bad.allowed().unwrap_err().to_string().contains("collect.allow"));
    }
}
