//! Live capture on Linux: AF_PACKET sockets with a TPACKET_V3 ring each, joined by PACKET_FANOUT.

pub mod capture;
pub mod open;
pub mod records;
pub mod ring;
pub mod sender;
pub mod settings;
pub mod system;

pub use capture::{KernelCounts, LiveCapture};
pub use open::{may_capture, open_live};
pub use sender::FrameSender;
pub use settings::{LiveConfig, LiveSettings};
pub use system::lower_thread_priority;
