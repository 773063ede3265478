//! Contract of every scenario.
