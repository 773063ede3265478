//! Every file of the development data is read, and every pair of files compared as nmap's own ndiff compares it.
#![allow(clippy::unwrap_used)]

use quick_xml::Reader;
use quick_xml::events::Event;
use scan::{Limits, Scan, diff, diff_xml, read_scan, write_scan};
use std::path::{Path, PathBuf};
use std::process::Command;

/// ndiff as it is installed, with an order for scripts: without one it fails, under Python 3, on every port with two scripts. All pairs
/// in one process; pairs come on standard input, as lines `A<tab>B`, answers as lines of JSON `[exit code, XML]`.
const NDIFF: &str = r"
import sys, io, json, functools
import ndiff
def less(a, b): return (a.id, a.output) < (b.id, b.output)
ndiff.ScriptResult.__lt__ = less
for line in sys.stdin:
    scans = []
    for name in line.rstrip('\n').split('\t'):
        scan = ndiff.Scan()
        scan.load_from_file(name)
        scans.append(scan)
    out = io.StringIO()
    cost = ndiff.ScanDiffXML(scans[0], scans[1], out).output()
    print(json.dumps([1 if cost else 0, out.getvalue()]))
";

fn files(test: &str) -> Option<Vec<PathBuf>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/nmap-xml");
    let Ok(folders) = std::fs::read_dir(&root) else {
        eprintln!("SKIP {test}: ../shared/data/nmap-xml is not there");
        return None;
    };
    let mut found: Vec<PathBuf> = folders
        .flatten()
        .flat_map(|folder| std::fs::read_dir(folder.path()).unwrap().flatten())
        .map(|file| file.path())
        .filter(|path| path.extension().is_some_and(|e| e == "xml"))
        .collect();
    found.sort();
    assert!(found.len() > 40, "only {} files in {}", found.len(), root.display());
    Some(found)
}

fn is_attack(path: &Path) -> bool {
    path.file_name().unwrap().to_string_lossy().starts_with("defused_")
}

fn read(path: &Path) -> Result<Scan, scan::XmlError> {
    read_scan(&std::fs::read(path).unwrap()[..], Limits::default())
}

