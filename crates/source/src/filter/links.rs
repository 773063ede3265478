//! Where each link type keeps the type of its payload, and how it spells it.

use super::assemble::{Label, code};
use super::generate::Generator;
use record::LinkType;

/// IPv4's Ethernet type.
pub const IP: u16 = 0x0800;
/// IPv6's Ethernet type.
pub const IP6: u16 = 0x86dd;
/// ARP's Ethernet type.
pub const ARP: u16 = 0x0806;
/// Reverse ARP's Ethernet type.
pub const RARP: u16 = 0x8035;
/// MPLS's Ethernet type.
pub const MPLS: u16 = 0x8847;

/// How a link header is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    /// Ethernet, with tags, lengths and addresses.
    Ethernet,
    /// An Ethernet type at a fixed place: cooked captures, Cisco HDLC.
    Typed {
        /// Offset of the type.
        at: u32,
        /// Header, bytes.
        header: u32,
    },
    /// PPP behind two bytes of HDLC.
    Ppp,
    /// A 4-byte address family, in either byte order.
    Family,
    /// IP without a header; which version when it is fixed.
    Raw(Option<u8>),
}

impl Link {
    /// None for link types that filters do not read (802.11 and rarer ones).
    pub fn of(link: LinkType) -> Option<Self> {
        Some(match link {
            LinkType::ETHERNET => Self::Ethernet,
            LinkType::LINUX_SLL => Self::Typed { at: 14, header: 16 },
            LinkType::LINUX_SLL2 => Self::Typed { at: 0, header: 20 },
            LinkType::C_HDLC => Self::Typed { at: 2, header: 4 },
            LinkType::PPP | LinkType::PPP_HDLC => Self::Ppp,
            LinkType::NULL | LinkType::LOOP => Self::Family,
            LinkType::RAW | LinkType::RAW_BSD => Self::Raw(None),
            LinkType::IPV4 => Self::Raw(Some(4)),
            LinkType::IPV6 => Self::Raw(Some(6)),
            _ => return None,
        })
    }

    /// Offset of the payload's type, where there is one.
    pub fn type_offset(self) -> u32 {
        match self {
            Self::Ethernet => 12,
            Self::Typed { at, .. } => at,
            Self::Ppp => 2,
            Self::Family | Self::Raw(_) => 0,
        }
    }

    /// Link header, bytes.
    pub fn header(self) -> u32 {
        match self {
            Self::Ethernet => 14,
            Self::Typed { header, .. } => header,
            Self::Ppp | Self::Family => 4,
            Self::Raw(_) => 0,
        }
    }
}

impl Generator<'_> {
    /// Jumps by the payload's Ethernet type (an LSAP up to 1500).
    pub(super) fn ether_type(&mut self, kind: u16, yes: Label, no: Label) {
        if self.mpls_depth > 0 {
            return self.behind_mpls(kind, yes, no);
        }
        let at = self.link.type_offset() + self.shift;
        match self.link {
            Link::Ethernet if kind <= 1500 => {
                let here = self.assembler.label();
                self.load(2, at);
                self.assembler.branch(code::JGT, 1500, no, here);
                self.assembler.place(here);
                self.equal(1, self.link.header() + self.shift, u32::from(kind), yes, no);
            }
            Link::Ethernet | Link::Typed { .. } => self.equal(2, at, u32::from(kind), yes, no),
            Link::Ppp => {
                let protocol = match kind {
                    IP => 0x21,
                    IP6 => 0x57,
                    MPLS => 0x281,
                    other => other,
                };
                self.equal(2, at, u32::from(protocol), yes, no);
            }
            Link::Family => self.family(kind, yes, no),
            Link::Raw(version) => {
                let (fixed, nibble) = match kind {
                    IP => (version.map(|v| v == 4), 0x40),
                    IP6 => (version.map(|v| v == 6), 0x60),
                    _ => (Some(false), 0),
                };
                match fixed {
                    Some(always) => self.assembler.goto(if always { yes } else { no }),
                    None => self.masked(1, 0, nibble, 0xf0, yes, no),
                }
            }
        }
    }

    /// Families of IPv6: Linux 10, BSD 24, FreeBSD 28, macOS 30; the file does not say whose.
    fn family(&mut self, kind: u16, yes: Label, no: Label) {
        let numbers: &[u32] = match kind {
            IP => &[2],
            IP6 => &[24, 28, 30, 10],
            _ => return self.assembler.goto(no),
        };
        self.load(4, 0);
        for value in numbers.iter().flat_map(|n| [*n, n.swap_bytes()]) {
            let next = self.assembler.label();
            self.assembler.branch(code::JEQ, value, yes, next);
            self.assembler.place(next);
        }
        self.assembler.goto(no);
    }

    /// Behind MPLS there is no type: the last label must be the bottom, and the version nibble tells.
    fn behind_mpls(&mut self, kind: u16, yes: Label, no: Label) {
        let nibble = match kind {
            IP => 0x40,
            IP6 => 0x60,
            _ => return self.assembler.goto(no),
        };
        let bottom = self.assembler.label();
        let payload = self.payload();
        self.masked(1, payload - 2, 1, 1, bottom, no);
        self.assembler.place(bottom);
        self.masked(1, payload, nibble, 0xf0, yes, no);
    }
}
