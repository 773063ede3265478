//! Scans in the order of time, each host beside its own past and its group's. Owns what a host's excess is: how far a feature lies outside
//! of both, beyond what is never worth a word, and beyond what half of its group shows in the same scan. Every scan sees only earlier ones.

use super::groups::{Habits, NETWORK};
use super::identity::Identities;
use super::ranges::{GroupRange, OwnRange, outside};
use features::scan::{Change, ChangeKind, HostStep, Past, PortKey, Profile};
use features::{scan_host_schema, scan_host_vector};
use record::scan::{Scan, ScannedHost};
use std::collections::HashMap;

/// Hosts of a scan that do the same before it counts as the group's, and the share of those that could.
const SHARED_HOSTS_MIN: u32 = 3;
const SHARED_SHARE: f64 = 0.5;
/// A port is rare in a group when at most this share of its other hosts ever had it.
const RARE_SHARE: f64 = 0.05;

/// Hosts remembered over all scans; what comes beyond is counted and not judged.
const HOSTS_MAX: usize = 65_536;

/// What a network may do without its being worth a word, even where it never did: columns, how far they may lie outside, and how far as a
/// share of the most that was seen.
const FLOORS: &[(&str, f32, f32)] = &[
    // How many ports a system hands out is as much chance as which.
    ("ports_handed_out", 0.0, 0.5),
    // What closes or comes back says less than what was never there.
    ("ports_opened", 1.0, 0.0),
    ("ports_closed", 1.0, 0.0),
    ("services", 1.0, 0.0),
    ("service_entropy_nats", 0.5, 0.0),
    // Versions go up, all of a host in one night.
    ("versions_changed", 10.0, 0.0),
    // Hosts are switched off, and come back after a holiday: the inventory says so.
    ("scans_missed", f32::INFINITY, 0.0),
];

/// One host in one scan.
pub(super) struct Row<'a> {
    pub(super) key: String,
    pub(super) host: &'a ScannedHost,
    pub(super) group: u16,
    /// Scans before in which it was up.
    pub(super) scans_up: u32,
    /// Values for people, as if what it shares had not happened.
    pub(super) values: Vec<f32>,
    /// The same as they are: what is usual from now on.
    told: Vec<f32>,
    /// ln(1 + excess), by column.
    pub(super) excess: Vec<f32>,
    pub(super) own: OwnRange,
    /// Its changes, without those it shares.
    pub(super) changes: Vec<Change>,
    /// The same, those it shares.
    pub(super) shared: Vec<Change>,
    /// Ports of `changes` that were open for the first time.
    pub(super) first: Vec<PortKey>,
}

/// All that is known before a scan.
pub(super) struct Walk {
    identities: Identities,
    group_of: HashMap<String, u16>,
    pub(super) sizes: Vec<usize>,
    hosts: HashMap<String, (Past, OwnRange)>,
    /// Hosts of a group that ever had a port.
    ever: HashMap<(u16, PortKey), u32>,
    ranges: Vec<GroupRange>,
    floors: Vec<[f32; 2]>,
    /// Hosts of the last scan that found no room.
    pub(super) left_out: usize,
}

/// A host before its excess is known.
struct Met<'a> {
    row: Row<'a>,
    now: Profile,
}

impl Walk {
    /// Groups by what hosts usually offer in `scans`; a host that is only in `current` by that.
    pub(super) fn new(scans: &[&Scan], current: &Scan) -> Self {
        let (mut identities, mut habits) = (Identities::default(), Habits::default());
        for scan in scans {
            for (key, host) in identities.up(scan) {
                habits.add(&key, &Profile::of(host));
            }
        }
        for (key, host) in identities.up(current) {
            if !habits.has(&key) {
                habits.add(&key, &Profile::of(host));
            }
        }
        let (group_of, sizes) = habits.groups();
        let floor =
            |name: &str| FLOORS.iter().find(|floor| floor.0 == name).map_or([0.0; 2], |floor| [floor.1, floor.2]);
        Self {
            identities: Identities::default(),
            group_of,
            ranges: vec![GroupRange::default(); sizes.len()],
            sizes,
            hosts: HashMap::new(),
            left_out: 0,
            ever: HashMap::new(),
            floors: scan_host_schema().features.iter().map(|feature| floor(&feature.name)).collect(),
        }
    }

