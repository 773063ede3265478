//! What can go wrong with the archive, each in one sentence: what, where, what to do. Owns how the words of folders and object stores
//! become these.

use crate::StoreError;
use parquet::errors::ParquetError;

/// Longest piece of an object store's own words that is passed on, characters.
const DETAIL_MAX: usize = 300;

/// Failures of publishing and reading.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// A setting makes no sense.
    #[error("{0}")]
    Config(String),
    /// Nobody answers there.
    #[error(
        "the archive {address} cannot be reached ({detail}); check archive.endpoint, the network and the name service"
    )]
    Unreachable {
        /// Where.
        address: String,
        /// What the other side or the system said.
        detail: String,
    },
    /// Who asks is not known or may not.
    #[error(
        "the archive {address} refuses the credentials ({detail}); check archive.key_id and archive.key or the cloud's variables of the \
         environment, and that they may list, read, write and delete there"
    )]
    Credentials {
        /// Where.
        address: String,
        /// What the other side said.
        detail: String,
    },
    /// There is no such bucket or container.
    #[error("the archive {address}: there is no such bucket or container ({detail}); make it, or correct archive.url")]
    NoBucket {
        /// Where.
        address: String,
        /// What the other side said.
        detail: String,
    },
    /// The clocks differ too much.
    #[error(
        "the archive {address} says that this machine's clock is wrong ({detail}); set it by NTP (timedatectl set-ntp true)"
    )]
    Clock {
        /// Where.
        address: String,
        /// What the other side said.
        detail: String,
    },
    /// The bucket is elsewhere.
    #[error("the archive {address} is in another region ({detail}); set archive.region to the bucket's")]
    Region {
        /// Where.
        address: String,
        /// What the other side said.
        detail: String,
    },
    /// No room.
    #[error("the archive {address} has no room left ({detail}); free space there, or set archive.retention_days")]
    Full {
        /// Where.
        address: String,
        /// What the system said.
        detail: String,
    },
    /// The folder cannot be written or read.
    #[error(
        "the archive {address} cannot be written ({detail}); give this user the right to it, or choose another folder with archive.url"
    )]
    NotWritable {
        /// Where.
        address: String,
        /// What the system said.
        detail: String,
    },
    /// An object is not there any more: compaction or retention took it away.
    #[error("the archive {address} has no {name} any more; try again")]
    Gone {
        /// Where.
        address: String,
        /// Object.
        name: String,
    },
    /// A file is not what it should be.
    #[error("the archive {address}: {name} cannot be read ({detail}); move it aside, the other files are not touched")]
    Damaged {
        /// Where.
        address: String,
        /// Object.
        name: String,
        /// What its reader said.
        detail: String,
    },
    /// More files than a listing may have.
    #[error(
        "the archive {address} has more than {most} files; merge them (archive.compact_after_h) or begin another prefix"
    )]
    TooMany {
        /// Where.
        address: String,
        /// Bound.
        most: usize,
    },
    /// Anything else.
    #[error("the archive {address}: {detail}; it is tried again")]
    Other {
        /// Where.
        address: String,
        /// What the other side or the system said.
        detail: String,
    },
    /// The embedded store, which the rows come from.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// An error with all that it comes from, in one line.
