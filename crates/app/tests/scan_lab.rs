//! Real servers on several hosts of a laboratory (`support::lab`), scanned by nmap and by connections: `tripline scan` and the inventory of
//! `tripline run` tell what nmap's own XML tells; servers that start, stop, move and are upgraded, and a host that goes and comes back, are exactly the changes; and ndiff
//! says the same of the same scans.
#![allow(clippy::unwrap_used)]

mod support;

use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Instant;
use support::lab::{Host, Lab, Service, find};
use support::lab_watch::Watch;

/// What is scanned: five hosts and three addresses where nobody is.
const NETWORK: &str = "198.18.0.8/29";
const PORTS: &str = "22,25,53,80,443,2222,6379,8080";
const UDP_PORTS: &str = "53,123";
/// How long one scan may take, seconds.
const LIMIT_S: u32 = 90;

/// nmap's XML as rows that can be compared, by a reader that is not ours.
const ROWS: &str = r"
import sys, json
import xml.etree.ElementTree as tree
rows = []
for host in tree.parse(sys.argv[1]).getroot().iter('host'):
    row = {'state': host.find('status').get('state'), 'addresses': [], 'ports': []}
    for address in host.findall('address'):
        row['addresses'].append([address.get('addrtype'), address.get('addr'), address.get('vendor')])
    for port in host.iter('port'):
        service = port.find('service')
        told = {} if service is None else service.attrib
        cpes = [] if service is None else [cpe.text for cpe in service.findall('cpe')]
        words = [told.get(key) for key in ('name', 'product', 'version', 'extrainfo', 'tunnel')]
        state = port.find('state')
        row['ports'].append([port.get('protocol'), int(port.get('portid')), state.get('state'), state.get('reason')] + words + [cpes])
    row['ports'].sort(key=lambda port: (port[1], port[0]))
    rows.append(row)
print(json.dumps(rows))
";

/// What ndiff says of two files, and whether ours says the same: `[exit code, difference or null]`.
const NDIFF: &str = r"
import sys, io, json
import xml.etree.ElementTree as tree
import ndiff
ndiff.ScriptResult.__lt__ = lambda a, b: (a.id, a.output) < (b.id, b.output)
scans = []
for name in sys.argv[1:3]:
    scan = ndiff.Scan()
    scan.load_from_file(name)
    scans.append(scan)
out = io.StringIO()
cost = ndiff.ScanDiffXML(scans[0], scans[1], out).output()
def flat(element):
    attributes = sorted((key, ' '.join(value.split())) for key, value in element.attrib.items() if key != 'startstr')
    return [element.tag, attributes, (element.text or '').strip(), [flat(child) for child in element]]
theirs, ours = flat(tree.fromstring(out.getvalue())), flat(tree.parse(sys.argv[3]).getroot())
print(json.dumps([1 if cost else 0, None if ours == theirs else [ours, theirs]]))
";

/// Debian's own Python, whose packages hold ndiff.
fn python() -> Option<&'static str> {
    let has =
        |python: &&str| Command::new(python).args(["-c", "import ndiff"]).output().is_ok_and(|o| o.status.success());
    ["/usr/bin/python3", "python3"].into_iter().find(has)
}

fn nginx(lab: &Lab, host: &Host, port: u16) -> Service {
    let config = format!(
        "daemon off; master_process off; pid /run/nginx.pid; error_log stderr; user root;\nevents {{ worker_connections 64; }}\n\
         http {{ access_log off; client_body_temp_path /run/b; proxy_temp_path /run/p; fastcgi_temp_path /run/f;\n\
         uwsgi_temp_path /run/u; scgi_temp_path /run/s; server {{ listen {port}; return 200 \"laboratory\"; }} }}\n"
    );
    let config = lab.file(&format!("nginx-{port}.conf"), config);
    host.serve(port, &find("nginx").unwrap(), &["-e", "stderr", "-c", &config])
}

