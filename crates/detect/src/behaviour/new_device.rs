//! New device: an Ethernet address of the home network that was not there in the learning time. Known by ARP and DHCP,
//! which routers do not pass on; where a capture has no Ethernet, by home address.

use super::lru::Lru;
use super::text::{self, alert, why};
use super::{Behaviour, Context, Wants};
use crate::DetectError;
use crate::blob::{Reader, Writer};
use record::{
    Alert, AppData, Counters, IpAddr16, Kind, MacAddr, Observation, Severity, Timestamp, timestamp::NS_PER_S,
};
use serde::{Deserialize, Serialize};

/// Devices read from a memory at most: a bound on what a file can claim.
const DEVICES_READ_MAX: usize = 1 << 24;

/// Settings of the new device detector.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NewDeviceConfig {
    /// Capture time in which every device counts as known, seconds. Default 3600.
    pub learn_s: u32,
    /// Devices remembered; when the table is full nothing is reported any more. Default 65536.
    pub devices_max: usize,
}

impl Default for NewDeviceConfig {
    fn default() -> Self {
        Self { learn_s: 3600, devices_max: 65_536 }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Device {
    Mac(MacAddr),
    Address(IpAddr16),
}

/// The detector.
pub struct NewDevice {
    config: NewDeviceConfig,
    known: Lru<Device, ()>,
    unreported: u64,
    /// When an earlier run began to watch; the learning time is not begun anew by a restart.
    watched_since: Option<Timestamp>,
    /// When this run began to watch.
    started: Option<Timestamp>,
}

impl NewDevice {
    /// Builds it.
    #[must_use]
    pub fn new(config: &NewDeviceConfig) -> Self {
        Self {
            known: Lru::new(config.devices_max),
            unreported: 0,
            watched_since: None,
            started: None,
            config: config.clone(),
        }
    }

    fn seen(
        &mut self,
        device: Device,
        ip: Option<IpAddr16>,
        name: &str,
        ts: Timestamp,
        context: &Context,
        out: &mut Vec<Alert>,
    ) {
        let known = self.known.peek(&device).is_some();
        self.known.touch(&device, ts, || ());
        self.started = Some(context.started);
        let since = self.watched_since.map_or(context.started, |earlier| earlier.min(context.started));
        let learning = context.now.since(since) < i64::from(self.config.learn_s) * NS_PER_S;
        if known || learning {
            return;
        }
        if self.known.evicted() > 0 {
            self.unreported += 1;
            return;
        }
        let identity = match device {
            Device::Mac(mac) => mac.to_string(),
            Device::Address(ip) => ip.to_string(),
        };
        let mut a = alert(Kind::NewDevice, "new_device", ts, ts, 1e-2);
        let called = if name.is_empty() { String::new() } else { format!(" called {name}") };
        let at = ip.filter(|_| matches!(device, Device::Mac(_))).map(|ip| format!(" at {ip}")).unwrap_or_default();
        a.title = format!("A device not seen before joined the network: {identity}{called}{at}");
        a.src = ip.into_iter().collect();
        let hours = context.now.since(since) as f64 / NS_PER_S as f64 / 3600.0;
        a.why = vec![why("watched_without_it", hours, [0.0, f64::from(self.config.learn_s) / 3600.0], "h", 1.0)];
        a.packets = 1;
        a.severity = Severity::Low;
        a.story = identity;
        out.push(text::scored(a, 0.5));
    }
}

impl Behaviour for NewDevice {
    fn name(&self) -> &'static str {
        "new_device"
    }
    fn wants(&self) -> Wants {
        Wants::ARP | Wants::DHCP | Wants::FLOW
    }
    fn observe(&mut self, observation: &Observation, context: &Context, out: &mut Vec<Alert>) {
        match observation {
            Observation::Arp(arp) => {
                let (mac, ip) = (arp.sender_mac, arp.sender_ip);
                let lone = arp.frame_src_mac == mac && !mac.is_zero() && !mac.is_group();
                if lone && !ip.is_not_one_host() && context.home.contains(ip) {
                    self.seen(Device::Mac(mac), Some(ip), "", arp.ts, context, out);
                }
            }
            Observation::App(event) => {
                if let AppData::Dhcp(dhcp) = &event.data
                    && dhcp.dhcp_type.eq_ignore_ascii_case("ack")
                    && let Some(ip) = dhcp.assigned_ip.filter(|ip| !ip.is_not_one_host())
                {
                    self.seen(Device::Mac(dhcp.client_mac), Some(ip), &dhcp.hostname, event.ts, context, out);
                }
            }
            Observation::Flow(flow) if flow.src_mac.is_zero() && flow.backward.packets > 0 => {
                let ip = flow.src().addr;
                if ip.is_v4() && !ip.is_not_one_host() && context.home.contains(ip) {
                    self.seen(Device::Address(ip), Some(ip), "", flow.end, context, out);
                }
            }
            _ => {}
        }
    }
    fn counters(&self) -> Counters {
        let mut counters = Counters::default();
        counters.add("devices_evicted", self.known.evicted());
        counters.add("devices_unreported", self.unreported);
        counters
    }
    fn entries(&self) -> usize {
        self.known.len()
    }
    fn snapshot(&self) -> Option<Vec<u8>> {
        let since = [self.watched_since, self.started].into_iter().flatten().min()?;
        let mut writer = Writer::default();
        writer.bytes.extend(since.0.to_le_bytes());
        writer.u32(self.known.len() as u32);
        for (device, touched) in self.known.iter_touched() {
            let (tag, bytes) = match device {
                Device::Mac(mac) => (0, {
                    let mut bytes = [0; 16];
                    bytes[..6].copy_from_slice(&mac.0);
                    bytes
                }),
                Device::Address(ip) => (1, ip.0),
            };
            writer.bytes.push(tag);
            writer.bytes.extend(bytes);
            writer.bytes.extend(touched.0.to_le_bytes());
        }
        Some(writer.bytes)
    }
    fn restore(&mut self, bytes: &[u8]) -> Result<(), DetectError> {
        let mut reader = Reader::new(bytes);
        let since = Timestamp(reader.u64()?.cast_signed());
        let count = reader.count(0, DEVICES_READ_MAX, "known devices")?;
        for _ in 0..count {
            let tag = reader.take(1)?[0];
            let mut address = [0; 16];
            address.copy_from_slice(reader.take(16)?);
            let touched = Timestamp(reader.u64()?.cast_signed());
            let device = match tag {
                0 => Device::Mac(MacAddr([address[0], address[1], address[2], address[3], address[4], address[5]])),
                1 => Device::Address(IpAddr16(address)),
                _ => return Err(DetectError::Damaged("a known device is of no known kind".to_owned())),
            };
            self.known.touch(&device, touched, || ());
        }
        self.watched_since = Some(since);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::synthetic::{arp_request, ip, run};
    use super::*;

    #[test]
    fn a_device_after_the_learning_time_is_told_once() {
        let mut input: Vec<_> =
            (1..=40u8).map(|n| Observation::Arp(arp_request(i64::from(n) * 60_000, ip(n), ip(200)))).collect();
        assert!(run("new_device", &input).is_empty());
        input.extend((0..5).map(|i| Observation::Arp(arp_request(3_700_000 + i * 1000, ip(99), ip(200)))));
        input.push(Observation::Arp(arp_request(3_800_000, ip(5), ip(200))));
        let alerts = run("new_device", &input);
        assert_eq!(alerts.len(), 1);
        assert_eq!(alerts[0].title, "A device not seen before joined the network: 02:00:00:00:00:63 at 10.0.0.99");
    }
}
