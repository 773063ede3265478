//! A patient SYN scan: one probe every 10 to 20 s, below the thresholds of counters per minute.

use super::super::world::{MAIL, World};
use super::port_scan_fast::Scan;
use super::{Scenario, ScenarioInfo, Tempo};
use record::Kind;

const MS: i64 = 1_000_000;

/// The scenario.
pub(super) struct PortScanSlow;

/// The ports worth the patience.
const PORTS: [u16; 40] = [
    21, 22, 23, 25, 53, 80, 81, 88, 110, 111, 113, 135, 137, 139, 143, 161, 179, 199, 389, 443, 445, 514, 548, 587,
    631, 993, 995, 1433, 1723, 2049, 3128, 3306, 3389, 5060, 5432, 5900, 6379, 8000, 8080, 8443,
];

impl Scenario for PortScanSlow {
    fn info(&self) -> ScenarioInfo {
        ScenarioInfo::attack("port_scan_slow", Kind::PortScan, "SYN scan with one probe every 10 to 20 seconds")
    }
    fn launch(&self, now: i64, world: &mut World, tempo: Tempo) -> i64 {
        let attacker = world.desk();
        let from = world.client(attacker);
        let target = world.lan(MAIL, 0);
        let label = world.new_label(now, Kind::PortScan, from.ip, Some(target.ip), None);
        let gap_ns = if tempo == Tempo::Demo { (1500 * MS, 2500 * MS) } else { (10_000 * MS, 20_000 * MS) };
        let mut ports = PORTS.to_vec();
        for i in (1..ports.len()).rev() {
            ports.swap(i, world.random.below(i + 1));
        }
        let takes = ports.len() as i64 * i64::midpoint(gap_ns.0, gap_ns.1);
        world.spawn(now, Scan { from, target, ports, next: 0, answers: Vec::new(), gap_ns, label });
        takes
    }
}
