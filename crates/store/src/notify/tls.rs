//! Whom a connection trusts: the authorities of one PEM file, or those of this machine. Owns the reading of both; one crypto library.

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use std::path::Path;
use std::sync::Arc;

/// Certificates of the authorities to trust.
///
/// # Errors
/// A sentence when the file is none, or when the machine trusts nobody.
pub(super) fn authorities(ca_file: Option<&Path>) -> Result<Vec<CertificateDer<'static>>, String> {
    let Some(path) = ca_file else {
        let found = rustls_native_certs::load_native_certs();
        if found.certs.is_empty() {
            return Err(
                "this machine has no list of trusted authorities; install ca-certificates or set ca_file".to_owned()
            );
        }
        return Ok(found.certs);
    };
    let told = |e: &dyn std::fmt::Display| format!("ca_file {}: {e}", path.display());
    let certs: Vec<_> =
        CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<_, _>>).map_err(|e| told(&e))?;
    if certs.is_empty() {
        return Err(told(&"no certificate in it; it must be PEM"));
    }
    Ok(certs)
}

/// What TLS connections of this process are made of.
pub(super) fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// A client that trusts these authorities.
///
/// # Errors
/// A sentence.
pub(super) fn client(ca_file: Option<&Path>) -> Result<Arc<rustls::ClientConfig>, String> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add_parsable_certificates(authorities(ca_file)?);
    let config = rustls::ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|e| e.to_string())?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}
