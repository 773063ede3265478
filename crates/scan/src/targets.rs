//! Who may be scanned. Owns the allow-list, the spelling of targets and the resolving of names; sends nothing.
//!
//! A target is inside as a whole or it is refused: nothing is cut to fit. Names are resolved here, once, and only addresses go on.

use record::{IpAddr16, Prefix};
use std::fmt;
use std::io;
use std::net::{IpAddr, ToSocketAddrs};

/// Longest host name (RFC 1035).
const NAME_BYTES_MAX: usize = 253;
/// Longest label of one.
const LABEL_BYTES_MAX: usize = 63;
/// Most words of one allow-list or one call.
const WORDS_MAX: usize = 4_096;

/// Why a target is not scanned: which, why, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused(pub String);

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Refused {}

/// Finds the addresses of a name.
pub type Resolve<'a> = &'a dyn Fn(&str) -> io::Result<Vec<IpAddr>>;

/// By the machine's own resolver.
///
/// # Errors
/// The resolver's.
pub fn resolve(name: &str) -> io::Result<Vec<IpAddr>> {
    let mut found: Vec<IpAddr> = (name, 0).to_socket_addrs()?.map(|address| address.ip()).collect();
    found.sort_unstable();
    found.dedup();
    Ok(found)
}

/// A word of the allow-list or of a call.
enum Word {
    Network(Prefix),
    Name(String),
}

/// Reads one word; the error says what is wrong with it.
fn word(text: &str) -> Result<Word, String> {
    let shown = text.escape_debug().to_string();
    if text.starts_with('-') {
        return Err(format!("`{shown:.80}` begins with `-`: options are not targets"));
    }
    if let Ok(network) = text.parse::<Prefix>() {
        return Ok(Word::Network(network));
    }
    let label = |label: &str| {
        (1..=LABEL_BYTES_MAX).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    let name = text.strip_suffix('.').unwrap_or(text);
    // A last label without a letter is an address misspelt, or a range as nmap writes it.
    let last_has_letter = name.rsplit('.').next().is_some_and(|last| last.bytes().any(|b| b.is_ascii_alphabetic()));
    if name.len() <= NAME_BYTES_MAX && last_has_letter && name.split('.').all(label) {
        return Ok(Word::Name(name.to_owned()));
    }
    Err(format!(
        "`{shown:.80}` is neither an address, nor a network such as 192.168.1.0/24 or fd00::/120, nor a host name"
    ))
}

/// Checks the spelling of an allow-list, without resolving.
pub(crate) fn check_words(words: &[String]) -> Result<(), String> {
    if words.len() > WORDS_MAX {
        return Err(format!("there are {} entries; at most {WORDS_MAX} are taken", words.len()));
    }
    words.iter().try_for_each(|text| word(text).map(|_| ()))
}

/// The networks that may be scanned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllowList(Vec<Prefix>);

impl AllowList {
    /// Reads the setting and resolves its names, once.
    ///
    /// # Errors
    /// Which entry is wrong, and why.
    pub fn new(allow: &[String], resolve: Resolve) -> Result<Self, Refused> {
        check_words(allow).map_err(|e| Refused(format!("scan.allow: {e}")))?;
        let mut networks = Vec::new();
        for text in allow {
            match word(text).map_err(Refused)? {
                Word::Network(network) => networks.push(network),
                Word::Name(name) => {
                    let found = addresses(&name, resolve).map_err(|e| Refused(format!("scan.allow: {e}")))?;
                    networks.extend(found.into_iter().filter_map(single));
                }
            }
        }
        Ok(Self(networks))
    }

    /// True when all of `network` lies inside one allowed network.
    fn holds(&self, network: &Prefix) -> bool {
        self.0.iter().any(|allowed| {
            allowed.addr().is_v4() == network.addr().is_v4()
                && allowed.length() <= network.length()
                && allowed.contains(network.addr())
        })
    }
}

/// What will be scanned: addresses and networks, each inside the allow-list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Targets {
    networks: Vec<Prefix>,
    /// Names that were given, with the address each stands for.
    names: Vec<(IpAddr, String)>,
}