    /// Judges one scan by those before it, then remembers it.
    pub(super) fn step<'a>(&mut self, scan: &'a Scan) -> Vec<Row<'a>> {
        let up = self.identities.up(scan);
        let mut room = HOSTS_MAX.saturating_sub(self.hosts.len());
        let mut met: Vec<Met<'a>> = Vec::with_capacity(up.len().min(HOSTS_MAX));
        self.left_out = 0;
        for (key, host) in up {
            if self.hosts.contains_key(&key) || room > 0 {
                room -= usize::from(!self.hosts.contains_key(&key));
                met.push(self.meet(key, host));
            } else {
                self.left_out += 1;
            }
        }
        self.share_out(&mut met);
        let ranges: Vec<Vec<[f32; 2]>> = self.ranges.iter().map(GroupRange::all).collect();
        for met in &mut met {
            self.measure(met, &ranges);
        }
        self.take_off_the_usual(&mut met);
        for (past, _) in self.hosts.values_mut() {
            past.scans_missed = past.scans_missed.saturating_add(1);
        }
        met.into_iter().map(|met| self.remember(met)).collect()
    }

    /// What a group's rows had, by column; empty where it has none.
    pub(super) fn group_ranges(&self, group: u16) -> Vec<[f32; 2]> {
        self.ranges.get(usize::from(group)).map(GroupRange::all).unwrap_or_default()
    }

    fn meet<'a>(&self, key: String, host: &'a ScannedHost) -> Met<'a> {
        let now = Profile::of(host);
        let known = self.hosts.get(&key);
        let row = Row {
            group: self.group_of.get(&key).copied().unwrap_or(NETWORK),
            scans_up: known.map_or(0, |(past, _)| past.scans_up),
            changes: known.map(|(past, _)| past.changes(&now)).unwrap_or_default(),
            own: known.map(|(_, own)| own.clone()).unwrap_or_default(),
            key,
            host,
            values: Vec::new(),
            told: Vec::new(),
            excess: Vec::new(),
            shared: Vec::new(),
            first: Vec::new(),
        };
        Met { row, now }
    }

    /// Moves changes that half of a group, or of the network, made at once out of the way.
    fn share_out(&self, met: &mut [Met<'_>]) {
        let (mut made, mut could) =
            (HashMap::<(u16, Change), u32>::new(), HashMap::<(u16, Option<PortKey>), u32>::new());
        for met in met.iter() {
            let Some((past, _)) = self.hosts.get(&met.row.key) else { continue };
            for group in groups(met.row.group) {
                *could.entry((group, None)).or_default() += 1;
                for port in past.last.chosen() {
                    *could.entry((group, Some(port.key))).or_default() += 1;
                }
                for change in &met.row.changes {
                    *made.entry((group, *change)).or_default() += 1;
                }
            }
        }
        for met in met {
            let row = &mut met.row;
            let shared = |change: &Change| {
                groups(row.group).any(|group| {
                    let those = if change.kind == ChangeKind::Opened { None } else { Some(change.key) };
                    let made = made.get(&(group, *change)).copied().unwrap_or(0);
                    let could = could.get(&(group, those)).copied().unwrap_or(0);
                    made >= SHARED_HOSTS_MIN && f64::from(made) >= SHARED_SHARE * f64::from(could)
                })
            };
            (row.shared, row.changes) = row.changes.iter().partition(|change| shared(change));
        }
    }

    fn measure(&self, met: &mut Met<'_>, ranges: &[Vec<[f32; 2]>]) {
        let row = &mut met.row;
        let known = self.hosts.get(&row.key);
        let fresh = Past::default();
        let past = known.map_or(&fresh, |(past, _)| past);
        let others = self.sizes.get(usize::from(row.group)).map_or(0, |size| size.saturating_sub(1));
        let rare = |key: PortKey| {
            let ever = self.ever.get(&(row.group, key)).copied().unwrap_or(0);
            let of_others = ever.saturating_sub(u32::from(past.scans_up > 0 && past.had(key)));
            others > 0
                && f64::from(of_others) <= RARE_SHARE * others as f64
                && !row.shared.iter().any(|change| change.key == key)
        };
        row.told = shown(&HostStep::of(&met.now, past, &row.changes, rare));
        row.values = if row.shared.is_empty() {
            row.told.clone()
        } else {
            shown(&HostStep::of(&without(&met.now, &past.last, &row.shared), past, &row.changes, rare))
        };
        let opened = row.changes.iter().filter(|change| change.kind == ChangeKind::Opened);
        row.first = opened.map(|change| change.key).filter(|key| !past.had(*key)).collect();
        let group = ranges.get(usize::from(row.group)).filter(|_| others > 0);
        row.excess = row
            .values
            .iter()
            .enumerate()
            .map(|(column, value)| {
                let [floor, share] = self.floors[column];
                let beyond = |range: [f32; 2]| (outside(*value, range) - floor - share * range[1]).max(0.0);
                let of_own = row.own.of(column).map(beyond);
                let of_group = group.and_then(|ranges| ranges.get(column)).map(|range| beyond(*range));
                [of_own, of_group].into_iter().flatten().reduce(f32::min).unwrap_or(0.0)
            })
            .collect();
    }

    /// From each column is taken what half of the hosts with a past have at once, of the group or, where that is small, of the network.
    fn take_off_the_usual(&self, met: &mut [Met<'_>]) {
        let mut columns: Vec<Vec<Vec<f32>>> = vec![vec![Vec::new(); self.floors.len()]; self.sizes.len()];
        for met in met.iter().filter(|met| met.row.scans_up > 0) {
            for group in groups(met.row.group) {
                for (column, excess) in columns[usize::from(group)].iter_mut().zip(&met.row.excess) {
                    column.push(*excess);
                }
            }
        }
        let usual: Vec<Vec<f32>> =
            columns.iter_mut().map(|columns| columns.iter_mut().map(|c| lower_median(c)).collect()).collect();
        for met in met {
            for group in groups(met.row.group) {
                for (excess, usual) in met.row.excess.iter_mut().zip(&usual[usize::from(group)]) {
                    *excess = (*excess - usual).max(0.0);
                }
            }
            met.row.excess.iter_mut().for_each(|excess| *excess = excess.ln_1p());
        }
    }

    fn remember<'a>(&mut self, met: Met<'a>) -> Row<'a> {
        let row = met.row;
        if !self.hosts.contains_key(&row.key) {
            self.hosts.insert(row.key.clone(), (Past::default(), OwnRange::default()));
        }
        if let Some((past, own)) = self.hosts.get_mut(&row.key) {
            for port in past.remember(met.now) {
                for group in groups(row.group) {
                    *self.ever.entry((group, port)).or_default() += 1;
                }
            }
            own.add(&row.told);
        }
        for group in groups(row.group) {
            self.ranges[usize::from(group)].add(&row.told);
        }
        row
    }
}

