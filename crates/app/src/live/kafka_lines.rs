//! Opens topics of other tools as a source of lines. Owns its name for people; builds without the client have none, as the check of the
//! settings says.

use super::OpenSource;
use crate::failure::Result;
use crate::settings::kafka::KafkaSettings;

/// The source that the settings name, if they do.
#[cfg(feature = "kafka")]
pub fn open(settings: &KafkaSettings) -> Result<Vec<OpenSource>> {
    use super::{Lines, Pace};
    use crate::failure::Context;
    if settings.input.topics.is_empty() {
        return Ok(Vec::new());
    }
    let lines = source::kafka::KafkaLines::open(&settings.connection, &settings.input).context("kafka")?;
    let name = format!("kafka {}", settings.input.topics.join(", "));
    tracing::info!("reading {name} from {}", settings.connection.brokers.join(", "));
    Ok(vec![OpenSource {
        name,
        kind: "log",
        frames: None,
        lines: Some(Lines::Live(Box::new(lines))),
        pace: Pace::None,
    }])
}

/// None: this build has no client.
#[cfg(not(feature = "kafka"))]
#[allow(clippy::unnecessary_wraps)]
pub fn open(_settings: &KafkaSettings) -> Result<Vec<OpenSource>> {
    Ok(Vec::new())
}