fn sshd(lab: &Lab, host: &Host, program: &Path) -> Service {
    let key = lab.dir.path().join("key");
    let key = key.to_str().unwrap();
    if !Path::new(key).exists() {
        let made = Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f", key]).status().unwrap();
        assert!(made.success());
    }
    let quiet = ["-o", "UsePAM=no", "-o", "PidFile=none", "-p", "22", "-h", key];
    host.serve(22, program, &[&["-D", "-e", "-f", "/dev/null"], &quiet[..]].concat())
}

fn redis(host: &Host) -> Service {
    let program = find("redis-server").unwrap();
    host.serve(6379, &program, &["--port", "6379", "--save", "", "--protected-mode", "no", "--dir", "/run"])
}

fn smtpd(lab: &Lab, host: &Host) -> Service {
    let config = "listen on 0.0.0.0 port 25 hostname mail.laboratory\nmatch from any for any reject\n";
    host.serve(25, &find("smtpd").unwrap(), &["-d", "-f", &lab.file("smtpd.conf", config)])
}

fn dnsmasq(host: &Host) -> Service {
    let quiet = ["-k", "-C", "/dev/null", "-u", "root", "--no-resolv", "--no-hosts", "--pid-file="];
    host.serve(53, &find("dnsmasq").unwrap(), &quiet)
}

/// The next version of sshd: a copy that says another number, as long as the one it said. Both numbers.
fn newer_sshd(lab: &Lab) -> (PathBuf, (String, String)) {
    let mut bytes = std::fs::read(find("sshd").unwrap()).unwrap();
    let marker = b"OpenSSH_";
    let mut versions = None;
    for at in 0..bytes.len() - 16 {
        if bytes[at..].starts_with(marker) && bytes[at + 8].is_ascii_digit() && bytes[at + 9] == b'.' {
            let before = format!("{}.{}", char::from(bytes[at + 8]), char::from(bytes[at + 10]));
            bytes[at + 10] = if bytes[at + 10] == b'9' { b'8' } else { b'9' };
            versions = Some((before, format!("{}.{}", char::from(bytes[at + 8]), char::from(bytes[at + 10]))));
        }
    }
    let versions = versions.expect("sshd says its version");
    let text = lab.file("sshd.text", bytes);
    let program = lab.dir.path().join("sshd");
    // Copied by another process: what this one has just written may be held open by a child of it.
    assert!(Command::new("cp").args([Path::new(&text), &program]).status().unwrap().success());
    assert!(Command::new("chmod").arg("755").arg(&program).status().unwrap().success());
    (program, versions)
}

fn settings() -> [String; 4] {
    [
        "scan.allow=[\"198.18.0.0/24\"]".to_owned(),
        format!("scan.ports=\"{PORTS}\""),
        format!("scan.udp_ports=\"{UDP_PORTS}\""),
        "scan.missed_scans_down=1".to_owned(),
    ]
}

/// A scan that runs.
fn begin(lab: &Lab, backend: &str, output: &str, file: &str) -> Child {
    let mut command = lab.command(env!("CARGO_BIN_EXE_tripline"), LIMIT_S);
    command.args([
        "scan",
        "-q",
        NETWORK,
        "--backend",
        backend,
        "-o",
        output,
        "-w",
        lab.dir.path().join(file).to_str().unwrap(),
    ]);
    for setting in &settings() {
        command.args(["--set", setting]);
    }
    command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
}

fn done(scan: Child) {
    let output = scan.wait_with_output().unwrap();
    assert!(output.status.success(), "{}: {}", output.status, String::from_utf8_lossy(&output.stderr));
}

/// Both backends at the same time, into `NAME-nmap.xml` and `NAME-connect.xml`.
fn scan_both(lab: &Lab, name: &str) {
    let begun = Instant::now();
    let scans = ["nmap", "connect"].map(|backend| begin(lab, backend, "xml", &format!("{name}-{backend}.xml")));
    scans.into_iter().for_each(done);
    println!("scans `{name}`: {:.1} s", begun.elapsed().as_secs_f64());
}

