//! One file on its way: written beside its final name and bounded as it grows. Owns that nothing of it stays when it does not arrive whole.

use super::shelf::{CONTENT, PART, Shelf};
use crate::live::wall_clock;
use serve::shapes::Upload;
use serve::{LiveError, Receiving};
use std::fs::File;
use std::io::Write;
use std::sync::Arc;

/// See the module.
pub(super) struct Arriving {
    shelf: Arc<Shelf>,
    id: String,
    name: String,
    file: File,
    bytes: u64,
    whole: bool,
}

impl Arriving {
    /// Opens the file, unless what the sender says of its size is too much already.
    pub(super) fn begin(shelf: Arc<Shelf>, name: &str, bytes: Option<u64>) -> Result<Self, LiveError> {
        let settings = shelf.settings();
        if bytes.is_some_and(|b| b > settings.upload_bytes_max) {
            return Err(too_large(settings.upload_bytes_max));
        }
        if !shelf.take_room(bytes.unwrap_or(0)) {
            return Err(full(settings.bytes_max));
        }
        // Only a look: the room is taken as the bytes come.
        shelf.leave_room(bytes.unwrap_or(0));
        let id = shelf.new_id();
        let file = File::create(shelf.path(&id, PART)).map_err(|e| unkept(&e))?;
        Ok(Self { shelf, id, name: name.to_owned(), file, bytes: 0, whole: false })
    }
}

impl Receiving for Arriving {
    fn write(&mut self, bytes: &[u8]) -> Result<(), LiveError> {
        let settings = self.shelf.settings();
        let more = bytes.len() as u64;
        if self.bytes + more > settings.upload_bytes_max {
            return Err(too_large(settings.upload_bytes_max));
        }
        if !self.shelf.take_room(more) {
            return Err(full(settings.bytes_max));
        }
        self.bytes += more;
        self.file.write_all(bytes).map_err(|e| unkept(&e))
    }

    fn finish(mut self: Box<Self>) -> Result<Upload, LiveError> {
        if self.bytes == 0 {
            return Err(LiveError::Refused("the file is empty; hand over a capture".to_owned()));
        }
        self.file.sync_all().map_err(|e| unkept(&e))?;
        let (part, whole) = (self.shelf.path(&self.id, PART), self.shelf.path(&self.id, CONTENT));
        std::fs::rename(part, whole).map_err(|e| unkept(&e))?;
        self.whole = true;
        let upload = Upload {
            id: self.id.clone(),
            name: self.name.clone(),
            bytes: self.bytes,
            received: wall_clock(),
            ..Upload::default()
        };
        self.shelf.put(upload.clone()).map_err(|e| unkept(&e))?;
        Ok(upload)
    }
}

impl Drop for Arriving {
    fn drop(&mut self) {
        self.shelf.leave_room(self.bytes);
        if !self.whole {
            // The next start sweeps it out if this fails.
            let _ = std::fs::remove_file(self.shelf.path(&self.id, PART));
        }
    }
}

fn too_large(bytes_max: u64) -> LiveError {
    LiveError::TooLarge(format!(
        "the file is larger than the {bytes_max} bytes that are taken (uploads.upload_bytes_max); compress it with zstd or cut it with editcap, or run `tripline analyze` on it"
    ))
}

fn full(bytes_max: u64) -> LiveError {
    LiveError::Conflict(format!(
        "all files together would be larger than {bytes_max} bytes (uploads.bytes_max); delete some first"
    ))
}

fn unkept(error: &std::io::Error) -> LiveError {
    LiveError::Unavailable(format!("the file cannot be kept: {error}"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::UploadSettings;
    use super::*;

    #[test]
    fn what_is_too_large_or_not_whole_leaves_nothing_behind() {
        let dir = tempfile::tempdir().unwrap();
        let settings = UploadSettings { upload_bytes_max: 10, bytes_max: 15, ..UploadSettings::default() };
        let shelf = Arc::new(Shelf::open(dir.path().to_path_buf(), settings).unwrap());
        let begin = |bytes| Arriving::begin(Arc::clone(&shelf), "a.pcap", bytes);
        assert!(matches!(begin(Some(11)), Err(LiveError::TooLarge(_))));
        // A sender that says nothing, or less than it sends.
        let mut liar = begin(Some(1)).unwrap();
        liar.write(&[0; 10]).unwrap();
        assert!(matches!(liar.write(&[0]), Err(LiveError::TooLarge(_))));
        drop(liar);
        assert!(matches!(Box::new(begin(None).unwrap()).finish(), Err(LiveError::Refused(_))));
        assert_eq!((std::fs::read_dir(dir.path()).unwrap().count(), shelf.list().1), (0, 0));

        let mut good = Box::new(begin(None).unwrap());
        good.write(&[1; 8]).unwrap();
        let mut second = begin(None).unwrap();
        assert!(matches!(second.write(&[0; 8]), Err(LiveError::Conflict(_))), "both together");
        let upload = good.finish().unwrap();
        assert_eq!((upload.bytes, upload.name.as_str(), shelf.list().1), (8, "a.pcap", 8));
        assert_eq!(std::fs::read(shelf.path(&upload.id, CONTENT)).unwrap(), [1; 8]);
        assert!(matches!(begin(Some(8)), Err(LiveError::Conflict(_))));
    }
}
