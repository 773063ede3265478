//! Flow exports: one datagram of a router, switch or probe to the flows it tells. One file a format; templates, samplers and
//! sequences are kept for each exporter and source identifier, all bounded.
//!
//! Owns what the formats say. Knows no socket, file or clock: who sent a datagram and when it came are arguments. It does not
//! put the two directions of a conversation together; `flow::exported` does.

mod config;
mod domain;
mod elements;
mod held;
mod ipfix;
mod recognise;
mod sampled_packet;
mod sets;
mod sflow;
mod templates;
mod v5;
mod v9;
mod values;

pub use config::{ExportConfig, InCaptures};
pub use recognise::{PORTS as EXPORT_PORTS, is_export, reads_as_export};

use crate::config::DecodeConfig;
use domain::{Domain, DomainKey};
use held::Held;
use record::{Counters, ExportFormat, ExportedFlow, ExporterState, IpAddr16, Timestamp};
use std::collections::BTreeMap;

/// One datagram as it came.
#[derive(Clone, Copy, Debug)]
pub struct Datagram<'a> {
    /// Who sent it; all zero when that is not known (a bare dump).
    pub exporter: IpAddr16,
    /// When it came.
    pub received: Timestamp,
    /// The payload of UDP.
    pub payload: &'a [u8],
}

/// Reads datagrams of any format from any number of exporters.
#[derive(Debug)]
pub struct ExportReader {
    config: ExportConfig,
    decode: DecodeConfig,
    domains: BTreeMap<DomainKey, Domain>,
    held: Held,
    /// Counts datagrams: what was used longest ago goes first.
    tick: u64,
    evicted: Counters,
}

impl ExportReader {
    /// A reader with these bounds; `decode` bounds the headers of sampled packets.
    #[must_use]
    pub fn new(config: ExportConfig, decode: DecodeConfig) -> Self {
        let held = Held::new(&config);
        Self { config, decode, domains: BTreeMap::new(), held, tick: 0, evicted: Counters::default() }
    }

    /// Reads one datagram; appends the flows it tells. What cannot be read is counted with its exporter.
    pub fn read(&mut self, datagram: &Datagram<'_>, out: &mut Vec<ExportedFlow>) {
        self.tick += 1;
        match recognise::format_of(datagram.payload) {
            ExportFormat::NetflowV5 => v5::read(self, datagram, out),
            ExportFormat::NetflowV9 => v9::read(self, datagram, out),
            ExportFormat::Ipfix => ipfix::read(self, datagram, out),
            ExportFormat::Sflow => sflow::read(self, datagram, out),
            ExportFormat::Other => {
                let domain = self.domain(datagram, ExportFormat::Other, 0);
                domain.state.unreadable.add("version_unknown", 1);
            }
        }
    }

    /// Everything known of each exporter, in a stable order.
    #[must_use]
    pub fn exporters(&self) -> Vec<ExporterState> {
        self.domains.values().map(Domain::told).collect()
    }

    /// What was given up at the bounds shared by all exporters, by reason.
    #[must_use]
    pub fn drops(&self) -> Counters {
        let mut drops = self.evicted.clone();
        drops.add("export_sets_given_up", self.held.given_up());
        drops
    }

    /// Templates and samplers as bytes, so that data can be read at once after a restart.
    #[must_use]
    pub fn snapshot(&self) -> Vec<u8> {
        let mut out = domain::SNAPSHOT_MAGIC.to_vec();
        for (key, domain) in &self.domains {
            domain.save(key, &mut out);
        }
        out
    }

    /// Takes over what `snapshot` gave; false when the bytes are damaged or of another version, and then as far as they go.
    pub fn restore(&mut self, bytes: &[u8]) -> bool {
        let Some(mut rest) = bytes.strip_prefix(domain::SNAPSHOT_MAGIC) else { return false };
        while !rest.is_empty() && self.domains.len() < self.config.exporters_max.max(1) {
            let Some((key, domain)) = Domain::load(&mut rest, &self.config) else { return false };
            self.domains.insert(key, domain);
        }
        true
    }

    /// The exporter's place, made when it is new; the one silent for longest makes room.
    fn domain(&mut self, datagram: &Datagram<'_>, format: ExportFormat, domain: u32) -> &mut Domain {
        let key = DomainKey { exporter: datagram.exporter, format, domain };
        if !self.domains.contains_key(&key) && self.domains.len() >= self.config.exporters_max.max(1) {
            let oldest = self.domains.iter().min_by_key(|(_, domain)| domain.used).map(|(key, _)| *key);
            if let Some(oldest) = oldest {
                self.domains.remove(&oldest);
                self.evicted.add("exporters_evicted", 1);
            }
        }
        let place = self.domains.entry(key).or_insert_with(|| Domain::new(&key));
        place.used = self.tick;
        place.state.datagrams += 1;
        place.state.last = datagram.received;
        place
    }
}
