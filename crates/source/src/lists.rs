//! Lists that come from a file or by HTTP(S): asked for again, unpacked, bounded, and kept on disk so that a start without a network
//! knows the last one. Owns when something changed and where the copy lies; refuses to know what a list says.

use flate2::read::MultiGzDecoder;
use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

/// Whole request with its body.
const TIMEOUT: Duration = Duration::from_mins(1);
/// Redirects followed; feeds move between hosts of their maker.
const REDIRECTS_MAX: u32 = 4;

/// Why a list could not be had.
#[derive(Debug, thiserror::Error)]
pub enum ListFetchError {
    /// The file cannot be read.
    #[error("cannot read the list {from}: {reason}; check the name and your right to read it")]
    File {
        /// Path.
        from: String,
        /// The system's reason.
        reason: String,
    },
    /// The server did not give it.
    #[error("cannot fetch the list {from}: {reason}")]
    Fetch {
        /// Address.
        from: String,
        /// Reason.
        reason: String,
    },
    /// Larger than allowed.
    #[error("the list {from} is larger than {bytes_max} bytes; raise intel.list_bytes_max if it is meant to be")]
    TooLarge {
        /// Where from.
        from: String,
        /// Bound.
        bytes_max: u64,
    },
    /// The copy could not be written.
    #[error("cannot keep a copy of the list {from} in {path}: {reason}")]
    Copy {
        /// Where from.
        from: String,
        /// Copy's place.
        path: String,
        /// The system's reason.
        reason: String,
    },
}

/// One list's origin and what is known of its last state.
#[derive(Debug)]
pub struct ListOrigin {
    from: String,
    bytes_max: u64,
    /// Copy of what came by URL; None for files and where nothing may be written.
    copy: Option<PathBuf>,
    /// State of the file when it was last read.
    stamp: Option<(SystemTime, u64)>,
    /// What the server called the version that is there.
    version: Version,
    asked: Option<Instant>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Version {
    etag: Option<String>,
    last_modified: Option<String>,
}

impl ListOrigin {
    /// Names where a list comes from. `copies` is the folder for copies of what comes by URL.
    #[must_use]
    pub fn new(name: &str, from: &str, bytes_max: u64, copies: Option<&Path>) -> Self {
        let remote = is_url(from);
        let safe: String = name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
        // Two names may be alike when made safe; the address tells them apart, and a moved list is another list.
        let file = format!("{safe}-{:016x}.list", fold(&format!("{name}\0{from}")));
        Self {
            from: from.to_owned(),
            bytes_max,
            copy: copies.filter(|_| remote).map(|dir| dir.join(file)),
            stamp: None,
            version: Version::default(),
            asked: None,
        }
    }

    /// True when it comes over the network.
    #[must_use]
    pub fn is_remote(&self) -> bool {
        is_url(&self.from)
    }

    /// What lies here now: the file, or the copy of the last fetch; None when nothing was ever fetched.
    ///
    /// # Errors
    /// The file cannot be read or is too large.
    pub fn stored(&mut self) -> Result<Option<Vec<u8>>, ListFetchError> {
        if !self.is_remote() {
            self.stamp = stamp(Path::new(&self.from));
            let from = self.from.clone();
            return self.read(Path::new(&from)).map(Some);
        }
        match self.copy.clone().filter(|copy| copy.exists()) {
            Some(copy) => self.read(&copy).map(Some),
            None => Ok(None),
        }
    }

    /// When the copy was written, for telling its age.
    #[must_use]
    pub fn stored_at(&self) -> Option<SystemTime> {
        let path = if self.is_remote() { self.copy.as_deref()? } else { Path::new(&self.from) };
        stamp(path).map(|(time, _)| time)
    }

    /// Looks whether there is something new: a file whose time or size changed, or, every `every`, what the server has. None:
    /// nothing new.
    ///
    /// # Errors
    /// It is gone, unreadable, too large, or the server does not give it. What was read before stays valid.
    pub fn changed(&mut self, every: Duration) -> Result<Option<Vec<u8>>, ListFetchError> {
        if !self.is_remote() {
            let now = stamp(Path::new(&self.from));
            return if now.is_some() && now == self.stamp { Ok(None) } else { self.stored() };
        }
        if self.asked.is_some_and(|asked| asked.elapsed() < every) {
            return Ok(None);
        }
        self.asked = Some(Instant::now());
        self.fetch()
    }

