//! Named, versioned feature schemas over flows and host windows.
