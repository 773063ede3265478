//! Classic BPF (McCanne and Jacobson 1993): instructions, labels, and jumps made to fit their 8-bit offsets.
//! All jumps go forward, so every program ends.

/// Most instructions the kernel takes (`BPF_MAXINSNS`).
pub const INSTRUCTIONS_MAX: usize = 4096;

/// One instruction, laid out as the kernel's `sock_filter`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Instruction {
    /// Operation.
    pub code: u16,
    /// Instructions to skip when true.
    pub jt: u8,
    /// Instructions to skip when false.
    pub jf: u8,
    /// Operand.
    pub k: u32,
}

/// Operation codes, named as in the paper's assembler.
pub mod code {
    /// A = 4 bytes at k.
    pub const LD_W_ABS: u16 = 0x20;
    /// A = 2 bytes at k.
    pub const LD_H_ABS: u16 = 0x28;
    /// A = 1 byte at k.
    pub const LD_B_ABS: u16 = 0x30;
    /// A = 4 bytes at X + k.
    pub const LD_W_IND: u16 = 0x40;
    /// A = 2 bytes at X + k.
    pub const LD_H_IND: u16 = 0x48;
    /// A = 1 byte at X + k.
    pub const LD_B_IND: u16 = 0x50;
    /// A = k.
    pub const LD_IMM: u16 = 0x00;
    /// A = length on the wire.
    pub const LD_LEN: u16 = 0x80;
    /// A = M\[k\].
    pub const LD_MEM: u16 = 0x60;
    /// X = M\[k\].
    pub const LDX_MEM: u16 = 0x61;
    /// X = 4 * (byte at k & 15): an IPv4 header's length.
    pub const LDX_MSH: u16 = 0xb1;
    /// M\[k\] = A.
    pub const ST: u16 = 0x02;
    /// A = A op k; add 8 for X instead of k.
    pub const ALU_ADD: u16 = 0x04;
    /// Subtract.
    pub const ALU_SUB: u16 = 0x14;
    /// Multiply.
    pub const ALU_MUL: u16 = 0x24;
    /// Divide; by X = 0 the packet is refused.
    pub const ALU_DIV: u16 = 0x34;
    /// Or.
    pub const ALU_OR: u16 = 0x44;
    /// And.
    pub const ALU_AND: u16 = 0x54;
    /// Shift left.
    pub const ALU_LSH: u16 = 0x64;
    /// Shift right.
    pub const ALU_RSH: u16 = 0x74;
    /// A = -A.
    pub const ALU_NEG: u16 = 0x84;
    /// Modulo; by X = 0 the packet is refused.
    pub const ALU_MOD: u16 = 0x94;
    /// Exclusive or.
    pub const ALU_XOR: u16 = 0xa4;
    /// Added to an arithmetic or jump code: operand X instead of k.
    pub const X: u16 = 0x08;
    /// Jump always, by k.
    pub const JA: u16 = 0x05;
    /// Jump when equal.
    pub const JEQ: u16 = 0x15;
    /// Jump when greater.
    pub const JGT: u16 = 0x25;
    /// Jump when greater or equal.
    pub const JGE: u16 = 0x35;
    /// Jump when any bit of k is set.
    pub const JSET: u16 = 0x45;
    /// Return k: bytes to keep.
    pub const RET: u16 = 0x06;
    /// X = A.
    pub const TAX: u16 = 0x07;
    /// A = X.
    pub const TXA: u16 = 0x87;
}

/// A place in the program, before it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Label(usize);

#[derive(Clone, Copy, Debug)]
enum Item {
    Plain(u16, u32),
    Branch(u16, u32, Label, Label),
}

/// A program being written.
#[derive(Default)]
pub struct Assembler {
    items: Vec<Item>,
    /// Item index of each label.
    places: Vec<usize>,
}

impl Assembler {
    /// A new label, to be placed later.
    pub fn label(&mut self) -> Label {
        self.places.push(usize::MAX);
        Label(self.places.len() - 1)
    }

    /// The label means the next instruction.
    pub fn place(&mut self, label: Label) {
        self.places[label.0] = self.items.len();
    }

    /// An instruction that does not jump.
    pub fn plain(&mut self, code: u16, k: u32) {
        self.items.push(Item::Plain(code, k));
    }

    /// A conditional jump.
    pub fn branch(&mut self, code: u16, k: u32, yes: Label, no: Label) {
        self.items.push(Item::Branch(code, k, yes, no));
    }

    /// An unconditional jump.
    pub fn goto(&mut self, label: Label) {
        self.items.push(Item::Branch(code::JA, 0, label, label));
    }

    /// Resolves the labels. None when the program is too long for the kernel.
    pub fn finish(&self) -> Option<Vec<Instruction>> {
        // Branches whose target is too far for 8 bits get a long jump behind them, until nothing changes.
        let mut far = vec![(false, false); self.items.len()];
        loop {
            let starts = self.starts(&far);
            let mut changed = false;
            for (index, item) in self.items.iter().enumerate() {
                let Item::Branch(kind, _, yes, no) = *item else { continue };
                if kind == code::JA {
                    continue;
                }
                let next = starts[index] + 1;
                let too_far = |label: Label| starts[self.places[label.0]] - next > 255;
                let (yes, no) = (far[index].0 || too_far(yes), far[index].1 || too_far(no));
                changed |= far[index] != (yes, no);
                far[index] = (yes, no);
            }
            if !changed {
                return self.write(&starts, &far);
            }
        }
    }

    fn starts(&self, far: &[(bool, bool)]) -> Vec<usize> {
        let mut at = 0;
        let mut starts = Vec::with_capacity(self.items.len() + 1);
        for (yes, no) in far {
            starts.push(at);
            at += 1 + usize::from(*yes) + usize::from(*no);
        }
        starts.push(at);
        starts
    }

    fn write(&self, starts: &[usize], far: &[(bool, bool)]) -> Option<Vec<Instruction>> {
        let mut program = Vec::new();
        let plain = |code, k| Instruction { code, jt: 0, jf: 0, k };
        for (item, (yes_far, no_far)) in self.items.iter().zip(far) {
            let next = program.len() + 1;
            match *item {
                Item::Plain(code, k) => program.push(plain(code, k)),
                Item::Branch(code::JA, _, label, _) => {
                    program.push(plain(code::JA, (starts[self.places[label.0]] - next) as u32));
                }
                Item::Branch(code, k, yes, no) => {
                    let (yes, no) = (starts[self.places[yes.0]], starts[self.places[no.0]]);
                    let jt = if *yes_far { 0 } else { (yes - next) as u8 };
                    let jf = if *no_far { u8::from(*yes_far) } else { (no - next) as u8 };
                    program.push(Instruction { code, jt, jf, k });
                    for (target, _) in [(yes, *yes_far), (no, *no_far)].into_iter().filter(|(_, far)| *far) {
                        program.push(plain(code::JA, (target - program.len() - 1) as u32));
                    }
                }
            }
        }
        (program.len() <= INSTRUCTIONS_MAX).then_some(program)
    }
}
