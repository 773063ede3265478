//! What a person sets while the program runs: where each value comes from, which may be set on the dashboard, named groups of them,
//! and the file that keeps them. Threads take settings over in `live::reload`.

pub mod file;
pub mod kafka;
pub mod known;
pub mod layers;
pub mod presets;
pub mod role_file;
