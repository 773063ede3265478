//! The running process, read top to bottom: open the store, open the sources, start the judge, start the workers, serve; and in the
//! reverse order at the end. Each thread has its own file.

mod answers;
mod archiving;
pub mod artifact;
mod asking;
mod beginning;
mod beside;
mod csv_logs;
mod desk;
pub mod door;
mod evidence;
mod exporter_file;
pub mod feedback;
mod first_start;
mod host_view;
mod host_watch;
mod hosts_said;
pub mod importing;
mod judging;
pub mod kafka_lines;
mod lag;
mod learning;
pub mod level_models;
pub mod level_words;
pub mod log_lines;
pub mod log_replay;
mod log_told;
pub mod losses;
mod memory;
mod models_view;
mod mongo_sink;
#[cfg(test)]
mod noise;
pub mod notify;
mod packet_ring;
mod past;
mod publish;
mod pulse;
mod questions;
mod reload;
pub mod reporting;
mod requests;
pub mod retrain;
pub mod roles;
mod rules;
mod saying;
mod scans;
mod series;
pub mod side_models;
mod simulated;
mod source_advice;
mod sources;
mod status;
mod threat_lists;
mod training;
pub mod uploads;
mod vendors;
pub mod versions;
mod worker;

use crate::commands::analyze::{judge_config, meter_config};
use crate::config::Config;
use crate::failure::{Context, Failure, Result};
use crate::lists::Lists;
use answers::Answers;
use beginning::{first_status, kept_log, known_hosts};
use beside::Beside;
use crossbeam_channel::{Receiver, Sender, bounded};
use desk::Desk;
use detect::intel::{Indicators, IntelConfig};
use evaluate::simulate::Simulator;
use evaluate::{Judge, Learner, LogObserver, Meter, MeterConfig, TakeExports};
use exporter_file::ExporterFile;
use feedback::Verdicts;
use judging::{Judging, JudgingSettings, RunState, lock};
use lag::Lag;
use log_lines::LogWorker;
use log_replay::LogReplay;
use memory::Memory;
use packet_ring::PacketRing;
use publish::Publisher;
use record::{HealthItem, HealthLevel};
pub use reload::Reloader;
use reload::Takers;
use requests::Request;
use serve::shapes::Mode;
use serve::{AppState, Hub};
use simulated::SimulatedSource;
use source::{FrameSource, LineSource};
pub use status::item;
use status::{ModelState, Scores, Status};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;
use store::{Read, Sqlite};
use threat_lists::ListKeeper;
use tokio::signal::unix::{Signal, SignalKind, signal};
use worker::{MeterSettings, Worker};
pub use worker::{Pace, wall_clock};

/// Parcels that wait for the judge, some thousand observations each: the better part of a second; then workers wait, and losses
/// happen in the kernel, counted.
const PARCELS_MAX: usize = 16;
/// People's changes that wait.
const CHANGES_MAX: usize = 64;

/// Folder of the demo's models in its data directory.
const DEMO_MODELS: &str = "demo-models";

/// Steps of nice that trainings, which can wait, are behind the rest.
const TRAINING_NICE: i32 = 15;
/// The same of the store's writer: with one processor for all, seeing and judging come first; its queue holds seconds, and what
/// it then has no room for is counted.
const STORE_NICE: i32 = 5;
/// Settings read again that wait for a thread; SIGHUP waits beyond it.
const RELOADS_MAX: usize = 4;

/// Where lines of logs come from.
pub enum Lines {
    /// As they are written or sent.
    Live(Box<dyn LineSource>),
    /// Files that are replayed, merged by time.
    Files(Vec<PathBuf>),
}

/// A file's name for people; `-` is standard input.
pub fn name_of(file: &std::path::Path) -> String {
    if file.as_os_str() == "-" { "standard input".to_owned() } else { file.display().to_string() }
}

/// One source, opened.
pub struct OpenSource {
    /// Interface or file.
    pub name: String,
    /// `interface`, `file`, `demo`, `host`, `collector`, `remote`, `log`, `log_file`.
    pub kind: &'static str,
    /// Frames; None for the host's own counters and for logs.
    pub frames: Option<Box<dyn FrameSource>>,
    /// Lines of logs.
    pub lines: Option<Lines>,
    /// Pace.
    pub pace: Pace,
}

