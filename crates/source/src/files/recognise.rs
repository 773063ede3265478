//! What kind of input this is, from its first bytes. Owns the opening of capture files.

use super::capture_file::CaptureFile;
use super::export_dump::{ExportDump, is_export_dump};
use super::format::Format;
use super::pcap::{self, HeaderError};
use super::pcapng::{self, Pcapng};
use super::pipe::Pipe;
use super::window::Window;
use crate::{FrameSource, SourceError};
use std::fs::File;
use std::io::{self, BufRead, Cursor, Read};
use std::os::fd::AsFd;
use std::path::Path;
use std::sync::atomic::Ordering;

/// Largest zstd window accepted, as a power of two: 128 MiB, the tool's own limit. Bounds memory.
const ZSTD_WINDOW_LOG_MAX: u32 = 27;
/// Bytes of the smallest section header.
const SECTION_BYTES: usize = 28;

/// Opens a capture; `-` is standard input. The kind is recognised by content.
///
/// # Errors
/// The file cannot be opened or read, is empty, or is not a capture of a kind that is read.
pub fn open_capture(path: &Path) -> Result<Box<dyn FrameSource>, SourceError> {
    let (name, reader) = open_any(path)?;
    open_reader(&name, reader)
}

/// A file or standard input (`-`), with its name for messages.
pub(super) fn open_any(path: &Path) -> Result<(String, Box<dyn Read + Send>), SourceError> {
    if path.as_os_str() == "-" {
        return Ok(("standard input".to_owned(), Box::new(io::stdin())));
    }
    let name = path.display().to_string();
    let failed = |source| SourceError::Open { path: name.clone(), source };
    if std::fs::metadata(path).map_err(failed)?.is_dir() {
        return Err(SourceError::Directory { path: name });
    }
    let file = File::open(path).map_err(failed)?;
    Ok((name, Box::new(file)))
}

/// Opens any file, unpacked when it is gzip or zstd: for tables and logs, which others read. `-` is standard input.
///
/// # Errors
/// The file cannot be opened or read.
pub fn open_unpacked(path: &Path) -> Result<Box<dyn Read + Send>, SourceError> {
    let (name, reader) = open_any(path)?;
    unpack(&name, reader).map(|(_, reader)| reader)
}

/// True when `first` are the first bytes of a capture of a kind that is read.
#[must_use]
pub fn is_capture(first: &[u8]) -> bool {
    let first = first.first_chunk::<4>().copied();
    first.is_some_and(|first| u32::from_be_bytes(first) == pcapng::SECTION_HEADER || pcap::is_pcap(first))
}

/// Opens a capture that comes from any reader; `name` is for messages.
///
/// # Errors
/// As [`open_capture`].
pub fn open_reader(name: &str, reader: Box<dyn Read + Send>) -> Result<Box<dyn FrameSource>, SourceError> {
    let (packed, reader) = unpack(name, reader)?;
    open_plain(name, reader, packed).map(Opened::boxed)
}

/// Opens standard input (`-`) or a named pipe as what comes from a running capture: batches as packets come, and an empty one after at
/// most 100 ms without, so that whoever reads it can tell what it has and can stop. Waits for the header.
///
/// # Errors
/// As [`open_capture`].
pub fn open_pipe(path: &Path) -> Result<Box<dyn FrameSource>, SourceError> {
    let name = if path.as_os_str() == "-" { "standard input".to_owned() } else { path.display().to_string() };
    let failed = |source| SourceError::Open { path: name.clone(), source };
    let (begun, file) = if path.as_os_str() == "-" {
        let begun = buffered_input().map_err(failed)?;
        (begun, io::stdin().as_fd().try_clone_to_owned().map(File::from))
    } else {
        (Vec::new(), File::open(path))
    };
    let pipe = Pipe::new(file.map_err(failed)?);
    let patient = pipe.patience();
    let (packed, reader) = unpack(&name, Box::new(Cursor::new(begun).chain(pipe)))?;
    let opened = open_plain(&name, reader, packed)?;
    // Only a capture understands that nothing is there yet.
    patient.store(matches!(opened, Opened::Dump(_)), Ordering::Relaxed);
    Ok(opened.boxed())
}

