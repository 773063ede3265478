//! A flow record as a message and back, whole: models judge what comes out as they would have judged what went in.

use super::message::{Direction, Flow, Moments as MomentsMessage, Process as ProcessMessage};
use super::named;
use crate::{
    AppData, AppSummary, DirectionStats, Endpoint, FlowKey, FlowOrigin, FlowRecord, HistoryText, IpAddr16, MacAddr,
    Moments, Process, TcpFlags, Timestamp, Tunnel,
};
use std::sync::Arc;

/// An address in as few bytes as it has.
pub(super) fn address_bytes(address: IpAddr16) -> Vec<u8> {
    if address.is_v4() { address.0[12..].to_vec() } else { address.0.to_vec() }
}

/// Back again; all zero where the bytes are no address.
pub(super) fn address(bytes: &[u8]) -> IpAddr16 {
    if let Ok(four) = <[u8; 4]>::try_from(bytes) {
        return IpAddr16::v4(four);
    }
    IpAddr16(bytes.try_into().unwrap_or_default())
}

fn moments_message(m: &Moments) -> Option<MomentsMessage> {
    (m.count > 0).then_some(MomentsMessage {
        count: m.count,
        sum: m.sum,
        sum_squares: m.sum_squares,
        min: m.min,
        max: m.max,
    })
}

fn moments(m: Option<MomentsMessage>) -> Moments {
    m.map_or_else(Moments::default, |m| Moments {
        count: m.count,
        sum: m.sum,
        sum_squares: m.sum_squares,
        min: m.min,
        max: m.max,
    })
}

fn direction_message(d: &DirectionStats) -> Direction {
    Direction {
        packets: d.packets,
        bytes: d.bytes,
        ip_bytes: d.ip_bytes,
        payload: moments_message(&d.payload),
        iat: moments_message(&d.iat),
        header_bytes: d.header_bytes,
        packets_with_payload: d.packets_with_payload,
        segment_size_min: u32::from(d.segment_size_min),
        init_window: u32::from(d.init_window),
        flags: if d.flags == [0; 8] { Vec::new() } else { d.flags.to_vec() },
        retransmissions: d.retransmissions,
        missed_bytes: d.missed_bytes,
        bulk_bytes: d.bulk_bytes,
        bulk_packets: d.bulk_packets,
        bulks: d.bulks,
        bulk_duration_ns: d.bulk_duration_ns,
    }
}

fn direction(d: Option<Direction>) -> DirectionStats {
    let Some(d) = d else { return DirectionStats::default() };
    let mut flags = [0; 8];
    flags.iter_mut().zip(&d.flags).for_each(|(to, from)| *to = *from);
    DirectionStats {
        packets: d.packets,
        bytes: d.bytes,
        ip_bytes: d.ip_bytes,
        payload: moments(d.payload),
        iat: moments(d.iat),
        header_bytes: d.header_bytes,
        packets_with_payload: d.packets_with_payload,
        segment_size_min: d.segment_size_min as u16,
        init_window: d.init_window as u16,
        flags,
        retransmissions: d.retransmissions,
        missed_bytes: d.missed_bytes,
        bulk_bytes: d.bulk_bytes,
        bulk_packets: d.bulk_packets,
        bulks: d.bulks,
        bulk_duration_ns: d.bulk_duration_ns,
    }
}

fn tunnel_name(tunnel: Tunnel) -> &'static str {
    match tunnel {
        Tunnel::None => "",
        Tunnel::Gre => "gre",
        Tunnel::IpInIp => "ip_in_ip",
        Tunnel::Vxlan => "vxlan",
        Tunnel::GtpU => "gtp_u",
        Tunnel::Teredo => "teredo",
        Tunnel::Geneve => "geneve",
    }
}

fn app_bytes(data: Option<&AppData>) -> Vec<u8> {
    data.and_then(|data| serde_json::to_vec(data).ok()).unwrap_or_default()
}

fn app_data(bytes: &[u8]) -> Option<AppData> {
    if bytes.is_empty() { None } else { serde_json::from_slice(bytes).ok() }
}

