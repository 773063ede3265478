//! IPFIX (RFC 7011): the header; its sets are read with those of NetFlow v9.

use super::recognise::IPFIX_HEADER;
use super::sets::{Moment, Sets, clock_off_ns};
use super::{Datagram, ExportReader};
use crate::bytes::{be16_at, be32_at};
use crate::export::domain::DomainKey;
use record::timestamp::NS_PER_S;
use record::{ExportFormat, ExportedFlow, Timestamp};

/// Reads one datagram.
pub(super) fn read(reader: &mut ExportReader, datagram: &Datagram<'_>, out: &mut Vec<ExportedFlow>) {
    let payload = datagram.payload;
    let word = |at| be32_at(payload, at).unwrap_or(0);
    let observation = word(12);
    let domain = reader.domain(datagram, ExportFormat::Ipfix, observation);
    let length = be16_at(payload, 2).map_or(0, usize::from);
    if payload.len() < IPFIX_HEADER || length < IPFIX_HEADER {
        domain.state.unreadable.add("header_truncated", 1);
        return;
    }
    if length > payload.len() {
        domain.state.unreadable.add("message_truncated", 1);
    }
    let exported = Timestamp::from_parts(i64::from(word(4)), 0);
    domain.state.clock_off_s = clock_off_ns(datagram.received, exported) / NS_PER_S;
    let moment = Moment {
        exporter: datagram.exporter,
        domain: observation,
        received: datagram.received,
        exported,
        uptime_ms: None,
        clock_off_ns: clock_off_ns(datagram.received, exported),
    };
    let key = DomainKey { exporter: datagram.exporter, format: ExportFormat::Ipfix, domain: observation };
    let ExportReader { config, decode, domains, held, .. } = reader;
    let Some(domain) = domains.get_mut(&key) else { return };
    let mut sets = Sets { key, domain, held, config, decode, moment, out, records: Some(0), options: 0 };
    sets.walk(&payload[IPFIX_HEADER..length.min(payload.len())]);
    // The sequence counts data records before this message.
    let (records, options) = (sets.records, sets.options);
    if let Some(domain) = domains.get_mut(&key) {
        domain.sequence(word(8), records, options);
    }
}
