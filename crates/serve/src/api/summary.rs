//! `GET /summary`: the first screen in one answer.

use crate::shapes::Summary;
use crate::{AppState, Problem};
use axum::Json;
use axum::extract::State;
use utoipa_axum::{router::OpenApiRouter, routes};

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(summary))
}

/// Rates, totals, sources, models, budget and health now.
#[utoipa::path(get, path = "/summary", tag = "overview", responses((status = 200, body = Summary)))]
async fn summary(State(state): State<AppState>) -> Result<Json<Summary>, Problem> {
    state.blocking(|_, live| Ok(Json(live.summary()))).await
}
