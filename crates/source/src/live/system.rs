//! The system calls of packet sockets and interface lists, each behind a safe function. Knows no ring layout.
#![allow(unsafe_code)] // System calls: libc has no safe form of packet sockets, and no kept crate offers them all.

use std::ffi::CStr;
use std::io;
use std::mem::{MaybeUninit, size_of};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::ptr;

/// Lets the calling thread step back behind the others of this program, by so many steps of nice (1 to 19). A refusal changes nothing
/// that matters.
pub fn lower_thread_priority(steps: i32) {
    // SAFETY: both take plain numbers; on Linux, who = 0 is the calling thread alone.
    let _ = unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, libc::getpriority(libc::PRIO_PROCESS, 0) + steps) };
}

/// A raw packet socket.
#[derive(Debug)]
pub struct PacketSocket(OwnedFd);

impl PacketSocket {
    /// Opens one that gets nothing until it is bound. `raw` frames start at the link header, others at the network's.
    pub fn open(raw: bool) -> io::Result<Self> {
        let kind = if raw { libc::SOCK_RAW } else { libc::SOCK_DGRAM };
        // SAFETY: socket() takes plain numbers and touches no memory of ours.
        let fd = unsafe { libc::socket(libc::AF_PACKET, kind | libc::SOCK_CLOEXEC, 0) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: fd was just returned by the kernel and nobody else owns it.
        Ok(Self(unsafe { OwnedFd::from_raw_fd(fd) }))
    }

    /// The descriptor, for mapping and polling.
    pub fn fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }

    /// Sets an option from a plain value.
    pub fn set<T: Copy>(&self, level: i32, option: i32, value: &T) -> io::Result<()> {
        // SAFETY: the pointer and the length describe exactly `value`, which lives through the call.
        let result = unsafe {
            libc::setsockopt(self.fd(), level, option, ptr::from_ref(value).cast(), size_of::<T>() as libc::socklen_t)
        };
        check(result)
    }

    /// Reads a whole number option, or an array of them.
    pub fn get<const N: usize>(&self, level: i32, option: i32) -> io::Result<[u32; N]> {
        let mut value = [0u32; N];
        let mut length = (N * 4) as libc::socklen_t;
        // SAFETY: the kernel writes at most `length` bytes, which is the size of `value`; any bytes are valid u32.
        let result = unsafe {
            libc::getsockopt(self.fd(), level, option, value.as_mut_ptr().cast(), ptr::from_mut(&mut length))
        };
        check(result).map(|()| value)
    }

    /// Attaches a classic BPF program, replacing the one before at once.
    pub fn attach(&self, program: &[libc::sock_filter]) -> io::Result<()> {
        let len = u16::try_from(program.len()).map_err(|_| io::Error::other("the filter is too long"))?;
        // The kernel copies the program and does not write to it.
        let wanted = libc::sock_fprog { len, filter: program.as_ptr().cast_mut() };
        self.set(libc::SOL_SOCKET, libc::SO_ATTACH_FILTER, &wanted)
    }

    /// Starts delivery of every protocol from one interface; `protocol` 0 binds for sending only.
    pub fn bind(&self, index: u32, protocol: u16) -> io::Result<()> {
        // SAFETY: sockaddr_ll is plain old data; all zero is a valid value.
        let mut address: libc::sockaddr_ll = unsafe { MaybeUninit::zeroed().assume_init() };
        address.sll_family = libc::AF_PACKET as u16;
        address.sll_protocol = protocol.to_be();
        address.sll_ifindex = index as i32;
        let length = size_of::<libc::sockaddr_ll>() as libc::socklen_t;
        // SAFETY: the pointer and the length describe `address`, which lives through the call.
        check(unsafe { libc::bind(self.fd(), ptr::from_ref(&address).cast(), length) })
    }

    /// Waits for data, an error or the time-out. True when the socket reports an error.
    pub fn wait(&self, events: i16, timeout_ms: i32) -> io::Result<bool> {
        let mut poll = libc::pollfd { fd: self.fd(), events, revents: 0 };
        // SAFETY: one pollfd, which lives through the call.
        let ready = unsafe { libc::poll(ptr::from_mut(&mut poll), 1, timeout_ms) };
        if ready < 0 {
            let error = io::Error::last_os_error();
            return if error.kind() == io::ErrorKind::Interrupted { Ok(false) } else { Err(error) };
        }
        Ok(poll.revents & (libc::POLLERR | libc::POLLHUP | libc::POLLNVAL) != 0)
    }
}

