//! Sources as the API and the health strip show them: what came, how fast, how late, what is missing and what to do about it. Owns
//! these words; counts nothing itself.

use super::status::{SourceState, item};
use evaluate::exports::missing_unit;
use record::{ExporterState, HealthItem, HealthLevel, Timestamp};
use serve::shapes::{ExporterInterface, ExporterView, SourceView, SourcesView};

/// Packets a second are the mean since the start where nothing newer is known.
fn rate(count: u64, since: Timestamp, now: Timestamp) -> f64 {
    count as f64 / (now.since(since).max(1_000_000_000) as f64 / 1e9)
}

/// Everything of every source.
pub fn view(sources: &[SourceState], started: Timestamp, now: Timestamp) -> SourcesView {
    SourcesView { sources: shown(sources).map(|source| of_source(source, started, now)).collect() }
}

/// Sources that say something: of the seats for captures by TCP those that somebody had, or one for all.
pub fn shown(sources: &[SourceState]) -> impl Iterator<Item = &SourceState> {
    let empty = |source: &SourceState| source.kind == "remote" && source.stats.peer.is_none();
    let first = sources.iter().position(|source| source.kind == "remote");
    let all_empty = sources.iter().all(|source| source.kind != "remote" || empty(source));
    let told = move |(n, source): &(usize, &SourceState)| !empty(source) || (all_empty && first == Some(*n));
    sources.iter().enumerate().filter(told).map(|(_, source)| source)
}

fn of_source(source: &SourceState, started: Timestamp, now: Timestamp) -> SourceView {
    let exports = &source.meter.exports;
    SourceView {
        name: source.name.clone(),
        kind: source.kind.to_owned(),
        state: state(source).to_owned(),
        last_event: source.last_event,
        packets: source.meter.frames,
        bytes: source.meter.bytes,
        packets_per_s: rate(source.meter.frames, started, now),
        dropped: source.stats.dropped.clone(),
        notes: source.stats.notes.clone(),
        exporters: exports.exporters.iter().map(|state| of_exporter(state, started, now)).collect(),
    }
}

/// `waiting`, `running`, `ended`, `failed`.
pub fn state(source: &SourceState) -> &'static str {
    let left = source.stats.peer.as_ref().is_some_and(|peer| !peer.connected);
    match source.ended.as_deref() {
        None if left => "waiting",
        None if source.meter.frames == 0 => "waiting",
        None => "running",
        Some("end of input" | "stopped") => "ended",
        Some(_) => "failed",
    }
}

fn of_exporter(state: &ExporterState, started: Timestamp, now: Timestamp) -> ExporterView {
    ExporterView {
        exporter: state.exporter.to_string(),
        format: state.format,
        domain: state.domain,
        last_event: (state.last.0 > 0).then_some(state.last),
        datagrams: state.datagrams,
        records: state.records,
        flows: state.flows,
        flows_per_s: rate(state.flows, started, now),
        missing: state.missing,
        missing_unit: missing_unit(state.format).to_owned(),
        reordered: state.reordered,
        restarts: state.restarts,
        templates: state.templates,
        sets_without_template: state.sets_without_template,
        sets_read_late: state.sets_read_late,
        sampling: state.sampling,
        clock_off_s: state.clock_off_s,
        ignored: state.ignored.clone(),
        unreadable: state.unreadable.clone(),
        interfaces: state.interfaces.iter().map(of_interface).collect(),
    }
}

fn of_interface(counters: &record::ExportedCounters) -> ExporterInterface {
    ExporterInterface {
        interface: counters.interface,
        speed_bits_per_s: counters.speed_bits_per_s,
        bytes_in: counters.bytes_in,
        packets_in: counters.packets_in,
        bytes_out: counters.bytes_out,
        packets_out: counters.packets_out,
        reported: counters.reported,
    }
}

/// What an administrator should do about exporters; nothing when all is well.
pub fn health(sources: &[SourceState]) -> Vec<HealthItem> {
    let collectors = sources.iter().filter(|source| source.kind == "collector");
    let logs = sources.iter().filter(|source| source.kind == "log");
    logs.flat_map(log_health).chain(collectors.flat_map(collector_health)).chain(remote_health(sources)).collect()
}

/// Who sends captures, and who has stopped.
fn remote_health(sources: &[SourceState]) -> Vec<HealthItem> {
    let remote = shown(sources).filter(|source| source.kind == "remote" && source.ended.is_none());
    let line = |source: &SourceState| {
        let name = "captures by TCP";
        let notes = source.stats.notes.join("; ");
        match &source.stats.peer {
            None => {
                let text = format!("No capture has come yet: {}", source.name);
                let action = "On the other machine: tcpdump -U -w - 'not port PORT' | nc THIS_MACHINE PORT.";
                Some(item(name, HealthLevel::Info, text, action))
            }
            Some(peer) if !peer.connected => {
                let action = "It goes on when it connects again; let a loop or a service do that.";
                Some(item(name, HealthLevel::Warning, format!("{}: {notes}", peer.name), action))
            }
            Some(_) if notes.is_empty() => None,
            Some(peer) => {
                let action = "Let it take its time from an NTP server; a recording is analysed at once on Captures.";
                Some(item(name, HealthLevel::Info, format!("{}: {notes}", peer.name), action))
            }
        }
    };
    remote.filter_map(line).collect()
}

