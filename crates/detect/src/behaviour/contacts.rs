//! Which first contacts say something about who opened them. Owns the rules that keep replies, broadcasts, route tracing
//! and captures that begin in the middle out of the random walks; knows no walk.

use super::lru::Lru;
use super::text::may_be_broadcast;
use record::{Contact, ContactOutcome, IpAddr16, Observation, TcpFlags, timestamp::NS_PER_S};

/// IP protocol numbers.
pub(super) const ICMP: u8 = 1;
pub(super) const TCP: u8 = 6;
pub(super) const UDP: u8 = 17;
pub(super) const ICMPV6: u8 = 58;
pub(super) const SCTP: u8 = 132;

/// How long a UDP port counts as one that its owner sends from.
const SENDER_NS: i64 = 600 * NS_PER_S;
/// Ports that route tracing asks (RFC 1393 gives the base; one port a probe, up to 100 probes).
const TRACEROUTE: std::ops::RangeInclusive<u16> = 33_434..=33_534;

/// UDP ports that their owners send from. A datagram to such a port is a reply or belongs to a peer-to-peer program,
/// whoever sends it (SSDP devices answer a multicast question from ports of their own).
pub(super) struct Senders {
    ports: Lru<(IpAddr16, u16), ()>,
}

impl Senders {
    /// At most `capacity` ports.
    pub(super) fn new(capacity: usize) -> Self {
        Self { ports: Lru::new(capacity) }
    }
    /// Notes who sent, and says whether the receiver's port is itself a sender's.
    fn note(&mut self, contact: &Contact) -> bool {
        let opened = contact.opened;
        self.ports.expire(opened, SENDER_NS, |_, ()| {});
        self.ports.touch(&(contact.src, contact.src_port), opened, || ());
        self.ports.peek(&(contact.dest, contact.dest_port)).is_some()
    }
    /// Entries forgotten at the bound.
    pub(super) fn evicted(&self) -> u64 {
        self.ports.evicted()
    }
}

/// Some(failed) when the observation is a contact and evidence for or against its opener; None when it says nothing. Asked once of each
/// contact, in their order, whoever wants to know (`Context::evidence`).
pub(super) fn evidence_of(observation: &Observation, senders: &mut Senders) -> Option<bool> {
    match observation {
        Observation::Contact(contact) => evidence(contact, senders),
        _ => None,
    }
}

fn evidence(contact: &Contact, senders: &mut Senders) -> Option<bool> {
    let solicited = contact.proto == UDP && senders.note(contact);
    let failed = match contact.outcome {
        ContactOutcome::Answered => false,
        ContactOutcome::Refused | ContactOutcome::Unanswered => true,
        ContactOutcome::Midstream => return None,
    };
    let (src, dest) = (contact.src, contact.dest);
    // Nobody connects to a broadcast address: a TCP opening to one that ends like it is a scanner's, or the network is larger.
    let broadcast = failed && contact.proto != TCP && may_be_broadcast(dest);
    if src == dest || src.is_not_one_host() || dest.is_not_one_host() || broadcast {
        return None;
    }
    let says = match contact.proto {
        TCP => opening_is_deliberate(contact),
        UDP => {
            let reply = solicited || (failed && looks_like_reply(contact));
            !(reply || TRACEROUTE.contains(&contact.dest_port))
        }
        // Only echo: other types carry no identifier and are mostly errors that the receiver caused.
        ICMP | ICMPV6 => contact.key.low.port != 0,
        _ => true,
    };
    says.then_some(failed)
}

/// True for a SYN whose outcome was not waited for, because the input ended or the table was full. It says nothing alone; many of
/// them at the same moment to places of one host, or for one service that people open singly, are a scanner's.
pub(super) fn is_cut_off(contact: &Contact) -> bool {
    contact.outcome == ContactOutcome::Midstream
        && contact.proto == TCP
        && contact.opening_flags == TcpFlags::SYN
        && contact.src != contact.dest
        && !contact.src.is_not_one_host()
        && !contact.dest.is_not_one_host()
}

/// True for TCP flags that no connection begins or goes on with (RFC 9293, 3.10.7): none, or FIN, PSH, URG without SYN, ACK and RST.
pub(super) fn never_honest(contact: &Contact) -> bool {
    let flags = TcpFlags(contact.opening_flags);
    contact.proto == TCP && !flags.has(TcpFlags::SYN) && !flags.has(TcpFlags::ACK) && !flags.has(TcpFlags::RST)
}

/// True for a TCP opening that its sender chose: SYN, a probe without ACK, or a bare ACK or FIN+ACK that was refused and
/// does not look like the tail of a connection from before the capture.
fn opening_is_deliberate(contact: &Contact) -> bool {
    let flags = TcpFlags(contact.opening_flags);
    if flags.has(TcpFlags::SYN) {
        return !flags.has(TcpFlags::ACK);
    }
    if flags.has(TcpFlags::RST) {
        return false;
    }
    if !flags.has(TcpFlags::ACK) {
        return true;
    }
    contact.outcome == ContactOutcome::Refused && contact.opening_payload == 0 && !looks_like_reply(contact)
}

/// True when the sender's port is a service's and the receiver's is not: the answer to a question that was not seen.
fn looks_like_reply(contact: &Contact) -> bool {
    let (from, to) = (contact.src_port, contact.dest_port);
    (from < 1024 && to >= 1024) || (from < 32_768 && to >= 32_768)
}

#[cfg(test)]
mod tests {
    use super::super::synthetic::{contact, ip};
    use super::*;

    #[test]
    fn replies_and_broadcasts_say_nothing() {
        let mut senders = Senders::new(100);
        let base = contact(0, ip(1), ip(2), 80);
        assert_eq!(evidence(&base, &mut senders), Some(true));
        let silent = |change: fn(&mut Contact)| {
            let mut c = base;
            change(&mut c);
            evidence(&c, &mut Senders::new(10))
        };
        assert_eq!(silent(|c| c.outcome = ContactOutcome::Midstream), None);
        assert_eq!(silent(|c| c.dest = IpAddr16::v4([239, 255, 255, 250])), None);
        assert_eq!(silent(|c| (c.proto, c.dest) = (UDP, IpAddr16::v4([192, 168, 1, 255]))), None);
        assert_eq!(silent(|c| c.dest = IpAddr16::v4([192, 168, 1, 255])), Some(true), "nobody connects to a broadcast");
        assert_eq!(silent(|c| c.opening_flags = TcpFlags::SYN | TcpFlags::ACK), None);
        assert_eq!(silent(|c| c.opening_flags = 0), Some(true));
        assert_eq!(silent(|c| (c.proto, c.src_port, c.dest_port) = (UDP, 53, 40_000)), None);
        assert_eq!(silent(|c| (c.proto, c.dest_port) = (UDP, 33_440)), None);
        assert_eq!(silent(|c| c.outcome = ContactOutcome::Answered), Some(false));
    }

    #[test]
    fn a_datagram_to_a_port_that_sends_is_a_reply() {
        let mut senders = Senders::new(100);
        let mut question = contact(0, ip(1), IpAddr16::v4([239, 255, 255, 250]), 1900);
        (question.proto, question.src_port) = (UDP, 50_001);
        assert_eq!(evidence(&question, &mut senders), None);
        let mut answer = contact(1, ip(2), ip(1), 50_001);
        (answer.proto, answer.src_port) = (UDP, 49_152);
        assert_eq!(evidence(&answer, &mut senders), None);
        answer.dest_port = 2_000;
        assert_eq!(evidence(&answer, &mut senders), Some(true));
    }
}
