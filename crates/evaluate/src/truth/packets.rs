//! A label for each packet, 0 or 1, one a line in the order of the capture; a line of names and an index before the label are
//! accepted. A flow is an attack when at least one packet that is labelled 1 has its key and lies between its first and last packet.

use crate::tables::TableError;
use record::{FlowKey, PacketMeta, Timestamp};
use std::collections::HashMap;
use std::io::{BufRead, BufReader};
use std::path::Path;

/// Reads one file of labels.
///
/// # Errors
/// A line whose last part is neither 0 nor 1.
pub fn read_packet_labels(path: &Path) -> Result<Vec<bool>, TableError> {
    let name = path.display().to_string();
    let mut labels = Vec::new();
    for (place, line) in BufReader::new(source::open_unpacked(path)?).lines().enumerate() {
        let number = place as u64 + 1;
        let line = line.map_err(|error| TableError::row(&name, number, format!("it cannot be read: {error}")))?;
        let last = line.trim().rsplit([',', ';', '\t', ' ']).next().unwrap_or("").trim_matches(['"', '\u{feff}']);
        match last {
            "" => {}
            "0" | "0.0" => labels.push(false),
            "1" | "1.0" => labels.push(true),
            // A line of names.
            _ if labels.is_empty() && last.parse::<f64>().is_err() => {}
            _ => return Err(TableError::row(&name, number, format!("`{last:.20}` is neither 0 nor 1"))),
        }
    }
    Ok(labels)
}

/// Times of labelled packets by their flow's key.
#[derive(Debug, Default)]
pub struct AttackPackets {
    times: HashMap<FlowKey, Vec<Timestamp>>,
    /// Labelled packets that belong to no flow (ARP, control networks below IP).
    pub without_flow: u64,
}

impl AttackPackets {
    /// Notes a packet that is labelled 1.
    pub fn note(&mut self, packet: &PacketMeta) {
        if packet.hash == 0 {
            self.without_flow += 1;
        } else {
            self.times.entry(packet.key).or_default().push(packet.ts);
        }
    }

    /// To be called once, when all are noted.
    pub fn sort(&mut self) {
        self.times.values_mut().for_each(|times| times.sort_unstable());
    }

    /// One of them is of the flow `key` between its first and last packet.
    #[must_use]
    pub fn touch(&self, key: FlowKey, start: Timestamp, end: Timestamp) -> bool {
        self.times.get(&key).is_some_and(|times| {
            let first = times.partition_point(|time| *time < start);
            times.get(first).is_some_and(|time| *time <= end)
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn labels(text: &str) -> Result<Vec<bool>, String> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("labels.csv");
        std::fs::write(&path, text).unwrap();
        read_packet_labels(&path).map_err(|error| error.to_string())
    }

    #[test]
    fn every_form_of_label_line() {
        for text in
            ["0\n1\n1\n", "1;0\n2;1\n3;1", "\"\",\"x\"\n\"1\",0\n\"2\",1\n\"3\",1\n", "label\r\n0\r\n1\r\n1\r\n"]
        {
            assert_eq!(labels(text).unwrap(), [false, true, true], "{text:?}");
        }
        assert!(labels("0\n1\n2\n").unwrap_err().contains("line 3: `2` is neither"));
        assert!(labels("0\nattack\n").unwrap_err().contains("line 2"));
    }

    #[test]
    fn a_flow_is_touched_between_its_ends() {
        let mut packets = AttackPackets::default();
        let key = FlowKey::default();
        packets.note(&PacketMeta { ts: Timestamp(50), key, hash: 7, ..PacketMeta::EMPTY });
        packets.note(&PacketMeta::EMPTY);
        packets.sort();
        let touch = |start, end| packets.touch(key, Timestamp(start), Timestamp(end));
        assert!(touch(40, 60) && touch(50, 50));
        assert!(!touch(10, 49) && !touch(51, 60));
        assert_eq!(packets.without_flow, 1);
    }
}
