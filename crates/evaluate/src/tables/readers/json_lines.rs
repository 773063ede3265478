//! JSON, one object a line: Zeek's JSON logs, `tripline flows -o json`, EVE. Nested objects become `outer.inner`; lists are left. Of a
//! log with `event_type` only the flows are rows, when it holds some.

use super::{TableReader, at_line};
use crate::tables::raw::RawTable;
use crate::tables::{ReadOptions, TableError};
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::BufRead;

/// Lines that begin with `{`.
pub(super) const READER: TableReader = TableReader {
    name: "JSON lines",
    recognise: |first| first.iter().find(|b| !b.is_ascii_whitespace()) == Some(&b'{'),
    read,
};

fn flatten(prefix: &str, value: &Value, out: &mut BTreeMap<String, String>) {
    let name = |key: &str| if prefix.is_empty() { key.to_owned() } else { format!("{prefix}.{key}") };
    match value {
        Value::Object(fields) => fields.iter().for_each(|(key, value)| flatten(&name(key), value, out)),
        Value::String(text) => drop(out.insert(prefix.to_owned(), text.clone())),
        Value::Number(number) => drop(out.insert(prefix.to_owned(), number.to_string())),
        Value::Bool(flag) => drop(out.insert(prefix.to_owned(), u8::from(*flag).to_string())),
        Value::Null | Value::Array(_) => {}
    }
}

fn read(name: &str, input: Box<dyn BufRead>, _: &ReadOptions) -> Result<RawTable, TableError> {
    let mut rows = Vec::new();
    let mut names: Vec<String> = Vec::new();
    for (place, line) in input.lines().enumerate() {
        let number = place as u64 + 1;
        let line = line.map_err(|error| at_line(name, number, &error))?;
        if line.trim().is_empty() {
            continue;
        }
        let value: Value = serde_json::from_str(&line)
            .map_err(|error| TableError::row(name, number, format!("it is no JSON object: {error}")))?;
        let mut cells = BTreeMap::new();
        flatten("", &value, &mut cells);
        // Objects leave out what they do not have: the columns are those of all rows.
        for key in cells.keys() {
            if let Err(place) = names.binary_search(key) {
                names.insert(place, key.clone());
            }
        }
        rows.push((number, cells));
    }
    let is_flow = |row: &(u64, BTreeMap<String, String>)| row.1.get("event_type").is_some_and(|kind| kind == "flow");
    let all = rows.len();
    if rows.iter().any(is_flow) {
        rows.retain(is_flow);
    }
    let mut table = RawTable::new(name, names.iter().cloned())?;
    if rows.len() < all {
        table.notes.push(format!("{name}: {} events that are no flows are left out", all - rows.len()));
    }
    for (number, cells) in &rows {
        table.push(*number, names.iter().map(|key| cells.get(key).map_or("", String::as_str)))?;
    }
    Ok(table)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn objects_with_different_fields_share_a_table() {
        let text = "{\"a\": 1, \"b\": {\"c\": \"x\"}}\n\n{\"a\": null, \"d\": true}\n";
        let t = read("l.json", Box::new(text.as_bytes()), &ReadOptions::default()).unwrap();
        let names: Vec<&str> = t.columns.iter().map(|column| &*column.name).collect();
        assert_eq!((names, t.rows), (vec!["a", "b.c", "d"], 2));
        assert!(t.columns[0].number(1).is_nan() && t.columns[2].number(1) == 1.0);
        let bad = read("l.json", Box::new(&b"{\"a\": 1}\n{\"a\": \n"[..]), &ReadOptions::default()).unwrap_err();
        assert!(bad.to_string().starts_with("l.json, line 2: it is no JSON object"), "{bad}");
    }
}
