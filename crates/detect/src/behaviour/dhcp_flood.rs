//! DHCP starvation: very many clients ask for addresses within seconds. One tool makes up the clients' Ethernet addresses
//! (or asks in many hosts' names) until the server has no address left (ATT&CK T1499). Counts distinct clients of DHCP
//! requests in a short window; knows neither servers' pools nor leases.

use super::lru::hash_of;
use super::set16::Set16;
use super::text::{self, alert, count, push_distinct, why};
use super::throttle::Throttle;
use super::{Behaviour, Context, Wants};
use record::{
    Alert, AppData, AppEvent, Counters, DhcpData, IpAddr16, Kind, Observation, Severity, Timestamp, timestamp::NS_PER_S,
};
use serde::{Deserialize, Serialize};

/// Settings of the detector of DHCP starvation.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DhcpFloodConfig {
    /// Distinct clients within `window_s`. Default 60: a network whose power comes back asks in this number, too, but not
    /// without end.
    pub clients_min: u32,
    /// Window, seconds. Default 5.
    pub window_s: u32,
}

impl Default for DhcpFloodConfig {
    fn default() -> Self {
        Self { clients_min: 60, window_s: 5 }
    }
}

/// The detector.
pub struct DhcpFlood {
    config: DhcpFloodConfig,
    window_start: Timestamp,
    clients: Set16,
    requests: u64,
    first: Timestamp,
    last: Timestamp,
    total: u64,
    clients_most: u32,
    servers: Vec<IpAddr16>,
    senders: Vec<IpAddr16>,
    throttle: Throttle,
}

impl DhcpFlood {
    /// Builds it.
    #[must_use]
    pub fn new(config: &DhcpFloodConfig) -> Self {
        Self {
            config: config.clone(),
            window_start: Timestamp(i64::MIN / 2),
            clients: Set16::default(),
            requests: 0,
            first: Timestamp(0),
            last: Timestamp(0),
            total: 0,
            clients_most: 0,
            servers: Vec::new(),
            senders: Vec::new(),
            throttle: Throttle::default(),
        }
    }

    fn request(&mut self, event: &AppEvent, dhcp: &DhcpData, out: &mut Vec<Alert>) {
        let (low, high) = (event.key.low, event.key.high);
        let (from, to) = if event.from_low { (low, high) } else { (high, low) };
        let window_ns = i64::from(self.config.window_s) * NS_PER_S;
        if event.ts.since(self.window_start) > window_ns {
            // A window without a flood ends the story.
            if self.clients.count() < self.config.clients_min {
                (self.total, self.clients_most, self.throttle) = (0, 0, Throttle::default());
                (self.first, self.servers, self.senders) = (event.ts, Vec::new(), Vec::new());
            }
            (self.window_start, self.clients, self.requests) = (event.ts, Set16::default(), 0);
        }
        self.requests += 1;
        self.total += 1;
        self.last = self.last.max(event.ts);
        self.clients.insert(hash_of(&(dhcp.client_mac.0, from.addr)) as u16);
        self.clients_most = self.clients_most.max(self.clients.count());
        push_distinct(&mut self.servers, to.addr);
        push_distinct(&mut self.senders, from.addr);
        if self.clients.count() >= self.config.clients_min && self.throttle.due(self.total, event.ts) {
            out.push(self.story());
        }
    }

    fn story(&self) -> Alert {
        let mut a = alert(Kind::Flood, "dhcp_flood", self.first, self.last, 1e-4);
        a.title = format!(
            "{} DHCP clients ask for addresses within {} s, {} requests so far",
            count(u64::from(self.clients_most)),
            self.config.window_s,
            count(self.total)
        );
        // One real sender is worth a name; made-up ones are not.
        if let [one] = self.senders.as_slice()
            && !one.is_not_one_host()
        {
            a.src = vec![*one];
        }
        a.dest.clone_from(&self.servers);
        a.dest_port = vec![67];
        let usual = f64::from(self.config.clients_min);
        a.why = vec![
            why("dhcp_clients", f64::from(self.clients_most), [0.0, usual], "clients", 0.7),
            why("dhcp_requests", self.total as f64, [0.0, usual], "requests", 0.3),
        ];
        a.packets = self.total;
        a.severity = Severity::High;
        "dhcp".clone_into(&mut a.story);
        text::scored(a, 0.9)
    }
}

impl Behaviour for DhcpFlood {
    fn name(&self) -> &'static str {
        "dhcp_flood"
    }
    fn wants(&self) -> Wants {
        Wants::DHCP
    }
    fn observe(&mut self, observation: &Observation, _context: &Context, out: &mut Vec<Alert>) {
        if let Observation::App(event) = observation
            && let AppData::Dhcp(dhcp) = &event.data
            && matches!(dhcp.dhcp_type.as_str(), "discover" | "request" | "inform")
        {
            self.request(event, dhcp, out);
        }
    }
    fn counters(&self) -> Counters {
        Counters::default()
    }
    fn entries(&self) -> usize {
        self.servers.len() + self.senders.len()
    }
}

#[cfg(test)]
mod tests {
    use super::super::synthetic::{mac, run};
    use super::*;
    use record::{Endpoint, FlowKey, MacAddr};

    fn discover(ms: i64, client: u16) -> Observation {
        let from = Endpoint { addr: IpAddr16::v4([0, 0, 0, 0]), port: 68 };
        let (key, from_low) = FlowKey::new(from, Endpoint { addr: IpAddr16::v4([255; 4]), port: 67 }, 17);
        let client_mac = MacAddr([2, 0, 0, 0, (client >> 8) as u8, client as u8]);
        let data = AppData::Dhcp(DhcpData { dhcp_type: "discover".into(), client_mac, ..DhcpData::default() });
        Observation::App(Box::new(AppEvent { ts: Timestamp(ms * 1_000_000), key, from_low, src_mac: mac(1), data }))
    }

    #[test]
    fn many_made_up_clients_are_told_within_the_window() {
        let flood: Vec<_> = (0..500u16).map(|i| discover(i64::from(i) * 20, i)).collect();
        let alerts = run("dhcp_flood", &flood);
        assert!(alerts[0].title.starts_with("60 DHCP clients ask for addresses within 5 s"), "{}", alerts[0].title);
        assert!(alerts[0].ts <= Timestamp(2 * NS_PER_S));
        assert!(alerts[0].src.is_empty());
    }

    #[test]
    fn a_busy_morning_and_a_client_that_repeats_itself_are_silent() {
        let morning: Vec<_> = (0..500u16).map(|i| discover(i64::from(i) * 500, i)).collect();
        assert!(run("dhcp_flood", &morning).is_empty());
        let one: Vec<_> = (0..500u16).map(|i| discover(i64::from(i) * 10, 7)).collect();
        assert!(run("dhcp_flood", &one).is_empty());
    }
}
