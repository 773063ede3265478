//! A program: the message as JSON on its standard input, no shell. Accepted means exit code 0.

use super::super::config::{Channel, CommandConfig};
use super::{Delivery, Sink, SinkKind, timeout};
use record::{Form, Message};
use std::io::{Read, Write};
use std::process::{Child, Command as Process, Stdio};
use std::thread;
use std::time::{Duration, Instant};

pub(super) const KIND: SinkKind = SinkKind {
    kind: "command",
    check: |channel| settings(channel).map(drop),
    form: |_| Form::Json,
    target: |channel| channel.command.as_ref().map_or(String::new(), |c| c.program.display().to_string()),
    secrets: |_| Vec::new(),
    open: |channel| Ok(Box::new(Command { config: settings(channel)?.clone(), timeout: timeout(channel) })),
};

/// Bytes of what a program says that are kept.
const OUTPUT_MAX: u64 = 4 << 10;
/// How often its end is looked for.
const LOOK: Duration = Duration::from_millis(10);

struct Command {
    config: CommandConfig,
    timeout: Duration,
}

fn settings(channel: &Channel) -> Result<&CommandConfig, String> {
    let command = channel.command.as_ref().ok_or("there is no table `command`")?;
    if command.program.as_os_str().is_empty() { Err("command.program is not set".to_owned()) } else { Ok(command) }
}

impl Command {
    fn run(&self, message: &Message) -> Result<Delivery, String> {
        let told = |e: &dyn std::fmt::Display| format!("{}: {e}", self.config.program.display());
        let mut child = Process::new(&self.config.program)
            .args(&self.config.args)
            .env("TRIPLINE_DELIVERY", &message.key)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|e| told(&e))?;
        // Threads of their own: a program that reads nothing, or says more than a pipe holds, must not hold us beyond the time.
        let (input, body) = (child.stdin.take(), message.body.clone());
        let writer = thread::spawn(move || input.map(|mut pipe| pipe.write_all(body.as_bytes())));
        let errors = child.stderr.take();
        let reader = thread::spawn(move || {
            let mut said = Vec::new();
            if let Some(pipe) = errors {
                // What it said is decoration; its exit code decides.
                let _ = pipe.take(OUTPUT_MAX).read_to_end(&mut said);
            }
            String::from_utf8_lossy(&said).into_owned()
        });
        let Some(status) = self.wait(&mut child).map_err(|e| told(&e))? else {
            return Ok(Delivery::later(told(&format!("not done after {} s, ended", self.timeout.as_secs_f64()))));
        };
        drop(writer);
        Ok(if status.success() {
            Delivery::Accepted("exit code 0".to_owned())
        } else {
            Delivery::later(told(&format!("{status} {}", said(reader))))
        })
    }

    /// None: it took too long and was ended.
    fn wait(&self, child: &mut Child) -> std::io::Result<Option<std::process::ExitStatus>> {
        let begun = Instant::now();
        loop {
            if let Some(status) = child.try_wait()? {
                return Ok(Some(status));
            }
            if begun.elapsed() >= self.timeout {
                child.kill()?;
                child.wait()?;
                return Ok(None);
            }
            thread::sleep(LOOK);
        }
    }
}

/// What the program said; nothing when a child of its own still holds the pipe.
fn said(reader: thread::JoinHandle<String>) -> String {
    for _ in 0..20 {
        if reader.is_finished() {
            return reader.join().unwrap_or_default();
        }
        thread::sleep(LOOK);
    }
    String::new()
}

impl Sink for Command {
    fn deliver(&mut self, message: &Message) -> Delivery {
        self.run(message).unwrap_or_else(Delivery::later)
    }
}
