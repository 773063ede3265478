//! `GET /sockets`: what this machine knows of itself without capturing.

use crate::shapes::Sockets;
use crate::{AppState, Problem};
use axum::Json;
use axum::extract::State;
use utoipa_axum::{router::OpenApiRouter, routes};

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(sockets))
}

/// This machine's listening and connected sockets with their processes, and its interfaces' counters.
#[utoipa::path(get, path = "/sockets", operation_id = "sockets", tag = "overview", responses(
    (status = 200, body = Sockets)))]
async fn sockets(State(state): State<AppState>) -> Result<Json<Sockets>, Problem> {
    state.blocking(|_, live| Ok(Json(live.sockets()))).await
}
