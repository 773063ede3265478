//! Which logs are followed and where syslog is waited for.

use crate::SourceError;
use serde::{Deserialize, Serialize};
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

/// Addresses of one transport.
const LISTEN_MAX: usize = 64;
/// Syslog's ports (RFC 5426, RFC 6587 by custom, RFC 5425).
const PORT: u16 = 514;
const PORT_TLS: u16 = 6514;

/// Logs that are read live.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LogSettings {
    /// Files to follow, `*` and `?` stand for any part of a name: `/opt/zeek/logs/current/*.log`. Empty: none.
    pub files: Vec<String>,
    /// Read files that are met for the first time from their beginning. False: only what is written from now on.
    pub from_start: bool,
    /// Files followed at once; more are left, counted.
    pub files_max: usize,
    /// Addresses for syslog over UDP, with a port or without (514). Empty: none.
    pub listen_udp: Vec<String>,
    /// Addresses for syslog over TCP, with a port or without (514).
    pub listen_tcp: Vec<String>,
    /// Addresses for syslog over TLS, with a port or without (6514).
    pub listen_tls: Vec<String>,
    /// Certificates of this listener, PEM; needed for TLS.
    pub tls_certificate: PathBuf,
    /// Their private key, PEM; needed for TLS.
    pub tls_key: PathBuf,
    /// Connections at once; more are refused, counted.
    pub connections_max: usize,
    /// Receive buffer asked of the kernel for each UDP socket, bytes.
    pub receive_buffer_bytes: u32,
}

impl Default for LogSettings {
    fn default() -> Self {
        Self {
            files: Vec::new(),
            from_start: false,
            files_max: 256,
            listen_udp: Vec::new(),
            listen_tcp: Vec::new(),
            listen_tls: Vec::new(),
            tls_certificate: PathBuf::new(),
            tls_key: PathBuf::new(),
            connections_max: 256,
            receive_buffer_bytes: 4 << 20,
        }
    }
}

impl LogSettings {
    /// True when syslog is waited for.
    #[must_use]
    pub fn listens(&self) -> bool {
        !(self.listen_udp.is_empty() && self.listen_tcp.is_empty() && self.listen_tls.is_empty())
    }

    /// What types cannot say.
    ///
    /// # Errors
    /// An address is none, or TLS lacks its files.
    pub fn check(&self) -> Result<(), SourceError> {
        self.addresses().map(drop)
    }

    /// Addresses of UDP, TCP and TLS.
    ///
    /// # Errors
    /// An entry is no address, or there are too many; TLS without certificate or key.
    pub(super) fn addresses(&self) -> Result<[Vec<SocketAddr>; 3], SourceError> {
        if !self.listen_tls.is_empty()
            && (self.tls_certificate.as_os_str().is_empty() || self.tls_key.as_os_str().is_empty())
        {
            let value = format!("{:?}", self.listen_tls);
            return Err(SourceError::Setting {
                name: "logs.listen_tls",
                value,
                range: "given together with logs.tls_certificate and logs.tls_key",
            });
        }
        Ok([
            parse("logs.listen_udp", &self.listen_udp, PORT)?,
            parse("logs.listen_tcp", &self.listen_tcp, PORT)?,
            parse("logs.listen_tls", &self.listen_tls, PORT_TLS)?,
        ])
    }
}

fn parse(name: &'static str, texts: &[String], port: u16) -> Result<Vec<SocketAddr>, SourceError> {
    if texts.len() > LISTEN_MAX {
        return Err(SourceError::Setting {
            name,
            value: format!("{} addresses", texts.len()),
            range: "at most 64 addresses",
        });
    }
    let one = |text: &String| {
        let with_port = text.parse::<SocketAddr>().ok();
        let alone = || text.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>().ok();
        let range = "an address such as 0.0.0.0 or [::], with a port or without: 0.0.0.0:514";
        let error = || SourceError::Setting { name, value: text.clone(), range };
        with_port.or_else(|| alone().map(|ip| SocketAddr::new(ip, port))).ok_or_else(error)
    };
    texts.iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn ports_are_syslogs_own_and_tls_needs_its_files() {
        let mut settings =
            LogSettings { listen_udp: vec!["0.0.0.0".into(), "[::1]:5514".into()], ..LogSettings::default() };
        assert_eq!(settings.addresses().unwrap()[0], ["0.0.0.0:514".parse().unwrap(), "[::1]:5514".parse().unwrap()]);
        settings.listen_tls = vec!["::".into()];
        assert!(settings.addresses().unwrap_err().to_string().contains("tls_certificate"));
        (settings.tls_certificate, settings.tls_key) = ("c".into(), "k".into());
        assert_eq!(settings.addresses().unwrap()[2], ["[::]:6514".parse().unwrap()]);
        settings.listen_tcp = vec!["here".into()];
        assert!(settings.addresses().unwrap_err().to_string().contains("logs.listen_tcp"));
    }
}
