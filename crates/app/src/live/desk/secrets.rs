//! Fields of a notification channel as the page gives them, as the file has them. Owns that what the page may not do stays in the hands of
//! whoever writes the file: a program to be run is not set from a browser.

use serde_json::Value as Json;
use toml::{Table, Value};

/// Kinds that are set in the file alone: `command` runs a program, `file` writes anywhere.
const FILE_ALONE: [&str; 2] = ["command", "file"];

/// The fields, or why they are not taken.
pub(super) fn fields(given: &Json) -> Result<Table, String> {
    let Some(map) = given.as_object() else { return Err("a channel is a table of fields".to_owned()) };
    for kind in FILE_ALONE {
        if map.contains_key(kind) || map.get("kind").and_then(Json::as_str) == Some(kind) {
            return Err(format!("channels of kind {kind} are set in the file alone: they reach beyond this program"));
        }
    }
    if map.contains_key("name") {
        return Err("the name is given beside the fields".to_owned());
    }
    let kept = map.iter().filter(|(_, value)| !value.is_null());
    kept.map(|(key, value)| Ok((key.clone(), plain(key, value)?))).collect()
}

fn plain(key: &str, value: &Json) -> Result<Value, String> {
    Value::try_from(value).map_err(|_| format!("`{key}` has a value that a file of settings cannot hold"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::json;

    #[test]
    fn a_browser_sets_no_program_and_no_file() {
        let good = fields(&json!({"kind": "webhook", "webhook": {"url": "https://h"}, "quiet": null})).unwrap();
        assert_eq!(good["webhook"]["url"].as_str(), Some("https://h"));
        assert!(!good.contains_key("quiet"));
        for bad in
            [json!({"kind": "command"}), json!({"file": {"path": "/etc/passwd"}}), json!([1]), json!({"name": "x"})]
        {
            assert!(fields(&bad).is_err(), "{bad}");
        }
        assert!(fields(&json!({"webhook": {"url": null}})).is_err());
    }
}
