//! Frames built byte by byte, and the development captures. Shared by the tests; knows nothing of the decoder's inside.
#![allow(clippy::unwrap_used, dead_code)]

use decode::{DecodeConfig, Decoder};
use record::{FrameHeader, IpAddr16, LinkType, PacketMeta, Timestamp};
use std::path::{Path, PathBuf};

/// A header for `frame`, all of it captured.
pub fn header(link: LinkType, frame: &[u8]) -> FrameHeader {
    let len = frame.len() as u32;
    FrameHeader { ts: Timestamp(1), offset: 0, captured_len: len, wire_len: len, link, interface: 0 }
}

/// What a fresh decoder makes of a frame.
pub fn decoded(link: LinkType, frame: &[u8]) -> PacketMeta {
    let mut meta = PacketMeta::default();
    Decoder::new(DecodeConfig::default()).decode(&header(link, frame), frame, &mut meta);
    meta
}

/// Decodes an Ethernet frame.
pub fn decoded_ethernet(frame: &[u8]) -> PacketMeta {
    decoded(LinkType::ETHERNET, frame)
}

/// Ethernet header 02:…:01 to 02:…:02 with a type, then `payload`.
pub fn ethernet(kind: u16, payload: &[u8]) -> Vec<u8> {
    let mut out = vec![2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1];
    out.extend(kind.to_be_bytes());
    out.extend(payload);
    out
}

/// IPv4 192.0.2.1 to 198.51.100.2.
pub fn ipv4(proto: u8, payload: &[u8]) -> Vec<u8> {
    ipv4_with(proto, 0, &[], payload)
}

/// IPv4 with a fragment field and options (a multiple of four bytes).
pub fn ipv4_with(proto: u8, fragment: u16, options: &[u8], payload: &[u8]) -> Vec<u8> {
    let header_len = 20 + options.len();
    let mut out = vec![0x40 | (header_len / 4) as u8, 0];
    out.extend(((header_len + payload.len()) as u16).to_be_bytes());
    out.extend([0x12, 0x34]);
    out.extend(fragment.to_be_bytes());
    out.extend([64, proto, 0, 0, 192, 0, 2, 1, 198, 51, 100, 2]);
    out.extend(options);
    out.extend(payload);
    out
}

/// IPv6 2001:db8::1 to 2001:db8::2.
pub fn ipv6(next: u8, payload: &[u8]) -> Vec<u8> {
    let mut out = vec![0x60, 0, 0, 0];
    out.extend((payload.len() as u16).to_be_bytes());
    out.extend([next, 63]);
    for last in [1, 2] {
        out.extend([0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last]);
    }
    out.extend(payload);
    out
}

/// TCP 40000 to 443 with flags and options (a multiple of four bytes).
pub fn tcp(flags: u8, options: &[u8], payload: &[u8]) -> Vec<u8> {
    tcp_ports(40_000, 443, flags, options, payload)
}

/// TCP with ports.
pub fn tcp_ports(src: u16, dest: u16, flags: u8, options: &[u8], payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    out.extend(src.to_be_bytes());
    out.extend(dest.to_be_bytes());
    out.extend(1000u32.to_be_bytes());
    out.extend(2000u32.to_be_bytes());
    out.extend([((20 + options.len()) / 4 * 16) as u8, flags, 0xfa, 0xf0, 0, 0, 0, 0]);
    out.extend(options);
    out.extend(payload);
    out
}

/// UDP with ports.
pub fn udp(src: u16, dest: u16, payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    out.extend(src.to_be_bytes());
    out.extend(dest.to_be_bytes());
    out.extend(((8 + payload.len()) as u16).to_be_bytes());
    out.extend([0, 0]);
    out.extend(payload);
    out
}

/// The development captures, or None (and a line saying so) when they are not beside the project.
pub fn data(test: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    if path.is_dir() {
        return Some(path);
    }
    eprintln!("SKIP {test}: no development captures at {}", path.display());
    None
}

/// Every file under `folder`, sorted, that may be a capture.
pub fn captures(folder: &Path) -> Vec<PathBuf> {
    let mut out = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() {
                folders.push(path);
            } else if [".pcap", ".cap", ".pcapng", ".zst", ".gz", ".dmp", ".trace", ".ntar"]
                .iter()
                .any(|end| name.ends_with(end))
            {
                out.push(path);
            }
        }
    }
    out.sort();
    out
}

/// Calls `each` for every frame of a capture; false when it could not be opened.
pub fn for_each_frame(path: &Path, mut each: impl FnMut(&FrameHeader, &[u8])) -> bool {
    let Ok(mut source) = source::open_capture(path) else { return false };
    let mut headers = Vec::new();
    loop {
        match source.next_batch(&mut headers) {
            Ok(Some(bytes)) => {
                for header in &headers {
                    each(header, &bytes[header.offset..header.offset + header.captured_len as usize]);
                }
            }
            Ok(None) => return true,
            Err(_) => return false,
        }
    }
}

/// Exporter and payload of every export in a capture that has nothing else over UDP, or in a dump as `source` cuts it.
pub fn export_datagrams(path: &Path) -> Vec<(IpAddr16, Vec<u8>)> {
    let mut decoder = Decoder::new(DecodeConfig::default());
    let (mut meta, mut found) = (PacketMeta::default(), Vec::new());
    let opened = for_each_frame(path, |header, frame| {
        decoder.decode(header, frame, &mut meta);
        let start = meta.payload_offset as usize;
        let payload = frame.get(start..start + meta.payload_captured as usize).unwrap_or_default();
        if meta.proto == 17 && decode::is_export(meta.dest_port, payload) {
            found.push((meta.src().addr, payload.to_vec()));
        }
    });
    if !opened {
        // One that says of itself what cannot be: as it would come from the network.
        found.push((IpAddr16::default(), std::fs::read(path).unwrap()));
    }
    found
}
