//! Settings of the archive: where it is, what goes there, how often, how large. Owns how an address is read; opens nothing.

use crate::notify::secret::Secret;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// What is archived.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ArchiveKind {
    /// Flow records with their scores.
    Flows,
    /// What the models said of flows, member by member.
    Verdicts,
    /// Incidents, a row each time one changed.
    Incidents,
    /// Scans that ended, a row each time one changed.
    Scans,
}

impl ArchiveKind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Flows, Self::Verdicts, Self::Incidents, Self::Scans];

    /// Its name in settings and in the names of folders.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Flows => "flows",
            Self::Verdicts => "verdicts",
            Self::Incidents => "incidents",
            Self::Scans => "scans",
        }
    }
}

/// Section `[archive]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ArchiveConfig {
    /// A folder, `s3://bucket/prefix`, `gs://bucket/prefix` or `az://container/prefix`; empty: no archive.
    pub url: String,
    /// What goes there.
    pub kinds: Vec<ArchiveKind>,
    /// Time between two publications, seconds.
    pub every_s: u64,
    /// Most rows of one publication; more come in the next, at once.
    pub file_max_rows: usize,
    /// Files of a finished day are merged up to this size, bytes.
    pub file_max_bytes: u64,
    /// A day's files are merged this long after its end, hours.
    pub compact_after_h: u64,
    /// Days are kept this long, days; 0: for ever.
    pub retention_days: u64,
    /// A request to the object store that takes longer is given up, seconds.
    pub timeout_s: u64,
    /// Wait after a first failure, seconds; it doubles with each further one.
    pub retry_first_s: f64,
    /// Longest wait between two attempts, seconds.
    pub retry_max_s: f64,
    /// Address of the object store where it is not the cloud's own (MinIO, Ceph, an emulator); empty: the cloud's own.
    pub endpoint: String,
    /// Region of the bucket, S3; empty: as the environment says, else us-east-1.
    pub region: String,
    /// Take `http://` endpoints too.
    pub allow_http: bool,
    /// S3: access key; Azure: storage account. Empty: as the environment says.
    pub key_id: Secret,
    /// S3: secret key; Azure: key of the account; Google: the service account's JSON. Empty: as the environment says.
    pub key: Secret,
}

impl Default for ArchiveConfig {
    fn default() -> Self {
        Self {
            url: String::new(),
            kinds: ArchiveKind::ALL.to_vec(),
            every_s: 600,
            file_max_rows: 250_000,
            file_max_bytes: 64 << 20,
            compact_after_h: 6,
            retention_days: 0,
            timeout_s: 60,
            retry_first_s: 5.0,
            retry_max_s: 600.0,
            endpoint: String::new(),
            region: String::new(),
            allow_http: false,
            key_id: Secret::None,
            key: Secret::None,
        }
    }
}

/// Where an archive is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// A folder of this machine.
    Folder(PathBuf),
    /// S3 and what speaks like it: bucket, prefix.
    S3(String, String),
    /// Google Cloud Storage: bucket, prefix.
    Google(String, String),
    /// Azure Blob: account (empty: from settings or environment), container, prefix.
    Azure(String, String, String),
}

impl ArchiveConfig {
    /// True when there is an archive.
    #[must_use]
    pub fn is_on(&self) -> bool {
        !self.url.is_empty()
    }

    /// Where the archive is.
    ///
    /// # Errors
    /// What is wrong with the address, in words.
    pub fn target(&self) -> Result<Target, String> {
        let wanted = || {
            let taken = "a folder, s3://bucket/prefix, gs://bucket/prefix or az://container/prefix";
            format!("archive.url is `{}`: write {taken}", self.url)
        };
        let Some((scheme, rest)) = self.url.split_once("://") else {
            return Ok(Target::Folder(PathBuf::from(&self.url)));
        };
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        let (bucket, prefix) = (bucket.to_owned(), prefix.trim_matches('/').to_owned());
        if scheme == "file" {
            let rest = rest.trim_end_matches('/');
            return if rest.starts_with('/') { Ok(Target::Folder(PathBuf::from(rest))) } else { Err(wanted()) };
        }
        if bucket.is_empty() {
            return Err(wanted());
        }
        match scheme {
            "s3" | "s3a" => Ok(Target::S3(bucket, prefix)),
            "gs" => Ok(Target::Google(bucket, prefix)),
            "az" | "azure" | "abfs" | "abfss" => {
                let (container, host) = bucket.split_once('@').unwrap_or((&bucket, ""));
                let account = host.split('.').next().unwrap_or_default();
                Ok(Target::Azure(account.to_owned(), container.to_owned(), prefix))
            }
            _ => Err(wanted()),
        }
    }

