//! Passwords in the clear (ATT&CK T1040: whoever listens has them): log-ins of FTP, SMTP, IMAP, POP3, Telnet and HTTP Basic without
//! encryption, and community strings of SNMP before version 3. Told once a service, with the users named, and again when twice as many
//! clients do it; a monitor that asks many agents is told once. Owns which log-ins count; sees neither passwords nor how long they are,
//! because `decode` keeps neither.

use super::lru::Lru;
use super::text::{self, alert, plural, push_distinct, why};
use super::throttle::Throttle;
use super::{Behaviour, Context, Wants};
use record::{
    Alert, AppData, AppEvent, AppProto, Counters, IpAddr16, Kind, LoginData, Observation, Severity, Timestamp,
};
use serde::{Deserialize, Serialize};

/// Settings of the detector of passwords in the clear.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CleartextLoginConfig {
    /// Services remembered. Default 4096.
    pub services_max: usize,
    /// Connections whose user name is remembered until the password comes. Default 4096.
    pub sessions_max: usize,
}

impl Default for CleartextLoginConfig {
    fn default() -> Self {
        Self { services_max: 4096, sessions_max: 4096 }
    }
}

/// Users named in a title.
const SHOWN: usize = 3;

#[derive(Default)]
struct Service {
    first: Timestamp,
    last: Timestamp,
    passwords: u64,
    clients: Vec<IpAddr16>,
    users: Vec<String>,
    /// A community string that may change settings was seen.
    writes: bool,
    throttle: Throttle,
}

/// Port of traps and informs, which agents send to a monitor.
const TRAP_PORT: u16 = 162;

