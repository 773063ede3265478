//! Both ends of Kafka against a real broker: nothing lost, nothing twice, whatever is killed, restarted or not there.
#![cfg(feature = "kafka")]
#![allow(clippy::unwrap_used)]

mod support;

use record::{KafkaConnection, KafkaSecurity, Password, SaslMechanism};
use source::kafka::{Consumer, ConsumerConfig};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};
use store::kafka::{Compression, Outgoing, Producer, ProducerConfig, Sent};
use support::kafka::{Broker, PASSWORD, USER};
use support::wait_for;

/// How long anything may take on a busy machine.
const PATIENCE: Duration = Duration::from_mins(3);
const PARTITIONS: u32 = 4;

fn producer(connection: KafkaConnection, spool: Option<&Path>) -> Producer {
    Producer::open(ProducerConfig { connection, ..ProducerConfig::default() }, spool).unwrap()
}

fn reader(connection: KafkaConnection, group: Option<&str>, topic: &str) -> Consumer {
    let (group, topics) = (group.map(str::to_owned), vec![topic.to_owned()]);
    Consumer::open(ConsumerConfig { connection, group, topics, session_timeout_ms: 6_000, ..ConsumerConfig::default() })
        .unwrap()
}

/// The n-th message: its number is its payload, its partition the number's rest.
fn message(topic: &str, n: u32) -> Outgoing {
    let mut payload = n.to_le_bytes().to_vec();
    payload.resize(200, n as u8);
    let headers = vec![("schema".to_owned(), b"1".to_vec())];
    let partition = Some((n % PARTITIONS) as i32);
    Outgoing { topic: topic.to_owned(), partition, key: n.to_le_bytes().to_vec(), payload, headers }
}

fn number(payload: &[u8]) -> u32 {
    u32::from_le_bytes(payload[..4].try_into().unwrap())
}

/// Sends these numbers; whatever waits long enough for room is taken in the end.
fn send(producer: &Producer, topic: &str, numbers: std::ops::Range<u32>) {
    for n in numbers {
        assert_ne!(producer.send(message(topic, n)), Sent::Dropped, "{}", producer.state().words);
    }
}

/// Reads until so many different messages are there; the numbers of each partition in the order in which they came.
fn read(consumer: &mut Consumer, wanted: usize, commit: bool) -> BTreeMap<i32, Vec<u32>> {
    let mut rows: BTreeMap<i32, Vec<u32>> = BTreeMap::new();
    let mut seen = BTreeSet::new();
    let begun = Instant::now();
    while seen.len() < wanted {
        let polled = consumer.poll(Duration::from_millis(200)).unwrap();
        let mut next: BTreeMap<i32, i64> = BTreeMap::new();
        for incoming in &polled.messages {
            assert_eq!(incoming.headers, [("schema".to_owned(), b"1".to_vec())]);
            seen.insert(number(&incoming.payload));
            rows.entry(incoming.partition).or_default().push(number(&incoming.payload));
            next.insert(incoming.partition, incoming.offset + 1);
        }
        if let Some(first) = polled.messages.first().filter(|_| commit) {
            let next: Vec<_> = next.into_iter().map(|(p, offset)| (Arc::clone(&first.topic), p, offset)).collect();
            consumer.commit(&next).unwrap();
        }
        assert!(begun.elapsed() < PATIENCE, "{} of {wanted}: {}", seen.len(), consumer.state().words);
    }
    rows
}

/// Every number once, in its order.
fn assert_whole(rows: &BTreeMap<i32, Vec<u32>>, count: u32) {
    for (partition, numbers) in rows {
        let wanted: Vec<u32> = (0..count).filter(|n| (n % PARTITIONS) as i32 == *partition).collect();
        assert_eq!(numbers.len(), wanted.len(), "partition {partition}");
        assert_eq!(*numbers, wanted, "partition {partition} is not in its order");
    }
    assert_eq!(rows.len(), PARTITIONS as usize);
}

