//! One reading of the host's sockets after another, with all that is needed to understand it: holders, users, addresses. Owns how
//! often each is asked; the book that takes the readings is the caller's, so that others can look into it between two readings.

use super::book::{SocketBook, Surroundings};
use super::interfaces::interfaces;
use super::owners::Owners;
use super::sockets::{RawSocket, handed_out_ports, read_sockets};
use super::users::Users;
use crate::SourceError;
use record::{IpAddr16, SocketEvent, Timestamp};

/// Readings between two looks at the machine's addresses.
const ADDRESSES_EVERY: u32 = 10;

/// The reader.
#[derive(Default)]
pub struct SocketReader {
    owners: Owners,
    users: Users,
    readings: u32,
    newest: Vec<RawSocket>,
    surroundings: Option<Surroundings>,
    left_out: u64,
}

impl SocketReader {
    /// Asks the kernel. Takes some milliseconds; nothing is changed that others see.
    ///
    /// # Errors
    /// /proc is not readable.
    pub fn read(&mut self) -> Result<(), SourceError> {
        let (sockets, over) = read_sockets()?;
        self.left_out += over;
        self.owners.update(&sockets);
        self.users.refresh();
        self.newest = sockets;
        if self.readings.is_multiple_of(ADDRESSES_EVERY) {
            self.surroundings = Some(surroundings()?);
        }
        self.readings = self.readings.wrapping_add(1);
        Ok(())
    }

    /// Writes what was read into the book, as of `now`; what changed.
    pub fn enter(&mut self, book: &mut SocketBook, now: Timestamp) -> Vec<SocketEvent> {
        if let Some(surroundings) = self.surroundings.take() {
            book.set_surroundings(surroundings);
        }
        book.take(&self.newest, &self.owners, &self.users, now)
    }

    /// Sockets left out because a reading had too many.
    #[must_use]
    pub const fn left_out(&self) -> u64 {
        self.left_out
    }

    /// Looks through all processes so far: the expensive part.
    #[must_use]
    pub const fn looks(&self) -> u64 {
        self.owners.looks()
    }
}

fn surroundings() -> Result<Surroundings, SourceError> {
    let interfaces = interfaces()?;
    let link_local = |ip: std::net::IpAddr| match ip {
        std::net::IpAddr::V4(ip) => ip.is_link_local(),
        std::net::IpAddr::V6(ip) => ip.is_unicast_link_local(),
    };
    // The interface of the default route comes first.
    let main = interfaces
        .iter()
        .filter(|interface| !interface.loopback && interface.up)
        .flat_map(|interface| &interface.addresses)
        .map(|(ip, _)| *ip)
        .find(|ip| !link_local(*ip));
    let addresses = interfaces.iter().flat_map(|i| &i.addresses).map(|(ip, _)| IpAddr16::from(*ip)).collect();
    Ok(Surroundings { addresses, main: main.map(IpAddr16::from), handed_out: handed_out_ports() })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_listener_of_ours_comes_and_goes() {
        let (mut reader, mut book) = (SocketReader::default(), SocketBook::default());
        reader.read().unwrap();
        reader.enter(&mut book, Timestamp::from_parts(1, 0));
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let ours =
            |events: Vec<SocketEvent>| events.into_iter().find(|e| e.local.port == address.port() && e.listening);
        reader.read().unwrap();
        let opened = ours(reader.enter(&mut book, Timestamp::from_parts(2, 0))).unwrap();
        assert!(opened.is_loopback() && !opened.first_reading && opened.change == record::SocketChange::Opened);
        assert_eq!(opened.owner.process().unwrap().pid, std::process::id());
        drop(listener);
        reader.read().unwrap();
        let closed = ours(reader.enter(&mut book, Timestamp::from_parts(3, 0))).unwrap();
        assert_eq!((closed.change, closed.since), (record::SocketChange::Closed, Timestamp::from_parts(2, 0)));
    }
}
