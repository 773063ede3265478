//! What the audit log says of a change beside its name: whoever does the work says it with `audit_note`, wherever in the process that is,
//! without knowing who asked. Owns the way there: a value of the request's task, carried into the threads that block.

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};

/// Notes of one request.
const NOTES_MAX: usize = 32;

/// The notes of one request.
#[derive(Clone, Default)]
pub(crate) struct Notes(Arc<Mutex<Vec<String>>>);

tokio::task_local! {
    static NOTES: Notes;
}

impl Notes {
    /// Runs a future whose work says its notes here.
    pub(crate) async fn collect<F: Future>(&self, work: F) -> F::Output {
        NOTES.scope(self.clone(), work).await
    }

    /// Those of the request that this task is of.
    pub(crate) fn here() -> Option<Self> {
        NOTES.try_with(Clone::clone).ok()
    }

    /// The same on another thread.
    pub(crate) fn during<T>(self, work: impl FnOnce() -> T) -> T {
        NOTES.sync_scope(self, work)
    }

    /// All that was said.
    pub(crate) fn text(&self) -> String {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).join("; ")
    }
}

/// Says something to be kept in the audit log with the request that is being answered, such as from what to what a setting went. Without
/// one it says nothing. Never a secret.
pub fn audit_note(text: impl Into<String>) {
    if let Some(Notes(notes)) = Notes::here() {
        let mut notes = notes.lock().unwrap_or_else(PoisonError::into_inner);
        if notes.len() < NOTES_MAX {
            notes.push(text.into());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn notes_find_their_request_from_another_thread() {
        audit_note("said to nobody");
        let notes = Notes::default();
        let work = async {
            let here = Notes::here();
            let thread = std::thread::spawn(move || here.map(|notes| notes.during(|| audit_note("from 1 to 2"))));
            assert!(thread.join().is_ok());
            audit_note("done");
        };
        notes.collect(work).await;
        assert_eq!(notes.text(), "from 1 to 2; done");
    }
}
