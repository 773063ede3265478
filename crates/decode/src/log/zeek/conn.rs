//! Zeek's conn.log: one connection a line. Owns what its states and history letters say; knows no other log.

use super::Row;
use crate::log::LogError;
use crate::log::build::{self, Between};
use crate::log::fields;
use record::{AppProto, ContactOutcome, EndReason, ExportedSide, LogEntry, TcpFlags, TcpState};

const TCP: u8 = 6;

pub(super) fn read(row: &Row<'_>, out: &mut Vec<LogEntry>) -> Result<(), LogError> {
    let between = row.between(None)?.ok_or(LogError::NoAddress)?;
    let start = row.ts()?;
    let end = start.plus_ns(row.interval_ns("duration")?.max(0));
    let icmp = matches!(between.proto, 1 | 58).then_some((between.src.port as u8, between.dest.port as u8));
    let mut flow = build::flow(Between::new(between.src, between.dest, between.proto), start, end);
    let history = row.get("history").unwrap_or_default();
    let (forward, backward) = flags(&history, between.proto);
    flow.forward = side(row, "orig", forward)?;
    let back = side(row, "resp", backward)?;
    flow.backward = Some(back);
    flow.icmp = icmp;
    history.bytes().for_each(|letter| flow.history.push(letter));
    let state = row.get("conn_state").as_deref().and_then(state);
    flow.state = state;
    flow.reason = state.map(reason);
    flow.outcome = state.map(|state| outcome(between.proto, state, back.packets > 0));
    flow.app_proto = row.get("service").map_or(AppProto::Unknown, |service| protocol(&service));
    flow.src_mac = row.get("orig_l2_addr").map(|text| fields::mac(&text)).unwrap_or_default();
    flow.dest_mac = row.get("resp_l2_addr").map(|text| fields::mac(&text)).unwrap_or_default();
    flow.vlan = row.get("vlan").and_then(|text| text.parse().ok()).unwrap_or(0);
    out.push(build::connection(flow, None));
    Ok(())
}

/// Packets, bytes of IP (of payload where Zeek counted no packets), flags.
fn side(row: &Row<'_>, name: &str, tcp_flags: Option<TcpFlags>) -> Result<ExportedSide, LogError> {
    let payload = row.get(&format!("{name}_bytes")).map(|text| fields::count(&text)).transpose()?;
    let packets = row.count(&format!("{name}_pkts"))?;
    let ip_bytes = row.get(&format!("{name}_ip_bytes")).map(|text| fields::count(&text)).transpose()?;
    let bytes = ip_bytes.or(payload).unwrap_or(0);
    Ok(ExportedSide { packets, bytes, payload_bytes: payload, tcp_flags, ..ExportedSide::default() })
}

/// TCP flags of both sides by the history's letters: upper case is the originator.
fn flags(history: &str, proto: u8) -> (Option<TcpFlags>, Option<TcpFlags>) {
    if proto != TCP || history.is_empty() {
        return (None, None);
    }
    let (mut forward, mut backward) = (0, 0);
    for letter in history.chars() {
        let bits = match letter.to_ascii_lowercase() {
            's' => TcpFlags::SYN,
            'h' => TcpFlags::SYN | TcpFlags::ACK,
            'a' | 'd' | 'w' => TcpFlags::ACK,
            'f' => TcpFlags::FIN | TcpFlags::ACK,
            'r' => TcpFlags::RST,
            'i' => TcpFlags::SYN | TcpFlags::RST,
            'q' => TcpFlags::SYN | TcpFlags::FIN | TcpFlags::RST,
            _ => 0,
        };
        if letter.is_ascii_uppercase() { forward |= bits } else { backward |= bits }
    }
    (Some(TcpFlags(forward)), Some(TcpFlags(backward)))
}

pub(in crate::log) fn state(name: &str) -> Option<TcpState> {
    Some(match name {
        "S0" => TcpState::S0,
        "S1" => TcpState::S1,
        "S2" => TcpState::S2,
        "S3" => TcpState::S3,
        "SF" => TcpState::Sf,
        "REJ" => TcpState::Rej,
        "RSTO" => TcpState::Rsto,
        "RSTR" => TcpState::Rstr,
        "RSTOS0" => TcpState::Rstos0,
        "RSTRH" => TcpState::Rstrh,
        "SH" => TcpState::Sh,
        "SHR" => TcpState::Shr,
        "OTH" => TcpState::Oth,
        _ => return None,
    })
}

/// Why the connection's record was written: Zeek writes one when it has ended, or nothing came any more.
const fn reason(state: TcpState) -> EndReason {
    match state {
        TcpState::Sf => EndReason::Fin,
        TcpState::Rej | TcpState::Rsto | TcpState::Rstr | TcpState::Rstos0 | TcpState::Rstrh => EndReason::Rst,
        _ => EndReason::Idle,
    }
}

/// How the opening was taken. For UDP and ICMP, Zeek's states only tell which sides were heard.
pub(in crate::log) const fn outcome(proto: u8, state: TcpState, answered: bool) -> ContactOutcome {
    match state {
        TcpState::Oth if proto != TCP && answered => ContactOutcome::Answered,
        TcpState::Oth if proto != TCP => ContactOutcome::Unanswered,
        TcpState::S0 | TcpState::Rstos0 | TcpState::Sh => ContactOutcome::Unanswered,
        TcpState::Rej => ContactOutcome::Refused,
        TcpState::Rstrh | TcpState::Shr | TcpState::Oth => ContactOutcome::Midstream,
        TcpState::S1 | TcpState::S2 | TcpState::S3 | TcpState::Sf | TcpState::Rsto | TcpState::Rstr => {
            ContactOutcome::Answered
        }
    }
}

/// The first of the services that Tripline knows.
fn protocol(services: &str) -> AppProto {
    let known = |service: &str| {
        Some(match service {
            "dns" => AppProto::Dns,
            "ssl" | "tls" => AppProto::Tls,
            "quic" => AppProto::Quic,
            "http" => AppProto::Http,
            "ssh" => AppProto::Ssh,
            "dhcp" => AppProto::Dhcp,
            "ntp" => AppProto::Ntp,
            "modbus" => AppProto::Modbus,
            "dnp3" | "dnp3_tcp" | "dnp3_udp" => AppProto::Dnp3,
            "ftp" => AppProto::Ftp,
            "smtp" => AppProto::Smtp,
            "imap" => AppProto::Imap,
            "pop3" => AppProto::Pop3,
            _ => return None,
        })
    };
    services.split(',').find_map(known).unwrap_or_default()
}
