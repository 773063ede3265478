//! A file of settings as its author wrote it: values are changed in place, comments and order stay. Owns the form of the text; which
//! values may be written is `known`'s, and where the file lies is `place`'s.

use toml::{Table as Plain, Value as PlainValue};
use toml_edit::{Array, ArrayOfTables, DocumentMut, InlineTable, Item, Table, TableLike, Value};

/// The table of notification channels.
const CHANNELS: (&str, &str) = ("notify", "channels");

/// See the module.
#[derive(Clone, Debug)]
pub struct Document(DocumentMut);

/// What cannot be written without changing what its author meant.
fn form(key: &str) -> String {
    format!("`{key}` stands in the file in a form that this page does not change; change it there")
}

fn inline(value: &PlainValue) -> Result<Value, String> {
    value.to_string().parse().map_err(|e: toml_edit::TomlError| e.message().to_owned())
}

impl Document {
    /// Reads a text.
    pub fn parse(text: &str) -> Result<Self, String> {
        text.parse().map(Self).map_err(|e: toml_edit::TomlError| e.message().to_owned())
    }

    /// The text.
    pub fn text(&self) -> String {
        self.0.to_string()
    }

    /// The values.
    pub fn values(&self) -> Result<Plain, String> {
        toml::from_str(&self.text()).map_err(|e| e.message().to_owned())
    }

    /// Is there a value at this key?
    pub fn has(&self, key: &str) -> bool {
        let (sections, last) = split(key);
        let mut here: &dyn TableLike = self.0.as_table();
        for name in sections {
            let Some(next) = here.get(name).and_then(Item::as_table_like) else { return false };
            here = next;
        }
        here.contains_key(last)
    }

    /// Writes a value: over the one that is there, in place of one that is commented out, or at the end of its section.
    pub fn set(&mut self, key: &str, value: &PlainValue) -> Result<(), String> {
        let new = inline(value)?;
        let (sections, last) = split(key);
        if let Some(item) = self.parent(&sections).and_then(|parent| parent.get_mut(last)) {
            let old = item.as_value_mut().ok_or_else(|| form(key))?;
            let decor = old.decor().clone();
            *old = new;
            *old.decor_mut() = decor;
            return Ok(());
        }
        let text = self.text();
        if let Some(next) = uncommented(&text, key, &new.to_string()).and_then(|text| Self::parse(&text).ok())
            && next.has(key)
        {
            *self = next;
            return Ok(());
        }
        if self.0.is_empty() && !text.trim().is_empty() {
            // Comments alone would come to stand behind the first section.
            let header = sections.join(".");
            *self = Self::parse(&format!("{}\n\n[{header}]\n{last} = {new}\n", text.trim_end()))?;
            return Ok(());
        }
        self.section(&sections, key)?.insert(last, Item::Value(new));
        Ok(())
    }

    /// Takes a value out. One that has a comment stays, with its default: the comment would stand there without it.
    pub fn unset(&mut self, key: &str, default: Option<&PlainValue>) -> Result<(), String> {
        let (sections, last) = split(key);
        let Some(parent) = self.parent(&sections).filter(|parent| parent.contains_key(last)) else { return Ok(()) };
        let says = |raw: Option<&toml_edit::RawString>| {
            raw.and_then(|raw| raw.as_str()).is_some_and(|text| text.contains('#'))
        };
        let before = parent.key(last).is_some_and(|key| says(key.leaf_decor().prefix()));
        let behind = parent.get(last).and_then(Item::as_value).is_some_and(|value| says(value.decor().suffix()));
        match default {
            Some(default) if before || behind => self.set(key, default),
            _ => {
                parent.remove(last);
                self.prune(&sections);
                Ok(())
            }
        }
    }

