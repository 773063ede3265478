//! A server that was just called calls back: a host answers a client on a service's port and, seconds later, itself opens a
//! connection to that client on a port without a service; or it fetches much from the client's neighbour, in no known protocol or in TLS without a server name.
//! That is how an exploit gets its shell or its next stage (ATT&CK T1210, T1105). Knows only who called whom.

use super::lru::Lru;
use super::text::{self, alert, bytes, seconds, why};
use super::throttle::Throttle;
use super::{Behaviour, Context, Wants, ports};
use record::{
    Alert, AppData, AppProto, Contact, ContactOutcome, Counters, FlowRecord, IpAddr16, Kind, Observation, Severity,
    TcpFlags, Timestamp, timestamp::NS_PER_S,
};
use serde::{Deserialize, Serialize};

/// Latest callers kept of one server.
const CALLERS: usize = 8;
/// From here on ports are handed out by systems for data connections (FTP, RPC), which honest servers open too.
const HANDED_OUT_PORTS: u16 = 32_768;

/// Settings of the detector of servers that call back.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ReverseCallConfig {
    /// Longest time between the call and the call back, seconds. Default 15.
    pub window_s: u32,
    /// Bytes that a neighbour of the caller must have sent in the call back. Default 50000.
    pub stage_min_bytes: f64,
    /// And how many times more than it received. Default 10.
    pub stage_ratio: f64,
    /// Servers remembered. Default 8192.
    pub servers_max: usize,
    /// Services that hosts called, remembered. Default 16384.
    pub known_max: usize,
}

impl Default for ReverseCallConfig {
    fn default() -> Self {
        Self { window_s: 15, stage_min_bytes: 50_000.0, stage_ratio: 10.0, servers_max: 8192, known_max: 16_384 }
    }
}

#[derive(Clone, Copy)]
struct Call {
    from: IpAddr16,
    port: u16,
    ts: Timestamp,
}

/// The detector.
pub struct ReverseCall {
    config: ReverseCallConfig,
    /// Who lately called a server.
    callers: Lru<IpAddr16, Vec<Call>>,
    /// Services that a host called before.
    known: Lru<(IpAddr16, IpAddr16, u16), ()>,
    /// Calls back to neighbours of a caller, until their flow is reported.
    waiting: Lru<(IpAddr16, IpAddr16, u16), (Call, Timestamp)>,
    told: Lru<(IpAddr16, IpAddr16), (Throttle, u64)>,
}

/// The first three bytes of an IPv4 address agree, or the first eight of an IPv6 address.
fn neighbours(a: IpAddr16, b: IpAddr16) -> bool {
    let same = if a.is_v4() { 15 } else { 8 };
    a.is_v4() == b.is_v4() && a.0[..same] == b.0[..same]
}

impl ReverseCall {
    /// Builds it.
    #[must_use]
    pub fn new(config: &ReverseCallConfig) -> Self {
        Self {
            callers: Lru::new(config.servers_max),
            known: Lru::new(config.known_max),
            waiting: Lru::new(256),
            told: Lru::new(1024),
            config: config.clone(),
        }
    }

    fn contact(&mut self, c: &Contact, out: &mut Vec<Alert>) {
        if c.proto != super::contacts::TCP
            || c.outcome != ContactOutcome::Answered
            || !TcpFlags(c.opening_flags).has(TcpFlags::SYN)
            || c.src == c.dest
        {
            return;
        }
        let (port, window_ns) = (c.dest_port, i64::from(self.config.window_s) * NS_PER_S);
        if ports::has_service(port) {
            let call = Call { from: c.src, port, ts: c.opened };
            let callers = self.callers.touch(&c.dest, c.ts, Vec::new);
            callers.retain(|old| old.from != c.src || old.port != port);
            if callers.len() >= CALLERS {
                callers.remove(0);
            }
            callers.push(call);
            return;
        }
        // A call to a port without a service: did its opener answer somebody just now?
        if !(1024..HANDED_OUT_PORTS).contains(&port) || c.src_port < 1024 {
            return;
        }
        let key = (c.src, c.dest, port);
        let new = self.known.peek(&key).is_none();
        self.known.touch(&key, c.ts, || ());
        if !new {
            return;
        }
        let recent = |call: &&Call| (0..=window_ns).contains(&c.opened.since(call.ts));
        let Some(callers) = self.callers.peek(&c.src) else { return };
        let back = callers.iter().filter(recent).rfind(|call| call.from == c.dest).copied();
        let near = callers.iter().filter(recent).rfind(|call| neighbours(call.from, c.dest)).copied();
        if let Some(call) = back {
            self.tell(call, key, (c.opened, c.ts), None, out);
        } else if let Some(call) = near {
            self.waiting.touch(&key, c.ts, || (call, c.opened));
        }
    }

    fn flow(&mut self, flow: &FlowRecord, out: &mut Vec<Alert>) {
        let (src, dest) = (flow.src(), flow.dest());
        let key = (src.addr, dest.addr, dest.port);
        let Some((call, opened)) = self.waiting.remove(&key) else { return };
        let (sent, got) = (flow.forward.payload.sum, flow.backward.payload.sum);
        let app = flow.app.as_ref().and_then(|app| app.request.as_ref());
        let nameless = matches!(app, Some(AppData::Tls(tls)) if tls.sni.is_empty());
        let stage = (flow.app_proto() == AppProto::Unknown || nameless)
            && got >= self.config.stage_min_bytes
            && got >= self.config.stage_ratio * sent;
        if stage {
            self.tell(call, key, (opened, flow.end), Some((got, flow)), out);
        }
    }

