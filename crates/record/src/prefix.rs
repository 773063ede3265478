//! An address prefix (`192.168.0.0/16`). Owns its spelling and its test of membership; knows no routing.

use crate::IpAddr16;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

/// A network prefix of either IP version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Prefix {
    addr: IpAddr16,
    /// Bits compared of the 128 (an IPv4 `/n` compares 96 + n).
    bits: u8,
}

impl Prefix {
    /// From an address and the length in its own version; None when the length is too long. Host bits are cleared.
    #[must_use]
    pub fn new(addr: IpAddr16, length: u8) -> Option<Self> {
        let (longest, offset) = if addr.is_v4() { (32, 96) } else { (128, 0) };
        if length > longest {
            return None;
        }
        let bits = offset + length;
        let cleared = u128::from_be_bytes(addr.0) & mask(bits);
        Some(Self { addr: IpAddr16(cleared.to_be_bytes()), bits })
    }
    /// True when `addr` lies inside.
    #[inline]
    #[must_use]
    pub fn contains(&self, addr: IpAddr16) -> bool {
        (u128::from_be_bytes(addr.0) ^ u128::from_be_bytes(self.addr.0)) & mask(self.bits) == 0
    }
    /// The network address, host bits zero.
    #[must_use]
    pub fn addr(&self) -> IpAddr16 {
        self.addr
    }
    /// Length in its own version: 0 to 32 or 0 to 128.
    #[must_use]
    pub fn length(&self) -> u8 {
        if self.addr.is_v4() && self.bits >= 96 { self.bits - 96 } else { self.bits }
    }
}

/// The `bits` highest of 128 bits set.
fn mask(bits: u8) -> u128 {
    if bits == 0 { 0 } else { u128::MAX << (128 - u32::from(bits)) }
}

/// The text is not a prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PrefixError;

impl fmt::Display for PrefixError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a network prefix (write 192.168.0.0/16 or fd00::/8)")
    }
}

impl std::error::Error for PrefixError {}

impl std::str::FromStr for Prefix {
    type Err = PrefixError;
    /// An address alone is a prefix of its full length.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (addr, length) = match text.split_once('/') {
            Some((addr, length)) => (addr, Some(length.parse::<u8>().map_err(|_| PrefixError)?)),
            None => (text, None),
        };
        let addr: IpAddr16 = addr.parse().map_err(|_| PrefixError)?;
        let full = if addr.is_v4() { 32 } else { 128 };
        Self::new(addr, length.unwrap_or(full)).ok_or(PrefixError)
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.addr, self.length())
    }
}

impl Serialize for Prefix {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Prefix {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = String::deserialize(d)?;
        text.parse().map_err(|e| serde::de::Error::custom(format!("`{text}` is {e}")))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn prefixes_contain_their_own_version_only() {
        let home: Prefix = "192.168.77.3/16".parse().unwrap();
        assert_eq!(home.to_string(), "192.168.0.0/16");
        assert!(home.contains("192.168.255.1".parse().unwrap()));
        assert!(!home.contains("192.169.0.1".parse().unwrap()));
        assert!(!home.contains("fe80::1".parse().unwrap()));
        let any: Prefix = "0.0.0.0/0".parse().unwrap();
        assert!(any.contains("8.8.8.8".parse().unwrap()) && !any.contains("2001:db8::1".parse().unwrap()));
        assert_eq!("fc00::/7".parse::<Prefix>().unwrap().to_string(), "fc00::/7");
        assert_eq!("10.1.2.3".parse::<Prefix>().unwrap().length(), 32);
        for wrong in ["10.0.0.0/33", "::/129", "10.0.0.0/", "x/8", ""] {
            assert!(wrong.parse::<Prefix>().is_err(), "{wrong}");
        }
    }
}
