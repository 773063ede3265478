//! Lists: filters, pages, sums.

use super::support::*;
use crate::query::{HOST_FIELDS, INCIDENT_FIELDS};
use crate::{HostSort, Read, StoreBatch, StoreConfig, TimeRange, TopWhat};
use record::{Endpoint, FlowKey, HostRecord, Kind, Severity};
use std::collections::HashSet;

fn store() -> (tempfile::TempDir, crate::Sqlite) {
    let (dir, store) = open();
    let mut all: Vec<_> = (0..300).map(flow).collect();
    for f in all.iter_mut().step_by(100) {
        f.verdict = Some(verdict(f.record.flow_id, 0.99, true));
    }
    let mut v6 = flow(1_000);
    let (src, dest) =
        (Endpoint { addr: ip("2001:db8::5"), port: 5_353 }, Endpoint { addr: ip("ff02::fb"), port: 5_353 });
    (v6.record.key, v6.record.originator_low) = FlowKey::new(src, dest, 17);
    (v6.record.app, v6.in_iface) = (None, "50%_x".into());
    all.push(v6);
    store.write(StoreBatch { flows: all, ..StoreBatch::default() }).unwrap();
    store.flush().unwrap();
    (dir, store)
}

#[test]
fn filters_select_exclude_and_compare() {
    let (_dir, store) = store();
    let count = |filter: &str| {
        let page = store.reader().flows(&flows(filter)).unwrap();
        assert_eq!(page.total, page.items.len() as u64, "{filter}");
        page.total
    };
    for (filter, wanted) in [
        ("", 301),
        ("src_ip:10.0.0.0/24", 256),
        ("-src_ip:10.0.0.0/24", 45),
        ("src_ip:10.0.0.0/8", 300),
        ("dest_ip:192.0.2.1", 300),
        ("ip:2001:db8::/32", 1),
        ("ip:10.0.1.0/24 -ip:10.0.1.1", 43),
        ("10.0.0.9", 1),
        ("-10.0.0.9", 300),
        ("proto:udp", 1),
        ("proto:TCP", 300),
        ("host_name:host1*.example.org", 111),
        ("host_name:*.example.org", 300),
        ("-host_name:*", 1),
        ("example host17.", 1),
        ("bytes:>=2570", 2),
        ("bytes_toserver:<2141", 2),
        ("anomalous:true", 3),
        ("-anomalous:true", 298),
        ("score:>=0.9", 3),
        ("score:*", 3),
        ("-score:>=0.9", 298),
        ("dest_port:443 src_port:40005", 1),
        ("port:5353", 1),
        ("duration_ms:>1500", 301),
        ("in_iface:50%*", 1),
        ("in_iface:5*_x", 1),
        ("in_iface:%", 0),
        ("tls", 300),
        ("community_id:1:id7=", 1),
        ("history:ShAD*", 301),
        ("host_name:\"' OR 1=1 --\"", 0),
        ("state:sf reason:fin vlan:0 tunnel:none", 301),
    ] {
        assert_eq!(count(filter), wanted, "{filter}");
    }
}

#[test]
fn time_bounds_are_inside() {
    let (_dir, store) = store();
    let mut query = flows("");
    query.range = TimeRange { from: Some(at(10)), to: Some(at(19)) };
    assert_eq!(store.reader().flows(&query).unwrap().total, 10);
}

#[test]
fn pages_hold_every_row_once_while_rows_arrive() {
    let (_dir, store) = store();
    let mut query = flows("");
    query.limit = 7;
    let (mut seen, mut next) = (Vec::new(), 2_000);
    loop {
        let page = store.reader().flows(&query).unwrap();
        seen.extend(page.items.iter().map(|f| f.flow_id));
        store.write(StoreBatch { flows: (next..next + 5).map(flow).collect(), ..StoreBatch::default() }).unwrap();
        store.flush().unwrap();
        next += 5;
        match page.next_cursor {
            Some(cursor) => query.cursor = Some(cursor),
            None => break,
        }
    }
    let distinct: HashSet<_> = seen.iter().copied().collect();
    assert_eq!(distinct.len(), seen.len(), "none twice");
    let wanted: HashSet<_> = (0..300).chain([1_000]).map(|n| flow(n).record.flow_id).collect();
    assert_eq!(distinct, wanted, "all that were there at the beginning");
    for bad in ["x", "1", "a_b", "_", "5_x"] {
        query.cursor = Some(bad.into());
        assert!(matches!(store.reader().flows(&query), Err(crate::StoreError::Cursor(_))), "{bad}");
    }
}

