//! `GET /sources`: where data comes from, and how each source and each exporter does.

use crate::shapes::SourcesView;
use crate::{AppState, Problem};
use axum::Json;
use axum::extract::State;
use utoipa_axum::{router::OpenApiRouter, routes};

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(sources))
}

/// Sources in the order of the command line, collectors with their exporters.
#[utoipa::path(get, path = "/sources", operation_id = "sources", tag = "overview", responses(
    (status = 200, body = SourcesView)))]
async fn sources(State(state): State<AppState>) -> Result<Json<SourcesView>, Problem> {
    state.blocking(|_, live| Ok(Json(live.sources()))).await
}
