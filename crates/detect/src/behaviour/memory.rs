//! What the exact detectors remember over a restart, as bytes: magic, version, the interfaces' names, one part a detector, CRC-32
//! of all. Owns the frame; the parts are the detectors' own, and files are the caller's.

use super::BehaviourSet;
use crate::DetectError;
use crate::blob::{Reader, Writer};

/// First bytes.
const MAGIC: [u8; 8] = *b"TRIPPAST";
/// Layout understood.
const FORMAT_VERSION: u32 = 1;
/// Parts read at most.
const PARTS_MAX: usize = 256;

fn text(writer: &mut Writer, bytes: &[u8]) {
    writer.u32(bytes.len() as u32);
    writer.bytes.extend(bytes);
}

fn read_text<'a>(reader: &mut Reader<'a>) -> Result<&'a [u8], DetectError> {
    let length = reader.u32()? as usize;
    reader.take(length)
}

impl BehaviourSet {
    /// What the detectors know that must outlive the process. `interfaces` names the sources in order: what is remembered by the
    /// number of an interface is good for the same interfaces only.
    #[must_use]
    pub fn snapshot(&self, interfaces: &str) -> Vec<u8> {
        let parts: Vec<_> = self.detectors.iter().filter_map(|d| Some((d.name(), d.snapshot()?))).collect();
        let mut writer = Writer::default();
        writer.bytes.extend(MAGIC);
        writer.u32(FORMAT_VERSION);
        text(&mut writer, interfaces.as_bytes());
        writer.u32(parts.len() as u32);
        for (name, part) in parts {
            text(&mut writer, name.as_bytes());
            text(&mut writer, &part);
        }
        let checksum = crc32fast::hash(&writer.bytes);
        writer.u32(checksum);
        writer.bytes
    }

    /// Puts back what `snapshot` gave; parts of detectors that are not there are passed over. Says how many were put back.
    ///
    /// # Errors
    /// Not a snapshot, damaged, or of another format version; then nothing was put back of the part at fault and of those after it.
    pub fn restore(&mut self, bytes: &[u8], interfaces: &str) -> Result<usize, DetectError> {
        let damaged = |what: &str| DetectError::Damaged(what.to_owned());
        let end = bytes.len().checked_sub(4).ok_or_else(|| damaged("it is too short"))?;
        let (body, checksum) = bytes.split_at(end);
        let mut reader = Reader::new(body);
        if reader.take(MAGIC.len()).ok() != Some(&MAGIC[..]) {
            return Err(damaged("it does not begin like a memory of detectors"));
        }
        if Reader::new(checksum).u32()? != crc32fast::hash(body) {
            return Err(damaged("its checksum is wrong"));
        }
        let found = reader.u32()?;
        if found != FORMAT_VERSION {
            return Err(DetectError::FormatVersion { found, expected: FORMAT_VERSION });
        }
        let same_interfaces = read_text(&mut reader)? == interfaces.as_bytes();
        let mut restored = 0;
        for _ in 0..reader.count(0, PARTS_MAX, "parts")? {
            let (name, part) = (read_text(&mut reader)?, read_text(&mut reader)?);
            let detector = self.detectors.iter_mut().find(|d| d.name().as_bytes() == name);
            if let Some(detector) = detector.filter(|d| same_interfaces || !d.by_interface()) {
                detector.restore(part)?;
                restored += 1;
            }
        }
        Ok(restored)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::synthetic::{arp_request, ip};
    use super::super::{BehaviourConfig, BehaviourSet};
    use record::{Alert, Kind, Observation};

    fn play(set: &mut BehaviourSet, input: &[Observation]) -> Vec<Alert> {
        let mut out = Vec::new();
        for observation in input {
            set.observe(observation, &mut out);
        }
        set.finish(&mut out);
        out
    }

    fn seen(ms: i64, host: u8) -> Observation {
        Observation::Arp(arp_request(ms, ip(host), ip(200)))
    }

    #[test]
    fn devices_stay_known_over_a_restart_and_the_learning_time_does_not_begin_anew() {
        let past: Vec<_> = (1..=70u8).map(|n| seen(i64::from(n) * 60_000, n % 20 + 1)).collect();
        let mut before = BehaviourSet::new(&BehaviourConfig::default());
        assert!(play(&mut before, &past).iter().all(|a| a.kind != Kind::NewDevice));
        let snapshot = before.snapshot("eth0");
        let mut after = BehaviourSet::new(&BehaviourConfig::default());
        assert!(after.restore(&snapshot, "eth0").unwrap() >= 2);
        let told = play(&mut after, &[seen(4_300_000, 5), seen(4_310_000, 99), seen(4_320_000, 6)]);
        let new: Vec<_> = told.iter().filter(|a| a.kind == Kind::NewDevice).collect();
        assert_eq!(new.len(), 1, "{told:?}");
        assert!(new[0].title.contains("10.0.0.99"), "{}", new[0].title);
        assert_eq!(before.snapshot("eth0"), snapshot, "a snapshot changes nothing");
    }

    #[test]
    fn every_cut_and_every_changed_byte_is_refused_without_a_panic() {
        let mut set = BehaviourSet::new(&BehaviourConfig::default());
        play(&mut set, &(1..=9u8).map(|n| seen(i64::from(n) * 1_000, n)).collect::<Vec<_>>());
        let good = set.snapshot("eth0");
        for end in 0..good.len() {
            assert!(
                BehaviourSet::new(&BehaviourConfig::default()).restore(&good[..end], "eth0").is_err(),
                "cut at {end}"
            );
        }
        for place in 0..good.len() {
            let mut bad = good.clone();
            bad[place] ^= 0x10;
            assert!(BehaviourSet::new(&BehaviourConfig::default()).restore(&bad, "eth0").is_err(), "byte {place}");
        }
        assert!(BehaviourSet::new(&BehaviourConfig::default()).restore(&good, "eth1").is_ok());
    }

    #[test]
    fn new_settings_keep_what_unchanged_detectors_know() {
        let past: Vec<_> = (1..=70u8).map(|n| seen(i64::from(n) * 60_000, n % 20 + 1)).collect();
        let mut set = BehaviourSet::new(&BehaviourConfig::default());
        play(&mut set, &past);
        let mut config = BehaviourConfig { disabled: vec!["beacon".to_owned()], ..BehaviourConfig::default() };
        config.new_device.learn_s = 1_800;
        set.reconfigure(&config);
        assert!(!set.names().contains(&"beacon"));
        let told = play(&mut set, &[seen(4_300_000, 5), seen(4_310_000, 99)]);
        assert_eq!(told.iter().filter(|a| a.kind == Kind::NewDevice).count(), 1, "known ones stay known: {told:?}");
        set.reconfigure(&BehaviourConfig::default());
        assert!(set.names().contains(&"beacon"));
    }
}
