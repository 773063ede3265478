//! What an exact detector said, as a message and back. Owns the table of names: an alert's names are the program's own texts, which
//! live as long as it does.

use super::flow::{address, address_bytes};
use super::message::{Alert as AlertMessage, Scored, Why as WhyMessage};
use crate::{Alert, DetectorScore, Kind, Severity, Timestamp};
use std::collections::BTreeSet;

/// Different names that a process takes over from messages; beyond it they are `other`.
const NAMES_MAX: usize = 1_024;
/// Longest name that is one.
const NAME_MAX: usize = 64;

/// Names of detectors and techniques that came in messages. They are few and never given back: one table a process.
#[derive(Debug, Default)]
pub struct Names(BTreeSet<&'static str>);

impl Names {
    /// The name as a text of the program.
    pub fn of(&mut self, name: &str) -> &'static str {
        if let Some(known) = self.0.get(name) {
            return known;
        }
        if self.0.len() >= NAMES_MAX || name.len() > NAME_MAX {
            return "other";
        }
        let kept: &'static str = Box::leak(name.to_owned().into_boxed_str());
        self.0.insert(kept);
        kept
    }
}

impl AlertMessage {
    /// As it is sent.
    #[must_use]
    pub fn of(a: &Alert) -> Self {
        let scored = |d: &DetectorScore| Scored { name: d.name.clone(), score: d.score, p_value: d.p_value };
        Self {
            ts_ns: a.ts.0,
            first_seen_ns: a.first_seen.0,
            kind: a.kind.name().to_owned(),
            detector: a.detector.to_owned(),
            src_ip: a.src.iter().map(|ip| address_bytes(*ip)).collect(),
            dest_ip: a.dest.iter().map(|ip| address_bytes(*ip)).collect(),
            dest_port: a.dest_port.iter().map(|port| u32::from(*port)).collect(),
            score: a.score,
            severity: a.severity.name().to_owned(),
            title: a.title.clone(),
            why: a.why.iter().map(WhyMessage::of).collect(),
            detectors: a.detectors.iter().map(scored).collect(),
            flows: a.flows.clone(),
            packets: a.packets,
            story: a.story.clone(),
            attack: a.attack.iter().map(|&t| t.to_owned()).collect(),
        }
    }

    /// As it was. A kind that this version does not know is `custom`.
    pub fn into_alert(self, names: &mut Names) -> Alert {
        Alert {
            ts: Timestamp(self.ts_ns),
            first_seen: Timestamp(self.first_seen_ns),
            kind: Kind::parse(&self.kind).unwrap_or(Kind::Custom),
            detector: names.of(&self.detector),
            src: self.src_ip.iter().map(|ip| address(ip)).collect(),
            dest: self.dest_ip.iter().map(|ip| address(ip)).collect(),
            dest_port: self.dest_port.iter().map(|port| *port as u16).collect(),
            score: self.score,
            // Of a severity that this version does not know, medium: it is neither hidden nor does it wake anybody.
            severity: Severity::parse(&self.severity).unwrap_or(Severity::Medium),
            title: self.title,
            why: self.why.into_iter().map(WhyMessage::into_why).collect(),
            detectors: self
                .detectors
                .into_iter()
                .map(|d| DetectorScore { name: d.name, score: d.score, p_value: d.p_value })
                .collect(),
            flows: self.flows,
            packets: self.packets,
            story: self.story,
            attack: self.attack.iter().map(|technique| names.of(technique)).collect(),
        }
    }
}
