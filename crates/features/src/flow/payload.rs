//! Transport payload per packet, each way: the shape of a conversation that encryption does not hide.

use crate::group::{Group, log, ratio};
use crate::scale;
use record::{DirectionStats, FlowRecord};

/// The group.
pub(super) const GROUP: Group<FlowRecord> = Group {
    name: "payload",
    columns: &[
        log("forward_payload_mean_bytes", "bytes", "payload sent per packet"),
        log("forward_payload_std_bytes", "bytes", "spread of payload sent per packet"),
        log("forward_payload_max_bytes", "bytes", "largest payload sent"),
        ratio("forward_data_packets_ratio", "share of sent packets that carry data"),
        log("backward_payload_mean_bytes", "bytes", "payload received per packet"),
        log("backward_payload_std_bytes", "bytes", "spread of payload received per packet"),
        log("backward_payload_max_bytes", "bytes", "largest payload received"),
        ratio("backward_data_packets_ratio", "share of received packets that carry data"),
    ],
    fill,
};

fn fill(flow: &FlowRecord, out: &mut Vec<f32>) {
    for side in [&flow.forward, &flow.backward] {
        out.extend(side_values(side));
    }
}

fn side_values(side: &DirectionStats) -> [f32; 4] {
    [
        scale::log(side.payload.mean()),
        scale::log(side.payload.std_dev()),
        scale::log(side.payload.max),
        scale::ratio(side.packets_with_payload as f64, side.packets as f64),
    ]
}
