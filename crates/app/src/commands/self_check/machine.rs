//! Looks at the machine: rights, interfaces, kernel, memory, clock, ports, nmap.

use super::Finding;
use crate::config::Config;
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::time::{SystemTime, UNIX_EPOCH};

/// Memory below which a busy network does not fit, bytes.
const MEMORY_MIN_BYTES: u64 = 1 << 30;
/// The clock cannot be before this version was made: 2026-01-01.
const BUILT_AFTER_S: u64 = 1_767_225_600;
/// An interface that the kernel loses this share of frames on is short of something.
const DROPPED_SHARE_MAX: f64 = 0.01;

/// May packets be read?
pub(super) fn capture_right() -> Finding {
    if source::may_capture() {
        return Finding::ok("right to capture", "packets can be read");
    }
    Finding::warn(
        "right to capture",
        "this user may not read packets: `tripline run` would show this host's own counters and sockets",
        crate::rights::setcap_command(),
    )
}

/// Those that would be watched.
pub(super) fn interfaces(config: &Config) -> Vec<Finding> {
    let found = match source::interfaces() {
        Ok(found) => found,
        Err(why) => {
            return vec![Finding::fail("interfaces", why.to_string(), "see that /proc and netlink can be read")];
        }
    };
    let mut findings = Vec::new();
    for name in &config.capture.interfaces {
        if !found.iter().any(|interface| interface.name == *name) {
            let action = "correct capture.interfaces; `tripline interfaces` lists what there is";
            findings.push(Finding::fail("interfaces", format!("there is no interface {name}"), action));
        }
    }
    let named = &config.capture.interfaces;
    let watched = found.iter().filter(|i| if named.is_empty() { i.default_route } else { named.contains(&i.name) });
    let mut none = named.is_empty();
    for interface in watched {
        none = false;
        findings.push(if interface.up {
            let speed = interface.speed_mbps.map_or(String::new(), |speed| format!(", {speed} Mbit/s"));
            Finding::ok("interfaces", format!("{} is up{speed}", interface.name))
        } else {
            let command = format!("sudo ip link set {} up", interface.name);
            Finding::warn("interfaces", format!("{} is down", interface.name), command)
        });
        findings.extend(losses(&interface.name));
    }
    if none {
        let action = "name one: `tripline run -i IFACE`, or capture.interfaces";
        findings.push(Finding::warn("interfaces", "there is no default route to choose an interface by", action));
    }
    findings
}

/// What the kernel has lost on an interface since it came up.
fn losses(name: &str) -> Option<Finding> {
    let counters = source::host_counters().ok()?.into_iter().find(|counters| counters.interface == name)?;
    let share = counters.rx_dropped as f64 / counters.rx_packets.max(1) as f64;
    (share > DROPPED_SHARE_MAX).then(|| {
        let text = format!("{name} lost {:.1} % of what it received before anybody could read it", share * 100.0);
        Finding::warn("interfaces", text, format!("give it larger rings: ethtool -g {name}, ethtool -G {name} rx N"))
    })
}

/// Does the kernel grant the buffers that collectors ask for?
pub(super) fn receive_buffer(config: &Config) -> Finding {
    let asked = config.collect.receive_buffer_bytes as u64;
    let granted = number("/proc/sys/net/core/rmem_max");
    let collects = !config.collect.listen.is_empty() || !config.logs.listen_udp.is_empty();
    match granted {
        Some(granted) if granted < asked && collects => Finding::warn(
            "kernel buffers",
            format!(
                "the kernel grants sockets {granted} bytes, and collect.receive_buffer_bytes asks for {asked}: bursts of exports are lost"
            ),
            format!("sudo sysctl -w net.core.rmem_max={asked}"),
        ),
        Some(granted) => Finding::ok("kernel buffers", format!("sockets get up to {granted} bytes")),
        None => Finding::warn("kernel buffers", "net.core.rmem_max cannot be read", "see that /proc/sys is mounted"),
    }
}

