//! `GET /hosts`, `/hosts/{ip}`.

use crate::params::ListParams;
use crate::{AppState, Problem};
use axum::Json;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use record::{HostRecord, IpAddr16};
use store::query::HOST_FIELDS;
use store::{HostDetail, Page};
use utoipa_axum::{router::OpenApiRouter, routes};

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(one))
}

/// Hosts, newest discovery first.
#[utoipa::path(get, path = "/hosts", operation_id = "hosts", tag = "hosts", params(ListParams), responses(
    (status = 200, body = Page<HostRecord>),
    (status = 400, body = Problem, content_type = "application/problem+json")))]
async fn list(
    State(state): State<AppState>,
    params: Result<Query<ListParams>, QueryRejection>,
) -> Result<Json<Page<HostRecord>>, Problem> {
    let query = params?.0.list(HOST_FIELDS)?;
    state.blocking(move |read, _| Ok(Json(read.hosts(&query)?))).await
}

/// One host with its incidents, flows, peers and services.
#[utoipa::path(get, path = "/hosts/{ip}", operation_id = "host", tag = "hosts",
    params(("ip" = String, Path, description = "IP address")), responses(
    (status = 200, body = HostDetail),
    (status = 400, body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json")))]
async fn one(
    State(state): State<AppState>,
    ip: Result<Path<String>, PathRejection>,
) -> Result<Json<HostDetail>, Problem> {
    let text = ip?.0;
    let ip: IpAddr16 = text.parse().map_err(|_| Problem::bad_request(format!("`{text}` is not an IP address")))?;
    state
        .blocking(move |read, _| {
            read.host(ip)?.map(Json).ok_or_else(|| Problem::not_found(format!("{ip} has not been seen")))
        })
        .await
}
