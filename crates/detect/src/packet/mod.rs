//! The packet level: damped statistics of who talks to whom and KitNET over them (Mirsky et al., "Kitsune", NDSS 2018).
//! Owns statistics and network; knows nothing of flows, pools or thresholds.

mod cluster;
mod columns;
mod damped;
mod kitnet;
mod model;
mod small_net;

pub use columns::{SCHEMA, column_name, column_phrase, column_unit};
pub use damped::{COLUMNS, Damped, LAMBDAS, Streams, log_columns};
pub use kitnet::{KitNet, KitNetSettings};
pub use model::{MEMBER, PacketLesson, PacketModel, SecondScore};
