//! How Apache Kafka is reached: the settings that everything that reads or writes topics shares. Owns their names, defaults and what is
//! wrong with them in words; opens no connection and reads no file.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::path::PathBuf;

/// What is shown in place of a password.
const MASK: &str = "********";

/// A password that is never shown: printing and serialising it gives a mask.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Password(pub String);

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_empty() { "none" } else { MASK })
    }
}

impl Serialize for Password {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(if self.0.is_empty() { "" } else { MASK })
    }
}

impl<'de> Deserialize<'de> for Password {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self)
    }
}

/// How a connection is protected, as Kafka's `security.protocol`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KafkaSecurity {
    /// Neither encrypted nor authenticated.
    #[default]
    Plaintext,
    /// TLS (`SSL`).
    Tls,
    /// A user name and a password in the clear (`SASL_PLAINTEXT`).
    SaslPlaintext,
    /// A user name and a password over TLS (`SASL_SSL`).
    SaslTls,
}

/// How a user name is proved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum SaslMechanism {
    /// The password itself.
    #[serde(rename = "plain")]
    Plain,
    /// RFC 7677.
    #[serde(rename = "scram-sha-256")]
    ScramSha256,
    /// RFC 5802 with SHA-512.
    #[default]
    #[serde(rename = "scram-sha-512")]
    ScramSha512,
}

/// Which brokers, and how.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct KafkaConnection {
    /// Some brokers of the cluster, `host:port`; the others are learnt from them. Empty: Kafka is not used.
    pub brokers: Vec<String>,
    /// What brokers call this program in their logs and quotas.
    pub client_id: String,
    /// Encryption and log-in.
    pub security: KafkaSecurity,
    /// Authorities of the brokers' certificates, PEM. Empty: those that this machine trusts.
    pub ca_file: PathBuf,
    /// This program's certificate where brokers ask for one, PEM; with `key_file`.
    pub cert_file: PathBuf,
    /// Its key, PEM.
    pub key_file: PathBuf,
    /// How the user name is proved.
    pub sasl_mechanism: SaslMechanism,
    /// User name.
    pub sasl_username: String,
    /// Password; better in a file of its own.
    pub sasl_password: Password,
    /// File whose first line is the password.
    pub sasl_password_file: PathBuf,
    /// How long one request may take, milliseconds.
    pub request_timeout_ms: u64,
}

impl Default for KafkaConnection {
    fn default() -> Self {
        Self {
            brokers: Vec::new(),
            client_id: "tripline".to_owned(),
            security: KafkaSecurity::Plaintext,
            ca_file: PathBuf::new(),
            cert_file: PathBuf::new(),
            key_file: PathBuf::new(),
            sasl_mechanism: SaslMechanism::ScramSha512,
            sasl_username: String::new(),
            sasl_password: Password::default(),
            sasl_password_file: PathBuf::new(),
            request_timeout_ms: 15_000,
        }
    }
}

impl KafkaConnection {
    /// Whether brokers are set at all.
    #[must_use]
    pub fn is_set(&self) -> bool {
        !self.brokers.is_empty()
    }

    /// Whether a user name is sent.
    #[must_use]
    pub fn has_login(&self) -> bool {
        matches!(self.security, KafkaSecurity::SaslPlaintext | KafkaSecurity::SaslTls)
    }

    /// Whether connections are encrypted.
    #[must_use]
    pub fn has_tls(&self) -> bool {
        matches!(self.security, KafkaSecurity::Tls | KafkaSecurity::SaslTls)
    }

    /// Checks what types cannot say. Nothing is checked while no broker is set.
    ///
    /// # Errors
    /// A sentence that names the setting.
    pub fn check(&self) -> Result<(), String> {
        if !self.is_set() {
            return Ok(());
        }
        for broker in &self.brokers {
            check_broker(broker)?;
        }
        if self.client_id.is_empty() || self.client_id.len() > 249 {
            return Err("kafka.client_id must have 1 to 249 characters".to_owned());
        }
        if !(1_000..=300_000).contains(&self.request_timeout_ms) {
            let given = self.request_timeout_ms;
            return Err(format!("kafka.request_timeout_ms is {given}; set 1000 to 300000"));
        }
        self.check_tls()?;
        self.check_login()
    }

