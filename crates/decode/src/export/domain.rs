//! What is remembered of one exporter and source identifier: its counters, templates, samplers and sequence; and how the lasting
//! part of it is written and read again. Owns no wire format of exports.

use super::config::ExportConfig;
use super::templates::{Field, Templates};
use record::{ExportFormat, ExportedCounters, ExporterState, IpAddr16};
use std::collections::BTreeMap;

/// First bytes of a snapshot; the last is its version.
pub(super) const SNAPSHOT_MAGIC: &[u8] = b"tripline exporters 1\n";
/// Samplers of one exporter.
const SAMPLERS_MAX: usize = 256;
/// Interfaces of one exporter whose counters are kept.
const INTERFACES_MAX: usize = 64;
/// A sequence that jumps further than this began anew.
const SEQUENCE_JUMP_MAX: u32 = 1 << 20;
/// A sequence this little behind is a datagram that was overtaken.
const REORDERED_MAX: u32 = 1 << 12;

/// Which exporter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct DomainKey {
    pub exporter: IpAddr16,
    pub format: ExportFormat,
    pub domain: u32,
}

/// What is known of it.
#[derive(Debug)]
pub(super) struct Domain {
    pub state: ExporterState,
    pub templates: Templates,
    pub samplers: Samplers,
    /// When the exporter was started, ms since the epoch, where an option says it (IPFIX).
    pub started_ms: Option<i64>,
    /// The sequence number that should come next.
    next: Option<u32>,
    /// The last one that came, and the options records with it.
    number: u32,
    options: u32,
    /// Number of the last datagram.
    pub used: u64,
}

impl Domain {
    pub(super) fn new(key: &DomainKey) -> Self {
        Self {
            state: ExporterState::new(key.exporter, key.format, key.domain),
            templates: Templates::default(),
            samplers: Samplers::default(),
            started_ms: None,
            next: None,
            number: 0,
            options: 0,
            used: 0,
        }
    }

    /// Its state with what the parts count.
    pub(super) fn told(&self) -> ExporterState {
        let mut state = self.state.clone();
        state.templates = self.templates.len() as u64;
        if let Some(rate) = self.samplers.any() {
            state.sampling = rate;
        }
        state.unreadable.merge(&self.templates.counters());
        state.unreadable.add("samplers_too_many", self.samplers.refused);
        state
    }

    /// Compares a sequence number with the one expected, counts what is missing. `step` is by how much this datagram moves it; None
    /// when that is not known, and then the next one says nothing. `options` of it may not have been counted.
    pub(super) fn sequence(&mut self, number: u32, step: Option<u32>, options: u32) {
        if let Some(next) = self.next.filter(|next| !self.follows(*next, number, step, options)) {
            let (ahead, behind) = (number.wrapping_sub(next), next.wrapping_sub(number));
            if behind != 0 && behind <= REORDERED_MAX && number != 0 {
                self.state.reordered += 1;
                // It had been counted as missing.
                self.state.missing = self.state.missing.saturating_sub(u64::from(step.unwrap_or(0)));
                return;
            }
            if ahead <= SEQUENCE_JUMP_MAX {
                self.state.missing += u64::from(ahead);
            } else {
                self.state.restarts += 1;
            }
        }
        self.next = step.map(|step| number.wrapping_add(step));
        (self.number, self.options) = (number, options);
    }

    /// True when nothing is missing before `number`. RFC 7011 has IPFIX count the data records before a message; softflowd counts its own
    /// too, and leaves out those of options.
    fn follows(&self, next: u32, number: u32, step: Option<u32>, options: u32) -> bool {
        let own = step.filter(|_| self.state.format == ExportFormat::Ipfix).map(|step| self.number.wrapping_add(step));
        let without = |number: u32, options: u32| [number, number.wrapping_sub(options)];
        without(next, self.options).contains(&number) || own.is_some_and(|own| without(own, options).contains(&number))
    }

    /// Keeps the newest counters of an interface.
    pub(super) fn interface(&mut self, counters: ExportedCounters) {
        let interfaces = &mut self.state.interfaces;
        match interfaces.binary_search_by_key(&counters.interface, |known| known.interface) {
            Ok(at) => interfaces[at] = counters,
            Err(at) if interfaces.len() < INTERFACES_MAX => interfaces.insert(at, counters),
            Err(_) => self.state.ignored.add("interfaces_too_many", 1),
        }
    }

    /// Appends what should survive a restart.
    pub(super) fn save(&self, key: &DomainKey, out: &mut Vec<u8>) {
        out.extend_from_slice(&key.exporter.0);
        out.push(format_code(key.format));
        out.extend_from_slice(&key.domain.to_be_bytes());
        out.extend_from_slice(&self.started_ms.unwrap_or(0).to_be_bytes());
        out.extend_from_slice(&(self.samplers.rates.len() as u32).to_be_bytes());
        for (sampler, rate) in &self.samplers.rates {
            out.extend_from_slice(&sampler.to_be_bytes());
            out.extend_from_slice(&rate.to_be_bytes());
        }
        self.templates.save(out);
    }

