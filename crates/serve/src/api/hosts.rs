//! `GET /hosts`, `/hosts/{ip}`, `/hosts/{ip}/course`, `PATCH /hosts/{ip}`.

use crate::country::{self, Located};
use crate::params::ListParams;
use crate::shapes::HostPatch;
use crate::{AppState, Problem};
use axum::Json;
use axum::extract::rejection::{JsonRejection, PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use record::IpAddr16;
use serde::Deserialize;
use store::query::HOST_FIELDS;
use store::read::PAGE_ROWS_MAX;
use store::{HostCourse, HostDetail, HostRow, HostSort, Page};
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

/// Bytes of a host's name among people.
const LABEL_BYTES_MAX: usize = 128;
/// Bytes of what is noted of a host.
const NOTE_BYTES_MAX: usize = 4_096;

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(one, change)).routes(routes!(course))
}

/// What the list begins with.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct SortParams {
    /// `first_seen` (the default), `last_seen`, `traffic` or `risk`; largest first. A cursor holds for the same `sort` only.
    sort: Option<String>,
}

/// Hosts, newest discovery first, or as `sort` says.
#[utoipa::path(get, path = "/hosts", operation_id = "hosts", tag = "hosts", params(ListParams, SortParams), responses(
    (status = 200, body = Page<HostRow>),
    (status = 400, body = Problem, content_type = "application/problem+json")))]
async fn list(
    State(state): State<AppState>,
    params: Result<Query<ListParams>, QueryRejection>,
    sort: Result<Query<SortParams>, QueryRejection>,
) -> Result<Json<Page<HostRow>>, Problem> {
    let mut params = params?.0;
    let (rest, wanted) = country::take(params.q)?;
    params.q = rest;
    let mut query = params.list(HOST_FIELDS)?;
    let sort = match sort?.0.sort.as_deref() {
        None | Some("") => HostSort::default(),
        Some(name) => HostSort::parse(name).ok_or_else(|| {
            Problem::bad_request(format!("sort is `{name}`, it must be first_seen, last_seen, traffic or risk"))
        })?,
    };
    let (limit, first) = (query.limit as usize, query.cursor.take());
    if !wanted.is_empty() {
        query.limit = PAGE_ROWS_MAX;
    }
    state
        .blocking(move |read, live| {
            let mut page = country::page(live, &wanted, limit, first, |cursor| {
                query.cursor = cursor;
                Ok(read.hosts(&query, sort)?)
            })?;
            for row in &mut page.items {
                row.vendor = row.host.mac.map(|mac| live.vendor(mac)).unwrap_or_default();
            }
            Ok(Json(page))
        })
        .await
}

fn address(ip: Result<Path<String>, PathRejection>) -> Result<IpAddr16, Problem> {
    let text = ip?.0;
    text.parse().map_err(|_| Problem::bad_request(format!("`{text}` is not an IP address")))
}

fn missing(ip: IpAddr16) -> Problem {
    Problem::not_found(format!("{ip} has not been seen"))
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
    let ip = address(ip)?;
    state
        .blocking(move |read, live| {
            let mut detail = read.host(ip)?.ok_or_else(|| missing(ip))?;
            detail.host.vendor = detail.host.host.mac.map(|mac| live.vendor(mac)).unwrap_or_default();
            detail.host.locate(live);
            detail.flows.iter_mut().for_each(|flow| flow.locate(live));
            Ok(Json(detail))
        })
        .await
}

/// What a home host did over time, and what is usual for it.
#[utoipa::path(get, path = "/hosts/{ip}/course", operation_id = "host_course", tag = "hosts",
    params(("ip" = String, Path, description = "IP address")), responses(
    (status = 200, body = HostCourse),
    (status = 400, body = Problem, content_type = "application/problem+json")))]
async fn course(
    State(state): State<AppState>,
    ip: Result<Path<String>, PathRejection>,
) -> Result<Json<HostCourse>, Problem> {
    let ip = address(ip)?;
    state.blocking(move |read, _| Ok(Json(read.host_course(ip)?))).await
}

/// Says how much a host matters, what people call it, and what there is to know of it. Importance changes the severity of incidents that
/// begin or grow from now on.
#[utoipa::path(patch, path = "/hosts/{ip}", operation_id = "change_host", tag = "hosts",
    params(("ip" = String, Path, description = "IP address")), request_body = HostPatch, responses(
    (status = 200, body = HostRow),
    (status = 400, body = Problem, content_type = "application/problem+json"),
    (status = 403, body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json"),
    (status = 415, body = Problem, content_type = "application/problem+json"),
    (status = 422, body = Problem, content_type = "application/problem+json")))]
async fn change(
    State(state): State<AppState>,
    ip: Result<Path<String>, PathRejection>,
    patch: Result<Json<HostPatch>, JsonRejection>,
) -> Result<Json<HostRow>, Problem> {
    let ip = address(ip)?;
    let patch = checked(patch?.0)?;
    state
        .blocking(move |read, live| {
            if read.host(ip)?.is_none() {
                return Err(missing(ip));
            }
            live.set_host(ip, patch)?;
            let mut row = read.host(ip)?.ok_or_else(|| missing(ip))?.host;
            row.vendor = row.host.mac.map(|mac| live.vendor(mac)).unwrap_or_default();
            row.locate(live);
            Ok(Json(row))
        })
        .await
}

fn checked(patch: HostPatch) -> Result<HostPatch, Problem> {
    let bounded = |name: &str, text: Option<String>, max: usize| match text.map(|text| text.trim().to_owned()) {
        Some(text) if text.len() > max || text.chars().any(|c| c.is_control() && c != '\n') => {
            Err(Problem::bad_request(format!("{name} must have at most {max} bytes and no control characters")))
        }
        text => Ok(text),
    };
    if patch.importance.is_none() && patch.label.is_none() && patch.note.is_none() {
        return Err(Problem::bad_request("give at least one of importance, label and note"));
    }
    Ok(HostPatch {
        importance: patch.importance,
        label: bounded("label", patch.label, LABEL_BYTES_MAX)?,
        note: bounded("note", patch.note, NOTE_BYTES_MAX)?,
    })
}
