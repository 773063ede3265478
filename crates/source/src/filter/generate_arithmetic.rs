//! Comparisons of header bytes: first the tests that the protocols are there, then the arithmetic.

use super::assemble::{Label, code};
use super::ast::{Arith, Comparison, Operator, Protocol};
use super::generate::{Generator, Tag};
use super::links::{IP, Link};

/// Scratch cells of the machine.
const CELLS: u32 = 16;

impl Generator<'_> {
    pub(super) fn compare(&mut self, left: &Arith, comparison: Comparison, right: &Arith, yes: Label, no: Label) {
        self.guards(left, no);
        self.guards(right, no);
        let (jump, yes, no) = match comparison {
            Comparison::Equal => (code::JEQ, yes, no),
            Comparison::Unequal => (code::JEQ, no, yes),
            Comparison::Greater => (code::JGT, yes, no),
            Comparison::LessEqual => (code::JGT, no, yes),
            Comparison::GreaterEqual => (code::JGE, yes, no),
            Comparison::Less => (code::JGE, no, yes),
        };
        if let Arith::Number(number) = right {
            self.value(left);
            self.assembler.branch(jump, *number, yes, no);
        } else {
            self.two(left, right);
            self.assembler.branch(jump | code::X, 0, yes, no);
        }
    }

    /// Tests that every protocol whose bytes are read is there; otherwise the comparison is false.
    fn guards(&mut self, arith: &Arith, no: Label) {
        match arith {
            Arith::Number(_) | Arith::Length => {}
            Arith::Negate(inner) => self.guards(inner, no),
            Arith::Binary(_, a, b) => {
                self.guards(a, no);
                self.guards(b, no);
            }
            Arith::Load(protocol, index, _) => {
                self.guards(index, no);
                self.guard(*protocol, no);
            }
        }
    }

    fn guard(&mut self, protocol: Protocol, no: Label) {
        match protocol {
            Protocol::Link => {
                if self.link != Link::Ethernet {
                    self.refuse("bytes of an Ethernet header");
                }
            }
            Protocol::Over4(number) | Protocol::OverBoth(number) => {
                self.and_then(|g, next| g.ether_type(IP, next, no));
                let at = self.payload() + 9;
                self.and_then(|g, next| g.equal(1, at, u32::from(number), next, no));
                self.and_then(|g, next| g.first_fragment(next, no));
            }
            Protocol::Over6(number) => {
                self.and_then(|g, next| g.is(Protocol::Ip6, next, no));
                let at = self.payload() + 6;
                self.and_then(|g, next| g.equal(1, at, u32::from(number), next, no));
            }
            other => self.and_then(|g, next| g.is(other, next, no)),
        }
    }

    /// A = value.
    fn value(&mut self, arith: &Arith) {
        match arith {
            Arith::Number(number) => self.assembler.plain(code::LD_IMM, *number),
            Arith::Length => {
                self.assembler.plain(code::LD_LEN, 0);
                if self.tag == Tag::Beside {
                    self.assembler.plain(code::ALU_ADD, 4);
                }
            }
            Arith::Negate(inner) => {
                self.value(inner);
                self.assembler.plain(code::ALU_NEG, 0);
            }
            Arith::Load(protocol, index, size) => self.bytes(*protocol, index, *size),
            Arith::Binary(operator, left, right) => self.binary(*operator, left, right),
        }
    }

    /// A = left, X = right.
    fn two(&mut self, left: &Arith, right: &Arith) {
        self.value(right);
        if self.scratch >= CELLS {
            return self.refuse("so deep an arithmetic expression");
        }
        let cell = self.scratch;
        self.scratch += 1;
        self.assembler.plain(code::ST, cell);
        self.value(left);
        self.assembler.plain(code::LDX_MEM, cell);
        self.scratch = cell;
    }

    fn binary(&mut self, operator: Operator, left: &Arith, right: &Arith) {
        let operation = match operator {
            Operator::Add => code::ALU_ADD,
            Operator::Subtract => code::ALU_SUB,
            Operator::Multiply => code::ALU_MUL,
            Operator::Divide => code::ALU_DIV,
            Operator::Modulo => code::ALU_MOD,
            Operator::And => code::ALU_AND,
            Operator::Or => code::ALU_OR,
            Operator::Xor => code::ALU_XOR,
            Operator::ShiftLeft => code::ALU_LSH,
            Operator::ShiftRight => code::ALU_RSH,
        };
        let shift = matches!(operator, Operator::ShiftLeft | Operator::ShiftRight);
        match right {
            // The kernel refuses constant shifts over 31.
            Arith::Number(bits) if shift && *bits > 31 => self.assembler.plain(code::LD_IMM, 0),
            Arith::Number(number) => {
                self.value(left);
                self.assembler.plain(operation, *number);
            }
            _ => {
                self.two(left, right);
                self.assembler.plain(operation | code::X, 0);
            }
        }
    }

    /// A = `size` bytes at `index` of the protocol's header.
    fn bytes(&mut self, protocol: Protocol, index: &Arith, size: u8) {
        let payload = self.payload();
        let variable = matches!(protocol, Protocol::Over4(_) | Protocol::OverBoth(_));
        let base = match protocol {
            Protocol::Link => 0,
            Protocol::Over6(_) => payload + 40,
            _ => payload,
        };
        match (index, variable) {
            (Arith::Number(at), false) => return self.load(size, base.saturating_add(*at)),
            (Arith::Number(at), true) => {
                self.assembler.plain(code::LDX_MSH, self.behind_tag(payload));
                return self.load_behind_x(size, self.behind_tag(base).saturating_add(*at));
            }
            (_, false) => {
                if protocol == Protocol::Link && self.tag == Tag::Beside {
                    self.refuse("computed bytes of the link header");
                }
                self.value(index);
            }
            (_, true) => {
                self.value(index);
                self.assembler.plain(code::LDX_MSH, self.behind_tag(payload));
                self.assembler.plain(code::ALU_ADD | code::X, 0);
            }
        }
        self.assembler.plain(code::TAX, 0);
        self.load_behind_x(size, self.behind_tag(base));
    }

    fn load_behind_x(&mut self, size: u8, k: u32) {
        let kind = match size {
            1 => code::LD_B_IND,
            2 => code::LD_H_IND,
            _ => code::LD_W_IND,
        };
        self.assembler.plain(kind, k);
    }
}
