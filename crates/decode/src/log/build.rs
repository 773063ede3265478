//! What most formats make of what they read: endpoints to flows and messages. Owns what a firewall's deed says of the answer; knows
//! no format.

use super::fields::has_ports;
use crate::bytes;
use record::{
    AppData, AppEvent, ContactOutcome, Endpoint, ExportedFlow, ExportedSide, Extent, FirewallAction, FlowKey,
    FlowOrigin, ImportedAlert, LogEntry, LoggedFlow, MacAddr, TcpFlags, TcpState, Timestamp,
};

/// Sender and receiver of what a line tells.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Between {
    /// Sender, or originator of a connection.
    pub(super) src: Endpoint,
    /// Receiver.
    pub(super) dest: Endpoint,
    /// IP protocol.
    pub(super) proto: u8,
}

impl Between {
    /// Protocols without ports have none, whatever a log writes there.
    pub(super) fn new(src: Endpoint, dest: Endpoint, proto: u8) -> Self {
        let bare = |end: Endpoint| if has_ports(proto) { end } else { Endpoint { port: 0, ..end } };
        Self { src: bare(src), dest: bare(dest), proto }
    }
    /// The other way round.
    pub(super) fn turned(self) -> Self {
        Self { src: self.dest, dest: self.src, proto: self.proto }
    }
}

/// A flow between two times with nothing counted yet. The line's sender opened it.
pub(super) fn flow(between: Between, start: Timestamp, end: Timestamp) -> ExportedFlow {
    let end = end.max(start);
    ExportedFlow {
        origin: FlowOrigin::Log,
        reported: end,
        start,
        end,
        src: between.src,
        dest: between.dest,
        proto: between.proto,
        originator_known: true,
        sampling: 1,
        ..ExportedFlow::default()
    }
}

/// One side's counts.
pub(super) fn side(packets: u64, bytes: u64) -> ExportedSide {
    ExportedSide { packets, bytes, ..ExportedSide::default() }
}

/// A packet that a firewall logged.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct LoggedPacket {
    pub(super) between: Between,
    pub(super) ts: Timestamp,
    pub(super) bytes: u64,
    pub(super) flags: Option<TcpFlags>,
    pub(super) icmp: Option<(u8, u8)>,
    pub(super) action: Option<FirewallAction>,
    /// It was for the firewall's own host, or came to an end there.
    pub(super) to_firewall: bool,
    pub(super) src_mac: MacAddr,
    pub(super) dest_mac: MacAddr,
}

impl LoggedPacket {
    /// As a flow of one packet. What came back is known of packets that were kept back; of others it is not, so they have no state. A
    /// rule that does not say what it does stands before a drop in most firewalls: what it logs on the way to the firewall itself
    /// counts as unanswered.
    pub(super) fn entry(self) -> LogEntry {
        let mut flow = flow(self.between, self.ts, self.ts);
        let outcome = match self.action {
            Some(FirewallAction::Blocked) => ContactOutcome::Unanswered,
            Some(FirewallAction::Reset) => ContactOutcome::Refused,
            None if self.to_firewall => ContactOutcome::Unanswered,
            Some(FirewallAction::Allowed) | None => ContactOutcome::Midstream,
        };
        flow.outcome = Some(outcome);
        flow.icmp = self.icmp;
        flow.src_mac = self.src_mac;
        flow.dest_mac = self.dest_mac;
        flow.forward = side(1, self.bytes);
        flow.forward.tcp_flags = self.flags;
        if outcome == ContactOutcome::Midstream {
            flow.state = Some(TcpState::Oth);
        }
        flow.backward = Some(side(0, 0));
        LogEntry::Flow(Box::new(LoggedFlow { flow, action: self.action, extent: Extent::Packet }))
    }
}

/// A connection that a firewall ended, with what each side sent.
pub(super) fn connection(flow: ExportedFlow, action: Option<FirewallAction>) -> LogEntry {
    LogEntry::Flow(Box::new(LoggedFlow { flow, action, extent: Extent::Whole }))
}

/// The beginning of a connection that has a line of its own for its end.
pub(super) fn opening(between: Between, ts: Timestamp, action: Option<FirewallAction>) -> LogEntry {
    let flow = flow(between, ts, ts);
    LogEntry::Flow(Box::new(LoggedFlow { flow, action, extent: Extent::Opening }))
}

/// What a firewall's deed and the counts say of the answer to a connection's opening; None where nothing does.
pub(super) fn outcome_of(action: Option<FirewallAction>, answered: Option<bool>) -> Option<ContactOutcome> {
    match (action, answered) {
        (Some(FirewallAction::Blocked), _) => Some(ContactOutcome::Unanswered),
        (_, Some(true)) => Some(ContactOutcome::Answered),
        (Some(FirewallAction::Reset), _) => Some(ContactOutcome::Refused),
        (_, Some(false)) => Some(ContactOutcome::Unanswered),
        (_, None) => None,
    }
}

/// An application message; `from_src` tells who of both said it.
pub(super) fn app(between: Between, ts: Timestamp, from_src: bool, src_mac: MacAddr, data: AppData) -> LogEntry {
    let (key, src_low) = FlowKey::new(between.src, between.dest, between.proto);
    LogEntry::App(Box::new(AppEvent { ts, key, from_low: src_low == from_src, src_mac, data }))
}

/// An alert between two ends; the caller fills in what was found.
pub(super) fn alert(product: &'static str, between: Between, ts: Timestamp) -> ImportedAlert {
    ImportedAlert {
        ts,
        product,
        src: between.src.addr,
        dest: between.dest.addr,
        src_port: between.src.port,
        dest_port: between.dest.port,
        proto: between.proto,
        ..ImportedAlert::default()
    }
}

/// Printable and bounded, as the fields of packets are.
pub(super) fn text(value: &str) -> String {
    bytes::text(value.as_bytes())
}
