//! `GET /users`, `POST /users`, `PATCH /users/{name}`, `DELETE /users/{name}`: for admins.

use super::session::new_user;
use crate::auth::{self, Identity};
use crate::shapes::{UserGiven, UserMade, UserPatch, UserView, Users};
use crate::{AppState, Problem};
use axum::extract::rejection::{JsonRejection, PathRejection};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::{Extension, Json};
use store::access::UserChange;
use utoipa_axum::{router::OpenApiRouter, routes};

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list, add)).routes(routes!(change, remove))
}

/// All users, by name.
#[utoipa::path(get, path = "/users", operation_id = "users", tag = "access", responses(
    (status = 200, body = Users)))]
async fn list(State(state): State<AppState>) -> Result<Json<Users>, Problem> {
    state.access(|auth| Ok(Json(Users { items: auth.access.users()?.into_iter().map(UserView::from).collect() }))).await
}

/// Adds a user. The first one must be an admin; from then on everybody has to log in.
#[utoipa::path(post, path = "/users", operation_id = "add_user", tag = "access", request_body = UserGiven, responses(
    (status = 201, body = UserMade),
    (status = 400, body = Problem, content_type = "application/problem+json"),
    (status = 403, body = Problem, content_type = "application/problem+json"),
    (status = 409, body = Problem, content_type = "application/problem+json"),
    (status = 415, body = Problem, content_type = "application/problem+json"),
    (status = 422, body = Problem, content_type = "application/problem+json"),
    (status = 503, body = Problem, content_type = "application/problem+json")))]
async fn add(
    State(state): State<AppState>,
    given: Result<Json<UserGiven>, JsonRejection>,
) -> Result<(StatusCode, Json<UserMade>), Problem> {
    let UserGiven { name, role, password } = given?.0;
    let made = if password.is_none() { Some(auth::new_password()?) } else { None };
    let user = new_user(&state, name, role, password.or_else(|| made.clone()).unwrap_or_default()).await?;
    let view = UserView::from(user.clone());
    state.access(move |auth| Ok(auth.access.add_user(&user, false)?)).await?;
    auth::audit_note(format!("user {} added, {}", view.name, view.role.name()));
    Ok((StatusCode::CREATED, Json(UserMade { user: view, password: made })))
}

/// Gives a user another role or another password; its sessions end.
#[utoipa::path(patch, path = "/users/{name}", operation_id = "change_user", tag = "access",
    params(("name" = String, Path, description = "name")), request_body = UserPatch, responses(
    (status = 200, body = UserMade),
    (status = 400, body = Problem, content_type = "application/problem+json"),
    (status = 403, body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json"),
    (status = 409, body = Problem, content_type = "application/problem+json"),
    (status = 415, body = Problem, content_type = "application/problem+json"),
    (status = 422, body = Problem, content_type = "application/problem+json"),
    (status = 503, body = Problem, content_type = "application/problem+json")))]
async fn change(
    State(state): State<AppState>,
    name: Result<Path<String>, PathRejection>,
    patch: Result<Json<UserPatch>, JsonRejection>,
) -> Result<Json<UserMade>, Problem> {
    let (name, UserPatch { role, password, new_password }) = (name?.0, patch?.0);
    if role.is_none() && password.is_none() && !new_password {
        return Err(Problem::bad_request("give at least one of role, password and new_password"));
    }
    let made = if new_password { Some(auth::new_password()?) } else { None };
    let hashed = match made.clone().or(password) {
        None => None,
        Some(password) => {
            auth::check_password(&state.config.login, &name, &password).map_err(Problem::bad_request)?;
            Some(state.auth.hasher.hash(password).await?)
        }
    };
    let with_password = hashed.is_some();
    let (before, user) = state
        .access(move |auth| {
            let is_external = auth.access.user(&name)?.is_some_and(|user| user.password.is_none());
            if is_external && hashed.is_some() {
                let text = "this user comes in by the identity provider and has no password here";
                return Err(Problem::new(StatusCode::CONFLICT, text));
            }
            let before = auth.access.change_user(&name, &UserChange { role, password: hashed }, auth::now())?;
            auth.sessions_changed();
            let user = auth.access.user(&name)?.unwrap_or_else(|| before.clone());
            Ok((before, user))
        })
        .await?;
    if before.role != user.role {
        auth::audit_note(format!("user {}: role from {} to {}", user.name, before.role.name(), user.role.name()));
    }
    if with_password {
        auth::audit_note(format!("user {}: new password", user.name));
    }
    Ok(Json(UserMade { user: UserView::from(user), password: made }))
}

/// Removes a user; its sessions and the tokens that it made end.
#[utoipa::path(delete, path = "/users/{name}", operation_id = "remove_user", tag = "access",
    params(("name" = String, Path, description = "name")), responses(
    (status = 204, description = "removed"),
    (status = 403, body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json"),
    (status = 409, body = Problem, content_type = "application/problem+json")))]
async fn remove(
    State(state): State<AppState>,
    Extension(identity): Extension<Identity>,
    name: Result<Path<String>, PathRejection>,
) -> Result<StatusCode, Problem> {
    let name = name?.0;
    if name.eq_ignore_ascii_case(&identity.name) {
        return Err(Problem::new(StatusCode::CONFLICT, "nobody removes the user that they are"));
    }
    let (user, tokens) = state
        .access(move |auth| {
            let removed = auth.access.remove_user(&name, false)?;
            auth.sessions_changed();
            Ok(removed)
        })
        .await?;
    auth::audit_note(format!("user {} removed, {}; {tokens} tokens ended with it", user.name, user.role.name()));
    Ok(StatusCode::NO_CONTENT)
}
