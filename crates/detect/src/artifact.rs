//! One file for one ensemble. Layout, little-endian: magic, format version, number of sections, whole length; a table of
//! sections (name, offset, length, CRC-32 of the bytes); CRC-32 of all that; sections, each on a 64-byte boundary with
//! their arrays aligned inside. A section with an unknown name is skipped, so that later versions may add some. Owns the
//! bytes; files are the caller's.

use crate::blob::{ALIGN, Reader, Writer};
use crate::calibrate::Calibration;
use crate::encode::Encoder;
use crate::ensemble::{MEMBERS_MAX, MemberInfo, TrainingSpan};
use crate::labelled::{KnownAttacks, KnownInfo};
use crate::models::MODELS;
use crate::{DetectError, Ensemble};
use record::Schema;
use serde::{Deserialize, Serialize};

/// First bytes of every artifact.
pub const MAGIC: [u8; 8] = *b"TRIPMODL";
/// Layout understood.
pub const FORMAT_VERSION: u32 = 2;
const NAME_BYTES: usize = 24;
const HEADER_BYTES: usize = 8 + 4 + 4 + 8;
const ENTRY_BYTES: usize = NAME_BYTES + 8 + 8 + 4;
/// Section of the known-attack channel.
const KNOWN_SECTION: &str = "known_attacks";
const SECTIONS_MAX: usize = 256;
/// Section with the whole schema, JSON: what a table brought is nowhere else.
const SCHEMA: &str = "schema";
/// Before the names of the caller's own sections.
const ATTACHED: &str = "with.";

/// The `about` section, JSON: readable without this program.
#[derive(Serialize, Deserialize)]
struct About {
    schema: String,
    fingerprint: u64,
    seed: u64,
    alpha: f64,
    trained_on: TrainingSpan,
    members: Vec<MemberInfo>,
    program_version: String,
    /// Evidence from which on all members are asked; none in files of one stage.
    #[serde(default)]
    gate: Option<f32>,
    /// The known-attack channel, when there is one (section `known_attacks`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    known: Option<KnownInfo>,
}

fn damaged(what: impl Into<String>) -> DetectError {
    DetectError::Damaged(what.into())
}

