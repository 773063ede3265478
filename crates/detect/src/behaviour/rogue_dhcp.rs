//! A second DHCP server that sends clients elsewhere (ATT&CK T1557.003): who hands out the router and the name server reads the traffic.
//! A server is a rival of an older one when it leases addresses of the same network, or answers a client that the other has just
//! answered; it is told when it names another router or other name servers. Servers that agree are a pair for safety and are silent.
//! Owns who leases what; a server's own addresses are `decode`'s.

use super::lru::{Lru, hash_of};
use super::text::{self, alert, push_distinct, why};
use super::throttle::Throttle;
use super::{Behaviour, Context, Wants};
use record::{
    Alert, AppData, AppEvent, Counters, DhcpData, IpAddr16, Kind, Observation, Severity, Timestamp, timestamp::NS_PER_S,
};
use serde::{Deserialize, Serialize};

/// Settings of the detector of rogue DHCP servers.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RogueDhcpConfig {
    /// Two servers that answer one client within this time serve the same wire, seconds. Default 10.
    pub same_client_s: u32,
    /// Servers remembered. Default 256.
    pub servers_max: usize,
    /// Clients remembered. Default 4096.
    pub clients_max: usize,
}

impl Default for RogueDhcpConfig {
    fn default() -> Self {
        Self { same_client_s: 10, servers_max: 256, clients_max: 4096 }
    }
}

#[derive(Clone, Default)]
struct Server {
    first: Timestamp,
    /// Order of appearance: the later one of two is the stranger.
    order: u64,
    networks: Vec<[u8; 3]>,
    routers: Vec<IpAddr16>,
    dns_servers: Vec<IpAddr16>,
    leases: u64,
    throttle: Throttle,
}

/// The detector.
pub struct RogueDhcp {
    config: RogueDhcpConfig,
    servers: Lru<IpAddr16, Server>,
    clients: Lru<u64, (IpAddr16, Timestamp)>,
    seen: u64,
}

impl RogueDhcp {
    /// Builds it.
    #[must_use]
    pub fn new(config: &RogueDhcpConfig) -> Self {
        Self {
            servers: Lru::new(config.servers_max),
            clients: Lru::new(config.clients_max),
            seen: 0,
            config: config.clone(),
        }
    }

    fn lease(&mut self, event: &AppEvent, dhcp: &DhcpData, out: &mut Vec<Alert>) {
        let sender = if event.from_low { event.key.low } else { event.key.high };
        let id = dhcp.server_ip.unwrap_or(sender.addr);
        if id.is_not_one_host() || (dhcp.routers.is_empty() && dhcp.dns_servers.is_empty()) {
            return;
        }
        let client = hash_of(&dhcp.client_mac.0);
        let before = self.clients.peek(&client).copied();
        *self.clients.touch(&client, event.ts, || (id, event.ts)) = (id, event.ts);
        self.seen += 1;
        let order = self.seen;
        let server = self.servers.touch(&id, event.ts, || Server { first: event.ts, order, ..Server::default() });
        if let Some(assigned) = dhcp.assigned_ip.filter(record::IpAddr16::is_v4) {
            push_distinct(&mut server.networks, [assigned.0[12], assigned.0[13], assigned.0[14]]);
        }
        server.routers.clone_from(&dhcp.routers);
        server.dns_servers.clone_from(&dhcp.dns_servers);
        server.leases += 1;
        let told = server.clone();
        let window_ns = i64::from(self.config.same_client_s) * NS_PER_S;
        let just =
            before.filter(|(other, ts)| *other != id && event.ts.since(*ts) <= window_ns).map(|(other, _)| other);
        let rival = self.servers.iter().find(|(other, known)| {
            **other != id
                && known.order < told.order
                && (just == Some(**other) || known.networks.iter().any(|n| told.networks.contains(n)))
                && differs(known, &told)
        });
        let Some((older, known)) = rival.map(|(other, known)| (*other, known.clone())) else { return };
        if let Some(server) = self.servers.peek_mut(&id)
            && server.throttle.due(server.leases, event.ts)
        {
            out.push(story(id, &told, older, &known, event.ts));
        }
    }
}

/// True when two servers send their clients to different routers or name servers.
fn differs(known: &Server, other: &Server) -> bool {
    let differ = |a: &[IpAddr16], b: &[IpAddr16]| !a.is_empty() && !b.is_empty() && !a.iter().any(|x| b.contains(x));
    differ(&known.routers, &other.routers) || differ(&known.dns_servers, &other.dns_servers)
}

