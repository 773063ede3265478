//! `GET /audit`: who did what, from where; for admins.

use crate::params::limit;
use crate::{AppState, Problem};
use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use serde::Deserialize;
use store::Page;
use store::access::{AuditQuery, AuditRow};
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

/// Rows of a page when `limit` is not given, and at most.
const LIMIT_DEFAULT: u32 = 100;
const LIMIT_MAX: u32 = 500;

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list))
}

/// Which rows.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct AuditParams {
    /// Only rows of this user, address, operation or subject.
    #[serde(default)]
    about: Option<String>,
    /// Rows of a page, 1 to 500, default 100.
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// The audit log, newest first: every change and every log-in, also refused ones. `total` counts all rows kept.
#[utoipa::path(get, path = "/audit", operation_id = "audit", tag = "access", params(AuditParams), responses(
    (status = 200, body = Page<AuditRow>),
    (status = 400, body = Problem, content_type = "application/problem+json"),
    (status = 403, body = Problem, content_type = "application/problem+json")))]
async fn list(
    State(state): State<AppState>,
    params: Result<Query<AuditParams>, QueryRejection>,
) -> Result<Json<Page<AuditRow>>, Problem> {
    let AuditParams { about, limit: given, cursor } = params?.0;
    let limit = limit(given, LIMIT_DEFAULT, LIMIT_MAX)?;
    let number = |text: String| {
        text.parse::<i64>()
            .map_err(|_| Problem::bad_request(format!("the cursor `{text}` is not one that this list gave")))
    };
    let before = cursor.filter(|text| !text.is_empty()).map(number).transpose()?;
    state
        .access(move |auth| {
            let about = about.as_deref().unwrap_or_default();
            let items = auth.access.audit_rows(&AuditQuery { before, about, limit })?;
            let full = items.len() == limit as usize;
            let next_cursor = items.last().filter(|_| full).map(|row| row.id.to_string());
            Ok(Json(Page { items, total: auth.access.audit_len()?, total_exact: true, next_cursor }))
        })
        .await
}
