//! `/scans`: what was scanned and found, what changed, what runs; begin, cancel, import. Owns which status says what.

use crate::params::{ListParams, limit};
use crate::scans::{DiffFormat, ScanKeeper};
use crate::shapes::{ScanAsked, ScanDetail, ScanDifference, ScansState};
use crate::{AppState, LiveError, Problem};
use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, JsonRejection, PathRejection, QueryRejection};
use axum::extract::{DefaultBodyLimit, Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use record::ScanRow;
use record::scan::Scan;
use serde::Deserialize;
use std::sync::Arc;
use store::query::SCAN_FIELDS;
use store::read::PAGE_ROWS_MAX;
use store::{Page, Read, ScanHostRow};
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

/// Bytes of a file of nmap's: some 10,000 hosts.
const IMPORT_BYTES_MAX: usize = 64 << 20;
/// Hosts of a page when `limit` is not given.
const LIMIT_DEFAULT: u32 = 100;

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list, begin))
        .routes(routes!(state))
        .routes(routes!(import))
        .layer(DefaultBodyLimit::max(IMPORT_BYTES_MAX))
        .routes(routes!(one))
        .routes(routes!(hosts))
        .routes(routes!(difference))
        .routes(routes!(cancel))
}

fn keeper(state: &AppState) -> Result<Arc<dyn ScanKeeper>, Problem> {
    let off = "this process does not scan";
    state.live.scans().ok_or_else(|| LiveError::Unavailable(off.to_owned()).into())
}

fn missing(id: &str) -> Problem {
    Problem::not_found(format!("there is no scan `{}`; it may be too old to be kept", shown(id)))
}

fn shown(id: &str) -> String {
    id.chars().filter(|c| !c.is_control()).take(40).collect()
}

/// A row of a scan that runs has its progress.
fn with_progress(row: &mut ScanRow, running: &[ScanRow]) {
    if let Some(now) = running.iter().find(|now| now.id == row.id) {
        row.clone_from(now);
    }
}

/// Scans, newest first.
#[utoipa::path(get, path = "/scans", operation_id = "scans", tag = "scans", params(ListParams), responses(
    (status = 200, body = Page<ScanRow>),
    (status = 400, body = Problem, content_type = "application/problem+json")))]
async fn list(
    State(state): State<AppState>,
    params: Result<Query<ListParams>, QueryRejection>,
) -> Result<Json<Page<ScanRow>>, Problem> {
    let query = params?.0.list(SCAN_FIELDS)?;
    state
        .blocking(move |read, live| {
            let running = live.scans().map(|keeper| keeper.running()).unwrap_or_default();
            let mut page = read.scans(&query)?;
            page.items.iter_mut().for_each(|row| with_progress(row, &running));
            Ok(Json(page))
        })
        .await
}

/// What may be scanned, the timetable, what runs, sums over the inventory.
#[utoipa::path(get, path = "/scans/state", operation_id = "scans_state", tag = "scans", responses(
    (status = 200, body = ScansState),
    (status = 503, body = Problem, content_type = "application/problem+json")))]
async fn state(State(state): State<AppState>) -> Result<Json<ScansState>, Problem> {
    let keeper = keeper(&state)?;
    state.blocking(move |_, _| Ok(Json(keeper.state()?))).await
}

/// Begins a scan of what is allowed. It goes on by itself: the live event `scan` tells how far it is.
#[utoipa::path(post, path = "/scans", operation_id = "begin_scan", tag = "scans", request_body = ScanAsked, responses(
    (status = 202, body = ScanRow),
    (status = 400, body = Problem, content_type = "application/problem+json"),
    (status = 403, body = Problem, content_type = "application/problem+json"),
    (status = 409, body = Problem, content_type = "application/problem+json"),
    (status = 415, body = Problem, content_type = "application/problem+json"),
    (status = 422, body = Problem, content_type = "application/problem+json"),
    (status = 503, body = Problem, content_type = "application/problem+json")))]
async fn begin(
    State(state): State<AppState>,
    asked: Result<Json<ScanAsked>, JsonRejection>,
) -> Result<(StatusCode, Json<ScanRow>), Problem> {
    let (keeper, asked) = (keeper(&state)?, asked?.0);
    state.blocking(move |_, _| Ok((StatusCode::ACCEPTED, Json(keeper.begin(&asked)?)))).await
}

/// Takes a result of nmap (`nmap -oX`) into the inventory: the request's body is the file. It never marks a host as gone.
#[utoipa::path(post, path = "/scans/import", operation_id = "import_scan", tag = "scans",
    request_body(content = String, content_type = "application/xml"), responses(
    (status = 201, body = ScanRow),
    (status = 403, body = Problem, content_type = "application/problem+json"),
    (status = 413, body = Problem, content_type = "application/problem+json"),
    (status = 422, body = Problem, content_type = "application/problem+json"),
    (status = 503, body = Problem, content_type = "application/problem+json")))]
async fn import(
    State(state): State<AppState>,
    xml: Result<Bytes, BytesRejection>,
) -> Result<(StatusCode, Json<ScanRow>), Problem> {
    let keeper = keeper(&state)?;
    let xml = xml.map_err(|rejection| Problem::new(rejection.status(), rejection.body_text()))?;
    state.blocking(move |_, _| Ok((StatusCode::CREATED, Json(keeper.import(&xml)?)))).await
}