/// The schema's values in the units of people.
fn shown(step: &HostStep) -> Vec<f32> {
    let mut values = Vec::with_capacity(scan_host_schema().features.len());
    scan_host_vector(step, &mut values);
    for (feature, value) in scan_host_schema().features.iter().zip(&mut values) {
        // Counts come back from the logarithm a hair off.
        *value = ((feature.kind.shown(*value) * 100.0).round() / 100.0) as f32;
    }
    values
}

/// A profile as if these changes had not happened.
fn without(now: &Profile, last: &Profile, shared: &[Change]) -> Profile {
    let is = |kind: ChangeKind, key| shared.iter().any(|change| change.kind == kind && change.key == key);
    let kept = now.ports.iter().filter(|port| !is(ChangeKind::Opened, port.key));
    let closed = last.ports.iter().filter(|port| is(ChangeKind::Closed, port.key));
    let mut ports: Vec<_> = kept.chain(closed).copied().collect();
    ports.sort_by_key(|port| port.key);
    Profile { ports }
}

/// A host's group and the network, each once.
fn groups(group: u16) -> impl Iterator<Item = u16> {
    [NETWORK, group].into_iter().take(if group == NETWORK { 1 } else { 2 })
}

/// What more than half of them have, and three at least.
fn lower_median(values: &mut [f32]) -> f32 {
    if values.len() < SHARED_HOSTS_MIN as usize {
        return 0.0;
    }
    values.sort_by(f32::total_cmp);
    values[((values.len() - 1) / 2).min(values.len() - SHARED_HOSTS_MIN as usize)]
}
