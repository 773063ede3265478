//! What totals of TCP flags and the presence of an answer say: who opened, what came back, Zeek's state. Owns these rules. The flags
//! are those of all packets of a direction together, so they say less than a capture: where they are silent, nothing is claimed.

use record::{ContactOutcome, EndReason, ExportedFlow, ExportedSide, TcpFlags, TcpState};

pub(super) const TCP: u8 = 6;
pub(super) const UDP: u8 = 17;
/// Ports below belong to services.
const SERVICE_PORTS_BELOW: u16 = 1_024;

fn flags(side: &ExportedSide) -> TcpFlags {
    side.tcp_flags.unwrap_or_default()
}

/// A SYN and never an ACK: its sender got no SYN-ACK, or answered it with a bare RST.
fn only_opened(flags: TcpFlags) -> bool {
    flags.has(TcpFlags::SYN) && !flags.has(TcpFlags::ACK)
}

/// True when `src` opened the conversation. `back` is the report of the other direction.
pub(super) fn src_opened(ahead: &ExportedFlow, back: Option<&ExportedFlow>) -> bool {
    if ahead.originator_known {
        return true;
    }
    if ahead.proto == TCP {
        // Nobody answers with a SYN alone.
        if only_opened(flags(&ahead.forward)) {
            return true;
        }
        if back.is_some_and(|back| only_opened(flags(&back.forward))) {
            return false;
        }
    }
    if let Some(back) = back
        && ahead.start != back.start
    {
        return ahead.start < back.start;
    }
    let (from, to) = (ahead.src.port, ahead.dest.port);
    if (from < SERVICE_PORTS_BELOW) != (to < SERVICE_PORTS_BELOW) {
        return to < SERVICE_PORTS_BELOW;
    }
    // Clients' ports are given out from a high range; between equals the sender is believed.
    from >= to || back.is_none()
}

/// What came back. `two_way` is false when the exporter has not shown that it tells both directions, or counts one packet of many:
/// then a missing answer says nothing.
pub(super) fn outcome(
    proto: u8,
    forward: &ExportedSide,
    backward: Option<&ExportedSide>,
    two_way: bool,
) -> ContactOutcome {
    let ahead = flags(forward);
    match (proto, backward.filter(|side| side.packets > 0)) {
        (TCP, Some(back)) if back.tcp_flags.is_some() => {
            let back = flags(back);
            if back.has(TcpFlags::SYN | TcpFlags::ACK) {
                ContactOutcome::Answered
            } else if back.has(TcpFlags::RST) && !back.has(TcpFlags::SYN) && !back.has(TcpFlags::PSH) {
                ContactOutcome::Refused
            } else {
                ContactOutcome::Midstream
            }
        }
        (_, Some(_)) => ContactOutcome::Answered,
        (TCP, None) if forward.tcp_flags.is_none() => ContactOutcome::Midstream,
        // Its sender never had anything to acknowledge. Needs no proof that the exporter tells both directions.
        (TCP, None) if !ahead.has(TcpFlags::ACK) && !ahead.has(TcpFlags::RST) => ContactOutcome::Unanswered,
        (UDP, None) if two_way => ContactOutcome::Unanswered,
        (_, None) => ContactOutcome::Midstream,
    }
}

/// The flags of the packet that opened, as far as totals tell: a SYN where one was seen or nothing is told, else all (stealth probes
/// are one packet).
pub(super) fn opening_flags(forward: &ExportedSide) -> u8 {
    match forward.tcp_flags.filter(|_| forward.packets > 0) {
        Some(flags) if !flags.has(TcpFlags::SYN) => flags.0,
        _ => TcpFlags::SYN,
    }
}

/// Zeek's state.
pub(super) fn state(proto: u8, forward: &ExportedSide, backward: Option<&ExportedSide>) -> TcpState {
    let backward = backward.filter(|side| side.packets > 0);
    if proto == UDP {
        return match (forward.packets > 0, backward.is_some()) {
            (true, true) => TcpState::Sf,
            (true, false) => TcpState::S0,
            _ => TcpState::Shr,
        };
    }
    if proto != TCP || forward.tcp_flags.is_none() {
        return TcpState::Oth;
    }
    let ahead = flags(forward);
    let Some(back) = backward.map(flags) else { return unanswered_state(ahead) };
    let (fin, rst) = (TcpFlags::FIN, TcpFlags::RST);
    match (ahead.has(TcpFlags::SYN), back.has(TcpFlags::SYN)) {
        (true, true) => match () {
            () if ahead.has(rst) && !ahead.has(TcpFlags::ACK) => TcpState::Rsto,
            () if ahead.has(fin) && back.has(fin) => TcpState::Sf,
            () if ahead.has(rst) => TcpState::Rsto,
            () if back.has(rst) => TcpState::Rstr,
            () if ahead.has(fin) => TcpState::S2,
            () if back.has(fin) => TcpState::S3,
            () => TcpState::S1,
        },
        (true, false) if back.has(rst) => TcpState::Rej,
        (false, true) if back.has(rst) => TcpState::Rstrh,
        (false, true) if back.has(fin) => TcpState::Shr,
        _ => TcpState::Oth,
    }
}

