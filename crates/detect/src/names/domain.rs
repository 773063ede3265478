//! Where the registered domain of a name begins. Owns the rule of thumb and the few names under which strangers register; holds no
//! list of all public suffixes, which changes daily and would be larger than the program's other data.

use super::LABEL_BYTES_MIN;

/// Domains whose owners let anybody register a name below (dynamic DNS): there the label below is the registered one.
const OPEN_TO_ALL: [&str; 16] = [
    "ddns.net",
    "dyndns.org",
    "no-ip.org",
    "no-ip.biz",
    "no-ip.info",
    "hopto.org",
    "zapto.org",
    "sytes.net",
    "servebeer.com",
    "myftp.org",
    "myvnc.com",
    "serveftp.com",
    "duckdns.org",
    "dynu.net",
    "mooo.com",
    "dyndns.biz",
];

/// Last labels that are not of the public tree: home routers, RFC 6762, RFC 8375, RFC 9476 and company habits.
const NOT_PUBLIC: [&str; 13] = [
    "local",
    "lan",
    "home",
    "arpa",
    "internal",
    "localdomain",
    "corp",
    "intranet",
    "private",
    "alt",
    "test",
    "invalid",
    "localhost",
];

/// Splits a name into the part below the registered domain and the domain. The domain is the last two labels, or three
/// where the last two are a country and a short general label (`co.uk`). Top-level domains are letters (RFC 3696): a name
/// that ends otherwise has no domain, and is data from its end to its beginning.
#[must_use]
pub fn split(name: &str) -> Option<(&str, &str)> {
    let top = name.rsplit('.').next().unwrap_or(name);
    if top.len() >= 3 && !top.starts_with("xn--") && top.bytes().any(|b| b.is_ascii_digit()) {
        return Some((name, ""));
    }
    let mut dots = name.rmatch_indices('.').map(|(at, _)| at);
    let (last, second) = (dots.next()?, dots.next()?);
    let country = name.len() - last - 1 == 2 && last - second - 1 <= 3;
    let cut = if country { dots.next()? } else { second };
    (cut > 0).then(|| (&name[..cut], &name[cut + 1..]))
}

/// The label that somebody registered (`example` of `www.example.co.uk`), where a made-up name shows. None for names outside the public
/// tree, for reversed addresses, for internationalised labels and for labels too short to judge.
#[must_use]
pub fn registered_label(name: &str) -> Option<&str> {
    let top = name.rsplit('.').next()?;
    if NOT_PUBLIC.contains(&top) || top.len() < 2 || !top.bytes().all(|b| b.is_ascii_lowercase()) {
        return None;
    }
    let mut labels = name.rsplit('.').skip(1);
    let (second, third) = (labels.next()?, labels.next());
    let open =
        OPEN_TO_ALL.iter().any(|zone| zone.strip_suffix(top).is_some_and(|z| z.strip_suffix('.') == Some(second)));
    let label = match third {
        Some(third) if open || (top.len() == 2 && second.len() <= 3) => third,
        _ => second,
    };
    let plain = label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    (plain && label.len() >= LABEL_BYTES_MIN && !label.starts_with("xn--")).then_some(label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_split_at_the_registered_domain() {
        assert_eq!(split("a.b.example.com"), Some(("a.b", "example.com")));
        assert_eq!(split("a.example.co.uk"), Some(("a", "example.co.uk")));
        assert_eq!(split("example.com"), None);
        assert_eq!(split("co.uk"), None);
        assert_eq!(split("x.t.ggy666.tk"), Some(("x.t", "ggy666.tk")));
        assert_eq!(split(".a.b"), None);
    }

    #[test]
    fn the_registered_label_is_found() {
        assert_eq!(registered_label("www.example.com"), Some("example"));
        assert_eq!(registered_label("example.com"), Some("example"));
        assert_eq!(registered_label("a.example.co.uk"), Some("example"));
        assert_eq!(registered_label("qwertz.ddns.net"), Some("qwertz"));
        assert_eq!(registered_label("ddns.net"), None, "four letters");
        for none in ["printer.local", "1.2.0.192.in-addr.arpa", "xn--bcher-kva.de", "single", "", ".", "a.b.c1"] {
            assert_eq!(registered_label(none), None, "{none}");
        }
    }
}