/// What is to run.
pub struct Plan {
    /// Mode shown.
    pub mode: Mode,
    /// Sources.
    pub sources: Vec<OpenSource>,
    /// Filter for files and captures by TCP (interfaces filter in the kernel).
    pub filter: Option<String>,
    /// Where history is kept.
    pub data_dir: PathBuf,
    /// Listener.
    pub listen: SocketAddr,
    /// Stop after this long.
    pub duration: Option<Duration>,
    /// Words for the health strip.
    pub notices: Vec<HealthItem>,
    /// Reads the settings again at SIGHUP.
    pub reload: Reloader,
    /// What this process does of the work.
    pub part: roles::Part,
    /// A past that the detectors and models know before the first packet (the demo's); its models are kept nowhere.
    pub past: Option<Simulator>,
}

impl OpenSource {
    /// Does its worker tell the time also while nothing comes? Then silence means that judging is late.
    fn is_steady(&self) -> bool {
        let told = self.frames.is_some() || self.lines.is_some();
        told && (self.is_wall_clock() || self.pace != Pace::None)
    }

    /// What other processes wrote to topics.
    pub fn topics() -> Self {
        Self { name: "kafka".to_owned(), kind: "kafka", frames: None, lines: None, pace: Pace::None }
    }

    /// Is its clock the wall clock, so that time passes while nothing comes?
    fn is_wall_clock(&self) -> bool {
        matches!(self.kind, "interface" | "collector" | "remote" | "log")
    }

    /// Does it show packets, with the statistics that models learn from?
    fn shows_packets(&self) -> bool {
        !matches!(self.kind, "host" | "collector" | "log" | "log_file")
    }

    /// Generated traffic, at its own pace.
    pub fn simulated(simulator: Simulator) -> Self {
        let frames: Box<dyn FrameSource> = Box::new(SimulatedSource::new(simulator, "demo"));
        Self { name: "demo".to_owned(), kind: "demo", frames: Some(frames), lines: None, pace: Pace::Times(1.0) }
    }
}

/// Runs until a signal, the duration, or a failure of the listener.
pub fn run(config: &Config, plan: Plan) -> Result<()> {
    door::check_listen(config, &plan.data_dir, plan.listen)?;
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().context("runtime")?;
    // The port first: everything after it writes.
    let listener = runtime.block_on(door::open(config, &plan.data_dir, plan.listen))?;
    let (address, certificates) = (listener.local_addr(), listener.reload());
    let signals = {
        let _inside = runtime.enter();
        Signals::listen().context("signals")?
    };
    let parts = start(config, plan)?;
    let scheme = door::scheme(&listener);
    tracing::info!("dashboard on {scheme}://{address}");
    if parts.asks {
        tracing::info!("first start: {scheme}://{address}/setup asks four questions");
    }
    let (stop, desk) = (Arc::clone(&parts.stop), Arc::clone(&parts.desk));
    let served = runtime.block_on(serve::serve_on(
        listener,
        parts.state,
        until_stopped(signals, parts.duration, (parts.desk, certificates), stop),
    ));
    parts.stop.store(true, Ordering::Relaxed);
    for thread in parts.threads {
        if thread.join().is_err() {
            return Err(Failure::new("a thread ended by a defect; what was written before is kept"));
        }
    }
    drop(runtime);
    served.plain()?;
    if desk.restarts() { Err(first_start::start_anew()) } else { Ok(()) }
}

/// Signals that the process answers to, from before it says that it is there: one that comes at once must not end it as it is.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
}

impl Signals {
    /// Inside the runtime.
    fn listen() -> std::io::Result<Self> {
        let [interrupt, terminate, hangup] =
            [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()].map(signal);
        Ok(Self { interrupt: interrupt?, terminate: terminate?, hangup: hangup? })
    }
}

