//! Settings of the MongoDB sink, section `[mongodb]`. Owns what they mean and what is refused; opens nothing.

use crate::journal::Collection;
use crate::notify::secret::Secret;
use serde::{Deserialize, Serialize};

/// Most documents of one command, as servers have it.
const BATCH_LARGEST: usize = 10_000;
/// Longest life of a document, days: ten years.
const TTL_DAYS_LARGEST: u32 = 3_650;
/// Longest name of a database, bytes.
const NAME_BYTES_MAX: usize = 63;

/// Settings of the MongoDB sink.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MongoConfig {
    /// `mongodb://` or `mongodb+srv://` with user and password, or `{ file = … }`, `{ env = … }`. Empty: nothing is written.
    pub url: Secret,
    /// Database.
    pub database: String,
    /// What is written.
    pub collections: Vec<Collection>,
    /// A document goes this long after its last change, days; 0: never.
    pub ttl_days: u32,
    /// Most changes that wait for the server; alerts over it are given up, oldest first.
    pub waiting_max: u64,
    /// Most documents of one command.
    pub batch_max: usize,
    /// Longest wait for the server, seconds.
    pub timeout_s: u64,
    /// Hosts that change all the time are written at most this often, seconds.
    pub hosts_every_s: u64,
}

impl Default for MongoConfig {
    fn default() -> Self {
        Self {
            url: Secret::None,
            database: "tripline".to_owned(),
            collections: Collection::ALL.to_vec(),
            ttl_days: 0,
            waiting_max: 1_000_000,
            batch_max: 500,
            timeout_s: 10,
            hosts_every_s: 60,
        }
    }
}

impl MongoConfig {
    /// True when something is to be written.
    #[must_use]
    pub fn is_on(&self) -> bool {
        !self.url.is_none() && !self.collections.is_empty()
    }

    /// Refuses what cannot work; a file or variable that holds the address is looked at when the sink starts.
    ///
    /// # Errors
    /// A sentence that names the setting, and never shows the address.
    pub fn check(&self) -> Result<(), String> {
        let inside = |name: &str, value: u64, min: u64, max: u64| {
            if (min..=max).contains(&value) {
                return Ok(());
            }
            Err(format!("mongodb.{name} is {value}: write a number from {min} to {max}"))
        };
        inside("ttl_days", u64::from(self.ttl_days), 0, u64::from(TTL_DAYS_LARGEST))?;
        inside("waiting_max", self.waiting_max, 1_000, 1_000_000_000)?;
        inside("batch_max", self.batch_max as u64, 1, BATCH_LARGEST as u64)?;
        inside("timeout_s", self.timeout_s, 1, 600)?;
        inside("hosts_every_s", self.hosts_every_s, 1, 86_400)?;
        let bad = |c: char| "/\\. \"$*<>:|?".contains(c) || c == '\0';
        if self.database.is_empty() || self.database.len() > NAME_BYTES_MAX || self.database.contains(bad) {
            return Err(format!(
                "mongodb.database is `{}`: a name of 1 to {NAME_BYTES_MAX} bytes without spaces, dots, slashes, quotes and $*<>:|?",
                self.database
            ));
        }
        match &self.url {
            Secret::Text(url) => check_url(url),
            _ => Ok(()),
        }
    }

    /// The address itself, read now.
    ///
    /// # Errors
    /// A sentence without the address.
    pub fn reveal(&self) -> Result<String, String> {
        let url = self.url.reveal().map_err(|why| format!("mongodb.url: {why}"))?;
        let url = url.trim().to_owned();
        check_url(&url)?;
        Ok(url)
    }
}

fn check_url(url: &str) -> Result<(), String> {
    let rest = url.strip_prefix("mongodb://").or_else(|| url.strip_prefix("mongodb+srv://"));
    if rest.is_none_or(|rest| label(url).is_empty() || rest.is_empty()) {
        return Err("mongodb.url is no address of MongoDB: write mongodb://HOST:27017 or mongodb+srv://NAME, \
                    with USER:PASSWORD@ before the host where the server asks for them"
            .to_owned());
    }
    #[cfg(feature = "mongodb")]
    mongodb::options::ConnectionString::parse(url)
        .map_err(|e| format!("mongodb.url: {}", without_secrets(url, &e.kind.to_string())))?;
    Ok(())
}

/// The servers of an address, without user, password and options.
#[must_use]
pub fn label(url: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    authority.rsplit('@').next().unwrap_or_default().to_owned()
}

/// Words of others with what stands before `@` in the address masked.
#[must_use]
pub fn without_secrets(url: &str, words: &str) -> String {
    let rest = url.split_once("://").map_or("", |(_, rest)| rest);
    let Some((login, _)) = rest.rsplit_once('@') else { return words.to_owned() };
    let password = login.split_once(':').map_or("", |(_, password)| password);
    [login, password]
        .iter()
        .filter(|part| !part.is_empty())
        .fold(words.to_owned(), |text, part| text.replace(part, crate::notify::secret::MASK))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn refused(change: impl FnOnce(&mut MongoConfig)) -> String {
        let mut config = MongoConfig::default();
        change(&mut config);
        config.check().unwrap_err()
    }

    #[test]
    fn what_cannot_work_is_refused_by_name() {
        MongoConfig::default().check().unwrap();
        assert!(!MongoConfig::default().is_on());
        assert!(refused(|c| c.batch_max = 0).contains("mongodb.batch_max is 0"));
        assert!(refused(|c| c.ttl_days = 9_999).contains("mongodb.ttl_days"));
        assert!(refused(|c| c.database = "a b".to_owned()).contains("mongodb.database is `a b`"));
        let error = refused(|c| c.url = Secret::Text("http://me:hunter2@host".to_owned()));
        assert!(error.contains("mongodb://HOST") && !error.contains("hunter2"), "{error}");
        assert!(refused(|c| c.url = Secret::Text("mongodb://".to_owned())).contains("mongodb.url"));
        assert!(serde_json::from_str::<MongoConfig>(r#"{"collections":["packets"]}"#).is_err());
    }

    #[test]
    fn the_password_is_never_in_words() {
        let url = "mongodb://me:hunter2@db.example:27017/admin?tls=true";
        assert_eq!(label(url), "db.example:27017");
        assert_eq!(without_secrets(url, "no host hunter2 me:hunter2@db"), "no host ******** ********@db");
        let shown = serde_json::to_string(&MongoConfig { url: Secret::Text(url.to_owned()), ..MongoConfig::default() });
        assert!(!shown.unwrap().contains("hunter2"));
    }

    #[test]
    #[cfg(feature = "mongodb")]
    fn the_driver_reads_the_address_before_the_start() {
        let error = refused(|c| c.url = Secret::Text("mongodb://me:hunt%er2@host:1".to_owned()));
        assert!(error.starts_with("mongodb.url: ") && !error.contains("hunt%er2"), "{error}");
    }
}
