//! Which host of a scan is which of the inventory. Owns the rule: by MAC address, else by address; a host that later tells its MAC address is
//! merged into it. A MAC address that answers for many is a router's and says nothing.

use record::IpAddr16;
use record::asset::Asset;
use record::scan::{AddressKind, Scan, ScannedHost};
use std::collections::BTreeMap;

/// Addresses in one scan from which on a MAC address is that of a router which answers for others.
const ADDRESSES_OF_ONE_MAC_MAX: usize = 8;

/// One host of a scan.
pub struct Sighting<'a> {
    /// Its place in the scan.
    pub place: usize,
    /// As it was told.
    pub host: &'a ScannedHost,
    /// It answered.
    pub up: bool,
    /// It did not.
    pub down: bool,
    /// Addresses.
    pub addresses: Vec<IpAddr16>,
    /// MAC address, upper case, where it is its own.
    pub mac: Option<String>,
    /// Who made its network card.
    pub vendor: Option<String>,
}

/// The hosts of a scan.
pub fn sightings(scan: &Scan) -> Vec<Sighting<'_>> {
    let mut all: Vec<Sighting> = scan.hosts.iter().enumerate().map(|(place, host)| sighting(place, host)).collect();
    let mut answers: BTreeMap<String, usize> = BTreeMap::new();
    for mac in all.iter().filter(|s| s.up).filter_map(|s| s.mac.clone()) {
        *answers.entry(mac).or_default() += 1;
    }
    for sighting in &mut all {
        let of_many = |mac: &String| answers.get(mac).is_some_and(|count| *count > ADDRESSES_OF_ONE_MAC_MAX);
        if sighting.mac.as_ref().is_some_and(of_many) {
            (sighting.mac, sighting.vendor) = (None, None);
        }
    }
    all
}

fn sighting(place: usize, host: &ScannedHost) -> Sighting<'_> {
    let is_mac = |kind| kind == AddressKind::Mac;
    let mac = host.addresses.iter().find(|address| is_mac(address.kind));
    let addresses = host.addresses.iter().filter(|a| !is_mac(a.kind)).filter_map(|a| a.addr.parse().ok()).collect();
    let open = host.ports.iter().any(|port| port.state.as_deref() == Some("open"));
    Sighting {
        place,
        host,
        up: open || host.state.as_deref() == Some("up"),
        down: !open && host.state.as_deref() == Some("down"),
        addresses,
        mac: mac.map(|mac| mac.addr.to_ascii_uppercase()),
        vendor: mac.and_then(|mac| mac.vendor.clone()),
    }
}

/// The inventory while hosts are looked up in it.
pub struct Whom {
    assets: BTreeMap<String, Asset>,
    by_address: BTreeMap<IpAddr16, String>,
}

impl Whom {
    /// Of several hosts with one address the one found last has it.
    pub fn new(assets: Vec<Asset>) -> Self {
        let mut by_age: Vec<&Asset> = assets.iter().collect();
        by_age.sort_by(|a, b| (a.last_seen, &a.key).cmp(&(b.last_seen, &b.key)));
        let by_address = by_age.iter().flat_map(|a| a.addresses.iter().map(|ip| (*ip, a.key.clone()))).collect();
        Self { by_address, assets: assets.into_iter().map(|asset| (asset.key.clone(), asset)).collect() }
    }

    /// The host that has an address.
    pub fn at(&self, ip: IpAddr16) -> Option<String> {
        self.by_address.get(&ip).cloned()
    }

    /// By what the inventory knows a host; None: it has no name to be known by.
    pub fn key(&mut self, sighting: &Sighting, merged: &mut Vec<(String, String)>) -> Option<String> {
        let Some(mac) = &sighting.mac else {
            let known = sighting.addresses.iter().find_map(|ip| self.at(*ip));
            return known.or_else(|| sighting.addresses.first().map(ToString::to_string));
        };
        for ip in &sighting.addresses {
            let Some(key) = self.at(*ip).filter(|key| key != mac) else { continue };
            if self.assets.get(&key).is_some_and(|asset| asset.mac.is_none()) {
                self.merge(&key, mac);
                merged.push((key, mac.clone()));
            }
        }
        Some(mac.clone())
    }

    /// What was known by address alone is of this MAC address.
    fn merge(&mut self, key: &str, mac: &str) {
        let Some(old) = self.assets.remove(key) else { return };
        for ip in &old.addresses {
            self.by_address.insert(*ip, mac.to_owned());
        }
        let Some(kept) = self.assets.get_mut(mac) else {
            let asset = Asset { key: mac.to_owned(), mac: Some(mac.to_owned()), ..old };
            self.assets.insert(mac.to_owned(), asset);
            return;
        };
        kept.first_seen = kept.first_seen.min(old.first_seen);
        for port in old.ports {
            if !kept.ports.iter().any(|known| (&known.protocol, known.port) == (&port.protocol, port.port)) {
                kept.ports.push(port);
            }
        }
        // The newer of both says where it is and whether it is there.
        if old.last_seen > kept.last_seen {
            (kept.last_seen, kept.state, kept.missed_scans) = (old.last_seen, old.state, old.missed_scans);
        }
        kept.addresses.extend(old.addresses);
        kept.addresses.sort_unstable();
        kept.addresses.dedup();
    }

    /// A host that is being folded.
    pub fn take(&mut self, key: &str) -> Option<Asset> {
        self.assets.remove(key)
    }

    /// Hosts that were not taken.
    pub fn rest(self) -> impl Iterator<Item = Asset> {
        self.assets.into_values()
    }
}
