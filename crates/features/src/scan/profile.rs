//! What a scanned host offers, small enough to be kept for thousands of hosts: its open ports, with names as hashes. Owns what an open port
//! is (`open` only: `open|filtered` says that nobody answered) and which ports are handed out.

use record::scan::ScannedHost;
use std::fmt;

/// From here on ports are handed out by systems (Linux from 32768, IANA from 49152): their numbers are chance, how many there are is not.
pub const HANDED_OUT_FIRST: u16 = 32_768;

const TRANSPORTS: [&str; 4] = ["tcp", "udp", "sctp", "ip"];

/// A port of a transport; ordered by transport, then number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PortKey(u32);

impl PortKey {
    /// None for a transport or number that is none.
    #[must_use]
    pub fn new(protocol: &str, port: u32) -> Option<Self> {
        let transport = TRANSPORTS.iter().position(|name| *name == protocol)?;
        u16::try_from(port).ok().map(|port| Self((transport as u32) << 16 | u32::from(port)))
    }
    /// `tcp`, `udp`, `sctp`, `ip`.
    #[must_use]
    pub fn protocol(self) -> &'static str {
        TRANSPORTS[(self.0 >> 16) as usize & 3]
    }
    /// Number.
    #[must_use]
    pub const fn port(self) -> u16 {
        self.0 as u16
    }
    /// True where the number is chance.
    #[must_use]
    pub const fn is_handed_out(self) -> bool {
        self.port() >= HANDED_OUT_FIRST
    }
}

impl fmt::Display for PortKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.port(), self.protocol())
    }
}

/// Ports by which a host is controlled from afar.
#[must_use]
pub fn is_control_port(port: u16) -> bool {
    matches!(port, 22 | 23 | 512..=514 | 2323 | 3389 | 4899 | 5800..=5809 | 5900..=5909 | 5938 | 5985 | 5986)
}

/// One open port. Hashes are 0 where the scanner told nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenPort {
    /// Which.
    pub key: PortKey,
    /// Service by name.
    pub service: u32,
    /// Program.
    pub product: u32,
    /// Its version.
    pub version: u32,
}

/// All open ports of a host in one scan, ascending, each once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Profile {
    /// Ports.
    pub ports: Vec<OpenPort>,
}

impl Profile {
    /// Of a scanned host.
    #[must_use]
    pub fn of(host: &ScannedHost) -> Self {
        let open = host.ports.iter().filter(|port| port.state.as_deref() == Some("open"));
        let mut ports: Vec<OpenPort> = open
            .filter_map(|port| {
                Some(OpenPort {
                    key: PortKey::new(&port.protocol, port.port)?,
                    service: hash(
                        port.service.name.as_deref().filter(|name| !matches!(*name, "unknown" | "tcpwrapped")),
                    ),
                    product: hash(port.service.product.as_deref()),
                    version: hash(port.service.version.as_deref()),
                })
            })
            .collect();
        ports.sort_by_key(|port| port.key);
        ports.dedup_by_key(|port| port.key);
        Self { ports }
    }
    /// The port, where it is open.
    #[must_use]
    pub fn port(&self, key: PortKey) -> Option<&OpenPort> {
        self.ports.binary_search_by_key(&key, |port| port.key).ok().and_then(|at| self.ports.get(at))
    }
    /// Open ports whose numbers were chosen.
    pub fn chosen(&self) -> impl Iterator<Item = &OpenPort> {
        self.ports.iter().filter(|port| !port.key.is_handed_out())
    }
    /// Open ports whose numbers are chance.
    #[must_use]
    pub fn handed_out(&self) -> usize {
        self.ports.len() - self.chosen().count()
    }
}

/// FNV-1a, 32 bits; 0 for nothing and only for nothing.
fn hash(text: Option<&str>) -> u32 {
    text.filter(|text| !text.is_empty()).map_or(0, |text| {
        text.bytes().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)).max(1)
    })
}
