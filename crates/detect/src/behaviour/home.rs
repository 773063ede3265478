//! The networks that count as inside. Owns membership of an address; knows no interface.

use record::{IpAddr16, Prefix};

/// Private (RFC 1918), link-local (RFC 3927, RFC 4291), carrier-grade (RFC 6598) and unique-local (RFC 4193) networks.
const DEFAULT: [&str; 7] =
    ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "100.64.0.0/10", "fc00::/7", "fe80::/10"];

/// A set of address prefixes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HomeNetworks {
    prefixes: Vec<Prefix>,
}

impl Default for HomeNetworks {
    fn default() -> Self {
        Self { prefixes: DEFAULT.iter().filter_map(|text| text.parse().ok()).collect() }
    }
}

impl HomeNetworks {
    /// From a list of prefixes.
    #[must_use]
    pub fn new(prefixes: &[Prefix]) -> Self {
        Self { prefixes: prefixes.to_vec() }
    }

    /// True when the address is inside.
    #[must_use]
    pub fn contains(&self, ip: IpAddr16) -> bool {
        self.prefixes.iter().any(|prefix| prefix.contains(ip))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn private_addresses_are_home_and_public_are_not() {
        let home = HomeNetworks::default();
        assert_eq!(home.prefixes.len(), DEFAULT.len());
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
}
