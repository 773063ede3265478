//! IEEE 802.11 frames and the radio headers before them: radiotap, Prism, AVS. Data frames lead to LLC; management and
//! control frames carry no traffic and encrypted ones cannot be read: both end here, each with its own counter.

use crate::bytes::{array_at, be16};
use crate::walk::{Next, Walk};
use record::{DecodeErrorKind, Layer, LinkType, MacAddr};

/// Bytes of an A-MSDU subframe's header: addresses and length.
const SUBFRAME_BYTES: usize = 14;

/// What a frame's first bytes say.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Frame {
    /// 0 management, 1 control, 2 data, 3 extension.
    pub kind: u8,
    /// Meaning depends on `kind`.
    pub subtype: u8,
    /// True when the body is encrypted.
    pub protected: bool,
    /// True for data without a body, and for every fragment but the first: no LLC header follows.
    pub bodiless: bool,
    /// True when the body is a row of subframes.
    pub aggregated: bool,
    /// To whom, from whom; zero when the frame has no such field.
    pub dest: MacAddr,
    /// See `dest`.
    pub src: MacAddr,
    /// Bytes of the header.
    pub len: usize,
}

/// Reads the header at the start of `data`; None when it is cut.
pub(crate) fn frame(data: &[u8]) -> Option<Frame> {
    let [control, flags] = array_at(data, 0)?;
    let (kind, subtype) = (control >> 2 & 3, control >> 4);
    let address = |at| array_at(data, at).map(MacAddr);
    let mut frame = Frame {
        kind,
        subtype,
        protected: flags & 0x40 != 0,
        bodiless: true,
        aggregated: false,
        dest: address(4)?,
        // Acknowledgements have no sender.
        src: address(10).unwrap_or_default(),
        len: 24,
    };
    if kind == 2 {
        data_frame(&mut frame, flags, data)?;
    }
    Some(frame)
}

/// The addresses' meaning depends on the direction (to and from the distribution system); QoS adds two bytes.
fn data_frame(frame: &mut Frame, flags: u8, data: &[u8]) -> Option<()> {
    let (quality, empty) = (frame.subtype & 8 != 0, frame.subtype & 4 != 0);
    let [sequence, _] = array_at(data, 22)?;
    let third = MacAddr(array_at(data, 16)?);
    match flags & 3 {
        0 => {}
        1 => frame.dest = third,
        2 => frame.src = third,
        _ => {
            (frame.dest, frame.src) = (third, MacAddr(array_at(data, 24)?));
            frame.len += 6;
        }
    }
    if quality {
        let [control, _] = array_at(data, frame.len)?;
        frame.aggregated = control & 0x80 != 0;
        // The order bit of a QoS frame stands for four more bytes (HT control).
        frame.len += if flags & 0x80 != 0 { 6 } else { 2 };
    }
    frame.bodiless = empty || sequence & 0x0f != 0;
    Some(())
}

/// A frame without a radio header.
pub(crate) fn read(walk: &mut Walk<'_>, at: usize) -> Next {
    read_padded(walk, at, false)
}

fn read_padded(walk: &mut Walk<'_>, at: usize, padded: bool) -> Next {
    let Some(frame) = frame(walk.rest(at)) else {
        return walk.stop(DecodeErrorKind::LinkTruncated, Layer::Link, at);
    };
    (walk.meta.dest_mac, walk.meta.src_mac) = (frame.dest, frame.src);
    if frame.kind != 2 || frame.bodiless {
        return walk.stop(DecodeErrorKind::LinkControl, Layer::Link, at);
    }
    if frame.protected {
        return walk.stop(DecodeErrorKind::LinkEncrypted, Layer::Link, at);
    }
    let body = at + if padded { frame.len.next_multiple_of(4) } else { frame.len };
    if frame.aggregated { subframe(walk, body) } else { super::ethernet::llc(walk, body) }
}

/// The first subframe of an A-MSDU; the others are not counted.
fn subframe(walk: &mut Walk<'_>, at: usize) -> Next {
    let Some(header) = walk.array::<SUBFRAME_BYTES>(at) else {
        return walk.stop(DecodeErrorKind::LinkTruncated, Layer::Link, at);
    };
    let [d0, d1, d2, d3, d4, d5, s0, s1, s2, s3, s4, s5, l0, l1] = header;
    walk.meta.dest_mac = MacAddr([d0, d1, d2, d3, d4, d5]);
    walk.meta.src_mac = MacAddr([s0, s1, s2, s3, s4, s5]);
    walk.limit(at + SUBFRAME_BYTES, usize::from(be16(l0, l1)));
    super::ethernet::llc(walk, at + SUBFRAME_BYTES)
}

/// Radiotap: version 0, length in little-endian order, and the two flags that change where the frame's parts lie.
pub(crate) fn radiotap(walk: &mut Walk<'_>, at: usize) -> Next {
    let Some(radio) = radio(walk.rest(at)) else {
        return walk.stop(DecodeErrorKind::LinkTruncated, Layer::Link, at);
    };
    if radio.checksum {
        let end = walk.wire_end.saturating_sub(4);
        walk.limit(at, end.saturating_sub(at));
    }
    read_padded(walk, at + radio.len, radio.padded)
}

/// What we need of a radiotap header.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Radio {
    /// Bytes of the header.
    pub len: usize,
    /// The frame ends with its checksum.
    pub checksum: bool,
    /// The frame's header is padded to four bytes.
    pub padded: bool,
}

/// Reads a radiotap header; None when it is cut or of another version.
pub(crate) fn radio(data: &[u8]) -> Option<Radio> {
    let [version, _, l0, l1] = array_at(data, 0)?;
    let len = usize::from(u16::from_le_bytes([l0, l1]));
    if version != 0 || len < 8 || len > data.len() {
        return None;
    }
    let header = &data[..len];
    let present = u32::from_le_bytes(array_at(header, 4)?);
    // Words of presence follow each other as long as the highest bit is set.
    let mut fields = 8;
    let mut word = present;
    while word >> 31 == 1 {
        word = u32::from_le_bytes(array_at(header, fields)?);
        fields += 4;
    }
    // Field 0 is a time of eight bytes at its natural place, field 1 the flags.
    if present & 1 == 1 {
        fields = fields.next_multiple_of(8) + 8;
    }
    let flags = if present & 2 == 2 { header.get(fields).copied()? } else { 0 };
    Some(Radio { len, checksum: flags & 0x10 != 0, padded: flags & 0x20 != 0 })
}

/// Prism, or AVS in its place: the length is in the header's second word.
pub(crate) fn prism_or_avs(walk: &mut Walk<'_>, at: usize) -> Next {
    match prism_len(walk.rest(at)) {
        Some(len) => Next::Link(LinkType::IEEE802_11, at + len),
        None => walk.stop(DecodeErrorKind::LinkTruncated, Layer::Link, at),
    }
}

/// Bytes of a Prism or AVS header; None when it is cut.
pub(crate) fn prism_len(data: &[u8]) -> Option<usize> {
    let (first, second) = (array_at(data, 0)?, array_at(data, 4)?);
    let avs = u32::from_be_bytes(first) & 0xffff_f000 == 0x8021_1000;
    let len = if avs { u32::from_be_bytes(second) } else { u32::from_le_bytes(second) } as usize;
    (8..=data.len()).contains(&len).then_some(len)
}
