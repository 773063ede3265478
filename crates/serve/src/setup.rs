//! What serving asks of whoever answers the first questions; `app` implements it.

use crate::LiveError;
use crate::shapes::{Setup, SetupGiven, SetupPreview};

/// The first start.
pub trait SetupKeeper: Send + Sync {
    /// What there is to choose from. Looks at the interfaces for a part of a second.
    ///
    /// # Errors
    /// `Unavailable` when interfaces or settings cannot be read.
    fn view(&self) -> Result<Setup, LiveError>;
    /// What the answers would do. Nothing is done.
    ///
    /// # Errors
    /// As `preview_settings`.
    fn preview(&self, given: &SetupGiven) -> Result<SetupPreview, LiveError>;
    /// Does it.
    ///
    /// # Errors
    /// As `change_settings`.
    fn apply(&self, given: &SetupGiven) -> Result<Setup, LiveError>;
    /// Ends the program and starts it anew with the options of its call.
    ///
    /// # Errors
    /// `Conflict` where it would not come back as it is.
    fn restart(&self) -> Result<(), LiveError>;
}
