//! Two network namespaces joined by a veth pair: a wire of a test's own, with a program inside either end.

use super::server::Server;
use serde_json::Value;
use std::process::{Child, Command, Stdio};

/// Two namespaces, `a` watched at 198.18.0.1 and `b` at 198.18.0.2; gone when dropped.
pub struct Wire {
    /// The watched end's namespace.
    pub a: String,
    /// The other's.
    pub b: String,
}

impl Wire {
    /// None with the reason when this process may not make namespaces.
    pub fn new(test: &str, tag: &str) -> Option<Self> {
        let pid = std::process::id();
        let wire = Self { a: format!("tl-{tag}a-{pid}"), b: format!("tl-{tag}b-{pid}") };
        if !ip(&["netns", "add", &wire.a]) {
            eprintln!("SKIP {test}: network namespaces need root and iproute2");
            return None;
        }
        assert!(ip(&["netns", "add", &wire.b]));
        assert!(ip(&["link", "add", "wa", "netns", &wire.a, "type", "veth", "peer", "name", "wb", "netns", &wire.b]));
        for (name, device, address) in [(&wire.a, "wa", "198.18.0.1/24"), (&wire.b, "wb", "198.18.0.2/24")] {
            // IPv6 would talk on its own when the link comes up.
            let silent = "net.ipv6.conf.all.disable_ipv6=1";
            assert!(Wire::inside(name, "sysctl").args(["-q", "-w", silent]).status().unwrap().success());
            assert!(ip(&["-n", name, "addr", "add", address, "dev", device]));
            assert!(ip(&["-n", name, "link", "set", "lo", "up"]));
            assert!(ip(&["-n", name, "link", "set", device, "up"]));
        }
        Some(wire)
    }

    /// A program inside a namespace; `ip` replaces itself by it, so the process id is the program's.
    pub fn inside(namespace: &str, program: &str) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", namespace, program]).stdin(Stdio::null());
        command
    }

    /// Captures on the watched end.
    pub fn watch(&self, data: &std::path::Path) -> Server {
        let mut command = Wire::inside(&self.a, env!("CARGO_BIN_EXE_tripline"));
        command.args(["run", "-i", "wa", "--listen", "127.0.0.1:0", "--data-dir", data.to_str().unwrap()]);
        Server::start_as(&mut command)
    }

    /// An answer of a server in the watched namespace.
    pub fn get(&self, server: &Server, path: &str) -> Value {
        let url = format!("http://127.0.0.1:{}{path}", server.port);
        let output = Wire::inside(&self.a, "curl").args(["-sS", "--fail", &url]).output().unwrap();
        serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{url}: {e}: {output:?}"))
    }

    /// Frames that the kernel counted on the watched end, both ways.
    pub fn frames(&self) -> u64 {
        let read = |name: &str| -> u64 {
            let path = format!("/sys/class/net/wa/statistics/{name}");
            let output = Wire::inside(&self.a, "cat").arg(path).output().unwrap();
            String::from_utf8(output.stdout).unwrap().trim().parse().unwrap()
        };
        read("rx_packets") + read("tx_packets")
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        for name in [&self.a, &self.b] {
            ip(&["netns", "del", name]);
        }
    }
}

/// True when `ip` did it.
pub fn ip(args: &[&str]) -> bool {
    Command::new("ip").args(args).stderr(Stdio::null()).status().is_ok_and(|s| s.success())
}

/// A helper process that does not outlive the test.
pub struct Helper(pub Child);

impl Drop for Helper {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Is the program here? Says so when it is not.
pub fn has(program: &str, test: &str) -> bool {
    let there = Command::new(program).arg("--version").output().is_ok();
    if !there {
        eprintln!("SKIP {test}: no {program} here");
    }
    there
}
