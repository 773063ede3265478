//! `GET /models`, `GET /models/questions`, `POST /models/retrain`, `POST /models/rollback`: the ensemble, and what can be done with it.

use crate::shapes::{Models, Questions, Retraining, RollbackRequest};
use crate::{AppState, Problem};
use axum::Json;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::http::StatusCode;
use utoipa_axum::{router::OpenApiRouter, routes};

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(models))
        .routes(routes!(retrain))
        .routes(routes!(roll_back))
        .routes(routes!(questions))
}

/// State, members with their live scores, agreement, drift, training data, versions, the last challenge and what happened.
#[utoipa::path(get, path = "/models", tag = "models", responses((status = 200, body = Models)))]
async fn models(State(state): State<AppState>) -> Result<Json<Models>, Problem> {
    state.blocking(|_, live| Ok(Json(live.models()))).await
}

/// The few incidents of today for which a verdict would teach most, because the models are of two minds about them.
#[utoipa::path(get, path = "/models/questions", operation_id = "questions", tag = "models", responses(
    (status = 200, body = Questions)))]
async fn questions(State(state): State<AppState>) -> Result<Json<Questions>, Problem> {
    state.blocking(|_, live| Ok(Json(live.questions()?))).await
}

/// Begins a training now; its models take the place of the old ones only when they pass the same examination as every night.
#[utoipa::path(post, path = "/models/retrain", operation_id = "retrain_models", tag = "models", responses(
    (status = 202, body = Retraining),
    (status = 403, body = Problem, content_type = "application/problem+json"),
    (status = 409, body = Problem, content_type = "application/problem+json")))]
async fn retrain(State(state): State<AppState>) -> Result<(StatusCode, Json<Retraining>), Problem> {
    state.blocking(|_, live| Ok((StatusCode::ACCEPTED, Json(live.retrain()?)))).await
}

/// Puts a kept version in place; the one before it is kept as well.
#[utoipa::path(post, path = "/models/rollback", operation_id = "roll_back_models", tag = "models",
    request_body = RollbackRequest, responses(
    (status = 200, body = Models),
    (status = 400, body = Problem, content_type = "application/problem+json"),
    (status = 403, body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json"),
    (status = 409, body = Problem, content_type = "application/problem+json"),
    (status = 415, body = Problem, content_type = "application/problem+json"),
    (status = 422, body = Problem, content_type = "application/problem+json")))]
async fn roll_back(
    State(state): State<AppState>,
    wanted: Result<Json<RollbackRequest>, JsonRejection>,
) -> Result<Json<Models>, Problem> {
    let RollbackRequest { version, kind } = wanted?.0;
    state.blocking(move |_, live| Ok(Json(live.roll_back(&kind, version)?))).await
}
