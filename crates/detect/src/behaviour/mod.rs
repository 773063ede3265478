//! Exact detectors: each watches observations for one thing whose meaning is known, with an error bound or a floor of its
//! own, and needs no learning (or learns only a host's or interface's own past). One file each, one line in `REGISTRY`.
//! Owns the trait, the registry and the fan-out; refuses to know models, incidents, budgets and clocks.

mod address_change;
mod arp_spoof;
mod beacon;
mod beacon_rhythm;
mod brute_force;
mod burst;
mod cleartext_login;
mod contacts;
mod control_commands;
mod control_story;
mod crypto_mining;
mod dga;
mod dhcp_flood;
mod distributed_scan;
mod dns_tunnel;
mod exfiltration;
mod flood;
mod flood_rules;
mod home;
mod host_sweep;
mod icmp_tunnel;
mod imported;
mod lateral;
mod log_in;
mod long_connection;
mod lru;
mod lru_index;
mod memory;
mod new_device;
mod new_listener;
mod new_service;
mod odd_service;
mod patterns;
mod port_scan;
mod ports;
mod process_peer;
mod protocol_names;
mod random_walk;
mod rare_client;
mod reflector;
mod remote_admin;
mod remote_admin_story;
mod reverse_call;
mod rogue_dhcp;
mod rogue_router;
mod set16;
mod slow_http;
mod slow_tls;
mod station_peers;
mod steady_link;
mod text;
mod threat_intel;
mod throttle;
mod tor;
mod usual_week;
mod volume;
mod volume_host;
mod volume_interface;
mod volume_protocol;
mod wants;
mod watch;
mod weak_certificate;
mod web_attack;
mod week_watch;

#[cfg(test)]
mod contract_stream;
#[cfg(test)]
mod contract_tests;
#[cfg(test)]
mod replay_tests;
#[cfg(test)]
mod synthetic;

pub use address_change::{AddressChange, AddressChangeConfig};
pub use arp_spoof::{ArpSpoof, ArpSpoofConfig};
pub use beacon::{Beacon, BeaconConfig};
pub use brute_force::{BruteForce, BruteForceConfig};
pub use burst::{Burst, BurstConfig};
pub use cleartext_login::{CleartextLogin, CleartextLoginConfig};
pub use control_commands::{ControlCommands, ControlCommandsConfig};
pub use crypto_mining::{CryptoMining, CryptoMiningConfig};
pub use dga::{Dga, DgaConfig};
pub use dhcp_flood::{DhcpFlood, DhcpFloodConfig};
pub use distributed_scan::{DistributedScan, DistributedScanConfig};
pub use dns_tunnel::{DnsTunnel, DnsTunnelConfig};
pub use exfiltration::{Exfiltration, ExfiltrationConfig};
pub use flood::{Flood, FloodConfig};
pub use home::HomeNetworks;
pub use host_sweep::{HostSweep, HostSweepConfig};
pub use icmp_tunnel::{IcmpTunnel, IcmpTunnelConfig};
pub use imported::{Imported, ImportedConfig};
pub use lateral::{Lateral, LateralConfig};
pub use long_connection::{LongConnection, LongConnectionConfig};
pub use new_device::{NewDevice, NewDeviceConfig};
pub use new_listener::{NewListener, NewListenerConfig};
pub use new_service::{NewService, NewServiceConfig};
pub use odd_service::{OddService, OddServiceConfig};
pub use port_scan::{PortScan, PortScanConfig};
pub use ports::has_service;
pub use process_peer::{ProcessPeer, ProcessPeerConfig};
pub use rare_client::{RareClient, RareClientConfig};
pub use reflector::{Reflector, ReflectorConfig};
pub use remote_admin::{RemoteAdmin, RemoteAdminConfig};
pub use reverse_call::{ReverseCall, ReverseCallConfig};
pub use rogue_dhcp::{RogueDhcp, RogueDhcpConfig};
pub use rogue_router::{RogueRouter, RogueRouterConfig};
pub use slow_http::{SlowHttp, SlowHttpConfig};
pub use slow_tls::{SlowTls, SlowTlsConfig};
pub use station_peers::{StationPeers, StationPeersConfig};
pub use steady_link::{SteadyLink, SteadyLinkConfig};
pub use threat_intel::{ThreatIntel, ThreatIntelConfig};
pub use tor::{Tor, TorConfig};
pub use volume::{Volume, VolumeConfig};
pub use volume_host::{VolumeHost, VolumeHostConfig};
pub use volume_interface::{VolumeInterface, VolumeInterfaceConfig};
pub use volume_protocol::{VolumeProtocol, VolumeProtocolConfig};
pub use wants::Wants;
pub use weak_certificate::{WeakCertificate, WeakCertificateConfig};
pub use web_attack::{WebAttack, WebAttackConfig};

