//! The columns of the CSV logs; `docs/reference/csv-logs.md` says what each means. Owns their order and their quoting (RFC 4180).

use crate::rows::{mac_text, proto_name};
use record::{Endpoint, FlowRecord, SocketEvent, SocketOwner, Timestamp};
use std::fmt::Write as _;

/// Columns of `traffic.csv`.
pub const TRAFFIC_COLUMNS: &str =
    "ts,interface,seconds,rx_bytes,rx_packets,rx_errors,rx_dropped,tx_bytes,tx_packets,tx_errors,tx_dropped";

/// Columns of `connections.csv`.
pub const CONNECTION_COLUMNS: &str = "ts,event,proto,src_ip,src_port,dest_ip,dest_port,direction,start,duration_s,\
bytes_toserver,bytes_toclient,pkts_toserver,pkts_toclient,state,app_proto,src_mac,dest_mac,uid,user,pid,process,exe,owner";

/// What an interface carried in a time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TrafficRow {
    /// End of the time.
    pub ts: Timestamp,
    /// Name.
    pub interface: String,
    /// Length of the time, s.
    pub seconds: f64,
    /// Received: bytes, packets, errors, dropped.
    pub rx: [u64; 4],
    /// Sent: the same.
    pub tx: [u64; 4],
}

/// One row of `traffic.csv`.
#[must_use]
pub fn traffic(row: &TrafficRow) -> String {
    let mut line = format!("{},{},{:.3}", row.ts, quoted(&row.interface), row.seconds);
    for number in row.rx.iter().chain(&row.tx) {
        let _ = write!(line, ",{number}");
    }
    line
}

/// One row of `connections.csv` for a socket that came or went. Source is who opened it.
#[must_use]
pub fn connection_of_socket(socket: &SocketEvent) -> String {
    let (direction, src, dest) = match (socket.listening, socket.incoming) {
        (true, _) => ("listening", Some(socket.local), None),
        (false, true) => ("incoming", Some(socket.remote), Some(socket.local)),
        (false, false) => ("outgoing", Some(socket.local), Some(socket.remote)),
    };
    // What was there at the first reading may be much older.
    let start = if socket.first_reading { String::new() } else { socket.since.to_string() };
    let closed = socket.change == record::SocketChange::Closed && !socket.first_reading;
    let duration = if closed { format!("{:.0}", seconds(socket.ts.since(socket.since))) } else { String::new() };
    let mut line = format!("{},{},{}", socket.ts, socket.change.name(), proto_name(socket.proto));
    end(src, &mut line);
    end(dest, &mut line);
    let _ = write!(line, ",{direction},{start},{duration},,,,,,,,");
    let uid = socket.uid.map_or(String::new(), |uid| uid.to_string());
    let _ = write!(line, ",{uid},{}", quoted(&socket.user));
    owner(&socket.owner, &mut line);
    line
}

/// One row of `connections.csv` for a flow that was captured.
#[must_use]
pub fn connection_of_flow(flow: &FlowRecord) -> String {
    let mut line = format!("{},flow,{}", flow.end, proto_name(flow.key.proto));
    end(Some(flow.src()), &mut line);
    end(Some(flow.dest()), &mut line);
    let _ = write!(line, ",,{},{:.6}", flow.start, seconds(i64::try_from(flow.duration_ns()).unwrap_or(i64::MAX)));
    let (to_server, to_client) = (&flow.forward, &flow.backward);
    let _ = write!(line, ",{},{},{},{}", to_server.bytes, to_client.bytes, to_server.packets, to_client.packets);
    let mac = |mac| mac_text(mac).unwrap_or_default();
    let (src_mac, dest_mac) = (mac(flow.src_mac), mac(flow.dest_mac));
    let _ = write!(line, ",{},{},{src_mac},{dest_mac},,", flow.state.name(), flow.app_proto().name());
    match &flow.process {
        Some(process) => owner(&SocketOwner::Process(process.clone()), &mut line),
        None => line.push_str(",,,,"),
    }
    line
}

