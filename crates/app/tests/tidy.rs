//! House rules that a machine can check: every source file opens by saying what it owns, no file is a giant, no function passes
//! 70 lines, no leftover marks, no dead links in the documentation, no path of one machine.
#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};

/// Lines above which a file must be split.
const FILE_LINES_MAX: usize = 650;
/// Lines above which a function must be split.
const FUNCTION_LINES_MAX: usize = 70;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

fn files(folder: &Path, extensions: &[&str], found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        let name = entry.file_name().into_string().unwrap();
        if path.is_dir() {
            if !["target", "node_modules", ".git", "assets", "dist"].contains(&name.as_str()) {
                files(&path, extensions, found);
            }
        } else if extensions.iter().any(|e| name.ends_with(e)) {
            found.push(path);
        }
    }
}

fn read(extensions: &[&str]) -> Vec<(String, String)> {
    let mut found = Vec::new();
    files(&root(), extensions, &mut found);
    assert!(found.len() > 3, "found only {found:?}");
    found
        .into_iter()
        .map(|p| (p.strip_prefix(root()).unwrap().to_string_lossy().into_owned(), std::fs::read_to_string(&p).unwrap()))
        .collect()
}

#[test]
fn every_source_file_says_what_it_owns() {
    for (name, text) in read(&[".rs"]) {
        assert!(text.starts_with("//!"), "{name} does not open with a //! comment");
    }
}

#[test]
fn no_giants() {
    let mut long = Vec::new();
    for (name, text) in read(&[".rs"]) {
        let lines = text.lines().count();
        if lines > FILE_LINES_MAX {
            long.push(format!("{name}: {lines} lines"));
        }
        long.extend(long_functions(&text).into_iter().map(|(f, n)| format!("{name}: fn {f} has {n} lines")));
    }
    assert!(long.is_empty(), "split these:\n{}", long.join("\n"));
}

/// Functions longer than the bound, by the indentation that rustfmt gives their closing brace.
fn long_functions(text: &str) -> Vec<(String, usize)> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Vec::new();
    for (start, line) in lines.iter().enumerate() {
        let trimmed = line.trim_start();
        let Some(at) = trimmed.find("fn ").filter(|at| {
            trimmed[..*at]
                .split_whitespace()
                .all(|w| w.starts_with("pub") || ["const", "async", "unsafe", "extern", "\"C\""].contains(&w))
        }) else {
            continue;
        };
        // A trait's declaration has no body, or an empty one.
        let opening = lines[start..].iter().find(|l| l.contains('{') || l.ends_with(';'));
        if opening.is_some_and(|l| l.ends_with([';', '}'])) {
            continue;
        }
        let indent = line.len() - trimmed.len();
        let closing = format!("{}}}", " ".repeat(indent));
        let length = lines[start..].iter().position(|l| *l == closing).unwrap_or(0);
        if length > FUNCTION_LINES_MAX {
            found.push((trimmed[at + 3..].chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect(), length));
        }
    }
    found
}

#[test]
fn the_function_rule_sees_a_long_function() {
    let body = "    let _ = 1;\n".repeat(FUNCTION_LINES_MAX + 1);
    assert_eq!(long_functions(&format!("pub fn giant() {{\n{body}}}\n")).len(), 1);
    assert!(long_functions("fn small() {\n}\n").is_empty());
    assert!(long_functions(&format!("trait T {{\n    fn declared(&self);\n{body}    }}\n}}\n")).is_empty());
}

#[test]
fn no_leftovers_and_no_machine_paths() {
    let marks =
        [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X:"), concat!("/ho", "me/"), concat!("/wo", "rk/")];
    for (name, text) in read(&[".rs", ".ts", ".svelte", ".md", ".toml", ".sh", ".py", "Makefile"]) {
        for mark in marks {
            assert!(!text.contains(mark), "{name} holds `{mark}`");
        }
    }
}

#[test]
fn links_in_the_documentation_lead_somewhere() {
    let mut checked = 0;
    for (name, text) in read(&[".md"]) {
        let folder = root().join(&name).parent().unwrap().to_owned();
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let target = link.split('#').next().unwrap_or("");
            if target.is_empty() || target.contains("://") || target.contains(' ') {
                continue;
            }
            assert!(folder.join(target).exists(), "{name} links to {target}, which is not there");
            checked += 1;
        }
    }
    assert!(checked > 5, "only {checked} links found");
}
