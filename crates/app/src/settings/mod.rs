//! What a person sets while the program runs: where each value comes from, which may be set on the dashboard, named groups of them,
//! and the files that keep them. Threads take settings over in `live::reload`.

pub mod difference;
pub mod document;
pub mod file;
pub mod kafka;
pub mod known;
pub mod layers;
pub mod mask;
pub mod place;
pub mod presets;
pub mod registry;
pub mod role_file;