use crate::DetectError;
use crate::intel::Indicators;
use contacts::{Senders, evidence_of};
use record::{Alert, Counters, HostWindow, Observation, Prefix, Timestamp};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use wants::Routes;

/// What every detector may know besides its own past.
#[derive(Clone, Debug)]
pub struct Context {
    /// The networks that count as inside.
    pub home: HomeNetworks,
    /// What threat-intelligence lists name.
    pub indicators: Arc<Indicators>,
    /// First capture time that the set has seen.
    pub started: Timestamp,
    /// Latest capture time that the set has seen.
    pub now: Timestamp,
    /// While a first contact is looked at: true when it speaks against its opener, false when for it, None when it says nothing.
    pub evidence: Option<bool>,
}

/// One exact detector. Deterministic: the same observations give the same alerts. Memory is bounded by its settings, and
/// what is forgotten at a bound is counted by reason.
pub trait Behaviour: Send {
    /// Machine name, also the alert's `detector`.
    fn name(&self) -> &'static str;
    /// The observations that it looks at; it is not called for others.
    fn wants(&self) -> Wants {
        Wants::ALL
    }
    /// Takes one observation; alerts go to `out`.
    fn observe(&mut self, observation: &Observation, context: &Context, out: &mut Vec<Alert>);
    /// Takes one host window, when `wants` says so.
    fn window(&mut self, _window: &HostWindow, _context: &Context, _out: &mut Vec<Alert>) {}
    /// Capture time has reached `now` (called about once a second of capture time): pending stories are told.
    fn advance(&mut self, _now: Timestamp, _context: &Context, _out: &mut Vec<Alert>) {}
    /// The input ended: what is still held back is told.
    fn finish(&mut self, _context: &Context, _out: &mut Vec<Alert>) {}
    /// What was dropped, by reason.
    fn counters(&self) -> Counters;
    /// Entries held in tables now, for the memory contract.
    fn entries(&self) -> usize;
    /// What must outlive the process, as bytes; None for detectors whose past is short.
    fn snapshot(&self) -> Option<Vec<u8>> {
        None
    }
    /// Puts back what `snapshot` gave.
    ///
    /// # Errors
    /// The bytes are not what `snapshot` gives.
    fn restore(&mut self, _bytes: &[u8]) -> Result<(), DetectError> {
        Ok(())
    }
    /// True when what is remembered belongs to interfaces by their number.
    fn by_interface(&self) -> bool {
        false
    }
}