fn unanswered_state(ahead: TcpFlags) -> TcpState {
    if !only_opened(ahead) {
        return TcpState::Oth;
    }
    match (ahead.has(TcpFlags::RST), ahead.has(TcpFlags::FIN)) {
        (true, _) => TcpState::Rstos0,
        (_, true) => TcpState::Sh,
        _ => TcpState::S0,
    }
}

/// Why the flow ended, where the exporter does not say.
pub(super) fn reason(state: TcpState) -> EndReason {
    match state {
        TcpState::Sf => EndReason::Fin,
        TcpState::Rej | TcpState::Rsto | TcpState::Rstr | TcpState::Rstos0 | TcpState::Rstrh => EndReason::Rst,
        _ => EndReason::Idle,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: u8 = TcpFlags::SYN;
    const A: u8 = TcpFlags::ACK;
    const F: u8 = TcpFlags::FIN;
    const R: u8 = TcpFlags::RST;

    fn side(flags: u8) -> ExportedSide {
        ExportedSide { packets: 3, bytes: 200, tcp_flags: Some(TcpFlags(flags)), ..ExportedSide::default() }
    }

    #[test]
    fn flags_and_the_other_half_tell_what_came_back() {
        let tcp = |ahead, back: Option<u8>| outcome(TCP, &side(ahead), back.map(side).as_ref(), false);
        assert_eq!(tcp(S | A | F, Some(S | A | F)), ContactOutcome::Answered);
        assert_eq!(tcp(S, Some(R | A)), ContactOutcome::Refused);
        assert_eq!(tcp(S | R, Some(S | A)), ContactOutcome::Answered, "a half-open scan was answered");
        assert_eq!(tcp(S, None), ContactOutcome::Unanswered);
        assert_eq!(tcp(S | A, None), ContactOutcome::Midstream, "it acknowledged something that was not told");
        assert_eq!(tcp(A, Some(A)), ContactOutcome::Midstream);
        assert_eq!(tcp(R | A, None), ContactOutcome::Midstream);
        assert_eq!(tcp(F, None), ContactOutcome::Unanswered, "a stealth probe");
        let udp = |back: Option<u8>, two_way| outcome(UDP, &side(0), back.map(side).as_ref(), two_way);
        assert_eq!((udp(Some(0), false), udp(None, true)), (ContactOutcome::Answered, ContactOutcome::Unanswered));
        assert_eq!(udp(None, false), ContactOutcome::Midstream, "one direction only is told");
    }

    #[test]
    fn states_are_zeeks() {
        let of = |ahead, back: Option<u8>| state(TCP, &side(ahead), back.map(side).as_ref()).name();
        assert_eq!(of(S | A | F, Some(S | A | F)), "SF");
        assert_eq!(of(S, Some(R | A)), "REJ");
        assert_eq!((of(S, None), of(S | R, None), of(S | F, None)), ("S0", "RSTOS0", "SH"));
        assert_eq!((of(S | A | R, Some(S | A)), of(S | A, Some(S | A | R))), ("RSTO", "RSTR"));
        assert_eq!((of(S | A, Some(S | A)), of(A, Some(A)), of(A, None)), ("S1", "OTH", "OTH"));
    }

    #[test]
    fn who_opened_is_told_by_flags_then_times_then_ports() {
        let flow = |flags, src: u16, dest: u16, start: i64| {
            let mut flow = ExportedFlow { proto: TCP, forward: side(flags), ..ExportedFlow::default() };
            (flow.src.port, flow.dest.port, flow.start) = (src, dest, record::Timestamp(start));
            flow
        };
        assert!(src_opened(&flow(S, 22, 40_000, 9), Some(&flow(R | A, 40_000, 22, 1))));
        assert!(!src_opened(&flow(S | A, 80, 40_000, 2), Some(&flow(S | A, 40_000, 80, 1))));
        assert!(!src_opened(&flow(S | A, 80, 40_000, 1), Some(&flow(S | A, 40_000, 80, 1))));
        assert!(!src_opened(&flow(A, 443, 50_000, 1), None));
        assert!(src_opened(&flow(A, 50_000, 443, 1), None));
    }
}
