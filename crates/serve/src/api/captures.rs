//! `/captures`: a file is handed over, analysed apart from the live watch, looked at, deleted. Owns how its bytes travel from the socket
//! to the keeper; what becomes of them is the keeper's.

use crate::shapes::{Upload, UploadDetail, Uploads};
use crate::uploads::{Receiving, UploadKeeper};
use crate::{AppState, LiveError, Problem};
use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use serde::Deserialize;
use std::sync::Arc;
use tokio::sync::mpsc::{Receiver, channel};
use tokio_stream::StreamExt;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

/// Chunks that wait for the disk: bounds the memory of a fast sender.
const CHUNKS_MAX: usize = 4;
/// Characters of a file's name that are kept.
const NAME_MAX: usize = 100;

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list, receive)).routes(routes!(one, remove))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ReceiveParams {
    /// The file's name, for people.
    #[serde(default)]
    name: String,
}

fn keeper(state: &AppState) -> Result<Arc<dyn UploadKeeper>, Problem> {
    let off = "this process takes no files; set uploads.enabled = true";
    state.live.uploads().ok_or_else(|| LiveError::Unavailable(off.to_owned()).into())
}

/// Files handed over, newest first, and the bounds.
#[utoipa::path(get, path = "/captures", operation_id = "captures", tag = "captures", responses(
    (status = 200, body = Uploads),
    (status = 503, body = Problem, content_type = "application/problem+json")))]
async fn list(State(state): State<AppState>) -> Result<Json<Uploads>, Problem> {
    let keeper = keeper(&state)?;
    state.blocking(move |_, _| Ok(Json(keeper.list()))).await
}

/// Hands a file over: the request's body is the file. It is analysed by itself and never mixes with the live watch.
#[utoipa::path(post, path = "/captures", operation_id = "upload_capture", tag = "captures", params(ReceiveParams),
    request_body(content = String, content_type = "application/octet-stream"), responses(
    (status = 201, body = Upload),
    (status = 400, body = Problem, content_type = "application/problem+json"),
    (status = 403, body = Problem, content_type = "application/problem+json"),
    (status = 409, body = Problem, content_type = "application/problem+json"),
    (status = 413, body = Problem, content_type = "application/problem+json"),
    (status = 422, body = Problem, content_type = "application/problem+json"),
    (status = 503, body = Problem, content_type = "application/problem+json")))]
async fn receive(
    State(state): State<AppState>,
    params: Result<Query<ReceiveParams>, QueryRejection>,
    headers: HeaderMap,
    body: Body,
) -> Result<(StatusCode, Json<Upload>), Problem> {
    let keeper = keeper(&state)?;
    let name = plain_name(&params?.0.name);
    let bytes = headers.get(header::CONTENT_LENGTH).and_then(|v| v.to_str().ok()).and_then(|v| v.parse().ok());
    let file = state.blocking(move |_, _| Ok(keeper.begin(&name, bytes)?)).await?;
    let (chunks, received) = channel::<Option<Bytes>>(CHUNKS_MAX);
    let writing = tokio::task::spawn_blocking(move || write(file, received));
    let mut stream = body.into_data_stream();
    let mut broken = None;
    while let Some(chunk) = stream.next().await {
        match chunk {
            Ok(bytes) => {
                // The writer ends first when the file is refused; its answer says why.
                if chunks.send(Some(bytes)).await.is_err() {
                    break;
                }
            }
            Err(error) => {
                broken = Some(Problem::bad_request(format!("the file did not arrive whole: {error}")));
                break;
            }
        }
    }
    if broken.is_none() {
        // Only a body that came to its end is a file.
        drop(chunks.send(None).await);
    }
    drop(chunks);
    let written = writing
        .await
        .map_err(|e| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, format!("the file could not be written: {e}")))?;
    match (broken, written?) {
        (Some(problem), _) => Err(problem),
        (None, Some(upload)) => Ok((StatusCode::CREATED, Json(upload))),
        (None, None) => Err(Problem::bad_request("the file did not arrive whole")),
    }
}

/// Takes chunks to the end; None when the end never came.
fn write(mut file: Box<dyn Receiving>, mut chunks: Receiver<Option<Bytes>>) -> Result<Option<Upload>, LiveError> {
    while let Some(chunk) = chunks.blocking_recv() {
        match chunk {
            Some(bytes) => file.write(&bytes)?,
            None => return file.finish().map(Some),
        }
    }
    Ok(None)
}

/// The name as people gave it, without folders and control characters.
fn plain_name(given: &str) -> String {
    let name = given.rsplit(['/', '\\']).next().unwrap_or_default();
    let name: String = name.chars().filter(|c| !c.is_control()).take(NAME_MAX).collect();
    if name.trim().is_empty() { "unnamed".to_owned() } else { name }
}

/// One file with its analysis.
#[utoipa::path(get, path = "/captures/{id}", operation_id = "capture", tag = "captures",
    params(("id" = String, Path, description = "id of the list")), responses(
    (status = 200, body = UploadDetail),
    (status = 404, body = Problem, content_type = "application/problem+json")))]
async fn one(
    State(state): State<AppState>,
    id: Result<Path<String>, PathRejection>,
) -> Result<Json<UploadDetail>, Problem> {
    let (keeper, id) = (keeper(&state)?, id?.0);
    state.blocking(move |_, _| Ok(Json(keeper.get(&id)?))).await
}

/// Deletes a file with its analysis.
#[utoipa::path(delete, path = "/captures/{id}", operation_id = "delete_capture", tag = "captures",
    params(("id" = String, Path, description = "id of the list")), responses(
    (status = 204, description = "deleted"),
    (status = 403, body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json")))]
async fn remove(State(state): State<AppState>, id: Result<Path<String>, PathRejection>) -> Result<StatusCode, Problem> {
    let (keeper, id) = (keeper(&state)?, id?.0);
    state.blocking(move |_, _| Ok(keeper.remove(&id)?)).await?;
    Ok(StatusCode::NO_CONTENT)
}