impl Targets {
    /// Reads the targets of one call, resolves their names and refuses what is not allowed.
    ///
    /// # Errors
    /// Which target is refused, why, and which setting would allow it.
    pub fn new(given: &[String], allow: &AllowList, addresses_max: u64, resolve: Resolve) -> Result<Self, Refused> {
        if given.len() > WORDS_MAX {
            return Err(Refused(format!("{} targets were given; at most {WORDS_MAX} are taken", given.len())));
        }
        let mut targets = Self::default();
        for text in given {
            match word(text).map_err(Refused)? {
                Word::Network(network) => {
                    if !allow.holds(&network) {
                        return Err(outside(text, &format!("\"{network}\"")));
                    }
                    targets.networks.push(network);
                }
                Word::Name(name) => targets.add_name(&name, allow, resolve)?,
            }
        }
        targets.networks.sort_unstable();
        // A network that holds the next one comes first: what lies in another is not scanned twice.
        targets.networks.dedup_by(|next, kept| {
            kept.addr().is_v4() == next.addr().is_v4() && kept.length() <= next.length() && kept.contains(next.addr())
        });
        let count = targets.count();
        if count > u128::from(addresses_max) {
            return Err(Refused(format!(
                "the targets hold {count} addresses, more than scan.addresses_max allows ({addresses_max}); scan smaller \
                 networks, or raise that setting"
            )));
        }
        Ok(targets)
    }

    fn add_name(&mut self, name: &str, allow: &AllowList, resolve: Resolve) -> Result<(), Refused> {
        let found = addresses(name, resolve).map_err(Refused)?;
        for address in found {
            let Some(network) = single(address) else { continue };
            if !allow.holds(&network) {
                return Err(outside(&format!("{name} ({address})"), &format!("\"{address}\"")));
            }
            self.networks.push(network);
            self.names.push((address, name.to_owned()));
        }
        Ok(())
    }

    /// Addresses in all.
    pub fn count(&self) -> u128 {
        let of = |network: &Prefix| {
            let bits = if network.addr().is_v4() { 32 } else { 128 } - u32::from(network.length());
            1_u128.checked_shl(bits).unwrap_or(u128::MAX)
        };
        self.networks.iter().map(of).fold(0, u128::saturating_add)
    }

    /// The networks of one IP version, as nmap takes them.
    pub fn of_version(&self, v4: bool) -> Vec<String> {
        let of_version = self.networks.iter().filter(|network| network.addr().is_v4() == v4);
        of_version
            .map(|network| {
                let full = if v4 { 32 } else { 128 };
                if network.length() == full { network.addr().to_string() } else { network.to_string() }
            })
            .collect()
    }

    /// Every address, each once. Bounded by `addresses_max`.
    pub fn addresses(&self) -> Vec<IpAddr> {
        let mut all = Vec::new();
        for network in &self.networks {
            let first = u128::from_be_bytes(network.addr().0);
            let bits = if network.addr().is_v4() { 32 } else { 128 } - u32::from(network.length());
            let count = 1_u128.checked_shl(bits).unwrap_or(u128::MAX);
            all.extend((0..count).map(|i| IpAddr16((first + i).to_be_bytes()).to_ip()));
        }
        all.sort_unstable();
        all.dedup();
        all
    }

    /// Names given for an address.
    pub fn names_of(&self, address: &str) -> impl Iterator<Item = &str> {
        let address = address.parse::<IpAddr>().ok();
        self.names.iter().filter(move |(of, _)| Some(*of) == address).map(|(_, name)| name.as_str())
    }
}

fn outside(target: &str, entry: &str) -> Refused {
    Refused(format!(
        "target {target} is not inside scan.allow and is not scanned; if you may scan it, add {entry} or a network around it to \
         `allow` in section [scan]"
    ))
}

fn single(address: IpAddr) -> Option<Prefix> {
    Prefix::new(IpAddr16::from(address), if IpAddr16::from(address).is_v4() { 32 } else { 128 })
}