/// Settings of every exact detector.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BehaviourConfig {
    /// Detectors left out, by name (`["beacon"]`). Default none.
    pub disabled: Vec<String>,
    /// Port scan.
    pub port_scan: PortScanConfig,
    /// Host sweep.
    pub host_sweep: HostSweepConfig,
    /// Flood.
    pub flood: FloodConfig,
    /// False ARP claims.
    pub arp_spoof: ArpSpoofConfig,
    /// Volume of an interface.
    pub volume: VolumeConfig,
    /// Volume of an interface against its usual week.
    pub volume_interface: VolumeInterfaceConfig,
    /// Volume of hosts.
    pub volume_host: VolumeHostConfig,
    /// Volume of protocols.
    pub volume_protocol: VolumeProtocolConfig,
    /// Log-in guessing.
    pub brute_force: BruteForceConfig,
    /// Data in DNS names.
    pub dns_tunnel: DnsTunnelConfig,
    /// Regular calls.
    pub beacon: BeaconConfig,
    /// Unusual upload.
    pub exfiltration: ExfiltrationConfig,
    /// New devices.
    pub new_device: NewDeviceConfig,
    /// Commands on a control network.
    pub control_commands: ControlCommandsConfig,
    /// Stations of a control network that talk to each other.
    pub station_peers: StationPeersConfig,
    /// Addresses that change hands without a lease.
    pub address_change: AddressChangeConfig,
    /// Combined signs of a home-made channel.
    pub odd_service: OddServiceConfig,
    /// Servers that call back.
    pub reverse_call: ReverseCallConfig,
    /// Data in echo packets.
    pub icmp_tunnel: IcmpTunnelConfig,
    /// Regular messages in one connection.
    pub steady_link: SteadyLinkConfig,
    /// Very many DHCP clients.
    pub dhcp_flood: DhcpFloodConfig,
    /// Attacks in web requests.
    pub web_attack: WebAttackConfig,
    /// Comparison with threat-intelligence lists.
    pub threat_intel: ThreatIntelConfig,
    /// The lists themselves; the app reads them and fills this. Empty by default.
    #[serde(skip)]
    pub indicators: Arc<Indicators>,
    /// Generated domain names.
    pub dga: DgaConfig,
    /// Scans shared out among sources.
    pub distributed_scan: DistributedScanConfig,
    /// Remote administration of Windows hosts.
    pub remote_admin: RemoteAdminConfig,
    /// First contacts on administrative services.
    pub lateral_movement: LateralConfig,
    /// New services.
    pub new_service: NewServiceConfig,
    /// Connections that last for hours.
    pub long_connection: LongConnectionConfig,
    /// Requests that are never finished.
    pub slow_http: SlowHttpConfig,
    /// The same inside TLS.
    pub slow_tls: SlowTlsConfig,
    /// Home hosts abused to flood others.
    pub reflector: ReflectorConfig,
    /// Passwords in the clear.
    pub cleartext_login: CleartextLoginConfig,
    /// Certificates that nobody can trust.
    pub weak_certificate: WeakCertificateConfig,
    /// A second DHCP server.
    pub rogue_dhcp: RogueDhcpConfig,
    /// New routers of IPv6.
    pub rogue_router: RogueRouterConfig,
    /// Mining of crypto-currencies.
    pub crypto_mining: CryptoMiningConfig,
    /// The TOR network.
    pub tor: TorConfig,
    /// New listeners of this machine.
    pub new_listener: NewListenerConfig,
    /// New peers of this machine's programs.
    pub process_peer: ProcessPeerConfig,
    /// Bursts on this machine's interfaces.
    pub burst: BurstConfig,
    /// Rare programs that call rare servers.
    pub rare_client: RareClientConfig,
    /// Alerts of other tools.
    pub imported_alert: ImportedConfig,
    /// Home networks. The app fills this from its own setting; empty means private, carrier-grade, link-local and
    /// unique-local addresses.
    #[serde(skip)]
    pub home: Vec<Prefix>,
}

/// Makes one detector from the settings.
pub type Constructor = fn(&BehaviourConfig) -> Box<dyn Behaviour>;

