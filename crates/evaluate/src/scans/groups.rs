//! Hosts with a similar role: those that usually have alike ports open. A leader of each role is the commonest set of ports that is not like
//! an earlier leader's; a host belongs to the leader it is most like. Roles of few hosts are compared with the whole network.

use features::scan::{PortKey, Profile};
use std::collections::{BTreeMap, HashMap};

/// The group of the whole network.
pub(super) const NETWORK: u16 = 0;
/// Fewer hosts make no group of their own.
const GROUP_HOSTS_MIN: usize = 4;
/// Groups at most; hosts of rarer roles are compared with the whole network.
const GROUPS_MAX: usize = 64;
/// Ports in common, as a share of those that either has (Jaccard, 1912), that make two hosts alike.
const ALIKE: f64 = 0.5;

/// The ports that each host usually has.
#[derive(Default)]
pub(super) struct Habits {
    hosts: HashMap<String, (u32, BTreeMap<PortKey, u32>)>,
}

impl Habits {
    pub(super) fn add(&mut self, key: &str, profile: &Profile) {
        if !self.hosts.contains_key(key) {
            self.hosts.insert(key.to_owned(), (0, BTreeMap::new()));
        }
        if let Some((scans, ports)) = self.hosts.get_mut(key) {
            *scans += 1;
            for port in profile.chosen() {
                *ports.entry(port.key).or_default() += 1;
            }
        }
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.hosts.contains_key(key)
    }

    /// Hosts to groups, and how many hosts each group has.
    pub(super) fn groups(&self) -> (HashMap<String, u16>, Vec<usize>) {
        let mut usual: BTreeMap<Vec<PortKey>, Vec<&String>> = BTreeMap::new();
        for (key, (scans, ports)) in &self.hosts {
            let set = ports.iter().filter(|(_, open)| **open * 2 >= *scans).map(|(port, _)| *port).collect();
            usual.entry(set).or_default().push(key);
        }
        let mut sets: Vec<_> = usual.iter().collect();
        sets.sort_by(|a, b| b.1.len().cmp(&a.1.len()).then(a.0.cmp(b.0)));
        let (mut leaders, mut of): (Vec<&Vec<PortKey>>, Vec<Vec<&String>>) = (Vec::new(), Vec::new());
        for (set, keys) in sets {
            let best = leaders.iter().map(|leader| alike(leader, set)).enumerate();
            match best.max_by(|a, b| a.1.total_cmp(&b.1).then(b.0.cmp(&a.0))).filter(|(_, likeness)| *likeness >= ALIKE)
            {
                Some((group, _)) => of[group].extend(keys),
                None if leaders.len() < GROUPS_MAX => {
                    leaders.push(set);
                    of.push(keys.clone());
                }
                None => {}
            }
        }
        self.numbered(of)
    }

    fn numbered(&self, of: Vec<Vec<&String>>) -> (HashMap<String, u16>, Vec<usize>) {
        let (mut groups, mut sizes) = (HashMap::new(), vec![self.hosts.len()]);
        for keys in of.into_iter().filter(|keys| keys.len() >= GROUP_HOSTS_MIN) {
            groups.extend(keys.iter().map(|key| ((*key).clone(), sizes.len() as u16)));
            sizes.push(keys.len());
        }
        (groups, sizes)
    }
}

/// Jaccard's index of two ascending lists; two empty ones are alike.
fn alike(a: &[PortKey], b: &[PortKey]) -> f64 {
    let common = a.iter().filter(|port| b.binary_search(port).is_ok()).count();
    let all = a.len() + b.len() - common;
    if all == 0 { 1.0 } else { common as f64 / all as f64 }
}
