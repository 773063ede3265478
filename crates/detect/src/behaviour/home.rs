//! The networks that count as inside. Owns membership of an address, which is asked for several times a flow: IPv4 is compared as
//! one word, with IPv4 networks only. Knows no interface.

use record::{IpAddr16, Prefix};

/// Private (RFC 1918), link-local (RFC 3927, RFC 4291), carrier-grade (RFC 6598) and unique-local (RFC 4193) networks.
const DEFAULT: [&str; 7] =
    ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "100.64.0.0/10", "fc00::/7", "fe80::/10"];

/// A set of address prefixes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HomeNetworks {
    /// Network and mask, for addresses of IPv4.
    v4: Vec<(u32, u32)>,
    /// The same for all others.
    v6: Vec<(u128, u128)>,
}

impl Default for HomeNetworks {
    fn default() -> Self {
        Self::new(&DEFAULT.iter().filter_map(|text| text.parse().ok()).collect::<Vec<_>>())
    }
}

impl HomeNetworks {
    /// From a list of prefixes.
    #[must_use]
    pub fn new(prefixes: &[Prefix]) -> Self {
        let mut networks = Self { v4: Vec::new(), v6: Vec::new() };
        for prefix in prefixes {
            let (address, length) = (prefix.addr(), u32::from(prefix.length()));
            let word = u128::from_be_bytes(address.0);
            if address.is_v4() && length <= 32 {
                networks.v4.push((word as u32, u32::MAX.checked_shl(32 - length).unwrap_or(0)));
            } else {
                networks.v6.push((word, u128::MAX.checked_shl(128 - length).unwrap_or(0)));
                // A network of IPv6 that holds all of IPv4, as it is mapped into IPv6.
                if prefix.contains(IpAddr16::v4([0; 4])) && prefix.contains(IpAddr16::v4([255; 4])) {
                    networks.v4.push((0, 0));
                }
            }
        }
        networks
    }

    /// True when the address is inside.
    #[inline]
    #[must_use]
    pub fn contains(&self, ip: IpAddr16) -> bool {
        let word = u128::from_be_bytes(ip.0);
        if ip.is_v4() {
            self.v4.iter().any(|(network, mask)| (word as u32 ^ network) & mask == 0)
        } else {
            self.v6.iter().any(|(network, mask)| (word ^ network) & mask == 0)
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn private_addresses_are_home_and_public_are_not() {
        let home = HomeNetworks::default();
        assert_eq!(home.v4.len() + home.v6.len(), DEFAULT.len());
        for inside in [[10, 1, 2, 3], [172, 31, 0, 1], [192, 168, 7, 7], [169, 254, 1, 1]] {
            assert!(home.contains(IpAddr16::v4(inside)), "{inside:?}");
        }
        for outside in [[8, 8, 8, 8], [172, 32, 0, 1], [192, 0, 2, 1]] {
            assert!(!home.contains(IpAddr16::v4(outside)), "{outside:?}");
        }
        let narrow = HomeNetworks::new(&["192.0.2.0/25".parse().unwrap()]);
        assert!(narrow.contains(IpAddr16::v4([192, 0, 2, 127])));
        assert!(!narrow.contains(IpAddr16::v4([192, 0, 2, 128])));
    }

    #[test]
    fn every_address_is_inside_exactly_when_a_prefix_holds_it() {
        let texts = ["0.0.0.0/0", "10.0.0.0/8", "192.0.2.7/32", "::/0", "fe80::/10", "2001:db8::1/128", "::/90"];
        let addresses = ["0.0.0.0", "10.1.2.3", "11.0.0.0", "192.0.2.7", "192.0.2.8", "::1", "fe80::1", "2001:db8::1"];
        for text in texts {
            let prefix: Prefix = text.parse().unwrap();
            let home = HomeNetworks::new(&[prefix]);
            for address in addresses {
                let ip = IpAddr16::from(address.parse::<std::net::IpAddr>().unwrap());
                assert_eq!(home.contains(ip), prefix.contains(ip), "{address} in {text}");
            }
        }
    }
}
