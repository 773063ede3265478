//! `tripline simulate`: labelled traffic into a file or onto an interface.

use super::output::Output;
use crate::cli::{Common, SimulateArgs};
use crate::duration::parse_ns;
use crate::failure::{Context, EXIT_DONE, Failure, Result};
use crate::progress::Progress;
use evaluate::simulate::{SimulateConfig, Simulator, scenarios, write_labels};
use record::{LinkType, Timestamp};
use source::{FrameSender, PcapWriter};
use std::io::{self, Write};
use std::time::{Duration, Instant};

/// Bytes of a frame that the file's header promises to hold.
const SNAP_LEN: u32 = 65_535;
/// Progress is told once in so many frames.
const TELL_EVERY: u64 = 10_000;

/// Writes or sends.
pub fn run(common: &Common, args: &SimulateArgs) -> Result<u8> {
    if args.list {
        return list();
    }
    let start = Timestamp::parse_rfc3339(&args.start)
        .ok_or_else(|| Failure::new(format!("--start {}: write a time such as 2026-01-05T09:00:00Z", args.start)))?;
    let config = SimulateConfig {
        scenarios: args.scenario.clone(),
        duration_s: parse_ns(&args.duration).context("--duration")? as f64 / 1e9,
        packets_per_second_max: args.rate,
        seed: args.seed,
        start,
        ..SimulateConfig::default()
    };
    let mut simulator = Simulator::new(&config).plain()?;
    // Before the traffic is made, so that a wrong path costs nothing.
    let mut labels = args.labels.as_deref().map(|path| Output::open(Some(path))).transpose()?;
    let progress = Progress::new("packets", common.quiet);
    let (frames, bytes) = match (&args.interface, &args.write) {
        (Some(interface), _) => send(&mut simulator, interface, &progress)?,
        (None, Some(path)) => write(&mut simulator, path, &progress)?,
        (None, None) => return Err(Failure::new("say where the traffic goes: -w OUT.pcap or -i IFACE")),
    };
    drop(progress);
    if let Some(mut output) = labels.take() {
        write_labels(&mut output, simulator.labels()).map_err(|e| output.failure(&e))?;
        output.finish()?;
    }
    tracing::info!("{frames} frames, {bytes} bytes, {} attack episodes", simulator.labels().len());
    Ok(EXIT_DONE)
}

fn list() -> Result<u8> {
    let mut output = Output::open(None)?;
    for scenario in scenarios() {
        let kind = scenario.kind.map_or("", record::Kind::name);
        writeln!(output, "{:<18} {kind:<14} {}", scenario.name, scenario.description).context("output")?;
    }
    output.finish()?;
    Ok(EXIT_DONE)
}

fn write(simulator: &mut Simulator, path: &std::path::Path, progress: &Progress) -> Result<(u64, u64)> {
    let mut output = Output::open(Some(path))?;
    match write_frames(simulator, &mut output, progress) {
        Ok(told) => output.finish().map(|()| told),
        Err(error) => Err(output.failure(&error)),
    }
}

fn write_frames(simulator: &mut Simulator, output: &mut Output, progress: &Progress) -> io::Result<(u64, u64)> {
    let mut writer = PcapWriter::new(&mut *output, LinkType::ETHERNET, SNAP_LEN)?;
    let (mut frame, mut frames, mut bytes) = (Vec::new(), 0_u64, 0_u64);
    while let Some((ts, _)) = simulator.next_into(&mut frame) {
        writer.write(ts, frame.len() as u32, &frame)?;
        frames += 1;
        bytes += frame.len() as u64;
        if frames.is_multiple_of(TELL_EVERY) {
            progress.set(frames);
        }
    }
    writer.finish()?;
    Ok((frames, bytes))
}

/// Sends every frame when its time has come; the traffic's first frame leaves at once.
fn send(simulator: &mut Simulator, interface: &str, progress: &Progress) -> Result<(u64, u64)> {
    let sender = FrameSender::open(interface).plain()?;
    let begun = Instant::now();
    let mut origin = None;
    let (mut frame, mut frames, mut bytes) = (Vec::new(), 0_u64, 0_u64);
    while let Some((ts, _)) = simulator.next_into(&mut frame) {
        let due = Duration::from_nanos(ts.since(*origin.get_or_insert(ts)).max(0) as u64);
        if let Some(wait) = due.checked_sub(begun.elapsed()) {
            std::thread::sleep(wait);
        }
        sender.send(&[&frame]).plain()?;
        frames += 1;
        bytes += frame.len() as u64;
        if frames.is_multiple_of(TELL_EVERY) {
            progress.set(frames);
        }
    }
    Ok((frames, bytes))
}
