//! The router without a socket, over a real store and a double of the running process.
#![allow(clippy::unwrap_used)]

mod access;
mod double;
mod drawings;
mod endpoints;
mod import;
mod learning;
mod listen;
mod lists;
mod notifications;
#[cfg(feature = "oidc")]
mod oidc;
mod openapi;
mod reports;
mod roles;
mod scans;
mod security;
mod settings;
mod stream;