    /// Removes sections that nothing stands in any more, innermost first; one with a comment stays.
    fn prune(&mut self, sections: &[&str]) {
        for depth in (1..=sections.len()).rev() {
            let (outer, name) = (&sections[..depth - 1], sections[depth - 1]);
            let Some(parent) = self.parent(outer) else { return };
            let bare = |table: &Table| {
                let prefix = table.decor().prefix().and_then(|raw| raw.as_str()).unwrap_or_default();
                table.is_empty() && !prefix.contains('#')
            };
            if !parent.get(name).and_then(Item::as_table).is_some_and(bare) {
                return;
            }
            parent.remove(name);
        }
    }

    fn parent(&mut self, sections: &[&str]) -> Option<&mut dyn TableLike> {
        let mut here: &mut dyn TableLike = self.0.as_table_mut();
        for name in sections {
            here = here.get_mut(name)?.as_table_like_mut()?;
        }
        Some(here)
    }

    /// The section, made where it is missing.
    fn section(&mut self, sections: &[&str], key: &str) -> Result<&mut dyn TableLike, String> {
        let mut here: &mut dyn TableLike = self.0.as_table_mut();
        let mut in_line = false;
        for name in sections {
            let fresh = if in_line {
                Item::Value(Value::InlineTable(InlineTable::new()))
            } else {
                let mut table = Table::new();
                table.set_implicit(true);
                Item::Table(table)
            };
            let item = here.entry(name).or_insert(fresh);
            in_line = item.is_inline_table();
            here = item.as_table_like_mut().ok_or_else(|| form(key))?;
        }
        Ok(here)
    }

    /// Adds a notification channel, or writes the fields that are given over those of the one of this name.
    pub fn put_channel(&mut self, name: &str, fields: &Plain) -> Result<(), String> {
        if let Some(channel) = self.channels(name) {
            return merge(channel, fields);
        }
        let mut whole = Plain::new();
        whole.insert("name".to_owned(), PlainValue::String(name.to_owned()));
        whole.extend(fields.clone());
        let key = format!("{}.{}", CHANNELS.0, CHANNELS.1);
        if !self.has(&key) {
            // A table of its own would take in settings that stand commented out below it.
            self.set(&key, &PlainValue::Array(Vec::new()))?;
        }
        let item = self.section(&[CHANNELS.0], &key)?.get_mut(CHANNELS.1).ok_or_else(|| form(&key))?;
        if let Some(tables) = item.as_array_of_tables_mut() {
            let mut table = Table::new();
            for (key, value) in &whole {
                table.insert(key, Item::Value(inline(value)?));
            }
            tables.push(table);
            return Ok(());
        }
        let array = item.as_array_mut().ok_or_else(|| form("notify.channels"))?;
        let mut value = inline(&PlainValue::Table(whole))?;
        value.decor_mut().set_prefix("\n    ");
        array.push_formatted(value);
        end_on_its_own_line(array);
        Ok(())
    }

    /// Takes a channel out; false: there is none of this name.
    pub fn drop_channel(&mut self, name: &str) -> bool {
        let named = |table: &dyn TableLike| table.get("name").and_then(Item::as_str) == Some(name);
        let section = self.0.get_mut(CHANNELS.0).and_then(Item::as_table_like_mut);
        let Some(item) = section.and_then(|section| section.get_mut(CHANNELS.1)) else { return false };
        let before = list_len(item);
        if let Some(tables) = item.as_array_of_tables_mut() {
            tables.retain(|table| !named(table));
        } else if let Some(array) = item.as_array_mut() {
            array.retain(|value| !value.as_inline_table().is_some_and(|table| named(table)));
        }
        let after = list_len(item);
        if after == 0 && item.is_array_of_tables() {
            let section = self.0.get_mut(CHANNELS.0).and_then(Item::as_table_like_mut);
            section.map(|section| section.remove(CHANNELS.1));
        }
        after < before
    }

    fn channels(&mut self, name: &str) -> Option<&mut dyn TableLike> {
        let named = |table: &dyn TableLike| table.get("name").and_then(Item::as_str) == Some(name);
        let item = self.0.get_mut(CHANNELS.0)?.as_table_like_mut()?.get_mut(CHANNELS.1)?;
        if item.is_array_of_tables() {
            let tables = item.as_array_of_tables_mut()?;
            return tables.iter_mut().find(|table| named(*table)).map(|table| table as &mut dyn TableLike);
        }
        let tables = item.as_array_mut()?.iter_mut().filter_map(Value::as_inline_table_mut);
        tables.into_iter().find(|table| named(*table)).map(|table| table as &mut dyn TableLike)
    }
}

