//! Secrets out of a text of settings before anybody sees it. Owns which values are secrets; it errs on the side of hiding.

use toml_edit::{DocumentMut, Item, TableLike, Value};

/// Names whose values are secrets wherever they stand.
const SECRET: [&str; 9] =
    ["password", "sasl_password", "secret", "client_secret", "bearer", "routing_key", "key", "key_id", "token"];
/// Names whose values are addresses with a secret in them when they stand in these tables.
const ADDRESSES: [(&str, &str); 3] = [("webhook", "url"), ("mongodb", "url"), ("lists", "from")];
/// Tables all of whose values are secrets.
const TABLES: [&str; 1] = ["headers"];
/// What is shown.
const MASK: &str = "(hidden)";
/// What is shown of one that is another than before.
const CHANGED: &str = "(hidden, changed)";

/// The text without its secrets; those that `before` has not are marked as changed.
pub fn masked(text: &str, before: &str) -> String {
    let (Ok(mut document), Ok(old)) = (text.parse::<DocumentMut>(), before.parse::<DocumentMut>()) else {
        // Not to be read as settings: nothing is known to be no secret.
        return lines(text, false);
    };
    hide(document.as_table_mut(), Some(old.as_table()), "");
    lines(&document.to_string(), true)
}

fn hide(table: &mut dyn TableLike, old: Option<&dyn TableLike>, name: &str) {
    let all = TABLES.contains(&name);
    for (key, item) in table.iter_mut() {
        let key = key.get().to_owned();
        let was = old.and_then(|old| old.get(&key));
        let secret = all || SECRET.contains(&key.as_str()) || ADDRESSES.contains(&(name, key.as_str()));
        if let Some(Value::String(text)) = item.as_value().filter(|_| secret) {
            if !text.value().is_empty() {
                let same = was.and_then(Item::as_str) == Some(text.value().as_str());
                let mut shown = Value::from(if same { MASK } else { CHANGED });
                *shown.decor_mut() = text.decor().clone();
                *item = Item::Value(shown);
            }
        } else if let Some(tables) = item.as_array_of_tables_mut() {
            for inner in tables.iter_mut() {
                let was = was.and_then(Item::as_array_of_tables);
                let was = was.and_then(|was| was.iter().find(|one| same_name(*one, inner)));
                hide(inner, was.map(|was| was as &dyn TableLike), &key);
            }
        } else if let Some(array) = item.as_array_mut() {
            for inner in array.iter_mut().filter_map(Value::as_inline_table_mut) {
                let was = was.and_then(Item::as_array).into_iter().flat_map(|was| was.iter());
                let was = was.filter_map(Value::as_inline_table).find(|one| same_name(*one, inner));
                hide(inner, was.map(|was| was as &dyn TableLike), &key);
            }
        } else if let Some(inner) = item.as_table_like_mut() {
            hide(inner, was.and_then(Item::as_table_like), &key);
        }
    }
}

fn same_name(one: &dyn TableLike, other: &dyn TableLike) -> bool {
    one.get("name").and_then(Item::as_str) == other.get("name").and_then(Item::as_str)
}

/// Secrets that stand in lines: in comments alone, as lines that were commented out, or anywhere.
fn lines(text: &str, comments: bool) -> String {
    let mut out = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        let mut line = line.to_owned();
        let names = SECRET.iter().copied().chain(["url", "from"]);
        names.for_each(|name| line = quoted(&line, name, comments));
        out.push_str(&line);
    }
    out
}

/// A line without the text in quotes behind `name =`.
fn quoted(line: &str, name: &str, comments: bool) -> String {
    let comment = if comments { line.find('#') } else { Some(0) };
    let Some(comment) = comment else { return line.to_owned() };
    let (before, mut rest) = line.split_at(comment);
    let mut out = before.to_owned();
    while let Some(at) = rest.find(name) {
        let (head, tail) = rest.split_at(at + name.len());
        out.push_str(head);
        rest = tail;
        let own = !head[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == '-');
        let value =
            rest.trim_start().strip_prefix('=').map(str::trim_start).and_then(|value| value.strip_prefix(['"', '\'']));
        let secret = |value: &str| name != "url" && name != "from" || value.contains("://");
        if let Some((hidden, behind)) = value.filter(|_| own).and_then(|value| value.split_once(['"', '\'']))
            && !hidden.is_empty()
            && secret(hidden)
        {
            out.extend([" = \"", MASK, "\""]);
            rest = behind;
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = r#"
[kafka]
sasl_password = "s3cret-a"
#sasl_password = "s3cret-b"
[mongodb]
url = "mongodb://u:s3cret-c@h"
[archive]
url = "s3://bucket/prefix"
key = { file = "/run/key" }
[[notify.channels]]
name = "chat" # token = "s3cret-d"
webhook = { url = "https://hooks/s3cret-e", secret = 's3cret-f', headers = { "X-Key" = "s3cret-g" } }
[[intel.lists]]
from = "https://feed/s3cret-h"
"#;

    #[test]
    fn no_secret_is_left_and_nothing_else_is_hidden() {
        let shown = masked(FILE, FILE);
        assert!(!shown.contains("s3cret"), "{shown}");
        assert!(!shown.contains("changed"), "{shown}");
        for kept in ["s3://bucket/prefix", "/run/key", "chat", "X-Key", "[[intel.lists]]"] {
            assert!(shown.contains(kept), "{kept}: {shown}");
        }
        let damaged = masked("password = \"s3cret\"\nx = [\n# password = \"s3cret\"", "");
        assert!(!damaged.contains("s3cret"), "{damaged}");
    }

    #[test]
    fn a_secret_that_is_new_is_marked_and_not_shown() {
        let before = FILE.replace("s3cret-c", "s3cret-z");
        let shown = masked(FILE, &before);
        assert_eq!(shown.matches("(hidden, changed)").count(), 1, "{shown}");
        assert!(masked(FILE, "").contains("(hidden, changed)"));
    }
}
