//! Sources as the API shows them: what came, how fast, how late, what is missing. Owns the joining of an interface's workers into one
//! source and the words of its state; counts nothing itself, what is to be done about it is `source_advice`'s.

use super::source_advice;
use super::status::{SourceState, key};
use evaluate::exports::missing_unit;
use record::{Counters, ExporterState, HealthLevel};
use serve::shapes::{ExporterInterface, ExporterView, SourceState as SourceShape, SourceView, SourcesView};
use std::time::{Duration, Instant};

/// One source with all its workers: the state of each.
pub struct Group<'a>(pub Vec<&'a SourceState>);

/// Sources in the order of the command line; the workers of one interface are one source.
pub fn groups(sources: &[SourceState]) -> Vec<Group<'_>> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    for source in shown(sources) {
        let same = |group: &&mut Group<'_>| source.kind == "interface" && group.kind() == source.kind;
        match groups.iter_mut().find(|group| same(group) && group.name() == source.name) {
            Some(group) => group.0.push(source),
            None => groups.push(Group(vec![source])),
        }
    }
    groups
}

/// Sources that say something: of the seats for captures by TCP those that somebody had, or one for all.
pub fn shown(sources: &[SourceState]) -> impl Iterator<Item = &SourceState> {
    let empty = |source: &SourceState| source.kind == "remote" && source.stats.peer.is_none();
    let first = sources.iter().position(|source| source.kind == "remote");
    let all_empty = sources.iter().all(|source| source.kind != "remote" || empty(source));
    let told = move |(n, source): &(usize, &SourceState)| !empty(source) || (all_empty && first == Some(*n));
    sources.iter().enumerate().filter(told).map(|(_, source)| source)
}

/// Everything of every source.
pub fn view(sources: &[SourceState], now: Instant) -> SourcesView {
    SourcesView { sources: groups(sources).iter().map(|group| group.view(now)).collect() }
}

/// A line each.
pub fn summary(sources: &[SourceState]) -> Vec<SourceShape> {
    groups(sources).iter().map(Group::summary).collect()
}

/// `waiting`, `running`, `ended`, `failed`.
pub fn state(source: &SourceState) -> &'static str {
    let left = source.stats.peer.as_ref().is_some_and(|peer| !peer.connected);
    match source.ended.as_deref() {
        None if left || source.meter.frames == 0 => "waiting",
        None => "running",
        Some("end of input" | "stopped") => "ended",
        Some(_) => "failed",
    }
}

