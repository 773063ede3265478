//! Lists over HTTP: pages, filters, refusals.

use super::double::*;
use std::collections::HashSet;
use store::StoreBatch;

#[tokio::test]
async fn pages_hold_every_flow_once_while_flows_arrive() {
    let world = world();
    let (mut seen, mut cursor, mut n) = (Vec::new(), String::new(), 1_000);
    loop {
        let page = world.json(&format!("/api/v1/flows?limit=17{cursor}")).await;
        seen.extend(page["items"].as_array().unwrap().iter().map(|f| f["flow_id"].as_u64().unwrap()));
        world.store.write(StoreBatch { flows: (n..n + 9).map(flow).collect(), ..StoreBatch::default() }).unwrap();
        world.store.flush().unwrap();
        n += 9;
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    let distinct: HashSet<_> = seen.iter().copied().collect();
    assert_eq!((seen.len(), distinct), (250, (5_001..=5_250).collect()));
}

#[tokio::test]
async fn filters_go_through_the_query_string() {
    let world = world();
    for (q, total) in [
        ("src_ip:10.0.0.0/25", 127),
        ("-src_ip:10.0.0.0/25", 123),
        ("anomalous:true%20-src_ip:10.0.0.10", 24),
        ("host_name:n24*.example.org", 11),
        ("score:%3E=0.9", 25),
        ("score:%3C0.9+dest_port:53", 225),
        ("n250", 1),
        ("community_id:1:x", 250),
    ] {
        assert_eq!(world.json(&format!("/api/v1/flows?q={q}")).await["total"], total, "{q}");
    }
    let bounded = format!("/api/v1/flows?from={}&to={}", at(11).rfc3339(), at(20).rfc3339());
    assert_eq!(world.json(&bounded).await["total"], 10);
}

#[tokio::test]
async fn mistakes_are_told() {
    let world = world();
    let unknown = world.problem("/api/v1/flows?q=colour:red", 400).await;
    let detail = unknown["detail"].as_str().unwrap();
    assert!(detail.contains("`colour`") && detail.contains("src_ip") && detail.contains("host_name"), "{detail}");
    for (path, hint) in [
        ("flows?limit=0", "from 1 to 500"),
        ("flows?limit=501", "from 1 to 500"),
        ("flows?limit=x", "limit"),
        ("flows?cursor=nonsense", "cursor"),
        ("flows?from=yesterday", "RFC 3339"),
        ("flows?q=src_ip:300.1.1.1", "IP address"),
        ("incidents?q=severity:huge", "critical"),
        ("hosts?q=home:maybe", "true or false"),
        ("packets?q=x:1", "protocol"),
        ("flows?q=host_name:%22a", "quotation"),
        ("flows?cursor=%00%27--", "cursor"),
    ] {
        let problem = world.problem(&format!("/api/v1/{path}"), 400).await;
        assert!(problem["detail"].as_str().unwrap().contains(hint), "{path}: {problem}");
    }
}
