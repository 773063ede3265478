//! What is asked for, checked: targets inside `scan.allow`, ports, a scanner that is there. Owns which refusal is which; names are resolved
//! here, once a scan.

use record::{IpAddr16, Prefix, ScanBackend};
use scan::{AllowList, PortList, Refused, ScanConfig, Targets};
use serve::LiveError;
use serve::shapes::ScanAsked;
use std::net::{IpAddr, Ipv4Addr, UdpSocket};
use std::process::{Command, Stdio};

/// Networks whose way from here is looked up.
const SOURCES_LOOKED_AT: usize = 64;
/// Bytes of the version that nmap tells.
const VERSION_CHARS_MAX: usize = 40;

/// A scan that may begin.
pub struct Permitted {
    /// Settings, with the ports that were asked for.
    pub config: ScanConfig,
    /// Who scans.
    pub backend: ScanBackend,
    /// Targets as they were given.
    pub words: Vec<String>,
    /// Targets.
    pub targets: Targets,
    /// The same as networks.
    pub networks: Vec<Prefix>,
    /// Addresses of this machine from which they are asked.
    pub sources: Vec<IpAddr16>,
}

impl Permitted {
    /// Checks everything; only names are asked of anybody.
    pub fn of(config: &ScanConfig, asked: &ScanAsked, has_nmap: bool) -> Result<Self, LiveError> {
        let mut config = config.clone();
        if let Some(ports) = &asked.ports {
            PortList::parse(ports).map_err(|e| LiveError::Refused(format!("ports: {e}")))?;
            config.ports.clone_from(ports);
        }
        if config.allow.is_empty() {
            let how = "nothing may be scanned: write the networks that you are permitted to scan into `allow` in section [scan] of the \
                       configuration file, for example allow = [\"192.168.1.0/24\"]";
            return Err(LiveError::Forbidden(how.to_owned()));
        }
        let backend = match (asked.backend, has_nmap) {
            (None | Some(ScanBackend::Nmap), true) => ScanBackend::Nmap,
            (None, false) | (Some(ScanBackend::Connect), _) => ScanBackend::Connect,
            (Some(ScanBackend::Nmap), false) => {
                let how = "nmap is not installed; install it (`sudo apt-get install nmap`) and start again, or scan with backend connect";
                return Err(LiveError::Refused(how.to_owned()));
            }
            (Some(ScanBackend::Import), _) => {
                return Err(LiveError::Refused(
                    "backend must be nmap or connect; files go to /scans/import".to_owned(),
                ));
            }
        };
        let words = if asked.targets.is_empty() { config.allow.clone() } else { asked.targets.clone() };
        let allow = AllowList::new(&config.allow, &scan::resolve).map_err(|e| LiveError::Unavailable(e.to_string()))?;
        let targets = Targets::new(&words, &allow, config.addresses_max, &scan::resolve)
            .map_err(|refused| status_of(&words, refused))?;
        let texts = [targets.of_version(true), targets.of_version(false)].concat();
        let networks: Vec<Prefix> = texts.iter().filter_map(|text| text.parse().ok()).collect();
        let mut sources: Vec<IpAddr16> =
            networks.iter().take(SOURCES_LOOKED_AT).filter_map(|net| source_towards(net.addr())).collect();
        sources.sort_unstable();
        sources.dedup();
        Ok(Self { config, backend, words, targets, networks, sources })
    }
}

/// Words that are no targets, or too many, are a bad request; targets that are not allowed are forbidden.
fn status_of(words: &[String], refused: Refused) -> LiveError {
    let Ok(everything) = AllowList::new(&["0.0.0.0/0".to_owned(), "::/0".to_owned()], &scan::resolve) else {
        return LiveError::Refused(refused.0);
    };
    // With all allowed and all names resolved, what is still refused is no target.
    let one = |_: &str| Ok(vec![IpAddr::V4(Ipv4Addr::LOCALHOST)]);
    let spelt = Targets::new(words, &everything, u64::MAX, &one).is_ok();
    let outside = spelt && refused.0.contains("is not inside scan.allow");
    if outside { LiveError::Forbidden(refused.0) } else { LiveError::Refused(refused.0) }
}

