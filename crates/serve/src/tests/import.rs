//! Handing a model over: which forms are understood, and what is said of the others.

use super::double::*;
use crate::api::REQUEST_BYTES_MAX;
use axum::body::Body;
use axum::http::{Request, Response, StatusCode};

const BOUNDARY: &str = "a-line-between";
const PATH: &str = "/api/v1/models/import";

/// A form of fields: name, file name, content.
fn form(parts: &[(&str, &str, &[u8])]) -> Vec<u8> {
    let mut body = Vec::new();
    for (field, file, bytes) in parts {
        let head = format!(
            "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{field}\"; filename=\"{file}\"\r\n\
             Content-Type: application/octet-stream\r\n\r\n"
        );
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(bytes);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(format!("--{BOUNDARY}--\r\n").as_bytes());
    body
}

async fn send(body: Vec<u8>) -> Response<Body> {
    let kind = format!("multipart/form-data; boundary={BOUNDARY}");
    let request = Request::post(PATH).header("host", "localhost").header("content-type", kind);
    world().send(request.body(Body::from(body)).unwrap()).await
}

#[tokio::test]
async fn a_model_and_its_manifest_come_in_any_order() {
    let (onnx, manifest) = (("file", "C:\\models\\mine.onnx", &b"ONNX"[..]), ("file", "mine.toml", &b"words"[..]));
    for parts in [[onnx, manifest], [manifest, onnx]] {
        let answer = send(form(&parts)).await;
        assert_eq!(answer.status(), StatusCode::OK);
        let models: serde_json::Value = serde_json::from_str(&text(answer).await).unwrap();
        let member = &models["members"][0];
        assert_eq!((&member["name"], &member["looks_at"]), (&"words".into(), &"mine.onnx".into()), "no folders");
    }
}

#[tokio::test]
async fn every_other_form_is_refused_in_words() {
    let (onnx, manifest) = (("file", "mine.onnx", &b"ONNX"[..]), ("file", "mine.toml", &b"words"[..]));
    for (parts, status, words) in [
        (vec![onnx], 400, "no manifest"),
        (vec![manifest], 400, "no ONNX file"),
        (vec![], 400, "no ONNX file"),
        (vec![onnx, onnx, manifest], 400, "two files are ONNX files"),
        (vec![("file", "mine.pickle", b"x")], 400, "mine.pickle"),
        (vec![("model", "mine.onnx", b"x")], 400, "no field `model`"),
        (vec![onnx, ("file", "mine.toml", b"\xff\xfe")], 400, "not text"),
        (vec![("file", "mine.onnx", b""), manifest], 422, "mine.onnx: it is empty"),
        (vec![onnx, ("file", "mine.toml", &vec![b'x'; 2 << 20])], 413, "mine.toml"),
    ] {
        let told = problem(send(form(&parts)).await, status, words).await;
        assert!(told["detail"].as_str().unwrap().contains(words), "{told}");
    }
    let cut = form(&[onnx, manifest]);
    let told = problem(send(cut[..cut.len() / 2].to_vec()).await, 400, "cut").await;
    assert!(told["detail"].as_str().unwrap().contains("cannot be read"), "{told}");
    let no_form = world().post(PATH, "{}").await;
    problem(no_form, 400, "no form").await;
}

#[tokio::test]
async fn a_request_larger_than_any_model_is_not_read_to_its_end() {
    let large = vec![0_u8; REQUEST_BYTES_MAX];
    let told = problem(send(form(&[("file", "mine.onnx", &large)])).await, 413, "large").await;
    assert!(told["detail"].as_str().unwrap().contains("larger than the"), "{told}");
}

#[tokio::test]
async fn other_sites_hand_over_nothing() {
    let request = Request::post(PATH).header("host", "localhost").header("origin", "http://evil.example");
    problem(world().send(request.body(Body::empty()).unwrap()).await, 403, "other site").await;
}
