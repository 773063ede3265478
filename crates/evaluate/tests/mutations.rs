//! Damage: real frames and whole files from the simulator with bits flipped, bytes overwritten, pieces cut out, doubled or cut off,
//! and lengths set to extremes. Nothing may panic, and every count must still make sense. Seeded, so that a failure comes again;
//! `MUTATIONS=200000` runs longer, `MUTATION_SEED=9` goes other ways. `fuzz/` reaches the same entry points with coverage.
#![allow(clippy::unwrap_used)]

use decode::{DecodeConfig, Decoder, dissect, packet_summary};
use detect::{Ensemble, EnsembleConfig};
use evaluate::simulate::{SimulateConfig, Simulator};
use evaluate::{Meter, MeterConfig};
use rand_pcg::Pcg64;
use rand_pcg::rand_core::{Rng, SeedableRng};
use record::{FrameHeader, LinkType, Matrix, PacketMeta, Timestamp};
use source::{Filter, PcapWriter, PcapngWriter, open_reader};

/// Mutations of one test when `MUTATIONS` does not say.
const DEFAULT_ROUNDS: u64 = 4_000;
/// Link types that damaged frames are read as.
const LINKS: [u16; 20] = [0, 1, 9, 10, 12, 50, 51, 100, 101, 104, 105, 107, 113, 119, 127, 163, 192, 219, 239, 276];
/// Values that lengths and counts break on.
const EXTREMES: [u32; 8] = [0, 1, 0x7f, 0xff, 0x7fff, 0xffff, 0x7fff_ffff, 0xffff_ffff];

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|n| n.parse().ok()).unwrap_or(default)
}

fn rounds() -> u64 {
    number("MUTATIONS", DEFAULT_ROUNDS)
}

/// Frames of an office with attacks in it.
fn frames() -> Vec<(Timestamp, Vec<u8>)> {
    let config = SimulateConfig {
        scenarios: ["office", "port_scan_fast", "dns_tunnel", "arp_spoof"].map(str::to_owned).to_vec(),
        duration_s: 30.0,
        seed: 5,
        ..SimulateConfig::default()
    };
    let mut simulator = Simulator::new(&config).unwrap();
    let (mut frame, mut all) = (Vec::new(), Vec::new());
    while let Some((ts, _)) = simulator.next_into(&mut frame) {
        all.push((ts, frame.clone()));
    }
    assert!(all.len() > 2_000);
    // Spread over the whole, so that every protocol has its turn.
    let step = all.len() / 900;
    all.into_iter().step_by(step.max(1)).collect()
}

struct Damage(Pcg64);

impl Damage {
    fn new(stream: u64) -> Self {
        Self(Pcg64::seed_from_u64(number("MUTATION_SEED", 1) * 100 + stream))
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.0.next_u64() % limit.max(1) as u64) as usize
    }

    /// One to four injuries.
    fn apply(&mut self, data: &mut Vec<u8>) {
        for _ in 0..=self.below(4) {
            let at = self.below(data.len());
            match self.below(7) {
                0 if !data.is_empty() => data[at] ^= 1 << self.below(8),
                1 if !data.is_empty() => data[at] = self.0.next_u64() as u8,
                2 => data.truncate(at),
                3 => {
                    let end = (at + self.below(40)).min(data.len());
                    data.drain(at..end);
                }
                4 => {
                    let end = (at + self.below(40)).min(data.len());
                    let piece = data[at..end].to_vec();
                    data.splice(at..at, piece);
                }
                5 => self.extreme(data, at, 2),
                _ => self.extreme(data, at, 4),
            }
        }
    }

    /// A length field of two or four bytes, in either byte order.
    fn extreme(&mut self, data: &mut [u8], at: usize, width: usize) {
        let value = EXTREMES[self.below(EXTREMES.len())];
        let bytes = if self.below(2) == 0 { value.to_le_bytes() } else { value.rotate_left(16).to_be_bytes() };
        if let Some(place) = data.get_mut(at..at + width) {
            place.copy_from_slice(&bytes[..width]);
        }
    }
}

/// What every reader of a frame promises, whatever its bytes are.
fn check_frame(decoder: &mut Decoder, header: &FrameHeader, frame: &[u8], round: u64) -> PacketMeta {
    let mut meta = PacketMeta::default();
    decoder.decode(header, frame, &mut meta);
    assert!(meta.payload_captured <= meta.payload_len && meta.ip_len <= header.wire_len, "round {round}");
    if meta.payload_captured != 0 {
        assert!((meta.payload_offset + meta.payload_captured) as usize <= frame.len(), "round {round}");
    }
    decoder.application(&meta, frame);
    let row = packet_summary(round, &meta, frame);
    assert!(row.info.len() < 4_000 && row.length == header.wire_len, "round {round}");
    for layer in dissect(header, frame).layers {
        assert!((layer.offset + layer.length) as usize <= frame.len(), "round {round}");
    }
    meta
}

