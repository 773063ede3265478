//! Records between machines: what the topics of Apache Kafka carry from role to role, as protocol buffers. Owns the messages (their
//! schema for other programs is `tripline.proto` beside this file), the version rule, and the way from record to message and back.
//! Knows no broker.
//!
//! Mixed versions: fields that a reader does not know are passed on where it passes messages on (a detector embeds the bytes of the
//! batch it judged), and a message of a newer `schema` is not read at all, because what it means may have changed: whoever reads it says so
//! and waits to be upgraded.

mod alert;
mod flow;
mod judged;
pub mod message;
mod window;

#[cfg(test)]
mod tests;

pub use alert::Names;
pub use message::{Epoch, FlowBatch, JudgedBatch, Part};
pub use prost::Message;

/// Version of the messages' meaning. A new field is no new version; a changed meaning is.
pub const SCHEMA: u32 = 1;

/// Why a message was not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WireError {
    /// The bytes make no message.
    Damaged,
    /// Written by a newer Tripline, with this schema.
    Newer(u32),
}

impl std::fmt::Display for WireError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Damaged => f.write_str("the bytes make no message"),
            Self::Newer(schema) => write!(f, "schema {schema} is newer than {SCHEMA}: upgrade this Tripline first"),
        }
    }
}

impl std::error::Error for WireError {}

/// A message that says its schema.
pub trait Versioned: Message + Default {
    /// What it says.
    fn schema(&self) -> u32;

    /// Reads one.
    ///
    /// # Errors
    /// `Damaged` where the bytes make none, `Newer` where this version may not understand it.
    fn read(bytes: &[u8]) -> Result<Self, WireError> {
        let message = Self::decode(bytes).map_err(|_| WireError::Damaged)?;
        match message.schema() {
            schema if schema > SCHEMA => Err(WireError::Newer(schema)),
            0 => Err(WireError::Damaged),
            _ => Ok(message),
        }
    }
}

impl Versioned for FlowBatch {
    fn schema(&self) -> u32 {
        self.schema
    }
}

impl Versioned for JudgedBatch {
    fn schema(&self) -> u32 {
        self.schema
    }
}

impl Versioned for Epoch {
    fn schema(&self) -> u32 {
        self.schema
    }
}

/// A value of an enumeration by the name that serde gives it; the default when the name is not known.
fn named<'de, T: serde::Deserialize<'de> + Default>(name: &'de str) -> T {
    use serde::de::IntoDeserializer;
    let name: serde::de::value::StrDeserializer<'de, serde::de::value::Error> = name.into_deserializer();
    T::deserialize(name).unwrap_or_default()
}
