//! Scans and the inventory: written, read again, listed by indexes, merged, bounded; and who first used a port.

use super::support::*;
use crate::query::{ASSET_FIELDS, SCAN_FIELDS};
use crate::{AssetSort, Read, ScanWrite, Sqlite, StoreBatch, StoreConfig};
use record::asset::{Asset, AssetChange, AssetEvent, AssetPort, InventoryChange};
use record::scan::{Scan, ScannedHost, ScannedPort};
use record::{Finding, ScanRow, ScanState};

fn put(store: &Sqlite, scans: Vec<ScanWrite>) {
    store.write(StoreBatch { scans, ..StoreBatch::default() }).unwrap();
    store.flush().unwrap();
}

fn port(number: u32, seconds: i64) -> AssetPort {
    AssetPort {
        protocol: "tcp".into(),
        port: number,
        state: "open".into(),
        service: if number == 443 { "https".into() } else { format!("s{number}") },
        first_seen: at(seconds),
        last_seen: at(seconds),
        ..AssetPort::default()
    }
}

fn asset(address: &str, seconds: i64, ports: &[u32]) -> Asset {
    Asset {
        key: address.to_owned(),
        addresses: vec![ip(address)],
        names: vec![format!("name-{address}")],
        first_seen: at(seconds),
        last_seen: at(seconds + 10),
        ports: ports.iter().map(|number| port(*number, seconds)).collect(),
        covered: vec![("tcp".into(), "1-1000".into())],
        ..Asset::default()
    }
}

fn event(scan: &str, key: &str, text: &str) -> AssetEvent {
    AssetEvent {
        at: at(1),
        scan: scan.into(),
        key: key.into(),
        what: AssetChange::PortOpened,
        text: text.into(),
        before: String::new(),
        after: String::new(),
        protocol: "tcp".into(),
        port: 22,
    }
}

fn scan(id: &str, seconds: i64, assets: Vec<Asset>) -> ScanWrite {
    let open = ScannedPort { protocol: "tcp".into(), port: 22, state: Some("open".into()), ..ScannedPort::default() };
    let host = |_| ScannedHost { state: Some("up".into()), ports: vec![open.clone()], ..ScannedHost::default() };
    let found = Scan { scanner: "nmap".into(), hosts: assets.iter().map(host).collect(), ..Scan::default() };
    let row = ScanRow {
        id: id.into(),
        targets: vec!["10.0.0.0/24".into()],
        state: ScanState::Done,
        started: at(seconds),
        ended: Some(at(seconds + 5)),
        ..ScanRow::default()
    };
    let keys = assets.iter().map(|asset| asset.key.clone()).collect();
    let inventory = InventoryChange { keys, assets, ..InventoryChange::default() };
    ScanWrite { row, scan: Some(Box::new(found)), inventory, ..ScanWrite::default() }
}

#[test]
fn a_scan_is_read_as_it_was_written() {
    let (_dir, store) = open();
    let write = scan("a", 1, (1..=5).map(|n| asset(&format!("10.0.0.{n}"), n, &[22])).collect());
    put(&store, vec![write.clone(), scan("b", 2, Vec::new())]);
    let reader = store.reader();
    assert_eq!(reader.scan("a").unwrap().unwrap(), write.row);
    assert_eq!(reader.scan_body("a").unwrap().unwrap(), *write.scan.unwrap());
    let rows = reader.scans(&list("state:done target:10.0.0.*", SCAN_FIELDS, 1)).unwrap();
    assert_eq!((rows.total, rows.items[0].id.as_str()), (2, "b"));
    let next = crate::ListQuery { cursor: rows.next_cursor, ..list("", SCAN_FIELDS, 1) };
    assert_eq!(reader.scans(&next).unwrap().items[0].id, "a");
    let page = reader.scan_hosts("a", 2, None).unwrap();
    let rest = reader.scan_hosts("a", 10, page.next_cursor.as_deref()).unwrap();
    let keys: Vec<_> = page.items.iter().chain(&rest.items).map(|host| host.key.as_str()).collect();
    assert_eq!((page.total, rest.next_cursor), (5, None));
    assert_eq!(keys, ["10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4", "10.0.0.5"]);
    assert!(reader.scan_hosts("a", 2, Some("x")).is_err());
    assert_eq!(reader.whole_scans(&["10.0.0.0/24".to_owned()], 9).unwrap().len(), 2);
    assert!(reader.whole_scans(&["10.0.0.0/25".to_owned()], 9).unwrap().is_empty());
}

