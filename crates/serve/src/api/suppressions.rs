//! `GET /suppressions`, `POST /suppressions`, `/suppressions/preview`, `DELETE /suppressions/{id}`: what false positives and rules keep
//! out of the inbox.

use crate::shapes::{RuleAdded, RuleGiven, RulePreview, SuppressionUndone, Suppressions};
use crate::{AppState, Problem};
use axum::Json;
use axum::extract::rejection::{JsonRejection, PathRejection};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use record::Timestamp;
use std::time::{SystemTime, UNIX_EPOCH};
use utoipa_axum::{router::OpenApiRouter, routes};

/// Bytes of a reason.
const REASON_BYTES_MAX: usize = 500;

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list, add)).routes(routes!(preview)).routes(routes!(undo))
}

/// Suppressions in force, newest first.
#[utoipa::path(get, path = "/suppressions", operation_id = "suppressions", tag = "incidents", responses(
    (status = 200, body = Suppressions)))]
async fn list(State(state): State<AppState>) -> Result<Json<Suppressions>, Problem> {
    state.blocking(|_, live| Ok(Json(live.suppressions()?))).await
}

/// A suppression in a person's own scope: incidents that it covers leave the inbox, those to come and those stored that are open or
/// acknowledged. Taken back with `DELETE`, everything is where it was.
#[utoipa::path(post, path = "/suppressions", operation_id = "add_suppression", tag = "incidents", request_body = RuleGiven, responses(
    (status = 201, body = RuleAdded),
    (status = 400, body = Problem, content_type = "application/problem+json"),
    (status = 403, body = Problem, content_type = "application/problem+json"),
    (status = 409, body = Problem, content_type = "application/problem+json"),
    (status = 415, body = Problem, content_type = "application/problem+json"),
    (status = 422, body = Problem, content_type = "application/problem+json")))]
async fn add(
    State(state): State<AppState>,
    given: Result<Json<RuleGiven>, JsonRejection>,
) -> Result<(StatusCode, Json<RuleAdded>), Problem> {
    let mut given = given?.0;
    given.reason = given.reason.trim().to_owned();
    if given.reason.is_empty() || given.reason.len() > REASON_BYTES_MAX {
        return Err(Problem::bad_request(format!(
            "reason must have 1 to {REASON_BYTES_MAX} bytes: who reads it next year was not there"
        )));
    }
    if given.until.is_some_and(|until| until <= now()) {
        return Err(Problem::bad_request("the end of the suppression has passed already"));
    }
    state.blocking(move |_, live| Ok((StatusCode::CREATED, Json(live.add_rule(given)?)))).await
}

/// What a rule would hide, before it is given.
#[utoipa::path(post, path = "/suppressions/preview", operation_id = "preview_suppression", tag = "incidents", request_body = RuleGiven, responses(
    (status = 200, body = RulePreview),
    (status = 400, body = Problem, content_type = "application/problem+json"),
    (status = 403, body = Problem, content_type = "application/problem+json"),
    (status = 415, body = Problem, content_type = "application/problem+json"),
    (status = 422, body = Problem, content_type = "application/problem+json")))]
async fn preview(
    State(state): State<AppState>,
    given: Result<Json<RuleGiven>, JsonRejection>,
) -> Result<Json<RulePreview>, Problem> {
    let given = given?.0;
    state.blocking(move |_, live| Ok(Json(live.preview_rule(given)?))).await
}

/// Takes back a false positive or a rule, with all that followed.
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

fn now() -> Timestamp {
    Timestamp(SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_nanos() as i64))
}
