//! Live capture on Linux.
