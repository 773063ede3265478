//! `tripline flows`: files to flow records, written as they end.

use super::analyze::{check_link_types, meter_config, refuse_filter_of_logs};
use super::output::Output;
use crate::cli::{Common, FlowsArgs, FlowsFormat};
use crate::config::Config;
use crate::failure::{Context, EXIT_DONE, Failure, Result};
use crate::progress::Progress;
use evaluate::ReplayResult;
use record::Observation;
use std::io::IsTerminal;
use std::path::Path;
use store::formats::{FlowFormat, FlowWriter, FormatContext, flow_format};

/// Reads and writes; the summary goes to standard error.
pub fn run(common: &Common, args: &FlowsArgs) -> Result<u8> {
    let mut config = Config::load(common)?;
    config.exports.in_captures = args.exports.map_or(config.exports.in_captures, Into::into);
    refuse_filter_of_logs(&args.files, args.filter.as_deref())?;
    let meter = meter_config(&config, args.filter.as_deref())?;
    let meter = evaluate::MeterConfig { packets: None, records_only: true, ..meter };
    let format = format(args)?;
    let mut output = Output::open(args.write.as_deref())?;
    let context = FormatContext { community_id: flow::community_id_of, interfaces: Vec::new() };
    let opened = format.map(|format| format.open(Box::new(&mut output), context)).transpose();
    let mut writer: Option<Box<dyn FlowWriter>> = opened.context("output")?;
    let progress = Progress::new("packets", common.quiet);
    let mut written = 0_u64;
    let mut failed = None;
    let result = evaluate::replay(&args.files, &meter, args.workers, &mut |n| progress.set(n), &mut |epoch| {
        for observation in epoch.drain(..) {
            let Observation::Flow(flow) = observation else { continue };
            written += 1;
            if let Some(writer) = writer.as_mut().filter(|_| failed.is_none()) {
                failed = writer.write(&flow).err();
            }
        }
    })
    .plain()?;
    drop(progress);
    if failed.is_none() {
        check_link_types(&args.files, result.meter.frames, &result.meter.decode_errors)?;
        failed = writer.as_mut().and_then(|writer| writer.finish().err());
    }
    drop(writer);
    if let Some(error) = failed {
        return Err(output.failure(&error));
    }
    output.finish()?;
    summarize(&result, written);
    Ok(EXIT_DONE)
}

/// The format asked for; None to count only.
fn format(args: &FlowsArgs) -> Result<Option<&'static dyn FlowFormat>> {
    let name = match args.output {
        FlowsFormat::Csv => "csv",
        FlowsFormat::Json => "json",
        FlowsFormat::Eve => "eve",
        FlowsFormat::Zeek => "zeek",
        FlowsFormat::Parquet => "parquet",
        FlowsFormat::None => return Ok(None),
    };
    let format = flow_format(name);
    let to_stdout = args.write.as_deref().is_none_or(|path| path == Path::new("-"));
    if format.is_some_and(|f| !f.is_text()) && to_stdout && std::io::stdout().is_terminal() {
        return Err(Failure::new(format!(
            "-o {name}: a terminal cannot show it; write a file with -w FILE, or a pipe"
        )));
    }
    Ok(format)
}

fn summarize_logs(logs: &record::LogInput, written: u64) {
    tracing::info!(
        "{} lines of logs, {} packets, {} bytes, {written} flow records",
        logs.lines,
        logs.packets,
        logs.bytes
    );
    for (what, count) in &logs.not_used.0 {
        tracing::info!("read and not used, {what}: {count} lines");
    }
    for (reason, count) in &logs.unreadable.0 {
        tracing::warn!("not read, {reason}: {count} lines");
    }
    for line in &logs.sample {
        tracing::warn!("{} line {}, {}: {}", line.file, line.line, line.reason, line.text);
    }
}

fn summarize(result: &ReplayResult, written: u64) {
    for (file, stats) in &result.sources {
        for note in &stats.notes {
            tracing::warn!("{}: {note}", file.display());
        }
    }
    if let Some(logs) = &result.logs {
        return summarize_logs(&logs.summary(), written);
    }
    let meter = &result.meter;
    for note in evaluate::exports::notes(&meter.exports) {
        tracing::warn!("{note}");
    }
    if meter.frames == 0 {
        tracing::warn!("there is no packet in the input");
    }
    tracing::info!("{} packets, {} bytes, {written} flow records", meter.frames, meter.bytes);
    if meter.exports.datagrams > 0 {
        let exports = &meter.exports;
        tracing::info!(
            "{} of the packets are exports of {} exporters: {} reports of flows, {} flow records of them",
            exports.datagrams,
            exports.exporters.len(),
            exports.reports,
            exports.records
        );
    }
    for (kind, count) in &meter.decode_errors.0 {
        tracing::info!("not decoded further, {kind}: {count} packets");
    }
    if meter.flow.ended_evicted > 0 {
        tracing::warn!(
            "{} flows were evicted because the table was full; raise flow.flows_max",
            meter.flow.ended_evicted
        );
    }
}
