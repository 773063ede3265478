//! Where a command's result goes: standard output or a file that appears whole or not at all. Owns the temporary name.

use crate::failure::{Failure, Result};
use std::fmt::Display;
use std::fs::File;
use std::io::{self, BufWriter, Stdout, Write};
use std::path::{Path, PathBuf};

/// A file that does not have its name yet.
pub struct PartFile {
    writer: BufWriter<File>,
    temporary: PathBuf,
    path: PathBuf,
    finished: bool,
}

/// A result being written.
pub enum Output {
    /// Standard output.
    Stdout(BufWriter<Stdout>),
    /// A file beside its final name.
    File(PartFile),
}

impl Output {
    /// Opens standard output, or a temporary file that `finish` renames.
    pub fn open(path: Option<&Path>) -> Result<Self> {
        let Some(path) = path.filter(|p| *p != Path::new("-")) else {
            return Ok(Self::Stdout(BufWriter::with_capacity(1 << 16, io::stdout())));
        };
        // Devices and pipes cannot be replaced by a rename.
        let direct = path.exists() && !path.is_file();
        let temporary = if direct {
            path.to_owned()
        } else {
            let mut name = path
                .file_name()
                .ok_or_else(|| Failure::new(format!("-w {}: that is not a file name", path.display())))?
                .to_owned();
            name.push(format!(".{}.part", std::process::id()));
            path.with_file_name(name)
        };
        let file = File::create(&temporary).map_err(|e| cannot_write(path.display(), &e))?;
        Ok(Self::File(PartFile {
            writer: BufWriter::with_capacity(1 << 16, file),
            temporary,
            path: path.to_owned(),
            finished: false,
        }))
    }

    /// Flushes; the file gets its name.
    pub fn finish(mut self) -> Result<()> {
        self.named().map_err(|e| self.failure(&e))
    }

    fn named(&mut self) -> io::Result<()> {
        self.flush()?;
        if let Self::File(file) = self {
            if file.temporary != file.path {
                std::fs::rename(&file.temporary, &file.path)?;
            }
            file.finished = true;
        }
        Ok(())
    }

    /// The failure of writing here.
    pub fn failure(&self, error: &io::Error) -> Failure {
        match self {
            Self::Stdout(_) => cannot_write("standard output", error),
            Self::File(file) => cannot_write(file.path.display(), error),
        }
    }
}

/// The failure of writing to a place.
fn cannot_write(place: impl Display, error: &io::Error) -> Failure {
    Failure::new(format!("cannot write {place}: {error}; choose another place with -w"))
}

/// A reader that has seen enough (`| head`) is no failure.
fn ignore_broken_pipe(error: io::Error) -> io::Result<()> {
    if error.kind() == io::ErrorKind::BrokenPipe { Ok(()) } else { Err(error) }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Stdout(writer) => match writer.write(bytes) {
                Err(e) if e.kind() == io::ErrorKind::BrokenPipe => Ok(bytes.len()),
                other => other,
            },
            Self::File(file) => file.writer.write(bytes),
        }
    }
    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Stdout(writer) => writer.flush().or_else(ignore_broken_pipe),
            Self::File(file) => file.writer.flush(),
        }
    }
}

impl Drop for PartFile {
    fn drop(&mut self) {
        // A command that failed leaves no half-written file behind.
        if !self.finished && self.temporary != self.path {
            let _ = std::fs::remove_file(&self.temporary);
        }
    }
}
