//! `GET /flows`, `/flows/{id}`, `/flows/scatter`.

use crate::country::{self, Located};
use crate::params::{ListParams, filter, limit, range};
use crate::shapes::FlowDetailAnswer;
use crate::statistics::statistics;
use crate::{AppState, Live, Problem};
use axum::Json;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use serde::Deserialize;
use store::query::FLOW_FIELDS;
use store::read::{PAGE_ROWS_MAX, SCATTER_POINTS_MAX};
use store::rows::mac_text;
use store::{FlowRow, Page, ScatterResult};
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

/// Packets of the ring shown with a flow.
const PACKETS_MAX: usize = 200;
const SCATTER_DEFAULT: u32 = 10_000;

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(scatter)).routes(routes!(one))
}

/// Flows, newest end first.
#[utoipa::path(get, path = "/flows", operation_id = "flows", tag = "flows", params(ListParams), responses(
    (status = 200, body = Page<FlowRow>),
    (status = 400, body = Problem, content_type = "application/problem+json")))]
async fn list(
    State(state): State<AppState>,
    params: Result<Query<ListParams>, QueryRejection>,
) -> Result<Json<Page<FlowRow>>, Problem> {
    let mut params = params?.0;
    let (rest, wanted) = country::take(params.q)?;
    params.q = rest;
    let mut query = params.list(FLOW_FIELDS)?;
    let (limit, first) = (query.limit as usize, query.cursor.take());
    if !wanted.is_empty() {
        query.limit = PAGE_ROWS_MAX;
    }
    state
        .blocking(move |read, live| {
            let page = country::page(live, &wanted, limit, first, |cursor| {
                query.cursor = cursor;
                Ok(read.flows(&query)?)
            })?;
            Ok(Json(page))
        })
        .await
}

/// Parameters of the scatter.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ScatterParams {
    /// Filter as in the list of flows.
    q: Option<String>,
    /// Points, 1 to 50,000, default 10,000.
    limit: Option<u32>,
    /// RFC 3339: nothing earlier.
    from: Option<String>,
    /// RFC 3339: nothing later.
    to: Option<String>,
}

/// The newest flows as points.
#[utoipa::path(get, path = "/flows/scatter", tag = "flows", params(ScatterParams), responses(
    (status = 200, body = ScatterResult),
    (status = 400, body = Problem, content_type = "application/problem+json")))]
async fn scatter(
    State(state): State<AppState>,
    params: Result<Query<ScatterParams>, QueryRejection>,
) -> Result<Json<ScatterResult>, Problem> {
    let params = params?.0;
    let filter = filter(params.q.as_deref(), FLOW_FIELDS)?;
    let range = range(params.from.as_deref(), params.to.as_deref())?;
    let limit = limit(params.limit, SCATTER_DEFAULT, SCATTER_POINTS_MAX)?;
    state.blocking(move |read, _| Ok(Json(read.scatter(&filter, range, limit)?))).await
}

fn located(mut flow: FlowRow, live: &dyn Live) -> FlowRow {
    flow.locate(live);
    flow
}

/// One flow with statistics, members, reasons, and packets still in the ring.
#[utoipa::path(get, path = "/flows/{id}", operation_id = "flow", tag = "flows",
    params(("id" = u64, Path, description = "flow_id")), responses(
    (status = 200, body = FlowDetailAnswer),
    (status = 404, body = Problem, content_type = "application/problem+json")))]
async fn one(
    State(state): State<AppState>,
    id: Result<Path<u64>, PathRejection>,
) -> Result<Json<FlowDetailAnswer>, Problem> {
    let id = id?.0;
    state
        .blocking(move |read, live| {
            let found = read.flow(id)?.ok_or_else(|| Problem::not_found(format!("flow {id} is not kept")))?;
            let record = &found.record;
            let app = record.app.as_deref();
            Ok(Json(FlowDetailAnswer {
                statistics: statistics(record),
                app: app.and_then(|a| a.request.clone()),
                app_response: app.and_then(|a| a.response.clone()),
                src_mac: mac_text(record.src_mac),
                dest_mac: mac_text(record.dest_mac),
                features: live.features(record),
                packets: live.packets_of_flow(record, PACKETS_MAX),
                flow: located(found.flow, live),
                members: found.members,
                why: found.why,
                incidents: found.incidents,
            }))
        })
        .await
}
