//! Where captures are waited for, and from whom they are taken.

use crate::SourceError;
use crate::collect::settings::networks;
use record::Prefix;
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;
use std::path::PathBuf;

/// Addresses of one transport.
const LISTEN_MAX: usize = 16;
/// Each seat has a thread, a flow table and a ring of packets.
const CONNECTIONS_MAX: usize = 64;

/// Captures by TCP, section `[pcap]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RemoteSettings {
    /// Addresses with a port to wait at. Empty: none.
    pub listen: Vec<String>,
    /// The same for captures in TLS.
    pub listen_tls: Vec<String>,
    /// Networks that captures may come from. May be empty where only this machine, or only holders of a certificate, can send.
    pub allow: Vec<String>,
    /// Certificates of this listener, PEM; needed for TLS.
    pub tls_certificate: PathBuf,
    /// Their private key, PEM; needed for TLS.
    pub tls_key: PathBuf,
    /// Authorities whose certificates senders must show, PEM. Empty: none is asked for.
    pub tls_client_ca: PathBuf,
    /// Connections at once; more are refused, counted.
    pub connections_max: usize,
}

impl Default for RemoteSettings {
    fn default() -> Self {
        Self {
            listen: Vec::new(),
            listen_tls: Vec::new(),
            allow: Vec::new(),
            tls_certificate: PathBuf::new(),
            tls_key: PathBuf::new(),
            tls_client_ca: PathBuf::new(),
            connections_max: 4,
        }
    }
}

impl RemoteSettings {
    /// True when captures are waited for.
    #[must_use]
    pub fn listens(&self) -> bool {
        !(self.listen.is_empty() && self.listen_tls.is_empty())
    }

    /// What types cannot say.
    ///
    /// # Errors
    /// An entry is no address or network, TLS lacks its files, strangers could send, or there would be too many seats.
    pub fn check(&self) -> Result<(), SourceError> {
        let [plain, tls] = self.addresses()?;
        let allowed = self.allowed()?;
        if !(1..=CONNECTIONS_MAX).contains(&self.connections_max) {
            let value = self.connections_max.to_string();
            return Err(SourceError::Setting { name: "pcap.connections_max", value, range: "1 to 64" });
        }
        let no_file = self.tls_certificate.as_os_str().is_empty() || self.tls_key.as_os_str().is_empty();
        if !tls.is_empty() && no_file {
            let value = format!("{:?}", self.listen_tls);
            let range = "given together with pcap.tls_certificate and pcap.tls_key";
            return Err(SourceError::Setting { name: "pcap.listen_tls", value, range });
        }
        let known = if self.tls_client_ca.as_os_str().is_empty() { &tls[..] } else { &[] };
        if let Some(open) = plain.iter().chain(known).find(|at| !at.ip().is_loopback() && allowed.is_empty()) {
            let range = "the networks of your senders, because others can reach pcap.listen";
            return Err(SourceError::Setting { name: "pcap.allow", value: format!("empty with {open}"), range });
        }
        Ok(())
    }

    /// Addresses, plain and of TLS.
    ///
    /// # Errors
    /// An entry is no address with a port, or there are too many.
    pub(super) fn addresses(&self) -> Result<[Vec<SocketAddr>; 2], SourceError> {
        Ok([parse("pcap.listen", &self.listen)?, parse("pcap.listen_tls", &self.listen_tls)?])
    }

    /// The networks that may send.
    ///
    /// # Errors
    /// An entry is no network.
    pub(super) fn allowed(&self) -> Result<Vec<Prefix>, SourceError> {
        networks("pcap.allow", &self.allow)
    }
}

fn parse(name: &'static str, texts: &[String]) -> Result<Vec<SocketAddr>, SourceError> {
    if texts.len() > LISTEN_MAX {
        let value = format!("{} addresses", texts.len());
        return Err(SourceError::Setting { name, value, range: "at most 16 addresses" });
    }
    let range = "an address with a port, such as 127.0.0.1:5555 or [::]:5555";
    let one = |text: &String| {
        text.parse::<SocketAddr>().map_err(|_| SourceError::Setting { name, value: text.clone(), range })
    };
    texts.iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn strangers_are_never_let_in() {
        let plain = |listen: &str, allow: &[&str]| {
            let allow = allow.iter().map(|net| (*net).to_owned()).collect();
            RemoteSettings { listen: vec![listen.to_owned()], allow, ..RemoteSettings::default() }
        };
        assert!(plain("127.0.0.1:5555", &[]).check().is_ok() && plain("[::1]:5555", &[]).check().is_ok());
        let open = plain("0.0.0.0:5555", &[]).check().unwrap_err().to_string();
        assert!(open.contains("pcap.allow") && open.contains("0.0.0.0:5555"), "{open}");
        assert!(plain("0.0.0.0:5555", &["192.0.2.7"]).check().is_ok());
        let files = (PathBuf::from("c"), PathBuf::from("k"));
        let mut tls = RemoteSettings { listen_tls: vec!["0.0.0.0:5556".to_owned()], ..RemoteSettings::default() };
        assert!(tls.check().unwrap_err().to_string().contains("tls_certificate"));
        (tls.tls_certificate, tls.tls_key) = files;
        assert!(tls.check().unwrap_err().to_string().contains("pcap.allow"));
        tls.tls_client_ca = "ca".into();
        assert!(tls.check().is_ok(), "a certificate says who may");
        tls.listen = vec!["0.0.0.0:5555".to_owned()];
        assert!(tls.check().unwrap_err().to_string().contains("0.0.0.0:5555"), "the plain one is open all the same");
    }

    #[test]
    fn what_is_no_address_or_too_much_is_named() {
        let listen = |listen: &str| RemoteSettings { listen: vec![listen.to_owned()], ..RemoteSettings::default() };
        assert!(listen("127.0.0.1").check().unwrap_err().to_string().contains("with a port"));
        let many = RemoteSettings { connections_max: 65, ..RemoteSettings::default() };
        assert!(many.check().unwrap_err().to_string().contains("pcap.connections_max"));
        let all = RemoteSettings { allow: vec!["all".to_owned()], ..RemoteSettings::default() };
        assert!(all.check().unwrap_err().to_string().contains("pcap.allow"));
    }
}
