//! Runs nmap: starts it without a shell, reads its XML while it works, ends it when it shall end, and always waits for it. Owns the
//! process; what is read means is `xml`'s.

use super::NmapScan;
use crate::control::{Control, LOOK_EVERY, ScanError, name_hosts, now, stop_reason};
use crate::targets::Targets;
use crate::xml::{Limits, NmapXml, Part, Progress, XmlError};
use record::scan::{Scan, ScannedHost};
use std::ffi::OsStr;
use std::io::{BufReader, ErrorKind, Read};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;

/// Bytes kept of what nmap says on standard error.
const STDERR_BYTES_MAX: u64 = 8 << 10;
/// Parts that wait between the reading thread and this one; at the bound nmap waits.
const PARTS_MAX: usize = 256;

/// Said instead of nmap's own words, which name no setting.
const UDP_NEEDS_ROOT: &str = "nmap asks UDP ports as root only; run as root (`sudo`), scan with --backend connect, which asks them as any \
                              user, or empty scan.udp_ports";

/// With whose rights this process acts; None where the system does not tell.
fn effective_user() -> Option<u32> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    status.lines().find_map(|line| line.strip_prefix("Uid:"))?.split_whitespace().nth(1)?.parse().ok()
}

/// True when nmap lies in one of the folders of PATH.
pub fn is_installed() -> bool {
    let runs = |path: &Path| path.metadata().is_ok_and(|m| m.is_file() && m.permissions().mode() & 0o111 != 0);
    std::env::var_os("PATH").is_some_and(|all| std::env::split_paths(&all).any(|dir| runs(&dir.join("nmap"))))
}

impl NmapScan {
    /// Scans the targets: one run of nmap for each IP version among them. A scan that was stopped says so in `incomplete`.
    ///
    /// # Errors
    /// nmap is missing, failed, or its answer cannot be read.
    pub fn run(&self, targets: &Targets, control: &mut Control) -> Result<Scan, ScanError> {
        self.run_with(OsStr::new("nmap"), targets, control)
    }

    pub(crate) fn run_with(
        &self,
        program: &OsStr,
        targets: &Targets,
        control: &mut Control,
    ) -> Result<Scan, ScanError> {
        if self.asks_udp() && effective_user().is_some_and(|user| user != 0) {
            return Err(ScanError(UDP_NEEDS_ROOT.to_owned()));
        }
        let mut whole: Option<Scan> = None;
        for v4 in [true, false] {
            let addresses = targets.of_version(v4);
            if addresses.is_empty() {
                continue;
            }
            let scan = run_once(program, &self.arguments(v4, &addresses), control)?;
            whole = Some(match whole {
                None => scan,
                Some(first) => joined(first, scan),
            });
            if whole.as_ref().is_some_and(|scan| scan.incomplete.is_some()) {
                break;
            }
        }
        let mut scan = whole.ok_or_else(|| ScanError("there is nothing to scan; name a target".to_owned()))?;
        name_hosts(&mut scan, targets);
        Ok(scan)
    }
}

/// The runs for IPv4 and IPv6 as one scan.
fn joined(mut first: Scan, second: Scan) -> Scan {
    first.args = format!("{}; {}", first.args, second.args);
    first.ended = second.ended;
    first.exit = second.exit;
    first.incomplete = second.incomplete;
    for asked in second.asked {
        if !first.asked.contains(&asked) {
            first.asked.push(asked);
        }
    }
    first.hosts.extend(second.hosts);
    first.pre_scripts.extend(second.pre_scripts);
    first.post_scripts.extend(second.post_scripts);
    first
}

fn run_once(program: &OsStr, arguments: &[String], control: &mut Control) -> Result<Scan, ScanError> {
    let begun = now();
    let mut child = start(program, arguments)?;
    let (sender, receiver) = sync_channel(PARTS_MAX);
    let stdout = child.stdout.take();
    let reading = std::thread::spawn(move || read_parts(stdout, &sender));
    let stderr = child.stderr.take();
    let listening = std::thread::spawn(move || stderr.map(read_words).unwrap_or_default());
    let (mut hosts, mut stopped) = (Vec::new(), None);
    let answer = follow(&receiver, control, &mut hosts, &mut stopped);
    // Nobody reads any more: the reading thread ends at its next part.
    drop(receiver);
    let status = end(&mut child, control, &mut stopped)?;
    let _ = reading.join();
    let words = joined_words(listening);
    let mut scan = conclude(answer, hosts, stopped, status, &words)?;
    if scan.incomplete.is_some() {
        scan.args = format!("nmap {}", arguments.join(" "));
        (scan.started, scan.ended) = (Some(begun), Some(now()));
    }
    Ok(scan)
}

