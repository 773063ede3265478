//! CICFlowMeter's table: its 83 columns and `Label`, so that models and notebooks made for its data sets read ours.
//! Packet lengths are payload bytes and times microseconds, as there. Its errors are mended: flags by direction, rates and
//! subflows with fractions, active and idle as durations, no NaN or infinity for a flow of one packet.

use super::{LineFormat, Told, four, ratio};
use record::{DirectionStats, FlowRecord, Moments};
use std::fmt::Write as _;

/// Nanoseconds in a microsecond.
const US: f64 = 1e3;
/// What CICFlowMeter writes where a person is to put the label.
const NO_LABEL: &str = "NeedManualLabel";

/// Column names in order.
#[rustfmt::skip]
pub(super) const COLUMNS: [&str; 84] = [
    "Flow ID", "Src IP", "Src Port", "Dst IP", "Dst Port", "Protocol", "Timestamp", "Flow Duration",
    "Total Fwd Packet", "Total Bwd packets", "Total Length of Fwd Packet", "Total Length of Bwd Packet",
    "Fwd Packet Length Max", "Fwd Packet Length Min", "Fwd Packet Length Mean", "Fwd Packet Length Std",
    "Bwd Packet Length Max", "Bwd Packet Length Min", "Bwd Packet Length Mean", "Bwd Packet Length Std",
    "Flow Bytes/s", "Flow Packets/s", "Flow IAT Mean", "Flow IAT Std", "Flow IAT Max", "Flow IAT Min",
    "Fwd IAT Total", "Fwd IAT Mean", "Fwd IAT Std", "Fwd IAT Max", "Fwd IAT Min",
    "Bwd IAT Total", "Bwd IAT Mean", "Bwd IAT Std", "Bwd IAT Max", "Bwd IAT Min",
    "Fwd PSH Flags", "Bwd PSH Flags", "Fwd URG Flags", "Bwd URG Flags", "Fwd Header Length", "Bwd Header Length",
    "Fwd Packets/s", "Bwd Packets/s", "Packet Length Min", "Packet Length Max", "Packet Length Mean",
    "Packet Length Std", "Packet Length Variance", "FIN Flag Count", "SYN Flag Count", "RST Flag Count",
    "PSH Flag Count", "ACK Flag Count", "URG Flag Count", "CWR Flag Count", "ECE Flag Count", "Down/Up Ratio",
    "Average Packet Size", "Fwd Segment Size Avg", "Bwd Segment Size Avg", "Fwd Bytes/Bulk Avg",
    "Fwd Packet/Bulk Avg", "Fwd Bulk Rate Avg", "Bwd Bytes/Bulk Avg", "Bwd Packet/Bulk Avg", "Bwd Bulk Rate Avg",
    "Subflow Fwd Packets", "Subflow Fwd Bytes", "Subflow Bwd Packets", "Subflow Bwd Bytes", "FWD Init Win Bytes",
    "Bwd Init Win Bytes", "Fwd Act Data Pkts", "Fwd Seg Size Min", "Active Mean", "Active Std", "Active Max",
    "Active Min", "Idle Mean", "Idle Std", "Idle Max", "Idle Min", "Label",
];

/// CICFlowMeter's CSV.
pub(super) struct Csv;

impl LineFormat for Csv {
    fn name(&self) -> &'static str {
        "csv"
    }
    fn about(&self) -> &'static str {
        "CICFlowMeter's 83 columns and Label, times in microseconds"
    }
    fn header(&self, line: &mut String) {
        line.push_str(&COLUMNS.join(","));
        line.push('\n');
    }
    fn record(&self, flow: &FlowRecord, _told: Told<'_>, line: &mut String) {
        identity(flow, line);
        let mut number = |value: f64| {
            let _ = write!(line, ",{value}");
        };
        number(flow.duration_ns() as f64 / US);
        sizes(flow, &mut number);
        times(flow, &mut number);
        flags(flow, &mut number);
        derived(flow, &mut number);
        line.push(',');
        line.push_str(NO_LABEL);
        line.push('\n');
    }
}

