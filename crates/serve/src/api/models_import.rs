//! `POST /models/import`: a user's own model and its manifest in one request. Owns what the request must hold and how large it may be;
//! what the files say is the process's to judge.

use crate::shapes::{ModelFiles, Models};
use crate::{AppState, ModelUpload, Problem};
use axum::extract::multipart::{Field, Multipart, MultipartError, MultipartRejection};
use axum::extract::{DefaultBodyLimit, State};
use axum::http::StatusCode;
use axum::{Extension, Json};
use std::sync::Arc;
use tokio::sync::Semaphore;
use utoipa_axum::{router::OpenApiRouter, routes};

/// Largest request, bytes: the largest model that is read, its manifest and what is around them.
pub(crate) const REQUEST_BYTES_MAX: usize = 66 << 20;
/// Largest manifest, bytes.
const MANIFEST_BYTES_MAX: usize = 1 << 20;
/// Characters of a file's name that are kept.
const NAME_MAX: usize = 100;

/// One model at a time: each may take as much memory as the largest request.
#[derive(Clone)]
struct Turn(Arc<Semaphore>);

pub(super) fn routes() -> OpenApiRouter<AppState> {
    let turn = Extension(Turn(Arc::new(Semaphore::new(1))));
    OpenApiRouter::new().routes(routes!(import)).layer(DefaultBodyLimit::max(REQUEST_BYTES_MAX)).layer(turn)
}

/// Takes in an ONNX model with its manifest (TOML or JSON), two fields named `file`. It runs in shadow until it is calibrated on benign
/// flows, votes when it keeps its promise on them, and is muted when it costs too much; a model of the same name is replaced. The
/// models before it stay among the kept versions.
#[utoipa::path(post, path = "/models/import", operation_id = "import_model", tag = "models",
    request_body(content = ModelFiles, content_type = "multipart/form-data"), responses(
    (status = 200, body = Models),
    (status = 400, body = Problem, content_type = "application/problem+json"),
    (status = 403, body = Problem, content_type = "application/problem+json"),
    (status = 409, body = Problem, content_type = "application/problem+json"),
    (status = 413, body = Problem, content_type = "application/problem+json"),
    (status = 422, body = Problem, content_type = "application/problem+json")))]
async fn import(
    State(state): State<AppState>,
    Extension(turn): Extension<Turn>,
    form: Result<Multipart, MultipartRejection>,
) -> Result<Json<Models>, Problem> {
    let busy = "another model is being taken in; try again when it is done";
    let _turn = turn.0.try_acquire().map_err(|_| Problem::new(StatusCode::CONFLICT, busy))?;
    let upload = read(form?).await?;
    state.blocking(move |_, live| Ok(Json(live.import_model(upload)?))).await
}

/// The two files of a form, whatever their order.
async fn read(mut form: Multipart) -> Result<ModelUpload, Problem> {
    let mut upload = ModelUpload::default();
    while let Some(field) = form.next_field().await.map_err(|error| unreadable(&error))? {
        let name = file_name(&field);
        let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending).to_ascii_lowercase();
        let (seen, what) = match (field.name(), ending.as_str()) {
            (Some("file"), "onnx") => (&mut upload.onnx_name, "ONNX file"),
            (Some("file"), "toml" | "json") => (&mut upload.manifest_name, "manifest"),
            (Some("file"), _) => return Err(Problem::bad_request(format!("`{name}`: {}", expected()))),
            (other, _) => {
                let other: String = other.unwrap_or("").chars().take(NAME_MAX).collect();
                return Err(Problem::bad_request(format!("there is no field `{other}`: {}", expected())));
            }
        };
        if !seen.is_empty() {
            return Err(Problem::bad_request(format!("two files are {what}s, `{seen}` and `{name}`: {}", expected())));
        }
        seen.clone_from(&name);
        let bytes = field.bytes().await.map_err(|error| unreadable(&error))?;
        if ending == "onnx" {
            upload.onnx = bytes.to_vec();
        } else {
            upload.manifest = manifest(&name, &bytes)?;
        }
    }
    match (upload.onnx_name.is_empty(), upload.manifest_name.is_empty()) {
        (false, false) => Ok(upload),
        (true, _) => Err(Problem::bad_request(format!("there is no ONNX file: {}", expected()))),
        (_, true) => Err(Problem::bad_request(format!("there is no manifest: {}", expected()))),
    }
}

fn expected() -> &'static str {
    "hand over two fields `file`, the model (.onnx) and its manifest (.toml or .json)"
}

/// The name as people gave it, without folders and control characters.
fn file_name(field: &Field<'_>) -> String {
    let name = field.file_name().unwrap_or_default();
    let name = name.rsplit(['/', '\\']).next().unwrap_or_default();
    name.chars().filter(|c| !c.is_control()).take(NAME_MAX).collect()
}

fn manifest(name: &str, bytes: &[u8]) -> Result<String, Problem> {
    if bytes.len() > MANIFEST_BYTES_MAX {
        let detail = format!("manifest {name}: {} bytes; up to {MANIFEST_BYTES_MAX} are read", bytes.len());
        return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, detail));
    }
    let text = std::str::from_utf8(bytes).map(str::to_owned);
    text.map_err(|_| Problem::bad_request(format!("manifest {name}: it is not text; write TOML or JSON in UTF-8")))
}

fn unreadable(error: &MultipartError) -> Problem {
    if error.status() == StatusCode::PAYLOAD_TOO_LARGE {
        let detail =
            format!("the request is larger than the {REQUEST_BYTES_MAX} bytes that are read; export a smaller model");
        return Problem::new(StatusCode::PAYLOAD_TOO_LARGE, detail);
    }
    Problem::new(error.status(), format!("the form cannot be read: {}", error.body_text()))
}

impl From<MultipartRejection> for Problem {
    fn from(rejection: MultipartRejection) -> Self {
        Self::new(rejection.status(), format!("{}: {}", rejection.body_text(), expected()))
    }
}