impl Group<'_> {
    /// Name of the source.
    pub fn name(&self) -> &str {
        self.0.first().map_or("", |source| &source.name)
    }

    /// Its kind.
    pub fn kind(&self) -> &'static str {
        self.0.first().map_or("", |source| source.kind)
    }

    /// Somebody sent to it once.
    fn had_sender(&self) -> bool {
        self.0.iter().any(|source| source.stats.peer.is_some())
    }

    /// The worst of its workers; one that runs speaks for those that wait.
    pub fn state(&self) -> &'static str {
        let states: Vec<_> = self.0.iter().map(|source| state(source)).collect();
        ["failed", "running", "waiting"].into_iter().find(|one| states.contains(one)).unwrap_or("ended")
    }

    /// Why it ended.
    pub fn ended(&self) -> Option<&str> {
        let failed = self.0.iter().find(|source| state(source) == "failed");
        failed.or(self.0.first()).and_then(|source| source.ended.as_deref())
    }

    /// What one packet of it is called.
    pub fn units(&self) -> &'static str {
        match self.kind() {
            "collector" => "datagrams",
            "log" | "log_file" => "lines",
            _ => "packets",
        }
    }

    /// How long nothing has come to any worker, when it never was so long.
    pub fn long_silence(&self, now: Instant, least: Duration) -> Option<Duration> {
        let each: Option<Vec<Duration>> =
            self.0.iter().map(|source| source.pulse.long_silence(now, least)).collect::<Option<_>>();
        each?.into_iter().min()
    }

    /// Counts of all workers.
    fn sum(&self, of: impl Fn(&SourceState) -> u64) -> u64 {
        self.0.iter().map(|source| of(source)).sum()
    }

    /// Counters of all workers.
    pub fn merged<'b>(&'b self, of: impl Fn(&'b SourceState) -> &'b Counters) -> Counters {
        let mut sum = Counters::default();
        self.0.iter().for_each(|source| sum.merge(of(source)));
        sum
    }

    /// Exporters of all workers.
    pub fn exporters(&self) -> impl Iterator<Item = &ExporterState> {
        self.0.iter().flat_map(|source| &source.meter.exports.exporters)
    }

    fn summary(&self) -> SourceShape {
        SourceShape {
            name: self.name().to_owned(),
            kind: self.kind().to_owned(),
            state: self.state().to_owned(),
            packets: self.sum(|source| source.meter.frames),
            bytes: self.sum(|source| source.meter.bytes),
            dropped: self.sum(|source| source.stats.dropped.total()),
            last_event: self.0.iter().filter_map(|source| source.last_event()).max(),
        }
    }

    fn view(&self, now: Instant) -> SourceView {
        let advice = source_advice::of(self, now);
        let pulses = || self.0.iter().map(|source| &source.pulse);
        let [packets_per_s, bytes_per_s] =
            pulses().map(|pulse| pulse.per_s(now)).fold([0.0, 0.0], |sum, one| [sum[0] + one[0], sum[1] + one[1]]);
        let buffer = |of: fn(&source::KernelBuffer) -> u64| self.sum(|s| s.stats.buffer.as_ref().map_or(0, of));
        let exporters: Vec<ExporterView> = self.0.iter().flat_map(|source| exporters(source, now)).collect();
        SourceView {
            name: self.name().to_owned(),
            kind: self.kind().to_owned(),
            state: self.state().to_owned(),
            state_text: self.state_text(now),
            level: advice.iter().map(|item| item.level).max().unwrap_or(HealthLevel::Ok),
            advice,
            last_event: self.0.iter().filter_map(|source| source.last_event()).max(),
            last_received: pulses().filter_map(super::pulse::Pulse::received).max(),
            idle_ms: pulses().filter_map(|pulse| pulse.silence(now)).min().map(|idle| idle.as_secs_f64() * 1e3),
            lag_ms: self.lag_ms(),
            units: self.units().to_owned(),
            packets: self.sum(|source| source.meter.frames),
            bytes: self.sum(|source| source.meter.bytes),
            packets_per_s,
            bytes_per_s,
            recent_per_s: self.recent(),
            told: self.told(),
            dropped: self.merged(|source| &source.stats.dropped),
            gaps: self.gaps(),
            unreadable: self.unreadable(),
            buffer_asked_bytes: buffer(|buffer| buffer.asked_bytes),
            buffer_granted_bytes: buffer(|buffer| buffer.granted_bytes),
            workers: self.0.len() as u64,
            notes: self.0.first().map_or(Vec::new(), |source| source.stats.notes.clone()),
            exporters_total: exporters.len() as u64,
            exporters,
            log: self.0.iter().find_map(|source| source.log.as_ref()).map(|log| log.view()),
        }
    }

    fn state_text(&self, now: Instant) -> String {
        let text = match (self.state(), self.kind()) {
            ("failed", _) => "Failed",
            ("ended", "file" | "log_file") if self.ended() == Some("end of input") => "Read to its end",
            ("ended", _) => "Stopped",
            ("waiting", "interface") => "Waiting for the first packet",
            ("waiting", "collector") => "Waiting for the first export",
            ("waiting", "log") => "Waiting for the first line",
            ("waiting", "remote") if self.had_sender() => "Not connected",
            ("waiting", "remote") => "Waiting for a sender",
            ("waiting", _) => "Beginning",
            (_, "interface") => "Capturing",
            (_, "collector") => "Collecting",
            (_, "remote") => "Receiving",
            (_, "file" | "log_file") => "Replaying",
            _ => "Running",
        };
        let silence = source_advice::silence(self, now).filter(|_| self.state() == "running");
        silence.map_or_else(|| text.to_owned(), |silence| format!("Silent for {}", span(silence)))
    }

    /// Nothing is late that has not begun or has ended.
    fn lag_ms(&self) -> Option<f64> {
        let late = |source: &&SourceState| source.lag_ms + source.log.as_ref().map_or(0, |log| log.late_ms);
        let running = self.0.iter().filter(|source| state(source) == "running");
        running.map(|source| late(source) as f64).reduce(f64::max)
    }

    /// The newest seconds of all workers, right-aligned: a worker that began later has fewer.
    fn recent(&self) -> Vec<f64> {
        let mut sum: Vec<f64> = Vec::new();
        for mut drawn in self.0.iter().map(|source| source.pulse.drawn()) {
            if drawn.len() > sum.len() {
                std::mem::swap(&mut sum, &mut drawn);
            }
            sum.iter_mut().rev().zip(drawn.iter().rev()).for_each(|(sum, one)| *sum += one);
        }
        sum
    }

    fn told(&self) -> Counters {
        let mut told = Counters::default();
        for source in &self.0 {
            told.add("flows", source.meter.flow.records());
            if let Some(log) = &source.log {
                told.add("flows", log.counters.flows);
                told.add("messages", log.counters.events);
                told.add("alerts", log.counters.alerts);
            }
        }
        for exporter in self.exporters() {
            told.add("records", exporter.records);
            told.add("flows", exporter.flows);
        }
        told
    }

    fn gaps(&self) -> Counters {
        let mut gaps = self.merged(|source| &source.stats.dropped);
        for exporter in self.exporters() {
            gaps.add(&format!("missing_{}", missing_unit(exporter.format)), exporter.missing);
        }
        gaps
    }

    fn unreadable(&self) -> Counters {
        let mut unreadable = self.merged(|source| &source.meter.decode_errors);
        self.exporters().for_each(|exporter| unreadable.merge(&exporter.unreadable));
        unreadable
    }
}

