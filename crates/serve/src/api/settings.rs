//! `GET /settings`, `PATCH /settings`, `POST /settings/preview`, `GET /presets`.

use crate::shapes::{Presets, Settings, SettingsPatch, SettingsPreview};
use crate::{AppState, Problem};
use axum::Json;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use utoipa_axum::{router::OpenApiRouter, routes};

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(settings, change)).routes(routes!(preview)).routes(routes!(presets))
}

/// What is set, where each value comes from, and what can be changed here.
#[utoipa::path(get, path = "/settings", operation_id = "settings", tag = "settings", responses(
    (status = 200, body = Settings),
    (status = 503, body = Problem, content_type = "application/problem+json")))]
async fn settings(State(state): State<AppState>) -> Result<Json<Settings>, Problem> {
    state.blocking(|_, live| Ok(Json(live.settings()?))).await
}

/// Changes settings, all of the call or none: they are written into the configuration file, or `settings.toml` of the data directory where
/// that cannot be written, and hold at once where `applies` says so. 409: the file was changed by hand since; the detail says what differs.
#[utoipa::path(patch, path = "/settings", operation_id = "change_settings", tag = "settings", request_body = SettingsPatch, responses(
    (status = 200, body = Settings),
    (status = 400, body = Problem, content_type = "application/problem+json"),
    (status = 403, body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json"),
    (status = 409, body = Problem, content_type = "application/problem+json"),
    (status = 415, body = Problem, content_type = "application/problem+json"),
    (status = 422, body = Problem, content_type = "application/problem+json"),
    (status = 503, body = Problem, content_type = "application/problem+json")))]
async fn change(
    State(state): State<AppState>,
    patch: Result<Json<SettingsPatch>, JsonRejection>,
) -> Result<Json<Settings>, Problem> {
    let patch = something(patch?.0)?;
    state.blocking(move |_, live| Ok(Json(live.change_settings(&patch)?))).await
}

fn something(patch: SettingsPatch) -> Result<SettingsPatch, Problem> {
    if patch.values.is_empty() && patch.preset.is_none() && patch.channels.is_empty() {
        return Err(Problem::bad_request("give at least one of values, preset and channels"));
    }
    Ok(patch)
}

/// What a change would do: the difference of the file, what holds when, and what is wrong with which value. Nothing is changed.
#[utoipa::path(post, path = "/settings/preview", operation_id = "preview_settings", tag = "settings", request_body = SettingsPatch, responses(
    (status = 200, body = SettingsPreview),
    (status = 400, body = Problem, content_type = "application/problem+json"),
    (status = 403, body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json"),
    (status = 415, body = Problem, content_type = "application/problem+json"),
    (status = 422, body = Problem, content_type = "application/problem+json"),
    (status = 503, body = Problem, content_type = "application/problem+json")))]
async fn preview(
    State(state): State<AppState>,
    patch: Result<Json<SettingsPatch>, JsonRejection>,
) -> Result<Json<SettingsPreview>, Problem> {
    let patch = something(patch?.0)?;
    state.blocking(move |_, live| Ok(Json(live.preview_settings(&patch)?))).await
}

/// Named groups of settings, with what each would change now.
#[utoipa::path(get, path = "/presets", operation_id = "presets", tag = "settings", responses(
    (status = 200, body = Presets),
    (status = 503, body = Problem, content_type = "application/problem+json")))]
async fn presets(State(state): State<AppState>) -> Result<Json<Presets>, Problem> {
    state.blocking(|_, live| Ok(Json(live.presets()?))).await
}
