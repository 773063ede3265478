//! A laboratory: hosts on one bridge, each in a network namespace of its own, with real servers of others in them. Nothing in it has a name
//! in the system: namespaces and servers end with the processes that hold them, and those with the test, however it ends. Owns no
//! assertion about Tripline.

use super::wait_for;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// Until a server listens, or a process is there or gone.
const PATIENCE: Duration = Duration::from_secs(20);
/// A laboratory that everything else failed to end ends by itself, seconds.
const LIFETIME_S: &str = "300";
/// What the laboratory is made with and made of, with Debian's packages.
const PROGRAMS: [(&str, &str); 10] = [
    ("ip", "iproute2"),
    ("unshare", "util-linux"),
    ("nsenter", "util-linux"),
    ("setpriv", "util-linux"),
    ("nginx", "nginx"),
    ("sshd", "openssh-server"),
    ("ssh-keygen", "openssh-client"),
    ("redis-server", "redis-server"),
    ("smtpd", "opensmtpd"),
    ("dnsmasq", "dnsmasq-base"),
];
/// Servers keep files of their running here: memory of their own, empty each time.
const PRIVATE: &str = "mount -t tmpfs tmpfs /run && mount -t tmpfs tmpfs /var/spool && mkdir /run/sshd && \
                       mkdir -m 711 /var/spool/smtpd && \"$@\"; exit $?";

/// Where a program lies; servers are in `sbin`, which is not in everybody's path.
pub fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(["/usr/sbin", "/sbin"].map(PathBuf::from));
    folders.map(|folder| folder.join(program)).find(|path| path.is_file())
}

/// A process in namespaces of its own that ends with the thread which began it: `unshare`, whose only child is the first process of a
/// namespace of processes, so that all in it ends with that.
struct Held(Child);

impl Held {
    fn begin(command: &mut Command) -> Self {
        Self(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
    }

    /// The first process inside.
    fn first(&self) -> Option<String> {
        let pid = self.0.id();
        let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).ok()?;
        children.split_whitespace().next().map(str::to_owned)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        // The first process inside, so that its parent is still there to take note of its end.
        if let Some(first) = self.first() {
            let _ = Command::new("kill").args(["-KILL", &first]).stderr(Stdio::null()).status();
        } else {
            let _ = self.0.kill();
        }
        let _ = self.0.wait();
    }
}

/// `setpriv` makes what follows end with this thread.
fn bound() -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL"]);
    command
}

/// A network namespace, by the process that holds it.
struct Space {
    _held: Held,
    pid: String,
}

impl Space {
    /// None where this process may not make one.
    fn new() -> Option<Self> {
        let own = ["unshare", "--net", "--pid", "--fork", "--kill-child", "sleep", LIFETIME_S];
        let mut held = Held::begin(bound().args(own));
        let pid = wait_for(PATIENCE, "a namespace", || match held.0.try_wait().unwrap() {
            Some(_) => Some(None),
            None => held.first().map(Some),
        })?;
        let space = Self { _held: held, pid };
        let own = |pid: &str| std::fs::read_link(format!("/proc/{pid}/ns/net")).ok();
        assert_ne!(own(&space.pid), own("self"), "the namespace is this process's own");
        Some(space)
    }

    /// A program inside; `nsenter` replaces itself by it.
    fn inside(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new("nsenter");
        command.args(["-t", &self.pid, "-n"]).arg(program).stdin(Stdio::null());
        command
    }

    fn must(&self, line: &str) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let output = self.inside(words[0]).args(&words[1..]).output().unwrap();
        assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

/// One server that runs.
pub struct Service(Held);

/// One host.
pub struct Host {
    space: Space,
    /// Its address.
    pub address: String,
    /// Its card.
    pub mac: String,
}

impl Host {
    /// Its cable is drawn, or plugged in again.
    pub fn plugged(&self, plugged: bool) {
        self.space.must(&format!("ip link set eth0 {}", if plugged { "up" } else { "down" }));
    }

    /// Runs a server, and waits until it listens at this TCP port.
    pub fn serve(&self, port: u16, program: &Path, args: &[&str]) -> Service {
        let mut command = bound();
        command.args(["nsenter", "-t", &self.space.pid, "-n"]);
        command.args([
            "unshare",
            "--mount",
            "--pid",
            "--mount-proc",
            "--fork",
            "--kill-child",
            "sh",
            "-c",
            PRIVATE,
            "sh",
        ]);
        let service = Service(Held::begin(command.arg(program).args(args)));
        wait_for(PATIENCE, &format!("{} at port {port}", program.display()), || self.listens(port).then_some(()));
        service
    }

