//! `tripline run`: interfaces, files, or the host's own counters, with the dashboard.

use crate::cli::{Common, Role, RunArgs};
use crate::commands::analyze::check_link_types;
use crate::config::{Config, data_dir, data_dir_apart};
use crate::duration::parse_ns;
use crate::failure::{Context, EXIT_DONE, Failure, Result};
use crate::live::roles::Part;
use crate::live::{self, OpenSource, Pace, Plan, Reloader};
use evaluate::{Meter, MeterConfig};
use record::HealthItem;
use serve::shapes::Mode;
use source::FrameSource;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Packets of a file looked at before it is replayed.
const LINK_TYPES_LOOKED_AT: u64 = 1_000;

/// Opens what was asked for and runs until stopped.
pub fn run(common: &Common, args: &RunArgs) -> Result<u8> {
    let part = part(&args.role)?;
    let data_dir = if args.read.is_empty() { data_dir(common)? } else { data_dir_apart(common, "replay")? };
    let read = Config::load_in(common, &data_dir)?;
    let mut config = read.clone();
    let listen = args.listen.unwrap_or(config.serve.listen);
    // Before any source is opened or anything is written: a refused address should cost nothing.
    live::door::check_listen(&config, &data_dir, listen)?;
    // What the options fix for this run; the page shows it as fixed.
    config.serve.listen = listen;
    if !args.interfaces.is_empty() {
        config.capture.interfaces.clone_from(&args.interfaces);
    }
    if let Some(filter) = &args.filter {
        config.capture.filter.clone_from(filter);
    }
    if !args.collect.is_empty() {
        config.collect.listen.clone_from(&args.collect);
    }
    if !args.pcap_listen.is_empty() {
        config.pcap.listen.clone_from(&args.pcap_listen);
    }
    check_brokers(&config, part)?;
    let (mode, sources, notices) = match from_topics(&mut config, args, part)? {
        Some(topics) => topics,
        None if args.read.is_empty() => live_sources(&config, args)?,
        None => files(args)?,
    };
    if mode == Mode::Live && part != Part::Detector && part != Part::Server {
        add_own_networks(&mut config, &sources)?;
    }
    let plan = Plan {
        mode,
        sources,
        filter: args.filter.clone(),
        reload: Reloader::new(common, &data_dir, &read, &config),
        data_dir,
        listen,
        duration: duration(args.duration.as_deref())?,
        notices,
        part,
        past: None,
    };
    live::run(&config, plan)?;
    Ok(EXIT_DONE)
}

/// `--duration`, when given.
pub fn duration(text: Option<&str>) -> Result<Option<Duration>> {
    text.map(|t| parse_ns(t).context("--duration").map(|ns| Duration::from_nanos(ns as u64))).transpose()
}

/// Which part of the work is this process's.
fn part(roles: &[Role]) -> Result<Part> {
    let all = [Role::Sensor, Role::Detector, Role::Server];
    if roles.is_empty() || all.iter().all(|role| roles.contains(role)) {
        return Ok(Part::All);
    }
    match roles {
        [Role::Sensor] => Ok(Part::Sensor),
        [Role::Detector] => Ok(Part::Detector),
        [Role::Server] => Ok(Part::Server),
        _ => Err(Failure::new("--role: name one of sensor, detector, server, or all three for one process")),
    }
}

/// Sources and mode of a part that reads topics instead of traffic.
fn from_topics(config: &mut Config, args: &RunArgs, part: Part) -> Result<Option<Sources>> {
    if !matches!(part, Part::Detector | Part::Server) {
        return Ok(None);
    }
    let named =
        [!args.interfaces.is_empty(), !args.read.is_empty(), !args.collect.is_empty(), !args.pcap_listen.is_empty()];
    if named.contains(&true) {
        return Err(Failure::new(
            "--role: detectors and the server read topics; give -i, -r, --collect and --pcap-listen to sensors",
        ));
    }
    config.host.watch = false;
    Ok(Some((Mode::Live, vec![OpenSource::topics()], Vec::new())))
}

