//! Reads nmap's XML as a stream: one host after the other, and the progress that nmap tells of itself. Owns the bounds and the words of
//! what is refused; resolves no entity, fetches no DTD, keeps nothing of a document that is cut short.

use super::bounded::Bounded;
use super::elements::{Attributes, Building};
use quick_xml::Reader;
use quick_xml::events::{BytesRef, Event};
use record::scan::{Scan, ScannedHost};
use std::fmt;
use std::io::BufRead;

/// Bounds of one document.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of the whole document.
    pub bytes_max: u64,
    /// Bytes of one tag, comment or text.
    pub piece_bytes_max: u64,
    /// Elements inside one another.
    pub depth_max: usize,
    /// Hosts.
    pub hosts_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { bytes_max: 256 << 20, piece_bytes_max: 8 << 20, depth_max: 64, hosts_max: 1 << 20 }
    }
}

/// How far nmap is with one of its tasks.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Progress {
    /// Task in nmap's words (`SYN Stealth Scan`).
    pub task: String,
    /// Done, percent.
    pub percent: f64,
    /// What nmap thinks is left of this task, seconds.
    pub remaining_s: Option<u64>,
    /// Hosts that are done.
    pub hosts_done: u64,
}

/// Most characters of what is said of an error, however long the names in the document are.
const WORDS_CHARS_MAX: usize = 400;

/// What comes out of the stream.
#[derive(Clone, Debug, PartialEq)]
pub enum Part {
    /// A host, whole.
    Host(Box<ScannedHost>),
    /// How far nmap is.
    Progress(Progress),
    /// The document is whole: the scan without its hosts, which came before.
    End(Box<Scan>),
}

/// Why a document was not read: what, where, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct XmlError {
    /// What is wrong, and what to do.
    pub what: String,
    /// Line, from 1.
    pub line: u64,
    /// Byte, from 0.
    pub byte: u64,
    /// Hosts that were read whole before.
    pub hosts: usize,
    /// The document ends too early; what was there until then was good.
    pub cut_short: bool,
}

impl fmt::Display for XmlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, byte {}: {}", self.line, self.byte, self.what)
    }
}

impl std::error::Error for XmlError {}

/// A document being read.
pub struct NmapXml<R> {
    reader: Reader<Bounded<R>>,
    buffer: Vec<u8>,
    limits: Limits,
    /// Names of the elements that are open.
    open: Vec<String>,
    building: Building,
    hosts: usize,
    ended: bool,
}

impl<R: BufRead> NmapXml<R> {
    /// Reads from a stream.
    pub fn new(input: R, limits: Limits) -> Self {
        let mut reader = Reader::from_reader(Bounded::new(input, limits.bytes_max, limits.piece_bytes_max));
        // An empty element is one that is opened and closed: one way through the code for both.
        reader.config_mut().expand_empty_elements = true;
        Self {
            reader,
            buffer: Vec::new(),
            limits,
            open: Vec::new(),
            building: Building::default(),
            hosts: 0,
            ended: false,
        }
    }

    /// The next part; `Part::End` is the last.
    pub fn next_part(&mut self) -> Result<Part, XmlError> {
        loop {
            if self.ended {
                return Ok(Part::End(Box::new(std::mem::take(&mut self.building.scan))));
            }
            if let Some(part) = self.step()? {
                return Ok(part);
            }
        }
    }

    fn step(&mut self) -> Result<Option<Part>, XmlError> {
        self.reader.get_mut().begin_piece();
        self.buffer.clear();
        let mut buffer = std::mem::take(&mut self.buffer);
        let event = self.reader.read_event_into(&mut buffer).map(Event::into_owned);
        self.buffer = buffer;
        match event {
            Err(error) => Err(self.unreadable(&error)),
            Ok(Event::Start(start)) => {
                let name = start.name().as_ref().to_owned();
                let attributes = Attributes::read(&start).map_err(|what| self.error(what))?;
                self.start(name, &attributes)
            }
            Ok(Event::End(_)) => self.end(),
            Ok(Event::Text(text)) => self.text(&text.xml10_content()),
            Ok(Event::CData(text)) => self.text(&text.xml10_content()),
            Ok(Event::GeneralRef(reference)) => self.reference(&reference),
            Ok(Event::DocType(text)) => self.doctype(&text),
            // Empty elements do not come: `expand_empty_elements` makes a start and an end of them.
            Ok(Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::Empty(_)) => Ok(None),
            Ok(Event::Eof) => self.eof(),
        }
    }

