//! `POST /login`, `POST /logout`, `GET /session`, `POST /session/password`, `POST /setup/user`: coming in, going, and who one is.

use crate::auth::{self, Asking, Attempt, Auth, Identity, Via};
use crate::shapes::{LoginGiven, PasswordGiven, SessionView};
use crate::{AppState, Problem};
use axum::extract::rejection::JsonRejection;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use store::access::{AuditRow, Role, SessionStart, User, UserChange};
use utoipa_axum::{router::OpenApiRouter, routes};

/// Bytes of a log-in.
const BODY_BYTES_MAX: usize = 4_096;

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(login))
        .routes(routes!(logout))
        .routes(routes!(session))
        .routes(routes!(change_password))
        .routes(routes!(setup_user))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
}

/// Comes in: answers who it is, and sets the cookie of a new session. A wrong name and a wrong password are answered alike.
#[utoipa::path(post, path = "/login", operation_id = "login", tag = "access", request_body = LoginGiven, responses(
    (status = 200, body = SessionView),
    (status = 400, body = Problem, content_type = "application/problem+json"),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 403, body = Problem, content_type = "application/problem+json"),
    (status = 413, body = Problem, content_type = "application/problem+json"),
    (status = 415, body = Problem, content_type = "application/problem+json"),
    (status = 422, body = Problem, content_type = "application/problem+json"),
    (status = 429, body = Problem, content_type = "application/problem+json"),
    (status = 503, body = Problem, content_type = "application/problem+json")))]
async fn login(
    State(state): State<AppState>,
    Extension(asking): Extension<Asking>,
    given: Result<Json<LoginGiven>, JsonRejection>,
) -> Result<Response, Problem> {
    let LoginGiven { name, password } = given?.0;
    if name.chars().count() > 64 || password.len() > auth::PASSWORD_BYTES_MAX {
        return Err(Problem::bad_request("the name has at most 64 characters, the password at most 256 bytes"));
    }
    let user = match prove(&state, &asking, &name, password).await? {
        Ok(user) => user,
        Err(waiting) => return Ok(waiting),
    };
    come_in(&state, &asking, user.name, Via::Password).await
}

/// The user, when the password is right. The inner error is the answer to those who must wait.
async fn prove(
    state: &AppState,
    asking: &Asking,
    name: &str,
    password: String,
) -> Result<Result<User, Response>, Problem> {
    let (ip, asked) = (asking.ip, name.to_owned());
    let found = state
        .access(move |auth| {
            Ok(match auth.attempt(ip, &asked) {
                Ok(counted) => Ok((counted, auth.access.user(&asked)?)),
                Err(wait) => Err(wait),
            })
        })
        .await?;
    let ((known, waits), user) = match found {
        Ok(found) => found,
        Err((seconds, problem)) => {
            let mut response = problem.into_response();
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
            return Ok(Err(response));
        }
    };
    let kept = user.as_ref().and_then(|user| user.password.clone());
    if state.auth.hasher.verify(password, kept).await?
        && let Some(user) = user
    {
        state.auth.attempt_right(Attempt { ip, name, known });
        return Ok(Ok(user));
    }
    state.auth.attempt_wrong();
    let text = if waits { "wrong name or password; whoever tries has to wait now" } else { "wrong name or password" };
    let row = AuditRow { text: text.to_owned(), ..row_of(asking, name, "login") };
    let write = move |auth: &Auth| {
        auth.write_down(&row);
        Ok(())
    };
    state.access(write).await?;
    Err(Problem::new(StatusCode::UNAUTHORIZED, "the name or the password is wrong"))
}

fn row_of(asking: &Asking, name: &str, what: &str) -> AuditRow {
    AuditRow {
        ts: auth::now(),
        who: name.to_owned(),
        address: asking.ip.to_string(),
        what: what.to_owned(),
        ..AuditRow::default()
    }
}

/// Begins a session, in place of the one that the browser shows: its id is always new.
async fn come_in(state: &AppState, asking: &Asking, user: String, via: Via) -> Result<Response, Problem> {
    let (view, cookie) = begin(state, asking, user, via).await?;
    Ok(([(header::SET_COOKIE, cookie)], Json(view)).into_response())
}

