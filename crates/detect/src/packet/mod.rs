//! The packet level: damped statistics of who talks to whom and KitNET over them (Mirsky et al., "Kitsune", NDSS 2018).
//! Owns statistics and network; knows nothing of flows, pools or thresholds.

mod cluster;
mod damped;
mod kitnet;
mod small_net;

pub use damped::{COLUMNS, Damped, LAMBDAS, Streams};
pub use kitnet::{KitNet, KitNetSettings};
