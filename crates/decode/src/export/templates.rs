//! Templates of one exporter: how its records are laid out. Bounded in number and in fields; the one unused for longest goes;
//! absurd ones are refused by reason. Owns no meaning of fields.

use super::config::ExportConfig;
use super::elements::{Meaning, meaning};
use record::{Counters, ExportFormat};
use std::collections::BTreeMap;

/// A field of this length carries its length in front of each value.
pub(super) const VARIABLE: u16 = 0xffff;
/// Fields without a length in one template. Each costs time at every record and brings nothing.
const EMPTY_FIELDS_MAX: usize = 64;
/// Longest record of fixed length that can be in a datagram.
const RECORD_BYTES_MAX: usize = 65_535;

/// One field of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Field {
    pub element: u16,
    pub length: u16,
    pub enterprise: u32,
    /// What it says, looked up once.
    pub meaning: Meaning,
    /// It speaks of the other direction (RFC 5103).
    pub reverse: bool,
}

impl Field {
    pub(super) fn new(enterprise: u32, element: u16, length: u16, format: ExportFormat) -> Self {
        let (meaning, reverse) = meaning(enterprise, element, format);
        Self { element, length, enterprise, meaning, reverse }
    }
}

/// How one kind of record is laid out.
#[derive(Clone, Debug)]
pub(super) struct Template {
    pub fields: Box<[Field]>,
    /// Leading fields that say what an options record is about; 0 for data.
    pub scopes: u16,
    /// Least bytes of a record; exact when nothing is variable.
    pub bytes_min: usize,
    /// Place in the order of use.
    used: u64,
}

/// All templates of one exporter.
#[derive(Debug, Default)]
pub(super) struct Templates {
    by_id: BTreeMap<u16, Template>,
    /// By last use, oldest first.
    order: BTreeMap<u64, u16>,
    uses: u64,
    fields: usize,
    counters: Counters,
}

impl Templates {
    /// The template of a data set; marks it as used.
    pub(super) fn get(&mut self, id: u16) -> Option<&Template> {
        let template = self.by_id.get_mut(&id)?;
        self.order.remove(&template.used);
        self.uses += 1;
        template.used = self.uses;
        self.order.insert(self.uses, id);
        Some(template)
    }

    pub(super) fn len(&self) -> usize {
        self.by_id.len()
    }

    /// Evictions and refusals by reason.
    pub(super) fn counters(&self) -> Counters {
        self.counters.clone()
    }

    /// Keeps a template; false when it is refused.
    pub(super) fn insert(&mut self, id: u16, fields: Vec<Field>, scopes: u16, config: &ExportConfig) -> bool {
        let length = |field: &Field| if field.length == VARIABLE { 1 } else { usize::from(field.length) };
        let bytes_min: usize = fields.iter().map(length).sum();
        let empty = fields.iter().filter(|field| field.length == 0).count();
        let refusal = if id < 256 {
            Some("template_id_reserved")
        } else if bytes_min == 0 {
            Some("template_empty")
        } else if bytes_min > RECORD_BYTES_MAX {
            Some("template_too_long")
        } else if empty > EMPTY_FIELDS_MAX {
            Some("template_fields_empty")
        } else if fields.len() > config.template_fields_max || usize::from(scopes) > fields.len() {
            Some("template_fields_too_many")
        } else {
            None
        };
        if let Some(reason) = refusal {
            self.counters.add(reason, 1);
            return false;
        }
        if self.by_id.get(&id).is_some_and(|known| known.scopes == scopes && *known.fields == *fields) {
            // Exporters repeat their templates: that is a use.
            self.get(id);
            return true;
        }
        self.remove(id);
        while self.by_id.len() >= config.templates_max.max(1) || self.fields + fields.len() > config.template_fields_max
        {
            let Some((_, oldest)) = self.order.first_key_value() else { break };
            self.remove(*oldest);
            self.counters.add("templates_evicted", 1);
        }
        self.uses += 1;
        self.fields += fields.len();
        self.order.insert(self.uses, id);
        let template = Template { fields: fields.into_boxed_slice(), scopes, bytes_min, used: self.uses };
        self.by_id.insert(id, template);
        true
    }

    /// Forgets a template: withdrawn, or making room.
    pub(super) fn remove(&mut self, id: u16) {
        if let Some(gone) = self.by_id.remove(&id) {
            self.order.remove(&gone.used);
            self.fields -= gone.fields.len();
        }
    }

    /// Forgets all, when the exporter withdraws all.
    pub(super) fn clear(&mut self) {
        (self.by_id, self.order, self.fields) = (BTreeMap::new(), BTreeMap::new(), 0);
    }

    /// Appends them, as `Domain::load` reads them.
    pub(super) fn save(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&(self.by_id.len() as u32).to_be_bytes());
        for (id, template) in &self.by_id {
            out.extend_from_slice(&id.to_be_bytes());
            out.extend_from_slice(&template.scopes.to_be_bytes());
            out.extend_from_slice(&(template.fields.len() as u16).to_be_bytes());
            for field in &template.fields {
                out.extend_from_slice(&field.element.to_be_bytes());
                out.extend_from_slice(&field.length.to_be_bytes());
                out.extend_from_slice(&field.enterprise.to_be_bytes());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(count: usize, length: u16) -> Vec<Field> {
        vec![Field::new(0, 1, length, ExportFormat::Ipfix); count]
    }

    #[test]
    fn templates_are_bounded_and_the_longest_unused_goes() {
        let config = ExportConfig { templates_max: 3, ..ExportConfig::default() };
        let mut templates = Templates::default();
        for id in 256..259 {
            assert!(templates.insert(id, fields(2, 4), 0, &config));
        }
        assert!(templates.get(256).is_some());
        assert!(templates.insert(300, fields(2, 4), 0, &config));
        assert!(templates.get(257).is_none(), "it was unused for longest");
        assert!(templates.get(256).is_some() && templates.len() == 3);
        assert_eq!(templates.counters().0["templates_evicted"], 1);
        assert_eq!(templates.fields, 6);
        assert_eq!(templates.order.len(), 3);
    }

    #[test]
    fn fields_are_bounded_too() {
        let config = ExportConfig { template_fields_max: 10, ..ExportConfig::default() };
        let mut templates = Templates::default();
        assert!(templates.insert(256, fields(6, 4), 0, &config));
        assert!(templates.insert(257, fields(6, 4), 0, &config));
        assert_eq!((templates.len(), templates.fields), (1, 6));
        assert!(!templates.insert(258, fields(11, 4), 0, &config));
        assert_eq!(templates.len(), 1);
    }

    #[test]
    fn absurd_templates_are_refused_by_reason() {
        let config = ExportConfig::default();
        let mut templates = Templates::default();
        assert!(!templates.insert(255, fields(1, 4), 0, &config));
        assert!(!templates.insert(256, Vec::new(), 0, &config));
        assert!(!templates.insert(256, fields(3, 0), 0, &config));
        assert!(!templates.insert(256, fields(2, 0xfffe), 0, &config));
        assert!(!templates.insert(256, [fields(65, 0), fields(1, 1)].concat(), 0, &config));
        assert!(!templates.insert(256, fields(1, 4), 2, &config));
        let counters = templates.counters().0;
        let reasons: Vec<&str> = counters.keys().map(String::as_str).collect();
        assert_eq!(
            reasons,
            [
                "template_empty",
                "template_fields_empty",
                "template_fields_too_many",
                "template_id_reserved",
                "template_too_long"
            ]
        );
        assert_eq!(counters["template_empty"], 2);
    }
}
