//! `GET /suppressions`, `DELETE /suppressions/{id}`: what false positives keep out of the inbox.

use crate::shapes::{SuppressionUndone, Suppressions};
use crate::{AppState, Problem};
use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use utoipa_axum::{router::OpenApiRouter, routes};

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(undo))
}

/// Suppressions in force, newest first.
#[utoipa::path(get, path = "/suppressions", operation_id = "suppressions", tag = "incidents", responses(
    (status = 200, body = Suppressions)))]
async fn list(State(state): State<AppState>) -> Result<Json<Suppressions>, Problem> {
    state.blocking(|_, live| Ok(Json(live.suppressions()?))).await
}

/// Takes back the false positive that a suppression follows from, with all that followed.
#[utoipa::path(delete, path = "/suppressions/{id}", operation_id = "undo_suppression", tag = "incidents",
    params(("id" = u64, Path, description = "number of the suppression")), responses(
    (status = 200, body = SuppressionUndone),
    (status = 403, body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json")))]
async fn undo(
    State(state): State<AppState>,
    id: Result<Path<u64>, PathRejection>,
) -> Result<Json<SuppressionUndone>, Problem> {
    let id = id?.0;
    state.blocking(move |_, live| Ok(Json(live.undo_suppression(id)?))).await
}
