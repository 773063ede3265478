//! Arithmetic of filter expressions: C's operators on 32 unsigned bits, and bytes of headers.

use super::ast::{Arith, Operator};
use super::lexer::Token;
use super::names;
use super::parser::{Parsed, Parser};

/// Operators from the loosest to the tightest.
const LEVELS: &[&[(&str, Operator)]] = &[
    &[("&", Operator::And), ("|", Operator::Or), ("^", Operator::Xor)],
    &[("<<", Operator::ShiftLeft), (">>", Operator::ShiftRight)],
    &[("+", Operator::Add), ("-", Operator::Subtract)],
    &[("*", Operator::Multiply), ("/", Operator::Divide), ("%", Operator::Modulo)],
];

impl Parser<'_> {
    /// An arithmetic expression.
    pub(super) fn arithmetic(&mut self) -> Parsed<Arith> {
        self.deeper(|parser| parser.level(0))
    }

    fn level(&mut self, level: usize) -> Parsed<Arith> {
        let Some(operators) = LEVELS.get(level) else { return self.factor() };
        let mut left = self.level(level + 1)?;
        loop {
            let Some(Token::Sign(sign)) = self.peek(0) else { return Ok(left) };
            let Some((sign, operator)) = operators.iter().find(|(text, _)| text == sign) else { return Ok(left) };
            self.take_sign(sign);
            let right = self.level(level + 1)?;
            left = self.binary(*operator, left, right)?;
        }
    }

    fn binary(&self, operator: Operator, left: Arith, right: Arith) -> Parsed<Arith> {
        if matches!(operator, Operator::Divide | Operator::Modulo) && right == Arith::Number(0) {
            return Err(self.wrong("this divides by zero", "write another divisor"));
        }
        if let (Arith::Number(a), Arith::Number(b)) = (&left, &right)
            && let Some(folded) = compute(operator, *a, *b)
        {
            return Ok(Arith::Number(folded));
        }
        Ok(Arith::Binary(operator, Box::new(left), Box::new(right)))
    }

    fn factor(&mut self) -> Parsed<Arith> {
        if self.take_sign("-") {
            return Ok(match self.deeper(Self::factor)? {
                Arith::Number(n) => Arith::Number(n.wrapping_neg()),
                other => Arith::Negate(Box::new(other)),
            });
        }
        if self.take_sign("(") {
            let inner = self.arithmetic()?;
            self.close()?;
            return Ok(inner);
        }
        let Some(word) = self.take_word() else {
            let found = self.found();
            return Err(
                self.wrong(format!("a number is expected, not {found}"), "write a number, `len` or e.g. `ip[8]`")
            );
        };
        if word == "len" {
            return Ok(Arith::Length);
        }
        if let Some(number) = names::number(&word).or_else(|| names::constant(&word)) {
            return Ok(Arith::Number(number));
        }
        if let Some(protocol) = names::protocol(&word).filter(|_| self.take_sign("[")) {
            let index = self.arithmetic()?;
            let size = self.size()?;
            return Ok(Arith::Load(protocol, Box::new(index), size));
        }
        self.step_back();
        let found = self.found();
        Err(self.wrong(format!("{found} is not a number"), "write a number, `len` or e.g. `ip[8]`"))
    }

    /// `]`, or `: 1|2|4 ]`.
    fn size(&mut self) -> Parsed<u8> {
        let mut size = 1;
        if self.take_sign(":") {
            size = match self.word().and_then(names::number) {
                Some(n @ (1 | 2 | 4)) => n as u8,
                _ => return Err(self.wrong("the size must be 1, 2 or 4 bytes", "write e.g. `[6:2]`")),
            };
            self.take_word();
        }
        if self.take_sign("]") {
            return Ok(size);
        }
        let found = self.found();
        Err(self.wrong(format!("`]` is expected, not {found}"), "close the bracket"))
    }
}

/// The operation on constants; None where the packet must decide (a shift over 31, a zero divisor).
fn compute(operator: Operator, a: u32, b: u32) -> Option<u32> {
    match operator {
        Operator::Add => Some(a.wrapping_add(b)),
        Operator::Subtract => Some(a.wrapping_sub(b)),
        Operator::Multiply => Some(a.wrapping_mul(b)),
        Operator::Divide => a.checked_div(b),
        Operator::Modulo => a.checked_rem(b),
        Operator::And => Some(a & b),
        Operator::Or => Some(a | b),
        Operator::Xor => Some(a ^ b),
        Operator::ShiftLeft => Some(a.checked_shl(b).unwrap_or(0)),
        Operator::ShiftRight => Some(a.checked_shr(b).unwrap_or(0)),
    }
}
