//! The ClientHello, wherever it came from (TLS records or QUIC frames), whole or cut.

use crate::app::ja4;
use crate::bytes::{be16_at, text};
use record::TlsData;
use tls_parser::{TlsExtension, parse_tls_client_hello_extension, parse_tls_handshake_client_hello};

/// Extensions that are read: server name, signature algorithms, ALPN, supported versions.
const KINDS_READ: [u16; 4] = [0, 13, 16, 43];
/// Room for extensions at first: most clients send fewer.
const EXTENSIONS_USUAL: usize = 20;
/// Most protocols of ALPN kept.
const ALPN_MAX: usize = 8;

/// Fields of a ClientHello, in the order they were sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ClientHello {
    /// Version of the hello itself.
    pub legacy_version: u16,
    /// Cipher suites.
    pub ciphers: Vec<u16>,
    /// Extension types.
    pub extensions: Vec<u16>,
    /// Signature algorithms.
    pub signature_algorithms: Vec<u16>,
    /// Content of `supported_versions`.
    pub versions: Vec<u16>,
    /// Server name.
    pub sni: Option<String>,
    /// Protocols offered.
    pub alpn: Vec<Vec<u8>>,
    /// False when the message ended before its own length said.
    pub complete: bool,
}

/// Bytes of the whole handshake message by its own length field; None when that is not there or it is no ClientHello.
pub(crate) fn message_bytes(handshake: &[u8]) -> Option<usize> {
    match handshake {
        [1, l0, l1, l2, ..] => Some(4 + u32::from_be_bytes([0, *l0, *l1, *l2]) as usize),
        _ => None,
    }
}

/// Reads a handshake message that starts with a ClientHello, as far as it is there.
/// None when it is no ClientHello or ends before its cipher suites do.
pub(crate) fn read(handshake: &[u8]) -> Option<ClientHello> {
    let whole = message_bytes(handshake)?;
    let end = whole.min(handshake.len());
    let (rest, contents) = parse_tls_handshake_client_hello(&handshake[4..end]).ok()?;
    let mut hello = ClientHello {
        legacy_version: contents.version.0,
        ciphers: contents.ciphers.iter().map(|cipher| cipher.0).collect(),
        extensions: Vec::with_capacity(EXTENSIONS_USUAL),
        complete: end == whole,
        ..ClientHello::default()
    };
    // Cut extensions are not taken by the parser: their length field and what is there of them remain.
    let extensions = contents.ext.or_else(|| rest.get(2..)).unwrap_or(&[]);
    read_extensions(&mut hello, extensions);
    Some(hello)
}

fn read_extensions(hello: &mut ClientHello, mut rest: &[u8]) {
    while let (Some(kind), Some(len)) = (be16_at(rest, 0), be16_at(rest, 2)) {
        let Some(whole) = rest.get(..4 + usize::from(len)) else {
            hello.complete = false;
            return;
        };
        rest = &rest[whole.len()..];
        hello.extensions.push(kind);
        // Only those that are kept: the parser reserves memory for the lists of the others.
        if KINDS_READ.contains(&kind)
            && let Ok((_, extension)) = parse_tls_client_hello_extension(whole)
        {
            read_extension(hello, &extension);
        }
    }
}

fn read_extension(hello: &mut ClientHello, extension: &TlsExtension<'_>) {
    match extension {
        TlsExtension::SNI(names) => {
            hello.sni = names.iter().find(|(kind, _)| kind.0 == 0).map(|(_, name)| lowercase(text(name)));
        }
        TlsExtension::ALPN(names) => {
            hello.alpn = names.iter().take(ALPN_MAX).map(|name| name.to_vec()).collect();
        }
        TlsExtension::SignatureAlgorithms(algorithms) => hello.signature_algorithms.clone_from(algorithms),
        TlsExtension::SupportedVersions(versions) => hello.versions = versions.iter().map(|v| v.0).collect(),
        _ => {}
    }
}

/// In lower case; in place when it is plain.
fn lowercase(mut name: String) -> String {
    if name.is_ascii() {
        name.make_ascii_lowercase();
        return name;
    }
    name.to_lowercase()
}

impl ClientHello {
    /// Highest version offered that is no GREASE.
    pub(crate) fn version(&self) -> u16 {
        let offered = self.versions.iter().copied().filter(|v| !ja4::is_grease(*v)).max();
        offered.unwrap_or(self.legacy_version)
    }

    /// The event; the fingerprint only of a whole hello, since a cut one would be another client's.
    pub(crate) fn into_data(self, quic: bool) -> TlsData {
        TlsData {
            quic,
            version: version_name(self.version()),
            ja4: if self.complete { ja4::fingerprint(&self, quic) } else { String::new() },
            alpn: self.alpn.iter().map(|name| text(name)).collect(),
            sni: self.sni.unwrap_or_default(),
        }
    }
}

/// `1.3`, `1.2` and so on; the number for versions that have no name (drafts).
fn version_name(version: u16) -> String {
    match version {
        0x0304 => "1.3".to_owned(),
        0x0303 => "1.2".to_owned(),
        0x0302 => "1.1".to_owned(),
        0x0301 => "1.0".to_owned(),
        0x0300 => "SSL 3.0".to_owned(),
        0x0002 => "SSL 2.0".to_owned(),
        _ => format!("0x{version:04x}"),
    }
}
