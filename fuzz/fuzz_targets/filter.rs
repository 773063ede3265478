//! A filter expression up to the first zero byte, then a frame: parsed, compiled for each link type, run.
#![no_main]

use libfuzzer_sys::fuzz_target;
use record::LinkType;
use source::Filter;

fuzz_target!(|data: &[u8]| {
    let end = data.iter().position(|byte| *byte == 0).unwrap_or(data.len());
    let frame = data.get(end + 1..).unwrap_or_default();
    let Ok(text) = std::str::from_utf8(&data[..end]) else { return };
    match Filter::parse(text) {
        Err(error) => assert!(error.position <= text.len()),
        Ok(filter) => {
            for link in [0, 1, 9, 12, 50, 101, 104, 105, 108, 113, 228, 229, 276].map(LinkType) {
                let _ = filter.matches(link, frame, frame.len() as u32);
                let _ = filter.to_bpf(link);
                let _ = filter.to_live_bpf(link);
            }
        }
    }
});
