//! Alerts of other tools (Suricata, Zeek's notices, firewalls), kept as what they are. One story a signature and host of ours; the
//! tool's own severity was mapped when its line was read. Owns the counting; judges nothing.

use super::lru::Lru;
use super::text::{self, alert, plural, push_distinct, why};
use super::throttle::{HOUR_NS, Throttle};
use super::{Behaviour, Context, Wants};
use record::{Alert, Counters, ImportedAlert, IpAddr16, Kind, Observation, Severity, Timestamp, timestamp::NS_PER_S};
use serde::{Deserialize, Serialize};

/// A story is told a last time when it has been quiet for this long.
const QUIET_NS: i64 = 60 * NS_PER_S;

/// A story that heard nothing for so long is over, as its incident is; the next alert begins a new one.
const SILENCE_NS: i64 = 2 * HOUR_NS;

/// Settings of imported alerts.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ImportedConfig {
    /// Alerts below this severity are counted and left: `low`, `medium`, `high`, `critical`. Default `low`: all are told.
    pub severity_min: Severity,
    /// Signatures and hosts being told at once; the longest untouched goes first. Default 4096.
    pub stories_max: usize,
}

impl Default for ImportedConfig {
    fn default() -> Self {
        Self { severity_min: Severity::Low, stories_max: 4096 }
    }
}

/// Tool, signature (its number, or its name where it has none), host.
type Key = (&'static str, Box<str>, IpAddr16);

struct Story {
    first: Timestamp,
    last: Timestamp,
    times: u64,
    newest: ImportedAlert,
    src: Vec<IpAddr16>,
    dest: Vec<IpAddr16>,
    ports: Vec<u16>,
    throttle: Throttle,
}

/// The detector.
pub struct Imported {
    config: ImportedConfig,
    stories: Lru<Key, Story>,
    below: u64,
}

impl Imported {
    /// Builds it.
    #[must_use]
    pub fn new(config: &ImportedConfig) -> Self {
        Self { stories: Lru::new(config.stories_max), config: config.clone(), below: 0 }
    }

    fn take(&mut self, told: &ImportedAlert, context: &Context, out: &mut Vec<Alert>) {
        if told.severity < self.config.severity_min {
            self.below += 1;
            return;
        }
        let signature = match told.signature_id {
            0 => told.signature.as_str().into(),
            id => id.to_string().into_boxed_str(),
        };
        // Of many strangers that knock at one host of ours, the host is the story.
        let host = if context.home.contains(told.dest) { told.dest } else { told.src };
        let key = (told.product, signature, host);
        let story = self.stories.touch(&key, context.now, || Story {
            first: told.ts,
            last: told.ts,
            times: 0,
            newest: told.clone(),
            src: Vec::new(),
            dest: Vec::new(),
            ports: Vec::new(),
            throttle: Throttle::default(),
        });
        story.times += 1;
        story.first = story.first.min(told.ts);
        story.last = story.last.max(told.ts);
        story.newest = told.clone();
        for (addr, list) in [(told.src, &mut story.src), (told.dest, &mut story.dest)] {
            if addr != IpAddr16::default() {
                push_distinct(list, addr);
            }
        }
        if told.dest_port != 0 {
            push_distinct(&mut story.ports, told.dest_port);
        }
        if story.throttle.due_within(story.times, told.ts.max(story.last), HOUR_NS) {
            out.push(tell(&key, story));
        }
    }

    fn flush(&mut self, now: Timestamp, quiet_ns: i64, out: &mut Vec<Alert>) {
        let settled: Vec<Key> =
            self.stories.iter().filter(|(_, s)| now.since(s.last) >= quiet_ns).map(|(key, _)| key.clone()).collect();
        for key in settled {
            if let Some(story) = self.stories.peek_mut(&key)
                && story.throttle.settled(story.times, story.last, now, quiet_ns)
            {
                out.push(tell(&key, story));
            }
        }
    }
}

/// `Suricata: LAB odd request of a door lock (Potentially Bad Traffic, severity 2), 203.0.113.95 to 192.0.2.95`.
fn title(story: &Story) -> String {
    let told = &story.newest;
    let mut note: Vec<&str> = [told.category.as_str(), told.severity_said.as_str()].into();
    note.retain(|part| !part.is_empty());
    let note = if note.is_empty() { String::new() } else { format!(" ({})", note.join(", ")) };
    let name = if told.signature.is_empty() { "alert" } else { told.signature.trim_end_matches('.') };
    let side = |list: &[IpAddr16]| match list {
        [] => String::new(),
        [one] => one.to_string(),
        many => plural(many.len() as u64, "address", "addresses"),
    };
    let whom = match (side(&story.src), side(&story.dest)) {
        (src, dest) if dest.is_empty() => src,
        (src, dest) => format!("{src} to {dest}"),
    };
    let whom = if whom.is_empty() { whom } else { format!(", {whom}") };
    let did = told.action.filter(|action| *action != record::FirewallAction::Allowed);
    let did = did.map_or_else(String::new, |action| format!(", {}", action.name()));
    format!("{}: {name}{note}{whom}{did}", told.product)
}

fn tell(key: &Key, story: &Story) -> Alert {
    let told = &story.newest;
    let mut a = alert(Kind::ImportedAlert, "imported_alert", story.first, story.last, 1e-3);
    a.title = title(story);
    a.src.clone_from(&story.src);
    a.dest.clone_from(&story.dest);
    a.dest_port.clone_from(&story.ports);
    a.packets = story.times;
    a.why = vec![why("alerts_of_another_tool", story.times as f64, [0.0, 0.0], "alerts", 1.0)];
    // What was kept back did no harm.
    let kept_back = matches!(told.action, Some(record::FirewallAction::Blocked | record::FirewallAction::Reset));
    a.severity = if kept_back { told.severity.min(Severity::Medium) } else { told.severity };
    a.story = format!("{} {} {}", key.0, key.1, key.2);
    let score = match a.severity {
        Severity::Critical => 0.98,
        Severity::High => 0.9,
        Severity::Medium => 0.7,
        Severity::Low => 0.4,
    };
    text::scored(a, score)
}

impl Behaviour for Imported {
    fn name(&self) -> &'static str {
        "imported_alert"
    }
    fn wants(&self) -> Wants {
        Wants::IMPORTED
    }
    fn observe(&mut self, observation: &Observation, context: &Context, out: &mut Vec<Alert>) {
        if let Observation::Imported(told) = observation {
            self.take(told, context, out);
        }
    }
    fn advance(&mut self, now: Timestamp, _context: &Context, out: &mut Vec<Alert>) {
        self.flush(now, QUIET_NS, out);
        self.stories.expire(now, SILENCE_NS, |_, _| {});
    }
    fn finish(&mut self, context: &Context, out: &mut Vec<Alert>) {
        self.flush(context.now, 0, out);
    }
    fn counters(&self) -> Counters {
        let mut counters = Counters::default();
        counters.add("stories_evicted", self.stories.evicted());
        counters.add("below_severity_min", self.below);
        counters
    }
    fn entries(&self) -> usize {
        self.stories.len()
    }
}

