//! Tests of the packet level's model on made traffic.
#![allow(clippy::unwrap_used)]
use super::*;
use crate::packet::{Damped, log_columns};
use crate::random::Random;

/// Two hundred seconds of six talkers with their own rates and sizes, and from then on what `strange` says.
struct Traffic {
    rows: Matrix,
    seconds: Vec<i64>,
    senders: Vec<u64>,
}

fn traffic(seed: u64, seconds: i64, flood_at: i64) -> Traffic {
    let mut random = Random::new(seed, 77);
    let mut table = Damped::new(1 << 12);
    let mut made = Traffic { rows: Matrix::with_capacity(0, COLUMNS), seconds: Vec::new(), senders: Vec::new() };
    let mut columns = [0.0; COLUMNS];
    for step in 0..seconds * 50 {
        let second = step / 50;
        let flood = second >= flood_at;
        let sender = if flood && step % 2 == 0 { 6 } else { random.below(6) as u64 };
        let bytes = if sender == 6 { 60.0 } else { 100.0 * (sender + 1) as f64 + f64::from(random.unit()) * 80.0 };
        let ns = second * 1_000_000_000 + (step % 50) * 20_000_000 + (random.unit() * 1e7) as i64;
        let stream = |salt: u64| (sender * 8 + salt).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let count = if sender == 6 { 16.0 } else { 1.0 };
        table.update(Timestamp(ns), bytes, count, &[stream(0), stream(1), stream(2), stream(3)], &mut columns);
        log_columns(&mut columns);
        made.rows.push(&columns);
        made.seconds.push(second);
        made.senders.push(sender);
    }
    made
}

fn lesson(traffic: &Traffic) -> PacketLesson<'_> {
    PacketLesson { rows: &traffic.rows, seconds: &traffic.seconds, senders: &traffic.senders, rows_min: 1_000 }
}

fn row(traffic: &Traffic, row: usize) -> [f32; COLUMNS] {
    traffic.rows.row(row).try_into().unwrap()
}

#[test]
fn a_flood_of_a_new_sender_is_strange_and_says_why() {
    let model = PacketModel::train(&lesson(&traffic(1, 400, i64::MAX)), 1).unwrap();
    assert!(model.member().admitted, "{:?}", model.member());
    let later = traffic(2, 300, 200);
    let (mut usual, mut strange) = (SecondScore::default(), SecondScore::default());
    for at in 0..later.seconds.len() {
        let p = model.p_value(model.score(&row(&later, at)));
        match (later.senders[at], later.seconds[at]) {
            (6, _) => strange.add(p),
            (_, 20..200) => usual.add(p),
            _ => {}
        }
    }
    assert!(usual.mean() < 0.7, "benign packets have a mean of 0.43: {}", usual.mean());
    assert!(strange.mean() > 2.0 && strange.count() > 2_000, "{}", strange.mean());
    assert!(model.second_p_value(strange.mean()) < 1e-3);
    let why = model.explain(&row(&later, later.seconds.len() - 2));
    assert!(why[0].value < why[0].expected[0] || why[0].value > why[0].expected[1], "{why:?}");
    assert!(why.iter().map(|why| why.share).sum::<f64>() <= 1.0 + 1e-6);
}

#[test]
fn the_same_rows_and_seed_give_the_same_bytes_and_a_cut_file_is_refused() {
    let traffic = traffic(1, 200, i64::MAX);
    let model = PacketModel::train(&lesson(&traffic), 1).unwrap();
    let bytes = model.to_bytes();
    assert_eq!(bytes, PacketModel::train(&lesson(&traffic), 1).unwrap().to_bytes());
    let loaded = PacketModel::from_bytes(&bytes).unwrap();
    assert_eq!(loaded.to_bytes(), bytes);
    for at in (0..5_000).step_by(97) {
        assert_eq!(loaded.score(&row(&traffic, at)).to_bits(), model.score(&row(&traffic, at)).to_bits());
        assert_eq!(loaded.explain(&row(&traffic, at)), model.explain(&row(&traffic, at)));
    }
    for cut in (0..bytes.len()).step_by(977) {
        assert!(PacketModel::from_bytes(&bytes[..cut]).is_err(), "{cut}");
    }
    let mut wrong = bytes.clone();
    let middle = wrong.len() / 2;
    wrong[middle] ^= 0x10;
    assert!(PacketModel::from_bytes(&wrong).is_err());
}

#[test]
fn too_little_is_refused() {
    let short = traffic(1, 4, i64::MAX);
    assert!(matches!(PacketModel::train(&lesson(&short), 1), Err(DetectError::TooFewRows { .. })));
    let other = Matrix { values: vec![0.0; 3_000], columns: 3 };
    let lesson = PacketLesson { rows: &other, seconds: &[0; 1_000], senders: &[0; 1_000], rows_min: 1 };
    assert!(matches!(PacketModel::train(&lesson, 1), Err(DetectError::Columns { .. })));
}

#[test]
fn a_note_is_kept_in_the_file_and_changes_no_answer() {
    let made = traffic(1, 400, i64::MAX);
    let model = PacketModel::train(&lesson(&made), 1).unwrap();
    let bytes = model.to_bytes();
    assert_eq!(crate::artifact::attachment(&bytes, "version").unwrap(), None);
    let with = crate::artifact::attach(&bytes, "version", b"one".to_vec()).unwrap();
    let with = crate::artifact::attach(&with, "version", b"two".to_vec()).unwrap();
    assert_eq!(crate::artifact::attachment(&with, "version").unwrap().unwrap(), b"two");
    let again = PacketModel::from_bytes(&with).unwrap();
    assert_eq!(again.to_bytes(), bytes, "the model itself is the same");
    assert_eq!(again.score(&row(&made, 7)), model.score(&row(&made, 7)));
    assert!(crate::artifact::attach(b"no model", "version", Vec::new()).is_err());
}
