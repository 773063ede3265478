//! The sets of NetFlow v9 and IPFIX: templates, options and data, which both formats share but for numbers and the header of an
//! options template. Owns how a record is cut out of a set; what its fields say is `values`'.

use super::config::ExportConfig;
use super::domain::{Domain, DomainKey};
use super::held::{Held, HeldSet};
use super::sampled_packet;
use super::templates::{Field, Template, VARIABLE};
use super::values::Values;
use crate::bytes::{be16_at, be32_at};
use crate::config::DecodeConfig;
use record::timestamp::NS_PER_S;
use record::{ExportFormat, ExportedFlow, FlowOrigin, IpAddr16, Timestamp};

/// What the header of a datagram says for all its records.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    pub exporter: IpAddr16,
    pub domain: u32,
    /// When the datagram came.
    pub received: Timestamp,
    /// When the exporter says that it sent it.
    pub exported: Timestamp,
    /// Its uptime then, where told.
    pub uptime_ms: Option<u32>,
    /// By how much its clock differs from ours: added to all its times. 0 when it is right.
    pub clock_off_ns: i64,
}

/// A clock that differs by less than this is right: headers tell whole seconds, and datagrams travel.
const CLOCK_OFF_MIN_NS: i64 = 60 * NS_PER_S;

/// How far the clock of an exporter is off that says it is `exported`; a clock that was never set would put flows into another year.
pub(super) fn clock_off_ns(received: Timestamp, exported: Timestamp) -> i64 {
    let off = received.since(exported);
    if off.abs() < CLOCK_OFF_MIN_NS { 0 } else { off }
}

/// Everything that reading the sets of one datagram needs.
pub(super) struct Sets<'a> {
    pub key: DomainKey,
    pub domain: &'a mut Domain,
    pub held: &'a mut Held,
    pub config: &'a ExportConfig,
    pub decode: &'a DecodeConfig,
    pub moment: Moment,
    pub out: &'a mut Vec<ExportedFlow>,
    /// Data records in this datagram; None when one set's template is not known.
    pub records: Option<u32>,
    /// Options records among them.
    pub options: u32,
}

