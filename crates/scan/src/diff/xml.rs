//! Changes as XML in ndiff's format (`<nmapdiff version="1">`), so that what reads ndiff reads this. Owns the order of its elements.

use super::{Call, HostChange, HostDiff, PortDiff, ScanDiff, ScriptDiff, Sides};
use crate::xml::Tags;
use record::scan::{ExtraPorts, HostAddress, ScannedHost, ScannedPort, ScriptOutput, Service};

/// The whole document.
pub fn diff_xml(diff: &ScanDiff) -> String {
    let mut tags = Tags::new();
    tags.open("nmapdiff", &[("version", Some("1"))]);
    tags.open("scandiff", &[]);
    if diff.before != diff.after {
        wrapped(&mut tags, "a", |tags| call(tags, &diff.before));
        wrapped(&mut tags, "b", |tags| call(tags, &diff.after));
    }
    script_block(&mut tags, "prescript", &diff.pre_scripts, diff.sides.0);
    for host in &diff.hosts {
        tags.open("hostdiff", &[]);
        match host {
            HostDiff::Gone { host } => wrapped(&mut tags, "a", |tags| whole(tags, host)),
            HostDiff::New { host } => wrapped(&mut tags, "b", |tags| whole(tags, host)),
            HostDiff::Changed(change) => changed(&mut tags, change),
        }
        tags.close();
    }
    script_block(&mut tags, "postscript", &diff.post_scripts, diff.sides.1);
    tags.finish()
}

fn wrapped(tags: &mut Tags, side: &'static str, inside: impl FnOnce(&mut Tags)) {
    tags.open(side, &[]);
    inside(tags);
    tags.close();
}

fn call(tags: &mut Tags, call: &Call) {
    let started = call.started.map(|t| t.seconds().to_string());
    let said = call.started.map(record::Timestamp::rfc3339);
    let filled = |text: &'static str, value| (text, Some(value).filter(|v: &&str| !v.is_empty()));
    tags.empty(
        "nmaprun",
        &[
            filled("scanner", &call.scanner),
            filled("args", &call.args),
            ("start", started.as_deref()),
            ("startstr", said.as_deref()),
            filled("version", &call.version),
        ],
    );
}

/// A host that only one scan has.
fn whole(tags: &mut Tags, host: &ScannedHost) {
    tags.open("host", &[]);
    if host.state.is_some() {
        tags.empty("status", &[("state", host.state.as_deref())]);
    }
    host.addresses.iter().for_each(|a| address(tags, a));
    if !host.names.is_empty() {
        tags.open("hostnames", &[]);
        host.names.iter().for_each(|name| tags.empty("hostname", &[("name", Some(name))]));
        tags.close();
    }
    let shown: Vec<_> = host.ports.iter().filter(|p| !host.only_counts(p.state.as_deref())).collect();
    if !shown.is_empty() || !host.not_shown.is_empty() {
        tags.open("ports", &[]);
        extra_ports(tags, &host.not_shown);
        for port in shown {
            whole_port(tags, port.port, &port.protocol, Some(port));
        }
        tags.close();
    }
    if !host.os.is_empty() {
        tags.open("os", &[]);
        host.os.iter().for_each(|guess| tags.empty("osmatch", &[("name", Some(&guess.name))]));
        tags.close();
    }
    if !host.scripts.is_empty() {
        tags.open("hostscript", &[]);
        host.scripts.iter().for_each(|s| script(tags, s));
        tags.close();
    }
    tags.close();
}

fn changed(tags: &mut Tags, change: &HostChange) {
    tags.open("host", &[]);
    if let Some(state) = &change.state {
        wrapped(tags, "a", |tags| tags.empty("status", &[("state", Some(&state.before))]));
        wrapped(tags, "b", |tags| tags.empty("status", &[("state", Some(&state.after))]));
    }
    let (addresses, names) = (&change.addresses, &change.names);
    addresses.kept.iter().for_each(|a| address(tags, a));
    sides(tags, &addresses.removed, &addresses.added, address);
    if !(names.kept.is_empty() && names.is_same()) {
        tags.open("hostnames", &[]);
        let one = |tags: &mut Tags, name: &String| tags.empty("hostname", &[("name", Some(name))]);
        names.kept.iter().for_each(|name| one(tags, name));
        sides(tags, &names.removed, &names.added, one);
        tags.close();
    }
    ports(tags, change);
    if !change.os.is_empty() {
        tags.open("os", &[]);
        let one = |tags: &mut Tags, name: &String| tags.empty("osmatch", &[("name", Some(name))]);
        for step in &change.os {
            if step.equal {
                step.before.iter().for_each(|name| one(tags, name));
            } else {
                sides(tags, &step.before, &step.after, one);
            }
        }
        tags.close();
    }
    script_block(tags, "hostscript", &change.scripts, change.script_sides);
    tags.close();
}

