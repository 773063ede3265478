//! Files as fast as possible: readers and meters on as many threads as asked, observations out in one order that does not depend
//! on the number of threads. Owns the threads of file analysis; judges nothing.
//!
//! Each worker reads every frame and keeps only its shard of flows, so that all tables see the same clock. The observations of
//! `EPOCH_BATCHES` batches are merged and sorted before they are handed on.

use crate::logs::LogTotals;
use crate::meter::{Meter, MeterConfig, MeterCounters};
use record::{FlowKey, InterfaceSecond, Observation, Timestamp};
use source::{FrameSource, SourceError, SourceStats};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

/// Batches between two merges: about 8,000 packets, so that sorting is cheap and memory small.
const EPOCH_BATCHES: usize = 32;
/// Live flows that are reported in one epoch at the end of the input.
const END_FLOWS_MAX: u32 = 100_000;
/// Epochs that a fast worker may be ahead of a slow one.
const EPOCHS_AHEAD_MAX: usize = 8;

/// What was read, over all files.
#[derive(Debug, Default)]
pub struct ReplayResult {
    /// Meter counters: frames and bytes once, flow counters added over the shards.
    pub meter: MeterCounters,
    /// Readers' statistics and notes, in the order of the files.
    pub sources: Vec<(PathBuf, SourceStats)>,
    /// Workers used: standard input cannot be read twice.
    pub workers: usize,
    /// What was counted of logs; None where the input was captures.
    pub logs: Option<LogTotals>,
}

/// Reads `files` one after the other through one flow table (or one a worker) and hands each epoch to `sink`.
/// `progress` gets packets so far. An error in a later file comes after everything before it was handed on.
pub fn replay(
    files: &[PathBuf],
    config: &MeterConfig,
    workers: usize,
    progress: &mut dyn FnMut(u64),
    sink: &mut dyn FnMut(&mut Vec<Observation>),
) -> Result<ReplayResult, SourceError> {
    if crate::logs::are_logs(files)? {
        return crate::logs::replay(files, config, progress, sink);
    }
    let stdin = files.iter().any(|f| f == Path::new("-"));
    let workers = if stdin { 1 } else { workers.clamp(1, 64) };
    let mut result = if workers == 1 {
        replay_here(files, config, progress, sink)?
    } else {
        replay_threads(files, config, workers, progress, sink)?
    };
    result.workers = workers;
    Ok(result)
}

/// The reading loop of one worker. `emit` gets each epoch; false stops. What it leaves of an epoch is dropped, the space is
/// used again.
fn read_all(
    files: &[PathBuf],
    meter: &mut Meter,
    emit: &mut dyn FnMut(&mut Vec<Observation>, u64) -> bool,
) -> Result<Vec<(PathBuf, SourceStats)>, SourceError> {
    let mut sources = Vec::new();
    let mut headers = Vec::new();
    let mut out = Vec::new();
    let mut batches = 0;
    for file in files {
        let mut source: Box<dyn FrameSource> = source::open_capture(file)?;
        while let Some(bytes) = source.next_batch(&mut headers)? {
            meter.batch(bytes, &headers, &mut out);
            batches += 1;
            if batches % EPOCH_BATCHES == 0 {
                if !emit(&mut out, meter.frames()) {
                    return Ok(sources);
                }
                out.clear();
            }
        }
        sources.push((file.clone(), source.stats()));
    }
    // The end is one epoch, so that any number of workers gives one order; only a table too large for that is emptied in parts.
    if meter.live_flows() > END_FLOWS_MAX {
        while !meter.finish_some(&mut out) {
            if !emit(&mut out, meter.frames()) {
                return Ok(sources);
            }
            out.clear();
        }
    } else {
        meter.finish(&mut out);
    }
    emit(&mut out, meter.frames());
    Ok(sources)
}

fn replay_here(
    files: &[PathBuf],
    config: &MeterConfig,
    progress: &mut dyn FnMut(u64),
    sink: &mut dyn FnMut(&mut Vec<Observation>),
) -> Result<ReplayResult, SourceError> {
    let mut meter = Meter::new(config, 0, 1);
    let sources = read_all(files, &mut meter, &mut |epoch, frames| {
        sort(epoch);
        sink(epoch);
        progress(frames);
        true
    })?;
    Ok(ReplayResult { meter: meter.counters(), sources, workers: 1, logs: None })
}

type WorkerResult = (MeterCounters, Result<Vec<(PathBuf, SourceStats)>, SourceError>);