impl Ensemble {
    /// The whole ensemble as bytes; see the module for the layout.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let schema = serde_json::to_vec(&self.schema).unwrap_or_default();
        let mut sections: Vec<(&str, Vec<u8>)> = vec![("about", self.about()), (SCHEMA, schema)];
        let mut encoder = Writer::default();
        self.encoder.save(&mut encoder);
        sections.push(("encoder", encoder.bytes));
        let mut calibration = Writer::default();
        calibration.u32(self.calibrations.len() as u32);
        self.calibrations.iter().chain([&self.combined]).for_each(|part| part.save(&mut calibration));
        sections.push(("calibration", calibration.bytes));
        sections.extend(self.models.iter().map(|model| (model.name(), model.save())));
        sections.extend(self.attachments.iter().map(|(name, bytes)| (&**name, bytes.clone())));
        let guests = self.guest_sections();
        sections.extend(guests.iter().map(|(name, bytes)| (&**name, bytes.clone())));
        sections.extend(self.known.iter().map(|known| (KNOWN_SECTION, known.save())));
        assemble(&sections)
    }

    fn about(&self) -> Vec<u8> {
        let about = About {
            schema: self.schema.name.to_string(),
            fingerprint: self.schema.fingerprint(),
            seed: self.seed,
            alpha: self.alpha,
            trained_on: self.span.clone(),
            members: self.members.clone(),
            program_version: env!("CARGO_PKG_VERSION").to_owned(),
            gate: self.gate,
            known: self.known().cloned(),
        };
        serde_json::to_vec(&about).unwrap_or_default()
    }

    /// Reads an ensemble for `schema`.
    ///
    /// # Errors
    /// Not an artifact, cut, damaged, another format version, another schema: each says which. Never panics.
    pub fn from_bytes(bytes: &[u8], schema: &Schema) -> Result<Self, DetectError> {
        Self::load(&Sections::open(bytes)?, schema)
    }

    /// Reads an ensemble with the schema that the bytes hold, whatever it is.
    ///
    /// # Errors
    /// As [`Ensemble::from_bytes`]; a file of an earlier version holds no schema and is refused. Never panics.
    pub fn from_bytes_as_stored(bytes: &[u8]) -> Result<Self, DetectError> {
        let sections = Sections::open(bytes)?;
        let schema = serde_json::from_slice(sections.get(SCHEMA)?)
            .map_err(|error| damaged(format!("section {SCHEMA} is not readable: {error}")))?;
        Self::load(&sections, &schema)
    }

    /// Keeps `bytes` in the artifact under `name` (at most 19 bytes); replaces what had the name.
    pub fn attach(&mut self, name: &str, bytes: Vec<u8>) {
        let name = format!("{ATTACHED}{name}");
        self.attachments.retain(|(kept, _)| *kept != name);
        self.attachments.push((name, bytes));
    }

    /// What was kept under `name`.
    #[must_use]
    pub fn attachment(&self, name: &str) -> Option<&[u8]> {
        let kept = self.attachments.iter().find(|(kept, _)| kept.strip_prefix(ATTACHED) == Some(name));
        kept.map(|(_, bytes)| &**bytes)
    }

    fn load(sections: &Sections<'_>, schema: &Schema) -> Result<Self, DetectError> {
        let about: About = serde_json::from_slice(sections.get("about")?)
            .map_err(|error| damaged(format!("section about is not readable: {error}")))?;
        if about.schema != schema.name || about.fingerprint != schema.fingerprint() {
            let label = |name: &str, fingerprint: u64| format!("{name} ({fingerprint:016x})");
            let found = label(&about.schema, about.fingerprint);
            return Err(DetectError::SchemaMismatch { found, expected: label(&schema.name, schema.fingerprint()) });
        }
        let columns = schema.features.len();
        if columns == 0 || columns > crate::kernels::COLUMNS_MAX {
            return Err(damaged(format!("its schema has {columns} columns")));
        }
        let encoder = Encoder::load(&mut Reader::new(sections.get("encoder")?), columns)?;
        let (calibrations, combined) = load_calibrations(sections.get("calibration")?)?;
        let mut models = Vec::with_capacity(MODELS.len());
        for kind in MODELS {
            // A file of an earlier version has fewer models; which members there must be is checked below.
            if let Some(section) = sections.find(kind.name) {
                models.push((kind.load)(section, columns)?);
            }
        }
        let names: Vec<&str> =
            models.iter().flat_map(|model| model.members().iter().map(|member| member.name)).collect();
        if names.iter().ne(about.members.iter().map(|member| &member.name)) || names.len() != calibrations.len() {
            return Err(damaged("its members are not those of this program"));
        }
        let seats = MEMBERS_MAX.saturating_sub(names.len());
        let guests = crate::guests::load(|name| sections.find(name), schema, seats)?;
        let load_known = |info| KnownAttacks::load(sections.get(KNOWN_SECTION)?, columns, info);
        let known = about.known.map(load_known).transpose()?;
        Ok(Self {
            schema: schema.clone(),
            seed: about.seed,
            alpha: if about.alpha.is_nan() { 1e-4 } else { about.alpha.clamp(1e-12, 0.5) },
            span: about.trained_on,
            encoder,
            models,
            members: about.members,
            calibrations,
            gate: about.gate.filter(|gate| gate.is_finite()),
            combined,
            guests,
            attachments: sections.attachments(),
            known,
        })
    }
}

fn load_calibrations(bytes: &[u8]) -> Result<(Vec<Calibration>, Calibration), DetectError> {
    let mut reader = Reader::new(bytes);
    let count = reader.count(1, MEMBERS_MAX, "calibrated members")?;
    let calibrations = (0..count).map(|_| Calibration::load(&mut reader)).collect::<Result<_, _>>()?;
    Ok((calibrations, Calibration::load(&mut reader)?))
}

/// Sections as one file; see the module for the layout.
pub(crate) fn assemble(sections: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let table_end = HEADER_BYTES + sections.len() * ENTRY_BYTES + 4;
    let mut offsets = Vec::with_capacity(sections.len());
    let mut end = table_end;
    for (_, bytes) in sections {
        let offset = end.next_multiple_of(ALIGN);
        offsets.push(offset);
        end = offset + bytes.len();
    }
    let mut out = Vec::with_capacity(end);
    out.extend(MAGIC);
    out.extend(FORMAT_VERSION.to_le_bytes());
    out.extend((sections.len() as u32).to_le_bytes());
    out.extend((end as u64).to_le_bytes());
    for ((name, bytes), offset) in sections.iter().zip(&offsets) {
        let mut padded = [0; NAME_BYTES];
        padded[..name.len().min(NAME_BYTES)].copy_from_slice(&name.as_bytes()[..name.len().min(NAME_BYTES)]);
        out.extend(padded);
        out.extend((*offset as u64).to_le_bytes());
        out.extend((bytes.len() as u64).to_le_bytes());
        out.extend(crc32fast::hash(bytes).to_le_bytes());
    }
    out.extend(crc32fast::hash(&out).to_le_bytes());
    for ((_, bytes), offset) in sections.iter().zip(&offsets) {
        out.resize(*offset, 0);
        out.extend(bytes);
    }
    out
}

/// A file's sections, every checksum checked.
pub(crate) struct Sections<'a>(Vec<(&'a [u8], &'a [u8])>);

