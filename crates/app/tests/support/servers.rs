//! Servers of others for the tests of notifications: real processes on loopback, started and ended at will. Owns no assertion about
//! Tripline.

use super::wait_for;
use serde_json::Value;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// How long a server may take to listen; rsyslogd's TLS computes parameters first.
const PATIENCE: Duration = Duration::from_mins(1);

/// The scripts that start them.
pub fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scripts/test-servers").join(name)
}

/// A Python that has aiosmtpd: the first in the path, or the distribution's own.
pub fn python_with_smtp() -> Option<&'static str> {
    let has = |python: &&str| {
        let mut import = Command::new(python);
        import.args(["-c", "import aiosmtpd"]).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
    };
    ["python3", "/usr/bin/python3"].into_iter().find(has)
}

/// True when rsyslogd with TLS and openssl are installed.
pub fn has_rsyslog() -> bool {
    let there = |name: &str| ["/usr/sbin", "/usr/bin", "/sbin"].iter().any(|dir| Path::new(dir).join(name).exists());
    let gtls = std::fs::read_dir("/usr/lib")
        .into_iter()
        .flatten()
        .flatten()
        .any(|dir| ["rsyslog/lmnsd_gtls.so", "lmnsd_gtls.so"].iter().any(|file| dir.path().join(file).exists()));
    there("rsyslogd") && there("openssl") && gtls
}

/// A port that nobody listens on.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A server that can be taken down and brought back on the same port.
pub struct Far {
    command: Vec<String>,
    /// None: UDP, which cannot be asked whether it listens; its ready file is its process number.
    port: Option<u16>,
    ready: Option<PathBuf>,
    child: Option<Child>,
}

impl Far {
    /// A server with a TCP port.
    pub fn tcp(command: Vec<String>, port: u16) -> Self {
        Self { command, port: Some(port), ready: None, child: None }
    }
    /// A server that writes a file when it is ready.
    pub fn file(command: Vec<String>, ready: PathBuf) -> Self {
        Self { command, port: None, ready: Some(ready), child: None }
    }
    /// Starts it and waits until it listens.
    pub fn up(&mut self) {
        if let Some(ready) = &self.ready {
            let _ = std::fs::remove_file(ready);
        }
        let mut command = Command::new(&self.command[0]);
        let child = command.args(&self.command[1..]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        self.child = Some(child.spawn().unwrap());
        wait_for(PATIENCE, &self.command.join(" "), || {
            let listens = self.port.is_none_or(|port| TcpStream::connect(("127.0.0.1", port)).is_ok());
            (listens && self.ready.as_ref().is_none_or(|file| file.exists())).then_some(())
        });
    }
    /// Ends it at once.
    pub fn down(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }
}

impl Drop for Far {
    fn drop(&mut self) {
        self.down();
    }
}

/// Lines of a file that a server writes; none when there is no file yet. A line that is being written does not count.
pub fn lines(path: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    whole.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

/// The same as JSON.
pub fn json_lines(path: &Path) -> Vec<Value> {
    lines(path).iter().map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"))).collect()
}
