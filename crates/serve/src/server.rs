//! The router, the listener, and the end. Owns which address may be listened on.

use crate::auth::{self, Peer};
use crate::tls::{Door, Reload};
use crate::{AppState, Problem, ServeConfig, api, docs, guard, login_page, metrics, page};
use axum::http::header;
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Router, middleware};
use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpListener;
use tower_http::compression::CompressionLayer;
use utoipa::OpenApi;
use utoipa_axum::{router::OpenApiRouter, routes};

/// How long open requests may go on after the end was asked for. Live streams never end by themselves.
const DRAIN: Duration = Duration::from_secs(2);

/// Why serving could not begin or go on.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// A listener that others could reach, while no user exists who could log in.
    #[error(
        "refusing to listen on {0}: nobody can log in yet, so anyone who reaches it could read everything; add a user first \
         (tripline user add NAME), or listen on 127.0.0.1 and use a tunnel (ssh -L)"
    )]
    NotLoopback(SocketAddr),
    /// Another process has the port.
    #[error("port {} of {} is in use by another process; stop that one, or choose another port with --listen", .0.port(), .0.ip())]
    InUse(SocketAddr),
    /// Ports below 1024 need a right.
    #[error("this user may not listen on {0}; choose a port from 1024 on with --listen")]
    NotAllowed(SocketAddr),
    /// Anything else.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// The files of TLS cannot be used.
    #[error("{0}")]
    Tls(String),
    /// The server ended by an error.
    #[error("the web server ended: {0}")]
    Ended(std::io::Error),
}

/// The document's head.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Tripline",
        description = "Flows, incidents, hosts, packets and live events of one Tripline process."
    ),
    components(schemas(Problem))
)]
struct Document;

fn parts() -> (Router<AppState>, utoipa::openapi::OpenApi) {
    OpenApiRouter::with_openapi(Document::openapi())
        .nest("/api/v1", api::endpoints())
        .routes(routes!(metrics::metrics))
        .routes(routes!(metrics::healthz))
        .routes(routes!(metrics::readyz))
        .split_for_parts()
}

/// The OpenAPI document, made from the handlers; ends with a line feed.
#[must_use]
pub fn openapi_json() -> String {
    let mut text = parts().1.to_pretty_json().unwrap_or_default();
    text.push('\n');
    text
}

/// Everything that is served, ready for a listener or a test.
pub fn router(state: AppState) -> Router {
    let (router, document) = parts();
    let document = document.to_json().unwrap_or_default();
    let openapi = move || async move { ([(header::CONTENT_TYPE, "application/json")], document).into_response() };
    router
        .route("/openapi.json", get(openapi))
        .merge(docs::routes())
        .merge(login_page::routes())
        .fallback(page::page)
        .method_not_allowed_fallback(page::not_allowed)
        .layer(middleware::from_fn_with_state(state.clone(), auth::admit))
        .layer(middleware::from_fn_with_state(state.clone(), guard::guard))
        .layer(CompressionLayer::new())
        .with_state(state)
}

/// Refuses an address that others could reach while nobody could log in.
///
/// # Errors
/// `ServeError::NotLoopback`.
pub fn check_listen(address: SocketAddr, has_login: bool) -> Result<(), ServeError> {
    if has_login || address.ip().to_canonical().is_loopback() { Ok(()) } else { Err(ServeError::NotLoopback(address)) }
}

/// Listens; port 0 takes a free one, which the door knows.
///
/// # Errors
/// Not loopback, in use, not allowed, or files of TLS that cannot be used.
pub async fn bind(address: SocketAddr, has_login: bool, config: &ServeConfig) -> Result<Door, ServeError> {
    check_listen(address, has_login)?;
    let reload = config.tls.is_set().then(|| Reload::open(&config.tls)).transpose().map_err(ServeError::Tls)?;
    let failed = |source: std::io::Error| match source.kind() {
        std::io::ErrorKind::AddrInUse => ServeError::InUse(address),
        std::io::ErrorKind::PermissionDenied => ServeError::NotAllowed(address),
        _ => ServeError::Listen { address, source },
    };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    Door::new(listener, reload).map_err(failed)
}

/// Serves until `shutdown` is done; then open requests get two seconds.
///
/// # Errors
/// `ServeError::Ended`.
pub async fn serve_on(
    door: Door,
    state: AppState,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<(), ServeError> {
    let (ending, ended) = tokio::sync::oneshot::channel::<()>();
    let signal = async move {
        shutdown.await;
        drop(ending);
    };
    let service = router(state).into_make_service_with_connect_info::<Peer>();
    let server = axum::serve(door, service).with_graceful_shutdown(signal);
    let drain = async {
        // Ends when the sender is dropped, which is the signal.
        drop(ended.await);
        tokio::time::sleep(DRAIN).await;
    };
    tokio::select! {
        result = server => result.map_err(ServeError::Ended),
        () = drain => Ok(()),
    }
}
