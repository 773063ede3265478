//! How many flows pass Kafka and come back: messages of about 100 KiB, 250 flows of 400 bytes each, written by the producer and read by the
//! consumer at the same time, against a broker that is there (bench/kafka.sh starts one). Flows are drawn bytes that compress as records of
//! flows do, about 3 : 1. `cargo run --release --example kafka_rate -- BROKER [MEGABYTES] [none|lz4|zstd|gzip]`

#[cfg(not(feature = "kafka"))]
fn main() {
    eprintln!("kafka_rate: this build has no Apache Kafka");
}

#[cfg(feature = "kafka")]
fn main() -> std::process::ExitCode {
    if let Err(why) = measured::run() {
        eprintln!("kafka_rate: {why}");
        return std::process::ExitCode::from(2);
    }
    std::process::ExitCode::SUCCESS
}

#[cfg(feature = "kafka")]
mod measured {
    use record::KafkaConnection;
    use source::kafka::{Consumer, ConsumerConfig};
    use std::error::Error;
    use std::thread;
    use std::time::{Duration, Instant};
    use store::kafka::{Compression, Outgoing, Producer, ProducerConfig, Sent, ensure_topic};

    const FLOW_BYTES: usize = 400;
    const FLOWS: usize = 250;
    const PARTITIONS: u32 = 4;

    /// A third of each flow is drawn, the rest repeats as field names, prefixes and small numbers do.
    fn payload(seed: u64) -> Vec<u8> {
        let mut state = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let mut bytes = Vec::with_capacity(FLOWS * FLOW_BYTES);
        for at in 0..FLOWS * FLOW_BYTES {
            if at % 3 == 0 {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                bytes.push((state >> 33) as u8);
            } else {
                bytes.push((at % FLOW_BYTES / 8) as u8);
            }
        }
        bytes
    }

    struct Written {
        took: Duration,
        spooled: usize,
        dropped: usize,
        words: String,
    }

    fn write(producer: Producer, topic: &str, count: usize, begun: Instant) -> Written {
        let payloads: Vec<Vec<u8>> = (0..64).map(payload).collect();
        let (mut spooled, mut dropped) = (0, 0);
        for number in 0..count {
            let partition = Some((number % PARTITIONS as usize) as i32);
            let payload = payloads[number % payloads.len()].clone();
            let message = Outgoing { topic: topic.to_owned(), partition, payload, ..Outgoing::default() };
            // As fast as memory takes it: the disk is for when brokers are away.
            while producer.state().waiting_bytes > 24 << 20 {
                thread::sleep(Duration::from_millis(1));
            }
            match producer.send(message) {
                Sent::Spooled => spooled += 1,
                Sent::Dropped => dropped += 1,
                Sent::Waiting => {}
            }
        }
        producer.flush(Duration::from_mins(5));
        let words = producer.state().words;
        producer.close(Duration::from_secs(5));
        Written { took: begun.elapsed(), spooled, dropped, words }
    }

    pub fn run() -> Result<(), Box<dyn Error>> {
        let mut args = std::env::args().skip(1);
        let broker = args.next().ok_or("give a broker, host:port")?;
        let megabytes: usize = args.next().map_or(Ok(1_000), |text| text.parse())?;
        let compression = match args.next().as_deref() {
            Some("none") => Compression::None,
            Some("zstd") => Compression::Zstd,
            Some("gzip") => Compression::Gzip,
            _ => Compression::Lz4,
        };
        let count = megabytes * 1_000_000 / (FLOWS * FLOW_BYTES);
        let connection = KafkaConnection { brokers: vec![broker], ..KafkaConnection::default() };
        let topic = format!("rate-{}", std::process::id());
        ensure_topic(&connection, &topic, PARTITIONS, 1, &[("retention.ms", "600000")])?;
        let spool = std::env::temp_dir().join(&topic);
        let config = ProducerConfig { connection: connection.clone(), compression, ..ProducerConfig::default() };
        let producer = Producer::open(config, Some(&spool))?;
        let reader = ConsumerConfig {
            connection,
            group: Some(topic.clone()),
            topics: vec![topic.clone()],
            ..ConsumerConfig::default()
        };
        let mut reader = Consumer::open(reader)?;
        while reader.poll(Duration::from_millis(100))?.assigned.is_none() || !producer.state().connected {}
        let begun = Instant::now();
        let writing = thread::spawn(move || write(producer, &topic, count, begun));
        let (mut read, mut bytes) = (0, 0);
        while read < count && begun.elapsed() < Duration::from_mins(5) {
            let polled = reader.poll(Duration::from_millis(100))?;
            read += polled.messages.len();
            bytes += polled.messages.iter().map(|message| message.payload.len()).sum::<usize>();
        }
        let took = begun.elapsed().as_secs_f64();
        let Written { took: written_in, spooled, dropped, words } =
            writing.join().map_err(|_| "the writer panicked")?;
        reader.close();
        std::fs::remove_dir_all(spool).ok();
        let flows = (read * FLOWS) as f64;
        println!(
            "{compression:?}: {read} of {count} messages, {:.0} MB, {spooled} by way of the disk, {dropped} lost",
            bytes as f64 / 1e6
        );
        println!(
            "written and acknowledged in {:.2} s, read in {took:.2} s: {:.0} flows/s, {:.1} MB/s",
            written_in.as_secs_f64(),
            flows / took,
            bytes as f64 / 1e6 / took
        );
        if read == count && dropped == 0 { Ok(()) } else { Err(words.into()) }
    }
}
