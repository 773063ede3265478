//! `GET /sources`: where data comes from, and how each source and each exporter does.

use crate::shapes::SourcesView;
use crate::{AppState, Problem};
use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(sources))
}

/// How much of them.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Extent {
    /// True leaves out exporters and lines.
    #[serde(default)]
    brief: bool,
    /// Only the source of this name; an unknown name gives none.
    name: Option<String>,
}

/// Sources in the order of the command line, collectors with their exporters, logs with what their lines are.
#[utoipa::path(get, path = "/sources", operation_id = "sources", tag = "overview", params(Extent), responses(
    (status = 200, body = SourcesView),
    (status = 400, body = Problem, content_type = "application/problem+json")))]
async fn sources(
    State(state): State<AppState>,
    extent: Result<Query<Extent>, QueryRejection>,
) -> Result<Json<SourcesView>, Problem> {
    let extent = extent?.0;
    state
        .blocking(move |_, live| {
            let mut view = live.sources();
            if let Some(name) = &extent.name {
                view.sources.retain(|source| source.name == *name);
            }
            if extent.brief {
                view.sources = view.sources.into_iter().map(crate::shapes::SourceView::brief).collect();
            }
            Ok(Json(view))
        })
        .await
}
