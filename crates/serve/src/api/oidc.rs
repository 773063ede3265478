//! `GET /login/oidc`, `/login/oidc/callback`: to the identity provider and back. Owns the two redirects and the cookie between them; what
//! is asked and believed is `auth::oidc`'s.

use crate::auth::Asking;
use crate::{AppState, Problem};
use axum::Extension;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::HeaderMap;
use axum::response::Response;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(begin)).routes(routes!(callback))
}

/// Where to go afterwards.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[cfg_attr(not(feature = "oidc"), allow(dead_code))]
struct BeginParams {
    /// Place of this dashboard to come back to.
    next: Option<String>,
}

/// What a provider sends a browser back with.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[cfg_attr(not(feature = "oidc"), allow(dead_code))]
struct CallbackParams {
    /// As it was sent there.
    state: Option<String>,
    /// What a token is given for.
    code: Option<String>,
    /// Why there is none.
    error: Option<String>,
}

/// Sends the browser to the identity provider.
#[utoipa::path(get, path = "/login/oidc", operation_id = "login_oidc", tag = "access", params(BeginParams), responses(
    (status = 303, description = "to the identity provider, or back to the log-in page when that does not answer"),
    (status = 400, body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json")))]
async fn begin(
    State(state): State<AppState>,
    Extension(asking): Extension<Asking>,
    params: Result<Query<BeginParams>, QueryRejection>,
) -> Result<Response, Problem> {
    let params = params?.0;
    if !state.config.oidc.is_set() {
        return Err(Problem::not_found("no identity provider is set (serve.oidc.issuer)"));
    }
    flow::begin(state, asking, params).await
}

/// Comes back from there: a session begins, or the log-in page says that none did.
#[utoipa::path(get, path = "/login/oidc/callback", operation_id = "login_oidc_callback", tag = "access", params(CallbackParams), responses(
    (status = 200, description = "a page that leads on, with the session's cookie", body = String, content_type = "text/html"),
    (status = 303, description = "to the log-in page"),
    (status = 400, body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json")))]
async fn callback(
    State(state): State<AppState>,
    Extension(asking): Extension<Asking>,
    headers: HeaderMap,
    params: Result<Query<CallbackParams>, QueryRejection>,
) -> Result<Response, Problem> {
    let params = params?.0;
    if !state.config.oidc.is_set() {
        return Err(Problem::not_found("no identity provider is set (serve.oidc.issuer)"));
    }
    flow::callback(state, asking, &headers, params).await
}

#[cfg(not(feature = "oidc"))]
mod flow {
    //! Of a build without it.
    use super::{AppState, Asking, BeginParams, CallbackParams, HeaderMap, Problem, Response};

    const NONE: &str = "this build has no log-in by identity providers; build with the feature oidc";

    pub(super) async fn begin(_: AppState, _: Asking, _: BeginParams) -> Result<Response, Problem> {
        Err(Problem::not_found(NONE))
    }
    pub(super) async fn callback(
        _: AppState,
        _: Asking,
        _: &HeaderMap,
        _: CallbackParams,
    ) -> Result<Response, Problem> {
        Err(Problem::not_found(NONE))
    }
}

#[cfg(feature = "oidc")]
mod flow {
    //! The two steps.
    use super::super::session::begin as begin_session;
    use super::{AppState, Asking, BeginParams, CallbackParams, HeaderMap, Problem, Response};
    use crate::auth::{self, Via};
    use crate::login_page::escaped;
    use axum::http::{StatusCode, header};
    use axum::response::IntoResponse;
    use store::access::{AuditRow, User};

    /// What the browser shows when it comes back, so that nobody else's log-in can be put on it.
    const BROWSER: &str = "tripline-oidc";
    /// Seconds that it keeps it.
    const BROWSER_S: u32 = 600;
    /// Bytes of a state, a code or a place.
    const TEXT_BYTES_MAX: usize = 2_048;

    fn back() -> Response {
        let to = [(header::LOCATION, "/login?said=provider"), (header::CACHE_CONTROL, "no-store")];
        (StatusCode::SEE_OTHER, to).into_response()
    }

    async fn refuse(state: &AppState, asking: &Asking, who: String, why: String) -> Result<Response, Problem> {
        let row = AuditRow {
            ts: auth::now(),
            who,
            address: asking.ip.to_string(),
            what: "login".to_owned(),
            text: format!("identity provider: {why}"),
            ..AuditRow::default()
        };
        tracing::warn!("log-in by the identity provider: {why}");
        let write = move |auth: &auth::Auth| {
            auth.write_down(&row);
            Ok(())
        };
        state.access(write).await?;
        Ok(back())
    }

    pub(super) async fn begin(state: AppState, asking: Asking, params: BeginParams) -> Result<Response, Problem> {
        let next = params.next.filter(|next| is_place(next)).unwrap_or_else(|| "/".to_owned());
        let (browser, config) = (auth::new_secret()?, state.config.clone());
        let shown = browser.clone();
        let sent = state.access(move |auth| Ok(auth.oidc.begin(&config.oidc, next, shown))).await?;
        match sent {
            Err(why) => refuse(&state, &asking, String::new(), why).await,
            Ok(url) => {
                // Lax: it comes back by a link of another site.
                let secure = if asking.is_secure { "; Secure" } else { "" };
                let path = "/api/v1/login/oidc";
                let cookie =
                    format!("{BROWSER}={browser}; Path={path}; HttpOnly; SameSite=Lax; Max-Age={BROWSER_S}{secure}");
                let headers = [
                    (header::LOCATION, url),
                    (header::SET_COOKIE, cookie),
                    (header::CACHE_CONTROL, "no-store".to_owned()),
                ];
                Ok((StatusCode::SEE_OTHER, headers).into_response())
            }
        }
    }

    pub(super) async fn callback(
        state: AppState,
        asking: Asking,
        headers: &HeaderMap,
        params: CallbackParams,
    ) -> Result<Response, Problem> {
        let short = |text: Option<String>| text.filter(|text| text.len() <= TEXT_BYTES_MAX).unwrap_or_default();
        let (given, code, error) = (short(params.state), short(params.code), short(params.error));
        if code.is_empty() {
            let why =
                if error.is_empty() { "it came back without a code".to_owned() } else { format!("it said {error}") };
            return refuse(&state, &asking, String::new(), why).await;
        }
        let browser = auth::cookie(headers, BROWSER).unwrap_or_default();
        let config = state.config.clone();
        let came = state.access(move |auth| Ok(auth.oidc.end(&config.oidc, &given, &code, &browser))).await?;
        let came = match came {
            Ok(came) => came,
            Err(why) => return refuse(&state, &asking, String::new(), why).await,
        };
        let now = auth::now();
        let (name, next) = (came.name, came.next);
        let user = User {
            name: name.clone(),
            role: came.role,
            password: None,
            origin: Via::Oidc.name().to_owned(),
            subject: Some(came.subject),
            created: now,
            changed: now,
            login: None,
        };
        if let Err(problem) = state.access(move |auth| Ok(auth.access.external_user(&user)?)).await {
            return refuse(&state, &asking, name, problem.detail).await;
        }
        let (_, cookie) = begin_session(&state, &asking, name, Via::Oidc).await?;
        // A page of ours that leads on: a redirect would still be the other site's, and the cookie would not go along.
        let page = format!(
            "<!doctype html><meta charset=\"utf-8\"><meta http-equiv=\"refresh\" content=\"0;url={0}\"><title>Tripline</title>\
             <a href=\"{0}\">Go on</a>\n",
            escaped(&next)
        );
        let kind = (header::CONTENT_TYPE, "text/html; charset=utf-8".to_owned());
        Ok(([kind, (header::SET_COOKIE, cookie)], page).into_response())
    }

    /// A place of this dashboard alone.
    fn is_place(next: &str) -> bool {
        let second = next.as_bytes().get(1);
        next.len() <= TEXT_BYTES_MAX
            && next.starts_with('/')
            && !matches!(second, Some(b'/' | b'\\'))
            && next.chars().all(|c| !c.is_control() && c != '\\')
    }
}
