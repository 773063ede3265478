//! REST, live stream, OpenAPI, metrics, the embedded page.
//!
//! This room owns HTTP: what is asked, what is answered, who may ask. It reads the store through `store::Read` and the
//! running process through `Live`; it knows no packet, no model and no table.

pub mod api;
pub mod auth;
pub mod export;
pub mod hub;
pub mod live;
pub mod problem;
pub mod reports;
pub mod scans;
pub mod server;
pub mod setup;
pub mod shapes;
pub mod state;
pub mod uploads;

mod country;
mod docs;
mod guard;
mod login_page;
mod metrics;
mod page;
mod params;
mod statistics;
mod tls;

pub use auth::{Auth, LoginConfig, OidcConfig, Peer, ProxyConfig, TlsConfig, audit_note};
pub use export::Exports;
pub use hub::{EventKind, Hub};
pub use live::{Live, LiveError, ModelUpload, PacketQuery};
pub use problem::Problem;
pub use reports::{ReportFormat, ReportKeeper};
pub use scans::{DiffFormat, ScanKeeper};
pub use server::{ServeError, bind, check_listen, openapi_json, router, serve_on};
pub use setup::SetupKeeper;
pub use state::{AppState, ServeConfig};
pub use tls::{Door, Reload};
pub use uploads::{Receiving, UploadKeeper};

#[cfg(test)]
mod tests;
