//! `tripline scan` on loopback: imports, differences and their exit codes, what is refused, and the same open ports by nmap and by
//! connections. Nothing but 127.0.0.1 is ever scanned; the services are this test's own.
#![allow(clippy::unwrap_used)]

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;
use support::{Run, run, wait_for};

const LOOPBACK: &str = "scan.allow=[\"127.0.0.1\"]";

/// A result of nmap with these open ports.
fn result(dir: &Path, name: &str, ports: &[u16]) -> PathBuf {
    let port = |port: &u16| {
        format!("<port protocol=\"tcp\" portid=\"{port}\"><state state=\"open\"/><service name=\"s{port}\"/></port>")
    };
    let ports: String = ports.iter().map(port).collect::<Vec<_>>().concat();
    let path = dir.join(name);
    let text = format!(
        "<?xml version=\"1.0\"?>\n<!DOCTYPE nmaprun>\n<nmaprun scanner=\"nmap\" args=\"nmap\" start=\"1700000000\" version=\"7.93\">\n\
         <host><status state=\"up\"/><address addr=\"192.0.2.1\" addrtype=\"ipv4\"/><ports>{ports}</ports></host>\n\
         <runstats><finished time=\"1700000009\" exit=\"success\"/></runstats>\n</nmaprun>\n"
    );
    fs::write(&path, text).unwrap();
    path
}

fn scan(args: &[&str]) -> Run {
    run(["scan", "-q"].iter().chain(args))
}

/// One line that holds each word, and exit code 2.
fn refused(run: &Run, words: &[&str]) {
    assert_eq!(run.code, Some(2), "{}", run.stderr);
    assert_eq!(run.stderr.trim_end().lines().count(), 1, "{}", run.stderr);
    for word in words {
        assert!(run.stderr.contains(word), "`{word}` is missing: {}", run.stderr);
    }
}

#[test]
fn imports_are_shown_in_each_format() {
    let dir = tempfile::tempdir().unwrap();
    let file = result(dir.path(), "a.xml", &[22, 443]);
    let file = file.to_str().unwrap();
    let text = scan(&["--import", file]).done().text();
    assert!(text.contains("192.0.2.1 is up") && text.contains("443/tcp    open           s443"), "{text}");
    let json = scan(&["--import", file, "--import", file, "-o", "json"]).done().json();
    assert_eq!(json["schema"], "tripline.scan/1");
    assert_eq!(json["scans"][1]["hosts"][0]["ports"][1]["port"], 443);
    assert_eq!(json["scans"][0]["started"], "2023-11-14T22:13:20.000000Z");
    let copy = dir.path().join("copy.xml");
    scan(&["--import", file, "-o", "xml", "-w", copy.to_str().unwrap()]).done();
    assert_eq!(scan(&["--diff", "--import", file, "--import", copy.to_str().unwrap()]).code, Some(0));
}

#[test]
fn differences_have_their_exit_codes() {
    let dir = tempfile::tempdir().unwrap();
    let (a, b) = (result(dir.path(), "a.xml", &[22, 80]), result(dir.path(), "b.xml", &[22, 4444]));
    let (a, b) = (a.to_str().unwrap(), b.to_str().unwrap());
    let equal = scan(&["--diff", "--import", a, "--import", a]);
    assert_eq!(equal.code, Some(0), "{}", equal.stderr);
    assert!(equal.text().contains("no change"), "{}", equal.text());
    let text = scan(&["--diff", "--import", a, "--import", b]);
    assert_eq!(text.code, Some(1), "{}", text.stderr);
    let text = text.text();
    assert!(
        text.contains("-  80/tcp     open") && text.contains("+  4444/tcp   open") && !text.contains("22/tcp"),
        "{text}"
    );
    let json = scan(&["--diff", "--import", a, "--import", b, "-o", "json"]);
    assert_eq!(json.code, Some(1));
    let json = json.json();
    assert_eq!((&json["schema"], &json["equal"]), (&"tripline.scan_diff/1".into(), &false.into()));
    assert_eq!(json["hosts"][0]["change"], "changed");
    assert_eq!(json["hosts"][0]["ports"][0]["before"]["service"]["name"], "s80");
    assert!(json["hosts"][0]["ports"][0]["after"].is_null());
    let xml = scan(&["--diff", "--import", a, "--import", b, "-o", "xml"]).text();
    assert!(xml.contains("<nmapdiff version=\"1\">") && xml.contains("<portdiff>"), "{xml}");
    refused(&scan(&["--diff", "--import", a]), &["--import twice"]);
    refused(&scan(&[]), &["TARGET"]);
    refused(&scan(&["--import", a, "--import", b, "-o", "xml"]), &["one scan"]);
}

