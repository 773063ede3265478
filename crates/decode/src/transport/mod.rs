//! Transport headers. Each notes the flow's ports, the header's length and where the payload lies.

pub(crate) mod icmp;
pub(crate) mod igmp;
pub(crate) mod quoted;
pub(crate) mod sctp;
pub(crate) mod tcp;
pub(crate) mod udp;
