//! Settings of log-in, of TLS, of a proxy in front, of an identity provider. Owns what may stand in them; reads no file.

use record::{IpAddr16, Password, Prefix};
use serde::{Deserialize, Serialize};
use std::net::IpAddr;
use std::path::PathBuf;
use store::access::{Role, SessionEnds};

/// `[serve.login]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LoginConfig {
    /// A session that nobody uses ends after so long.
    pub session_idle_s: u32,
    /// Every session ends after so long.
    pub session_max_s: u32,
    /// Characters that a password must have.
    pub password_chars_min: u8,
}

impl Default for LoginConfig {
    fn default() -> Self {
        Self { session_idle_s: 8 * 3600, session_max_s: 7 * 86_400, password_chars_min: 12 }
    }
}

impl LoginConfig {
    pub(crate) fn ends(&self) -> SessionEnds {
        let ns = |seconds: u32| i64::from(seconds) * record::timestamp::NS_PER_S;
        SessionEnds { idle_ns: ns(self.session_idle_s), absolute_ns: ns(self.session_max_s) }
    }
}

/// `[serve.tls]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TlsConfig {
    /// Certificates, PEM, the server's own first. Empty: no TLS.
    pub certificate: PathBuf,
    /// Their private key, PEM.
    pub key: PathBuf,
}

impl TlsConfig {
    /// Is TLS asked for?
    #[must_use]
    pub fn is_set(&self) -> bool {
        !self.certificate.as_os_str().is_empty()
    }
}

/// `[serve.proxy]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ProxyConfig {
    /// Networks or addresses of proxies whose headers are believed. Empty: none.
    pub trusted: Vec<String>,
    /// Header in which such a proxy names the user who has logged in there. Empty: none.
    pub user_header: String,
    /// Role of users named so who are no users here and have no other role below.
    pub default_role: String,
    /// Users with another role, as `name=role`.
    pub roles: Vec<String>,
}

impl Default for ProxyConfig {
    fn default() -> Self {
        let default_role = Role::Viewer.name().to_owned();
        Self { trusted: Vec::new(), user_header: String::new(), default_role, roles: Vec::new() }
    }
}

/// `[serve.oidc]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OidcConfig {
    /// Address of the identity provider, as it names itself. Empty: none.
    pub issuer: String,
    /// Name under which it knows this dashboard.
    pub client_id: String,
    /// What proves it.
    pub client_secret: Password,
    /// File whose first line is that.
    pub client_secret_file: PathBuf,
    /// Where browsers reach this dashboard: the provider sends them back there.
    pub public_url: String,
    /// What is asked for beside `openid`.
    pub scopes: Vec<String>,
    /// Claim that names the user.
    pub name_claim: String,
    /// Claim that holds groups or roles. Empty: none.
    pub role_claim: String,
    /// Its values and the roles they stand for, as `value=role`.
    pub roles: Vec<String>,
    /// Role of those with none of these values; empty: they may not come in.
    pub default_role: String,
    /// Authorities of the provider's certificate, PEM. Empty: those that this machine trusts.
    pub ca_file: PathBuf,
    /// What the button on the log-in page says.
    pub button: String,
}

impl Default for OidcConfig {
    fn default() -> Self {
        Self {
            issuer: String::new(),
            client_id: String::new(),
            client_secret: Password::default(),
            client_secret_file: PathBuf::new(),
            public_url: String::new(),
            scopes: vec!["profile".to_owned(), "email".to_owned()],
            name_claim: "preferred_username".to_owned(),
            role_claim: String::new(),
            roles: Vec::new(),
            default_role: String::new(),
            ca_file: PathBuf::new(),
            button: "Log in with single sign-on".to_owned(),
        }
    }
}

impl OidcConfig {
    /// Is a provider named?
    #[must_use]
    pub fn is_set(&self) -> bool {
        !self.issuer.is_empty()
    }
}

/// A network or one address.
pub(crate) fn network(text: &str) -> Option<Prefix> {
    match text.parse::<IpAddr>() {
        Ok(ip) => Prefix::new(address(ip), 128).or_else(|| Prefix::new(address(ip), 32)),
        Err(_) => text.parse().ok(),
    }
}