#[cfg(test)]
mod tests {
    use super::super::synthetic::{ip, run};
    use super::*;
    use record::FirewallAction;

    const STRANGER: IpAddr16 = IpAddr16::v4([198, 51, 100, 7]);

    fn told(ms: i64, src: IpAddr16, id: u64) -> ImportedAlert {
        ImportedAlert {
            ts: Timestamp(ms * 1_000_000),
            product: "Suricata",
            src,
            dest: ip(9),
            dest_port: 80,
            proto: 6,
            signature_id: id,
            signature: "LAB odd request of a door lock".into(),
            category: "Potentially Bad Traffic".into(),
            severity: Severity::High,
            severity_said: "severity 1".into(),
            ..ImportedAlert::default()
        }
    }

    fn observations(alerts: impl IntoIterator<Item = ImportedAlert>) -> Vec<Observation> {
        alerts.into_iter().map(|alert| Observation::Imported(Box::new(alert))).collect()
    }

    #[test]
    fn one_story_a_signature_and_host_with_the_tools_words() {
        let input = observations((0..100).map(|n| told(n * 500, IpAddr16::v4([198, 51, 100, n as u8]), 9_000_017)));
        let alerts = run("imported_alert", &input);
        let first =
            "Suricata: LAB odd request of a door lock (Potentially Bad Traffic, severity 1), 198.51.100.0 to 10.0.0.9";
        assert_eq!(
            (alerts[0].title.as_str(), alerts[0].severity, alerts[0].kind),
            (first, Severity::High, Kind::ImportedAlert)
        );
        assert!(alerts.len() < 12 && alerts.iter().all(|a| a.story == alerts[0].story), "{}", alerts.len());
        let last = alerts.last().map(|a| (a.packets, a.src.len(), a.dest.clone()));
        assert_eq!(last, Some((100, 64, vec![ip(9)])));
        let two = run("imported_alert", &observations([told(0, STRANGER, 1), told(1, STRANGER, 2)]));
        assert_ne!(two[0].story, two[1].story);
    }

    #[test]
    fn after_hours_of_silence_it_is_another_story_that_counts_anew() {
        let alerts = run("imported_alert", &observations([told(0, STRANGER, 1), told(3 * 3_600_000, STRANGER, 1)]));
        assert_eq!(alerts.iter().map(|a| a.packets).collect::<Vec<_>>(), [1, 1]);
    }

    #[test]
    fn what_was_kept_back_is_at_most_medium_and_says_so() {
        let blocked = ImportedAlert { action: Some(FirewallAction::Blocked), ..told(0, STRANGER, 1) };
        let alerts = run("imported_alert", &observations([blocked]));
        assert_eq!(alerts[0].severity, Severity::Medium);
        assert!(alerts[0].title.ends_with(", blocked"), "{}", alerts[0].title);
    }

    #[test]
    fn below_the_floor_it_is_counted() {
        let config = ImportedConfig { severity_min: Severity::Critical, ..ImportedConfig::default() };
        let mut detector = Imported::new(&config);
        assert!(super::super::synthetic::run_on(&mut detector, &observations([told(0, STRANGER, 1)])).is_empty());
        assert_eq!(detector.counters().0.get("below_severity_min"), Some(&1));
    }
}
