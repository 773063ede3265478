//! `GET /tokens`, `POST /tokens`, `DELETE /tokens/{id}`: what programs show in place of a log-in; for admins.

use crate::auth::{self, Identity};
use crate::shapes::{TokenGiven, TokenMade, TokenView, Tokens};
use crate::{AppState, Problem};
use axum::extract::rejection::{JsonRejection, PathRejection};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::{Extension, Json};
use store::access::NewToken;
use utoipa_axum::{router::OpenApiRouter, routes};

/// One day, ns.
const DAY_NS: i64 = 86_400 * record::timestamp::NS_PER_S;
/// Days that a token may hold.
const DAYS_MAX: u32 = 3_650;

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list, add)).routes(routes!(revoke))
}

/// All tokens, newest first, without their secrets.
#[utoipa::path(get, path = "/tokens", operation_id = "tokens", tag = "access", responses(
    (status = 200, body = Tokens)))]
async fn list(State(state): State<AppState>) -> Result<Json<Tokens>, Problem> {
    state
        .access(|auth| Ok(Json(Tokens { items: auth.access.tokens()?.into_iter().map(TokenView::from).collect() })))
        .await
}

/// Makes a token: `Authorization: Bearer` and the secret, which is told this once.
#[utoipa::path(post, path = "/tokens", operation_id = "add_token", tag = "access", request_body = TokenGiven, responses(
    (status = 201, body = TokenMade),
    (status = 400, body = Problem, content_type = "application/problem+json"),
    (status = 403, body = Problem, content_type = "application/problem+json"),
    (status = 409, body = Problem, content_type = "application/problem+json"),
    (status = 415, body = Problem, content_type = "application/problem+json"),
    (status = 422, body = Problem, content_type = "application/problem+json")))]
async fn add(
    State(state): State<AppState>,
    Extension(identity): Extension<Identity>,
    given: Result<Json<TokenGiven>, JsonRejection>,
) -> Result<(StatusCode, Json<TokenMade>), Problem> {
    let TokenGiven { name, role, read_only, days } = given?.0;
    if !auth::is_name(&name) {
        return Err(Problem::bad_request("a token's name has 1 to 64 letters, digits and .-_@+"));
    }
    if days.is_some_and(|days| !(1..=DAYS_MAX).contains(&days)) {
        return Err(Problem::bad_request(format!("days must be 1 to {DAYS_MAX}")));
    }
    let secret = auth::new_token()?;
    let (hash, created) = (auth::secret_hash(&secret), auth::now());
    let ends = days.map(|days| created.plus_ns(i64::from(days) * DAY_NS));
    let creator = identity.name;
    let made = state
        .access(move |auth| {
            let new = NewToken { hash, name: &name, role, read_only, creator: &creator, created, ends };
            let id = auth.access.add_token(&new)?;
            Ok(TokenView { id, name, role, read_only, creator, created, ends, used: None })
        })
        .await?;
    let kind = if read_only { ", reads only" } else { "" };
    auth::audit_note(format!("token {} made, {}{kind}", made.name, role.name()));
    Ok((StatusCode::CREATED, Json(TokenMade { token: made, secret })))
}

/// Ends a token, at once.
#[utoipa::path(delete, path = "/tokens/{id}", operation_id = "revoke_token", tag = "access",
    params(("id" = String, Path, description = "number or name")), responses(
    (status = 204, description = "ended"),
    (status = 403, body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json")))]
async fn revoke(State(state): State<AppState>, id: Result<Path<String>, PathRejection>) -> Result<StatusCode, Problem> {
    let id = id?.0;
    let token = state
        .access(move |auth| {
            let token = auth.access.revoke_token(&id)?;
            auth.sessions_changed();
            Ok(token)
        })
        .await?;
    auth::audit_note(format!("token {} ended", token.name));
    Ok(StatusCode::NO_CONTENT)
}
