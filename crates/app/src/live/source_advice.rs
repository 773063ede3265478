//! What an administrator should do about sources: one list of lines for the health strip and for `GET /sources`. Owns the words and
//! when they are said; counts nothing itself. Lines of logs are never in it: they may hold secrets.

use super::log_told::LogTold;
use super::losses::Losses;
use super::sources::{Group, groups, span};
use super::status::{SourceState, item, key, words};
use evaluate::exports::missing_unit;
use record::{ExporterState, HealthItem, HealthLevel};
use std::time::{Duration, Instant};

/// Silence of an interface or an exporter that is told, where it never was so long before: both say something every minute or so.
const SILENCE: Duration = Duration::from_mins(5);
/// The same of a log: a firewall may have nothing to say.
const LOG_SILENCE: Duration = Duration::from_mins(15);
/// How long a source may take until the first of it comes.
const FIRST: Duration = Duration::from_mins(1);
/// Lines may come so much after what they tell.
const LATE_MS: u64 = 300_000;
/// Share of unreadable lines above which it is a warning.
const UNREADABLE_SHARE: f64 = 0.01;

/// What is to be done about a source, worst first.
pub fn of(group: &Group<'_>, now: Instant) -> Vec<HealthItem> {
    let mut items = failed(group);
    items.extend(strip(group, now));
    items.extend(Losses::of(&group.merged(|source| &source.stats.dropped)).health());
    let own_words = !matches!(group.kind(), "collector" | "log" | "log_file" | "remote");
    for note in group.0.first().filter(|_| own_words).iter().flat_map(|source| &source.stats.notes) {
        items.push(item("notes", HealthLevel::Info, note.clone(), ""));
    }
    items.sort_by_key(|item| std::cmp::Reverse(item.level));
    items
}

/// The lines of all sources for the health strip. Losses have lines of their own there, and so has a watch that stopped as a whole.
pub fn health(sources: &[SourceState], now: Instant) -> Vec<HealthItem> {
    let groups = groups(sources);
    let runs = sources.iter().any(|source| source.ended.is_none());
    let failed = groups.iter().filter(|_| runs).flat_map(failed);
    failed.chain(groups.iter().flat_map(|group| strip(group, now))).collect()
}

/// Why it failed.
fn failed(group: &Group<'_>) -> Vec<HealthItem> {
    let Some(why) = group.ended().filter(|_| group.state() == "failed") else { return Vec::new() };
    let action = match group.kind() {
        "interface" => "Bring the interface up and start Tripline again.",
        "file" => "What came before was read; see whether the file is whole.",
        _ => "Mend what it says and start Tripline again.",
    };
    vec![item("source", HealthLevel::Error, format!("{} ended: {why}", group.name()), action)]
}

fn strip(group: &Group<'_>, now: Instant) -> Vec<HealthItem> {
    let mut items: Vec<HealthItem> = nothing_yet(group, now).into_iter().chain(silent(group, now)).collect();
    for source in &group.0 {
        match source.kind {
            "collector" => items.extend(collector(source, now)),
            "log" | "log_file" => items.extend(log(source)),
            "remote" => items.extend(remote(source)),
            _ => {}
        }
    }
    items
}

/// Nothing has ever come.
fn nothing_yet(group: &Group<'_>, now: Instant) -> Option<HealthItem> {
    let name = group.name();
    if group.state() != "waiting" {
        return None;
    }
    if group.kind() == "collector" {
        let action = "Point the exporter at this address and port, and let UDP through the firewall.";
        return Some(item("exporters", HealthLevel::Info, format!("No exports have come yet: {name}"), action));
    }
    let waited: Option<Vec<Duration>> = group.0.iter().map(|source| source.pulse.waited(now)).collect();
    waited.filter(|waited| waited.iter().all(|waited| *waited >= FIRST))?;
    let (text, action) = match group.kind() {
        "interface" => (
            format!("No packet has come yet on {name}"),
            "See whether the cable or mirror port carries traffic, and what the capture filter lets through.",
        ),
        "log" => (
            format!("No line has come yet: {name}"),
            "Point devices here and let them through the firewall; a followed file counts from its end on (logs.from_start).",
        ),
        _ => return None,
    };
    Some(item("silent", HealthLevel::Info, text, action))
}

