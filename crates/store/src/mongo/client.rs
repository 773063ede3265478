//! One server as the sink uses it: commands with a time limit, documents put in place by id, refusals told apart. Owns the form of the
//! commands, which any server since MongoDB 4.4 and those compatible with it have.

use super::config::{MongoConfig, label, without_secrets};
use super::documents::Upsert;
use super::trouble::{Trouble, short};
use mongodb::bson::{Bson, Document, doc, serialize_to_vec};
use mongodb::options::ClientOptions;
use mongodb::{Client, Database};
use std::future::Future;
use std::time::Duration;

/// Largest document that is sent; servers take 16 MiB with what stands around it.
pub(super) const DOCUMENT_BYTES_MAX: usize = 15 << 20;
/// Most bytes of documents of one command, but for one that is larger by itself.
const COMMAND_BYTES_MAX: usize = 8 << 20;
/// A key that is there already: what is there is as new or newer.
const DUPLICATE_KEY: i32 = 11_000;
/// Refusals of single documents that are over later: interrupted, stepped down, no primary, shutting down, conflicts, time limits.
const PASSING: [i32; 16] = [6, 7, 50, 64, 89, 91, 112, 189, 262, 9_001, 10_058, 10_107, 11_600, 11_602, 13_435, 13_436];

/// What became of documents.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Written {
    /// Revisions that are there, or older than what is there.
    pub done: Vec<i64>,
    /// Refused for good: revision, document and why.
    pub refused: Vec<(i64, String)>,
}

/// A server.
pub(super) struct Server {
    database: Database,
    url: String,
    label: String,
    timeout_s: u64,
    concern: Bson,
}

impl Server {
    /// Reads the settings and asks the server whether it is there.
    pub(super) async fn open(config: &MongoConfig) -> Result<Self, Trouble> {
        let url = config.reveal().map_err(Trouble::settings)?;
        let (label, timeout_s) = (label(&url), config.timeout_s);
        let failed = |e: &mongodb::error::Error| {
            Trouble::of(e, &label, &config.database, &without_secrets(&url, &e.kind.to_string()))
        };
        let parsed = tokio::time::timeout(Duration::from_secs(timeout_s), ClientOptions::parse(&url)).await;
        let mut options = parsed.map_err(|_| Trouble::silent(&label, timeout_s))?.map_err(|e| failed(&e))?;
        let wait = Duration::from_secs(timeout_s);
        options.app_name.get_or_insert_with(|| "tripline".to_owned());
        // Before the limit of the command, so that the reason is told and not only that time is over.
        options.server_selection_timeout.get_or_insert(wait.mul_f64(0.8));
        options.connect_timeout.get_or_insert(wait.mul_f64(0.7));
        let concern = options.write_concern.as_ref().and_then(|c| mongodb::bson::serialize_to_bson(c).ok());
        let client = Client::with_options(options).map_err(|e| failed(&e))?;
        let database = client.database(&config.database);
        let concern = concern.unwrap_or_else(|| Bson::Document(doc! { "w": "majority" }));
        let server = Self { database, url, label, timeout_s, concern };
        server.command(doc! { "ping": 1 }).await?;
        Ok(server)
    }

    /// Its name for people.
    pub(super) fn label(&self) -> &str {
        &self.label
    }

    /// One command within the time limit.
    pub(super) async fn command(&self, command: Document) -> Result<Document, Trouble> {
        self.limited(self.database.run_command(command).into_future()).await?.map_err(|e| self.trouble(&e))
    }

    /// The same, with the code of a refusal.
    pub(super) async fn try_command(&self, command: Document) -> Result<Result<Document, i32>, Trouble> {
        match self.limited(self.database.run_command(command).into_future()).await? {
            Ok(answer) => Ok(Ok(answer)),
            Err(error) => match &*error.kind {
                mongodb::error::ErrorKind::Command(refusal) if self.trouble(&error).reason == "server" => {
                    Ok(Err(refusal.code))
                }
                _ => Err(self.trouble(&error)),
            },
        }
    }

    async fn limited<T>(&self, work: impl Future<Output = T>) -> Result<T, Trouble> {
        let limit = Duration::from_secs(self.timeout_s);
        tokio::time::timeout(limit, work).await.map_err(|_| Trouble::silent(&self.label, self.timeout_s))
    }

    fn trouble(&self, error: &mongodb::error::Error) -> Trouble {
        let words = without_secrets(&self.url, &error.kind.to_string());
        Trouble::of(error, &self.label, self.database.name(), &words)
    }

    /// True when a collection has no document.
    pub(super) async fn is_empty(&self, collection: &str) -> Result<bool, Trouble> {
        let answer = self
            .command(doc! { "find": collection, "limit": 1, "projection": { "_id": 1 }, "singleBatch": true })
            .await?;
        let first = answer.get_document("cursor").and_then(|cursor| cursor.get_array("firstBatch"));
        Ok(first.is_ok_and(Vec::is_empty))
    }