fn start(program: &OsStr, arguments: &[String]) -> Result<Child, ScanError> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    Command::new(program)
        .args(arguments)
        // Options may also come to nmap by its environment.
        .env_clear()
        .env("PATH", path)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        // Ctrl-C reaches this process alone, which then ends nmap and says so.
        .process_group(0)
        .spawn()
        .map_err(|e| {
            ScanError(if e.kind() == ErrorKind::NotFound {
                "nmap is not installed; install it (`sudo apt-get install nmap`, `sudo dnf install nmap`), or scan with \
                 --backend connect"
                    .to_owned()
            } else {
                format!("nmap cannot be started: {e}; check the right to run it, or scan with --backend connect")
            })
        })
}

type Answer = Result<Part, XmlError>;

fn read_parts(stdout: Option<ChildStdout>, sender: &SyncSender<Answer>) {
    let Some(stdout) = stdout else { return };
    let mut xml = NmapXml::new(BufReader::new(stdout), Limits::default());
    loop {
        let part = xml.next_part();
        let last = matches!(part, Err(_) | Ok(Part::End(_)));
        if sender.send(part).is_err() || last {
            return;
        }
    }
}

/// The beginning of what is said on standard error; the rest is read, so that nmap does not wait, and forgotten.
fn read_words(mut stderr: impl Read) -> String {
    let mut kept = Vec::new();
    let _ = stderr.by_ref().take(STDERR_BYTES_MAX).read_to_end(&mut kept);
    let _ = std::io::copy(&mut stderr, &mut std::io::sink());
    String::from_utf8_lossy(&kept).into_owned()
}

fn joined_words(listening: JoinHandle<String>) -> String {
    let words = listening.join().unwrap_or_default();
    let words = words.split_whitespace().collect::<Vec<_>>().join(" ");
    words.chars().filter(|c| !c.is_control()).take(600).collect()
}

/// Takes parts until the document ends, cannot be read, or the scan shall stop (then `stopped` says why, and there is no answer).
fn follow(
    parts: &Receiver<Answer>,
    control: &mut Control,
    hosts: &mut Vec<ScannedHost>,
    stopped: &mut Option<&'static str>,
) -> Option<Result<Scan, XmlError>> {
    loop {
        *stopped = stop_reason(&control.cancel, control.deadline);
        if stopped.is_some() {
            return None;
        }
        match parts.recv_timeout(LOOK_EVERY) {
            Ok(Ok(Part::Host(host))) => hosts.push(*host),
            Ok(Ok(Part::Progress(progress))) => {
                (control.progress)(&Progress { hosts_done: hosts.len() as u64, ..progress });
            }
            Ok(Ok(Part::End(scan))) => return Some(Ok(*scan)),
            Ok(Err(error)) => return Some(Err(error)),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return None,
        }
    }
}

/// Waits for the process, which is killed by its own handle when the scan shall stop.
fn end(child: &mut Child, control: &Control, stopped: &mut Option<&'static str>) -> Result<ExitStatus, ScanError> {
    let failed = |e: std::io::Error| ScanError(format!("nmap cannot be waited for: {e}"));
    loop {
        if stopped.is_none() {
            *stopped = stop_reason(&control.cancel, control.deadline);
        }
        if stopped.is_some() {
            // It may have ended by itself meanwhile.
            let _ = child.kill();
            return child.wait().map_err(failed);
        }
        match child.try_wait().map_err(failed)? {
            Some(status) => return Ok(status),
            None => std::thread::sleep(LOOK_EVERY / 5),
        }
    }
}

fn conclude(
    answer: Option<Result<Scan, XmlError>>,
    hosts: Vec<ScannedHost>,
    stopped: Option<&'static str>,
    status: ExitStatus,
    words: &str,
) -> Result<Scan, ScanError> {
    let incomplete = |why: String, hosts: Vec<ScannedHost>| {
        Ok(Scan { scanner: "nmap".to_owned(), incomplete: Some(why), hosts, ..Scan::default() })
    };
    let said = if words.is_empty() { String::new() } else { format!(": {words}") };
    match (answer, stopped, status.signal()) {
        (Some(Ok(scan)), _, _) if status.success() => Ok(Scan { hosts, ..scan }),
        (_, Some(why), _) => incomplete(format!("{why}; only hosts that were done are here"), hosts),
        (_, None, Some(signal)) => {
            incomplete(format!("nmap was killed by signal {signal}{said}; only hosts that were done are here"), hosts)
        }
        (Some(Err(error)), _, _) if status.success() => {
            Err(ScanError(format!("nmap's answer cannot be read: {error}")))
        }
        _ => {
            let code = status.code().map_or_else(|| "no exit code".to_owned(), |code| format!("exit code {code}"));
            Err(ScanError(format!(
                "nmap failed ({code}){said}; run it by hand to see more, or scan with --backend connect"
            )))
        }
    }
}

#[cfg(test)]
mod tests;