/// The session and its cookie.
pub(super) async fn begin(
    state: &AppState,
    asking: &Asking,
    user: String,
    via: Via,
) -> Result<(SessionView, String), Problem> {
    let secret = auth::new_secret()?;
    let (asking, kept) = (asking.clone(), secret.clone());
    let is_secure = asking.is_secure;
    let user = state
        .access(move |auth| {
            let address = asking.ip.to_string();
            let instead_of = asking.cookie.as_deref().map(auth::secret_hash);
            let (hash, origin) = (auth::secret_hash(&kept), via.name());
            auth.access.start_session(&SessionStart {
                hash,
                user: &user,
                origin,
                address: &address,
                now: auth::now(),
                instead_of,
            })?;
            let found = auth.access.user(&user)?.ok_or_else(|| Problem::not_found("this user was removed just now"))?;
            let row = AuditRow {
                role: found.role.name().to_owned(),
                done: true,
                text: format!("came in by {origin}"),
                ..row_of(&asking, &found.name, "login")
            };
            auth.write_down(&row);
            auth.sessions_changed();
            Ok(found)
        })
        .await?;
    let view = SessionView {
        user: Some(user.name),
        role: user.role,
        via: via.name().to_owned(),
        csrf: Some(auth::csrf(&secret)),
        has_password: user.password.is_some(),
        read_only: false,
    };
    Ok((view, set_cookie(is_secure, &secret, state.config.login.session_max_s)))
}

/// Not to be read by scripts, not sent by other sites, only as long as the session can last.
fn set_cookie(is_secure: bool, value: &str, seconds: u32) -> String {
    let secure = if is_secure { "; Secure" } else { "" };
    let name = auth::cookie_name(is_secure);
    format!("{name}={value}; Path=/; HttpOnly; SameSite=Strict; Max-Age={seconds}{secure}")
}

/// Goes: the session ends, its streams with it.
#[utoipa::path(post, path = "/logout", operation_id = "logout", tag = "access", responses(
    (status = 204, description = "gone"),
    (status = 403, body = Problem, content_type = "application/problem+json"),
    (status = 409, body = Problem, content_type = "application/problem+json")))]
async fn logout(
    State(state): State<AppState>,
    Extension(asking): Extension<Asking>,
    Extension(identity): Extension<Identity>,
) -> Result<Response, Problem> {
    let (Via::Password | Via::Oidc, Some(hash)) = (identity.via, identity.hash) else {
        let text = "there is no session to end: nobody logged in here, or a token or a proxy stands for it";
        return Err(Problem::new(StatusCode::CONFLICT, text));
    };
    state
        .access(move |auth| {
            auth.access.end_session(&hash)?;
            auth.sessions_changed();
            Ok(())
        })
        .await?;
    let gone = [(header::SET_COOKIE, set_cookie(asking.is_secure, "", 0))];
    Ok((StatusCode::NO_CONTENT, gone).into_response())
}

/// Who asks, what it may do, and what must stand beside its changes.
#[utoipa::path(get, path = "/session", operation_id = "session", tag = "access", responses(
    (status = 200, body = SessionView)))]
async fn session(Extension(identity): Extension<Identity>) -> Json<SessionView> {
    let Identity { name, role, read_only, via, csrf, has_password, .. } = identity;
    let user = (via != Via::Nobody).then_some(name);
    Json(SessionView { user, role, via: via.name().to_owned(), csrf, has_password, read_only })
}

/// A new password of one's own; all sessions end, and this one begins anew.
#[utoipa::path(post, path = "/session/password", operation_id = "change_password", tag = "access", request_body = PasswordGiven, responses(
    (status = 200, body = SessionView),
    (status = 400, body = Problem, content_type = "application/problem+json"),
    (status = 401, body = Problem, content_type = "application/problem+json"),
    (status = 403, body = Problem, content_type = "application/problem+json"),
    (status = 409, body = Problem, content_type = "application/problem+json"),
    (status = 413, body = Problem, content_type = "application/problem+json"),
    (status = 415, body = Problem, content_type = "application/problem+json"),
    (status = 422, body = Problem, content_type = "application/problem+json"),
    (status = 429, body = Problem, content_type = "application/problem+json"),
    (status = 503, body = Problem, content_type = "application/problem+json")))]
