//! Who may come in: users and their passwords, sessions, API tokens, a proxy in front, an identity provider, and what each may do. Owns
//! the decision before every handler and the log of what was done; where users are kept is `store::access`, what an operation does is
//! its handler's. docs/decisions/0014 says why it is so.

mod admit;
mod asking;
mod config;
mod identity;
mod limit;
mod notes;
#[cfg(feature = "oidc")]
pub(crate) mod oidc;
mod password;
mod roles;
mod secret;

pub(crate) use admit::admit;
pub use asking::Peer;
#[cfg(feature = "oidc")]
pub(crate) use asking::cookie;
pub(crate) use asking::{Asking, cookie_name, is_name};
pub(crate) use config::check;
pub use config::{LoginConfig, OidcConfig, ProxyConfig, TlsConfig};
pub(crate) use identity::{Identity, Via, now};
pub(crate) use limit::Attempt;
pub(crate) use notes::Notes;
pub use notes::audit_note;
pub(crate) use password::PASSWORD_BYTES_MAX;
pub use password::{check_password, hash_password};
#[cfg(test)]
pub(crate) use roles::{Need, TABLE};
pub(crate) use secret::csrf;
pub use secret::{hash as secret_hash, new_password, new_secret, new_token};

use crate::{Problem, ServeConfig};
use axum::http::StatusCode;
use limit::Limiter;
use password::Hasher;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use store::access::{Access, AccessError, AuditRow};
use tokio::sync::Notify;

/// A stream asks so often whether its session holds: what another process ended ends here too.
const STREAM_CHECK: Duration = Duration::from_secs(2);

/// May a user be called so?
#[must_use]
pub fn is_user_name(name: &str) -> bool {
    is_name(name)
}

/// Everything that deciding needs.
pub struct Auth {
    pub(crate) access: Arc<Access>,
    pub(crate) hasher: Hasher,
    proxies: asking::Proxies,
    limiter: Mutex<Limiter>,
    /// Of this process: what a page must show beside a proxy's word follows from it.
    key: String,
    ended: Notify,
    turned_away: AtomicU64,
    refused: AtomicU64,
    #[cfg(feature = "oidc")]
    pub(crate) oidc: oidc::Provider,
}

impl Auth {
    /// For one process.
    ///
    /// # Errors
    /// The machine has no randomness, or a file of the settings cannot be read.
    pub fn new(access: Arc<Access>, config: &ServeConfig) -> Result<Self, String> {
        Ok(Self {
            access,
            hasher: Hasher::new(),
            proxies: asking::Proxies::new(config),
            limiter: Mutex::new(Limiter::new()),
            key: new_secret().map_err(|problem| problem.detail)?,
            ended: Notify::new(),
            turned_away: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            #[cfg(feature = "oidc")]
            oidc: oidc::Provider::new(&config.oidc)?,
        })
    }

    /// What happened at the door, by name.
    pub(crate) fn counters(&self) -> [(&'static str, u64); 2] {
        let read = |n: &AtomicU64| n.load(Ordering::Relaxed);
        [("logins_turned_away", read(&self.turned_away)), ("logins_refused", read(&self.refused))]
    }

    /// Lets an attempt through, counted as a failure until `attempt_right`; or says how long to wait. Known addresses are asked of the
    /// database only where the address itself need not wait.
    ///
    /// # Errors
    /// 429 with the seconds in its words.
    pub(crate) fn attempt(&self, ip: IpAddr, name: &str) -> Result<(bool, bool), (u64, Problem)> {
        let at = now().0;
        let stranger = Attempt { ip, name, known: true };
        let limiter = || self.limiter.lock().unwrap_or_else(PoisonError::into_inner);
        let wait = limiter().wait_s(stranger, at);
        let known = wait.is_none() && self.access.knows_address(name, &ip.to_string()).unwrap_or(false);
        let attempt = Attempt { ip, name, known };
        let mut limiter = limiter();
        if let Some(seconds) = wait.or_else(|| limiter.wait_s(attempt, at)) {
            self.turned_away.fetch_add(1, Ordering::Relaxed);
            let text = format!("too many log-ins that failed; try again in {seconds} s");
            return Err((seconds, Problem::new(StatusCode::TOO_MANY_REQUESTS, text)));
        }
        Ok((known, limiter.failed(attempt, at)))
    }

    /// What was let through was right.
    pub(crate) fn attempt_right(&self, attempt: Attempt<'_>) {
        self.limiter.lock().unwrap_or_else(PoisonError::into_inner).right(attempt);
    }

    /// What was let through was wrong.
    pub(crate) fn attempt_wrong(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    /// Streams of sessions that have ended end now.
    pub(crate) fn sessions_changed(&self) {
        self.ended.notify_waiters();
    }

    /// Is done when what a stream stands on does not hold any more.
    pub(crate) async fn ended(self: Arc<Self>, identity: Identity, config: Arc<ServeConfig>) {
        loop {
            tokio::select! {
                () = self.ended.notified() => {}
                () = tokio::time::sleep(STREAM_CHECK) => {}
            }
            let (auth, who, config) = (Arc::clone(&self), identity.clone(), Arc::clone(&config));
            let asked = tokio::task::spawn_blocking(move || auth.still_holds(&who, &config)).await;
            // A database that cannot be asked ends no stream: it lets nobody new in either.
            if matches!(asked, Ok(Ok(false))) {
                return;
            }
        }
    }

    /// Adds a row to the audit log; a log that cannot be written is told on the process's own.
    pub(crate) fn write_down(&self, row: &AuditRow) {
        if let Err(error) = self.access.audit(row) {
            tracing::error!("the audit log: {error}");
        }
    }
}

impl From<AccessError> for Problem {
    fn from(error: AccessError) -> Self {
        let status = match &error {
            AccessError::Store(_) => StatusCode::INTERNAL_SERVER_ERROR,
            AccessError::Missing { .. } => StatusCode::NOT_FOUND,
            AccessError::Refused(_) => StatusCode::CONFLICT,
        };
        Self::new(status, error.to_string())
    }
}
