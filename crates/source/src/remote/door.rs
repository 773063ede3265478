//! The door of captures by TCP: listeners, who may come in, and which seat a connection gets. Owns these and what was refused; whoever
//! has a seat looks at the door now and then, so that it needs no thread. Reads no byte of a connection.

use super::settings::RemoteSettings;
use crate::SourceError;
use crate::tls::{self, Identity};
use record::{Counters, IpAddr16, Prefix};
use rustls::ServerConfig;
use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsRawFd, RawFd};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Time between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// Connections taken in one look, so that a stranger who hammers does not keep a seat from its packets.
const ACCEPTED_MAX: usize = 32;

struct Listener {
    socket: TcpListener,
    tls: Option<Arc<ServerConfig>>,
}

/// A connection that was let in.
pub(super) struct Arrival {
    pub(super) stream: TcpStream,
    pub(super) peer: SocketAddr,
    pub(super) tls: Option<Arc<ServerConfig>>,
}

#[derive(Default)]
struct Seat {
    /// Whose it was last.
    peer: Option<IpAddr>,
    taken: bool,
    left: Option<Instant>,
    arrival: Option<Arrival>,
}

struct Inner {
    seats: Vec<Seat>,
    looked: Option<Instant>,
    counts: Counters,
}

/// See the module.
pub(super) struct Door {
    listeners: Vec<Listener>,
    allow: Vec<Prefix>,
    inner: Mutex<Inner>,
}

impl Door {
    /// Binds every address of the settings.
    pub(super) fn open(settings: &RemoteSettings) -> Result<Self, SourceError> {
        settings.check()?;
        let [plain, with_tls] = settings.addresses()?;
        let config = if with_tls.is_empty() { None } else { Some(tls_config(settings)?) };
        let plain = plain.iter().map(|at| (at, None));
        let listeners = plain
            .chain(with_tls.iter().map(|at| (at, config.clone())))
            .map(|(at, tls)| {
                let socket = TcpListener::bind(at).and_then(|socket| socket.set_nonblocking(true).map(|()| socket));
                let socket = socket.map_err(|error| SourceError::RemoteListener {
                    address: at.to_string(),
                    what: format!("{error}; choose another address or port in pcap.listen, or end what uses it"),
                })?;
                Ok(Listener { socket, tls })
            })
            .collect::<Result<Vec<_>, SourceError>>()?;
        let seats = (0..settings.connections_max).map(|_| Seat::default()).collect();
        let inner = Mutex::new(Inner { seats, looked: None, counts: Counters::default() });
        Ok(Self { listeners, allow: settings.allowed()?, inner })
    }

    /// Where captures are waited for: transport and address.
    pub(super) fn listens_at(&self) -> Vec<String> {
        let name = |listener: &Listener| {
            let at = listener.socket.local_addr().ok()?;
            Some(format!("{} {at}", if listener.tls.is_some() { "tls" } else { "tcp" }))
        };
        self.listeners.iter().filter_map(name).collect()
    }

