//! What the page knows of a setting, and which values are taken. Owns the checks of single values; the list is `registry`'s, and what
//! values mean together is the rooms'.

use super::registry::KNOWN;
use detect::behaviour::{BehaviourConfig, BehaviourSet};
use serde_json::Value as Json;
use serve::shapes::SettingKind;
use toml::Value;

/// Longest text of a setting, bytes.
const TEXT_BYTES_MAX: usize = 1_000;

/// Which values a setting takes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Taken {
    /// A number within bounds.
    Number(f64, f64),
    /// A whole number within bounds.
    Whole(f64, f64),
    /// True or false.
    Flag,
    /// A line of text.
    Text,
    /// So many lines of text.
    List(usize),
    /// One of these; empty: none.
    OneOf(&'static [&'static str]),
    /// Names of detectors.
    Names,
    /// None here: it is set in the configuration file.
    Shown,
}

/// One setting of the page.
pub struct Known {
    /// Key.
    pub key: &'static str,
    /// Group of the page.
    pub group: &'static str,
    /// Name for people.
    pub label: &'static str,
    /// What it does.
    pub text: &'static str,
    /// Unit for people.
    pub unit: &'static str,
    /// Values.
    pub taken: Taken,
}

/// The setting of this key.
pub fn find(key: &str) -> Option<&'static Known> {
    KNOWN.iter().find(|known| known.key == key)
}

/// Names that `behaviour.disabled` may hold.
pub fn detectors() -> Vec<&'static str> {
    BehaviourSet::new(&BehaviourConfig::default()).names()
}

impl Known {
    /// How the page draws it.
    pub fn kind(&self) -> SettingKind {
        match self.taken {
            Taken::Number(..) => SettingKind::Number,
            Taken::Whole(..) => SettingKind::Whole,
            Taken::Flag => SettingKind::Flag,
            Taken::Text | Taken::Shown => SettingKind::Text,
            Taken::List(_) => SettingKind::List,
            Taken::OneOf(_) => SettingKind::Choice,
            Taken::Names => SettingKind::Names,
        }
    }

    /// Smallest and largest number.
    pub fn range(&self) -> Option<(f64, f64)> {
        match self.taken {
            Taken::Number(min, max) | Taken::Whole(min, max) => Some((min, max)),
            _ => None,
        }
    }

    /// What may be chosen.
    pub fn choices(&self) -> Vec<String> {
        let names = match self.taken {
            Taken::Names => detectors(),
            Taken::OneOf(names) => names.to_vec(),
            _ => Vec::new(),
        };
        names.into_iter().map(str::to_owned).collect()
    }

    /// A value from the page as the file has it.
    ///
    /// # Errors
    /// In words: what is wrong with it, and what is taken.
    pub fn taken(&self, value: &Json) -> Result<Value, String> {
        let wrong = |wanted: &str| format!("`{}` is {value}: write {wanted}", self.key);
        match self.taken {
            Taken::Number(min, max) => self.number(value, (min, max), false),
            Taken::Whole(min, max) => self.number(value, (min, max), true),
            Taken::Flag => value.as_bool().map(Value::Boolean).ok_or_else(|| wrong("true or false")),
            Taken::Text => line(value).map(Value::String).ok_or_else(|| wrong("one line of text")),
            Taken::List(most) => {
                let lines = value.as_array().filter(|lines| lines.len() <= most);
                let lines: Option<Vec<String>> = lines.and_then(|lines| lines.iter().map(line).collect());
                let lines = lines.ok_or_else(|| wrong(&format!("a list of at most {most} texts")))?;
                let kept = lines.into_iter().filter(|line| !line.is_empty());
                Ok(Value::Array(kept.map(Value::String).collect()))
            }
            Taken::OneOf(choices) => {
                let chosen = value.as_str().filter(|chosen| choices.contains(chosen));
                chosen.map(Value::from).ok_or_else(|| wrong(&format!("one of \"{}\"", choices.join("\", \""))))
            }
            Taken::Names => self.names(value),
            Taken::Shown => Err(format!("`{}` is set in the configuration file", self.key)),
        }
    }

