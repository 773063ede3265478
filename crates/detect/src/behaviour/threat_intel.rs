//! Traffic with what threat-intelligence lists name: a host of the home networks that calls a listed address, asks for a listed
//! domain, fetches a listed URL or speaks with a listed client's TLS fingerprint; and listed addresses that call in. The lists
//! come with the context (`crate::intel`); without lists this file does nothing. Only the other side's address is compared: lists
//! of unroutable networks would match every home. What only knocks from outside, in vain, is one story a list, of low severity:
//! the Internet does that all day.

use super::lru::Lru;
use super::text::{self, alert, plural, push_distinct, why};
use super::throttle::Throttle;
use super::{Behaviour, Context, Wants};
use crate::intel::{Indicators, Listed};
use record::{
    Alert, AppData, AppEvent, Contact, ContactOutcome, Counters, FlowRecord, IpAddr16, Kind, Observation, Severity,
    Timestamp,
};
use serde::{Deserialize, Serialize};

/// Settings of the comparison with lists.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ThreatIntelConfig {
    /// Pairs of a host and a listed thing remembered. Default 4096.
    pub stories_max: usize,
    /// Listed addresses that only knock in vain are told from so many tries on. Default 20.
    pub vain_min: u64,
}

impl Default for ThreatIntelConfig {
    fn default() -> Self {
        Self { stories_max: 4096, vain_min: 20 }
    }
}

/// How a listed thing was met.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Way {
    /// A home host called it and was answered.
    Called,
    /// A home host called it in vain.
    CalledInVain,
    /// It called a home host and was answered.
    CalledIn,
    /// It called home hosts in vain.
    KnockedInVain,
    /// A home host asked for the name.
    Asked,
    /// A home host named it in TLS or HTTP.
    Named,
    /// A home host fetched the URL.
    Fetched,
    /// A home host's client has the fingerprint.
    Fingerprint,
}

/// Host and listed thing.
type Key = (IpAddr16, Way, Box<str>);

#[derive(Default)]
struct Story {
    first: Timestamp,
    times: u64,
    hosts: Vec<IpAddr16>,
    peers: Vec<IpAddr16>,
    ports: Vec<u16>,
    flows: Vec<u64>,
    throttle: Throttle,
}

/// One meeting.
struct Meeting<'a> {
    way: Way,
    ts: Timestamp,
    /// The home host, or who called in.
    src: IpAddr16,
    dest: IpAddr16,
    port: u16,
    /// The listed thing as people write it.
    what: &'a str,
    listed: Listed<'a>,
}

/// The detector.
pub struct ThreatIntel {
    config: ThreatIntelConfig,
    stories: Lru<Key, Story>,
}

impl ThreatIntel {
    /// Builds it.
    #[must_use]
    pub fn new(config: &ThreatIntelConfig) -> Self {
        Self { stories: Lru::new(config.stories_max), config: config.clone() }
    }

    fn contact(&mut self, c: &Contact, context: &Context, out: &mut Vec<Alert>) {
        let lists: &Indicators = &context.indicators;
        let answered = matches!(c.outcome, ContactOutcome::Answered | ContactOutcome::Midstream);
        let (src_home, dest_home) = (context.home.contains(c.src), context.home.contains(c.dest));
        let of = |way, address: IpAddr16, listed, out: &mut Vec<Alert>, this: &mut Self| {
            let what = address.to_string();
            this.met(&Meeting { way, ts: c.ts, src: c.src, dest: c.dest, port: c.dest_port, what: &what, listed }, out);
        };
        if !dest_home && let Some(listed) = lists.address(c.dest) {
            of(if answered { Way::Called } else { Way::CalledInVain }, c.dest, listed, out, self);
        } else if !src_home && let Some(listed) = lists.address(c.src) {
            of(if answered { Way::CalledIn } else { Way::KnockedInVain }, c.src, listed, out, self);
        }
    }

