//! Any bytes as a capture file: plain, gzip, zstd, pcap, pcapng. Headers point inside the batch; counts agree.
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::io::{Cursor, Read};

/// A small file may unpack to very much: the reader is right to go on, the fuzzer has no time for it.
const BATCHES_MAX: usize = 64;

fuzz_target!(|data: &[u8]| {
    let reader = Cursor::new(data.to_vec()).take(1 << 20);
    let Ok(mut source) = source::open_reader("fuzz", Box::new(reader)) else { return };
    let mut headers = Vec::new();
    let mut frames = 0;
    for _ in 0..BATCHES_MAX {
        let Ok(Some(bytes)) = source.next_batch(&mut headers) else { break };
        for header in &headers {
            assert!(header.offset + header.captured_len as usize <= bytes.len());
        }
        frames += headers.len() as u64;
    }
    assert_eq!(source.stats().packets, frames);
});
