//! What people say of hosts, carried through: the store, the log of changes, and the judge.

use super::answers::Answers;
use super::asking::unavailable;
use super::requests::Request;
use super::worker::wall_clock;
use record::{Importance, IpAddr16};
use serve::LiveError;
use serve::shapes::HostPatch;
use std::collections::BTreeMap;
use store::{AuditEntry, HostProfile, Read, StoreBatch, StoreError};

/// How much hosts matter, of those of which somebody said so.
pub fn importances(read: &dyn Read) -> Result<BTreeMap<IpAddr16, Importance>, StoreError> {
    Ok(read.profiles()?.into_iter().map(|profile| (profile.ip, profile.importance)).collect())
}

impl Answers {
    /// Keeps what was said of a known host.
    pub(super) fn say_of_host(&self, ip: IpAddr16, patch: HostPatch) -> Result<(), LiveError> {
        let found = self.reader.host(ip).map_err(|e| unavailable(&e))?;
        let row = found.ok_or_else(|| LiveError::NotFound(format!("{ip} has not been seen")))?.host;
        let changed = wall_clock();
        let profile = HostProfile {
            ip,
            importance: patch.importance.unwrap_or(row.importance),
            label: patch.label.unwrap_or_else(|| row.label.clone()),
            note: patch.note.unwrap_or_else(|| row.note.clone()),
            changed,
        };
        let mut said = Vec::new();
        if profile.importance != row.importance {
            said.push(format!("importance from {} to {}", row.importance.name(), profile.importance.name()));
        }
        if profile.label != row.label {
            said.push(format!("name from \"{}\" to \"{}\"", row.label, profile.label));
        }
        if profile.note != row.note {
            said.push("note changed".to_owned());
        }
        if said.is_empty() {
            return Ok(());
        }
        serve::audit_note(format!("host {ip}: {}", said.join("; ")));
        let audit =
            vec![AuditEntry { ts: changed, what: "host".to_owned(), subject: ip.to_string(), text: said.join("; ") }];
        let batch = StoreBatch { profiles: vec![profile], audit, ..StoreBatch::default() };
        self.desk.store().write(batch).and_then(|()| self.desk.store().flush()).map_err(|e| unavailable(&e))?;
        let importances = importances(self.reader.as_ref()).map_err(|e| unavailable(&e))?;
        self.ask(|reply| Request::Importances(importances, reply))
    }
}
