//! What the database has deleted comes back from an archive on S3 over TLS: in exports, over HTTP and in reports; reports go there too. An
//! authority that this machine does not trust is refused in words.
#![cfg(feature = "archive")]
#![allow(clippy::unwrap_used)]

mod support;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use support::http::{get, get_json, request};
use support::server::Server;
use support::{finish, services, simulate, tripline, wait_for};

const LIMIT: Duration = Duration::from_mins(2);

/// A bucket, and how it is reached.
struct Bucket {
    _far: support::servers::Far,
    port: u16,
    authority: PathBuf,
}

impl Bucket {
    fn open(test: &str, dir: &Path) -> Option<Self> {
        let home = dir.join("s3");
        std::fs::create_dir_all(&home).unwrap();
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scripts/test-servers/certificates.sh");
        assert!(Command::new(script).arg(&home).status().unwrap().success());
        let (far, port) = services::start(test, "s3", &home)?;
        let bucket = Self { _far: far, port, authority: home.join("ca.pem") };
        bucket.curl(&["-X", "PUT", &bucket.address("")]);
        Some(bucket)
    }

    fn address(&self, name: &str) -> String {
        format!("https://127.0.0.1:{}/archive{name}", self.port)
    }

    fn curl(&self, args: &[&str]) -> String {
        let signed = ["--aws-sigv4", "aws:amz:us-east-1:s3", "--user", "id:secret", "-sSf", "--cacert"];
        let done = Command::new("curl").args(signed).arg(&self.authority).args(args).output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8(done.stdout).unwrap()
    }

    /// The program with this archive, trusting this authority.
    fn program(&self, authority: &Path, args: &[&str]) -> Command {
        let mut command = tripline();
        command.env("SSL_CERT_FILE", authority).args(args);
        let endpoint = format!("archive.endpoint=\"https://127.0.0.1:{}\"", self.port);
        for set in [
            "archive.url=\"s3://archive/net\"",
            &endpoint,
            "archive.key_id=\"id\"",
            "archive.key=\"secret\"",
            "archive.every_s=1",
            "archive.timeout_s=5",
            "archive.retry_first_s=0.2",
            "reports.copy_to=\"s3://archive/reports\"",
        ] {
            command.args(["--set", set]);
        }
        command
    }
}

fn counted(port: u16, name: &str) -> f64 {
    let text = get(port, "/metrics").text();
    let line =
        text.lines().find(|line| line.starts_with("tripline_events_total{") && line.contains(&format!("\"{name}\"")));
    line.and_then(|line| line.rsplit(' ').next()).map_or(0.0, |value| value.parse().unwrap())
}

/// Rows of an export, sorted, without those of which one differs by what else is there.
fn exported(bucket: &Bucket, data: &str, what: &str, more: &[&str]) -> Vec<String> {
    let args: Vec<&str> =
        ["export", what, "-o", "csv", "--data-dir", data].into_iter().chain(more.iter().copied()).collect();
    let done = finish(&mut bucket.program(&bucket.authority, &args)).done();
    let mut rows: Vec<String> = done.text().lines().map(str::to_owned).collect();
    rows.sort();
    rows
}

/// Looks, 50 ms apart, in which no incident changes: longer than two publications.
const QUIET_LOOKS: u32 = 60;

/// Everything that is stored is published, and nothing more happens.
fn all_published(server: &Server) {
    let (mut before, mut quiet) = (0.0, 0);
    wait_for(LIMIT, "everything is archived", || {
        let sources = get_json(server.port, "/api/v1/sources");
        let ended = sources["sources"].as_array().unwrap().iter().all(|source| source["state"] == "ended");
        let [written, kept] = ["archive_flows_written", "store_flows_written"].map(|name| counted(server.port, name));
        let incidents = counted(server.port, "archive_incidents_written");
        quiet = if incidents > 0.0 && incidents == before { quiet + 1 } else { 0 };
        before = incidents;
        (ended && quiet > QUIET_LOOKS && kept > 0.0 && written >= kept).then_some(())
    });
}

/// The same rows; else how many there are and the first that differ.
fn same(found: &[String], wanted: &[String]) {
    let odd = found.iter().zip(wanted).find(|(found, wanted)| found != wanted);
    assert!(found == wanted, "{} rows instead of {}; {odd:#?}", found.len(), wanted.len());
}

