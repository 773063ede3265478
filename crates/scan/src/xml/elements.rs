//! What nmap's elements mean. Owns the mapping from names and attributes to the record; knows no bytes and no bounds.

use super::read::{Progress, entity_refused};
use quick_xml::XmlVersion;
use quick_xml::escape::EscapeError;
use quick_xml::events::BytesStart;
use record::Timestamp;
use record::scan::{
    AddressKind, AskedPorts, ExtraPorts, HostAddress, OsMatch, Scan, ScannedHost, ScannedPort, ScriptOutput,
};

/// Most addresses, most names, most states and most guesses of one host; nmap tells a few dozen at most.
const OF_A_HOST_MAX: usize = 1_000;

/// Most lists of ports of one scan; nmap tells one a transport.
const ASKED_MAX: usize = 16;

/// The attributes of one element, characters for references.
pub struct Attributes(Vec<(String, String)>);

impl Attributes {
    /// Reads them; the error says what is wrong.
    pub fn read(start: &BytesStart) -> Result<Self, String> {
        let mut all = Vec::new();
        for attribute in start.attributes() {
            let attribute = attribute.map_err(|e| format!("an attribute of <{}>: {e}", start.name().as_ref()))?;
            let value = attribute.normalized_value(XmlVersion::Implicit1_0).map_err(|e| match e {
                quick_xml::Error::Escape(EscapeError::UnrecognizedEntity(_, name)) => entity_refused(&name),
                e => format!("attribute `{}`: {e}", attribute.key.as_ref()),
            })?;
            all.push((attribute.key.as_ref().to_owned(), value.into_owned()));
        }
        Ok(Self(all))
    }

    fn get(&self, name: &str) -> Option<String> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone())
    }
    fn text(&self, name: &str) -> String {
        self.get(name).unwrap_or_default()
    }
    fn number<T: std::str::FromStr>(&self, name: &str) -> Option<T> {
        self.get(name)?.trim().parse().ok()
    }
    fn time(&self, name: &str) -> Option<Timestamp> {
        self.number::<i64>(name).map(|seconds| Timestamp::from_parts(seconds, 0))
    }
}

/// The scan as far as it was read.
#[derive(Default)]
pub struct Building {
    /// The scan without its hosts.
    pub scan: Scan,
    /// The document's element was there.
    pub begun: bool,
    host: Option<ScannedHost>,
    port: Option<ScannedPort>,
    /// The port's state was told: without it, it is no result.
    port_told: bool,
    /// Text of a `<cpe>` of a service.
    cpe: Option<String>,
    /// Inside `<hosthint>`, which tells hosts before they are scanned.
    hint: bool,
}

impl Building {
    /// An element begins inside `parent`; a `<taskprogress>` is handed on.
    pub fn start(&mut self, parent: &str, name: &str, with: &Attributes) -> Result<Option<Progress>, String> {
        if self.hint {
            return Ok(None);
        }
        match (parent, name) {
            ("", _) => self.run(with)?,
            ("nmaprun", "host") => self.host = Some(ScannedHost::default()),
            ("nmaprun", "scaninfo") => self.asked(with),
            ("nmaprun", "hosthint") => self.hint = true,
            ("nmaprun", "taskprogress") => return Ok(Some(progress(with))),
            ("runstats", "finished") => {
                self.scan.ended = with.time("time");
                self.scan.exit = with.get("exit");
            }
            (_, "script") => self.script(parent, with),
            ("port", "state") => self.port_state(with),
            ("port", "service") => self.service(with),
            ("service", "cpe") => self.cpe = Some(String::new()),
            _ => self.of_host(parent, name, with)?,
        }
        Ok(None)
    }

    /// Text inside the element that is open.
    pub fn text(&mut self, text: &str) {
        if let Some(cpe) = &mut self.cpe {
            cpe.push_str(text);
        }
    }

    /// An element ends; a host is handed on when it is whole.
    pub fn end(&mut self, name: &str) -> Option<ScannedHost> {
        match name {
            "hosthint" => self.hint = false,
            "cpe" => {
                if let (Some(cpe), Some(port)) = (self.cpe.take(), &mut self.port) {
                    port.service.cpe.push(cpe);
                }
            }
            "port" => self.end_port(),
            "prescript" => self.scan.pre_scripts.sort(),
            "postscript" => self.scan.post_scripts.sort(),
            "host" => {
                let mut host = self.host.take()?;
                host.scripts.sort();
                // Stable: of a port that is told twice, the last counts.
                host.ports.sort_by(|a, b| (a.port, &a.protocol).cmp(&(b.port, &b.protocol)));
                host.ports.dedup_by(|later, earlier| {
                    let same = (later.port, &later.protocol) == (earlier.port, &earlier.protocol);
                    if same {
                        std::mem::swap(later, earlier);
                    }
                    same
                });
                return Some(host);
            }
            _ => {}
        }
        None
    }