#[test]
fn two_hundred_thousand_messages_come_back_once_and_in_order_and_a_group_goes_on_where_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let Some(broker) = Broker::start("kafka_round_trip", dir.path()) else { return };
    broker.topic("round", PARTITIONS);
    let spool = tempfile::tempdir().unwrap();
    let producer = producer(broker.connection(), Some(spool.path()));
    wait_for(PATIENCE, "the number of partitions", || producer.partitions("round").filter(|n| *n == PARTITIONS));
    send(&producer, "round", 0..200_000);
    assert!(producer.flush(PATIENCE), "{}", producer.state().words);
    let state = producer.state();
    assert_eq!((state.acknowledged, state.dropped.total(), state.spooled_messages), (200_000, 0, 0));
    producer.close(Duration::from_secs(5));

    let mut all = reader(broker.connection(), None, "round");
    assert_whole(&read(&mut all, 200_000, false), 200_000);
    wait_for(PATIENCE, "the ends of the partitions", || {
        let lag = all.lag();
        (lag.len() == 4 && lag.iter().all(|row| row.lag == Some(0) && row.end == Some(50_000))).then_some(())
    });
    all.close();
    let next: Vec<(Arc<str>, i32, i64)> = (0..4).map(|partition| (Arc::from("round"), partition, 49_990)).collect();
    let (connection, topics) = (broker.connection(), vec!["round".to_owned()]);
    let config = ConsumerConfig { connection, topics, ..ConsumerConfig::default() };
    let tail = read(&mut Consumer::open_at(config, &next).unwrap(), 40, false);
    assert_eq!(tail[&3], (0..10).map(|n| 199_963 + 4 * n).collect::<Vec<_>>(), "from where the caller said");

    let mut first = reader(broker.connection(), Some("g"), "round");
    let half = read(&mut first, 100_000, true);
    first.close();
    let mut second = reader(broker.connection(), Some("g"), "round");
    let taken: usize = half.values().map(Vec::len).sum();
    let rest = read(&mut second, 200_000 - taken, true);
    let whole = (0..4).map(|p| {
        let of = |rows: &BTreeMap<i32, Vec<u32>>| rows.get(&p).cloned().unwrap_or_default();
        (p, [of(&half), of(&rest)].concat())
    });
    assert_whole(&whole.collect(), 200_000);
}

#[test]
fn a_broker_that_is_killed_and_comes_back_loses_and_repeats_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let Some(mut broker) = Broker::start("kafka_broker_restart", dir.path()) else { return };
    broker.topic("restart", PARTITIONS);
    let spool = tempfile::tempdir().unwrap();
    let producer = producer(broker.connection(), Some(spool.path()));
    let mut consumer = reader(broker.connection(), Some("g"), "restart");
    send(&producer, "restart", 0..20_000);
    assert!(producer.flush(PATIENCE));
    let before = read(&mut consumer, 20_000, true);
    // What is not committed would come again.
    wait_for(PATIENCE, "what is committed", || {
        consumer.lag().iter().all(|row| row.end.is_some() && row.committed == row.end).then_some(())
    });
    broker.down();
    send(&producer, "restart", 20_000..40_000);
    let state = wait_for(PATIENCE, "the producer's noticing", || Some(producer.state()).filter(|s| !s.connected));
    assert!(state.words.contains("connection refused") && state.words.contains("wait on disk"), "{}", state.words);
    assert_eq!(state.spooled_messages, 20_000);
    let state = wait_for(PATIENCE, "the consumer's noticing", || Some(consumer.state()).filter(|s| !s.connected));
    assert!(state.words.contains("connection refused"), "{}", state.words);
    broker.up();
    let begun = Instant::now();
    let after = read(&mut consumer, 20_000, true);
    eprintln!("after the broker came back, all was there in {:?}", begun.elapsed());
    assert!(producer.flush(PATIENCE), "{}", producer.state().words);
    assert_eq!((producer.state().acknowledged, producer.state().spooled_messages), (40_000, 0));
    assert!(consumer.state().connected && producer.state().connected);
    let whole = (0..4).map(|p| (p, [before[&p].clone(), after[&p].clone()].concat()));
    assert_whole(&whole.collect(), 40_000);
}

/// Not a test of its own: a process that is killed. Writes to a broker that is not there, then says so and waits.
#[test]
fn child_that_is_killed() {
    let Ok(plan) = std::env::var("KAFKA_CHILD") else { return };
    let mut words = plan.split(' ');
    let mut word = || words.next().unwrap();
    let (what, broker, path) = (word(), word().to_owned(), word().to_owned());
    let connection = KafkaConnection { brokers: vec![broker], request_timeout_ms: 5_000, ..KafkaConnection::default() };
    if what == "produce" {
        let producer = producer(connection, Some(Path::new(&path)));
        send(&producer, "killed", 0..10_000);
        std::fs::write(Path::new(&path).join("written"), "").unwrap();
        std::thread::sleep(PATIENCE);
    } else {
        let mut consumer = reader(connection, Some("g"), "shared");
        while consumer.poll(Duration::from_secs(1)).unwrap().messages.is_empty() {}
        std::fs::write(&path, "").unwrap();
        // Takes long with what it has, and is killed while it does.
        std::thread::sleep(PATIENCE);
    }
}

