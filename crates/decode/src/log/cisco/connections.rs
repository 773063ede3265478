//! Connections that an ASA built and tore down. A teardown's line does not say who opened it: the line of its building does, and is
//! remembered until then; without it the ports tell.

use super::{behind, end, numbers};
use crate::log::build::{self, Between};
use crate::log::{Line, LogError};
use record::{ContactOutcome, EndReason, Endpoint, FirewallAction, LogEntry, TcpState};
use std::collections::HashSet;

/// Connections remembered as built from inside to outside. At the bound, the ports of further ones tell their direction.
const OUTBOUND_MAX: usize = 65_536;

/// Which open connections were opened by the end that is named second.
#[derive(Clone, Debug, Default)]
pub(crate) struct Directions {
    outbound: HashSet<u64>,
}

/// `TCP`, `UDP`, `ICMP` …, number, first and second end.
struct Named {
    proto: u8,
    number: Option<u64>,
    first: Endpoint,
    second: Endpoint,
}

/// `Built inbound TCP connection 7 for ifc:A/1 (A/1) to ifc:B/2 (B/2)` or `ICMP connection for faddr A/1 gaddr G/0 laddr B/0`.
fn named(message: &str) -> Result<Named, LogError> {
    let (head, ends) = message.split_once(" connection ").ok_or(LogError::Cut)?;
    let proto = head.split_whitespace().find_map(super::named_protocol).ok_or(LogError::Cut)?;
    let number = ends.split_whitespace().next().and_then(|word| word.parse().ok());
    let (first, second) = if ends.contains("faddr ") {
        (behind(ends, &["faddr "]), behind(ends, &["laddr "]))
    } else {
        (behind(ends, &["for "]), behind(ends, &[" to "]))
    };
    let (first, second) = (first.ok_or(LogError::Cut)?, second.ok_or(LogError::Cut)?);
    Ok(Named { proto, number, first: end(first)?, second: end(second)? })
}

pub(super) fn built(
    line: &Line<'_>,
    message: &str,
    directions: &mut Directions,
    out: &mut Vec<LogEntry>,
) -> Result<(), LogError> {
    let named = named(message)?;
    let between = Between::new(named.first, named.second, named.proto);
    let outbound = message.contains(" outbound ");
    if let Some(number) = named.number.filter(|_| outbound && directions.outbound.len() < OUTBOUND_MAX) {
        directions.outbound.insert(number);
    }
    let between = if outbound { between.turned() } else { between };
    out.push(build::opening(between, line.ts(), Some(FirewallAction::Allowed)));
    Ok(())
}

/// Bytes are told for both sides together; they count as received, so that nobody is blamed for an upload that the line does not show.
pub(super) fn torn_down(
    line: &Line<'_>,
    message: &str,
    directions: &mut Directions,
    out: &mut Vec<LogEntry>,
) -> Result<(), LogError> {
    let named = named(message)?;
    let outbound = match named.number {
        Some(number) if directions.outbound.remove(&number) => true,
        _ => named.first.port < 1024 && named.second.port >= 1024 && named.first.port != 0,
    };
    let between = Between::new(named.first, named.second, named.proto);
    let between = if outbound { between.turned() } else { between };
    let duration_s = behind(message, &[" duration "]).map_or(Ok(0), duration_s)?;
    let bytes = behind(message, &[" bytes "]).map_or(Ok(0), crate::log::fields::count)?;
    let end = line.ts();
    let mut flow = build::flow(between, end.plus_ns(duration_s.saturating_mul(-1_000_000_000)), end);
    flow.backward = Some(build::side(0, bytes));
    flow.icmp = numbers(message).filter(|_| matches!(named.proto, 1 | 58));
    let (outcome, state, reason) = ended(named.proto, message, bytes);
    (flow.outcome, flow.state, flow.reason) = (Some(outcome), Some(state), Some(reason));
    out.push(build::connection(flow, Some(FirewallAction::Allowed)));
    Ok(())
}

/// How a connection ended, by the words at its end. UDP and ICMP do not tell whether anything came back.
fn ended(proto: u8, message: &str, bytes: u64) -> (ContactOutcome, TcpState, EndReason) {
    if proto != 6 {
        return (ContactOutcome::Midstream, TcpState::Oth, EndReason::Idle);
    }
    if message.contains("SYN Timeout") {
        return (ContactOutcome::Unanswered, TcpState::S0, EndReason::Idle);
    }
    if message.contains("Reset") {
        return if bytes == 0 {
            (ContactOutcome::Refused, TcpState::Rej, EndReason::Rst)
        } else {
            (ContactOutcome::Answered, TcpState::Rsto, EndReason::Rst)
        };
    }
    let reason = if message.contains("FIN") { EndReason::Fin } else { EndReason::Idle };
    (ContactOutcome::Answered, if reason == EndReason::Fin { TcpState::Sf } else { TcpState::S1 }, reason)
}

/// `0:12:30`, hours first.
fn duration_s(text: &str) -> Result<i64, LogError> {
    text.trim_end_matches([',', ';']).split(':').try_fold(0_i64, |sum, part| {
        let part: i64 = part.parse().map_err(|_| LogError::BadNumber)?;
        sum.checked_mul(60).and_then(|sum| sum.checked_add(part)).ok_or(LogError::BadNumber)
    })
}