fn seconds(ns: i64) -> f64 {
    ns.max(0) as f64 / 1e9
}

/// `,address,port`; empty without an end.
fn end(end: Option<Endpoint>, line: &mut String) {
    let _ = match end {
        Some(end) => write!(line, ",{},{}", end.addr, end.port),
        None => write!(line, ",,"),
    };
}

/// `,pid,process,exe,owner`.
fn owner(owner: &SocketOwner, line: &mut String) {
    let _ = match owner.process() {
        Some(p) => write!(line, ",{},{},{},{}", p.pid, quoted(&p.name), quoted(&p.exe), owner.name()),
        None => write!(line, ",,,,{}", owner.name()),
    };
}

/// Text that may stand between two commas. A spreadsheet takes text that begins with `=` and the like for a formula: a process may
/// choose its name, so such text gets an apostrophe in front.
fn quoted(text: &str) -> String {
    let formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let text = if formula { format!("'{text}") } else { text.to_owned() };
    if text.contains(['"', ',', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;
    use record::{IpAddr16, Process, SocketChange};
    use std::sync::Arc;

    fn socket() -> SocketEvent {
        let process = Process { pid: 7, name: "=cmd,\"x\"".to_owned(), exe: "/usr/bin/x".to_owned() };
        SocketEvent {
            ts: Timestamp::from_parts(100, 0),
            since: Timestamp::from_parts(90, 0),
            proto: 6,
            local: Endpoint { addr: IpAddr16::v4([192, 0, 2, 1]), port: 40_000 },
            remote: Endpoint { addr: IpAddr16::v4([198, 51, 100, 7]), port: 443 },
            uid: Some(1000),
            user: "alice".to_owned(),
            owner: SocketOwner::Process(Arc::new(process)),
            ..SocketEvent::default()
        }
    }

    fn fields(line: &str) -> usize {
        let mut inside = false;
        1 + line
            .chars()
            .filter(|c| {
                inside ^= *c == '"';
                *c == ',' && !inside
            })
            .count()
    }

    #[test]
    fn every_row_has_as_many_values_as_there_are_columns() {
        let columns = fields(CONNECTION_COLUMNS);
        let hidden = SocketEvent { owner: SocketOwner::Hidden, listening: true, ..socket() };
        let incoming = SocketEvent { incoming: true, change: SocketChange::Closed, ..socket() };
        for event in [socket(), hidden, incoming] {
            let line = connection_of_socket(&event);
            assert_eq!(fields(&line), columns, "{line}");
        }
        let mut flow = FlowRecord::default();
        assert_eq!(fields(&connection_of_flow(&flow)), columns);
        flow.process = socket().owner.process().cloned();
        assert_eq!(fields(&connection_of_flow(&flow)), columns);
        assert_eq!(fields(&traffic(&TrafficRow::default())), fields(TRAFFIC_COLUMNS));
    }

    #[test]
    fn rows_say_who_opened_and_cannot_become_formulas() {
        assert_eq!(
            connection_of_socket(&SocketEvent { incoming: true, change: SocketChange::Closed, ..socket() }),
            "1970-01-01T00:01:40.000000Z,closed,TCP,198.51.100.7,443,192.0.2.1,40000,incoming,\
             1970-01-01T00:01:30.000000Z,10,,,,,,,,,1000,alice,7,\"'=cmd,\"\"x\"\"\",/usr/bin/x,visible"
        );
        let row = TrafficRow {
            interface: "eth0".to_owned(),
            seconds: 10.0,
            rx: [1, 2, 3, 4],
            tx: [5, 6, 7, 8],
            ..TrafficRow::default()
        };
        assert_eq!(traffic(&row), "1970-01-01T00:00:00.000000Z,eth0,10.000,1,2,3,4,5,6,7,8");
    }
}
