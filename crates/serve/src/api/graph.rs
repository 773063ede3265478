//! `GET /graph`: who talks to whom around a host or an incident.

use crate::{AppState, Problem};
use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use serde::Deserialize;
use store::{Graph, GraphOf};
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(graph))
}

/// Around whom: one of both.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct GraphParams {
    /// Address of a host.
    host: Option<String>,
    /// Id of an incident.
    incident: Option<String>,
}

/// At most 32 hosts with the lines between them, added up from the newest flows; what is left out is said in numbers.
#[utoipa::path(get, path = "/graph", tag = "hosts", params(GraphParams), responses(
    (status = 200, body = Graph),
    (status = 400, body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json")))]
async fn graph(
    State(state): State<AppState>,
    params: Result<Query<GraphParams>, QueryRejection>,
) -> Result<Json<Graph>, Problem> {
    let params = params?.0;
    let of = match (params.host, params.incident) {
        (Some(host), None) => {
            GraphOf::Host(host.parse().map_err(|_| Problem::bad_request(format!("`{host}` is not an IP address")))?)
        }
        (None, Some(id)) => GraphOf::Incident(id),
        _ => return Err(Problem::bad_request("give host (an address) or incident (an id)")),
    };
    state
        .blocking(move |read, live| {
            let mut graph = read.graph(&of)?.ok_or_else(|| Problem::not_found("there is no such incident"))?;
            for node in graph.nodes.iter_mut().filter(|node| !node.home) {
                node.country = live.country(node.ip);
            }
            Ok(Json(graph))
        })
        .await
}
