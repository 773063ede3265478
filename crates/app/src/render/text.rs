//! `analyze` for people: incidents first, worst on top, then what was read and learned.

use super::units::{bytes, reason, seconds, si};
use evaluate::Outcome;
use record::{Analysis, Incident, LogInput};
use std::io::{self, Write};

/// Reasons shown of one incident.
const REASONS_MAX: usize = 3;
/// Addresses shown of one incident.
const ADDRESSES_MAX: usize = 4;

/// Writes incidents and the summary.
pub fn analysis(output: &mut impl Write, outcome: &Outcome) -> io::Result<()> {
    let analysis = &outcome.analysis;
    for incident in &analysis.incidents {
        one(output, incident)?;
    }
    match analysis.incidents.len() {
        0 => writeln!(output, "No incidents.")?,
        1 => writeln!(output, "1 incident.")?,
        n => writeln!(output, "{n} incidents.")?,
    }
    if !outcome.held_back.is_empty() {
        let n = outcome.held_back.len();
        writeln!(output, "{n} more stayed under the alert budget's threshold; -o json lists them as held_back.")?;
    }
    writeln!(output)?;
    summary(output, analysis)
}

fn one(output: &mut impl Write, incident: &Incident) -> io::Result<()> {
    let severity = incident.severity.name().to_uppercase();
    writeln!(output, "{severity:<8} {}", incident.title)?;
    let attack =
        if incident.attack.is_empty() { String::new() } else { format!("  ATT&CK {}", incident.attack.join(" ")) };
    writeln!(output, "         {}  {} to {}{attack}", incident.kind.name(), incident.first_seen, incident.last_seen)?;
    let list = |ips: &[record::IpAddr16]| {
        let shown: Vec<String> = ips.iter().take(ADDRESSES_MAX).map(ToString::to_string).collect();
        let more = ips.len().saturating_sub(ADDRESSES_MAX);
        shown.join(" ") + &if more > 0 { format!(" and {more} more") } else { String::new() }
    };
    if !incident.dest.is_empty() {
        writeln!(output, "         from {} to {}", list(&incident.src), list(&incident.dest))?;
    }
    for why in incident.why.iter().take(REASONS_MAX) {
        writeln!(output, "         because {} ({:.0} % of the score)", reason(why), why.share * 100.0)?;
    }
    if !incident.advice.is_empty() {
        writeln!(output, "         {}", incident.advice)?;
    }
    writeln!(output)
}

/// What logs told, what of them was left, and a few of the lines that could not be read.
fn log_summary(output: &mut impl Write, logs: &LogInput, span: &str) -> io::Result<()> {
    let list = |counters: &record::Counters| {
        counters.0.iter().map(|(name, n)| format!("{} {n}", name.replace('_', " "))).collect::<Vec<_>>().join(", ")
    };
    writeln!(output, "Read     {} lines of logs ({}){span}", logs.lines, list(&logs.formats))?;
    writeln!(
        output,
        "Told     {} flows ({} packets, {}), {} messages, {} alerts",
        logs.flows - logs.openings,
        logs.packets,
        bytes(logs.bytes as f64),
        logs.events,
        logs.alerts
    )?;
    if logs.actions.total() > 0 {
        writeln!(output, "Firewall {}", list(&logs.actions))?;
    }
    if logs.not_used.total() > 0 {
        writeln!(
            output,
            "Left     {} lines that say nothing of traffic: {}",
            logs.not_used.total(),
            list(&logs.not_used)
        )?;
    }
    if logs.unreadable.total() > 0 {
        let n = logs.unreadable.total();
        writeln!(output, "Unread   {n} lines: {}", list(&logs.unreadable))?;
        for line in &logs.sample {
            writeln!(
                output,
                "         {} line {}, {}: {}",
                line.file,
                line.line,
                line.reason.replace('_', " "),
                line.text
            )?;
        }
    }
    Ok(())
}

fn summary(output: &mut impl Write, analysis: &Analysis) -> io::Result<()> {
    let input = &analysis.input;
    let span = match (input.first, input.last) {
        (Some(first), Some(last)) => format!(", {first} to {last}"),
        _ => String::new(),
    };
    match &input.logs {
        Some(logs) => log_summary(output, logs, &span)?,
        None => writeln!(output, "Read     {} packets, {}{span}", input.packets, bytes(input.bytes as f64))?,
    }
    writeln!(output, "Flows    {} of {} hosts", analysis.flows, analysis.hosts)?;
    let learned = &analysis.trained_on;
    let how = match learned.how.as_str() {
        "train_first" => format!("the first {} flows; the rest was judged", learned.flows),
        "whole_input" => format!("all {} flows under the contamination guard, then judged them", learned.flows),
        "model" => format!("{} flows, read from the model given", learned.flows),
        _ if analysis.flows >= evaluate::TRAINING_FLOWS_MIN as u64 => {
            "nothing: flow models need packets; exact detectors and the levels of hosts and series judged these flows"
                .to_owned()
        }
        _ => format!("nothing: fewer than {} flows, so only the exact detectors spoke", evaluate::TRAINING_FLOWS_MIN),
    };
    writeln!(output, "Learned  from {how}")?;
    let level = &analysis.packet_level;
    if level.judged > 0 {
        let shown = if level.admitted { "" } else { "; its promise did not hold, so it raises nothing" };
        writeln!(output, "Packets  {} judged one by one, {} skipped by sampling{shown}", level.judged, level.skipped)?;
    }
    for (name, what, level) in [
        ("Hosts", "minutes of hosts", &analysis.host_level),
        ("Series", "steps of ten seconds", &analysis.series_level),
    ] {
        if level.judged > 0 {
            let shown = if level.admitted { "" } else { "; its promise did not hold, so it raises nothing" };
            writeln!(output, "{name:<8} {} {what} judged{shown}", level.judged)?;
        }
    }
    for (name, counters) in [("Dropped", &input.drops), ("Not read", &input.decode_errors)] {
        if counters.total() > 0 {
            let list: Vec<String> =
                counters.0.iter().map(|(reason, n)| format!("{} {n}", reason.replace('_', " "))).collect();
            writeln!(output, "{name:<8} {}", list.join(", "))?;
        }
    }
    for note in &input.notes {
        writeln!(output, "Note     {note}")?;
    }
    let timing = &analysis.timing;
    writeln!(
        output,
        "Took     {} ({} of processor time, {}, {} of memory)",
        seconds(timing.wall_s),
        seconds(timing.cpu_s),
        si(timing.packets_per_s, "packets/s"),
        bytes(timing.rss_max_bytes as f64)
    )
}
