//! `tripline scan`: imports, a scan of permitted targets, or what changed between two of them. Owns what is compared with what and the
//! exit code; who may be scanned and how is the room's.

use super::output::Output;
use crate::cli::Common;
use crate::config::Config;
use crate::failure::{Context, EXIT_DONE, EXIT_FOUND, Failure, Result};
use crate::live::name_of;
use crate::scan_args::{Backend, ScanArgs, ScanFormat};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use scan::{AllowList, Cancel, ConnectScan, Control, Limits, NmapScan, Progress, Scan, ScanConfig, Targets};
use serde::Serialize;
use std::fs::File;
use std::io::{self, BufReader, IsTerminal, Write};
use std::path::Path;
use std::time::{Duration, Instant};
use tokio::signal::unix::{SignalKind, signal};

/// Shows scans, or compares two.
pub fn run(common: &Common, args: &ScanArgs) -> Result<u8> {
    let config = Config::load(common)?.scan;
    check_use(args)?;
    // What may not be scanned is refused before anything is read.
    let targets = permitted(&config, args)?;
    let mut scans = args.import.iter().map(|path| import(path)).collect::<Result<Vec<_>>>()?;
    if let Some(targets) = &targets {
        scans.push(fresh(&config, args.backend, targets, common.quiet)?);
    }
    let incomplete = scans.iter().find_map(|scan| scan.incomplete.clone());
    let incomplete = incomplete.map(|why| Failure::new(format!("the scan is incomplete: {why}; run it again")));
    match (&scans[..], args.diff, incomplete) {
        // Hosts that were not reached would be told as gone.
        (_, true, Some(why)) => Err(why),
        ([before, after], true, None) => tell_changes(args, before, after),
        (scans, _, incomplete) => {
            tell_scans(args, scans)?;
            incomplete.map_or(Ok(EXIT_DONE), Err)
        }
    }
}

/// What clap cannot say.
fn check_use(args: &ScanArgs) -> Result<()> {
    let count = args.import.len() + usize::from(!args.targets.is_empty());
    if args.diff && count != 2 {
        return Err(Failure::new(
            "--diff compares two scans: give --import twice, or --import once and the targets to scan now",
        ));
    }
    if !args.diff && count > 1 && args.output == ScanFormat::Xml {
        return Err(Failure::new("-o xml holds one scan: give one --import or the targets alone, or add --diff"));
    }
    if args.import.iter().filter(|path| *path == Path::new("-")).count() > 1 {
        return Err(Failure::new("--import -: standard input can be read once; name a file for the other"));
    }
    Ok(())
}

fn import(path: &Path) -> Result<Scan> {
    let place = path.display();
    let read =
        |input: &mut dyn io::Read| scan::read_scan(BufReader::new(input), Limits::default()).context(name_of(path));
    if path == Path::new("-") {
        return read(&mut io::stdin().lock());
    }
    let mut file = File::open(path)
        .map_err(|e| Failure::new(format!("cannot open {place}: {e}; check the name and your right to read it")))?;
    read(&mut file)
}

/// The targets, all of them inside the allow-list; None: none were given.
fn permitted(config: &ScanConfig, args: &ScanArgs) -> Result<Option<Targets>> {
    if args.targets.is_empty() {
        return Ok(None);
    }
    let allow = AllowList::new(&config.allow, &scan::resolve).plain()?;
    Targets::new(&args.targets, &allow, config.addresses_max, &scan::resolve).plain().map(Some)
}