/// `Flow ID` to `Timestamp`.
fn identity(flow: &FlowRecord, line: &mut String) {
    let (src, dest, proto) = (flow.src(), flow.dest(), flow.key.proto);
    let time = flow.start.rfc3339().replace('T', " ");
    let _ = write!(
        line,
        "{}-{}-{}-{}-{proto},{},{},{},{},{proto},{}",
        src.addr,
        dest.addr,
        src.port,
        dest.port,
        src.addr,
        src.port,
        dest.addr,
        dest.port,
        time.trim_end_matches('Z')
    );
}

/// `Total Fwd Packet` to `Flow Packets/s`.
fn sizes(flow: &FlowRecord, number: &mut impl FnMut(f64)) {
    let (f, b) = (&flow.forward, &flow.backward);
    number(f.packets as f64);
    number(b.packets as f64);
    number(f.payload.sum);
    number(b.payload.sum);
    for moments in [&f.payload, &b.payload] {
        let [mean, std, max, min] = four(moments, 1.0);
        [max, min, mean, std].into_iter().for_each(&mut *number);
    }
    let seconds = flow.duration_ns() as f64 / 1e9;
    number(ratio(flow.payload.sum, seconds));
    number(ratio(flow.packets() as f64, seconds));
}

/// `Flow IAT Mean` to `Bwd IAT Min`.
fn times(flow: &FlowRecord, number: &mut impl FnMut(f64)) {
    four(&flow.iat, US).into_iter().for_each(&mut *number);
    for moments in [&flow.forward.iat, &flow.backward.iat] {
        number(moments.sum / US);
        four(moments, US).into_iter().for_each(&mut *number);
    }
}

/// `Fwd PSH Flags` to `ECE Flag Count`.
fn flags(flow: &FlowRecord, number: &mut impl FnMut(f64)) {
    const PSH: usize = 3;
    const URG: usize = 5;
    let (f, b) = (&flow.forward, &flow.backward);
    let both = |bit: usize| f64::from(f.flags[bit]) + f64::from(b.flags[bit]);
    for count in [f.flags[PSH], b.flags[PSH], f.flags[URG], b.flags[URG]] {
        number(f64::from(count));
    }
    number(f.header_bytes as f64);
    number(b.header_bytes as f64);
    let seconds = flow.duration_ns() as f64 / 1e9;
    number(ratio(f.packets as f64, seconds));
    number(ratio(b.packets as f64, seconds));
    let [mean, std, max, min] = four(&flow.payload, 1.0);
    [min, max, mean, std, flow.payload.variance()].into_iter().for_each(&mut *number);
    // FIN, SYN, RST, PSH, ACK, URG, CWR, ECE.
    for bit in [0, 1, 2, PSH, 4, URG, 7, 6] {
        number(both(bit));
    }
}

/// `Down/Up Ratio` to `Idle Min`.
fn derived(flow: &FlowRecord, number: &mut impl FnMut(f64)) {
    let (f, b) = (&flow.forward, &flow.backward);
    number(ratio(b.packets as f64, f.packets as f64));
    number(flow.payload.mean());
    number(f.payload.mean());
    number(b.payload.mean());
    for side in [f, b] {
        bulk(side, number);
    }
    let subflows = f64::from(flow.subflows.max(1));
    for sum in [f.packets as f64, f.payload.sum, b.packets as f64, b.payload.sum] {
        number(sum / subflows);
    }
    number(f64::from(f.init_window));
    number(f64::from(b.init_window));
    number(f.packets_with_payload as f64);
    number(f64::from(f.segment_size_min));
    for moments in [&flow.active, &flow.idle] {
        spans(moments, number);
    }
}

fn bulk(side: &DirectionStats, number: &mut impl FnMut(f64)) {
    let bulks = f64::from(side.bulks);
    number(ratio(side.bulk_bytes as f64, bulks));
    number(ratio(side.bulk_packets as f64, bulks));
    number(ratio(side.bulk_bytes as f64, side.bulk_duration_ns as f64 / 1e9));
}

fn spans(moments: &Moments, number: &mut impl FnMut(f64)) {
    four(moments, US).into_iter().for_each(number);
}
