//! Generated traffic as a source of frames, for `demo`. Owns the batching; the traffic is `evaluate::simulate`'s.

use evaluate::simulate::Simulator;
use record::{FrameHeader, LinkType, Timestamp};
use source::{BATCH_FRAMES_MAX, FrameSource, SourceError, SourceStats};

/// Longest span of one batch, so that a paced reader is never far ahead of the clock.
const BATCH_SPAN_NS: i64 = 50_000_000;

/// A simulator behind the trait of every source.
pub struct SimulatedSource {
    simulator: Simulator,
    bytes: Vec<u8>,
    frame: Vec<u8>,
    waiting: Option<Timestamp>,
    stats: SourceStats,
}

impl SimulatedSource {
    /// Wraps a simulator; `name` stands where an interface's name stands.
    pub fn new(simulator: Simulator, name: &str) -> Self {
        let stats = SourceStats { interfaces: vec![name.to_owned()], ..SourceStats::default() };
        Self { simulator, bytes: Vec::new(), frame: Vec::new(), waiting: None, stats }
    }

    fn push(&mut self, ts: Timestamp, headers: &mut Vec<FrameHeader>) {
        let len = self.frame.len() as u32;
        headers.push(FrameHeader {
            ts,
            offset: self.bytes.len(),
            captured_len: len,
            wire_len: len,
            link: LinkType::ETHERNET,
            interface: 0,
        });
        self.bytes.extend_from_slice(&self.frame);
        self.stats.packets += 1;
        self.stats.bytes += u64::from(len);
    }
}

impl FrameSource for SimulatedSource {
    fn next_batch(&mut self, headers: &mut Vec<FrameHeader>) -> Result<Option<&[u8]>, SourceError> {
        headers.clear();
        self.bytes.clear();
        if let Some(ts) = self.waiting.take() {
            self.push(ts, headers);
        }
        while headers.len() < BATCH_FRAMES_MAX {
            let Some((ts, _)) = self.simulator.next_into(&mut self.frame) else { break };
            if headers.first().is_some_and(|first| ts.since(first.ts) > BATCH_SPAN_NS) {
                self.waiting = Some(ts);
                break;
            }
            self.push(ts, headers);
        }
        Ok(if headers.is_empty() { None } else { Some(&self.bytes) })
    }

    fn stats(&self) -> SourceStats {
        self.stats.clone()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use evaluate::simulate::SimulateConfig;

    #[test]
    fn batches_hold_every_frame_in_order() {
        let config = SimulateConfig { duration_s: 20.0, ..SimulateConfig::default() };
        let frames: Vec<_> = Simulator::new(&config).unwrap().collect();
        let mut source = SimulatedSource::new(Simulator::new(&config).unwrap(), "demo");
        let (mut headers, mut seen) = (Vec::new(), 0);
        while let Some(bytes) = source.next_batch(&mut headers).unwrap() {
            let bytes = bytes.to_vec();
            for header in &headers {
                assert_eq!(bytes[header.offset..header.offset + header.captured_len as usize], frames[seen].data[..]);
                assert_eq!(header.ts, frames[seen].ts);
                seen += 1;
            }
        }
        assert_eq!(seen, frames.len());
        assert_eq!(source.stats().packets, seen as u64);
    }
}
