//! The registry of scenarios: one file and one line each. Owns what a scenario must offer and how attacks are repeated.

mod arp_spoof;
mod beacon;
mod campaign;
mod demo;
mod dns_tunnel;
mod exfiltration;
mod flood;
mod host_sweep;
mod icmp_flood;
mod monitoring;
mod new_device;
mod office;
mod port_scan_fast;
mod port_scan_slow;
mod series;
mod ssh_brute_force;
mod syn_flood;
mod udp_flood;

use super::SimulateError;
use super::world::World;
use record::Kind;
use std::sync::LazyLock;

/// What a user may know about a scenario.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScenarioInfo {
    /// Name for the command line.
    pub name: &'static str,
    /// One line.
    pub description: &'static str,
    /// True when its frames are labelled as an attack.
    pub attack: bool,
    /// What a detector should call it; None for background and collections.
    pub kind: Option<Kind>,
}

impl ScenarioInfo {
    const fn attack(name: &'static str, kind: Kind, description: &'static str) -> Self {
        Self { name, description, attack: true, kind: Some(kind) }
    }
    const fn collection(name: &'static str, description: &'static str) -> Self {
        Self { name, description, attack: false, kind: None }
    }
}

/// How patient an attack is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tempo {
    /// As seen in the wild.
    Normal,
    /// Short enough to be watched: an episode of a minute or two at most.
    Demo,
}

/// One scenario.
pub(super) trait Scenario: Sync {
    /// Name, description, kind.
    fn info(&self) -> ScenarioInfo;
    /// Attacks: begins one episode now and returns about how long it takes, ns. Others: begins for good; the result
    /// means nothing.
    fn launch(&self, now: i64, world: &mut World, tempo: Tempo) -> i64;
    /// True when the hour of the day does not matter.
    fn always_lively(&self) -> bool {
        false
    }
}

/// Begins a scenario at the start of a simulation: attacks as episodes with long pauses, others at once.
pub(super) fn begin(scenario: &'static dyn Scenario, start: i64, world: &mut World) {
    if scenario.info().attack {
        campaign::Campaign::alone(scenario).begin(start, world);
    } else {
        scenario.launch(start, world, Tempo::Normal);
    }
}

/// All scenarios: background, collections, then attacks in the order the demo plays them.
static REGISTRY: &[&dyn Scenario] = &[
    &office::Office,
    &demo::Demo,
    &demo::All,
    &monitoring::Monitoring,
    &port_scan_fast::PortScanFast,
    &ssh_brute_force::SshBruteForce,
    &dns_tunnel::DnsTunnel,
    &arp_spoof::ArpSpoof,
    &syn_flood::SynFlood,
    &beacon::Beacon,
    &exfiltration::Exfiltration,
    &host_sweep::HostSweep,
    &udp_flood::UdpFlood,
    &new_device::NewDevice,
    &port_scan_slow::PortScanSlow,
    &icmp_flood::IcmpFlood,
    &beacon::BeaconJittered,
];

/// The attacks of the registry, in its order.
fn attacks() -> impl Iterator<Item = &'static dyn Scenario> {
    REGISTRY.iter().copied().filter(|s| s.info().attack)
}

/// All scenarios, in the registry's order.
pub fn scenarios() -> &'static [ScenarioInfo] {
    static INFOS: LazyLock<Vec<ScenarioInfo>> = LazyLock::new(|| REGISTRY.iter().map(|s| s.info()).collect());
    &INFOS
}

/// Finds the named scenarios; a name given twice counts once.
pub(super) fn choose(names: &[String]) -> Result<Vec<&'static dyn Scenario>, SimulateError> {
    let known = || scenarios().iter().map(|s| s.name).collect::<Vec<_>>().join(", ");
    if names.is_empty() {
        return Err(SimulateError::NoScenario { known: known() });
    }
    for name in names {
        if !scenarios().iter().any(|s| s.name == name) {
            return Err(SimulateError::UnknownScenario { name: name.clone(), known: known() });
        }
    }
    Ok(REGISTRY.iter().copied().filter(|s| names.iter().any(|n| n == s.info().name)).collect())
}
