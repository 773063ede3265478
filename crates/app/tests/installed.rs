//! What a person installs: the Debian package (installed, upgraded, removed and purged in a root of its own), the manual, the completions, and
//! `tripline self-check`.
#![allow(clippy::unwrap_used)]

mod support;

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use support::{run, tripline};

const PROGRAM: &str = env!("CARGO_BIN_EXE_tripline");

fn there(program: &str) -> bool {
    Command::new("sh")
        .args(["-c", &format!("command -v {program}")])
        .stdout(Stdio::null())
        .status()
        .is_ok_and(|s| s.success())
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn good(command: &mut Command) -> String {
    let output = command.stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", said(&output));
    said(&output)
}

fn package(version: &str, out: &Path) -> PathBuf {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/deb/build.sh");
    let mut command = Command::new(script);
    let path = good(command.arg(PROGRAM).arg(out).env("DEB_VERSION", version).env("DEB_XZ_LEVEL", "0"));
    PathBuf::from(path.trim().lines().last().unwrap())
}

fn is_root() -> bool {
    std::os::unix::fs::MetadataExt::uid(&std::fs::metadata("/proc/self").unwrap()) == 0
}

#[test]
fn the_package_is_installed_upgraded_and_removed_and_what_is_kept_stays() {
    if !there("dpkg-deb") || !there("dpkg") || !is_root() {
        println!("SKIP debian package: dpkg is missing, or this is not root, who alone can give files to others");
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let (first, second) = (package("0.1.0-1", dir.path()), package("0.1.0-2", dir.path()));
    let root = dir.path().join("root");
    std::fs::create_dir_all(root.join("var/lib/dpkg/info")).unwrap();
    std::fs::create_dir_all(root.join("var/lib/dpkg/updates")).unwrap();
    std::fs::write(root.join("var/lib/dpkg/status"), "").unwrap();
    let dpkg = |args: &[&str]| {
        let mut command = Command::new("dpkg");
        command.arg(format!("--root={}", root.display())).args([
            "--force-script-chrootless",
            "--force-depends",
            "--force-confold",
        ]);
        good(command.args(args).env("DPKG_MAINTSCRIPT_DEBUG", "0").env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin"))
    };
    dpkg(&["-i", first.to_str().unwrap()]);
    for file in [
        "usr/bin/tripline",
        "usr/lib/systemd/system/tripline.service",
        "usr/share/man/man1/tripline-run.1.gz",
        "usr/share/bash-completion/completions/tripline",
        "usr/share/zsh/vendor-completions/_tripline",
        "usr/share/doc/tripline/copyright",
    ] {
        assert!(root.join(file).exists(), "{file} is not installed");
    }
    let unit = std::fs::read_to_string(root.join("usr/lib/systemd/system/tripline.service")).unwrap();
    for line in [
        "ExecStart=/usr/bin/tripline run -c /etc/tripline/tripline.toml",
        "User=tripline",
        "ReadWritePaths=/etc/tripline",
    ] {
        assert!(unit.lines().any(|l| l == line), "{line}: {unit}");
    }
    assert!(!unit.contains("DynamicUser") && !unit.contains("/usr/local"), "{unit}");
    let (settings, kept) = (root.join("etc/tripline/tripline.toml"), root.join("var/lib/tripline/tripline.db"));
    good(tripline().args(["config", "check", "-c"]).arg(&settings));
    let mine = format!("{}# mine\n", std::fs::read_to_string(&settings).unwrap());
    std::fs::write(&settings, &mine).unwrap();
    std::fs::write(&kept, "history").unwrap();
    dpkg(&["-i", second.to_str().unwrap()]);
    let status = std::fs::read_to_string(root.join("var/lib/dpkg/status")).unwrap();
    assert!(status.contains("Version: 0.1.0-2"), "{status}");
    let still = |what: &str| {
        assert_eq!(std::fs::read_to_string(&settings).unwrap(), mine, "{what}: the settings are as they were");
        assert_eq!(std::fs::read_to_string(&kept).unwrap(), "history", "{what}: the history is there");
    };
    still("upgrade");
    dpkg(&["-r", "tripline"]);
    still("removal");
    assert!(!root.join("usr/bin/tripline").exists());
    dpkg(&["-P", "tripline"]);
    assert!(!settings.exists() && !kept.exists(), "a purge takes everything");
}

#[test]
fn the_manual_has_no_mistake() {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(run([std::ffi::OsStr::new("man"), dir.path().as_os_str()]).code, Some(0));
    let pages: Vec<PathBuf> = std::fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(pages.len() > 15 && pages.iter().any(|page| page.ends_with("tripline.1")));
    if !there("mandoc") {
        println!("SKIP manual: mandoc is missing");
        return;
    }
    let output = Command::new("mandoc").args(["-T", "lint", "-W", "error"]).args(&pages).output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    let text = good(Command::new("mandoc").args(["-T", "utf8"]).arg(dir.path().join("tripline-run.1")));
    assert!(text.contains("pcap") && text.contains("listen"), "{text}");
}

#[test]
fn completions_load_in_their_shells() {
    let dir = tempfile::tempdir().unwrap();
    let write = |shell: &str, name: &str| {
        let path = dir.path().join(name);
        std::fs::write(&path, run(["completions", shell]).done().stdout).unwrap();
        path
    };
    let (bash, zsh, fish) = (write("bash", "tripline.bash"), write("zsh", "_tripline"), write("fish", "tripline.fish"));
    let asked = good(Command::new("bash").args([
        "--norc",
        "-c",
        &format!("source {} && complete -p tripline", bash.display()),
    ]));
    assert!(asked.contains("_tripline"), "{asked}");
    if there("zsh") {
        let script = format!(
            "fpath=({} $fpath); autoload -U compinit; compinit -u -D; autoload +X _tripline; print ${{_comps[tripline]}}",
            dir.path().display()
        );
        let asked = good(Command::new("zsh").args(["-f", "-c", &script]));
        assert!(asked.contains("_tripline") && zsh.exists(), "{asked}");
    } else {
        println!("SKIP completions of zsh: zsh is missing");
    }
    if there("fish") {
        let script = format!("source {}; complete -C 'tripline anal'", fish.display());
        let asked = good(Command::new("fish").args(["--no-config", "-c", &script]).env("HOME", dir.path()));
        assert!(asked.contains("analyze"), "{asked}");
    } else {
        println!("SKIP completions of fish: fish is missing");
    }
}

#[test]
fn the_self_check_names_what_stops_it_and_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    let free = support::servers::free_port();
    let listen = format!("serve.listen=\"127.0.0.1:{free}\"");
    let data = dir.path().join("data");
    let ask = |set: &str| {
        run(["self-check", "-o", "json", "--data-dir", data.to_str().unwrap(), "--set", &listen, "--set", set])
    };
    let fine = ask("alert.per_hour=4");
    let findings = fine.json();
    let all: Vec<&str> = findings.as_array().unwrap().iter().map(|f| f["name"].as_str().unwrap()).collect();
    for name in [
        "configuration",
        "right to capture",
        "interfaces",
        "kernel buffers",
        "memory",
        "clock",
        "ports",
        "nmap",
        "disk space",
        "disk speed",
        "data directory",
        "models",
    ] {
        assert!(all.contains(&name), "{name} is not looked at: {all:?}");
    }
    for finding in findings.as_array().unwrap() {
        assert_eq!(finding["state"] == "ok", finding["action"].as_str().unwrap().is_empty(), "{finding}");
    }
    assert!(!data.exists(), "nothing is made");
    let wrong = ask("capture.interfaces=[\"nosuch0\"]");
    assert_eq!(wrong.code, Some(1));
    let text = wrong.json().to_string();
    assert!(text.contains("there is no interface nosuch0") && text.contains("tripline interfaces"), "{text}");
    // A database of a newer version, and a port that is taken.
    std::fs::create_dir_all(&data).unwrap();
    std::fs::write(data.join("tripline.db"), "no database").unwrap();
    let taken = std::net::TcpListener::bind(("127.0.0.1", free)).unwrap();
    let both = ask("alert.per_hour=4");
    drop(taken);
    assert_eq!(both.code, Some(1));
    let failed: Vec<String> = both
        .json()
        .as_array()
        .unwrap()
        .iter()
        .filter(|f| f["state"] == "fail")
        .map(|f| f["name"].to_string())
        .collect();
    assert!(
        failed.contains(&"\"ports\"".to_owned()) && failed.contains(&"\"data directory\"".to_owned()),
        "{failed:?}"
    );
    let text = run(["self-check", "--data-dir", data.to_str().unwrap(), "--set", &listen]);
    assert!(
        text.code == Some(1) && text.text().contains("FAIL  data directory") && text.text().contains("to mend"),
        "{}",
        text.text()
    );
}