fn python_json(python: &str, program: &str, args: &[&Path]) -> Value {
    let output = Command::new(python).args(["-c", program]).args(args).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The hosts of our JSON as rows.
fn rows(scan: &Value) -> Value {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let port = |port: &Value| {
        let service = &port["service"];
        let cpe = if service["cpe"].is_null() { json!([]) } else { service["cpe"].clone() };
        let words = ["name", "product", "version", "extra", "tunnel"].map(|key| service[key].clone());
        let head = ["protocol", "port", "state", "reason"].map(|key| port[key].clone());
        Value::Array(head.into_iter().chain(words).chain([cpe]).collect())
    };
    let host = |host: &Value| {
        let address = |a: &Value| json!([a["kind"], a["addr"], a["vendor"]]);
        json!({
            "state": host["state"],
            "addresses": list(&host["addresses"]).iter().map(address).collect::<Vec<_>>(),
            "ports": list(&host["ports"]).iter().map(port).collect::<Vec<_>>(),
        })
    };
    list(&scan["hosts"]).iter().map(host).collect()
}

/// An imported file, by the program.
fn imported(lab: &Lab, file: &str) -> Value {
    let path = lab.dir.path().join(file);
    support::run(["scan", "-q", "-o", "json", "--import", path.to_str().unwrap()]).done().json()["scans"][0].clone()
}

/// `80/tcp open http nginx`, of a scan's port.
fn port_words(port: &Value, with_version: bool) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let service = &port["service"];
    let mut words = vec![text(&port["state"])];
    if words[0] == "open" {
        words.extend([text(&service["name"]), text(&service["product"])]);
        if with_version {
            words.push(text(&service["version"]));
        }
    }
    words.retain(|word| !word.is_empty());
    words.join(" ")
}

/// Every change between two scans, one line each, and whether ndiff says the same.
fn changes(lab: &Lab, python: &str, before: &str, after: &str) -> Vec<String> {
    let files = [before, after].map(|name| lab.dir.path().join(name));
    let [a, b] = files.each_ref().map(|path| path.to_str().unwrap());
    let ours = lab.dir.path().join("diff.xml");
    let xml =
        support::run(["scan", "-q", "--diff", "--import", a, "--import", b, "-o", "xml", "-w", ours.to_str().unwrap()]);
    let run = support::run(["scan", "-q", "--diff", "--import", a, "--import", b, "-o", "json"]);
    let diff = run.json();
    assert_eq!((run.code, xml.code), (Some(i32::from(diff["equal"] == false)), run.code), "{}", run.stderr);
    let theirs = python_json(python, NDIFF, &[&files[0], &files[1], &ours]);
    assert!(theirs[1].is_null(), "ndiff says otherwise of {before} and {after}: {:#}", theirs[1]);
    assert_eq!(theirs[0], i32::from(diff["equal"] == false));
    assert!(diff["pre_scripts"].as_array().unwrap().is_empty() && diff["post_scripts"].as_array().unwrap().is_empty());
    diff["hosts"].as_array().unwrap().iter().flat_map(host_changes).collect()
}

