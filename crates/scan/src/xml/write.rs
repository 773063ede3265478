//! A scan as XML that nmap's own tools read (ndiff, Zenmap). Owns the order of the elements; knows no file.

use super::tags::Tags;
use record::scan::{Scan, ScannedHost, ScannedPort, ScriptOutput};

/// The whole document.
pub fn write_scan(scan: &Scan) -> String {
    let mut tags = Tags::new();
    write_run(&mut tags, scan);
    for asked in &scan.asked {
        tags.empty("scaninfo", &[("protocol", Some(&asked.protocol)), ("services", Some(&asked.ports))]);
    }
    scripts(&mut tags, "prescript", &scan.pre_scripts);
    for host in &scan.hosts {
        write_host(&mut tags, host);
    }
    scripts(&mut tags, "postscript", &scan.post_scripts);
    let (up, total) = (scan.up(), scan.hosts.len());
    tags.open("runstats", &[]);
    let ended = scan.ended.map(|t| t.seconds().to_string());
    let summary = scan.incomplete.as_ref().map(|why| format!("incomplete: {why}"));
    let exit = scan.exit.as_deref();
    tags.empty("finished", &[("time", ended.as_deref()), ("summary", summary.as_deref()), ("exit", exit)]);
    let (up, down, total) = (up.to_string(), (total - up).to_string(), total.to_string());
    tags.empty("hosts", &[("up", Some(&up)), ("down", Some(&down)), ("total", Some(&total))]);
    tags.finish()
}

/// Opens `<nmaprun>` with the call of the scan.
fn write_run(tags: &mut Tags, scan: &Scan) {
    let started = scan.started.map(|t| t.seconds().to_string());
    let said = scan.started.map(record::Timestamp::rfc3339);
    tags.open(
        "nmaprun",
        &[
            ("scanner", Some(&scan.scanner)),
            ("args", filled(&scan.args)),
            ("start", started.as_deref()),
            ("startstr", said.as_deref()),
            ("version", filled(&scan.version)),
        ],
    );
}

/// One host, whole.
fn write_host(tags: &mut Tags, host: &ScannedHost) {
    tags.open("host", &[]);
    if host.state.is_some() {
        tags.empty("status", &[("state", host.state.as_deref()), ("reason", filled(&host.reason))]);
    }
    for address in &host.addresses {
        let (addr, kind) = (Some(address.addr.as_str()), Some(address.kind.name()));
        tags.empty("address", &[("addr", addr), ("addrtype", kind), ("vendor", address.vendor.as_deref())]);
    }
    if !host.names.is_empty() {
        tags.open("hostnames", &[]);
        for name in &host.names {
            tags.empty("hostname", &[("name", Some(name))]);
        }
        tags.close();
    }
    if !host.ports.is_empty() || !host.not_shown.is_empty() {
        tags.open("ports", &[]);
        for extra in &host.not_shown {
            tags.empty("extraports", &[("state", extra.state.as_deref()), ("count", Some(&extra.count.to_string()))]);
        }
        for port in &host.ports {
            write_port(tags, port);
        }
        tags.close();
    }
    if !host.os.is_empty() {
        tags.open("os", &[]);
        for guess in &host.os {
            let accuracy = guess.accuracy.map(|a| a.to_string());
            tags.empty("osmatch", &[("name", Some(&guess.name)), ("accuracy", accuracy.as_deref())]);
        }
        tags.close();
    }
    scripts(tags, "hostscript", &host.scripts);
    tags.close();
}

fn write_port(tags: &mut Tags, port: &ScannedPort) {
    tags.open("port", &[("protocol", Some(&port.protocol)), ("portid", Some(&port.port.to_string()))]);
    tags.empty("state", &[("state", port.state.as_deref()), ("reason", filled(&port.reason))]);
    let service = &port.service;
    if !service.is_empty() {
        tags.open(
            "service",
            &[
                ("name", service.name.as_deref()),
                ("product", service.product.as_deref()),
                ("version", service.version.as_deref()),
                ("extrainfo", service.extra.as_deref()),
                ("tunnel", service.tunnel.as_deref()),
            ],
        );
        for cpe in &service.cpe {
            tags.text("cpe", cpe);
        }
        tags.close();
    }
    for script in &port.scripts {
        write_script(tags, script);
    }
    tags.close();
}

/// One script's words.
fn write_script(tags: &mut Tags, script: &ScriptOutput) {
    tags.empty("script", &[("id", Some(&script.id)), ("output", Some(&script.output))]);
}

fn scripts(tags: &mut Tags, name: &'static str, scripts: &[ScriptOutput]) {
    if !scripts.is_empty() {
        tags.open(name, &[]);
        for script in scripts {
            write_script(tags, script);
        }
        tags.close();
    }
}

fn filled(text: &str) -> Option<&str> {
    Some(text).filter(|text| !text.is_empty())
}
