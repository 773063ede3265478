//! Generated domain names (ATT&CK T1568.002): malware makes up hundreds of names a day of which its owner registers few, so an infected host
//! asks for many names that do not exist and that look made up. Adds up, per host, how unlike ordinary names (log-odds of the model of
//! names) the registered domains are that were answered NXDOMAIN, as a one-sided sequential test (Page's CUSUM, 1954): ordinary
//! misspellings pull the sum down, made-up names push it up. After Antonakakis et al., "From Throw-Away Traffic to Bots" (USENIX
//! Security 2012), which reads the failed look-ups, and the model in `crate::names`.

use super::lru::{Lru, hash_of};
use super::set16::Set16;
use super::text::{self, alert, count, push_distinct, why};
use super::throttle::Throttle;
use super::{Behaviour, Context, Wants};
use crate::names::{Evidence, NameModel, registered_label};
use record::{
    Alert, AppData, AppEvent, Counters, DnsData, IpAddr16, Kind, Observation, Severity, Timestamp, timestamp::NS_PER_S,
};
use serde::{Deserialize, Serialize};

/// Settings of the detector of generated names.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DgaConfig {
    /// Distinct domains answered NXDOMAIN that are needed. Default 10.
    pub names_min: u32,
    /// Sum of their log-odds above what one ordinary name in fifty exceeds, from which on a host is told. Default 20.
    pub evidence_min: f64,
    /// Share of NXDOMAIN among the distinct domains that a host had answered in the window. Default 0.2.
    pub missing_share_min: f64,
    /// Window after which counting starts again, seconds. Default 3600.
    pub window_s: u32,
    /// Hosts remembered. Default 4096.
    pub hosts_max: usize,
    /// Sets of more than 64 domains (8 KiB each). Default 256.
    pub large_sets_max: usize,
}

impl Default for DgaConfig {
    fn default() -> Self {
        Self {
            names_min: 10,
            evidence_min: 20.0,
            missing_share_min: 0.2,
            window_s: 3600,
            hosts_max: 4096,
            large_sets_max: 256,
        }
    }
}

/// Names shown in a title.
const SHOWN: usize = 3;

#[derive(Default)]
struct Host {
    window_start: Timestamp,
    /// Distinct registered domains that do not exist.
    missing: Set16,
    /// Distinct ones that do.
    found: Set16,
    /// What the missing ones say together.
    evidence: Evidence,
    /// Missing ones that look generated.
    generated: u32,
    first: Timestamp,
    last: Timestamp,
    examples: Vec<String>,
    resolvers: Vec<IpAddr16>,
    /// Where generated-looking names led that do exist, once the story is told.
    led_to: Vec<IpAddr16>,
    throttle: Throttle,
}

impl Host {
    /// Large sets it holds.
    fn large(&self) -> usize {
        usize::from(self.missing.count() > 64) + usize::from(self.found.count() > 64)
    }
}

/// The detector.
pub struct Dga {
    config: DgaConfig,
    model: Option<&'static NameModel>,
    hosts: Lru<IpAddr16, Host>,
    large_sets: usize,
    capped: u64,
}

impl Dga {
    /// Builds it.
    #[must_use]
    pub fn new(config: &DgaConfig) -> Self {
        Self {
            hosts: Lru::new(config.hosts_max),
            model: NameModel::shipped(),
            large_sets: 0,
            capped: 0,
            config: config.clone(),
        }
    }

