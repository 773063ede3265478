//! The beginning of an input, unpacked, without taking anything from it: so that what a file is can be told before somebody opens it.
//! Owns that standard input is left as it was.

use super::recognise::{open_any, unpack};
use crate::SourceError;
use std::io::{self, BufRead, Cursor, Read};
use std::path::Path;

/// At most `bytes_max` first bytes, unpacked; `-` is standard input, of which only what has come is looked at. A damaged end of
/// what is packed is no failure here: whoever reads it will meet it.
///
/// # Errors
/// The file cannot be opened or read.
pub fn first_bytes(path: &Path, bytes_max: usize) -> Result<Vec<u8>, SourceError> {
    let (name, reader): (String, Box<dyn Read + Send>) = if path.as_os_str() == "-" {
        let failed = |source| SourceError::Read { path: "standard input".to_owned(), source };
        // The process has one buffer for standard input: what is looked at in it stays there for the reader.
        let come = io::stdin().lock().fill_buf().map_err(failed)?.to_vec();
        ("standard input".to_owned(), Box::new(Cursor::new(come)))
    } else {
        open_any(path)?
    };
    let (_, mut unpacked) = unpack(&name, reader)?;
    let mut first = vec![0; bytes_max];
    let mut have = 0;
    while have < bytes_max {
        match unpacked.read(&mut first[have..]) {
            Ok(0) | Err(_) => break,
            Ok(n) => have += n,
        }
    }
    first.truncate(have);
    Ok(first)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn packed_or_not_and_damaged() {
        let dir = std::env::temp_dir().join(format!("first-bytes-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        let path = dir.join("log");
        std::fs::write(&path, b"abcdef").unwrap();
        assert_eq!(first_bytes(&path, 4).unwrap(), b"abcd");
        let mut packed = zstd::encode_all(&b"abcdef"[..], 1).unwrap();
        std::fs::write(&path, &packed).unwrap();
        assert_eq!(first_bytes(&path, 64).unwrap(), b"abcdef");
        packed.truncate(packed.len() - 2);
        std::fs::write(&path, &packed).unwrap();
        assert!(first_bytes(&path, 64).is_ok());
        std::fs::remove_dir_all(&dir).unwrap();
        assert!(first_bytes(&path, 64).is_err());
    }
}