fn whole(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        let more = inner.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        source = inner.source();
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The words of an answer in XML, without the tags around them.
fn detail(text: &str) -> String {
    let between = |tag: &str| {
        let (_, rest) = text.split_once(&format!("<{tag}>"))?;
        rest.split_once(&format!("</{tag}>")).map(|(inner, _)| inner)
    };
    let told = match (between("Code"), between("Message")) {
        (Some(code), Some(message)) => format!("{code}: {message}"),
        (Some(code), None) => code.to_owned(),
        _ => text.to_owned(),
    };
    told.chars().take(DETAIL_MAX).collect()
}

impl ArchiveError {
    /// Sorts what an object store or folder said about `name` at `address`.
    pub(super) fn of(error: &object_store::Error, address: &str, name: &str) -> Self {
        use object_store::Error as E;
        let text = whole(error);
        let (address, detail) = (address.to_owned(), detail(&text));
        let says = |words: &[&str]| words.iter().any(|word| text.contains(word));
        if says(&["RequestTimeTooSkewed", "RequestExpired", "Request date header too old", "token used too early"]) {
            return Self::Clock { address, detail };
        }
        if says(&["NoSuchBucket", "ContainerNotFound", "The specified bucket does not exist", "bucket does not exist"])
        {
            return Self::NoBucket { address, detail };
        }
        if says(&["No space left", "StorageFull", "Disk quota exceeded", "XMinioStorageFull", "InsufficientStorage"]) {
            return Self::Full { address, detail };
        }
        if says(&["Read-only file system", "Permission denied (os error", "Not a directory", "Is a directory"]) {
            return Self::NotWritable { address, detail };
        }
        if says(&["without LOCATION", "PermanentRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraint"])
        {
            return Self::Region { address, detail };
        }
        let refused = [
            "SignatureDoesNotMatch",
            "InvalidAccessKeyId",
            "AccessDenied",
            "AuthenticationFailed",
            "AuthorizationFailure",
            "ExpiredToken",
        ];
        let absent = [
            "169.254.169.254",
            "metadata.google.internal",
            "metadata endpoint",
            "oauth",
            "OAuth",
            "NoAuthenticationInformation",
        ];
        if says(&refused) || says(&absent) || matches!(error, E::PermissionDenied { .. } | E::Unauthenticated { .. }) {
            return Self::Credentials { address, detail };
        }
        if matches!(error, E::NotFound { .. }) {
            return Self::Gone { address, name: name.to_owned() };
        }
        let silence = [
            "error trying to connect",
            "Connect",
            "connection",
            "dns error",
            "timed out",
            "timeout",
            "HTTP error",
            "operation timed",
        ];
        if says(&silence) {
            return Self::Unreachable { address, detail };
        }
        Self::Other { address, detail }
    }

    /// What the reader of a file said; our own error, where it is the cause.
    pub(super) fn of_file(error: ParquetError, address: &str, name: &str) -> Self {
        let detail = match error {
            ParquetError::External(inner) => match inner.downcast::<Self>() {
                Ok(own) => return *own,
                Err(other) => other.to_string(),
            },
            other => other.to_string(),
        };
        Self::Damaged { address: address.to_owned(), name: name.to_owned(), detail }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn generic(words: &str) -> object_store::Error {
        object_store::Error::Generic { store: "S3", source: words.to_owned().into() }
    }

    #[test]
    fn each_trouble_has_its_sentence_with_where_and_what_to_do() {
        let xml = |code: &str| format!("Server returned: <Error><Code>{code}</Code><Message>why so</Message></Error>");
        for (code, words) in [
            ("RequestTimeTooSkewed", "NTP"),
            ("NoSuchBucket", "no such bucket"),
            ("InvalidAccessKeyId", "archive.key"),
            ("PermanentRedirect", "archive.region"),
            ("XMinioStorageFull", "no room"),
        ] {
            let told = ArchiveError::of(&generic(&xml(code)), "s3://b/p", "x").to_string();
            assert!(told.contains(words) && told.contains("s3://b/p"), "{code}: {told}");
            assert!(told.contains(&format!("{code}: why so")) && !told.contains('<'), "{told}");
        }
        let told = ArchiveError::of(&generic("error trying to connect: refused"), "s3://b/p", "x").to_string();
        assert!(told.contains("cannot be reached") && told.contains("archive.endpoint"), "{told}");
        let told = ArchiveError::of(&generic("write: No space left on device (os error 28)"), "/a", "x").to_string();
        assert!(told.contains("retention_days"), "{told}");
    }
}
