//! Kafka beside other tools, with the real program and a real broker: their topics in, incidents out, and what is told when it cannot be.
#![cfg(feature = "kafka")]
#![allow(clippy::unwrap_used)]

mod support;

use record::KafkaConnection;
use serde_json::Value;
use source::kafka::{Consumer, ConsumerConfig};
use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;
use store::kafka::{Outgoing, Producer, ProducerConfig};
use support::http::get_json;
use support::kafka::Broker;
use support::server::Server;
use support::{run, wait_for};

const PATIENCE: Duration = Duration::from_mins(2);

/// Sends these lines, keyed by nothing.
fn send(connection: &KafkaConnection, topic: &str, lines: impl Iterator<Item = String>) {
    let config = ProducerConfig { connection: connection.clone(), ..ProducerConfig::default() };
    let producer = Producer::open(config, None).unwrap();
    for line in lines {
        producer.send(Outgoing { topic: topic.to_owned(), payload: line.into_bytes(), ..Outgoing::default() });
    }
    assert!(producer.flush(PATIENCE), "{}", producer.state().words);
}

fn now() -> f64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs_f64()
}

/// A flow as Zeek's `conn.log` tells it in JSON, just now.
fn zeek_flow(n: u32) -> String {
    serde_json::json!({
        "ts": now() - 2.0, "uid": format!("C{n}"), "id.orig_h": "10.0.0.9", "id.orig_p": 20_000 + n, "id.resp_h": "10.0.1.1",
        "id.resp_p": 443, "proto": "tcp", "duration": 1.0, "orig_bytes": 100, "resp_bytes": 200, "conn_state": "SF",
        "orig_pkts": 3, "orig_ip_bytes": 200, "resp_pkts": 3, "resp_ip_bytes": 300
    })
    .to_string()
}

/// A server that reads these topics' flows.
fn start(dir: &Path, broker: &Broker) -> Server {
    let brokers = format!("kafka.brokers=[\"127.0.0.1:{}\"]", broker.port);
    let sets = [brokers.as_str(), "kafka.input.topics=[\"zeek-conn\"]", "kafka.input.from=earliest"];
    let mut args = vec!["run", "--data-dir", dir.to_str().unwrap()];
    for set in sets {
        args.extend(["--set", set]);
    }
    Server::start(&args)
}

/// Ports of the flows in the history.
fn ports(server: &Server) -> BTreeSet<u64> {
    let (mut ports, mut cursor) = (BTreeSet::new(), String::new());
    loop {
        let page = get_json(server.port, &format!("/api/v1/flows?limit=500{cursor}"));
        ports.extend(page["items"].as_array().unwrap().iter().filter_map(|flow| flow["src_port"].as_u64()));
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return ports,
        }
    }
}

fn wait_for_flows(server: &Server, count: usize) {
    wait_for(PATIENCE, &format!("{count} flows"), || (ports(server).len() == count).then_some(()));
}

#[test]
fn flows_of_another_tool_are_read_and_none_is_missing_after_a_kill() {
    let dir = tempfile::tempdir().unwrap();
    let Some(mut broker) = Broker::start("kafka_flows_of_another_tool", &dir.path().join("broker")) else { return };
    broker.topic("zeek-conn", 2);
    let data_dir = dir.path().join("data");
    let server = start(&data_dir, &broker);
    send(&broker.connection(), "zeek-conn", (0..300).map(zeek_flow));
    wait_for_flows(&server, 300);
    let source = get_json(server.port, "/api/v1/sources")["sources"][0].clone();
    assert_eq!((&source["kind"], &source["name"]), (&"log".into(), &"kafka zeek-conn".into()), "{source}");
    server.kill();
    send(&broker.connection(), "zeek-conn", (300..500).map(zeek_flow));
    let server = start(&data_dir, &broker);
    wait_for_flows(&server, 500);
    // A broker that goes away is said, and read again when it is back.
    broker.down();
    wait_for(PATIENCE, "words about the broker", || {
        let sources = get_json(server.port, "/api/v1/sources").to_string();
        sources.contains("connection refused").then_some(())
    });
    broker.up();
    send(&broker.connection(), "zeek-conn", (500..600).map(zeek_flow));
    wait_for_flows(&server, 600);
    assert!(server.terminate().success());
}

#[test]
fn incidents_go_to_a_topic_keyed_by_host() {
    let dir = tempfile::tempdir().unwrap();
    let Some(broker) = Broker::start("kafka_incidents_out", &dir.path().join("broker")) else { return };
    broker.topic("incidents", 2);
    let settings = dir.path().join("tripline.toml");
    let channel = "[[notify.channels]]\nname = \"k\"\nkind = \"kafka\"\nkafka = { topic = \"incidents\" }\n";
    let text = format!("[kafka]\nbrokers = [\"127.0.0.1:{}\"]\n{channel}", broker.port);
    std::fs::write(&settings, text).unwrap();
    let args = ["notify", "--test", "-c", settings.to_str().unwrap(), "--data-dir", dir.path().to_str().unwrap()];
    let said = run(args).done().text();
    assert!(said.contains("acknowledged in topic incidents"), "{said}");
    let topics = vec!["incidents".to_owned()];
    let config = ConsumerConfig { connection: broker.connection(), topics, ..ConsumerConfig::default() };
    let mut consumer = Consumer::open(config).unwrap();
    let message = wait_for(PATIENCE, "the incident", || {
        consumer.poll(Duration::from_millis(200)).unwrap().messages.into_iter().next()
    });
    let event: Value = serde_json::from_slice(&message.payload).unwrap();
    assert_eq!(
        (&event["event_type"], event["src_ip"].as_str()),
        (&"alert".into(), std::str::from_utf8(&message.key).ok())
    );
    assert!(!message.key.is_empty() && message.headers.iter().any(|(name, value)| name == "key" && !value.is_empty()));
    drop(broker);
    let late = run(args);
    assert_eq!((late.code, late.stderr.contains("connection refused")), (Some(2), true), "{}", late.stderr);
}

#[test]
fn settings_that_cannot_be_are_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    let settings = dir.path().join("tripline.toml");
    for (text, words) in [
        ("[kafka]\nbrokers = [\"kafka\"]\n", "write host:port"),
        ("[kafka]\nbroker = [\"kafka:9092\"]\n", "broker"),
        ("[kafka.input]\ntopics = [\"eve\"]\n", "kafka.brokers"),
        ("[kafka]\nbrokers = [\"k:1\"]\nsasl_username = \"u\"\n", "kafka.security"),
        ("[[notify.channels]]\nname = \"k\"\nkind = \"kafka\"\nkafka = { topic = \"t\" }\n", "names no brokers"),
    ] {
        std::fs::write(&settings, text).unwrap();
        let refused = run(["config", "check", "-c", settings.to_str().unwrap()]);
        assert_eq!((refused.code, refused.stderr.contains(words)), (Some(2), true), "{text}: {}", refused.stderr);
    }
    let secret =
        "[kafka]\nbrokers = [\"k:1\"]\nsecurity = \"sasl_tls\"\nsasl_username = \"u\"\nsasl_password = \"hunter2\"\n";
    std::fs::write(&settings, secret).unwrap();
    let shown = run(["config", "show", "-c", settings.to_str().unwrap()]).done().text();
    assert!(shown.contains("sasl_username") && !shown.contains("hunter2"), "{shown}");
}