    fn answer(&mut self, event: &AppEvent, dns: &DnsData, out: &mut Vec<Alert>) {
        let missing = dns.rcode == "NXDOMAIN";
        if dns.multicast || (!missing && dns.answers.is_empty()) {
            return;
        }
        let (Some(model), Some(label)) = (self.model, registered_label(&dns.rrname)) else { return };
        let (low, high) = (event.key.low.addr, event.key.high.addr);
        let (resolver, client) = if event.from_low { (low, high) } else { (high, low) };
        let evicted = self.hosts.evicted();
        let host = self.hosts.touch(&client, event.ts, || Host { window_start: event.ts, ..Host::default() });
        if event.ts.since(host.window_start) > i64::from(self.config.window_s) * NS_PER_S {
            self.large_sets = self.large_sets.saturating_sub(host.large());
            // A story that goes on keeps its names and its rhythm.
            let (throttle, first) = (host.throttle, host.first);
            let kept = throttle.started() && host.generated > 0;
            *host = Host { window_start: event.ts, ..Host::default() };
            if kept {
                (host.throttle, host.first) = (throttle, first);
            }
        }
        let before = host.large();
        let set = if missing { &mut host.missing } else { &mut host.found };
        if set.count() == 64 && self.large_sets >= self.config.large_sets_max {
            self.capped += 1;
        } else if set.insert(hash_of(label) as u16) {
            self.large_sets += host.large() - before;
            let score = model.score(label);
            if missing {
                host.miss(event.ts, &dns.rrname, resolver, score, model);
                if host.is_infected(&self.config) && host.throttle.due(u64::from(host.missing.count()), event.ts) {
                    out.push(story(client, host, &self.config));
                }
            } else if host.throttle.started() && score > model.generated_from() {
                for address in dns.answers.iter().filter_map(|a| a.parse::<std::net::IpAddr>().ok()) {
                    push_distinct(&mut host.led_to, IpAddr16::from(address));
                }
            }
        }
        if evicted != self.hosts.evicted() && self.large_sets > 0 {
            self.large_sets = self.hosts.iter().map(|(_, host)| host.large()).sum();
        }
    }
}

impl Host {
    fn miss(&mut self, now: Timestamp, name: &str, resolver: IpAddr16, score: f32, model: &NameModel) {
        if self.missing.count() == 1 && !self.throttle.started() {
            self.first = now;
        }
        self.last = self.last.max(now);
        if self.evidence.add(score, model) {
            self.generated += 1;
            if self.examples.len() < SHOWN {
                self.examples.push(name.chars().take(40).collect());
            }
        }
        push_distinct(&mut self.resolvers, resolver);
    }

    /// Share of domains that do not exist among those that were answered.
    fn missing_share(&self) -> f64 {
        let missing = f64::from(self.missing.count());
        missing / (missing + f64::from(self.found.count())).max(1.0)
    }

    fn is_infected(&self, config: &DgaConfig) -> bool {
        self.missing.count() >= config.names_min.max(1)
            && self.evidence.sum() >= config.evidence_min
            && self.missing_share() >= config.missing_share_min
    }
}

fn story(client: IpAddr16, host: &Host, config: &DgaConfig) -> Alert {
    let missing = host.missing.count();
    let mut a = alert(Kind::Dga, "dga", host.first, host.last, 1e-4);
    let like = if host.examples.is_empty() { String::new() } else { format!(", such as {}", host.examples.join(", ")) };
    a.title = format!(
        "{client} asks for {} names that do not exist, {} of them look generated{like}",
        count(u64::from(missing)),
        count(u64::from(host.generated)),
    );
    a.src = vec![client];
    // The resolver only answered; a name that exists leads to whom the malware calls.
    a.dest.clone_from(if host.led_to.is_empty() { &host.resolvers } else { &host.led_to });
    a.dest_port = vec![53];
    let share = f64::from(host.generated) / f64::from(missing.max(1));
    a.why = vec![
        why("evidence_of_generated_names", host.evidence.sum(), [0.0, config.evidence_min], "log-odds", 0.4),
        why("generated_looking_share", share, [0.0, 0.02], "", 0.25),
        why("domains_not_existing", f64::from(missing), [0.0, f64::from(config.names_min) - 1.0], "domains", 0.2),
        why("not_existing_share", host.missing_share(), [0.0, config.missing_share_min], "", 0.15),
    ];
    a.packets = u64::from(missing);
    a.severity = if missing >= 2 * config.names_min { Severity::High } else { Severity::Medium };
    a.story = format!("{client}");
    text::scored(a, 0.85 + 0.1 * share)
}

impl Behaviour for Dga {
    fn name(&self) -> &'static str {
        "dga"
    }
    fn wants(&self) -> Wants {
        Wants::DNS
    }
    fn observe(&mut self, observation: &Observation, _context: &Context, out: &mut Vec<Alert>) {
        if let Observation::App(event) = observation
            && let AppData::Dns(dns) = &event.data
            && dns.response
        {
            self.answer(event, dns, out);
        }
    }
    fn counters(&self) -> Counters {
        let mut counters = Counters::default();
        counters.add("hosts_evicted", self.hosts.evicted());
        counters.add("name_sets_capped", self.capped);
        counters
    }
    fn entries(&self) -> usize {
        self.hosts.len()
    }
}

