//! `GET /packets`, `/packets/{id}`, `/packets/pcap`: the ring of newest packets.

use super::incidents::attachment;
use crate::params::ListParams;
use crate::shapes::{PacketFields, PacketRow};
use crate::{AppState, PacketQuery, Problem};
use axum::Json;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::response::Response;
use record::{PacketDetail, PacketSummary};
use serde::Deserialize;
use std::collections::BTreeSet;
use store::Page;
use store::query::PACKET_FIELDS;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

/// Most packets of one capture.
const PCAP_IDS_MAX: usize = 1_000;
/// Fields told with each row at most.
const FIELDS_MAX: usize = 24;

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(pcap)).routes(routes!(one))
}

/// Parameters beside those of every list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct AfterParams {
    /// Only packets newer than this id.
    after: Option<u64>,
    /// Fields of the decode tree wanted with each row, by Wireshark's names separated by commas, at most 24. Given, even empty: each row
    /// tells its protocols too.
    fields: Option<String>,
}

/// Names of fields; None when none were asked for.
fn names(text: Option<&str>) -> Result<Option<BTreeSet<String>>, Problem> {
    let Some(text) = text else { return Ok(None) };
    let names: BTreeSet<String> = text.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect();
    if names.len() > FIELDS_MAX || names.iter().any(|name| name.len() > 64) {
        return Err(Problem::bad_request(format!("fields must name at most {FIELDS_MAX} fields, separated by commas")));
    }
    Ok(Some(names))
}

fn fields(packet: &PacketDetail, wanted: &BTreeSet<String>) -> PacketFields {
    let mut found = PacketFields::default();
    for field in packet.layers.iter().flat_map(|layer| &layer.fields) {
        let protocol = field.name.split('.').next().unwrap_or_default();
        if !found.protocols.iter().any(|known| known == protocol) {
            found.protocols.push(protocol.to_owned());
        }
        if wanted.contains(&field.name) {
            found.values.entry(field.name.clone()).or_default().push(field.value.clone());
        }
    }
    found
}

/// Packets of the ring, newest first.
#[utoipa::path(get, path = "/packets", operation_id = "packets", tag = "packets", params(ListParams, AfterParams), responses(
    (status = 200, body = Page<PacketRow>),
    (status = 400, body = Problem, content_type = "application/problem+json")))]
async fn list(
    State(state): State<AppState>,
    params: Result<Query<ListParams>, QueryRejection>,
    after: Result<Query<AfterParams>, QueryRejection>,
) -> Result<Json<Page<PacketRow>>, Problem> {
    let list = params?.0.list(PACKET_FIELDS)?;
    let bad = |text: &str| Problem::bad_request(format!("the cursor `{text}` is not one that this list gave"));
    let after = after?.0;
    let before = list.cursor.as_deref().map(|text| text.parse().map_err(|_| bad(text))).transpose()?;
    let query = PacketQuery { after: after.after, before, filter: list.filter, range: list.range, limit: list.limit };
    let wanted = names(after.fields.as_deref())?;
    state
        .blocking(move |_, live| {
            let Page { items, total, total_exact, next_cursor } = live.packets(&query);
            let row = |packet: PacketSummary| {
                let fields = wanted.as_ref().and_then(|wanted| live.packet(packet.id).map(|one| fields(&one, wanted)));
                PacketRow { packet, fields }
            };
            Ok(Json(Page { items: items.into_iter().map(row).collect(), total, total_exact, next_cursor }))
        })
        .await
}

/// One packet: layers, fields, bytes.
#[utoipa::path(get, path = "/packets/{id}", operation_id = "packet", tag = "packets",
    params(("id" = u64, Path, description = "id")), responses(
    (status = 200, body = PacketDetail),
    (status = 404, body = Problem, content_type = "application/problem+json")))]
async fn one(
    State(state): State<AppState>,
    id: Result<Path<u64>, PathRejection>,
) -> Result<Json<PacketDetail>, Problem> {
    let id = id?.0;
    state
        .blocking(move |_, live| {
            live.packet(id).map(Json).ok_or_else(|| Problem::not_found(format!("packet {id} has left the ring")))
        })
        .await
}

/// Which packets.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct PcapParams {
    /// Ids separated by commas, at most 1,000.
    ids: String,
}

/// These packets as pcapng.
#[utoipa::path(get, path = "/packets/pcap", operation_id = "packets_pcap", tag = "packets", params(PcapParams), responses(
    (status = 200, description = "pcapng", body = Vec<u8>, content_type = "application/x-pcapng"),
    (status = 400, body = Problem, content_type = "application/problem+json"),
    (status = 404, body = Problem, content_type = "application/problem+json")))]
async fn pcap(
    State(state): State<AppState>,
    params: Result<Query<PcapParams>, QueryRejection>,
) -> Result<Response, Problem> {
    let params = params?.0;
    let ids: Vec<u64> = params
        .ids
        .split(',')
        .map(|text| text.trim().parse().map_err(|_| Problem::bad_request(format!("`{text}` is not a packet id"))))
        .collect::<Result<_, _>>()?;
    if ids.len() > PCAP_IDS_MAX {
        return Err(Problem::bad_request(format!("at most {PCAP_IDS_MAX} packets at a time")));
    }
    state.blocking(move |_, live| Ok(attachment(live.packets_pcap(&ids)?, "tripline-packets.pcapng"))).await
}
