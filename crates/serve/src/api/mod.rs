//! The endpoints of `/api/v1`: one file and one line of `ENDPOINTS` each.

mod assets;
mod audit;
mod captures;
mod countries;
mod export;
mod flows;
mod graph;
mod health;
mod hosts;
mod incident_counts;
mod incidents;
mod live;
mod models;
mod models_import;
mod notifications;
mod oidc;
mod packets;
mod reports;
mod scans;
mod series;
mod session;
mod settings;
mod setup;
mod sockets;
mod sources;
mod summary;
mod suppressions;
mod threat_lists;
mod tokens;
mod top;
mod users;

#[cfg(test)]
pub(crate) use models_import::REQUEST_BYTES_MAX;

use crate::AppState;
use utoipa_axum::router::OpenApiRouter;

/// The registry: every endpoint file, in the order of the reference page.
const ENDPOINTS: &[fn() -> OpenApiRouter<AppState>] = &[
    summary::routes,
    flows::routes,
    hosts::routes,
    graph::routes,
    incidents::routes,
    incident_counts::routes,
    suppressions::routes,
    notifications::routes,
    settings::routes,
    setup::routes,
    packets::routes,
    series::routes,
    top::routes,
    countries::routes,
    models::routes,
    models_import::routes,
    threat_lists::routes,
    sources::routes,
    sockets::routes,
    health::routes,
    captures::routes,
    scans::routes,
    assets::routes,
    export::routes,
    reports::routes,
    live::routes,
    session::routes,
    oidc::routes,
    users::routes,
    tokens::routes,
    audit::routes,
];

/// All endpoints, without their prefix.
pub(crate) fn endpoints() -> OpenApiRouter<AppState> {
    ENDPOINTS.iter().fold(OpenApiRouter::new(), |router, routes| router.merge(routes()))
}
