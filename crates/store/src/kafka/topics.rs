//! Topics: made where they are missing, told how many partitions they have where they are there.

use super::connect::{check_files, connect, probe, words};
use crate::StoreError;
use krafka::KrafkaError;
use krafka::admin::{CreateTopicsOptions, DescribeTopicsOptions, NewTopic};
use krafka::error::ErrorCode;
use record::KafkaConnection;

/// A topic that is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Topic {
    /// Its partitions.
    pub partitions: u32,
    /// Whether it was made just now.
    pub is_new: bool,
}

/// Makes a topic where it is missing; else it stays as it is. `replication` 0: as the brokers are set.
///
/// # Errors
/// Wrong settings, no broker, or a broker that refuses, in words.
pub fn ensure_topic(
    connection: &KafkaConnection,
    name: &str,
    partitions: u32,
    replication: u16,
    config: &[(&str, &str)],
) -> Result<Topic, StoreError> {
    let told = |what: String| StoreError::Kafka { what };
    connection.check().map_err(told)?;
    check_files(connection).map_err(told)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|e| told(format!("no thread for the client: {e}")))?;
    runtime.block_on(ensure(connection, name, partitions, replication, config)).map_err(told)
}

async fn ensure(
    connection: &KafkaConnection,
    name: &str,
    partitions: u32,
    replication: u16,
    config: &[(&str, &str)],
) -> Result<Topic, String> {
    probe(connection).await?;
    let admin = connect(connection).await?.admin();
    let said = |error: &KrafkaError| format!("topic `{name}`: {}", words(connection, error));
    let described = admin.describe_topics([name], DescribeTopicsOptions::default()).await.map_err(|e| said(&e))?;
    match described.get(name) {
        Some(Ok(topic)) => return Ok(Topic { partitions: topic.partitions.len() as u32, is_new: false }),
        Some(Err(error)) if !is_missing(error) => return Err(said(error)),
        _ => {}
    }
    let replication = if replication == 0 { -1 } else { replication as i16 };
    let mut topic = NewTopic::new(name, partitions as i32, replication).map_err(|e| said(&e))?;
    for (key, value) in config {
        topic = topic.with_config(*key, *value);
    }
    let created = admin.create_topics([topic], CreateTopicsOptions::default()).await.map_err(|e| said(&e))?;
    match created.get(name) {
        Some(Ok(())) => Ok(Topic { partitions, is_new: true }),
        // Another process was quicker.
        Some(Err(KrafkaError::Broker { code: ErrorCode::TopicAlreadyExists, .. })) => {
            Ok(Topic { partitions, is_new: false })
        }
        Some(Err(error)) => Err(said(error)),
        None => Err(format!("topic `{name}`: the broker did not say whether it was made")),
    }
}

fn is_missing(error: &KrafkaError) -> bool {
    matches!(
        error,
        KrafkaError::UnknownTopic { .. } | KrafkaError::Broker { code: ErrorCode::UnknownTopicOrPartition, .. }
    )
}