/// Ctrl-C, SIGTERM, or the end of the time given.
async fn until_stopped(
    mut signals: Signals,
    duration: Option<Duration>,
    (desk, certificates): (Arc<Desk>, Option<serve::Reload>),
    stop: Arc<AtomicBool>,
) {
    let reloads = async {
        while signals.hangup.recv().await.is_some() {
            desk.reload();
            certificates.iter().for_each(serve::Reload::reload);
        }
        std::future::pending::<()>().await;
    };
    let timed = async {
        match duration {
            Some(duration) => tokio::time::sleep(duration).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        _ = signals.interrupt.recv() => {}
        _ = signals.terminate.recv() => {}
        () = timed => {}
        () = reloads => {}
        () = desk.restart_asked() => {}
    }
    stop.store(true, Ordering::Relaxed);
    tracing::info!("stopping: capture ends, what is open is written");
}

struct Parts {
    state: AppState,
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
    duration: Option<Duration>,
    desk: Arc<Desk>,
    /// The page asks the first questions.
    asks: bool,
}

fn start(config: &Config, mut plan: Plan) -> Result<Parts> {
    let store = Arc::new(open_store(config, &plan)?);
    let meter = meter_config(config, plan.filter.as_deref())?;
    let models_dir = models_dir(&plan)?;
    let status = Arc::new(Mutex::new(first_status(&mut plan, &store)?));
    let (scores, stop) = (Arc::new(Mutex::new(Scores::default())), Arc::new(AtomicBool::new(false)));
    let rings = packet_rings(config, plan.sources.len());
    let hub = Hub::starting_at(wall_clock().0.unsigned_abs() / 1_000_000);
    let ((parcels, from_workers), (changes, from_people)) = (bounded(PARCELS_MAX), bounded::<Request>(CHANGES_MAX));
    let (reloads, from_reloader) = bounded(RELOADS_MAX);
    let verdicts = Arc::new(Mutex::new(Verdicts::replay(store.reader().feedback().plain()?)));
    let mut judge = first_judge(config, models_dir.as_deref(), &status, &store, &lock(&verdicts))?;
    let (keeper, lists, from_lists) = list_keeper(config, &plan.data_dir, &status, &stop, &mut judge)?;
    let memory = open_memory(&plan, &mut judge)?;
    let kept = models_dir.as_deref().map_or_else(Vec::new, |dir| versions::list(dir, artifact::FLOW));
    plan.past.take().into_iter().for_each(|past| past::play(past, &meter, &mut judge));
    let (notifier, outbox, notifying) = notify::start(&config.notify, &plan.data_dir, plan.mode == Mode::Demo)?;
    let beside = Beside::start(config, &plan, (&status, &store), parcels, &stop)?;
    let ends = roles::open((plan.part, config), &plan.data_dir, (&status, &stop), &store, &beside.parcels)?;
    let judging = Judging {
        levels: level_models::LevelTrainings::new(config, &mut judge, models_dir.clone()),
        judge,
        notifier,
        parcels: from_workers,
        requests: from_people,
        reloads: from_reloader,
        indicators: from_lists,
        lag: Lag::new(plan.sources.iter().map(OpenSource::is_steady)),
        memory,
        host: beside.host.clone(),
        log: beside.flow_log(),
        store: Arc::clone(&store),
        publisher: Publisher::new(hub.clone(), Arc::clone(&status), Arc::clone(&scores), rings.clone()),
        status: Arc::clone(&status),
        scores: Arc::clone(&scores),
        rings: rings.clone(),
        retrain: retrain::Retrain::new(kept_log(&store)?, kept.first().and_then(|v| v.note.made)),
        side_models: side_models::SideModels::new(config, models_dir.clone()),
        training: None,
        versions: kept,
        lessons: lock(&verdicts).lessons(config.learn.false_positive_weight),
        verdicts: Arc::clone(&verdicts),
        outward: ends.outward,
        epochs: ends.epochs,
        incident_topic: ends.incident_topic,
        run: RunState::default(),
        stop: Arc::clone(&stop),
        settings: judging_settings(config, &plan, models_dir.clone()),
    };
    let mut threads = vec![spawn("judge", move || judging.run())?, spawn("lists", move || keeper.run())?];
    threads.extend(ends.run.map(|run| spawn("roles", run)).transpose()?);
    let (workers, meters) = start_workers(plan.sources, &meter, &rings, &plan.data_dir, &beside)?;
    threads.extend(workers.into_iter().chain(beside.threads).chain([notifying]));
    let takers = Takers { judge: reloads, meters, lists, store: store.clone(), outbox: Arc::clone(&outbox) };
    let auth = door::auth(config, &plan.data_dir)?;
    let desk = Desk::new(plan.data_dir, plan.reload, takers);
    let asks = first_start::asks(&desk, plan.mode);
    let shown = Shown { auth, status, scores, rings, requests: changes, verdicts, outbox, hub, models_dir };
    let state = answering(config, (plan.mode, plan.listen), &desk, &store, shown, (&stop, &mut threads))?;
    Ok(Parts { state, stop, threads, duration: plan.duration, desk, asks })
}

/// What people see and ask, as the judge thread and the workers share it.
struct Shown {
    auth: Arc<serve::Auth>,
    status: Arc<Mutex<Status>>,
    scores: Arc<Mutex<Scores>>,
    rings: Vec<Arc<Mutex<PacketRing>>>,
    requests: Sender<Request>,
    verdicts: Arc<Mutex<Verdicts>>,
    outbox: Arc<notify::Outbox>,
    hub: Hub,
    models_dir: Option<PathBuf>,
}

/// Opens what answers people: captures handed over, scans, reports, the API.
fn answering(
    config: &Config,
    (mode, listen): (Mode, SocketAddr),
    desk: &Arc<Desk>,
    store: &Sqlite,
    shown: Shown,
    (stop, threads): (&Arc<AtomicBool>, &mut Vec<JoinHandle<()>>),
) -> Result<AppState> {
    let Shown { auth, status, scores, rings, requests, verdicts, outbox, hub, models_dir } = shown;
    let (uploads, analysts) = uploads::start(config.uploads.clone(), is_live(mode), desk, &status, stop)?;
    threads.extend(analysts);
    let scans = scan_desk(config, mode, (desk, store), &hub, &requests, (stop, threads))?;
    let answers = Answers {
        reports: reporting::start(desk, store.reader(), &outbox, &status, (stop, threads))?,
        status,
        scores,
        rings,
        requests,
        verdicts,
        outbox,
        reader: store.reader(),
        desk: Arc::clone(desk),
        uploads,
        scans,
        snap_len: config.evidence.snap_len,
        artifact: models_dir.map_or(String::new(), |d| d.join(artifact::FILE_NAME).display().to_string()),
        seed: config.learn.seed,
    };
    Ok(app_state(config, listen, answers, (hub, auth)))
}

/// Who scans; its thread is one of those that are waited for.
fn scan_desk(
    config: &Config,
    mode: Mode,
    (desk, store): (&Arc<Desk>, &Sqlite),
    hub: &Hub,
    requests: &Sender<Request>,
    (stop, threads): (&Arc<AtomicBool>, &mut Vec<JoinHandle<()>>),
) -> Result<Arc<scans::ScanDesk>> {
    let (reader, seed) = (store.reader(), config.learn.seed);
    let (hub, judge) = (hub.clone(), is_live(mode).then(|| requests.clone()));
    let parts = scans::Parts { desk: Arc::clone(desk), reader, hub, judge, seed, stop: Arc::clone(stop) };
    let (scans, timing) = scans::start(parts)?;
    threads.push(timing);
    Ok(scans)
}

/// The database; its writer yields to the threads that see and judge.
fn open_store(config: &Config, plan: &Plan) -> Result<Sqlite> {
    Sqlite::open_with(&plan.data_dir, &config.store, || source::lower_thread_priority(STORE_NICE)).plain()
}

/// What every handler of the API holds.
fn app_state(config: &Config, listen: SocketAddr, answers: Answers, (hub, auth): (Hub, Arc<serve::Auth>)) -> AppState {
    let read: Arc<dyn Read> = answers.reader.clone();
    let serve = serve::ServeConfig { listen, ..config.serve.clone() };
    let exports = serve::Exports::new(store::export::Exporter::new(
        crate::archived::rows(config, &answers.reader),
        alert::eve_event,
    ));
    AppState { read, live: Arc::new(answers), hub, exports, auth, config: Arc::new(serve) }
}

/// Threat-intelligence lists as far as they lie here, given to the judge, and their keeper.
fn list_keeper(
    config: &Config,
    data_dir: &Path,
    status: &Arc<Mutex<Status>>,
    stop: &Arc<AtomicBool>,
    judge: &mut Judge,
) -> Result<(ListKeeper, Sender<IntelConfig>, Receiver<Arc<Indicators>>)> {
    let (to_keeper, settings) = bounded(RELOADS_MAX);
    let (indicators, to_judge) = bounded(RELOADS_MAX);
    let mut lists = Lists::new(&config.intel, Some(data_dir));
    judge.behaviours().set_indicators(lists.compile()?);
    let (status, stop) = (Arc::clone(status), Arc::clone(stop));
    lock(&status).threat_lists = lists.view();
    let keeper = ListKeeper { lists, data_dir: data_dir.to_owned(), settings, indicators, status, stop };
    Ok((keeper, to_keeper, to_judge))
}

fn packet_rings(config: &Config, sources: usize) -> Vec<Arc<Mutex<PacketRing>>> {
    let ring = || Arc::new(Mutex::new(PacketRing::new(config.evidence.ring_bytes, config.evidence.snap_len)));
    (0..sources).map(|_| ring()).collect()
}

/// What the detectors remember over a restart; of made-up or replayed traffic nothing.
fn open_memory(plan: &Plan, judge: &mut Judge) -> Result<Memory> {
    let names: Vec<&str> = plan.sources.iter().map(|s| s.name.as_str()).collect();
    Memory::open(is_live(plan.mode).then_some(plan.data_dir.as_path()), &names, judge.behaviours())
}

/// Does capture time go with the wall clock?
fn is_live(mode: Mode) -> bool {
    matches!(mode, Mode::Live | Mode::Host)
}

/// The judge with what earlier runs kept: models in `models_dir`, hosts in the store.
fn first_judge(
    config: &Config,
    models_dir: Option<&Path>,
    status: &Mutex<Status>,
    store: &Sqlite,
    said: &Verdicts,
) -> Result<Judge> {
    let kept = match models_dir {
        Some(dir) => artifact::load(dir)?,
        None => None,
    };
    let mut judge = Judge::new(&judge_config(config)?, Learner::new(config.learn));
    lock(status).budget = judge.budget();
    if let Some(ensemble) = kept.map(Arc::new) {
        install(&mut judge, status, ensemble);
    }
    if let Some(model) = models_dir.map_or(Ok(None), side_models::load_packets)? {
        judge.packets().install(model);
    }
    if let Some(dir) = models_dir {
        level_models::install(&mut judge, level_models::load(dir)?);
    }
    judge.hosts().restore(known_hosts(store)?);
    judge.incidents().set_suppressions(said.suppressions());
    judge.incidents().set_importances(hosts_said::importances(store.reader().as_ref()).plain()?);
    if models_dir.is_some() {
        judge.keep_reservoir(evaluate::Reservoir::new(&config.learn));
    }
    judge.keep_watch();
    Ok(judge)
}

fn judging_settings(config: &Config, plan: &Plan, models_dir: Option<PathBuf>) -> JudgingSettings {
    JudgingSettings {
        learn: config.learn,
        models: config.models.clone(),
        evidence: config.evidence,
        models_dir,
        // Of what others saw, their clocks tell the time.
        live: is_live(plan.mode) && !matches!(plan.part, roles::Part::Detector | roles::Part::Server),
        learns: matches!(plan.part, roles::Part::All | roles::Part::Server)
            && plan.sources.iter().any(OpenSource::shows_packets),
        charts_exports: !plan.sources.iter().any(OpenSource::shows_packets),
        roll_up: config.alert.roll_up.clone(),
    }
}

/// Where models are kept. Those of the demo fit its own past and no network: they live in a folder of their own, and a new demo
/// begins without them.
fn models_dir(plan: &Plan) -> Result<Option<PathBuf>> {
    if plan.past.is_none() {
        return Ok(Some(plan.data_dir.clone()));
    }
    let dir = plan.data_dir.join(DEMO_MODELS);
    match std::fs::remove_dir_all(&dir) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(Failure::new(format!("{}: {e}", dir.display()))),
        _ => Ok(Some(dir)),
    }
}