async fn change_password(
    State(state): State<AppState>,
    Extension(asking): Extension<Asking>,
    Extension(identity): Extension<Identity>,
    given: Result<Json<PasswordGiven>, JsonRejection>,
) -> Result<Response, Problem> {
    let PasswordGiven { current, password } = given?.0;
    if identity.via != Via::Password || !identity.has_password {
        return Err(Problem::new(StatusCode::CONFLICT, "there is no password here to be changed"));
    }
    auth::check_password(&state.config.login, &identity.name, &password).map_err(Problem::bad_request)?;
    if current.len() > auth::PASSWORD_BYTES_MAX {
        return Err(Problem::bad_request("the password until now has at most 256 bytes"));
    }
    let user = match prove(&state, &asking, &identity.name, current).await {
        Ok(Ok(user)) => user,
        Ok(Err(waiting)) => return Ok(waiting),
        // 401 would say that the session has ended.
        Err(problem) if problem.status == 401 => {
            return Err(Problem::new(StatusCode::FORBIDDEN, "the password until now is wrong"));
        }
        Err(problem) => return Err(problem),
    };
    let hashed = state.auth.hasher.hash(password).await?;
    let name = user.name.clone();
    state
        .access(move |auth| {
            let change = UserChange { role: None, password: Some(hashed) };
            auth.access.change_user(&name, &change, auth::now())?;
            auth.sessions_changed();
            Ok(())
        })
        .await?;
    auth::audit_note("password changed; all sessions of this user ended");
    come_in(&state, &asking, user.name, Via::Password).await
}

/// The first user, an admin, made in the wizard of the first start: from this machine alone, and only while there is no user. Answers as
/// a log-in does.
#[utoipa::path(post, path = "/setup/user", operation_id = "setup_user", tag = "access", request_body = LoginGiven, responses(
    (status = 201, body = SessionView),
    (status = 400, body = Problem, content_type = "application/problem+json"),
    (status = 403, body = Problem, content_type = "application/problem+json"),
    (status = 409, body = Problem, content_type = "application/problem+json"),
    (status = 413, body = Problem, content_type = "application/problem+json"),
    (status = 415, body = Problem, content_type = "application/problem+json"),
    (status = 422, body = Problem, content_type = "application/problem+json"),
    (status = 503, body = Problem, content_type = "application/problem+json")))]
async fn setup_user(
    State(state): State<AppState>,
    Extension(asking): Extension<Asking>,
    Extension(identity): Extension<Identity>,
    given: Result<Json<LoginGiven>, JsonRejection>,
) -> Result<Response, Problem> {
    let LoginGiven { name, password } = given?.0;
    if identity.via != Via::Nobody {
        return Err(Problem::new(
            StatusCode::CONFLICT,
            "there are users already: an admin adds others in the settings",
        ));
    }
    if !asking.is_local {
        return Err(Problem::new(StatusCode::FORBIDDEN, "the first user is made on the machine itself"));
    }
    let user = new_user(&state, name, Role::Admin, password).await?;
    let name = user.name.clone();
    state.access(move |auth| Ok(auth.access.add_user(&user, true)?)).await?;
    auth::audit_note(format!("first user {name}, admin"));
    let (view, cookie) = begin(&state, &asking, name, Via::Password).await?;
    Ok((StatusCode::CREATED, [(header::SET_COOKIE, cookie)], Json(view)).into_response())
}

/// A user as it is kept, with its password checked and hashed.
pub(super) async fn new_user(state: &AppState, name: String, role: Role, password: String) -> Result<User, Problem> {
    if !auth::is_name(&name) {
        return Err(Problem::bad_request("a user's name has 1 to 64 letters, digits and .-_@+"));
    }
    auth::check_password(&state.config.login, &name, &password).map_err(Problem::bad_request)?;
    let hashed = state.auth.hasher.hash(password).await?;
    let now = auth::now();
    let (password, origin) = (Some(hashed), Via::Password.name().to_owned());
    Ok(User { name, role, password, origin, subject: None, created: now, changed: now, login: None })
}

impl AppState {
    /// Asks or changes who may come in, on a thread that may block.
    pub(crate) async fn access<T, F>(&self, work: F) -> Result<T, Problem>
    where
        T: Send + 'static,
        F: FnOnce(&Auth) -> Result<T, Problem> + Send + 'static,
    {
        let auth = std::sync::Arc::clone(&self.auth);
        tokio::task::spawn_blocking(move || work(&auth)).await.unwrap_or_else(|e| {
            Err(Problem::new(StatusCode::INTERNAL_SERVER_ERROR, format!("the request failed: {e}")))
        })
    }
}
