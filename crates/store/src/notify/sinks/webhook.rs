//! HTTP: one POST a message, signed when a secret is set. Accepted means 2xx. Redirects are not followed: Tripline talks to nobody
//! who is not in its settings.

use super::super::config::{Channel, Template, WebhookConfig};
use super::super::tls;
use super::{Delivery, Sink, SinkKind, reveal, timeout};
use record::{Form, Message};
use std::time::Duration;
use ureq::Agent;
use ureq::http::Response;
use ureq::tls::{Certificate, RootCerts, TlsConfig};

pub(super) const KIND: SinkKind = SinkKind { kind: "webhook", check, form, target, secrets, open };

/// Bytes of an answer that are read.
const ANSWER_MAX: u64 = 8 << 10;
/// Longest wait that a far side may ask for.
const AFTER_MAX: Duration = Duration::from_hours(24);

struct Webhook {
    agent: Agent,
    url: String,
    key: Option<ring::hmac::Key>,
    bearer: String,
    headers: Vec<(String, String)>,
    /// Put into the body: what only the settings know.
    address: Option<(&'static str, String)>,
}

fn settings(channel: &Channel) -> Result<&WebhookConfig, String> {
    channel.webhook.as_ref().ok_or_else(|| "there is no table `webhook`".to_owned())
}

fn form(channel: &Channel) -> Form {
    match channel.webhook.as_ref().map_or(Template::Json, |hook| hook.template) {
        Template::Json => Form::Json,
        Template::Slack => Form::Slack,
        Template::Teams => Form::Teams,
        Template::Discord => Form::Discord,
        Template::Telegram => Form::Telegram,
        Template::Ntfy => Form::Ntfy,
        Template::Pagerduty => Form::Pagerduty,
    }
}

fn secrets(channel: &Channel) -> Vec<super::Secret> {
    let Some(hook) = &channel.webhook else { return Vec::new() };
    vec![hook.url.clone(), hook.secret.clone(), hook.bearer.clone(), hook.routing_key.clone()]
}

/// The host alone: the rest of an address is often a key.
fn target(channel: &Channel) -> String {
    let url = channel.webhook.as_ref().and_then(|hook| hook.url.reveal().ok()).unwrap_or_default();
    let uri: Result<ureq::http::Uri, _> = url.parse();
    uri.ok()
        .and_then(|uri| uri.authority().map(|a| a.as_str().rsplit('@').next().unwrap_or("").to_owned()))
        .unwrap_or_default()
}

fn check(channel: &Channel) -> Result<(), String> {
    let hook = settings(channel)?;
    if hook.url.is_none() {
        return Err("webhook.url is not set".to_owned());
    }
    let missing = match hook.template {
        Template::Telegram if hook.chat_id.is_empty() => "telegram needs webhook.chat_id",
        Template::Ntfy if hook.topic.is_empty() => "ntfy needs webhook.topic (and webhook.url without it)",
        Template::Pagerduty if hook.routing_key.is_none() => "pagerduty needs webhook.routing_key",
        _ => "",
    };
    if missing.is_empty() { Ok(()) } else { Err(missing.to_owned()) }
}

fn open(channel: &Channel) -> Result<Box<dyn Sink>, String> {
    let hook = settings(channel)?;
    let url = reveal("webhook.url", &hook.url)?;
    let uri: ureq::http::Uri = url.parse().map_err(|_| "webhook.url is no address".to_owned())?;
    if !matches!(uri.scheme_str(), Some("http" | "https")) || uri.authority().is_none() {
        return Err("webhook.url must begin with https:// or http://".to_owned());
    }
    let roots = if uri.scheme_str() == Some("https") {
        tls::authorities(hook.ca_file.as_deref())?.iter().map(|c| Certificate::from_der(c).to_owned()).collect()
    } else {
        Vec::new()
    };
    let protection = TlsConfig::builder()
        .root_certs(RootCerts::Specific(std::sync::Arc::new(roots)))
        .unversioned_rustls_crypto_provider(tls::provider())
        .build();
    let config = Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .proxy(None)
        .timeout_global(Some(timeout(channel)))
        // A connection kept open may be dead: each message opens its own.
        .max_idle_connections(0)
        .user_agent(concat!("Tripline/", env!("CARGO_PKG_VERSION")))
        .tls_config(protection)
        .build();
    let secret = reveal("webhook.secret", &hook.secret)?;
    let address = match hook.template {
        Template::Telegram => Some(("chat_id", hook.chat_id.clone())),
        Template::Ntfy => Some(("topic", hook.topic.clone())),
        Template::Pagerduty => Some(("routing_key", reveal("webhook.routing_key", &hook.routing_key)?)),
        _ => None,
    };
    Ok(Box::new(Webhook {
        agent: config.new_agent(),
        url,
        key: (!secret.is_empty()).then(|| ring::hmac::Key::new(ring::hmac::HMAC_SHA256, secret.as_bytes())),
        bearer: reveal("webhook.bearer", &hook.bearer)?,
        headers: hook.headers.clone().into_iter().collect(),
        address,
    }))
}

/// `sha256=` and the hexadecimal HMAC of `TIMESTAMP.BODY`: the time is signed too, so that an old message cannot be played again.
fn signature(key: &ring::hmac::Key, timestamp: &str, body: &str) -> String {
    let mut context = ring::hmac::Context::with_key(key);
    context.update(timestamp.as_bytes());
    context.update(b".");
    context.update(body.as_bytes());
    let tag = context.sign();
    tag.as_ref().iter().fold("sha256=".to_owned(), |mut text, byte| {
        text.push(char::from_digit(u32::from(byte >> 4), 16).unwrap_or('0'));
        text.push(char::from_digit(u32::from(byte & 15), 16).unwrap_or('0'));
        text
    })
}

impl Webhook {
    fn body(&self, message: &Message) -> Result<String, String> {
        let Some((name, value)) = &self.address else { return Ok(message.body.clone()) };
        let mut body: serde_json::Map<String, serde_json::Value> =
            serde_json::from_str(&message.body).map_err(|e| e.to_string())?;
        body.insert((*name).to_owned(), serde_json::Value::String(value.clone()));
        serde_json::to_string(&body).map_err(|e| e.to_string())
    }

