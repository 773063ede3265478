//! What office programs say, one protocol a file: bytes and message sequences. No addresses, no schedule.

pub(super) mod dns;
pub(super) mod http;
pub(super) mod tls;