/// Everything that the difference says of one host.
fn host_changes(host: &Value) -> Vec<String> {
    if host["change"] != "changed" {
        return vec![format!(
            "{} {}",
            host["host"]["addresses"][0]["addr"].as_str().unwrap(),
            host["change"].as_str().unwrap()
        )];
    }
    let name = host["host"].as_str().unwrap().split(',').next().unwrap();
    let mut found = Vec::new();
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    if !host["state"].is_null() {
        found.push(format!("{} -> {}", host["state"]["before"], host["state"]["after"]).replace('"', ""));
    }
    for (set, sign) in [("removed", '-'), ("added", '+')] {
        found.extend(list(&host["addresses"][set]).iter().map(|a| format!("{sign}{}", a["addr"].as_str().unwrap())));
        found.extend(list(&host["names"][set]).iter().map(|name| format!("{sign}{name}")));
    }
    for port in list(&host["ports"]) {
        let with_version = port["before"]["state"] == port["after"]["state"];
        let words = ["before", "after"].map(|side| port_words(&port[side], with_version));
        // Of a port that is new or gone its scripts are too.
        let both = !port["before"].is_null() && !port["after"].is_null();
        let said = |script: &Value| script["output"].as_str().unwrap_or_default().to_owned();
        let scripts: Vec<_> = list(&port["scripts"]).into_iter().filter(|_| both).collect();
        let number = format!("{}/{}", port["port"], port["protocol"].as_str().unwrap());
        // Told for what its script said alone, a port is otherwise the same.
        if words[0] != words[1] || scripts.is_empty() {
            found.push(format!("{number} {} -> {}", words[0], words[1]));
        }
        found.extend(scripts.iter().map(|s| format!("{number} said {} -> {}", said(&s["before"]), said(&s["after"]))));
    }
    let counts = |counted: &Value| {
        let count = |extra: &Value| format!("{} {}", extra["count"], extra["state"].as_str().unwrap());
        list(counted).iter().map(count).collect::<Vec<_>>().join(" ")
    };
    if !host["not_shown"].is_null() {
        found.push(format!(
            "counted {} -> {}",
            counts(&host["not_shown"]["before"]),
            counts(&host["not_shown"]["after"])
        ));
    }
    found.extend(list(&host["os"]).iter().chain(&list(&host["scripts"])).map(Value::to_string));
    found.into_iter().map(|change| format!("{name} {change}")).collect()
}

/// What each backend found of the laboratory as it began.
fn first_scans_are_right(lab: &Lab, python: &str, ours: &Value) {
    let theirs = python_json(python, ROWS, &[&lab.dir.path().join("a-nmap.xml")]);
    assert_eq!(rows(ours), theirs, "tripline by nmap, and nmap alone");
    assert_eq!(theirs.as_array().unwrap().len(), lab.hosts.len());
    let connected = imported(lab, "a-connect.xml");
    let up: Vec<_> =
        rows(&connected).as_array().unwrap().iter().filter(|host| host["state"] == "up").cloned().collect();
    let open = |host: &Value, columns: usize| -> Vec<Value> {
        let ports = host["ports"].as_array().unwrap().iter().filter(|port| port[2] == "open");
        ports.map(|port| port.as_array().unwrap()[..columns].into()).collect()
    };
    assert_eq!(up.len(), lab.hosts.len(), "{up:#?}");
    for ((of_nmap, of_ours), host) in theirs.as_array().unwrap().iter().zip(&up).zip(&lab.hosts) {
        assert_eq!(open(of_ours, 4), open(of_nmap, 4), "{}", host.address);
        let addresses = json!([["ipv4", host.address, null], ["mac", host.mac, null]]);
        assert_eq!(of_ours["addresses"], addresses);
    }
    // Those that speak first, and those that were asked in their own language, say who they are.
    let ports = connected["hosts"].as_array().unwrap().iter().filter_map(|host| host["ports"].as_array()).flatten();
    let banners: Vec<_> = ports
        .filter_map(|port| {
            let words = port["scripts"][0]["output"].as_str()?;
            let first: String = words.chars().take(8).collect();
            Some(format!(
                "{}/{} {first}",
                port["service"]["name"].as_str().unwrap_or_default(),
                port["protocol"].as_str()?
            ))
        })
        .collect();
    assert_eq!(banners, ["ssh/tcp SSH-2.0-", "smtp/tcp 220 mail", "domain/udp dnsmasq-"]);
}

