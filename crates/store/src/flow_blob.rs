//! A flow record and a verdict as blobs: everything of them that no column holds. The first byte is the form's version.

use crate::codec::{Packer, Unpacker};
use record::flow_record::HistoryText;
use record::{
    AppData, AppProto, AppSummary, DirectionStats, EndReason, Endpoint, FlowKey, FlowOrigin, FlowRecord, IpAddr16,
    MacAddr, MemberScore, Moments, TcpFlags, TcpState, Timestamp, Tunnel, Why,
};
use serde::de::DeserializeOwned;

const VERSION: u8 = 1;

/// What the columns hold of a record and the blob does not.
pub(crate) struct FlowColumns {
    pub flow_id: u64,
    pub start: Timestamp,
    pub end: Timestamp,
    pub src: Endpoint,
    pub dest: Endpoint,
    pub vlan: u16,
    pub app_proto: String,
    pub state: String,
    pub reason: String,
    pub tunnel: String,
    pub history: String,
}

fn pack_moments(p: &mut Packer, m: &Moments) {
    p.uint(m.count);
    if m.count > 0 {
        for value in [m.sum, m.sum_squares, m.min, m.max] {
            p.float(value);
        }
    }
}

fn unpack_moments(u: &mut Unpacker) -> Option<Moments> {
    let count = u.uint()?;
    if count == 0 {
        return Some(Moments::default());
    }
    Some(Moments { count, sum: u.float()?, sum_squares: u.float()?, min: u.float()?, max: u.float()? })
}

fn pack_direction(p: &mut Packer, d: &DirectionStats) {
    for value in [d.packets, d.bytes, d.ip_bytes, d.header_bytes, d.packets_with_payload, d.missed_bytes] {
        p.uint(value);
    }
    pack_moments(p, &d.payload);
    pack_moments(p, &d.iat);
    for value in [u64::from(d.segment_size_min), u64::from(d.init_window), u64::from(d.retransmissions)] {
        p.uint(value);
    }
    d.flags.iter().for_each(|n| p.uint(u64::from(*n)));
    p.uint(u64::from(d.bulks));
    if d.bulks > 0 {
        for value in [d.bulk_bytes, d.bulk_packets, d.bulk_duration_ns] {
            p.uint(value);
        }
    }
}

fn unpack_direction(u: &mut Unpacker) -> Option<DirectionStats> {
    let mut d = DirectionStats {
        packets: u.uint()?,
        bytes: u.uint()?,
        ip_bytes: u.uint()?,
        header_bytes: u.uint()?,
        packets_with_payload: u.uint()?,
        missed_bytes: u.uint()?,
        payload: unpack_moments(u)?,
        iat: unpack_moments(u)?,
        segment_size_min: u.narrow()?,
        init_window: u.narrow()?,
        retransmissions: u.narrow()?,
        ..DirectionStats::default()
    };
    for n in &mut d.flags {
        *n = u.narrow()?;
    }
    d.bulks = u.narrow()?;
    if d.bulks > 0 {
        (d.bulk_bytes, d.bulk_packets, d.bulk_duration_ns) = (u.uint()?, u.uint()?, u.uint()?);
    }
    Some(d)
}

fn pack_json<T: serde::Serialize>(p: &mut Packer, value: Option<&T>) {
    let text = value.and_then(|v| serde_json::to_vec(v).ok()).unwrap_or_default();
    p.bytes(&text);
}

/// None when it was not there, and when it cannot be read any more.
fn unpack_json<T: DeserializeOwned>(bytes: &[u8]) -> Option<T> {
    if bytes.is_empty() { None } else { serde_json::from_slice(bytes).ok() }
}

/// The record without what the columns hold.
pub(crate) fn pack_record(f: &FlowRecord) -> Vec<u8> {
    let mut p = Packer(Vec::with_capacity(256));
    p.0.push(VERSION);
    p.0.push(f.key.proto);
    p.uint(f.start.since(f.first_seen).max(0) as u64);
    p.uint(u64::from(f.report));
    pack_direction(&mut p, &f.forward);
    pack_direction(&mut p, &f.backward);
    for moments in [&f.payload, &f.iat, &f.active, &f.idle] {
        pack_moments(&mut p, moments);
    }
    p.uint(u64::from(f.subflows));
    p.0.extend_from_slice(&[f.tcp_flags_forward.0, f.tcp_flags_backward.0, f.icmp_type, f.icmp_code]);
    p.uint(f.handshake_ns);
    p.uint(u64::from(f.interface));
    p.0.extend_from_slice(&f.src_mac.0);
    p.0.extend_from_slice(&f.dest_mac.0);
    p.0.push(u8::from(f.app.is_some()));
    if let Some(app) = &f.app {
        pack_json(&mut p, app.request.as_ref());
        pack_json(&mut p, app.response.as_ref());
    }
    pack_origin(&mut p, f.origin);
    p.0
}

/// Nothing for flows of packets: blobs that end here were written before there were others.
fn pack_origin(p: &mut Packer, origin: FlowOrigin) {
    match origin {
        FlowOrigin::Packets => {}
        FlowOrigin::Export { exporter, sampling } => {
            p.0.push(1);
            p.0.extend_from_slice(&exporter.0);
            p.uint(u64::from(sampling));
        }
        FlowOrigin::Log => p.0.push(2),
    }
}

