//! The grammar of pcap-filter(7): terms, qualifiers and what a bare value inherits. `and` and `or` bind equally and to
//! the left, `not` binds tighter, as in tcpdump.

use super::FilterError;
use super::ast::{Arith, Comparison, Direction, Expr, Protocol, Test};
use super::lexer::{Placed, Token, split};
use super::{names, values};

/// Deepest nesting of parentheses, `not` and arithmetic.
const DEPTH_MAX: usize = 64;
/// Most terms joined by `and` and `or`.
const TERMS_MAX: usize = 1000;

/// What kind of value follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `host`, or nothing behind `src` and `dst`.
    Host,
    /// `net`.
    Net,
    /// `port`.
    Port,
    /// `portrange`.
    PortRange,
    /// `proto`.
    Proto,
}

/// The words in front of a value; a bare value after `and` or `or` takes those of the term before.
#[derive(Clone, Copy, Debug)]
pub struct Qualifiers {
    /// Protocol word.
    pub protocol: Option<Protocol>,
    /// Direction words.
    pub direction: Direction,
    /// Kind of value.
    pub kind: Kind,
}

/// A parser over one expression.
pub struct Parser<'a> {
    pub(super) expression: &'a str,
    tokens: Vec<Placed>,
    at: usize,
    last: Option<Qualifiers>,
    depth: usize,
    terms: usize,
}

pub(super) type Parsed<T> = Result<T, FilterError>;

/// Parses a whole expression; empty text is None and lets every packet pass.
///
/// # Errors
/// With the place, what is wrong there and what to do.
pub fn parse(expression: &str) -> Parsed<Option<Expr>> {
    let tokens = split(expression)?;
    if tokens.is_empty() {
        return Ok(None);
    }
    let mut parser = Parser { expression, tokens, at: 0, last: None, depth: 0, terms: 0 };
    let parsed = parser.expression()?;
    if parser.at < parser.tokens.len() {
        let found = parser.found();
        return Err(parser.wrong(format!("{found} is not expected here"), "join terms with `and` or `or`"));
    }
    Ok(Some(parsed))
}

