//! Log-in guessing: one source opens many short, alike, answered sessions to one log-in service. A failed log-in ends
//! after few messages, and guesses are alike; sessions in which somebody works are neither. Also told: forms posted to a log-in page,
//! log-ins that the server itself says it refused (SMB, FTP, SMTP, IMAP, POP3, Telnet, HTTP with credentials), and the same guess carried
//! to many hosts, one try each (spraying: ATT&CK T1110.003). A log-in that is accepted after them makes it high.

use super::log_in::{HTTP, KERBEROS, answered, is_log_in_page, refused, service_of};
use super::lru::{Lru, hash_of};
use super::text::{self, alert, count, plural, push_distinct, why};
use super::throttle::{HOUR_NS, Throttle};
use super::{Behaviour, Context, Wants};
use record::{
    AdminStep, Alert, AppData, AppEvent, Counters, FlowRecord, IpAddr16, Kind, Observation, Severity, Timestamp,
    timestamp::NS_PER_S,
};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// Forms posted to a log-in page, as a service of its own.
const FORM: &str = "a web form";
/// Services that people and programs log in to on many hosts only when they administrate them.
const SPRAYED: [&str; 7] = ["SSH", "RDP", "SMB", "Telnet", "VNC", "FTP", "WinRM"];
/// Sessions remembered a pair.
const SESSIONS_MAX: usize = 64;

/// Settings of the log-in guessing detector.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BruteForceConfig {
    /// Short, alike sessions within `window_s`. Default 10.
    pub sessions_min: usize,
    /// Window, seconds. Default 120.
    pub window_s: u32,
    /// Sessions are alike when the logarithm of their payload is this near the median (0.2 is a factor of 1.2).
    /// Default 0.2.
    pub size_near: f64,
    /// Share of the sessions that must be alike; tools also leave some connections unused. Default 0.6.
    pub alike_share_min: f64,
    /// Refused HTTP requests (401, 403) within the window. Default 20.
    pub http_refused_min: usize,
    /// Forms posted to log-in pages of one server within the window. Default 30.
    pub form_posts_min: usize,
    /// Hosts on which one source tries the same service, in short, alike sessions. Default 10.
    pub spray_hosts_min: usize,
    /// Window of such tries, seconds. Default 600.
    pub spray_window_s: u32,
    /// Pairs of source and service remembered. Default 8192.
    pub pairs_max: usize,
}

impl Default for BruteForceConfig {
    fn default() -> Self {
        Self {
            sessions_min: 10,
            window_s: 120,
            size_near: 0.2,
            alike_share_min: 0.6,
            http_refused_min: 20,
            form_posts_min: 30,
            spray_hosts_min: 10,
            spray_window_s: 600,
            pairs_max: 8192,
        }
    }
}

#[derive(Clone, Copy)]
struct Session {
    end: Timestamp,
    log_size: f64,
    flow_id: u64,
}

#[derive(Default)]
struct Pair {
    sessions: VecDeque<Session>,
    attempts: u64,
    packets: u64,
    first: Timestamp,
    last: Timestamp,
    flows: Vec<u64>,
    ports: Vec<u16>,
    /// Sessions of this pair that were no failed log-in, in the window; they speak for honest use.
    worked: u32,
    /// Tries are read from messages, not told by the shape of flows.
    read: bool,
    /// A log-in was accepted after the guesses.
    let_in: bool,
    throttle: Throttle,
}

