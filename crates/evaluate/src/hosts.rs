//! Which addresses were seen, and what they did since. Owns the bounded table of hosts; judges nothing.

use record::{
    AppData, FlowRecord, HOST_SERVICES_MAX, HostRecord, HostService, IpAddr16, MacAddr, Observation, Prefix, TcpState,
    Timestamp,
};
use std::collections::{HashMap, VecDeque};
use std::hash::BuildHasherDefault;

/// Hosts kept in memory; the least recently seen leave first and are counted.
pub const HOSTS_MAX: usize = 65_536;

/// Hosts that left and wait to be told.
const LEFT_MAX: usize = HOSTS_MAX / 8;

/// One host and whether it is among the changed ones.
struct Kept {
    record: HostRecord,
    changed: bool,
}

/// The table.
#[derive(Default)]
pub struct HostTable {
    /// Boxed: a growing map holds its cells twice, and cells are few bytes then.
    hosts: HashMap<IpAddr16, Box<Kept>, BuildHasherDefault<flow::FixedHasher>>,
    /// Each once, in the order in which they changed first since they were told.
    changed: VecDeque<IpAddr16>,
    /// Those that left the table before their change was told.
    left: Vec<HostRecord>,
    home: Vec<Prefix>,
    evicted: u64,
    distinct: u64,
}

impl HostTable {
    /// With the networks that count as inside.
    pub fn new(home: Vec<Prefix>) -> Self {
        Self { home, ..Self::default() }
    }

    /// Other home networks; hosts met from now on are sorted by them.
    pub fn set_home(&mut self, home: Vec<Prefix>) {
        self.home = home;
    }

    /// Puts back hosts of an earlier run; they count as seen, not as changed.
    pub fn restore(&mut self, hosts: Vec<HostRecord>) {
        for host in hosts.into_iter().take(HOSTS_MAX) {
            let kept = Kept { record: host, changed: false };
            self.distinct += u64::from(self.hosts.insert(kept.record.ip, Box::new(kept)).is_none());
        }
    }

    /// Addresses seen so far (an address that was evicted and came back counts again).
    pub fn distinct(&self) -> u64 {
        self.distinct
    }

    /// Hosts that left at the bound.
    pub fn evicted(&self) -> u64 {
        self.evicted
    }

    /// Learns from one observation.
    pub fn observe(&mut self, observation: &Observation) {
        match observation {
            Observation::Flow(flow) => self.flow(flow),
            Observation::Arp(arp) if !arp.sender_ip.is_not_one_host() => {
                let host = self.touch(arp.sender_ip, arp.ts);
                host.mac = Some(arp.sender_mac);
            }
            Observation::App(event) => {
                if let AppData::Dhcp(dhcp) = &event.data
                    && let Some(ip) = dhcp.assigned_ip.filter(|ip| !ip.is_not_one_host())
                    && dhcp.dhcp_type == "ack"
                {
                    let host = self.touch(ip, event.ts);
                    host.mac = Some(dhcp.client_mac);
                    if !dhcp.hostname.is_empty() {
                        host.name.clone_from(&dhcp.hostname);
                    }
                }
            }
            _ => {}
        }
    }

    /// So many of the hosts with most bytes, those first.
    pub fn busiest(&self, count: usize) -> Vec<HostRecord> {
        let mut all: Vec<_> = self.hosts.values().map(|kept| &kept.record).collect();
        all.sort_unstable_by_key(|host| (std::cmp::Reverse(host.bytes_in + host.bytes_out), host.ip));
        all.into_iter().take(count).cloned().collect()
    }

    /// Hosts that changed since they were told last: at most `most` of those that wait longest, and all that left the table.
    pub fn drain_changed(&mut self, most: usize) -> Vec<HostRecord> {
        let mut told = std::mem::take(&mut self.left);
        let mut changed: Vec<_> = self.changed.drain(..most.min(self.changed.len())).collect();
        // The store finds its place for the next sooner.
        changed.sort_unstable();
        for ip in changed {
            if let Some(kept) = self.hosts.get_mut(&ip) {
                kept.changed = false;
                told.push(kept.record.clone());
            }
        }
        told
    }

    fn flow(&mut self, flow: &FlowRecord) {
        let first = flow.report == 0;
        let (forward, backward) = (flow.forward.bytes, flow.backward.bytes);
        for (ip, mac, sent, got, opened) in [
            (flow.src().addr, flow.src_mac, forward, backward, true),
            (flow.dest().addr, flow.dest_mac, backward, forward, false),
        ] {
            // A host exists when it sent something: a probed address that never answered is no host.
            if ip.is_not_one_host() || sent == 0 {
                continue;
            }
            let host = self.touch(ip, flow.end);
            host.first_seen = host.first_seen.min(flow.start);
            host.bytes_out += sent;
            host.bytes_in += got;
            if opened {
                host.flows_out += u64::from(first);
            } else {
                host.flows_in += u64::from(first);
                if host.home && first {
                    serve(host, flow);
                }
            }
            // A router's address is not that of the hosts behind it.
            if host.mac.is_none() && !mac.is_zero() && self.is_home(ip) {
                self.touch(ip, flow.end).mac = Some(mac).filter(|m: &MacAddr| !m.is_group());
            }
        }
    }

    fn is_home(&self, ip: IpAddr16) -> bool {
        self.home.iter().any(|p| p.contains(ip))
    }

    fn touch(&mut self, ip: IpAddr16, ts: Timestamp) -> &mut HostRecord {
        if self.hosts.len() >= HOSTS_MAX && !self.hosts.contains_key(&ip) {
            self.make_room();
        }
        let (home, distinct) = (&self.home, &mut self.distinct);
        let kept = self.hosts.entry(ip).or_insert_with(|| {
            *distinct += 1;
            Box::new(Kept { record: new_host(ip, ts, home), changed: false })
        });
        if !kept.changed {
            kept.changed = true;
            self.changed.push_back(ip);
        }
        let host = &mut kept.record;
        host.last_seen = host.last_seen.max(ts);
        host
    }

