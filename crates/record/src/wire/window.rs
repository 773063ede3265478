//! Seconds of interfaces and windows of hosts as messages, and seconds back: what the server charts.

use super::flow::address_bytes;
use super::message::{Second, Window};
use crate::{HostWindow, InterfaceSecond, Timestamp, TrafficClass};

impl Second {
    /// As it is sent: without the busiest receivers, which only the sensor's detectors ask for.
    #[must_use]
    pub fn of(s: &InterfaceSecond) -> Self {
        Self {
            ts_ns: s.ts.0,
            interface: u32::from(s.interface),
            packets: s.packets.to_vec(),
            bytes: s.bytes.to_vec(),
            packets_out: s.packets_out,
            packets_in: s.packets_in,
            bytes_out: s.bytes_out,
            bytes_in: s.bytes_in,
            tcp_syn: s.tcp_syn,
            flows_new: s.flows_new,
        }
    }

    /// As the charts need it.
    #[must_use]
    pub fn into_second(self) -> InterfaceSecond {
        let classes = |values: &[u64]| {
            let mut all = [0; TrafficClass::COUNT];
            all.iter_mut().zip(values).for_each(|(to, from)| *to = *from);
            all
        };
        InterfaceSecond {
            ts: Timestamp(self.ts_ns),
            interface: self.interface as u16,
            packets: classes(&self.packets),
            bytes: classes(&self.bytes),
            packets_out: self.packets_out,
            packets_in: self.packets_in,
            bytes_out: self.bytes_out,
            bytes_in: self.bytes_in,
            tcp_syn: self.tcp_syn,
            flows_new: self.flows_new,
            ..InterfaceSecond::default()
        }
    }
}

impl Window {
    /// As it is sent.
    #[must_use]
    pub fn of(w: &HostWindow) -> Self {
        Self {
            start_ns: w.start.0,
            length_s: w.length_s,
            host: address_bytes(w.host),
            flows_out: w.flows_out,
            flows_in: w.flows_in,
            contacts_failed: w.contacts_failed,
            contacts_answered: w.contacts_answered,
            first_contacts_failed: w.first_contacts_failed,
            peers_new: w.peers_new,
            peers: w.peers,
            services: w.services,
            ports: w.ports,
            bytes_out: w.bytes_out,
            bytes_in: w.bytes_in,
            packets_out: w.packets_out,
            packets_in: w.packets_in,
            dns_queries: w.dns_queries,
            dns_nxdomain: w.dns_nxdomain,
            dns_names: w.dns_names,
            dns_name_bytes: w.dns_name_bytes,
            tls_hellos: w.tls_hellos,
            tls_names: w.tls_names,
        }
    }
}
