//! Messages that wait on disk for a broker: appended to files, read back in their order, forgotten once they are acknowledged. Owns the
//! files, their bound, the place up to which they are acknowledged and what is left of them after a crash; knows no broker.
//!
//! A file is a row of frames: bytes of the body (4), its CRC-32 (4), little-endian, then the body as `form` writes it. Files are numbered
//! and begun anew at `FILE_BYTES`, so that what was acknowledged makes room. What the process wrote survives its end with kill -9; what
//! the machine had not yet written out does not survive the loss of its power.

use super::form::{pack, unpack};
use super::settings::{MESSAGE_BYTES_MAX, Outgoing};
use std::collections::VecDeque;
use std::fs::{self, File, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// A file is ended when it is this long.
const FILE_BYTES: u64 = 8 << 20;
/// Length and checksum.
const HEAD_BYTES: u64 = 8;
/// Longest body: the longest message and the lengths of its parts.
const BODY_BYTES_MAX: u64 = MESSAGE_BYTES_MAX as u64 + (64 << 10);
/// The file that says up to where messages are acknowledged.
const PLACE: &str = "acknowledged";
/// The file that one process holds.
const LOCK: &str = "lock";
/// Bytes acknowledged after which the place is written again.
const PLACE_BYTES: u64 = 1 << 20;

struct Waiting {
    number: u64,
    bytes: u64,
}

#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    file: u64,
    byte: u64,
}

/// What `next` found.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// The next message.
    Message(Box<Outgoing>),
    /// A frame that is damaged: it is passed over.
    Damaged,
    /// Nothing that was not read yet.
    End,
}

/// The messages on disk.
pub(super) struct Outbox {
    dir: PathBuf,
    bytes_max: u64,
    files: VecDeque<Waiting>,
    out: Option<File>,
    input: Option<(u64, File)>,
    /// Where the next message is read.
    cursor: Place,
    /// Up to where all is acknowledged.
    acknowledged: Place,
    saved: Place,
    /// Lengths of the frames that were read and are not acknowledged.
    read: VecDeque<u64>,
    messages: u64,
    bytes: u64,
    _lock: File,
}

impl Outbox {
    /// Opens the folder, made where it is missing; half a frame at the end of the last file is cut off.
    pub(super) fn open(dir: &Path, bytes_max: u64) -> io::Result<Self> {
        fs::create_dir_all(dir)?;
        let lock = File::options().create(true).truncate(false).write(true).open(dir.join(LOCK))?;
        lock.try_lock().map_err(|e| match e {
            TryLockError::WouldBlock => io::Error::new(io::ErrorKind::ResourceBusy, "another process uses it"),
            TryLockError::Error(e) => e,
        })?;
        let acknowledged = read_place(&dir.join(PLACE)).unwrap_or_default();
        let mut outbox = Self {
            dir: dir.to_owned(),
            bytes_max,
            files: VecDeque::new(),
            out: None,
            input: None,
            cursor: acknowledged,
            acknowledged,
            saved: acknowledged,
            read: VecDeque::new(),
            messages: 0,
            bytes: 0,
            _lock: lock,
        };
        outbox.find()?;
        Ok(outbox)
    }

    fn find(&mut self) -> io::Result<()> {
        let mut numbers = Vec::new();
        for entry in fs::read_dir(&self.dir)? {
            if let Some(number) = entry?.file_name().to_str().and_then(number_of) {
                numbers.push(number);
            }
        }
        numbers.sort_unstable();
        for (nth, &number) in numbers.iter().enumerate() {
            let path = self.path(number);
            if number < self.acknowledged.file {
                fs::remove_file(path)?;
                continue;
            }
            let start = if number == self.acknowledged.file { self.acknowledged.byte } else { 0 };
            let (messages, end) = count(&path, start.min(fs::metadata(&path)?.len()))?;
            if nth + 1 == numbers.len() {
                File::options().write(true).open(&path)?.set_len(end)?;
            } else if messages == 0 {
                fs::remove_file(path)?;
                continue;
            }
            self.messages += messages;
            self.bytes += end.saturating_sub(start);
            self.files.push_back(Waiting { number, bytes: end });
        }
        Ok(())
    }

    fn path(&self, number: u64) -> PathBuf {
        self.dir.join(format!("{number:012}.messages"))
    }

    /// Messages that are not acknowledged.
    pub(super) fn messages(&self) -> u64 {
        self.messages
    }

    /// Their bytes.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Appends a message; false when the bound is reached.
    pub(super) fn append(&mut self, message: &Outgoing) -> io::Result<bool> {
        let mut frame = Vec::with_capacity(message.bytes() + HEAD_BYTES as usize);
        frame.resize(HEAD_BYTES as usize, 0);
        pack(&mut frame, message);
        let body = &frame[HEAD_BYTES as usize..];
        if self.bytes + frame.len() as u64 > self.bytes_max || body.len() as u64 > BODY_BYTES_MAX {
            return Ok(false);
        }
        let head = [body.len() as u32, crc32fast::hash(body)];
        for (place, word) in head.into_iter().enumerate() {
            frame[place * 4..place * 4 + 4].copy_from_slice(&word.to_le_bytes());
        }
        self.write(&frame)?;
        self.messages += 1;
        self.bytes += frame.len() as u64;
        Ok(true)
    }

    /// Appends a message that is on its way already: it is kept, and not read again.
    pub(super) fn append_read(&mut self, message: &Outgoing) -> io::Result<bool> {
        let before = self.bytes;
        let kept = self.append(message)?;
        if kept {
            self.read.push_back(self.bytes - before);
            self.cursor = self.files.back().map_or(self.cursor, |last| Place { file: last.number, byte: last.bytes });
        }
        Ok(kept)
    }

