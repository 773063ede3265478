//! `GET /incidents`, `/incidents/{id}`, `/incidents/{id}/pcap`, `PATCH /incidents/{id}`.

use crate::country::Located;
use crate::params::ListParams;
use crate::shapes::{FeedbackGiven, FeedbackPatch, FeedbackPreview, IncidentPatch};
use crate::{AppState, Problem};
use axum::Json;
use axum::extract::rejection::{JsonRejection, PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use record::{FeedbackVerdict, Incident, Note, Timestamp};
use std::time::{SystemTime, UNIX_EPOCH};
use store::query::INCIDENT_FIELDS;
use store::{IncidentChange, IncidentDetail, Page};
use utoipa_axum::{router::OpenApiRouter, routes};

const NOTE_BYTES_MAX: usize = 4_096;
/// Hosts of an incident whose countries are told.
const COUNTRIES_MAX: usize = 200;

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(one, change))
        .routes(routes!(pcap))
        .routes(routes!(preview))
}

fn missing(id: &str) -> Problem {
    Problem::not_found(format!("there is no incident {}", id.chars().take(64).collect::<String>()))
}

/// Incidents, newest raised first.
#[utoipa::path(get, path = "/incidents", operation_id = "incidents", tag = "incidents", params(ListParams), responses(
    (status = 200, body = Page<Incident>),
    (status = 400, body = Problem, content_type = "application/problem+json")))]
async fn list(
    State(state): State<AppState>,
    params: Result<Query<ListParams>, QueryRejection>,
) -> Result<Json<Page<Incident>>, Problem> {
    let query = params?.0.list(INCIDENT_FIELDS)?;
    state.blocking(move |read, _| Ok(Json(read.incidents(&query)?))).await
}

/// One incident with its flows and its like.
#[utoipa::path(get, path = "/incidents/{id}", operation_id = "incident", tag = "incidents",
    params(("id" = String, Path, description = "id")), responses(
    (status = 200, body = IncidentDetail),
    (status = 404, body = Problem, content_type = "application/problem+json")))]
async fn one(
    State(state): State<AppState>,
    id: Result<Path<String>, PathRejection>,
) -> Result<Json<IncidentDetail>, Problem> {
    let id = id?.0;
    state
        .blocking(move |read, live| {
            let mut detail = read.incident(&id)?.ok_or_else(|| missing(&id))?;
            for ip in detail.incident.src.iter().chain(&detail.incident.dest).take(COUNTRIES_MAX) {
                let country = live.country(*ip);
                if !country.is_empty() {
                    detail.countries.insert(ip.to_string(), country);
                }
            }
            detail.flows.iter_mut().for_each(|flow| flow.locate(live));
            Ok(Json(detail))
        })
        .await
}

/// Changes status, adds a note, or keeps what a person thinks of the detection: a false positive hides its like, now and among
/// those of the past, and is learned as normal; a true positive is never learned, and new models must still find it.
#[utoipa::path(patch, path = "/incidents/{id}", operation_id = "change_incident", tag = "incidents",
    params(("id" = String, Path, description = "id")), request_body = IncidentPatch, responses(
    (status = 200, body = Incident),
    (status = 400, body = Problem, content_type = "application/problem+json"),
    (status = 403, body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json"),
    (status = 409, body = Problem, content_type = "application/problem+json"),
    (status = 415, body = Problem, content_type = "application/problem+json"),
    (status = 422, body = Problem, content_type = "application/problem+json")))]
async fn change(
    State(state): State<AppState>,
    id: Result<Path<String>, PathRejection>,
    patch: Result<Json<IncidentPatch>, JsonRejection>,
) -> Result<Json<Incident>, Problem> {
    let id = id?.0;
    let patch = patch?.0;
    let feedback = patch.feedback.clone().map(|given| understood(given, now())).transpose()?;
    let change = checked(patch)?;
    state
        .blocking(move |_, live| {
            let changed = if change.status.is_some() || change.note.is_some() {
                Some(live.set_incident(&id, change)?)
            } else {
                None
            };
            match (feedback, changed) {
                (Some(given), _) => Ok(Json(live.give_feedback(&id, given)?)),
                (None, Some(changed)) => Ok(Json(changed)),
                (None, None) => Err(missing(&id)),
            }
        })
        .await
}

