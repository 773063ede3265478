//! `GET /top`: who and what is busiest.

use crate::params::range;
use crate::shapes::TopAnswer;
use crate::{AppState, Problem};
use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use serde::Deserialize;
use store::TopWhat;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(top))
}

/// What to sum up.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum What {
    /// Addresses.
    Hosts,
    /// Application protocol, else transport.
    Protocols,
    /// Responder's ports.
    Ports,
}

/// What and when.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct TopParams {
    /// `hosts`, `protocols` or `ports`.
    #[param(inline)]
    what: What,
    /// RFC 3339: nothing earlier.
    from: Option<String>,
    /// RFC 3339: nothing later.
    to: Option<String>,
}

/// Busiest first, at most 20. Ranges of more than 10,000 flows are summed by whole five minutes, of which the busiest are kept.
#[utoipa::path(get, path = "/top", tag = "overview", params(TopParams), responses(
    (status = 200, body = TopAnswer),
    (status = 400, body = Problem, content_type = "application/problem+json")))]
async fn top(
    State(state): State<AppState>,
    params: Result<Query<TopParams>, QueryRejection>,
) -> Result<Json<TopAnswer>, Problem> {
    let params = params?.0;
    let range = range(params.from.as_deref(), params.to.as_deref())?;
    let what = match params.what {
        What::Hosts => TopWhat::Hosts,
        What::Protocols => TopWhat::Protocols,
        What::Ports => TopWhat::Ports,
    };
    state.blocking(move |read, _| Ok(Json(TopAnswer { items: read.top(what, range)? }))).await
}
