//! From conditions to a classic BPF program for one link type. Follows libpcap's choices (later tests look behind a
//! `vlan` or `mpls` test, ports only of first fragments), so that counts agree with tcpdump's.

use super::assemble::{Assembler, Instruction, Label, code};
use super::ast::{Address, Direction, Expr, Protocol, Test};
use super::links::{ARP, IP, IP6, Link, MPLS, RARP};

/// Bytes to keep of a packet that passes: all.
pub const KEEP: u32 = super::super::files::format::CAPTURED_BYTES_MAX;

/// Where the outermost VLAN tag is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tag {
    /// In the frame, or there is none.
    InFrame,
    /// Taken out by the kernel and kept beside the frame.
    Beside,
}

/// Ancillary loads of Linux (`SKF_AD_OFF` = -4096).
pub mod beside {
    /// The tag's identifier and priority.
    pub const TAG: u32 = 0xffff_f000 + 44;
    /// 1 when a tag was taken out.
    pub const PRESENT: u32 = 0xffff_f000 + 48;
    /// The tag's Ethernet type.
    pub const TYPE: u32 = 0xffff_f000 + 60;
}

/// Generator of one program.
pub struct Generator<'a> {
    pub(super) link: Link,
    pub(super) assembler: &'a mut Assembler,
    /// Bytes of VLAN tags passed.
    pub(super) shift: u32,
    /// Bytes of MPLS labels passed.
    pub(super) labels: u32,
    pub(super) mpls_depth: u32,
    pub(super) tag: Tag,
    pub(super) scratch: u32,
    /// The first thing that this link type cannot do.
    pub(super) refused: Option<String>,
}

/// A whole program for `expr`; None lets all pass.
///
/// # Errors
/// What the link type, or the program's length, does not allow.
pub fn program(expr: Option<&Expr>, link: Link) -> Result<Vec<Instruction>, String> {
    let mut assembler = Assembler::default();
    part(&mut assembler, expr, link, Tag::InFrame)?;
    finish(&assembler)
}

/// A program for a Linux packet socket, where the kernel has taken the outermost VLAN tag out of the frame: means the
/// same as [`program`] over the frame with its tag.
///
/// # Errors
/// As [`program`]; also loads that straddle the tag.
pub fn live_program(expr: Option<&Expr>, link: Link) -> Result<Vec<Instruction>, String> {
    if link != Link::Ethernet || expr.is_none() {
        return program(expr, link);
    }
    let mut assembler = Assembler::default();
    let (beside, inside) = (assembler.label(), assembler.label());
    assembler.plain(code::LD_B_ABS, beside::PRESENT);
    assembler.branch(code::JEQ, 0, inside, beside);
    assembler.place(beside);
    part(&mut assembler, expr, link, Tag::Beside)?;
    assembler.place(inside);
    part(&mut assembler, expr, link, Tag::InFrame)?;
    finish(&assembler)
}

fn part(assembler: &mut Assembler, expr: Option<&Expr>, link: Link, tag: Tag) -> Result<(), String> {
    let (yes, no) = (assembler.label(), assembler.label());
    if let Some(expr) = expr {
        let mut generator =
            Generator { link, assembler, shift: 0, labels: 0, mpls_depth: 0, tag, scratch: 0, refused: None };
        generator.expression(expr, yes, no);
        if let Some(why) = generator.refused {
            return Err(why);
        }
    }
    assembler.place(yes);
    assembler.plain(code::RET, KEEP);
    assembler.place(no);
    assembler.plain(code::RET, 0);
    Ok(())
}

fn finish(assembler: &Assembler) -> Result<Vec<Instruction>, String> {
    assembler.finish().ok_or_else(|| "the program is longer than 4,096 instructions".to_owned())
}

