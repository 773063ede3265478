//! 802.11 and its radio headers in the tree. Data frames go on with LLC; of the others the type is shown.

use super::link::llc;
use super::tree::{Tree, hex8};
use crate::link::wireless;

/// Radiotap, then the frame.
pub(super) fn radiotap(tree: &mut Tree<'_>, at: usize) {
    let Some(radio) = wireless::radio(tree.from(at)) else { return };
    tree.layer("Radiotap Header", at, radio.len);
    tree.field("radiotap.length", "Header length", radio.len, at + 2, 2);
    tree.field("radiotap.flags.fcs", "Checksum at end", radio.checksum, at, 0);
    frame_padded(tree, at + radio.len, radio.padded);
}

/// Prism or AVS, then the frame.
pub(super) fn prism_or_avs(tree: &mut Tree<'_>, at: usize) {
    let Some(len) = wireless::prism_len(tree.from(at)) else { return };
    tree.layer("Prism capture header", at, len);
    tree.field("prism.msglen", "Header length", len, at + 4, 4);
    frame(tree, at + len);
}

/// A frame without a radio header.
pub(super) fn frame(tree: &mut Tree<'_>, at: usize) {
    frame_padded(tree, at, false);
}

fn frame_padded(tree: &mut Tree<'_>, at: usize, padded: bool) {
    let Some(frame) = wireless::frame(tree.from(at)) else { return };
    let control = tree.from(at).first().copied().unwrap_or(0);
    tree.layer("IEEE 802.11", at, frame.len);
    let name = type_name(frame.kind, frame.subtype);
    tree.field("wlan.fc.type_subtype", "Type", format!("{name} ({})", hex8(control)), at, 1);
    tree.field("wlan.fc.protected", "Encrypted", frame.protected, at + 1, 1);
    tree.field("wlan.da", "Destination", frame.dest, at + 4, 6);
    if !frame.src.is_zero() {
        tree.field("wlan.sa", "Source", frame.src, at + 10, 6);
    }
    let body = at + if padded { frame.len.next_multiple_of(4) } else { frame.len };
    if frame.kind != 2 || frame.bodiless {
        return;
    }
    if frame.protected {
        let rest = tree.from(body).len();
        return tree.layer("Encrypted data", body, rest);
    }
    if frame.aggregated {
        tree.layer("A-MSDU Subframe", body, 14);
        return llc(tree, body + 14);
    }
    llc(tree, body);
}

/// A frame's type in Wireshark's words.
pub(super) fn type_name(kind: u8, subtype: u8) -> &'static str {
    match (kind, subtype) {
        (0, 0) => "Association Request",
        (0, 1) => "Association Response",
        (0, 2) => "Reassociation Request",
        (0, 3) => "Reassociation Response",
        (0, 4) => "Probe Request",
        (0, 5) => "Probe Response",
        (0, 8) => "Beacon frame",
        (0, 10) => "Disassociate",
        (0, 11) => "Authentication",
        (0, 12) => "Deauthentication",
        (0, 13 | 14) => "Action",
        (0, _) => "Management frame",
        (1, 8) => "802.11 Block Ack Request",
        (1, 9) => "802.11 Block Ack",
        (1, 10) => "Power-Save poll",
        (1, 11) => "Request-to-send",
        (1, 12) => "Clear-to-send",
        (1, 13) => "Acknowledgement",
        (1, _) => "Control frame",
        (2, 4) => "Null function (No data)",
        (2, 12) => "QoS Null function (No data)",
        (2, 8..) => "QoS Data",
        (2, _) => "Data",
        _ => "Extension frame",
    }
}

/// Protocol and information of a frame that stopped at its 802.11 header.
pub(super) fn summary(frame: &[u8], at: usize) -> Option<(String, String)> {
    let header = wireless::frame(frame.get(at..)?)?;
    let encrypted = if header.protected { ", encrypted" } else { "" };
    Some(("802.11".to_owned(), format!("{}{encrypted}", type_name(header.kind, header.subtype))))
}
