//! What was fetched and not taken yet, which partitions are ours, how far each was read and committed. Pure: knows no client and no clock.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

/// A topic and one of its partitions.
pub(super) type Partition = (Arc<str>, i32);

/// A message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Incoming {
    /// Where it was.
    pub topic: Arc<str>,
    /// Which part of it.
    pub partition: i32,
    /// Its place there.
    pub offset: i64,
    /// When it was written, by the writer or the broker as the topic is set, milliseconds since 1970.
    pub ts_ms: i64,
    /// Key; empty: none.
    pub key: Vec<u8>,
    /// What it says; empty also where it is a tombstone.
    pub payload: Vec<u8>,
    /// Names and values beside it.
    pub headers: Vec<(String, Vec<u8>)>,
}

impl Incoming {
    fn bytes(&self) -> usize {
        self.key.len() + self.payload.len() + 64
    }
}

/// What a poll returns.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Polled {
    /// Messages, in the order of each partition.
    pub messages: Vec<Incoming>,
    /// The partitions that are ours, when they were assigned anew: a partition that is there again may begin at an offset that was read
    /// before.
    pub assigned: Option<Vec<Partition>>,
}

/// How far a partition was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionLag {
    /// Topic.
    pub topic: Arc<str>,
    /// Partition.
    pub partition: i32,
    /// Where a successor would begin; None while nothing is committed, or without a group.
    pub committed: Option<i64>,
    /// The offset after the newest message that was taken; None before the first.
    pub position: Option<i64>,
    /// The offset after the newest message at the broker; None while it is not known.
    pub end: Option<i64>,
    /// Messages between what is committed (without a group: taken) and the end.
    pub lag: Option<u64>,
}

#[derive(Default)]
struct Course {
    committed: Option<i64>,
    position: Option<i64>,
    end: Option<i64>,
}

/// What lies between the client and the caller.
pub(super) struct Held {
    fetched: VecDeque<Incoming>,
    bytes: usize,
    bytes_max: usize,
    has_group: bool,
    ours: BTreeMap<Partition, Course>,
    is_assigned_anew: bool,
    /// What is to be committed, the next offset of each partition.
    pub(super) to_commit: BTreeMap<Partition, i64>,
    /// The next offset of every partition that was ever ours.
    pub(super) taken: BTreeMap<Partition, i64>,
    /// Messages taken since the start.
    pub(super) received: u64,
}

impl Held {
    pub(super) fn new(bytes_max: usize, has_group: bool) -> Self {
        Self {
            fetched: VecDeque::new(),
            bytes: 0,
            bytes_max,
            has_group,
            ours: BTreeMap::new(),
            is_assigned_anew: false,
            to_commit: BTreeMap::new(),
            taken: BTreeMap::new(),
            received: 0,
        }
    }

    /// Whether more should be fetched.
    pub(super) fn has_room(&self) -> bool {
        self.bytes < self.bytes_max
    }

    /// Whether a poll would return something.
    pub(super) fn has_news(&self) -> bool {
        self.is_assigned_anew || !self.fetched.is_empty()
    }

    pub(super) fn assigned(&self) -> Vec<Partition> {
        self.ours.keys().cloned().collect()
    }

    /// More partitions are ours.
    pub(super) fn assign(&mut self, partitions: impl IntoIterator<Item = Partition>) {
        for partition in partitions {
            self.ours.insert(partition, Course::default());
        }
        self.is_assigned_anew = true;
    }

    /// They are ours no more: what was fetched of them is for their next owner.
    pub(super) fn revoke(&mut self, partitions: &BTreeSet<Partition>) {
        self.ours.retain(|partition, _| !partitions.contains(partition));
        self.to_commit.retain(|partition, _| !partitions.contains(partition));
        self.fetched.retain(|message| !partitions.contains(&(Arc::clone(&message.topic), message.partition)));
        self.bytes = self.fetched.iter().map(Incoming::bytes).sum();
        self.is_assigned_anew = true;
    }

    /// A message was fetched; of partitions that are not ours nothing is taken.
    pub(super) fn fetch(&mut self, message: Incoming) {
        if self.ours.contains_key(&(Arc::clone(&message.topic), message.partition)) {
            self.bytes += message.bytes();
            self.fetched.push_back(message);
        }
    }

    /// What a poll returns: up to so many bytes, one message at least where there is one.
    pub(super) fn take(&mut self, bytes_max: usize) -> Polled {
        let assigned = std::mem::take(&mut self.is_assigned_anew).then(|| self.assigned());
        let (mut messages, mut bytes) = (Vec::new(), 0);
        while let Some(next) = self.fetched.front() {
            if bytes > 0 && bytes + next.bytes() > bytes_max {
                break;
            }
            let Some(message) = self.fetched.pop_front() else { break };
            bytes += message.bytes();
            let partition = (Arc::clone(&message.topic), message.partition);
            if let Some(course) = self.ours.get_mut(&partition) {
                course.position = Some(message.offset + 1);
            }
            self.taken.insert(partition, message.offset + 1);
            messages.push(message);
        }
        self.bytes = self.bytes.saturating_sub(bytes);
        self.received += messages.len() as u64;
        Polled { messages, assigned }
    }

