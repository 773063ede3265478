//! How the transport behaved: flags, handshake, outcome, repeated and missing data. All zero for other protocols, except
//! the outcome, which UDP has too (answered or not).

use crate::group::{Group, log, ratio};
use crate::scale;
use record::{DirectionStats, FlowRecord, TcpState};

/// The group.
pub(super) const GROUP: Group<FlowRecord> = Group {
    name: "tcp",
    columns: &[
        ratio("syn_ratio", "share of packets with SYN"),
        ratio("fin_ratio", "share of packets with FIN"),
        ratio("forward_rst_ratio", "share of sent packets with RST"),
        ratio("backward_rst_ratio", "share of received packets with RST"),
        ratio("forward_psh_ratio", "share of sent packets with PSH"),
        ratio("backward_psh_ratio", "share of received packets with PSH"),
        ratio("urg_ratio", "share of packets with URG"),
        log("handshake_us", "µs", "time of the TCP handshake"),
        ratio("retransmission_ratio", "share of packets sent again"),
        log("missed_bytes", "bytes", "payload bytes missing by sequence number"),
        ratio("state_unanswered", "opened and left without an answer"),
        ratio("state_refused", "refused or aborted"),
        ratio("state_complete", "opened and ended normally"),
    ],
    fill,
};

const FIN: usize = 0;
const SYN: usize = 1;
const RST: usize = 2;
const PSH: usize = 3;
const URG: usize = 5;

fn share(side: &DirectionStats, flag: usize) -> f32 {
    scale::ratio(f64::from(side.flags[flag]), side.packets as f64)
}

fn fill(flow: &FlowRecord, out: &mut Vec<f32>) {
    let (forward, backward) = (&flow.forward, &flow.backward);
    let packets = forward.packets as f64 + backward.packets as f64;
    let both = |flag: usize| scale::ratio(f64::from(forward.flags[flag]) + f64::from(backward.flags[flag]), packets);
    let repeated = f64::from(forward.retransmissions) + f64::from(backward.retransmissions);
    let refused =
        matches!(flow.state, TcpState::Rej | TcpState::Rsto | TcpState::Rstr | TcpState::Rstos0 | TcpState::Rstrh);
    out.extend([
        both(SYN),
        both(FIN),
        share(forward, RST),
        share(backward, RST),
        share(forward, PSH),
        share(backward, PSH),
        both(URG),
        scale::log(flow.handshake_ns as f64 / 1e3),
        scale::ratio(repeated, packets),
        scale::log(forward.missed_bytes as f64 + backward.missed_bytes as f64),
        scale::flag(matches!(flow.state, TcpState::S0 | TcpState::Sh)),
        scale::flag(refused),
        scale::flag(flow.state == TcpState::Sf),
    ]);
}