    fn post(&self, message: &Message, body: &str) -> Result<Response<ureq::Body>, ureq::Error> {
        // Signed when it is sent: a receiver may refuse what is older than some minutes.
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |d| d.as_secs());
        let timestamp = now.to_string();
        let mut request = self
            .agent
            .post(&self.url)
            .header("Content-Type", "application/json; charset=utf-8")
            .header("X-Tripline-Delivery", &message.key)
            .header("X-Tripline-Timestamp", &timestamp);
        if let Some(key) = &self.key {
            request = request.header("X-Tripline-Signature", signature(key, &timestamp, body));
        }
        if !self.bearer.is_empty() {
            request = request.header("Authorization", format!("Bearer {}", self.bearer));
        }
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        request.send(body)
    }
}

impl Sink for Webhook {
    fn deliver(&mut self, message: &Message) -> Delivery {
        let body = match self.body(message) {
            Ok(body) => body,
            Err(why) => return Delivery::Refused(why),
        };
        match self.post(message, &body) {
            Ok(answer) => judge(answer),
            Err(ureq::Error::BadUri(_)) => Delivery::Refused("webhook.url is no address".to_owned()),
            Err(ureq::Error::Http(_)) => Delivery::Refused("a header of webhook.headers cannot be sent".to_owned()),
            Err(error) => Delivery::later(error.to_string()),
        }
    }
}

/// 2xx is accepted; 408, 425, 429 and 5xx may pass later; everything else, redirects too, is a refusal.
fn judge(mut answer: Response<ureq::Body>) -> Delivery {
    let status = answer.status();
    let after = answer.headers().get("retry-after").and_then(|v| v.to_str().ok()).and_then(retry_after);
    let words = answer.body_mut().with_config().limit(ANSWER_MAX).read_to_string().unwrap_or_default();
    let said = format!("HTTP {status} {words}");
    match status.as_u16() {
        200..=299 => Delivery::Accepted(said),
        408 | 425 | 429 | 500..=599 => Delivery::Later { why: said, after },
        300..=399 => Delivery::Refused(format!("{said} (redirects are not followed; set the address that it names)")),
        _ => Delivery::Refused(said),
    }
}

/// Seconds, or an HTTP date (RFC 9110 section 10.2.3).
fn retry_after(text: &str) -> Option<Duration> {
    let wait = if let Ok(seconds) = text.trim().parse::<u64>() {
        Duration::from_secs(seconds)
    } else {
        let date = jiff::fmt::rfc2822::parse(text.trim()).ok()?;
        let seconds = date.timestamp().as_second() - jiff::Timestamp::now().as_second();
        Duration::from_secs(u64::try_from(seconds).unwrap_or(0))
    };
    Some(wait.min(AFTER_MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_covers_time_and_body() {
        // Computed by another program: HMAC-SHA-256 of `1700000000.{}`.
        let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, b"Jefe");
        let expected = "sha256=d3793e2b4103edfbd98cc19591832f5fad701d413db9fcae0ae7dab8184ed207";
        assert_eq!(signature(&key, "1700000000", "{}"), expected);
    }

    #[test]
    fn retry_after_is_read_in_both_spellings_and_bounded() {
        assert_eq!(retry_after("120"), Some(Duration::from_mins(2)));
        assert_eq!(retry_after("99999999"), Some(AFTER_MAX));
        assert_eq!(retry_after("Wed, 21 Oct 2015 07:28:00 GMT"), Some(Duration::ZERO));
        assert_eq!(retry_after("soon"), None);
    }
}
