//! Scans and the inventory: what is shown, and which refusal has which status.

use super::double::*;
use crate::LiveError;
use crate::scans::{DiffFormat, ScanKeeper};
use crate::shapes::{ScanAsked, ScansState};
use record::scan::{Scan, ScannedHost};
use record::{Asset, InventoryChange, ScanProgress, ScanRow, ScanState};
use serde_json::json;
use store::{ScanWrite, StoreBatch};

/// A keeper with one scan that runs.
pub(super) struct Keeper;

fn row(id: &str, state: ScanState, seconds: i64) -> ScanRow {
    ScanRow { id: id.into(), state, started: at(seconds), targets: vec!["10.0.0.0/24".into()], ..ScanRow::default() }
}

impl ScanKeeper for Keeper {
    fn state(&self) -> Result<ScansState, LiveError> {
        Ok(ScansState { allow: vec!["10.0.0.0/24".into()], missed_scans_down: 3, ..ScansState::default() })
    }
    fn running(&self) -> Vec<ScanRow> {
        let progress = Some(ScanProgress { percent: 40.0, ..ScanProgress::default() });
        vec![ScanRow { progress, ..row("c", ScanState::Running, 3) }]
    }
    fn begin(&self, asked: &ScanAsked) -> Result<ScanRow, LiveError> {
        match asked.targets.first().map(String::as_str) {
            Some("outside") => Err(LiveError::Forbidden("not inside scan.allow".into())),
            Some("busy") => Err(LiveError::Conflict("one runs".into())),
            Some("-x") => Err(LiveError::Refused("no target".into())),
            _ => Ok(row("d", ScanState::Running, 4)),
        }
    }
    fn cancel(&self, id: &str) -> Result<ScanRow, LiveError> {
        self.running().into_iter().find(|row| row.id == id).ok_or_else(|| LiveError::NotFound("none".into()))
    }
    fn import(&self, xml: &[u8]) -> Result<ScanRow, LiveError> {
        if xml.starts_with(b"<nmaprun") {
            Ok(row("e", ScanState::Done, 5))
        } else {
            Err(LiveError::Refused("no".into()))
        }
    }
    fn diff(&self, before: &Scan, after: &Scan, format: DiffFormat) -> String {
        json!({ "before": before.args, "after": after.args, "format": format!("{format:?}") }).to_string()
    }
}

fn scanned() -> World {
    let world = world();
    let of = |id: &str, seconds, previous: Option<&str>| {
        let scan = Scan { args: id.to_owned(), hosts: vec![ScannedHost::default(); 3], ..Scan::default() };
        let row = ScanRow { previous: previous.map(str::to_owned), ..row(id, ScanState::Done, seconds) };
        ScanWrite { row, scan: Some(Box::new(scan)), ..ScanWrite::default() }
    };
    let ip = "10.0.0.1";
    let asset = Asset { key: ip.into(), addresses: vec![ip.parse().unwrap()], ..Asset::default() };
    let mut second = of("b", 2, Some("a"));
    second.inventory = InventoryChange { assets: vec![asset], ..InventoryChange::default() };
    let running = ScanWrite { row: row("c", ScanState::Running, 3), ..ScanWrite::default() };
    world.store.write(StoreBatch { scans: vec![of("a", 1, None), second, running], ..StoreBatch::default() }).unwrap();
    world.store.flush().unwrap();
    world
}

#[tokio::test]
async fn scans_and_assets_are_shown() {
    let world = scanned();
    let list = world.json("/api/v1/scans").await;
    assert_eq!((&list["total"], &list["items"][0]["progress"]["percent"]), (&json!(3), &json!(40.0)));
    assert_eq!(world.json("/api/v1/scans?q=state:done&limit=1").await["items"][0]["id"], "b");
    assert_eq!(world.json("/api/v1/scans/state").await["missed_scans_down"], 3);
    assert_eq!(keys(&world.json("/api/v1/scans/b").await), names("scan findings"));
    let hosts = world.json("/api/v1/scans/b/hosts?limit=2").await;
    assert_eq!((&hosts["total"], &hosts["next_cursor"]), (&json!(3), &json!("1")));
    let diff = world.json("/api/v1/scans/b/diff").await;
    assert_eq!((&diff["before"], &diff["after"], &diff["format"]), (&json!("a"), &json!("b"), &json!("Json")));
    let text = world.get("/api/v1/scans/a/diff?with=b&format=text").await;
    assert!(text.headers()["content-type"].to_str().unwrap().starts_with("text/plain"));
    let assets = world.json("/api/v1/assets?sort=ports&q=ip:10.0.0.0/8").await;
    assert_eq!((&assets["total"], &assets["items"][0]["seen_by"]), (&json!(1), &json!("both")));
    let detail = world.json("/api/v1/assets/10.0.0.1").await;
    assert_eq!(keys(&detail), names("asset ports history findings"));
    assert_eq!(world.json("/api/v1/hosts/10.0.0.1").await["asset"]["key"], "10.0.0.1");
}

#[tokio::test]
async fn each_refusal_has_its_status() {
    let world = scanned();
    for (path, status) in [
        ("/api/v1/scans/x", 404),
        ("/api/v1/scans/x/hosts", 404),
        ("/api/v1/scans/x/diff", 404),
        ("/api/v1/scans/a/diff", 404),
        ("/api/v1/scans/b/diff?with=x", 404),
        ("/api/v1/scans/b/diff?with=c", 404),
        ("/api/v1/scans/b/diff?format=pdf", 400),
        ("/api/v1/scans/b/hosts?cursor=x", 400),
        ("/api/v1/scans/b/hosts?limit=501", 400),
        ("/api/v1/assets/x", 404),
        ("/api/v1/assets?sort=size", 400),
        ("/api/v1/assets?q=nothing:1", 400),
    ] {
        world.problem(path, status).await;
    }
    for (body, status) in [
        (r#"{"targets": ["outside"]}"#, 403),
        (r#"{"targets": ["busy"]}"#, 409),
        (r#"{"targets": ["-x"]}"#, 422),
        (r#"{"backend": "masscan"}"#, 422),
        (r#"{"arguments": "-sC"}"#, 422),
        ("{", 400),
    ] {
        problem(world.post("/api/v1/scans", body).await, status, body).await;
    }
    assert_eq!(world.post("/api/v1/scans", "{}").await.status(), 202);
    assert_eq!(world.post("/api/v1/scans/c/cancel", "").await.status(), 202);
    problem(world.post("/api/v1/scans/x/cancel", "").await, 404, "cancel").await;
    assert_eq!(world.post("/api/v1/scans/import", "<nmaprun/>").await.status(), 201);
    problem(world.post("/api/v1/scans/import", "no").await, 422, "import").await;
}