    fn tell(
        &mut self,
        call: Call,
        (server, to, port): (IpAddr16, IpAddr16, u16),
        (opened, now): (Timestamp, Timestamp),
        stage: Option<(f64, &FlowRecord)>,
        out: &mut Vec<Alert>,
    ) {
        let (throttle, count) = self.told.touch(&(server, to), now, Default::default);
        *count += 1;
        if !throttle.due(*count, now) {
            return;
        }
        let after_s = opened.since(call.ts).max(0) as f64 / NS_PER_S as f64;
        let mut a = alert(Kind::LateralMovement, "reverse_call", call.ts, now, 1e-3);
        a.title = match stage {
            None => format!(
                "{server} was called by {to} on {} and {} later called it back on {}",
                text::port(call.port),
                seconds(after_s),
                text::port(port)
            ),
            Some((got, _)) => format!(
                "{server} was called by {} on {} and {} later fetched {} from its neighbour {to} {}",
                call.from,
                text::port(call.port),
                seconds(after_s),
                bytes(got),
                text::port(port)
            ),
        };
        a.src = vec![call.from];
        if call.from != to {
            a.src.push(to);
        }
        a.dest = vec![server];
        a.dest_port = vec![call.port, port];
        let window = f64::from(self.config.window_s);
        a.why = vec![
            why("time_to_call_back", after_s, [window, 1e9], "s", 0.4),
            why("port_without_service", 1.0, [0.0, 0.0], text::YES_NO, 0.3),
        ];
        if let Some((got, flow)) = stage {
            a.why.push(why("bytes_fetched", got, [0.0, self.config.stage_min_bytes], "bytes", 0.3));
            (a.flows, a.packets) = (vec![flow.flow_id], flow.packets());
        }
        a.severity = Severity::High;
        a.story = format!("{server} {to}");
        out.push(text::scored(a, 0.9));
    }
}

impl Behaviour for ReverseCall {
    fn name(&self) -> &'static str {
        "reverse_call"
    }
    fn wants(&self) -> Wants {
        Wants::CONTACT | Wants::FLOW
    }
    fn observe(&mut self, observation: &Observation, _context: &Context, out: &mut Vec<Alert>) {
        match observation {
            Observation::Contact(c) => self.contact(c, out),
            Observation::Flow(flow) if self.waiting.len() > 0 => self.flow(flow, out),
            _ => {}
        }
    }
    fn counters(&self) -> Counters {
        let mut counters = Counters::default();
        counters.add("servers_evicted", self.callers.evicted());
        counters.add("known_evicted", self.known.evicted());
        counters.add("waiting_evicted", self.waiting.evicted());
        counters
    }
    fn entries(&self) -> usize {
        self.callers.len() + self.known.len() + self.waiting.len() + self.told.len()
    }
}

#[cfg(test)]
mod tests {
    use super::super::synthetic::{contact, flow, ip, run};
    use super::*;

    fn answered(ms: i64, src: IpAddr16, dest: IpAddr16, port: u16) -> Observation {
        Observation::Contact(Contact { outcome: ContactOutcome::Answered, ..contact(ms, src, dest, port) })
    }

    #[test]
    fn a_server_that_calls_its_caller_back_is_told_at_once() {
        let alerts = run("reverse_call", &[answered(0, ip(66), ip(5), 445), answered(4_000, ip(5), ip(66), 8_884)]);
        assert_eq!(
            alerts[0].title,
            "10.0.0.5 was called by 10.0.0.66 on port 445 (SMB) and 4.0 s later called it back on port 8884"
        );
        assert_eq!((alerts[0].src.as_slice(), alerts[0].dest.as_slice()), ([ip(66)].as_slice(), [ip(5)].as_slice()));
    }

    #[test]
    fn a_stage_fetched_from_the_callers_neighbour_is_told_when_it_is_done() {
        let input = |received| {
            let mut f = flow(9_000, ip(5), ip(67), 4444, 2_000, received);
            f.first_seen = Timestamp(30_000_000);
            run(
                "reverse_call",
                &[answered(0, ip(66), ip(5), 445), answered(30, ip(5), ip(67), 4444), Observation::Flow(Box::new(f))],
            )
        };
        assert!(input(1_500_000)[0].title.contains("fetched 1.5 MB from its neighbour 10.0.0.67 port 4444"));
        assert!(input(5_000).is_empty(), "an ordinary exchange with a second server");
    }

    #[test]
    fn data_connections_services_and_later_calls_are_silent() {
        let after =
            |ms, dest, port| run("reverse_call", &[answered(0, ip(66), ip(5), 21), answered(ms, ip(5), dest, port)]);
        assert!(after(100, ip(66), 50_123).is_empty(), "active FTP");
        assert!(after(100, ip(66), 445).is_empty(), "a service of the caller");
        assert!(after(60_000, ip(66), 4444).is_empty(), "long after");
        assert!(after(100, IpAddr16::v4([10, 9, 9, 9]), 4444).is_empty(), "somebody else");
        let before =
            [answered(0, ip(5), ip(66), 4444), answered(10, ip(66), ip(5), 445), answered(20, ip(5), ip(66), 4444)];
        assert!(run("reverse_call", &before).is_empty(), "called before");
    }
}
