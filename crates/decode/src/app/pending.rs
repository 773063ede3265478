//! ClientHellos that go on in the next packet: a bounded table with one place a hash, newest wins.
//! Owns putting bytes together by offset; knows neither TLS nor QUIC.

use crate::config::DecodeConfig;
use record::{FlowKey, PacketMeta};

/// Packets after which a hello that is still not whole is read as far as it is there.
pub(crate) const PACKETS_MAX: u8 = 10;
/// Separate pieces remembered of one hello; clients that shuffle send about a dozen.
const PIECES_MAX: usize = 64;

/// Bytes put together by offset.
#[derive(Clone, Debug, Default)]
pub struct Assembly {
    bytes: Vec<u8>,
    /// Ranges that are there, sorted, not touching.
    have: Vec<(u32, u32)>,
}

impl Assembly {
    /// Adds `data` at `offset`; what lies beyond `bytes_max` or is one piece too many is left out.
    pub(crate) fn insert(&mut self, offset: u64, data: &[u8], bytes_max: usize) {
        let Ok(start) = usize::try_from(offset) else { return };
        if start >= bytes_max || data.is_empty() || self.have.len() >= PIECES_MAX {
            return;
        }
        let data = &data[..data.len().min(bytes_max - start)];
        let end = start + data.len();
        // In order, as segments nearly always come: the last range goes on.
        if start == self.bytes.len() && self.have.last().is_none_or(|last| last.1 as usize == start) {
            self.bytes.extend_from_slice(data);
            match self.have.last_mut() {
                Some(last) => last.1 = end as u32,
                None => self.have.push((start as u32, end as u32)),
            }
            return;
        }
        if self.bytes.len() < end {
            self.bytes.resize(end, 0);
        }
        self.bytes[start..end].copy_from_slice(data);
        self.have.push((start as u32, end as u32));
        self.have.sort_unstable();
        let mut joined: Vec<(u32, u32)> = Vec::with_capacity(self.have.len());
        for &(from, to) in &self.have {
            match joined.last_mut() {
                Some(last) if from <= last.1 => last.1 = last.1.max(to),
                _ => joined.push((from, to)),
            }
        }
        self.have = joined;
    }

    /// The bytes from the start up to the first gap.
    pub(crate) fn prefix(&self) -> &[u8] {
        match self.have.first() {
            Some(&(0, end)) => &self.bytes[..end as usize],
            _ => &[],
        }
    }
}

/// One hello that is waited for.
#[derive(Clone, Debug)]
pub struct Hello {
    /// The flow.
    pub key: FlowKey,
    /// Which side sends it.
    pub from_low: bool,
    /// TCP: sequence number of its first byte.
    pub seq: u32,
    /// True for a server's flight up to its certificate.
    pub server: bool,
    /// QUIC: the connection identifier that the keys come from, and the version.
    pub quic: Option<super::quic::Connection>,
    /// Packets seen.
    pub packets: u8,
    /// Bytes so far.
    pub assembly: Assembly,
}

/// The table.
#[derive(Debug)]
pub struct Pending {
    places: Vec<Option<Box<Hello>>>,
    live: usize,
    /// Hellos that lost their place before they were whole.
    evicted: u64,
    bytes_max: usize,
    certificates: super::certificate::Read,
}

impl Pending {
    /// With the bounds of `config`.
    pub fn new(config: &DecodeConfig) -> Self {
        let places = config.hellos_pending_max.clamp(1, 65_536).next_power_of_two() as usize;
        Self {
            places: vec![None; places],
            live: 0,
            evicted: 0,
            certificates: super::certificate::Read::default(),
            bytes_max: config.hello_bytes_max.clamp(512, 1 << 20) as usize,
        }
    }

    /// Certificates read lately.
    pub(crate) fn certificates(&mut self) -> &mut super::certificate::Read {
        &mut self.certificates
    }

    /// Longest hello put together, bytes.
    pub(crate) fn bytes_max(&self) -> usize {
        self.bytes_max
    }

