//! Building the tree: layers in order, fields with their place. Owns the bounds of the tree; knows no protocol.

use record::{DetailField, DetailLayer, FrameHeader};

/// Layers of one packet; more are left out (tunnels in tunnels, tags on tags).
const LAYERS_MAX: usize = 40;
/// Fields of one layer; more are left out (options, headers, answers).
const FIELDS_MAX: usize = 120;

/// A tree that grows, over the bytes of one frame.
pub(super) struct Tree<'a> {
    /// Captured bytes.
    pub frame: &'a [u8],
    layers: Vec<DetailLayer>,
}

impl<'a> Tree<'a> {
    pub(super) fn new(frame: &'a [u8]) -> Self {
        Self { frame, layers: Vec::new() }
    }

    pub(super) fn into_layers(self) -> Vec<DetailLayer> {
        self.layers
    }

    /// True when no more layers are taken: readers stop, so that a crafted packet costs no more than this.
    pub(super) fn is_full(&self) -> bool {
        self.layers.len() >= LAYERS_MAX
    }

    /// Captured bytes from `at`; empty when there are none.
    pub(super) fn from(&self, at: usize) -> &'a [u8] {
        self.frame.get(at..).unwrap_or(&[])
    }

    /// Opens a layer of `length` bytes at `at`; what was not captured is not counted.
    pub(super) fn layer(&mut self, name: &str, at: usize, length: usize) {
        let at = at.min(self.frame.len());
        let length = length.min(self.frame.len() - at);
        self.layers.push(DetailLayer {
            name: name.to_owned(),
            offset: at as u32,
            length: length as u32,
            fields: Vec::new(),
        });
    }

    /// Adds a field to the layer opened last. Takes numbers and texts alike, so that each call is one line.
    #[allow(clippy::needless_pass_by_value)]
    pub(super) fn field(&mut self, name: &str, label: &str, value: impl ToString, at: usize, length: usize) {
        if let Some(layer) = self.layers.last_mut()
            && layer.fields.len() < FIELDS_MAX
        {
            layer.fields.push(DetailField {
                name: name.to_owned(),
                label: label.to_owned(),
                value: value.to_string(),
                offset: at as u32,
                length: length as u32,
            });
        }
    }

    /// What the capture says of the frame itself.
    pub(super) fn frame_layer(&mut self, header: &FrameHeader) {
        self.layer("Frame", 0, self.frame.len());
        self.field("frame.time_epoch", "Capture time", header.ts, 0, 0);
        self.field("frame.len", "Length on the wire", header.wire_len, 0, 0);
        self.field("frame.cap_len", "Length captured", self.frame.len(), 0, 0);
        self.field("frame.interface_id", "Interface", header.interface, 0, 0);
        self.field("frame.encap_type", "Link type", header.link.0, 0, 0);
    }
}

/// `0x` and at least four digits.
pub(super) fn hex16(value: u16) -> String {
    format!("0x{value:04x}")
}

/// `0x` and two digits.
pub(super) fn hex8(value: u8) -> String {
    format!("0x{value:02x}")
}

/// `0x` and eight digits.
pub(super) fn hex32(value: u32) -> String {
    format!("0x{value:08x}")
}
