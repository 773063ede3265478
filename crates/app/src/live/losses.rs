//! Counters of losses, by what was lost and what helps: packets that were never read, results that were not stored, and entries
//! that full tables forgot. Knows the endings of the reasons' names; who counts them is their rooms' business.

use super::status::{item, words};
use record::{Counters, HealthItem, HealthLevel};

/// Losses since the start.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Losses {
    /// Packets that no detector saw.
    pub packets: Counters,
    /// Flows, incidents and series that history lacks.
    pub history: Counters,
    /// Entries of bounded tables that newer ones took the place of.
    pub memory: Counters,
    /// Datagrams of exporters and of syslog that nobody read.
    pub exports: Counters,
    /// Messages of syslog that were refused, cut short or broken off.
    pub messages: Counters,
    /// Connections of captures by TCP that were refused or ended badly.
    pub senders: Counters,
    /// Exported flows that were read and told late, cut short or left out of the seconds.
    pub exported: Counters,
}

impl Losses {
    /// Sorts `drops` by what they cost.
    pub fn of(drops: &Counters) -> Self {
        let mut losses = Self::default();
        for (reason, count) in &drops.0 {
            let table = ["_evicted", "_forgotten", "_refused"].iter().any(|ending| reason.ends_with(ending));
            let lost_exports =
                ["kernel_socket_full", "datagram_cut", "export_sets_given_up"].contains(&reason.as_str());
            let lost_messages = ["connections_", "messages_"].iter().any(|beginning| reason.starts_with(beginning));
            // Its own lines in the health strip say what of it is lost, and why.
            if reason.starts_with("mongodb_") {
                continue;
            }
            let kind = if reason.starts_with("sender_") {
                &mut losses.senders
            } else if lost_messages {
                &mut losses.messages
            } else if lost_exports {
                &mut losses.exports
            } else if table {
                &mut losses.memory
            } else if reason.starts_with("exported_") || reason == "exporter_not_allowed" {
                &mut losses.exported
            } else if ["store_", "series_", "csv_", "archive_"].iter().any(|beginning| reason.starts_with(beginning)) {
                &mut losses.history
            } else {
                &mut losses.packets
            };
            kind.add(reason, *count);
        }
        losses
    }

    /// For the health strip: one item for each kind that there is.
    pub fn health(&self) -> Vec<HealthItem> {
        let kinds = [
            (
                &self.packets,
                "drops",
                HealthLevel::Warning,
                "Packets lost since the start",
                "Give capture more memory (capture.ring_bytes), filter traffic you do not need (-F), or use more workers.",
            ),
            (
                &self.history,
                "history",
                HealthLevel::Warning,
                "Not kept in the history",
                "Point --data-dir at a faster disk, or filter traffic you do not need (-F).",
            ),
            (
                &self.memory,
                "memory",
                HealthLevel::Info,
                "Full tables forgot their oldest entries",
                "Usual while a scan or flood passes with very many addresses. If it goes on, raise the tables' sizes in the settings.",
            ),
            (
                &self.messages,
                "messages lost",
                HealthLevel::Warning,
                "Syslog refused, cut or broken off since the start",
                "Raise logs.connections_max where connections are refused; see whether senders use TLS as the listener does.",
            ),
            (
                &self.exports,
                "exports lost",
                HealthLevel::Warning,
                "Datagrams of exporters and syslog lost since the start",
                "Raise collect.receive_buffer_bytes (logs.receive_buffer_bytes) and net.core.rmem_max; let exporters repeat their templates every minute.",
            ),
            (
                &self.senders,
                "senders",
                HealthLevel::Warning,
                "Connections of captures by TCP refused or broken off",
                "Name your senders in pcap.allow, raise pcap.connections_max, and send nothing but pcap or pcapng.",
            ),
            (
                &self.exported,
                "exports",
                HealthLevel::Info,
                "Flow exports left aside in part",
                "Set the active time-out of exporters to 60 s and their clocks by NTP; see the section `exported` of the settings.",
            ),
        ];
        let line = |(counters, name, level, what, advice): (&Counters, _, _, _, _)| {
            item(name, level, format!("{what}: {}", words(counters)), advice)
        };
        kinds.into_iter().filter(|kind| kind.0.total() > 0).map(line).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_loss_has_its_own_words() {
        let mut drops = Counters::default();
        drops.add("kernel_ring_full", 7);
        drops.add("store_queue_full", 2);
        drops.add("kernel_socket_full", 5);
        drops.add("sender_not_allowed", 2);
        drops.add("exported_bytes_outside_seconds", 9_000);
        drops.add("port_scan.pairs_evicted", 3);
        drops.add("window_contacts_forgotten", 4);
        drops.add("connections_refused", 6);
        let losses = Losses::of(&drops);
        assert_eq!((losses.packets.total(), losses.history.total(), losses.memory.total()), (7, 2, 7));
        let items = losses.health();
        let texts: Vec<&str> = items.iter().map(|i| i.text.as_str()).collect();
        assert_eq!(
            texts,
            [
                "Packets lost since the start: 7 kernel ring full",
                "Not kept in the history: 2 store queue full",
                "Full tables forgot their oldest entries: 3 port scan pairs evicted, 4 window contacts forgotten",
                "Syslog refused, cut or broken off since the start: 6 connections refused",
                "Datagrams of exporters and syslog lost since the start: 5 kernel socket full",
                "Connections of captures by TCP refused or broken off: 2 sender not allowed",
                "Flow exports left aside in part: 9000 exported bytes outside seconds"
            ]
        );
        assert_eq!(items.iter().map(|i| i.level).max(), Some(HealthLevel::Warning));
        assert!(Losses::default().health().is_empty());
    }
}
