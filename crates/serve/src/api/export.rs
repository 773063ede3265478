//! `GET /export/{what}`: a list as a download, streamed page by page.

use crate::export::{Export, Format, Table};
use crate::params::{ListParams, filter, range};
use crate::{AppState, Problem};
use axum::body::Body;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use std::sync::Arc;
use tokio_stream::wrappers::ReceiverStream;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

/// Chunks made but not sent yet: bounds the memory of a slow download.
const CHUNKS_MAX: usize = 4;

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(export))
}

/// Form of the download.
#[derive(Clone, Copy, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum FormatName {
    /// Comma-separated values, RFC 4180.
    #[default]
    Csv,
    /// One JSON array.
    Json,
}

/// How and which.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ExportParams {
    /// `csv` (default) or `json`.
    #[serde(default)]
    #[param(inline)]
    format: FormatName,
}

/// All rows that match, newest first.
#[utoipa::path(get, path = "/export/{what}", tag = "export",
    params(("what" = String, Path, description = "flows, incidents or hosts"), ExportParams, ListParams), responses(
    (status = 200, description = "a download", body = String, content_type = "text/csv"),
    (status = 400, body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json")))]
async fn export(
    State(state): State<AppState>,
    what: Result<Path<String>, PathRejection>,
    how: Result<Query<ExportParams>, QueryRejection>,
    list: Result<Query<ListParams>, QueryRejection>,
) -> Result<Response, Problem> {
    let what = what?.0;
    let table = Table::parse(&what)
        .ok_or_else(|| Problem::not_found(format!("`{what}` cannot be exported; flows, incidents and hosts can")))?;
    let list = list?.0;
    let filter = filter(list.q.as_deref(), table.fields())?;
    let range = range(list.from.as_deref(), list.to.as_deref())?;
    let (format, kind, end) = match how?.0.format {
        FormatName::Csv => (Format::Csv, "text/csv; charset=utf-8; header=present", "csv"),
        FormatName::Json => (Format::Json, "application/json", "json"),
    };
    let (sender, receiver) = tokio::sync::mpsc::channel(CHUNKS_MAX);
    let read = Arc::clone(&state.read);
    tokio::task::spawn_blocking(move || {
        let send = |chunk| sender.blocking_send(chunk).is_ok();
        Export { table, format, filter, range }.run(&*read, &send);
    });
    let disposition = format!("attachment; filename=\"tripline-{what}.{end}\"");
    let headers = [(header::CONTENT_TYPE, kind.to_owned()), (header::CONTENT_DISPOSITION, disposition)];
    Ok((headers, Body::from_stream(ReceiverStream::new(receiver))).into_response())
}
