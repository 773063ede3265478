//! Which report is due. Pure: settings, what was made before and the clock come in. One that was missed while the process was down is due
//! once; of several the newest.

use crate::report::ReportSettings;
use record::Timestamp;
use serde::{Deserialize, Serialize};
use store::civil::{Period, Place, time_of_day};

/// The end of the newest period whose report was made, or that was over when the timetable was set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reached {
    /// The timetable: another one begins anew.
    pub every: String,
    /// End of the period.
    pub to: Timestamp,
}

/// The period that is due, and how far the timetable is when its report is made.
pub fn due(kept: Option<&Reached>, settings: &ReportSettings, now: Timestamp) -> (Option<Period>, Option<Reached>) {
    let Some(last) = last(settings, now) else { return (None, None) };
    let reached = Reached { every: settings.every.clone(), to: last.to };
    match kept {
        Some(kept) if kept.every == settings.every => {
            if last.to > kept.to {
                (Some(last), Some(reached))
            } else {
                // A clock that was set back makes none twice.
                (None, Some(kept.clone()))
            }
        }
        _ => (None, Some(reached)),
    }
}

fn last(settings: &ReportSettings, now: Timestamp) -> Option<Period> {
    let (every, at) = (settings.every()?, time_of_day(&settings.at).ok()?);
    Place::parse(&settings.zone).ok()?.last_due(every, at, now)
}

/// When the next report is due.
pub fn next(settings: &ReportSettings, now: Timestamp) -> Option<Timestamp> {
    let (every, at) = (settings.every()?, time_of_day(&settings.at).ok()?);
    Place::parse(&settings.zone).ok()?.next_due(every, at, now)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse_rfc3339(text).unwrap()
    }

    fn settings(every: &str) -> ReportSettings {
        ReportSettings { every: every.to_owned(), zone: "UTC".to_owned(), ..ReportSettings::default() }
    }

    #[test]
    fn a_missed_report_is_made_once_and_the_newest_of_several() {
        let daily = settings("day");
        let (none, begun) = due(None, &daily, at("2026-11-20T12:00:00Z"));
        assert_eq!(
            (none, begun.as_ref().unwrap().to),
            (None, at("2026-11-20T00:00:00Z")),
            "the past is not made up for"
        );
        assert_eq!(due(begun.as_ref(), &daily, at("2026-11-21T06:59:00Z")).0, None);
        // Down for days.
        let (period, reached) = due(begun.as_ref(), &daily, at("2026-11-25T09:00:00Z"));
        let period = period.unwrap();
        assert_eq!((period.from, period.to), (at("2026-11-24T00:00:00Z"), at("2026-11-25T00:00:00Z")));
        assert_eq!(due(reached.as_ref(), &daily, at("2026-11-25T09:00:01Z")).0, None);
        assert_eq!(due(reached.as_ref(), &daily, at("2026-11-20T09:00:01Z")).0, None, "a clock set back");
        assert!(due(reached.as_ref(), &daily, at("2026-11-26T07:00:00Z")).0.is_some());
    }

    #[test]
    fn another_timetable_begins_anew_and_none_makes_none() {
        let now = at("2026-11-25T09:00:00Z");
        let reached = due(None, &settings("day"), now).1;
        let (none, weekly) = due(reached.as_ref(), &settings("week"), now);
        assert_eq!((none, weekly.unwrap().to), (None, at("2026-11-23T00:00:00Z")));
        assert_eq!((due(reached.as_ref(), &settings(""), now), next(&settings(""), now)), ((None, None), None));
        assert_eq!(next(&settings("week"), now), Some(at("2026-11-30T07:00:00Z")));
    }
}
