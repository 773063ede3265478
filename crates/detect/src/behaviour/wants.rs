//! Which observations a detector looks at, so that it is not called for the others: most look at one sort of many. Owns the sorts
//! and the routes; knows no detector.

use record::{AppData, Observation};
use std::ops::BitOr;

/// A set of sorts of observations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wants(u32);

impl Wants {
    /// First contacts.
    pub const CONTACT: Self = Self(1);
    /// Flow reports.
    pub const FLOW: Self = Self(1 << 1);
    /// ARP packets.
    pub const ARP: Self = Self(1 << 2);
    /// Seconds of interfaces.
    pub const SECOND: Self = Self(1 << 3);
    /// DNS messages.
    pub const DNS: Self = Self(1 << 4);
    /// TLS and QUIC hellos.
    pub const TLS: Self = Self(1 << 5);
    /// HTTP heads.
    pub const HTTP: Self = Self(1 << 6);
    /// DHCP messages.
    pub const DHCP: Self = Self(1 << 7);
    /// Control protocols.
    pub const CONTROL: Self = Self(1 << 8);
    /// Application messages of every other sort.
    pub const OTHER_APP: Self = Self(1 << 9);
    /// Packets of the packet level.
    pub const PACKET: Self = Self(1 << 10);
    /// Steps of log-ins in the clear, and mining.
    pub const LOGIN: Self = Self(1 << 11);
    /// Servers' certificates.
    pub const CERTIFICATE: Self = Self(1 << 12);
    /// Router advertisements.
    pub const ROUTER: Self = Self(1 << 13);
    /// Sockets of this machine.
    pub const SOCKET: Self = Self(1 << 15);
    /// Host windows, which come beside the observations.
    pub const WINDOW: Self = Self(1 << WINDOW_PLACE);
    /// Other tools' alerts.
    pub const IMPORTED: Self = Self(1 << 14);
    /// Everything.
    pub const ALL: Self = Self(((1 << SORTS) - 1) | Self::WINDOW.0);

    /// The one sort of an observation, as its place in the routes.
    #[inline]
    #[must_use]
    pub fn sort(observation: &Observation) -> usize {
        match observation {
            Observation::Contact(_) => 0,
            Observation::Flow(_) => 1,
            Observation::Arp(_) => 2,
            Observation::Second(_) => 3,
            Observation::App(event) => match event.data {
                AppData::Dns(_) => 4,
                AppData::Tls(_) => 5,
                AppData::Http(_) => 6,
                AppData::Dhcp(_) => 7,
                AppData::Control(_) => 8,
                AppData::Login(_) => 11,
                AppData::Certificate(_) => 12,
                _ => 9,
            },
            Observation::Packet(_) => 10,
            Observation::Router(_) => 13,
            Observation::Imported(_) => 14,
            Observation::Socket(_) => 15,
        }
    }

    /// True when the sort at this place is in the set.
    #[must_use]
    pub const fn has(self, sort: usize) -> bool {
        self.0 >> sort & 1 == 1
    }
}

impl BitOr for Wants {
    type Output = Self;
    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// Number of sorts.
pub(super) const SORTS: usize = 16;
/// Place of host windows, behind the sorts.
const WINDOW_PLACE: usize = SORTS;

/// Places of detectors by the sort of observation, in their order; behind them those that want windows.
#[derive(Default)]
pub(super) struct Routes([Vec<usize>; SORTS + 1]);

impl Routes {
    /// From what each detector wants.
    pub(super) fn new(wants: &[Wants]) -> Self {
        Self(std::array::from_fn(|sort| {
            wants.iter().enumerate().filter(|(_, wants)| wants.has(sort)).map(|(place, _)| place).collect()
        }))
    }

    /// Those that want this observation.
    #[inline]
    pub(super) fn of(&self, observation: &Observation) -> &[usize] {
        &self.0[Wants::sort(observation)]
    }

    /// Those that want host windows.
    pub(super) fn of_windows(&self) -> &[usize] {
        &self.0[WINDOW_PLACE]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn routes_lead_to_those_who_want_and_to_nobody_else() {
        let routes = Routes::new(&[Wants::ALL, Wants::DNS | Wants::ARP, Wants::FLOW | Wants::WINDOW]);
        let places: Vec<Vec<usize>> = routes.0.to_vec();
        assert_eq!((places[0].as_slice(), places[1].as_slice()), ([0].as_slice(), [0, 2].as_slice()));
        assert_eq!((places[2].as_slice(), places[4].as_slice()), ([0, 1].as_slice(), [0, 1].as_slice()));
        assert_eq!(routes.of_windows(), [0, 2]);
        assert!((0..SORTS).all(|sort| Wants::ALL.has(sort)));
    }
}
