//! Which kind of service was asked: transport, and two categories whose rarity the models learn. A port only chooses a
//! group of services; its number is never seen by a model.

use crate::group::{Group, category, ratio};
use crate::scale;
use record::{AppProto, FlowRecord};

/// The group.
pub(super) const GROUP: Group<FlowRecord> = Group {
    name: "service",
    columns: &[
        ratio("transport_tcp", "TCP"),
        ratio("transport_udp", "UDP"),
        ratio("transport_icmp", "ICMP"),
        category("service_rarity", "this service"),
        category("application_rarity", "this protocol on this service"),
    ],
    fill,
};

/// Service groups and their ports; the code of a group is its index plus `CODE_FIRST`.
const SERVICES: &[&[u16]] = &[
    &[80, 8000, 8008, 8080, 8888],                // web, clear
    &[443, 8443],                                 // web, TLS
    &[53],                                        // DNS
    &[5353, 5355, 137, 1900, 3702],               // local discovery
    &[67, 68, 546, 547],                          // address assignment
    &[123],                                       // time
    &[22],                                        // secure shell
    &[23, 2323, 512, 513, 514],                   // clear-text log-in
    &[20, 21, 69, 990],                           // file transfer
    &[135, 138, 139, 445, 593],                   // Windows services
    &[111, 2049],                                 // network file system
    &[25, 465, 587],                              // mail, sending
    &[110, 143, 993, 995],                        // mail, reading
    &[88, 389, 464, 636, 3268, 3269],             // directory
    &[3389, 5900, 5901, 5938],                    // remote desktop
    &[5985, 5986, 623],                           // remote administration
    &[161, 162, 199],                             // management
    &[1433, 1521, 3306, 5432, 6379, 9042, 27017], // databases
    &[1812, 1813, 49],                            // authentication
    &[5060, 5061, 3478, 3479, 5349],              // voice
    &[500, 1194, 1701, 4500, 51820],              // tunnels
    &[631, 515, 9100],                            // printing
    &[1883, 8883, 5672, 9092, 4222],              // messaging
    &[102, 502, 2404, 4840, 20000, 44818, 47808], // industry
    &[6667, 6697, 194],                           // chat relay
    &[4444, 5555, 1337, 31337],                   // remote shells
    &[6881, 6882, 6883, 51413],                   // peer to peer
    &[2375, 2376, 2379, 6443, 10250],             // containers
];
const CODE_NONE: u32 = 0;
const CODE_SYSTEM: u32 = 1;
const CODE_REGISTERED: u32 = 2;
const CODE_EPHEMERAL: u32 = 3;
const CODE_FIRST: u32 = 4;
/// First port of the usual dynamic range (Linux; IANA's begins at 49152).
const EPHEMERAL_FIRST: u16 = 32768;

fn service_group(port: u16) -> u32 {
    if port == 0 {
        return CODE_NONE;
    }
    if let Some(index) = SERVICES.iter().position(|ports| ports.contains(&port)) {
        return CODE_FIRST + index as u32;
    }
    match port {
        ..1024 => CODE_SYSTEM,
        1024..EPHEMERAL_FIRST => CODE_REGISTERED,
        _ => CODE_EPHEMERAL,
    }
}

const fn transport(proto: u8) -> u32 {
    match proto {
        6 => 0,
        17 => 1,
        1 | 58 => 2,
        _ => 3,
    }
}

/// The code of a service: its transport and the group its port is in. For tables that know a port and no flow.
#[must_use]
pub fn service_code(proto: u8, port: u16) -> u32 {
    transport(proto) * 512 + service_group(port)
}

fn fill(flow: &FlowRecord, out: &mut Vec<f32>) {
    let transport = transport(flow.key.proto);
    // ICMP carries an identifier where others have a port; its type tells the service instead.
    let group = if transport == 2 { u32::from(flow.icmp_type) + 64 } else { service_group(flow.dest().port) };
    let service = transport * 512 + group;
    let spoken = match flow.app_proto() {
        AppProto::Unknown => 0,
        known => known as u32,
    };
    out.extend([
        scale::flag(transport == 0),
        scale::flag(transport == 1),
        scale::flag(transport == 2),
        service as f32,
        (spoken * 2048 + service) as f32,
    ]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_port_is_in_two_groups() {
        let mut ports: Vec<u16> = SERVICES.iter().flat_map(|ports| ports.iter().copied()).collect();
        let listed = ports.len();
        ports.sort_unstable();
        ports.dedup();
        assert_eq!(ports.len(), listed);
        assert!(CODE_FIRST as usize + SERVICES.len() < 64);
    }

    #[test]
    fn alternative_ports_of_a_service_look_alike() {
        assert_eq!(service_group(80), service_group(8080));
        assert_ne!(service_group(80), service_group(443));
        assert_eq!(service_group(40000), service_group(60000));
    }
}