fn story(id: IpAddr16, server: &Server, older: IpAddr16, known: &Server, now: Timestamp) -> Alert {
    let mut a = alert(Kind::ProtocolMisuse, "rogue_dhcp", server.first, now, 1e-4);
    let first = |list: &[IpAddr16]| list.first().map_or_else(|| "none".to_owned(), ToString::to_string);
    let what = |s: &Server| format!("router {}, name server {}", first(&s.routers), first(&s.dns_servers));
    a.title = format!("second DHCP server {id} offers {} where {older} offers {}", what(server), what(known));
    a.src = vec![id];
    a.dest = vec![older];
    a.dest_port = vec![68];
    let new = |a: &[IpAddr16], b: &[IpAddr16]| a.iter().filter(|x| !b.contains(x)).count() as f64;
    a.why = vec![
        why("dhcp_other_router", new(&server.routers, &known.routers), [0.0, 0.0], "routers", 0.5),
        why("dhcp_other_name_servers", new(&server.dns_servers, &known.dns_servers), [0.0, 0.0], "servers", 0.4),
        why("dhcp_leases_offered", server.leases as f64, [0.0, 0.0], "messages", 0.1),
    ];
    a.packets = server.leases;
    a.severity = Severity::High;
    a.story = format!("{id}");
    a.attack = vec!["T1557.003"];
    text::scored(a, 0.9)
}

impl Behaviour for RogueDhcp {
    fn name(&self) -> &'static str {
        "rogue_dhcp"
    }
    fn wants(&self) -> Wants {
        Wants::DHCP
    }
    fn observe(&mut self, observation: &Observation, _context: &Context, out: &mut Vec<Alert>) {
        if let Observation::App(event) = observation
            && let AppData::Dhcp(dhcp) = &event.data
            && matches!(dhcp.dhcp_type.as_str(), "offer" | "ack")
        {
            self.lease(event, dhcp, out);
        }
    }
    fn counters(&self) -> Counters {
        let mut counters = Counters::default();
        counters.add("servers_evicted", self.servers.evicted());
        counters
    }
    fn entries(&self) -> usize {
        self.servers.len() + self.clients.len()
    }
}

#[cfg(test)]
mod tests {
    use super::super::synthetic::{ip, mac, run};
    use super::*;
    use record::{Endpoint, FlowKey};

    /// 10.0.0.server offers client an address of a network, with a router.
    fn offer(ms: i64, server: u8, client: u8, network: u8, router: u8) -> Observation {
        let to = Endpoint { addr: IpAddr16::v4([255; 4]), port: 68 };
        let (key, from_low) = FlowKey::new(Endpoint { addr: ip(server), port: 67 }, to, 17);
        let data = AppData::Dhcp(DhcpData {
            dhcp_type: "offer".into(),
            client_mac: mac(client),
            assigned_ip: Some(IpAddr16::v4([10, 0, network, client])),
            server_ip: Some(ip(server)),
            routers: vec![ip(router)],
            ..DhcpData::default()
        });
        Observation::App(Box::new(AppEvent {
            ts: Timestamp(ms * 1_000_000),
            key,
            from_low,
            src_mac: mac(server),
            data,
        }))
    }

    #[test]
    fn a_second_server_with_another_router_is_told() {
        let seen = [offer(0, 1, 7, 0, 1), offer(60_000, 1, 8, 0, 1), offer(90_000, 66, 9, 0, 66)];
        let alerts = run("rogue_dhcp", &seen);
        assert_eq!(alerts.len(), 1);
        assert_eq!((alerts[0].src.as_slice(), alerts[0].dest.as_slice()), (&[ip(66)][..], &[ip(1)][..]));
        assert!(
            alerts[0].title.starts_with("second DHCP server 10.0.0.66 offers router 10.0.0.66"),
            "{}",
            alerts[0].title
        );
        // Of another network, but to a client that was just answered.
        assert_eq!(run("rogue_dhcp", &[offer(0, 1, 7, 0, 1), offer(900, 66, 7, 9, 66)]).len(), 1);
    }

    #[test]
    fn pairs_that_agree_other_networks_and_one_server_are_silent() {
        assert!(run("rogue_dhcp", &[offer(0, 1, 7, 0, 1), offer(900, 2, 7, 0, 1)]).is_empty(), "a pair for safety");
        assert!(run("rogue_dhcp", &[offer(0, 1, 7, 0, 1), offer(900, 2, 8, 5, 2)]).is_empty(), "another network");
        assert!(run("rogue_dhcp", &[offer(0, 1, 7, 0, 1), offer(900, 1, 7, 0, 3)]).is_empty(), "a changed router");
    }
}
