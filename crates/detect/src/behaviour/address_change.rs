//! Addresses that change hands without a lease. A device whose address is set by hand keeps it; when it announces another one
//! (RFC 5227), somebody set it anew, by intent or by mistake. Worse when another device holds that address (two devices with one
//! address), or when it lies outside the network that all others are in. Devices that ask for leases are left alone: their
//! addresses are meant to change. Watches ARP and DHCP; unasked answers and poisoning are `arp_spoof`'s.

use super::lru::Lru;
use super::text::{self, alert, seconds, why};
use super::{Behaviour, Context, Wants};
use record::{
    Alert, AppData, ArpData, Counters, IpAddr16, Kind, MacAddr, Observation, Severity, Timestamp, timestamp::NS_PER_S,
};
use serde::{Deserialize, Serialize};

/// Addresses remembered of one device.
const ADDRESSES_MAX: usize = 8;
/// Leading bits that addresses of one network share at least. Short on purpose: only what cannot be a larger subnet counts.
const NETWORK_BITS: u32 = 16;

/// Settings of the detector of changed addresses.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AddressChangeConfig {
    /// An address is a device's own after this long, seconds; what it announces sooner is another address of its own.
    /// Default 30.
    pub settled_s: u32,
    /// A holder heard within this time still holds its address, seconds. Default 43200.
    pub holder_s: u32,
    /// A device that asked for a lease within this time may change its address, seconds. Default 604800, a week.
    pub lease_s: u32,
    /// Devices that agree on a network before an address outside it is strange. Default 3.
    pub network_min: usize,
    /// Changes of one device after which no more is told of it: it has many addresses by design. Default 16.
    pub told_max: u32,
    /// Devices, addresses and networks remembered, each. Default 16384.
    pub entries_max: usize,
}

impl Default for AddressChangeConfig {
    fn default() -> Self {
        Self { settled_s: 30, holder_s: 43_200, lease_s: 604_800, network_min: 3, told_max: 16, entries_max: 16_384 }
    }
}

/// A device and the addresses that it used.
struct Device {
    own: IpAddr16,
    since: Timestamp,
    /// Addresses that it has beside each other.
    others: Vec<IpAddr16>,
    changes: u32,
}

/// The detector.
pub struct AddressChange {
    config: AddressChangeConfig,
    devices: Lru<(u16, MacAddr), Device>,
    holders: Lru<(u16, IpAddr16), MacAddr>,
    /// Devices by the network of their first address.
    networks: Lru<(u16, u32), usize>,
    leased: Lru<MacAddr, ()>,
    untold: u64,
}

/// The network of an IPv4 address, as a number.
fn network(ip: IpAddr16) -> u32 {
    u32::from_be_bytes([ip.0[12], ip.0[13], ip.0[14], ip.0[15]]) >> (32 - NETWORK_BITS)
}

/// True for addresses that a device gives itself (RFC 3927): they say that there is no other.
fn is_link_local(ip: IpAddr16) -> bool {
    ip.is_v4() && ip.0[12..14] == [169, 254]
}

impl AddressChange {
    /// Builds it.
    #[must_use]
    pub fn new(config: &AddressChangeConfig) -> Self {
        let n = config.entries_max;
        Self {
            devices: Lru::new(n),
            holders: Lru::new(n),
            networks: Lru::new(n),
            leased: Lru::new(n),
            untold: 0,
            config: config.clone(),
        }
    }

    fn arp(&mut self, arp: &ArpData, out: &mut Vec<Alert>) {
        let (mac, ip) = (arp.sender_mac, arp.sender_ip);
        let speaks_for_itself = arp.frame_src_mac == mac && !mac.is_zero() && !mac.is_group();
        if !speaks_for_itself || ip.is_not_one_host() || !ip.is_v4() || is_link_local(ip) {
            return;
        }
        let announced = ip == arp.target_ip;
        let settled_ns = i64::from(self.config.settled_s) * NS_PER_S;
        let key = (arp.vlan, mac);
        let known = self.devices.peek(&key).is_some();
        let device =
            self.devices.touch(&key, arp.ts, || Device { own: ip, since: arp.ts, others: Vec::new(), changes: 0 });
        if !known {
            *self.networks.touch(&(arp.vlan, network(ip)), arp.ts, || 0) += 1;
        } else if device.own != ip && !device.others.contains(&ip) {
            let (own, held_ns) = (device.own, arp.ts.since(device.since));
            if announced && held_ns >= settled_ns {
                (device.own, device.since) = (ip, arp.ts);
                device.changes += 1;
                self.changed(key, own, held_ns, arp, out);
                return;
            }
            if device.others.len() < ADDRESSES_MAX {
                device.others.push(ip);
            }
        }
        self.hold(arp);
    }

