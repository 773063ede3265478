//! A password, key or address that nobody may read: written in the settings as text, or as the name of a file or of an environment
//! variable. Owns that it never shows: printing and serialising it gives a mask.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::path::PathBuf;

/// What is shown in its place.
pub const MASK: &str = "********";
/// Longest secret read from a file, bytes.
const FILE_BYTES_MAX: u64 = 64 << 10;

/// Where a secret comes from. Default: there is none.
#[derive(Clone, Default, PartialEq, Eq)]
pub enum Secret {
    /// Not set.
    #[default]
    None,
    /// `password = "…"`.
    Text(String),
    /// `password = { file = "/run/secrets/mail" }`; one line end at its end is not part of it.
    File(PathBuf),
    /// `password = { env = "MAIL_PASSWORD" }`.
    Env(String),
}

impl Secret {
    /// True when nothing was set.
    #[must_use]
    pub fn is_none(&self) -> bool {
        matches!(self, Self::None) || matches!(self, Self::Text(text) if text.is_empty())
    }

    /// Its value; empty when not set.
    ///
    /// # Errors
    /// A sentence that names the file or the variable, never the value.
    pub fn reveal(&self) -> Result<String, String> {
        match self {
            Self::None => Ok(String::new()),
            Self::Text(text) if text == MASK => {
                Err(format!("`{MASK}` is what `tripline config show` writes in place of a secret; write the secret"))
            }
            Self::Text(text) => Ok(text.clone()),
            Self::File(path) => {
                let told = |e: &dyn fmt::Display| format!("{}: {e}", path.display());
                let bytes = std::fs::metadata(path).map_err(|e| told(&e))?.len();
                if bytes > FILE_BYTES_MAX {
                    return Err(told(&format!("{bytes} bytes are more than a secret has")));
                }
                let text = std::fs::read_to_string(path).map_err(|e| told(&e))?;
                let text = text.strip_suffix('\n').unwrap_or(&text);
                Ok(text.strip_suffix('\r').unwrap_or(text).to_owned())
            }
            Self::Env(name) => std::env::var(name).map_err(|_| format!("the environment has no variable {name}")),
        }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("none"),
            Self::Text(_) => f.write_str(MASK),
            Self::File(path) => write!(f, "file {}", path.display()),
            Self::Env(name) => write!(f, "environment {name}"),
        }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Place {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    file: Option<PathBuf>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    env: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Written {
    Text(String),
    Place(Place),
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let written = match self {
            Self::None => Written::Text(String::new()),
            Self::Text(text) if text.is_empty() => Written::Text(String::new()),
            Self::Text(_) => Written::Text(MASK.to_owned()),
            Self::File(path) => Written::Place(Place { file: Some(path.clone()), env: None }),
            Self::Env(name) => Written::Place(Place { file: None, env: Some(name.clone()) }),
        };
        written.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let wrong =
            || serde::de::Error::custom("write a secret as \"text\", { file = \"PATH\" } or { env = \"NAME\" }");
        match Written::deserialize(deserializer).map_err(|_| wrong())? {
            Written::Text(text) if text.is_empty() => Ok(Self::None),
            Written::Text(text) => Ok(Self::Text(text)),
            Written::Place(Place { file: Some(path), env: None }) => Ok(Self::File(path)),
            Written::Place(Place { file: None, env: Some(name) }) => Ok(Self::Env(name)),
            Written::Place(_) => Err(wrong()),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn it_never_shows() {
        let secret: Secret = serde_json::from_str("\"hunter2\"").unwrap();
        assert_eq!(secret.reveal().unwrap(), "hunter2");
        assert!(!format!("{secret:?}").contains("hunter2"));
        let shown = serde_json::to_string(&secret).unwrap();
        assert_eq!(shown, format!("\"{MASK}\""));
        let back: Secret = serde_json::from_str(&shown).unwrap();
        assert!(back.reveal().unwrap_err().contains("config show"));
    }

    #[test]
    fn files_and_variables_are_named_when_they_are_missing() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("secret");
        let secret: Secret = serde_json::from_value(serde_json::json!({ "file": path })).unwrap();
        assert!(secret.reveal().unwrap_err().contains("secret"));
        std::fs::write(&path, "two words\n").unwrap();
        assert_eq!(secret.reveal().unwrap(), "two words");
        let secret: Secret = serde_json::from_str(r#"{"env":"TRIPLINE_NO_SUCH_NAME"}"#).unwrap();
        assert!(secret.reveal().unwrap_err().contains("TRIPLINE_NO_SUCH_NAME"));
        assert!(serde_json::from_str::<Secret>(r#"{"env":"A","file":"b"}"#).is_err());
        assert!(serde_json::from_str::<Secret>("7").is_err());
    }
}