fn check(result: i32) -> io::Result<()> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// What the kernel says of one interface.
#[derive(Clone, Debug, Default)]
pub struct RawInterface {
    /// Name.
    pub name: String,
    /// Index.
    pub index: u32,
    /// IFF_* flags.
    pub flags: u32,
    /// ARPHRD_* number.
    pub hardware_type: u16,
    /// Link address, when it has six bytes.
    pub mac: [u8; 6],
    /// Addresses and prefix lengths.
    pub addresses: Vec<(IpAddr, u8)>,
}

/// All interfaces of this thread's network namespace.
pub fn list_interfaces() -> io::Result<Vec<RawInterface>> {
    let mut first: *mut libc::ifaddrs = ptr::null_mut();
    // SAFETY: getifaddrs writes one pointer, which we free below exactly once.
    check(unsafe { libc::getifaddrs(ptr::from_mut(&mut first)) })?;
    let mut found: Vec<RawInterface> = Vec::new();
    let mut next = first;
    while !next.is_null() {
        // SAFETY: `next` is a node of the list that getifaddrs made; it is not freed before the end of this function.
        let entry = unsafe { &*next };
        next = entry.ifa_next;
        // SAFETY: ifa_name of a list node is a C string that lives as long as the list.
        let name = unsafe { CStr::from_ptr(entry.ifa_name) }.to_string_lossy().into_owned();
        let place = found.iter().position(|known| known.name == name).unwrap_or_else(|| {
            found.push(RawInterface { name, ..RawInterface::default() });
            found.len() - 1
        });
        found[place].flags = entry.ifa_flags;
        note_address(&mut found[place], entry);
    }
    // SAFETY: `first` came from getifaddrs and nothing refers to the list any more.
    unsafe { libc::freeifaddrs(first) };
    found.retain(|interface| interface.index != 0);
    Ok(found)
}

fn note_address(interface: &mut RawInterface, entry: &libc::ifaddrs) {
    if entry.ifa_addr.is_null() {
        return;
    }
    // SAFETY: a non-null ifa_addr starts with the family.
    let family = i32::from(unsafe { ptr::read_unaligned(entry.ifa_addr) }.sa_family);
    if family == libc::AF_PACKET {
        // SAFETY: family AF_PACKET means that a whole sockaddr_ll is there.
        let link = unsafe { ptr::read_unaligned(entry.ifa_addr.cast::<libc::sockaddr_ll>()) };
        interface.index = link.sll_ifindex as u32;
        interface.hardware_type = link.sll_hatype;
        if link.sll_halen == 6 {
            interface.mac.copy_from_slice(&link.sll_addr[..6]);
        }
    }
    if let Some(address) = ip_of(entry.ifa_addr) {
        let bits = ip_of(entry.ifa_netmask).map_or(0, |mask| match mask {
            IpAddr::V4(m) => m.to_bits().count_ones(),
            IpAddr::V6(m) => m.to_bits().count_ones(),
        });
        interface.addresses.push((address, bits as u8));
    }
}

fn ip_of(address: *const libc::sockaddr) -> Option<IpAddr> {
    if address.is_null() {
        return None;
    }
    // SAFETY: callers pass addresses of a getifaddrs list; non-null ones start with the family.
    match i32::from(unsafe { ptr::read_unaligned(address) }.sa_family) {
        libc::AF_INET => {
            // SAFETY: family AF_INET means that a whole sockaddr_in is there.
            let v4 = unsafe { ptr::read_unaligned(address.cast::<libc::sockaddr_in>()) };
            Some(IpAddr::V4(Ipv4Addr::from(u32::from_be(v4.sin_addr.s_addr))))
        }
        libc::AF_INET6 => {
            // SAFETY: family AF_INET6 means that a whole sockaddr_in6 is there.
            let v6 = unsafe { ptr::read_unaligned(address.cast::<libc::sockaddr_in6>()) };
            Some(IpAddr::V6(Ipv6Addr::from(v6.sin6_addr.s6_addr)))
        }
        _ => None,
    }
}
