//! What is said of incidents to people and programs outside: one message in the form that a channel takes. Pure: the time, the
//! sensor's name and the dashboard's address come in. Knows no server and no secret.

mod cef;
mod chat;
mod html;
mod json;
mod picture;
mod plain;
mod png;
mod words;

#[cfg(test)]
mod tests;

use record::{Cause, Form, Incident, Message, Notice, Severity, Timestamp};
use ring::digest::{Context, SHA256};

/// What a message needs beside the incidents.
#[derive(Clone, Copy, Debug)]
pub struct Told<'a> {
    /// The channel's name.
    pub channel: &'a str,
    /// This machine's name.
    pub sensor: &'a str,
    /// The dashboard as readers reach it; empty: no links.
    pub dashboard_url: &'a str,
    /// Wall time.
    pub now: Timestamp,
}

impl Told<'_> {
    /// Address of an incident's page; None without a dashboard's address.
    fn link(&self, incident: &Incident) -> Option<String> {
        let base = self.dashboard_url.trim_end_matches('/');
        (!base.is_empty()).then(|| format!("{base}/incidents?sel={}", incident.id))
    }
}

/// Identity of a message: the same incidents told to the same channel for the same reason have the same one, on every attempt and
/// after a restart. 32 hexadecimal digits.
#[must_use]
pub fn key(channel: &str, notices: &[Notice]) -> String {
    let mut context = Context::new(&SHA256);
    context.update(channel.as_bytes());
    for notice in notices {
        let step = match notice.cause {
            Cause::Raised => "raised",
            Cause::Rose(_) => "rose",
            Cause::Test => "test",
        };
        context.update(format!("\0{}\0{step}", notice.incident.id).as_bytes());
        if notice.cause == Cause::Test {
            // Every try is a message of its own.
            context.update(&notice.queued.0.to_be_bytes());
        }
    }
    context.finish().as_ref()[..16].iter().fold(String::new(), |mut text, byte| {
        text.push(char::from_digit(u32::from(byte >> 4), 16).unwrap_or('0'));
        text.push(char::from_digit(u32::from(byte & 15), 16).unwrap_or('0'));
        text
    })
}

/// Puts a message together. `notices` are told worst first; single forms tell the first only.
#[must_use]
pub fn render(form: Form, key: &str, notices: &[Notice], told: Told<'_>) -> Message {
    let mut sorted: Vec<&Notice> = notices.iter().collect();
    sorted.sort_by(|a, b| {
        let (a, b) = (&a.incident, &b.incident);
        b.severity.cmp(&a.severity).then(a.raised.cmp(&b.raised)).then(a.id.cmp(&b.id))
    });
    let Some(worst) = sorted.first().copied() else {
        return Message { key: key.to_owned(), at: told.now, ..Message::default() };
    };
    let kind = if sorted.len() == 1 { worst.incident.kind.name() } else { "digest" };
    let mut message = Message {
        key: key.to_owned(),
        at: told.now,
        severity: worst.incident.severity,
        kind: kind.to_owned(),
        subject: words::subject(&sorted),
        ..Message::default()
    };
    match form {
        Form::Mail => {
            message.text = plain::text(&sorted, told);
            message.html = html::page(&sorted, told);
            message.picture = picture::draw(&sorted);
        }
        Form::Json => message.body = json::body(key, &sorted, told),
        Form::Slack => message.body = chat::slack::body(&sorted, told),
        Form::Teams => message.body = chat::teams::body(&sorted, told),
        Form::Discord => message.body = chat::discord::body(&sorted, told),
        Form::Telegram => message.body = chat::telegram::body(&sorted, told),
        Form::Ntfy => message.body = chat::ntfy::body(&sorted, told),
        Form::Pagerduty => message.body = chat::pagerduty::body(worst, told),
        Form::Text => message.line = plain::line(worst),
        Form::Cef => message.line = cef::line(&worst.incident, told.sensor),
        Form::Eve => message.line = crate::eve_event(&worst.incident).to_string(),
    }
    message
}

/// A made-up incident for trying a channel, with every part that a message can show.
#[must_use]
pub fn sample(now: Timestamp) -> Notice {
    let why = |feature: &str, value, expected, unit: &str, share| record::Why {
        feature: feature.to_owned(),
        value,
        expected,
        unit: unit.to_owned(),
        share,
    };
    let kind = record::Kind::PortScan;
    // Addresses of documentation (RFC 5737): nobody can take them for hosts of the network.
    let incident = Incident {
        id: "0000000000000000".to_owned(),
        kind,
        title: "Test: 192.0.2.10 probed 312 ports of 198.51.100.7: 309 refused or unanswered".to_owned(),
        severity: Severity::High,
        score: 0.999,
        first_seen: now.plus_ns(-90_000_000_000),
        last_seen: now,
        raised: now.plus_ns(-80_000_000_000),
        src: "192.0.2.10".parse().into_iter().collect(),
        dest: "198.51.100.7".parse().into_iter().collect(),
        dest_port: vec![22, 23, 80, 110, 139, 143, 443, 445, 993, 995, 1433, 3306, 3389, 5432, 5900, 8080],
        alerts: 4,
        attack: vec!["T1046".to_owned()],
        status: record::IncidentStatus::Open,
        why: vec![
            why("distinct_ports_asked", 312.0, [0.0, 8.0], "ports", 0.5),
            why("first_contacts_failed_share", 0.99, [0.0, 0.2], "", 0.3),
            why("ports_asked_per_minute", 208.0, [0.0, 5.0], "1/min", 0.2),
        ],
        detectors: Vec::new(),
        flows: Vec::new(),
        evidence: record::Evidence::default(),
        advice: crate::advice(kind).to_owned(),
        over_budget: false,
        notes: Vec::new(),
        feedback: None,
        suppressed_by: None,
        part_of: None,
        domains: Vec::new(),
        timeline: Vec::new(),
    };
    Notice { incident, cause: Cause::Test, queued: now }
}