fn unpack_origin(u: &mut Unpacker) -> Option<FlowOrigin> {
    match take(u) {
        None => Some(FlowOrigin::Packets),
        Some([1]) => Some(FlowOrigin::Export { exporter: IpAddr16(take(u)?), sampling: u.narrow()? }),
        Some([2]) => Some(FlowOrigin::Log),
        Some([_]) => None,
    }
}

fn take<const N: usize>(u: &mut Unpacker) -> Option<[u8; N]> {
    let (head, rest) = u.0.split_first_chunk::<N>()?;
    u.0 = rest;
    Some(*head)
}

/// A value of a serde enumeration by its name; the default when the name is not known.
fn named<T: DeserializeOwned + Default>(name: &str) -> T {
    serde_json::from_value(serde_json::Value::String(name.to_owned())).unwrap_or_default()
}

/// The whole record again; None when the blob is cut or of another version.
pub(crate) fn unpack_record(c: &FlowColumns, blob: &[u8]) -> Option<FlowRecord> {
    let mut u = Unpacker(blob);
    let [version, proto] = take(&mut u)?;
    if version != VERSION {
        return None;
    }
    let (key, originator_low) = FlowKey::new(c.src, c.dest, proto);
    let first_seen = c.start.plus_ns(-(i64::try_from(u.uint()?).ok()?));
    let report = u.narrow()?;
    let (forward, backward) = (unpack_direction(&mut u)?, unpack_direction(&mut u)?);
    let (payload, iat) = (unpack_moments(&mut u)?, unpack_moments(&mut u)?);
    let (active, idle) = (unpack_moments(&mut u)?, unpack_moments(&mut u)?);
    let subflows = u.narrow()?;
    let [flags_forward, flags_backward, icmp_type, icmp_code] = take(&mut u)?;
    let (handshake_ns, interface) = (u.uint()?, u.narrow()?);
    let (src_mac, dest_mac) = (MacAddr(take(&mut u)?), MacAddr(take(&mut u)?));
    let [has_app] = take(&mut u)?;
    let app = if has_app == 1 {
        let (request, response) = (unpack_json::<AppData>(u.bytes()?), unpack_json::<AppData>(u.bytes()?));
        Some(Box::new(AppSummary { proto: named::<AppProto>(&c.app_proto), request, response }))
    } else {
        None
    };
    let origin = unpack_origin(&mut u)?;
    let mut history = HistoryText::default();
    c.history.bytes().for_each(|letter| history.push(letter));
    Some(FlowRecord {
        flow_id: c.flow_id,
        key,
        originator_low,
        start: c.start,
        end: c.end,
        first_seen,
        report,
        forward,
        backward,
        payload,
        iat,
        active,
        idle,
        subflows,
        reason: named::<EndReason>(&c.reason),
        state: named::<TcpState>(&c.state),
        history,
        tcp_flags_forward: TcpFlags(flags_forward),
        tcp_flags_backward: TcpFlags(flags_backward),
        icmp_type,
        icmp_code,
        handshake_ns,
        vlan: c.vlan,
        interface,
        tunnel: named::<Tunnel>(&c.tunnel),
        origin,
        // A column holds it.
        process: None,
        src_mac,
        dest_mac,
        app,
    })
}

/// Members and reasons of a verdict.
pub(crate) fn pack_verdict(members: &[MemberScore], why: &[Why]) -> Vec<u8> {
    let mut p = Packer(Vec::with_capacity(96));
    p.0.push(VERSION);
    p.uint(members.len() as u64);
    for m in members {
        p.text(&m.name);
        p.float(f64::from(m.score));
        p.float(m.p_value);
        p.0.push(u8::from(m.admitted));
    }
    p.uint(why.len() as u64);
    for w in why {
        p.text(&w.feature);
        p.text(&w.unit);
        for value in [w.value, w.expected[0], w.expected[1], w.share] {
            // What JSON cannot say is not kept: infinity becomes the largest number, NaN 0.
            p.float(if value.is_nan() { 0.0 } else { value.clamp(f64::MIN, f64::MAX) });
        }
    }
    p.0
}

/// Back again; empty lists when there is no blob.
pub(crate) fn unpack_verdict(blob: &[u8]) -> Option<(Vec<MemberScore>, Vec<Why>)> {
    let mut u = Unpacker(blob);
    let [version] = take(&mut u)?;
    if version != VERSION {
        return None;
    }
    let mut members = Vec::new();
    for _ in 0..u.uint()? {
        let (name, score, p_value) = (u.text()?.to_owned(), u.float()? as f32, u.float()?);
        let [admitted] = take(&mut u)?;
        members.push(MemberScore { name, score, p_value, admitted: admitted == 1 });
    }
    let mut why = Vec::new();
    for _ in 0..u.uint()? {
        let (feature, unit) = (u.text()?.to_owned(), u.text()?.to_owned());
        let (value, expected, share) = (u.float()?, [u.float()?, u.float()?], u.float()?);
        why.push(Why { feature, value, expected, unit, share });
    }
    Some((members, why))
}

/// An address from its column.
pub(crate) fn address(blob: &[u8]) -> IpAddr16 {
    IpAddr16(blob.try_into().unwrap_or_default())
}
