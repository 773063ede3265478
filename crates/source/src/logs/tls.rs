//! One connection of syslog, plain or in TLS. Owns the session; knows no message.

use crate::SourceError;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection};
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;

/// Certificate and key of a listener.
pub(super) fn server(certificate: &Path, key: &Path) -> Result<Arc<ServerConfig>, SourceError> {
    let failed = |path: &Path, why: String| SourceError::LogListener {
        address: path.display().to_string(),
        what: format!("the PEM file cannot be used: {why}"),
    };
    let chain: Result<Vec<_>, _> = CertificateDer::pem_file_iter(certificate).and_then(Iterator::collect);
    let chain = chain.map_err(|error| failed(certificate, error.to_string()))?;
    let private = PrivateKeyDer::from_pem_file(key).map_err(|error| failed(key, error.to_string()))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| failed(certificate, error.to_string()))?
        .with_no_client_auth()
        .with_single_cert(chain, private)
        .map_err(|error| failed(certificate, error.to_string()))?;
    Ok(Arc::new(config))
}

/// Bytes of a connection as they were before they were encrypted.
pub(super) struct Transport {
    stream: TcpStream,
    session: Option<ServerConnection>,
}

impl Transport {
    /// Takes a connection that was accepted.
    pub(super) fn new(stream: TcpStream, tls: Option<&Arc<ServerConfig>>) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        let session = tls.map(|config| ServerConnection::new(Arc::clone(config))).transpose();
        Ok(Self { stream, session: session.map_err(io::Error::other)? })
    }

    pub(super) fn stream(&self) -> &TcpStream {
        &self.stream
    }

    /// What has come: Ok(0) at the end, `WouldBlock` when nothing is there.
    pub(super) fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
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
