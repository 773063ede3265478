//! Why the server does not take what it is given, in one sentence with what to do. Owns the words; the driver's own are kept short and
//! without secrets.

use mongodb::error::{Error, ErrorKind};

/// Longest part of the driver's words.
const WORDS_MAX: usize = 200;

/// A reason why nothing can be written now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// `unreachable`, `login`, `right`, `settings`, `server`, `store`: the name of its counter.
    pub reason: &'static str,
    /// What and where.
    pub text: String,
    /// What to do.
    pub advice: String,
}

/// Codes of commands that a user may not run.
const NO_RIGHT: [i32; 2] = [13, 8000];
/// Codes of a login that fails.
const NO_LOGIN: [i32; 2] = [18, 11];
/// Code of a command or an option that the server does not have.
pub(super) const NOT_IMPLEMENTED: i32 = 238;

impl Trouble {
    /// An answer that did not come in time.
    pub(super) fn silent(server: &str, seconds: u64) -> Self {
        Self::unreachable(server, &format!("no answer within {seconds} s"))
    }

    fn unreachable(server: &str, words: &str) -> Self {
        Self {
            reason: "unreachable",
            text: format!("MongoDB at {server} cannot be reached: {words}"),
            advice: "Start the server, or correct mongodb.url. What changes meanwhile waits and is written when the server answers."
                .to_owned(),
        }
    }

    fn login(server: &str, words: &str) -> Self {
        Self {
            reason: "login",
            text: format!("MongoDB at {server} refuses the user or the password: {words}"),
            advice:
                "Correct user and password in mongodb.url; add ?authSource=NAME where the user is of another database."
                    .to_owned(),
        }
    }

    /// What the embedded store says.
    pub(super) fn store(error: &crate::StoreError) -> Self {
        Self {
            reason: "store",
            text: format!("What is to go to MongoDB cannot be read: {error}"),
            advice: String::new(),
        }
    }

    /// What the settings hold cannot be used.
    pub(super) fn settings(words: String) -> Self {
        Self { reason: "settings", text: words, advice: "Correct the section [mongodb] of the settings.".to_owned() }
    }

    /// The driver's error; `words` without secrets.
    pub(super) fn of(error: &Error, server: &str, database: &str, words: &str) -> Self {
        let words = short(words);
        match &*error.kind {
            ErrorKind::Authentication { .. } => Self::login(server, &words),
            ErrorKind::Command(command) if NO_LOGIN.contains(&command.code) => Self::login(server, &words),
            ErrorKind::Command(command) if NO_RIGHT.contains(&command.code) => Self {
                reason: "right",
                text: format!("MongoDB at {server} gives no right to write into the database {database}: {words}"),
                advice: format!("Give the user the role readWrite of the database {database}."),
            },
            ErrorKind::ServerSelection { message, .. }
                if message.contains("Authentication") || message.contains("SCRAM") =>
            {
                Self::login(server, &words)
            }
            ErrorKind::InvalidTlsConfig { .. } | ErrorKind::InvalidArgument { .. } => {
                Self::settings(format!("mongodb.url cannot be used: {words}"))
            }
            ErrorKind::Command(_) | ErrorKind::Write(_) | ErrorKind::InvalidResponse { .. } => Self {
                reason: "server",
                text: format!("MongoDB at {server} does not carry out what it is asked: {words}"),
                advice: "See the server's log. What changes meanwhile waits.".to_owned(),
            },
            _ => Self::unreachable(server, &words),
        }
    }
}

/// The beginning of many words, on one line.
pub(super) fn short(words: &str) -> String {
    let line = words.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut chars = line.chars();
    let start: String = chars.by_ref().take(WORDS_MAX).collect();
    if chars.next().is_some() { format!("{start}…") } else { start }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_words_are_cut_at_a_character() {
        assert_eq!(short(" one\n two "), "one two");
        let long = short(&"é".repeat(300));
        assert_eq!((long.chars().count(), long.ends_with('…')), (WORDS_MAX + 1, true));
    }
}