#[test]
fn every_file_is_read_and_every_attack_refused() {
    let Some(files) = files("every_file_is_read_and_every_attack_refused") else { return };
    let (mut hosts, mut ports, mut attacks) = (0, 0, 0);
    for path in &files {
        if is_attack(path) {
            let error = read(path).unwrap_err();
            assert!(error.what.contains("refused") || error.what.contains("not nmap's"), "{error}");
            attacks += 1;
            continue;
        }
        let scan = read(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        hosts += scan.hosts.len();
        ports += scan.hosts.iter().map(|host| host.ports.len()).sum::<usize>();
        let again = read_scan(write_scan(&scan).as_bytes(), Limits::default()).unwrap();
        assert_eq!(again, scan, "{} written and read again", path.display());
    }
    // Counted with `grep -o '<host[ >]'` and `'<port '`.
    assert_eq!((hosts, ports, attacks), (1_434, 789, 2));
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Element {
    name: String,
    attributes: Vec<(String, String)>,
    children: Vec<Element>,
}

/// A document as a tree. Runs of white space count as one: minidom, which writes ndiff's answer, does not keep line breaks in attributes.
fn tree(text: &str) -> Element {
    let mut reader = Reader::from_str(text);
    reader.config_mut().expand_empty_elements = true;
    let mut open = vec![Element { name: String::new(), attributes: Vec::new(), children: Vec::new() }];
    loop {
        match reader.read_event().unwrap() {
            Event::Start(start) => {
                let mut attributes: Vec<(String, String)> = start
                    .attributes()
                    .flatten()
                    .map(|a| {
                        let value = a.normalized_value(quick_xml::XmlVersion::Implicit1_0).unwrap().into_owned();
                        (a.key.as_ref().to_owned(), value.split_whitespace().collect::<Vec<_>>().join(" "))
                    })
                    // Local time in words there, RFC 3339 here; `start` is compared.
                    .filter(|(key, _)| key != "startstr")
                    .collect();
                attributes.sort();
                open.push(Element { name: start.name().as_ref().to_owned(), attributes, children: Vec::new() });
            }
            Event::End(_) => {
                let done = open.pop().unwrap();
                open.last_mut().unwrap().children.push(done);
            }
            Event::Eof => return open.pop().unwrap(),
            _ => {}
        }
    }
}

/// ndiff writes, of what it makes for scripts before and after the scan, the content without the element around it; ours has it.
fn as_ndiff_writes(mut document: Element) -> Element {
    let about_scripts = |e: &Element| ["prescript", "postscript"].contains(&e.name.as_str());
    let scandiff = &mut document.children[0].children[0];
    scandiff.children = std::mem::take(&mut scandiff.children)
        .into_iter()
        .flat_map(|e| if about_scripts(&e) || e.children.iter().any(about_scripts) { e.children } else { vec![e] })
        .collect();
    document
}

/// Where two trees begin to differ, with both sides.
fn first_difference(ours: &Element, theirs: &Element) -> Option<String> {
    if ours == theirs {
        return None;
    }
    let inner = ours.children.iter().zip(&theirs.children).find_map(|(a, b)| first_difference(a, b));
    let own = || format!("\nours   {:.1500}\ntheirs {:.1500}", format!("{ours:?}"), format!("{theirs:?}"));
    Some(format!("{}/{}", ours.name, inner.unwrap_or_else(own)))
}

#[test]
fn every_pair_differs_as_ndiff_says() {
    let test = "every_pair_differs_as_ndiff_says";
    let Some(files) = files(test) else { return };
    // Debian's own Python, whose packages hold ndiff.
    let python = ["/usr/bin/python3", "python3"]
        .into_iter()
        .find(|python| Command::new(python).args(["-c", "import ndiff"]).output().is_ok_and(|o| o.status.success()));
    let Some(python) = python else {
        eprintln!("SKIP {test}: ndiff is not installed");
        return;
    };
    let files: Vec<_> = files.into_iter().filter(|path| !is_attack(path)).collect();
    let folder = tempfile::tempdir().unwrap();
    // Each file as written by this program too: ndiff reads it, and sees no difference.
    let rewritten: Vec<PathBuf> = files
        .iter()
        .enumerate()
        .map(|(i, path)| {
            let own = folder.path().join(format!("{i}.xml"));
            std::fs::write(&own, write_scan(&read(path).unwrap())).unwrap();
            own
        })
        .collect();
    let pairs: Vec<_> =
        files.iter().flat_map(|a| files.iter().map(move |b| (a, b))).chain(files.iter().zip(&rewritten)).collect();
    let list = folder.path().join("pairs");
    let lines: Vec<_> = pairs.iter().map(|(a, b)| format!("{}\t{}", a.display(), b.display())).collect();
    std::fs::write(&list, lines.join("\n")).unwrap();
    let answer = Command::new(python).args(["-c", NDIFF]).stdin(std::fs::File::open(&list).unwrap()).output().unwrap();
    assert!(answer.status.success(), "{}", String::from_utf8_lossy(&answer.stderr));
    let answers: Vec<(u8, String)> =
        String::from_utf8(answer.stdout).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(answers.len(), pairs.len());
    let (mut equal, mut changes) = (0, 0);
    for ((a, b), (code, expected)) in pairs.iter().zip(&answers) {
        let ours = diff(&read(a).unwrap(), &read(b).unwrap());
        let (ours_tree, expected) = (as_ndiff_writes(tree(&diff_xml(&ours))), tree(expected));
        if let Some(place) = first_difference(&ours_tree, &expected) {
            panic!("{} {}: {place}", a.display(), b.display());
        }
        // Scripts before and after a scan are shown by ndiff and do not count for its exit code; here they count.
        assert_eq!(ours.hosts.is_empty(), *code == 0, "{} {}", a.display(), b.display());
        assert!(!b.starts_with(folder.path()) || ours.is_equal(), "{} is not as it was", a.display());
        equal += usize::from(ours.is_equal());
        changes += ours.hosts.len();
    }
    println!("{} pairs, {equal} equal, {changes} hosts changed", pairs.len());
    assert!(equal >= 2 * files.len() && changes > 10_000, "{equal} equal pairs, {changes} changes");
}
