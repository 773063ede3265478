//! What every handler holds, and the settings of serving.

use crate::auth::{Auth, LoginConfig, Notes, OidcConfig, ProxyConfig, TlsConfig};
use crate::{Exports, Hub, Live, Problem};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;
use std::sync::Arc;
use store::Read;

/// Settings of serving, section `[serve]`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ServeConfig {
    /// Address and port of the dashboard. Only loopback is allowed until somebody can log in.
    pub listen: SocketAddr,
    /// Names, beside `localhost` and IP addresses, under which a browser may reach the dashboard. Requests under any
    /// other name are refused, so that a foreign page cannot reach it by rebinding its own name.
    pub host_names: Vec<String>,
    /// Most live streams at the same time; more are refused with 503.
    pub streams_max: usize,
    /// Sessions and passwords.
    pub login: LoginConfig,
    /// TLS.
    pub tls: TlsConfig,
    /// A proxy in front.
    pub proxy: ProxyConfig,
    /// An identity provider.
    pub oidc: OidcConfig,
}

impl ServeConfig {
    /// Checks what types cannot say.
    ///
    /// # Errors
    /// A sentence that names the setting.
    pub fn check(&self) -> Result<(), String> {
        crate::auth::check(self)
    }

    /// Can somebody log in who is no user here?
    #[must_use]
    pub fn has_other_login(&self) -> bool {
        !self.proxy.user_header.is_empty() || self.oidc.is_set()
    }
}

impl Default for ServeConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 7070)),
            host_names: Vec::new(),
            streams_max: 64,
            login: LoginConfig::default(),
            tls: TlsConfig::default(),
            proxy: ProxyConfig::default(),
            oidc: OidcConfig::default(),
        }
    }
}

/// Shared by all handlers; cheap to clone.
#[derive(Clone)]
pub struct AppState {
    /// The store's reading side.
    pub read: Arc<dyn Read>,
    /// The running process.
    pub live: Arc<dyn Live>,
    /// The live stream.
    pub hub: Hub,
    /// Downloads of rows.
    pub exports: Exports,
    /// Who may come in.
    pub auth: Arc<Auth>,
    /// Settings.
    pub config: Arc<ServeConfig>,
}

impl AppState {
    /// Runs a blocking call (a read of the store, a lock of the process) away from the async threads.
    ///
    /// # Errors
    /// What the call said; 500 when it panicked.
    pub async fn blocking<T, F>(&self, work: F) -> Result<T, Problem>
    where
        T: Send + 'static,
        F: FnOnce(&dyn Read, &dyn Live) -> Result<T, Problem> + Send + 'static,
    {
        let (read, live) = (Arc::clone(&self.read), Arc::clone(&self.live));
        let notes = Notes::here();
        let work = move || match notes {
            Some(notes) => notes.during(|| work(&*read, &*live)),
            None => work(&*read, &*live),
        };
        tokio::task::spawn_blocking(work).await.unwrap_or_else(|e| {
            Err(Problem::new(StatusCode::INTERNAL_SERVER_ERROR, format!("the request failed: {e}")))
        })
    }
}