#[test]
fn the_inventory_is_read_as_it_was_written_listed_and_merged() {
    let (_dir, store) = open();
    let assets = vec![asset("10.0.0.1", 1, &[22, 443]), asset("10.0.0.2", 2, &[22]), asset("10.0.1.1", 3, &[])];
    let mut write = scan("a", 1, assets.clone());
    write.inventory.events = vec![event("a", "10.0.0.1", "22/tcp opened")];
    write.findings = vec![Finding { scan: "a".into(), key: "10.0.0.2".into(), score: 0.5, ..Finding::default() }];
    store.write(StoreBatch { hosts: vec![host("10.0.0.1", 1)], ..StoreBatch::default() }).unwrap();
    put(&store, vec![write]);
    let reader = store.reader();
    assert_eq!(reader.inventory().unwrap(), assets);
    let keys = |filter: &str, sort| -> Vec<String> {
        reader.assets(&list(filter, ASSET_FIELDS, 9), sort).unwrap().items.into_iter().map(|row| row.key).collect()
    };
    assert_eq!(keys("", AssetSort::LastSeen), ["10.0.1.1", "10.0.0.2", "10.0.0.1"]);
    assert_eq!(keys("", AssetSort::Ports), ["10.0.0.1", "10.0.0.2", "10.0.1.1"]);
    assert_eq!(keys("", AssetSort::Anomaly)[0], "10.0.0.2");
    for (filter, wanted) in [
        ("port:443", 1),
        ("port:<100", 2),
        ("service:HTTPS", 1),
        ("https", 1),
        ("ip:10.0.0.0/24", 2),
        ("10.0.1.1", 1),
        ("name:name-10.0.1.*", 1),
        ("state:up -port:22", 1),
        ("anomaly:>0", 1),
        ("vendor:*", 0),
    ] {
        assert_eq!(keys(filter, AssetSort::LastSeen).len(), wanted, "{filter}");
    }
    let detail = reader.asset("10.0.0.1").unwrap().unwrap();
    assert_eq!((detail.asset.seen_by, detail.history.len(), detail.ports.len()), (crate::SeenBy::Both, 1, 2));
    assert_eq!(detail.asset.services, ["22/tcp s22", "443/tcp https"]);
    assert_eq!(reader.asset_at(ip("10.0.0.2")).unwrap().unwrap().anomaly.unwrap().score, 0.5);
    let totals = reader.asset_totals().unwrap();
    assert_eq!((totals.up, totals.down, totals.ports_open, totals.anomalous), (3, 0, 3, 1));
    // A MAC address is told: one host, with its past; and what was strange is of the past.
    let mut known = assets[0].clone();
    (known.key, known.mac) = ("02:00:00:00:00:0A".into(), Some("02:00:00:00:00:0A".into()));
    let mut next = scan("b", 9, vec![known, assets[1].clone()]);
    next.inventory.merged = vec![("10.0.0.1".into(), "02:00:00:00:00:0A".into())];
    put(&store, vec![next]);
    assert_eq!(reader.inventory().unwrap().len(), 3);
    let detail = reader.asset("10.0.0.1").unwrap().unwrap();
    assert_eq!((detail.asset.key.as_str(), detail.history.len()), ("02:00:00:00:00:0A", 1));
    assert_eq!(reader.asset_totals().unwrap().anomalous, 0);
    assert_eq!(reader.findings("a").unwrap().len(), 1, "the scan keeps what was strange in it");
    assert!(reader.asset("10.9.9.9").unwrap().is_none() && reader.asset("x").unwrap().is_none());
}

#[test]
fn the_first_use_of_a_port_is_a_flow_and_not_our_own_scan() {
    let (_dir, store) = open();
    // Flow `n` ends at second n, from 10.0.0.n to 192.0.2.1:443.
    store.write(StoreBatch { flows: (1..=9).map(flow).collect(), ..StoreBatch::default() }).unwrap();
    let mut target = asset("192.0.2.1", 3, &[443, 80]);
    target.ports[0].absent = Some(at(1));
    let mut write = scan("a", 3, vec![target]);
    write.sources = vec![ip("10.0.0.4")];
    put(&store, vec![write]);
    let detail = store.reader().asset("192.0.2.1").unwrap().unwrap();
    let used: Vec<_> = detail.ports.iter().map(|port| port.first_use.as_ref().map(|used| used.peer)).collect();
    assert_eq!(used, [None, Some(ip("10.0.0.3"))], "flows take 1.5 s: the third began after the scan before");
    let first = store.reader().first_use(&[ip("192.0.2.1")], "tcp", 443, at(2)).unwrap().unwrap();
    assert_eq!(first.peer, ip("10.0.0.5"), "that of 10.0.0.4 was the scan's");
    assert!(store.reader().first_use(&[ip("192.0.2.1")], "udp", 443, at(0)).unwrap().is_none());
}

