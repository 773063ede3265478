//! `GET /series`: numbers over time.

use crate::params::range;
use crate::{AppState, Problem};
use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use record::SeriesResult;
use record::timestamp::NS_PER_S;
use serde::{Deserialize, Serialize};
use store::SeriesQuery;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

/// Most metrics of one request.
const METRICS_MAX: usize = 32;
/// Shown when no `from` is given, seconds.
const SPAN_DEFAULT_S: i64 = 3_600;

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(series))
}

/// What and when.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct SeriesParams {
    /// Metric, or several separated by commas (at most 32).
    metric: String,
    /// RFC 3339; one hour before `to` when absent.
    from: Option<String>,
    /// RFC 3339; now when absent.
    to: Option<String>,
    /// Seconds a bucket; 0 or absent: chosen so that at most 600 come back. Raised where only coarser data is kept.
    step: Option<u32>,
}

/// One, or several in the order asked for.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
enum SeriesAnswer {
    /// One metric was asked for.
    One(SeriesResult),
    /// Several were.
    Several(Vec<SeriesResult>),
}

/// One SERIES, or a list of them when several metrics are asked for; unknown buckets are null.
#[utoipa::path(get, path = "/series", tag = "overview", params(SeriesParams), responses(
    (status = 200, body = SeriesAnswer),
    (status = 400, body = Problem, content_type = "application/problem+json")))]
async fn series(
    State(state): State<AppState>,
    params: Result<Query<SeriesParams>, QueryRejection>,
) -> Result<Json<SeriesAnswer>, Problem> {
    let params = params?.0;
    let metrics: Vec<String> = params.metric.split(',').map(|m| m.trim().to_owned()).collect();
    if metrics.len() > METRICS_MAX || metrics.iter().any(|m| m.is_empty() || m.len() > 64) {
        return Err(Problem::bad_request(format!("metric must name 1 to {METRICS_MAX} metrics, separated by commas")));
    }
    let several = metrics.len() > 1;
    let range = range(params.from.as_deref(), params.to.as_deref())?;
    let step_s = params.step.unwrap_or(0);
    let mut found = state
        .blocking(move |read, live| {
            let to = range.to.unwrap_or_else(|| live.summary().now);
            let from = range.from.unwrap_or_else(|| to.plus_ns(-SPAN_DEFAULT_S * NS_PER_S));
            if from > to {
                return Err(Problem::bad_request("from is after to"));
            }
            Ok(read.series(&SeriesQuery { metrics, from, to, step_s })?)
        })
        .await?;
    let answer =
        if several || found.len() != 1 { SeriesAnswer::Several(found) } else { SeriesAnswer::One(found.remove(0)) };
    Ok(Json(answer))
}
