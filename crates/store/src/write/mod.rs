//! Rows into tables, one file a table. Every function works inside the writer's transaction.

pub(crate) mod assets;
pub(crate) mod busy;
pub(crate) mod feedback;
pub(crate) mod flows;
pub(crate) mod host_series;
pub(crate) mod hosts;
pub(crate) mod incidents;
pub(crate) mod profiles;
pub(crate) mod scans;
pub(crate) mod series;