/// What lies in the process's own buffer of standard input, taken from it: whoever looked at the beginning left it there.
fn buffered_input() -> io::Result<Vec<u8>> {
    let mut input = io::stdin().lock();
    let begun = input.fill_buf()?.to_vec();
    input.consume(begun.len());
    Ok(begun)
}

/// The unpacked bytes, and whether they were packed.
pub(super) fn unpack(name: &str, reader: Box<dyn Read + Send>) -> Result<(bool, Box<dyn Read + Send>), SourceError> {
    let mut reader = reader;
    let first = peek(name, &mut reader)?;
    let whole = Cursor::new(first.clone()).chain(reader);
    match first.as_slice() {
        [0x1f, 0x8b, ..] => Ok((true, Box::new(flate2::read::MultiGzDecoder::new(whole)))),
        [0x28, 0xb5, 0x2f, 0xfd] | [0x50..=0x5f, 0x2a, 0x4d, 0x18] => {
            let failed = |source| SourceError::Read { path: name.to_owned(), source };
            let mut decoder = zstd::stream::read::Decoder::new(whole).map_err(failed)?;
            decoder.window_log_max(ZSTD_WINDOW_LOG_MAX).map_err(failed)?;
            Ok((true, Box::new(decoder)))
        }
        _ => Ok((false, Box::new(whole))),
    }
}

/// The first four bytes, fewer when there are fewer.
fn peek(name: &str, reader: &mut dyn Read) -> Result<Vec<u8>, SourceError> {
    let mut first = Vec::with_capacity(4);
    reader.take(4).read_to_end(&mut first).map_err(|source| SourceError::Read { path: name.to_owned(), source })?;
    Ok(first)
}

/// What recognised input is read as.
enum Opened {
    Capture(CaptureFile),
    Dump(ExportDump),
}

impl Opened {
    fn boxed(self) -> Box<dyn FrameSource> {
        match self {
            Self::Capture(capture) => Box::new(capture),
            Self::Dump(dump) => Box::new(dump),
        }
    }
}

fn open_plain(name: &str, reader: Box<dyn Read + Send>, compressed: bool) -> Result<Opened, SourceError> {
    let mut window = Window::new(reader);
    let path = || name.to_owned();
    window.fill(4);
    let available = window.available();
    if available.len() < 4 {
        let (have, bytes) = (available.len() as u64, available.to_vec());
        return Err(match window.take_failure() {
            Some(source) => SourceError::Read { path: path(), source },
            None if have == 0 && !compressed => SourceError::Empty { path: path() },
            None if have == 0 => SourceError::NotACapture { path: path(), found: "it unpacks to nothing".to_owned() },
            None => SourceError::NotACapture { path: path(), found: describe(&bytes) },
        });
    }
    if !is_capture(available) {
        window.fill(512);
        if is_export_dump(window.available()) {
            return Ok(Opened::Dump(ExportDump::new(window)));
        }
    }
    match begin(name, &mut window)? {
        Some(format) => Ok(Opened::Capture(CaptureFile::new(window, format))),
        // A reader that has nothing yet is no reader of `open_reader`'s.
        None => Err(SourceError::HeaderCut { path: path(), have: window.available().len() as u64, need: 28 }),
    }
}

