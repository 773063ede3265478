//! What office programs say, one protocol a file: bytes and message sequences. No addresses, no schedule.

pub(super) mod dhcp;
pub(super) mod dns;
pub(super) mod http;
pub(super) mod mail;
pub(super) mod ntp;
pub(super) mod quic;
pub(super) mod smb;
pub(super) mod snmp;
pub(super) mod ssh;
pub(super) mod tls;
