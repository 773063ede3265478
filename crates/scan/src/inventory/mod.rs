//! From one scan to the next inventory: which host is which, what is there, what changed, what is gone. Owns these rules; knows no store,
//! no clock and no scanner. The same scans in the same order make the same inventory.
//!
//! A host is the same by its MAC address, else by its address. A scan says nothing of ports and addresses that it did not cover, and one that
//! is incomplete never says that something is gone.

mod identity;
mod ports;

use identity::{Sighting, Whom, sightings};
use ports::Covered;
use record::asset::{Asset, AssetChange, AssetEvent, AssetState, InventoryChange};
use record::scan::{Scan, ScannedHost};
use record::{IpAddr16, Prefix, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

/// A scan's place in the inventory.
#[derive(Clone, Debug)]
pub struct Fold<'a> {
    /// Its name.
    pub scan: &'a str,
    /// When it began.
    pub at: Timestamp,
    /// What it covered: a host in it that did not answer was not found. Empty: only hosts that it calls down were not.
    pub networks: &'a [Prefix],
    /// A host that so many whole scans in a row did not find is down.
    pub missed_scans_down: u32,
}

/// What is being made.
struct Folding<'a> {
    fold: &'a Fold<'a>,
    whole: bool,
    covered: Covered,
    told_by: &'static str,
    change: InventoryChange,
}

/// Folds a scan into the inventory.
pub fn fold(before: Vec<Asset>, scan: &Scan, fold: &Fold) -> InventoryChange {
    let mut whom = Whom::new(before);
    let found = sightings(scan);
    let mut keys = vec![String::new(); scan.hosts.len()];
    let mut groups: BTreeMap<String, Vec<&Sighting>> = BTreeMap::new();
    let mut merged = Vec::new();
    for sighting in found.iter().filter(|sighting| sighting.up) {
        let Some(key) = whom.key(sighting, &mut merged) else { continue };
        keys[sighting.place].clone_from(&key);
        groups.entry(key).or_default().push(sighting);
    }
    let mut folding = Folding {
        fold,
        whole: scan.incomplete.is_none(),
        covered: Covered::of(scan),
        told_by: ports::told_by(scan),
        change: InventoryChange { merged, ..InventoryChange::default() },
    };
    for (key, group) in &groups {
        let known = whom.take(key);
        folding.seen(known, key, group);
    }
    let down: BTreeSet<IpAddr16> =
        found.iter().filter(|sighting| sighting.down).flat_map(|sighting| sighting.addresses.clone()).collect();
    for sighting in found.iter().filter(|sighting| sighting.down) {
        keys[sighting.place] = sighting.addresses.iter().find_map(|ip| whom.at(*ip)).unwrap_or_default();
    }
    for asset in whom.rest() {
        folding.unseen(asset, &down);
    }
    folding.change.keys = keys;
    folding.change
}

