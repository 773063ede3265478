//! nmap's XML: read as a stream (`read`), written again (`write`), under bounds (`bounded`). Owns nothing but the list.

mod bounded;
mod elements;
mod read;
mod tags;
mod write;

pub use read::{Limits, NmapXml, Part, Progress, XmlError, read_scan};
pub use tags::Tags;
pub use write::write_scan;
