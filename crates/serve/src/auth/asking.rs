//! What a request says of who sends it, before anybody is asked whether that is so: the address it comes from, by which proxy, which
//! cookie or token it shows. Owns the reading of these headers; believes forwarded ones from listed proxies alone.

use super::config::{address, network};
use crate::ServeConfig;
use axum::extract::ConnectInfo;
use axum::http::{Extensions, HeaderMap, HeaderName, header};
use record::Prefix;
use std::net::{IpAddr, SocketAddr};

/// Proxies in a row that are looked through.
const PROXIES_MAX: usize = 8;
/// Characters of a user's name.
pub(crate) const NAME_CHARS_MAX: usize = 64;

/// The other end of a connection.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub SocketAddr);

/// Proxies that are believed.
pub(crate) struct Proxies(Vec<Prefix>);

impl Proxies {
    pub(crate) fn new(config: &ServeConfig) -> Self {
        Self(config.proxy.trusted.iter().filter_map(|text| network(text)).collect())
    }
    fn has(&self, ip: IpAddr) -> bool {
        let ip = address(ip.to_canonical());
        self.0.iter().any(|prefix| prefix.contains(ip))
    }
}

/// What was read of one request.
#[derive(Clone, Debug)]
pub(crate) struct Asking {
    /// From where: the peer, or whom a believed proxy names.
    pub ip: IpAddr,
    /// Is the peer this machine itself, and no proxy between?
    pub is_local: bool,
    /// Is it protected on its way, as far as is known?
    pub is_secure: bool,
    /// `Authorization: Bearer`.
    pub bearer: Option<String>,
    /// The session's cookie; None when there is none, or two that differ.
    pub cookie: Option<String>,
    /// Whom a believed proxy names.
    pub proxy_user: Option<String>,
}

impl Asking {
    /// None: the connection is not known, and nothing can be believed.
    pub(crate) fn read(
        headers: &HeaderMap,
        extensions: &Extensions,
        config: &ServeConfig,
        proxies: &Proxies,
    ) -> Option<Self> {
        let peer = extensions.get::<ConnectInfo<Peer>>()?.0.0.ip().to_canonical();
        let believed = proxies.has(peer);
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let forwarded_https = believed && text("x-forwarded-proto").is_some_and(|p| p.eq_ignore_ascii_case("https"));
        let is_secure = config.tls.is_set() || forwarded_https;
        let forwarded = ["x-forwarded-for", "forwarded", "via"].iter().any(|name| headers.contains_key(*name));
        Some(Self {
            ip: if believed { client(headers, peer, proxies) } else { peer },
            is_local: peer.is_loopback() && !forwarded,
            is_secure,
            bearer: bearer(headers),
            cookie: cookie(headers, cookie_name(is_secure)),
            proxy_user: if believed { proxy_user(headers, &config.proxy.user_header) } else { None },
        })
    }
}

/// The address before the first proxy that is not believed, counted from here: what stands further left anybody can have written.
fn client(headers: &HeaderMap, peer: IpAddr, proxies: &Proxies) -> IpAddr {
    let lines = headers.get_all("x-forwarded-for").iter().filter_map(|value| value.to_str().ok());
    let all: Vec<&str> = lines.flat_map(|line| line.split(',')).map(str::trim).collect();
    let mut ip = peer;
    for text in all.iter().rev().take(PROXIES_MAX) {
        let Ok(next) = text.parse::<IpAddr>() else { break };
        ip = next.to_canonical();
        if !proxies.has(ip) {
            break;
        }
    }
    ip
}

fn bearer(headers: &HeaderMap) -> Option<String> {
    let text = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = text.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim().to_owned())
}

/// Browsers take a cookie of the second name only over TLS, from this host alone, for all its paths.
pub(crate) const fn cookie_name(is_secure: bool) -> &'static str {
    if is_secure { "__Host-tripline" } else { "tripline" }
}

/// The value of a cookie. Two of one name mean that somebody else set one: then neither is taken.
pub(crate) fn cookie(headers: &HeaderMap, name: &str) -> Option<String> {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut found = lines.flat_map(|line| line.split(';')).filter_map(|pair| {
        let (key, value) = pair.trim().split_once('=')?;
        (key == name).then_some(value)
    });
    let first = found.next()?;
    found.all(|other| other == first).then(|| first.to_owned())
}