/// For how long a source that goes with the clock has been silent, when it never was so long; a collector's exporters speak for it.
pub fn silence(group: &Group<'_>, now: Instant) -> Option<Duration> {
    let least = match group.kind() {
        "interface" => SILENCE,
        "log" => LOG_SILENCE,
        _ => return None,
    };
    group.long_silence(now, least).filter(|_| group.state() == "running")
}

fn silent(group: &Group<'_>, now: Instant) -> Option<HealthItem> {
    let silence = span(silence(group, now)?);
    let text = format!("{}: nothing for {silence}, longer than ever", group.name());
    let (level, action) = if group.kind() == "log" {
        (HealthLevel::Info, "See whether what writes it still runs and still sends here.")
    } else {
        let action =
            "See whether the cable or mirror port still carries traffic: a dead watch looks like a quiet network.";
        (HealthLevel::Warning, action)
    };
    Some(item("silent", level, text, action))
}

/// For how long an exporter has been silent, when it never was so long.
pub fn exporter_silence(source: &SourceState, state: &ExporterState, now: Instant) -> Option<Duration> {
    let live = source.kind == "collector" && source.ended.is_none();
    source.exporters.get(&key(state)).filter(|_| live)?.long_silence(now, SILENCE)
}

/// How an exporter does.
pub fn exporter_level(state: &ExporterState, silent: Option<Duration>) -> HealthLevel {
    if state.missing > 0 || state.unreadable.total() > 0 || silent.is_some() {
        HealthLevel::Warning
    } else if state.clock_off_s != 0 || state.sets_without_template > state.sets_read_late {
        HealthLevel::Info
    } else {
        HealthLevel::Ok
    }
}

/// Who sends captures, and who has stopped.
fn remote(source: &SourceState) -> Option<HealthItem> {
    let name = "captures by TCP";
    let notes = source.stats.notes.join("; ");
    if source.ended.is_some() {
        return None;
    }
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
}

/// What keeps lines from being read, or from being read in time.
fn log(source: &SourceState) -> Vec<HealthItem> {
    let own = "Sources shows what was counted.";
    let note = |note: &String| item("logs", HealthLevel::Warning, note.clone(), own);
    let mut items: Vec<HealthItem> = source.stats.notes.iter().map(note).collect();
    let Some(told) = &source.log else { return items };
    items.extend(unreadable_lines(&source.name, told));
    if told.ahead > 0 {
        let text =
            format!("{}: {} lines were ahead of this machine's clock; their arrival counts", source.name, told.ahead);
        items.push(item(
            "logs",
            HealthLevel::Warning,
            text,
            "Let devices write UTC or RFC 5424 times, and set their clocks by NTP.",
        ));
    }
    if told.late_ms >= LATE_MS && source.ended.is_none() {
        let late = span(Duration::from_millis(told.late_ms));
        let text = format!("{}: lines come {late} after what they tell", source.name);
        items.push(item(
            "logs",
            HealthLevel::Info,
            text,
            "Let it be written or sent more often; attacks are told no sooner than their lines.",
        ));
    }
    items
}

fn unreadable_lines(name: &str, told: &LogTold) -> Option<HealthItem> {
    let unreadable = &told.counters.unreadable;
    let n = unreadable.total();
    if n == 0 {
        return None;
    }
    let share = n as f64 / told.counters.lines.max(1) as f64;
    let level = if share > UNREADABLE_SHARE { HealthLevel::Warning } else { HealthLevel::Info };
    let text = format!("{name}: {n} of {} lines cannot be read: {}", told.counters.lines, words(unreadable));
    Some(item(
        "logs",
        level,
        text,
        "Some of them are under Sources; docs/reference/logs.md says which formats are read.",
    ))
}