    fn app(&mut self, event: &AppEvent, context: &Context, out: &mut Vec<Alert>) {
        let lists: &Indicators = &context.indicators;
        let (src, dest) =
            if event.from_low { (event.key.low, event.key.high) } else { (event.key.high, event.key.low) };
        let meeting = |way, what, listed| Meeting {
            way,
            ts: event.ts,
            src: src.addr,
            dest: dest.addr,
            port: dest.port,
            what,
            listed,
        };
        match &event.data {
            AppData::Dns(dns) if !dns.response && !dns.multicast => {
                if let Some((domain, listed)) = lists.domain(&dns.rrname) {
                    self.met(&meeting(Way::Asked, domain, listed), out);
                }
            }
            AppData::Tls(tls) => {
                if let Some((domain, listed)) = lists.domain(&tls.sni) {
                    self.met(&meeting(Way::Named, domain, listed), out);
                }
                if let Some(listed) = lists.ja4(&tls.ja4) {
                    self.met(&meeting(Way::Fingerprint, &tls.ja4, listed), out);
                }
            }
            AppData::Http(http) if !http.response => {
                let host = http.hostname.split(':').next().unwrap_or_default();
                if let Some(listed) = lists.url(&http.hostname, &http.url) {
                    self.met(&meeting(Way::Fetched, &format!("{}{}", http.hostname, http.url), listed), out);
                } else if let Some((domain, listed)) = lists.domain(&host.to_ascii_lowercase()) {
                    self.met(&meeting(Way::Named, domain, listed), out);
                }
            }
            _ => {}
        }
    }

    /// A flow with a listed address that was told already: its number goes along with the next word of the story.
    fn flow(&mut self, flow: &FlowRecord, context: &Context) {
        let (src, dest) = (flow.src().addr, flow.dest().addr);
        for (way, host, other) in [(Way::Called, src, dest), (Way::CalledIn, src, src)] {
            if context.indicators.address(other).is_some()
                && let Some(story) = self.stories.peek_mut(&(host, way, other.to_string().into_boxed_str()))
            {
                push_distinct(&mut story.flows, flow.flow_id);
            }
        }
    }

    fn met(&mut self, meeting: &Meeting<'_>, out: &mut Vec<Alert>) {
        let vain = meeting.way == Way::KnockedInVain;
        // What only knocks is one story a list, or a list of scanners would fill the table.
        let key = if vain {
            (IpAddr16::default(), meeting.way, Box::from(meeting.listed.list))
        } else {
            (meeting.src, meeting.way, Box::from(meeting.what))
        };
        let story = self.stories.touch(&key, meeting.ts, || Story { first: meeting.ts, ..Story::default() });
        story.times += 1;
        push_distinct(&mut story.hosts, meeting.src);
        push_distinct(&mut story.peers, meeting.dest);
        if meeting.port != 0 {
            push_distinct(&mut story.ports, meeting.port);
        }
        if vain && story.times < self.config.vain_min || !story.throttle.due(story.times, meeting.ts) {
            return;
        }
        out.push(tell(meeting, story));
    }
}

fn title(meeting: &Meeting<'_>, story: &Story) -> String {
    let Meeting { src, dest, what, listed, .. } = meeting;
    let port = if meeting.port == 0 { String::new() } else { format!(" {}", text::port(meeting.port)) };
    let did = match meeting.way {
        Way::Called => format!("{src} called {dest}{port}"),
        Way::CalledInVain => format!("{src} tried to reach {dest}{port}"),
        Way::CalledIn => format!("{src} called {dest}{port} and was answered"),
        Way::KnockedInVain => {
            return format!(
                "{} on the list {} knocked {} times in vain",
                plural(story.hosts.len() as u64, "address", "addresses"),
                listed.list,
                text::count(story.times)
            );
        }
        Way::Asked => format!("{src} asked for the name {what}"),
        Way::Named => format!("{src} called {what} at {dest}"),
        Way::Fetched => format!("{src} fetched {what}"),
        Way::Fingerprint => format!("{src} called {dest}{port} with the TLS fingerprint {what}"),
    };
    let note = if listed.note.is_empty() { String::new() } else { format!(": {}", listed.note.trim_end_matches('.')) };
    format!("{did}, which is on the list {}{note}", listed.list)
}

