//! Exfiltration: a home host uploads far more to the outside in ten minutes than it ever did. Compares each host with its
//! own past, by windows of capture time. A host without a past is compared with its peers': five times the floor, and eight times what
//! any of them ever did. Says nothing where neither is known.

use super::lru::Lru;
use super::text::{self, alert, bytes, why};
use super::throttle::Throttle;
use super::{Behaviour, Context, Wants};
use record::{Alert, Counters, FlowRecord, IpAddr16, Kind, Observation, Severity, Timestamp};
use serde::{Deserialize, Serialize};

/// Hosts with a past that a newcomer is compared with, at least.
const PEERS_MIN: usize = 5;
/// A newcomer must upload so many times the floor.
const NEWCOMER_FLOORS: f64 = 5.0;

/// Destinations told apart in one window.
const DESTINATIONS_MAX: usize = 16;

/// Settings of the exfiltration detector.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ExfiltrationConfig {
    /// Length of a window, seconds. Default 600.
    pub window_s: u32,
    /// Windows in which a host must have been seen before. Default 6.
    pub windows_min: u32,
    /// Upload in one window below which nothing is reported, bytes. Default 20000000.
    pub floor_bytes: f64,
    /// Times the largest window of the past. Default 8.
    pub past_ratio: f64,
    /// Uploaded bytes per downloaded byte of the same destination. Default 3.
    pub upload_ratio: f64,
    /// Hosts remembered. Default 8192.
    pub hosts_max: usize,
}

impl Default for ExfiltrationConfig {
    fn default() -> Self {
        Self { window_s: 600, windows_min: 6, floor_bytes: 2e7, past_ratio: 8.0, upload_ratio: 3.0, hosts_max: 8192 }
    }
}

#[derive(Clone, Copy)]
struct Destination {
    ip: IpAddr16,
    port: u16,
    up: f64,
    down: f64,
    packets: u64,
}

#[derive(Default)]
struct Host {
    window: i64,
    windows: u32,
    past_max: f64,
    up: f64,
    first: Timestamp,
    destinations: Vec<Destination>,
    flows: Vec<u64>,
    throttle: Throttle,
}

/// The detector.
pub struct Exfiltration {
    config: ExfiltrationConfig,
    hosts: Lru<IpAddr16, Host>,
}

impl Exfiltration {
    /// Builds it.
    #[must_use]
    pub fn new(config: &ExfiltrationConfig) -> Self {
        Self { hosts: Lru::new(config.hosts_max), config: config.clone() }
    }

    fn flow(&mut self, flow: &FlowRecord, context: &Context, out: &mut Vec<Alert>) {
        let (src, dest) = (flow.src(), flow.dest());
        if dest.addr.is_not_one_host() || src.addr.is_not_one_host() {
            return;
        }
        // Whoever opened the connection: what leaves is the home side's bytes.
        let forward = (context.home.contains(src.addr), context.home.contains(dest.addr));
        let (host, other, up, down) = match forward {
            (true, false) => (src, dest, flow.forward.payload.sum, flow.backward.payload.sum),
            (false, true) => (dest, src, flow.backward.payload.sum, flow.forward.payload.sum),
            _ => return,
        };
        let port = dest.port;
        let config = &self.config;
        let window = flow.end.seconds().div_euclid(i64::from(config.window_s.max(1)));
        let state = self.hosts.touch(&host.addr, flow.end, || Host { window, first: flow.start, ..Host::default() });
        if window > state.window {
            state.turn(window, config);
        }
        if state.up == 0.0 {
            state.first = flow.start;
        }
        state.up += up;
        text::push_distinct(&mut state.flows, flow.flow_id);
        if let Some(known) = state.destinations.iter_mut().find(|d| d.ip == other.addr && d.port == port) {
            (known.up, known.down, known.packets) = (known.up + up, known.down + down, known.packets + flow.packets());
        } else if state.destinations.len() < DESTINATIONS_MAX {
            state.destinations.push(Destination { ip: other.addr, port, up, down, packets: flow.packets() });
        }
        let known = state.windows >= config.windows_min;
        let floor = if known { config.floor_bytes } else { NEWCOMER_FLOORS * config.floor_bytes };
        if state.up < floor || (known && state.up < config.past_ratio * state.past_max) {
            return;
        }
        let Some(top) = state.destinations.iter().copied().max_by(|a, b| a.up.total_cmp(&b.up)) else { return };
        let one_sided = top.up >= config.upload_ratio * top.down && top.up * 2.0 >= state.up;
        let mut throttle = state.throttle;
        if !one_sided || !throttle.due((state.up / 1e6) as u64, flow.end) {
            return;
        }
        // Looked up only for an upload that would be told: walking all hosts is dear, and such uploads are few.
        let (peers, most) = self.peers_of(host.addr);
        let Some(state) = self.hosts.peek_mut(&host.addr) else { return };
        if known || (peers >= PEERS_MIN && state.up >= self.config.past_ratio * most) {
            state.throttle = throttle;
            let usual = if known { Usual::Own } else { Usual::Peers(peers, most) };
            out.push(host_alert(host.addr, state, top, flow.end, usual, &self.config));
        }
    }

    /// Other hosts with a past, and the largest upload of any of them in a window.
    fn peers_of(&self, host: IpAddr16) -> (usize, f64) {
        let known = self.hosts.iter().filter(|(ip, state)| **ip != host && state.windows >= self.config.windows_min);
        known.fold((0, 0.0), |(count, most), (_, state)| (count + 1, state.past_max.max(most)))
    }
}

