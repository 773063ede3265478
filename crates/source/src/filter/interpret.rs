//! Runs a classic BPF program over one packet, as the kernel would: a load outside the packet refuses it.

use super::assemble::{Instruction, code};

/// Bytes of the packet to keep; 0 refuses it. `wire_len` is what `len` means.
#[must_use]
pub fn run(program: &[Instruction], packet: &[u8], wire_len: u32) -> u32 {
    execute(program, packet, wire_len).unwrap_or(0)
}

fn execute(program: &[Instruction], packet: &[u8], wire_len: u32) -> Option<u32> {
    let (mut a, mut x, mut memory) = (0u32, 0u32, [0u32; 16]);
    let mut next = 0usize;
    while let Some(instruction) = program.get(next) {
        next += 1;
        let k = instruction.k;
        match instruction.code {
            code::LD_W_ABS => a = word(packet, k as usize)?,
            code::LD_H_ABS => a = half(packet, k as usize)?,
            code::LD_B_ABS => a = u32::from(*packet.get(k as usize)?),
            code::LD_W_IND => a = word(packet, x as usize + k as usize)?,
            code::LD_H_IND => a = half(packet, x as usize + k as usize)?,
            code::LD_B_IND => a = u32::from(*packet.get(x as usize + k as usize)?),
            code::LD_IMM => a = k,
            code::LD_LEN => a = wire_len,
            code::LD_MEM => a = memory[k as usize & 15],
            code::LDX_MEM => x = memory[k as usize & 15],
            code::LDX_MSH => x = 4 * u32::from(packet.get(k as usize)? & 15),
            code::ST => memory[k as usize & 15] = a,
            code::TAX => x = a,
            code::TXA => a = x,
            code::RET => return Some(k),
            code::JA => next += k as usize,
            other if other & 7 == 4 => a = alu(other & !code::X, a, if other & code::X == 0 { k } else { x })?,
            other => {
                let operand = if other & code::X == 0 { k } else { x };
                let yes = match other & !code::X {
                    code::JEQ => a == operand,
                    code::JGT => a > operand,
                    code::JGE => a >= operand,
                    code::JSET => a & operand != 0,
                    _ => return None,
                };
                next += usize::from(if yes { instruction.jt } else { instruction.jf });
            }
        }
    }
    None
}

#[inline]
fn alu(operation: u16, a: u32, operand: u32) -> Option<u32> {
    Some(match operation {
        code::ALU_ADD => a.wrapping_add(operand),
        code::ALU_SUB => a.wrapping_sub(operand),
        code::ALU_MUL => a.wrapping_mul(operand),
        code::ALU_DIV => a.checked_div(operand)?,
        code::ALU_MOD => a.checked_rem(operand)?,
        code::ALU_OR => a | operand,
        code::ALU_AND => a & operand,
        code::ALU_XOR => a ^ operand,
        code::ALU_LSH => a.checked_shl(operand).unwrap_or(0),
        code::ALU_RSH => a.checked_shr(operand).unwrap_or(0),
        code::ALU_NEG => a.wrapping_neg(),
        _ => return None,
    })
}

#[inline]
fn word(packet: &[u8], at: usize) -> Option<u32> {
    packet.get(at..)?.first_chunk().map(|bytes| u32::from_be_bytes(*bytes))
}

#[inline]
fn half(packet: &[u8], at: usize) -> Option<u32> {
    packet.get(at..)?.first_chunk().map(|bytes| u32::from(u16::from_be_bytes(*bytes)))
}