    fn read(&self, path: &Path) -> Result<Vec<u8>, ListFetchError> {
        let told = |e: std::io::Error| ListFetchError::File { from: path.display().to_string(), reason: e.to_string() };
        let mut packed = Vec::new();
        File::open(path).and_then(|file| file.take(self.bytes_max + 1).read_to_end(&mut packed)).map_err(told)?;
        self.unpack(packed).map_err(told)?.ok_or_else(|| self.too_large())
    }

    fn too_large(&self) -> ListFetchError {
        ListFetchError::TooLarge { from: self.from.clone(), bytes_max: self.bytes_max }
    }

    /// Gzip and Zstandard by their first bytes; None beyond the bound.
    fn unpack(&self, packed: Vec<u8>) -> std::io::Result<Option<Vec<u8>>> {
        if packed.len() as u64 > self.bytes_max {
            return Ok(None);
        }
        let mut plain = Vec::new();
        match packed.as_slice() {
            [0x1f, 0x8b, ..] => {
                MultiGzDecoder::new(packed.as_slice()).take(self.bytes_max + 1).read_to_end(&mut plain)?
            }
            [0x28, 0xb5, 0x2f, 0xfd, ..] => {
                zstd::Decoder::new(packed.as_slice())?.take(self.bytes_max + 1).read_to_end(&mut plain)?
            }
            _ => return Ok(Some(packed)),
        };
        Ok((plain.len() as u64 <= self.bytes_max).then_some(plain))
    }

    fn fetch(&mut self) -> Result<Option<Vec<u8>>, ListFetchError> {
        let failed = |reason: String| ListFetchError::Fetch { from: self.from.clone(), reason };
        let mut request = agent().get(&self.from);
        // A version is only worth naming while its bytes lie here.
        if self.copy.as_deref().is_some_and(Path::exists) {
            if let Some(etag) = &self.version.etag {
                request = request.header("If-None-Match", etag);
            }
            if let Some(date) = &self.version.last_modified {
                request = request.header("If-Modified-Since", date);
            }
        }
        let mut answer = request.call().map_err(|e| failed(e.to_string()))?;
        if answer.status() == 304 {
            return Ok(None);
        }
        let text = |name: &str| answer.headers().get(name).and_then(|v| v.to_str().ok()).map(str::to_owned);
        let version = Version { etag: text("etag"), last_modified: text("last-modified") };
        let mut body = Vec::new();
        answer
            .body_mut()
            .as_reader()
            .take(self.bytes_max + 1)
            .read_to_end(&mut body)
            .map_err(|e| failed(format!("the answer broke off: {e}")))?;
        let plain = self.unpack(body).map_err(|e| failed(e.to_string()))?.ok_or_else(|| self.too_large())?;
        let before = self.copy.as_deref().and_then(|copy| self.read(copy).ok());
        self.version = version;
        Ok(if before.as_deref() == Some(plain.as_slice()) { None } else { Some(plain) })
    }

    /// Keeps a copy of what was fetched, once it was found good; a file needs none.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub fn keep(&self, bytes: &[u8]) -> Result<(), ListFetchError> {
        let Some(copy) = &self.copy else { return Ok(()) };
        let told = |e: std::io::Error| ListFetchError::Copy {
            from: self.from.clone(),
            path: copy.display().to_string(),
            reason: e.to_string(),
        };
        if let Some(dir) = copy.parent() {
            std::fs::create_dir_all(dir).map_err(told)?;
        }
        // Whole or not at all: a start in between must not find half a list.
        let part = copy.with_extension("part");
        let mut file = File::create(&part).map_err(told)?;
        file.write_all(bytes).and_then(|()| file.sync_all()).map_err(told)?;
        std::fs::rename(&part, copy).map_err(told)
    }
}

fn is_url(from: &str) -> bool {
    from.starts_with("https://") || from.starts_with("http://")
}

fn stamp(path: &Path) -> Option<(SystemTime, u64)> {
    let meta = std::fs::metadata(path).ok()?;
    Some((meta.modified().ok()?, meta.len()))
}

/// FNV-1a, for file names.
fn fold(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, b| (hash ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3))
}