    /// Puts documents in place: new ones, and those that are newer than what is there.
    pub(super) async fn put(&self, collection: &str, upserts: Vec<Upsert>) -> Result<Written, Trouble> {
        let mut written = Written::default();
        let (mut command, mut bytes) = (Vec::new(), 0);
        for upsert in upserts {
            let size = serialize_to_vec(&upsert.document).map_or(usize::MAX, |bytes| bytes.len());
            if size > DOCUMENT_BYTES_MAX {
                let why = format!("{collection}/{}: a document of {size} bytes is too large", upsert.id);
                written.refused.push((upsert.revision, why));
                continue;
            }
            if bytes + size > COMMAND_BYTES_MAX && !command.is_empty() {
                self.put_all(collection, std::mem::take(&mut command), &mut written).await?;
                bytes = 0;
            }
            bytes += size;
            command.push(upsert);
        }
        self.put_all(collection, command, &mut written).await?;
        Ok(written)
    }

    /// Until every document has an answer: some servers stop at the first that they refuse.
    async fn put_all(&self, collection: &str, mut waiting: Vec<Upsert>, written: &mut Written) -> Result<(), Trouble> {
        while !waiting.is_empty() {
            let updates: Vec<Document> = waiting.iter().map(update).collect();
            let command = doc! {
                "update": collection, "updates": updates, "ordered": false, "writeConcern": self.concern.clone()
            };
            let answer = self.command(command).await?;
            let settled = settle(collection, &answer, &waiting).map_err(|words| Trouble {
                reason: "server",
                text: format!("MongoDB at {} does not keep what it is given: {words}", self.label),
                advice: "See the server's log. What changes meanwhile waits.".to_owned(),
            })?;
            written.done.extend(&settled.done);
            let answered: Vec<i64> =
                settled.done.iter().chain(settled.refused.iter().map(|(revision, _)| revision)).copied().collect();
            written.refused.extend(settled.refused);
            waiting.retain(|upsert| !answered.contains(&upsert.revision));
        }
        Ok(())
    }
}

/// What is newer stays: then nothing matches, and the insert finds the id there.
fn update(upsert: &Upsert) -> Document {
    doc! {
        "q": { "_id": upsert.id.clone(), "revision": { "$lte": upsert.revision } },
        "u": upsert.document.clone(),
        "upsert": true,
    }
}

/// What an answer says of the documents of its command. Where it leaves open what became of some, they are in neither list.
fn settle(collection: &str, answer: &Document, asked: &[Upsert]) -> Result<Written, String> {
    if let Ok(error) = answer.get_document("writeConcernError") {
        return Err(short(error.get_str("errmsg").unwrap_or("write concern")));
    }
    let mut written = Written::default();
    let Ok(errors) = answer.get_array("writeErrors") else {
        written.done = asked.iter().map(|upsert| upsert.revision).collect();
        return Ok(written);
    };
    let mut failed = Vec::new();
    for error in errors.iter().filter_map(Bson::as_document) {
        let index = number(error, "index").and_then(|n| usize::try_from(n).ok());
        let Some((index, upsert)) = index.and_then(|n| Some((n, asked.get(n)?))) else { continue };
        let code = number(error, "code").map_or(0, |n| n as i32);
        let words = short(error.get_str("errmsg").unwrap_or_default());
        failed.push(index);
        if code == DUPLICATE_KEY && is_of_id(error) {
            written.done.push(upsert.revision);
        } else if PASSING.contains(&code) {
            return Err(words);
        } else {
            written.refused.push((upsert.revision, format!("{collection}/{}: {words} (code {code})", upsert.id)));
        }
    }
    if failed.is_empty() {
        return Err("an answer with errors of no document".to_owned());
    }
    let good = number(answer, "n").unwrap_or(0);
    if good as usize + failed.len() == asked.len() {
        let rest = asked.iter().enumerate().filter(|(index, _)| !failed.contains(index));
        written.done.extend(rest.map(|(_, upsert)| upsert.revision));
    }
    Ok(written)
}

/// Is it the thing's own id that is there twice, and not a key that somebody made unique?
fn is_of_id(error: &Document) -> bool {
    if let Ok(pattern) = error.get_document("keyPattern") {
        return pattern.contains_key("_id");
    }
    let words = error.get_str("errmsg").unwrap_or_default();
    !words.contains("index: ") || words.contains("index: _id_")
}

fn number(document: &Document, name: &str) -> Option<i64> {
    match document.get(name)? {
        Bson::Int32(n) => Some(i64::from(*n)),
        Bson::Int64(n) => Some(*n),
        Bson::Double(n) => Some(*n as i64),
        _ => None,
    }
}

#[cfg(test)]
#[path = "client_test.rs"]
mod tests;