fn replay_threads(
    files: &[PathBuf],
    config: &MeterConfig,
    workers: usize,
    progress: &mut dyn FnMut(u64),
    sink: &mut dyn FnMut(&mut Vec<Observation>),
) -> Result<ReplayResult, SourceError> {
    let results: Vec<WorkerResult> = std::thread::scope(|scope| {
        let mut handles = Vec::new();
        let mut queues = Vec::new();
        for shard in 0..workers {
            let (sender, receiver) = sync_channel(EPOCHS_AHEAD_MAX);
            queues.push(receiver);
            let mut meter = Meter::new(config, shard as u32, workers as u32);
            handles.push(scope.spawn(move || worker(files, &mut meter, &sender)));
        }
        merge(&queues, progress, sink);
        handles.into_iter().filter_map(|h| h.join().ok()).collect()
    });
    let mut total = ReplayResult::default();
    for (shard, (counters, sources)) in results.into_iter().enumerate() {
        let sources = sources?;
        if shard == 0 {
            total.meter = counters;
            total.sources = sources;
        } else {
            total.meter.flow.merge(&counters.flow);
            // Every worker reads every header, but only its own flows' payloads.
            total.meter.decode_errors.merge(&counters.application_errors);
        }
    }
    Ok(total)
}

type Epoch = (Vec<Observation>, u64);

fn worker(files: &[PathBuf], meter: &mut Meter, queue: &SyncSender<Epoch>) -> WorkerResult {
    let sources = read_all(files, meter, &mut |epoch, frames| queue.send((std::mem::take(epoch), frames)).is_ok());
    (meter.counters(), sources)
}

/// Takes the same epoch from every worker; all have equally many, because all read the same batches.
fn merge(queues: &[Receiver<Epoch>], progress: &mut dyn FnMut(u64), sink: &mut dyn FnMut(&mut Vec<Observation>)) {
    loop {
        let mut all = Vec::new();
        let mut alive = 0;
        for queue in queues {
            if let Ok((mut epoch, frames)) = queue.recv() {
                alive += 1;
                all.append(&mut epoch);
                progress(frames);
            }
        }
        if alive == 0 {
            return;
        }
        sort(&mut all);
        sink(&mut all);
    }
}

/// The one order of observations: time, then kind, then flow, then as they came. Parts of one interface's second become one.
pub fn sort(observations: &mut Vec<Observation>) {
    sort_stable(observations);
    let mut at = 0;
    while at < observations.len() {
        if begins_parts(&observations[at..]) {
            let parts = second_parts(&observations[at..]);
            let whole = Observation::Second(Box::new(flow::merge_seconds(&parts)));
            observations.splice(at..at + parts.len(), [whole]);
        }
        at += 1;
    }
}

/// Sorts by `order`. Time and kind decide nearly always: only they are kept beside the place, the rest is looked up.
fn sort_stable(observations: &mut [Observation]) {
    let place = |(place, o): (usize, &Observation)| (o.ts(), kind(o), place as u32);
    let mut order: Vec<(Timestamp, u8, u32)> = observations.iter().enumerate().map(place).collect();
    order.sort_unstable_by(|a, b| {
        let tie = || tie(&observations[a.2 as usize]).cmp(&tie(&observations[b.2 as usize]));
        (a.0, a.1).cmp(&(b.0, b.1)).then_with(tie).then(a.2.cmp(&b.2))
    });
    for at in 0..order.len() {
        // What stood there first may have been swapped away before.
        let mut from = order[at].2;
        while (from as usize) < at {
            from = order[from as usize].2;
        }
        order[at].2 = from;
        observations.swap(at, from as usize);
    }
}

/// True when the first two are parts of one second of one interface.
fn begins_parts(observations: &[Observation]) -> bool {
    match observations {
        [Observation::Second(a), Observation::Second(b), ..] => (a.ts, a.interface) == (b.ts, b.interface),
        _ => false,
    }
}

/// The leading observations that are parts of one second of one interface.
fn second_parts(observations: &[Observation]) -> Vec<InterfaceSecond> {
    let mut parts: Vec<InterfaceSecond> = Vec::new();
    for observation in observations {
        match observation {
            Observation::Second(s) if parts.first().is_none_or(|f| (f.ts, f.interface) == (s.ts, s.interface)) => {
                parts.push((**s).clone());
            }
            _ => break,
        }
    }
    parts
}

/// Kinds in the order of one moment.
fn kind(observation: &Observation) -> u8 {
    match observation {
        // A flow's last packet comes before the flow's end.
        Observation::Packet(_) => 0,
        Observation::Arp(_) | Observation::Router(_) | Observation::Socket(_) => 1,
        Observation::Contact(_) => 2,
        Observation::App(_) => 3,
        Observation::Flow(_) => 4,
        Observation::Second(_) => 5,
        Observation::Imported(_) => 6,
    }
}

/// What orders two of one kind and moment.
fn tie(observation: &Observation) -> (FlowKey, u64) {
    match observation {
        Observation::Packet(_)
        | Observation::Arp(_)
        | Observation::Router(_)
        | Observation::Socket(_)
        | Observation::Imported(_) => (FlowKey::NONE, 0),
        Observation::Contact(c) => (c.key, 0),
        Observation::App(a) => (a.key, u64::from(a.from_low)),
        Observation::Flow(f) => (f.key, f.flow_id),
        Observation::Second(s) => (FlowKey::NONE, u64::from(s.interface)),
    }
}