    /// The caller is done with everything before these offsets. Partitions that are not ours are passed over.
    pub(super) fn commit(&mut self, next: &[(Arc<str>, i32, i64)]) {
        for (topic, partition, offset) in next {
            let partition = (Arc::clone(topic), *partition);
            if self.ours.contains_key(&partition) {
                self.to_commit.insert(partition, *offset);
            }
        }
    }

    /// The group knows these.
    pub(super) fn committed(&mut self, offsets: &[(Partition, i64)]) {
        for (partition, offset) in offsets {
            if let Some(course) = self.ours.get_mut(partition) {
                course.committed = Some(*offset);
            }
            if self.to_commit.get(partition) == Some(offset) {
                self.to_commit.remove(partition);
            }
        }
    }

    /// Partitions of which it is not known whether the group has committed anything.
    pub(super) fn not_committed(&self) -> Vec<Partition> {
        self.ours
            .iter()
            .filter(|(_, course)| course.committed.is_none())
            .map(|(partition, _)| partition.clone())
            .collect()
    }

    /// What the group had committed before us; what we committed since counts more.
    pub(super) fn found_committed(&mut self, offsets: &[(Partition, i64)]) {
        for (partition, offset) in offsets {
            if let Some(course) = self.ours.get_mut(partition) {
                course.committed.get_or_insert(*offset);
            }
        }
    }

    /// Where partitions end at the broker.
    pub(super) fn end(&mut self, partition: &Partition, end: i64) {
        if let Some(course) = self.ours.get_mut(partition) {
            course.end = Some(end);
        }
    }

    pub(super) fn lag(&self) -> Vec<PartitionLag> {
        let row = |((topic, partition), course): (&Partition, &Course)| {
            let from = if self.has_group { course.committed.or(course.position) } else { course.position };
            // Nothing read and nothing committed: all that is kept is ahead, and where that begins is not known here.
            let lag = course.end.zip(from).map(|(end, from)| end.saturating_sub(from).max(0) as u64);
            PartitionLag {
                topic: Arc::clone(topic),
                partition: *partition,
                committed: course.committed,
                position: course.position,
                end: course.end,
                lag,
            }
        };
        self.ours.iter().map(row).collect()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn message(partition: i32, offset: i64) -> Incoming {
        let (topic, payload) = (Arc::from("t"), vec![0; 100]);
        Incoming { topic, partition, offset, ts_ms: 0, key: Vec::new(), payload, headers: Vec::new() }
    }

    fn held() -> Held {
        let mut held = Held::new(1_000, true);
        held.assign([(Arc::from("t"), 0), (Arc::from("t"), 1)]);
        held
    }

    #[test]
    fn a_poll_is_bounded_and_returns_one_at_least() {
        let mut held = held();
        for offset in 0..10 {
            held.fetch(message(0, offset));
        }
        assert!(!held.has_room());
        assert_eq!(held.take(1).messages.len(), 1);
        assert_eq!(held.take(400).messages.iter().map(|m| m.offset).collect::<Vec<_>>(), [1, 2]);
        assert_eq!(held.take(100_000).messages.len(), 7);
        assert!(held.has_room() && !held.has_news() && held.received == 10);
    }

    #[test]
    fn what_is_revoked_is_neither_returned_nor_committed() {
        let mut held = held();
        assert_eq!(held.take(1).assigned.unwrap().len(), 2);
        assert_eq!(held.take(1).assigned, None);
        held.fetch(message(0, 5));
        held.fetch(message(1, 7));
        held.commit(&[(Arc::from("t"), 0, 5), (Arc::from("t"), 1, 7), (Arc::from("t"), 9, 1)]);
        held.revoke(&BTreeSet::from([(Arc::from("t"), 0)]));
        let polled = held.take(10_000);
        assert_eq!(polled.assigned.unwrap(), [(Arc::from("t"), 1)]);
        assert_eq!(polled.messages.iter().map(|m| m.partition).collect::<Vec<_>>(), [1]);
        assert_eq!(held.taken, BTreeMap::from([((Arc::from("t"), 1), 8)]));
        assert_eq!(held.to_commit.keys().map(|p| p.1).collect::<Vec<_>>(), [1]);
        held.fetch(message(0, 6));
        assert!(!held.has_news());
    }

    #[test]
    fn lag_is_from_what_is_committed_to_the_end() {
        let mut held = held();
        let first = (Arc::from("t"), 0);
        held.end(&first, 10);
        assert_eq!(held.lag()[0].lag, None);
        held.fetch(message(0, 3));
        held.take(1_000);
        assert_eq!((held.lag()[0].position, held.lag()[0].lag), (Some(4), Some(6)));
        held.commit(&[(Arc::from("t"), 0, 2)]);
        held.committed(&[(first, 2)]);
        assert_eq!((held.lag()[0].committed, held.lag()[0].lag), (Some(2), Some(8)));
        assert!(held.to_commit.is_empty());
    }
}
