//! `/setup`: the first start. `POST /setup/user` is not here: users belong to who logs them in.

use crate::auth::{Identity, Via};
use crate::setup::SetupKeeper;
use crate::shapes::{Setup, SetupGiven, SetupPreview};
use crate::{AppState, Live, LiveError, Problem};
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::http::StatusCode;
use axum::{Extension, Json};
use std::sync::Arc;
use utoipa_axum::{router::OpenApiRouter, routes};

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(view, apply)).routes(routes!(preview)).routes(routes!(restart))
}

fn keeper(live: &dyn Live) -> Result<Arc<dyn SetupKeeper>, Problem> {
    let off = "this process asks no first questions";
    live.setup().ok_or_else(|| LiveError::Unavailable(off.to_owned()).into())
}

/// What there is to choose from at the first start: interfaces with what passes there, networks, kinds of places.
#[utoipa::path(get, path = "/setup", operation_id = "setup", tag = "settings", responses(
    (status = 200, body = Setup),
    (status = 503, body = Problem, content_type = "application/problem+json")))]
async fn view(State(state): State<AppState>, Extension(identity): Extension<Identity>) -> Result<Json<Setup>, Problem> {
    let user_needed = identity.via == Via::Nobody;
    state.blocking(move |_, live| Ok(Json(Setup { user_needed, ..keeper(live)?.view()? }))).await
}

/// What the answers would do. Nothing is done.
#[utoipa::path(post, path = "/setup/preview", operation_id = "preview_setup", tag = "settings", request_body = SetupGiven, responses(
    (status = 200, body = SetupPreview),
    (status = 400, body = Problem, content_type = "application/problem+json"),
    (status = 403, body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json"),
    (status = 415, body = Problem, content_type = "application/problem+json"),
    (status = 422, body = Problem, content_type = "application/problem+json"),
    (status = 503, body = Problem, content_type = "application/problem+json")))]
async fn preview(
    State(state): State<AppState>,
    given: Result<Json<SetupGiven>, JsonRejection>,
) -> Result<Json<SetupPreview>, Problem> {
    let given = given?.0;
    state.blocking(move |_, live| Ok(Json(keeper(live)?.preview(&given)?))).await
}

/// Writes the answers, all or none, or puts the questions off.
#[utoipa::path(post, path = "/setup", operation_id = "apply_setup", tag = "settings", request_body = SetupGiven, responses(
    (status = 200, body = Setup),
    (status = 400, body = Problem, content_type = "application/problem+json"),
    (status = 403, body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json"),
    (status = 409, body = Problem, content_type = "application/problem+json"),
    (status = 415, body = Problem, content_type = "application/problem+json"),
    (status = 422, body = Problem, content_type = "application/problem+json"),
    (status = 503, body = Problem, content_type = "application/problem+json")))]
async fn apply(
    State(state): State<AppState>,
    Extension(identity): Extension<Identity>,
    given: Result<Json<SetupGiven>, JsonRejection>,
) -> Result<Json<Setup>, Problem> {
    let (given, user_needed) = (given?.0, identity.via == Via::Nobody);
    let work =
        move |live: &dyn Live| -> Result<Setup, Problem> { Ok(Setup { user_needed, ..keeper(live)?.apply(&given)? }) };
    state.blocking(move |_, live| Ok(Json(work(live)?))).await
}

/// Ends the program in order and starts it anew with the options of its call, so that what waits for a start holds.
#[utoipa::path(post, path = "/setup/restart", operation_id = "restart", tag = "settings", responses(
    (status = 202, description = "It ends within seconds, and answers again when it is up."),
    (status = 403, body = Problem, content_type = "application/problem+json"),
    (status = 409, body = Problem, content_type = "application/problem+json"),
    (status = 503, body = Problem, content_type = "application/problem+json")))]
async fn restart(State(state): State<AppState>) -> Result<StatusCode, Problem> {
    state.blocking(|_, live| Ok(keeper(live)?.restart()?)).await?;
    Ok(StatusCode::ACCEPTED)
}