/// Moved, upgraded, gone, stopped and started.
const CHANGES_BY_NMAP: [&str; 7] = [
    "198.18.0.10 22/tcp upgraded",
    "198.18.0.11 gone",
    "198.18.0.12 25/tcp open smtp OpenSMTPD -> closed",
    "198.18.0.12 53/tcp closed -> open domain dnsmasq",
    "198.18.0.12 53/udp closed -> open domain dnsmasq",
    "198.18.0.9 80/tcp open http nginx -> closed",
    "198.18.0.9 8080/tcp closed -> open http nginx",
];
/// Connections tell of a host that is down too, and only count what is closed.
const CHANGES_BY_CONNECTING: [&str; 11] = [
    "198.18.0.10 22/tcp upgraded",
    "198.18.0.11 up -> down",
    "198.18.0.11 -52:54:00:00:00:0B",
    "198.18.0.11 6379/tcp open -> ",
    "198.18.0.11 counted 9 closed -> ",
    "198.18.0.12 25/tcp open smtp -> ",
    "198.18.0.12 53/tcp  -> open",
    "198.18.0.12 53/udp  -> open domain",
    "198.18.0.12 counted 9 closed -> 8 closed",
    "198.18.0.9 80/tcp open -> ",
    "198.18.0.9 8080/tcp  -> open",
];
const BACK_BY_CONNECTING: [&str; 4] = [
    "198.18.0.11 down -> up",
    "198.18.0.11 +52:54:00:00:00:0B",
    "198.18.0.11 6379/tcp  -> open",
    "198.18.0.11 counted  -> 9 closed",
];

/// The same in the inventory, by either.
const CHANGES_IN_THE_INVENTORY: [&str; 7] = [
    "198.18.0.10 version_changed 22/tcp",
    "198.18.0.11 down",
    "198.18.0.12 port_closed 25/tcp",
    "198.18.0.12 port_opened 53/tcp",
    "198.18.0.12 port_opened 53/udp",
    "198.18.0.9 port_closed 80/tcp",
    "198.18.0.9 port_opened 8080/tcp",
];

/// The running programs' inventories after their first scan are what nmap's own XML tells.
fn inventories_are_right(lab: &Lab, python: &str, watches: &[Watch; 2]) {
    let theirs = python_json(python, ROWS, &[&lab.dir.path().join("a-nmap.xml")]);
    for (watch, tells_services) in watches.iter().zip([true, false]) {
        watch.scan(NETWORK);
        let inventory = watch.inventory();
        let up: Vec<_> = inventory.iter().filter(|host| host["asset"]["state"] == "up").collect();
        assert_eq!(up.len(), lab.hosts.len(), "{inventory:#?}");
        for (of_nmap, ours) in theirs.as_array().unwrap().iter().zip(up) {
            let addresses = &of_nmap["addresses"];
            assert_eq!((&ours["asset"]["addresses"][0], &ours["asset"]["mac"]), (&addresses[0][1], &addresses[1][1]));
            let open = |port: &&Value| port[2] == "open";
            let listed: Vec<_> = of_nmap["ports"].as_array().unwrap().iter().filter(open).collect();
            let found: Vec<_> =
                ours["ports"].as_array().unwrap().iter().filter(|port| port["state"] == "open").collect();
            let number = |a: &Value, b: &Value| format!("{}/{}", a, b.as_str().unwrap());
            assert_eq!(
                found.iter().map(|port| number(&port["port"], &port["protocol"])).collect::<Vec<_>>(),
                listed.iter().map(|port| number(&port[1], &port[0])).collect::<Vec<_>>()
            );
            for (ours, of_nmap) in found.iter().zip(listed).filter(|_| tells_services) {
                let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
                assert_eq!(text(&ours["service"]), text(&of_nmap[4]));
                let said = text(&ours["version"]);
                assert!([5, 6].iter().all(|column| said.contains(&text(&of_nmap[*column]))), "{ours} {of_nmap}");
            }
        }
    }
}

/// A scan of each running program, and what it changed in its inventory.
fn changes_in_inventories(watches: &[Watch; 2]) -> [Vec<String>; 2] {
    watches.each_ref().map(|watch| watch.changes(&watch.scan(NETWORK)))
}

