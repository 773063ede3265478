//! How a file is known again: by device and inode, and by its first bytes, which a rename and a copy keep. Owns the written form of
//! places.

use std::fs::File;
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

/// First bytes that make a fingerprint. A line of syslog is shorter, two are not.
const FINGERPRINT_BYTES: usize = 256;

/// Where a file lies on its disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Inode {
    device: u64,
    number: u64,
}

impl Inode {
    pub(super) fn of(about: &std::fs::Metadata) -> Self {
        Self { device: about.dev(), number: about.ino() }
    }
}

/// First bytes of a file, as many as there were, as a number (FNV-1a).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Fingerprint {
    bytes: usize,
    hash: u64,
}

impl Fingerprint {
    /// Of at most so many first bytes.
    fn of_first(file: &File, bytes_max: usize) -> io::Result<Self> {
        let mut first = [0; FINGERPRINT_BYTES];
        let wanted = bytes_max.min(FINGERPRINT_BYTES);
        let mut bytes = 0;
        while bytes < wanted {
            match file.read_at(&mut first[bytes..wanted], bytes as u64)? {
                0 => break,
                n => bytes += n,
            }
        }
        let hash = first[..bytes]
            .iter()
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3));
        Ok(Self { bytes, hash })
    }
    pub(super) fn of(file: &File) -> io::Result<Self> {
        Self::of_first(file, FINGERPRINT_BYTES)
    }
    /// True when the file begins with the bytes that this was made of; nothing begins with nothing.
    pub(super) fn fits(self, file: &File) -> bool {
        self.bytes > 0 && Self::of_first(file, self.bytes).is_ok_and(|now| now == self)
    }
    /// True when there was a byte at all.
    pub(super) const fn is_set(self) -> bool {
        self.bytes > 0
    }
    /// True when there were enough bytes to tell one file from another.
    pub(super) const fn is_telling(self) -> bool {
        self.bytes >= FINGERPRINT_BYTES
    }
}

/// How far a file was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) path: PathBuf,
    pub(super) inode: Inode,
    pub(super) fingerprint: Fingerprint,
    /// Behind the last whole line.
    pub(super) offset: u64,
}

impl Place {
    /// One line; the path last, because it may hold spaces.
    pub(super) fn write(&self) -> String {
        let Self { inode, fingerprint, offset, path } = self;
        let Inode { device, number } = inode;
        format!("{device} {number} {} {} {offset} {}\n", fingerprint.bytes, fingerprint.hash, path.display())
    }

    /// None of a line that is none.
    pub(super) fn read(line: &str) -> Option<Self> {
        let mut parts = line.splitn(6, ' ');
        let mut number = || parts.next()?.parse::<u64>().ok();
        let inode = Inode { device: number()?, number: number()? };
        let fingerprint = Fingerprint { bytes: usize::try_from(number()?).ok()?, hash: number()? };
        let offset = number()?;
        let path = Path::new(parts.next()?.trim_end_matches('\n')).to_owned();
        Some(Self { path, inode, fingerprint, offset })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn places_are_written_and_read() {
        let place = Place {
            path: "/var/log/a b.log".into(),
            inode: Inode { device: 3, number: u64::MAX },
            fingerprint: Fingerprint { bytes: 9, hash: 77 },
            offset: 12,
        };
        assert_eq!(Place::read(&place.write()), Some(place));
        assert_eq!(Place::read("1 2 3"), None);
        assert_eq!(Place::read(""), None);
    }

    #[test]
    fn a_growing_file_keeps_its_fingerprint_and_another_has_another() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        std::fs::write(&path, "first line\n").unwrap();
        let early = Fingerprint::of(&File::open(&path).unwrap()).unwrap();
        std::fs::write(&path, "first line\nsecond line\n").unwrap();
        assert!(early.fits(&File::open(&path).unwrap()) && !early.is_telling());
        std::fs::write(&path, "other line\nsecond line\n").unwrap();
        assert!(!early.fits(&File::open(&path).unwrap()));
        std::fs::write(&path, "").unwrap();
        assert!(!Fingerprint::of(&File::open(&path).unwrap()).unwrap().fits(&File::open(&path).unwrap()));
    }
}