fn proxy_user(headers: &HeaderMap, name: &str) -> Option<String> {
    let name = HeaderName::try_from(name).ok()?;
    let mut values = headers.get_all(name).iter();
    let text = values.next()?.to_str().ok()?.trim();
    (values.next().is_none() && is_name(text)).then(|| text.to_owned())
}

/// May a user be called so?
pub(crate) fn is_name(name: &str) -> bool {
    let fits = |c: char| c.is_alphanumeric() || ".-_@+".contains(c);
    !name.is_empty() && name.chars().count() <= NAME_CHARS_MAX && name.chars().all(fits)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn read(peer: &str, headers: &[(&'static str, &str)]) -> Asking {
        let mut config = ServeConfig::default();
        config.proxy.trusted = vec!["192.0.2.10".to_owned(), "10.0.0.0/8".to_owned()];
        config.proxy.user_header = "X-Remote-User".to_owned();
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, value.parse().unwrap());
        }
        let mut extensions = Extensions::new();
        extensions.insert(ConnectInfo(Peer(SocketAddr::new(peer.parse().unwrap(), 1))));
        Asking::read(&map, &extensions, &config, &Proxies::new(&config)).unwrap()
    }

    #[test]
    fn forwarded_headers_are_believed_from_listed_proxies_alone() {
        let headers =
            [("x-remote-user", "ann"), ("x-forwarded-for", "1.1.1.1, 198.51.100.7"), ("x-forwarded-proto", "https")];
        let stranger = read("192.0.2.11", &headers);
        assert_eq!((stranger.proxy_user, stranger.is_secure), (None, false));
        assert_eq!(stranger.ip.to_string(), "192.0.2.11");
        for peer in ["192.0.2.10", "::ffff:192.0.2.10", "10.1.2.3"] {
            let known = read(peer, &headers);
            assert_eq!((known.proxy_user.as_deref(), known.is_secure), (Some("ann"), true), "{peer}");
            assert_eq!(known.ip.to_string(), "198.51.100.7", "what stands further left anybody can have written");
        }
        let two = read("10.0.0.1", &[("x-forwarded-for", "198.51.100.7"), ("x-forwarded-for", "10.9.9.9")]);
        assert_eq!(two.ip.to_string(), "198.51.100.7", "through a second proxy");
        assert_eq!(read("10.0.0.1", &[("x-forwarded-for", "nonsense")]).ip.to_string(), "10.0.0.1");
        for bad in ["", "a b", "ann\u{7f}", "<script>"] {
            if let Ok(_value) = axum::http::HeaderValue::from_str(bad) {
                assert_eq!(read("10.0.0.1", &[("x-remote-user", bad)]).proxy_user, None, "{bad}");
            }
        }
        let twice = [("x-remote-user", "ann"), ("x-remote-user", "root")];
        assert_eq!(read("10.0.0.1", &twice).proxy_user, None, "two names are none");
    }

    #[test]
    fn a_second_cookie_of_the_name_is_none() {
        assert_eq!(read("::1", &[("cookie", "a=b; tripline=x; c=d")]).cookie.as_deref(), Some("x"));
        assert_eq!(read("::1", &[("cookie", "tripline=x; tripline=y")]).cookie, None);
        assert_eq!(read("::1", &[("cookie", "tripline=x"), ("cookie", "tripline=y")]).cookie, None);
        assert_eq!(read("::1", &[("cookie", "__Host-tripline=x; xtripline=y")]).cookie, None);
        assert_eq!(read("::1", &[("authorization", "bearer tl_a")]).bearer.as_deref(), Some("tl_a"));
        assert_eq!(read("::1", &[("authorization", "Basic YTpi")]).bearer, None);
        assert!(read("::1", &[]).is_local && !read("::1", &[("x-forwarded-for", "192.0.2.1")]).is_local);
        assert!(
            Asking::read(&HeaderMap::new(), &Extensions::new(), &ServeConfig::default(), &Proxies(Vec::new()))
                .is_none()
        );
    }
}
