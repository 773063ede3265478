//! One connection that is listened to, plain or in TLS. Owns the session and who may open one; knows no message.

use crate::SourceError;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection};
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;

/// Who a listener is, and whom it asks who they are.
pub(crate) struct Identity<'a> {
    /// Certificates, PEM.
    pub(crate) certificate: &'a Path,
    /// Their private key, PEM.
    pub(crate) key: &'a Path,
    /// Authorities whose certificates clients must show, PEM; None: anyone may speak.
    pub(crate) client_ca: Option<&'a Path>,
}

/// What a listener needs; `refused` makes the error of a file that cannot be used.
pub(crate) fn server(
    identity: &Identity<'_>,
    refused: &dyn Fn(&Path, String) -> SourceError,
) -> Result<Arc<ServerConfig>, SourceError> {
    let Identity { certificate, key, client_ca } = *identity;
    let failed = |path: &Path, why: String| refused(path, format!("the PEM file cannot be used: {why}"));
    let chain = certificates(certificate).map_err(|why| failed(certificate, why))?;
    let private = PrivateKeyDer::from_pem_file(key).map_err(|error| failed(key, error.to_string()))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| failed(certificate, error.to_string()))?;
    let builder = match client_ca {
        None => builder.with_no_client_auth(),
        Some(path) => {
            let mut roots = RootCertStore::empty();
            for authority in certificates(path).map_err(|why| failed(path, why))? {
                roots.add(authority).map_err(|error| failed(path, error.to_string()))?;
            }
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
            builder.with_client_cert_verifier(verifier.map_err(|error| failed(path, error.to_string()))?)
        }
    };
    let config = builder.with_single_cert(chain, private);
    config.map(Arc::new).map_err(|error| failed(certificate, error.to_string()))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    CertificateDer::pem_file_iter(path).and_then(Iterator::collect).map_err(|error| error.to_string())
}

/// TLS that ends without saying so, or with what it was sent unread, as senders do that only write.
pub(crate) fn is_end(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset)
}

/// Bytes of a connection as they were before they were encrypted.
pub(crate) struct Transport {
    stream: TcpStream,
    session: Option<ServerConnection>,
}

impl Transport {
    /// Takes a connection that was accepted.
    pub(crate) fn new(stream: TcpStream, tls: Option<&Arc<ServerConfig>>) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        let session = tls.map(|config| ServerConnection::new(Arc::clone(config))).transpose();
        Ok(Self { stream, session: session.map_err(io::Error::other)? })
    }

    /// True while it is not known who the other side is.
    pub(crate) fn is_handshaking(&self) -> bool {
        self.session.as_ref().is_some_and(|session| session.is_handshaking())
    }

    pub(crate) fn stream(&self) -> &TcpStream {
        &self.stream
    }

    /// What has come: Ok(0) at the end, `WouldBlock` when nothing is there.
    pub(crate) fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some(session) = &mut self.session else { return self.stream.read(buffer) };
        loop {
            match session.reader().read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                other => return other,
            }
            let came = session.read_tls(&mut self.stream);
            if let Ok(0) = came {
                return Ok(0);
            }
            let waits = came.err();
            session.process_new_packets().map_err(io::Error::other)?;
            while session.wants_write() {
                if session.write_tls(&mut self.stream).is_err() {
                    break;
                }
            }
            self.stream.flush()?;
            if let Some(error) = waits {
                return Err(error);
            }
        }
    }
}
