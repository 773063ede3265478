//! `GET /threat-lists`: which threat-intelligence lists are in use, and in which state.

use crate::shapes::ThreatLists;
use crate::{AppState, Problem};
use axum::Json;
use axum::extract::State;
use utoipa_axum::{router::OpenApiRouter, routes};

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list))
}

/// Threat-intelligence lists in use, in the order of the settings.
#[utoipa::path(get, path = "/threat-lists", operation_id = "threat_lists", tag = "overview", responses(
    (status = 200, body = ThreatLists)))]
async fn list(State(state): State<AppState>) -> Result<Json<ThreatLists>, Problem> {
    state.blocking(|_, live| Ok(Json(live.threat_lists()))).await
}
