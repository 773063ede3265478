//! The thread that reads this machine's own counters and sockets once a second: all there is to see without the right to capture,
//! and what names the owners of flows beside a capture. Owns the rhythm and the differences between two readings; what a change
//! means is for the detectors, whose a socket is, `source::SocketBook` knows.

use super::csv_logs::CsvLog;
use super::judging::lock;
use super::status::item;
use super::worker::{Parcel, wall_clock};
use crossbeam_channel::Sender;
use evaluate::{JudgedFlow, MeterCounters};
use record::{HealthItem, HealthLevel, InterfaceSecond, Observation, Timestamp, TrafficClass};
use source::{HostCounters, SocketBook, SocketReader, SourceStats, host_counters};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use store::csv_log::{self, TrafficRow};

/// Time between two readings.
const EVERY: Duration = Duration::from_secs(1);
/// How soon the thread sees that the process is to end.
const WAIT: Duration = Duration::from_millis(100);
/// Number of a watch beside the sources: none of them.
const BESIDE: usize = usize::MAX;
/// Share of the time that reading sockets may take: on a machine with very many they are read less often, counters never.
const SOCKETS_SHARE: u32 = 5;
/// Interfaces told apart; more are left out.
const INTERFACES_MAX: usize = 4_096;

/// What the thread has read, for who shows it and who asks for the owner of a flow.
#[derive(Default)]
pub struct HostShared {
    /// Sockets.
    pub book: Mutex<SocketBook>,
    /// Everything else.
    pub numbers: Mutex<HostNumbers>,
}

/// Numbers of the watch.
#[derive(Clone, Debug, Default)]
pub struct HostNumbers {
    /// Time of the newest reading.
    pub read: Option<Timestamp>,
    /// Why the newest reading of the sockets failed.
    pub error: Option<String>,
    /// What the newest reading cost, ms.
    pub reading_ms: f64,
    /// Readings so far, and looks through all processes among them.
    pub readings: u64,
    /// The same.
    pub looks: u64,
    /// Sockets left out because a reading had too many.
    pub left_out: u64,
    /// Interfaces by name, with what they carried since the reading before.
    pub interfaces: Vec<(HostCounters, HostCounters)>,
    /// True when the interfaces' counters are the traffic that is judged.
    pub alone: bool,
}

impl HostShared {
    /// A line for the health strip when the sockets cannot be read.
    pub fn health(&self) -> Option<HealthItem> {
        let error = lock(&self.numbers).error.clone()?;
        let text = format!("This machine's sockets cannot be read: {error}");
        Some(item("host", HealthLevel::Warning, text, "Mount /proc for this user, or set host.watch = false."))
    }

    /// Gives flows whose end is a socket of this machine their process.
    pub fn name_owners(&self, flows: &mut [JudgedFlow]) {
        if flows.is_empty() {
            return;
        }
        let book = lock(&self.book);
        for flow in flows {
            let record = &mut flow.record;
            if record.origin.has_packet_statistics() {
                let (src, dest) = (record.src(), record.dest());
                record.process = book.process_of(record.key.proto, src, dest, record.start, record.end).cloned();
            }
        }
    }
}

/// The thread.
pub struct HostWatcher {
    /// Its number among the sources; None beside a capture, which sees the traffic itself.
    pub source: Option<usize>,
    /// To the judge.
    pub parcels: Sender<Parcel>,
    /// For others.
    pub shared: Arc<HostShared>,
    /// CSV logs; None when they are off.
    pub log: Option<CsvLog>,
    /// Set when the process is to end.
    pub stop: Arc<AtomicBool>,
}

/// What is remembered between two readings.
#[derive(Default)]
struct Past {
    counters: BTreeMap<String, HostCounters>,
    /// Numbers of interfaces, in the order of their first appearance.
    numbers: BTreeMap<String, u16>,
    meter: MeterCounters,
    sockets: SocketReader,
    /// When the sockets are read again; None: now.
    sockets_due: Option<Instant>,
    /// Counters of the newest row of the traffic log, and its time.
    logged: Option<(Timestamp, BTreeMap<String, HostCounters>)>,
}