    /// Checks what types cannot say.
    ///
    /// # Errors
    /// A value that would not do what it says, in words.
    pub fn check(&self) -> Result<(), String> {
        if self.is_on() {
            self.target()?;
        }
        let bounds = [
            ("every_s", self.every_s, 1, "seconds"),
            ("file_max_rows", self.file_max_rows as u64, 100, "rows"),
            ("file_max_bytes", self.file_max_bytes, 1 << 20, "bytes"),
            ("timeout_s", self.timeout_s, 1, "seconds"),
        ];
        for (name, value, least, unit) in bounds {
            if value < least {
                return Err(format!("archive.{name} is {value}: set {least} {unit} or more"));
            }
        }
        for (name, value) in [("retry_first_s", self.retry_first_s), ("retry_max_s", self.retry_max_s)] {
            if !(value > 0.0 && value.is_finite()) {
                return Err(format!("archive.{name} is {value}: set a number of seconds above 0"));
            }
        }
        if self.endpoint.starts_with("http://") && !self.allow_http {
            return Err(format!(
                "archive.endpoint is `{}`: set archive.allow_http = true if nobody else can read that network, or use https://",
                self.endpoint
            ));
        }
        if self.is_on() && self.kinds.is_empty() {
            return Err("archive.kinds is empty: name what is archived, or set archive.url to \"\"".to_owned());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn at(url: &str) -> ArchiveConfig {
        ArchiveConfig { url: url.to_owned(), ..ArchiveConfig::default() }
    }

    #[test]
    fn addresses_are_read_as_the_clouds_write_them() {
        let own = |text: &str| text.to_owned();
        for (url, target) in [
            ("/var/lib/archive", Target::Folder(PathBuf::from("/var/lib/archive"))),
            ("file:///srv/a/", Target::Folder(PathBuf::from("/srv/a"))),
            ("s3://bucket", Target::S3(own("bucket"), own(""))),
            ("s3://bucket/a/b/", Target::S3(own("bucket"), own("a/b"))),
            ("gs://bucket/a", Target::Google(own("bucket"), own("a"))),
            ("az://container/a", Target::Azure(own(""), own("container"), own("a"))),
            ("abfss://c@acc.dfs.core.windows.net/a", Target::Azure(own("acc"), own("c"), own("a"))),
        ] {
            assert_eq!(at(url).target().unwrap(), target, "{url}");
        }
        for url in ["ftp://host/a", "s3://", "gs:///a", "file://relative"] {
            assert!(at(url).check().unwrap_err().contains(url), "{url}");
        }
    }

    #[test]
    fn senseless_values_are_refused_by_name() {
        assert!(ArchiveConfig::default().check().is_ok());
        let on = at("/a");
        for (bad, name) in [
            (ArchiveConfig { every_s: 0, ..on.clone() }, "every_s"),
            (ArchiveConfig { file_max_rows: 1, ..on.clone() }, "file_max_rows"),
            (ArchiveConfig { file_max_bytes: 1, ..on.clone() }, "file_max_bytes"),
            (ArchiveConfig { timeout_s: 0, ..on.clone() }, "timeout_s"),
            (ArchiveConfig { retry_max_s: f64::NAN, ..on.clone() }, "retry_max_s"),
            (ArchiveConfig { kinds: Vec::new(), ..on.clone() }, "kinds"),
            (ArchiveConfig { endpoint: "http://127.0.0.1:9000".to_owned(), ..on }, "allow_http"),
        ] {
            assert!(bad.check().unwrap_err().contains(name), "{name}");
        }
    }

    #[test]
    fn keys_do_not_show() {
        let config = ArchiveConfig { key: Secret::Text("hunter2".to_owned()), ..at("s3://b") };
        let shown = serde_json::to_string(&config).unwrap();
        assert!(!shown.contains("hunter2") && !format!("{config:?}").contains("hunter2"));
    }
}
