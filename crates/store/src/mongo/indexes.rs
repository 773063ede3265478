//! The indexes that people's questions need, made when the sink connects, and the one that ends documents. Owns which; a server that
//! lacks documents' ends keeps them for ever, which is said.

use super::client::Server;
use super::trouble::{NOT_IMPLEMENTED, Trouble};
use crate::journal::Collection;
use mongodb::bson::{Bson, Document, doc};

/// Code of a collection that is not there yet.
const NO_COLLECTION: i32 = 26;
/// Code of an option that a server refuses.
const BAD_OPTION: [i32; 4] = [NOT_IMPLEMENTED, 2, 72, 197];
const S_PER_DAY: i64 = 86_400;
/// Documents end by this field: when they last changed.
const UPDATED: &str = "updated_1";

/// Fields of each index, the last ones in falling order where they are times.
const fn wanted(collection: Collection) -> &'static [&'static [(&'static str, i32)]] {
    match collection {
        Collection::Incidents => &[
            &[("status", 1), ("severity", 1), ("last_seen", -1)],
            &[("kind", 1), ("raised", -1)],
            &[("src", 1), ("last_seen", -1)],
            &[("dest", 1), ("last_seen", -1)],
            &[("last_seen", -1)],
            &[("day", 1)],
        ],
        Collection::Alerts => {
            &[&[("src_ip", 1), ("end", -1)], &[("dest_ip", 1), ("end", -1)], &[("incidents", 1)], &[("end", -1)]]
        }
        Collection::Hosts => &[&[("risk", -1)], &[("last_seen", -1)], &[("mac", 1)]],
        Collection::Scans => &[&[("started", -1)], &[("state", 1), ("started", -1)]],
        Collection::Reports => &[&[("day", -1)]],
    }
}

/// An index that ends no document.
const NO_LIFE: i64 = -1;

/// What is to be done about the ends of documents.
#[derive(Debug, PartialEq, Eq)]
enum Ends {
    /// As it should be.
    Nothing,
    /// Make the index.
    Make,
    /// Another life.
    Change,
    /// Take it away.
    Drop,
}

/// `there`: the life of documents by the index that is there, seconds; below 0: it has none.
fn ends(there: Option<i64>, wanted_s: i64) -> Ends {
    match (there, wanted_s) {
        (None, 0) => Ends::Nothing,
        (None, _) => Ends::Make,
        (Some(_), 0) => Ends::Drop,
        (Some(found), wanted) if found == wanted => Ends::Nothing,
        (Some(_), _) => Ends::Change,
    }
}

fn keys(fields: &[(&str, i32)]) -> Document {
    fields.iter().map(|(name, way)| ((*name).to_owned(), Bson::Int32(*way))).collect()
}

fn name_of(fields: &[(&str, i32)]) -> String {
    fields.iter().map(|(name, way)| format!("{name}_{way}")).collect::<Vec<_>>().join("_")
}

/// Makes what is missing. False: documents have no end here though the settings want one.
pub(super) async fn ensure(server: &Server, collection: Collection, ttl_days: u32) -> Result<bool, Trouble> {
    let there = list(server, collection.name()).await?;
    let named = |name: &str| there.iter().any(|index| index.get_str("name").is_ok_and(|found| found == name));
    let missing: Vec<Document> = wanted(collection)
        .iter()
        .filter(|fields| !named(&name_of(fields)))
        .map(|fields| doc! { "key": keys(fields), "name": name_of(fields) })
        .collect();
    if !missing.is_empty() {
        server.command(doc! { "createIndexes": collection.name(), "indexes": missing }).await?;
    }
    let wanted_s = i64::from(ttl_days) * S_PER_DAY;
    let name = collection.name();
    match ends(updated_index(&there), wanted_s) {
        Ends::Nothing => Ok(true),
        Ends::Drop => {
            server.command(doc! { "dropIndexes": name, "index": UPDATED }).await?;
            Ok(true)
        }
        Ends::Make => make_ends(server, name, wanted_s).await,
        Ends::Change => {
            let change = doc! { "collMod": name, "index": { "name": UPDATED, "expireAfterSeconds": wanted_s } };
            if server.try_command(change).await?.is_ok() {
                return Ok(true);
            }
            // Older servers do not give an index that had no end one.
            server.command(doc! { "dropIndexes": name, "index": UPDATED }).await?;
            make_ends(server, name, wanted_s).await
        }
    }
}

async fn make_ends(server: &Server, name: &str, wanted_s: i64) -> Result<bool, Trouble> {
    let index = doc! { "key": { "updated": 1 }, "name": UPDATED, "expireAfterSeconds": wanted_s };
    match server.try_command(doc! { "createIndexes": name, "indexes": [index] }).await? {
        Ok(_) => Ok(true),
        Err(code) if BAD_OPTION.contains(&code) => Ok(false),
        Err(code) => Err(Trouble {
            reason: "server",
            text: format!("MongoDB at {} does not make the index {UPDATED} of {name} (code {code})", server.label()),
            advice: format!("Drop an index of {name} on `updated` that somebody else made, or see the server's log."),
        }),
    }
}

/// The indexes that there are.
async fn list(server: &Server, collection: &str) -> Result<Vec<Document>, Trouble> {
    let command = doc! { "listIndexes": collection, "cursor": { "batchSize": 1_000 } };
    let answer = match server.try_command(command).await? {
        Ok(answer) => answer,
        Err(NO_COLLECTION) => return Ok(Vec::new()),
        Err(code) => {
            return Err(Trouble::settings(format!(
                "MongoDB at {} does not list indexes (code {code})",
                server.label()
            )));
        }
    };
    let batch = answer.get_document("cursor").and_then(|cursor| cursor.get_array("firstBatch")).cloned();
    Ok(batch.unwrap_or_default().into_iter().filter_map(|index| index.as_document().cloned()).collect())
}

/// The life that the index which ends documents gives them, seconds; `NO_LIFE` where it gives none.
fn updated_index(there: &[Document]) -> Option<i64> {
    let found = there.iter().find(|index| index.get_str("name").is_ok_and(|name| name == UPDATED))?;
    Some(match found.get("expireAfterSeconds") {
        Some(Bson::Int32(n)) => i64::from(*n),
        Some(Bson::Int64(n)) => *n,
        Some(Bson::Double(n)) => *n as i64,
        _ => NO_LIFE,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_life_is_changed_and_none_is_taken_away() {
        assert_eq!(ends(None, 0), Ends::Nothing);
        assert_eq!(ends(None, 86_400), Ends::Make);
        assert_eq!(ends(Some(86_400), 86_400), Ends::Nothing);
        assert_eq!(ends(Some(86_400), 172_800), Ends::Change);
        assert_eq!(ends(Some(NO_LIFE), 86_400), Ends::Change);
        assert_eq!(ends(Some(86_400), 0), Ends::Drop);
    }

    #[test]
    fn the_life_is_read_from_the_index_that_ends_documents() {
        let other = doc! { "name": "last_seen_-1", "expireAfterSeconds": 5 };
        assert_eq!(updated_index(std::slice::from_ref(&other)), None);
        assert_eq!(updated_index(&[other.clone(), doc! { "name": UPDATED }]), Some(NO_LIFE));
        assert_eq!(updated_index(&[other, doc! { "name": UPDATED, "expireAfterSeconds": 86_400.0 }]), Some(86_400));
    }

    #[test]
    fn names_are_those_that_shells_give() {
        assert_eq!(name_of(&[("status", 1), ("last_seen", -1)]), "status_1_last_seen_-1");
        assert_eq!(keys(&[("a", 1), ("b", -1)]), doc! { "a": 1, "b": -1 });
    }
}