/// Every exact detector, in the order in which they see an observation.
pub const REGISTRY: &[(&str, Constructor)] = &[
    ("port_scan", |c| Box::new(PortScan::new(&c.port_scan))),
    ("host_sweep", |c| Box::new(HostSweep::new(&c.host_sweep))),
    ("flood", |c| Box::new(Flood::new(&c.flood))),
    ("arp_spoof", |c| Box::new(ArpSpoof::new(&c.arp_spoof))),
    ("volume", |c| Box::new(Volume::new(&c.volume))),
    ("brute_force", |c| Box::new(BruteForce::new(&c.brute_force))),
    ("dns_tunnel", |c| Box::new(DnsTunnel::new(&c.dns_tunnel))),
    ("beacon", |c| Box::new(Beacon::new(&c.beacon))),
    ("exfiltration", |c| Box::new(Exfiltration::new(&c.exfiltration))),
    ("new_device", |c| Box::new(NewDevice::new(&c.new_device))),
    ("control_commands", |c| Box::new(ControlCommands::new(&c.control_commands))),
    ("station_peers", |c| Box::new(StationPeers::new(&c.station_peers))),
    ("address_change", |c| Box::new(AddressChange::new(&c.address_change))),
    ("odd_service", |c| Box::new(OddService::new(&c.odd_service))),
    ("reverse_call", |c| Box::new(ReverseCall::new(&c.reverse_call))),
    ("icmp_tunnel", |c| Box::new(IcmpTunnel::new(&c.icmp_tunnel))),
    ("steady_link", |c| Box::new(SteadyLink::new(&c.steady_link))),
    ("dhcp_flood", |c| Box::new(DhcpFlood::new(&c.dhcp_flood))),
    ("web_attack", |c| Box::new(WebAttack::new(&c.web_attack))),
    ("threat_intel", |c| Box::new(ThreatIntel::new(&c.threat_intel))),
    ("dga", |c| Box::new(Dga::new(&c.dga))),
    ("distributed_scan", |c| Box::new(DistributedScan::new(&c.distributed_scan))),
    ("remote_admin", |c| Box::new(RemoteAdmin::new(&c.remote_admin))),
    ("lateral_movement", |c| Box::new(Lateral::new(&c.lateral_movement))),
    ("new_service", |c| Box::new(NewService::new(&c.new_service))),
    ("long_connection", |c| Box::new(LongConnection::new(&c.long_connection))),
    ("slow_http", |c| Box::new(SlowHttp::new(&c.slow_http))),
    ("slow_tls", |c| Box::new(SlowTls::new(&c.slow_tls))),
    ("reflector", |c| Box::new(Reflector::new(&c.reflector))),
    ("cleartext_login", |c| Box::new(CleartextLogin::new(&c.cleartext_login))),
    ("weak_certificate", |c| Box::new(WeakCertificate::new(&c.weak_certificate))),
    ("rogue_dhcp", |c| Box::new(RogueDhcp::new(&c.rogue_dhcp))),
    ("rogue_router", |c| Box::new(RogueRouter::new(&c.rogue_router))),
    ("crypto_mining", |c| Box::new(CryptoMining::new(&c.crypto_mining))),
    ("tor", |c| Box::new(Tor::new(&c.tor))),
    ("new_listener", |c| Box::new(NewListener::new(&c.new_listener))),
    ("process_peer", |c| Box::new(ProcessPeer::new(&c.process_peer))),
    ("burst", |c| Box::new(Burst::new(&c.burst))),
    ("volume_interface", |c| Box::new(VolumeInterface::new(&c.volume_interface))),
    ("volume_host", |c| Box::new(VolumeHost::new(&c.volume_host))),
    ("volume_protocol", |c| Box::new(VolumeProtocol::new(&c.volume_protocol, &c.volume_host))),
    ("rare_client", |c| Box::new(RareClient::new(&c.rare_client))),
    ("imported_alert", |c| Box::new(Imported::new(&c.imported_alert))),
];

fn home_of(config: &BehaviourConfig) -> HomeNetworks {
    if config.home.is_empty() { HomeNetworks::default() } else { HomeNetworks::new(&config.home) }
}

/// The table is the set's, because several detectors of scans ask it; it is bounded where people look for the bound.
fn senders_of(config: &BehaviourConfig) -> Senders {
    Senders::new(config.port_scan.senders_max)
}

fn routes_to(detectors: &[Box<dyn Behaviour>]) -> Routes {
    Routes::new(&detectors.iter().map(|d| d.wants()).collect::<Vec<_>>())
}

/// All enabled detectors behind one door.
pub struct BehaviourSet {
    config: BehaviourConfig,
    detectors: Vec<Box<dyn Behaviour>>,
    routes: Routes,
    context: Context,
    senders: Senders,
    seen_any: bool,
    advanced_s: i64,
}

impl BehaviourSet {
    /// Builds every detector that the settings do not disable.
    #[must_use]
    pub fn new(config: &BehaviourConfig) -> Self {
        let detectors: Vec<_> = REGISTRY
            .iter()
            .filter(|(name, _)| !config.disabled.iter().any(|d| d == name))
            .map(|(_, make)| make(config))
            .collect();
        let (home, indicators) = (home_of(config), Arc::clone(&config.indicators));
        let context = Context { home, indicators, started: Timestamp(0), now: Timestamp(0), evidence: None };
        let routes = routes_to(&detectors);
        Self {
            config: config.clone(),
            detectors,
            routes,
            context,
            senders: senders_of(config),
            seen_any: false,
            advanced_s: i64::MIN,
        }
    }

