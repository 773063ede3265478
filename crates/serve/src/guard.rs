//! What stands before every handler: the Host header (against DNS rebinding), the origin of requests that change
//! something (against cross-site requests), and the security headers of every answer.

use crate::{AppState, Problem};
use axum::extract::{Request, State};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::net::IpAddr;

/// No script but our own files; styles may stand in attributes, which charts need.
const CONTENT_SECURITY_POLICY: &str = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
    object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

const HEADERS: [(HeaderName, &str); 8] = [
    (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (HeaderName::from_static("x-permitted-cross-domain-policies"), "none"),
    (
        HeaderName::from_static("permissions-policy"),
        "accelerometer=(), camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    ),
];

/// Under TLS browsers come back with TLS alone, for a year.
const ONLY_TLS: &str = "max-age=31536000";

/// The middleware.
pub(crate) async fn guard(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let api = request.uri().path().starts_with("/api/");
    let mut response = match check(&state.config.host_names, &request) {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    };
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        // What a handler has said already is stricter (a report's page).
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    if state.config.tls.is_set() {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static(ONLY_TLS));
    }
    if api {
        headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    }
    response
}

fn check(names: &[String], request: &Request) -> Result<(), Problem> {
    let host = text(request.headers(), &header::HOST).or_else(|| request.uri().authority().map(Authority::as_str));
    let Some(host) = host else { return Err(Problem::bad_request("the request has no Host header")) };
    if !host_allowed(host, names) {
        let detail = format!(
            "the host name in `{}` is not one of this dashboard; use its address, or add the name to serve.host_names",
            host.chars().take(100).collect::<String>()
        );
        return Err(Problem::new(StatusCode::MISDIRECTED_REQUEST, detail));
    }
    let reads = [Method::GET, Method::HEAD, Method::OPTIONS].contains(request.method());
    if reads || same_origin(request.headers(), host) {
        return Ok(());
    }
    Err(Problem::new(StatusCode::FORBIDDEN, "requests from other sites may not change anything here"))
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// Host without its port.
fn without_port(host: &str) -> &str {
    if let Some(rest) = host.strip_prefix('[') {
        return rest.split_once(']').map_or(host, |(ip, _)| ip);
    }
    host.rsplit_once(':').map_or(host, |(name, _)| name)
}

/// An address cannot be rebound; a name must be known.
fn host_allowed(host: &str, names: &[String]) -> bool {
    let name = without_port(host).trim_end_matches('.').to_ascii_lowercase();
    name == "localhost"
        || name.ends_with(".localhost")
        || name.parse::<IpAddr>().is_ok()
        || names.iter().any(|n| n.eq_ignore_ascii_case(&name))
}

/// Browsers say where a request comes from; other clients say nothing and are no danger (they hold no one's session).
fn same_origin(headers: &HeaderMap, host: &str) -> bool {
    if let Some(site) = text(headers, &HeaderName::from_static("sec-fetch-site")) {
        return site == "same-origin" || site == "none";
    }
    match text(headers, &header::ORIGIN) {
        None => !headers.contains_key(header::ORIGIN),
        Some(origin) => origin.split_once("://").is_some_and(|(_, from)| from.eq_ignore_ascii_case(host)),
    }
}

#[cfg(test)]
mod tests {
    use super::host_allowed;

    #[test]
    fn names_are_known_or_addresses() {
        let names = ["watch.example.org".to_owned()];
        for yes in [
            "localhost",
            "LOCALHOST:7070",
            "a.localhost:1",
            "127.0.0.1",
            "127.0.0.1:7070",
            "[::1]:7070",
            "[::1]",
            "192.0.2.1",
            "watch.example.org:80",
            "Watch.Example.org.",
        ] {
            assert!(host_allowed(yes, &names), "{yes}");
        }
        for no in
            ["", "evil.example", "localhost.evil.example", "127.0.0.1.evil.example:7070", "watch.example.org.evil"]
        {
            assert!(!host_allowed(no, &names), "{no}");
        }
    }
}
