//! Analyses files one after the other, each in a process of its own (`tripline analyze`): what a file makes of memory and time, and a
//! defect that it might find, is that process's, and the watch goes on. Owns that process; the analysis itself is `analyze`'s.

use super::shelf::{ANALYSIS, CONTENT, PART, Shelf};
use crate::config::Config;
use crate::live::desk::Desk;
use serve::shapes::{Upload, UploadAnalysis, UploadPhase};
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

/// Time between two looks at the process.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// Time between two looks for a file while none waits.
const IDLE: Duration = Duration::from_millis(250);
/// Bytes of one line of the process that are read.
const LINE_BYTES_MAX: u64 = 4_096;

/// See the module.
pub struct Analyst {
    /// The files.
    pub shelf: Arc<Shelf>,
    /// For the settings as they are now.
    pub desk: Arc<Desk>,
    /// The watch ends.
    pub stop: Arc<AtomicBool>,
}

/// How the process ended.
enum End {
    Done,
    Failed(String),
    /// The file was deleted meanwhile.
    Gone,
    /// The watch ends; the file waits for the next start.
    Stopped,
}

impl Analyst {
    /// Works until `stop`.
    pub fn run(&self) {
        while !self.stop.load(Ordering::Relaxed) {
            if let Some((upload, gone)) = self.shelf.next(IDLE) {
                self.analyse(&upload, &gone);
            }
        }
    }

    fn analyse(&self, upload: &Upload, gone: &AtomicBool) {
        let out = self.shelf.path(&upload.id, &format!("analysis.{PART}"));
        let end = self.process(upload, &out, gone).unwrap_or_else(|e| End::Failed(format!("no analysis ran: {e}")));
        let end = match end {
            End::Done => self.take(upload, &out).map_or_else(End::Failed, |()| End::Done),
            other => other,
        };
        if let End::Failed(error) = end {
            self.shelf.change(&upload.id, |u| (u.phase, u.error) = (UploadPhase::Failed, Some(error)));
        }
        // Taken over, or worth nothing.
        let _ = std::fs::remove_file(out);
    }

    fn process(&self, upload: &Upload, out: &Path, gone: &AtomicBool) -> io::Result<End> {
        let settings = self.shelf.dir().join("settings.toml");
        // What is told to whom is none of its business.
        let config = Config { notify: store::notify::NotifyConfig::default(), ..self.desk.running() };
        std::fs::write(&settings, toml::to_string(&config).map_err(io::Error::other)?)?;
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("analyze").arg(self.shelf.path(&upload.id, CONTENT));
        command.args(["-q", "-o", "json", "--progress-lines", "-c"]).arg(&settings).arg("-w").arg(out);
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("TRIPLINE_")) {
            command.env_remove(name);
        }
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?;
        let said = child.stderr.take().map(listen);
        self.watch(&mut child, said.as_ref(), upload, gone)
    }

    fn watch(
        &self,
        child: &mut Child,
        said: Option<&mpsc::Receiver<String>>,
        upload: &Upload,
        gone: &AtomicBool,
    ) -> io::Result<End> {
        let (started, timeout) = (Instant::now(), Duration::from_secs(self.shelf.settings().timeout_s));
        let mut last = String::new();
        let mut hear = |shelf: &Shelf| {
            for line in said.iter().flat_map(|said| said.try_iter()) {
                match progress(&line) {
                    Some(how) => shelf.change(&upload.id, how),
                    None => last = line,
                }
            }
            last.clone()
        };
        loop {
            let status = child.try_wait()?;
            hear(&self.shelf);
            if let Some(status) = status {
                // Its last words may still be on their way.
                std::thread::sleep(LOOK_EVERY);
                let words = hear(&self.shelf);
                return Ok(match (status.success(), words.strip_prefix("tripline: ").unwrap_or(&words)) {
                    (true, _) => End::Done,
                    (false, "") => {
                        End::Failed(format!("the analysis ended by itself ({status}); is there enough memory?"))
                    }
                    (false, words) => End::Failed(self.by_name(words, upload)),
                });
            }
            let end = if gone.load(Ordering::Relaxed) {
                Some(End::Gone)
            } else if self.stop.load(Ordering::Relaxed) {
                Some(End::Stopped)
            } else if started.elapsed() > timeout {
                let words = format!("the analysis took longer than {} s (uploads.timeout_s)", timeout.as_secs());
                Some(End::Failed(words))
            } else {
                None
            };
            if let Some(end) = end {
                child.kill()?;
                child.wait()?;
                return Ok(end);
            }
            std::thread::sleep(LOOK_EVERY);
        }
    }

    /// The process names the file by its place here, which says nothing to people.
    fn by_name(&self, words: &str, upload: &Upload) -> String {
        words.replace(&self.shelf.path(&upload.id, CONTENT).display().to_string(), &upload.name)
    }

    /// Reads the analysis once, for the list, and puts it in place.
    fn take(&self, upload: &Upload, out: &Path) -> Result<(), String> {
        let bytes = std::fs::read(out).map_err(|e| format!("its analysis was not written: {e}"))?;
        let analysis: UploadAnalysis =
            serde_json::from_slice(&bytes).map_err(|e| format!("its analysis cannot be read: {e}"))?;
        std::fs::rename(out, self.shelf.path(&upload.id, ANALYSIS)).map_err(|e| format!("not kept: {e}"))?;
        self.shelf.change(&upload.id, |u| {
            u.phase = UploadPhase::Done;
            u.packets_read = analysis.input.packets;
            u.incidents = Some(analysis.incidents.len() as u64);
            u.severity_max = analysis.incidents.iter().map(|i| i.severity).max();
        });
        if self.shelf.get(&upload.id).is_none() {
            // Deleted in this very moment.
            let _ = std::fs::remove_file(self.shelf.path(&upload.id, ANALYSIS));
        }
        Ok(())
    }
}

/// Lines of the process, each cut to its bound, on a thread of their own, which ends with the process.
fn listen(stderr: ChildStderr) -> mpsc::Receiver<String> {
    let (lines, heard) = mpsc::channel();
    std::thread::spawn(move || {
        let mut reader = BufReader::new(stderr);
        loop {
            let mut line = Vec::new();
            match reader.by_ref().take(LINE_BYTES_MAX).read_until(b'\n', &mut line) {
                Ok(0) | Err(_) => return,
                Ok(_) if lines.send(String::from_utf8_lossy(&line).trim().to_owned()).is_err() => return,
                Ok(_) => {}
            }
        }
    });
    heard
}

/// What a line of `--progress-lines` changes; None when it is none.
fn progress(line: &str) -> Option<impl FnOnce(&mut Upload) + use<>> {
    let (what, number) = line.strip_prefix("progress ")?.split_once(' ')?;
    let (what, number) = (what.to_owned(), number.parse::<u64>().ok()?);
    Some(move |upload: &mut Upload| match what.as_str() {
        "read" => upload.packets_read = number,
        "total" => upload.packets_total = Some(number),
        _ => {}
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn lines_of_progress_are_told_from_words() {
        let mut upload = Upload::default();
        progress("progress total 20").unwrap()(&mut upload);
        progress("progress read 7").unwrap()(&mut upload);
        assert_eq!((upload.packets_read, upload.packets_total), (7, Some(20)));
        assert!(progress("tripline: x.pcap: it is empty").is_none() && progress("progress read x").is_none());
    }
}
