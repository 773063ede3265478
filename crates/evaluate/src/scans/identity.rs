//! Which host of one scan is which of another: by Ethernet address where one is told and only one host of the scan has it, else by the one
//! that its address had before, else by address. Also which scans may be compared at all.

use record::IpAddr16;
use record::scan::{AddressKind, Scan, ScannedHost};
use std::collections::{BTreeMap, HashMap, HashSet};

/// What hosts are called over scans.
#[derive(Default)]
pub(super) struct Identities {
    mac_of: HashMap<String, String>,
}

impl Identities {
    /// The key of each host that is up, with its place in the scan; a host without any address has none. In the scan's order, each key once.
    pub(super) fn up<'a>(&mut self, scan: &'a Scan) -> Vec<(String, &'a ScannedHost)> {
        let up = || scan.hosts.iter().filter(|host| host.state.as_deref() == Some("up"));
        let mut macs: HashMap<String, u32> = HashMap::new();
        for mac in up().filter_map(mac) {
            *macs.entry(mac).or_default() += 1;
        }
        let (mut hosts, mut taken) = (Vec::new(), HashSet::new());
        for host in up() {
            let own = mac(host).filter(|mac| macs.get(mac) == Some(&1));
            let at = address(host);
            if let (Some(mac), Some(at)) = (&own, &at) {
                self.mac_of.insert(at.clone(), mac.clone());
            }
            let before =
                || at.as_ref().and_then(|at| self.mac_of.get(at)).filter(|mac| !macs.contains_key(*mac)).cloned();
            let key = own.or_else(|| mac(host).is_none().then(before).flatten()).or_else(|| at.clone());
            if let Some(key) = key.filter(|key| taken.insert(key.clone())) {
                hosts.push((key, host));
            }
        }
        hosts
    }
}

/// Its Ethernet address, lower case.
fn mac(host: &ScannedHost) -> Option<String> {
    host.addresses.iter().find(|a| a.kind == AddressKind::Mac).map(|a| a.addr.to_ascii_lowercase())
}

/// Its first address, IPv4 before IPv6.
pub(super) fn address(host: &ScannedHost) -> Option<String> {
    let of = |kind| host.addresses.iter().find(|a| a.kind == kind).map(|a| a.addr.clone());
    of(AddressKind::Ipv4).or_else(|| of(AddressKind::Ipv6))
}

/// Its addresses as numbers.
pub(super) fn ips(host: &ScannedHost) -> Vec<IpAddr16> {
    host.addresses.iter().filter(|a| a.kind != AddressKind::Mac).filter_map(|a| a.addr.parse().ok()).collect()
}

/// True where two scans asked alike, so that what one lacks is gone and not merely not asked for: the same scanner, and as many ports of
/// most hosts. A scanner that counts no ports it does not list is believed.
#[must_use]
pub fn comparable(before: &Scan, after: &Scan) -> bool {
    before.scanner == after.scanner && (asked(before) == asked(after) || asked(before) == 0 || asked(after) == 0)
}

/// Ports asked of most hosts; 0 where that is not told.
fn asked(scan: &Scan) -> u64 {
    let mut counts: BTreeMap<u64, u32> = BTreeMap::new();
    for host in scan.hosts.iter().filter(|host| host.state.as_deref() == Some("up") && !host.not_shown.is_empty()) {
        let hidden: u64 = host.not_shown.iter().map(|extra| extra.count).sum();
        *counts.entry(hidden + host.ports.len() as u64).or_default() += 1;
    }
    counts.into_iter().max_by_key(|(_, hosts)| *hosts).map_or(0, |(asked, _)| asked)
}