/// Parts talk through a broker: without one named nothing is opened.
fn check_brokers(config: &Config, part: Part) -> Result<()> {
    if part == Part::All {
        return Ok(());
    }
    if !config.kafka.connection.is_set() {
        let how = "write kafka.brokers = [\"host:9092\"] in the settings, or TRIPLINE_KAFKA__BROKERS=host:9092";
        return Err(Failure::new(format!("--role: no broker of Apache Kafka is named; {how}")));
    }
    config.kafka.connection.check().map_err(Failure::new)
}

type Sources = (Mode, Vec<OpenSource>, Vec<HealthItem>);

fn files(args: &RunArgs) -> Result<Sources> {
    let pace = if args.speed == "max" {
        Pace::None
    } else {
        let speed: f64 = args.speed.parse().ok().filter(|s| *s > 0.0).ok_or_else(|| {
            Failure::new(format!("--speed {}: write a number above 0, such as 1 or 10, or max", args.speed))
        })?;
        Pace::Times(speed)
    };
    // A pipe comes at its own pace.
    let pace_of = |file: &Path| if is_pipe(file) { Pace::None } else { pace };
    let open = |file: &std::path::PathBuf| {
        refuse_unknown_link_type(file)?;
        let frames = if is_pipe(file) { source::open_pipe(file) } else { source::open_capture(file) }.plain()?;
        Ok(OpenSource {
            name: live::name_of(file),
            kind: "file",
            frames: Some(frames),
            lines: None,
            pace: pace_of(file),
        })
    };
    let (mut logs, mut captures) = (Vec::new(), Vec::new());
    for file in &args.read {
        // What comes by a named pipe cannot be looked at before it is read: it is a capture. Standard input can.
        let looked_at = !is_pipe(file) || file == Path::new("-");
        let is_log = looked_at && evaluate::logs::are_logs(std::slice::from_ref(file)).plain()?;
        if is_log { &mut logs } else { &mut captures }.push(file.clone());
    }
    let mut sources = captures.iter().map(open).collect::<Result<Vec<_>>>()?;
    if !logs.is_empty() {
        let pace = if logs.iter().any(|file| is_pipe(file)) { Pace::None } else { pace };
        sources.push(live::log_replay::open(logs, pace));
    }
    Ok((Mode::Replay, sources, Vec::new()))
}

/// Standard input, and what is neither a file nor a folder: it is read once, as it comes.
fn is_pipe(file: &Path) -> bool {
    file == Path::new("-") || std::fs::metadata(file).is_ok_and(|about| !about.is_file() && !about.is_dir())
}

/// A file of which no packet can be read is refused at once, not shown as a source that is silent. Standard input and named pipes
/// cannot be read twice: their packets are counted as decode errors.
fn refuse_unknown_link_type(file: &PathBuf) -> Result<()> {
    if is_pipe(file) {
        return Ok(());
    }
    let mut frames = source::open_capture(file).plain()?;
    let (mut headers, mut out) = (Vec::new(), Vec::new());
    let mut meter = Meter::new(&MeterConfig::default(), 0, 1);
    while meter.frames() < LINK_TYPES_LOOKED_AT {
        let Some(bytes) = frames.next_batch(&mut headers).plain()? else { break };
        meter.batch(bytes, &headers, &mut out);
        out.clear();
    }
    check_link_types(std::slice::from_ref(file), meter.frames(), &meter.counters().decode_errors)
}