impl Host {
    /// A window is over: it becomes part of the past.
    fn turn(&mut self, window: i64, config: &ExfiltrationConfig) {
        // The past fades by half a day's windows, so that one backup does not blind the detector for ever.
        let passed = (window - self.window).min(10_000) as f64;
        let windows_a_day = 86_400.0 / f64::from(config.window_s.max(1));
        self.past_max = (self.past_max * (-passed / windows_a_day).exp2()).max(self.up);
        self.windows = self.windows.saturating_add(1);
        self.window = window;
        self.up = 0.0;
        self.destinations.clear();
        self.flows.clear();
        self.throttle = Throttle::default();
    }
}

/// What an upload is compared with.
#[derive(Clone, Copy)]
enum Usual {
    /// The host's own past.
    Own,
    /// So many peers and the largest upload of any of them.
    Peers(usize, f64),
}

fn host_alert(
    host: IpAddr16,
    state: &Host,
    top: Destination,
    ts: Timestamp,
    usual: Usual,
    config: &ExfiltrationConfig,
) -> Alert {
    let mut a = alert(Kind::Exfiltration, "exfiltration", state.first.min(ts), ts, 1e-3);
    let minutes = config.window_s / 60;
    let (usual, compared) = match usual {
        Usual::Own => (state.past_max, format!("where at most {} is usual", bytes(state.past_max))),
        Usual::Peers(peers, most) => {
            (most, format!("where none of {peers} other hosts ever did more than {}", bytes(most)))
        }
    };
    a.title = format!("{host} uploaded {} to {} within {minutes} minutes, {compared}", bytes(top.up), top.ip);
    a.src = vec![host];
    a.dest = vec![top.ip];
    a.dest_port = vec![top.port];
    a.why = vec![
        why("upload_in_window", state.up, [0.0, usual.max(config.floor_bytes)], "bytes", 0.7),
        why("upload_per_download", top.up / top.down.max(1.0), [0.0, config.upload_ratio], "", 0.3),
    ];
    a.flows.clone_from(&state.flows);
    a.packets = top.packets;
    a.severity = Severity::High;
    a.story = format!("{host} {}", top.ip);
    text::scored(a, 1.0 - 0.3 * config.floor_bytes / state.up.max(config.floor_bytes))
}

impl Behaviour for Exfiltration {
    fn name(&self) -> &'static str {
        "exfiltration"
    }
    fn wants(&self) -> Wants {
        Wants::FLOW
    }
    fn observe(&mut self, observation: &Observation, context: &Context, out: &mut Vec<Alert>) {
        if let Observation::Flow(flow) = observation {
            self.flow(flow, context, out);
        }
    }
    fn counters(&self) -> Counters {
        let mut counters = Counters::default();
        counters.add("hosts_evicted", self.hosts.evicted());
        counters
    }
    fn entries(&self) -> usize {
        self.hosts.len()
    }
}

#[cfg(test)]
mod tests {
    use super::super::synthetic::{flow, ip, run};
    use super::*;

    const OUTSIDE: IpAddr16 = IpAddr16::v4([203, 0, 113, 9]);

    fn past() -> Vec<Observation> {
        (0..120).map(|i| Observation::Flow(Box::new(flow(i * 60_000, ip(7), OUTSIDE, 443, 200_000, 900_000)))).collect()
    }

    #[test]
    fn an_upload_far_above_the_hosts_past_is_named_with_both_amounts() {
        let mut input = past();
        let start = 120 * 60_000;
        input
            .extend((0..10).map(|i| {
                Observation::Flow(Box::new(flow(start + i * 1000, ip(7), OUTSIDE, 443, 30_000_000, 100_000)))
            }));
        let alerts = run("exfiltration", &input);
        assert!(alerts[0].title.ends_with("within 10 minutes, where at most 2.0 MB is usual"), "{}", alerts[0].title);
        assert_eq!(alerts[0].dest, [OUTSIDE]);
    }

    #[test]
    fn a_newcomer_is_compared_with_its_peers() {
        let upload = |ms: i64, host: u8, up| Observation::Flow(Box::new(flow(ms, ip(host), OUTSIDE, 443, up, 1000)));
        let office = |peers: u8, up: u64| -> Vec<_> {
            (0..80_i64).flat_map(|i| (0..peers).map(move |p| upload(i * 60_000 + i64::from(p), 20 + p, up))).collect()
        };
        let newcomer = |mut input: Vec<Observation>| {
            input.extend((0..10).map(|i| upload(80 * 60_000 + i * 1000, 7, 30_000_000)));
            run("exfiltration", &input)
        };
        let told = newcomer(office(6, 200_000));
        assert!(told[0].title.ends_with("where none of 6 other hosts ever did more than 2.0 MB"), "{}", told[0].title);
        assert!(newcomer(office(3, 200_000)).is_empty(), "too few peers");
        assert!(newcomer(office(6, 8_000_000)).is_empty(), "others upload as much");
    }

    #[test]
    fn a_new_host_a_download_and_a_usual_backup_are_silent() {
        let first: Vec<_> =
            (0..10).map(|i| Observation::Flow(Box::new(flow(i * 1000, ip(7), OUTSIDE, 443, 300_000_000, 1)))).collect();
        assert!(run("exfiltration", &first).is_empty(), "no past");
        let mut input = past();
        input.push(Observation::Flow(Box::new(flow(8_000_000, ip(7), OUTSIDE, 443, 30_000_000, 900_000_000))));
        assert!(run("exfiltration", &input).is_empty(), "download");
        let backups: Vec<_> = (0..100)
            .map(|i| Observation::Flow(Box::new(flow(i * 600_000, ip(7), OUTSIDE, 443, 90_000_000, 1000))))
            .collect();
        assert!(run("exfiltration", &backups).is_empty(), "backup");
    }
}
