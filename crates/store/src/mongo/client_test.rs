//! Answers of servers, as MongoDB and those that are compatible give them.
#![allow(clippy::unwrap_used)]
use super::*;

fn asked(revisions: &[i64]) -> Vec<Upsert> {
    let upsert = |n: &i64| Upsert { id: Bson::Int64(*n), revision: *n, document: doc! { "_id": n } };
    revisions.iter().map(upsert).collect()
}

fn error(index: i32, code: i32, words: &str) -> Document {
    doc! { "index": index, "code": code, "errmsg": words }
}

#[test]
fn without_errors_all_is_there() {
    let written = settle("incidents", &doc! { "ok": 1.0, "n": 2 }, &asked(&[1, 2])).unwrap();
    assert_eq!(written, Written { done: vec![1, 2], refused: vec![] });
}

#[test]
fn what_is_newer_stays_and_what_is_refused_is_told_with_its_reason() {
    let older = error(0, 11_000, "E11000 duplicate key error collection: t.a index: _id_ dup key: { _id: 1 }");
    let invalid = error(2, 121, "Document failed validation");
    let answer = doc! { "ok": 1.0, "n": 1, "writeErrors": [older, invalid] };
    let written = settle("incidents", &answer, &asked(&[1, 2, 3])).unwrap();
    assert_eq!(written.done, [1, 2]);
    assert_eq!(written.refused, [(3, "incidents/3: Document failed validation (code 121)".to_owned())]);
}

#[test]
fn a_server_that_stops_at_the_first_error_leaves_the_rest_open() {
    let answer = doc! { "ok": 1.0, "writeErrors": [error(0, 11_000, "E11000 duplicate key error collection: t.a")] };
    let written = settle("incidents", &answer, &asked(&[1, 2])).unwrap();
    assert_eq!(written, Written { done: vec![1], refused: vec![] }, "the second is asked again");
}

#[test]
fn a_unique_index_of_somebody_else_is_a_refusal() {
    let answer = doc! { "ok": 1.0, "n": 0, "writeErrors": [error(0, 11_000, "E11000 duplicate key error collection: t.a index: title_1 dup key")] };
    let written = settle("incidents", &answer, &asked(&[1])).unwrap();
    assert_eq!((written.done.len(), written.refused.len()), (0, 1));
    let named = doc! { "index": 0, "code": 11_000, "errmsg": "E11000", "keyPattern": { "title": 1 } };
    let written = settle("incidents", &doc! { "ok": 1.0, "n": 0, "writeErrors": [named] }, &asked(&[1])).unwrap();
    assert_eq!((written.done.len(), written.refused.len()), (0, 1));
}

#[test]
fn what_is_over_later_is_tried_again() {
    let passing = doc! { "ok": 1.0, "n": 0, "writeErrors": [error(0, 189, "primary stepped down")] };
    assert_eq!(settle("incidents", &passing, &asked(&[1])).unwrap_err(), "primary stepped down");
    let concern =
        doc! { "ok": 1.0, "n": 1, "writeConcernError": { "code": 64, "errmsg": "waiting for replication timed out" } };
    assert!(settle("incidents", &concern, &asked(&[1])).unwrap_err().contains("replication"));
}