    fn run(&mut self, with: &Attributes) -> Result<(), String> {
        if self.begun {
            return Err("a second document begins here: each file must hold one scan".to_owned());
        }
        self.begun = true;
        self.scan.scanner = with.text("scanner");
        self.scan.version = with.text("version");
        self.scan.args = with.text("args");
        self.scan.started = with.time("start");
        Ok(())
    }

    fn asked(&mut self, with: &Attributes) {
        let asked = AskedPorts { protocol: with.text("protocol"), ports: with.text("services") };
        let told = asked.ports.is_empty() || self.scan.asked.contains(&asked);
        if !told && self.scan.asked.len() < ASKED_MAX {
            self.scan.asked.push(asked);
        }
    }

    fn of_host(&mut self, parent: &str, name: &str, with: &Attributes) -> Result<(), String> {
        let Some(host) = &mut self.host else { return Ok(()) };
        match (parent, name) {
            ("host", "status") => {
                host.state = with.get("state");
                host.reason = with.text("reason");
            }
            ("host", "address") => {
                let Some(addr) = with.get("addr") else { return Ok(()) };
                let kind = address_kind(with.get("addrtype").as_deref().unwrap_or("ipv4"))?;
                host.add_address(HostAddress { kind, addr, vendor: with.get("vendor") });
            }
            ("hostnames", "hostname") => host.add_name(&with.text("name")),
            ("ports", "extraports") => count(host, with.get("state"), with.number("count").unwrap_or(0)),
            ("ports", "port") => {
                let (number, protocol) = (with.number("portid"), with.get("protocol"));
                self.port = number.zip(protocol).map(|(port, protocol)| ScannedPort {
                    protocol,
                    port,
                    ..ScannedPort::default()
                });
                self.port_told = false;
            }
            ("os", "osmatch") => {
                if let Some(name) = with.get("name") {
                    host.os.push(OsMatch { name, accuracy: with.number("accuracy") });
                }
            }
            _ => {}
        }
        let counts = [
            (host.addresses.len(), "addresses"),
            (host.names.len(), "names"),
            (host.not_shown.len(), "states of ports"),
            (host.os.len(), "guesses at the system"),
        ];
        match counts.into_iter().find(|(count, _)| *count > OF_A_HOST_MAX) {
            Some((_, what)) => Err(format!("a host has more than {OF_A_HOST_MAX} {what}; nmap writes none such")),
            None => Ok(()),
        }
    }

    fn port_state(&mut self, with: &Attributes) {
        let (Some(port), Some(state)) = (&mut self.port, with.get("state")) else { return };
        port.state = Some(state);
        port.reason = with.text("reason");
        self.port_told = true;
    }

    fn service(&mut self, with: &Attributes) {
        let Some(port) = &mut self.port else { return };
        let service = &mut port.service;
        service.name = with.get("name");
        service.product = with.get("product");
        service.version = with.get("version");
        service.extra = with.get("extrainfo");
        service.tunnel = with.get("tunnel");
    }

    fn script(&mut self, parent: &str, with: &Attributes) {
        let (Some(id), Some(output)) = (with.get("id"), with.get("output")) else { return };
        let scripts = match parent {
            "prescript" => Some(&mut self.scan.pre_scripts),
            "postscript" => Some(&mut self.scan.post_scripts),
            "hostscript" => self.host.as_mut().map(|host| &mut host.scripts),
            "port" => self.port.as_mut().map(|port| &mut port.scripts),
            _ => None,
        };
        if let Some(scripts) = scripts {
            scripts.push(ScriptOutput { id, output });
        }
    }

    fn end_port(&mut self) {
        let (Some(mut port), Some(host)) = (self.port.take(), &mut self.host) else { return };
        if !self.port_told {
            return;
        }
        port.scripts.sort();
        host.ports.push(port);
    }
}

fn progress(with: &Attributes) -> Progress {
    Progress {
        task: with.text("task"),
        percent: with.number("percent").unwrap_or(0.0),
        remaining_s: with.number("remaining"),
        hosts_done: 0,
    }
}

fn count(host: &mut ScannedHost, state: Option<String>, count: u64) {
    match host.not_shown.iter_mut().find(|extra| extra.state == state) {
        Some(extra) => extra.count = count,
        None => host.not_shown.push(ExtraPorts { state, count }),
    }
}

fn address_kind(name: &str) -> Result<AddressKind, String> {
    [AddressKind::Ipv4, AddressKind::Ipv6, AddressKind::Mac]
        .into_iter()
        .find(|kind| kind.name() == name)
        .ok_or_else(|| format!("an address is of the unknown kind `{name:.20}`; known are ipv4, ipv6 and mac"))
}