fn tell(meeting: &Meeting<'_>, story: &Story) -> Alert {
    let listed = &meeting.listed;
    let mut a = alert(Kind::ImportedAlert, "threat_intel", story.first, meeting.ts, 1e-3);
    a.title = title(meeting, story);
    (a.src, a.dest) = (story.hosts.clone(), story.peers.clone());
    a.dest_port.clone_from(&story.ports);
    a.flows.clone_from(&story.flows);
    a.packets = story.times;
    a.why = vec![why("times_listed_thing_met", story.times as f64, [0.0, 0.0], "times", 1.0)];
    let (severity, score, attack) = match meeting.way {
        Way::Called | Way::Named | Way::Fetched => (listed.severity, 0.95, "T1071"),
        Way::Asked => (listed.severity, 0.9, "T1071.004"),
        Way::CalledIn => (listed.severity.min(Severity::Medium), 0.7, "T1133"),
        // A fingerprint belongs to a library before it belongs to a program.
        Way::Fingerprint => (listed.severity.min(Severity::Medium), 0.7, "T1071.001"),
        Way::CalledInVain => (listed.severity.min(Severity::Medium), 0.8, "T1071"),
        Way::KnockedInVain => (Severity::Low, 0.3, "T1595"),
    };
    a.severity = severity;
    a.attack = vec![attack];
    a.story = match meeting.way {
        Way::KnockedInVain => format!("knocking {}", listed.list),
        // The look-up of a name and the call under it are one story of one host.
        _ => format!("{} {}", meeting.src, meeting.what),
    };
    text::scored(a, score)
}

