//! How much an interface carries.

use crate::group::{Group, log};
use crate::scale;
use record::{InterfaceSecond, TrafficClass};

/// The group.
pub(super) const GROUP: Group<InterfaceSecond> = Group {
    name: "interface",
    columns: &[
        log("bytes", "bytes", "bytes"),
        log("packets", "packets", "packets"),
        log("bytes_tcp", "bytes", "bytes over TCP"),
        log("bytes_udp", "bytes", "bytes over UDP"),
        log("bytes_out", "bytes", "bytes out of the home networks"),
        log("bytes_in", "bytes", "bytes into the home networks"),
        log("flows_new", "flows", "new flows"),
        log("tcp_syn", "packets", "TCP openings"),
    ],
    fill,
};

fn fill(sums: &InterfaceSecond, out: &mut Vec<f32>) {
    let of = |value: u64| scale::log(value as f64);
    out.extend([
        of(sums.bytes.iter().sum()),
        of(sums.packets.iter().sum()),
        of(sums.bytes[TrafficClass::Tcp as usize]),
        of(sums.bytes[TrafficClass::Udp as usize]),
        of(sums.bytes_out),
        of(sums.bytes_in),
        of(sums.flows_new),
        of(sums.tcp_syn),
    ]);
}