#[test]
fn pages_of_equal_times_hold_every_row_once() {
    let (_dir, store) = open();
    let mut all: Vec<_> = (0..50).map(flow).collect();
    for f in &mut all {
        f.record.end = at(0);
    }
    let hosts = (0..50).map(|n| host(&format!("10.0.0.{n}"), 0)).collect();
    let incidents = (0..50)
        .map(|n| {
            let mut i = incident(n, Kind::Dga, "10.0.0.1");
            i.raised = at(0);
            i
        })
        .collect();
    store.write(StoreBatch { flows: all, hosts, incidents, ..StoreBatch::default() }).unwrap();
    store.flush().unwrap();
    let walk = |page: &dyn Fn(Option<String>) -> (Vec<String>, Option<String>)| {
        let (mut all, mut cursor) = (Vec::new(), None);
        loop {
            let (items, next) = page(cursor);
            all.extend(items);
            match next {
                Some(next) => cursor = Some(next),
                None => break,
            }
        }
        (all.len(), all.into_iter().collect::<HashSet<_>>().len())
    };
    let reader = store.reader();
    let flows = walk(&|cursor| {
        let page = reader.flows(&crate::ListQuery { cursor, limit: 8, ..flows("") }).unwrap();
        (page.items.iter().map(|f| f.flow_id.to_string()).collect(), page.next_cursor)
    });
    let hosts = walk(&|cursor| {
        let page = reader.hosts(&crate::ListQuery { cursor, ..list("", HOST_FIELDS, 8) }, HostSort::default()).unwrap();
        (page.items.iter().map(|h| h.host.ip.to_string()).collect(), page.next_cursor)
    });
    let incidents = walk(&|cursor| {
        let page = reader.incidents(&crate::ListQuery { cursor, ..list("", INCIDENT_FIELDS, 8) }).unwrap();
        (page.items.iter().map(|i| i.id.clone()).collect(), page.next_cursor)
    });
    assert_eq!([flows, hosts, incidents], [(50, 50); 3]);
}

#[test]
fn incidents_and_hosts_are_filtered() {
    let (_dir, store) = open();
    let mut low = incident(2, Kind::Beacon, "10.1.0.6");
    (low.severity, low.over_budget) = (Severity::Low, true);
    let incidents = vec![incident(1, Kind::PortScan, "10.0.0.5"), low];
    let mut away = host("2001:db8::7", 3);
    away.home = false;
    let hosts = vec![host("10.0.0.5", 1), host("10.1.0.6", 2), away];
    store.write(StoreBatch { incidents, hosts, ..StoreBatch::default() }).unwrap();
    store.flush().unwrap();
    for (filter, wanted) in [
        ("", 2),
        ("src_ip:10.0.0.0/16", 1),
        ("-src_ip:10.0.0.0/16", 1),
        ("dest_ip:2001:db8::/32", 2),
        ("kind:port_scan", 1),
        ("kind:*scan", 1),
        ("severity:>=high", 1),
        ("severity:low", 1),
        ("status:open", 2),
        ("dest_port:22", 2),
        ("dest_port:23", 0),
        ("attack:T1046", 2),
        ("detector:port*", 2),
        ("over_budget:true", 1),
        ("number 2", 1),
        ("pcap:false", 2),
        ("alerts:>2 score:<1", 2),
        ("10.0.0.5", 1),
        ("-10.0.0.5", 1),
    ] {
        assert_eq!(store.reader().incidents(&list(filter, INCIDENT_FIELDS, 10)).unwrap().total, wanted, "{filter}");
    }
    for (filter, wanted) in
        [("ip:10.0.0.0/8", 2), ("home:false", 1), ("name1", 1), ("mac:02:*", 3), ("bytes_out:>=1000 name:name2", 1)]
    {
        assert_eq!(
            store.reader().hosts(&list(filter, HOST_FIELDS, 10), HostSort::default()).unwrap().total,
            wanted,
            "{filter}"
        );
    }
}

#[test]
fn scatter_and_top_sum_up() {
    let (_dir, store) = store();
    let query = flows("");
    let scatter = store.reader().scatter(&query.filter, TimeRange::default(), 10).unwrap();
    assert_eq!((scatter.points.len(), scatter.total), (10, 301));
    assert_eq!(scatter.points[0].0, flow(1_000).record.flow_id, "newest first");
    let text = serde_json::to_string(&scatter.points[9]).unwrap();
    assert!(text.starts_with('[') && text.contains(",null,0]"), "{text}");
    let hosts = store.reader().top(TopWhat::Hosts, TimeRange::default()).unwrap();
    assert_eq!((hosts.len(), hosts[0].name.as_str(), hosts[0].flows, hosts[0].packets), (20, "192.0.2.1", 300, 1_500));
    let protocols = store.reader().top(TopWhat::Protocols, TimeRange::default()).unwrap();
    assert_eq!(protocols.iter().map(|r| r.name.as_str()).collect::<Vec<_>>(), ["tls", "UDP"]);
    let ports = store.reader().top(TopWhat::Ports, TimeRange { from: Some(at(0)), to: Some(at(9)) }).unwrap();
    assert_eq!((ports.len(), ports[0].name.as_str(), ports[0].flows), (1, "443/tcp", 10));
}

