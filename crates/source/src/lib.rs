//! Where data comes in: live capture, capture files, captures by TCP, flow exports by UDP, filters, interfaces, host counters.
//!
//! This room turns the outside into frames and counts, and knows no protocol's meaning beyond what a capture filter
//! must. It is the only room that touches sockets, /proc and the capture ring.

pub mod collect;
pub mod error;
pub mod files;
pub mod filter;
pub mod frame_source;
pub mod host;
pub mod kafka;
pub mod lists;
pub mod live;
pub mod logs;
pub mod remote;
mod tls;
mod wait;

pub use collect::{CollectSettings, Collector, open_collector};
pub use error::SourceError;
pub use files::pcap_writer::PcapWriter;
pub use files::pcapng_writer::PcapngWriter;
pub use files::{first_bytes, is_capture, open_capture, open_pipe, open_reader, open_unpacked};
pub use filter::{Filter, FilterError};
pub use frame_source::{BATCH_FRAMES_MAX, FrameSource, KernelBuffer, Peer, SourceStats};
pub use host::{
    HostCounters, HostSettings, InterfaceInfo, OpenSocket, SocketBook, SocketReader, host_counters, interfaces,
};
pub use lists::{ListFetchError, ListOrigin};
pub use live::{
    FrameSender, KernelCounts, LiveCapture, LiveConfig, LiveSettings, lower_thread_priority, may_capture, open_live,
};
pub use logs::{Follow, LineSource, LogSettings, Piece, Syslog};
pub use remote::{RemoteSeat, RemoteSettings, open_remote};
