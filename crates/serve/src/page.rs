//! The dashboard's files, embedded in the program. Files with a hash in their name are kept by browsers for ever, the
//! page itself never without asking. Every path that names no file is the page: it finds its own way.

use crate::Problem;
use axum::body::Body;
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use rust_embed::{Embed, EmbeddedFile};

#[derive(Embed)]
#[folder = "assets/"]
struct Assets;

const PAGE: &str = "index.html";
/// The build puts files with a content hash in their name here.
const HASHED: &str = "assets/";

/// Everything that is no endpoint.
pub(crate) async fn page(method: Method, uri: Uri, headers: HeaderMap) -> Response {
    if method != Method::GET && method != Method::HEAD {
        return not_allowed(method, uri).await;
    }
    let path = uri.path().trim_start_matches('/');
    if path.starts_with("api/") || path == "api" {
        return Problem::not_found(format!("there is no {}; /openapi.json lists what there is", uri.path()))
            .into_response();
    }
    if let Some(file) = Assets::get(path).filter(|_| !path.is_empty()) {
        return answer(path, &file, &headers);
    }
    let looks_like_file = path.rsplit('/').next().is_some_and(|name| name.contains('.'));
    match Assets::get(PAGE) {
        Some(file) if !looks_like_file => answer(PAGE, &file, &headers),
        _ => Problem::not_found(format!("there is no file {}", uri.path())).into_response(),
    }
}

/// A path that is there, with a method that is not.
pub(crate) async fn not_allowed(method: Method, uri: Uri) -> Response {
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, format!("{} does not take {method}", uri.path())).into_response()
}

fn answer(path: &str, file: &EmbeddedFile, headers: &HeaderMap) -> Response {
    let hash = file.metadata.sha256_hash();
    let half = hash.first_chunk().map_or(0, |bytes| u128::from_be_bytes(*bytes));
    let tag = format!("\"{half:032x}\"");
    let cache = if path.starts_with(HASHED) { "public, max-age=31536000, immutable" } else { "no-cache" };
    let known = headers.get(header::IF_NONE_MATCH).is_some_and(|v| v.as_bytes() == tag.as_bytes());
    let common = [(header::ETAG, tag), (header::CACHE_CONTROL, cache.to_owned())];
    if known {
        return (StatusCode::NOT_MODIFIED, common).into_response();
    }
    let kind = file.metadata.mimetype();
    let kind = if kind.starts_with("text/") { format!("{kind}; charset=utf-8") } else { kind.to_owned() };
    (common, [(header::CONTENT_TYPE, kind)], Body::from(file.data.to_vec())).into_response()
}