/// One scan with what was strange in it.
#[utoipa::path(get, path = "/scans/{id}", operation_id = "scan", tag = "scans",
    params(("id" = String, Path, description = "id of the list")), responses(
    (status = 200, body = ScanDetail),
    (status = 404, body = Problem, content_type = "application/problem+json")))]
async fn one(
    State(state): State<AppState>,
    id: Result<Path<String>, PathRejection>,
) -> Result<Json<ScanDetail>, Problem> {
    let id = id?.0;
    state
        .blocking(move |read, live| {
            let mut scan = read.scan(&id)?.ok_or_else(|| missing(&id))?;
            with_progress(&mut scan, &live.scans().map(|keeper| keeper.running()).unwrap_or_default());
            Ok(Json(ScanDetail { scan, findings: read.findings(&id)? }))
        })
        .await
}

/// Which part of the hosts.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct HostParams {
    /// Rows of a page, 1 to 500, default 100.
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// The hosts of a scan, in its order.
#[utoipa::path(get, path = "/scans/{id}/hosts", operation_id = "scan_hosts", tag = "scans",
    params(("id" = String, Path, description = "id of the list"), HostParams), responses(
    (status = 200, body = Page<ScanHostRow>),
    (status = 400, body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json")))]
async fn hosts(
    State(state): State<AppState>,
    id: Result<Path<String>, PathRejection>,
    params: Result<Query<HostParams>, QueryRejection>,
) -> Result<Json<Page<ScanHostRow>>, Problem> {
    let (id, params) = (id?.0, params?.0);
    let rows = limit(params.limit, LIMIT_DEFAULT, PAGE_ROWS_MAX)?;
    state
        .blocking(move |read, _| {
            read.scan(&id)?.ok_or_else(|| missing(&id))?;
            Ok(Json(read.scan_hosts(&id, rows, params.cursor.as_deref())?))
        })
        .await
}

/// With which scan, and how it is written.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct DiffParams {
    /// The scan before; the previous whole one of the same targets when absent.
    with: Option<String>,
    /// `json` (the default), `text` or `xml`.
    format: Option<String>,
}

/// What changed up to this scan, as `tripline scan --diff` tells it.
#[utoipa::path(get, path = "/scans/{id}/diff", operation_id = "scan_diff", tag = "scans",
    params(("id" = String, Path, description = "id of the list"), DiffParams), responses(
    (status = 200, body = ScanDifference),
    (status = 400, body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json"),
    (status = 503, body = Problem, content_type = "application/problem+json")))]
async fn difference(
    State(state): State<AppState>,
    id: Result<Path<String>, PathRejection>,
    params: Result<Query<DiffParams>, QueryRejection>,
) -> Result<Response, Problem> {
    let (keeper, id, params) = (keeper(&state)?, id?.0, params?.0);
    let name = params.format.unwrap_or_default();
    let format = match name.as_str() {
        "" => DiffFormat::default(),
        name => DiffFormat::parse(name).ok_or_else(|| {
            Problem::bad_request(format!("format is `{}`, it must be json, text or xml", shown(name)))
        })?,
    };
    let kind = match format {
        DiffFormat::Json => "application/json",
        DiffFormat::Text => "text/plain; charset=utf-8",
        DiffFormat::Xml => "application/xml",
    };
    let body = state
        .blocking(move |read, _| {
            let scan = read.scan(&id)?.ok_or_else(|| missing(&id))?;
            let before = params.with.or(scan.previous).ok_or_else(|| {
                Problem::not_found("there is no earlier whole scan of the same targets; name one as `with`")
            })?;
            read.scan(&before)?.ok_or_else(|| missing(&before))?;
            let (before, after) = (found(read, &before)?, found(read, &id)?);
            Ok(keeper.diff(&before, &after, format))
        })
        .await?;
    Ok(([(header::CONTENT_TYPE, kind)], body).into_response())
}

fn found(read: &dyn Read, id: &str) -> Result<Scan, Problem> {
    read.scan_body(id)?
        .ok_or_else(|| Problem::not_found(format!("scan `{}` found nothing that could be compared", shown(id))))
}

/// Ends a scan that runs; what it found until then is kept.
#[utoipa::path(post, path = "/scans/{id}/cancel", operation_id = "cancel_scan", tag = "scans",
    params(("id" = String, Path, description = "id of the list")), responses(
    (status = 202, body = ScanRow),
    (status = 403, body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json"),
    (status = 409, body = Problem, content_type = "application/problem+json"),
    (status = 503, body = Problem, content_type = "application/problem+json")))]
async fn cancel(
    State(state): State<AppState>,
    id: Result<Path<String>, PathRejection>,
) -> Result<(StatusCode, Json<ScanRow>), Problem> {
    let (keeper, id) = (keeper(&state)?, id?.0);
    state.blocking(move |_, _| Ok((StatusCode::ACCEPTED, Json(keeper.cancel(&id)?)))).await
}