fn addresses(name: &str, resolve: Resolve) -> Result<Vec<IpAddr>, String> {
    let found = resolve(name).map_err(|e| format!("`{name}` cannot be resolved: {e}; write its address"))?;
    if found.is_empty() {
        return Err(format!("`{name}` has no address; write one"));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn known(name: &str) -> io::Result<Vec<IpAddr>> {
        let text: &[&str] = match name {
            "inside.example" => &["10.0.0.7"],
            "half.example" => &["10.0.0.8", "203.0.113.1"],
            "six.example" => &["fd00::5"],
            "void.example" => &[],
            _ => return Err(io::Error::other("no such name")),
        };
        Ok(text.iter().map(|t| t.parse().unwrap()).collect())
    }

    fn targets(allow: &[&str], given: &[&str]) -> Result<Targets, Refused> {
        let owned = |list: &[&str]| list.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>();
        let allow = AllowList::new(&owned(allow), &known)?;
        Targets::new(&owned(given), &allow, 1_024, &known)
    }

    #[test]
    fn what_is_wholly_inside_is_taken() {
        let found =
            targets(&["10.0.0.0/24", "fd00::/64"], &["10.0.0.9/30", "inside.example.", "fd00::5", "10.0.0.9"]).unwrap();
        assert_eq!(found.of_version(true), ["10.0.0.7", "10.0.0.8/30"]);
        assert_eq!(found.of_version(false), ["fd00::5"]);
        let all: Vec<_> = found.addresses().iter().map(IpAddr::to_string).collect();
        assert_eq!(all, ["10.0.0.7", "10.0.0.8", "10.0.0.9", "10.0.0.10", "10.0.0.11", "fd00::5"]);
        assert_eq!(found.names_of("10.0.0.7").collect::<Vec<_>>(), ["inside.example"]);
        // A name in the allow-list stands for its addresses.
        assert!(targets(&["inside.example"], &["10.0.0.7"]).is_ok());
        assert!(targets(&["six.example"], &["six.example"]).is_ok());
    }

    #[test]
    fn everything_else_is_refused_by_name() {
        let refused = |allow: &[&str], given: &str| targets(allow, &[given]).unwrap_err().to_string();
        for (allow, given) in [
            (&[][..], "10.0.0.1"),
            (&["10.0.0.0/24"], "10.0.1.0"),
            (&["10.0.0.0/24"], "10.0.0.0/23"),
            (&["10.0.0.0/24"], "fd00::1"),
            (&["10.0.0.0/24"], "::/0"),
            (&["::/0"], "10.0.0.1"),
            (&["10.0.0.0/24"], "half.example"),
            (&["inside.example"], "10.0.0.8"),
        ] {
            let error = refused(allow, given);
            assert!(
                error.contains(given) && error.contains("scan.allow") && error.contains("[scan]"),
                "{given}: {error}"
            );
        }
        assert!(refused(&["10.0.0.0/24"], "half.example").contains("203.0.113.1"));
        for given in [
            "--script=vuln",
            "-oN",
            "-",
            "",
            "10.0.0.1-5",
            "10.0.0.*",
            "10.0.0.1 8.8.8.8",
            "a;ls",
            "$(id)",
            "a/24",
            "10.1",
            "1",
            "a\nb",
            "fe80::1%eth0",
            "-a.example",
            "a..b",
        ] {
            let error = refused(&["0.0.0.0/0", "::/0"], given);
            assert!(error.contains("host name") || error.contains("options are not targets"), "{given}: {error}");
        }
        assert!(refused(&["10.0.0.0/8"], "nobody.example").contains("no such name"));
        assert!(refused(&["10.0.0.0/8"], "void.example").contains("no address"));
        assert!(refused(&["10.0.0.0/8"], "10.0.0.0/16").contains("65536 addresses"));
        assert!(refused(&["::/0"], "::/0").contains("addresses_max"));
        assert!(refused(&["nobody.example"], "10.0.0.1").contains("scan.allow"));
    }
}
