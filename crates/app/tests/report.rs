//! `tripline report` and the reports of the running program, from the outside: a page of its own, JSON that is an object of the schema,
//! CSV, refusals; made, listed, opened and deleted over HTTP.
#![allow(clippy::unwrap_used)]

mod support;

use std::time::Duration;
use support::server::Server;
use support::servers::{Far, free_port, json_lines, python_with_smtp, script};
use support::{http, run};

/// A replayed capture with a scan in it, kept in a data directory; what of it the program answers while it runs.
fn watched(dir: &std::path::Path) -> (Server, String) {
    let capture = support::simulate(dir, "scan", "office,port_scan_fast", "2m");
    let data = dir.join("data").display().to_string();
    let server = Server::start(&["run", "-r", capture.to_str().unwrap(), "--speed", "max", "--data-dir", &data]);
    support::wait_for(Duration::from_mins(2), "an incident and its flows", || {
        let total = |path: &str| http::get_json(server.port, path)["total"].as_u64().unwrap_or(0);
        (total("/api/v1/incidents?q=kind:port_scan") > 0 && total("/api/v1/flows") > 100).then_some(())
    });
    (server, data)
}

/// The simulated traffic begins then.
const FROM: &str = "2026-01-05T09:00:00Z";
const TO: &str = "2026-01-05T10:00:00Z";

#[test]
fn a_report_is_made_in_three_forms_and_served() {
    let dir = tempfile::tempdir().unwrap();
    let (server, data) = watched(dir.path());
    let call = |more: &[&str]| run(["report", "--since", FROM, "--until", TO, "--data-dir", &data].iter().chain(more));
    let json = call(&["-o", "json"]).done().json();
    assert_eq!(json["schema"], "tripline.report/1");
    assert!(json["totals"]["incidents"].as_u64().unwrap() >= 1 && json["totals"]["bytes"].as_u64().unwrap() > 10_000);
    assert!(json["summary"][0].as_str().unwrap().contains("raised") && !json["hosts"].as_array().unwrap().is_empty());
    let html = call(&["-o", "html"]).done().text();
    let scan = json["incidents"].as_array().unwrap().iter().find(|i| i["kind"] == "port_scan").unwrap();
    let address = scan["src"][0].as_str().unwrap();
    assert!(
        html.starts_with("<!doctype html>")
            && html.contains(address)
            && html.contains("<svg")
            && html.ends_with("</html>\n")
    );
    for runs in ["<script", "javascript:", " src=", "@import", "url("] {
        assert!(!html.contains(runs), "{runs}");
    }
    let csv = call(&["-o", "csv"]).done().text();
    assert_eq!(csv.lines().count() as u64 - 1, json["totals"]["incidents"].as_u64().unwrap());
    made_and_kept(&server);
    assert!(server.terminate().success());
    // Kept over a restart.
    let capture = dir.path().join("scan.pcap");
    let again = Server::start(&["run", "-r", capture.to_str().unwrap(), "--data-dir", &data]);
    assert_eq!(http::get_json(again.port, "/api/v1/reports")["reports"].as_array().unwrap().len(), 1);
    drop(again);
}

