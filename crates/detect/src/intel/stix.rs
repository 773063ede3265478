//! STIX 2.1 bundles (OASIS, 10 June 2021): indicators with patterns of equality. Owns which observable is which indicator; patterns
//! with anything but `=` joined by OR are counted as not matchable, since half of a condition is another condition.

use super::entry::{Indicator, recognise};
use super::text_list::shorten;
use super::{Found, ListError, ListText, Take};
use record::Timestamp;
use serde::Deserialize;

#[derive(Deserialize)]
struct Bundle {
    #[serde(default)]
    objects: Vec<Object>,
}

#[derive(Deserialize)]
struct Object {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    pattern: String,
    #[serde(default)]
    pattern_type: String,
    #[serde(default)]
    revoked: bool,
    #[serde(default)]
    valid_until: String,
}

/// Reads the bundle, or a TAXII 2.1 envelope, which holds its objects under the same name.
pub(super) fn read(list: &ListText<'_>, take: &mut Take<'_>) -> Result<(), ListError> {
    let bytes = list.bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(list.bytes);
    let bundle: Bundle = serde_json::from_slice(bytes).map_err(|e| ListError::Malformed {
        name: list.name.clone(),
        format: "a STIX 2.1 bundle",
        why: e.to_string(),
    })?;
    for object in &bundle.objects {
        if object.kind != "indicator" {
            continue;
        }
        let over = Timestamp::parse_rfc3339(&object.valid_until).is_some_and(|until| until < list.now);
        if object.revoked || over {
            take(Found::Expired);
        } else if object.pattern_type.is_empty() || object.pattern_type == "stix" {
            pattern(&object.pattern, shorten(&object.name), take);
        } else {
            take(Found::Other(object.pattern.clone()));
        }
    }
    Ok(())
}

/// `[ipv4-addr:value = '192.0.2.7' OR domain-name:value = 'a.example']`, also several of them joined by OR.
fn pattern(pattern: &str, note: &str, take: &mut Take<'_>) {
    let flat = pattern.replace(['[', ']'], " ");
    let mut found = Vec::new();
    for term in flat.split(" OR ") {
        match comparison(term.trim(), note) {
            Some(one) => found.push(one),
            None => return take(Found::Other(pattern.to_owned())),
        }
    }
    found.into_iter().for_each(take);
}

fn comparison(term: &str, note: &str) -> Option<Found> {
    let (path, value) = term.split_once('=')?;
    let path = path.trim();
    // `!=`, `>=` and a second condition behind the value are other conditions.
    if path.ends_with(['!', '<', '>']) {
        return None;
    }
    let value = value.trim().strip_prefix('\'')?.strip_suffix('\'')?;
    if value.contains('\'') && !value.contains("\\'") {
        return None;
    }
    let value = value.replace("\\'", "'").replace("\\\\", "\\");
    match path {
        "ipv4-addr:value" | "ipv6-addr:value" | "domain-name:value" | "url:value" | "network-traffic:dst_ref.value" => {
            Some(recognise(&value, note))
        }
        path if path.starts_with("network-traffic:") && path.to_ascii_lowercase().contains("ja4") => {
            match recognise(&value, note) {
                found @ Found::Indicator(Indicator::Ja4(_), _) => Some(found),
                _ => None,
            }
        }
        _ => None,
    }
}
