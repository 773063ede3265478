//! Where data comes in: live capture, capture files, filters, interfaces, host counters.
