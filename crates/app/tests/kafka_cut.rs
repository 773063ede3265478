//! A network that is cut for a minute between both ends and a real broker that goes on without them: in a namespace of its own, where a
//! firewall drops what passes the broker's port. The member is thrown out of its group meanwhile; nothing is lost, nothing comes twice.
#![cfg(feature = "kafka")]
#![allow(clippy::unwrap_used)]

mod support;

use source::kafka::{Consumer, ConsumerConfig};
use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};
use store::kafka::{Outgoing, Producer, ProducerConfig, Sent};
use support::kafka::Broker;
use support::lab::find;
use support::wait_for;

const PATIENCE: Duration = Duration::from_mins(3);

/// How long nothing passes: longer than a session, so that the group has to form anew; TRIPLINE_TEST_DOWN_S=60 for a minute.
fn cut() -> Duration {
    let told = std::env::var("TRIPLINE_TEST_DOWN_S").ok();
    Duration::from_secs(told.map_or(15, |s| s.parse().expect("TRIPLINE_TEST_DOWN_S is a number of seconds")))
}
/// Tells this program that it is the one inside.
const INSIDE: &str = "KAFKA_CUT_INSIDE";

fn must(line: &str) {
    let words: Vec<&str> = line.split(' ').collect();
    let program = find(words[0]).unwrap();
    assert!(Command::new(program).args(&words[1..]).status().unwrap().success(), "{line}");
}

fn send(producer: &Producer, numbers: std::ops::Range<u32>) {
    for n in numbers {
        let payload = n.to_le_bytes().to_vec();
        let message =
            Outgoing { topic: "cut".to_owned(), partition: Some((n % 2) as i32), payload, ..Outgoing::default() };
        assert_ne!(producer.send(message), Sent::Dropped);
    }
}

/// Takes so many messages and commits them; by partition.
fn read(consumer: &mut Consumer, wanted: usize, rows: &mut BTreeMap<i32, Vec<u32>>) {
    let (mut count, begun) = (0, Instant::now());
    while count < wanted {
        for message in consumer.poll(Duration::from_millis(200)).unwrap().messages {
            let number = u32::from_le_bytes(message.payload[..4].try_into().unwrap());
            rows.entry(message.partition).or_default().push(number);
            consumer.commit(&[(Arc::clone(&message.topic), message.partition, message.offset + 1)]).unwrap();
            count += 1;
        }
        assert!(begun.elapsed() < PATIENCE, "{count} of {wanted}: {}", consumer.state().words);
    }
}

#[test]
fn a_network_that_is_cut_for_a_minute_loses_and_repeats_nothing() {
    let test = "kafka_cut";
    let dir = tempfile::tempdir().unwrap();
    if std::env::var_os(INSIDE).is_some() {
        return inside(test, dir.path());
    }
    if Broker::prepare(test, dir.path()).is_none() {
        return;
    }
    if ["unshare", "setpriv", "ip", "iptables"].iter().any(|program| find(program).is_none()) {
        eprintln!("SKIP {test}: unshare, setpriv, ip or iptables is missing (packages util-linux, iproute2, iptables)");
        return;
    }
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "unshare", "--net", "--pid", "--fork", "--kill-child"]).stdin(Stdio::null());
    let may = Command::new("unshare").args(["--net", "true"]).stderr(Stdio::null()).status().unwrap().success();
    if !may {
        eprintln!("SKIP {test}: network namespaces may not be made here (not root)");
        return;
    }
    let name = "a_network_that_is_cut_for_a_minute_loses_and_repeats_nothing";
    let own = std::env::current_exe().unwrap();
    let done = command.arg(own).args(["--exact", name, "--nocapture"]).env(INSIDE, "1").status().unwrap();
    assert!(done.success());
}

fn inside(test: &str, dir: &Path) {
    must("ip link set lo up");
    let Some(broker) = Broker::start(test, dir) else { panic!("was there outside") };
    broker.topic("cut", 2);
    let spool = dir.join("spool");
    let config = ProducerConfig { connection: broker.connection(), ..ProducerConfig::default() };
    let producer = Producer::open(config, Some(&spool)).unwrap();
    let mut consumer = Consumer::open(ConsumerConfig {
        connection: broker.connection(),
        group: Some("g".to_owned()),
        topics: vec!["cut".to_owned()],
        session_timeout_ms: 6_000,
        ..ConsumerConfig::default()
    })
    .unwrap();
    let mut rows = BTreeMap::new();
    send(&producer, 0..5_000);
    read(&mut consumer, 5_000, &mut rows);
    wait_for(PATIENCE, "what is committed", || {
        consumer.lag().iter().all(|row| row.end.is_some() && row.committed == row.end).then_some(())
    });
    let ports = [format!("--dport {}", broker.port), format!("--sport {}", broker.port)];
    for port in &ports {
        must(&format!("iptables -A INPUT -p tcp {port} -j DROP"));
    }
    send(&producer, 5_000..10_000);
    std::thread::sleep(cut());
    let (written, read_words) = (producer.state(), consumer.state());
    assert!(!written.connected && written.spooled_messages == 5_000, "{}", written.words);
    assert!(!read_words.connected && written.words.contains("no answer"), "{} {}", written.words, read_words.words);
    for port in &ports {
        must(&format!("iptables -D INPUT -p tcp {port} -j DROP"));
    }
    let begun = Instant::now();
    read(&mut consumer, 5_000, &mut rows);
    eprintln!("all was there {:?} after the network came back", begun.elapsed());
    assert!(producer.flush(PATIENCE), "{}", producer.state().words);
    assert_eq!((producer.state().acknowledged, producer.state().spooled_messages), (10_000, 0));
    for (partition, numbers) in rows {
        let wanted: Vec<u32> = (0..10_000).filter(|n| n % 2 == partition as u32).collect();
        assert_eq!(numbers, wanted, "partition {partition}");
    }
}