    fn place(&self, meta: &PacketMeta) -> usize {
        (meta.hash >> 17) as usize & (self.places.len() - 1)
    }

    /// True when this direction of this flow has a hello that is not whole.
    #[inline]
    pub(crate) fn waits_for(&self, meta: &PacketMeta) -> bool {
        self.live != 0
            && self.places[self.place(meta)]
                .as_ref()
                .is_some_and(|hello| hello.from_low == meta.from_low && hello.key == meta.key)
    }

    /// True when what is waited for in this direction is a server's flight.
    pub(crate) fn waits_for_server(&self, meta: &PacketMeta) -> bool {
        self.waits_for(meta) && self.places[self.place(meta)].as_ref().is_some_and(|hello| hello.server)
    }

    /// Takes out what waits for this packet.
    pub(crate) fn take(&mut self, meta: &PacketMeta) -> Option<Box<Hello>> {
        if !self.waits_for(meta) {
            return None;
        }
        let place = self.place(meta);
        self.live -= 1;
        self.places[place].take()
    }

    /// Hellos given up unfinished, because another one needed their place.
    pub(crate) fn evicted(&self) -> u64 {
        self.evicted
    }

    /// Puts a hello (back) in, in place of whatever was there.
    pub(crate) fn put(&mut self, meta: &PacketMeta, hello: Box<Hello>) {
        let place = self.place(meta);
        if self.places[place].replace(hello).is_none() {
            self.live += 1;
        } else {
            // The same hello was taken out before: what was here is another one.
            self.evicted += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_in_any_order_make_the_whole() {
        let mut assembly = Assembly::default();
        assembly.insert(4, b"efgh", 100);
        assert_eq!(assembly.prefix(), b"");
        assembly.insert(0, b"ab", 100);
        assert_eq!(assembly.prefix(), b"ab");
        assembly.insert(1, b"bcde", 100);
        assert_eq!(assembly.prefix(), b"abcdefgh");
    }

    #[test]
    fn the_bounds_hold() {
        let mut assembly = Assembly::default();
        assembly.insert(0, &[1; 50], 10);
        assembly.insert(u64::MAX, &[1; 50], 10);
        assert_eq!(assembly.prefix().len(), 10);
        let mut assembly = Assembly::default();
        for n in 0..10_000 {
            assembly.insert(n * 2 + 1, &[1], 1 << 20);
        }
        assert!(assembly.have.len() <= PIECES_MAX);
    }

    #[test]
    fn only_the_same_direction_of_the_same_flow_goes_on() {
        let config = DecodeConfig { hellos_pending_max: 3, ..DecodeConfig::default() };
        let mut pending = Pending::new(&config);
        let meta = PacketMeta { hash: 7, ..PacketMeta::default() };
        let hello = Hello {
            key: meta.key,
            from_low: true,
            seq: 0,
            server: false,
            quic: None,
            packets: 1,
            assembly: Assembly::default(),
        };
        pending.put(&meta, Box::new(hello));
        let back = PacketMeta { from_low: false, ..meta };
        assert!(pending.take(&back).is_none());
        assert!(pending.take(&meta).is_some());
        assert!(pending.take(&meta).is_none());
        assert_eq!(pending.evicted(), 0);
    }

    #[test]
    fn a_hello_that_loses_its_place_is_counted() {
        let mut pending = Pending::new(&DecodeConfig { hellos_pending_max: 1, ..DecodeConfig::default() });
        let hello = |meta: &PacketMeta| {
            let (key, from_low) = (meta.key, meta.from_low);
            Box::new(Hello {
                key,
                from_low,
                seq: 0,
                server: false,
                quic: None,
                packets: 1,
                assembly: Assembly::default(),
            })
        };
        let first = PacketMeta::default();
        let mut second = first;
        second.key.low.port = 443;
        pending.put(&first, hello(&first));
        pending.put(&second, hello(&second));
        assert_eq!(pending.evicted(), 1);
        assert!(!pending.waits_for(&first) && pending.waits_for(&second));
    }
}
