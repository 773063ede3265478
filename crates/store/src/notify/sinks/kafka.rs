//! A topic of Apache Kafka: incidents as EVE JSON, the source host as the key, so that one host's incidents are in one partition and in
//! order. Accepted means acknowledged by all replicas in sync. What is not acknowledged in time is tried again by the channel's own queue, so
//! a broker may have it twice: the header `key` is the same then.

use super::super::config::{Channel, KafkaTopic};
use super::{Delivery, Sink, SinkKind, timeout};
use crate::kafka::{Outgoing, Producer, ProducerConfig, Sent};
use record::{Form, Message};
use serde_json::Value;
use std::time::Duration;

pub(super) const KIND: SinkKind = SinkKind {
    kind: "kafka",
    check: |channel| {
        let kafka = settings(channel)?;
        config(kafka).check().map_err(|e| e.to_string())
    },
    form: |_| Form::Eve,
    target: |channel| {
        channel.kafka.as_ref().map_or(String::new(), |k| format!("{} at {}", k.topic, k.connection.brokers.join(", ")))
    },
    // The client never tells a password, and the settings mask it themselves.
    secrets: |_| Vec::new(),
    open,
};

struct Topic {
    settings: KafkaTopic,
    producer: Option<Producer>,
    timeout: Duration,
}

fn settings(channel: &Channel) -> Result<&KafkaTopic, String> {
    let kafka = channel.kafka.as_ref().ok_or("there is no table `kafka`")?;
    if kafka.topic.is_empty() {
        return Err("kafka.topic is not set".to_owned());
    }
    if !kafka.connection.is_set() {
        return Err("kafka.connection.brokers is not set, and [kafka] names no brokers either".to_owned());
    }
    Ok(kafka)
}

fn config(settings: &KafkaTopic) -> ProducerConfig {
    ProducerConfig { connection: settings.connection.clone(), linger_ms: 0, ..ProducerConfig::default() }
}

fn open(channel: &Channel) -> Result<Box<dyn Sink>, String> {
    let settings = settings(channel)?.clone();
    config(&settings).check().map_err(|e| e.to_string())?;
    Ok(Box::new(Topic { settings, producer: None, timeout: timeout(channel) }))
}

/// The address that the incident is about.
fn source_host(line: &str) -> String {
    let event: Value = serde_json::from_str(line).unwrap_or_default();
    event.get("src_ip").and_then(Value::as_str).unwrap_or_default().to_owned()
}

impl Topic {
    fn attempt(&mut self, message: &Message) -> Result<String, Delivery> {
        if self.producer.is_none() {
            let opened = Producer::open(config(&self.settings), None);
            self.producer = Some(opened.map_err(|e| Delivery::later(e.to_string()))?);
        }
        let Some(producer) = &self.producer else { return Err(Delivery::later("no client")) };
        let sent = producer.send(Outgoing {
            topic: self.settings.topic.clone(),
            partition: None,
            key: source_host(&message.line).into_bytes(),
            payload: message.line.clone().into_bytes(),
            headers: vec![("key".to_owned(), message.key.clone().into_bytes())],
        });
        let refused = producer.state().dropped;
        let arrived = sent != Sent::Dropped && producer.flush(self.timeout);
        let state = producer.state();
        if sent == Sent::Dropped || state.dropped != refused {
            return Err(Delivery::Refused(state.words));
        }
        if arrived {
            Ok(format!("acknowledged in topic {}", self.settings.topic))
        } else {
            Err(Delivery::later(state.words))
        }
    }
}

impl Sink for Topic {
    fn deliver(&mut self, message: &Message) -> Delivery {
        match self.attempt(message) {
            Ok(said) => Delivery::Accepted(said),
            Err(delivery) => {
                // What it still has would be sent beside the next attempt.
                self.producer = None;
                delivery
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::source_host;

    #[test]
    fn the_key_is_the_host_that_the_incident_is_about() {
        assert_eq!(source_host(r#"{"src_ip":"10.0.0.7","event_type":"alert"}"#), "10.0.0.7");
        assert_eq!(source_host("no json"), "");
    }
}