    /// What to wait for.
    pub(super) fn descriptors(&self) -> impl Iterator<Item = RawFd> {
        self.listeners.iter().map(|listener| listener.socket.as_raw_fd())
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets in who has come; who is `busy` leaves that to others where somebody has just looked.
    pub(super) fn look(&self, busy: bool) {
        let mut inner = self.lock();
        if busy && inner.looked.is_some_and(|looked| looked.elapsed() < LOOK_EVERY) {
            return;
        }
        inner.looked = Some(Instant::now());
        for listener in &self.listeners {
            for _ in 0..ACCEPTED_MAX {
                let (stream, peer) = match listener.socket.accept() {
                    Ok(accepted) => accepted,
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                    Err(_) => {
                        // Out of descriptors, mostly: whoever waits would be woken again at once.
                        std::thread::sleep(LOOK_EVERY);
                        break;
                    }
                };
                let address = peer.ip().to_canonical();
                if !self.may_come(address) {
                    inner.counts.add("sender_not_allowed", 1);
                    continue;
                }
                let Some(seat) = choose(&mut inner.seats, address) else {
                    inner.counts.add("sender_without_seat", 1);
                    continue;
                };
                (seat.peer, seat.taken) = (Some(address), true);
                seat.arrival = Some(Arrival { stream, peer, tls: listener.tls.clone() });
            }
        }
    }

    fn may_come(&self, address: IpAddr) -> bool {
        let source = IpAddr16::from(address);
        self.allow.is_empty() || self.allow.iter().any(|network| network.contains(source))
    }

    /// The connection that waits for this seat.
    pub(super) fn arrival(&self, seat: usize) -> Option<Arrival> {
        self.lock().seats.get_mut(seat)?.arrival.take()
    }

    /// The connection of this seat has ended; `reason` is counted.
    pub(super) fn left(&self, seat: usize, reason: Option<&'static str>) {
        let mut inner = self.lock();
        if let Some(seat) = inner.seats.get_mut(seat) {
            (seat.taken, seat.left) = (false, Some(Instant::now()));
        }
        if let Some(reason) = reason {
            inner.counts.add(reason, 1);
        }
    }

    /// Connections refused or ended badly, by reason.
    pub(super) fn counts(&self) -> Counters {
        self.lock().counts.clone()
    }
}

/// The seat that this sender had, else one that nobody had, else the one that was left longest ago.
fn choose(seats: &mut [Seat], peer: IpAddr) -> Option<&mut Seat> {
    let free = seats.iter_mut().filter(|seat| !seat.taken);
    free.min_by_key(|seat| (seat.peer != Some(peer), seat.peer.is_some(), seat.left))
}

fn tls_config(settings: &RemoteSettings) -> Result<Arc<ServerConfig>, SourceError> {
    let ca = &settings.tls_client_ca;
    let identity = Identity {
        certificate: &settings.tls_certificate,
        key: &settings.tls_key,
        client_ca: (!ca.as_os_str().is_empty()).then_some(ca.as_path()),
    };
    let refused = |path: &Path, what: String| SourceError::RemoteListener { address: path.display().to_string(), what };
    tls::server(&identity, &refused)
}

/// Lets the kernel find out that the other machine is gone: a quiet network is no sign of it, for packets come when they come.
#[allow(unsafe_code)] // setsockopt takes a pointer; the standard library has no keep-alive.
pub(super) fn keep_alive(stream: &TcpStream) -> io::Result<()> {
    let options = [
        (libc::SOL_SOCKET, libc::SO_KEEPALIVE, 1),
        (libc::IPPROTO_TCP, libc::TCP_KEEPIDLE, 60),
        (libc::IPPROTO_TCP, libc::TCP_KEEPINTVL, 15),
        (libc::IPPROTO_TCP, libc::TCP_KEEPCNT, 4),
    ];
    for (level, name, value) in options {
        let value: libc::c_int = value;
        let bytes = size_of::<libc::c_int>() as libc::socklen_t;
        // SAFETY: the pointer and the length describe `value`, which lives through the call.
        let done = unsafe { libc::setsockopt(stream.as_raw_fd(), level, name, (&raw const value).cast(), bytes) };
        if done != 0 {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn peer(n: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, n])
    }

    #[test]
    fn a_sender_that_comes_again_gets_its_seat_and_a_new_one_the_longest_empty() {
        let mut seats: Vec<Seat> = (0..2).map(|_| Seat::default()).collect();
        let mut sit = |n: u8| {
            let at = choose(&mut seats, peer(n)).map(|seat| {
                (seat.peer, seat.taken) = (Some(peer(n)), true);
            });
            at.and(seats.iter().position(|seat| seat.peer == Some(peer(n))))
        };
        assert_eq!((sit(1), sit(2), sit(3)), (Some(0), Some(1), None));
        let early = Instant::now();
        for (seat, left) in seats.iter_mut().zip([early + Duration::from_secs(9), early]) {
            (seat.taken, seat.left) = (false, Some(left));
        }
        let again = choose(&mut seats, peer(1)).unwrap();
        assert_eq!(again.peer, Some(peer(1)));
        assert_eq!(choose(&mut seats, peer(3)).unwrap().peer, Some(peer(2)), "the other was left later");
    }
}