impl Flow {
    /// A record as it is sent; `in_iface` is the name of its interface on the sensor.
    #[must_use]
    pub fn of(f: &FlowRecord, in_iface: &str) -> Self {
        let (src, dest) = (f.src(), f.dest());
        let (exporter, sampling) = match f.origin {
            FlowOrigin::Export { exporter, sampling } => (address_bytes(exporter), sampling),
            FlowOrigin::Packets | FlowOrigin::Log => (Vec::new(), 0),
        };
        Self {
            flow_id: f.flow_id,
            src_ip: address_bytes(src.addr),
            src_port: u32::from(src.port),
            dest_ip: address_bytes(dest.addr),
            dest_port: u32::from(dest.port),
            proto: u32::from(f.key.proto),
            start_ns: f.start.0,
            end_ns: f.end.0,
            first_seen_ns: f.first_seen.0,
            report: f.report,
            forward: Some(direction_message(&f.forward)),
            backward: Some(direction_message(&f.backward)),
            payload: moments_message(&f.payload),
            iat: moments_message(&f.iat),
            active: moments_message(&f.active),
            idle: moments_message(&f.idle),
            subflows: f.subflows,
            reason: f.reason.name().to_owned(),
            state: f.state.name().to_owned(),
            history: f.history.as_str().to_owned(),
            tcp_flags_forward: u32::from(f.tcp_flags_forward.0),
            tcp_flags_backward: u32::from(f.tcp_flags_backward.0),
            icmp_type: u32::from(f.icmp_type),
            icmp_code: u32::from(f.icmp_code),
            handshake_ns: f.handshake_ns,
            vlan: u32::from(f.vlan),
            interface: u32::from(f.interface),
            tunnel: tunnel_name(f.tunnel).to_owned(),
            origin: f.origin.name().to_owned(),
            exporter,
            sampling,
            src_mac: mac_bytes(f.src_mac),
            dest_mac: mac_bytes(f.dest_mac),
            app_proto: f.app.as_ref().map_or("", |app| app.proto.name()).to_owned(),
            app_request: app_bytes(f.app.as_ref().and_then(|app| app.request.as_ref())),
            app_response: app_bytes(f.app.as_ref().and_then(|app| app.response.as_ref())),
            process: f.process.as_deref().map(process_message),
            in_iface: in_iface.to_owned(),
            members: Vec::new(),
        }
    }

    /// The record again.
    #[must_use]
    pub fn into_record(self) -> FlowRecord {
        let end = |ip: &[u8], port: u32| Endpoint { addr: address(ip), port: port as u16 };
        let proto = self.proto as u8;
        let (key, originator_low) =
            FlowKey::new(end(&self.src_ip, self.src_port), end(&self.dest_ip, self.dest_port), proto);
        let mut history = HistoryText::default();
        self.history.bytes().for_each(|letter| history.push(letter));
        let app = (!self.app_proto.is_empty()).then(|| {
            let (request, response) = (app_data(&self.app_request), app_data(&self.app_response));
            Box::new(AppSummary { proto: named(&self.app_proto), request, response })
        });
        FlowRecord {
            flow_id: self.flow_id,
            key,
            originator_low,
            start: Timestamp(self.start_ns),
            end: Timestamp(self.end_ns),
            first_seen: Timestamp(self.first_seen_ns),
            report: self.report,
            forward: direction(self.forward),
            backward: direction(self.backward),
            payload: moments(self.payload),
            iat: moments(self.iat),
            active: moments(self.active),
            idle: moments(self.idle),
            subflows: self.subflows,
            reason: named(&self.reason),
            state: named(&self.state),
            history,
            tcp_flags_forward: TcpFlags(self.tcp_flags_forward as u8),
            tcp_flags_backward: TcpFlags(self.tcp_flags_backward as u8),
            icmp_type: self.icmp_type as u8,
            icmp_code: self.icmp_code as u8,
            handshake_ns: self.handshake_ns,
            vlan: self.vlan as u16,
            interface: self.interface as u16,
            tunnel: if self.tunnel.is_empty() { Tunnel::None } else { named(&self.tunnel) },
            origin: origin(&self.origin, &self.exporter, self.sampling),
            src_mac: mac(&self.src_mac),
            dest_mac: mac(&self.dest_mac),
            app,
            process: self.process.map(|p| Arc::new(Process { pid: p.pid, name: p.name, exe: p.exe })),
        }
    }
}

fn mac_bytes(mac: MacAddr) -> Vec<u8> {
    if mac == MacAddr::default() { Vec::new() } else { mac.0.to_vec() }
}

fn mac(bytes: &[u8]) -> MacAddr {
    MacAddr(bytes.try_into().unwrap_or_default())
}

fn process_message(process: &Process) -> ProcessMessage {
    ProcessMessage { pid: process.pid, name: process.name.clone(), exe: process.exe.clone() }
}

fn origin(name: &str, exporter: &[u8], sampling: u32) -> FlowOrigin {
    match name {
        "export" => FlowOrigin::Export { exporter: address(exporter), sampling },
        "log" => FlowOrigin::Log,
        _ => FlowOrigin::Packets,
    }
}