fn list_len(item: &Item) -> usize {
    item.as_array_of_tables().map_or_else(|| item.as_array().map_or(0, Array::len), ArrayOfTables::len)
}

fn end_on_its_own_line(array: &mut Array) {
    array.set_trailing_comma(true);
    array.set_trailing("\n");
}

/// Writes fields over those that are there. What names where a secret comes from takes its place whole.
fn merge(table: &mut dyn TableLike, fields: &Plain) -> Result<(), String> {
    for (key, value) in fields {
        let origin = |value: &Plain| value.keys().all(|key| key == "file" || key == "env");
        let there = table.get_mut(key).and_then(Item::as_table_like_mut);
        match (value, there) {
            (PlainValue::Table(inner), Some(there)) if !origin(inner) => merge(there, inner)?,
            _ => drop(table.insert(key, Item::Value(inline(value)?))),
        }
    }
    Ok(())
}

fn split(key: &str) -> (Vec<&str>, &str) {
    let mut parts: Vec<&str> = key.split('.').collect();
    let last = parts.pop().unwrap_or_default();
    (parts, last)
}

/// The text with the commented lines of this key in its section replaced by the setting, when there are any.
fn uncommented(text: &str, key: &str, value: &str) -> Option<String> {
    let (section, last) = key.rsplit_once('.')?;
    let (header, start) = (format!("[{section}]"), format!("#{last} = "));
    let lines: Vec<&str> = text.lines().collect();
    let inside = lines.iter().position(|line| line.trim_end() == header)? + 1;
    let length = lines[inside..].iter().position(|line| line.starts_with('['));
    let end = length.map_or(lines.len(), |length| inside + length);
    let from = inside + lines[inside..end].iter().position(|line| line.starts_with(&start))?;
    // A list may go on over more commented lines, until its brackets meet.
    let mut open = 0_isize;
    let upto = (from..end).take_while(|at| lines[*at].starts_with('#')).find(|at| {
        open += lines[*at].matches('[').count() as isize - lines[*at].matches(']').count() as isize;
        open <= 0
    })?;
    let setting = format!("{last} = {}", value.trim());
    let kept = lines[..from].iter().copied().chain([setting.as_str()]).chain(lines[upto + 1..].iter().copied());
    Some(kept.flat_map(|line| [line, "\n"]).collect())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn document(text: &str) -> Document {
        Document::parse(text).unwrap()
    }

    fn value(text: &str) -> PlainValue {
        toml::from_str::<Plain>(&format!("v = {text}")).unwrap().remove("v").unwrap()
    }

    #[test]
    fn a_value_is_changed_in_place_and_nothing_else() {
        let text =
            "# mine\n[store]  # s\nflows_age_h = 9 # nine\n\n# budget\n[alert]\n# why\nper_hour =   4.0 # four\n";
        let mut changed = document(text);
        changed.set("alert.per_hour", &value("7.5")).unwrap();
        assert_eq!(changed.text(), text.replace("4.0", "7.5"));
        changed.set("alert.per_hour", &value("4.0")).unwrap();
        assert_eq!(changed.text(), text, "and back");
    }

    #[test]
    fn the_shipped_file_changes_by_one_line_for_each_setting() {
        let shipped = crate::config::COMMENTED;
        for known in crate::settings::registry::KNOWN {
            let all: Plain = toml::from_str(shipped).unwrap();
            let default = crate::settings::layers::value(&all, known.key).unwrap();
            let mut same = document(shipped);
            same.set(known.key, default).unwrap();
            assert_eq!(same.values().unwrap(), all, "{}", known.key);
            assert!(
                shipped.lines().filter(|l| l.starts_with('#')).eq(same.text().lines().filter(|l| l.starts_with('#')))
            );
        }
    }

    #[test]
    fn a_new_value_takes_the_place_of_its_comment_or_the_end_of_its_section() {
        let mut role = document("# head\n[alert]\n# How many.\n#per_hour = 4.0\n# Idle.\n#idle_s = 7200\n");
        role.set("alert.per_hour", &value("2.0")).unwrap();
        assert_eq!(role.text(), "# head\n[alert]\n# How many.\nper_hour = 2.0\n# Idle.\n#idle_s = 7200\n");
        let mut long = document("[networks]\n# Ours.\n#home = [\n#\"a\",\n#]\n# More.\n#other = 1\n");
        long.set("networks.home", &value("[\"b\"]")).unwrap();
        assert_eq!(long.text(), "[networks]\n# Ours.\nhome = [\"b\"]\n# More.\n#other = 1\n");
        let mut short = document("# only words\n");
        short.set("behaviour.volume.floor_bytes_per_s", &value("1.0")).unwrap();
        assert_eq!(short.text(), "# only words\n\n[behaviour.volume]\nfloor_bytes_per_s = 1.0\n");
        short.set("alert.per_hour", &value("3.0")).unwrap();
        assert!(short.text().starts_with("# only words\n") && short.text().contains("\n[alert]\nper_hour = 3.0\n"));
        let mut dotted = document("alert.per_hour = 1.0\nstore = { flows_age_h = 3 }\n");
        dotted.set("alert.per_hour", &value("2.0")).unwrap();
        dotted.set("store.hosts_max", &value("9")).unwrap();
        let values = dotted.values().unwrap();
        assert_eq!(
            (values["alert"]["per_hour"].as_float(), values["store"]["hosts_max"].as_integer()),
            (Some(2.0), Some(9))
        );
    }

    #[test]
    fn what_is_taken_out_leaves_comments_and_no_empty_section() {
        let mut plain = document("[a.b]\nx = 1\n\n[c]\n# said\ny = 2\n");
        plain.unset("a.b.x", Some(&value("5"))).unwrap();
        plain.unset("c.y", Some(&value("5"))).unwrap();
        plain.unset("c.z", None).unwrap();
        assert_eq!(plain.text().trim_start(), "[c]\n# said\ny = 5\n");
    }

    #[test]
    fn channels_are_added_changed_and_taken_out_in_either_form() {
        let fields: Plain = toml::from_str("kind = \"webhook\"\nwebhook = { url = \"https://h/key\" }").unwrap();
        let more: Plain = toml::from_str("severity_min = \"high\"\nwebhook = { template = \"slack\" }").unwrap();
        for text in [
            "",
            "[notify]\n# words\nchannels = []\n",
            "[notify]\n#settle_s = 5.0\n# words\n#channels = []\n#more = 1\n",
            "[notify]\nsettle_s = 1.0\n\n[[notify.channels]]\nname = \"b\"\nkind = \"file\"\n",
        ] {
            let mut file = document(text);
            file.put_channel("a", &fields).unwrap();
            file.put_channel("a", &more).unwrap();
            let values = document(&file.text()).values().unwrap();
            let channel = values["notify"]["channels"]
                .as_array()
                .unwrap()
                .iter()
                .find(|c| c["name"].as_str() == Some("a"))
                .unwrap()
                .clone();
            assert_eq!(channel["webhook"]["url"].as_str(), Some("https://h/key"), "{text}: what is not given stays");
            assert_eq!(
                (channel["webhook"]["template"].as_str(), channel["severity_min"].as_str()),
                (Some("slack"), Some("high"))
            );
            let origin: Plain = toml::from_str("webhook = { url = { env = \"HOOK\" } }").unwrap();
            file.put_channel("a", &origin).unwrap();
            assert!(file.text().contains("HOOK") && !file.text().contains("h/key"));
            assert!(file.drop_channel("a") && !file.drop_channel("a"));
            assert_eq!(
                document(&file.text()).values().unwrap().get("notify").and_then(|n| n.get("settle_s")).is_some(),
                text.contains("\nsettle_s")
            );
        }
    }
}