/// The line of the upgrade, which must say the next version and else the same, cut short.
fn shorten_upgrade(mut told: Vec<String>, (before, after): &(String, String)) -> Vec<String> {
    for line in &mut told {
        let Some((old, new)) = line.split_once(" -> ") else { continue };
        if old.contains(before) && old.replace(before, after).ends_with(new) {
            "198.18.0.10 22/tcp upgraded".clone_into(line);
        }
    }
    told
}

/// The first scans: nmap by itself, and both backends, at the same time.
fn first_scans(lab: &Lab, python: &str) {
    let own = lab.dir.path().join("a-nmap.xml");
    let mut plain = lab.command("nmap", LIMIT_S);
    plain.args(["-n", "-T3", "--max-rate", "300", "-sS", "-sU", "-sV", "-oX", own.to_str().unwrap()]);
    plain.args(["-p", &format!("U:{UDP_PORTS},T:{PORTS}"), NETWORK]).stdout(Stdio::null()).stderr(Stdio::piped());
    let plain = plain.spawn().unwrap();
    let scans = [begin(lab, "nmap", "json", "a.json"), begin(lab, "connect", "xml", "a-connect.xml"), plain];
    scans.into_iter().for_each(done);
    let ours: Value = serde_json::from_slice(&std::fs::read(lab.dir.path().join("a.json")).unwrap()).unwrap();
    first_scans_are_right(lab, python, &ours["scans"][0]);
}

#[test]
fn servers_and_hosts_that_change_are_exactly_the_changes() {
    let test = "servers_and_hosts_that_change_are_exactly_the_changes";
    let begun = Instant::now();
    let Some(python) = python().filter(|_| find("nmap").is_some() && find("curl").is_some()) else {
        eprintln!("SKIP {test}: nmap, ndiff and curl are not all installed");
        return;
    };
    let Some(lab) = Lab::new(test, 5) else { return };
    let [web, shell, data, mail, names] = &lab.hosts[..] else { panic!("five hosts") };
    let (newer, versions) = newer_sshd(&lab);
    let go = (nginx(&lab, web, 80), sshd(&lab, shell, &find("sshd").unwrap()), smtpd(&lab, mail));
    let stay = (redis(data), dnsmasq(names));
    println!("laboratory: {:.1} s", begun.elapsed().as_secs_f64());
    first_scans(&lab, python);
    let watches = [("nmap", 7_070), ("connect", 7_072)].map(|(by, port)| Watch::begin(&lab, by, port, &settings()));
    inventories_are_right(&lab, python, &watches);

    drop(go);
    let come = (nginx(&lab, web, 8080), sshd(&lab, shell, &newer), dnsmasq(mail));
    data.plugged(false);
    scan_both(&lab, "b");
    let told = changes(&lab, python, "a-nmap.xml", "b-nmap.xml");
    assert_eq!(shorten_upgrade(told, &versions), CHANGES_BY_NMAP);
    let told = changes(&lab, python, "a-connect.xml", "b-connect.xml");
    assert_eq!(shorten_upgrade(told, &versions), CHANGES_BY_CONNECTING);
    assert_eq!(changes_in_inventories(&watches), [CHANGES_IN_THE_INVENTORY, CHANGES_IN_THE_INVENTORY]);

    data.plugged(true);
    scan_both(&lab, "c");
    assert_eq!(changes(&lab, python, "b-nmap.xml", "c-nmap.xml"), ["198.18.0.11 new"]);
    assert_eq!(changes(&lab, python, "b-connect.xml", "c-connect.xml"), BACK_BY_CONNECTING);
    assert_eq!(changes_in_inventories(&watches), [["198.18.0.11 returned"], ["198.18.0.11 returned"]]);
    drop(watches);

    let processes = lab.processes();
    assert!(processes.len() >= 2 * 5, "{processes:?}");
    drop((stay, come, lab));
    let left: Vec<_> = processes.iter().filter(|pid| Path::new("/proc").join(pid).exists()).collect();
    assert!(left.is_empty(), "{left:?} of {processes:?} are still there");
    println!("all: {:.1} s", begun.elapsed().as_secs_f64());
}
