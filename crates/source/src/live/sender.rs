//! Sends frames on an interface, for `simulate` and for tests. Knows no protocol.
#![allow(unsafe_code)] // sendmmsg takes arrays of pointers; no safe form exists for packet sockets.

use super::system::{PacketSocket, list_interfaces};
use crate::SourceError;
use std::io;
use std::ptr;

/// Frames handed to the kernel in one call.
const BATCH: usize = 64;
/// Waits for room in the device's queue before giving up, each 10 ms.
const WAITS_MAX: u32 = 500;

/// A socket that sends whole frames.
#[derive(Debug)]
pub struct FrameSender {
    socket: PacketSocket,
    interface: String,
}

impl FrameSender {
    /// On `interface`, which must be up.
    ///
    /// # Errors
    /// No right, no such interface.
    pub fn open(interface: &str) -> Result<Self, SourceError> {
        let all = list_interfaces().map_err(|e| SourceError::Host { what: "the interfaces", reason: e.to_string() })?;
        let Some(found) = all.iter().find(|known| known.name == interface) else {
            let existing = all.iter().map(|known| known.name.as_str()).collect::<Vec<_>>().join(", ");
            return Err(SourceError::NoSuchInterface { name: interface.to_owned(), existing });
        };
        let failed = |source: io::Error| match source.raw_os_error() {
            Some(libc::EPERM | libc::EACCES) => super::open::no_right(interface),
            _ => SourceError::Live {
                interface: interface.to_owned(),
                what: "opening for sending",
                source,
                advice: "is it up?",
            },
        };
        let socket = PacketSocket::open(true).map_err(failed)?;
        // Past the queueing discipline: what is handed over is on the device, or refused.
        socket.set(libc::SOL_PACKET, libc::PACKET_QDISC_BYPASS, &1u32).map_err(failed)?;
        socket.bind(found.index, 0).map_err(failed)?;
        Ok(Self { socket, interface: interface.to_owned() })
    }

    /// Sends all frames, waiting when the device's queue is full.
    ///
    /// # Errors
    /// The interface went down, or a frame does not fit it; frames before were sent.
    pub fn send(&self, frames: &[&[u8]]) -> Result<(), SourceError> {
        for batch in frames.chunks(BATCH) {
            self.send_batch(batch).map_err(|source| SourceError::Live {
                interface: self.interface.clone(),
                what: "sending frames",
                source,
                advice: "is it up, and is no frame longer than its MTU?",
            })?;
        }
        Ok(())
    }

    fn send_batch(&self, frames: &[&[u8]]) -> io::Result<()> {
        let empty = libc::iovec { iov_base: ptr::null_mut(), iov_len: 0 };
        let mut parts = [empty; BATCH];
        for (part, frame) in parts.iter_mut().zip(frames) {
            *part = libc::iovec { iov_base: frame.as_ptr().cast_mut().cast(), iov_len: frame.len() };
        }
        // SAFETY: mmsghdr is plain old data; all zero means no address, no data, no flags.
        let mut messages: [libc::mmsghdr; BATCH] = unsafe { std::mem::zeroed() };
        for (message, part) in messages.iter_mut().zip(&mut parts) {
            message.msg_hdr.msg_iov = ptr::from_mut(part);
            message.msg_hdr.msg_iovlen = 1;
        }
        let (mut sent, mut waits) = (0, 0);
        while sent < frames.len() {
            let left = &mut messages[sent..frames.len()];
            // SAFETY: `left` and the parts and frames that it points to outlive the call; the kernel only reads frames.
            let count = unsafe { libc::sendmmsg(self.socket.fd(), left.as_mut_ptr(), left.len() as u32, 0) };
            if count > 0 {
                sent += count as usize;
                continue;
            }
            let error = io::Error::last_os_error();
            match error.raw_os_error() {
                Some(libc::EINTR) => {}
                Some(libc::ENOBUFS | libc::EAGAIN) if waits < WAITS_MAX => {
                    waits += 1;
                    self.socket.wait(libc::POLLOUT, 10)?;
                }
                _ => return Err(error),
            }
        }
        Ok(())
    }
}
