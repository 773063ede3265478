//! Bytes to meaning: frames to PacketMeta and application events.