    fn number(&self, value: &Json, (min, max): (f64, f64), whole: bool) -> Result<Value, String> {
        let kind = if whole { "a whole number" } else { "a number" };
        let wanted = format!("`{}` is {value}: write {kind} from {min} to {max} ({})", self.key, self.unit);
        let given = value.as_f64().filter(|given| (min..=max).contains(given)).ok_or_else(|| wanted.clone())?;
        if whole && given.fract() != 0.0 {
            return Err(wanted);
        }
        Ok(if whole { Value::Integer(given as i64) } else { Value::Float(given) })
    }

    fn names(&self, value: &Json) -> Result<Value, String> {
        let known = detectors();
        let wanted = || format!("`{}` is {value}: write a list of names out of {}", self.key, known.join(", "));
        let mut names = Vec::new();
        for name in value.as_array().ok_or_else(wanted)? {
            let name = name.as_str().filter(|name| known.contains(name)).ok_or_else(wanted)?;
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names.sort_unstable();
        Ok(Value::Array(names.into_iter().map(Value::from).collect()))
    }
}

/// One line without blanks around it.
fn line(value: &Json) -> Option<String> {
    let text = value.as_str()?.trim();
    (text.len() <= TEXT_BYTES_MAX && !text.chars().any(char::is_control)).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::config::{COMMENTED, Config};
    use crate::settings::layers::value;
    use serde_json::json;

    #[test]
    fn every_known_key_is_a_setting_whose_default_is_taken() {
        let all: toml::Table = toml::from_str(COMMENTED).unwrap();
        for (place, known) in KNOWN.iter().enumerate() {
            let default = value(&all, known.key).unwrap_or_else(|| panic!("{} is no setting", known.key));
            assert!(!known.text.is_empty() && !known.label.is_empty(), "{} has no words", known.key);
            assert!(KNOWN[..place].iter().all(|other| other.key != known.key), "{} is there twice", known.key);
            if known.taken != Taken::Shown {
                let given = serde_json::to_value(default).unwrap();
                let taken = known.taken(&given).unwrap_or_else(|why| panic!("{why}"));
                let mut table = toml::Table::try_from(Config::default()).unwrap();
                crate::config::put(&mut table, known.key, taken).unwrap();
                table.try_into::<Config>().unwrap_or_else(|e| panic!("{}: {e}", known.key));
            }
        }
    }

    #[test]
    fn what_does_not_fit_is_refused_with_what_is_taken() {
        let refused = |key: &str, value: &Json| find(key).unwrap().taken(value).unwrap_err();
        assert!(refused("alert.per_hour", &json!(-1)).contains("from 0 to 1000"));
        assert!(refused("alert.per_hour", &json!("4")).contains("a number"));
        assert!(refused("store.flows_age_h", &json!(1.5)).contains("a whole number"));
        assert!(refused("behaviour.disabled", &json!(["beacon", "nothing"])).contains("port_scan"));
        assert!(refused("serve.listen", &json!("0.0.0.0:1")).contains("configuration file"));
        assert!(refused("host.watch", &json!(1)).contains("true or false"));
        assert!(refused("reports.every", &json!("year")).contains("month"));
        assert!(refused("networks.home", &json!(["10.0.0.0/8\n[x]"])).contains("a list"));
        let names = find("behaviour.disabled").unwrap().taken(&json!(["volume", "beacon", "volume"])).unwrap();
        assert_eq!(names.to_string(), "[\"beacon\", \"volume\"]");
        let lines = find("capture.interfaces").unwrap().taken(&json!([" eth0 ", ""])).unwrap();
        assert_eq!(lines.to_string(), "[\"eth0\"]");
    }
}