/// Names and sizes of an artifact's sections, whatever models they hold: magic, version, length and every checksum are right.
///
/// # Errors
/// Not an artifact, cut, damaged, another format version: each says which. Never panics.
pub fn sections(bytes: &[u8]) -> Result<Vec<(String, u64)>, DetectError> {
    let named = |(name, body): &(&[u8], &[u8])| {
        (String::from_utf8_lossy(name).trim_end_matches('\0').to_owned(), body.len() as u64)
    };
    Ok(Sections::open(bytes)?.0.iter().map(named).collect())
}

/// The artifact with `section` kept in it under `name` (at most 19 bytes), in place of what had the name, whatever models it holds.
///
/// # Errors
/// As [`sections`].
pub fn attach(bytes: &[u8], name: &str, section: Vec<u8>) -> Result<Vec<u8>, DetectError> {
    let name = format!("{ATTACHED}{name}");
    let mut parts: Vec<(String, Vec<u8>)> = Vec::new();
    for (kept, body) in Sections::open(bytes)?.0 {
        let kept = String::from_utf8_lossy(kept).trim_end_matches('\0').to_owned();
        if kept != name {
            parts.push((kept, body.to_vec()));
        }
    }
    parts.push((name, section));
    Ok(assemble(&parts.iter().map(|(name, body)| (&**name, body.clone())).collect::<Vec<_>>()))
}

/// What was kept in an artifact under `name`, whatever models it holds.
///
/// # Errors
/// As [`sections`].
pub fn attachment(bytes: &[u8], name: &str) -> Result<Option<Vec<u8>>, DetectError> {
    Ok(Sections::open(bytes)?.find(&format!("{ATTACHED}{name}")).map(<[u8]>::to_vec))
}

impl<'a> Sections<'a> {
    pub(crate) fn open(bytes: &'a [u8]) -> Result<Self, DetectError> {
        let mut reader = Reader::new(bytes);
        if reader.take(MAGIC.len()).ok() != Some(&MAGIC[..]) {
            return Err(damaged("it does not begin like a model file"));
        }
        let found = reader.u32()?;
        if found != FORMAT_VERSION {
            return Err(DetectError::FormatVersion { found, expected: FORMAT_VERSION });
        }
        let count = reader.count(1, SECTIONS_MAX, "sections")?;
        let length = reader.u64()?;
        if length != bytes.len() as u64 {
            return Err(damaged(format!("it should have {length} bytes and has {}", bytes.len())));
        }
        let mut entries = Vec::with_capacity(count);
        for _ in 0..count {
            entries.push((reader.take(NAME_BYTES)?, reader.u64()?, reader.u64()?, reader.u32()?));
        }
        let table_end = HEADER_BYTES + count * ENTRY_BYTES;
        if reader.u32()? != crc32fast::hash(&bytes[..table_end]) {
            return Err(damaged("the checksum of its table is wrong"));
        }
        let mut sections = Vec::with_capacity(count);
        let mut end = table_end + 4;
        for (name, offset, length, checksum) in entries {
            let range = usize::try_from(offset).ok().zip(usize::try_from(offset.saturating_add(length)).ok());
            let (from, to) = range.filter(|(from, _)| *from >= end).ok_or_else(|| damaged("a section is misplaced"))?;
            let body = bytes.get(from..to).ok_or_else(|| damaged("a section is outside"))?;
            // No checksum is over the room between sections: it holds nothing.
            if bytes[end..from].iter().any(|b| *b != 0) {
                return Err(damaged("there is something between its sections"));
            }
            end = to;
            if crc32fast::hash(body) != checksum {
                let name = String::from_utf8_lossy(name);
                return Err(damaged(format!("the checksum of section {} is wrong", name.trim_end_matches('\0'))));
            }
            sections.push((name, body));
        }
        Ok(Self(sections))
    }

    fn attachments(&self) -> Vec<(String, Vec<u8>)> {
        let named = self.0.iter().map(|(name, body)| (String::from_utf8_lossy(name), body));
        let named = named.map(|(name, body)| (name.trim_end_matches('\0').to_owned(), body.to_vec()));
        named.filter(|(name, _)| name.starts_with(ATTACHED)).collect()
    }

    pub(crate) fn get(&self, name: &str) -> Result<&'a [u8], DetectError> {
        self.find(name).ok_or_else(|| damaged(format!("section {name} is missing")))
    }

    fn find(&self, name: &str) -> Option<&'a [u8]> {
        let is_it =
            |stored: &[u8]| stored.strip_prefix(name.as_bytes()).is_some_and(|rest| rest.iter().all(|b| *b == 0));
        self.0.iter().find(|(stored, _)| is_it(stored)).map(|(_, body)| *body)
    }
}