#[test]
fn scans_assets_and_changes_are_bounded() {
    let config =
        StoreConfig { scans_max: 3, assets_max: 2, asset_events_max: 4, batch_ms: 1, ..StoreConfig::default() };
    let (_dir, store) = open_with(&config);
    for n in 1..=6 {
        let mut write = scan(&format!("s{n}"), n, vec![asset(&format!("10.0.0.{n}"), n, &[22])]);
        write.inventory.events = vec![event("s", "k", "x"), event("s", "k", "y")];
        put(&store, vec![write]);
    }
    store.set_retention(&config);
    put(&store, vec![scan("s7", 7, Vec::new())]);
    let reader = store.reader();
    let found = reader.scans(&list("", SCAN_FIELDS, 9)).unwrap().items;
    assert_eq!(found.iter().map(|row| row.id.as_str()).collect::<Vec<_>>(), ["s7", "s6", "s5"]);
    assert!(reader.scan_body("s1").unwrap().is_none());
    let kept: Vec<_> = reader.inventory().unwrap().into_iter().map(|asset| asset.key).collect();
    assert_eq!(kept, ["10.0.0.5", "10.0.0.6"]);
    assert_eq!(reader.events_of_scan("s").unwrap().len(), 4);
    let small = StoreConfig { scans_max_bytes: 1, ..config };
    store.set_retention(&small);
    put(&store, vec![scan("s8", 8, Vec::new())]);
    let found = reader.scans(&list("", SCAN_FIELDS, 9)).unwrap().items;
    assert_eq!(found.iter().map(|row| row.id.as_str()).collect::<Vec<_>>(), ["s8"], "the newest stays");
}

#[test]
fn lists_and_look_ups_of_the_inventory_use_indexes() {
    let mut connection = rusqlite::Connection::open_in_memory().unwrap();
    crate::schema::migrate(&mut connection, crate::schema::STEPS).unwrap();
    let plan = |text: &str| -> String {
        let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {text}")).unwrap();
        let rows = statement.query_map([], |r| r.get::<_, String>("detail")).unwrap();
        rows.map(Result::unwrap).collect::<Vec<_>>().join("\n")
    };
    for (text, index) in [
        ("SELECT key FROM assets ORDER BY last_ns DESC, key DESC LIMIT 100", "assets_last"),
        ("SELECT key FROM assets ORDER BY first_ns DESC, key DESC LIMIT 100", "assets_first"),
        ("SELECT key FROM assets ORDER BY ports_open DESC, key DESC LIMIT 100", "assets_ports"),
        ("SELECT key FROM assets ORDER BY anomaly DESC, key DESC LIMIT 100", "assets_anomaly"),
        (
            "SELECT 1 FROM assets WHERE key IN (SELECT p.key FROM asset_ports p WHERE p.open = 1 AND p.port = 22)",
            "asset_ports_port",
        ),
        (
            "SELECT 1 FROM assets WHERE key IN (SELECT p.key FROM asset_ports p WHERE p.open = 1 AND p.service = 'ssh' COLLATE NOCASE)",
            "asset_ports_service",
        ),
        ("SELECT 1 FROM asset_ports WHERE key = 'x'", "PRIMARY KEY"),
        ("SELECT 1 FROM asset_events WHERE key = 'x' ORDER BY id DESC LIMIT 500", "asset_events_key"),
        ("SELECT 1 FROM findings WHERE key = 'x' ORDER BY at_ns DESC LIMIT 50", "findings_key"),
        ("SELECT 1 FROM scans ORDER BY started_ns DESC, id DESC LIMIT 100", "scans_started"),
        (
            "SELECT 1 FROM scans WHERE targets = 'x' AND state = 'done' ORDER BY started_ns DESC, id DESC LIMIT 30",
            "scans_targets",
        ),
        ("SELECT 1 FROM scan_hosts WHERE scan = 'x' AND place > 1 ORDER BY place LIMIT 100", "PRIMARY KEY"),
    ] {
        let plan = plan(text);
        assert!(plan.contains(index) && !plan.contains("TEMP B-TREE"), "{text}: {plan}");
    }
}

#[test]
#[ignore = "measures; run by hand in release"]
fn speed_of_the_inventory() {
    let (_dir, store) = open();
    let ports: Vec<u32> = (1..=34).map(|n| n * 100).collect();
    let assets = (0..3_000).map(|n| asset(&format!("10.0.{}.{}", n / 250, n % 250), n, &ports)).collect();
    let begin = std::time::Instant::now();
    put(&store, vec![scan("a", 1, assets)]);
    eprintln!("write 3,000 hosts, 102,000 ports: {} ms", begin.elapsed().as_millis());
    let reader = store.reader();
    let timed = |what: &str, work: &dyn Fn() -> u64| {
        let begin = std::time::Instant::now();
        let rows = work();
        eprintln!("{what}: {:.1} ms ({rows})", begin.elapsed().as_secs_f64() * 1e3);
    };
    for filter in ["", "port:3400", "service:s100", "*s34*", "ip:10.0.3.0/24", "name:*99", "-port:100"] {
        for sort in [AssetSort::LastSeen, AssetSort::Ports] {
            let page = || reader.assets(&list(filter, ASSET_FIELDS, 100), sort).unwrap().total;
            timed(&format!("page `{filter}` {sort:?}"), &page);
        }
    }
    timed("one", &|| reader.asset("10.0.3.7").unwrap().unwrap().ports.len() as u64);
    timed("totals", &|| reader.asset_totals().unwrap().ports_open);
    timed("hosts of a scan", &|| reader.scan_hosts("a", 100, Some("1500")).unwrap().total);
    timed("whole scan", &|| reader.scan_body("a").unwrap().unwrap().hosts.len() as u64);
    timed("whole inventory", &|| reader.inventory().unwrap().len() as u64);
}
