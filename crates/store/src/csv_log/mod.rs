//! CSV logs for other programs: what the interfaces carried and which connections there were, in files that rotate. Owns columns,
//! rotation and what happens when the disk is full; where the rows come from is the caller's business.

mod config;
mod rotating;
mod rows;

pub use config::{CsvLogConfig, LoggingConfig};
pub use rotating::{LogState, RotatingFile};
pub use rows::{CONNECTION_COLUMNS, TRAFFIC_COLUMNS, TrafficRow, connection_of_flow, connection_of_socket, traffic};

/// File of what interfaces carried.
pub const TRAFFIC_NAME: &str = "traffic";
/// File of connections.
pub const CONNECTIONS_NAME: &str = "connections";