#[test]
fn damaged_frames_are_decoded_dissected_and_metered() {
    let frames = frames();
    let mut damage = Damage::new(1);
    let mut decoder = Decoder::new(DecodeConfig::default());
    let config = MeterConfig {
        decode: DecodeConfig::default(),
        flow: flow::FlowConfig::default(),
        home: vec!["10.0.0.0/8".parse().unwrap()],
        filter: None,
        packets: Some(evaluate::PacketConfig::default()),
        records_only: false,
        exports: evaluate::ExportsConfig::default(),
    };
    let mut meter = Meter::new(&config, 0, 1);
    let mut observations = Vec::new();
    let filters = ["tcp port 443 and ip[2:2] > 100", "ip6 or vlan", "icmp[0] = 8"].map(|f| Filter::parse(f).unwrap());
    let (mut stopped, mut wire) = (0_u64, 0_u64);
    for round in 0..rounds() {
        let (ts, frame) = &frames[damage.below(frames.len())];
        let mut frame = frame.clone();
        damage.apply(&mut frame);
        let link = LinkType(if damage.below(3) == 0 { LINKS[damage.below(LINKS.len())] } else { 1 });
        let len = frame.len() as u32;
        let header = FrameHeader { ts: *ts, offset: 0, captured_len: len, wire_len: len, link, interface: 0 };
        stopped += u64::from(check_frame(&mut decoder, &header, &frame, round).stop.is_some());
        for filter in filters.iter().filter(|f| f.supports(link)) {
            let _ = filter.matches(link, &frame, len);
        }
        wire += u64::from(len);
        meter.batch(&frame, &[header], &mut observations);
        observations.clear();
    }
    meter.finish(&mut observations);
    let counters = meter.counters();
    assert_eq!((counters.frames, counters.bytes), (rounds(), wire));
    // Payloads are counted apart: they do not stop the reading of headers.
    let payloads = decoder.application_errors().0.values().sum::<u64>();
    let errors = decoder.errors().0.values().sum::<u64>() - payloads;
    assert_eq!(errors, stopped, "each stop is counted once");
}

/// The frames as pcap and as pcapng.
fn files() -> [Vec<u8>; 2] {
    let frames = frames();
    let mut pcap = PcapWriter::new(Vec::new(), LinkType::ETHERNET, 65_535).unwrap();
    let mut pcapng = PcapngWriter::new(Vec::new(), &[("eth0", LinkType::ETHERNET, 65_535)]).unwrap();
    for (ts, frame) in frames.iter().take(120) {
        pcap.write(*ts, frame.len() as u32, frame).unwrap();
        pcapng.write(0, *ts, frame.len() as u32, frame).unwrap();
    }
    [pcap.finish().unwrap(), pcapng.finish().unwrap()]
}

#[test]
fn damaged_files_are_read_as_far_as_they_go() {
    let files = files();
    let mut damage = Damage::new(2);
    let (mut opened, mut cut) = (0, 0);
    let mut headers = Vec::new();
    for round in 0..rounds() / 2 {
        let mut bytes = files[damage.below(2)].clone();
        // Half of the injuries hit the file's headers, where a byte matters most.
        if damage.below(2) == 0 {
            let mut head = bytes[..120].to_vec();
            damage.apply(&mut head);
            bytes.splice(..120, head);
        } else {
            damage.apply(&mut bytes);
        }
        let whole = bytes.len();
        let Ok(mut source) = open_reader("damaged", Box::new(std::io::Cursor::new(bytes))) else { continue };
        opened += 1;
        let (mut frames, mut captured) = (0_u64, 0_usize);
        while let Ok(Some(slice)) = source.next_batch(&mut headers) {
            frames += headers.len() as u64;
            for header in &headers {
                assert!(header.offset + header.captured_len as usize <= slice.len(), "round {round}");
                captured += header.captured_len as usize;
            }
        }
        assert!(captured <= whole, "round {round}: {captured} bytes out of {whole}");
        let stats = source.stats();
        assert_eq!(stats.packets, frames, "round {round}");
        cut += u64::from(!stats.notes.is_empty());
        assert!(stats.notes.iter().all(|note| note.len() < 400), "round {round}: {:?}", stats.notes);
    }
    assert!(opened > rounds() / 10 && cut > rounds() / 100, "{opened} opened, {cut} cut: the damage misses its aim");
}

