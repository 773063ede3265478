//! A real broker of Apache Kafka for tests: started from scripts/services/kafka.sh on free ports, taken down and brought back with its data.
//! Owns no assertion about Tripline.

use super::servers::free_port;
use super::wait_for;
use record::KafkaConnection;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// How long a broker may take to answer, on a busy machine.
const PATIENCE: Duration = Duration::from_mins(2);
/// What the script gives the only user.
pub const USER: &str = "tripline";
/// And the password.
pub const PASSWORD: &str = "correct horse";

/// A broker.
pub struct Broker {
    dir: PathBuf,
    /// Without encryption.
    pub port: u16,
    /// With TLS.
    pub tls_port: u16,
    /// With TLS and passwords.
    pub sasl_port: u16,
    /// Does the listener with TLS ask clients for a certificate?
    pub asks_for_certificates: bool,
    child: Option<Child>,
}

fn script() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scripts/services/kafka.sh")
}

fn is_installed() -> bool {
    let services = std::env::var_os("TRIPLINE_SERVICES")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/services"), PathBuf::from);
    let Ok(entries) = std::fs::read_dir(services.join("kafka")) else { return false };
    entries.flatten().any(|entry| entry.file_name().to_string_lossy().starts_with("installed-"))
}

impl Broker {
    /// A broker with a folder of its own that answers, or None with the reason on standard error.
    pub fn start(test: &str, dir: &Path) -> Option<Self> {
        let mut broker = Self::prepare(test, dir)?;
        broker.up();
        Some(broker)
    }

    /// The same, not started yet.
    pub fn prepare(test: &str, dir: &Path) -> Option<Self> {
        if !is_installed() {
            eprintln!("SKIP {test}: Apache Kafka is not installed for tests; run `make services`");
            return None;
        }
        let [port, tls_port, sasl_port] = [free_port(), free_port(), free_port()];
        Some(Self { dir: dir.to_owned(), port, tls_port, sasl_port, asks_for_certificates: false, child: None })
    }

    /// Starts it and waits until it answers.
    pub fn up(&mut self) {
        let ports = [self.port, self.tls_port, self.sasl_port].map(|port| port.to_string());
        let mut command = Command::new(script());
        command.arg("run").arg(&self.dir).args(ports);
        if self.asks_for_certificates {
            command.env("REQUIRE_CLIENT_CERTIFICATE", "1");
        }
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::inherit());
        self.child = Some(child.spawn().unwrap());
        wait_for(PATIENCE, "the broker", || store::kafka::ensure_topic(&self.connection(), "there", 1, 1, &[]).ok());
    }

    /// Ends it at once, as a machine that lost its power.
    pub fn down(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// How it is reached without encryption.
    pub fn connection(&self) -> KafkaConnection {
        KafkaConnection {
            brokers: vec![format!("127.0.0.1:{}", self.port)],
            request_timeout_ms: 5_000,
            ..KafkaConnection::default()
        }
    }

    /// The folder with the certificates.
    pub fn certificates(&self) -> PathBuf {
        self.dir.join("certificates")
    }

    /// Makes a topic.
    pub fn topic(&self, name: &str, partitions: u32) {
        let topic = store::kafka::ensure_topic(&self.connection(), name, partitions, 1, &[]).unwrap();
        assert_eq!(topic.partitions, partitions);
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.down();
    }
}
