//! What stands between the guard and the handlers: who asks, whether that may be done, whether a page of ours sent it; and afterwards the
//! line of the audit log. Owns the order of these questions.

use super::asking::Asking;
use super::identity::{Identity, Unknown, now};
use super::notes::Notes;
use super::roles::{Need, need, only_reads};
use super::secret;
use crate::{AppState, Problem};
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use store::access::AuditRow;

/// What pages of ours put beside every change.
pub(crate) const CSRF_HEADER: &str = "x-tripline-csrf";
/// Bytes of a JSON body that the audit log shows where nobody said more.
const BODY_BYTES_MAX: usize = 2_048;
/// Fields whose values are not shown.
const SECRET_FIELDS: [&str; 5] = ["password", "secret", "token", "key", "current"];

/// The middleware.
pub(crate) async fn admit(State(state): State<AppState>, mut request: Request, next: Next) -> Response {
    let asking = Asking::read(request.headers(), request.extensions(), &state.config, &state.auth.proxies);
    let Some(asking) = asking else {
        return Problem::new(StatusCode::FORBIDDEN, "it is not known where this request comes from").into_response();
    };
    let template = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
    let (operation, need) = need(request.method(), template.as_deref(), request.uri().path());
    if need == Need::Open {
        request.extensions_mut().insert(asking);
        return next.run(request).await;
    }
    let identity = match identify(&state, &asking).await {
        Ok(Ok(identity)) => identity,
        Ok(Err(unknown)) => return unknown_answer(&unknown, request.method(), request.uri(), request.headers()),
        Err(problem) => return problem.into_response(),
    };
    let allowed = allow(&identity, need, request.method(), request.headers());
    let changes = !only_reads(request.method());
    let row = AuditRow {
        ts: now(),
        who: identity.who(),
        role: identity.role_name().to_owned(),
        address: asking.ip.to_string(),
        what: operation.to_owned(),
        subject: request.uri().path().to_owned(),
        ..AuditRow::default()
    };
    if let Err(problem) = allowed {
        if changes {
            write(&state, AuditRow { text: problem.detail.clone(), ..row }).await;
        }
        return problem.into_response();
    }
    request.extensions_mut().insert(asking);
    request.extensions_mut().insert(identity);
    if !changes {
        return next.run(request).await;
    }
    watched(&state, row, request, next).await
}

async fn identify(state: &AppState, asking: &Asking) -> Result<Result<Identity, Unknown>, Problem> {
    let (state, asking) = (state.clone(), asking.clone());
    let asked = tokio::task::spawn_blocking(move || state.auth.identify(&asking, &state.config)).await;
    asked.unwrap_or_else(|e| Err(Problem::new(StatusCode::INTERNAL_SERVER_ERROR, format!("the request failed: {e}"))))
}

/// A person who opens a page is led to the log-in; a program is told.
fn unknown_answer(unknown: &Unknown, method: &Method, uri: &Uri, headers: &HeaderMap) -> Response {
    let html = headers.get(header::ACCEPT).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let page = method == Method::GET && html.contains("text/html") && !uri.path().starts_with("/api/");
    if page && *unknown != Unknown::NoUsers {
        let place = uri.path_and_query().map_or("/", |place| place.as_str());
        let to = format!("/login?next={}", percent_encoded(place));
        let headers = [(header::LOCATION, to), (header::CACHE_CONTROL, "no-store".to_owned())];
        return (StatusCode::SEE_OTHER, headers).into_response();
    }
    let mut response = unknown.problem().into_response();
    if response.status() == StatusCode::UNAUTHORIZED {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"tripline\""));
    }
    response
}

fn hex(half: u8) -> char {
    char::from_digit(half.into(), 16).unwrap_or('0').to_ascii_uppercase()
}

fn percent_encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.extend(['%', hex(byte >> 4), hex(byte & 15)]);
        }
    }
    out
}

