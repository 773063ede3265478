//! Which flows belong to an exact detector's story, so that a probe of a known scan is shown as anomalous although, alone, it looks
//! like any refused connection. Owns the bounded memory of stories; raises nothing.

use record::{Alert, FlowRecord, IpAddr16, Kind, Timestamp};
use std::collections::BTreeMap;

/// Pairs remembered; the story that ends first leaves first.
const PAIRS_MAX: usize = 4_096;
/// How long after its last alert a story still covers flows, nanoseconds: the longest time-out of an unanswered flow.
const COVERS_NS: i64 = 60_000_000_000;

struct Story {
    from: Timestamp,
    until: Timestamp,
    score: f32,
    ports: Vec<u16>,
}

/// Sources and targets of current stories.
#[derive(Default)]
pub struct Covered {
    pairs: BTreeMap<(IpAddr16, IpAddr16), Story>,
}

impl Covered {
    /// Remembers whom an alert is about. Kinds that speak of a device or an interface cover no flow.
    pub fn alert(&mut self, alert: &Alert) {
        let any_port = matches!(alert.kind, Kind::PortScan | Kind::HostSweep);
        if matches!(alert.kind, Kind::NewDevice | Kind::Volume | Kind::ArpSpoof) || alert.kind.is_learned() {
            return;
        }
        for src in &alert.src {
            for dest in &alert.dest {
                let ports = if any_port { Vec::new() } else { alert.dest_port.clone() };
                let story =
                    Story { from: alert.first_seen, until: alert.ts.plus_ns(COVERS_NS), score: alert.score, ports };
                self.pairs.insert((*src, *dest), story);
            }
        }
        while self.pairs.len() > PAIRS_MAX {
            let Some(first) =
                self.pairs.iter().min_by_key(|(pair, story)| (story.until, **pair)).map(|(pair, _)| *pair)
            else {
                break;
            };
            self.pairs.remove(&first);
        }
    }

    /// The score of the story that a flow belongs to.
    pub fn score(&self, flow: &FlowRecord) -> Option<f32> {
        let story = self.pairs.get(&(flow.src().addr, flow.dest().addr))?;
        let in_time = flow.end >= story.from && flow.start <= story.until;
        let on_port = story.ports.is_empty() || story.ports.contains(&flow.dest().port);
        (in_time && on_port).then_some(story.score)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use record::{Endpoint, FlowKey, Severity};

    fn alert(kind: Kind, ports: Vec<u16>) -> Alert {
        let [src, dest] = [[192, 0, 2, 1], [192, 0, 2, 9]].map(|ip| vec![IpAddr16::v4(ip)]);
        Alert {
            ts: Timestamp(10),
            first_seen: Timestamp(5),
            kind,
            detector: "test",
            src,
            dest,
            dest_port: ports,
            score: 0.9,
            severity: Severity::High,
            title: String::new(),
            why: Vec::new(),
            detectors: Vec::new(),
            flows: Vec::new(),
            packets: 1,
            story: String::new(),
            attack: Vec::new(),
        }
    }

    fn flow(dest_port: u16, end: i64) -> FlowRecord {
        let src = Endpoint { addr: IpAddr16::v4([192, 0, 2, 1]), port: 40_000 };
        let (key, originator_low) =
            FlowKey::new(src, Endpoint { addr: IpAddr16::v4([192, 0, 2, 9]), port: dest_port }, 6);
        FlowRecord { key, originator_low, start: Timestamp(end), end: Timestamp(end), ..FlowRecord::default() }
    }

    #[test]
    fn covers_the_storys_pair_ports_and_time_only() {
        let mut covered = Covered::default();
        covered.alert(&alert(Kind::BruteForce, vec![22]));
        assert_eq!(covered.score(&flow(22, 6)), Some(0.9));
        assert_eq!(covered.score(&flow(443, 6)), None, "another port");
        assert_eq!(covered.score(&flow(22, 4)), None, "before the story");
        assert_eq!(covered.score(&flow(22, COVERS_NS + 11)), None, "long after");
        covered.alert(&alert(Kind::PortScan, vec![22]));
        assert_eq!(covered.score(&flow(443, 6)), Some(0.9), "a scan asks any port");
        let mut quiet = Covered::default();
        quiet.alert(&alert(Kind::NewDevice, Vec::new()));
        assert_eq!(quiet.score(&flow(22, 6)), None);
    }
}