/// What each scope of a false positive would hide, before it is given.
#[utoipa::path(get, path = "/incidents/{id}/feedback", operation_id = "preview_feedback", tag = "incidents",
    params(("id" = String, Path, description = "id")), responses(
    (status = 200, body = FeedbackPreview),
    (status = 404, body = Problem, content_type = "application/problem+json")))]
async fn preview(
    State(state): State<AppState>,
    id: Result<Path<String>, PathRejection>,
) -> Result<Json<FeedbackPreview>, Problem> {
    let id = id?.0;
    state.blocking(move |_, live| Ok(Json(live.preview_feedback(&id)?))).await
}

fn now() -> Timestamp {
    Timestamp(SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_nanos() as i64))
}

/// A word is the whole with what is usual.
fn understood(patch: FeedbackPatch, now: Timestamp) -> Result<FeedbackGiven, Problem> {
    let given = match patch {
        FeedbackPatch::Given(given) => given,
        FeedbackPatch::Word(word) => FeedbackGiven {
            verdict: match word.as_str() {
                "false_positive" => Some(FeedbackVerdict::FalsePositive),
                "true_positive" => Some(FeedbackVerdict::TruePositive),
                "none" => None,
                _ => return Err(Problem::bad_request("feedback must be false_positive, true_positive or none")),
            },
            scope: None,
            until: None,
        },
    };
    let reaches = given.verdict == Some(FeedbackVerdict::FalsePositive);
    if !reaches && (given.scope.is_some() || given.until.is_some()) {
        return Err(Problem::bad_request("only a false positive has a scope and an end"));
    }
    if given.until.is_some_and(|until| until <= now) {
        return Err(Problem::bad_request("the end of the suppression has passed already"));
    }
    Ok(given)
}

fn checked(patch: IncidentPatch) -> Result<IncidentChange, Problem> {
    let bounded = |name: &str, text: Option<String>, max: usize| match text {
        Some(text) if text.trim().is_empty() || text.len() > max => {
            Err(Problem::bad_request(format!("{name} must have 1 to {max} bytes")))
        }
        text => Ok(text),
    };
    let note = bounded("note", patch.note, NOTE_BYTES_MAX)?;
    if patch.status.is_none() && note.is_none() && patch.feedback.is_none() {
        return Err(Problem::bad_request("give at least one of status, note and feedback"));
    }
    let note = note.map(|text| Note { ts: now(), text });
    Ok(IncidentChange { status: patch.status, note, ..IncidentChange::default() })
}

/// The packets kept as evidence.
#[utoipa::path(get, path = "/incidents/{id}/pcap", operation_id = "incident_pcap", tag = "incidents",
    params(("id" = String, Path, description = "id")), responses(
    (status = 200, description = "pcapng", body = Vec<u8>, content_type = "application/x-pcapng"),
    (status = 404, body = Problem, content_type = "application/problem+json")))]
async fn pcap(State(state): State<AppState>, id: Result<Path<String>, PathRejection>) -> Result<Response, Problem> {
    let id = id?.0;
    state
        .blocking(move |read, _| {
            let none = || {
                Problem::not_found(format!(
                    "no packets were kept for incident {}",
                    id.chars().take(64).collect::<String>()
                ))
            };
            let path = read.evidence(&id)?.ok_or_else(none)?;
            let bytes = std::fs::read(&path)
                .map_err(|e| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, format!("{}: {e}", path.display())))?;
            Ok(attachment(bytes, &format!("tripline-incident-{id}.pcapng")))
        })
        .await
}

/// A capture as a download.
pub(super) fn attachment(bytes: Vec<u8>, name: &str) -> Response {
    let disposition = format!("attachment; filename=\"{name}\"");
    let headers =
        [(header::CONTENT_TYPE, "application/x-pcapng".to_owned()), (header::CONTENT_DISPOSITION, disposition)];
    (headers, bytes).into_response()
}
