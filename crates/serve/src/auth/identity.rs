//! Who a request is of: nobody who had to log in, a session, a token, whom a proxy names. Asked of the database at each request, so that
//! what was ended or changed, by another process too, holds at once.

use super::asking::Asking;
use super::{Auth, secret};
use crate::{Problem, ServeConfig};
use axum::http::StatusCode;
use record::Timestamp;
use std::time::{SystemTime, UNIX_EPOCH};
use store::access::Role;

/// How it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Via {
    /// Nobody has to log in: there are no users, and it comes from this machine.
    Nobody,
    /// A session, begun with a password.
    Password,
    /// A session, begun by the identity provider.
    Oidc,
    /// An API token.
    Token,
    /// A proxy's header.
    Proxy,
}

impl Via {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Nobody => "",
            Self::Password => "password",
            Self::Oidc => "oidc",
            Self::Token => "token",
            Self::Proxy => "proxy",
        }
    }
}

/// Who it is.
#[derive(Clone, Debug)]
pub(crate) struct Identity {
    /// Name; empty where nobody has to log in.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// May it only look?
    pub read_only: bool,
    /// How it is known.
    pub via: Via,
    /// Hash of the session's or the token's secret.
    pub hash: Option<[u8; 32]>,
    /// What must stand beside a change; None where a browser adds nothing by itself.
    pub csrf: Option<String>,
    /// Has it a password that can be changed?
    pub has_password: bool,
}

impl Identity {
    /// As the audit log has it.
    pub(crate) fn who(&self) -> String {
        if self.via == Via::Token { format!("token {}", self.name) } else { self.name.clone() }
    }

    pub(crate) fn role_name(&self) -> &'static str {
        if self.via == Via::Nobody { "" } else { self.role.name() }
    }
}

/// Why nobody is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Unknown {
    /// Nothing that proves anything.
    LogIn,
    /// It shows a session or a token that does not hold.
    Ended,
    /// Nobody could log in: there are no users, and it comes from elsewhere.
    NoUsers,
}

impl Unknown {
    pub(crate) fn problem(&self) -> Problem {
        match self {
            Self::LogIn => Problem::new(StatusCode::UNAUTHORIZED, "log in first, or send an API token"),
            Self::Ended => {
                Problem::new(StatusCode::UNAUTHORIZED, "this log-in or token does not hold any more; log in again")
            }
            Self::NoUsers => Problem::new(
                StatusCode::FORBIDDEN,
                "nobody can log in yet; on the machine that Tripline runs on: tripline user add NAME",
            ),
        }
    }
}

/// Wall time.
pub(crate) fn now() -> Timestamp {
    Timestamp(SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_nanos() as i64))
}

impl Auth {
    /// Who asks. Reads the database: on a thread that may block.
    ///
    /// # Errors
    /// The database's.
    pub(crate) fn identify(&self, asking: &Asking, config: &ServeConfig) -> Result<Result<Identity, Unknown>, Problem> {
        let is_open = !self.must_log_in(config)?;
        if is_open {
            return Ok(if asking.is_local { Ok(nobody()) } else { Err(Unknown::NoUsers) });
        }
        if let Some(token) = &asking.bearer {
            return Ok(self.by_token(token)?.ok_or(Unknown::Ended));
        }
        if let Some(name) = &asking.proxy_user {
            return self.by_proxy(name, config).map(Ok);
        }
        let Some(cookie) = &asking.cookie else { return Ok(Err(Unknown::LogIn)) };
        Ok(self.by_session(cookie, config)?.ok_or(Unknown::Ended))
    }

    /// Is there any way to log in? While there is none, this machine's own requests are let in.
    ///
    /// # Errors
    /// The database's.
    pub(crate) fn must_log_in(&self, config: &ServeConfig) -> Result<bool, Problem> {
        Ok(config.has_other_login() || self.access.has_users()?)
    }

    fn by_token(&self, token: &str) -> Result<Option<Identity>, Problem> {
        let hash = secret::hash(token);
        let found = self.access.token(&hash, now())?;
        Ok(found.map(|token| Identity {
            name: token.name,
            role: token.role,
            read_only: token.read_only,
            via: Via::Token,
            hash: Some(hash),
            csrf: None,
            has_password: false,
        }))
    }

    fn by_session(&self, cookie: &str, config: &ServeConfig) -> Result<Option<Identity>, Problem> {
        let hash = secret::hash(cookie);
        let found = self.access.session(&hash, config.login.ends(), now(), true)?;
        Ok(found.map(|session| Identity {
            name: session.user,
            role: session.role,
            read_only: false,
            via: if session.origin == Via::Oidc.name() { Via::Oidc } else { Via::Password },
            hash: Some(hash),
            csrf: Some(secret::csrf(cookie)),
            has_password: session.has_password,
        }))
    }

    /// A user here has the role that it has here.
    fn by_proxy(&self, name: &str, config: &ServeConfig) -> Result<Identity, Problem> {
        let user = self.access.user(name)?;
        let mapped = config.proxy.roles.iter().filter_map(|text| super::config::pair(text));
        let mapped = mapped.filter(|(who, _)| who.eq_ignore_ascii_case(name)).map(|(_, role)| role).next();
        let usual = Role::parse(&config.proxy.default_role).unwrap_or(Role::Viewer);
        let role = user.map(|user| user.role).or(mapped).unwrap_or(usual);
        Ok(Identity {
            name: name.to_owned(),
            role,
            read_only: false,
            via: Via::Proxy,
            hash: None,
            csrf: Some(secret::csrf(&format!("{} {name}", self.key))),
            has_password: false,
        })
    }

    /// Does it hold still? Of a stream that has been open for a while.
    ///
    /// # Errors
    /// The database's.
    pub(crate) fn still_holds(&self, identity: &Identity, config: &ServeConfig) -> Result<bool, Problem> {
        let hash = identity.hash.unwrap_or_default();
        Ok(match identity.via {
            Via::Nobody => !self.must_log_in(config)?,
            Via::Proxy => true,
            Via::Token => self.access.token(&hash, now())?.is_some(),
            Via::Password | Via::Oidc => self.access.session(&hash, config.login.ends(), now(), false)?.is_some(),
        })
    }
}

/// Who asks where nobody has to log in.
fn nobody() -> Identity {
    Identity {
        name: String::new(),
        role: Role::Admin,
        read_only: false,
        via: Via::Nobody,
        hash: None,
        csrf: None,
        has_password: false,
    }
}
