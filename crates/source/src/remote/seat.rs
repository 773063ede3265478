//! One seat of captures by TCP as a source of frames: one connection after the other, mostly of the same sender. Owns what is counted over
//! all its connections.

use super::connection::{Connection, Step};
use super::door::Door;
use super::settings::RemoteSettings;
use crate::frame_source::Peer;
use crate::wait::wait_readable;
use crate::{FrameSource, SourceError, SourceStats};
use record::{FrameHeader, Timestamp};
use std::io;
use std::os::fd::RawFd;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How long a call waits when nothing comes.
const WAIT_MS: i32 = 100;
/// How long a call waits for what is not due.
const NOT_DUE_WAIT: Duration = Duration::from_millis(20);

/// See the module.
pub struct RemoteSeat {
    door: Arc<Door>,
    number: usize,
    connection: Option<Connection>,
    peer: Option<Peer>,
    busy: bool,
    /// Counts of connections that ended.
    before: SourceStats,
    /// How the last one ended.
    ended: Option<String>,
}

/// Binds every address of the settings; the seats that share them.
///
/// # Errors
/// A setting cannot be used; an address cannot be bound.
pub fn open_remote(settings: &RemoteSettings) -> Result<Vec<RemoteSeat>, SourceError> {
    let door = Arc::new(Door::open(settings)?);
    Ok((0..settings.connections_max).map(|number| RemoteSeat::new(Arc::clone(&door), number)).collect())
}

impl RemoteSeat {
    fn new(door: Arc<Door>, number: usize) -> Self {
        Self { door, number, connection: None, peer: None, busy: false, before: SourceStats::default(), ended: None }
    }

    /// Where captures are waited for, all seats together: transport and address.
    #[must_use]
    pub fn listens_at(&self) -> Vec<String> {
        self.door.listens_at()
    }

    /// Takes whoever waits for this seat.
    fn sit(&mut self) {
        if self.connection.is_some() {
            return;
        }
        let Some(arrival) = self.door.arrival(self.number) else { return };
        self.peer = Some(Peer { name: arrival.peer.ip().to_canonical().to_string(), connected: true });
        match Connection::new(arrival) {
            Ok(connection) => self.connection = Some(connection),
            Err(error) => self.leave(Some("sender_failed"), error.to_string()),
        }
    }

    fn leave(&mut self, reason: Option<&'static str>, words: String) {
        self.before = self.totals();
        self.connection = None;
        if let Some(peer) = &mut self.peer {
            peer.connected = false;
        }
        self.ended = Some(words);
        self.door.left(self.number, reason);
    }

    /// Counts of all connections.
    fn totals(&self) -> SourceStats {
        let mut stats = self.before.clone();
        if let Some(connection) = &self.connection {
            let now = connection.stats();
            stats.packets += now.packets;
            stats.bytes += now.bytes;
            stats.dropped.merge(&now.dropped);
        }
        stats
    }

    fn wait(&self) -> io::Result<()> {
        let own = self.connection.as_ref().map(Connection::descriptor);
        let all: Vec<RawFd> = self.door.descriptors().chain(own).collect();
        wait_readable(&all, WAIT_MS).map(drop)
    }
}

impl FrameSource for RemoteSeat {
    fn next_batch(&mut self, headers: &mut Vec<FrameHeader>) -> Result<Option<&[u8]>, SourceError> {
        headers.clear();
        self.door.look(self.busy);
        self.sit();
        let step = self.connection.as_mut().map_or(Step::Nothing, |connection| connection.step(headers, now()));
        self.busy = matches!(step, Step::Packets | Step::NotDue);
        match step {
            Step::Packets => {}
            Step::Nothing => {
                let failed = |error: io::Error| SourceError::RemoteListener {
                    address: self.door.listens_at().join(", "),
                    what: error.to_string(),
                };
                self.wait().map_err(failed)?;
            }
            Step::NotDue => std::thread::sleep(NOT_DUE_WAIT),
            Step::Ended(reason, words) => self.leave(reason, words),
        }
        Ok(Some(self.connection.as_ref().map_or(&[], Connection::bytes)))
    }

    fn stats(&self) -> SourceStats {
        let mut stats = self.totals();
        stats.peer.clone_from(&self.peer);
        match &self.connection {
            Some(connection) => stats.notes = connection.stats().notes,
            None => stats.notes.extend(self.ended.as_ref().map(|why| format!("not connected; the last time: {why}"))),
        }
        // Those of all seats, told once.
        if self.number == 0 {
            stats.dropped.merge(&self.door.counts());
        }
        stats
    }
}

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
}

#[cfg(test)]
#[path = "seat_test.rs"]
mod tests;
