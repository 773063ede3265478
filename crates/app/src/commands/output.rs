//! Where a command's result goes: standard output or a file that appears whole or not at all. Owns the temporary name.

use crate::failure::{Context, Failure, Result};
use std::fs::File;
use std::io::{self, BufWriter, StdoutLock, Write};
use std::path::{Path, PathBuf};

/// A result being written.
pub enum Output {
    /// Standard output.
    Stdout(BufWriter<StdoutLock<'static>>),
    /// A file beside its final name.
    File { writer: BufWriter<File>, temporary: PathBuf, path: PathBuf },
}

impl Output {
    /// Opens standard output, or a temporary file that `finish` renames.
    pub fn open(path: Option<&Path>) -> Result<Self> {
        let Some(path) = path.filter(|p| *p != Path::new("-")) else {
            return Ok(Self::Stdout(BufWriter::with_capacity(1 << 16, io::stdout().lock())));
        };
        // Devices and pipes cannot be replaced by a rename.
        let direct = path.exists() && !path.is_file();
        let temporary = if direct {
            path.to_owned()
        } else {
            let mut name = path.file_name().ok_or_else(|| Failure::new(format!("-w {}: that is not a file name", path.display())))?.to_owned();
            name.push(format!(".{}.part", std::process::id()));
            path.with_file_name(name)
        };
        let file = File::create(&temporary)
            .map_err(|e| Failure::new(format!("cannot write {}: {e}; choose another place with -w", path.display())))?;
        Ok(Self::File { writer: BufWriter::with_capacity(1 << 16, file), temporary, path: path.to_owned() })
    }

    /// Flushes; the file gets its name.
    pub fn finish(self) -> Result<()> {
        match self {
            Self::Stdout(mut writer) => writer.flush().or_else(ignore_broken_pipe).context("standard output"),
            Self::File { mut writer, temporary, path } => {
                writer.flush().context(path.display())?;
                drop(writer);
                if temporary == path {
                    return Ok(());
                }
                std::fs::rename(&temporary, &path).context(path.display())
            }
        }
    }
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
            Self::File { writer, .. } => writer.write(bytes),
        }
    }
    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Stdout(writer) => writer.flush().or_else(ignore_broken_pipe),
            Self::File { writer, .. } => writer.flush(),
        }
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        // A command that failed leaves no half-written file behind.
        if let Self::File { temporary, path, .. } = self
            && temporary != path
        {
            let _ = std::fs::remove_file(temporary);
        }
    }
}