type Key = (IpAddr16, IpAddr16, &'static str);

/// One source's tries of one service on different hosts.
#[derive(Default)]
struct Spray {
    tries: VecDeque<(Session, IpAddr16)>,
    dest: Vec<IpAddr16>,
    hosts: u64,
    first: Timestamp,
    ports: Vec<u16>,
    throttle: Throttle,
}

/// The detector.
pub struct BruteForce {
    config: BruteForceConfig,
    pairs: Lru<Key, Pair>,
    sprays: Lru<(IpAddr16, &'static str), Spray>,
    /// HTTP connections whose last request gave a name and a password, by hash.
    asked: Lru<u64, ()>,
    /// Pairs whose story is being told.
    active: Vec<Key>,
}

/// One try to log in.
struct Try {
    key: Key,
    port: u16,
    session: Session,
    started: Timestamp,
    packets: u64,
    /// Tries needed, and whether they are alike by nature.
    needed: usize,
    uniform: bool,
}

impl BruteForce {
    /// Builds it.
    #[must_use]
    pub fn new(config: &BruteForceConfig) -> Self {
        let (pairs, sprays) = (Lru::new(config.pairs_max), Lru::new(config.pairs_max / 4));
        let asked = Lru::new(config.pairs_max);
        Self { pairs, sprays, asked, active: Vec::new(), config: config.clone() }
    }

    fn flow(&mut self, flow: &FlowRecord, out: &mut Vec<Alert>) {
        if flow.report != 0 || flow.forward.packets_with_payload == 0 || flow.backward.packets_with_payload == 0 {
            return;
        }
        let Some(service) = service_of(flow) else { return };
        let http = service.name == HTTP;
        if http && !refused(flow) {
            return;
        }
        let payload = flow.forward.payload.sum + flow.backward.payload.sum;
        let short = flow.forward.packets_with_payload <= service.client_messages_max
            && payload <= service.payload_max
            && flow.duration_ns() <= service.duration_max_s * NS_PER_S as u64;
        let (src, dest) = (flow.src(), flow.dest());
        let key = (src.addr, dest.addr, service.name);
        if !short {
            self.pair(&key, flow.end, flow.start).worked += 1;
            return;
        }
        let session = Session { end: flow.end, log_size: payload.max(1.0).ln(), flow_id: flow.flow_id };
        let one = Try {
            key,
            port: dest.port,
            session,
            started: flow.start,
            packets: flow.packets(),
            needed: if http { self.config.http_refused_min } else { self.config.sessions_min },
            // Refused requests for tickets are all small; their sizes differ with the names that are tried.
            uniform: http || service.name == KERBEROS,
        };
        self.tried(&one, out);
        if SPRAYED.contains(&service.name) && flow.forward.packets_with_payload >= service.client_messages_min {
            self.sprayed(&one, out);
        }
    }

    fn message(&mut self, event: &AppEvent, out: &mut Vec<Alert>) {
        let (sender, receiver) =
            if event.from_low { (event.key.low, event.key.high) } else { (event.key.high, event.key.low) };
        let (client, server, service, needed) = match &event.data {
            AppData::Http(http) if !http.response && http.http_method == "POST" && is_log_in_page(&http.url) => {
                (sender, receiver, FORM, self.config.form_posts_min)
            }
            AppData::Admin(admin) if admin.step == AdminStep::LogonRefused => {
                (receiver, sender, "SMB", self.config.sessions_min)
            }
            _ => {
                let Some((service, accepted)) = self.decided(event) else { return };
                if accepted {
                    self.let_in(&(receiver.addr, sender.addr, service), event.ts, out);
                    return;
                }
                (receiver, sender, service, self.config.sessions_min)
            }
        };
        let session = Session { end: event.ts, log_size: 0.0, flow_id: 0 };
        let key = (client.addr, server.addr, service);
        let one = Try { key, port: server.port, session, started: event.ts, packets: 1, needed, uniform: true };
        self.tried(&one, out);
    }

    /// What a server says of a log-in: the service, and whether it accepts. Of HTTP only answers to requests that gave credentials:
    /// the first 401 of a connection is no more than a question.
    fn decided(&mut self, event: &AppEvent) -> Option<(&'static str, bool)> {
        match &event.data {
            AppData::Http(http) if !http.response => {
                let connection = hash_of(&event.key);
                if matches!(http.authorization.as_str(), "basic" | "digest") {
                    self.asked.touch(&connection, event.ts, || ());
                } else {
                    self.asked.remove(&connection);
                }
                None
            }
            AppData::Http(http) => {
                self.asked.remove(&hash_of(&event.key))?;
                Some((HTTP, http.status != 401)).filter(|_| http.status == 401 || http.status < 400)
            }
            AppData::Login(login) if login.response => Some((answered(login.protocol)?, login.accepted?)),
            _ => None,
        }
    }

    /// A log-in was accepted: it matters when guesses at the same service were told before.
    fn let_in(&mut self, key: &Key, now: Timestamp, out: &mut Vec<Alert>) {
        let window_ns = i64::from(self.config.window_s) * NS_PER_S;
        if let Some(pair) = self.pairs.peek_mut(key)
            && pair.throttle.started()
            && !pair.let_in
            && now.since(pair.last) <= window_ns
        {
            (pair.let_in, pair.last) = (true, pair.last.max(now));
            out.push(pair_alert(key, pair));
        }
    }

    /// The pair, begun anew when it was quiet for a window.
    fn pair(&mut self, key: &Key, now: Timestamp, started: Timestamp) -> &mut Pair {
        let window_ns = i64::from(self.config.window_s) * NS_PER_S;
        let pair = self.pairs.touch(key, now, Pair::default);
        if pair.attempts == 0 || now.since(pair.last) > window_ns {
            *pair = Pair { first: started, ..Pair::default() };
        }
        pair.last = pair.last.max(now);
        pair
    }

    fn tried(&mut self, one: &Try, out: &mut Vec<Alert>) {
        let (near_config, share_min) = (self.config.size_near, self.config.alike_share_min);
        let window_ns = i64::from(self.config.window_s) * NS_PER_S;
        let end = one.session.end;
        let pair = self.pair(&one.key, end, one.started);
        // Where the server's refusals are read, they are the tries; the sessions around them are not counted again.
        if one.session.flow_id == 0 && !pair.read {
            pair.read = true;
            if !pair.throttle.started() {
                (pair.attempts, pair.packets) = (0, 0);
                pair.sessions.clear();
            }
        }
        if pair.read && one.session.flow_id != 0 {
            return;
        }
        pair.attempts += 1;
        pair.packets += one.packets;
        if one.session.flow_id != 0 {
            push_distinct(&mut pair.flows, one.session.flow_id);
        }
        push_distinct(&mut pair.ports, one.port);
        pair.sessions.push_back(one.session);
        while pair.sessions.len() > SESSIONS_MAX || pair.sessions.front().is_some_and(|s| end.since(s.end) > window_ns)
        {
            pair.sessions.pop_front();
        }
        let guessing = pair.throttle.started() || pair.is_guessing(one, near_config, share_min);
        if guessing && pair.throttle.due_within(pair.attempts, end, HOUR_NS) {
            out.push(pair_alert(&one.key, pair));
            if !self.active.contains(&one.key) {
                self.active.push(one.key);
            }
        }
    }

    fn sprayed(&mut self, one: &Try, out: &mut Vec<Alert>) {
        let (src, dest, service) = one.key;
        let end = one.session.end;
        let window_ns = i64::from(self.config.spray_window_s) * NS_PER_S;
        let spray = self.sprays.touch(&(src, service), end, Spray::default);
        if spray.tries.back().is_some_and(|(last, _)| end.since(last.end) > window_ns) {
            *spray = Spray::default();
        }
        if spray.hosts == 0 {
            spray.first = one.started;
        }
        while spray.tries.len() >= SESSIONS_MAX
            || spray.tries.front().is_some_and(|(s, _)| end.since(s.end) > window_ns)
        {
            spray.tries.pop_front();
        }
        spray.hosts += u64::from(!spray.dest.contains(&dest));
        push_distinct(&mut spray.dest, dest);
        push_distinct(&mut spray.ports, one.port);
        if spray.tries.iter().any(|(_, host)| *host == dest) {
            return; // Several tries of one host are the pair's story.
        }
        spray.tries.push_back((one.session, dest));
        let sessions: VecDeque<Session> = spray.tries.iter().map(|(session, _)| *session).collect();
        let near = near_median(&sessions, self.config.size_near);
        let many =
            near >= self.config.spray_hosts_min && near as f64 >= self.config.alike_share_min * sessions.len() as f64;
        if (many || spray.throttle.started()) && spray.throttle.due_within(spray.hosts, end, HOUR_NS) {
            out.push(spray_alert(src, service, spray, end));
        }
    }

    fn settle(&mut self, now: Timestamp, quiet_ns: i64, out: &mut Vec<Alert>) {
        let pairs = &self.pairs;
        self.active.retain(|key| pairs.peek(key).is_some_and(|p| p.throttle.started()));
        for key in self.active.clone() {
            if let Some(pair) = self.pairs.peek_mut(&key)
                && pair.throttle.settled(pair.attempts, pair.last, now, quiet_ns)
            {
                out.push(pair_alert(&key, pair));
            }
        }
    }
}

impl Pair {
    fn is_guessing(&self, one: &Try, size_near: f64, alike_share_min: f64) -> bool {
        let near = near_median(&self.sessions, size_near);
        let alike = one.uniform || near as f64 >= alike_share_min * self.sessions.len() as f64;
        let honest = u64::from(self.worked) * 4 > self.attempts;
        near.max(if one.uniform { self.sessions.len() } else { 0 }) >= one.needed && alike && !honest
    }
}

fn spray_alert(src: IpAddr16, service: &'static str, spray: &Spray, end: Timestamp) -> Alert {
    let mut a = alert(Kind::BruteForce, "brute_force", spray.first, end, 1e-4);
    a.title = format!("{src} tried to log in to {service} of {}, few times each", plural(spray.hosts, "host", "hosts"));
    a.src = vec![src];
    a.dest.clone_from(&spray.dest);
    a.dest_port.clone_from(&spray.ports);
    let minutes = (end.since(spray.first).max(0) as f64 / NS_PER_S as f64 / 60.0).max(1.0 / 60.0);
    a.why = vec![
        why("hosts_tried", spray.hosts as f64, [0.0, 9.0], "hosts", 0.7),
        why("hosts_tried_per_minute", spray.hosts as f64 / minutes, [0.0, 1.0], "1/min", 0.3),
    ];
    a.flows = spray.tries.iter().map(|(session, _)| session.flow_id).collect();
    a.packets = spray.hosts;
    a.severity = if spray.hosts >= 50 { Severity::High } else { Severity::Medium };
    a.attack = vec!["T1110.003"];
    a.story = format!("{src} {service}");
    text::scored(a, 0.85)
}

/// How many sessions are within `near` of the median of the logarithmic size.
fn near_median(sessions: &VecDeque<Session>, near: f64) -> usize {
    let mut sizes: Vec<f64> = sessions.iter().map(|s| s.log_size).collect();
    sizes.sort_by(f64::total_cmp);
    let Some(median) = sizes.get(sizes.len() / 2) else { return 0 };
    sizes.iter().filter(|size| (**size - median).abs() <= near).count()
}

fn pair_alert(key: &Key, pair: &Pair) -> Alert {
    let (src, dest, service) = *key;
    let mut a = alert(Kind::BruteForce, "brute_force", pair.first, pair.last, 1e-4);
    let minutes = (pair.last.since(pair.first).max(0) as f64 / NS_PER_S as f64 / 60.0).max(1.0 / 60.0);
    let port = pair.ports.first().copied().unwrap_or(0);
    let odd = if service == "SSH" && port != 22 { format!(" on port {port}") } else { String::new() };
    let then = if pair.let_in { ", and then was let in" } else { "" };
    a.title = format!("{src} tried to log in to {service} of {dest}{odd} {} times{then}", count(pair.attempts));
    a.src = vec![src];
    a.dest = vec![dest];
    a.dest_port.clone_from(&pair.ports);
    a.why = vec![
        if pair.read && service != FORM {
            why("refused_log_ins", pair.attempts as f64, [0.0, 9.0], "log-ins", 0.6)
        } else {
            why("short_alike_sessions", pair.attempts as f64, [0.0, 9.0], "sessions", 0.6)
        },
        why("sessions_per_minute", pair.attempts as f64 / minutes, [0.0, 5.0], "1/min", 0.3),
        why(
            "alike_share",
            near_median(&pair.sessions, 0.2) as f64 / pair.sessions.len().max(1) as f64,
            [0.0, 0.6],
            "",
            0.1,
        ),
    ];
    if pair.let_in {
        a.why[2] = why("log_in_accepted_after_guesses", 1.0, [0.0, 0.0], text::YES_NO, 0.1);
    }
    a.flows.clone_from(&pair.flows);
    if let Some(newest) = pair.sessions.back().filter(|newest| newest.flow_id != 0) {
        push_distinct(&mut a.flows, newest.flow_id);
    }
    a.packets = pair.packets;
    a.severity = if pair.attempts >= 100 || pair.let_in { Severity::High } else { Severity::Medium };
    a.story = format!("{src} {service}");
    text::scored(a, 0.9 + 0.1 * (1.0 - 10.0 / pair.attempts.max(10) as f64))
}

impl Behaviour for BruteForce {
    fn name(&self) -> &'static str {
        "brute_force"
    }
    fn wants(&self) -> Wants {
        Wants::FLOW | Wants::HTTP | Wants::LOGIN | Wants::OTHER_APP
    }
    fn observe(&mut self, observation: &Observation, _context: &Context, out: &mut Vec<Alert>) {
        match observation {
            Observation::Flow(flow) => self.flow(flow, out),
            Observation::App(event) => self.message(event, out),
            _ => {}
        }
    }
    fn advance(&mut self, now: Timestamp, _context: &Context, out: &mut Vec<Alert>) {
        if now.seconds() % 5 == 0 {
            self.settle(now, 5 * NS_PER_S, out);
        }
    }
    fn finish(&mut self, context: &Context, out: &mut Vec<Alert>) {
        self.settle(context.now, 0, out);
    }
    fn counters(&self) -> Counters {
        let mut counters = Counters::default();
        counters.add("pairs_evicted", self.pairs.evicted());
        counters.add("connections_evicted", self.asked.evicted());
        counters
    }
    fn entries(&self) -> usize {
        self.pairs.len() + self.sprays.len() + self.asked.len() + self.active.len()
    }
}

#[cfg(test)]
mod tests {
    use super::super::synthetic::{flow, ip, run};
    use super::*;

    fn sessions(n: i64, every_ms: i64, size: impl Fn(i64) -> u64) -> Vec<Observation> {
        (0..n).map(|i| Observation::Flow(Box::new(flow(i * every_ms, ip(7), ip(9), 22, size(i), 2000)))).collect()
    }

    #[test]
    fn repeated_short_alike_sessions_are_guessing() {
        let alerts = run("brute_force", &sessions(67, 200, |i| 1800 + (i as u64 % 3) * 16));
        assert_eq!(alerts[0].title, "10.0.0.7 tried to log in to SSH of 10.0.0.9 10 times");
        assert!(alerts.last().is_some_and(|a| a.title.ends_with("67 times")));
        assert!(alerts.iter().all(|a| !a.flows.is_empty()));
    }

    #[test]
    fn one_try_on_each_of_many_hosts_is_spraying_and_looking_who_is_there_is_not() {
        let visits = |messages| -> Vec<_> {
            (0..24_i64)
                .map(|i| {
                    let mut f = flow(i * 9000, ip(7), ip(20 + i as u8), 22, 1800 + (i as u64 % 3) * 16, 2000);
                    f.forward.packets_with_payload = messages;
                    Observation::Flow(Box::new(f))
                })
                .collect()
        };
        let alerts = run("brute_force", &visits(9));
        assert_eq!(alerts[0].title, "10.0.0.7 tried to log in to SSH of 10 hosts, few times each");
        assert_eq!((alerts[0].attack.as_slice(), alerts[0].dest.len()), (["T1110.003"].as_slice(), 10));
        assert!(run("brute_force", &visits(1)).is_empty(), "a banner is read");
    }

    #[test]
    fn forms_posted_to_a_log_in_page_and_refused_smb_log_ins_are_counted() {
        let event = |ms, data| {
            let c = super::super::synthetic::contact(ms, ip(7), ip(9), 80);
            let from_client = matches!(data, AppData::Http(_));
            let from_low = (c.key.low.addr == ip(7)) == from_client;
            let src_mac = super::super::synthetic::mac(7);
            Observation::App(Box::new(AppEvent { ts: c.ts, key: c.key, from_low, src_mac, data }))
        };
        let post = |url: &str| {
            AppData::Http(record::HttpData {
                http_method: "POST".into(),
                url: url.into(),
                ..record::HttpData::default()
            })
        };
        let posts = |url| (0..60).map(|i| event(i * 500, post(url))).collect::<Vec<_>>();
        let told = run("brute_force", &posts("/wp-login.php"));
        assert_eq!(told[0].title, "10.0.0.7 tried to log in to a web form of 10.0.0.9 30 times");
        assert!(run("brute_force", &posts("/upload")).is_empty());
        let refusal =
            record::AdminData { step: AdminStep::LogonRefused, response: true, ..record::AdminData::default() };
        let refusals: Vec<_> = (0..12).map(|i| event(i * 500, AppData::Admin(refusal.clone()))).collect();
        assert_eq!(run("brute_force", &refusals)[0].title, "10.0.0.7 tried to log in to SMB of 10.0.0.9 10 times");
    }

    /// The server 10.0.0.9 or its client 10.0.0.7 says something.
    fn says(ms: i64, port: u16, from_server: bool, data: AppData) -> Observation {
        let c = super::super::synthetic::contact(ms, ip(7), ip(9), port);
        let from_low = (c.key.low.addr == ip(9)) == from_server;
        let src_mac = super::super::synthetic::mac(7);
        Observation::App(Box::new(AppEvent { ts: c.ts, key: c.key, from_low, src_mac, data }))
    }

    fn answer(protocol: record::AppProto, accepted: bool) -> AppData {
        AppData::Login(record::LoginData {
            protocol,
            response: true,
            accepted: Some(accepted),
            ..record::LoginData::default()
        })
    }

    #[test]
    fn refusals_are_counted_one_by_one_and_a_success_after_them_is_high() {
        use record::AppProto::{Ftp, Imap, Pop3, Smtp, Telnet};
        for (protocol, port, name) in
            [(Ftp, 21, "FTP"), (Smtp, 25, "SMTP"), (Imap, 143, "IMAP"), (Pop3, 110, "POP3"), (Telnet, 23, "Telnet")]
        {
            let refusals: Vec<_> = (0..14).map(|i| says(i * 1000, port, true, answer(protocol, false))).collect();
            let told = run("brute_force", &refusals);
            assert_eq!(told[0].title, format!("10.0.0.7 tried to log in to {name} of 10.0.0.9 10 times"));
            assert_eq!(told.last().map(|a| a.why[0].value), Some(14.0), "{name}");
            let mut seen = refusals;
            seen.push(says(15_000, port, true, answer(protocol, true)));
            let told = run("brute_force", &seen);
            let then = told.iter().find(|a| a.title.ends_with("14 times, and then was let in"));
            assert_eq!(then.map(|a| a.severity), Some(Severity::High), "{name}: {told:?}");
        }
    }

    #[test]
    fn mistyped_passwords_and_questions_for_credentials_are_silent() {
        let imap = record::AppProto::Imap;
        let mut seen: Vec<_> = (0..4).map(|i| says(i * 1000, 143, true, answer(imap, false))).collect();
        seen.push(says(9000, 143, true, answer(imap, true)));
        assert!(run("brute_force", &seen).is_empty());
        let http = |response, status, authorization: &str| {
            AppData::Http(record::HttpData {
                response,
                status,
                authorization: authorization.into(),
                ..record::HttpData::default()
            })
        };
        let talk = |authorization| -> Vec<_> {
            (0..60)
                .map(|i| {
                    let asks = i % 2 == 0;
                    says(i * 200, 80, !asks, if asks { http(false, 0, authorization) } else { http(true, 401, "") })
                })
                .collect()
        };
        assert!(run("brute_force", &talk("negotiate")).is_empty());
        let told = run("brute_force", &talk("basic"));
        assert_eq!(told[0].title, "10.0.0.7 tried to log in to HTTP of 10.0.0.9 10 times");
    }

    #[test]
    fn work_sessions_rare_logins_and_other_services_are_silent() {
        assert!(run("brute_force", &sessions(200, 1000, |i| 30_000 + i as u64 * 5000)).is_empty(), "work");
        assert!(run("brute_force", &sessions(100, 60_000, |_| 1800)).is_empty(), "a check a minute");
        assert!(
            run("brute_force", &sessions(100, 500, |i| 200 + (i as u64 * 7919) % 9000)).is_empty(),
            "all different"
        );
        let web: Vec<_> =
            (0..500).map(|i| Observation::Flow(Box::new(flow(i * 100, ip(7), ip(9), 443, 1800, 2000)))).collect();
        assert!(run("brute_force", &web).is_empty(), "web");
    }
}
