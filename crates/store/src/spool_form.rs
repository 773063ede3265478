//! One flow as bytes and back, whole: what the table of flows needs of it. Owns the order of the parts; the record's own is `flow_blob`'s.

use crate::FlowWrite;
use crate::codec::{Packer, Unpacker};
use crate::flow_blob::{FlowColumns, pack_record, pack_verdict, unpack_record, unpack_verdict};
use crate::rows::tunnel_name;
use record::{Endpoint, IpAddr16, Process, Timestamp, Verdict};
use std::sync::Arc;

fn pack_endpoint(p: &mut Packer, end: Endpoint) {
    p.0.extend_from_slice(&end.addr.0);
    p.0.extend_from_slice(&end.port.to_le_bytes());
}

fn unpack_endpoint(u: &mut Unpacker) -> Option<Endpoint> {
    let (addr, rest) = u.0.split_first_chunk::<16>()?;
    let (port, rest) = rest.split_first_chunk::<2>()?;
    u.0 = rest;
    Some(Endpoint { addr: IpAddr16(*addr), port: u16::from_le_bytes(*port) })
}

/// Appends a flow.
pub(crate) fn pack_flow(p: &mut Packer, flow: &FlowWrite) {
    let f = &flow.record;
    for value in [f.flow_id, f.start.0 as u64, f.end.0 as u64, u64::from(f.vlan)] {
        p.uint(value);
    }
    pack_endpoint(p, f.src());
    pack_endpoint(p, f.dest());
    p.text(f.app_proto().name());
    p.text(f.state.name());
    p.text(f.reason.name());
    p.text(tunnel_name(f.tunnel));
    p.text(f.history.as_str());
    p.bytes(&pack_record(f));
    p.text(&flow.community_id);
    p.text(&flow.in_iface);
    p.uint(u64::from(f.process.is_some()));
    if let Some(process) = &f.process {
        p.uint(u64::from(process.pid));
        p.text(&process.name);
    }
    p.uint(u64::from(flow.verdict.is_some()));
    if let Some(verdict) = &flow.verdict {
        p.float(f64::from(verdict.score));
        p.float(verdict.p_value);
        p.uint(u64::from(verdict.anomalous));
        p.bytes(&pack_verdict(&verdict.members, &verdict.why));
    }
}

/// The next flow; None at the end, and where the bytes make none.
pub(crate) fn unpack_flow(u: &mut Unpacker) -> Option<FlowWrite> {
    let (flow_id, start, end) = (u.uint()?, Timestamp(u.uint()? as i64), Timestamp(u.uint()? as i64));
    let vlan = u.narrow()?;
    let (src, dest) = (unpack_endpoint(u)?, unpack_endpoint(u)?);
    let mut word = || u.text().map(str::to_owned);
    let (app_proto, state, reason, tunnel, history) = (word()?, word()?, word()?, word()?, word()?);
    let columns = FlowColumns { flow_id, start, end, src, dest, vlan, app_proto, state, reason, tunnel, history };
    let mut record = unpack_record(&columns, u.bytes()?)?;
    let (community_id, in_iface) = (u.text()?.to_owned(), Arc::from(u.text()?));
    if u.uint()? == 1 {
        let (pid, name) = (u.narrow()?, u.text()?.to_owned());
        record.process = Some(Arc::new(Process { pid, name, exe: String::new() }));
    }
    let verdict = if u.uint()? == 1 { Some(unpack_judged(u, flow_id, end)?) } else { None };
    Some(FlowWrite { record: Box::new(record), verdict, community_id, in_iface })
}

/// What the table holds of a verdict.
fn unpack_judged(u: &mut Unpacker, flow_id: u64, ts: Timestamp) -> Option<Verdict> {
    let (score, p_value, anomalous) = (u.float()? as f32, u.float()?, u.uint()? == 1);
    let (members, why) = unpack_verdict(u.bytes()?)?;
    // The rest is in no column.
    let (novelty_p_value, known) = (p_value, None);
    Some(Verdict { flow_id, ts, score, p_value, novelty_p_value, known, anomalous, members, why })
}