fn child(plan: String) -> std::process::Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "child_that_is_killed", "--nocapture"]).env("KAFKA_CHILD", plan);
    command.stdin(Stdio::null()).stdout(Stdio::null()).spawn().unwrap()
}

#[test]
fn what_a_killed_producer_had_on_disk_is_sent_by_the_next() {
    let dir = tempfile::tempdir().unwrap();
    let Some(mut broker) = Broker::prepare("kafka_killed_producer", dir.path()) else { return };
    let spool = tempfile::tempdir().unwrap();
    let mut killed = child(format!("produce 127.0.0.1:{} {}", broker.port, spool.path().display()));
    wait_for(PATIENCE, "the child's messages", || spool.path().join("written").exists().then_some(()));
    killed.kill().unwrap();
    killed.wait().unwrap();
    broker.up();
    broker.topic("killed", PARTITIONS);
    let producer = producer(broker.connection(), Some(spool.path()));
    assert_eq!(producer.send(message("killed", 10_000)), Sent::Spooled, "older ones go first");
    assert!(producer.flush(PATIENCE), "{}", producer.state().words);
    assert_whole(&read(&mut reader(broker.connection(), None, "killed"), 10_001, false), 10_001);
}

#[test]
fn when_a_member_is_killed_the_other_takes_over_and_a_slow_one_stays_a_member() {
    let dir = tempfile::tempdir().unwrap();
    let Some(broker) = Broker::start("kafka_group", dir.path()) else { return };
    broker.topic("shared", PARTITIONS);
    let mut survivor = reader(broker.connection(), Some("g"), "shared");
    let wait_assigned = |consumer: &mut Consumer, count: usize| {
        wait_for(PATIENCE, &format!("{count} partitions"), || {
            consumer.poll(Duration::from_millis(100)).unwrap().assigned.filter(|all| all.len() == count)
        })
    };
    wait_assigned(&mut survivor, 4);
    let sign = dir.path().join("sign");
    let mut killed = child(format!("consume 127.0.0.1:{} {}", broker.port, sign.display()));
    assert_eq!(wait_assigned(&mut survivor, 2).len(), 2, "two members share four partitions");
    let producer = producer(broker.connection(), None);
    send(&producer, "shared", 0..1_000);
    assert!(producer.flush(PATIENCE));
    wait_for(PATIENCE, "the other's messages", || sign.exists().then_some(()));
    let own = read(&mut survivor, 500, true);
    // Both are slower than their session: nobody is thrown out.
    std::thread::sleep(Duration::from_secs(8));
    assert_eq!(survivor.poll(Duration::from_millis(100)).unwrap().assigned, None);
    assert_eq!(survivor.lag().len(), 2);
    killed.kill().unwrap();
    killed.wait().unwrap();
    let begun = Instant::now();
    let rest = read(&mut survivor, 500, true);
    let took = begun.elapsed();
    eprintln!("the other's partitions came {took:?} after it was killed");
    assert_eq!(survivor.lag().len(), 4);
    // What the killed one had not committed comes again, to the survivor; its own are not repeated.
    assert_whole(&own.into_iter().chain(rest).collect(), 1_000);
}

#[test]
fn tls_and_passwords_right_and_wrong() {
    let dir = tempfile::tempdir().unwrap();
    let Some(broker) = Broker::start("kafka_security", dir.path()) else { return };
    broker.topic("secure", PARTITIONS);
    let tls = KafkaConnection {
        brokers: vec![format!("127.0.0.1:{}", broker.tls_port)],
        security: KafkaSecurity::Tls,
        ca_file: broker.certificates().join("ca.pem"),
        request_timeout_ms: 5_000,
        ..KafkaConnection::default()
    };
    let password_file = dir.path().join("password");
    std::fs::write(&password_file, format!("{PASSWORD}\n")).unwrap();
    let login = |mechanism| KafkaConnection {
        brokers: vec![format!("127.0.0.1:{}", broker.sasl_port)],
        security: KafkaSecurity::SaslTls,
        sasl_mechanism: mechanism,
        sasl_username: USER.to_owned(),
        sasl_password_file: password_file.clone(),
        ..tls.clone()
    };
    let mut count = 0;
    let mechanisms = [SaslMechanism::Plain, SaslMechanism::ScramSha256, SaslMechanism::ScramSha512];
    let compressions = [Compression::None, Compression::Zstd, Compression::Gzip, Compression::Lz4];
    for (connection, compression) in std::iter::once(tls.clone()).chain(mechanisms.map(login)).zip(compressions) {
        let config = ProducerConfig { connection: connection.clone(), compression, ..ProducerConfig::default() };
        let producer = Producer::open(config, None).unwrap();
        send(&producer, "secure", count..count + 400);
        count += 400;
        assert!(producer.flush(PATIENCE), "{connection:?}: {}", producer.state().words);
        assert_whole(&read(&mut reader(connection, None, "secure"), count as usize, false), count);
    }
    let wrong = KafkaConnection {
        sasl_password: Password("wrong".to_owned()),
        sasl_password_file: std::path::PathBuf::new(),
        ..login(SaslMechanism::ScramSha512)
    };
    let other_authority = KafkaConnection { ca_file: broker.certificates().join("client.pem"), ..tls };
    for (connection, word) in [(wrong, "refused the log-in of `tripline`"), (other_authority, "trust each other")] {
        let producer = producer(connection.clone(), None);
        let why = wait_for(PATIENCE, word, || producer.state().last_error);
        assert!(why.contains(word) && !why.contains("wrong"), "{why}");
        let consumer = reader(connection, None, "secure");
        let why = wait_for(PATIENCE, word, || consumer.state().last_error);
        assert!(why.contains(word), "{why}");
    }
}

