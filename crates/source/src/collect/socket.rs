//! The system calls of a datagram socket that takes many datagrams at once and knows what the kernel dropped. Knows no payload.
#![allow(unsafe_code)] // System calls: the standard library has neither recvmmsg nor control messages.

use super::frames::HEADERS_BYTES;
use crate::wait::wait_readable;
use record::Timestamp;
use std::io;
use std::mem::{size_of, zeroed};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::os::fd::{AsRawFd, RawFd};
use std::ptr;

/// Datagrams taken with one call.
pub(crate) const DATAGRAMS_MAX: usize = 128;
/// Room for one datagram with the headers that are written before it: the longest there is.
pub(crate) const SLOT_BYTES: usize = 65_600;
/// Room for the control messages of one datagram: a time and a counter.
const CONTROL_BYTES: usize = 96;

/// One datagram that was taken: where it lies in the buffer, who sent it and when.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Taken {
    pub from: SocketAddr,
    /// Kernel's time, None when it gave none.
    pub at: Option<Timestamp>,
    pub bytes: usize,
    /// It was longer than its place.
    pub is_cut: bool,
}

/// Control messages, aligned as the kernel writes them.
#[derive(Clone, Copy)]
#[repr(C, align(8))]
struct Control([u8; CONTROL_BYTES]);

/// A bound socket with the places that the kernel fills.
pub(crate) struct ExportSocket {
    socket: UdpSocket,
    pub(crate) local: SocketAddr,
    /// Receive buffer that the kernel granted, bytes.
    pub(crate) granted_bytes: u32,
    /// Datagrams dropped by the kernel since the socket was made, as it last said.
    pub(crate) kernel_drops: u32,
}

impl ExportSocket {
    /// Binds; asks for the receive buffer, for times and for the count of drops.
    pub(crate) fn bind(address: SocketAddr, receive_buffer_bytes: u32) -> io::Result<Self> {
        let socket = if address.is_ipv6() { bind_v6_only(address)? } else { UdpSocket::bind(address)? };
        socket.set_nonblocking(true)?;
        let fd = socket.as_raw_fd();
        let wanted = i32::try_from(receive_buffer_bytes).unwrap_or(i32::MAX);
        // Beyond the system's limit only with the right to administer the network; without it the limit is what is granted.
        if set(fd, libc::SO_RCVBUFFORCE, wanted).is_err() {
            set(fd, libc::SO_RCVBUF, wanted)?;
        }
        set(fd, libc::SO_TIMESTAMPNS, 1)?;
        set(fd, libc::SO_RXQ_OVFL, 1)?;
        let local = socket.local_addr()?;
        // The kernel doubles what it is asked for, to account for its own structures.
        let granted_bytes = get(fd, libc::SO_RCVBUF)? / 2;
        Ok(Self { socket, local, granted_bytes, kernel_drops: 0 })
    }

    pub(crate) fn fd(&self) -> RawFd {
        self.socket.as_raw_fd()
    }

    /// Takes what is there into `buffer`, one slot a datagram, each `HEADERS_BYTES` behind its slot's start. Empty when nothing is.
    pub(crate) fn take(&mut self, buffer: &mut [u8], taken: &mut Vec<Taken>) -> io::Result<()> {
        taken.clear();
        let count = (buffer.len() / SLOT_BYTES).min(DATAGRAMS_MAX);
        // SAFETY: these are plain old data; all zero is a valid value of each.
        let (mut names, mut vectors, mut messages) = unsafe {
            (
                [zeroed::<libc::sockaddr_storage>(); DATAGRAMS_MAX],
                [zeroed::<libc::iovec>(); DATAGRAMS_MAX],
                [zeroed::<libc::mmsghdr>(); DATAGRAMS_MAX],
            )
        };
        let mut controls = [Control([0; CONTROL_BYTES]); DATAGRAMS_MAX];
        for (at, slot) in buffer.chunks_exact_mut(SLOT_BYTES).take(count).enumerate() {
            let room = &mut slot[HEADERS_BYTES..];
            vectors[at] = libc::iovec { iov_base: room.as_mut_ptr().cast(), iov_len: room.len() };
            let header = &mut messages[at].msg_hdr;
            header.msg_name = ptr::from_mut(&mut names[at]).cast();
            header.msg_namelen = size_of::<libc::sockaddr_storage>() as libc::socklen_t;
            header.msg_iov = ptr::from_mut(&mut vectors[at]);
            header.msg_iovlen = 1;
            header.msg_control = controls[at].0.as_mut_ptr().cast();
            header.msg_controllen = CONTROL_BYTES as _;
        }
        // SAFETY: each header points to a name, a vector with its room, and control bytes that live through the call.
        let got = unsafe {
            libc::recvmmsg(self.fd(), messages.as_mut_ptr(), count as u32, libc::MSG_DONTWAIT, ptr::null_mut())
        };
        if got < 0 {
            let error = io::Error::last_os_error();
            let waits = matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted);
            // A port that an earlier answer found closed is no failure of this socket.
            let harmless = waits || error.kind() == io::ErrorKind::ConnectionRefused;
            return if harmless { Ok(()) } else { Err(error) };
        }
        for (at, message) in messages.iter().enumerate().take(got as usize) {
            let (time, drops) = control(&message.msg_hdr);
            self.kernel_drops = drops.unwrap_or(self.kernel_drops);
            let Some(from) = address(&names[at]) else { continue };
            let is_cut = message.msg_hdr.msg_flags & libc::MSG_TRUNC != 0;
            taken.push(Taken { from, at: time, bytes: message.msg_len as usize, is_cut });
        }
        Ok(())
    }
}

