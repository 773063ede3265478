//! `GET /incidents/counts`: incidents by kind over time.

use crate::params::range;
use crate::{AppState, Problem};
use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use record::timestamp::NS_PER_S;
use serde::Deserialize;
use store::IncidentCounts;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

/// Shown when no `from` is given, seconds.
const SPAN_DEFAULT_S: i64 = 7 * 86_400;

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(counts))
}

/// When, and how finely.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct CountParams {
    /// RFC 3339; seven days before `to` when absent.
    from: Option<String>,
    /// RFC 3339, itself not inside; now when absent.
    to: Option<String>,
    /// Seconds a bucket, default 3,600; raised where there would be more than 2,000 buckets.
    step: Option<u32>,
}

/// Incidents that were told, counted by kind and bucket of time.
#[utoipa::path(get, path = "/incidents/counts", operation_id = "incident_counts", tag = "incidents", params(CountParams), responses(
    (status = 200, body = IncidentCounts),
    (status = 400, body = Problem, content_type = "application/problem+json")))]
async fn counts(
    State(state): State<AppState>,
    params: Result<Query<CountParams>, QueryRejection>,
) -> Result<Json<IncidentCounts>, Problem> {
    let params = params?.0;
    let range = range(params.from.as_deref(), params.to.as_deref())?;
    let step_s = params.step.unwrap_or(3_600);
    state
        .blocking(move |read, live| {
            let to = range.to.unwrap_or_else(|| live.summary().now);
            let from = range.from.unwrap_or_else(|| to.plus_ns(-SPAN_DEFAULT_S * NS_PER_S));
            if from > to {
                return Err(Problem::bad_request("from is after to"));
            }
            Ok(Json(read.incident_counts(from, to, step_s)?))
        })
        .await
}
