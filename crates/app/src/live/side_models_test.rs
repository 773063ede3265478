//! Tests of the packet level's files, versions and challengers.
#![allow(clippy::unwrap_used)]
use super::super::noise;
use super::*;
use detect::packet::COLUMNS;
use evaluate::{JudgeConfig, LearnConfig, Learner};

/// `seconds` seconds of twenty packets by four senders; `shift` makes another kind of traffic.
fn material(seed: u64, seconds: i64, shift: f32) -> PacketMaterial {
    let mut made = PacketMaterial::new(1_000);
    made.rows = noise::rows(seed, seconds as usize * 20, COLUMNS);
    made.rows.values.iter_mut().for_each(|value| *value += shift);
    for n in 0..seconds * 20 {
        made.seconds.push(n / 20);
        made.senders.push(n as u64 % 4);
    }
    made
}

fn lesson(dir: &Path, version: u64, challenge: Option<(PacketChallenge, Arc<PacketModel>)>) -> Lesson {
    Lesson {
        learn: material(version, 400, 0.0),
        challenge,
        config: PacketConfig::default(),
        seed: 1,
        keep_in: Some(dir.to_owned()),
        versions_max: 3,
        note: VersionNote { version, reason: "asked".to_owned(), ..VersionNote::default() },
    }
}

fn numbers(dir: &Path) -> Vec<u64> {
    versions::list(dir, PACKET).iter().map(|version| version.note.version).collect()
}

#[test]
fn a_missing_file_is_none_and_a_damaged_one_says_so() {
    let dir = tempfile::tempdir().unwrap();
    assert!(load_packets(dir.path()).unwrap().is_none());
    artifact::save_bytes(dir.path(), PACKET, b"not a model", 5).unwrap();
    let why = load_packets(dir.path()).err().map(|e| e.to_string()).unwrap_or_default();
    assert!(why.contains("packet.model") && why.contains("does not begin like a model file"), "{why}");
    assert!(versions::list(dir.path(), PACKET)[0].error.is_some());
}

#[test]
fn a_challenger_is_kept_as_a_version_only_when_it_leaves_benign_hosts_alone() {
    let dir = tempfile::tempdir().unwrap();
    let first = train(&lesson(dir.path(), 1, None)).unwrap_or_else(|why| panic!("{why}"));
    let challenge = |judge: PacketMaterial| PacketChallenge { learn: material(2, 400, 0.0), older: 4_000, judge };
    let quiet = Some((challenge(material(3, 100, 0.0)), Arc::clone(&first.model)));
    let taken = train(&lesson(dir.path(), 2, quiet)).unwrap_or_else(|why| panic!("{why}"));
    assert!(taken.note.text.contains("held-out seconds of hosts flagged"), "{}", taken.note.text);
    assert!(taken.note.marks.as_ref().unwrap().probes >= 5);
    assert_eq!(numbers(dir.path()), [2, 1]);
    let other = material(9, 400, 3.0);
    let knows_better = Arc::new(other.train(1).unwrap());
    let loud = Some((challenge(material(4, 100, 3.0)), knows_better));
    let refused = train(&lesson(dir.path(), 3, loud)).err().unwrap();
    assert!(refused.contains("held-out seconds of hosts flagged"), "{refused}");
    let few = Some((challenge(material(4, 10, 0.0)), first.model));
    assert!(train(&lesson(dir.path(), 3, few)).err().unwrap().contains("too few"));
    assert_eq!(numbers(dir.path()), [2, 1], "what is refused is not kept");
    let listed = versions::list(dir.path(), PACKET);
    assert!(listed.iter().all(|version| version.error.is_none() && version.kind == PACKET));
    assert_eq!(listed[0].trained_on.as_ref().unwrap().packets, 8_000);
}

#[test]
fn a_version_is_put_back_in_a_running_judge() {
    let dir = tempfile::tempdir().unwrap();
    for version in 1..=2 {
        train(&lesson(dir.path(), version, None)).unwrap_or_else(|why| panic!("{why}"));
    }
    let mut judge = Judge::new(&JudgeConfig::default(), Learner::new(LearnConfig::default()));
    judge.packets().install(load_packets(dir.path()).unwrap().unwrap());
    let in_place = |judge: &mut Judge| judge.packets().model().unwrap().to_bytes();
    let (second, mut log) = (in_place(&mut judge), Retrain::new(super::super::retrain::Log::default(), None));
    let mut side = SideModels::new(&crate::config::Config::default(), Some(dir.path().to_owned()));
    side.roll_back(&mut judge, &mut log, 1).unwrap();
    assert!(in_place(&mut judge) != second);
    assert_eq!((numbers(dir.path()), side.versions()[0].note.version), (vec![1, 2], 1));
    assert_eq!(log.history().events[0].what, "rolled_back");
    assert!(matches!(side.roll_back(&mut judge, &mut log, 1), Err(NoReturn::Refused(_))));
    assert!(matches!(side.roll_back(&mut judge, &mut log, 7), Err(NoReturn::NotKept(_))));
    versions::roll_back_any(dir.path(), PACKET, 2).unwrap();
    assert_eq!(numbers(dir.path()), [2, 1]);
    assert!(versions::roll_back_any(dir.path(), "host", 1).is_err());
}