/// Waits until one of the sockets has something, or for so long.
pub(crate) fn wait(sockets: &[ExportSocket], timeout_ms: i32) -> io::Result<()> {
    let descriptors: Vec<_> = sockets.iter().map(ExportSocket::fd).collect();
    wait_readable(&descriptors, timeout_ms).map(drop)
}

/// An IPv6 socket that leaves IPv4 to another one.
fn bind_v6_only(address: SocketAddr) -> io::Result<UdpSocket> {
    use std::os::fd::{FromRawFd, OwnedFd};
    let SocketAddr::V6(v6) = address else { return UdpSocket::bind(address) };
    // SAFETY: socket() takes plain numbers and touches no memory of ours.
    let fd = unsafe { libc::socket(libc::AF_INET6, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC, 0) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: fd was just returned by the kernel and nobody else owns it.
    let owned = unsafe { OwnedFd::from_raw_fd(fd) };
    set_at(fd, libc::IPPROTO_IPV6, libc::IPV6_V6ONLY, 1)?;
    // SAFETY: sockaddr_in6 is plain old data; all zero is a valid value.
    let mut name: libc::sockaddr_in6 = unsafe { zeroed() };
    name.sin6_family = libc::AF_INET6 as u16;
    name.sin6_port = v6.port().to_be();
    name.sin6_addr.s6_addr = v6.ip().octets();
    name.sin6_scope_id = v6.scope_id();
    let length = size_of::<libc::sockaddr_in6>() as libc::socklen_t;
    // SAFETY: the pointer and the length describe `name`, which lives through the call.
    if unsafe { libc::bind(fd, ptr::from_ref(&name).cast(), length) } < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(UdpSocket::from(owned))
}

fn set(fd: RawFd, option: i32, value: i32) -> io::Result<()> {
    set_at(fd, libc::SOL_SOCKET, option, value)
}

fn set_at(fd: RawFd, level: i32, option: i32, value: i32) -> io::Result<()> {
    // SAFETY: the pointer and the length describe `value`, which lives through the call.
    let result = unsafe {
        libc::setsockopt(fd, level, option, ptr::from_ref(&value).cast(), size_of::<i32>() as libc::socklen_t)
    };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

fn get(fd: RawFd, option: i32) -> io::Result<u32> {
    let (mut value, mut length) = (0_i32, size_of::<i32>() as libc::socklen_t);
    // SAFETY: the kernel writes at most `length` bytes, which is the size of `value`.
    let result = unsafe {
        libc::getsockopt(fd, libc::SOL_SOCKET, option, ptr::from_mut(&mut value).cast(), ptr::from_mut(&mut length))
    };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(value.max(0) as u32) }
}

/// The kernel's time and its count of drops, where they are there.
fn control(header: &libc::msghdr) -> (Option<Timestamp>, Option<u32>) {
    let (mut time, mut drops) = (None, None);
    // SAFETY: the header was filled by recvmmsg; its control bytes live as long as the caller's array.
    let mut message = unsafe { libc::CMSG_FIRSTHDR(header) };
    while !message.is_null() {
        // SAFETY: a non-null message lies whole inside the control bytes.
        let (level, kind, data) = unsafe { ((*message).cmsg_level, (*message).cmsg_type, libc::CMSG_DATA(message)) };
        if level == libc::SOL_SOCKET && kind == libc::SCM_TIMESTAMPNS {
            // SAFETY: a message of this kind holds a timespec.
            let spec = unsafe { ptr::read_unaligned(data.cast::<libc::timespec>()) };
            time = Some(Timestamp::from_parts(spec.tv_sec, spec.tv_nsec));
        } else if level == libc::SOL_SOCKET && kind == libc::SO_RXQ_OVFL {
            // SAFETY: a message of this kind holds a 32-bit count.
            drops = Some(unsafe { ptr::read_unaligned(data.cast::<u32>()) });
        }
        // SAFETY: both lie inside the same control bytes.
        message = unsafe { libc::CMSG_NXTHDR(header, message) };
    }
    (time, drops)
}

fn address(name: &libc::sockaddr_storage) -> Option<SocketAddr> {
    match i32::from(name.ss_family) {
        libc::AF_INET => {
            // SAFETY: this family means that a whole sockaddr_in is there, and the storage is larger.
            let v4 = unsafe { ptr::read_unaligned(ptr::from_ref(name).cast::<libc::sockaddr_in>()) };
            let ip = Ipv4Addr::from(u32::from_be(v4.sin_addr.s_addr));
            Some(SocketAddr::new(IpAddr::V4(ip), u16::from_be(v4.sin_port)))
        }
        libc::AF_INET6 => {
            // SAFETY: this family means that a whole sockaddr_in6 is there, and the storage is larger.
            let v6 = unsafe { ptr::read_unaligned(ptr::from_ref(name).cast::<libc::sockaddr_in6>()) };
            Some(SocketAddr::new(IpAddr::V6(Ipv6Addr::from(v6.sin6_addr.s6_addr)), u16::from_be(v6.sin6_port)))
        }
        _ => None,
    }
}