#[test]
fn damaged_filter_expressions_are_refused_or_run() {
    let good = [
        "tcp port 443 and not host 192.0.2.1",
        "(udp portrange 1-1024 or icmp) and greater 100",
        "ip[2:2] & 0x0f != 3 * (tcp[13] + 1)",
        "vlan 3 and ether host 02:00:00:00:00:01 or ip6 net 2001:db8::/32",
        "mpls 7 and src net 10.0.0.0/8 or less 64",
    ];
    let frame = &frames()[3].1;
    let mut damage = Damage::new(3);
    let (mut parsed, mut refused) = (0, 0);
    for _ in 0..rounds() {
        let mut bytes = good[damage.below(good.len())].as_bytes().to_vec();
        damage.apply(&mut bytes);
        let text = String::from_utf8_lossy(&bytes);
        match Filter::parse(&text) {
            Ok(filter) => {
                parsed += 1;
                for link in LINKS.map(LinkType).into_iter().filter(|link| filter.supports(*link)) {
                    let _ = filter.matches(link, frame, frame.len() as u32);
                    let _ = (filter.to_bpf(link), filter.to_live_bpf(link));
                }
            }
            Err(error) => {
                refused += 1;
                assert!(error.position <= text.len() && !error.advice.is_empty(), "{error}");
            }
        }
    }
    assert!(parsed > 50 && refused > 50, "{parsed} parsed, {refused} refused");
}

fn rows(count: usize, columns: usize) -> Matrix {
    let mut random = Pcg64::seed_from_u64(3);
    Matrix { values: (0..count * columns).map(|_| (random.next_u64() % 1_000) as f32 / 100.0).collect(), columns }
}

/// Puts the checksums right: of each section (name 24, offset 8, length 8, checksum 4 bytes, from byte 24), then of the table.
fn seal(bytes: &mut [u8]) {
    let word = |bytes: &[u8], at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap()) as usize;
    let sections = u32::from_le_bytes(bytes[12..16].try_into().unwrap()).min(64) as usize;
    let end = 24 + sections * 44;
    for at in (24..end).step_by(44) {
        let (offset, len) = (word(bytes, at + 24), word(bytes, at + 32));
        let Some(section) = offset.checked_add(len).and_then(|end| bytes.get(offset..end)) else { continue };
        let checksum = crc32fast::hash(section);
        bytes[at + 40..at + 44].copy_from_slice(&checksum.to_le_bytes());
    }
    let checksum = crc32fast::hash(&bytes[..end]);
    bytes[end..end + 4].copy_from_slice(&checksum.to_le_bytes());
}

#[test]
fn damaged_models_are_refused_or_judge() {
    let schema = features::flow_schema();
    let columns = schema.features.len();
    let config = EnsembleConfig {
        trees: 5,
        reference_rows: 64,
        autoencoders: 1,
        autoencoder_epochs: 1,
        ..EnsembleConfig::default()
    };
    let (real, _) = Ensemble::train(schema, &rows(600, columns), 1, &config, &mut |_| {}).unwrap();
    let real = real.to_bytes();
    let mut damage = Damage::new(4);
    let (mut loaded, mut refused) = (0, 0);
    for _ in 0..rounds() / 8 {
        let mut bytes = real.clone();
        for _ in 0..=damage.below(3) {
            // Half of them into the table and the readable part, where lengths are.
            let limit = if damage.below(2) == 0 { 2_000 } else { bytes.len() };
            let at = damage.below(limit);
            let width = 2 << damage.below(2);
            damage.extreme(&mut bytes, at, width);
        }
        let first = bytes.iter().zip(&real).position(|(a, b)| a != b);
        assert!(bytes == real || Ensemble::from_bytes(&bytes, schema).is_err(), "byte {first:?} may be damaged unseen");
        seal(&mut bytes);
        match Ensemble::from_bytes(&bytes, schema) {
            Err(error) => {
                refused += 1;
                assert!(error.to_string().len() < 600, "{error}");
            }
            Ok(ensemble) => {
                loaded += 1;
                let (rows, mut judged) = (rows(3, columns), Vec::new());
                ensemble.judge(&rows, &mut judged);
                assert!(judged.iter().all(|j| (0.0..=1.0).contains(&j.score)), "{judged:?}");
                let reasons = ensemble.explain(&rows.values[..columns]);
                assert!(reasons.iter().all(|r| r.share.is_finite()), "{reasons:?}");
            }
        }
    }
    assert!(loaded > 10 && refused > 10, "{loaded} loaded, {refused} refused");
}
