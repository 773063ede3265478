//! What the drawings ask: the graph, incidents by time, countries, fields of packets.

use super::double::*;

#[tokio::test]
async fn a_graph_is_of_a_host_or_of_an_incident() {
    let world = world();
    let graph = world.json("/api/v1/graph?host=10.0.0.1").await;
    assert_eq!(keys(&graph), "edges flows_left flows_read more nodes nodes_left");
    assert_eq!(graph["nodes"][0]["ip"], "10.0.0.1");
    assert_eq!((graph["nodes"][0]["subject"].as_bool(), graph["nodes"][0]["home"].as_bool()), (Some(true), Some(true)));
    let id = world.json("/api/v1/incidents?limit=1").await["items"][0]["id"].as_str().unwrap().to_owned();
    let graph = world.json(&format!("/api/v1/graph?incident={id}")).await;
    assert!(graph["edges"].as_array().unwrap().iter().any(|edge| edge["evidence"] == true), "{graph}");
    world.problem("/api/v1/graph?incident=none", 404).await;
    for bad in ["/api/v1/graph", "/api/v1/graph?host=nobody", "/api/v1/graph?host=10.0.0.1&incident=1"] {
        world.problem(bad, 400).await;
    }
}

#[tokio::test]
async fn incidents_are_counted_by_kind_and_time() {
    let world = world();
    let counts = world.json("/api/v1/incidents/counts?step=3600").await;
    assert_eq!(keys(&counts), "buckets from kinds oldest step_s");
    let listed = world.json("/api/v1/incidents?q=over_budget:false%20step:false").await["total"].as_u64().unwrap();
    let told: u64 = counts["kinds"].as_array().unwrap().iter().map(|kind| kind["total"].as_u64().unwrap()).sum();
    assert_eq!(told, listed);
    assert!(told > 0);
    world.problem("/api/v1/incidents/counts?from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z", 400).await;
    world.problem("/api/v1/incidents/counts?step=x", 400).await;
}

#[tokio::test]
async fn countries_are_said_where_there_is_a_database() {
    let world = world();
    let countries = world.json("/api/v1/countries").await;
    assert_eq!((countries["available"].as_bool(), countries["items"][0]["country"].as_str()), (Some(true), Some("NL")));
    let flows = world.json("/api/v1/flows?q=country:nl&limit=500").await;
    assert!(flows["items"].as_array().unwrap().iter().all(|flow| flow["dest_country"] == "NL"), "{flows}");
    assert!(flows["items"][0].get("src_country").is_none(), "own addresses have none");
    assert_eq!(world.json("/api/v1/flows?q=-country:NL").await["total"], 0);
    assert_eq!(world.json("/api/v1/hosts?q=country:DE").await["total"], 0);
    world.problem("/api/v1/flows?q=country:Holland", 400).await;
}

#[tokio::test]
async fn packets_tell_the_fields_that_are_asked_for() {
    let world = world();
    assert!(world.json("/api/v1/packets?limit=1").await["items"][0].get("fields").is_none());
    let row = world.json("/api/v1/packets?limit=1&fields=ip.src,none.such").await["items"][0].clone();
    assert_eq!(row["fields"]["protocols"][0], "ip");
    assert_eq!(row["fields"]["values"].as_object().unwrap().len(), 1, "{row}");
    let many = (0..30).map(|n| format!("f{n}")).collect::<Vec<_>>().join(",");
    world.problem(&format!("/api/v1/packets?fields={many}"), 400).await;
}