/// A client that trusts whom this machine trusts, and says who asks.
fn agent() -> ureq::Agent {
    let found = rustls_native_certs::load_native_certs();
    let roots: Vec<_> = found.certs.iter().map(|cert| ureq::tls::Certificate::from_der(cert).to_owned()).collect();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = ureq::tls::TlsConfig::builder()
        .provider(ureq::tls::TlsProvider::Rustls)
        .unversioned_rustls_crypto_provider(provider)
        .root_certs(ureq::tls::RootCerts::new_with_certs(&roots))
        .build();
    let config = ureq::Agent::config_builder()
        .tls_config(tls)
        .timeout_global(Some(TIMEOUT))
        .max_redirects(REDIRECTS_MAX)
        .user_agent(concat!("tripline/", env!("CARGO_PKG_VERSION")))
        .build();
    config.into()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::io::{BufRead, BufReader};
    use std::net::TcpListener;

    const LARGE: u64 = 1 << 20;

    #[test]
    fn a_file_is_read_once_and_again_when_it_changes() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("bad.txt");
        std::fs::write(&path, "198.51.100.1\n").unwrap();
        let mut origin = ListOrigin::new("bad", path.to_str().unwrap(), LARGE, None);
        assert_eq!(origin.stored().unwrap().unwrap(), b"198.51.100.1\n");
        assert_eq!(origin.changed(Duration::ZERO).unwrap(), None);
        std::fs::write(&path, "198.51.100.1\n198.51.100.2\n").unwrap();
        assert_eq!(origin.changed(Duration::ZERO).unwrap().unwrap(), b"198.51.100.1\n198.51.100.2\n");
        std::fs::remove_file(&path).unwrap();
        let gone = origin.changed(Duration::ZERO).unwrap_err().to_string();
        assert!(gone.contains("cannot read the list") && gone.contains("bad.txt"), "{gone}");
    }

    #[test]
    fn packed_lists_are_unpacked_and_bounded_as_unpacked() {
        let dir = tempfile::tempdir().unwrap();
        let text = "198.51.100.1\n".repeat(10_000);
        let packed = zstd::encode_all(text.as_bytes(), 3).unwrap();
        let path = dir.path().join("bad.zst");
        std::fs::write(&path, packed).unwrap();
        let open = |bytes_max| ListOrigin::new("bad", path.to_str().unwrap(), bytes_max, None).stored();
        assert_eq!(open(LARGE).unwrap().unwrap().len(), text.len());
        assert!(open(100_000).unwrap_err().to_string().contains("larger than 100000 bytes"));
    }

    /// Answers requests with what `answers` says, and gives back what was asked.
    fn server(answers: Vec<&'static str>) -> (String, std::thread::JoinHandle<Vec<String>>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/list.txt", listener.local_addr().unwrap());
        let thread = std::thread::spawn(move || {
            let mut asked = Vec::new();
            for answer in answers {
                let (mut stream, _) = listener.accept().unwrap();
                let reader = BufReader::new(stream.try_clone().unwrap());
                let head: Vec<String> = reader.lines().map(Result::unwrap).take_while(|l| !l.is_empty()).collect();
                asked.push(head.join("\n"));
                stream.write_all(answer.as_bytes()).unwrap();
            }
            asked
        });
        (url, thread)
    }

    #[test]
    fn what_comes_by_url_is_kept_and_asked_for_again_by_its_version() {
        let dir = tempfile::tempdir().unwrap();
        let full = "HTTP/1.1 200 OK\r\nETag: \"v1\"\r\nContent-Length: 13\r\nConnection: close\r\n\r\n198.51.100.1\n";
        let same = "HTTP/1.1 304 Not Modified\r\nConnection: close\r\n\r\n";
        let (url, thread) =
            server(vec![full, same, "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"]);
        let mut origin = ListOrigin::new("feed", &url, LARGE, Some(dir.path()));
        assert_eq!(origin.stored().unwrap(), None);
        let bytes = origin.changed(Duration::ZERO).unwrap().unwrap();
        origin.keep(&bytes).unwrap();
        assert_eq!(origin.changed(Duration::ZERO).unwrap(), None, "not modified");
        assert_eq!(origin.changed(Duration::from_hours(1)).unwrap(), None, "not asked at all");
        let busy = origin.changed(Duration::ZERO).unwrap_err().to_string();
        assert!(busy.contains("503"), "{busy}");
        let asked = thread.join().unwrap();
        assert!(!asked[0].to_lowercase().contains("if-none-match"));
        assert!(asked[1].to_lowercase().contains("if-none-match: \"v1\""), "{}", asked[1]);
        let mut later = ListOrigin::new("feed", &url, LARGE, Some(dir.path()));
        assert_eq!(later.stored().unwrap().unwrap(), b"198.51.100.1\n", "a start without a network");
    }
}