/// Exporters in each trouble: one line a trouble, which names the first.
fn collector(source: &SourceState, now: Instant) -> Vec<HealthItem> {
    let mut items = Vec::new();
    for note in &source.stats.notes {
        let action = "A burst of exports may be lost in the kernel with a small buffer; losses are counted.";
        items.push(item("collector", HealthLevel::Warning, note.clone(), action));
    }
    let exporters = &source.meter.exports.exporters;
    items.extend(one_line(exporters, "exporter silent", HealthLevel::Warning, SILENT_ACTION, |state| {
        let silence = exporter_silence(source, state, now)?;
        Some(format!("nothing for {}, longer than ever", span(silence)))
    }));
    items.extend(one_line(exporters, "templates", HealthLevel::Info, TEMPLATES_ACTION, |state| {
        let sets = state.sets_without_template.saturating_sub(state.sets_read_late);
        (sets > 0).then(|| format!("{sets} data sets came without their template"))
    }));
    items.extend(one_line(exporters, "export gaps", HealthLevel::Warning, GAPS_ACTION, |state| {
        (state.missing > 0).then(|| format!("{} {} missing", state.missing, missing_unit(state.format)))
    }));
    items.extend(one_line(exporters, "exporter clock", HealthLevel::Info, CLOCK_ACTION, |state| {
        let way = if state.clock_off_s > 0 { "behind" } else { "ahead" };
        let off_s = state.clock_off_s.unsigned_abs();
        (off_s > 0).then(|| format!("its clock is {off_s} s {way}; its times are put right"))
    }));
    items.extend(one_line(exporters, "unreadable exports", HealthLevel::Warning, UNREADABLE_ACTION, |state| {
        (state.unreadable.total() > 0)
            .then(|| format!("parts of its exports cannot be read: {}", words(&state.unreadable)))
    }));
    items
}

const SILENT_ACTION: &str = "See whether it still runs and still exports here; its traffic is not watched meanwhile.";
const TEMPLATES_ACTION: &str =
    "They are read when the template comes; set the exporter to repeat templates every minute.";
const GAPS_ACTION: &str = "Exports were lost on the way or in the kernel: see Sources for its drops and its buffer.";
const CLOCK_ACTION: &str = "Let it take its time from an NTP server.";
const UNREADABLE_ACTION: &str = "Check which format and version it sends.";

/// The first exporter of which there is something to say, and how many more there are.
fn one_line(
    exporters: &[ExporterState],
    name: &str,
    level: HealthLevel,
    action: &str,
    trouble: impl Fn(&ExporterState) -> Option<String>,
) -> Option<HealthItem> {
    let mut told = exporters.iter().filter_map(|state| Some((state, trouble(state)?)));
    let (state, text) = told.next()?;
    let more = match told.count() {
        0 => String::new(),
        1 => " (and 1 more exporter)".to_owned(),
        n => format!(" (and {n} more exporters)"),
    };
    Some(item(name, level, format!("{}: {text}{more}", state.exporter), action))
}

#[cfg(test)]
mod tests {
    use super::*;
    use record::{ExportFormat, IpAddr16, Timestamp};

    fn names(sources: &[SourceState], now: Instant) -> Vec<String> {
        health(sources, now).into_iter().map(|item| item.name).collect()
    }

    #[test]
    fn each_trouble_of_an_exporter_has_its_line() {
        let now = Instant::now();
        let mut source = SourceState::new("exports at 127.0.0.1:2055".to_owned(), "collector");
        assert_eq!(names(std::slice::from_ref(&source), now), ["exporters"]);
        let mut state = ExporterState::new(IpAddr16::v4([192, 0, 2, 1]), ExportFormat::Ipfix, 7);
        source.meter.frames = 1;
        source.meter.exports.exporters = vec![state.clone()];
        assert!(names(std::slice::from_ref(&source), now).is_empty());
        (state.missing, state.sets_without_template) = (3, 2);
        state.unreadable.add("set_truncated", 1);
        source.meter.exports.exporters = vec![state.clone(), state];
        source.stats.notes.push("small buffer".to_owned());
        let lines = health(std::slice::from_ref(&source), now);
        let told: Vec<&str> = lines.iter().map(|line| line.name.as_str()).collect();
        assert_eq!(told, ["collector", "templates", "export gaps", "unreadable exports"]);
        assert_eq!(lines[2].text, "192.0.2.1: 3 records missing (and 1 more exporter)");
        let view = super::super::sources::view(std::slice::from_ref(&source), now);
        let view = &view.sources[0];
        assert_eq!((view.exporters_total, view.gaps.0["missing_records"], view.unreadable.total()), (2, 6, 2));
        assert_eq!((view.exporters[0].level, view.level), (HealthLevel::Warning, HealthLevel::Warning));
    }

