//! Reports over HTTP: sent where nothing of them can run; refused in words.

use super::double::*;
use crate::shapes::{ReportAsked, ReportRow, Reports};
use crate::{LiveError, ReportFormat, ReportKeeper};

/// Keeps one report of a fixed name.
pub(super) struct OneReport;

impl ReportKeeper for OneReport {
    fn list(&self) -> Reports {
        let row = ReportRow {
            id: "r1".into(),
            from: at(0),
            to: at(60),
            formats: vec!["html".into()],
            ..ReportRow::default()
        };
        Reports { reports: vec![row], every: "day".into(), ..Reports::default() }
    }
    fn make(&self, asked: &ReportAsked) -> Result<ReportRow, LiveError> {
        if asked.from >= asked.to {
            return Err(LiveError::Refused("from is not before to".into()));
        }
        Ok(ReportRow { id: "r2".into(), from: asked.from, to: asked.to, ..ReportRow::default() })
    }
    fn read(&self, id: &str, format: ReportFormat) -> Result<Vec<u8>, LiveError> {
        if id == "r1" {
            Ok(format.name().as_bytes().to_vec())
        } else {
            Err(LiveError::NotFound("no such report".into()))
        }
    }
    fn remove(&self, id: &str) -> Result<(), LiveError> {
        self.read(id, ReportFormat::Html).map(drop)
    }
}

#[tokio::test]
async fn a_report_is_a_page_on_which_nothing_runs() {
    let world = world();
    let list = world.json("/api/v1/reports").await;
    assert_eq!((&list["reports"][0]["id"], &list["every"]), (&"r1".into(), &"day".into()));
    for (query, kind, place) in [
        ("", "text/html", "inline"),
        ("?format=json", "application/json", "inline"),
        ("?format=csv&download=true", "text/csv", "attachment"),
    ] {
        let response = world.get(&format!("/api/v1/reports/r1{query}")).await;
        let header = |name: &str| response.headers()[name].to_str().unwrap().to_owned();
        assert!(
            header("content-type").starts_with(kind) && header("content-disposition").starts_with(place),
            "{query}"
        );
        let policy = header("content-security-policy");
        assert!(policy.contains("default-src 'none'") && policy.contains("sandbox") && !policy.contains("script-src"));
        assert_eq!(header("x-frame-options"), "DENY");
    }
    assert_eq!(world.problem("/api/v1/reports/none", 404).await["detail"], "no such report");
    world.problem("/api/v1/reports/r1?format=pdf", 400).await;
}

#[tokio::test]
async fn rows_are_told_before_they_come_and_every_form_has_its_kind() {
    let world = world();
    let response = world.get("/api/v1/export/flows?format=csv").await;
    assert_eq!(response.headers()["x-tripline-rows"], "250");
    // Read to its end: two run at a time, and one that nobody reads ends when it notices.
    assert_eq!(text(response).await.lines().count(), 251);
    for (path, kind) in [
        ("flows?format=jsonl", "application/x-ndjson"),
        ("flows?format=parquet", "application/vnd.apache.parquet"),
        ("flows?format=zeek", "text/tab-separated-values"),
        ("alerts", "application/x-ndjson"),
        ("scans", "text/csv"),
        ("series?where=metric:bytes", "text/csv"),
    ] {
        let response = world.get(&format!("/api/v1/export/{path}")).await;
        assert_eq!(response.status(), 200, "{path}");
        assert!(response.headers()["content-type"].to_str().unwrap().starts_with(kind), "{path}");
        assert!(response.headers()["content-disposition"].to_str().unwrap().starts_with("attachment"), "{path}");
        bytes(response).await;
    }
    let refused = world.problem("/api/v1/export/hosts?format=eve", 400).await;
    assert!(refused["detail"].as_str().unwrap().contains("csv, json, jsonl, parquet"), "{refused}");
    let none = world.problem("/api/v1/export/incidents?format=pcapng&q=kind:custom", 404).await;
    assert!(none["detail"].as_str().unwrap().contains("no incident matches"), "{none}");
}
