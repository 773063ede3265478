//! What is in an input, whatever anybody thinks of it: protocols, the largest flows and the busiest hosts. Owns these sums, bounded;
//! judges nothing.

use crate::hosts::HostTable;
use record::net::proto_name;
use record::{AppProto, Contents, FlowRecord, LargeFlow, ProtocolTotal};
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// Hosts named.
const HOSTS: usize = 20;
/// Flows named.
const FLOWS: usize = 100;

#[derive(Clone, Copy, Default)]
struct Total {
    bytes: u64,
    packets: u64,
    flows: u64,
}

/// The sums so far.
#[derive(Default)]
pub struct ContentsSums {
    /// By application protocol and, where none was recognised, transport.
    protocols: BTreeMap<(&'static str, u8), Total>,
    /// Twice as many as are named, so that they are seldom sorted out.
    largest: Vec<LargeFlow>,
    /// Smaller ones are not among the largest.
    least_bytes: u64,
}

impl ContentsSums {
    /// Counts one report of a flow; a long flow has several.
    pub fn flow(&mut self, flow: &FlowRecord) {
        let app = flow.app_proto();
        let transport = if app == AppProto::Unknown { flow.key.proto } else { 0 };
        let total = self.protocols.entry((app.name(), transport)).or_default();
        total.bytes += flow.bytes();
        total.packets += flow.packets();
        total.flows += u64::from(flow.report == 0);
        if flow.report > 0
            && let Some(known) = self.largest.iter_mut().find(|known| known.flow_id == flow.flow_id)
        {
            grow(known, flow);
        } else if flow.bytes() > self.least_bytes {
            self.largest.push(large(flow));
            if self.largest.len() >= 2 * FLOWS {
                self.sort();
                self.largest.truncate(FLOWS);
                self.least_bytes = self.largest.last().map_or(0, LargeFlow::bytes);
            }
        }
    }

    fn sort(&mut self) {
        self.largest.sort_by_key(|flow| (Reverse(flow.bytes()), flow.start, flow.flow_id));
    }

    /// The result, largest first.
    pub fn finish(&mut self, hosts: &HostTable) -> Contents {
        self.sort();
        self.largest.truncate(FLOWS);
        let named = |(app, transport): (&str, u8)| if transport == 0 { app.to_owned() } else { proto_name(transport) };
        let mut protocols: Vec<ProtocolTotal> = std::mem::take(&mut self.protocols)
            .into_iter()
            .map(|(key, Total { bytes, packets, flows })| ProtocolTotal { name: named(key), bytes, packets, flows })
            .collect();
        protocols.sort_by(|a, b| b.bytes.cmp(&a.bytes).then_with(|| a.name.cmp(&b.name)));
        Contents { hosts: hosts.busiest(HOSTS), protocols, flows: std::mem::take(&mut self.largest) }
    }
}

fn grow(known: &mut LargeFlow, flow: &FlowRecord) {
    known.end = known.end.max(flow.end);
    flow.state.name().clone_into(&mut known.state);
    known.pkts_toserver += flow.forward.packets;
    known.pkts_toclient += flow.backward.packets;
    known.bytes_toserver += flow.forward.bytes;
    known.bytes_toclient += flow.backward.bytes;
}

fn large(flow: &FlowRecord) -> LargeFlow {
    let (src, dest) = (flow.src(), flow.dest());
    LargeFlow {
        flow_id: flow.flow_id,
        start: flow.first_seen.min(flow.start),
        end: flow.end,
        src_ip: src.addr,
        src_port: src.port,
        dest_ip: dest.addr,
        dest_port: dest.port,
        proto: proto_name(flow.key.proto),
        app_proto: flow.app_proto().name().to_owned(),
        host_name: flow.app.as_deref().map(|app| app.host_name().to_owned()).unwrap_or_default(),
        state: flow.state.name().to_owned(),
        pkts_toserver: flow.forward.packets,
        pkts_toclient: flow.backward.packets,
        bytes_toserver: flow.forward.bytes,
        bytes_toclient: flow.backward.bytes,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use record::{DirectionStats, Endpoint, FlowKey, IpAddr16, Observation, Timestamp};

    fn flow(id: u64, bytes: u64, proto: u8, report: u32) -> FlowRecord {
        let ends = [1u8, 2].map(|n| Endpoint { addr: IpAddr16::v4([192, 0, 2, n]), port: 9 });
        let (key, originator_low) = FlowKey::new(ends[0], ends[1], proto);
        let stats = |bytes| DirectionStats { packets: 1, bytes, ..DirectionStats::default() };
        FlowRecord {
            flow_id: id,
            key,
            originator_low,
            forward: stats(bytes - 1),
            backward: stats(1),
            report,
            start: Timestamp(id as i64),
            first_seen: Timestamp(id as i64),
            end: Timestamp(id as i64 + i64::from(report)),
            ..FlowRecord::default()
        }
    }

    #[test]
    fn the_largest_flows_and_every_protocol_are_named() {
        let (mut sums, mut hosts) = (ContentsSums::default(), HostTable::default());
        // 1,000 flows of 101 to 1,100 bytes in mixed order; the reports of one add up to the largest of all.
        for n in (0..1_000u64).map(|n| n * 7 % 1_000) {
            let flow = flow(n, n + 101, if n % 4 == 0 { 17 } else { 6 }, 0);
            sums.flow(&flow);
            hosts.observe(&Observation::Flow(Box::new(flow)));
        }
        (1..=3).for_each(|report| sums.flow(&flow(999, 500, 6, report)));
        let contents = sums.finish(&hosts);
        let first: Vec<(u64, u64)> = contents.flows.iter().take(3).map(|f| (f.flow_id, f.bytes())).collect();
        assert_eq!(first, [(999, 2_600), (998, 1_099), (997, 1_098)]);
        assert_eq!((contents.flows.len(), contents.flows[99].flow_id), (100, 900));
        let told: Vec<_> = contents.protocols.iter().map(|p| (p.name.as_str(), p.flows, p.packets)).collect();
        assert_eq!(told, [("TCP", 750, 1_506), ("UDP", 250, 500)]);
        let bytes: u64 = contents.protocols.iter().map(|p| p.bytes).sum();
        assert_eq!(bytes, (101..=1_100).sum::<u64>() + 1_500);
        let busiest: Vec<_> = contents.hosts.iter().map(|h| (h.ip.0[15], h.flows_out, h.flows_in)).collect();
        assert_eq!(busiest, [(1, 1_000, 0), (2, 0, 1_000)]);
    }
}