impl Sets<'_> {
    fn is_ipfix(&self) -> bool {
        self.key.format == ExportFormat::Ipfix
    }

    fn unreadable(&mut self, reason: &str) {
        self.domain.state.unreadable.add(reason, 1);
    }

    /// Reads all sets.
    pub(super) fn walk(&mut self, mut rest: &[u8]) {
        while rest.len() >= 4 {
            let (Some(id), Some(length)) = (be16_at(rest, 0), be16_at(rest, 2).map(usize::from)) else { return };
            if length < 4 {
                // Padding behind the last set is no error.
                if rest.iter().any(|byte| *byte != 0) {
                    self.unreadable("set_length_impossible");
                }
                return;
            }
            let Some(body) = rest.get(4..length) else {
                self.unreadable("set_truncated");
                self.records = None;
                return;
            };
            match id {
                0 | 1 if !self.is_ipfix() => self.templates(body, id == 1),
                2 | 3 if self.is_ipfix() => self.templates(body, id == 3),
                256.. => self.data(id, body),
                _ => self.unreadable("set_id_reserved"),
            }
            rest = &rest[length..];
        }
    }

    /// A set of templates; what is left at its end is padding.
    fn templates(&mut self, body: &[u8], options: bool) {
        let mut at = 0;
        while let (Some(id), Some(count)) = (be16_at(body, at), be16_at(body, at + 2)) {
            if id == 0 && count == 0 {
                return;
            }
            if id < 256 && !(self.is_ipfix() && count == 0) {
                // Nothing after it can be trusted.
                return self.unreadable("template_id_reserved");
            }
            at += 4;
            if self.is_ipfix() && count == 0 {
                self.withdraw(id);
                continue;
            }
            let Some((fields, scopes)) = self.layout(body, &mut at, count, options) else {
                return self.unreadable("template_truncated");
            };
            self.learn(id, fields, scopes);
        }
    }

    /// Fields of the template whose identifier and count stand before `at`, and how many of them are scopes.
    fn layout(&self, body: &[u8], at: &mut usize, count: u16, options: bool) -> Option<(Vec<Field>, u16)> {
        let (fields, scopes) = match (options, self.is_ipfix()) {
            (false, _) => (count, 0),
            (true, true) => {
                let scopes = be16_at(body, *at)?;
                *at += 2;
                (count, scopes.max(1))
            }
            (true, false) => {
                // NetFlow v9 counts bytes: of the scopes, then of the other fields.
                let bytes = be16_at(body, *at)?;
                *at += 2;
                (count / 4 + bytes / 4, (count / 4).max(1))
            }
        };
        let mut found = Vec::with_capacity(usize::from(fields).min(body.len() / 4));
        for place in 0..fields {
            let (mut element, length) = (be16_at(body, *at)?, be16_at(body, *at + 2)?);
            *at += 4;
            let mut enterprise = 0;
            if self.is_ipfix() && element & 0x8000 != 0 {
                element &= 0x7fff;
                enterprise = be32_at(body, *at)?;
                *at += 4;
            }
            if options && !self.is_ipfix() && place < scopes {
                // Scopes of NetFlow v9 have numbers of their own.
                enterprise = u32::MAX;
            }
            found.push(Field::new(enterprise, element, length, self.key.format));
        }
        Some((found, scopes))
    }

    /// A withdrawal: of one template, or of all when the identifier is that of the set.
    fn withdraw(&mut self, id: u16) {
        match id {
            2 | 3 => self.domain.templates.clear(),
            _ => self.domain.templates.remove(id),
        }
    }

    /// Keeps a template and reads what waited for it.
    fn learn(&mut self, id: u16, fields: Vec<Field>, scopes: u16) {
        if !self.domain.templates.insert(id, fields, scopes, self.config) {
            return;
        }
        let (moment, records) = (self.moment, self.records);
        for set in self.held.take(&self.key, id) {
            self.domain.state.sets_read_late += 1;
            self.moment = set.moment;
            self.data(id, &set.body);
        }
        (self.moment, self.records) = (moment, records);
    }

    /// A set of records.
    fn data(&mut self, id: u16, body: &[u8]) {
        let Domain { templates, samplers, state, started_ms, .. } = &mut *self.domain;
        let Some(template) = templates.get(id) else {
            state.sets_without_template += 1;
            self.records = None;
            self.held.push(HeldSet { key: self.key, template: id, moment: self.moment, body: body.into() });
            return;
        };
        let (mut rest, mut count) = (body, 0_u32);
        while rest.len() >= template.bytes_min {
            let mut values = Values::default();
            let Some(used) = cut(template, rest, &mut values) else {
                // Less than a record is left behind variable fields: padding, or damage when it is not empty.
                if rest.iter().any(|byte| *byte != 0) {
                    state.unreadable.add("record_truncated", 1);
                }
                break;
            };
            rest = &rest[used..];
            count += 1;
            if template.scopes > 0 {
                self.options += 1;
                samplers.set(values.sampler().unwrap_or(0), values.rate());
                *started_ms = values.started_ms().or(*started_ms);
                continue;
            }
            if let Some((bytes, link, wire_len)) = values.section() {
                let origin = |sampling: u32| FlowOrigin::Export { exporter: self.moment.exporter, sampling };
                match sampled_packet::read(self.decode, bytes, link, wire_len, &self.moment) {
                    Some(mut flow) => {
                        values.around(&mut flow, &self.moment, samplers);
                        flow.origin = origin(flow.sampling.max(1));
                        state.flows += 1;
                        self.out.push(flow);
                    }
                    None => state.ignored.add("packet_without_ip", 1),
                }
                continue;
            }
            match values.told(&self.moment, samplers, *started_ms) {
                Ok(flow) => {
                    state.flows += 1;
                    self.out.push(flow);
                }
                Err(reason) => state.ignored.add(reason, 1),
            }
        }
        state.records += u64::from(count);
        self.records = self.records.map(|records| records + count);
    }
}

/// Cuts one record from the front; its length, or None when it does not fit.
fn cut<'a>(template: &Template, bytes: &'a [u8], values: &mut Values<'a>) -> Option<usize> {
    let mut at = 0;
    for field in &template.fields {
        let mut length = usize::from(field.length);
        if field.length == VARIABLE {
            length = usize::from(*bytes.get(at)?);
            at += 1;
            if length == 255 {
                length = usize::from(be16_at(bytes, at)?);
                at += 2;
            }
        }
        let value = bytes.get(at..at + length)?;
        values.set(field, value);
        at += length;
    }
    Some(at)
}
