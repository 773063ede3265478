//! `GET /notifications`, `POST /notifications/test`, `POST /notifications/retry`: who is told of incidents, and whether it arrives.

use crate::shapes::{NotificationAccepted, NotificationRequest, Notifications, NotificationsRetried};
use crate::{AppState, Problem};
use axum::Json;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use utoipa_axum::{router::OpenApiRouter, routes};

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(test)).routes(routes!(retry))
}

/// Channels with their state, and the messages that were given up.
#[utoipa::path(get, path = "/notifications", operation_id = "notifications", tag = "notifications", responses(
    (status = 200, body = Notifications),
    (status = 503, body = Problem, content_type = "application/problem+json")))]
async fn list(State(state): State<AppState>) -> Result<Json<Notifications>, Problem> {
    state.blocking(|_, live| Ok(Json(live.notifications()?))).await
}

/// Sends a made-up incident through a channel now, past queue, quiet hours and limits. 200 means that the far side accepted it;
/// 502 carries its words when it did not.
#[utoipa::path(post, path = "/notifications/test", operation_id = "test_notification", tag = "notifications",
    request_body = NotificationRequest, responses(
    (status = 200, body = NotificationAccepted),
    (status = 400, body = Problem, content_type = "application/problem+json"),
    (status = 403, body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json"),
    (status = 415, body = Problem, content_type = "application/problem+json"),
    (status = 422, body = Problem, content_type = "application/problem+json"),
    (status = 502, body = Problem, content_type = "application/problem+json")))]
async fn test(
    State(state): State<AppState>,
    wanted: Result<Json<NotificationRequest>, JsonRejection>,
) -> Result<Json<NotificationAccepted>, Problem> {
    let channel = wanted?.0.channel;
    state.blocking(move |_, live| Ok(Json(live.test_notification(&channel)?))).await
}

/// Puts the given-up messages of a channel back into the queue.
#[utoipa::path(post, path = "/notifications/retry", operation_id = "retry_notifications", tag = "notifications",
    request_body = NotificationRequest, responses(
    (status = 200, body = NotificationsRetried),
    (status = 400, body = Problem, content_type = "application/problem+json"),
    (status = 403, body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json"),
    (status = 415, body = Problem, content_type = "application/problem+json"),
    (status = 422, body = Problem, content_type = "application/problem+json"),
    (status = 503, body = Problem, content_type = "application/problem+json")))]
async fn retry(
    State(state): State<AppState>,
    wanted: Result<Json<NotificationRequest>, JsonRejection>,
) -> Result<Json<NotificationsRetried>, Problem> {
    let channel = wanted?.0.channel;
    state.blocking(move |_, live| Ok(Json(live.retry_notifications(&channel)?))).await
}
