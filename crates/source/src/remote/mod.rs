//! Captures that other machines send by TCP as they write them (`tcpdump -U -w - | nc HERE PORT`), plain or in TLS: each connection is a
//! source of its own, on one of a bounded number of seats. `door.rs` owns the listeners and who gets a seat, `seat.rs` what one seat
//! reads, `clock.rs` when its packets were; what is in a packet is nobody's here.

mod clock;
mod connection;
mod door;
mod seat;
mod settings;

pub use seat::{RemoteSeat, open_remote};
pub use settings::RemoteSettings;