fn allow(identity: &Identity, need: Need, method: &Method, headers: &HeaderMap) -> Result<(), Problem> {
    let forbidden = |text: String| Err(Problem::new(StatusCode::FORBIDDEN, text));
    if let Need::Role(role) = need
        && identity.role < role
    {
        let (is, must) = (identity.role.name(), role.name());
        return forbidden(format!("this needs the role {must}; {} is {is}", identity.name));
    }
    if only_reads(method) {
        return Ok(());
    }
    if identity.read_only {
        return forbidden(format!("the token {} may only read", identity.name));
    }
    // Browsers send a session along with any request to this address; only our own page can read what belongs beside it.
    let Some(wanted) = &identity.csrf else { return Ok(()) };
    let shown = headers.get(CSRF_HEADER).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if secret::same(shown, wanted) {
        return Ok(());
    }
    forbidden(format!(
        "the header {CSRF_HEADER} is missing or of another log-in; load the page again (GET /session tells it)"
    ))
}

/// Runs a change and writes down what became of it.
async fn watched(state: &AppState, mut row: AuditRow, request: Request, next: Next) -> Response {
    let (request, body) = with_body(request).await;
    let notes = Notes::default();
    let response = notes.collect(next.run(request)).await;
    row.done = response.status().is_success();
    let said = notes.text();
    row.text = match (row.done, said.is_empty()) {
        (true, true) => body.as_deref().map(shown).unwrap_or_default(),
        (false, true) => format!("answered {}", response.status().as_u16()),
        _ => said,
    };
    write(state, row).await;
    response
}

/// The body too, where it is small and JSON.
async fn with_body(request: Request) -> (Request, Option<Bytes>) {
    if !is_small_json(request.headers()) {
        return (request, None);
    }
    let (parts, body) = request.into_parts();
    // A body that breaks off is the handler's to refuse: it gets what came.
    let bytes = to_bytes(body, BODY_BYTES_MAX).await.unwrap_or_default();
    (Request::from_parts(parts, Body::from(bytes.clone())), Some(bytes))
}

fn is_small_json(headers: &HeaderMap) -> bool {
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let is_json = text(header::CONTENT_TYPE).is_some_and(|kind| kind.starts_with("application/json"));
    let length = text(header::CONTENT_LENGTH).and_then(|text| text.parse::<usize>().ok());
    is_json && length.is_some_and(|length| length <= BODY_BYTES_MAX)
}

/// A body without what is secret in it.
fn shown(body: &[u8]) -> String {
    let Ok(mut value) = serde_json::from_slice::<serde_json::Value>(body) else { return String::new() };
    hide(&mut value);
    value.to_string()
}

fn hide(value: &mut serde_json::Value) {
    match value {
        serde_json::Value::Object(fields) => {
            for (name, value) in fields {
                let lower = name.to_lowercase();
                if SECRET_FIELDS.iter().any(|secret| lower.contains(secret)) {
                    *value = "********".into();
                } else {
                    hide(value);
                }
            }
        }
        serde_json::Value::Array(items) => items.iter_mut().for_each(hide),
        _ => {}
    }
}

async fn write(state: &AppState, row: AuditRow) {
    let auth = std::sync::Arc::clone(&state.auth);
    // A panic there has been reported already.
    drop(tokio::task::spawn_blocking(move || auth.write_down(&row)).await);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_not_shown() {
        let body =
            br#"{"name":"ann","password":"hunter22hunter","nested":{"client_secret":"s","list":[{"apiToken":"t"}]}}"#;
        let text = shown(body);
        assert!(
            text.contains("ann") && !text.contains("hunter22") && !text.contains("\"s\"") && !text.contains("\"t\""),
            "{text}"
        );
        assert_eq!(shown(b"no json"), "");
    }

    #[test]
    fn places_are_written_so_that_they_come_back() {
        assert_eq!(percent_encoded("/flows?q=a b&x=\"ä"), "/flows%3Fq%3Da%20b%26x%3D%22%C3%A4");
    }
}