/// Interfaces, and the collector of exports, captures by TCP and logs where they are asked for; with these alone no interface is chosen by default.
fn live_sources(config: &Config, args: &RunArgs) -> Result<Sources> {
    let mut beside = live::log_lines::open(&config.logs)?;
    beside.append(&mut live::kafka_lines::open(&config.kafka)?);
    if !config.collect.listen.is_empty() {
        beside.push(collector(config)?);
    }
    if config.pcap.listens() {
        beside.append(&mut remote(config)?);
    }
    let named = !(args.interfaces.is_empty() && config.capture.interfaces.is_empty());
    if beside.is_empty() || named {
        let (mode, mut sources, notices) = interfaces(config, args)?;
        sources.append(&mut beside);
        return Ok((mode, sources, notices));
    }
    Ok((Mode::Live, beside, Vec::new()))
}

fn collector(config: &Config) -> Result<OpenSource> {
    let collector = source::open_collector(&config.collect).plain()?;
    let places: Vec<String> = collector.listens_at().iter().map(ToString::to_string).collect();
    tracing::info!("collecting flow exports at {}", places.join(", "));
    let (granted, asked) = collector.receive_buffer();
    if granted < asked {
        tracing::warn!("{}", collector.stats().notes.join("; "));
    }
    let name = format!("exports at {}", places.join(", "));
    let frames: Box<dyn FrameSource> = Box::new(collector);
    Ok(OpenSource { name, kind: "collector", frames: Some(frames), lines: None, pace: Pace::None })
}

/// One source a connection, as many as there may be at once.
fn remote(config: &Config) -> Result<Vec<OpenSource>> {
    let seats = source::open_remote(&config.pcap).plain()?;
    let places = seats.first().map(source::RemoteSeat::listens_at).unwrap_or_default().join(", ");
    tracing::info!("taking captures at {places}");
    let open = |seat| {
        let frames: Box<dyn FrameSource> = Box::new(seat);
        let name = format!("captures at {places}");
        OpenSource { name, kind: "remote", frames: Some(frames), lines: None, pace: Pace::None }
    };
    Ok(seats.into_iter().map(open).collect())
}

fn interfaces(config: &Config, args: &RunArgs) -> Result<Sources> {
    let mut names =
        if args.interfaces.is_empty() { config.capture.interfaces.clone() } else { args.interfaces.clone() };
    if names.is_empty() {
        if !source::may_capture() {
            let notice = live::no_capture_notice();
            tracing::warn!("{}. {}", notice.text, notice.action);
            let host =
                OpenSource { name: "this host".to_owned(), kind: "host", frames: None, lines: None, pace: Pace::None };
            return Ok((Mode::Host, vec![host], vec![notice]));
        }
        names.push(default_interface()?);
    }
    let mut settings = config.capture.clone();
    if let Some(filter) = &args.filter {
        settings.filter.clone_from(filter);
    }
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let mut sources = Vec::new();
    for name in &names {
        let live = settings.for_interface(name, cores).plain()?;
        for capture in source::open_live(&live).plain()? {
            let frames: Box<dyn FrameSource> = Box::new(capture);
            sources.push(OpenSource {
                name: name.clone(),
                kind: "interface",
                frames: Some(frames),
                lines: None,
                pace: Pace::None,
            });
        }
    }
    Ok((Mode::Live, sources, Vec::new()))
}

/// The networks of the watched interfaces are home too: a global IPv6 prefix is in no list of private ones.
fn add_own_networks(config: &mut Config, sources: &[OpenSource]) -> Result<()> {
    for interface in source::interfaces().plain()? {
        if sources.iter().any(|s| s.name == interface.name) {
            config.networks.home.extend(interface.addresses.iter().map(|(ip, length)| format!("{ip}/{length}")));
        }
    }
    Ok(())
}

/// The default route's interface, else the first that is up.
fn default_interface() -> Result<String> {
    let mut interfaces = source::interfaces().plain()?;
    interfaces.retain(|i| i.up);
    interfaces.sort_by_key(|i| (!i.default_route, i.loopback, i.index));
    let first = interfaces.into_iter().next();
    first
        .map(|i| i.name)
        .ok_or_else(|| Failure::new("no interface is up; see `tripline interfaces`, or replay a file with -r"))
}
