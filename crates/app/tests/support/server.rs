//! The program in its long-running modes: started on a free port, ended by signal, never left behind.

use super::tripline;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};

/// A running `tripline run` or `demo`; killed when dropped.
pub struct Server {
    child: Child,
    /// Process that is Tripline (a wrapper such as `ip netns exec` replaces itself by it).
    pub pid: u32,
    /// Port of the dashboard.
    pub port: u16,
    /// What it has written to standard error so far.
    log: Arc<Mutex<String>>,
}

impl Server {
    /// Starts on a free port and waits for the line that names it.
    pub fn start(args: &[&str]) -> Self {
        Self::start_as(tripline().args(args).args(["--listen", "127.0.0.1:0"]))
    }

    /// Starts a prepared command that listens on port 0.
    pub fn start_as(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let (told, port) = mpsc::channel();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        // Reads to the end, so that the process never blocks on a full pipe.
        let log = Arc::new(Mutex::new(String::new()));
        let written = Arc::clone(&log);
        std::thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                if let Some(port) = port_of(&line) {
                    let _ = told.send(Ok(port));
                }
                let mut seen = written.lock().unwrap();
                seen.push_str(&line);
                seen.push('\n');
            }
            let _ = told.send(Err(written.lock().unwrap().clone()));
        });
        let pid = child.id();
        let port = port.recv_timeout(Duration::from_mins(1));
        let mut server = Self { child, pid, port: 0, log };
        match port {
            Ok(Ok(port)) => server.port = port,
            Ok(Err(stderr)) => panic!("ended before it listened: {stderr}"),
            Err(error) => panic!("does not listen after a minute: {error}"),
        }
        server
    }

    /// What it has written to standard error so far.
    pub fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// SIGTERM, then the exit status.
    pub fn terminate(mut self) -> ExitStatus {
        signal(self.pid, "TERM");
        let begun = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(begun.elapsed() < Duration::from_mins(1), "still there a minute after SIGTERM");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// SIGKILL: a crash.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Peak resident memory, bytes.
    pub fn peak_bytes(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid)).unwrap();
        let line = status.lines().find(|l| l.starts_with("VmHWM:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.child.try_wait().ok().flatten().is_none() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// Sends a signal to one process.
pub fn signal(pid: u32, name: &str) {
    assert!(Command::new("kill").args([&format!("-{name}"), &pid.to_string()]).status().unwrap().success());
}

fn port_of(line: &str) -> Option<u16> {
    let rest = line.split("dashboard on http").nth(1)?.split("://").nth(1)?;
    let address = rest.split_whitespace().next()?;
    address.rsplit(':').next()?.chars().take_while(char::is_ascii_digit).collect::<String>().parse().ok()
}
