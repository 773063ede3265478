//! What the host itself knows: interfaces, counters, sockets.
