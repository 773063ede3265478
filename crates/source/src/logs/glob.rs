//! `*` and `?` in the names of files. Owns the match and the search; a pattern without either is a name.

use std::path::{Component, Path, PathBuf};

/// Names looked at in one search, so that a pattern over a giant tree ends.
const LOOKED_AT_MAX: usize = 100_000;

/// Files that fit the pattern, in order of their names.
pub(super) fn files(pattern: &str) -> Vec<PathBuf> {
    let mut found = vec![PathBuf::new()];
    let mut looked_at = 0;
    for component in Path::new(pattern).components() {
        let name = component.as_os_str().to_string_lossy();
        if !matches!(component, Component::Normal(_)) || !name.contains(['*', '?']) {
            for path in &mut found {
                path.push(component);
            }
            continue;
        }
        let mut next = Vec::new();
        for folder in &found {
            let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder.as_path() };
            let Ok(entries) = std::fs::read_dir(folder) else { continue };
            for entry in entries.flatten() {
                looked_at += 1;
                if looked_at > LOOKED_AT_MAX {
                    return Vec::new();
                }
                if fits(name.as_bytes(), entry.file_name().as_encoded_bytes()) {
                    next.push(folder.join(entry.file_name()));
                }
            }
        }
        found = next;
    }
    found.retain(|path| path.is_file());
    found.sort();
    found
}

/// True when the name fits; a hidden file only fits a pattern that begins with a dot.
fn fits(pattern: &[u8], name: &[u8]) -> bool {
    if name.first() == Some(&b'.') && pattern.first() != Some(&b'.') {
        return false;
    }
    let (mut p, mut n, mut star) = (0, 0, None);
    while n < name.len() {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, n));
                p += 1;
            }
            Some(c) if *c == b'?' || *c == name[n] => {
                p += 1;
                n += 1;
            }
            _ => {
                // The last star takes one more.
                let Some((star_p, star_n)) = star else { return false };
                star = Some((star_p, star_n + 1));
                (p, n) = (star_p + 1, star_n + 1);
            }
        }
    }
    pattern[p..].iter().all(|c| *c == b'*')
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn names_fit_or_not() {
        assert!(
            fits(b"*.log", b"conn.log") && fits(b"c?nn*", b"conn.log") && fits(b"*", b"x") && fits(b"a*b*c", b"aXbbYc")
        );
        assert!(!fits(b"*.log", b"conn.log.gz") && !fits(b"*", b".hidden") && !fits(b"?", b"") && !fits(b"a*b", b"ac"));
    }

    #[test]
    fn folders_may_be_patterns_too() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["a/conn.log", "b/conn.log", "b/dns.txt"] {
            std::fs::create_dir_all(dir.path().join(name).parent().unwrap()).unwrap();
            std::fs::write(dir.path().join(name), "x").unwrap();
        }
        let names = |pattern: &str| files(&dir.path().join(pattern).display().to_string());
        assert_eq!(names("*/*.log"), [dir.path().join("a/conn.log"), dir.path().join("b/conn.log")]);
        assert_eq!(names("b/dns.txt"), [dir.path().join("b/dns.txt")]);
        assert!(names("c/*").is_empty());
    }
}
