//! What an incident is called: a hash of its content, so that the same story has the same name on every replay.

use record::{Kind, Timestamp, timestamp::NS_PER_S};
use ring::digest::{SHA256, digest};
use std::fmt::Write;

/// First 16 hexadecimal digits of SHA-256 over kind, story and the second in which the story began.
#[must_use]
pub fn incident_id(kind: Kind, story: &str, first_seen: Timestamp) -> String {
    let second = first_seen.0.div_euclid(NS_PER_S);
    let hash = digest(&SHA256, format!("{}\n{story}\n{second}", kind.name()).as_bytes());
    hash.as_ref().iter().take(8).fold(String::with_capacity(16), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_depends_on_the_story_and_on_nothing_else() {
        let at = Timestamp::from_parts(1_700_000_000, 5);
        let id = incident_id(Kind::PortScan, "192.0.2.7", at);
        assert_eq!(id.len(), 16);
        assert_eq!(id, incident_id(Kind::PortScan, "192.0.2.7", at.plus_ns(900)));
        assert_ne!(id, incident_id(Kind::HostSweep, "192.0.2.7", at));
        assert_ne!(id, incident_id(Kind::PortScan, "192.0.2.8", at));
        assert_ne!(id, incident_id(Kind::PortScan, "192.0.2.7", at.plus_ns(2 * NS_PER_S)));
    }
}