#[test]
fn a_broker_that_asks_for_a_certificate_takes_ours_and_no_stranger() {
    let dir = tempfile::tempdir().unwrap();
    let Some(mut broker) = Broker::prepare("kafka_client_certificate", dir.path()) else { return };
    broker.asks_for_certificates = true;
    broker.up();
    broker.topic("known", PARTITIONS);
    let file = |name: &str| broker.certificates().join(name);
    let known = KafkaConnection {
        brokers: vec![format!("127.0.0.1:{}", broker.tls_port)],
        security: KafkaSecurity::Tls,
        ca_file: file("ca.pem"),
        cert_file: file("client.pem"),
        key_file: file("client.key"),
        request_timeout_ms: 5_000,
        ..KafkaConnection::default()
    };
    let sender = producer(known.clone(), None);
    send(&sender, "known", 0..400);
    assert!(sender.flush(PATIENCE), "{}", sender.state().words);
    assert_whole(&read(&mut reader(known.clone(), None, "known"), 400, false), 400);
    let none = std::path::PathBuf::new;
    let stranger = KafkaConnection { cert_file: none(), key_file: none(), ..known };
    let sender = producer(stranger.clone(), None);
    let why = wait_for(PATIENCE, "a stranger is refused", || sender.state().last_error);
    assert!(why.contains("trust each other") && why.contains("kafka.cert_file"), "{why}");
    assert_eq!(sender.state().acknowledged, 0);
}

#[test]
fn a_broker_that_is_not_there_is_said_in_words_and_the_bound_of_the_spool_is_counted() {
    let port = support::servers::free_port();
    let connection = KafkaConnection { brokers: vec![format!("127.0.0.1:{port}")], ..KafkaConnection::default() };
    let spool = tempfile::tempdir().unwrap();
    let config =
        ProducerConfig { connection: connection.clone(), spool_max_bytes: 8 << 20, ..ProducerConfig::default() };
    let producer = Producer::open(config.clone(), Some(spool.path())).unwrap();
    let Err(second) = Producer::open(config, Some(spool.path())) else { panic!("two have one spool") };
    assert!(second.to_string().contains("another process"), "{second}");
    let long = Outgoing { topic: "t".to_owned(), payload: vec![1; 1 << 20], ..Outgoing::default() };
    let outcomes: Vec<Sent> = (0..10).map(|_| producer.send(long.clone())).collect();
    assert_eq!(outcomes[..7], [Sent::Spooled; 7]);
    assert_eq!(outcomes[7..], [Sent::Dropped; 3]);
    let state = wait_for(PATIENCE, "words", || Some(producer.state()).filter(|s| s.last_error.is_some()));
    let wanted = format!("no broker at 127.0.0.1:{port}: connection refused; 7 MiB wait on disk of 8 MiB; 3 messages");
    assert!(state.words.starts_with(&wanted), "{}", state.words);
    assert_eq!(state.dropped.0["spool_full:t"], 3);
    assert!(!producer.flush(Duration::from_millis(10)));
    let mut consumer = reader(connection.clone(), Some("g"), "t");
    assert!(consumer.poll(Duration::from_millis(10)).unwrap().messages.is_empty());
    let why = wait_for(PATIENCE, "words", || consumer.state().last_error);
    assert!(why.contains("connection refused"), "{why}");
    let error = store::kafka::ensure_topic(&connection, "t", 1, 1, &[]).unwrap_err();
    assert!(error.to_string().contains("connection refused"), "{error}");
}