type Key = (IpAddr16, u16, &'static str);

/// The detector.
pub struct CleartextLogin {
    services: Lru<Key, Service>,
    /// The user of a connection, by its hash: FTP and POP3 say name and password in two lines.
    users: Lru<u64, String>,
}

/// Names that anybody may give, with anything as password (RFC 1635).
fn is_anonymous(user: &str) -> bool {
    ["anonymous", "ftp", "guest"].iter().any(|name| user.eq_ignore_ascii_case(name))
}

impl CleartextLogin {
    /// Builds it.
    #[must_use]
    pub fn new(config: &CleartextLoginConfig) -> Self {
        Self { services: Lru::new(config.services_max), users: Lru::new(config.sessions_max) }
    }

    fn login(&mut self, event: &AppEvent, login: &LoginData, context: &Context, out: &mut Vec<Alert>) {
        if login.protocol == AppProto::Stratum {
            return;
        }
        let connection = super::lru::hash_of(&event.key);
        if !login.response && !login.user.is_empty() && !login.password {
            self.users.touch(&connection, event.ts, String::new).clone_from(&login.user);
            return;
        }
        if login.protocol == AppProto::Snmp {
            if login.password {
                self.community(event, login, context, out);
            }
            return;
        }
        if login.password {
            let remembered = self.users.peek(&connection).cloned().unwrap_or_default();
            let user = if login.user.is_empty() { remembered } else { login.user.clone() };
            self.password(event, login.response, login.protocol.name(), &user, out);
        }
    }

    /// One monitor and all its agents are one story, whoever of them speaks first.
    fn community(&mut self, event: &AppEvent, login: &LoginData, context: &Context, out: &mut Vec<Alert>) {
        let (low, high) = (event.key.low, event.key.high);
        let (from, to) = if event.from_low { (low, high) } else { (high, low) };
        let (monitor, agent) = if to.port == TRAP_PORT { (to, from) } else { (from, to) };
        // Strangers who try `public` on everybody are no monitor.
        if !context.home.contains(monitor.addr) {
            return;
        }
        let key = (monitor.addr, to.port, AppProto::Snmp.name());
        let service = self.services.touch(&key, event.ts, || Service { first: event.ts, ..Service::default() });
        service.last = service.last.max(event.ts);
        service.passwords += 1;
        service.writes |= login.mechanism.ends_with("set-request");
        push_distinct(&mut service.clients, agent.addr);
        if !login.user.is_empty() && service.users.len() < SHOWN {
            push_distinct(&mut service.users, login.user.clone());
        }
        if service.throttle.due(service.clients.len() as u64, event.ts) {
            out.push(community_story(&key, service));
        }
    }

    fn password(
        &mut self,
        event: &AppEvent,
        from_server: bool,
        protocol: &'static str,
        user: &str,
        out: &mut Vec<Alert>,
    ) {
        let (low, high) = (event.key.low, event.key.high);
        let (from, to) = if event.from_low { (low, high) } else { (high, low) };
        let (client, server) = if from_server { (to, from) } else { (from, to) };
        if is_anonymous(user) {
            return;
        }
        let key = (server.addr, server.port, protocol);
        let service = self.services.touch(&key, event.ts, || Service { first: event.ts, ..Service::default() });
        service.last = service.last.max(event.ts);
        service.passwords += 1;
        push_distinct(&mut service.clients, client.addr);
        if !user.is_empty() && service.users.len() < SHOWN {
            push_distinct(&mut service.users, user.chars().take(40).collect());
        }
        if service.throttle.due(service.clients.len() as u64, event.ts) {
            out.push(story(&key, service));
        }
    }
}

fn story(key: &Key, service: &Service) -> Alert {
    let (server, port, protocol) = *key;
    let mut a = alert(Kind::ProtocolMisuse, "cleartext_login", service.first, service.last, 1e-4);
    let who = match service.clients.as_slice() {
        [one] => format!("{one} sends"),
        more => format!("{} send", plural(more.len() as u64, "host", "hosts")),
    };
    let users = if service.users.is_empty() { String::new() } else { format!(" (user {})", service.users.join(", ")) };
    a.title = format!("{who} a password in the clear to {server} by {}{users}", protocol.to_uppercase());
    a.src.clone_from(&service.clients);
    a.dest = vec![server];
    a.dest_port = vec![port];
    a.why = vec![
        why("passwords_in_the_clear", service.passwords as f64, [0.0, 0.0], "passwords", 0.6),
        why("clients", service.clients.len() as f64, [0.0, 0.0], "clients", 0.4),
    ];
    a.packets = service.passwords;
    a.severity = Severity::Low;
    a.story = format!("{server} {port} {protocol}");
    a.attack = vec!["T1040"];
    text::scored(a, 0.6)
}

fn community_story(key: &Key, service: &Service) -> Alert {
    let (monitor, port, protocol) = *key;
    let mut a = alert(Kind::ProtocolMisuse, "cleartext_login", service.first, service.last, 1e-4);
    let agents = match service.clients.as_slice() {
        [one] => one.to_string(),
        more => plural(more.len() as u64, "host", "hosts"),
    };
    let known = match service.users.as_slice() {
        [] => String::new(),
        known => format!(" (the well-known {})", known.join(" and ")),
    };
    let way = if port == TRAP_PORT { "gets SNMP traps of" } else { "asks" };
    let by = if port == TRAP_PORT { "" } else { " by SNMP" };
    a.title = format!("{monitor} {way} {agents}{by} with a community string in the clear{known}");
    a.src = vec![monitor];
    a.dest.clone_from(&service.clients);
    a.dest_port = vec![port];
    let flag = |set: bool| f64::from(u8::from(set));
    a.why = vec![
        why("community_strings_in_the_clear", service.passwords as f64, [0.0, 0.0], "messages", 0.4),
        why("agents", service.clients.len() as f64, [0.0, 0.0], "hosts", 0.2),
        why("well_known_community", flag(!service.users.is_empty()), [0.0, 0.0], text::YES_NO, 0.3),
        why("settings_written", flag(service.writes), [0.0, 0.0], text::YES_NO, 0.1),
    ];
    a.packets = service.passwords;
    a.severity = Severity::Low;
    a.story = format!("{monitor} {port} {protocol}");
    a.attack = vec!["T1040"];
    text::scored(a, if service.users.is_empty() { 0.5 } else { 0.6 })
}

impl Behaviour for CleartextLogin {
    fn name(&self) -> &'static str {
        "cleartext_login"
    }
    fn wants(&self) -> Wants {
        Wants::LOGIN | Wants::HTTP
    }
    fn observe(&mut self, observation: &Observation, context: &Context, out: &mut Vec<Alert>) {
        let Observation::App(event) = observation else { return };
        match &event.data {
            AppData::Login(login) => self.login(event, login, context, out),
            AppData::Http(http) if http.authorization == "basic" => {
                self.password(event, false, "http", &http.http_user, out);
            }
            _ => {}
        }
    }
    fn counters(&self) -> Counters {
        let mut counters = Counters::default();
        counters.add("services_evicted", self.services.evicted());
        counters
    }
    fn entries(&self) -> usize {
        self.services.len() + self.users.len()
    }
}

