//! An independent reading of frames for the tests: lengths and checksums by the RFCs, and a TCP follower.

use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What the tests need of a frame. ARP has the sender's and target's addresses and protocol 0.
#[derive(Clone, Debug)]
pub(super) struct Packet {
    pub(super) src: IpAddr,
    pub(super) dst: IpAddr,
    pub(super) proto: u8,
    pub(super) ports: (u16, u16),
    pub(super) tcp: Option<(u32, u32, u8)>,
    pub(super) payload: usize,
}

fn word(b: &[u8], at: usize) -> u16 {
    u16::from_be_bytes([b[at], b[at + 1]])
}
fn long(b: &[u8], at: usize) -> u32 {
    u32::from_be_bytes([b[at], b[at + 1], b[at + 2], b[at + 3]])
}

/// The Internet checksum of parts, word by word.
fn ones(parts: &[&[u8]]) -> u16 {
    let bytes: Vec<u8> = parts.concat();
    let mut sum = 0u32;
    for pair in bytes.chunks(2) {
        sum += u32::from(pair[0]) << 8 | u32::from(*pair.get(1).unwrap_or(&0));
        sum = (sum & 0xffff) + (sum >> 16);
    }
    sum as u16
}

/// Reads a frame; says what is wrong with it.
pub(super) fn parse(f: &[u8]) -> Result<Packet, String> {
    if !(60..=1514).contains(&f.len()) {
        return Err(format!("frame of {} bytes", f.len()));
    }
    let (src, dst, proto, body): (IpAddr, IpAddr, u8, &[u8]) = match word(f, 12) {
        0x0806 => {
            let ip = |at: usize| IpAddr::from(<[u8; 4]>::try_from(&f[at..at + 4]).unwrap());
            return Ok(Packet { src: ip(28), dst: ip(38), proto: 0, ports: (0, 0), tcp: None, payload: 0 });
        }
        0x0800 => {
            let total = usize::from(word(f, 16));
            if 14 + total > f.len() || (f.len() > 60 && 14 + total != f.len()) || f[14] != 0x45 {
                return Err(format!("IPv4 length {total} in {} bytes", f.len()));
            }
            if ones(&[&f[14..34]]) != 0xffff {
                return Err("IPv4 checksum".into());
            }
            let ip = |at: usize| Ipv4Addr::from(<[u8; 4]>::try_from(&f[at..at + 4]).unwrap()).into();
            (ip(26), ip(30), f[23], &f[34..14 + total])
        }
        0x86dd => {
            let len = usize::from(word(f, 18));
            if 54 + len > f.len() || (f.len() > 60 && 54 + len != f.len()) {
                return Err(format!("IPv6 length {len} in {} bytes", f.len()));
            }
            let ip = |at: usize| Ipv6Addr::from(<[u8; 16]>::try_from(&f[at..at + 16]).unwrap()).into();
            (ip(22), ip(38), f[20], &f[54..54 + len])
        }
        other => return Err(format!("EtherType {other:#06x}")),
    };
    transport(src, dst, proto, body)
}

fn transport(src: IpAddr, dst: IpAddr, proto: u8, b: &[u8]) -> Result<Packet, String> {
    let address = |ip: IpAddr| match ip {
        IpAddr::V4(a) => a.octets().to_vec(),
        IpAddr::V6(a) => a.octets().to_vec(),
    };
    let pseudo = if proto == 1 {
        Vec::new()
    } else {
        [address(src), address(dst), vec![0, proto], (b.len() as u16).to_be_bytes().to_vec()].concat()
    };
    if ones(&[&pseudo, b]) != 0xffff {
        return Err(format!("checksum of protocol {proto}"));
    }
    let ports = if matches!(proto, 6 | 17) { (word(b, 0), word(b, 2)) } else { (0, 0) };
    let (tcp, header) = match proto {
        6 => (Some((long(b, 4), long(b, 8), b[13])), usize::from(b[12] >> 4) * 4),
        17 if usize::from(word(b, 4)) != b.len() => return Err("UDP length".into()),
        17 => (None, 8),
        1 | 58 => (None, 4),
        _ => return Err(format!("protocol {proto}")),
    };
    Ok(Packet { src, dst, proto, ports, tcp, payload: b.len() - header })
}

#[derive(Default)]
struct Side {
    isn: Option<u32>,
    /// Payload seen, by offset.
    seen: BTreeMap<u32, usize>,
    /// Highest offset sent so far.
    end: u32,
    fin: Option<u32>,
    acked: u32,
}

/// Follows connections.
#[derive(Default)]
pub(super) struct Follower {
    flows: HashMap<(IpAddr, u16, IpAddr, u16), [Side; 2]>,
    /// Connections that both sides closed.
    pub(super) closed: usize,
    /// Connections that somebody reset.
    pub(super) reset: usize,
    /// Segments seen twice.
    pub(super) repeated: usize,
}

impl Follower {
    /// Takes a TCP packet; says what breaks the rules.
    pub(super) fn take(&mut self, p: &Packet) -> Result<(), String> {
        let Some((seq, ack, flags)) = p.tcp else { return Ok(()) };
        let forward = (p.src, p.ports.0, p.dst, p.ports.1);
        let backward = (p.dst, p.ports.1, p.src, p.ports.0);
        let says = |what: &str| Err(format!("{what}: {p:?}"));
        let syn = flags & 2 != 0;
        if syn && flags & 0x10 == 0 {
            let flow = self.flows.entry(forward).or_default();
            *flow = Default::default();
            flow[0].isn = Some(seq);
            flow[0].end = 1;
            return Ok(());
        }
        let (key, me) = if self.flows.contains_key(&forward) { (forward, 0) } else { (backward, 1) };
        let Some(flow) = self.flows.get_mut(&key) else { return says("no handshake before") };
        let other = 1 - me;
        if syn {
            flow[me].isn = Some(seq);
            flow[me].end = 1;
        }
        if let (true, Some(isn)) = (flags & 0x10 != 0, flow[other].isn) {
            let acked = ack.wrapping_sub(isn);
            if acked > flow[other].end {
                return says("acknowledges what was not sent");
            }
            flow[me].acked = flow[me].acked.max(acked);
        }
        if flags & 4 != 0 {
            self.reset += 1;
            return Ok(());
        }
        let Some(isn) = flow[me].isn else { return says("speaks before its SYN") };
        let offset = seq.wrapping_sub(isn);
        if p.payload > 0 {
            if flow[other].isn.is_none() || offset > flow[me].end + 1460 {
                return says("data out of place");
            }
            self.repeated += usize::from(flow[me].seen.insert(offset, p.payload).is_some());
            flow[me].end = flow[me].end.max(offset + p.payload as u32);
        }
        if flags & 1 != 0 {
            let first = flow[me].fin.replace(offset + p.payload as u32).is_none();
            flow[me].end = flow[me].end.max(offset + p.payload as u32 + 1);
            if first && flow[other].fin.is_some() {
                self.closed += 1;
                for side in flow.iter() {
                    let bytes: usize = side.seen.values().sum();
                    if Some(bytes as u32 + 1) != side.fin {
                        return says("bytes are missing or double");
                    }
                }
            }
        }
        Ok(())
    }
}