/// What keeps lines from being read, as its reader says it.
fn log_health(source: &SourceState) -> Vec<HealthItem> {
    let action = "See Sources for the counts; formats that are read are in docs/reference/logs.md.";
    let warning = |note: &String| item("logs", HealthLevel::Warning, note.clone(), action);
    source.stats.notes.iter().map(warning).collect()
}

fn collector_health(source: &SourceState) -> Vec<HealthItem> {
    let mut items = Vec::new();
    for note in &source.stats.notes {
        let action = "A burst of exports may be lost in the kernel with a small buffer; losses are counted.";
        items.push(item("collector", HealthLevel::Warning, note.clone(), action));
    }
    let exporters = &source.meter.exports.exporters;
    if exporters.is_empty() && source.ended.is_none() {
        let text = format!("No exports have come yet: {}", source.name);
        let action = "Point the exporter at this address and port, and let UDP through the firewall.";
        items.push(item("exporters", HealthLevel::Info, text, action));
    }
    let waiting = |state: &&ExporterState| state.sets_without_template > state.sets_read_late;
    if let Some(state) = exporters.iter().find(waiting) {
        let sets = state.sets_without_template - state.sets_read_late;
        let text = format!("{}: {sets} data sets came without their template", state.exporter);
        let action = "They are read when the template comes; set the exporter to repeat templates every minute.";
        items.push(item("templates", HealthLevel::Info, text, action));
    }
    if let Some(state) = exporters.iter().find(|state| state.missing > 0) {
        let text = format!("{}: {} {} missing", state.exporter, state.missing, missing_unit(state.format));
        let action = "Exports were lost on the way or in the kernel: see Sources for its drops and its buffer.";
        items.push(item("export gaps", HealthLevel::Warning, text, action));
    }
    if let Some(state) = exporters.iter().find(|state| state.clock_off_s != 0) {
        let (behind, off_s) = (state.clock_off_s > 0, state.clock_off_s.unsigned_abs());
        let way = if behind { "behind" } else { "ahead" };
        let text = format!("{}: its clock is {off_s} s {way}; its times are put right", state.exporter);
        items.push(item("exporter clock", HealthLevel::Info, text, "Let it take its time from an NTP server."));
    }
    if let Some(state) = exporters.iter().find(|state| state.unreadable.total() > 0) {
        let reasons: Vec<String> =
            state.unreadable.0.iter().map(|(why, n)| format!("{n} {}", why.replace('_', " "))).collect();
        let text = format!("{}: parts of its exports cannot be read: {}", state.exporter, reasons.join(", "));
        items.push(item("unreadable exports", HealthLevel::Warning, text, "Check which format and version it sends."));
    }
    items
}

#[cfg(test)]
mod tests {
    use super::*;
    use record::{ExportFormat, IpAddr16};

    #[test]
    fn seats_that_nobody_had_are_one_line_and_the_others_bear_their_senders_names() {
        let at = "captures at tcp 127.0.0.1:5555";
        let mut sources = vec![SourceState::new(at.to_owned(), "remote"), SourceState::new(at.to_owned(), "remote")];
        let names = |sources: &[SourceState]| shown(sources).map(|source| source.name.clone()).collect::<Vec<_>>();
        assert_eq!(names(&sources), [at]);
        assert!(health(&sources)[0].text.starts_with("No capture has come yet"));
        sources[1].stats.peer = Some(source::Peer { name: "192.0.2.7".to_owned(), connected: true });
        assert!(sources[1].take_peers_name() && !sources[1].take_peers_name());
        assert_eq!((names(&sources), health(&sources).len()), (vec!["192.0.2.7".to_owned()], 0));
        sources[1].meter.frames = 9;
        assert_eq!(state(&sources[1]), "running");
        sources[1].stats.peer = Some(source::Peer { name: "192.0.2.7".to_owned(), connected: false });
        sources[1].stats.notes = vec!["not connected; the last time: the sender closed it".to_owned()];
        let lines = health(&sources);
        assert_eq!((state(&sources[1]), lines.len(), lines[0].level), ("waiting", 1, HealthLevel::Warning));
        assert!(lines[0].text.starts_with("192.0.2.7: not connected"), "{}", lines[0].text);
    }

    #[test]
    fn each_trouble_of_an_exporter_has_its_line() {
        let mut source = SourceState::new("exports at 127.0.0.1:2055".to_owned(), "collector");
        let names = |source: &SourceState| -> Vec<String> {
            health(std::slice::from_ref(source)).into_iter().map(|item| item.name).collect()
        };
        assert_eq!(names(&source), ["exporters"]);
        let mut state = ExporterState::new(IpAddr16::v4([192, 0, 2, 1]), ExportFormat::Ipfix, 7);
        source.meter.exports.exporters = vec![state.clone()];
        assert!(names(&source).is_empty());
        (state.missing, state.sets_without_template) = (3, 2);
        state.unreadable.add("set_truncated", 1);
        source.meter.exports.exporters = vec![state];
        source.stats.notes.push("small buffer".to_owned());
        assert_eq!(names(&source), ["collector", "templates", "export gaps", "unreadable exports"]);
        let lines = health(std::slice::from_ref(&source));
        assert_eq!(lines[2].text, "192.0.2.1: 3 records missing");
        let view = view(&[source], Timestamp(0), Timestamp(2_000_000_000));
        assert_eq!((view.sources[0].exporters[0].missing, view.sources[0].state.as_str()), (3, "waiting"));
    }
}