#[cfg(test)]
mod tests {
    use super::super::synthetic::{contact, ip, mac, run};
    use super::*;

    /// A step of a log-in of 10.0.0.n at 10.0.0.1.
    fn step(ms: i64, n: u8, port: u16, login: LoginData) -> Observation {
        let c = contact(ms, ip(n), ip(1), port);
        let from_low = (c.key.low.addr == ip(n)) != login.response;
        Observation::App(Box::new(AppEvent {
            ts: c.ts,
            key: c.key,
            from_low,
            src_mac: mac(n),
            data: AppData::Login(login),
        }))
    }

    fn ftp(user: &str, password: bool) -> LoginData {
        LoginData { protocol: AppProto::Ftp, user: user.into(), password, ..LoginData::default() }
    }

    #[test]
    fn a_password_is_told_once_with_its_user() {
        let steps: Vec<_> = (0..20)
            .flat_map(|n| [step(n * 5000, 7, 21, ftp("bob", false)), step(n * 5000 + 50, 7, 21, ftp("", true))])
            .collect();
        let alerts = run("cleartext_login", &steps);
        assert_eq!(alerts.len(), 1);
        assert_eq!(alerts[0].title, "10.0.0.7 sends a password in the clear to 10.0.0.1 by FTP (user bob)");
    }

    #[test]
    fn a_prompt_of_the_server_names_the_client_all_the_same() {
        let prompt = LoginData { protocol: AppProto::Telnet, response: true, password: true, ..LoginData::default() };
        let alerts = run("cleartext_login", &[step(0, 7, 23, prompt)]);
        assert_eq!((alerts[0].src.as_slice(), alerts[0].dest.as_slice()), (&[ip(7)][..], &[ip(1)][..]));
    }

    #[test]
    fn a_monitor_is_told_once_for_its_agents_and_traps_by_their_receiver() {
        let ask = |ms, agent, port, user: &str| {
            let c = contact(ms, ip(7), ip(agent), port);
            let login = LoginData {
                protocol: AppProto::Snmp,
                user: user.into(),
                mechanism: "v2c get-request".into(),
                password: true,
                ..LoginData::default()
            };
            let data = AppData::Login(login);
            let from_low = c.key.low.addr == ip(7);
            Observation::App(Box::new(AppEvent { ts: c.ts, key: c.key, from_low, src_mac: mac(7), data }))
        };
        let polls: Vec<_> = (0..40).map(|i| ask(i * 2000, 20 + (i % 4) as u8, 161, "public")).collect();
        let alerts = run("cleartext_login", &polls);
        assert!(alerts.iter().all(|a| a.story == "10.0.0.7 161 snmp") && alerts.len() <= 3, "{alerts:?}");
        assert_eq!(
            alerts.last().map(|a| a.title.as_str()),
            Some("10.0.0.7 asks 4 hosts by SNMP with a community string in the clear (the well-known public)")
        );
        let traps = run("cleartext_login", &[ask(0, 9, 162, "")]);
        assert_eq!(traps[0].title, "10.0.0.9 gets SNMP traps of 10.0.0.7 with a community string in the clear");
    }

    #[test]
    fn anonymous_ftp_greetings_and_miners_are_silent() {
        let miner =
            LoginData { protocol: AppProto::Stratum, user: "wallet".into(), password: true, ..LoginData::default() };
        let steps = [
            step(0, 7, 21, ftp("anonymous", false)),
            step(50, 7, 21, ftp("", true)),
            step(90, 8, 21, ftp("bob", false)),
            step(99, 9, 3333, miner),
        ];
        assert!(run("cleartext_login", &steps).is_empty());
    }
}
