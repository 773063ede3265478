//! The log-in page: one file of each kind, beside the dashboard's own and before it, so that nothing of that is shown to strangers. Owns
//! its policy: not one script, style or picture but these files.

use crate::AppState;
use axum::extract::State;
use axum::http::{HeaderName, header};
use axum::response::{IntoResponse, Response};
use axum::{Router, routing::get};

const PAGE: &str = include_str!("login/login.html");
const STYLE: &str = include_str!("login/login.css");
const SCRIPT: &str = include_str!("login/login.js");
/// Where the button of the identity provider stands in the page.
const PROVIDER: &str = "<!-- provider -->";
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; \
    form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

pub(crate) fn routes() -> Router<AppState> {
    Router::new().route("/login", get(page)).route("/login.css", get(style)).route("/login.js", get(script))
}

fn file(kind: &'static str, text: impl IntoResponse) -> Response {
    let policy: (HeaderName, &str) = (header::CONTENT_SECURITY_POLICY, POLICY);
    ([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "no-cache"), policy], text).into_response()
}

async fn page(State(state): State<AppState>) -> Response {
    let button = if cfg!(feature = "oidc") && state.config.oidc.is_set() {
        let text = escaped(&state.config.oidc.button);
        format!("<p class=\"or\">or</p><a class=\"button\" id=\"provider\" href=\"/api/v1/login/oidc\">{text}</a>")
    } else {
        String::new()
    };
    file("text/html; charset=utf-8", PAGE.replace(PROVIDER, &button))
}

async fn style() -> Response {
    file("text/css; charset=utf-8", STYLE)
}

async fn script() -> Response {
    file("text/javascript; charset=utf-8", SCRIPT)
}

/// Text inside an element or an attribute.
pub(crate) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out
}