/// What this process may have of memory: the machine's, or its group's limit.
pub(super) fn memory(config: &Config) -> Finding {
    let machine = std::fs::read_to_string("/proc/meminfo").ok().and_then(|text| {
        let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
        line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kib| kib << 10)
    });
    let Some(machine) = machine else {
        return Finding::warn("memory", "/proc/meminfo cannot be read", "see that /proc is mounted");
    };
    let limit = group_limit().filter(|limit| *limit < machine);
    let (most, whose) = limit.map_or((machine, "the machine's"), |limit| (limit, "the limit of this process's group"));
    let text = format!("{} MiB, {whose}", most >> 20);
    if most < MEMORY_MIN_BYTES {
        let action = format!(
            "give it 1 GiB, or lower flow.flows_live_max ({}) and evidence.ring_bytes",
            config.flow.flows_live_max
        );
        return Finding::warn("memory", text, action);
    }
    Finding::ok("memory", text)
}

/// The smallest limit of the control groups above this process.
fn group_limit() -> Option<u64> {
    let of = std::fs::read_to_string("/proc/self/cgroup").ok()?;
    let path = of.lines().find_map(|line| line.strip_prefix("0::"))?;
    let mut dir = std::path::PathBuf::from("/sys/fs/cgroup").join(path.trim_start_matches('/'));
    let mut least: Option<u64> = None;
    while dir.starts_with("/sys/fs/cgroup") {
        if let Some(limit) = number(&dir.join("memory.max").display().to_string()) {
            least = Some(least.map_or(limit, |least| least.min(limit)));
        }
        dir.pop();
    }
    least
}

fn number(path: &str) -> Option<u64> {
    std::fs::read_to_string(path).ok()?.trim().parse().ok()
}

/// Is the clock one by which incidents can be found again?
pub(super) fn clock() -> Finding {
    let now_s = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    if now_s < BUILT_AFTER_S {
        let action = "set it: timedatectl set-ntp true";
        return Finding::fail(
            "clock",
            "this machine's clock is years behind: times of incidents would be wrong",
            action,
        );
    }
    // Where systemd-timesyncd runs, it leaves this mark when the clock is set by a time server; others leave none.
    let (runs, set) = ("/run/systemd/timesync", "/run/systemd/timesync/synchronized");
    if std::path::Path::new(runs).exists() && !std::path::Path::new(set).exists() {
        return Finding::warn("clock", "the clock is not set by a time server yet", "timedatectl status");
    }
    Finding::ok("clock", "plausible")
}

/// Can everything be listened on? A running Tripline holds them, which is told as it is.
pub(super) fn ports(config: &Config) -> Vec<Finding> {
    let tcp = |address: SocketAddr| TcpListener::bind(address).map(drop);
    let udp = |address: SocketAddr| UdpSocket::bind(address).map(drop);
    let mut findings = vec![port("serve.listen", "--listen ADDR:PORT", config.serve.listen, tcp(config.serve.listen))];
    for address in config.collect.addresses().unwrap_or_default() {
        findings.push(port("collect.listen", "collect.listen", address, udp(address)));
    }
    for text in &config.pcap.listen {
        if let Ok(address) = text.parse() {
            findings.push(port("pcap.listen", "pcap.listen", address, tcp(address)));
        }
    }
    findings
}

fn port(key: &str, how: &str, address: SocketAddr, tried: std::io::Result<()>) -> Finding {
    match tried {
        Ok(()) => Finding::ok("ports", format!("{key}: {address} is free")),
        Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => Finding::fail(
            "ports",
            format!("{key}: {address} is in use by another process, perhaps a running Tripline"),
            format!("end that one, or choose another with {how}"),
        ),
        Err(error) => {
            Finding::fail("ports", format!("{key}: {address}: {error}"), format!("choose another with {how}"))
        }
    }
}

/// Is it there for scans?
pub(super) fn nmap(config: &Config) -> Finding {
    if scan::is_installed() {
        return Finding::ok("nmap", "is there");
    }
    if config.scan.allow.is_empty() {
        return Finding::ok("nmap", "is missing, and scanning is off");
    }
    Finding::warn(
        "nmap",
        "is missing: scans are made by plain connections",
        "install it, for example: sudo apt install nmap",
    )
}
