//! One worker's capture: blocks of its ring as batches of frames, and the kernel's counts.

use super::records::{self, Cursor};
use super::ring::Ring;
use super::system::PacketSocket;
use crate::frame_source::{BATCH_FRAMES_MAX, FrameSource, KernelBuffer, SourceStats};
use crate::{Filter, SourceError};
use record::{Counters, FrameHeader, LinkType};
use std::cell::Cell;
use std::io;

/// Longest wait for traffic in one call, milliseconds, so that the worker can tick.
const WAIT_MS: i32 = 100;

/// What the kernel counted for one socket, accumulated (reading clears it there).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KernelCounts {
    /// Frames that passed the filter, dropped ones included.
    pub packets: u64,
    /// Frames dropped because the ring was full.
    pub drops: u64,
    /// Times the ring was full and stood still.
    pub freezes: u64,
}

/// One worker's live capture.
#[derive(Debug)]
pub struct LiveCapture {
    // The map goes before the socket, so that it is dropped first.
    ring: Ring,
    socket: PacketSocket,
    interface: String,
    link: LinkType,
    /// Where reading of the current block stands; None when it is not ours.
    cursor: Option<Cursor>,
    /// Applied here because the kernel cannot.
    filter: Option<Filter>,
    failure: Option<io::Error>,
    block_timeout_ms: i32,
    packets: u64,
    bytes: u64,
    kernel: Cell<KernelCounts>,
}

impl LiveCapture {
    pub(super) fn new(
        ring: Ring,
        socket: PacketSocket,
        interface: String,
        link: LinkType,
        filter: Option<Filter>,
        block_timeout_ms: u32,
    ) -> Self {
        let block_timeout_ms = block_timeout_ms as i32;
        Self {
            ring,
            socket,
            interface,
            link,
            cursor: None,
            filter,
            failure: None,
            block_timeout_ms,
            packets: 0,
            bytes: 0,
            kernel: Cell::default(),
        }
    }

    /// How the frames' first byte is to be read.
    pub fn link(&self) -> LinkType {
        self.link
    }

    /// The kernel's counts up to now.
    pub fn kernel_counts(&self) -> KernelCounts {
        let mut sum = self.kernel.get();
        if let Ok([packets, drops, freezes]) = self.socket.get(libc::SOL_PACKET, libc::PACKET_STATISTICS) {
            sum.packets += u64::from(packets);
            sum.drops += u64::from(drops);
            sum.freezes += u64::from(freezes);
            self.kernel.set(sum);
        }
        sum
    }

    pub(super) fn socket(&self) -> &PacketSocket {
        &self.socket
    }

    /// Waits until the current block is ours or the time is over.
    fn wait(&mut self) -> Result<(), SourceError> {
        if self.ring.ready() {
            return Ok(());
        }
        if let Some(source) = self.failure.take() {
            return Err(self.gone(source));
        }
        let failed = self.socket.wait(libc::POLLIN | libc::POLLERR, WAIT_MS).map_err(|source| self.gone(source))?;
        if failed {
            let number = self.socket.get::<1>(libc::SOL_SOCKET, libc::SO_ERROR).map_or(0, |[number]| number as i32);
            let number = if number == 0 { libc::ENETDOWN } else { number };
            // The last block is handed over when its time is out; it is delivered before the failure is told.
            std::thread::sleep(std::time::Duration::from_millis(2 * self.block_timeout_ms as u64));
            self.failure = Some(io::Error::from_raw_os_error(number));
        }
        Ok(())
    }

    fn gone(&self, source: io::Error) -> SourceError {
        let name = self.interface.clone();
        match source.raw_os_error() {
            Some(libc::ENETDOWN | libc::ENODEV | libc::ENXIO) => {
                SourceError::InterfaceDown { name, what: "went down or was removed".to_owned() }
            }
            _ => SourceError::Live { interface: name, what: "waiting for frames", source, advice: "start again" },
        }
    }
}

impl FrameSource for LiveCapture {
    fn next_batch(&mut self, headers: &mut Vec<FrameHeader>) -> Result<Option<&[u8]>, SourceError> {
        headers.clear();
        if self.cursor.is_some_and(|cursor| cursor.left == 0) {
            self.ring.release();
            self.cursor = None;
        }
        if self.cursor.is_none() {
            self.wait()?;
        }
        let Some(block) = self.ring.block() else { return Ok(Some(&[])) };
        let cursor = self.cursor.get_or_insert_with(|| records::start(block));
        while headers.len() < BATCH_FRAMES_MAX {
            let Some(header) = records::next(block, cursor, self.link) else { break };
            let end = header.offset + header.captured_len as usize;
            let passes = |filter: &Filter| filter.matches(self.link, &block[header.offset..end], header.wire_len);
            if self.filter.as_ref().is_none_or(passes) {
                self.bytes += u64::from(header.wire_len);
                headers.push(header);
            }
        }
        self.packets += headers.len() as u64;
        Ok(Some(block))
    }

    fn stats(&self) -> SourceStats {
        let kernel = self.kernel_counts();
        let beside = |_: &Filter| "the filter runs behind the kernel: it reads bytes across a VLAN tag".to_owned();
        let notes = self.filter.iter().map(beside).collect();
        let mut dropped = Counters::default();
        dropped.add("kernel_ring_full", kernel.drops);
        SourceStats {
            packets: self.packets,
            bytes: self.bytes,
            dropped,
            freezes: kernel.freezes,
            notes,
            interfaces: vec![self.interface.clone()],
            buffer: Some(KernelBuffer { asked_bytes: self.ring.bytes(), granted_bytes: self.ring.bytes() }),
            peer: None,
        }
    }
}
