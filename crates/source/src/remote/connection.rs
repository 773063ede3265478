//! One connection that sends a capture: its bytes as they come, its packets when they are due. Owns how a connection ends and why; knows
//! neither seat nor listener.

use super::clock::RemoteClock;
use super::door::{Arrival, keep_alive};
use crate::files::begin;
use crate::files::capture_file::{CaptureFile, End};
use crate::files::window::Window;
use crate::tls::{self, Transport};
use crate::{FrameSource, SourceError, SourceStats};
use record::{FrameHeader, Timestamp};
use std::io::{self, Read};
use std::os::fd::{AsRawFd, RawFd};
use std::time::{Duration, Instant};

/// Longest record: that of a packet of the longest length, with options. Bounds a connection's memory, which begins at half of it.
const RECORD_BYTES_MAX: usize = 1 << 20;
/// How long TLS may take to be agreed.
const GREETING_MAX: Duration = Duration::from_secs(10);

/// What one look at a connection brought.
pub(super) enum Step {
    /// Packets.
    Packets,
    /// Nothing has come.
    Nothing,
    /// What has come is not due yet.
    NotDue,
    /// It is over: the reason that is counted, if it is a bad one, and in words.
    Ended(Option<&'static str>, String),
}

enum Stage {
    Header(Option<Window>),
    Packets(Box<CaptureFile>),
}

/// See the module.
pub(super) struct Connection {
    descriptor: RawFd,
    /// Address and port, for messages.
    name: String,
    stage: Stage,
    clock: RemoteClock,
    /// Packets that were read; those before `next` were handed on.
    read: Vec<FrameHeader>,
    next: usize,
    /// The last reading found nothing.
    fresh: bool,
}

/// What is sent, without what is no failure here.
struct Incoming {
    transport: Transport,
    opened: Instant,
}

impl Read for Incoming {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.transport.read(buffer) {
            Err(error) if tls::is_end(&error) => Ok(0),
            // Whoever does not say who they are must not keep a seat from those who do.
            Err(error)
                if is_waiting(&error) && self.transport.is_handshaking() && self.opened.elapsed() > GREETING_MAX =>
            {
                Err(io::Error::new(io::ErrorKind::TimedOut, "TLS was not agreed in time"))
            }
            other => other,
        }
    }
}

fn is_waiting(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::WouldBlock
}

impl Connection {
    /// Takes a connection that was let in.
    pub(super) fn new(arrival: Arrival) -> io::Result<Self> {
        keep_alive(&arrival.stream)?;
        let transport = Transport::new(arrival.stream, arrival.tls.as_ref())?;
        Ok(Self {
            descriptor: transport.stream().as_raw_fd(),
            name: arrival.peer.to_string(),
            stage: Stage::Header(Some(Window::new(Box::new(Incoming { transport, opened: Instant::now() })))),
            clock: RemoteClock::default(),
            read: Vec::new(),
            next: 0,
            fresh: true,
        })
    }

    /// What to wait for.
    pub(super) fn descriptor(&self) -> RawFd {
        self.descriptor
    }

    /// The bytes that the packets of the last step lie in.
    pub(super) fn bytes(&self) -> &[u8] {
        match &self.stage {
            Stage::Packets(capture) => capture.last_batch(),
            Stage::Header(_) => &[],
        }
    }

    /// Appends packets that have come and are due.
    pub(super) fn step(&mut self, packets: &mut Vec<FrameHeader>, now: Timestamp) -> Step {
        if self.next >= self.read.len()
            && let Some(step) = self.read_on(now)
        {
            return step;
        }
        while let Some(header) = self.read.get(self.next) {
            let Some(ts) = self.clock.place(header.ts, now) else { break };
            packets.push(FrameHeader { ts, ..*header });
            self.next += 1;
        }
        if packets.is_empty() { Step::NotDue } else { Step::Packets }
    }

    /// Reads the next packets; else what to do instead.
    fn read_on(&mut self, now: Timestamp) -> Option<Step> {
        (self.next, self.read) = (0, std::mem::take(&mut self.read));
        self.read.clear();
        if let Stage::Header(window) = &mut self.stage {
            match begin_stage(&self.name, window) {
                Ok(Some(stage)) => self.stage = stage,
                Ok(None) => return Some(Step::Nothing),
                Err(end) => return Some(end),
            }
        }
        let Stage::Packets(capture) = &mut self.stage else { return Some(Step::Nothing) };
        match capture.next_batch(&mut self.read).map(|bytes| bytes.is_some()) {
            Ok(true) => {}
            Ok(false) => return Some(ended(capture)),
            Err(error) => return Some(Step::Ended(Some("sender_failed"), error.to_string())),
        }
        let (Some(first), Some(newest)) = (self.read.first(), self.read.iter().map(|header| header.ts).max()) else {
            self.fresh = true;
            return Some(Step::Nothing);
        };
        self.clock.begin(first.ts, newest, now, self.fresh);
        self.fresh = false;
        None
    }

    /// Counts of the capture, with what people should know.
    pub(super) fn stats(&self) -> SourceStats {
        let mut stats = match &self.stage {
            Stage::Packets(capture) => capture.stats(),
            Stage::Header(_) => SourceStats::default(),
        };
        stats.notes.extend(self.clock.words());
        stats
    }
}

/// Reads the header once it is whole.
fn begin_stage(name: &str, window: &mut Option<Window>) -> Result<Option<Stage>, Step> {
    let Some(mut reading) = window.take() else { return Ok(None) };
    match begin(name, &mut reading) {
        Ok(Some(format)) => {
            let capture = CaptureFile::new(reading, format).with_record_bytes_max(RECORD_BYTES_MAX);
            Ok(Some(Stage::Packets(Box::new(capture))))
        }
        Ok(None) => {
            *window = Some(reading);
            Ok(None)
        }
        // Somebody looked whether the port is open.
        Err(SourceError::NotACapture { .. }) if reading.available().is_empty() => {
            Err(Step::Ended(None, "it ended before a byte came".to_owned()))
        }
        Err(error @ SourceError::Read { .. }) => Err(Step::Ended(Some("sender_failed"), error.to_string())),
        Err(error) => Err(Step::Ended(Some("sender_not_a_capture"), error.to_string())),
    }
}

fn ended(capture: &CaptureFile) -> Step {
    let words = capture.stats().notes.pop();
    match capture.end() {
        Some(End::Damaged) => Step::Ended(Some("sender_damaged"), words.unwrap_or_default()),
        Some(End::Failed) => Step::Ended(Some("sender_failed"), words.unwrap_or_default()),
        Some(End::Cut) => Step::Ended(None, words.unwrap_or_default()),
        Some(End::Whole) | None => Step::Ended(None, "the sender closed it".to_owned()),
    }
}
