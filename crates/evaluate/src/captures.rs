//! Captures as rows: each flow report through the same meter and features as the live run, with the truth of packet labels. Owns
//! which packet touches which flow; reads no table.

use crate::exports::TakeExports;
use crate::meter::{Meter, MeterConfig};
use crate::rows::RowInfo;
use crate::tables::{Opened, TableError};
use crate::truth::AttackPackets;
use record::{FlowKey, Matrix, Observation, Timestamp};
use std::collections::HashMap;

/// Most flow reports of one input: their vectors are held in memory.
const FLOWS_MAX: usize = 2_000_000;

/// Flows of captures.
#[derive(Debug, Default)]
pub struct Flows {
    /// One row a report.
    pub rows: Matrix,
    /// Who, when, where.
    pub info: Vec<RowInfo>,
    /// Attack by packet labels; empty without such labels.
    pub attacks: Vec<bool>,
    /// Packets read.
    pub packets: u64,
    /// What a person should know.
    pub notes: Vec<String>,
}

struct Reading<'a> {
    flows: Flows,
    /// What packet labels need of the flows when all packets have been read.
    held: Vec<(FlowKey, Timestamp, Timestamp)>,
    labels: Option<&'a [bool]>,
    attack_packets: AttackPackets,
    per_second: HashMap<i64, u64>,
}

/// Reads captures one after the other through one flow table. `labels` is one entry a packet, in order.
///
/// # Errors
/// A file that cannot be read, labels of another number than packets, more flows than memory is meant for.
pub fn read(
    files: Vec<Opened>,
    config: &MeterConfig,
    labels: Option<&[bool]>,
    progress: &mut dyn FnMut(u64),
) -> Result<Flows, TableError> {
    let columns = features::flow_schema().features.len();
    let flows = Flows { rows: Matrix::with_capacity(0, columns), ..Flows::default() };
    let (attack_packets, per_second) = (AttackPackets::default(), HashMap::new());
    let mut reading = Reading { flows, held: Vec::new(), labels, attack_packets, per_second };
    // Labels count packets, and models learn from the statistics of packets: exports are packets here.
    let mut config = config.clone();
    config.exports.take = TakeExports::Ignore;
    let mut meter = Meter::new(&config, 0, 1);
    let (mut headers, mut out) = (Vec::new(), Vec::new());
    for file in files {
        let mut capture = source::open_reader(&file.name, file.bytes)?;
        while let Some(bytes) = capture.next_batch(&mut headers)? {
            let before = meter.frames() as usize;
            let (_, metas) = meter.batch(bytes, &headers, &mut out);
            if let Some(labels) = labels {
                for (place, meta) in metas.iter().enumerate() {
                    if labels.get(before + place) == Some(&true) {
                        reading.attack_packets.note(meta);
                    }
                }
            }
            reading.take(&mut out)?;
            progress(meter.frames());
        }
        let stats = capture.stats();
        reading.flows.notes.extend(stats.notes.iter().map(|note| format!("{}: {note}", file.name)));
    }
    meter.finish(&mut out);
    reading.take(&mut out)?;
    reading.end(meter.frames())
}

impl Reading<'_> {
    fn take(&mut self, out: &mut Vec<Observation>) -> Result<(), TableError> {
        for observation in out.drain(..) {
            match observation {
                Observation::Flow(flow) => {
                    if self.flows.info.len() >= FLOWS_MAX {
                        let what = format!("the captures hold more than {FLOWS_MAX} flows; give them in parts");
                        return Err(TableError::columns(what));
                    }
                    features::flow_vector(&flow, &mut self.flows.rows.values);
                    self.flows.info.push(RowInfo::of_flow(&flow));
                    if self.labels.is_some() {
                        self.held.push((flow.key, flow.start, flow.end));
                    }
                }
                Observation::Second(second) => {
                    *self.per_second.entry(second.ts.seconds()).or_default() += second.packets.iter().sum::<u64>();
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn end(mut self, packets: u64) -> Result<Flows, TableError> {
        if let Some(labels) = self.labels {
            if labels.len() as u64 != packets {
                return Err(TableError::columns(format!(
                    "--packet-labels: {} labels for {packets} packets; there must be one line for each packet, in order",
                    labels.len()
                )));
            }
            self.attack_packets.sort();
            self.flows.attacks =
                self.held.iter().map(|(key, start, end)| self.attack_packets.touch(*key, *start, *end)).collect();
            if self.attack_packets.without_flow > 0 {
                let marked = labels.iter().filter(|label| **label).count();
                let note = format!(
                    "{} of {marked} packets that are labelled as attack belong to no flow (not IP): no row stands for them",
                    self.attack_packets.without_flow
                );
                self.flows.notes.push(note);
            }
        }
        for info in &mut self.flows.info {
            let rate = info.start.and_then(|start| self.per_second.get(&start.seconds()));
            info.rate = rate.map(|packets| *packets as f64);
        }
        self.flows.packets = packets;
        Ok(self.flows)
    }
}
