//! Capture filters in tcpdump's syntax: parsed once, compiled to classic BPF for each link type; the kernel runs the
//! program for live capture, a small interpreter runs the same program over files, so both mean the same.
//!
//! Supported: `host`, `net` (prefix or mask), `port`, `portrange`, `proto`, each with `src`, `dst`, `src or dst`,
//! `src and dst`; `ip`, `ip6`, `arp`, `rarp`, `tcp`, `udp`, `sctp`, `icmp`, `icmp6`, `igmp`, `igrp`, `pim`, `vrrp`,
//! `ah`, `esp`; `ether host|src|dst|proto|broadcast|multicast`, `ip multicast`, `ip6 multicast`; `vlan [id]`,
//! `mpls [label]`, `pppoed`; `less`, `greater`, `len`; byte access and arithmetic; `and`, `or`, `not`, parentheses,
//! inherited words (`port 53 or 80`). Link types: Ethernet, Linux cooked 1 and 2, raw IP, BSD loopback, PPP, HDLC.
//!
//! On purpose unlike tcpdump: names of hosts are not looked up; `%` and `^` bind as in C (tcpdump reads `a * b % c` as
//! `a * (b % c)`); BSD loopback families are read in either byte order
//! and with Linux' number for IPv6 too; live frames are judged with their VLAN tag in place, as the same frames in a
//! file are (tcpdump does not see the tag unless `vlan` is written); `pppoes`, `protochain`, `gateway`, 802.11 words
//! and `ip broadcast` (which needs a netmask) are refused.

pub mod arithmetic;
pub mod assemble;
pub mod ast;
pub mod error;
pub mod generate;
pub mod generate_arithmetic;
pub mod interpret;
pub mod lexer;
pub mod links;
pub mod names;
pub mod parser;
pub mod values;

pub use error::FilterError;

use assemble::Instruction;
use links::Link;
use record::LinkType;
use std::fmt;
use std::str::FromStr;

/// Link types a filter is compiled for when it is parsed.
const LINKS: [LinkType; 12] = [
    LinkType::ETHERNET,
    LinkType::RAW,
    LinkType::LINUX_SLL,
    LinkType::LINUX_SLL2,
    LinkType::NULL,
    LinkType::LOOP,
    LinkType::RAW_BSD,
    LinkType::PPP,
    LinkType::PPP_HDLC,
    LinkType::C_HDLC,
    LinkType::IPV4,
    LinkType::IPV6,
];

/// A parsed filter. The empty expression lets everything pass.
#[derive(Clone, Debug)]
pub struct Filter {
    expression: String,
    parsed: Option<ast::Expr>,
    programs: Vec<Option<Vec<Instruction>>>,
}

impl Filter {
    /// Parses an expression.
    ///
    /// # Errors
    /// With the place, what is wrong there and what to do; also when no link type at all could run it.
    pub fn parse(expression: &str) -> Result<Self, FilterError> {
        let parsed = parser::parse(expression)?;
        let compiled: Vec<_> = LINKS.iter().map(|link| compile(parsed.as_ref(), *link)).collect();
        if let Some(Err(why)) = compiled.first().filter(|_| compiled.iter().all(Result::is_err)) {
            return Err(FilterError::new(expression, 0, why.clone(), "simplify it"));
        }
        let programs = compiled.into_iter().map(Result::ok).collect();
        Ok(Self { expression: expression.to_owned(), parsed, programs })
    }

    /// The text it was made of.
    pub fn expression(&self) -> &str {
        &self.expression
    }

    /// True when frames of this link type can pass at all; without, [`Filter::matches`] refuses them.
    pub fn supports(&self, link: LinkType) -> bool {
        self.program(link).is_some()
    }

    /// True when the frame passes. A frame too short for a byte that the filter reads does not, as in tcpdump.
    #[must_use]
    pub fn matches(&self, link: LinkType, frame: &[u8], wire_len: u32) -> bool {
        match &self.parsed {
            None => true,
            Some(_) => self.program(link).is_some_and(|program| interpret::run(program, frame, wire_len) != 0),
        }
    }

    /// The program for frames as they lie in files.
    ///
    /// # Errors
    /// The expression asks for what the link type does not have.
    pub fn to_bpf(&self, link: LinkType) -> Result<Vec<libc::sock_filter>, FilterError> {
        compile(self.parsed.as_ref(), link).map(|program| kernel_form(&program)).map_err(|why| self.unfit(&why))
    }

    /// The program for a Linux packet socket, where the kernel keeps the outermost VLAN tag beside the frame.
    ///
    /// # Errors
    /// As [`Filter::to_bpf`]; also where bytes across the tag are read: use [`Filter::matches`] then.
    pub fn to_live_bpf(&self, link: LinkType) -> Result<Vec<libc::sock_filter>, FilterError> {
        let known = Link::of(link).ok_or_else(|| self.unfit("filtering"))?;
        let program = generate::live_program(self.parsed.as_ref(), known).map_err(|why| self.unfit(&why))?;
        Ok(kernel_form(&program))
    }

    fn program(&self, link: LinkType) -> Option<&[Instruction]> {
        let index = LINKS.iter().position(|known| *known == link)?;
        self.programs[index].as_deref()
    }

    fn unfit(&self, why: &str) -> FilterError {
        let what = format!("this link type does not have {why}");
        FilterError::new(&self.expression, 0, what, "change the filter, or filter later")
    }
}

fn compile(parsed: Option<&ast::Expr>, link: LinkType) -> Result<Vec<Instruction>, String> {
    let link = Link::of(link).ok_or_else(|| format!("a filter (link type {})", link.0))?;
    generate::program(parsed, link)
}

fn kernel_form(program: &[Instruction]) -> Vec<libc::sock_filter> {
    program.iter().map(|i| libc::sock_filter { code: i.code, jt: i.jt, jf: i.jf, k: i.k }).collect()
}

impl FromStr for Filter {
    type Err = FilterError;
    fn from_str(text: &str) -> Result<Self, FilterError> {
        Self::parse(text)
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.expression)
    }
}

#[cfg(test)]
mod tests;