/// More flows than fit into one segment, with ends out of order at its edge.
#[test]
fn lists_by_address_are_the_same_over_segments() {
    let (_dir, store) = open_with(&StoreConfig { batch_ms: 5, ..StoreConfig::default() });
    let count: u64 = 40_000;
    let mut all: Vec<_> = (0..count).map(flow).collect();
    all.swap(32_000, 33_500);
    all.swap(32_766, 32_768);
    store.write(StoreBatch { flows: all, ..StoreBatch::default() }).unwrap();
    store.flush().unwrap();
    let reader = store.reader();
    for filter in ["dest_ip:192.0.2.1", "ip:192.0.2.0/24", "192.0.2.1"] {
        let mut query = flows(filter);
        query.range = TimeRange { from: Some(at(31_000)), to: Some(at(34_999)) };
        assert_eq!(reader.flows(&query).unwrap().total, 4_000, "{filter}");
        let mut ends = Vec::new();
        loop {
            let page = reader.flows(&query).unwrap();
            ends.extend(page.items.iter().map(|f| f.end));
            match page.next_cursor {
                Some(cursor) => query.cursor = Some(cursor),
                None => break,
            }
        }
        let wanted: Vec<_> = (31_000..35_000).rev().map(at).collect();
        assert_eq!(ends, wanted, "{filter}");
        assert_eq!(
            reader.scatter(&query.filter, TimeRange::default(), 50_000).unwrap().points.len(),
            40_000,
            "{filter}"
        );
    }
    assert_eq!(
        reader.flow(flow(5).record.flow_id).unwrap().unwrap().flow.end,
        at(5),
        "the oldest segment is looked at"
    );
    let host = HostRecord { ip: ip("192.0.2.1"), ..host("192.0.2.1", 0) };
    store.write(StoreBatch { hosts: vec![host], ..StoreBatch::default() }).unwrap();
    store.flush().unwrap();
    let detail = reader.host(ip("192.0.2.1")).unwrap().unwrap();
    assert_eq!((detail.flows.len(), detail.flows[0].end), (100, at(count as i64 - 1)));
    assert_eq!((detail.services[0].port, detail.services[0].flows), (443, 10_000));
    assert_eq!(detail.peers.len(), 50);
    // Above ten thousand flows, sums by five minutes answer: the same for the busiest.
    let top = reader.top(TopWhat::Hosts, TimeRange::default()).unwrap();
    assert_eq!((top.len(), top[0].name.as_str(), top[0].flows), (20, "192.0.2.1", count));
    assert_eq!(reader.top(TopWhat::Ports, TimeRange::default()).unwrap()[0].name, "443/tcp");
    assert_eq!(reader.top(TopWhat::Protocols, TimeRange::default()).unwrap()[0].flows, count);
}

#[test]
fn an_export_visits_every_record() {
    let (_dir, store) = open();
    store.write(StoreBatch { flows: (0..1_203).map(flow).collect(), ..StoreBatch::default() }).unwrap();
    store.flush().unwrap();
    let mut seen = HashSet::new();
    let query = flows("-src_ip:10.0.0.0/24");
    store
        .reader()
        .visit_flows(&query.filter, query.range, &mut |record, row| {
            assert_eq!((record.flow_id, record.forward.packets), (row.flow_id, 3));
            seen.insert(record.flow_id);
            std::ops::ControlFlow::Continue(())
        })
        .unwrap();
    assert_eq!(seen.len(), 1_203 - 256);
}

/// The contract of the field registries: every field can be asked for, compared and excluded.
#[test]
fn every_registered_field_can_be_asked() {
    use crate::{FieldKind, query::FLOW_FIELDS};
    let (_dir, store) = store();
    let reader = store.reader();
    for (name, fields) in [("flows", FLOW_FIELDS), ("incidents", INCIDENT_FIELDS), ("hosts", HOST_FIELDS)] {
        for field in fields {
            let value = match field.kind {
                FieldKind::Ip => "10.0.0.0/8",
                FieldKind::Number => ">=1",
                FieldKind::Bool => "true",
                FieldKind::Text => "a*b",
                FieldKind::Rank(names) => names[0],
            };
            for filter in [format!("{}:*", field.name), format!("{0}:{value} -{0}:{value}", field.name)] {
                let query = list(&filter, fields, 5);
                let total = match name {
                    "flows" => reader.flows(&query).unwrap().total,
                    "incidents" => reader.incidents(&query).unwrap().total,
                    _ => reader.hosts(&query, HostSort::default()).unwrap().total,
                };
                assert!(filter.ends_with(":*") || total == 0, "{filter}: what is excluded is not there");
            }
        }
    }
}
