//! Settings of reading exports: bounds, and what captures of exports are taken for.

use serde::{Deserialize, Serialize};

/// What is done with exports that are found inside a capture file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum InCaptures {
    /// The flows they tell are taken in their place; other packets are read as ever.
    #[default]
    Auto,
    /// Only the flows they tell; other packets are left.
    Only,
    /// They are packets like any other.
    Ignore,
}

/// Bounds of what is remembered of exporters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ExportConfig {
    /// What exports inside capture files are taken for: `auto`, `only`, `ignore`. Interfaces always show packets.
    pub in_captures: InCaptures,
    /// Exporters (address, format and source identifier) remembered; the one silent for longest goes. Default 256.
    pub exporters_max: usize,
    /// Templates kept for one exporter; the one unused for longest goes. Default 1,024.
    pub templates_max: usize,
    /// Fields of all templates of one exporter. Default 16,384 (about 200 KiB).
    pub template_fields_max: usize,
    /// Data sets held back until their template comes, all exporters together. Default 512.
    pub held_sets_max: usize,
    /// Bytes of these. Default 1 MiB.
    pub held_bytes_max: usize,
}

impl Default for ExportConfig {
    fn default() -> Self {
        Self {
            in_captures: InCaptures::Auto,
            exporters_max: 256,
            templates_max: 1_024,
            template_fields_max: 16_384,
            held_sets_max: 512,
            held_bytes_max: 1 << 20,
        }
    }
}
