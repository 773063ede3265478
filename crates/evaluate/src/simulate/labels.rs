//! Ground truth: one label for each attack episode and its CSV form (`start,end,src,dest,dest_port,kind`).
//! Knows no frame; the engine extends a label as the episode's frames leave.

use record::{IpAddr16, Kind, Timestamp};
use std::io::{self, Write};
use std::net::IpAddr;

/// One attack episode. Its frames lie in `start..=end` and go from `src` to `dest`, or back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// First frame of the episode.
    pub start: Timestamp,
    /// Last frame so far.
    pub end: Timestamp,
    /// The attacker (or the infected host).
    pub src: IpAddr16,
    /// The victim; None: any.
    pub dest: Option<IpAddr16>,
    /// The attacked TCP or UDP port; None: any.
    pub dest_port: Option<u16>,
    /// What a detector should call it.
    pub kind: Kind,
}

impl Label {
    /// A label whose first frame leaves at `start`.
    pub(super) fn new(start: i64, kind: Kind, src: IpAddr, dest: Option<IpAddr>, dest_port: Option<u16>) -> Self {
        let start = Timestamp(start);
        Self { start, end: start, src: src.into(), dest: dest.map(Into::into), dest_port, kind }
    }
}

/// Writes labels as CSV with a header line; times are RFC 3339, an empty field means "any".
///
/// # Errors
/// Whatever `out` reports.
pub fn write_labels<W: Write>(out: &mut W, labels: &[Label]) -> io::Result<()> {
    writeln!(out, "start,end,src,dest,dest_port,kind")?;
    for l in labels {
        let dest = l.dest.map(|d| d.to_string()).unwrap_or_default();
        let port = l.dest_port.map(|p| p.to_string()).unwrap_or_default();
        writeln!(out, "{},{},{},{dest},{port},{}", l.start, l.end, l.src, l.kind.name())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn csv_leaves_any_empty() {
        let mut out = Vec::new();
        let ip: IpAddr = "192.0.2.7".parse().unwrap();
        write_labels(&mut out, &[Label::new(0, Kind::HostSweep, ip, None, Some(445))]).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert_eq!(
            text,
            "start,end,src,dest,dest_port,kind\n1970-01-01T00:00:00.000000Z,1970-01-01T00:00:00.000000Z,192.0.2.7,,445,host_sweep\n"
        );
    }
}
