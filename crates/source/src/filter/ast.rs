//! The meaning of a filter expression, free of syntax and of link types.

/// A condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expr {
    /// Both.
    And(Box<Expr>, Box<Expr>),
    /// Either.
    Or(Box<Expr>, Box<Expr>),
    /// Not.
    Not(Box<Expr>),
    /// One test.
    Test(Test),
}

/// Which side of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Source.
    Source,
    /// Destination.
    Destination,
    /// Either (the default).
    Either,
    /// Both at once.
    Both,
}

/// Protocols that stand in front of a test, and alone are one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// The link, Ethernet.
    Link,
    /// IPv4.
    Ip,
    /// IPv6.
    Ip6,
    /// ARP.
    Arp,
    /// Reverse ARP.
    Rarp,
    /// IP protocol by number, over IPv4 only (`icmp`, `igmp`).
    Over4(u8),
    /// IP protocol by number, over IPv6 only (`icmp6`).
    Over6(u8),
    /// IP protocol by number, over both (`tcp`, `udp`, `sctp`).
    OverBoth(u8),
}

/// An address with the bits that count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Address {
    /// Address and mask.
    V4(u32, u32),
    /// Address and mask.
    V6(u128, u128),
}

/// One test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Test {
    /// The packet is of this protocol.
    Is(Protocol),
    /// Ethernet type, or LSAP when not over 1500.
    EtherType(u16),
    /// Address; the protocol is None, Ip, Ip6, Arp or Rarp.
    Host(Option<Protocol>, Direction, Address),
    /// Ethernet address.
    EtherHost(Direction, [u8; 6]),
    /// Port range, both ends included, of one transport or (None) of TCP, UDP and SCTP.
    Port(Option<u8>, Direction, u16, u16),
    /// VLAN tag; later tests look behind it.
    Vlan(Option<u16>),
    /// MPLS label; later tests look behind it.
    Mpls(Option<u32>),
    /// Ethernet broadcast.
    Broadcast,
    /// Multicast of the link, of IPv4 or of IPv6.
    Multicast(Protocol),
    /// Comparison of two numbers.
    Compare(Arith, Comparison, Arith),
}

/// How two numbers compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// Equal.
    Equal,
    /// Different.
    Unequal,
    /// Greater, unsigned.
    Greater,
    /// Less, unsigned.
    Less,
    /// Greater or equal.
    GreaterEqual,
    /// Less or equal.
    LessEqual,
}

/// Arithmetic of 32 unsigned bits that wrap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Arith {
    /// A constant.
    Number(u32),
    /// Packet length on the wire.
    Length,
    /// Bytes of a protocol's header: protocol, index, 1, 2 or 4 bytes.
    Load(Protocol, Box<Arith>, u8),
    /// Two operands.
    Binary(Operator, Box<Arith>, Box<Arith>),
    /// 0 - x.
    Negate(Box<Arith>),
}

/// Operators.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    /// +
    Add,
    /// -
    Subtract,
    /// *
    Multiply,
    /// / (a division by zero refuses the packet)
    Divide,
    /// %
    Modulo,
    /// &
    And,
    /// |
    Or,
    /// ^
    Xor,
    /// <<
    ShiftLeft,
    /// >>
    ShiftRight,
}