/// The address from which this machine asks another, by its table of routes; nothing is sent.
fn source_towards(ip: IpAddr16) -> Option<IpAddr16> {
    let to = ip.to_ip();
    let any = if to.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
    let socket = UdpSocket::bind(any).ok()?;
    socket.connect((to, 9)).ok()?;
    Some(IpAddr16::from(socket.local_addr().ok()?.ip()))
}

/// True when some address lies in both.
pub fn overlap(one: &[Prefix], other: &[Prefix]) -> bool {
    let holds = |a: &Prefix, b: &Prefix| a.contains(b.addr()) && a.addr().is_v4() == b.addr().is_v4();
    one.iter().any(|a| other.iter().any(|b| holds(a, b) || holds(b, a)))
}

/// nmap's version; None where it is not installed.
pub fn nmap_version() -> Option<String> {
    if !scan::is_installed() {
        return None;
    }
    let told = Command::new("nmap").arg("--version").stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    let text = String::from_utf8_lossy(&told.stdout).into_owned();
    let version = text.split_whitespace().skip_while(|word| *word != "version").nth(1).unwrap_or("");
    Some(version.chars().filter(|c| !c.is_control()).take(VERSION_CHARS_MAX).collect())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn asked(targets: &[&str]) -> ScanAsked {
        ScanAsked { targets: targets.iter().map(|t| (*t).to_owned()).collect(), ..ScanAsked::default() }
    }

    fn config() -> ScanConfig {
        ScanConfig { allow: vec!["127.0.0.0/28".to_owned()], ..ScanConfig::default() }
    }

    #[test]
    fn each_refusal_has_its_status() {
        let refused = |config: &ScanConfig, asked: &ScanAsked| Permitted::of(config, asked, false).err().unwrap();
        let nothing = refused(&ScanConfig::default(), &asked(&[]));
        assert!(matches!(&nothing, LiveError::Forbidden(why) if why.contains("[scan]")), "{nothing}");
        for outside in ["127.0.1.1", "127.0.0.0/24", "::1"] {
            let error = refused(&config(), &asked(&[outside]));
            assert!(matches!(&error, LiveError::Forbidden(why) if why.contains(outside)), "{error}");
        }
        for wrong in ["--script=vuln", "127.0.0.1-9", "a;ls", ""] {
            let error = refused(&config(), &asked(&[wrong]));
            assert!(matches!(error, LiveError::Refused(_)), "{wrong}: {error}");
        }
        let ports = ScanAsked { ports: Some("22 -oN x".to_owned()), ..ScanAsked::default() };
        assert!(matches!(refused(&config(), &ports), LiveError::Refused(_)));
        let small = ScanConfig { addresses_max: 4, ..config() };
        assert!(matches!(refused(&small, &asked(&[])), LiveError::Refused(_)), "too many addresses");
        let nmap = ScanAsked { backend: Some(ScanBackend::Nmap), ..ScanAsked::default() };
        assert!(refused(&config(), &nmap).to_string().contains("apt-get install nmap"));
    }

    #[test]
    fn all_that_is_allowed_is_the_target_where_none_is_named() {
        let permitted = Permitted::of(&config(), &asked(&[]), false).unwrap();
        assert_eq!((permitted.backend, permitted.words.len()), (ScanBackend::Connect, 1));
        assert_eq!(permitted.networks, ["127.0.0.0/28".parse().unwrap()]);
        assert_eq!(permitted.sources, ["127.0.0.1".parse().unwrap()]);
        let ports = ScanAsked { ports: Some("22".to_owned()), ..asked(&["127.0.0.3"]) };
        let permitted = Permitted::of(&config(), &ports, true).unwrap();
        assert_eq!((permitted.backend, permitted.config.ports.as_str()), (ScanBackend::Nmap, "22"));
    }

    #[test]
    fn networks_overlap_where_one_holds_the_other() {
        let nets = |all: &[&str]| all.iter().map(|net| net.parse().unwrap()).collect::<Vec<Prefix>>();
        assert!(overlap(&nets(&["10.0.0.0/8"]), &nets(&["10.1.2.3"])));
        assert!(overlap(&nets(&["10.1.2.3"]), &nets(&["192.0.2.1", "10.0.0.0/8"])));
        assert!(!overlap(&nets(&["10.0.0.0/24"]), &nets(&["10.0.1.0/24"])));
        assert!(!overlap(&nets(&["0.0.0.0/0"]), &nets(&["fd00::/8"])));
    }
}