/// Models of an earlier run judge from the first flow on.
fn install(judge: &mut Judge, status: &Mutex<Status>, ensemble: Arc<detect::Ensemble>) {
    let mut status = lock(status);
    status.flows_learned = ensemble.span().rows;
    status.model = ModelState::Ready;
    status.ensemble = Some(Arc::clone(&ensemble));
    drop(status);
    judge.install(ensemble);
}

/// The workers' threads, and where each takes new settings.
type Workers = (Vec<JoinHandle<()>>, Vec<Sender<MeterSettings>>);

fn start_workers(
    sources: Vec<OpenSource>,
    meter: &MeterConfig,
    rings: &[Arc<Mutex<PacketRing>>],
    data_dir: &Path,
    beside: &Beside,
) -> Result<Workers> {
    let next_packet_id = Arc::new(AtomicU64::new(1));
    let (mut threads, mut meters) = (Vec::new(), Vec::new());
    let workers = sources.iter().filter(|source| source.shows_packets()).count();
    let workers = u32::try_from(workers).unwrap_or(u32::MAX);
    for (number, (source, ring)) in sources.into_iter().zip(rings).enumerate() {
        let (parcels, stop) = (beside.parcels.clone(), Arc::clone(&beside.stop));
        let name = format!("capture-{number}");
        if source.kind == "kafka" {
            // Its loop runs on a thread of the roles.
            continue;
        }
        let (collects, live) = (source.kind == "collector", source.is_wall_clock());
        let config = meter_of(source.kind, meter);
        let lines = match source.lines {
            Some(Lines::Files(files)) => {
                let (config, pace) = (meter.clone(), source.pace);
                let replay = LogReplay { number, files, config, parcels, stop, pace };
                threads.push(spawn(&name, move || replay.run())?);
                continue;
            }
            Some(Lines::Live(lines)) => Some(lines),
            None => None,
        };
        if let Some(lines) = lines {
            let (settings, from_reloader) = bounded(RELOADS_MAX);
            meters.push(settings);
            let observer = LogObserver::new(meter.exports.join.clone(), Some(meter.home.clone()));
            let data_dir = data_dir.to_owned();
            let worker = LogWorker { number, lines, observer, parcels, stop, settings: from_reloader, data_dir };
            threads.push(spawn(&name, move || worker.run())?);
            continue;
        }
        threads.push(match source.frames {
            None => {
                let Some(watcher) = beside.watcher(Some(number)) else { continue };
                spawn(&name, move || watcher.run())?
            }
            Some(frames) => {
                let (settings, from_reloader) = bounded(RELOADS_MAX);
                meters.push(settings);
                let mut meter = Meter::live(&config, workers);
                let interface = (source.kind == "remote").then(|| u16::try_from(number).unwrap_or(u16::MAX));
                let exporters = collects.then(|| ExporterFile::open(data_dir, &mut meter));
                let worker = Worker {
                    number,
                    live,
                    interface,
                    source: frames,
                    meter,
                    exporters,
                    ring: Arc::clone(ring),
                    next_packet_id: Arc::clone(&next_packet_id),
                    parcels,
                    stop,
                    pace: source.pace,
                    settings: from_reloader,
                };
                spawn(&name, move || worker.run())?
            }
        });
    }
    Ok((threads, meters))
}

/// How a source's frames are read: all that comes to a collector is an export, and on an interface packets are packets.
fn meter_of(kind: &str, meter: &MeterConfig) -> MeterConfig {
    let mut config = meter.clone();
    match kind {
        "collector" => {
            config.exports.take = TakeExports::All;
            config.filter = None;
        }
        "interface" => {
            config.exports.take = TakeExports::Ignore;
            config.filter = None;
        }
        "remote" => config.exports.take = TakeExports::Ignore,
        _ => {}
    }
    config
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>> {
    std::thread::Builder::new().name(name.to_owned()).spawn(work).context("starting a thread")
}

/// A notice that no interface can be captured from, with the command that changes it.
pub fn no_capture_notice() -> HealthItem {
    let text = "No right to capture packets: showing this host's own interface counters and sockets".to_owned();
    item(
        "rights",
        HealthLevel::Warning,
        text,
        &format!("Grant the right and start again: {}", crate::rights::setcap_command()),
    )
}