impl Parser<'_> {
    pub(super) fn peek(&self, ahead: usize) -> Option<&Token> {
        self.tokens.get(self.at + ahead).map(|placed| &placed.token)
    }

    pub(super) fn is_sign(&self, ahead: usize, sign: &str) -> bool {
        matches!(self.peek(ahead), Some(Token::Sign(s)) if *s == sign)
    }

    pub(super) fn take_sign(&mut self, sign: &str) -> bool {
        let there = self.is_sign(0, sign);
        self.at += usize::from(there);
        there
    }

    pub(super) fn word(&self) -> Option<&str> {
        match self.peek(0) {
            Some(Token::Word(word)) => Some(word),
            _ => None,
        }
    }

    pub(super) fn take_word(&mut self) -> Option<String> {
        let word = self.word()?.to_owned();
        self.at += 1;
        Some(word)
    }

    pub(super) fn step_back(&mut self) {
        self.at -= 1;
    }

    pub(super) fn position(&self) -> usize {
        self.tokens.get(self.at).map_or(self.expression.len(), |placed| placed.at)
    }

    pub(super) fn found(&self) -> String {
        match self.peek(0) {
            Some(Token::Word(word)) => format!("`{word}`"),
            Some(Token::Sign(sign)) => format!("`{sign}`"),
            None => "the end".to_owned(),
        }
    }

    pub(super) fn wrong(&self, what: impl Into<String>, advice: impl Into<String>) -> FilterError {
        FilterError::new(self.expression, self.position(), what, advice)
    }

    pub(super) fn deeper<T>(&mut self, inner: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        if self.depth >= DEPTH_MAX {
            return Err(self.wrong(format!("it nests deeper than {DEPTH_MAX}"), "split it into several filters"));
        }
        self.depth += 1;
        let result = inner(self);
        self.depth -= 1;
        result
    }

    pub(super) fn close(&mut self) -> Parsed<()> {
        if self.take_sign(")") {
            return Ok(());
        }
        let found = self.found();
        Err(self.wrong(format!("`)` is expected, not {found}"), "close the parenthesis"))
    }

    fn expression(&mut self) -> Parsed<Expr> {
        let mut left = self.term()?;
        loop {
            let and = self.take_sign("and");
            if !and && !self.take_sign("or") {
                return Ok(left);
            }
            self.terms += 1;
            if self.terms > TERMS_MAX {
                return Err(self.wrong(format!("it joins more than {TERMS_MAX} terms"), "use `net` or `portrange`"));
            }
            let right = Box::new(self.term()?);
            left = if and { Expr::And(Box::new(left), right) } else { Expr::Or(Box::new(left), right) };
        }
    }

    fn term(&mut self) -> Parsed<Expr> {
        if self.take_sign("not") {
            return Ok(Expr::Not(Box::new(self.deeper(Self::term)?)));
        }
        if self.starts_arithmetic() {
            return self.relation();
        }
        if self.take_sign("(") {
            let inner = self.deeper(Self::expression)?;
            self.close()?;
            return Ok(inner);
        }
        let Some(word) = self.word() else {
            let found = self.found();
            return Err(
                self.wrong(format!("a term is expected, not {found}"), "write e.g. `port 53` or `host 192.0.2.1`")
            );
        };
        match word {
            "vlan" | "mpls" | "less" | "greater" | "broadcast" | "multicast" | "pppoed" | "pppoes" => self.single(None),
            _ if is_qualifier(word) => self.qualified(),
            _ if is_unsupported(word) => {
                let what = format!("`{word}` is not supported");
                Err(self.wrong(what, "see the list of supported words in the documentation of filters"))
            }
            _ => self.bare_value(),
        }
    }

    fn bare_value(&mut self) -> Parsed<Expr> {
        if let Some(qualifiers) = self.last {
            return self.value(qualifiers);
        }
        let found = self.found();
        let advice = "put `host`, `net`, `port` or `proto` in front";
        Err(self.wrong(format!("{found} has no word in front that says what it is"), advice))
    }

    /// Protocol, direction and kind words, then the value or values.
    fn qualified(&mut self) -> Parsed<Expr> {
        let start = self.at;
        let protocol = self.word().and_then(names::protocol);
        self.at += usize::from(protocol.is_some());
        let direction = self.direction();
        if protocol.is_some() && matches!(self.word(), Some("broadcast" | "multicast")) && direction.is_none() {
            return self.single(protocol);
        }
        let kind = match self.word() {
            Some("host") => Some(Kind::Host),
            Some("net") => Some(Kind::Net),
            Some("port") => Some(Kind::Port),
            Some("portrange") => Some(Kind::PortRange),
            Some("proto") => Some(Kind::Proto),
            _ => None,
        };
        self.at += usize::from(kind.is_some());
        if direction.is_none() && kind.is_none() {
            self.last = None;
            return match protocol {
                Some(Protocol::Link) | None => {
                    let advice = "follow it by `host`, `src`, `dst`, `proto`, `broadcast`, `multicast` or `[`";
                    Err(self.wrong(format!("{} is expected to say more", self.found_at(start)), advice))
                }
                Some(protocol) => Ok(Expr::Test(Test::Is(protocol))),
            };
        }
        let direction = direction.unwrap_or(Direction::Either);
        let qualifiers = Qualifiers { protocol, direction, kind: kind.unwrap_or(Kind::Host) };
        self.last = Some(qualifiers);
        if self.take_sign("(") {
            let inner = self.deeper(Self::expression)?;
            self.close()?;
            return Ok(inner);
        }
        let mut negated = false;
        while self.take_sign("not") {
            negated = !negated;
        }
        let test = self.value(qualifiers)?;
        Ok(if negated { Expr::Not(Box::new(test)) } else { test })
    }

    fn found_at(&self, index: usize) -> String {
        match self.tokens.get(index).map(|placed| &placed.token) {
            Some(Token::Word(word)) => format!("`{word}`"),
            _ => "this".to_owned(),
        }
    }

    /// `src`, `dst`, `src or dst`, `src and dst`.
    fn direction(&mut self) -> Option<Direction> {
        let side = |word: Option<&Token>| match word {
            Some(Token::Word(word)) if word == "src" => Some(Direction::Source),
            Some(Token::Word(word)) if word == "dst" => Some(Direction::Destination),
            _ => None,
        };
        let first = side(self.peek(0))?;
        self.at += 1;
        let second = side(self.peek(1)).filter(|second| *second != first);
        let joined = match self.peek(0) {
            Some(Token::Sign("or")) if second.is_some() => Direction::Either,
            Some(Token::Sign("and")) if second.is_some() => Direction::Both,
            _ => return Some(first),
        };
        self.at += 2;
        Some(joined)
    }

    /// Tests of one word, some with a number.
    fn single(&mut self, protocol: Option<Protocol>) -> Parsed<Expr> {
        self.last = None;
        let word = self.take_word().unwrap_or_default();
        let test = match word.as_str() {
            "vlan" => Test::Vlan(self.number_up_to(0xfff)?.map(|n| n as u16)),
            "mpls" => Test::Mpls(self.number_up_to(0xf_ffff)?),
            "pppoed" => Test::EtherType(0x8863),
            "less" => Test::Compare(Arith::Length, Comparison::LessEqual, Arith::Number(self.number_required()?)),
            "greater" => Test::Compare(Arith::Length, Comparison::GreaterEqual, Arith::Number(self.number_required()?)),
            "broadcast" if matches!(protocol, None | Some(Protocol::Link)) => Test::Broadcast,
            "multicast" if protocol.is_none() => Test::Multicast(Protocol::Link),
            "multicast" => match protocol {
                Some(p @ (Protocol::Link | Protocol::Ip | Protocol::Ip6)) => Test::Multicast(p),
                _ => return Err(self.wrong("this protocol has no multicast", "use ether, ip or ip6 multicast")),
            },
            "broadcast" => {
                self.step_back();
                return Err(self.wrong("the netmask is not known", "use `ether broadcast` or `host 255.255.255.255`"));
            }
            _ => {
                self.step_back();
                return Err(self.wrong(format!("`{word}` is not supported"), "use `ether proto 0x8864`"));
            }
        };
        Ok(Expr::Test(test))
    }

    fn number_up_to(&mut self, max: u32) -> Parsed<Option<u32>> {
        let Some(number) = self.word().and_then(names::number) else { return Ok(None) };
        if number > max {
            return Err(self.wrong(format!("{number} is over {max}"), format!("use a number up to {max}")));
        }
        self.at += 1;
        Ok(Some(number))
    }

    fn number_required(&mut self) -> Parsed<u32> {
        if let Some(number) = self.number_up_to(u32::MAX)? {
            return Ok(number);
        }
        let found = self.found();
        Err(self.wrong(format!("a number is expected, not {found}"), "write the length in bytes"))
    }

    /// True when an arithmetic comparison starts here.
    fn starts_arithmetic(&self) -> bool {
        match self.peek(0) {
            Some(Token::Sign("-")) => true,
            Some(Token::Sign("(")) => {
                let mut open = 0usize;
                for ahead in 0.. {
                    match self.peek(ahead) {
                        Some(Token::Sign("(")) => open += 1,
                        Some(Token::Sign(")")) => open -= 1,
                        None => return false,
                        Some(_) => {}
                    }
                    if open == 0 {
                        return self.is_operator(ahead + 1);
                    }
                }
                false
            }
            Some(Token::Word(word)) => {
                let header = names::protocol(word).is_some() && self.is_sign(1, "[");
                let value = word == "len" || names::number(word).is_some() || names::constant(word).is_some();
                header || (value && self.is_operator(1))
            }
            _ => false,
        }
    }

    fn is_operator(&self, ahead: usize) -> bool {
        const OPERATORS: [&str; 16] =
            ["=", "!=", "<", ">", "<=", ">=", "+", "-", "*", "/", "%", "&", "|", "^", "<<", ">>"];
        matches!(self.peek(ahead), Some(Token::Sign(sign)) if OPERATORS.contains(sign))
    }

    /// Two numbers compared.
    fn relation(&mut self) -> Parsed<Expr> {
        self.last = None;
        let left = self.arithmetic()?;
        let comparison = match self.peek(0) {
            Some(Token::Sign("=")) => Comparison::Equal,
            Some(Token::Sign("!=")) => Comparison::Unequal,
            Some(Token::Sign(">")) => Comparison::Greater,
            Some(Token::Sign("<")) => Comparison::Less,
            Some(Token::Sign(">=")) => Comparison::GreaterEqual,
            Some(Token::Sign("<=")) => Comparison::LessEqual,
            _ => {
                let found = self.found();
                return Err(self.wrong(format!("a comparison is expected, not {found}"), "add e.g. `!= 0`"));
            }
        };
        self.at += 1;
        Ok(Expr::Test(Test::Compare(left, comparison, self.arithmetic()?)))
    }

    fn value(&mut self, qualifiers: Qualifiers) -> Parsed<Expr> {
        values::value(self, qualifiers).map(Expr::Test)
    }
}

fn is_qualifier(word: &str) -> bool {
    names::protocol(word).is_some() || matches!(word, "src" | "dst" | "host" | "net" | "port" | "portrange" | "proto")
}

fn is_unsupported(word: &str) -> bool {
    matches!(
        word,
        "gateway"
            | "protochain"
            | "inbound"
            | "outbound"
            | "ifindex"
            | "wlan"
            | "type"
            | "subtype"
            | "dir"
            | "radio"
            | "ppp"
            | "slip"
            | "fddi"
            | "tr"
            | "decnet"
            | "iso"
            | "clnp"
            | "esis"
            | "isis"
            | "geneve"
            | "lat"
            | "stp"
            | "atalk"
            | "aarp"
            | "ipx"
            | "netbeui"
            | "llc"
            | "action"
            | "reason"
            | "rnr"
            | "rulenum"
            | "ifname"
    )
}
