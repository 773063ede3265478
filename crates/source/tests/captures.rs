//! Every capture of the development data: packets as the manifest counts them, bytes as capinfos counts them; broken
//! ones end with a note or an error and never panic.
#![allow(clippy::unwrap_used)]

mod common;

use source::{FrameSource, SourceError, open_capture, open_reader};
use std::collections::HashMap;
use std::io::{Read, Write};
use std::path::Path;

struct Total {
    packets: u64,
    bytes: u64,
    notes: Vec<String>,
    frames: Vec<u8>,
}

/// Reads to the end; every frame must lie inside its batch. Keeps a digest of what was delivered.
fn drain(mut source: Box<dyn FrameSource>) -> Total {
    let (mut headers, mut packets, mut bytes, mut frames) = (Vec::new(), 0, 0, Vec::new());
    while let Some(slice) = source.next_batch(&mut headers).unwrap() {
        assert!(!headers.is_empty() && headers.len() <= source::BATCH_FRAMES_MAX);
        for header in &headers {
            let frame = &slice[header.offset..header.offset + header.captured_len as usize];
            let sum = frame.iter().fold(header.ts.0 as u64, |sum, b| sum.wrapping_mul(31).wrapping_add(u64::from(*b)));
            frames.extend(sum.to_le_bytes());
            packets += 1;
            bytes += u64::from(header.wire_len);
        }
    }
    assert!(source.next_batch(&mut headers).unwrap().is_none() && headers.is_empty());
    let stats = source.stats();
    assert_eq!((stats.packets, stats.bytes), (packets, bytes));
    Total { packets, bytes, notes: stats.notes, frames }
}

fn read(path: &Path) -> Result<Total, SourceError> {
    open_capture(path).map(drain)
}