    /// Notes who holds an address; a holder that is still there keeps it.
    fn hold(&mut self, arp: &ArpData) {
        let holder_ns = i64::from(self.config.holder_s) * NS_PER_S;
        let key = (arp.vlan, arp.sender_ip);
        self.holders.expire(arp.ts, holder_ns, |_, _| {});
        let held = self.holders.peek(&key).copied();
        if held.is_none_or(|mac| mac == arp.sender_mac) {
            self.holders.touch(&key, arp.ts, || arp.sender_mac);
        }
    }

    /// A device announced an address that is not the one it had.
    fn changed(&mut self, key: (u16, MacAddr), own: IpAddr16, held_ns: i64, arp: &ArpData, out: &mut Vec<Alert>) {
        let (vlan, mac) = key;
        // What it leaves is free again.
        if self.holders.peek(&(vlan, own)) == Some(&mac) {
            self.holders.remove(&(vlan, own));
        }
        let lease_ns = i64::from(self.config.lease_s) * NS_PER_S;
        self.leased.expire(arp.ts, lease_ns, |_, ()| {});
        let holder = self.holders.peek(&(vlan, arp.sender_ip)).copied().filter(|holder| *holder != mac);
        self.hold(arp);
        let changes = self.devices.peek(&key).map_or(0, |d| d.changes);
        if self.leased.peek(&mac).is_some() {
            return;
        }
        if changes > self.config.told_max {
            self.untold += 1;
            return;
        }
        let members = self.networks.peek(&(vlan, network(own))).copied().unwrap_or(0);
        let inside = self.networks.peek(&(vlan, network(arp.sender_ip))).is_some();
        let outside = !inside && members >= self.config.network_min;
        out.push(change_alert(mac, own, held_ns, arp, holder, outside.then_some(members), changes));
    }
}

fn change_alert(
    mac: MacAddr,
    own: IpAddr16,
    held_ns: i64,
    arp: &ArpData,
    holder: Option<MacAddr>,
    outside: Option<usize>,
    changes: u32,
) -> Alert {
    let held_s = held_ns as f64 / NS_PER_S as f64;
    let kind = if holder.is_some() { Kind::ArpSpoof } else { Kind::ProtocolMisuse };
    let mut a = alert(kind, "address_change", arp.ts, arp.ts, 1e-3);
    let what = match (holder, outside) {
        (Some(holder), _) => format!(", which {holder} holds"),
        (None, Some(members)) => format!(", outside the network of {members} other devices"),
        (None, None) => String::new(),
    };
    let had = seconds(held_s);
    a.title = format!("{mac}, which was {own} for {had}, announced the address {}{what}", arp.sender_ip);
    a.src = vec![own, arp.sender_ip];
    a.src.sort_unstable();
    a.dest = vec![arp.sender_ip];
    a.why = vec![why("changes_of_address", f64::from(changes), [0.0, 0.0], "changes", 0.4)];
    a.why.push(match (holder, outside) {
        (Some(_), _) => why("holders_of_the_address", 2.0, [1.0, 1.0], "devices", 0.4),
        (None, Some(members)) => why("devices_in_the_network_it_left", members as f64, [0.0, 2.0], "devices", 0.4),
        (None, None) => why("leases_asked_for", 0.0, [1.0, 1.0], "leases", 0.2),
    });
    a.why.push(why("held_address_before", held_s, [0.0, 30.0], "s", 0.2));
    a.packets = 1;
    a.severity = if kind == Kind::ArpSpoof || outside.is_some() { Severity::Medium } else { Severity::Low };
    a.attack = if kind == Kind::ArpSpoof { vec!["T1557.002"] } else { Vec::new() };
    a.story = format!("{mac} address");
    text::scored(a, if kind == Kind::ArpSpoof { 0.9 } else { 0.7 })
}

