//! Topics of other tools as a source of lines: one stream a topic, each message one line or more. Owns when offsets are committed: after the
//! judge took what they said, so that a process that is killed reads the last seconds again and loses nothing.

use super::consumer::Consumer;
use super::input::KafkaInput;
use super::settings::ConsumerConfig;
use crate::{LineSource, Piece, SourceError, SourceStats};
use record::KafkaConnection;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

/// Longest wait for a message.
const WAIT: Duration = Duration::from_millis(100);

/// The next offset of each partition.
type Offsets = BTreeMap<(Arc<str>, i32), i64>;

/// See the module.
pub struct KafkaLines {
    consumer: Consumer,
    topics: Vec<String>,
    stats: SourceStats,
    /// Read since lines were handed on last.
    read: Offsets,
    /// Read and handed on, one for each handing on that the judge may not have taken yet.
    handed_on: VecDeque<Offsets>,
    tombstones: u64,
}

impl KafkaLines {
    /// Starts to read; brokers need not be there.
    ///
    /// # Errors
    /// Settings that cannot be, or a file they name that cannot be read.
    pub fn open(connection: &KafkaConnection, input: &KafkaInput) -> Result<Self, SourceError> {
        input.check()?;
        let consumer = Consumer::open(ConsumerConfig {
            connection: connection.clone(),
            group: Some(input.group.clone()),
            topics: input.topics.clone(),
            from: input.from,
            session_timeout_ms: input.session_timeout_ms,
            batch_max_bytes: input.batch_max_bytes,
        })?;
        Ok(Self {
            consumer,
            topics: input.topics.clone(),
            stats: SourceStats::default(),
            read: Offsets::new(),
            handed_on: VecDeque::new(),
            tombstones: 0,
        })
    }
}

impl LineSource for KafkaLines {
    fn next(&mut self, sink: &mut dyn FnMut(u64, Piece<'_>)) -> Result<(), SourceError> {
        let polled = self.consumer.poll(WAIT)?;
        for message in polled.messages {
            self.read.insert((Arc::clone(&message.topic), message.partition), message.offset + 1);
            self.stats.packets += 1;
            self.stats.bytes += message.payload.len() as u64;
            if message.payload.is_empty() {
                self.tombstones += 1;
                continue;
            }
            let stream = self.topics.iter().position(|topic| **topic == *message.topic).unwrap_or_default() as u64;
            sink(stream, Piece::Bytes(&message.payload));
            if message.payload.last() != Some(&b'\n') {
                sink(stream, Piece::Bytes(b"\n"));
            }
        }
        Ok(())
    }

    fn stats(&self) -> SourceStats {
        let mut stats = self.stats.clone();
        stats.dropped.add("messages_empty", self.tombstones);
        stats.notes.push(self.consumer.state().words);
        stats
    }

    fn origin(&self, stream: u64) -> String {
        self.topics.get(stream as usize).map_or(String::new(), |topic| format!("topic {topic}"))
    }

    fn handed_on(&mut self, may_wait: usize) {
        self.handed_on.push_back(std::mem::take(&mut self.read));
        let mut taken = Offsets::new();
        while self.handed_on.len() > may_wait {
            taken.extend(self.handed_on.pop_front().unwrap_or_default());
        }
        if !taken.is_empty() {
            let next: Vec<_> = taken.into_iter().map(|((topic, partition), next)| (topic, partition, next)).collect();
            // A group is set: nothing else can be wrong with it.
            self.consumer.commit(&next).ok();
        }
    }
}
