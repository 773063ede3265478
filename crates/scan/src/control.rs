//! How a running scan is watched and stopped. Owns the flag, the deadline and the words of failure; knows no scanner.

use crate::targets::Targets;
use crate::xml::Progress;
use record::Timestamp;
use record::scan::Scan;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// How often a running scan looks whether it shall stop.
pub(crate) const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Why a scan gave no result: what, where, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScanError(pub String);

impl fmt::Display for ScanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ScanError {}

/// Stops a scan from another thread.
#[derive(Clone, Debug, Default)]
pub struct Cancel(Arc<AtomicBool>);

impl Cancel {
    /// The scan ends within a second.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
    /// It was asked to.
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// What a running scan listens to and tells.
pub struct Control<'a> {
    /// Stops it.
    pub cancel: Cancel,
    /// It ends then at the latest.
    pub deadline: Instant,
    /// Is told how far it is.
    pub progress: &'a mut dyn FnMut(&Progress),
}

/// Why it shall stop now; None: it goes on.
pub(crate) fn stop_reason(cancel: &Cancel, deadline: Instant) -> Option<&'static str> {
    if cancel.is_cancelled() {
        Some("it was cancelled")
    } else if Instant::now() >= deadline {
        Some("the time limit (scan.time_limit_s) was reached")
    } else {
        None
    }
}

/// Now, by this machine's clock.
pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_parts(since.as_secs() as i64, 0)
}

/// Hosts get the names under which they were given: scanners see addresses only.
pub(crate) fn name_hosts(scan: &mut Scan, targets: &Targets) {
    for host in &mut scan.hosts {
        for address in host.addresses.clone() {
            for name in targets.names_of(&address.addr) {
                host.add_name(name);
            }
        }
    }
}
