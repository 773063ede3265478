//! `GET /assets`, `/assets/{key}`: the inventory that scans make.

use crate::params::ListParams;
use crate::{AppState, Problem};
use axum::Json;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use serde::Deserialize;
use store::query::ASSET_FIELDS;
use store::{AssetDetail, AssetRow, AssetSort, Page};
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(one))
}

/// What the list begins with.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct AssetParams {
    /// `last_seen` (the default), `first_seen`, `ports` or `anomaly`; largest first. A cursor holds for the same `sort` only.
    sort: Option<String>,
}

/// Hosts that scans found, those found last first, or as `sort` says.
#[utoipa::path(get, path = "/assets", operation_id = "assets", tag = "scans", params(ListParams, AssetParams), responses(
    (status = 200, body = Page<AssetRow>),
    (status = 400, body = Problem, content_type = "application/problem+json")))]
async fn list(
    State(state): State<AppState>,
    params: Result<Query<ListParams>, QueryRejection>,
    sort: Result<Query<AssetParams>, QueryRejection>,
) -> Result<Json<Page<AssetRow>>, Problem> {
    let query = params?.0.list(ASSET_FIELDS)?;
    let sort = match sort?.0.sort.as_deref() {
        None | Some("") => AssetSort::default(),
        Some(name) => AssetSort::parse(name).ok_or_else(|| {
            Problem::bad_request(format!("sort is `{name}`, it must be last_seen, first_seen, ports or anomaly"))
        })?,
    };
    state.blocking(move |read, _| Ok(Json(read.assets(&query, sort)?))).await
}

/// One host of the inventory with its ports, its past, and who first used each port.
#[utoipa::path(get, path = "/assets/{key}", operation_id = "asset", tag = "scans",
    params(("key" = String, Path, description = "key of the list, or an address")), responses(
    (status = 200, body = AssetDetail),
    (status = 404, body = Problem, content_type = "application/problem+json")))]
async fn one(
    State(state): State<AppState>,
    key: Result<Path<String>, PathRejection>,
) -> Result<Json<AssetDetail>, Problem> {
    let key = key?.0;
    let missing = |key: &str| {
        let shown: String = key.chars().filter(|c| !c.is_control()).take(60).collect();
        Problem::not_found(format!("no scan has found `{shown}`"))
    };
    state.blocking(move |read, _| Ok(Json(read.asset(&key)?.ok_or_else(|| missing(&key))?))).await
}
