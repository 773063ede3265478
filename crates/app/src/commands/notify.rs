//! `tripline notify`: the channels and what waits for them, a test message, failed messages again. A test passes the queue by: what
//! it says was accepted, the far side has accepted.

use super::output::Output;
use crate::cli::{Common, ListFormat, NotifyArgs};
use crate::config::{Config, data_dir};
use crate::failure::{Context, EXIT_DONE, Failure, Result};
use crate::live::notify::outbox::{own_name, try_channel};
use crate::live::wall_clock;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::io::Write;
use store::notify::queue::QUEUE_NAME;
use store::notify::{Channel, Queue, sinks};

/// Tests, tries again, or shows.
pub fn run(common: &Common, args: &NotifyArgs) -> Result<u8> {
    let config = Config::load(common)?;
    let channels = chosen(&config, args.channel.as_deref())?;
    if args.test {
        return test(&config, &channels, args.output);
    }
    let dir = data_dir(common)?;
    let there = dir.join(QUEUE_NAME).exists();
    let mut queue = if there { Some(Queue::open(&dir).plain()?) } else { None };
    if args.retry {
        let queue = queue.as_mut().ok_or_else(|| {
            Failure::new(format!("{}: no {QUEUE_NAME} there; name the data directory with --data-dir", dir.display()))
        })?;
        let back = queue.try_again(args.channel.as_deref(), wall_clock()).plain()?;
        return write(args.output, &json!({ "incidents": back }), &format!("{back} back in the queue\n"));
    }
    show(&channels, queue.as_mut(), args.output)
}

/// The channel named, or all of them.
fn chosen<'a>(config: &'a Config, name: Option<&str>) -> Result<Vec<&'a Channel>> {
    let all = &config.notify.channels;
    if all.is_empty() {
        return Err(Failure::new("no [[notify.channels]] is set; docs/how-to/notifications.md has one of each kind"));
    }
    let Some(name) = name else { return Ok(all.iter().collect()) };
    let found = all.iter().find(|channel| channel.name == name).ok_or_else(|| {
        let known: Vec<_> = all.iter().map(|channel| channel.name.as_str()).collect();
        Failure::new(format!("--channel {name}: no channel is called so; there are {}", known.join(", ")))
    })?;
    Ok(vec![found])
}

fn test(config: &Config, channels: &[&Channel], format: ListFormat) -> Result<u8> {
    let (mut text, mut results, mut refused) = (String::new(), Vec::new(), Vec::new());
    for channel in channels.iter().filter(|channel| channel.enabled || channels.len() == 1) {
        let result = try_channel(channel, &config.notify.dashboard_url, &own_name());
        let (word, said) = match &result {
            Ok(said) => ("accepted", said),
            Err(why) => ("REFUSED", why),
        };
        // Writing into a string cannot fail.
        let _ = writeln!(text, "{word:<9} {:<20} {said}", channel.name);
        results.push(json!({ "channel": channel.name, "accepted": result.is_ok(), "said": said }));
        if let Err(why) = result {
            refused.push(format!("{}: {why}", channel.name));
        }
    }
    write(format, &Value::Array(results), &text)?;
    if refused.is_empty() {
        return Ok(EXIT_DONE);
    }

    Err(Failure::new(format!("not accepted by {}", refused.join("; "))))
}

fn show(channels: &[&Channel], mut queue: Option<&mut Queue>, format: ListFormat) -> Result<u8> {
    let (mut text, mut items) = (String::new(), Vec::new());
    for channel in channels {
        let tally = match queue.as_mut() {
            Some(queue) => queue.tally(&channel.name).plain()?,
            None => store::notify::Tally::default(),
        };
        let target = sinks::of(channel).map_or(String::new(), |sink| (sink.target)(channel));
        let last = tally.last_accepted.map_or("never".to_owned(), record::Timestamp::rfc3339);
        let off = if channel.enabled { "" } else { "  (off)" };
        let _ = writeln!(
            text,
            "{:<20} {:<8} {target}{off}\n  accepted {} (last: {last}), waiting {}, failed {}, dropped {}",
            channel.name, channel.kind, tally.accepted, tally.waiting, tally.failed, tally.dropped
        );
        items.push(json!({
            "channel": channel.name, "kind": channel.kind, "target": target, "enabled": channel.enabled,
            "accepted": tally.accepted, "last_accepted": tally.last_accepted, "waiting": tally.waiting,
            "failed": tally.failed, "dropped": tally.dropped,
        }));
    }
    let failures = queue.map_or(Ok(Vec::new()), |queue| queue.failures(20)).plain()?;
    for failed in failures.iter().filter(|f| channels.iter().any(|c| c.name == f.channel)) {
        let when = failed.failed.rfc3339();
        let _ = writeln!(text, "failed {when}  {}: {}\n  {}", failed.channel, failed.title, failed.why);
    }
    write(format, &Value::Array(items), &text)
}

fn write(format: ListFormat, json: &Value, text: &str) -> Result<u8> {
    let mut output = Output::open(None)?;
    match format {
        ListFormat::Text => output.write_all(text.as_bytes()).context("output")?,
        ListFormat::Json => writeln!(output, "{json:#}").context("output")?,
    }
    output.finish()?;
    Ok(EXIT_DONE)
}
