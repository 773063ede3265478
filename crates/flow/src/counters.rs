//! What the flow table counted. Two sums hold at every moment, and tests check them:
//! `packets = packets_in_records + packets_live + packets_without_flow + packets_other_shard` and
//! `flows_created = flows_ended + flows_live`.

use record::{Counters, EndReason};

/// Counts since the table was made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FlowCounters {
    /// Packets shown to this table, also those of other shards.
    pub packets: u64,
    /// Packets of other shards.
    pub packets_other_shard: u64,
    /// Packets without an IP flow (ARP, other link protocols); counted by shard 0.
    pub packets_without_flow: u64,
    /// Packets inside the records reported so far.
    pub packets_in_records: u64,
    /// Packets in live flows, not reported yet.
    pub packets_live: u64,
    /// Wire bytes of the packets that joined a flow.
    pub bytes_in_flows: u64,
    /// Flows begun.
    pub flows_created: u64,
    /// Flows live now.
    pub flows_live: u64,
    /// Most flows live at once.
    pub flows_live_max: u64,
    /// Flows ended, by reason: FIN, RST, idle, evicted, shutdown.
    pub ended_fin: u64,
    /// Ended by RST.
    pub ended_rst: u64,
    /// Ended by silence.
    pub ended_idle: u64,
    /// Ended because the table was full.
    pub ended_evicted: u64,
    /// Ended with the input.
    pub ended_shutdown: u64,
    /// Records written at the active time-out, the flow going on.
    pub reports_active: u64,
    /// Application messages.
    pub app_events: u64,
    /// Contacts told.
    pub contacts: u64,
    /// Times the capture clock stepped back by more than a minute.
    pub clock_steps_back: u64,
}

impl FlowCounters {
    /// Flows ended for any reason.
    #[must_use]
    pub fn flows_ended(&self) -> u64 {
        self.ended_fin + self.ended_rst + self.ended_idle + self.ended_evicted + self.ended_shutdown
    }
    /// Flow records written.
    #[must_use]
    pub fn records(&self) -> u64 {
        self.flows_ended() + self.reports_active
    }
    /// Adds another worker's counts. Live maxima add up, which is an upper bound.
    pub fn merge(&mut self, other: &Self) {
        for ((_, mine), (_, theirs)) in self.fields_mut().into_iter().zip(other.fields()) {
            *mine += theirs;
        }
    }
    /// By name, for metrics and the health page.
    #[must_use]
    pub fn to_counters(&self) -> Counters {
        let mut counters = Counters::default();
        for (name, value) in self.fields() {
            counters.add(name, value);
        }
        counters
    }

    pub(crate) fn end(&mut self, reason: EndReason) {
        match reason {
            EndReason::Fin => self.ended_fin += 1,
            EndReason::Rst => self.ended_rst += 1,
            EndReason::Idle => self.ended_idle += 1,
            EndReason::Evicted => self.ended_evicted += 1,
            EndReason::Shutdown => self.ended_shutdown += 1,
            EndReason::Active => self.reports_active += 1,
        }
    }

    fn fields(&self) -> Vec<(&'static str, u64)> {
        self.clone().fields_mut().into_iter().map(|(name, value)| (name, *value)).collect()
    }

    fn fields_mut(&mut self) -> [(&'static str, &mut u64); 18] {
        [
            ("packets", &mut self.packets),
            ("packets_other_shard", &mut self.packets_other_shard),
            ("packets_without_flow", &mut self.packets_without_flow),
            ("packets_in_records", &mut self.packets_in_records),
            ("packets_live", &mut self.packets_live),
            ("bytes_in_flows", &mut self.bytes_in_flows),
            ("flows_created", &mut self.flows_created),
            ("flows_live", &mut self.flows_live),
            ("flows_live_max", &mut self.flows_live_max),
            ("ended_fin", &mut self.ended_fin),
            ("ended_rst", &mut self.ended_rst),
            ("ended_idle", &mut self.ended_idle),
            ("ended_evicted", &mut self.ended_evicted),
            ("ended_shutdown", &mut self.ended_shutdown),
            ("reports_active", &mut self.reports_active),
            ("app_events", &mut self.app_events),
            ("contacts", &mut self.contacts),
            ("clock_steps_back", &mut self.clock_steps_back),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn merging_adds_every_field() {
        let mut one = FlowCounters { packets: 3, ended_rst: 1, ..FlowCounters::default() };
        one.merge(&FlowCounters { packets: 4, reports_active: 2, ..FlowCounters::default() });
        assert_eq!((one.packets, one.ended_rst, one.reports_active, one.records()), (7, 1, 2, 3));
        assert_eq!(one.to_counters().0.get("packets"), Some(&7));
    }
}