fn ports(tags: &mut Tags, change: &HostChange) {
    if change.ports.is_empty() && change.not_shown.is_none() && change.not_shown_same.is_empty() {
        return;
    }
    tags.open("ports", &[]);
    match &change.not_shown {
        Some(counts) => {
            wrapped(tags, "a", |tags| extra_ports(tags, &counts.before));
            wrapped(tags, "b", |tags| extra_ports(tags, &counts.after));
        }
        None => extra_ports(tags, &change.not_shown_same),
    }
    for port in &change.ports {
        tags.open("portdiff", &[]);
        port_diff(tags, port);
        tags.close();
    }
    tags.close();
}

fn port_diff(tags: &mut Tags, diff: &PortDiff) {
    let (before, after) = diff.states();
    if before != after {
        wrapped(tags, "a", |tags| whole_port(tags, diff.port, &diff.protocol, diff.before.as_ref()));
        wrapped(tags, "b", |tags| whole_port(tags, diff.port, &diff.protocol, diff.after.as_ref()));
        return;
    }
    open_port(tags, diff.port, &diff.protocol, before);
    let none = Service::default();
    let old = diff.before.as_ref().map_or(&none, |p| &p.service);
    let new = diff.after.as_ref().map_or(&none, |p| &p.service);
    if old.is_like(new) {
        service(tags, old);
    } else {
        wrapped(tags, "a", |tags| service(tags, old));
        wrapped(tags, "b", |tags| service(tags, new));
    }
    diff.scripts.iter().for_each(|s| script_diff(tags, s));
    tags.close();
}

fn open_port(tags: &mut Tags, port: u32, protocol: &str, state: Option<&str>) {
    tags.open("port", &[("portid", Some(&port.to_string())), ("protocol", Some(protocol))]);
    if state.is_some() {
        tags.empty("state", &[("state", state)]);
    }
}

fn whole_port(tags: &mut Tags, number: u32, protocol: &str, port: Option<&ScannedPort>) {
    open_port(tags, number, protocol, port.and_then(|p| p.state.as_deref()));
    if let Some(port) = port {
        service(tags, &port.service);
        port.scripts.iter().for_each(|s| script(tags, s));
    }
    tags.close();
}

fn service(tags: &mut Tags, service: &Service) {
    let attributes = [
        ("name", service.name.as_deref()),
        ("product", service.product.as_deref()),
        ("version", service.version.as_deref()),
        ("extrainfo", service.extra.as_deref()),
        ("tunnel", service.tunnel.as_deref()),
    ];
    if attributes.iter().any(|(_, value)| value.is_some()) {
        tags.empty("service", &attributes);
    }
}

fn address(tags: &mut Tags, address: &HostAddress) {
    tags.empty("address", &[("addr", Some(&address.addr)), ("addrtype", Some(address.kind.name()))]);
}

fn extra_ports(tags: &mut Tags, counts: &[ExtraPorts]) {
    for extra in counts {
        tags.empty("extraports", &[("state", extra.state.as_deref()), ("count", Some(&extra.count.to_string()))]);
    }
}

fn sides<T>(tags: &mut Tags, before: &[T], after: &[T], one: impl Fn(&mut Tags, &T)) {
    for (side, items) in [("a", before), ("b", after)] {
        if !items.is_empty() {
            wrapped(tags, side, |tags| items.iter().for_each(|item| one(tags, item)));
        }
    }
}

fn script(tags: &mut Tags, script: &ScriptOutput) {
    tags.empty("script", &[("id", Some(&script.id)), ("output", Some(&script.output))]);
}

fn script_diff(tags: &mut Tags, diff: &ScriptDiff) {
    for (side, said) in [("a", &diff.before), ("b", &diff.after)] {
        if let Some(said) = said {
            wrapped(tags, side, |tags| script(tags, said));
        }
    }
}

/// Scripts that only one scan has stand whole on its side.
fn script_block(tags: &mut Tags, name: &'static str, diffs: &[ScriptDiff], sides: Sides) {
    let whole = |tags: &mut Tags| {
        tags.open(name, &[]);
        for diff in diffs {
            match sides {
                Sides::Before => diff.before.iter().for_each(|s| script(tags, s)),
                Sides::After => diff.after.iter().for_each(|s| script(tags, s)),
                Sides::Both => script_diff(tags, diff),
            }
        }
        tags.close();
    };
    if diffs.is_empty() {
        return;
    }
    match sides {
        Sides::Before => wrapped(tags, "a", whole),
        Sides::After => wrapped(tags, "b", whole),
        Sides::Both => whole(tags),
    }
}
