//! Flows that wait on disk while more come than the database takes in: appended to files, read back in their order, forgotten once they
//! are in the database. Owns the files, their bound and what is left of them after a crash; knows no database and no queue.
//!
//! A file is a row of frames: bytes of the body (4), its CRC-32 (4), its flows (4), little-endian; then the body, flows as
//! `spool_form` writes them. Files are numbered and begun anew at `FILE_BYTES`, so that what was read makes room.

use crate::spool_form::{pack_flow, unpack_flow};
use crate::{FlowWrite, codec::Packer, codec::Unpacker};
use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// A file that has reached this size is followed by the next.
const FILE_BYTES: u64 = 32 << 20;
/// Longest body of a frame that is believed.
const BODY_BYTES_MAX: u64 = 256 << 20;
const HEAD_BYTES: u64 = 12;

/// How far flows have been read: file and byte. Kept in the database, with the flows, so that none comes twice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Position {
    pub file: u64,
    pub byte: u64,
}

impl Position {
    /// As a setting holds it.
    pub(crate) fn text(self) -> String {
        format!("{}:{}", self.file, self.byte)
    }
    /// Back again.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (file, byte) = text.split_once(':')?;
        Some(Self { file: file.parse().ok()?, byte: byte.parse().ok()? })
    }
}

/// Flows read, and where reading goes on once they are in the database.
#[derive(Debug)]
pub(crate) struct Chunk {
    pub flows: Vec<FlowWrite>,
    /// Flows that could not be read back.
    pub damaged: u64,
    pub next: Position,
}

struct Waiting {
    number: u64,
    bytes: u64,
}

pub(crate) struct Spool {
    dir: PathBuf,
    max_bytes: u64,
    /// Oldest first.
    files: VecDeque<Waiting>,
    /// The newest file, when something was added since it was opened.
    out: Option<File>,
    /// The oldest file, once something was read of it.
    input: Option<File>,
    at: Position,
    flows: u64,
    bytes: u64,
    /// Flows of an end that was not written whole.
    damaged: u64,
}

struct Head {
    body_bytes: u64,
    checksum: u32,
    flows: u32,
}

impl Head {
    fn read(input: &mut impl Read) -> io::Result<Self> {
        let mut word = || {
            let mut bytes = [0; 4];
            input.read_exact(&mut bytes).map(|()| u32::from_le_bytes(bytes))
        };
        Ok(Self { body_bytes: u64::from(word()?), checksum: word()?, flows: word()? })
    }
}