/// A report of all times, made on the dashboard.
fn report(server: &Server) -> serde_json::Value {
    let body = r#"{"from":"2020-01-01T00:00:00Z","to":"2030-01-01T00:00:00Z"}"#;
    let made = request(server.port, "POST", "/api/v1/reports", Some(body)).unwrap();
    assert_eq!(made.status, 201, "{}", made.text());
    made.json()
}

#[test]
fn exports_and_reports_have_what_the_database_deleted() {
    let dir = tempfile::tempdir().unwrap();
    let Some(bucket) = Bucket::open("archive read by exports", dir.path()) else { return };
    let capture = simulate(dir.path(), "rows", "office,port_scan_fast", "2m");
    let (capture, data) = (capture.display().to_string(), dir.path().join("data").display().to_string());
    let play = ["run", "-r", &capture, "--speed", "max", "--data-dir", &data];
    // The authority is not one that is trusted here: nothing is sent, and it is said.
    let stranger = dir.path().join("s3/client.pem");
    let other = dir.path().join("other").display().to_string();
    let refused = ["run", "-r", &capture, "--speed", "max", "--data-dir", &other];
    let server = Server::start_as(bucket.program(&stranger, &refused).args(["--listen", "127.0.0.1:0"]));
    let said = wait_for(LIMIT, "the unknown authority is told", || {
        let health = get_json(server.port, "/api/v1/health");
        let mut items = health["items"].as_array().unwrap().iter();
        items.find(|item| item["name"] == "archive").map(|item| item["text"].as_str().unwrap().to_owned())
    });
    assert!(said.contains("s3://archive/net") && said.to_lowercase().contains("certificate"), "{said}");
    assert!(server.terminate().success());

    let server = Server::start_as(bucket.program(&bucket.authority, &play).args(["--listen", "127.0.0.1:0"]));
    all_published(&server);
    let (flows, incidents) = (exported(&bucket, &data, "flows", &[]), exported(&bucket, &data, "incidents", &[]));
    assert!(flows.len() > 1_000 && incidents.len() > 1, "{} flows, {} incidents", flows.len(), incidents.len());
    let before = report(&server);
    // What retention does later, done now.
    let database = rusqlite::Connection::open(Path::new(&data).join("tripline.db")).unwrap();
    database.busy_timeout(Duration::from_secs(30)).unwrap();
    database.execute("DELETE FROM flows WHERE row <= (SELECT (min(row) + max(row)) / 2 FROM flows)", []).unwrap();
    database.execute("DELETE FROM incidents", []).unwrap();
    assert!(exported(&bucket, &data, "flows", &["--local"]).len() < flows.len() * 2 / 3);
    assert_eq!(exported(&bucket, &data, "incidents", &["--local"]).len(), 1, "the head alone");
    same(&exported(&bucket, &data, "flows", &[]), &flows);
    same(&exported(&bucket, &data, "incidents", &[]), &incidents);
    let mut over_http: Vec<String> =
        get(server.port, "/api/v1/export/flows?format=csv").text().lines().map(str::to_owned).collect();
    over_http.sort();
    same(&over_http, &flows);

    // A report of a time whose incidents the database has no more, made here and found there.
    let made = report(&server);
    assert!(before["incidents"].as_u64().unwrap() > 0 && made["incidents"] == before["incidents"], "{before} {made}");
    let id = made["id"].as_str().unwrap();
    let copy = wait_for(LIMIT, "the copy", || {
        let listed = bucket.curl(&[&bucket.address("?list-type=2&prefix=reports/")]);
        [".html", ".json", ".csv"].iter().all(|end| listed.contains(&format!("{id}{end}"))).then_some(listed)
    });
    assert!(copy.contains("reports/"));
    let page = bucket.curl(&[&bucket.address(&format!("/reports/{id}.html"))]);
    assert_eq!(page, get(server.port, &format!("/api/v1/reports/{id}")).text());
    assert!(server.terminate().success());
    let report =
        ["report", "--since", "2020-01-01", "-w", "s3://archive/by/hand.json", "-o", "json", "--data-dir", &data];
    finish(&mut bucket.program(&bucket.authority, &report)).done();
    let page: serde_json::Value = serde_json::from_str(&bucket.curl(&[&bucket.address("/by/hand.json")])).unwrap();
    assert_eq!(page["schema"], "tripline.report/1");
}