/// Made twice over HTTP, opened, one deleted.
fn made_and_kept(server: &Server) {
    let make = |from: &str, to: &str| {
        let body = format!(r#"{{"from":"{from}","to":"{to}"}}"#);
        http::request(server.port, "POST", "/api/v1/reports", Some(&body)).unwrap()
    };
    let (one, two) = (make(FROM, TO), make(FROM, TO));
    assert_eq!((one.status, two.status), (201, 201), "{} {}", one.text(), two.text());
    let (one, two) = (one.json(), two.json());
    assert!(one["incidents"].as_u64().unwrap() >= 1 && one["origin"] == "manual");
    let refused = make(TO, FROM);
    assert!(refused.status == 422 && refused.text().contains("is not before"), "{}", refused.text());
    let path = |report: &serde_json::Value| format!("/api/v1/reports/{}", report["id"].as_str().unwrap());
    let page = http::get(server.port, &path(&one));
    assert!(page.status == 200 && page.text().starts_with("<!doctype html>"));
    assert!(page.head.contains("default-src 'none'") && page.head.contains("sandbox"), "{}", page.head);
    let json = http::get_json(server.port, &format!("{}?format=json", path(&one)));
    assert_eq!(json["schema"], "tripline.report/1");
    let deleted = http::request(server.port, "DELETE", &path(&two), None).unwrap();
    assert_eq!((deleted.status, http::get(server.port, &path(&two)).status), (204, 404));
    let list = http::get_json(server.port, "/api/v1/reports");
    assert_eq!((list["reports"].as_array().unwrap().len(), &list["reports"][0]["id"]), (1, &one["id"]));
}

#[test]
fn a_report_that_was_due_is_made_at_the_start_and_mailed_whole() {
    let Some(python) = python_with_smtp() else {
        eprintln!("SKIP a scheduled report by mail: no Python with aiosmtpd (package python3-aiosmtpd)");
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let (server, data) = watched(dir.path());
    assert!(server.terminate().success());
    // The timetable was last kept to years ago: one report is due, that of yesterday.
    let database = rusqlite::Connection::open(std::path::Path::new(&data).join("tripline.db")).unwrap();
    let reached = r#"{"every":"day","to":"2020-01-01T00:00:00Z"}"#;
    database.execute("INSERT OR REPLACE INTO settings VALUES ('reports.reached', ?1)", [reached]).unwrap();
    drop(database);
    let (port, kept) = (free_port(), dir.path().join("mail.json"));
    let call =
        [python.to_owned(), script("smtp.py").display().to_string(), port.to_string(), kept.display().to_string()];
    let mut post = Far::tcp(call.to_vec(), port);
    post.up();
    let settings = dir.path().join("tripline.toml");
    let channel = format!(
        "[[notify.channels]]\nname = \"post\"\nkind = \"email\"\nseverity_min = \"critical\"\nemail = {{ host = \"127.0.0.1\", port = {port}, tls = \"none\", from = \"tripline@example.net\", to = [\"admins@example.net\"] }}\n"
    );
    let reports = "[reports]\nevery = \"day\"\nzone = \"UTC\"\nmail_channels = [\"post\"]\n";
    std::fs::write(&settings, format!("{reports}{channel}")).unwrap();
    let (capture, settings) = (dir.path().join("scan.pcap"), settings.display().to_string());
    let again = Server::start(&["run", "-r", capture.to_str().unwrap(), "-c", &settings, "--data-dir", &data]);
    let mail = support::wait_for(Duration::from_mins(2), "the mail", || {
        json_lines(&kept).into_iter().find(|mail| mail["subject"].as_str().unwrap().contains("Report of"))
    });
    let listed = http::get_json(again.port, "/api/v1/reports");
    let report = &listed["reports"][0];
    assert_eq!((listed["reports"].as_array().unwrap().len(), &report["origin"]), (1, &"schedule".into()), "{listed}");
    let page = http::get(again.port, &format!("/api/v1/reports/{}", report["id"].as_str().unwrap())).text();
    let parts = mail["parts"].as_array().unwrap();
    let [plain, html, whole] = parts.as_slice() else { panic!("{} parts", parts.len()) };
    assert!(plain[2].as_str().unwrap().contains("The whole report") && html[0] == "text/html", "{plain}");
    let mailed = whole[2].as_str().unwrap().replace("\r\n", "\n");
    assert_eq!((&whole[0], mailed.trim_end()), (&"text/html".into(), page.trim_end()));
    assert!(again.terminate().success());
}

#[test]
fn mistakes_are_told_in_one_line() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().display().to_string();
    for (args, hint) in [
        (&["report"][..], "there is no database"),
        (&["report", "--since", "then"], "RFC 3339"),
        (&["report", "--since", TO, "--until", FROM], "is after"),
        (&["report", "--set", "reports.copy_to=folder"], "reports.copy_to is `folder`"),
        (&["report", "--set", "reports.every=fortnight"], "reports.every"),
        (&["report", "--set", "reports.mail_channels=[\"post\"]"], "`post`"),
    ] {
        let refused = run(args.iter().copied().chain(["--data-dir", &data]));
        assert_eq!((refused.code, refused.stderr.trim().lines().count()), (Some(2), 1), "{args:?}: {}", refused.stderr);
        assert!(refused.stderr.contains(hint), "{args:?}: {}", refused.stderr);
    }
}
