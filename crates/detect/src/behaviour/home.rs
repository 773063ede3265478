//! The networks that count as inside. Owns membership of an address; knows no interface.

use record::IpAddr16;

/// A set of address prefixes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HomeNetworks {
    /// Prefix bytes and length in the 128-bit form.
    prefixes: Vec<([u8; 16], u8)>,
}

impl Default for HomeNetworks {
    /// Private (RFC 1918), link-local (RFC 3927, RFC 4291), carrier (RFC 6598) and unique-local (RFC 4193) addresses.
    fn default() -> Self {
        let v4 = |b: [u8; 4], n: u8| (IpAddr16::v4(b), n);
        let mut v6_unique = [0u8; 16];
        v6_unique[0] = 0xfc;
        let mut v6_link = [0u8; 16];
        v6_link[0] = 0xfe;
        v6_link[1] = 0x80;
        Self::new(&[
            v4([10, 0, 0, 0], 8),
            v4([172, 16, 0, 0], 12),
            v4([192, 168, 0, 0], 16),
            v4([169, 254, 0, 0], 16),
            v4([100, 64, 0, 0], 10),
            (IpAddr16(v6_unique), 7),
            (IpAddr16(v6_link), 10),
        ])
    }
}

impl HomeNetworks {
    /// From (address, prefix length); the length is of the address's own version (24 for 192.0.2.0/24).
    #[must_use]
    pub fn new(prefixes: &[(IpAddr16, u8)]) -> Self {
        let wide = |(ip, n): &(IpAddr16, u8)| (ip.0, if ip.is_v4() { n.saturating_add(96).min(128) } else { (*n).min(128) });
        Self { prefixes: prefixes.iter().map(wide).collect() }
    }

    /// True when the address is inside.
    #[must_use]
    pub fn contains(&self, ip: IpAddr16) -> bool {
        self.prefixes.iter().any(|(prefix, bits)| prefix_matches(prefix, *bits, &ip.0))
    }
}

/// True when the first `bits` bits agree.
fn prefix_matches(prefix: &[u8; 16], bits: u8, ip: &[u8; 16]) -> bool {
    let (a, b) = (u128::from_be_bytes(*prefix), u128::from_be_bytes(*ip));
    bits == 0 || (a ^ b) >> (128 - u32::from(bits)) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_addresses_are_home_and_public_are_not() {
        let home = HomeNetworks::default();
        for inside in [[10, 1, 2, 3], [172, 31, 0, 1], [192, 168, 7, 7], [169, 254, 1, 1]] {
            assert!(home.contains(IpAddr16::v4(inside)), "{inside:?}");
        }
        for outside in [[8, 8, 8, 8], [172, 32, 0, 1], [192, 0, 2, 1]] {
            assert!(!home.contains(IpAddr16::v4(outside)), "{outside:?}");
        }
        let narrow = HomeNetworks::new(&[(IpAddr16::v4([192, 0, 2, 0]), 25)]);
        assert!(narrow.contains(IpAddr16::v4([192, 0, 2, 127])));
        assert!(!narrow.contains(IpAddr16::v4([192, 0, 2, 128])));
    }
}
