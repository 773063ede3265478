//! What a scan found, whoever scanned: hosts, addresses, ports, services, guesses at the system. Owns the nouns and their JSON; knows no
//! scanner and no file format.

use crate::Timestamp;
use serde::{Deserialize, Serialize};

/// One run of one scanner.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Scan {
    /// Program that scanned: `nmap`, or `tripline` for the connect probe.
    pub scanner: String,
    /// Its version; empty when it is not told.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub version: String,
    /// How it was called.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub args: String,
    /// When it began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub started: Option<Timestamp>,
    /// When it ended; None: it did not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub ended: Option<Timestamp>,
    /// How it ended in the scanner's own word: `success`, `error`; None when it is not told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit: Option<String>,
    /// Why hosts are missing: cancelled, out of time, killed. None: the scan is whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incomplete: Option<String>,
    /// Which ports it asked, whatever the state in which each was found.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub asked: Vec<AskedPorts>,
    /// Hosts, in the scanner's order.
    pub hosts: Vec<ScannedHost>,
    /// What scripts said before the scan.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pre_scripts: Vec<ScriptOutput>,
    /// What scripts said after it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub post_scripts: Vec<ScriptOutput>,
}

/// Ports that a scan asked each host.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AskedPorts {
    /// Transport: `tcp`, `udp`, `sctp`.
    pub protocol: String,
    /// Ports as nmap writes them: `22,80,8000-8010`.
    pub ports: String,
}

/// One host.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ScannedHost {
    /// `up`, `down`, `unknown` or `skipped`; None: not told.
    pub state: Option<String>,
    /// What the state was concluded from (`echo-reply`, `arp-response`).
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// Addresses, each once.
    pub addresses: Vec<HostAddress>,
    /// Names, each once.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<String>,
    /// Ports that the scanner lists one by one; sorted by number, then protocol.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ports: Vec<ScannedPort>,
    /// Ports that it only counts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_shown: Vec<ExtraPorts>,
    /// Guesses at the operating system, best first: a list of guesses, never a fact.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub os: Vec<OsMatch>,
    /// What scripts said of the host.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scripts: Vec<ScriptOutput>,
}

/// Kind of an address. The order is that in which they are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum AddressKind {
    /// IPv4.
    Ipv4,
    /// IPv6.
    Ipv6,
    /// Ethernet.
    Mac,
}

impl AddressKind {
    /// As nmap's XML writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ipv4 => "ipv4",
            Self::Ipv6 => "ipv6",
            Self::Mac => "mac",
        }
    }
}

/// An address of a host. Its spelling is the scanner's: two spellings are two addresses, as in ndiff.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct HostAddress {
    /// Kind.
    pub kind: AddressKind,
    /// Address.
    pub addr: String,
    /// Who made the network card, of a MAC address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vendor: Option<String>,
}

/// One port.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ScannedPort {
    /// Transport: `tcp`, `udp`, `sctp`, `ip`.
    pub protocol: String,
    /// Number.
    pub port: u32,
    /// `open`, `closed`, `filtered`, `unfiltered`, `open|filtered`, `closed|filtered`; None: not told.
    pub state: Option<String>,
    /// What the state was concluded from (`syn-ack`, `conn-refused`).
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// What answers there.
    #[serde(default, skip_serializing_if = "Service::is_empty")]
    pub service: Service,
    /// What scripts said of it; sorted by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scripts: Vec<ScriptOutput>,
}

/// What answers at a port.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Service {
    /// Protocol by its registered name (`ssh`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Program (`OpenSSH`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product: Option<String>,
    /// Its version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// What else it told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extra: Option<String>,
    /// What it is wrapped in (`ssl`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tunnel: Option<String>,
    /// Names in the Common Platform Enumeration.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cpe: Vec<String>,
}

impl Service {
    /// Nothing is known.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
    /// True where nmap's own comparison sees the same service: name, product, version and extra words count.
    pub fn is_like(&self, other: &Self) -> bool {
        (&self.name, &self.product, &self.version, &self.extra)
            == (&other.name, &other.product, &other.version, &other.extra)
    }
}

/// Ports in one state that are counted, not listed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ExtraPorts {
    /// Their state; None: not told.
    pub state: Option<String>,
    /// How many.
    pub count: u64,
}

/// One guess at the operating system.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct OsMatch {
    /// Name.
    pub name: String,
    /// How well it fits, percent; None: not told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accuracy: Option<u8>,
}

/// What one script said.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ScriptOutput {
    /// Script.
    pub id: String,
    /// Its words.
    pub output: String,
}

impl ScannedHost {
    /// True for ports in a state that this host only counts: where they are listed all the same, that says nothing.
    pub fn only_counts(&self, state: Option<&str>) -> bool {
        state.is_none() || self.not_shown.iter().any(|extra| extra.state.as_deref() == state)
    }
    /// Adds an address that is not there yet.
    pub fn add_address(&mut self, address: HostAddress) {
        if !self.addresses.iter().any(|a| (a.kind, &a.addr) == (address.kind, &address.addr)) {
            self.addresses.push(address);
        }
    }
    /// Adds a name that is not there yet.
    pub fn add_name(&mut self, name: &str) {
        if !self.names.iter().any(|n| n == name) {
            self.names.push(name.to_owned());
        }
    }
    /// Names and addresses for people.
    pub fn title(&self) -> String {
        let mut addresses: Vec<_> = self.addresses.iter().collect();
        addresses.sort();
        let addresses = addresses.iter().map(|a| a.addr.as_str()).collect::<Vec<_>>().join(", ");
        let mut names = self.names.clone();
        names.sort();
        match (names.is_empty(), addresses.is_empty()) {
            (true, true) => "a host without name and address".to_owned(),
            (true, false) => addresses,
            (false, true) => names.join(", "),
            (false, false) => format!("{} ({addresses})", names.join(", ")),
        }
    }
}

impl Scan {
    /// Hosts that are up.
    pub fn up(&self) -> usize {
        self.hosts.iter().filter(|host| host.state.as_deref() == Some("up")).count()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_host_says_its_name_and_json_goes_both_ways() {
        let mut host = ScannedHost { state: Some("up".to_owned()), ..ScannedHost::default() };
        assert_eq!(host.title(), "a host without name and address");
        let address = |kind, addr: &str| HostAddress { kind, addr: addr.to_owned(), vendor: None };
        host.add_address(address(AddressKind::Mac, "00:11:22:33:44:55"));
        host.add_address(address(AddressKind::Ipv4, "10.0.0.1"));
        host.add_address(address(AddressKind::Ipv4, "10.0.0.1"));
        assert_eq!(host.title(), "10.0.0.1, 00:11:22:33:44:55");
        host.add_name("b");
        host.add_name("a");
        host.add_name("b");
        assert_eq!(host.title(), "a, b (10.0.0.1, 00:11:22:33:44:55)");
        let scan = Scan { scanner: "nmap".to_owned(), hosts: vec![host], ..Scan::default() };
        let text = serde_json::to_string(&scan).unwrap();
        assert_eq!(serde_json::from_str::<Scan>(&text).unwrap(), scan, "{text}");
        assert_eq!(scan.up(), 1);
    }
}
