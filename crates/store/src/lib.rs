//! Sinks and the read traits of the API.