impl Spool {
    /// Takes over what an earlier process left in `dir`. `at` is where it was with reading; files before it are removed.
    pub(crate) fn open(dir: &Path, max_bytes: u64, at: Position) -> io::Result<Self> {
        let mut spool = Self {
            dir: dir.to_path_buf(),
            max_bytes,
            files: VecDeque::new(),
            out: None,
            input: None,
            at,
            flows: 0,
            bytes: 0,
            damaged: 0,
        };
        let mut numbers = Vec::new();
        match fs::read_dir(dir) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(spool),
            found => {
                for entry in found? {
                    numbers.extend(number_of(&entry?.file_name().to_string_lossy()));
                }
            }
        }
        numbers.sort_unstable();
        for number in numbers {
            spool.take_over(number)?;
        }
        Ok(spool)
    }

    fn path(&self, number: u64) -> PathBuf {
        self.dir.join(format!("{number:010}.flows"))
    }

    /// Counts what waits in one file; an end that was not written whole is cut off.
    fn take_over(&mut self, number: u64) -> io::Result<()> {
        let path = self.path(number);
        if number < self.at.file {
            return fs::remove_file(path);
        }
        let mut file = File::options().read(true).write(true).open(&path)?;
        let size = file.metadata()?.len();
        let mut end = if number == self.at.file { self.at.byte.min(size) } else { 0 };
        let begin = end;
        while end + HEAD_BYTES <= size {
            file.seek(SeekFrom::Start(end))?;
            let head = Head::read(&mut file)?;
            let next = end + HEAD_BYTES + head.body_bytes;
            if next > size {
                self.damaged += u64::from(head.flows);
                break;
            }
            self.flows += u64::from(head.flows);
            end = next;
        }
        file.set_len(end)?;
        self.bytes += end - begin;
        self.files.push_back(Waiting { number, bytes: end });
        Ok(())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.flows == 0
    }

    /// Flows that wait, and their bytes.
    pub(crate) fn waiting(&self) -> (u64, u64) {
        (self.flows, self.bytes)
    }

    /// Flows that `open` found cut off; asked once.
    pub(crate) fn take_damaged(&mut self) -> u64 {
        std::mem::take(&mut self.damaged)
    }

    /// Adds flows; false: there is no room for them.
    pub(crate) fn append(&mut self, flows: &[FlowWrite]) -> io::Result<bool> {
        let mut p = Packer(Vec::with_capacity(flows.len() * 384 + HEAD_BYTES as usize));
        p.0.resize(HEAD_BYTES as usize, 0);
        for flow in flows {
            pack_flow(&mut p, flow);
        }
        let mut frame = p.0;
        let body = &frame[HEAD_BYTES as usize..];
        if self.bytes + frame.len() as u64 > self.max_bytes || body.len() as u64 > BODY_BYTES_MAX {
            return Ok(false);
        }
        let head = [body.len() as u32, crc32fast::hash(body), flows.len() as u32];
        for (place, word) in head.into_iter().enumerate() {
            frame[place * 4..place * 4 + 4].copy_from_slice(&word.to_le_bytes());
        }
        self.write(&frame)?;
        self.flows += flows.len() as u64;
        self.bytes += frame.len() as u64;
        Ok(true)
    }

    fn write(&mut self, frame: &[u8]) -> io::Result<()> {
        if self.files.back().is_none_or(|last| last.bytes >= FILE_BYTES) {
            fs::create_dir_all(&self.dir)?;
            // Numbers only rise, over restarts too: the position in the database is never ahead of a new file.
            let number = self.files.back().map_or(self.at.file, |last| last.number) + 1;
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

    /// The oldest flows that wait. They stay until `done` is told the chunk's position.
    pub(crate) fn next(&mut self) -> io::Result<Option<Chunk>> {
        while let Some(first) = self.files.front() {
            let (number, bytes) = (first.number, first.bytes);
            if number != self.at.file {
                (self.at, self.input) = (Position { file: number, byte: 0 }, None);
            }
            if self.at.byte < bytes {
                return self.read(number).map(Some);
            }
            self.forget_first()?;
        }
        (self.flows, self.bytes) = (0, 0);
        Ok(None)
    }

    fn read(&mut self, number: u64) -> io::Result<Chunk> {
        if self.input.is_none() {
            self.input = Some(File::open(self.path(number))?);
        }
        let Some(input) = self.input.as_mut() else { return Err(io::ErrorKind::NotFound.into()) };
        input.seek(SeekFrom::Start(self.at.byte))?;
        let head = Head::read(input)?;
        let mut body = Vec::with_capacity(head.body_bytes.min(BODY_BYTES_MAX) as usize);
        input.take(head.body_bytes).read_to_end(&mut body)?;
        let next = Position { file: number, byte: self.at.byte + HEAD_BYTES + head.body_bytes };
        let mut flows = Vec::new();
        if body.len() as u64 == head.body_bytes && crc32fast::hash(&body) == head.checksum {
            let mut u = Unpacker(&body);
            flows.extend(std::iter::from_fn(|| unpack_flow(&mut u)).take(head.flows as usize));
        }
        let damaged = u64::from(head.flows) - flows.len() as u64;
        Ok(Chunk { flows, damaged, next })
    }

    /// The flows of a chunk are in the database, with its position.
    pub(crate) fn done(&mut self, chunk: &Chunk) {
        self.flows = self.flows.saturating_sub(chunk.flows.len() as u64 + chunk.damaged);
        self.bytes = self.bytes.saturating_sub(chunk.next.byte - self.at.byte);
        self.at = chunk.next;
        if self.flows == 0 {
            // A file that cannot be removed is passed over at the next start.
            while self.forget_first().is_ok_and(|more| more) {}
            self.bytes = 0;
        }
    }

    /// Removes the oldest file; false when there is none.
    fn forget_first(&mut self) -> io::Result<bool> {
        let Some(first) = self.files.pop_front() else { return Ok(false) };
        self.input = None;
        if self.files.is_empty() {
            self.out = None;
        }
        fs::remove_file(self.path(first.number))?;
        Ok(true)
    }
}

fn number_of(name: &str) -> Option<u64> {
    name.strip_suffix(".flows")?.parse().ok()
}