#[cfg(test)]
mod tests {
    use super::super::synthetic::{contact, ip, mac, run};
    use super::*;

    /// The resolver's answer to one look-up of 10.0.0.7.
    fn answer(ms: i64, name: &str, exists: bool) -> Observation {
        let c = contact(ms, ip(7), ip(1), 53);
        let (rcode, answers) = if exists { ("NOERROR", vec!["203.0.113.9".to_owned()]) } else { ("NXDOMAIN", vec![]) };
        let dns = DnsData { rrname: name.into(), response: true, rcode: rcode.into(), answers, ..DnsData::default() };
        let from_low = c.key.low.addr == ip(1);
        Observation::App(Box::new(AppEvent {
            ts: c.ts,
            key: c.key,
            from_low,
            src_mac: mac(1),
            data: AppData::Dns(dns),
        }))
    }

    /// Letters of a congruence, as malware draws them.
    fn made_up(n: i64) -> String {
        let mut state = n as u32 + 1;
        let mut letter = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            char::from(b'a' + (state >> 16) as u8 % 26)
        };
        (0..14).map(|_| letter()).collect::<String>() + ".com"
    }

    const WORDS: [&str; 30] = [
        "garden",
        "weather",
        "bicycle",
        "library",
        "station",
        "kitchen",
        "holiday",
        "picture",
        "journal",
        "theatre",
        "hospital",
        "football",
        "computer",
        "magazine",
        "railways",
        "printing",
        "painting",
        "shopping",
        "cooking",
        "swimming",
        "furniture",
        "education",
        "insurance",
        "marketing",
        "newspaper",
        "telephone",
        "university",
        "restaurant",
        "television",
        "photography",
    ];

    #[test]
    fn many_made_up_names_that_do_not_exist_are_told() {
        let names: Vec<_> = (0..40).map(|n| answer(n * 2000, &made_up(n), false)).collect();
        let alerts = run("dga", &names);
        assert!(alerts[0].title.starts_with("10.0.0.7 asks for 10 names that do not exist"), "{}", alerts[0].title);
        assert_eq!((alerts[0].src.as_slice(), alerts[0].kind), (&[ip(7)][..], Kind::Dga));
        assert!(alerts[0].ts <= Timestamp(20 * NS_PER_S));
    }

    #[test]
    fn misspelt_words_one_domain_and_content_networks_are_silent() {
        let typed: Vec<_> = (0..30).map(|n| answer(n * 9000, &format!("{}s.com", WORDS[n as usize]), false)).collect();
        assert!(run("dga", &typed).is_empty());
        let one: Vec<_> =
            (0..900).map(|n| answer(n * 100, &format!("{}.cdn.example.com", made_up(n)), false)).collect();
        assert!(run("dga", &one).is_empty(), "one registered domain");
        let local: Vec<_> = (0..900).map(|n| answer(n * 100, &format!("{}.lan", made_up(n)), false)).collect();
        assert!(run("dga", &local).is_empty(), "not of the public tree");
        let exists: Vec<_> = (0..900).map(|n| answer(n * 100, &made_up(n), true)).collect();
        assert!(run("dga", &exists).is_empty(), "strange, but they exist");
    }

    #[test]
    fn a_crawler_that_meets_few_dead_names_is_silent() {
        let mut seen = Vec::new();
        for n in 0..2000 {
            let name = format!("{}{}.com", WORDS[n as usize % 30], WORDS[n as usize / 67]);
            seen.push(answer(n * 500, &name, true));
            if n % 50 == 0 {
                seen.push(answer(n * 500 + 1, &made_up(n), false));
            }
        }
        assert!(run("dga", &seen).is_empty());
    }

    #[test]
    fn where_a_made_up_name_leads_is_named() {
        let mut seen: Vec<_> = (0..12).map(|n| answer(n * 2000, &made_up(n), false)).collect();
        seen.push(answer(30_000, &made_up(99), true));
        seen.extend((20..60).map(|n| answer(n * 2000, &made_up(n), false)));
        let alerts = run("dga", &seen);
        assert_eq!(alerts.last().map(|a| a.dest.clone()), Some(vec![IpAddr16::v4([203, 0, 113, 9])]));
    }
}
