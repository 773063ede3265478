//! Any bytes as a log: lines of every format after one another, so that heads and rows meet. Every line is accounted for, and what is
//! kept of unreadable ones is bounded.
#![no_main]

use decode::log::{LineCutter, LogParser, recognise};
use libfuzzer_sys::fuzz_target;
use record::Timestamp;

fuzz_target!(|data: &[u8]| {
    let _ = recognise(data);
    let mut parser = LogParser::new(Timestamp::from_parts(1_700_000_000, 0));
    let (mut cutter, mut entries) = (LineCutter::default(), Vec::new());
    let mut sink = |line: &[u8], cut: bool| {
        parser.line(line, cut, &mut entries);
        entries.clear();
    };
    cutter.push(data, &mut sink);
    cutter.finish(&mut sink);
    let counters = parser.counters();
    let accounted = counters.used + counters.heads + counters.not_used.total() + counters.unreadable.total();
    assert_eq!(accounted, counters.lines);
    assert!(counters.sample.len() <= 8 && counters.sample.iter().all(|line| line.text.len() <= 200));
});