#[test]
fn packets_and_bytes_agree_with_the_manifest_and_capinfos() {
    let test = "packets_and_bytes_agree_with_the_manifest_and_capinfos";
    let Some(data) = common::data(test) else { return };
    let files: Vec<_> =
        common::captures(&data).into_iter().filter(|(f, _)| !f.starts_with("pcap-malformed/")).collect();
    assert!(files.len() > 500);
    let mut capinfos = HashMap::new();
    if common::has_tool(test, "capinfos") {
        let paths: Vec<String> = files.iter().map(|(file, _)| data.join(file).display().to_string()).collect();
        let arguments: Vec<&str> = ["-TrmQcd"].into_iter().chain(paths.iter().map(String::as_str)).collect();
        for line in String::from_utf8_lossy(&common::run("capinfos", &arguments).stdout).lines() {
            let fields: Vec<&str> = line.rsplitn(3, ',').map(|field| field.trim_matches('"')).collect();
            capinfos.insert(fields[2].to_owned(), fields[0].parse::<u64>().unwrap());
        }
        assert!(capinfos.len() > 500);
    }
    let mut wrong = Vec::new();
    for (file, packets) in &files {
        let path = data.join(file);
        let total = read(&path).unwrap();
        if Some(total.packets) != *packets {
            wrong.push(format!("{file}: {} packets, manifest {packets:?} {:?}", total.packets, total.notes));
        }
        if let Some(bytes) = capinfos.get(&path.display().to_string()).filter(|bytes| **bytes != total.bytes) {
            wrong.push(format!("{file}: {} bytes, capinfos {bytes}", total.bytes));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn broken_captures_end_and_say_why() {
    let Some(data) = common::data("broken_captures_end_and_say_why") else { return };
    let files: Vec<_> = common::captures(&data).into_iter().filter(|(f, _)| f.starts_with("pcap-malformed/")).collect();
    assert!(files.len() > 300);
    let mut disagree = Vec::new();
    for (file, packets) in &files {
        match read(&data.join(file)) {
            Ok(total) if Some(total.packets) != *packets => {
                disagree.push(format!("{file}: {} packets, manifest {packets:?} {:?}", total.packets, total.notes));
            }
            Ok(_) => {}
            Err(error) => assert!(error.to_string().contains(file.rsplit('/').next().unwrap()), "{error}"),
        }
    }
    eprintln!(
        "{} of {} broken captures count unlike the manifest:\n{}",
        disagree.len(),
        files.len(),
        disagree.join("\n")
    );
    assert!(disagree.len() <= 12, "more disagree than the manifest's own two readers do");
}

/// A capture cut at every place, and with bytes changed, in both formats.
#[test]
fn cut_and_changed_captures_keep_what_came_before() {
    let Some(data) = common::data("cut_and_changed_captures_keep_what_came_before") else { return };
    let all = common::captures(&data);
    let small = all.iter().filter(|(file, packets)| {
        let plain = file.starts_with("pcap-malformed/pcapng-generator/") || file.starts_with("pcap-protocols/zeek/");
        plain && packets.is_some_and(|p| p > 1) && std::fs::metadata(data.join(file)).unwrap().len() < 3000
    });
    let mut seen = 0;
    for (file, _) in small.take(30) {
        let bytes = std::fs::read(data.join(file)).unwrap();
        let open = |bytes: Vec<u8>| open_reader(file, Box::new(std::io::Cursor::new(bytes))).map(drain);
        let Ok(whole) = open(bytes.clone()) else { continue };
        seen += 1;
        for cut in 0..bytes.len() {
            if let Ok(part) = open(bytes[..cut].to_vec()) {
                assert!(whole.frames.starts_with(&part.frames), "{file} cut at {cut}");
            }
            let mut changed = bytes.clone();
            changed[cut] ^= 0xff;
            let _ = open(changed);
        }
    }
    assert!(seen > 5);
}

#[test]
fn compressed_and_piped_input_is_the_same_capture() {
    let Some(data) = common::data("compressed_and_piped_input_is_the_same_capture") else { return };
    let path = data.join("pcap-benign/ics");
    let file = std::fs::read_dir(path).unwrap().map(|e| e.unwrap().path()).min().unwrap();
    let mut raw = Vec::new();
    zstd::stream::read::Decoder::new(std::fs::File::open(&file).unwrap()).unwrap().read_to_end(&mut raw).unwrap();
    let expected = read(&file).unwrap();
    assert!(expected.packets > 1000 && expected.notes.is_empty());

    // Two gzip members, two zstd frames: both are one capture.
    let middle = raw.len() / 2;
    let mut gzip = Vec::new();
    for half in [&raw[..middle], &raw[middle..]] {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(half).unwrap();
        gzip.extend(encoder.finish().unwrap());
    }
    let halves = [&raw[..middle], &raw[middle..]].map(|half| zstd::stream::encode_all(half, 1).unwrap());
    for form in [raw.clone(), gzip.clone(), halves.concat()] {
        let total = drain(open_reader("pipe", Box::new(std::io::Cursor::new(form))).unwrap());
        assert_eq!((total.packets, total.bytes), (expected.packets, expected.bytes));
        assert!(total.frames == expected.frames && total.notes.is_empty());
    }
    for cut in [raw[..raw.len() - 5].to_vec(), gzip[..gzip.len() - 5000].to_vec(), halves[0].clone()] {
        let total = drain(open_reader("pipe", Box::new(std::io::Cursor::new(cut))).unwrap());
        assert!(expected.frames.starts_with(&total.frames) && total.packets > expected.packets / 3);
        assert_eq!(total.notes.len(), 1);
        assert!(total.notes[0].contains("at byte"), "{:?}", total.notes);
    }
    let cut = drain(open_reader("x", Box::new(std::io::Cursor::new(raw[..raw.len() - 5].to_vec()))).unwrap());
    assert_eq!(cut.packets, expected.packets - 1);
    assert!(cut.notes[0].starts_with("cut at byte ") && cut.notes[0].ends_with(" are there"), "{:?}", cut.notes);
}