#[test]
fn bad_files_are_refused_with_their_place() {
    let dir = tempfile::tempdir().unwrap();
    let whole = fs::read_to_string(result(dir.path(), "a.xml", &[22])).unwrap();
    let path = dir.path().join("bad.xml");
    let read = |text: &str| {
        fs::write(&path, text).unwrap();
        scan(&["--import", path.to_str().unwrap()])
    };
    refused(&read(&whole[..whole.find("<runstats>").unwrap()]), &["bad.xml", "line 5", "cut short", "1 host was read"]);
    refused(
        &read(&whole[..whole.find("</ports>").unwrap()]),
        &["cut short", "0 hosts were read", "run the scan again"],
    );
    let bomb = "<!DOCTYPE nmaprun [<!ENTITY a \"x\"><!ENTITY b \"&a;&a;&a;\">]><nmaprun args=\"&b;\"></nmaprun>";
    refused(&read(bomb), &["line 1", "refused and never resolved"]);
    let outside = "<!DOCTYPE nmaprun [<!ENTITY a SYSTEM \"file:///etc/hostname\">]><nmaprun>&a;</nmaprun>";
    refused(&read(outside), &["refused and never resolved"]);
    refused(&read("<html></html>"), &["not nmap's", "nmap -oX"]);
    refused(&read(""), &["nmap -oX"]);
    refused(&scan(&["--import", "/nowhere/x.xml"]), &["/nowhere/x.xml", "check the name"]);
    let Some(folder) = support::data("bad_files_are_refused_with_their_place", "nmap-xml/libnmap") else { return };
    for name in ["defused_et_included.xml", "defused_et_local_includer.xml"] {
        refused(&scan(&["--import", folder.join(name).to_str().unwrap()]), &[name]);
    }
}

#[test]
fn what_is_not_allowed_is_refused_by_name() {
    refused(&scan(&["127.0.0.1"]), &["target 127.0.0.1", "scan.allow", "[scan]"]);
    let with = |allow: &str, target: &str| scan(&["--set", allow, "--", target]);
    refused(&with(LOOPBACK, "127.0.0.2"), &["target 127.0.0.2", "add \"127.0.0.2/32\""]);
    refused(&with(LOOPBACK, "127.0.0.0/30"), &["127.0.0.0/30"]);
    // `localhost` is 127.0.0.1 and perhaps ::1 beside: never 192.0.2.0/24.
    refused(&with("scan.allow=[\"192.0.2.0/24\"]", "localhost"), &["target localhost (", "scan.allow"]);
    refused(&with(LOOPBACK, "--script=vuln"), &["--script=vuln", "options are not targets"]);
    refused(&scan(&["--set", LOOPBACK, "--script=vuln"]), &["--script"]);
    for target in ["127.0.0.1 192.0.2.1", "127.0.0.1;id", "$(id)", "127.0.0.1-9", "@list"] {
        refused(&with(LOOPBACK, target), &["neither an address"]);
    }
    refused(&with("scan.allow=[\"0.0.0.0/0\"]", "127.0.0.0/8"), &["16777216 addresses", "scan.addresses_max"]);
    refused(&scan(&["127.0.0.1", "--set", LOOPBACK, "--set", "scan.scripts=[\"vuln\"]"]), &["scan.scripts", "banner"]);
    refused(&scan(&["127.0.0.1", "--set", LOOPBACK, "--set", "scan.ports=22 --script vuln"]), &["scan.ports"]);
}

