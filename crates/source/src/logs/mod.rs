//! Logs as they are written: files followed through their rotation, and syslog from the network. Owns positions in files, sockets
//! and frames of the transport; knows no line's meaning. What comes is handed on as pieces of streams: bytes that end in newlines
//! where a message ends.

mod follow;
mod glob;
mod place;
mod settings;
mod streams;
mod syslog;

pub use follow::Follow;
pub use settings::LogSettings;
pub use syslog::Syslog;

use crate::{SourceError, SourceStats};

/// What happened to one stream of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece<'a> {
    /// More bytes.
    Bytes(&'a [u8]),
    /// It ended, or begins anew: what comes under the same number is another file's or connection's.
    End,
}

/// A source of lines, used by one thread.
pub trait LineSource: Send {
    /// Hands on what has come; waits a moment (at most 100 ms) when nothing has. A stream keeps its number until its end.
    ///
    /// # Errors
    /// Only when nothing sensible can follow.
    fn next(&mut self, sink: &mut dyn FnMut(u64, Piece<'_>)) -> Result<(), SourceError>;
    /// Counts up to now: `packets` are messages of the network and pieces of files.
    fn stats(&self) -> SourceStats;
    /// Whose stream it is: a file, a sender; empty where that is not known or it has ended.
    fn origin(&self, _stream: u64) -> String {
        String::new()
    }
    /// What was read until now was handed on to the judge, whose queue may still hold it and `may_wait - 1` earlier ones; 0: the judge has
    /// all of it. For sources that say to the far side how far they have come.
    fn handed_on(&mut self, _may_wait: usize) {}
    /// What an earlier run kept with [`LineSource::places`].
    fn restore(&mut self, _places: &str) {}
    /// What a later run needs to go on where this one stopped; empty where nothing does.
    fn places(&self) -> String {
        String::new()
    }
}