    #[test]
    fn an_exporter_that_falls_silent_is_missed() {
        let begin = Instant::now();
        let mut source = SourceState::new("exports".to_owned(), "collector");
        source.meter.exports.exporters =
            vec![ExporterState::new(IpAddr16::v4([192, 0, 2, 1]), ExportFormat::NetflowV9, 0)];
        let mut now = begin;
        for n in 1..=10 {
            source.meter.frames = n;
            source.meter.exports.exporters[0].datagrams = n;
            now += Duration::from_secs(30);
            source.look(now, Timestamp(1), 0);
        }
        assert!(names(std::slice::from_ref(&source), now + SILENCE / 2).is_empty());
        let lines = health(std::slice::from_ref(&source), now + SILENCE);
        assert_eq!(lines[0].text, "192.0.2.1: nothing for 5 min, longer than ever");
        source.ended = Some("stopped".to_owned());
        assert!(names(std::slice::from_ref(&source), now + SILENCE).is_empty());
    }

    #[test]
    fn an_interface_that_falls_silent_is_missed_and_a_replay_is_not() {
        let begin = Instant::now();
        for (kind, expected) in [("interface", vec!["silent"]), ("file", vec![]), ("demo", vec![]), ("log", vec![])] {
            let mut source = SourceState::new("it".to_owned(), kind);
            source.look(begin, Timestamp(0), 0);
            assert_eq!(names(std::slice::from_ref(&source), begin).len(), 0, "{kind}: it has just begun");
            source.meter.frames = 5;
            source.look(begin + Duration::from_secs(1), Timestamp(0), 0);
            let now = begin + SILENCE + Duration::from_secs(1);
            assert_eq!(names(std::slice::from_ref(&source), now), expected, "{kind}");
        }
    }

    #[test]
    fn a_source_that_failed_beside_others_is_told() {
        let mut sources = vec![SourceState::new("eth0".to_owned(), "interface"); 1];
        sources.push(SourceState::new("eth1".to_owned(), "interface"));
        sources[1].ended = Some("went down".to_owned());
        let lines = health(&sources, Instant::now());
        assert_eq!(
            (lines.len(), lines[0].level, lines[0].text.as_str()),
            (1, HealthLevel::Error, "eth1 ended: went down")
        );
        sources[0].ended = Some("went down".to_owned());
        assert!(health(&sources, Instant::now()).is_empty(), "the line `capture` says it");
    }

    #[test]
    fn unreadable_lines_are_counted_in_words_and_never_shown() {
        let mut told = LogTold::default();
        (told.ahead, told.counters.lines) = (2, 100);
        told.counters.unreadable.add("format_unknown", 5);
        let line = decode::log::Unreadable { line: 1, reason: "format_unknown", text: "password=hunter2".to_owned() };
        told.unreadable(Timestamp(1), String::new(), line);
        let mut source = SourceState::new("logs x.log".to_owned(), "log");
        (source.meter.frames, source.log) = (100, Some(Box::new(told)));
        let lines = health(std::slice::from_ref(&source), Instant::now());
        assert_eq!(lines[0].text, "logs x.log: 5 of 100 lines cannot be read: 5 format unknown");
        assert_eq!(lines.len(), 2);
        assert!(lines.iter().all(|line| !line.text.contains("hunter2")));
    }
}