    fn write(&mut self, frame: &[u8]) -> io::Result<()> {
        if self.files.back().is_none_or(|last| last.bytes >= FILE_BYTES) {
            // Numbers only rise, over restarts too: the place is never ahead of a new file.
            let number = self.files.back().map_or(self.acknowledged.file, |last| last.number) + 1;
            self.out = Some(File::options().create_new(true).append(true).open(self.path(number))?);
            self.files.push_back(Waiting { number, bytes: 0 });
        }
        let path = self.files.back().map(|last| self.path(last.number)).unwrap_or_default();
        let Some(last) = self.files.back_mut() else { return Ok(()) };
        let out = match &mut self.out {
            Some(out) => out,
            none => none.insert(File::options().append(true).open(path)?),
        };
        if let Err(e) = out.write_all(frame) {
            // Half a frame must not stand before the next one.
            out.set_len(last.bytes)?;
            return Err(e);
        }
        last.bytes += frame.len() as u64;
        Ok(())
    }

    /// The next message that was not read yet. It stays until `done`.
    pub(super) fn next(&mut self) -> io::Result<Found> {
        loop {
            let Some(file) = self.files.iter().find(|file| file.number >= self.cursor.file) else {
                return Ok(Found::End);
            };
            let (number, bytes) = (file.number, file.bytes);
            if number != self.cursor.file {
                self.cursor = Place { file: number, byte: 0 };
            }
            if self.cursor.byte < bytes {
                return self.read(number);
            }
            if self.files.back().is_none_or(|last| last.number == number) {
                return Ok(Found::End);
            }
            self.cursor = Place { file: number + 1, byte: 0 };
        }
    }

    fn read(&mut self, number: u64) -> io::Result<Found> {
        if self.input.as_ref().is_none_or(|(open, _)| *open != number) {
            self.input = Some((number, File::open(self.path(number))?));
        }
        let Some((_, input)) = self.input.as_mut() else { return Err(io::ErrorKind::NotFound.into()) };
        input.seek(SeekFrom::Start(self.cursor.byte))?;
        let (length, checksum) = read_head(input)?;
        let mut body = Vec::with_capacity(length.min(BODY_BYTES_MAX) as usize);
        input.take(length).read_to_end(&mut body)?;
        self.cursor.byte += HEAD_BYTES + length;
        self.read.push_back(HEAD_BYTES + length);
        let whole = body.len() as u64 == length && crc32fast::hash(&body) == checksum;
        let message = if whole { unpack(&body) } else { None };
        Ok(message.map_or(Found::Damaged, |message| Found::Message(Box::new(message))))
    }

    /// The oldest message that was read is acknowledged, or given up.
    pub(super) fn done(&mut self) -> io::Result<()> {
        let Some(length) = self.read.pop_front() else { return Ok(()) };
        self.messages = self.messages.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub(length);
        if let Some(first) = self.files.front().filter(|first| first.number > self.acknowledged.file) {
            self.acknowledged = Place { file: first.number, byte: 0 };
        }
        self.acknowledged.byte += length;
        let Place { file, byte } = self.acknowledged;
        if self.files.front().is_some_and(|first| first.number == file && byte >= first.bytes) {
            self.forget_first()?;
        }
        if self.acknowledged.file != self.saved.file || self.acknowledged.byte > self.saved.byte + PLACE_BYTES {
            self.save()?;
        }
        Ok(())
    }

    fn forget_first(&mut self) -> io::Result<()> {
        let Some(first) = self.files.pop_front() else { return Ok(()) };
        if self.input.as_ref().is_some_and(|(open, _)| *open == first.number) {
            self.input = None;
        }
        if self.files.is_empty() {
            self.out = None;
        }
        fs::remove_file(self.path(first.number))
    }

    /// Writes down up to where all is acknowledged, and the messages to the disk itself.
    pub(super) fn close(&mut self) -> io::Result<()> {
        if let Some(out) = &self.out {
            out.sync_data()?;
        }
        self.save()
    }

    fn save(&mut self) -> io::Result<()> {
        let Place { file, byte } = self.acknowledged;
        let partial = self.dir.join(format!("{PLACE}.part"));
        fs::write(&partial, format!("{file} {byte}\n"))?;
        fs::rename(partial, self.dir.join(PLACE))?;
        self.saved = self.acknowledged;
        Ok(())
    }
}

fn read_head(input: &mut File) -> io::Result<(u64, u32)> {
    let mut head = [0_u8; HEAD_BYTES as usize];
    input.read_exact(&mut head)?;
    let word = |at: usize| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
    Ok((u64::from(word(0)), word(4)))
}

/// Whole frames of a file from a byte on, and where the last of them ends.
fn count(path: &Path, start: u64) -> io::Result<(u64, u64)> {
    let mut input = File::open(path)?;
    let (length, mut at, mut messages) = (input.metadata()?.len(), start, 0);
    while at + HEAD_BYTES <= length {
        input.seek(SeekFrom::Start(at))?;
        let (body, _) = read_head(&mut input)?;
        if body == 0 || body > BODY_BYTES_MAX || at + HEAD_BYTES + body > length {
            break;
        }
        (at, messages) = (at + HEAD_BYTES + body, messages + 1);
    }
    Ok((messages, at))
}

fn read_place(path: &Path) -> Option<Place> {
    let text = fs::read_to_string(path).ok()?;
    let (file, byte) = text.trim().split_once(' ')?;
    Some(Place { file: file.parse().ok()?, byte: byte.parse().ok()? })
}

fn number_of(name: &str) -> Option<u64> {
    name.strip_suffix(".messages")?.parse().ok()
}

#[cfg(test)]
mod tests;
