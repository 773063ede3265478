//! Each kind of change on small scans; the whole is compared with ndiff in `tests/ndiff.rs`.
#![allow(clippy::unwrap_used)]

use super::*;
use record::scan::Service;

fn port(port: u32, state: &str, name: &str) -> ScannedPort {
    let service = Service { name: Some(name.to_owned()), ..Service::default() };
    ScannedPort { protocol: "tcp".to_owned(), port, state: Some(state.to_owned()), service, ..ScannedPort::default() }
}

fn host(addr: &str, ports: Vec<ScannedPort>) -> ScannedHost {
    let address = HostAddress { kind: AddressKind::Ipv4, addr: addr.to_owned(), vendor: None };
    ScannedHost { state: Some("up".to_owned()), addresses: vec![address], ports, ..ScannedHost::default() }
}

fn scan(hosts: Vec<ScannedHost>) -> Scan {
    Scan { scanner: "nmap".to_owned(), hosts, ..Scan::default() }
}

/// The text of the changes, without the two lines of the scans and without the count.
fn lines(before: ScannedHost, after: ScannedHost) -> Vec<String> {
    let text = diff_text(&diff(&scan(vec![before]), &scan(vec![after])));
    let all: Vec<_> = text.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect();
    all[2..all.len() - 1].to_vec()
}

#[test]
fn hosts_come_and_go() {
    let (a, b, c) =
        (host("10.0.0.1", Vec::new()), host("10.0.0.2", vec![port(22, "open", "ssh")]), host("10.0.0.3", Vec::new()));
    let changes = diff(&scan(vec![c.clone(), a.clone()]), &scan(vec![b.clone(), c.clone()]));
    assert_eq!(changes.hosts, [HostDiff::Gone { host: Box::new(a) }, HostDiff::New { host: Box::new(b) }]);
    let text = diff_text(&changes);
    assert!(
        text.contains("-10.0.0.1 is gone (up)\n") && text.contains("+10.0.0.2 is new (up)\n+  22/tcp     open"),
        "{text}"
    );
    assert!(text.ends_with("\n2 hosts changed\n"), "{text}");
    let same = diff(&scan(vec![c.clone()]), &scan(vec![c]));
    assert!(same.is_equal() && diff_text(&same).ends_with("no change\n"));
}

#[test]
fn state_and_ports_change() {
    let mut down = host("10.0.0.1", Vec::new());
    down.state = Some("down".to_owned());
    assert_eq!(lines(host("10.0.0.1", Vec::new()), down), [" 10.0.0.1", "-  is up", "+  is down"]);
    let before = host("10.0.0.1", vec![port(22, "open", "ssh"), port(80, "open", "http")]);
    let after =
        host("10.0.0.1", vec![port(22, "filtered", "ssh"), port(4444, "open", "krb524"), port(80, "open", "http")]);
    assert_eq!(
        lines(before, after),
        [
            " 10.0.0.1",
            "-  22/tcp     open           ssh",
            "+  22/tcp     filtered       ssh",
            "+  4444/tcp   open           krb524"
        ]
    );
}

#[test]
fn ports_that_are_only_counted_are_not_listed() {
    let closed = |count| vec![ExtraPorts { state: Some("closed".to_owned()), count }];
    let before = ScannedHost { not_shown: closed(10), ..host("10.0.0.1", vec![port(22, "closed", "ssh")]) };
    let after = ScannedHost { not_shown: closed(10), ..host("10.0.0.1", Vec::new()) };
    assert!(diff(&scan(vec![before.clone()]), &scan(vec![after])).is_equal());
    let after = ScannedHost { not_shown: closed(9), ..host("10.0.0.1", vec![port(22, "open", "ssh")]) };
    assert_eq!(
        lines(before, after),
        [
            " 10.0.0.1",
            "-  not shown: 10 closed ports",
            "+  not shown: 9 closed ports",
            "+  22/tcp     open           ssh"
        ]
    );
}

#[test]
fn services_change_by_name_product_version_and_words() {
    let with = |change: &dyn Fn(&mut Service)| {
        let mut one = port(443, "open", "http");
        change(&mut one.service);
        host("10.0.0.1", vec![one])
    };
    let plain = with(&|_| {});
    for change in [
        &(|s: &mut Service| s.name = Some("https".to_owned())) as &dyn Fn(&mut Service),
        &|s| s.product = Some("nginx".to_owned()),
        &|s| s.version = Some("1.2".to_owned()),
        &|s| s.extra = Some("Ubuntu".to_owned()),
    ] {
        let lines = lines(plain.clone(), with(change));
        assert_eq!(lines[1], "-  443/tcp    open           http");
        assert_eq!(lines.len(), 3, "{lines:?}");
    }
    for no_change in [&(|s: &mut Service| s.tunnel = Some("ssl".to_owned())) as &dyn Fn(&mut Service), &|s| {
        s.cpe = vec!["cpe:/a:x".to_owned()];
    }] {
        assert!(diff(&scan(vec![plain.clone()]), &scan(vec![with(no_change)])).is_equal());
    }
}

#[test]
fn addresses_names_guesses_and_scripts_change() {
    let mac = |addr: &str| HostAddress { kind: AddressKind::Mac, addr: addr.to_owned(), vendor: None };
    let guess = |name: &str| OsMatch { name: name.to_owned(), accuracy: Some(90) };
    let said = |output: &str| ScriptOutput { id: "ssh-hostkey".to_owned(), output: output.to_owned() };
    let mut before = host("10.0.0.1", Vec::new());
    before.add_address(mac("00:00:5E:00:53:01"));
    before.add_name("a.example");
    before.os = vec![guess("Linux 5"), guess("Linux 6")];
    before.scripts = vec![said("old")];
    let mut after = host("10.0.0.1", Vec::new());
    after.add_address(mac("00:00:5E:00:53:02"));
    after.names = vec!["a.example".to_owned(), "b.example".to_owned()];
    after.os = vec![guess("Linux 6")];
    after.scripts = vec![said("new\nkey")];
    let changes = diff(&scan(vec![before.clone()]), &scan(vec![after.clone()]));
    let [HostDiff::Changed(change)] = &changes.hosts[..] else { panic!("{changes:?}") };
    assert_eq!(
        (change.addresses.removed[0].addr.as_str(), change.names.added[0].as_str()),
        ("00:00:5E:00:53:01", "b.example")
    );
    assert_eq!(
        lines(before.clone(), after.clone()),
        [
            "-a.example (10.0.0.1, 00:00:5E:00:53:01)",
            "+a.example, b.example (10.0.0.1, 00:00:5E:00:53:02)",
            "-  system: Linux 5",
            "   system: Linux 6",
            "-    ssh-hostkey: old",
            "+    ssh-hostkey: new",
            "+      key",
        ]
    );
    let xml = diff_xml(&changes);
    for part in [
        "<a>\n     <address addr=\"00:00:5E:00:53:01\" addrtype=\"mac\"/>\n    </a>",
        "<hostname name=\"a.example\"/>\n     <b>\n      <hostname name=\"b.example\"/>",
        "<a>\n      <osmatch name=\"Linux 5\"/>\n     </a>\n     <osmatch name=\"Linux 6\"/>",
        "<script id=\"ssh-hostkey\" output=\"new&#10;key\"/>",
    ] {
        assert!(xml.contains(part), "{part} in {xml}");
    }
    // A host whose first name changes is another host, as for ndiff.
    after.names = vec!["c.example".to_owned()];
    assert_eq!(diff(&scan(vec![before]), &scan(vec![after])).hosts.len(), 2);
}