/// As the room of records spells addresses.
pub(crate) fn address(ip: IpAddr) -> IpAddr16 {
    IpAddr16::from(ip)
}

/// `name=role`.
pub(crate) fn pair(text: &str) -> Option<(&str, Role)> {
    let (name, role) = text.rsplit_once('=')?;
    Some((name.trim(), Role::parse(role.trim())?)).filter(|(name, _)| !name.is_empty())
}

fn pairs(key: &str, texts: &[String]) -> Result<(), String> {
    match texts.iter().find(|text| pair(text).is_none()) {
        None => Ok(()),
        Some(text) => Err(format!("{key}: `{text}` is not NAME=ROLE; roles are viewer, analyst and admin")),
    }
}

/// Checks what types cannot say.
///
/// # Errors
/// A sentence that names the setting.
pub(crate) fn check(config: &crate::ServeConfig) -> Result<(), String> {
    let login = &config.login;
    if login.session_idle_s < 60 || login.session_max_s < login.session_idle_s {
        return Err("serve.login.session_idle_s must be 60 or more, and session_max_s not less than it".to_owned());
    }
    if !(8..=64).contains(&login.password_chars_min) {
        return Err("serve.login.password_chars_min must be 8 to 64".to_owned());
    }
    if config.tls.is_set() == config.tls.key.as_os_str().is_empty() {
        return Err("serve.tls: give certificate and key, or neither".to_owned());
    }
    check_proxy(&config.proxy)?;
    check_oidc(&config.oidc)
}

fn check_proxy(proxy: &ProxyConfig) -> Result<(), String> {
    if let Some(text) = proxy.trusted.iter().find(|text| network(text).is_none()) {
        return Err(format!("serve.proxy.trusted: `{text}` is no address or network; write 192.0.2.1 or 10.0.0.0/8"));
    }
    pairs("serve.proxy.roles", &proxy.roles)?;
    if Role::parse(&proxy.default_role).is_none() {
        return Err(format!("serve.proxy.default_role: `{}` is not viewer, analyst or admin", proxy.default_role));
    }
    if proxy.user_header.is_empty() {
        return Ok(());
    }
    if proxy.trusted.is_empty() {
        return Err("serve.proxy.user_header is believed from nobody: name the proxy in serve.proxy.trusted".to_owned());
    }
    let name = axum::http::HeaderName::try_from(proxy.user_header.as_str());
    let taken = ["authorization", "cookie", "host", "origin", "x-forwarded-for"];
    match name {
        Ok(name) if !taken.contains(&name.as_str()) => Ok(()),
        _ => Err(format!(
            "serve.proxy.user_header: `{}` cannot be used; take a header of its own, such as X-Remote-User",
            proxy.user_header
        )),
    }
}

fn check_oidc(oidc: &OidcConfig) -> Result<(), String> {
    pairs("serve.oidc.roles", &oidc.roles)?;
    if !oidc.default_role.is_empty() && Role::parse(&oidc.default_role).is_none() {
        return Err(format!("serve.oidc.default_role: `{}` is not viewer, analyst or admin", oidc.default_role));
    }
    if !oidc.is_set() {
        return Ok(());
    }
    let local = |url: &str| {
        let host = url.strip_prefix("http://").unwrap_or_default();
        ["127.0.0.1", "[::1]", "localhost"].iter().any(|name| host.starts_with(name))
    };
    for (name, url) in [("issuer", &oidc.issuer), ("public_url", &oidc.public_url)] {
        if !url.starts_with("https://") && !local(url) {
            return Err(format!("serve.oidc.{name}: `{url}` must begin with https:// (http:// on this machine alone)"));
        }
    }
    if oidc.client_id.is_empty() {
        return Err("serve.oidc.client_id is empty: it is the name that the provider gave to this dashboard".to_owned());
    }
    if !oidc.client_secret.0.is_empty() && !oidc.client_secret_file.as_os_str().is_empty() {
        return Err("serve.oidc: give client_secret or client_secret_file, not both".to_owned());
    }
    Ok(())
}