/// Reads the header that names the format and moves behind it; None when it has not come whole and the window waits.
pub(crate) fn begin(name: &str, window: &mut Window) -> Result<Option<Box<dyn Format>>, SourceError> {
    if !window.fill(4) && window.waits() {
        return Ok(None);
    }
    if let Some(source) = window.take_failure() {
        return Err(SourceError::Read { path: name.to_owned(), source });
    }
    let first = window.available().first_chunk::<4>().copied();
    let blocks = first.is_some_and(|first| u32::from_be_bytes(first) == pcapng::SECTION_HEADER);
    if !blocks && !first.is_some_and(pcap::is_pcap) {
        return Err(SourceError::NotACapture { path: name.to_owned(), found: describe(window.available()) });
    }
    let need = if blocks { SECTION_BYTES } else { pcap::HEADER_BYTES };
    if !window.fill(need) {
        return if window.waits() { Ok(None) } else { Err(header_cut(name, window, need)) };
    }
    if blocks {
        return Ok(Some(Box::new(Pcapng::new())));
    }
    let format = open_pcap(name, window.available())?;
    window.advance(pcap::HEADER_BYTES as u64);
    Ok(Some(format))
}

fn header_cut(name: &str, window: &mut Window, need: usize) -> SourceError {
    let path = name.to_owned();
    match window.take_failure() {
        Some(source) => SourceError::Read { path, source },
        None => SourceError::HeaderCut { path, have: window.available().len() as u64, need: need as u64 },
    }
}

fn open_pcap(name: &str, header: &[u8]) -> Result<Box<dyn Format>, SourceError> {
    let path = name.to_owned();
    pcap::open(header).map_err(|error| match error {
        HeaderError::Unsupported(what) => SourceError::UnsupportedCapture { path, what },
        HeaderError::Other => SourceError::NotACapture { path, found: describe(header) },
    })
}

/// What the first bytes look like, for the error.
fn describe(first: &[u8]) -> String {
    let known: &[(&[u8], &str)] = &[
        (b"PK\x03\x04", "it is a zip archive, unpack it"),
        (b"BZh", "it is a bzip2 file, unpack it"),
        (b"\xfd7zXZ", "it is an xz file, unpack it"),
        (b"\x1f\x8b", "it is packed twice, unpack it once"),
        (b"\x28\xb5\x2f\xfd", "it is packed twice, unpack it once"),
        (b"snoop\0\0\0", "it is a snoop capture, convert it with editcap -F pcap"),
        (
            b"\x0c\xa5",
            "it is a file of nfdump, send it to a collector of Tripline's with nfreplay -H 127.0.0.1 -p 2055 -r FILE",
        ),
        (b"\x7fELF", "it is a program"),
        (b"%PDF", "it is a PDF"),
    ];
    if let Some((_, what)) = known.iter().find(|(start, _)| first.starts_with(start)) {
        return (*what).to_owned();
    }
    let text = first.iter().all(|b| matches!(b, b'\t' | b'\n' | b'\r' | 0x20..=0x7e | 0x80..));
    if text && !first.is_empty() {
        let line: String = String::from_utf8_lossy(first).lines().next().unwrap_or("").chars().take(40).collect();
        return format!("it looks like text (`{line}`)");
    }
    format!("its first bytes are {:02x?}", &first[..first.len().min(4)])
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn error(bytes: &'static [u8]) -> String {
        open_reader("x", Box::new(bytes)).err().unwrap().to_string()
    }

    #[test]
    fn refusals_say_what_where_and_what_to_do() {
        assert!(error(b"").contains("`x` is empty"));
        assert!(error(b"hello world\nmore").contains("looks like text (`hello world`)"));
        assert!(error(b"PK\x03\x04...").contains("zip archive"));
        assert!(error(b"\0\x01").contains("first bytes"));
        assert!(error(b"\xd4\xc3\xb2\xa1\x02\0").contains("cut inside its header: 6 bytes are there, 24 are needed"));
        assert!(error(b"\x0a\x0d\x0d\x0a\x1c\0\0\0").contains("cut inside its header"));
        assert!(error(b"\x34\xcd\xb2\xa1\x02\0\x04\0................").contains("Kuznetzov"));
        assert!(error(b"\x1f\x8b\x08\0").contains("cannot read capture"));
        assert!(open_capture(Path::new("/")).err().unwrap().to_string().contains("is a directory"));
        assert!(open_capture(Path::new("/nonexistent")).err().unwrap().to_string().contains("check the name"));
    }
}
