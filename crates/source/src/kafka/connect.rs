//! From the settings of a connection to a client of the cluster, and from what went wrong to words for people. `store` has the same
//! file, because the rooms do not import each other.

use krafka::auth::{AuthConfig, TlsConfig};
use krafka::error::ErrorCode;
use krafka::{Kafka, KrafkaError};
use record::{KafkaConnection, SaslMechanism};
use std::path::Path;
use std::time::Duration;
use tokio::net::TcpStream;

/// How long a broker may take to accept a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How old the picture of the cluster may be: a broker that moved or a topic that grew is found by then.
const METADATA_AGE: Duration = Duration::from_secs(30);
/// Longest password file, bytes.
const PASSWORD_BYTES_MAX: u64 = 4 << 10;

/// What the files that the settings name must be, read once so that a wrong name is told at the start.
pub(super) fn check_files(connection: &KafkaConnection) -> Result<(), String> {
    for (name, path) in
        [("ca_file", &connection.ca_file), ("cert_file", &connection.cert_file), ("key_file", &connection.key_file)]
    {
        if path.as_os_str().is_empty() {
            continue;
        }
        let text = std::fs::read_to_string(path)
            .map_err(|e| format!("kafka.{name} {}: {e}; check the name and your right to read it", path.display()))?;
        if !text.contains("-----BEGIN ") {
            return Err(format!("kafka.{name} {} is no PEM file; convert it with openssl", path.display()));
        }
    }
    password(connection).map(drop)
}

fn password(connection: &KafkaConnection) -> Result<String, String> {
    let path = &connection.sasl_password_file;
    if path.as_os_str().is_empty() {
        return Ok(connection.sasl_password.0.clone());
    }
    let told = |why: &dyn std::fmt::Display| format!("kafka.sasl_password_file {}: {why}", path.display());
    if std::fs::metadata(path).map_err(|e| told(&e))?.len() > PASSWORD_BYTES_MAX {
        return Err(told(&"it is longer than a password"));
    }
    let text = std::fs::read_to_string(path).map_err(|e| told(&e))?;
    let first = text.lines().next().unwrap_or_default();
    if first.is_empty() { Err(told(&"its first line is empty")) } else { Ok(first.to_owned()) }
}

fn tls(connection: &KafkaConnection) -> TlsConfig {
    let text = |path: &Path| path.to_string_lossy().into_owned();
    let mut tls = TlsConfig::new();
    if connection.ca_file.as_os_str().is_empty() {
        tls = tls.with_native_roots();
    } else {
        tls = tls.with_ca_cert(text(&connection.ca_file));
    }
    if !connection.cert_file.as_os_str().is_empty() {
        tls = tls.with_client_cert(text(&connection.cert_file), text(&connection.key_file));
    }
    tls
}

fn security(connection: &KafkaConnection) -> Result<AuthConfig, String> {
    let mut auth = AuthConfig::plaintext();
    if connection.has_login() {
        let (user, password) = (connection.sasl_username.clone(), password(connection)?);
        auth = match connection.sasl_mechanism {
            SaslMechanism::Plain => AuthConfig::sasl_plain(user, password),
            SaslMechanism::ScramSha256 => AuthConfig::sasl_scram_sha256(user, password),
            SaslMechanism::ScramSha512 => AuthConfig::sasl_scram_sha512(user, password),
        };
    }
    Ok(if connection.has_tls() { auth.with_tls(tls(connection)) } else { auth })
}

/// Connects to the cluster; the error is in words.
pub(super) async fn connect(connection: &KafkaConnection) -> Result<Kafka, String> {
    let timeout = Duration::from_millis(connection.request_timeout_ms);
    let connecting = Kafka::builder(connection.brokers.join(","))
        .client_id(connection.client_id.as_str())
        .security(security(connection)?)
        .request_timeout(timeout)
        .connect_timeout(CONNECT_TIMEOUT.min(timeout))
        .metadata_max_age(METADATA_AGE)
        .connect();
    connecting.await.map_err(|e| words(connection, &e))
}

/// One TCP connection to each broker that is set, until one accepts: why none does, in words.
pub(super) async fn probe(connection: &KafkaConnection) -> Result<(), String> {
    let mut why = String::from("no broker is set");
    for broker in &connection.brokers {
        match tokio::time::timeout(CONNECT_TIMEOUT, TcpStream::connect(broker.as_str())).await {
            Ok(Ok(_)) => return Ok(()),
            Ok(Err(error)) => why = format!("no broker at {broker}: {}", plain(&error)),
            Err(_) => why = format!("no broker at {broker}: no answer within {} s", CONNECT_TIMEOUT.as_secs()),
        }
    }
    Err(why)
}

/// "connection refused" without the system's number.
fn plain(error: &std::io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    let mut letters = text.chars();
    letters.next().map_or(String::new(), |first| first.to_lowercase().chain(letters).collect())
}

/// What the client says, as what is wrong, where and what to do.
pub(super) fn words(connection: &KafkaConnection, error: &KrafkaError) -> String {
    let brokers = connection.brokers.join(", ");
    let told = error.to_string();
    match error {
        KrafkaError::Auth { message, .. } if is_certificate(message) => distrust(&brokers, message),
        // A broker that wants a certificate ends the connection with an alert.
        KrafkaError::Network(error) if is_certificate(&error.to_string()) => distrust(&brokers, &plain(error)),
        KrafkaError::Auth { message, .. } => format!(
            "the broker at {brokers} refused the log-in of `{}` ({message}); check kafka.sasl_username, its password \
             and kafka.sasl_mechanism",
            connection.sasl_username
        ),
        KrafkaError::Network(error) => format!("no broker at {brokers}: {}", plain(error)),
        KrafkaError::Timeout { operation } => format!(
            "no answer from {brokers} in time ({operation}); check the address, and whether that port wants TLS or a log-in"
        ),
        KrafkaError::UnknownTopic { topic } => unknown_topic(topic),
        KrafkaError::Broker { code: ErrorCode::UnknownTopicOrPartition, message } => {
            format!("the topic does not exist at {brokers} ({message}); create it")
        }
        KrafkaError::Broker { code, message } => format!("the broker at {brokers} refused: {code:?} ({message})"),
        _ => told,
    }
}

fn distrust(brokers: &str, message: &str) -> String {
    format!(
        "the broker at {brokers} and this program do not trust each other's certificates ({message}); check \
         kafka.ca_file, kafka.cert_file and the name in the broker's certificate"
    )
}

fn unknown_topic(topic: &str) -> String {
    format!("topic `{topic}` does not exist; create it, or correct its name")
}

fn is_certificate(message: &str) -> bool {
    let text = message.to_lowercase();
    ["certificate", "tls", "handshake", "unknownissuer", "unknown issuer"].iter().any(|word| text.contains(word))
}
