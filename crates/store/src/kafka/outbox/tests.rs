//! The messages on disk: their order, their bound, a file cut at each byte, a process that ended in the middle.

#![allow(clippy::unwrap_used)]
use super::*;

const BOUND: u64 = 64 << 20;

fn message(n: u32, bytes: usize) -> Outgoing {
    let mut payload = n.to_le_bytes().to_vec();
    payload.resize(bytes.max(4), n as u8);
    Outgoing {
        topic: "t".to_owned(),
        partition: Some((n % 3) as i32),
        key: vec![n as u8],
        payload,
        headers: vec![("n".to_owned(), vec![1])],
    }
}

fn number(found: &Found) -> Option<u32> {
    match found {
        Found::Message(m) => Some(u32::from_le_bytes([m.payload[0], m.payload[1], m.payload[2], m.payload[3]])),
        _ => None,
    }
}

fn rest(outbox: &mut Outbox) -> Vec<u32> {
    std::iter::from_fn(|| number(&outbox.next().unwrap())).collect()
}

#[test]
fn what_was_written_is_read_in_its_order_and_forgotten_when_it_is_done() {
    let dir = tempfile::tempdir().unwrap();
    let mut outbox = Outbox::open(dir.path(), BOUND).unwrap();
    // Three files of eight megabytes.
    for n in 0..20 {
        assert!(outbox.append(&message(n, 1 << 20)).unwrap());
    }
    assert_eq!(outbox.messages(), 20);
    assert_eq!(rest(&mut outbox), (0..20).collect::<Vec<_>>());
    for _ in 0..10 {
        outbox.done().unwrap();
    }
    assert_eq!(outbox.messages(), 10);
    assert_eq!(outbox.next().unwrap(), Found::End);
    assert!(outbox.append(&message(20, 10)).unwrap());
    assert_eq!(rest(&mut outbox), [20]);
    outbox.close().unwrap();
    drop(outbox);

    let mut outbox = Outbox::open(dir.path(), BOUND).unwrap();
    assert_eq!(outbox.messages(), 11, "what was read and not acknowledged is read again");
    assert_eq!(rest(&mut outbox), (10..21).collect::<Vec<_>>());
    for _ in 0..11 {
        outbox.done().unwrap();
    }
    assert_eq!((outbox.messages(), outbox.bytes()), (0, 0));
    let files = fs::read_dir(dir.path())
        .unwrap()
        .filter(|f| number_of(f.as_ref().unwrap().file_name().to_str().unwrap()).is_some());
    assert_eq!(files.count(), 0, "an empty outbox keeps no file");
    assert!(outbox.append(&message(21, 10)).unwrap());
    drop(outbox);
    let mut outbox = Outbox::open(dir.path(), BOUND).unwrap();
    assert_eq!(rest(&mut outbox), [21]);
}

#[test]
fn messages_on_their_way_are_kept_and_not_read_twice() {
    let dir = tempfile::tempdir().unwrap();
    let mut outbox = Outbox::open(dir.path(), BOUND).unwrap();
    assert!(outbox.append_read(&message(0, 10)).unwrap() && outbox.append_read(&message(1, 10)).unwrap());
    assert!(outbox.append(&message(2, 10)).unwrap());
    assert_eq!(rest(&mut outbox), [2]);
    outbox.done().unwrap();
    outbox.close().unwrap();
    drop(outbox);
    let mut outbox = Outbox::open(dir.path(), BOUND).unwrap();
    assert_eq!(rest(&mut outbox), [1, 2]);
}

#[test]
fn a_file_cut_at_each_byte_keeps_the_whole_messages_before_it() {
    let whole = tempfile::tempdir().unwrap();
    let mut outbox = Outbox::open(whole.path(), BOUND).unwrap();
    let mut ends = vec![0];
    for n in 0..4 {
        assert!(outbox.append(&message(n, 20)).unwrap());
        ends.push(outbox.bytes());
    }
    let name = outbox.path(outbox.files[0].number);
    drop(outbox);
    let bytes = fs::read(&name).unwrap();
    for cut in 0..=bytes.len() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(name.file_name().unwrap()), &bytes[..cut]).unwrap();
        let mut outbox = Outbox::open(dir.path(), BOUND).unwrap();
        let kept = ends.iter().filter(|end| **end > 0 && **end <= cut as u64).count();
        assert_eq!(outbox.messages(), kept as u64, "cut at {cut}");
        // What comes after the cut stands where it can be read.
        assert!(outbox.append(&message(9, 20)).unwrap());
        let expected: Vec<u32> = (0..kept as u32).chain([9]).collect();
        assert_eq!(rest(&mut outbox), expected, "cut at {cut}");
    }
}

#[test]
fn a_damaged_message_is_passed_over() {
    let dir = tempfile::tempdir().unwrap();
    let mut outbox = Outbox::open(dir.path(), BOUND).unwrap();
    for n in 0..3 {
        assert!(outbox.append(&message(n, 100)).unwrap());
    }
    let (path, middle) = (outbox.path(outbox.files[0].number), outbox.bytes() / 2);
    drop(outbox);
    let mut bytes = fs::read(&path).unwrap();
    bytes[middle as usize] ^= 1;
    fs::write(&path, bytes).unwrap();
    let mut outbox = Outbox::open(dir.path(), BOUND).unwrap();
    let found: Vec<Found> = (0..4).map(|_| outbox.next().unwrap()).collect();
    assert_eq!(found.iter().map(number).collect::<Vec<_>>(), [Some(0), None, Some(2), None]);
    assert_eq!((&found[1], &found[3]), (&Found::Damaged, &Found::End));
    for _ in 0..3 {
        outbox.done().unwrap();
    }
    assert_eq!(outbox.messages(), 0);
}

#[test]
fn the_bound_holds_and_one_process_has_the_folder() {
    let dir = tempfile::tempdir().unwrap();
    let mut outbox = Outbox::open(dir.path(), 1_000).unwrap();
    let kept = (0..20).filter(|n| outbox.append(&message(*n, 100)).unwrap()).count() as u64;
    assert!(kept > 3 && kept < 10 && outbox.bytes() <= 1_000 && outbox.messages() == kept, "{kept}");
    let Err(error) = Outbox::open(dir.path(), 1_000) else { panic!("opened twice") };
    assert!(error.to_string().contains("another process"));
    assert_eq!(rest(&mut outbox).len() as u64, kept);
    outbox.done().unwrap();
    assert!(outbox.append(&message(99, 100)).unwrap(), "what is acknowledged makes room");
}