impl HostWatcher {
    /// Reads until the process ends; the loopback interface is left out, because its traffic goes nowhere.
    pub fn run(self) {
        let mut past = Past::default();
        let mut next = Instant::now();
        let ended = loop {
            if self.stop.load(Ordering::Relaxed) {
                break "stopped".to_owned();
            }
            let now = wall_clock();
            match self.read(&mut past, now) {
                Err(error) if self.source.is_some() => break error.to_string(),
                Err(error) => lock(&self.shared.numbers).error = Some(error.to_string()),
                Ok(observations) => {
                    if self.parcels.send(self.parcel(&past.meter, observations, now, None)).is_err() {
                        return;
                    }
                }
            }
            next = (next + EVERY).max(Instant::now());
            while Instant::now() < next && !self.stop.load(Ordering::Relaxed) {
                std::thread::sleep(WAIT.min(next.saturating_duration_since(Instant::now())));
            }
        };
        if self.source.is_some() {
            // The judge may have gone first.
            let _ = self.parcels.send(self.parcel(&past.meter, Vec::new(), wall_clock(), Some(ended)));
        }
    }

    fn parcel(
        &self,
        meter: &MeterCounters,
        observations: Vec<Observation>,
        now: Timestamp,
        ended: Option<String>,
    ) -> Parcel {
        let worker = self.source.unwrap_or(BESIDE);
        let source = ended.is_none().then(SourceStats::default);
        Parcel {
            worker,
            observations,
            now,
            meter: meter.clone(),
            source,
            log: None,
            ended,
            due: Instant::now(),
            elsewhere: None,
        }
    }

    /// One reading: seconds of interfaces where nothing else sees them, and sockets that came or went.
    fn read(&self, past: &mut Past, now: Timestamp) -> Result<Vec<Observation>, source::SourceError> {
        let begun = Instant::now();
        let counters: Vec<_> = host_counters()?.into_iter().filter(|c| c.interface != "lo").collect();
        let mut observations = Vec::new();
        let mut rates = Vec::new();
        for counter in counters.into_iter().take(INTERFACES_MAX) {
            let next = past.numbers.len() as u16;
            let number = *past.numbers.entry(counter.interface.clone()).or_insert(next);
            let last = past.counters.insert(counter.interface.clone(), counter.clone());
            let passed = last.as_ref().map(|last| difference(last, &counter)).unwrap_or_default();
            if last.is_some() && self.source.is_some() {
                let second = second(&passed, &counter.interface, number, now);
                past.meter.frames += second.packets.iter().sum::<u64>();
                past.meter.bytes += second.bytes.iter().sum::<u64>();
                observations.push(Observation::Second(Box::new(second)));
            }
            rates.push((counter, passed));
        }
        past.counters.retain(|name, _| rates.iter().any(|(counter, _)| counter.interface == *name));
        past.meter.last = Some(now);
        self.log_traffic(past, now);
        if past.sockets_due.is_none_or(|due| due <= Instant::now()) {
            let error = past.sockets.read().map(|()| self.enter_sockets(past, now, &mut observations)).err();
            let took = begun.elapsed();
            past.sockets_due = Some(begun + took * SOCKETS_SHARE);
            let mut numbers = lock(&self.shared.numbers);
            numbers.error = error.map(|error| error.to_string());
            numbers.reading_ms = took.as_secs_f64() * 1e3;
        }
        let mut numbers = lock(&self.shared.numbers);
        numbers.read = Some(now);
        numbers.readings += 1;
        (numbers.looks, numbers.left_out) = (past.sockets.looks(), past.sockets.left_out());
        (numbers.interfaces, numbers.alone) = (rates, self.source.is_some());
        Ok(observations)
    }

    fn enter_sockets(&self, past: &mut Past, now: Timestamp, observations: &mut Vec<Observation>) {
        let changes = past.sockets.enter(&mut lock(&self.shared.book), now);
        if let (Some(log), true) = (&self.log, self.source.is_some()) {
            for change in &changes {
                log.connection(csv_log::connection_of_socket(change));
            }
        }
        observations.extend(changes.into_iter().map(|change| Observation::Socket(Box::new(change))));
    }