fn fresh(config: &ScanConfig, backend: Option<Backend>, targets: &Targets, quiet: bool) -> Result<Scan> {
    let backend = backend.unwrap_or_else(|| {
        if scan::is_installed() {
            return Backend::Nmap;
        }
        tracing::warn!(
            "nmap is not installed: ports are tried by connections, without versions; sudo apt-get install nmap"
        );
        Backend::Connect
    });
    let cancel = Cancel::default();
    cancel_by_signal(&cancel)?;
    let who = if backend == Backend::Nmap { "nmap" } else { "connections" };
    tracing::info!("scanning by {who}: addresses: {}; at most {} s", targets.count(), config.time_limit_s);
    let bar = bar(quiet);
    let mut progress = |progress: &Progress| {
        bar.set_position(progress.percent as u64);
        let left = progress.remaining_s.map(|s| format!(", about {s} s left")).unwrap_or_default();
        bar.set_message(format!("{}{left}", progress.task));
    };
    let deadline = Instant::now() + Duration::from_secs(config.time_limit_s);
    let mut control = Control { cancel, deadline, progress: &mut progress };
    let result = match backend {
        Backend::Nmap => NmapScan::new(config).map_err(Failure::new)?.run(targets, &mut control),
        Backend::Connect => ConnectScan::new(config).map_err(Failure::new)?.run(targets, &mut control),
    };
    bar.finish_and_clear();
    result.plain()
}

/// Ctrl-C and SIGTERM end the scan, not the program: what was found so far is told, and nmap is not left behind.
fn cancel_by_signal(cancel: &Cancel) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("signals")?;
    let (mut interrupt, mut terminate) = {
        let _inside = runtime.enter();
        (signal(SignalKind::interrupt()).context("signals")?, signal(SignalKind::terminate()).context("signals")?)
    };
    let cancel = cancel.clone();
    std::thread::spawn(move || {
        runtime.block_on(async {
            tokio::select! { _ = interrupt.recv() => {}, _ = terminate.recv() => {} }
        });
        cancel.cancel();
    });
    Ok(())
}

/// On a terminal only.
fn bar(quiet: bool) -> ProgressBar {
    let visible = !quiet && io::stderr().is_terminal();
    let target = if visible { ProgressDrawTarget::stderr_with_hz(10) } else { ProgressDrawTarget::hidden() };
    let bar = ProgressBar::with_draw_target(Some(100), target);
    if let Ok(style) = ProgressStyle::with_template("{spinner} {percent} %  {elapsed}  {msg}") {
        bar.set_style(style);
    }
    bar
}

#[derive(Serialize)]
struct Scans<'a> {
    schema: &'static str,
    scans: &'a [Scan],
}

fn tell_scans(args: &ScanArgs, scans: &[Scan]) -> Result<()> {
    let text = match args.output {
        ScanFormat::Text => scans.iter().map(scan::scan_text).collect::<Vec<_>>().join("\n"),
        ScanFormat::Json => json(&Scans { schema: "tripline.scan/1", scans })?,
        ScanFormat::Xml => scans.iter().map(scan::write_scan).collect(),
    };
    write(args, &text)
}

#[derive(Serialize)]
struct Changes<'a> {
    schema: &'static str,
    equal: bool,
    #[serde(flatten)]
    diff: &'a scan::ScanDiff,
}

fn tell_changes(args: &ScanArgs, before: &Scan, after: &Scan) -> Result<u8> {
    let diff = scan::diff(before, after);
    let equal = diff.is_equal();
    let text = match args.output {
        ScanFormat::Text => scan::diff_text(&diff),
        ScanFormat::Json => changes_json(&diff)?,
        ScanFormat::Xml => scan::diff_xml(&diff),
    };
    write(args, &text)?;
    Ok(if equal { EXIT_DONE } else { EXIT_FOUND })
}

/// A difference for programs.
pub fn changes_json(diff: &scan::ScanDiff) -> Result<String> {
    json(&Changes { schema: "tripline.scan_diff/1", equal: diff.is_equal(), diff })
}

fn json(value: &impl Serialize) -> Result<String> {
    serde_json::to_string_pretty(value).map(|text| text + "\n").context("output")
}

fn write(args: &ScanArgs, text: &str) -> Result<()> {
    let mut output = Output::open(args.write.as_deref())?;
    output.write_all(text.as_bytes()).map_err(|e| output.failure(&e))?;
    output.finish()
}
