//! What a channel may send now: settling, digests, quiet hours and the limit an hour, as one pure decision over what waits. Owns the
//! rules; the queue owns the entries, the caller the clock.

use super::config::Channel;
use super::queue::Entry;
use record::{Form, Timestamp, timestamp::NS_PER_S};

/// One hour, ns.
pub const HOUR_NS: i64 = 3_600 * NS_PER_S;
/// Incidents in one digest; the next digest takes the rest.
pub const DIGEST_MAX: usize = 500;

/// What is known beside the entries.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// Wall clock.
    pub now: Timestamp,
    /// How long a new incident waits for what belongs to it, ns.
    pub settle_ns: i64,
    /// Messages accepted in the last hour.
    pub sent_last_hour: u32,
    /// When the oldest of these was accepted.
    pub oldest_sent: Option<Timestamp>,
}

/// The decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// These entries are one message now.
    Send(Vec<i64>),
    /// Nothing before this time. `hold` names entries that were due and are held back: they go out together.
    Wait {
        /// When to look again.
        until: Timestamp,
        /// Held back by quiet hours or by the limit.
        hold: Vec<i64>,
    },
    /// Nothing waits.
    Idle,
}

/// Decides over the entries of one channel that are in no message yet, in the queue's order.
#[must_use]
pub fn next(channel: &Channel, form: Form, waiting: &[Entry], pace: Pace) -> Next {
    let Some(oldest) = waiting.iter().map(|entry| entry.queued).min() else { return Next::Idle };
    let digest_ns = (channel.digest_min * 60e9) as i64;
    let due_at = |entry: &Entry| {
        if digest_ns > 0 { oldest.plus_ns(digest_ns) } else { entry.queued.plus_ns(pace.settle_ns) }
    };
    let quiet_until = |entry: &Entry| channel.quiet.as_ref().and_then(|quiet| quiet.until(pace.now, entry.severity));
    let (mut ready, mut quiet, mut look) = (Vec::new(), Vec::new(), None::<Timestamp>);
    for entry in waiting {
        let due = due_at(entry);
        let until = if due > pace.now { Some(due) } else { quiet_until(entry) };
        match until {
            None => ready.push(entry),
            Some(at) => {
                look = Some(look.map_or(at, |l| l.min(at)));
                if due <= pace.now {
                    quiet.push(entry.id);
                }
            }
        }
    }
    if ready.is_empty() {
        return Next::Wait { until: look.unwrap_or(pace.now), hold: quiet };
    }
    if channel.rate().is_some_and(|rate| pace.sent_last_hour >= rate) {
        let until = pace.oldest_sent.unwrap_or(pace.now).plus_ns(HOUR_NS).max(pace.now.plus_ns(NS_PER_S));
        let hold = ready.iter().map(|entry| entry.id).chain(quiet).collect();
        return Next::Wait { until, hold };
    }
    let together = digest_ns > 0 || ready.iter().any(|entry| entry.held);
    let take = if form.is_single() || !together { 1 } else { DIGEST_MAX };
    Next::Send(ready.iter().take(take).map(|entry| entry.id).collect())
}

#[cfg(test)]
mod tests {
    use super::super::quiet::QuietHours;
    use super::*;
    use record::Severity;

    fn at(s: i64) -> Timestamp {
        // A midnight, UTC.
        Timestamp::from_parts(1_700_006_400 + s, 0)
    }

    fn entry(id: i64, s: i64, severity: Severity) -> Entry {
        Entry { id, queued: at(s), severity, held: false }
    }

    fn pace(s: i64) -> Pace {
        Pace { now: at(s), settle_ns: 5 * NS_PER_S, sent_last_hour: 0, oldest_sent: None }
    }

    #[test]
    fn each_incident_alone_after_it_has_settled() {
        let waiting = [entry(1, 0, Severity::High), entry(2, 1, Severity::High)];
        let channel = Channel::default();
        assert_eq!(next(&channel, Form::Json, &[], pace(0)), Next::Idle);
        assert_eq!(next(&channel, Form::Json, &waiting, pace(4)), Next::Wait { until: at(5), hold: vec![] });
        assert_eq!(next(&channel, Form::Json, &waiting, pace(6)), Next::Send(vec![1]));
    }

    #[test]
    fn a_digest_collects_from_its_oldest_on() {
        let waiting = [entry(1, 0, Severity::High), entry(2, 500, Severity::Low)];
        let channel = Channel { digest_min: 10.0, ..Channel::default() };
        assert_eq!(next(&channel, Form::Mail, &waiting, pace(599)), Next::Wait { until: at(600), hold: vec![] });
        assert_eq!(next(&channel, Form::Mail, &waiting, pace(600)), Next::Send(vec![1, 2]));
        assert_eq!(next(&channel, Form::Cef, &waiting, pace(600)), Next::Send(vec![1]), "lines stay lines");
    }

    #[test]
    fn quiet_hours_hold_all_but_the_critical_and_then_send_one() {
        let quiet = QuietHours { from: "00:00".into(), to: "07:00".into(), zone: "UTC".into(), critical_passes: true };
        let channel = Channel { quiet: Some(quiet), ..Channel::default() };
        let mut waiting = [entry(1, 0, Severity::High), entry(2, 60, Severity::Critical), entry(3, 70, Severity::Low)];
        assert_eq!(next(&channel, Form::Mail, &waiting, pace(80)), Next::Send(vec![2]));
        let (one, three) = (waiting[0], waiting[2]);
        let held = next(&channel, Form::Mail, &[one, three], pace(80));
        assert_eq!(held, Next::Wait { until: at(7 * 3_600), hold: vec![1, 3] });
        waiting[0].held = true;
        assert_eq!(next(&channel, Form::Mail, &[waiting[0], three], pace(7 * 3_600)), Next::Send(vec![1, 3]));
    }

    #[test]
    fn what_is_over_the_limit_waits_and_comes_summed_up() {
        let channel = Channel { rate_per_hour: Some(2), ..Channel::default() };
        let mut waiting = [entry(1, 0, Severity::High), entry(2, 0, Severity::High)];
        let full = Pace { sent_last_hour: 2, oldest_sent: Some(at(-600)), ..pace(60) };
        assert_eq!(next(&channel, Form::Mail, &waiting, full), Next::Wait { until: at(3_000), hold: vec![1, 2] });
        waiting[0].held = true;
        assert_eq!(next(&channel, Form::Mail, &waiting, pace(3_001)), Next::Send(vec![1, 2]));
        let unlimited = Channel { rate_per_hour: Some(0), ..Channel::default() };
        assert_eq!(next(&unlimited, Form::Json, &[entry(1, 0, Severity::High)], full), Next::Send(vec![1]));
    }
}