fn exporters(source: &SourceState, now: Instant) -> impl Iterator<Item = ExporterView> {
    source.meter.exports.exporters.iter().map(move |state| {
        let pulse = source.exporters.get(&key(state));
        let silent = source_advice::exporter_silence(source, state, now);
        ExporterView {
            level: source_advice::exporter_level(state, silent),
            silent_s: silent.map_or(0, |silent| silent.as_secs()),
            flows_per_s: pulse.map_or(0.0, |pulse| pulse.per_s(now)[1]),
            ..of_exporter(state)
        }
    })
}

fn of_exporter(state: &ExporterState) -> ExporterView {
    ExporterView {
        exporter: state.exporter.to_string(),
        format: state.format,
        domain: state.domain,
        last_event: (state.last.0 > 0).then_some(state.last),
        datagrams: state.datagrams,
        records: state.records,
        flows: state.flows,
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
        ..ExporterView::default()
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

/// `45 s`, `12 min`, `3 h`, `2 d`.
pub fn span(span: Duration) -> String {
    match span.as_secs() {
        s @ 0..120 => format!("{s} s"),
        s @ 120..7_200 => format!("{} min", s / 60),
        s @ 7_200..172_800 => format!("{} h", s / 3_600),
        s => format!("{} d", s / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use record::Timestamp;

    #[test]
    fn workers_of_one_interface_are_one_source() {
        let (now, s) = (Instant::now(), Duration::from_secs(1));
        let worker = |name: &str, frames| {
            let mut source = SourceState::new(name.to_owned(), "interface");
            source.look(now, Timestamp(0), 0);
            source.meter.frames = frames;
            source.meter.last = Some(Timestamp(i64::try_from(frames).unwrap_or(0)));
            source.stats.dropped.add("kernel_ring_full", 2);
            source.look(now + s, Timestamp(5), frames);
            source
        };
        let mut sources = vec![worker("eth0", 100), worker("eth1", 7), worker("eth0", 50)];
        let told = view(&sources, now + s).sources;
        let names: Vec<&str> = told.iter().map(|source| source.name.as_str()).collect();
        assert_eq!(names, ["eth0", "eth1"]);
        let eth0 = &told[0];
        assert_eq!((eth0.packets, eth0.packets_per_s, eth0.workers, eth0.gaps.total()), (150, 150.0, 2, 4));
        assert_eq!((eth0.recent_per_s.as_slice(), eth0.lag_ms), ([150.0].as_slice(), Some(100.0)));
        assert_eq!(view(&sources, now + s * 4).sources[0].idle_ms, Some(3_000.0));
        assert_eq!((eth0.last_event, eth0.last_received), (Some(Timestamp(100)), Some(Timestamp(5))));
        assert_eq!((eth0.state_text.as_str(), eth0.units.as_str()), ("Capturing", "packets"));
        let lines: Vec<_> = summary(&sources).into_iter().map(|line| (line.name, line.packets, line.dropped)).collect();
        assert_eq!(lines, [("eth0".to_owned(), 150, 4), ("eth1".to_owned(), 7, 2)]);
        // Half of the traffic is not seen: that is a failure of the whole.
        sources[2].ended = Some("eth0 is gone".to_owned());
        let told = view(&sources, now + s).sources;
        assert_eq!((told[0].state.as_str(), told[0].level, told.len()), ("failed", HealthLevel::Error, 2));
    }

    #[test]
    fn seats_that_nobody_had_are_one_line_and_the_others_bear_their_senders_names() {
        let (at, now) = ("captures at tcp 127.0.0.1:5555", Instant::now());
        let mut sources = vec![SourceState::new(at.to_owned(), "remote"), SourceState::new(at.to_owned(), "remote")];
        let texts = |sources: &[SourceState]| -> Vec<(String, String)> {
            view(sources, now).sources.into_iter().map(|source| (source.name, source.state_text)).collect()
        };
        let told = |name: &str, text: &str| vec![(name.to_owned(), text.to_owned())];
        assert_eq!(texts(&sources), told(at, "Waiting for a sender"));
        assert!(source_advice::health(&sources, now)[0].text.starts_with("No capture has come yet"));
        sources[1].stats.peer = Some(source::Peer { name: "192.0.2.7".to_owned(), connected: true });
        assert!(sources[1].take_peers_name() && !sources[1].take_peers_name());
        sources[1].meter.frames = 9;
        assert_eq!(texts(&sources), told("192.0.2.7", "Receiving"));
        assert!(source_advice::health(&sources, now).is_empty());
        sources[1].stats.peer = Some(source::Peer { name: "192.0.2.7".to_owned(), connected: false });
        sources[1].stats.notes = vec!["not connected; the last time: the sender closed it".to_owned()];
        assert_eq!(texts(&sources), told("192.0.2.7", "Not connected"));
        let lines = source_advice::health(&sources, now);
        assert_eq!((lines.len(), lines[0].level), (1, HealthLevel::Warning));
        assert!(lines[0].text.starts_with("192.0.2.7: not connected"), "{}", lines[0].text);
    }

    #[test]
    fn a_file_that_was_read_is_done() {
        let mut source = SourceState::new("a.pcap".to_owned(), "file");
        source.ended = Some("end of input".to_owned());
        let told = view(&[source], Instant::now()).sources;
        assert_eq!((told[0].state_text.as_str(), told[0].level), ("Read to its end", HealthLevel::Ok));
        assert_eq!((told[0].lag_ms, told[0].last_event), (None, None));
    }
}