impl Folding<'_> {
    fn event(&mut self, key: &str, what: AssetChange, text: String, before: String, after: String) {
        self.change.events.push(AssetEvent {
            at: self.fold.at,
            scan: self.fold.scan.to_owned(),
            key: key.to_owned(),
            what,
            text,
            before,
            after,
            protocol: String::new(),
            port: 0,
        });
    }

    /// A host answered.
    fn seen(&mut self, known: Option<Asset>, key: &str, group: &[&Sighting]) {
        let at = self.fold.at;
        let is_new = known.is_none();
        let mac = || group.iter().find_map(|sighting| sighting.mac.clone());
        let mut asset = known.unwrap_or_else(|| Asset {
            key: key.to_owned(),
            mac: mac(),
            first_seen: at,
            last_seen: at,
            ..Asset::default()
        });
        if at < asset.last_seen {
            // An old file: what is known is newer.
            asset.first_seen = asset.first_seen.min(at);
            self.change.assets.push(asset);
            return;
        }
        if is_new {
            let open = group.iter().flat_map(|s| &s.host.ports).filter(|p| p.state.as_deref() == Some("open")).count();
            let address = group.iter().find_map(|s| s.addresses.first()).map(ToString::to_string);
            let text = format!("new device with {open} open port{}", if open == 1 { "" } else { "s" });
            self.event(key, AssetChange::NewDevice, text, String::new(), address.unwrap_or_default());
        }
        if asset.state == AssetState::Down {
            let text = format!("answers again, last seen {:.16}", asset.last_seen.rfc3339());
            self.event(key, AssetChange::Returned, text, "down".to_owned(), "up".to_owned());
            asset.state = AssetState::Returned;
        } else {
            asset.state = AssetState::Up;
        }
        asset.missed_scans = 0;
        self.named(&mut asset, group, is_new);
        self.addressed(&mut asset, group, is_new);
        self.guessed(&mut asset, group);
        let hosts: Vec<&ScannedHost> = group.iter().map(|sighting| sighting.host).collect();
        let events = ports::fold(&mut asset, &hosts, self, is_new);
        self.change.events.extend(events);
        asset.last_seen = at;
        self.change.assets.push(asset);
    }

    fn named(&mut self, asset: &mut Asset, group: &[&Sighting], is_new: bool) {
        if let Some(vendor) = group.iter().find_map(|s| s.vendor.clone()) {
            asset.vendor = vendor;
        }
        let told: BTreeSet<String> = group.iter().flat_map(|s| s.host.names.clone()).collect();
        let known: BTreeSet<String> = asset.names.iter().cloned().collect();
        // Another of its names is one more; none of those that were known stands for all of them.
        let next = if told.is_disjoint(&known) && !told.is_empty() { told } else { &known | &told };
        if next != known {
            let (before, after) = (asset.names.join(", "), next.iter().cloned().collect::<Vec<_>>().join(", "));
            if !is_new {
                let text = format!("is called {after}");
                self.event(&asset.key, AssetChange::NameChanged, text, before, after);
            }
            asset.names = next.into_iter().collect();
        }
    }

    fn addressed(&mut self, asset: &mut Asset, group: &[&Sighting], is_new: bool) {
        let now: BTreeSet<IpAddr16> = group.iter().flat_map(|s| s.addresses.clone()).collect();
        let known: BTreeSet<IpAddr16> = asset.addresses.iter().copied().collect();
        let gone = |ip: &IpAddr16| self.whole && !now.contains(ip) && self.covers(*ip);
        let next: BTreeSet<IpAddr16> =
            known.iter().copied().filter(|ip| !gone(ip)).chain(now.iter().copied()).collect();
        if next == known {
            return;
        }
        let words = |all: &BTreeSet<IpAddr16>| all.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        if !is_new {
            let (before, after) = (words(&known), words(&next));
            let text = format!("has the address {after}");
            self.event(&asset.key, AssetChange::AddressChanged, text, before, after);
        }
        asset.addresses = next.into_iter().collect();
    }

    /// Guesses come in no firm order: only when the one that was best is no guess any more is it another system.
    fn guessed(&mut self, asset: &mut Asset, group: &[&Sighting]) {
        let guesses: Vec<&String> = group.iter().flat_map(|s| s.host.os.iter().map(|guess| &guess.name)).collect();
        let Some(best) = guesses.first() else { return };
        if guesses.contains(&&asset.os) {
            return;
        }
        let before = std::mem::replace(&mut asset.os, (*best).clone());
        if !before.is_empty() {
            let text = format!("perhaps {best}, before {before}");
            self.event(&asset.key, AssetChange::OsChanged, text, before, (*best).clone());
        }
    }

    fn covers(&self, ip: IpAddr16) -> bool {
        self.fold.networks.iter().any(|network| network.addr().is_v4() == ip.is_v4() && network.contains(ip))
    }

    /// A host was not found.
    fn unseen(&mut self, mut asset: Asset, down: &BTreeSet<IpAddr16>) {
        let covered = asset.addresses.iter().any(|ip| down.contains(ip) || self.covers(*ip));
        if !self.whole || !covered || self.fold.at <= asset.last_seen || asset.state == AssetState::Down {
            return;
        }
        asset.missed_scans = asset.missed_scans.saturating_add(1);
        if asset.missed_scans >= self.fold.missed_scans_down.max(1) {
            asset.state = AssetState::Down;
            let missed = asset.missed_scans;
            let text = format!("not found by {missed} scan{} in a row", if missed == 1 { "" } else { "s" });
            self.event(&asset.key, AssetChange::Down, text, "up".to_owned(), "down".to_owned());
        }
        self.change.assets.push(asset);
    }
}

#[cfg(test)]
mod tests;