    fn start(&mut self, name: String, attributes: &Attributes) -> Result<Option<Part>, XmlError> {
        if self.open.len() >= self.limits.depth_max {
            return Err(
                self.error(format!("elements lie more than {} deep; nmap writes none such", self.limits.depth_max))
            );
        }
        if self.open.is_empty() && name != "nmaprun" {
            return Err(self.error(format!(
                "the document is a <{}>, not nmap's <nmaprun>; write it with `nmap -oX FILE`",
                shown(&name)
            )));
        }
        let parent = self.open.last().map_or("", String::as_str);
        let progress = self.building.start(parent, &name, attributes).map_err(|what| self.error(what))?;
        self.open.push(name);
        Ok(progress.map(Part::Progress))
    }

    fn end(&mut self) -> Result<Option<Part>, XmlError> {
        let Some(name) = self.open.pop() else { return Ok(None) };
        let Some(host) = self.building.end(&name) else { return Ok(None) };
        if self.hosts >= self.limits.hosts_max {
            return Err(self.error(format!("there are more than {} hosts; split the scan", self.limits.hosts_max)));
        }
        self.hosts += 1;
        Ok(Some(Part::Host(Box::new(host))))
    }

    fn text(&mut self, text: &str) -> Result<Option<Part>, XmlError> {
        if self.open.is_empty() && !text.trim().is_empty() {
            return Err(self.error("there is text outside the document's element: this is not nmap's XML"));
        }
        self.building.text(text);
        Ok(None)
    }

    /// `&lt;` and `&#10;` are characters; anything else would have to be looked up, which never happens here.
    fn reference(&mut self, reference: &BytesRef) -> Result<Option<Part>, XmlError> {
        let character = match reference.resolve_char_ref() {
            Ok(Some(character)) => Some(character.to_string()),
            Ok(None) => {
                quick_xml::escape::resolve_predefined_entity(reference.xml10_content().as_ref()).map(str::to_owned)
            }
            Err(_) => None,
        };
        match character {
            Some(character) => self.text(&character),
            None => Err(self.error(entity_refused(&reference.xml10_content()))),
        }
    }

    fn doctype(&mut self, text: &str) -> Result<Option<Part>, XmlError> {
        if text.contains('[') || text.contains("<!") {
            return Err(self.error(
                "the document declares entities or elements of its own, which nmap never does; they are refused and never resolved",
            ));
        }
        Ok(None)
    }

    fn eof(&mut self) -> Result<Option<Part>, XmlError> {
        let what = match self.open.last() {
            Some(name) => format!(
                "the file is cut short: it ends inside <{}>; {}; nothing is kept of it, run the scan again",
                shown(name),
                hosts_read(self.hosts)
            ),
            None if !self.building.begun => {
                "the file is empty or holds no XML; write it with `nmap -oX FILE`".to_owned()
            }
            None => {
                self.ended = true;
                return Ok(None);
            }
        };
        Err(XmlError { cut_short: true, ..self.error(what) })
    }

    fn unreadable(&self, error: &quick_xml::Error) -> XmlError {
        use quick_xml::Error;
        let hosts = hosts_read(self.hosts);
        match error {
            Error::Io(e) => self.error(format!("{e}; {hosts}")),
            // Told at the end of input, inside a tag or with elements open.
            Error::Syntax(_) if self.building.begun => XmlError {
                cut_short: true,
                ..self.error(format!(
                    "the file is cut short inside a tag; {hosts}; nothing is kept of it, run the scan again"
                ))
            },
            // Its words may quote the document.
            error => self.error(format!(
                "this is not well-formed XML ({:.120}); {hosts}; nothing is kept of it",
                one_line(&error.to_string())
            )),
        }
    }

    fn error(&self, what: impl AsRef<str>) -> XmlError {
        let place = self.reader.get_ref();
        let what = one_line(what.as_ref()).chars().take(WORDS_CHARS_MAX).collect();
        XmlError { what, line: place.line, byte: place.bytes, hosts: self.hosts, cut_short: false }
    }
}

fn hosts_read(hosts: usize) -> String {
    match hosts {
        1 => "1 host was read".to_owned(),
        hosts => format!("{hosts} hosts were read"),
    }
}

