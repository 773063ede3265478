//! Replay captures, train, simulate; the only origin of published figures.
