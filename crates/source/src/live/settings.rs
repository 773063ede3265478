//! Settings of live capture, their units, defaults and bounds.

use crate::files::format::CAPTURED_BYTES_MAX;
use crate::{Filter, SourceError};
use serde::{Deserialize, Serialize};

/// One block of the ring, bytes. It holds any frame (64 KiB after segmentation offload) many times over.
pub const BLOCK_BYTES: usize = 1 << 20;
/// Most capture workers.
pub const WORKERS_MAX: usize = 64;
/// Largest ring of all workers together: 8 GiB.
const RING_BYTES_MAX: u64 = 8 << 30;

/// The part of live capture that a configuration file sets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LiveSettings {
    /// Interfaces; empty: the one with the default route.
    pub interfaces: Vec<String>,
    /// Ask the interface for frames that are not for this machine. Default true.
    pub promiscuous: bool,
    /// Capture workers of one interface, 1 to 64, each with its own ring; flows are spread by a symmetric hash.
    /// 0: one for each core but one. Default 0. With more than one, the kernel puts IPv4 fragments together before they
    /// are counted, so that they meet the worker of their flow.
    pub workers: usize,
    /// Ring memory of all workers together, bytes, rounded down to 1 MiB blocks, at least 2 a worker. Default 64 MiB:
    /// 0.8 s of 400,000 small packets/s.
    pub ring_bytes: u64,
    /// Bytes kept of each frame, 1 to 262,144. Default 262,144: all.
    pub snap_len: u32,
    /// Longest time a frame waits in a block that is not full, milliseconds, 1 to 1000. Default 50.
    pub block_timeout_ms: u32,
    /// Filter in tcpdump's syntax; empty: everything.
    pub filter: String,
}

impl Default for LiveSettings {
    fn default() -> Self {
        Self {
            interfaces: Vec::new(),
            promiscuous: true,
            workers: 0,
            ring_bytes: 64 << 20,
            snap_len: CAPTURED_BYTES_MAX,
            block_timeout_ms: 50,
            filter: String::new(),
        }
    }
}

impl LiveSettings {
    /// What `open_live` needs for one interface. `cores` answers `workers = 0`.
    ///
    /// # Errors
    /// The filter does not parse, or a number is out of its range.
    pub fn for_interface(&self, interface: &str, cores: usize) -> Result<LiveConfig, SourceError> {
        let filter = if self.filter.trim().is_empty() { None } else { Some(Filter::parse(&self.filter)?) };
        let workers = if self.workers == 0 { cores.saturating_sub(1).clamp(1, WORKERS_MAX) } else { self.workers };
        let config = LiveConfig {
            interface: interface.to_owned(),
            promiscuous: self.promiscuous,
            workers,
            ring_bytes: self.ring_bytes,
            snap_len: self.snap_len,
            block_timeout_ms: self.block_timeout_ms,
            filter,
        };
        config.check()?;
        Ok(config)
    }
}

/// Live capture of one interface.
#[derive(Clone, Debug)]
pub struct LiveConfig {
    /// Interface name.
    pub interface: String,
    /// As [`LiveSettings::promiscuous`].
    pub promiscuous: bool,
    /// 1 to 64.
    pub workers: usize,
    /// As [`LiveSettings::ring_bytes`].
    pub ring_bytes: u64,
    /// As [`LiveSettings::snap_len`].
    pub snap_len: u32,
    /// As [`LiveSettings::block_timeout_ms`].
    pub block_timeout_ms: u32,
    /// Runs in the kernel.
    pub filter: Option<Filter>,
}

impl LiveConfig {
    /// Defaults with one worker.
    pub fn new(interface: &str) -> Self {
        let settings = LiveSettings::default();
        Self {
            interface: interface.to_owned(),
            promiscuous: settings.promiscuous,
            workers: 1,
            ring_bytes: settings.ring_bytes,
            snap_len: settings.snap_len,
            block_timeout_ms: settings.block_timeout_ms,
            filter: None,
        }
    }

    /// Blocks of one worker's ring.
    pub fn blocks(&self) -> usize {
        (self.ring_bytes as usize / BLOCK_BYTES / self.workers.max(1)).max(2)
    }

    /// Checks the ranges.
    ///
    /// # Errors
    /// The first setting out of its range.
    pub fn check(&self) -> Result<(), SourceError> {
        let wrong = |name, value: u64, range| SourceError::Setting { name, value: value.to_string(), range };
        if !(1..=WORKERS_MAX).contains(&self.workers) {
            return Err(wrong("workers", self.workers as u64, "1 to 64"));
        }
        if self.ring_bytes > RING_BYTES_MAX {
            return Err(wrong("ring_bytes", self.ring_bytes, "at most 8589934592 (8 GiB)"));
        }
        if !(1..=CAPTURED_BYTES_MAX).contains(&self.snap_len) {
            return Err(wrong("snap_len", self.snap_len.into(), "1 to 262144"));
        }
        if !(1..=1000).contains(&self.block_timeout_ms) {
            return Err(wrong("block_timeout_ms", self.block_timeout_ms.into(), "1 to 1000"));
        }
        Ok(())
    }
}
