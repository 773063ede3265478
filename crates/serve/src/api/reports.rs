//! `/reports`: made, listed, opened, deleted. A report is a page of words from the network: it is sent where nothing of it can run.

use crate::reports::{ReportFormat, ReportKeeper};
use crate::shapes::{ReportAsked, ReportRow, Reports};
use crate::{AppState, LiveError, Problem};
use axum::Json;
use axum::extract::rejection::{JsonRejection, PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use std::sync::Arc;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

/// Nothing is fetched, nothing runs, and the page is of no origin.
const NO_SCRIPT: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; \
    frame-ancestors 'none'; sandbox";

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list, make)).routes(routes!(one, remove))
}

fn keeper(state: &AppState) -> Result<Arc<dyn ReportKeeper>, Problem> {
    let off = "this process makes no reports";
    state.live.reports().ok_or_else(|| LiveError::Unavailable(off.to_owned()).into())
}

/// Reports kept, newest first, and when the next is made by itself.
#[utoipa::path(get, path = "/reports", operation_id = "reports", tag = "reports", responses(
    (status = 200, body = Reports),
    (status = 503, body = Problem, content_type = "application/problem+json")))]
async fn list(State(state): State<AppState>) -> Result<Json<Reports>, Problem> {
    let keeper = keeper(&state)?;
    state.blocking(move |_, _| Ok(Json(keeper.list()))).await
}

/// Makes a report of a time now; it is kept. In the audit log.
#[utoipa::path(post, path = "/reports", operation_id = "make_report", tag = "reports", request_body = ReportAsked, responses(
    (status = 201, body = ReportRow),
    (status = 403, body = Problem, content_type = "application/problem+json"),
    (status = 409, body = Problem, content_type = "application/problem+json"),
    (status = 422, body = Problem, content_type = "application/problem+json"),
    (status = 503, body = Problem, content_type = "application/problem+json")))]
async fn make(
    State(state): State<AppState>,
    asked: Result<Json<ReportAsked>, JsonRejection>,
) -> Result<(StatusCode, Json<ReportRow>), Problem> {
    let (keeper, asked) = (keeper(&state)?, asked?.0);
    state.blocking(move |_, _| Ok((StatusCode::CREATED, Json(keeper.make(&asked)?)))).await
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct OneParams {
    /// `html` (default), `json` or `csv`.
    #[serde(default)]
    format: Option<String>,
    /// `true`: as a file to be saved, not as a page.
    #[serde(default)]
    download: bool,
}

/// One report as it was made, as a page that runs nothing.
#[utoipa::path(get, path = "/reports/{id}", operation_id = "report", tag = "reports",
    params(("id" = String, Path, description = "id of the list"), OneParams), responses(
    (status = 200, description = "the report", body = String, content_type = "text/html"),
    (status = 400, body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json")))]
async fn one(
    State(state): State<AppState>,
    id: Result<Path<String>, PathRejection>,
    params: Result<Query<OneParams>, QueryRejection>,
) -> Result<Response, Problem> {
    let (keeper, id, params) = (keeper(&state)?, id?.0, params?.0);
    let name = params.format.as_deref().unwrap_or("html");
    let format = ReportFormat::parse(name)
        .ok_or_else(|| Problem::bad_request(format!("format is `{name}`; a report is there as html, json and csv")))?;
    let kind = match format {
        ReportFormat::Html => "text/html; charset=utf-8",
        ReportFormat::Json => "application/json",
        ReportFormat::Csv => "text/csv; charset=utf-8; header=present",
    };
    let place = if params.download { "attachment" } else { "inline" };
    state
        .blocking(move |_, _| {
            let bytes = keeper.read(&id, format)?;
            // Only what is kept has such a name: it fits into a header.
            let disposition = format!("{place}; filename=\"tripline-report-{id}.{}\"", format.name());
            let mut response =
                ([(header::CONTENT_TYPE, kind.to_owned()), (header::CONTENT_DISPOSITION, disposition)], bytes)
                    .into_response();
            response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(NO_SCRIPT));
            Ok(response)
        })
        .await
}

/// Deletes a report. In the audit log.
#[utoipa::path(delete, path = "/reports/{id}", operation_id = "delete_report", tag = "reports",
    params(("id" = String, Path, description = "id of the list")), responses(
    (status = 204, description = "deleted"),
    (status = 403, body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json")))]
async fn remove(State(state): State<AppState>, id: Result<Path<String>, PathRejection>) -> Result<StatusCode, Problem> {
    let (keeper, id) = (keeper(&state)?, id?.0);
    state.blocking(move |_, _| Ok(keeper.remove(&id)?)).await?;
    Ok(StatusCode::NO_CONTENT)
}
