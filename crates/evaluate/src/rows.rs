//! What is known of a row beside its features: who, when, where. Serves order in time, labels by events, episodes and baselines, and
//! never reaches a model.

use record::{FlowRecord, IpAddr16, MacAddr, Timestamp};

/// One end of a row's conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Party {
    /// Tells parties apart.
    pub id: u64,
    /// Its IP address, when that is what the table names.
    pub addr: Option<IpAddr16>,
    /// Its link address.
    pub mac: Option<MacAddr>,
}

/// See the module.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct RowInfo {
    /// First packet.
    pub start: Option<Timestamp>,
    /// Last packet: the row could be judged from here on.
    pub end: Option<Timestamp>,
    /// Who began.
    pub source: Option<Party>,
    /// Who was asked.
    pub destination: Option<Party>,
    /// Its port.
    pub source_port: Option<u16>,
    /// Asked port.
    pub destination_port: Option<u16>,
    /// Group of services of that port, as the models may see it.
    pub service: Option<u32>,
    /// Port or service, for the baseline that looks at nothing else.
    pub service_name: Option<u32>,
    /// Packets, both ways.
    pub packets: f64,
    /// Rate that the table itself gives.
    pub rate: Option<f64>,
    /// Fan-out that the table itself gives.
    pub fan_out: Option<f64>,
}

/// FNV-1a, 64 bits: the same on every machine.
pub(crate) fn fnv(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// `00:10:18:cb:8c:13` or with dashes.
pub(crate) fn mac(text: &str) -> Option<MacAddr> {
    let mut bytes = [0; 6];
    let mut parts = text.split([':', '-']);
    for byte in &mut bytes {
        let part = parts.next().filter(|part| part.len() == 2)?;
        *byte = u8::from_str_radix(part, 16).ok()?;
    }
    parts.next().is_none().then_some(MacAddr(bytes))
}

impl Party {
    /// From a table's text; None of nothing.
    #[must_use]
    pub fn from_text(text: &str) -> Option<Self> {
        let text = text.trim();
        (!text.is_empty()).then(|| Self { id: fnv(text), addr: text.parse().ok(), mac: mac(text) })
    }
}

impl RowInfo {
    /// Of a flow.
    #[must_use]
    pub fn of_flow(flow: &FlowRecord) -> Self {
        let party = |addr: IpAddr16, mac: MacAddr| Party {
            id: fnv(&addr.to_string()),
            addr: Some(addr),
            mac: Some(mac).filter(|mac| !mac.is_zero()),
        };
        let (src, dest) = (flow.src(), flow.dest());
        Self {
            start: Some(flow.start),
            end: Some(flow.end),
            source: Some(party(src.addr, flow.src_mac)),
            destination: Some(party(dest.addr, flow.dest_mac)),
            source_port: Some(src.port),
            destination_port: Some(dest.port),
            service: Some(features::service_code(flow.key.proto, dest.port)),
            service_name: Some(u32::from(dest.port)),
            packets: flow.packets() as f64,
            rate: None,
            fan_out: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parties_are_addresses_or_names() {
        let ip = Party::from_text("10.0.0.1");
        assert!(ip.is_some_and(|p| p.addr == Some(IpAddr16::v4([10, 0, 0, 1])) && p.mac.is_none()));
        let link = Party::from_text(" 00:10:18:cb:8c:13 ");
        assert!(link.is_some_and(|p| p.mac == Some(MacAddr([0, 0x10, 0x18, 0xcb, 0x8c, 0x13]))));
        assert_eq!((Party::from_text(""), mac("00:10:18:cb:8c"), mac("00:10:18:cb:8c:13:00")), (None, None, None));
    }
}