    /// A row an interface when the time of a row has passed.
    fn log_traffic(&self, past: &mut Past, now: Timestamp) {
        let Some(log) = &self.log else { return };
        let Some((since, before)) = &past.logged else {
            past.logged = Some((now, past.counters.clone()));
            return;
        };
        let seconds = now.since(*since) as f64 / 1e9;
        if seconds + 0.5 < f64::from(log.traffic_every_s()) {
            return;
        }
        for (name, counter) in &past.counters {
            let Some(last) = before.get(name) else { continue };
            let d = difference(last, counter);
            log.traffic(csv_log::traffic(&TrafficRow {
                ts: now,
                interface: name.clone(),
                seconds,
                rx: [d.rx_bytes, d.rx_packets, d.rx_errors, d.rx_dropped],
                tx: [d.tx_bytes, d.tx_packets, d.tx_errors, d.tx_dropped],
            }));
        }
        past.logged = Some((now, past.counters.clone()));
    }
}

/// What passed between two readings; a counter that went back (an interface that came anew) counts from zero.
fn difference(before: &HostCounters, now: &HostCounters) -> HostCounters {
    let gone = |a: u64, b: u64| if b >= a { b - a } else { b };
    HostCounters {
        interface: now.interface.clone(),
        rx_bytes: gone(before.rx_bytes, now.rx_bytes),
        rx_packets: gone(before.rx_packets, now.rx_packets),
        rx_errors: gone(before.rx_errors, now.rx_errors),
        rx_dropped: gone(before.rx_dropped, now.rx_dropped),
        tx_bytes: gone(before.tx_bytes, now.tx_bytes),
        tx_packets: gone(before.tx_packets, now.tx_packets),
        tx_errors: gone(before.tx_errors, now.tx_errors),
        tx_dropped: gone(before.tx_dropped, now.tx_dropped),
    }
}

/// The same as a second of traffic.
fn second(passed: &HostCounters, name: &str, number: u16, now: Timestamp) -> InterfaceSecond {
    let mut second = InterfaceSecond {
        ts: Timestamp::from_parts(now.seconds() - 1, 0),
        interface: number,
        counted_on: name.to_owned(),
        bytes_in: passed.rx_bytes,
        bytes_out: passed.tx_bytes,
        packets_in: passed.rx_packets,
        packets_out: passed.tx_packets,
        ..InterfaceSecond::default()
    };
    // The kernel's counters do not tell protocols apart.
    second.bytes[TrafficClass::Other as usize] = passed.rx_bytes + passed.tx_bytes;
    second.packets[TrafficClass::Other as usize] = passed.rx_packets + passed.tx_packets;
    second
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_counter_that_starts_anew_counts_from_zero() {
        let reading = |rx_bytes, tx_bytes| HostCounters { rx_bytes, tx_bytes, ..HostCounters::default() };
        let passed = difference(&reading(1_000, 50), &reading(1_500, 20));
        assert_eq!((passed.rx_bytes, passed.tx_bytes), (500, 20));
        let second = second(&passed, "eth0", 3, Timestamp::from_parts(100, 5));
        assert_eq!((second.bytes_in, second.bytes_out, second.interface), (500, 20, 3));
        assert_eq!(second.bytes[TrafficClass::Other as usize], 520);
        assert_eq!((second.counted_on.as_str(), second.ts), ("eth0", Timestamp::from_parts(99, 0)));
    }

    #[test]
    fn a_flow_of_this_machine_gets_its_process() {
        let shared = HostShared::default();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (mut reader, now) = (SocketReader::default(), wall_clock());
        reader.read().unwrap();
        reader.enter(&mut lock(&shared.book), now);
        let end = |a: std::net::SocketAddr| record::Endpoint { addr: a.ip().into(), port: a.port() };
        let (ours, theirs) = (end(client.local_addr().unwrap()), end(client.peer_addr().unwrap()));
        let flow = |src, dest| {
            let (key, originator_low) = record::FlowKey::new(src, dest, 6);
            let record = record::FlowRecord { key, originator_low, start: now, end: now, ..Default::default() };
            JudgedFlow { record: Box::new(record), verdict: None, in_iface: None }
        };
        let stranger = record::Endpoint { addr: record::IpAddr16::v4([192, 0, 2, 1]), port: 9 };
        let mut flows = vec![flow(ours, theirs), flow(stranger, theirs), flow(stranger, stranger)];
        shared.name_owners(&mut flows);
        let pid = |flow: &JudgedFlow| flow.record.process.as_ref().map(|process| process.pid);
        assert_eq!(pid(&flows[0]), Some(std::process::id()));
        assert_eq!(pid(&flows[1]), Some(std::process::id()), "by the port that waits");
        assert_eq!(pid(&flows[2]), None);
    }
}
