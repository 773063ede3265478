//! Tags: 802.1Q, 802.1ad (QinQ), priority tags, 802.1ah.

use crate::bytes::be16;
use crate::walk::{Next, Walk};
use record::{DecodeErrorKind, Layer};

/// Reads one tag; the outermost identifier that is not 0 (a priority tag) is the packet's VLAN.
pub(crate) fn vlan(walk: &mut Walk<'_>, at: usize) -> Next {
    if walk.tags >= walk.config.tags_max {
        return walk.stop(DecodeErrorKind::TagsTooMany, Layer::Link, at);
    }
    walk.tags += 1;
    let Some([c0, c1, t0, t1]) = walk.array::<4>(at) else {
        return walk.stop(DecodeErrorKind::LinkTruncated, Layer::Link, at);
    };
    if walk.outermost && walk.meta.vlan == 0 {
        walk.meta.vlan = be16(c0, c1) & 0x0fff;
    }
    Next::EtherType(be16(t0, t1), at + 4)
}

/// 802.1ah: a service tag of four bytes, then the customer's whole Ethernet frame.
pub(crate) fn service(walk: &mut Walk<'_>, at: usize) -> Next {
    if walk.tags >= walk.config.tags_max {
        return walk.stop(DecodeErrorKind::TagsTooMany, Layer::Link, at);
    }
    walk.tags += 1;
    Next::Ethernet(at + 4)
}