impl Behaviour for AddressChange {
    fn name(&self) -> &'static str {
        "address_change"
    }
    fn wants(&self) -> Wants {
        Wants::ARP | Wants::DHCP
    }
    fn observe(&mut self, observation: &Observation, _context: &Context, out: &mut Vec<Alert>) {
        match observation {
            Observation::Arp(arp) => self.arp(arp, out),
            Observation::App(event) => {
                if let AppData::Dhcp(dhcp) = &event.data {
                    self.leased.touch(&dhcp.client_mac, event.ts, || ());
                }
            }
            _ => {}
        }
    }
    fn counters(&self) -> Counters {
        let mut counters = Counters::default();
        counters.add("devices_evicted", self.devices.evicted());
        counters.add("addresses_evicted", self.holders.evicted());
        counters.add("networks_evicted", self.networks.evicted());
        counters.add("leases_evicted", self.leased.evicted());
        counters.add("changes_untold", self.untold);
        counters
    }
    fn entries(&self) -> usize {
        self.devices.len() + self.holders.len() + self.networks.len() + self.leased.len()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::super::synthetic::{arp_request, contact, ip, mac, run};
    use super::*;
    use record::{AppEvent, DhcpData};

    /// `mac(n)` announces `address` at `ms`, seen twice as on a mirrored port.
    fn announces(ms: i64, n: u8, address: IpAddr16) -> [Observation; 2] {
        let mut arp = arp_request(ms, address, address);
        (arp.sender_mac, arp.frame_src_mac) = (mac(n), mac(n));
        [Observation::Arp(arp), Observation::Arp(arp)]
    }

    /// Devices 1 to 4 at their own addresses.
    fn network_of_four() -> Vec<Observation> {
        (1..=4u8).flat_map(|n| announces(i64::from(n), n, ip(n))).collect()
    }

    fn told(more: impl IntoIterator<Item = [Observation; 2]>) -> Vec<Alert> {
        let mut input = network_of_four();
        input.extend(more.into_iter().flatten());
        run("address_change", &input)
    }

    #[test]
    fn two_devices_with_one_address_are_told_once_a_change() {
        let alerts = told([announces(60_000, 1, ip(3)), announces(120_000, 1, ip(1))]);
        assert_eq!(
            alerts[0].title,
            "02:00:00:00:00:01, which was 10.0.0.1 for 60.0 s, announced the address 10.0.0.3, which 02:00:00:00:00:03 holds"
        );
        assert_eq!(alerts.iter().map(|a| a.kind).collect::<Vec<_>>(), [Kind::ArpSpoof, Kind::ProtocolMisuse]);
    }

    #[test]
    fn an_address_outside_the_network_is_told() {
        let alerts = told([announces(60_000, 2, IpAddr16::v4([198, 134, 18, 37]))]);
        assert!(
            alerts[0].title.ends_with("198.134.18.37, outside the network of 4 other devices"),
            "{}",
            alerts[0].title
        );
        assert_eq!((alerts[0].kind, alerts[0].severity), (Kind::ProtocolMisuse, Severity::Medium));
        assert_eq!(alerts.len(), 1);
    }

    #[test]
    fn leases_second_addresses_and_questions_are_silent() {
        assert!(told([announces(1000, 1, ip(77)), announces(90_000, 1, ip(77))]).is_empty(), "two from the beginning");
        let mut asks = arp_request(90_000, ip(88), ip(2));
        (asks.sender_mac, asks.frame_src_mac) = (mac(1), mac(1));
        assert!(told([[Observation::Arp(asks), Observation::Arp(asks)]]).is_empty(), "an alias that asks");
        let c = contact(50_000, ip(1), ip(2), 67);
        let dhcp = DhcpData { dhcp_type: "request".into(), client_mac: mac(1), ..DhcpData::default() };
        let lease = Observation::App(Box::new(AppEvent {
            ts: c.ts,
            key: c.key,
            from_low: true,
            src_mac: mac(1),
            data: AppData::Dhcp(dhcp),
        }));
        assert!(told([[lease.clone(), lease], announces(60_000, 1, ip(99))]).is_empty(), "a lease");
    }

    #[test]
    fn a_device_that_changes_all_the_time_is_told_a_bounded_number_of_times() {
        let many = (1..60u8).map(|i| announces(i64::from(i) * 60_000, 1, ip(100 + i)));
        assert_eq!(told(many).len() as u32, AddressChangeConfig::default().told_max);
    }
}
