//! The document that the page's types are generated from is the one in the repository.

use super::double::*;
use serde_json::Value;

/// Set it to write the file anew.
const UPDATE: &str = "UPDATE_OPENAPI";

#[test]
fn the_checked_in_document_is_the_handlers() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/openapi.json");
    let made = crate::openapi_json();
    if std::env::var_os(UPDATE).is_some() {
        std::fs::write(path, &made).unwrap();
    }
    let kept = std::fs::read_to_string(path).unwrap_or_default();
    assert!(kept == made, "crates/serve/openapi.json is out of date: run `{UPDATE}=1 cargo test -p serve openapi`");
}

#[tokio::test]
async fn every_endpoint_of_the_reference_page_is_documented() {
    let document = world().json("/openapi.json").await;
    for (path, method) in [
        ("/api/v1/summary", "get"),
        ("/api/v1/live", "get"),
        ("/api/v1/flows", "get"),
        ("/api/v1/flows/{id}", "get"),
        ("/api/v1/flows/scatter", "get"),
        ("/api/v1/incidents", "get"),
        ("/api/v1/incidents/{id}", "get"),
        ("/api/v1/incidents/{id}", "patch"),
        ("/api/v1/incidents/{id}/pcap", "get"),
        ("/api/v1/hosts", "get"),
        ("/api/v1/hosts/{ip}", "get"),
        ("/api/v1/hosts/{ip}", "patch"),
        ("/api/v1/hosts/{ip}/course", "get"),
        ("/api/v1/suppressions", "post"),
        ("/api/v1/suppressions/preview", "post"),
        ("/api/v1/settings", "get"),
        ("/api/v1/settings", "patch"),
        ("/api/v1/settings/preview", "post"),
        ("/api/v1/setup", "get"),
        ("/api/v1/setup", "post"),
        ("/api/v1/setup/preview", "post"),
        ("/api/v1/setup/restart", "post"),
        ("/api/v1/presets", "get"),
        ("/api/v1/packets", "get"),
        ("/api/v1/packets/{id}", "get"),
        ("/api/v1/packets/pcap", "get"),
        ("/api/v1/series", "get"),
        ("/api/v1/incidents/{id}/feedback", "get"),
        ("/api/v1/suppressions", "get"),
        ("/api/v1/models/import", "post"),
        ("/api/v1/models/questions", "get"),
        ("/api/v1/suppressions/{id}", "delete"),
        ("/api/v1/models", "get"),
        ("/api/v1/models/retrain", "post"),
        ("/api/v1/models/rollback", "post"),
        ("/api/v1/notifications", "get"),
        ("/api/v1/notifications/test", "post"),
        ("/api/v1/notifications/retry", "post"),
        ("/api/v1/top", "get"),
        ("/api/v1/graph", "get"),
        ("/api/v1/countries", "get"),
        ("/api/v1/incidents/counts", "get"),
        ("/api/v1/health", "get"),
        ("/api/v1/export/{what}", "get"),
        ("/api/v1/reports", "get"),
        ("/api/v1/reports", "post"),
        ("/api/v1/reports/{id}", "get"),
        ("/api/v1/reports/{id}", "delete"),
        ("/api/v1/scans", "get"),
        ("/api/v1/scans", "post"),
        ("/api/v1/scans/state", "get"),
        ("/api/v1/scans/import", "post"),
        ("/api/v1/scans/{id}", "get"),
        ("/api/v1/scans/{id}/hosts", "get"),
        ("/api/v1/scans/{id}/diff", "get"),
        ("/api/v1/scans/{id}/cancel", "post"),
        ("/api/v1/assets", "get"),
        ("/api/v1/assets/{key}", "get"),
        ("/metrics", "get"),
        ("/healthz", "get"),
        ("/readyz", "get"),
    ] {
        let operation = &document["paths"][path][method];
        assert!(operation["summary"].is_string() && operation["responses"].is_object(), "{method} {path}");
    }
    references_resolve(&document, &document);
}

fn references_resolve(document: &Value, part: &Value) {
    match part {
        Value::Object(map) => {
            if let Some(Value::String(reference)) = map.get("$ref") {
                let pointer = reference.trim_start_matches('#');
                assert!(document.pointer(pointer).is_some(), "{reference} is not in the document");
            }
            map.values().for_each(|v| references_resolve(document, v));
        }
        Value::Array(list) => list.iter().for_each(|v| references_resolve(document, v)),
        _ => {}
    }
}