    /// Drops the sixteenth of the table that was silent longest, so that the scan for them is rare.
    fn make_room(&mut self) {
        if self.hosts.len() < HOSTS_MAX {
            return;
        }
        let mut seen: Vec<(Timestamp, IpAddr16)> =
            self.hosts.values().map(|h| (h.record.last_seen, h.record.ip)).collect();
        let (silent, ..) = seen.select_nth_unstable(HOSTS_MAX / 16);
        silent.sort_unstable();
        for (_, ip) in silent {
            let gone = self.hosts.remove(ip);
            self.evicted += 1;
            // Nobody may ask for the changes: then they are not gathered without end.
            if self.left.len() < LEFT_MAX {
                self.left.extend(gone.filter(|kept| kept.changed).map(|kept| kept.record));
            }
        }
        let hosts = &self.hosts;
        self.changed.retain(|ip| hosts.contains_key(ip));
    }
}

/// The host answered this flow: one of its services.
fn serve(host: &mut HostRecord, flow: &FlowRecord) {
    let (proto, port) = (flow.key.proto, flow.dest().port);
    if !is_service(flow, proto, port) {
        return;
    }
    let known = host.services.iter_mut().find(|s| s.proto == proto && s.port == port);
    if let Some(service) = known {
        service.flows += 1;
        service.first_seen = service.first_seen.min(flow.start);
        service.last_seen = service.last_seen.max(flow.end);
    } else if host.services.len() < HOST_SERVICES_MAX {
        let service = HostService { proto, port, flows: 1, first_seen: flow.start, last_seen: flow.end };
        host.services.push(service);
    }
}

/// A port that programs choose by chance is no service, nor is one that refused.
fn is_service(flow: &FlowRecord, proto: u8, port: u16) -> bool {
    let open = || {
        matches!(
            flow.state,
            TcpState::S1 | TcpState::Sf | TcpState::S2 | TcpState::S3 | TcpState::Rsto | TcpState::Rstr
        )
    };
    match proto {
        _ if port == 0 => false,
        6 => port < 49_152 && open(),
        17 => port < 32_768,
        132 => port < 49_152,
        _ => false,
    }
}

fn new_host(ip: IpAddr16, ts: Timestamp, home: &[Prefix]) -> HostRecord {
    HostRecord {
        ip,
        mac: None,
        name: String::new(),
        home: home.iter().any(|p| p.contains(ip)),
        first_seen: ts,
        last_seen: ts,
        flows_out: 0,
        flows_in: 0,
        bytes_out: 0,
        bytes_in: 0,
        services: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use record::{DirectionStats, Endpoint, FlowKey};

    fn flow(src: [u8; 4], dest: [u8; 4], answered: bool) -> Observation {
        let ends = [src, dest].map(|ip| Endpoint { addr: IpAddr16::v4(ip), port: 9 });
        let (key, originator_low) = FlowKey::new(ends[0], ends[1], 17);
        let stats = |bytes| DirectionStats { packets: 1, bytes, ..DirectionStats::default() };
        let backward = if answered { stats(70) } else { DirectionStats::default() };
        Observation::Flow(Box::new(FlowRecord {
            key,
            originator_low,
            forward: stats(60),
            backward,
            end: Timestamp(5),
            ..FlowRecord::default()
        }))
    }

    #[test]
    fn an_address_that_never_sent_is_no_host() {
        let mut table = HostTable::default();
        table.observe(&flow([192, 0, 2, 1], [192, 0, 2, 9], false));
        assert_eq!(table.distinct(), 1);
        table.observe(&flow([192, 0, 2, 1], [192, 0, 2, 9], true));
        assert_eq!(table.distinct(), 2);
        let changed = table.drain_changed(9);
        assert_eq!(
            changed.iter().map(|h| (h.flows_out, h.flows_in, h.bytes_out)).collect::<Vec<_>>(),
            [(2, 0, 120), (0, 1, 70)]
        );
        assert!(table.drain_changed(9).is_empty());
    }

    #[test]
    fn hosts_wait_their_turn_and_those_that_leave_are_told() {
        let mut table = HostTable::default();
        let host = |n: u32| (n / 65_536 + 10, n / 256 % 256, n % 256);
        let add = |table: &mut HostTable, n: u32| {
            let (a, b, c) = host(n);
            table.observe(&flow([10, a as u8, b as u8, c as u8], [192, 0, 2, 1], false));
        };
        (0..100).for_each(|n| add(&mut table, n));
        let first: Vec<_> = table.drain_changed(60).iter().map(|h| h.ip.0[15]).collect();
        assert_eq!(first, (0..60).collect::<Vec<u8>>());
        // One of those told changes again: it waits behind the others.
        add(&mut table, 5);
        let rest: Vec<_> = table.drain_changed(40).iter().map(|h| h.ip.0[15]).collect();
        assert_eq!(rest, (60..100).collect::<Vec<u8>>());
        assert_eq!(table.drain_changed(40).len(), 1);
        // More than fit: nobody's change is lost by leaving.
        (0..HOSTS_MAX as u32 + 10).for_each(|n| add(&mut table, n));
        assert_eq!(table.evicted(), HOSTS_MAX as u64 / 16);
        let mut told: Vec<_> = table.drain_changed(usize::MAX).iter().map(|h| h.ip).collect();
        told.sort_unstable();
        told.dedup();
        assert_eq!(told.len(), HOSTS_MAX + 10);
    }
}
