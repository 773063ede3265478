//! The bounded flow table and the host windows; time is an argument.
