//! `GET /countries`: which countries the busiest outside hosts are in.

use crate::params::range;
use crate::shapes::{CountriesView, CountryRow};
use crate::{AppState, Live, Problem};
use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use record::IpAddr16;
use serde::Deserialize;
use std::cmp::Reverse;
use std::collections::BTreeMap;
use store::TopRow;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

/// Busiest hosts that are added up by country.
const HOSTS_MAX: u32 = 2_000;

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(countries))
}

/// When.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct CountryParams {
    /// RFC 3339: nothing earlier.
    from: Option<String>,
    /// RFC 3339: nothing later.
    to: Option<String>,
}

/// Countries by bytes, added up over the 2,000 busiest hosts of the range; `available` is false without `geoip.country_file`.
#[utoipa::path(get, path = "/countries", tag = "overview", params(CountryParams), responses(
    (status = 200, body = CountriesView),
    (status = 400, body = Problem, content_type = "application/problem+json")))]
async fn countries(
    State(state): State<AppState>,
    params: Result<Query<CountryParams>, QueryRejection>,
) -> Result<Json<CountriesView>, Problem> {
    let params = params?.0;
    let range = range(params.from.as_deref(), params.to.as_deref())?;
    state
        .blocking(move |read, live| {
            let Some(database) = live.country_database() else { return Ok(Json(CountriesView::default())) };
            let hosts = read.busiest(range, HOSTS_MAX)?;
            let cut = hosts.len() >= HOSTS_MAX as usize;
            Ok(Json(CountriesView { available: true, database, items: by_country(&hosts, live), cut }))
        })
        .await
}

fn by_country(hosts: &[TopRow], live: &dyn Live) -> Vec<CountryRow> {
    let mut sums: BTreeMap<String, CountryRow> = BTreeMap::new();
    for host in hosts {
        let Ok(ip) = host.name.parse::<IpAddr16>() else { continue };
        let country = live.country(ip);
        if country.is_empty() {
            continue;
        }
        let row = sums.entry(country.clone()).or_insert_with(|| CountryRow { country, ..CountryRow::default() });
        (row.hosts, row.bytes, row.flows) = (row.hosts + 1, row.bytes + host.bytes, row.flows + host.flows);
    }
    let mut rows: Vec<CountryRow> = sums.into_values().collect();
    rows.sort_by(|a, b| Reverse(a.bytes).cmp(&Reverse(b.bytes)).then_with(|| a.country.cmp(&b.country)));
    rows
}
