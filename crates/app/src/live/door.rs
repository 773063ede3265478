//! The dashboard's door as this process opens it: who may come in by what lies in the data directory, and where it may listen. Owns
//! nothing of what is decided there, which is `serve::auth`'s.

use crate::config::Config;
use crate::failure::{Context, Result};
use serve::Auth;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use store::access::Access;

/// Can somebody log in? Looked up without making anything: a refused start leaves nothing behind.
fn has_login(config: &Config, data_dir: &Path) -> Result<bool> {
    if config.serve.has_other_login() {
        return Ok(true);
    }
    match Access::open_if_there(data_dir).plain()? {
        Some(access) => access.has_users().plain(),
        None => Ok(false),
    }
}

/// Refuses an address that others could reach while nobody could log in.
pub fn check_listen(config: &Config, data_dir: &Path, listen: SocketAddr) -> Result<()> {
    serve::check_listen(listen, has_login(config, data_dir)?).plain()
}

/// Opens it. Inside a runtime.
pub async fn open(config: &Config, data_dir: &Path, listen: SocketAddr) -> Result<serve::Door> {
    let door = serve::bind(listen, has_login(config, data_dir)?, &config.serve).await.plain()?;
    if config.serve.oidc.is_set() && !cfg!(feature = "oidc") {
        tracing::error!("serve.oidc: this build has no log-in by identity providers; build with the feature oidc");
    }
    Ok(door)
}

/// What decides who comes in.
pub fn auth(config: &Config, data_dir: &Path) -> Result<Arc<Auth>> {
    let access = Arc::new(Access::open(data_dir).plain()?);
    Auth::new(access, &config.serve).map(Arc::new).plain()
}

/// How browsers reach it.
pub const fn scheme(door: &serve::Door) -> &'static str {
    if door.is_tls() { "https" } else { "http" }
}
