//! Watching without the right to capture: the host's own interface counters once a second, as seconds of traffic. Owns the
//! differences between two readings; the volume detector judges them as it judges captured seconds.

use super::worker::{Parcel, wall_clock};
use crossbeam_channel::Sender;
use evaluate::MeterCounters;
use record::{InterfaceSecond, Observation, TrafficClass};
use source::{HostCounters, SourceStats, host_counters};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Time between two readings.
const EVERY: Duration = Duration::from_secs(1);

/// Reads until `stop`; the loopback interface is left out, because its traffic goes nowhere.
pub fn run(number: usize, parcels: &Sender<Parcel>, stop: &Arc<AtomicBool>) {
    let mut before: BTreeMap<String, HostCounters> = BTreeMap::new();
    let mut meter = MeterCounters::default();
    let mut ended = "stopped".to_owned();
    while !stop.load(Ordering::Relaxed) {
        let now = wall_clock();
        let mut observations = Vec::new();
        match host_counters() {
            Err(error) => {
                ended = error.to_string();
                break;
            }
            Ok(counters) => {
                for (index, counter) in counters.into_iter().filter(|c| c.interface != "lo").enumerate() {
                    if let Some(last) = before.insert(counter.interface.clone(), counter.clone()) {
                        let mut second = difference(&last, &counter);
                        second.ts = record::Timestamp::from_parts(now.seconds() - 1, 0);
                        second.interface = index as u16;
                        meter.frames += second.packets.iter().sum::<u64>();
                        meter.bytes += second.bytes.iter().sum::<u64>();
                        observations.push(Observation::Second(Box::new(second)));
                    }
                }
            }
        }
        meter.last = Some(now);
        let stats = Some(SourceStats::default());
        let parcel = Parcel {
            worker: number,
            observations,
            now,
            meter: meter.clone(),
            source: stats,
            ended: None,
            due: Instant::now(),
        };
        if parcels.send(parcel).is_err() {
            return;
        }
        std::thread::sleep(EVERY);
    }
    let now = wall_clock();
    let (source, due) = (None, Instant::now());
    let last = Parcel { worker: number, observations: Vec::new(), now, meter, source, ended: Some(ended), due };
    // The judge may have gone first.
    let _ = parcels.send(last);
}

/// What passed between two readings; a counter that went back (an interface that came anew) counts from zero.
fn difference(before: &HostCounters, now: &HostCounters) -> InterfaceSecond {
    let gone = |a: u64, b: u64| if b >= a { b - a } else { b };
    let (bytes_in, bytes_out) = (gone(before.rx_bytes, now.rx_bytes), gone(before.tx_bytes, now.tx_bytes));
    let (packets_in, packets_out) = (gone(before.rx_packets, now.rx_packets), gone(before.tx_packets, now.tx_packets));
    let mut second = InterfaceSecond { bytes_in, bytes_out, packets_in, packets_out, ..InterfaceSecond::default() };
    // The kernel's counters do not tell protocols apart.
    second.bytes[TrafficClass::Other as usize] = bytes_in + bytes_out;
    second.packets[TrafficClass::Other as usize] = packets_in + packets_out;
    second
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_counter_that_starts_anew_counts_from_zero() {
        let reading = |rx_bytes, tx_bytes| HostCounters { rx_bytes, tx_bytes, ..HostCounters::default() };
        let second = difference(&reading(1_000, 50), &reading(1_500, 20));
        assert_eq!((second.bytes_in, second.bytes_out), (500, 20));
        assert_eq!(second.bytes[TrafficClass::Other as usize], 520);
    }
}
