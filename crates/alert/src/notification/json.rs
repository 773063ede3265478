//! Our own JSON for webhooks and commands: `tripline.notification/1`, with each incident as the API has it.

use super::{Told, words};
use record::{Cause, Notice};
use serde_json::{Value, json};

/// The body.
pub(super) fn body(key: &str, notices: &[&Notice], told: Told<'_>) -> String {
    let incidents: Vec<Value> = notices.iter().map(|notice| one(notice, told)).collect();
    let test = notices.iter().all(|notice| notice.cause == Cause::Test);
    json!({
        "schema": "tripline.notification/1",
        "delivery": key,
        "channel": told.channel,
        "sensor": told.sensor,
        "test": test,
        "subject": words::subject(notices),
        "incidents": incidents,
    })
    .to_string()
}

fn one(notice: &Notice, told: Told<'_>) -> Value {
    let (cause, was) = match notice.cause {
        Cause::Raised => ("raised", None),
        Cause::Rose(from) => ("rose", Some(from)),
        Cause::Test => ("test", None),
    };
    json!({ "cause": cause, "severity_was": was, "url": told.link(&notice.incident), "incident": notice.incident })
}
