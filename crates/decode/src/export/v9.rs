//! NetFlow version 9 (RFC 3954): the header; its sets are read with those of IPFIX.

use super::recognise::V9_HEADER;
use super::sets::{Moment, Sets, clock_off_ns};
use super::{Datagram, ExportReader};
use crate::bytes::be32_at;
use crate::export::domain::DomainKey;
use record::timestamp::NS_PER_S;
use record::{ExportFormat, ExportedFlow, Timestamp};

/// Reads one datagram.
pub(super) fn read(reader: &mut ExportReader, datagram: &Datagram<'_>, out: &mut Vec<ExportedFlow>) {
    let word = |at| be32_at(datagram.payload, at).unwrap_or(0);
    let source = word(16);
    let domain = reader.domain(datagram, ExportFormat::NetflowV9, source);
    if datagram.payload.len() < V9_HEADER {
        domain.state.unreadable.add("header_truncated", 1);
        return;
    }
    // The sequence counts datagrams.
    domain.sequence(word(12), Some(1), 0);
    let exported = Timestamp::from_parts(i64::from(word(8)), 0);
    domain.state.clock_off_s = clock_off_ns(datagram.received, exported) / NS_PER_S;
    let moment = Moment {
        exporter: datagram.exporter,
        domain: source,
        received: datagram.received,
        exported,
        uptime_ms: Some(word(4)),
        clock_off_ns: clock_off_ns(datagram.received, exported),
    };
    let key = DomainKey { exporter: datagram.exporter, format: ExportFormat::NetflowV9, domain: source };
    let ExportReader { config, decode, domains, held, .. } = reader;
    let Some(domain) = domains.get_mut(&key) else { return };
    let mut sets = Sets { key, domain, held, config, decode, moment, out, records: Some(0), options: 0 };
    sets.walk(&datagram.payload[V9_HEADER..]);
}
