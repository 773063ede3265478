//! The memory shared with the kernel: TPACKET_V3 blocks, taken and given back in turn. Knows no frame.
#![allow(unsafe_code)] // The ring is memory that the kernel writes: a map and slices over blocks we own by protocol.

use super::system::PacketSocket;
use std::io;
use std::ptr;
use std::sync::atomic::{AtomicU32, Ordering};

/// Offset of the block's status word.
const STATUS: usize = 8;
/// The block belongs to us.
const STATUS_USER: u32 = 1;

/// A mapped ring of blocks.
#[derive(Debug)]
pub struct Ring {
    base: *mut u8,
    block_bytes: usize,
    blocks: usize,
    current: usize,
}

// SAFETY: the map belongs to this value alone; nothing in it is tied to the thread that made it.
unsafe impl Send for Ring {}

impl Ring {
    /// Maps the ring that PACKET_RX_RING made on `socket`.
    pub fn map(socket: &PacketSocket, block_bytes: usize, blocks: usize) -> io::Result<Self> {
        let length = block_bytes * blocks;
        let access = libc::PROT_READ | libc::PROT_WRITE;
        // SAFETY: a new shared map at an address of the kernel's choice; no memory of ours is replaced.
        let base = unsafe { libc::mmap(ptr::null_mut(), length, access, libc::MAP_SHARED, socket.fd(), 0) };
        if base == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        Ok(Self { base: base.cast(), block_bytes, blocks, current: 0 })
    }

    fn status(&self) -> &AtomicU32 {
        // SAFETY: current < blocks, so the word lies inside the map, aligned (blocks are pages); both sides change it
        // only as a whole word.
        unsafe { AtomicU32::from_ptr(self.base.add(self.current * self.block_bytes + STATUS).cast()) }
    }

    /// True when the kernel has handed the current block over.
    pub fn ready(&self) -> bool {
        // Acquire: the frames were written before the status.
        self.status().load(Ordering::Acquire) & STATUS_USER != 0
    }

    /// Room for frames.
    pub fn bytes(&self) -> u64 {
        self.block_bytes as u64 * self.blocks as u64
    }

    /// The current block; None while it is the kernel's.
    pub fn block(&mut self) -> Option<&mut [u8]> {
        if !self.ready() {
            return None;
        }
        // SAFETY: the block lies inside the map; the kernel does not touch it until `release` gives it back, which
        // needs `&mut self` and so ends this borrow.
        Some(unsafe {
            std::slice::from_raw_parts_mut(self.base.add(self.current * self.block_bytes), self.block_bytes)
        })
    }

    /// Gives the current block back and goes to the next.
    pub fn release(&mut self) {
        // Release: our reads and writes of the block are done before the kernel sees the status.
        self.status().store(0, Ordering::Release);
        self.current = (self.current + 1) % self.blocks;
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        // SAFETY: the map was made by `map` with this length and is not used after.
        unsafe { libc::munmap(self.base.cast(), self.block_bytes * self.blocks) };
    }
}
