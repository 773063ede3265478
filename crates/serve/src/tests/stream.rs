//! The live stream: order, resume, reset, loss.

use super::double::*;
use crate::hub::{EVENTS_MAX, EventKind, Hub, Wanted};
use axum::body::Body;
use axum::http::{Request, Response};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use std::time::Duration;

/// One event as a browser would see it.
#[derive(Debug, PartialEq)]
struct Seen {
    id: Option<u64>,
    event: String,
    data: Value,
}

/// The next `n` events of a stream.
async fn events(response: &mut Response<Body>, n: usize) -> Vec<Seen> {
    let mut text = String::new();
    while text.matches("\n\n").count() < n {
        let frame = tokio::time::timeout(Duration::from_secs(20), response.body_mut().frame()).await;
        let frame = frame.expect("an event comes").expect("the stream goes on").unwrap();
        text.push_str(std::str::from_utf8(&frame.into_data().unwrap()).unwrap());
    }
    let blocks = text.split("\n\n").filter(|b| !b.is_empty() && !b.starts_with(':'));
    blocks
        .map(|block| {
            let field =
                |name: &str| block.lines().find_map(|l| l.strip_prefix(name)).map(|v| v.trim_start_matches(' '));
            Seen {
                id: field("id:").and_then(|v| v.parse().ok()),
                event: field("event:").unwrap_or_default().to_owned(),
                data: serde_json::from_str(field("data:").unwrap()).unwrap(),
            }
        })
        .collect()
}

async fn open(world: &World, path: &str, last: Option<u64>) -> Response<Body> {
    let mut request = Request::get(path).header("host", "localhost");
    if let Some(last) = last {
        request = request.header("last-event-id", last);
    }
    let response = world.send(request.body(Body::empty()).unwrap()).await;
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    assert_eq!(response.headers()["cache-control"], "no-cache");
    response
}

#[tokio::test]
async fn events_come_in_order_with_their_numbers() {
    let world = world();
    let mut stream = open(&world, "/api/v1/live?events=flow,incident", None).await;
    world.state.hub.publish(EventKind::Packet, &json!({"items": [], "skipped": 0}));
    world.state.hub.publish(EventKind::Flow, &json!({"items": [], "skipped": 7}));
    world.state.hub.publish(EventKind::Incident, &incident(1));
    let seen = events(&mut stream, 2).await;
    assert_eq!(seen[0], Seen { id: Some(2), event: "flow".into(), data: json!({"items": [], "skipped": 7}) });
    assert_eq!((seen[1].id, seen[1].event.as_str(), &seen[1].data["kind"]), (Some(3), "incident", &json!("port_scan")));
    world.problem("/api/v1/live?events=flow,gossip", 400).await;
}

#[tokio::test]
async fn a_reader_resumes_where_it_was() {
    let world = world();
    for n in 1..=5 {
        world.state.hub.publish(EventKind::Health, &json!({"n": n}));
    }
    let mut stream = open(&world, "/api/v1/live", Some(3)).await;
    let seen = events(&mut stream, 2).await;
    assert_eq!(seen.iter().map(|s| s.id).collect::<Vec<_>>(), [Some(4), Some(5)]);
    let mut stream = open(&world, "/api/v1/live?last_event_id=5", None).await;
    world.state.hub.publish(EventKind::Health, &json!({"n": 6}));
    assert_eq!(events(&mut stream, 1).await[0].id, Some(6));
}

#[tokio::test]
async fn a_gap_is_a_reset() {
    let world = world();
    world.state.hub.publish(EventKind::Tick, &json!({"n": 0}));
    for n in 0..EVENTS_MAX as u64 + 10 {
        world.state.hub.publish(EventKind::Health, &json!({"n": n}));
    }
    for (last, what) in [(3, "older than the buffer"), (1 << 50, "of another process")] {
        let mut stream = open(&world, "/api/v1/live", Some(last)).await;
        let seen = events(&mut stream, 1).await;
        assert_eq!((seen[0].event.as_str(), seen[0].id), ("reset", None), "{what}");
        world.state.hub.publish(EventKind::Flow, &json!({"after": what}));
        assert_eq!(events(&mut stream, 1).await[0].data["after"], what);
    }
}

#[tokio::test]
async fn a_new_reader_sees_the_newest_tick_at_once() {
    let world = world();
    world.state.hub.publish(EventKind::Tick, &json!({"n": 1}));
    world.state.hub.publish(EventKind::Tick, &json!({"n": 2}));
    let mut stream = open(&world, "/api/v1/live?events=tick", None).await;
    assert_eq!(events(&mut stream, 1).await[0].data, json!({"n": 2}));
}

#[tokio::test]
async fn a_slow_reader_loses_the_oldest_and_is_told() {
    let world = world();
    let mut stream = open(&world, "/api/v1/live", None).await;
    let total = EVENTS_MAX as u64 * 2;
    for n in 0..total {
        world.state.hub.publish(EventKind::Health, &json!({"n": n}));
    }
    world.state.hub.publish(EventKind::Tick, &json!({"ts": "now"}));
    let (mut got, mut lost) = (0, None);
    while lost.is_none() {
        for seen in events(&mut stream, 1).await {
            match seen.event.as_str() {
                "tick" => lost = Some(seen.data["lost"].as_u64().unwrap()),
                _ => got += 1,
            }
        }
    }
    assert_eq!(got + lost.unwrap(), total, "every event was given or counted as lost");
    assert!(lost.unwrap() > 0);
    world.state.hub.publish(EventKind::Tick, &json!({"ts": "later"}));
    assert_eq!(events(&mut stream, 1).await[0].data, json!({"ts": "later"}), "told once");
}

#[tokio::test]
async fn streams_are_bounded_and_given_back() {
    let mut world = world();
    let mut config = (*world.state.config).clone();
    config.streams_max = 2;
    world.state.config = config.into();
    let streams = (open(&world, "/api/v1/live", None).await, open(&world, "/api/v1/live", None).await);
    world.problem("/api/v1/live", 503).await;
    assert_eq!(world.state.hub.readers(), 2);
    drop(streams);
    for _ in 0..2_000 {
        if world.state.hub.readers() == 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    open(&world, "/api/v1/live", None).await;
}

#[test]
fn numbers_of_a_later_run_are_larger() {
    let hub = Hub::default();
    hub.publish(EventKind::Tick, &1);
    let id = hub.newest(EventKind::Tick).unwrap().id;
    assert!(id > 1_700_000_000_000_000 && id < 1 << 53, "exact in JavaScript");
    let (mut position, whole) = hub.reader(Some(id - 1));
    assert!(whole);
    assert_eq!(position.take(Wanted::of(&[EventKind::Tick]), 9).events.len(), 1);
    assert!(!hub.reader(Some(id + 1)).1);
}
