//! The order of messages between memory and disk, and their bounds.

#![allow(clippy::unwrap_used)]
use super::*;
use std::path::Path;

fn message(n: u32) -> Outgoing {
    Outgoing { topic: "t".to_owned(), payload: n.to_le_bytes().to_vec(), ..Outgoing::default() }
}

fn queue(dir: &Path, waiting_max_bytes: u64) -> Queue {
    let mut queue = Queue::new(waiting_max_bytes, Some(Outbox::open(dir, 1 << 20).unwrap()));
    queue.away = false;
    queue
}

fn n(message: &Outgoing) -> u32 {
    u32::from_le_bytes(message.payload[..4].try_into().unwrap())
}

fn take_all(queue: &mut Queue) -> Vec<(u64, u32)> {
    std::iter::from_fn(|| queue.take()).map(|(number, message)| (number, n(&message))).collect()
}

#[test]
fn while_a_broker_answers_nothing_touches_the_disk() {
    let dir = tempfile::tempdir().unwrap();
    let mut queue = queue(dir.path(), 64 << 20);
    assert!((0..10).all(|i| queue.push(message(i)) == Sent::Waiting));
    let taken = take_all(&mut queue);
    assert_eq!(taken.iter().map(|t| t.1).collect::<Vec<_>>(), (0..10).collect::<Vec<_>>());
    for (number, _) in taken.into_iter().rev() {
        queue.delivered(number);
    }
    assert!(queue.is_empty() && queue.acknowledged == 10 && queue.waiting() == (0, 0) && queue.on_disk() == (0, 0));
}

#[test]
fn a_broker_that_went_away_puts_all_on_disk_in_order_and_acknowledgements_take_it_off_again() {
    let dir = tempfile::tempdir().unwrap();
    let mut queue = queue(dir.path(), 64 << 20);
    for i in 0..4 {
        queue.push(message(i));
    }
    let taken = take_all(&mut queue);
    queue.delivered(taken[1].0);
    queue.away = true;
    queue.spill();
    assert_eq!(queue.on_disk().0, 3, "the acknowledged one is not written");
    assert_eq!(queue.push(message(4)), Sent::Spooled);
    queue.away = false;
    assert_eq!(queue.push(message(5)), Sent::Spooled, "nothing passes what waits on disk");
    let later = take_all(&mut queue);
    assert_eq!(later.iter().map(|t| t.1).collect::<Vec<_>>(), [4, 5]);
    queue.delivered(taken[2].0);
    assert_eq!(queue.on_disk().0, 5, "the oldest holds the place");
    queue.delivered(taken[0].0);
    assert_eq!(queue.on_disk().0, 3);
    queue.put_back(later[0].0);
    queue.put_back(taken[3].0);
    assert_eq!(take_all(&mut queue).iter().map(|t| t.1).collect::<Vec<_>>(), [3, 4]);
    for number in [taken[3].0, later[0].0, later[1].0] {
        queue.delivered(number);
    }
    assert!(queue.is_empty() && queue.acknowledged == 6);
    assert_eq!(queue.push(message(6)), Sent::Waiting, "memory is enough again");
}

#[test]
fn the_next_process_sends_what_this_one_could_not() {
    let dir = tempfile::tempdir().unwrap();
    let mut first = queue(dir.path(), 64 << 20);
    first.push(message(0));
    first.push(message(1));
    let taken = take_all(&mut first);
    first.delivered(taken[0].0);
    first.close().unwrap();
    assert_eq!(first.dropped.total(), 0);
    drop(first);
    let mut second = queue(dir.path(), 64 << 20);
    assert_eq!(second.push(message(2)), Sent::Spooled);
    let taken = take_all(&mut second);
    assert_eq!(taken.iter().map(|t| t.1).collect::<Vec<_>>(), [1, 2]);
    for (number, _) in taken {
        second.delivered(number);
    }
    assert!(second.is_empty());
}

#[test]
fn what_has_no_room_is_counted_by_reason_and_topic() {
    let dir = tempfile::tempdir().unwrap();
    let long = Outgoing { topic: "t".to_owned(), payload: vec![0; 100 << 10], ..Outgoing::default() };
    let mut queue = Queue::new(16 << 20, Some(Outbox::open(dir.path(), 1 << 20).unwrap()));
    let kept = (0..20).filter(|_| queue.push(long.clone()) == Sent::Spooled).count() as u64;
    assert!(kept >= 9 && queue.dropped.0["spool_full:t"] == 20 - kept, "{:?}", queue.dropped);
    let giant = Outgoing { topic: "u".to_owned(), payload: vec![0; MESSAGE_BYTES_MAX], ..Outgoing::default() };
    assert_eq!(queue.push(giant), Sent::Dropped);
    assert_eq!(queue.dropped.0["too_long:u"], 1);

    let mut memory = Queue::new(16 << 20, None);
    let kept = (0..200).filter(|_| memory.push(long.clone()) == Sent::Waiting).count() as u64;
    assert!(kept > 100 && memory.dropped.0["memory_full:t"] == 200 - kept);
    memory.close().unwrap();
    assert_eq!(memory.dropped.0["closed:t"], kept, "what nobody will send is counted");
}

#[test]
fn a_refused_message_does_not_hold_the_others() {
    let dir = tempfile::tempdir().unwrap();
    let mut queue = queue(dir.path(), 64 << 20);
    queue.away = true;
    queue.push(message(0));
    queue.push(message(1));
    let taken = take_all(&mut queue);
    queue.refused(taken[0].0, "refused");
    queue.delivered(taken[1].0);
    assert!(queue.is_empty() && queue.dropped.0["refused:t"] == 1 && queue.acknowledged == 1);
}