impl Behaviour for ThreatIntel {
    fn name(&self) -> &'static str {
        "threat_intel"
    }
    fn wants(&self) -> Wants {
        Wants::CONTACT | Wants::FLOW | Wants::DNS | Wants::TLS | Wants::HTTP
    }
    fn observe(&mut self, observation: &Observation, context: &Context, out: &mut Vec<Alert>) {
        if context.indicators.is_empty() {
            return;
        }
        match observation {
            Observation::Contact(c) => self.contact(c, context, out),
            Observation::App(event) => self.app(event, context, out),
            Observation::Flow(flow) if self.stories.len() > 0 => self.flow(flow, context),
            _ => {}
        }
    }
    fn counters(&self) -> Counters {
        let mut counters = Counters::default();
        counters.add("stories_evicted", self.stories.evicted());
        counters
    }
    fn entries(&self) -> usize {
        self.stories.len()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::super::synthetic::{contact, flow, ip, mac, run_with};
    use super::*;
    use crate::intel::ListText;
    use record::{ContactOutcome, DnsData, HttpData, TlsData};
    use std::sync::Arc;

    const BAD: IpAddr16 = IpAddr16::v4([198, 51, 100, 7]);

    fn lists() -> Arc<Indicators> {
        let mut all = Indicators::default();
        let text = "198.51.100.7 Emotet C2.\n10.0.0.0/8\nbad.example\nhttp://good.example/worm.exe\nt13d1516h2_8daaf6152771_02713d6af862\n";
        let list =
            ListText { name: "feodo".into(), bytes: text.as_bytes(), severity: Severity::High, ..ListText::default() };
        assert_eq!(all.add(&list, 100).unwrap().entries, 5);
        Arc::new(all)
    }

    fn told(observations: &[Observation]) -> Vec<Alert> {
        run_with(&mut ThreatIntel::new(&ThreatIntelConfig::default()), observations, lists())
    }

    fn call(ms: i64, src: IpAddr16, dest: IpAddr16, outcome: ContactOutcome) -> Observation {
        Observation::Contact(Contact { outcome, ..contact(ms, src, dest, 443) })
    }

    fn says(src: IpAddr16, dest: IpAddr16, data: AppData) -> Observation {
        let c = contact(5, src, dest, 80);
        let event = AppEvent { ts: c.ts, key: c.key, from_low: c.key.low.addr == src, src_mac: mac(1), data };
        Observation::App(Box::new(event))
    }

    #[test]
    fn a_call_to_a_listed_address_is_told_with_the_lists_words_and_counted() {
        let calls: Vec<_> = (0..5).map(|n| call(n * 2_000, ip(5), BAD, ContactOutcome::Answered)).collect();
        let alerts = told(&calls);
        assert_eq!(alerts.len(), 3, "told at 1, 2 and 4");
        let last = alerts.last().unwrap();
        assert_eq!(last.title, "10.0.0.5 called 198.51.100.7 port 443 (HTTPS), which is on the list feodo: Emotet C2");
        assert_eq!((last.severity, last.why[0].value, last.src[0]), (Severity::High, 4.0, ip(5)));
        assert!(alerts.iter().all(|a| a.story == alerts[0].story));
        let vain = told(&[call(0, ip(5), BAD, ContactOutcome::Refused)]);
        assert!(vain[0].title.contains("tried to reach") && vain[0].severity == Severity::Medium);
    }

    #[test]
    fn home_addresses_never_match_although_a_list_names_their_network() {
        assert!(told(&[call(0, ip(5), ip(6), ContactOutcome::Answered)]).is_empty());
        assert!(told(&[call(0, ip(5), IpAddr16::v4([8, 8, 8, 8]), ContactOutcome::Answered)]).is_empty());
    }

    #[test]
    fn knocking_from_outside_is_one_story_and_an_answered_call_another() {
        let knocks: Vec<_> = (0..50).map(|n| call(n * 1_000, BAD, ip(n as u8), ContactOutcome::Unanswered)).collect();
        let alerts = told(&knocks);
        assert_eq!((alerts[0].severity, alerts[0].packets), (Severity::Low, 20));
        assert!(alerts[0].title.contains("1 address on the list feodo knocked 20 times in vain"));
        assert!(told(&knocks[..19]).is_empty());
        let inside = told(&[call(0, BAD, ip(9), ContactOutcome::Answered)]);
        assert!(inside[0].title.contains("and was answered") && inside[0].severity == Severity::Medium);
    }

    #[test]
    fn names_urls_and_fingerprints_match_too() {
        let server = IpAddr16::v4([192, 0, 2, 1]);
        let dns = DnsData { rrname: "x.bad.example".into(), ..DnsData::default() };
        let asked = told(&[says(ip(5), server, AppData::Dns(dns.clone()))]);
        assert_eq!(asked[0].title, "10.0.0.5 asked for the name bad.example, which is on the list feodo");
        let answer = DnsData { response: true, ..dns };
        assert!(told(&[says(server, ip(5), AppData::Dns(answer))]).is_empty(), "the answer is not a second question");
        let ja4 = "t13d1516h2_8daaf6152771_02713d6af862".to_owned();
        let tls = TlsData { sni: "www.bad.example".into(), ja4, ..TlsData::default() };
        let named = told(&[says(ip(5), server, AppData::Tls(tls))]);
        assert_eq!(named.len(), 2, "the name and the fingerprint");
        let get = |host: &str, url: &str| {
            let http = HttpData { hostname: host.into(), url: url.into(), ..HttpData::default() };
            told(&[says(ip(5), server, AppData::Http(http))])
        };
        assert!(get("good.example", "/worm.exe")[0].title.starts_with("10.0.0.5 fetched good.example/worm.exe"));
        assert!(get("good.example", "/").is_empty() && get("BAD.example:8080", "/").len() == 1);
    }

    #[test]
    fn a_flow_with_a_listed_address_goes_along() {
        let mut bad = flow(1_500, ip(5), BAD, 443, 10, 10);
        bad.flow_id = 77;
        let alerts = told(&[
            call(0, ip(5), BAD, ContactOutcome::Answered),
            Observation::Flow(Box::new(bad)),
            call(4_000, ip(5), BAD, ContactOutcome::Answered),
        ]);
        assert_eq!(alerts[1].flows, [77]);
    }
}