/// The words for a reference that is no character.
pub(super) fn entity_refused(name: &str) -> String {
    format!("`&{};` refers to an entity, which nmap never does; it is refused and never resolved", shown(name))
}

/// A name from a file, fit for a message.
fn shown(name: &str) -> String {
    one_line(name).chars().take(40).collect()
}

/// Words without line breaks and what would move a terminal's cursor.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// Reads a whole document.
pub fn read_scan(input: impl BufRead, limits: Limits) -> Result<Scan, XmlError> {
    let mut reader = NmapXml::new(input, limits);
    let mut hosts = Vec::new();
    loop {
        match reader.next_part()? {
            Part::Host(host) => hosts.push(*host),
            Part::Progress(_) => {}
            Part::End(scan) => return Ok(Scan { hosts, ..*scan }),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn read(text: &str) -> Result<Scan, XmlError> {
        read_scan(text.as_bytes(), Limits::default())
    }

    const WHOLE: &str = r#"<?xml version="1.0"?>
<!DOCTYPE nmaprun>
<nmaprun scanner="nmap" args="nmap -oX &#45; h" start="10" version="7.93">
<taskprogress task="SYN Stealth Scan" time="1" percent="12.50" remaining="7" etc="9"/>
<host><status state="up" reason="arp-response"/><address addr="10.0.0.1" addrtype="ipv4"/>
<address addr="00:00:5E:00:53:01" addrtype="mac" vendor="Example"/>
<hostnames><hostname name="a.example" type="PTR"/></hostnames>
<ports><extraports state="closed" count="98"/>
<port protocol="tcp" portid="443"><state state="open" reason="syn-ack"/><service name="http" product="nginx" tunnel="ssl"><cpe>cpe:/a:x&amp;y</cpe></service>
<script id="z" output="1&#xa;2"/><script id="a" output="&lt;"/></port>
<port protocol="tcp" portid="22"><state state="open"/></port></ports>
<os><osmatch name="Linux 5" accuracy="96"/></os></host>
<runstats><finished time="20" exit="success"/><hosts up="1" down="0" total="1"/></runstats>
</nmaprun>"#;

    #[test]
    fn a_document_becomes_a_scan() {
        let scan = read(WHOLE).unwrap();
        assert_eq!(
            (scan.scanner.as_str(), scan.args.as_str(), scan.version.as_str()),
            ("nmap", "nmap -oX - h", "7.93")
        );
        assert_eq!(scan.started.unwrap().seconds(), 10);
        assert_eq!((scan.ended.unwrap().seconds(), scan.exit.as_deref()), (20, Some("success")));
        let [host] = &scan.hosts[..] else { panic!("{scan:?}") };
        assert_eq!(host.title(), "a.example (10.0.0.1, 00:00:5E:00:53:01)");
        assert_eq!(host.addresses[1].vendor.as_deref(), Some("Example"));
        assert_eq!(host.ports.iter().map(|p| p.port).collect::<Vec<_>>(), [22, 443]);
        let service = &host.ports[1].service;
        assert_eq!((service.tunnel.as_deref(), &service.cpe[..]), (Some("ssl"), &["cpe:/a:x&y".to_owned()][..]));
        let scripts: Vec<_> = host.ports[1].scripts.iter().map(|s| (s.id.as_str(), s.output.as_str())).collect();
        assert_eq!(scripts, [("a", "<"), ("z", "1\n2")]);
        assert_eq!((host.os[0].name.as_str(), host.os[0].accuracy), ("Linux 5", Some(96)));
        assert_eq!((host.not_shown[0].state.as_deref(), host.not_shown[0].count), (Some("closed"), 98));
        let mut parts = NmapXml::new(WHOLE.as_bytes(), Limits::default());
        let progress =
            Progress { task: "SYN Stealth Scan".to_owned(), percent: 12.5, remaining_s: Some(7), hosts_done: 0 };
        assert_eq!(parts.next_part().unwrap(), Part::Progress(progress));
    }

    #[test]
    fn every_cut_is_an_error_that_counts_the_hosts() {
        let end = WHOLE.find("</nmaprun>").unwrap() + "</nmaprun>".len();
        for at in (0..end - 1).filter(|at| WHOLE.is_char_boundary(*at)) {
            let error = read(&WHOLE[..at]).unwrap_err();
            let hosts = usize::from(at >= WHOLE.find("</host>").unwrap() + 7);
            assert_eq!(error.hosts, hosts, "cut at {at}: {error}");
        }
        let error = read(&WHOLE[..WHOLE.find("</runstats>").unwrap()]).unwrap_err();
        assert!(error.cut_short && error.to_string().contains("<runstats>; 1 host was read"), "{error}");
        assert_eq!(error.line, 13);
    }

    #[test]
    fn what_is_not_nmaps_is_refused_with_its_place() {
        let bomb = "<!DOCTYPE nmaprun [<!ENTITY a \"aaaa\"><!ENTITY b \"&a;&a;\">]><nmaprun args=\"&b;\"/>";
        let outside = "<!DOCTYPE nmaprun [<!ENTITY x SYSTEM \"file:///etc/passwd\">]><nmaprun>&x;</nmaprun>";
        let deep = format!("<nmaprun>{}", "<table>".repeat(100));
        for (text, word) in [
            (bomb, "declares entities"),
            (outside, "declares entities"),
            ("<nmaprun args=\"&b;\"/>", "&b;"),
            ("<nmaprun>&b;</nmaprun>", "never resolved"),
            ("\n<html/>", "line 2"),
            ("<html/>", "<html>, not nmap's"),
            ("", "nmap -oX"),
            ("PK\u{3}\u{4}", "not nmap's XML"),
            ("<nmaprun><host></nmaprun>", "well-formed"),
            ("<nmaprun/><nmaprun/>", "second"),
            (deep.as_str(), "deep"),
            ("<nmaprun><host><address addr=\"x\" addrtype=\"ipx\"/></host></nmaprun>", "ipx"),
        ] {
            let error = read(text).unwrap_err().to_string();
            assert!(error.contains(word), "{text:.40}: {error}");
        }
        assert!(
            read(
                "<!DOCTYPE nmaprun PUBLIC \"-//IDN nmap.org//DTD Nmap XML 1.04//EN\" \"https://x/nmap.dtd\"><nmaprun/>"
            )
            .is_ok()
        );
    }

    #[test]
    fn bounds_are_named() {
        let many = format!("<nmaprun>{}</nmaprun>", "<host/>".repeat(5));
        let limits = Limits { hosts_max: 4, ..Limits::default() };
        assert!(read_scan(many.as_bytes(), limits).unwrap_err().what.contains("more than 4 hosts"));
        let long = format!("<nmaprun args=\"{}\"/>", "x".repeat(100_000));
        let limits = Limits { piece_bytes_max: 1_000, ..Limits::default() };
        let input = std::io::BufReader::with_capacity(512, long.as_bytes());
        assert!(read_scan(input, limits).unwrap_err().what.contains("larger than 1000 bytes"));
    }

    /// Damaged documents are refused or read, never a panic. A small generator of its own: no dependency for it.
    #[test]
    fn damaged_documents_are_refused_or_read() {
        let mut state = 7_u64;
        let mut below = |limit: usize| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as usize % limit.max(1)
        };
        let (mut good, mut bad) = (0, 0);
        for _ in 0..3_000 {
            let mut bytes = WHOLE.as_bytes().to_vec();
            for _ in 0..2 {
                let at = below(bytes.len());
                match below(3) {
                    0 => bytes[at] = b"<>&;\"'/=\xff\0 x"[below(12)],
                    1 => drop(bytes.drain(at..(at + below(40)).min(bytes.len()))),
                    _ => bytes.insert(at, b"<>&;\"'/=[]! "[below(12)]),
                }
            }
            match read_scan(&bytes[..], Limits::default()) {
                Ok(_) => good += 1,
                Err(error) => {
                    bad += 1;
                    let line = error.to_string();
                    assert!(line.len() < 500 && !line.contains(['\n', '\0']), "{line:?}");
                }
            }
        }
        assert!(good > 100 && bad > 100, "{good} read, {bad} refused");
    }

    #[test]
    fn what_one_host_holds_is_bounded() {
        let names: Vec<_> = (0..2_000).map(|i| format!("<hostname name=\"h{i}\"/>")).collect();
        let text = format!("<nmaprun><host><hostnames>{}</hostnames></host></nmaprun>", names.concat());
        assert!(read(&text).unwrap_err().what.contains("more than 1000 names"));
    }
}
