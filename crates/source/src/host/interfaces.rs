//! The interfaces of this network namespace.

use crate::SourceError;
use crate::live::open::{link_type, may_capture};
use crate::live::system::list_interfaces;
use record::MacAddr;
use serde::Serialize;
use std::net::IpAddr;

/// One interface.
#[derive(Clone, Debug, Serialize)]
pub struct InterfaceInfo {
    /// Name.
    pub name: String,
    /// The kernel's index.
    pub index: u32,
    /// Link address; zero when it has none.
    pub mac: MacAddr,
    /// Addresses with their prefix lengths.
    pub addresses: Vec<(IpAddr, u8)>,
    /// Administratively up.
    pub up: bool,
    /// Loopback.
    pub loopback: bool,
    /// Largest payload, bytes; 0 when not known.
    pub mtu_bytes: u32,
    /// Speed, Mbit/s; None when not known (virtual, or no carrier).
    pub speed_mbps: Option<u32>,
    /// The default route goes through it.
    pub default_route: bool,
    /// It is up, its kind is read, and this process may capture.
    pub can_capture: bool,
}

/// All interfaces: the one with the default route first, then by index.
///
/// # Errors
/// The kernel's list cannot be read.
pub fn interfaces() -> Result<Vec<InterfaceInfo>, SourceError> {
    let all = list_interfaces().map_err(|e| SourceError::Host { what: "the interfaces", reason: e.to_string() })?;
    let (allowed, default) = (may_capture(), default_interfaces());
    let mut found: Vec<InterfaceInfo> = all
        .into_iter()
        .map(|raw| {
            let up = raw.flags & libc::IFF_UP as u32 != 0;
            InterfaceInfo {
                index: raw.index,
                mac: MacAddr(raw.mac),
                addresses: raw.addresses,
                up,
                loopback: raw.flags & libc::IFF_LOOPBACK as u32 != 0,
                mtu_bytes: attribute(&raw.name, "mtu").unwrap_or(0),
                speed_mbps: attribute(&raw.name, "speed").filter(|speed| *speed > 0),
                default_route: default.contains(&raw.name),
                can_capture: up && allowed && link_type(raw.hardware_type).is_some(),
                name: raw.name,
            }
        })
        .collect();
    found.sort_by_key(|interface| (!interface.default_route, interface.index));
    Ok(found)
}

/// A number that sysfs has for the interface.
fn attribute(name: &str, what: &str) -> Option<u32> {
    std::fs::read_to_string(format!("/sys/class/net/{name}/{what}")).ok()?.trim().parse().ok()
}

/// Interfaces of the default routes: IPv4's first, else IPv6's.
fn default_interfaces() -> Vec<String> {
    let routes = procfs::net::route().unwrap_or_default();
    let v4: Vec<String> = routes
        .into_iter()
        .filter(|route| route.destination.is_unspecified() && route.mask.is_unspecified())
        .map(|route| route.iface)
        .collect();
    if !v4.is_empty() {
        return v4;
    }
    let text = std::fs::read_to_string("/proc/net/ipv6_route").unwrap_or_default();
    let default = text.lines().filter_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let everything = fields.first()?.bytes().all(|b| b == b'0') && *fields.get(1)? == "00";
        let name = *fields.last()?;
        (everything && name != "lo").then(|| name.to_owned())
    });
    default.collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_loopback_is_there() {
        let all = interfaces().unwrap();
        let loopback = all.iter().find(|interface| interface.loopback).unwrap();
        assert!(loopback.index > 0 && !loopback.default_route);
        assert_eq!(loopback.can_capture, loopback.up && may_capture());
    }
}