impl Generator<'_> {
    fn expression(&mut self, expr: &Expr, yes: Label, no: Label) {
        match expr {
            Expr::And(a, b) => {
                let next = self.assembler.label();
                self.expression(a, next, no);
                self.assembler.place(next);
                self.expression(b, yes, no);
            }
            Expr::Or(a, b) => {
                let next = self.assembler.label();
                self.expression(a, yes, next);
                self.assembler.place(next);
                self.expression(b, yes, no);
            }
            Expr::Not(inner) => self.expression(inner, no, yes),
            Expr::Test(test) => self.test(test, yes, no),
        }
    }

    fn test(&mut self, test: &Test, yes: Label, no: Label) {
        match test {
            Test::Is(protocol) => self.is(*protocol, yes, no),
            Test::EtherType(kind) => self.ether_type(*kind, yes, no),
            Test::Host(protocol, direction, address) => self.host(*protocol, *direction, *address, yes, no),
            Test::EtherHost(direction, mac) => self.ether_host(*direction, *mac, yes, no),
            Test::Port(transport, direction, low, high) => self.port(*transport, *direction, (*low, *high), yes, no),
            Test::Vlan(id) => self.vlan(*id, yes, no),
            Test::Mpls(label) => self.mpls(*label, yes, no),
            Test::Broadcast => self.ether_host(Direction::Destination, [0xff; 6], yes, no),
            Test::Multicast(protocol) => self.multicast(*protocol, yes, no),
            Test::Compare(left, comparison, right) => self.compare(left, *comparison, right, yes, no),
        }
    }

    /// Notes what cannot be done; generation goes on, the program is thrown away.
    pub(super) fn refuse(&mut self, why: &str) {
        self.refused.get_or_insert_with(|| why.to_owned());
    }

    /// Offset of the network header.
    pub(super) fn payload(&self) -> u32 {
        self.link.header() + self.shift + self.labels
    }

    /// A = `size` bytes at `at`, an offset in the frame as people see it, tag included.
    pub(super) fn load(&mut self, size: u8, at: u32) {
        let kind = match size {
            1 => code::LD_B_ABS,
            2 => code::LD_H_ABS,
            _ => code::LD_W_ABS,
        };
        let end = at.saturating_add(u32::from(size));
        match (self.tag, at) {
            (Tag::InFrame, _) => self.assembler.plain(kind, at),
            (Tag::Beside, _) if end <= 12 => self.assembler.plain(kind, at),
            (Tag::Beside, 16..) => self.assembler.plain(kind, at - 4),
            (Tag::Beside, 12) if size == 2 => self.assembler.plain(code::LD_H_ABS, beside::TYPE),
            (Tag::Beside, 14) if size == 2 => self.assembler.plain(code::LD_H_ABS, beside::TAG),
            _ => self.refuse("bytes across a VLAN tag that the kernel keeps apart"),
        }
    }

    /// `payload() + offset` for loads relative to X, which only ever lie behind the tag.
    pub(super) fn behind_tag(&self, at: u32) -> u32 {
        if self.tag == Tag::Beside { at.saturating_sub(4) } else { at }
    }

    pub(super) fn equal(&mut self, size: u8, at: u32, value: u32, yes: Label, no: Label) {
        self.load(size, at);
        self.assembler.branch(code::JEQ, value, yes, no);
    }

    pub(super) fn masked(&mut self, size: u8, at: u32, value: u32, mask: u32, yes: Label, no: Label) {
        if mask == 0 {
            // tcpdump's optimiser leaves such a load out, which matters for cut frames.
            return self.assembler.goto(yes);
        }
        self.load(size, at);
        if mask != u32::MAX {
            self.assembler.plain(code::ALU_AND, mask);
        }
        self.assembler.branch(code::JEQ, value, yes, no);
    }

    /// First `first`, then what the caller generates next, both needed.
    pub(super) fn and_then(&mut self, first: impl FnOnce(&mut Self, Label)) {
        let next = self.assembler.label();
        first(self, next);
        self.assembler.place(next);
    }

    pub(super) fn is(&mut self, protocol: Protocol, yes: Label, no: Label) {
        match protocol {
            Protocol::Link => self.assembler.goto(yes),
            Protocol::Ip => self.ether_type(IP, yes, no),
            Protocol::Ip6 => self.ether_type(IP6, yes, no),
            Protocol::Arp => self.ether_type(ARP, yes, no),
            Protocol::Rarp => self.ether_type(RARP, yes, no),
            Protocol::Over4(number) => {
                self.and_then(|g, next| g.ether_type(IP, next, no));
                self.equal(1, self.payload() + 9, u32::from(number), yes, no);
            }
            Protocol::Over6(number) => self.over6(number, yes, no),
            Protocol::OverBoth(number) => {
                self.and_then(|g, other| g.over6(number, yes, other));
                self.is(Protocol::Over4(number), yes, no);
            }
        }
    }

    /// The next header, also behind one fragment header.
    fn over6(&mut self, number: u8, yes: Label, no: Label) {
        let at = self.payload();
        self.and_then(|g, next| g.ether_type(IP6, next, no));
        self.and_then(|g, other| g.equal(1, at + 6, u32::from(number), yes, other));
        self.and_then(|g, next| g.equal(1, at + 6, 44, next, no));
        self.equal(1, at + 40, u32::from(number), yes, no);
    }

    /// Tests one or both sides.
    fn sides(
        &mut self,
        direction: Direction,
        yes: Label,
        no: Label,
        mut side: impl FnMut(&mut Self, bool, Label, Label),
    ) {
        match direction {
            Direction::Source => side(self, true, yes, no),
            Direction::Destination => side(self, false, yes, no),
            Direction::Either => {
                self.and_then(|g, other| side(g, true, yes, other));
                side(self, false, yes, no);
            }
            Direction::Both => {
                self.and_then(|g, next| side(g, true, next, no));
                side(self, false, yes, no);
            }
        }
    }

    fn host(&mut self, protocol: Option<Protocol>, direction: Direction, address: Address, yes: Label, no: Label) {
        match (address, protocol) {
            (Address::V4(..), None) if self.mpls_depth == 0 => {
                self.and_then(|g, other| g.host(Some(Protocol::Ip), direction, address, yes, other));
                self.and_then(|g, other| g.host(Some(Protocol::Arp), direction, address, yes, other));
                self.host(Some(Protocol::Rarp), direction, address, yes, no);
            }
            (Address::V4(value, mask), _) => {
                let (kind, source, destination) = match protocol {
                    Some(Protocol::Arp) => (ARP, 14, 24),
                    Some(Protocol::Rarp) => (RARP, 14, 24),
                    _ => (IP, 12, 16),
                };
                self.and_then(|g, next| g.ether_type(kind, next, no));
                let at = self.payload();
                self.sides(direction, yes, no, |g, is_source, yes, no| {
                    g.masked(4, at + if is_source { source } else { destination }, value, mask, yes, no);
                });
            }
            (Address::V6(value, mask), _) => {
                self.and_then(|g, next| g.ether_type(IP6, next, no));
                let at = self.payload();
                self.sides(direction, yes, no, |g, is_source, yes, no| {
                    g.address6(at + if is_source { 8 } else { 24 }, value, mask, yes, no);
                });
            }
        }
    }

    fn address6(&mut self, at: u32, value: u128, mask: u128, yes: Label, no: Label) {
        for word in 0..4u32 {
            let cut = |wide: u128| (wide >> (96 - 32 * word)) as u32;
            self.and_then(|g, next| g.masked(4, at + 4 * word, cut(value), cut(mask), next, no));
        }
        self.assembler.goto(yes);
    }

    fn ether_host(&mut self, direction: Direction, mac: [u8; 6], yes: Label, no: Label) {
        if self.link != Link::Ethernet {
            self.refuse("an Ethernet address");
        }
        let high = u32::from(u16::from_be_bytes([mac[0], mac[1]]));
        let low = u32::from_be_bytes([mac[2], mac[3], mac[4], mac[5]]);
        self.sides(direction, yes, no, |g, is_source, yes, no| {
            let at = if is_source { 6 } else { 0 };
            g.and_then(|g, next| g.equal(4, at + 2, low, next, no));
            g.equal(2, at, high, yes, no);
        });
    }

    fn multicast(&mut self, protocol: Protocol, yes: Label, no: Label) {
        let at = self.payload();
        match protocol {
            Protocol::Ip => {
                self.and_then(|g, next| g.ether_type(IP, next, no));
                self.load(1, at + 16);
                self.assembler.branch(code::JGE, 224, yes, no);
            }
            Protocol::Ip6 => {
                self.and_then(|g, next| g.ether_type(IP6, next, no));
                self.equal(1, at + 24, 255, yes, no);
            }
            _ => {
                if self.link != Link::Ethernet {
                    self.refuse("link multicast");
                }
                self.masked(1, 0, 1, 1, yes, no);
            }
        }
    }

    fn port(&mut self, transport: Option<u8>, direction: Direction, ports: (u16, u16), yes: Label, no: Label) {
        let other = self.assembler.label();
        let at = self.payload();
        self.and_then(|g, next| g.ether_type(IP6, next, other));
        self.and_then(|g, next| g.transport(at + 6, transport, next, no));
        self.sides(direction, yes, no, |g, is_source, yes, no| {
            g.load(2, at + 40 + if is_source { 0 } else { 2 });
            g.port_in(ports, yes, no);
        });
        self.assembler.place(other);
        self.and_then(|g, next| g.ether_type(IP, next, no));
        self.and_then(|g, next| g.transport(at + 9, transport, next, no));
        self.and_then(|g, next| g.first_fragment(next, no));
        let behind = self.behind_tag(at);
        self.sides(direction, yes, no, |g, is_source, yes, no| {
            g.assembler.plain(code::LDX_MSH, behind);
            g.assembler.plain(code::LD_H_IND, behind + if is_source { 0 } else { 2 });
            g.port_in(ports, yes, no);
        });
    }

    fn transport(&mut self, at: u32, transport: Option<u8>, yes: Label, no: Label) {
        self.load(1, at);
        if let Some(number) = transport {
            return self.assembler.branch(code::JEQ, u32::from(number), yes, no);
        }
        for number in [6, 17] {
            self.and_then(|g, other| g.assembler.branch(code::JEQ, number, yes, other));
        }
        self.assembler.branch(code::JEQ, 132, yes, no);
    }

    /// Later fragments have no transport header.
    pub(super) fn first_fragment(&mut self, yes: Label, no: Label) {
        self.load(2, self.payload() + 6);
        self.assembler.branch(code::JSET, 0x1fff, no, yes);
    }

    fn port_in(&mut self, (low, high): (u16, u16), yes: Label, no: Label) {
        if low == high {
            return self.assembler.branch(code::JEQ, u32::from(low), yes, no);
        }
        self.and_then(|g, next| g.assembler.branch(code::JGE, u32::from(low), next, no));
        self.assembler.branch(code::JGT, u32::from(high), no, yes);
    }

    fn vlan(&mut self, id: Option<u16>, yes: Label, no: Label) {
        if self.link != Link::Ethernet || self.mpls_depth > 0 {
            self.refuse("a VLAN tag");
        }
        let at = self.link.type_offset() + self.shift;
        self.load(2, at);
        self.and_then(|g, tagged| {
            for kind in [0x8100, 0x88a8] {
                g.and_then(|g, other| g.assembler.branch(code::JEQ, kind, tagged, other));
            }
            g.assembler.branch(code::JEQ, 0x9100, tagged, no);
        });
        match id {
            Some(id) => self.masked(2, at + 2, u32::from(id), 0xfff, yes, no),
            None => self.assembler.goto(yes),
        }
        self.shift += 4;
    }

    fn mpls(&mut self, label: Option<u32>, yes: Label, no: Label) {
        if matches!(self.link, Link::Family | Link::Raw(_)) {
            self.refuse("an MPLS label");
        }
        let at = self.payload();
        self.and_then(|g, next| {
            if g.mpls_depth > 0 { g.masked(1, at - 2, 0, 1, next, no) } else { g.ether_type(MPLS, next, no) }
        });
        match label {
            Some(label) => self.masked(4, at, label << 12, 0xffff_f000, yes, no),
            None => self.assembler.goto(yes),
        }
        self.labels += 4;
        self.mpls_depth += 1;
    }
}