    /// Takes new settings while it runs. Detectors whose settings are the same keep all they know; one with other settings begins
    /// anew with what it would keep over a restart.
    pub fn reconfigure(&mut self, config: &BehaviourConfig) {
        let sections = |c: &BehaviourConfig| serde_json::to_value(c).unwrap_or_default();
        let (old, new) = (sections(&self.config), sections(config));
        let mut kept: Vec<_> = std::mem::take(&mut self.detectors);
        for (name, make) in REGISTRY.iter().filter(|(name, _)| !config.disabled.iter().any(|d| d == name)) {
            let known = kept.iter().position(|d| d.name() == *name).map(|at| kept.swap_remove(at));
            self.detectors.push(match known {
                Some(detector) if old.get(name) == new.get(name) => detector,
                known => {
                    let mut detector = make(config);
                    // Its own snapshot of a moment ago: when it cannot be read, the detector learns anew.
                    if let Some(past) = known.and_then(|d| d.snapshot())
                        && detector.restore(&past).is_err()
                    {
                        detector = make(config);
                    }
                    detector
                }
            });
        }
        if config.port_scan.senders_max != self.config.port_scan.senders_max {
            self.senders = senders_of(config);
        }
        self.routes = routes_to(&self.detectors);
        self.context.home = home_of(config);
        // The lists are not settings: they come and go by `set_indicators`.
        self.config = BehaviourConfig { indicators: Arc::clone(&self.context.indicators), ..config.clone() };
    }

    /// Takes other threat-intelligence lists while it runs; what was met before stays told.
    pub fn set_indicators(&mut self, indicators: Arc<Indicators>) {
        self.context.indicators = Arc::clone(&indicators);
        self.config.indicators = indicators;
    }

    /// Hands one observation to every detector. When its time enters a new second, `advance` runs first.
    pub fn observe(&mut self, observation: &Observation, out: &mut Vec<Alert>) {
        self.reach(observation.ts(), out);
        self.context.evidence = evidence_of(observation, &mut self.senders);
        for place in self.routes.of(observation) {
            if let Some(detector) = self.detectors.get_mut(*place) {
                detector.observe(observation, &self.context, out);
            }
        }
    }

    /// Hands one host window to every detector that wants windows.
    pub fn window(&mut self, window: &HostWindow, out: &mut Vec<Alert>) {
        for place in self.routes.of_windows() {
            if let Some(detector) = self.detectors.get_mut(*place) {
                detector.window(window, &self.context, out);
            }
        }
    }

    /// Capture time has reached `now`, even if nothing was seen.
    pub fn advance(&mut self, now: Timestamp, out: &mut Vec<Alert>) {
        self.reach(now, out);
    }

    /// The input ended: pending stories are told.
    pub fn finish(&mut self, out: &mut Vec<Alert>) {
        for detector in &mut self.detectors {
            detector.advance(self.context.now, &self.context, out);
            detector.finish(&self.context, out);
        }
    }

    /// What was dropped, by `detector.reason`.
    #[must_use]
    pub fn counters(&self) -> Counters {
        let mut all = Counters::default();
        for detector in &self.detectors {
            for (reason, n) in detector.counters().0 {
                all.add(&format!("{}.{reason}", detector.name()), n);
            }
        }
        all.add("port_scan.senders_evicted", self.senders.evicted());
        all
    }

    /// Names of the enabled detectors, in order.
    #[must_use]
    pub fn names(&self) -> Vec<&'static str> {
        self.detectors.iter().map(|d| d.name()).collect()
    }

    /// Moves capture time forward (never back) and runs `advance` when a new second begins.
    fn reach(&mut self, now: Timestamp, out: &mut Vec<Alert>) {
        if !self.seen_any {
            self.seen_any = true;
            self.context.started = now;
            self.context.now = now;
            self.advanced_s = now.seconds();
        }
        if now <= self.context.now {
            return;
        }
        self.context.now = now;
        if now.seconds() > self.advanced_s {
            self.advanced_s = now.seconds();
            for detector in &mut self.detectors {
                detector.advance(now, &self.context, out);
            }
        }
    }
}