#[test]
fn a_missing_nmap_is_said_with_what_to_do() {
    let mut command = support::tripline();
    command.env("PATH", "/nowhere").args(["scan", "-q", "127.0.0.1", "--set", LOOPBACK, "--backend", "nmap"]);
    refused(&support::finish(&mut command), &["nmap is not installed", "apt-get install nmap", "--backend connect"]);
}

/// Services on loopback: each says a line to whoever comes.
struct Services {
    ports: Vec<u16>,
    end: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Services {
    fn open(count: usize) -> Self {
        let end = Arc::new(AtomicBool::new(false));
        let (mut ports, mut threads) = (Vec::new(), Vec::new());
        for _ in 0..count {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            ports.push(listener.local_addr().unwrap().port());
            listener.set_nonblocking(true).unwrap();
            let end = Arc::clone(&end);
            threads.push(std::thread::spawn(move || {
                while !end.load(Ordering::Relaxed) {
                    match listener.accept() {
                        Ok((mut stream, _)) => _ = stream.write_all(b"SSH-2.0-Test_1.0\r\n"),
                        Err(_) => std::thread::sleep(Duration::from_millis(5)),
                    }
                }
            }));
        }
        ports.sort_unstable();
        Self { ports, end, threads }
    }
}

impl Drop for Services {
    fn drop(&mut self) {
        self.end.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            thread.join().unwrap();
        }
    }
}

/// Open ports in a result.
fn open_ports(json: &serde_json::Value) -> BTreeSet<u64> {
    let ports = json["scans"][0]["hosts"][0]["ports"].as_array().unwrap();
    ports.iter().filter(|port| port["state"] == "open").map(|port| port["port"].as_u64().unwrap()).collect()
}

/// The connect probe, and nmap where it is installed.
fn backends(test: &str) -> Vec<&'static str> {
    if Command::new("nmap").arg("-V").output().is_ok() {
        return vec!["connect", "nmap"];
    }
    eprintln!("SKIP {test}: nmap is not installed");
    vec!["connect"]
}

#[test]
fn both_scanners_find_the_services_and_what_changed() {
    let test = "both_scanners_find_the_services_and_what_changed";
    let dir = tempfile::tempdir().unwrap();
    let services = Services::open(3);
    // The near end of a connection: its port is taken, so that nobody comes to listen there, and closed.
    let holder = TcpListener::bind("127.0.0.1:0").unwrap();
    let held = TcpStream::connect(holder.local_addr().unwrap()).unwrap();
    let shut = held.local_addr().unwrap().port();
    let list: Vec<String> = services.ports.iter().chain([&shut]).map(u16::to_string).collect();
    let ports = format!("scan.ports=\"{}\"", list.join(","));
    let expected: BTreeSet<u64> = services.ports.iter().map(|port| u64::from(*port)).collect();
    for backend in backends(test) {
        let common = ["127.0.0.1", "--set", LOOPBACK, "--set", &ports, "--backend", backend];
        let json = scan(&[&common[..], &["-o", "json"]].concat()).done().json();
        assert_eq!(open_ports(&json), expected, "{backend}: {json}");
        assert_eq!(json["scans"][0]["hosts"][0]["state"], "up");
        for port in json["scans"][0]["hosts"][0]["ports"].as_array().unwrap().iter().filter(|p| p["state"] == "open") {
            assert_eq!(port["service"]["name"], "ssh", "{backend}: {json}");
        }
        // The same scan again is equal; one that had a further port is not.
        let file = dir.path().join(format!("{backend}.xml"));
        let file = file.to_str().unwrap();
        scan(&[&common[..], &["-o", "xml", "-w", file]].concat()).done();
        let again = scan(&[&common[..], &["--diff", "--import", file]].concat());
        assert_eq!(again.code, Some(0), "{backend}: {}{}", again.text(), again.stderr);
        let gone = result(dir.path(), "gone.xml", &[1]);
        let changed = scan(&[&common[..], &["--diff", "--import", gone.to_str().unwrap()]].concat());
        assert_eq!(changed.code, Some(1), "{backend}: {}", changed.stderr);
        assert!(changed.text().contains("-192.0.2.1 is gone (up)"), "{}", changed.text());
    }
}

