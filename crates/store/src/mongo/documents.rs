//! Things as documents: the names of the API, times as dates, `_id` the thing's own. Owns the fields that are added: `schema`,
//! `revision` (rises with every change; what is newer is never replaced by what is older), `updated` and `day`.

use crate::reader::journal::{ScanChanges, Thing};
use crate::{FlowDetail, Listed};
use mongodb::bson::{Bson, DateTime, Document};
use record::Timestamp;
use serde_json::{Map, Value, json};

/// Version of the documents' fields; a field is never given another meaning without another number.
pub(super) const SCHEMA: i32 = 1;

/// Fields that hold times, at any depth.
const TIMES: [&str; 17] = [
    "first_seen",
    "last_seen",
    "raised",
    "ts",
    "start",
    "end",
    "started",
    "ended",
    "at",
    "changed",
    "created",
    "from",
    "to",
    "since",
    "closed",
    "generated",
    "until",
];
/// Letters of a date without its time.
const DAY_LETTERS: usize = 10;

/// A document to put in place.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Upsert {
    /// `_id`.
    pub id: Bson,
    /// Revision.
    pub revision: i64,
    /// All of it.
    pub document: Document,
}

/// The document of a listed thing; None: the store keeps it no more.
pub(super) fn of(listed: &Listed) -> Option<Upsert> {
    let (id, fields, day) = match listed.thing.as_ref()? {
        Thing::Incident(incident) => (Bson::String(incident.id.clone()), fields(incident), Some(incident.raised)),
        Thing::Alert(flow) => (Bson::String(flow.flow.flow_id.to_string()), alert(flow), Some(flow.flow.end)),
        Thing::Host(host) => (Bson::String(host.host.ip.to_string()), fields(host), None),
        Thing::Scan(scan) => (Bson::String(scan.row.id.clone()), scan_fields(scan), Some(scan.row.started)),
    };
    Some(document(id, listed.revision, fields, day))
}

/// A document of these fields.
pub(super) fn document(id: Bson, revision: i64, fields: Map<String, Value>, day: Option<Timestamp>) -> Upsert {
    let mut document = Document::new();
    document.insert("_id", id.clone());
    document.insert("schema", SCHEMA);
    document.insert("revision", revision);
    document.insert("updated", DateTime::from_millis(revision / 1_000));
    if let Some(day) = day {
        document.insert("day", day.rfc3339().chars().take(DAY_LETTERS).collect::<String>());
    }
    for (name, value) in fields {
        let name = plain_name(&name);
        if !document.contains_key(&name) {
            let value = bson(&name, value);
            document.insert(name, value);
        }
    }
    Upsert { id, revision, document }
}

fn fields(thing: &impl serde::Serialize) -> Map<String, Value> {
    match serde_json::to_value(thing) {
        Ok(Value::Object(fields)) => fields,
        _ => Map::new(),
    }
}

/// A flow that was judged anomalous, with what the models said and the incidents that name it.
fn alert(flow: &FlowDetail) -> Map<String, Value> {
    let mut fields = fields(&flow.flow);
    fields.insert("members".to_owned(), json!(flow.members));
    fields.insert("why".to_owned(), json!(flow.why));
    fields.insert("incidents".to_owned(), json!(flow.incidents));
    fields
}

fn scan_fields(scan: &ScanChanges) -> Map<String, Value> {
    let mut fields = fields(&scan.row);
    fields.remove("progress");
    fields.insert("events".to_owned(), json!(scan.events));
    fields.insert("findings".to_owned(), json!(scan.findings));
    fields.insert("left_out".to_owned(), json!(scan.left_out));
    fields
}

/// Names that no server refuses: without dots, and not beginning with a dollar.
fn plain_name(name: &str) -> String {
    let name = name.replace(['.', '\0'], "_");
    name.strip_prefix('$').map_or_else(|| name.clone(), |rest| format!("_{rest}"))
}

fn bson(name: &str, value: Value) -> Bson {
    match value {
        Value::Null => Bson::Null,
        Value::Bool(is) => Bson::Boolean(is),
        // One type a field: whole numbers are 64 bits wide however small they are.
        Value::Number(number) => {
            number.as_i64().map_or_else(|| Bson::Double(number.as_f64().unwrap_or(0.0)), Bson::Int64)
        }
        Value::String(text) => time(name, &text).map_or(Bson::String(text), Bson::DateTime),
        Value::Array(values) => Bson::Array(values.into_iter().map(|value| bson(name, value)).collect()),
        Value::Object(fields) => {
            let field = |(name, value): (String, Value)| (plain_name(&name), bson(&name, value));
            Bson::Document(fields.into_iter().map(field).collect())
        }
    }
}

fn time(name: &str, text: &str) -> Option<DateTime> {
    let time = Timestamp::parse_rfc3339(text).filter(|_| TIMES.contains(&name))?;
    Some(DateTime::from_millis(time.0.div_euclid(record::timestamp::NS_PER_MS)))
}

#[cfg(test)]
#[path = "documents_test.rs"]
mod tests;
