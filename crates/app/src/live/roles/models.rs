//! The flow models on their way from the server, which trains them, to the detectors, which judge with them: topic `tripline.models`, in
//! pieces. Owns the pieces and their putting together; what is in them is `detect`'s.

use super::link::Link;
use super::settings::topics;
use crate::failure::{Context, Failure, Result};
use crate::live::artifact;
use detect::Ensemble;
use ring::digest::{SHA256, digest};
use source::kafka::{Consumer, ConsumerConfig, From, Incoming};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use store::kafka::{Outgoing, Producer};

/// Bytes of a piece.
const PIECE: usize = 512 << 10;
/// Most pieces of one file: 256 MiB.
const PIECES_MAX: usize = 512;

/// Hexadecimal SHA-256.
pub fn digest_of(bytes: &[u8]) -> String {
    digest(&SHA256, bytes).as_ref().iter().fold(String::with_capacity(64), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// A file as messages.
pub fn pieces(topic: &str, file: &[u8]) -> Vec<Outgoing> {
    let digest = digest_of(file);
    let count = file.chunks(PIECE).len();
    let piece = |(index, piece): (usize, &[u8])| Outgoing {
        topic: topic.to_owned(),
        partition: Some(0),
        // Compaction keeps the newest of each key: the pieces of the newest file.
        key: format!("flow/{index}").into_bytes(),
        payload: piece.to_vec(),
        headers: vec![
            ("digest".to_owned(), digest.clone().into_bytes()),
            ("index".to_owned(), index.to_string().into_bytes()),
            ("count".to_owned(), count.to_string().into_bytes()),
        ],
    };
    file.chunks(PIECE).enumerate().map(piece).collect()
}

/// Puts pieces together.
#[derive(Default)]
pub struct Assembly {
    digest: String,
    count: usize,
    pieces: BTreeMap<usize, Vec<u8>>,
}

impl Assembly {
    /// Takes a piece; the whole file and its digest when that was the last. A piece of another file begins anew.
    pub fn take(&mut self, headers: &[(String, Vec<u8>)], payload: &[u8]) -> Option<(Vec<u8>, String)> {
        let header = |name: &str| {
            let value = headers.iter().find(|(key, _)| key == name).map(|(_, value)| value)?;
            std::str::from_utf8(value).ok()
        };
        let (digest, index) = (header("digest")?, header("index")?.parse::<usize>().ok()?);
        let count = header("count")?.parse::<usize>().ok().filter(|count| (1..=PIECES_MAX).contains(count))?;
        if self.digest != digest || self.count != count {
            *self = Self { digest: digest.to_owned(), count, pieces: BTreeMap::new() };
        }
        if index >= count || payload.len() > PIECE {
            return None;
        }
        self.pieces.insert(index, payload.to_vec());
        if self.pieces.len() < count {
            return None;
        }
        let whole: Vec<u8> = std::mem::take(self).pieces.into_values().flatten().collect();
        let is = digest_of(&whole);
        (is == digest).then_some((whole, is))
    }
}

/// The detector's end.
pub struct ModelReader {
    consumer: Consumer,
    assembly: Assembly,
    in_place: Option<(Arc<Ensemble>, String)>,
    shown: bool,
    data_dir: PathBuf,
}

impl ModelReader {
    /// With the models of the last run, if any.
    pub fn open(link: &Link, data_dir: &Path) -> Result<Self> {
        let config = ConsumerConfig {
            connection: link.connection.clone(),
            group: None,
            topics: vec![link.topic(topics::MODELS)],
            from: From::Earliest,
            ..ConsumerConfig::default()
        };
        let consumer = Consumer::open(config).map_err(|error| Failure::new(error.to_string()))?;
        let in_place = match std::fs::read(data_dir.join(artifact::FILE_NAME)) {
            Ok(bytes) => Some((Arc::new(read(&bytes)?), digest_of(&bytes))),
            Err(_) => None,
        };
        Ok(Self { consumer, assembly: Assembly::default(), in_place, shown: false, data_dir: data_dir.to_owned() })
    }

    /// Takes what came; models that are new in place, to be shown.
    pub fn look(&mut self) -> Option<Arc<Ensemble>> {
        let messages = self.consumer.poll(Duration::ZERO).map(|polled| polled.messages).unwrap_or_default();
        let mut whole = None;
        for Incoming { headers, payload, .. } in &messages {
            whole = self.assembly.take(headers, payload).or(whole);
        }
        if let Some((bytes, digest)) = whole.filter(|(_, digest)| self.digest() != digest) {
            match self.take(&bytes, digest) {
                Ok(()) => tracing::info!("models from the server are in place"),
                Err(error) => tracing::error!("models from the server: {error}"),
            }
        }
        if std::mem::replace(&mut self.shown, true) {
            return None;
        }
        self.in_place.as_ref().map(|(ensemble, _)| Arc::clone(ensemble))
    }

    fn take(&mut self, bytes: &[u8], digest: String) -> Result<()> {
        let ensemble = read(bytes)?;
        artifact::save_bytes(&self.data_dir, artifact::FLOW, bytes, 1)?;
        self.in_place = Some((Arc::new(ensemble), digest));
        self.shown = false;
        Ok(())
    }

    /// The models that judge.
    pub fn in_place(&self) -> Option<(Arc<Ensemble>, String)> {
        self.in_place.clone()
    }

    /// Their digest; empty without.
    pub fn digest(&self) -> &str {
        self.in_place.as_ref().map_or("", |(_, digest)| digest)
    }
}

fn read(bytes: &[u8]) -> Result<Ensemble> {
    Ensemble::from_bytes(bytes, features::flow_schema()).context("models")
}

/// The server's end: the file is sent when it is there and each time it changes.
pub struct ModelWriter {
    path: PathBuf,
    topic: String,
    sent: Option<(SystemTime, u64)>,
}

impl ModelWriter {
    /// Of a data directory.
    pub fn new(link: &Link, data_dir: &Path) -> Self {
        Self { path: data_dir.join(artifact::FILE_NAME), topic: link.topic(topics::MODELS), sent: None }
    }

    /// Sends the file if it is another.
    pub fn look(&mut self, producer: &Producer) {
        let Some(now) =
            std::fs::metadata(&self.path).ok().and_then(|about| Some((about.modified().ok()?, about.len())))
        else {
            return;
        };
        if self.sent == Some(now) {
            return;
        }
        let Ok(bytes) = std::fs::read(&self.path) else { return };
        for piece in pieces(&self.topic, &bytes) {
            producer.send(piece);
        }
        self.sent = Some(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_goes_in_pieces_and_comes_whole() {
        let file: Vec<u8> = (0..PIECE * 3 + 17).map(|n| (n % 251) as u8).collect();
        let sent = pieces("t", &file);
        assert_eq!(sent.len(), 4);
        let mut assembly = Assembly::default();
        let other = pieces("t", &file[1..]);
        assert!(assembly.take(&other[0].headers, &other[0].payload).is_none());
        let came: Vec<_> = sent.iter().filter_map(|piece| assembly.take(&piece.headers, &piece.payload)).collect();
        assert_eq!(came, [(file.clone(), digest_of(&file))]);
        assert!(sent.iter().rev().filter_map(|p| assembly.take(&p.headers, &p.payload)).count() == 1, "in any order");
    }

    #[test]
    fn a_damaged_piece_gives_no_file() {
        let file = vec![7; PIECE + 1];
        let mut sent = pieces("t", &file);
        sent[1].payload[0] ^= 1;
        let mut assembly = Assembly::default();
        assert!(sent.iter().all(|piece| assembly.take(&piece.headers, &piece.payload).is_none()));
        assert!(assembly.take(&[], b"x").is_none());
        let many = [("digest", "d"), ("index", "0"), ("count", "99999999")];
        let many: Vec<_> = many.map(|(k, v)| (k.to_owned(), v.as_bytes().to_vec())).to_vec();
        assert!(assembly.take(&many, b"x").is_none());
    }
}
