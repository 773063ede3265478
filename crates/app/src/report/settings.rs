//! Settings of reports, section `[reports]`.

use serde::{Deserialize, Serialize};
use store::civil::{Every, Place, time_of_day};

/// When reports are made by themselves, how many are kept, who is sent them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ReportSettings {
    /// `day`, `week` (from Monday), `month`; empty: none is made by itself.
    pub every: String,
    /// Time of day at which the report of the time that ended at midnight is made.
    pub at: String,
    /// Whose clock and days: `local`, `UTC`, an offset, or a name.
    pub zone: String,
    /// Reports kept; the oldest go first.
    pub keep: usize,
    /// Each report is copied there too (`s3://bucket/folder`, `gs://…`, `az://…`), with the credentials of `[archive]`; empty: it is not.
    pub copy_to: String,
    /// Channels of kind `email` that a scheduled report is sent through, by name.
    pub mail_channels: Vec<String>,
}

impl Default for ReportSettings {
    fn default() -> Self {
        Self {
            every: String::new(),
            at: "07:00".to_owned(),
            zone: "local".to_owned(),
            keep: 60,
            copy_to: String::new(),
            mail_channels: Vec::new(),
        }
    }
}

/// Most reports kept.
pub const KEEP_MAX: usize = 1_000;

impl ReportSettings {
    /// The timetable; None: there is none.
    pub fn every(&self) -> Option<Every> {
        Every::parse(&self.every)
    }

    /// Refuses what makes no sense; `mails` are the names of the channels that carry mail.
    pub fn check(&self, mails: &[&str]) -> Result<(), String> {
        if !self.every.is_empty() && self.every().is_none() {
            return Err(format!("reports.every is `{}`; write day, week, month, or nothing", self.every));
        }
        time_of_day(&self.at).map_err(|why| format!("reports.at: {why}"))?;
        Place::parse(&self.zone).map_err(|why| format!("reports.zone: {why}"))?;
        if !(1..=KEEP_MAX).contains(&self.keep) {
            return Err(format!("reports.keep is {}, it must be from 1 to {KEEP_MAX}", self.keep));
        }
        if !self.copy_to.is_empty() && !crate::archived::is_object(&self.copy_to) {
            let words = "write s3://bucket/folder, gs://bucket/folder or az://container/folder, or nothing";
            return Err(format!("reports.copy_to is `{}`; {words}", self.copy_to));
        }
        match self.mail_channels.iter().find(|name| !mails.contains(&name.as_str())) {
            Some(name) => Err(format!(
                "reports.mail_channels: no channel of kind email is named `{name}`; name one of notify.channels, or take it out"
            )),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_makes_no_sense_is_refused_by_its_name() {
        assert_eq!(ReportSettings::default().check(&[]), Ok(()));
        let wrong = |change: fn(&mut ReportSettings)| {
            let mut settings = ReportSettings::default();
            change(&mut settings);
            settings.check(&["post"]).err().unwrap_or_default()
        };
        assert!(wrong(|s| "fortnight".clone_into(&mut s.every)).contains("reports.every"));
        assert!(wrong(|s| "7".clone_into(&mut s.at)).contains("reports.at"));
        assert!(wrong(|s| "Nowhere".clone_into(&mut s.zone)).contains("reports.zone"));
        assert!(wrong(|s| s.keep = 0).contains("reports.keep"));
        assert!(wrong(|s| s.mail_channels.push("chat".to_owned())).contains("`chat`"));
        assert_eq!(wrong(|s| s.mail_channels.push("post".to_owned())), "");
    }
}