#[test]
fn a_service_that_ends_is_exactly_one_change() {
    let test = "a_service_that_ends_is_exactly_one_change";
    let dir = tempfile::tempdir().unwrap();
    for backend in backends(test) {
        let (stays, ends) = (Services::open(2), Services::open(1));
        let ended = ends.ports[0];
        let list: Vec<String> = stays.ports.iter().chain(&ends.ports).map(u16::to_string).collect();
        let ports = format!("scan.ports=\"{}\"", list.join(","));
        let common = ["127.0.0.1", "--set", LOOPBACK, "--set", &ports, "--backend", backend];
        let files = ["before.xml", "after.xml"].map(|name| dir.path().join(name));
        let [before, after] = files.each_ref().map(|path| path.to_str().unwrap());
        scan(&[&common[..], &["-o", "xml", "-w", before]].concat()).done();
        drop(ends);
        scan(&[&common[..], &["-o", "xml", "-w", after]].concat()).done();
        let changes = scan(&["--diff", "--import", before, "--import", after, "-o", "json"]);
        assert_eq!(changes.code, Some(1), "{backend}: {}", changes.stderr);
        let changes = changes.json();
        assert_eq!(changes["hosts"].as_array().unwrap().len(), 1, "{changes}");
        let ports = changes["hosts"][0]["ports"].as_array().unwrap();
        assert_eq!(ports.len(), 1, "{backend}: {changes}");
        assert_eq!((&ports[0]["port"], &ports[0]["before"]["state"]), (&ended.into(), &"open".into()));
        assert_ne!(ports[0]["after"]["state"], "open");
        // nmap's own tool reads these files and says the same: text with one port.
        match Command::new("ndiff").args(&files).output() {
            Ok(output) => {
                assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
                let text = String::from_utf8_lossy(&output.stdout).into_owned();
                let gone: Vec<_> = text.lines().filter(|line| line.starts_with('-') && line.contains("/tcp")).collect();
                assert!(gone.len() == 1 && gone[0].contains(&ended.to_string()), "{backend}: {text}");
            }
            Err(_) => eprintln!("SKIP {test}: ndiff is not installed"),
        }
    }
}

#[test]
fn an_ended_scan_tells_what_it_has_and_leaves_no_process() {
    let test = "an_ended_scan_tells_what_it_has_and_leaves_no_process";
    if Command::new("nmap").arg("-V").output().is_err() {
        eprintln!("SKIP {test}: nmap is not installed");
        return;
    }
    // One packet a second: it would take hours.
    let slow = ["--set", "scan.rate_packets_per_s=1", "--set", "scan.ports=\"1-5000\"", "--backend", "nmap"];
    let mut child = support::tripline()
        .args(["scan", "-q", "127.0.0.1", "--set", LOOPBACK])
        .args(slow)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let pid = child.id();
    let children = format!("/proc/{pid}/task/{pid}/children");
    let nmap = wait_for(Duration::from_secs(30), "nmap begins", || {
        let text = fs::read_to_string(&children).ok()?;
        let child = text.split_whitespace().next()?;
        // What becomes nmap is not it yet.
        let name = fs::read_to_string(format!("/proc/{child}/comm")).ok()?;
        (name.trim() == "nmap").then(|| child.to_owned())
    });
    assert!(Command::new("kill").args(["-TERM", &pid.to_string()]).status().unwrap().success());
    wait_for(Duration::from_secs(30), "the scan ends", || child.try_wait().unwrap());
    let output = child.wait_with_output().unwrap();
    let ended = Run {
        code: output.status.code(),
        stdout: output.stdout,
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    };
    refused(&ended, &["incomplete", "cancelled"]);
    assert!(ended.text().contains("INCOMPLETE"), "{}", ended.text());
    assert!(!Path::new("/proc").join(nmap).exists(), "nmap is still there");
}
