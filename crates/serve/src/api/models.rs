//! `GET /models`: the ensemble's members and state.

use crate::shapes::Models;
use crate::{AppState, Problem};
use axum::Json;
use axum::extract::State;
use utoipa_axum::{router::OpenApiRouter, routes};

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(models))
}

/// State, training data and members.
#[utoipa::path(get, path = "/models", tag = "models", responses((status = 200, body = Models)))]
async fn models(State(state): State<AppState>) -> Result<Json<Models>, Problem> {
    state.blocking(|_, live| Ok(Json(live.models()))).await
}
