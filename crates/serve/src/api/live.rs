//! `GET /live`: the stream of server-sent events.

use crate::auth::Identity;
use crate::hub::{Event, EventKind, Position, Wanted};
use crate::shapes::{FlowBatch, HealthEvent, PacketBatch, Reset, Tick, VerdictBatch};
use crate::{AppState, Problem};
use axum::Extension;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::sse::{self, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use record::ScanRow;
use serde::Deserialize;
use std::convert::Infallible;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use utoipa::{IntoParams, OpenApi};
use utoipa_axum::{router::OpenApiRouter, routes};

/// Events on their way to one reader beside the hub's buffer.
const IN_FLIGHT_MAX: usize = 32;
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Shapes that only the stream has.
#[derive(OpenApi)]
#[openapi(components(schemas(Tick, PacketBatch, FlowBatch, VerdictBatch, HealthEvent, ScanRow, Reset)))]
struct Shapes;

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::with_openapi(Shapes::openapi()).routes(routes!(live))
}

/// Which events.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct LiveParams {
    /// Names separated by commas: tick, packet, flow, verdict, incident, health, scan; all when absent.
    events: Option<String>,
    /// As the header `Last-Event-ID`, for readers that cannot set it.
    last_event_id: Option<u64>,
}

/// Server-sent events; the data of `tick` is Tick, of `packet` PacketBatch, of `flow` FlowBatch, of `verdict`
/// VerdictBatch, of `incident` Incident, of `health` HealthEvent, of `scan` ScanRow, of `reset` Reset.
#[utoipa::path(get, path = "/live", tag = "overview",
    params(LiveParams, ("last-event-id" = Option<u64>, Header, description = "Resume after this event")), responses(
    (status = 200, description = "an endless stream", body = String, content_type = "text/event-stream"),
    (status = 400, body = Problem, content_type = "application/problem+json"),
    (status = 503, body = Problem, content_type = "application/problem+json")))]
async fn live(
    State(state): State<AppState>,
    Extension(identity): Extension<Identity>,
    headers: HeaderMap,
    params: Result<Query<LiveParams>, QueryRejection>,
) -> Result<Response, Problem> {
    let params = params?.0;
    let wanted = wanted(params.events.as_deref())?;
    if state.hub.readers() >= state.config.streams_max {
        let detail =
            format!("{} live streams are open, which is the most (serve.streams_max)", state.config.streams_max);
        return Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, detail));
    }
    let header_id = headers.get("last-event-id").and_then(|v| v.to_str().ok()).and_then(|v| v.trim().parse().ok());
    let last = header_id.or(params.last_event_id);
    let (position, whole) = state.hub.reader(last);
    let newest_tick = if last.is_none() || !whole { state.hub.newest(EventKind::Tick) } else { None };
    let (sender, receiver) = mpsc::channel(IN_FLIGHT_MAX);
    let feed = feed(sender, position, wanted, whole, newest_tick.filter(|_| wanted.has(EventKind::Tick)));
    let ended = state.auth.clone().ended(identity, state.config.clone());
    tokio::spawn(async move {
        // Whoever logs out, or is locked out, sees nothing more from then on.
        tokio::select! {
            () = feed => {}
            () = ended => {}
        }
    });
    let stream =
        Sse::new(ReceiverStream::new(receiver)).keep_alive(KeepAlive::new().interval(KEEP_ALIVE).text("alive"));
    let mut response = stream.into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response.headers_mut().insert("x-accel-buffering", HeaderValue::from_static("no"));
    Ok(response)
}

fn wanted(names: Option<&str>) -> Result<Wanted, Problem> {
    let Some(names) = names.filter(|n| !n.is_empty()) else { return Ok(Wanted::all()) };
    let kinds = names.split(',').map(|name| {
        EventKind::parse(name.trim()).ok_or_else(|| {
            let known = EventKind::ALL.map(EventKind::name).join(", ");
            Problem::bad_request(format!("unknown event `{name}`; known events: {known}"))
        })
    });
    Ok(Wanted::of(&kinds.collect::<Result<Vec<_>, _>>()?))
}

fn sse_event(event: &Event, lost: &mut u64) -> sse::Event {
    let plain = sse::Event::default().id(event.id.to_string()).event(event.kind.name());
    match event.data.strip_prefix('{') {
        // The loss is told once, in the next tick.
        Some(rest) if event.kind == EventKind::Tick && *lost > 0 => {
            let told = std::mem::take(lost);
            plain.data(format!("{{\"lost\":{told},{rest}"))
        }
        _ => plain.data(&event.data),
    }
}

/// Moves events from the hub to one reader, at the reader's pace. Ends when the reader goes or the hub closes.
async fn feed(
    sender: mpsc::Sender<Result<sse::Event, Infallible>>,
    mut position: Position,
    wanted: Wanted,
    whole: bool,
    newest_tick: Option<Event>,
) {
    let mut lost = 0;
    if !whole {
        let data = r#"{"reason":"events between are not in the buffer any more; load anew"}"#;
        if sender.send(Ok(sse::Event::default().event("reset").data(data))).await.is_err() {
            return;
        }
    }
    if let Some(tick) = newest_tick
        && sender.send(Ok(sse_event(&tick, &mut lost))).await.is_err()
    {
        return;
    }
    loop {
        let next = position.take(wanted, IN_FLIGHT_MAX);
        lost += next.lost;
        for event in &next.events {
            if sender.send(Ok(sse_event(event, &mut lost))).await.is_err() {
                return;
            }
        }
        tokio::select! {
            more = position.wait() => if !more { return },
            () = sender.closed() => return,
        }
    }
}
