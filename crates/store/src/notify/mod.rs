//! How messages leave the house: settings, the queue on disk, and one sink for each kind of channel. Knows what a message looks
//! like (`record::Message`) and when one may go; what it says is written in `alert`. Nothing counts as sent before the far side
//! has taken it.

pub mod backoff;
pub mod config;
pub mod plan;
pub mod queue;
pub mod quiet;
pub mod secret;
pub mod sinks;
mod tls;

pub use config::{Channel, NotifyConfig};
pub use plan::{Next, Pace};
pub use queue::{Entry, Failed, Queue, QueueError, Tally};
pub use secret::{MASK, Secret};
pub use sinks::{Delivery, OpenChannel, SinkKind, form_of};