    /// Somebody listens at this TCP port; the kernel's table tells, so that nobody is asked.
    fn listens(&self, port: u16) -> bool {
        let of_version = |table: &str| std::fs::read_to_string(format!("/proc/{}/net/{table}", self.space.pid));
        let local = format!(":{port:04X}");
        let listening = |line: &str| {
            let words: Vec<&str> = line.split_whitespace().collect();
            words.get(1).is_some_and(|w| w.ends_with(&local)) && words.get(3) == Some(&"0A")
        };
        ["tcp", "tcp6"].into_iter().any(|table| of_version(table).unwrap_or_default().lines().any(listening))
    }
}

/// The bridge with the scanner at 198.18.0.1, and the hosts at it from 198.18.0.9 on.
pub struct Lab {
    // First, so that they end first.
    /// The hosts.
    pub hosts: Vec<Host>,
    scanner: Space,
    /// Files of the laboratory.
    pub dir: tempfile::TempDir,
}

impl Lab {
    /// None with the reason where that cannot be made.
    pub fn new(test: &str, hosts: usize) -> Option<Self> {
        for (program, package) in PROGRAMS {
            if find(program).is_none() {
                eprintln!("SKIP {test}: {program} is not installed; install the package {package}");
                return None;
            }
        }
        let Some(scanner) = Space::new() else {
            eprintln!("SKIP {test}: network namespaces need root");
            return None;
        };
        scanner.must("ip link add br0 address 52:54:00:00:00:01 type bridge");
        let mut lab = Self { hosts: Vec::new(), scanner, dir: tempfile::tempdir().unwrap() };
        lab.silence(&lab.scanner);
        lab.scanner.must("ip addr add 198.18.0.1/24 dev br0");
        lab.scanner.must("ip link set br0 up");
        for i in 0..hosts {
            lab.add_host(9 + i);
        }
        Some(lab)
    }

    /// IPv6 would talk on its own; and refusals of UDP come as fast as they are asked for.
    fn silence(&self, space: &Space) {
        space.must("sysctl -q -w net.ipv6.conf.all.disable_ipv6=1");
        space.must("sysctl -q -w net.ipv4.icmp_ratelimit=0");
        space.must("ip link set lo up");
    }

    fn add_host(&mut self, number: usize) {
        let space = Space::new().unwrap();
        let (address, mac) = (format!("198.18.0.{number}"), format!("52:54:00:00:00:{number:02X}"));
        let pid = &space.pid;
        let far = format!("peer name eth0 address {mac} netns {pid}");
        self.scanner.must(&format!("ip link add port{number} type veth {far}"));
        self.scanner.must(&format!("ip link set port{number} master br0 up"));
        self.silence(&space);
        space.must(&format!("ip addr add {address}/24 dev eth0"));
        space.must("ip link set eth0 up");
        self.hosts.push(Host { space, address, mac });
    }

    /// A program of the scanner's, ended after so many seconds.
    pub fn command(&self, program: impl AsRef<std::ffi::OsStr>, limit_s: u32) -> Command {
        let mut command = Command::new("timeout");
        command.args(["-k", "2", &limit_s.to_string(), "nsenter", "-t", &self.scanner.pid, "-n"]);
        command.arg(program).stdin(Stdio::null());
        command
    }

    /// Every process in the hosts, by number.
    pub fn processes(&self) -> Vec<String> {
        let net = |pid: &str| std::fs::read_link(format!("/proc/{pid}/ns/net")).ok();
        let own: Vec<_> = self.hosts.iter().map(|host| net(&host.space.pid)).collect();
        let all = std::fs::read_dir("/proc").unwrap().flatten();
        let all = all.filter_map(|entry| entry.file_name().into_string().ok());
        all.filter(|pid| pid.parse::<u32>().is_ok() && net(pid).is_some() && own.contains(&net(pid))).collect()
    }

    /// A file of the laboratory, with this text.
    pub fn file(&self, name: &str, text: impl AsRef<[u8]>) -> String {
        let path = self.dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }
}