    fn check_tls(&self) -> Result<(), String> {
        let given = |path: &PathBuf| !path.as_os_str().is_empty();
        if given(&self.cert_file) != given(&self.key_file) {
            return Err("kafka.cert_file and kafka.key_file go together: set both or neither".to_owned());
        }
        if !self.has_tls() && (given(&self.ca_file) || given(&self.cert_file)) {
            let wanted = if self.has_login() { "sasl_tls" } else { "tls" };
            return Err(format!(
                "kafka has certificates but its connection is not encrypted; set kafka.security to \"{wanted}\", or \
                 remove the files"
            ));
        }
        Ok(())
    }

    fn check_login(&self) -> Result<(), String> {
        let has_file = !self.sasl_password_file.as_os_str().is_empty();
        let has_text = !self.sasl_password.0.is_empty();
        if !self.has_login() {
            if self.sasl_username.is_empty() && !has_file && !has_text {
                return Ok(());
            }
            return Err(
                "kafka has a user name or password but no log-in; set kafka.security to \"sasl_tls\", or remove \
                        them"
                    .to_owned(),
            );
        }
        if self.sasl_username.is_empty() {
            return Err("kafka.sasl_username is not set, and kafka.security asks for a log-in".to_owned());
        }
        if has_file == has_text {
            return Err("set one of kafka.sasl_password_file and kafka.sasl_password".to_owned());
        }
        if self.sasl_password.0 == MASK {
            return Err(format!(
                "kafka.sasl_password is `{MASK}`, which `tripline config show` writes in place of it; write the password"
            ));
        }
        Ok(())
    }
}

/// `host:port`, where the host may be an IPv6 address in brackets.
fn check_broker(broker: &str) -> Result<(), String> {
    let parts = broker.rsplit_once(':');
    let good = parts.is_some_and(|(host, port)| {
        let host_is_whole = !host.is_empty() && (!host.contains(':') || (host.starts_with('[') && host.ends_with(']')));
        host_is_whole && !host.contains(char::is_whitespace) && port.parse::<u16>().is_ok_and(|port| port > 0)
    });
    if good {
        Ok(())
    } else {
        Err(format!("kafka.brokers: `{broker}` is no broker; write host:port, such as kafka1:9092"))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn connection(text: &str) -> KafkaConnection {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn a_password_never_shows() {
        let c = connection(r#"{"sasl_password":"hunter2"}"#);
        assert_eq!(c.sasl_password.0, "hunter2");
        assert!(!format!("{c:?}").contains("hunter2"));
        assert!(!serde_json::to_string(&c).unwrap().contains("hunter2"));
        assert!(serde_json::to_string(&c).unwrap().contains(MASK));
    }

    #[test]
    fn wrong_settings_are_refused_by_name() {
        for (text, word) in [
            (r#"{"brokers":["kafka"]}"#, "kafka.brokers"),
            (r#"{"brokers":["kafka:0"]}"#, "kafka.brokers"),
            (r#"{"brokers":["::1:9092"]}"#, "kafka.brokers"),
            (r#"{"brokers":["k:1"],"client_id":""}"#, "client_id"),
            (r#"{"brokers":["k:1"],"request_timeout_ms":10}"#, "request_timeout_ms"),
            (r#"{"brokers":["k:1"],"ca_file":"ca.pem"}"#, "not encrypted"),
            (r#"{"brokers":["k:1"],"security":"tls","cert_file":"c.pem"}"#, "key_file"),
            (r#"{"brokers":["k:1"],"sasl_username":"u"}"#, "no log-in"),
            (r#"{"brokers":["k:1"],"security":"sasl_tls"}"#, "sasl_username"),
            (r#"{"brokers":["k:1"],"security":"sasl_tls","sasl_username":"u"}"#, "sasl_password_file"),
            (
                r#"{"brokers":["k:1"],"security":"sasl_tls","sasl_username":"u","sasl_password":"********"}"#,
                "config show",
            ),
        ] {
            let error = connection(text).check().unwrap_err();
            assert!(error.contains(word), "{text}: {error}");
        }
    }

    #[test]
    fn good_settings_pass() {
        connection("{}").check().unwrap();
        connection(r#"{"brokers":["10.0.0.1:9092","[fd00::1]:9092"]}"#).check().unwrap();
        let login = r#"{"brokers":["k:9094"],"security":"sasl_tls","sasl_mechanism":"scram-sha-256","sasl_username":"u",
            "sasl_password_file":"p"}"#;
        connection(login).check().unwrap();
        assert!(serde_json::from_str::<KafkaConnection>(r#"{"broker":[]}"#).is_err());
    }
}
