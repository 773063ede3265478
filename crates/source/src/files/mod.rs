//! Capture files and pipes: recognised by content, never by name. pcap and pcapng, plain or as gzip or zstd.

pub mod bytes;
pub mod capture_file;
pub mod export_dump;
pub mod first_bytes;
pub mod format;
pub mod pcap;
pub mod pcap_writer;
pub mod pcapng;
pub mod pcapng_writer;
mod pipe;
pub mod recognise;
pub mod resolution;
pub mod window;

pub use first_bytes::first_bytes;
pub(crate) use recognise::begin;
pub use recognise::{is_capture, open_capture, open_pipe, open_reader, open_unpacked};
