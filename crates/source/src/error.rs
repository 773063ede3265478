//! What can go wrong at the border of the program. Every message says what, where and what to do; none is a panic.

use crate::filter::FilterError;
use std::io;

/// Failure of a source. `Display` is one line for people.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    /// The file could not be opened.
    #[error("cannot open capture `{path}`: {source}; check the name and your right to read it")]
    Open {
        /// Path as given.
        path: String,
        /// The system's reason.
        source: io::Error,
    },
    /// The path names a directory.
    #[error("`{path}` is a directory, not a capture; name the files in it")]
    Directory {
        /// Path as given.
        path: String,
    },
    /// Nothing in it.
    #[error("capture `{path}` is empty (0 bytes); check what wrote it, and capture again")]
    Empty {
        /// Path as given.
        path: String,
    },
    /// Syslog cannot be waited for.
    #[error("syslog at `{address}`: {what}")]
    LogListener {
        /// Where, or which file is needed for it.
        address: String,
        /// What is wrong and what to do.
        what: String,
    },
    /// Logs and captures together.
    #[error("`{log}` is a log and `{other}` is not one that is known; give either logs or captures")]
    MixedInput {
        /// The log.
        log: String,
        /// The other.
        other: String,
    },
    /// Not pcap, pcapng, gzip or zstd.
    #[error("`{path}` is not a capture file: {found}; pcap and pcapng are read, plain or as gzip or zstd")]
    NotACapture {
        /// Path as given.
        path: String,
        /// What its first bytes look like.
        found: String,
    },
    /// A capture, but of a kind that is not read.
    #[error("capture `{path}` cannot be read: {what}; convert it with `editcap -F pcap {path} OUT.pcap`")]
    UnsupportedCapture {
        /// Path as given.
        path: String,
        /// Which kind.
        what: String,
    },
    /// The file ends inside its own header.
    #[error("capture `{path}` is cut inside its header: {have} bytes are there, {need} are needed; capture again")]
    HeaderCut {
        /// Path as given.
        path: String,
        /// Bytes there.
        have: u64,
        /// Bytes needed.
        need: u64,
    },
    /// Reading failed before the first record.
    #[error(
        "cannot read capture `{path}`: {source}; check the disk, or the compressed file with `gzip -t` or `zstd -t`"
    )]
    Read {
        /// Path as given.
        path: String,
        /// The system's reason.
        source: io::Error,
    },
    /// The process may not open packet sockets.
    #[error(
        "no right to capture on `{interface}`: run `{command}` once, or start as root, or choose a capture file with -r"
    )]
    NoRight {
        /// Interface asked for.
        interface: String,
        /// The exact command that gives the right.
        command: String,
    },
    /// No such interface.
    #[error("there is no interface `{name}`; interfaces here: {existing}")]
    NoSuchInterface {
        /// Name asked for.
        name: String,
        /// Those that exist, comma separated.
        existing: String,
    },
    /// The interface is down or was removed.
    #[error("interface `{name}` {what}; bring it up with `ip link set {name} up` and start again")]
    InterfaceDown {
        /// Name.
        name: String,
        /// "is down", "went down or was removed".
        what: String,
    },
    /// The interface's hardware type is not one we know.
    #[error(
        "interface `{name}` has hardware type {hardware_type}, which is not read; choose an Ethernet, loopback or tunnel interface"
    )]
    HardwareType {
        /// Name.
        name: String,
        /// ARPHRD_* number.
        hardware_type: u16,
    },
    /// A system call of the live path failed.
    #[error("interface `{interface}`: {what} failed: {source}; {advice}")]
    Live {
        /// Interface.
        interface: String,
        /// Which step.
        what: &'static str,
        /// The system's reason.
        source: io::Error,
        /// What to do.
        advice: &'static str,
    },
    /// A socket for exports could not be opened or failed.
    #[error("exports at {address}: {source}; choose another address or port in collect.listen, or end what uses it")]
    Collect {
        /// Where.
        address: std::net::SocketAddr,
        /// The system's reason.
        source: io::Error,
    },
    /// Captures by TCP cannot be waited for.
    #[error("captures by TCP at `{address}`: {what}")]
    RemoteListener {
        /// Where, or which file is needed for it.
        address: String,
        /// What is wrong and what to do.
        what: String,
    },
    /// Apache Kafka cannot be used as it is set.
    #[error("{what}")]
    Kafka {
        /// What is wrong, where, and what to do.
        what: String,
    },
    /// A setting is out of its range.
    #[error("setting `{name}` is {value}; it must be {range}")]
    Setting {
        /// Name of the setting.
        name: &'static str,
        /// Value given.
        value: String,
        /// What is allowed.
        range: &'static str,
    },
    /// The filter does not parse or does not fit the link type.
    #[error(transparent)]
    Filter(#[from] FilterError),
    /// A table of the kernel could not be read.
    #[error("cannot read {what}: {reason}; is /proc mounted?")]
    Host {
        /// Which table.
        what: &'static str,
        /// Why.
        reason: String,
    },
}
