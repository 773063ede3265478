//! Waiting for one of several descriptors, which the standard library cannot. Knows nothing of what they are.

use std::io;
use std::os::fd::RawFd;

/// Waits until one of them can be read, has ended or failed (true), or for so long (false).
#[allow(unsafe_code)] // poll takes a pointer to its array.
pub(crate) fn wait_readable(descriptors: &[RawFd], timeout_ms: i32) -> io::Result<bool> {
    let poll = |fd: &RawFd| libc::pollfd { fd: *fd, events: libc::POLLIN, revents: 0 };
    let mut polls: Vec<libc::pollfd> = descriptors.iter().map(poll).collect();
    // SAFETY: the pointer and the count describe `polls`, which lives through the call.
    let ready = unsafe { libc::poll(polls.as_mut_ptr(), polls.len() as libc::nfds_t, timeout_ms) };
    if ready >= 0 {
        return Ok(ready > 0);
    }
    let error = io::Error::last_os_error();
    if error.kind() == io::ErrorKind::Interrupted { Ok(false) } else { Err(error) }
}
