//! `GET /export/{what}`: rows of the store as a download, streamed as they are read.

use crate::params::range;
use crate::{AppState, Problem};
use axum::body::Body;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use store::export::{Ask, ExportError, Form, What};
use tokio_stream::wrappers::ReceiverStream;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

/// Rows that will come, where it is known before.
const TOTAL: HeaderName = HeaderName::from_static("x-tripline-rows");

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(export))
}

/// Which rows, and how.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ExportParams {
    /// `csv` (default; of alerts `eve`), `json` (one array), `jsonl` (one object a line with everything that is known), `eve`, `zeek`, `parquet`,
    /// `pcapng`, `cicflowmeter`, as far as the kind has it; a refusal says which it has.
    #[serde(default)]
    format: Option<String>,
    /// Filter, as in the lists. Of alerts: a field that only flows, or only incidents, have asks for those.
    #[serde(default)]
    q: Option<String>,
    /// The same under another name.
    #[serde(default, rename = "where")]
    filter: Option<String>,
    /// RFC 3339: nothing earlier.
    #[serde(default)]
    from: Option<String>,
    /// RFC 3339: nothing later.
    #[serde(default)]
    to: Option<String>,
}

fn refused(error: ExportError) -> Problem {
    match error {
        ExportError::Store(error) => error.into(),
        other => Problem::bad_request(other.to_string()),
    }
}

fn ask(what: What, params: ExportParams) -> Result<Ask, Problem> {
    let range = range(params.from.as_deref(), params.to.as_deref())?;
    let form = match params.format.as_deref() {
        None | Some("") => what.forms()[0],
        Some(name) => Form::parse(name).ok_or_else(|| {
            let names: Vec<&str> = what.forms().iter().map(|form| form.name()).collect();
            Problem::bad_request(format!("format is `{name}`; {} can be had as {}", what.name(), names.join(", ")))
        })?,
    };
    let filter = params.q.or(params.filter).unwrap_or_default();
    Ask::new(what, form, &filter, range).map_err(refused)
}

/// All rows that match, newest first, streamed; `x-tripline-rows` says how many will come where that is known before. Two run at a time.
#[utoipa::path(get, path = "/export/{what}", tag = "export",
    params(("what" = String, Path, description = "flows, alerts, incidents, hosts, series or scans"), ExportParams), responses(
    (status = 200, description = "a download", body = String, content_type = "text/csv"),
    (status = 400, body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json"),
    (status = 503, body = Problem, content_type = "application/problem+json")))]
async fn export(
    State(state): State<AppState>,
    what: Result<Path<String>, PathRejection>,
    params: Result<Query<ExportParams>, QueryRejection>,
) -> Result<Response, Problem> {
    let name = what?.0;
    let what = What::parse(&name).ok_or_else(|| {
        let names: Vec<&str> = What::ALL.iter().map(|what| what.name()).collect();
        Problem::not_found(format!("`{name}` cannot be exported; {} can", names.join(", ")))
    })?;
    let ask = ask(what, params?.0)?;
    let place = state.exports.place().ok_or_else(|| {
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, "other exports are running; try again when one of them is done")
    })?;
    let (exporter, asked) = (state.exports.exporter.clone(), ask.clone());
    let total = state
        .blocking(move |_, _| {
            exporter.check(&asked).map_err(|error| match error {
                ExportError::Refused(why) => Problem::not_found(why),
                other => refused(other),
            })?;
            exporter.total(&asked).map_err(refused)
        })
        .await?;
    let disposition = format!("attachment; filename=\"tripline-{name}.{}\"", ask.form.ending());
    let kind = ask.form.content_type();
    let body = Body::from_stream(ReceiverStream::new(state.exports.begin(ask, place)));
    let mut response =
        ([(header::CONTENT_TYPE, kind.to_owned()), (header::CONTENT_DISPOSITION, disposition)], body).into_response();
    if let Some(total) = total {
        response.headers_mut().insert(TOTAL, HeaderValue::from(total));
    }
    Ok(response)
}
