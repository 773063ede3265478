//! x
pub struct FirstUse;
pub struct ScanStory;
/// x
pub fn scan_alerts() {}
