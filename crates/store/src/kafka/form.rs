//! A message as bytes and back. Owns the order of the parts: topic, partition (-1: by the key), key, payload, headers; each length is
//! four bytes, little-endian. Knows no file.

use super::settings::Outgoing;

fn put(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
    out.extend_from_slice(bytes);
}

/// Appends a message.
pub(super) fn pack(out: &mut Vec<u8>, message: &Outgoing) {
    put(out, message.topic.as_bytes());
    out.extend_from_slice(&message.partition.unwrap_or(-1).to_le_bytes());
    put(out, &message.key);
    put(out, &message.payload);
    out.extend_from_slice(&(message.headers.len() as u32).to_le_bytes());
    for (name, value) in &message.headers {
        put(out, name.as_bytes());
        put(out, value);
    }
}

fn word(from: &mut &[u8]) -> Option<u32> {
    let (word, rest) = from.split_first_chunk::<4>()?;
    *from = rest;
    Some(u32::from_le_bytes(*word))
}

fn take(from: &mut &[u8]) -> Option<Vec<u8>> {
    let length = word(from)? as usize;
    let (bytes, rest) = from.split_at_checked(length)?;
    *from = rest;
    Some(bytes.to_vec())
}

fn text(from: &mut &[u8]) -> Option<String> {
    String::from_utf8(take(from)?).ok()
}

/// The message of these bytes; None where they make none.
pub(super) fn unpack(mut from: &[u8]) -> Option<Outgoing> {
    let from = &mut from;
    let topic = text(from)?;
    let partition = Some(word(from)? as i32).filter(|number| *number >= 0);
    let (key, payload, count) = (take(from)?, take(from)?, word(from)?);
    let mut headers = Vec::new();
    for _ in 0..count {
        headers.push((text(from)?, take(from)?));
    }
    from.is_empty().then_some(Outgoing { topic, partition, key, payload, headers })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_message_comes_back_whole_and_damage_is_none() {
        let message = Outgoing {
            topic: "tripline.flows".to_owned(),
            partition: Some(3),
            key: vec![0, 255],
            payload: vec![7; 100],
            headers: vec![("schema".to_owned(), b"1".to_vec()), (String::new(), Vec::new())],
        };
        let plain = Outgoing { topic: "t".to_owned(), ..Outgoing::default() };
        for message in [message, plain] {
            let mut bytes = Vec::new();
            pack(&mut bytes, &message);
            assert_eq!(unpack(&bytes).unwrap(), message);
            for cut in 0..bytes.len() {
                assert!(unpack(&bytes[..cut]).is_none(), "cut at {cut}");
            }
            bytes.push(0);
            assert!(unpack(&bytes).is_none(), "more than a message");
        }
    }
}
