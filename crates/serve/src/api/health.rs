//! `GET /health`: every health line and counter.

use crate::shapes::{HealthAnswer, HealthStatus};
use crate::{AppState, Problem};
use axum::Json;
use axum::extract::State;
use record::HealthLevel;
use utoipa_axum::{router::OpenApiRouter, routes};

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(health))
}

/// Is the watch itself healthy?
#[utoipa::path(get, path = "/health", tag = "overview", responses((status = 200, body = HealthAnswer)))]
async fn health(State(state): State<AppState>) -> Result<Json<HealthAnswer>, Problem> {
    state
        .blocking(|_, live| {
            let items = live.health();
            let status = match items.iter().map(|i| i.level).max() {
                Some(HealthLevel::Error) => HealthStatus::Failed,
                Some(HealthLevel::Warning) => HealthStatus::Degraded,
                _ => HealthStatus::Ok,
            };
            Ok(Json(HealthAnswer { status, items, counters: live.counters() }))
        })
        .await
}