    /// Takes one from the front of `bytes`; None when they are damaged.
    pub(super) fn load(bytes: &mut &[u8], config: &ExportConfig) -> Option<(DomainKey, Self)> {
        let exporter = IpAddr16(take(bytes)?);
        let [code] = take(bytes)?;
        let domain = u32::from_be_bytes(take(bytes)?);
        let key = DomainKey { exporter, format: format_of_code(code)?, domain };
        let mut loaded = Self::new(&key);
        loaded.started_ms = Some(i64::from_be_bytes(take(bytes)?)).filter(|ms| *ms != 0);
        for _ in 0..u32::from_be_bytes(take(bytes)?) {
            let (sampler, rate) = (u64::from_be_bytes(take(bytes)?), u32::from_be_bytes(take(bytes)?));
            loaded.samplers.set(sampler, rate);
        }
        for _ in 0..u32::from_be_bytes(take(bytes)?) {
            let (id, scopes) = (u16::from_be_bytes(take(bytes)?), u16::from_be_bytes(take(bytes)?));
            let mut fields = Vec::new();
            for _ in 0..u16::from_be_bytes(take(bytes)?) {
                let (element, length) = (u16::from_be_bytes(take(bytes)?), u16::from_be_bytes(take(bytes)?));
                let enterprise = u32::from_be_bytes(take(bytes)?);
                fields.push(Field::new(enterprise, element, length, key.format));
            }
            // One that the bounds refuse is counted there.
            loaded.templates.insert(id, fields, scopes, config);
        }
        Some((key, loaded))
    }
}

/// The first `N` bytes, taken away.
fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (head, rest) = bytes.split_first_chunk::<N>()?;
    *bytes = rest;
    Some(*head)
}

const FORMATS: [ExportFormat; 5] =
    [ExportFormat::NetflowV5, ExportFormat::NetflowV9, ExportFormat::Ipfix, ExportFormat::Sflow, ExportFormat::Other];

fn format_code(format: ExportFormat) -> u8 {
    FORMATS.iter().position(|known| *known == format).unwrap_or(FORMATS.len() - 1) as u8
}

fn format_of_code(code: u8) -> Option<ExportFormat> {
    FORMATS.get(usize::from(code)).copied()
}

/// Sampling rates that options told, by sampler; sampler 0 is the exporter's own.
#[derive(Debug, Default)]
pub(super) struct Samplers {
    rates: BTreeMap<u64, u32>,
    refused: u64,
}

impl Samplers {
    /// Notes a rate; 0 says nothing.
    pub(super) fn set(&mut self, sampler: u64, rate: u32) {
        if rate == 0 {
            return;
        }
        if self.rates.len() >= SAMPLERS_MAX && !self.rates.contains_key(&sampler) {
            self.refused += 1;
            return;
        }
        self.rates.insert(sampler, rate);
    }

    /// The rate of a record that names this sampler, or none.
    pub(super) fn rate(&self, sampler: Option<u64>) -> Option<u32> {
        match sampler {
            Some(sampler) => self.rates.get(&sampler).or_else(|| self.rates.get(&0)).copied(),
            None => self.rates.get(&0).copied().or_else(|| self.any()),
        }
    }

    /// The only rate that was told, when all samplers have the same.
    fn any(&self) -> Option<u32> {
        let mut rates = self.rates.values().copied();
        let first = rates.next()?;
        rates.all(|rate| rate == first).then_some(first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn domain() -> Domain {
        Domain::new(&DomainKey { exporter: IpAddr16::default(), format: ExportFormat::NetflowV5, domain: 0 })
    }

    #[test]
    fn a_sequence_counts_what_is_missing_and_forgives_what_comes_late() {
        let mut d = domain();
        d.sequence(100, Some(30), 0);
        d.sequence(130, Some(10), 0);
        d.sequence(170, Some(30), 0);
        assert_eq!((d.state.missing, d.state.reordered, d.state.restarts), (30, 0, 0));
        d.sequence(140, Some(30), 0);
        assert_eq!((d.state.missing, d.state.reordered), (0, 1), "the lost one came");
        d.sequence(200, Some(1), 0);
        assert_eq!(d.state.missing, 0);
        d.sequence(5_000_000, Some(1), 0);
        d.sequence(0, Some(1), 0);
        assert_eq!((d.state.missing, d.state.restarts), (0, 2));
        d.sequence(1, None, 0);
        d.sequence(77, Some(1), 0);
        assert_eq!(d.state.missing, 0, "after an unknown step nothing is known");
        let mut d = domain();
        d.sequence(u32::MAX, Some(2), 0);
        d.sequence(1, Some(1), 0);
        assert_eq!((d.state.missing, d.state.restarts), (0, 0), "the number wraps");
        for counts_options in [0, 2] {
            let mut d = domain();
            d.sequence(10, Some(12), 2);
            d.sequence(20 + counts_options, Some(10), 0);
            d.sequence(30 + counts_options, Some(10), 0);
            assert_eq!((d.state.missing, d.state.reordered), (0, 0), "options are counted or not");
        }
        let mut d = domain();
        d.state.format = ExportFormat::Ipfix;
        for (number, step, options) in [(24, 25, 1), (56, 32, 0), (88, 32, 0), (104, 16, 0)] {
            d.sequence(number, Some(step), options);
        }
        assert_eq!((d.state.missing, d.state.reordered), (0, 0), "its own records are counted, options are not");
        d.sequence(200, Some(16), 0);
        assert_eq!(d.state.missing, 80);
    }

    #[test]
    fn a_rate_is_the_named_samplers_or_the_only_one() {
        let mut samplers = Samplers::default();
        assert_eq!(samplers.rate(None), None);
        samplers.set(3, 100);
        assert_eq!((samplers.rate(Some(3)), samplers.rate(Some(4)), samplers.rate(None)), (Some(100), None, Some(100)));
        samplers.set(4, 10);
        assert_eq!(samplers.rate(None), None, "which of both is not known");
        samplers.set(0, 7);
        assert_eq!((samplers.rate(None), samplers.rate(Some(9))), (Some(7), Some(7)));
        for sampler in 0..10_000 {
            samplers.set(sampler, 2);
        }
        assert_eq!(samplers.rates.len(), SAMPLERS_MAX);
        assert!(samplers.refused > 0);
    }
}
