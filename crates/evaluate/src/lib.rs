//! Replay, judge, learn, simulate; the only origin of published figures.

pub mod simulate;
