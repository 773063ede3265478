//! Steps of remote administration of Windows hosts, as SMB and DCE/RPC show them: what a file server, a copy tool, an administrator
//! and an intruder with stolen passwords all send. Which of them matter is for detectors to say.

use serde::{Deserialize, Serialize};

/// What carried the step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum AdminProtocol {
    /// Server Message Block 1 to 3, unencrypted.
    #[default]
    Smb,
    /// DCE/RPC over TCP.
    DceRpc,
}

/// One step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum AdminStep {
    /// Any other message; that the protocol is spoken.
    #[default]
    Other,
    /// The server refused a log-in (`STATUS_LOGON_FAILURE` and its like).
    LogonRefused,
    /// A share is opened; `name` is its path.
    Share,
    /// A file or named pipe is opened; `name` is its path in the share.
    File,
    /// An interface is bound to; `name` is it, by the name people use, or its UUID.
    Bind,
    /// A call; `operation` is its number in the interface bound before.
    Call,
    /// The transaction that Windows reserves and never sends (Trans2 `SESSION_SETUP`), which implants of the kernel answer to.
    ReservedTransaction,
}

/// One message.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AdminData {
    /// What carried it.
    pub protocol: AdminProtocol,
    /// True when the server speaks.
    pub response: bool,
    /// The step.
    pub step: AdminStep,
    /// See [`AdminStep`]; lower case, empty where there is none.
    pub name: String,
    /// Operation of a call; 0 otherwise.
    pub operation: u16,
    /// True when the file is opened to be made or written.
    pub writes: bool,
}
