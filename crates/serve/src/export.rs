//! Exports over HTTP: how rows become the chunks of a body, and how many may run at once. Rows and forms are the store's.

use std::io::{self, Write};
use std::sync::Arc;
use store::export::{Ask, Exporter};
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Exports at the same time; each holds a connection of the store most of the time.
pub const EXPORTS_MAX: usize = 2;
/// Chunks made but not sent yet: bounds the memory of a slow download.
const CHUNKS_MAX: usize = 4;
/// Bytes of a chunk, about.
const CHUNK_BYTES: usize = 1 << 16;

/// A piece of the download; an error ends it, so that a cut download is noticed as one.
pub(crate) type Chunk = Result<Vec<u8>, io::Error>;

/// Makes exports, a bounded number at a time.
#[derive(Clone)]
pub struct Exports {
    pub(crate) exporter: Exporter,
    places: Arc<Semaphore>,
}

impl Exports {
    /// By this exporter.
    #[must_use]
    pub fn new(exporter: Exporter) -> Self {
        Self { exporter, places: Arc::new(Semaphore::new(EXPORTS_MAX)) }
    }

    /// A place among those that run; None: all are taken.
    pub(crate) fn place(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.places).try_acquire_owned().ok()
    }

    /// Begins an export on a thread that may block; its chunks come as they are made.
    pub(crate) fn begin(&self, ask: Ask, place: OwnedSemaphorePermit) -> Receiver<Chunk> {
        let (sender, receiver) = channel(CHUNKS_MAX);
        let exporter = self.exporter.clone();
        tokio::task::spawn_blocking(move || {
            let out = Chunks { sender: sender.clone(), buffer: Vec::with_capacity(CHUNK_BYTES) };
            if let Err(error) = exporter.run(&ask, Box::new(out), &mut |_| {}) {
                // Nobody may be there to hear it.
                let _ = sender.blocking_send(Err(io::Error::other(error.to_string())));
            }
            drop(place);
        });
        receiver
    }
}

/// Collects what is written into chunks.
struct Chunks {
    sender: Sender<Chunk>,
    buffer: Vec<u8>,
}

impl Chunks {
    fn send(&mut self) -> io::Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let chunk = std::mem::replace(&mut self.buffer, Vec::with_capacity(CHUNK_BYTES));
        self.sender.blocking_send(Ok(chunk)).map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}

impl Write for Chunks {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.buffer.extend_from_slice(data);
        if self.buffer.len() >= CHUNK_BYTES {
            self.send()?;
        }
        Ok(data.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        self.send()
    }
}
