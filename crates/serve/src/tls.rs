//! The door: a listener, with TLS where certificate files are set. Owns how long a handshake may take, how many go on at once, and that
//! new files are taken over while it is open: when they change, or when somebody asks.

use crate::auth::{Peer, TlsConfig};
use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// Longest handshake.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// Handshakes at once; more wait in the kernel.
const HANDSHAKES_MAX: usize = 256;
/// Connections whose handshake is done and that are not taken yet.
const READY_MAX: usize = 64;
/// Files are looked at so often.
const LOOK: Duration = Duration::from_secs(5);
/// Pause after the system refused a connection, such as without a free file descriptor.
const PAUSE: Duration = Duration::from_millis(200);

/// When a file was written, and how long it is.
type Stamp = Option<(SystemTime, u64)>;

/// Certificates in use; cheap to clone.
#[derive(Clone)]
pub struct Reload(Arc<Certificates>);

struct Certificates {
    settings: TlsConfig,
    current: RwLock<Arc<ServerConfig>>,
    stamps: Mutex<[Stamp; 2]>,
}

fn stamp(path: &Path) -> Stamp {
    let about = std::fs::metadata(path).ok()?;
    Some((about.modified().ok()?, about.len()))
}

impl Reload {
    /// Reads the files.
    ///
    /// # Errors
    /// A sentence that names the file and what is wrong with it.
    pub(crate) fn open(settings: &TlsConfig) -> Result<Self, String> {
        let stamps = [stamp(&settings.certificate), stamp(&settings.key)];
        let current = RwLock::new(read(settings)?);
        Ok(Self(Arc::new(Certificates { settings: settings.clone(), current, stamps: Mutex::new(stamps) })))
    }

    /// Takes over the files as they are now; those in use stay when these cannot be used, and it is told.
    pub fn reload(&self) {
        let Certificates { settings, current, stamps } = &*self.0;
        *stamps.lock().unwrap_or_else(PoisonError::into_inner) = [stamp(&settings.certificate), stamp(&settings.key)];
        match read(settings) {
            Ok(next) => {
                *current.write().unwrap_or_else(PoisonError::into_inner) = next;
                tracing::info!("serve.tls: {} taken over", settings.certificate.display());
            }
            Err(why) => tracing::error!("{why}; the certificate in use stays"),
        }
    }

    fn changed(&self) -> bool {
        let now = [stamp(&self.0.settings.certificate), stamp(&self.0.settings.key)];
        now != *self.0.stamps.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(Arc::clone(&self.0.current.read().unwrap_or_else(PoisonError::into_inner)))
    }

    async fn watch(self) {
        loop {
            tokio::time::sleep(LOOK).await;
            let reload = self.clone();
            let look = move || {
                if reload.changed() {
                    reload.reload();
                }
            };
            // A panic there has been reported already.
            drop(tokio::task::spawn_blocking(look).await);
        }
    }
}

/// TLS 1.2 and 1.3, HTTP/1.1. An expired certificate is used, and told: who has to renew it may need the dashboard.
fn read(settings: &TlsConfig) -> Result<Arc<ServerConfig>, String> {
    let TlsConfig { certificate, key } = settings;
    let failed = |name: &str, path: &Path, why: &dyn std::fmt::Display| {
        format!("serve.tls.{name}: {} cannot be used: {why}", path.display())
    };
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect)
        .map_err(|e| failed("certificate", certificate, &e))?;
    let Some(own) = chain.first() else {
        return Err(failed("certificate", certificate, &"there is no certificate in it; it must be PEM"));
    };
    check_dates(own, certificate);
    let private = PrivateKeyDer::from_pem_file(key).map_err(|e| failed("key", key, &e))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|e| e.to_string())?
        .with_no_client_auth()
        .with_single_cert(chain, private)
        .map_err(|e| failed("certificate", certificate, &format!("with the key {}: {e}", key.display())))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

fn check_dates(certificate: &CertificateDer<'_>, path: &Path) {
    use x509_parser::prelude::{ASN1Time, FromDer, X509Certificate};
    let Ok((_, parsed)) = X509Certificate::from_der(certificate) else { return };
    let (validity, now) = (parsed.validity(), ASN1Time::now());
    if now > validity.not_after {
        let file = path.display();
        tracing::error!("serve.tls.certificate: {file} ended on {}; browsers refuse it: renew it", validity.not_after);
    } else if now < validity.not_before {
        let file = path.display();
        tracing::error!("serve.tls.certificate: {file} holds from {} on: is the clock right?", validity.not_before);
    }
}

/// A listener that is open.
pub struct Door {
    address: SocketAddr,
    kind: Kind,
    reload: Option<Reload>,
}

enum Kind {
    Plain(TcpListener),
    Tls(mpsc::Receiver<(TlsStream<TcpStream>, SocketAddr)>),
}

impl Door {
    /// Inside a runtime: handshakes and the look at the files are its tasks, and end with it.
    pub(crate) fn new(listener: TcpListener, reload: Option<Reload>) -> io::Result<Self> {
        let address = listener.local_addr()?;
        let kind = match &reload {
            None => Kind::Plain(listener),
            Some(reload) => {
                let (ready, taken) = mpsc::channel(READY_MAX);
                tokio::spawn(handshakes(listener, reload.clone(), ready));
                tokio::spawn(reload.clone().watch());
                Kind::Tls(taken)
            }
        };
        Ok(Self { address, kind, reload })
    }

    /// Where it listens.
    pub const fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Does it speak TLS?
    pub const fn is_tls(&self) -> bool {
        self.reload.is_some()
    }

    /// What takes over new certificates, with TLS.
    pub fn reload(&self) -> Option<Reload> {
        self.reload.clone()
    }
}

/// Each handshake is a task of its own: one that is slow keeps nobody waiting.
async fn handshakes(listener: TcpListener, reload: Reload, ready: mpsc::Sender<(TlsStream<TcpStream>, SocketAddr)>) {
    let places = Arc::new(Semaphore::new(HANDSHAKES_MAX));
    while let Ok(place) = Arc::clone(&places).acquire_owned().await {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = ready.closed() => return,
        };
        let Ok((stream, peer)) = accepted else {
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        let (acceptor, ready) = (reload.acceptor(), ready.clone());
        tokio::spawn(async move {
            let done = tokio::time::timeout(HANDSHAKE, acceptor.accept(stream)).await;
            drop(place);
            if let Ok(Ok(stream)) = done {
                // The door was closed: the connection is too.
                drop(ready.send((stream, peer)).await);
            }
        });
    }
}

impl Listener for Door {
    type Io = Stream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Stream, SocketAddr) {
        match &mut self.kind {
            Kind::Plain(listener) => {
                let (stream, peer) = Listener::accept(listener).await;
                (Stream::Plain(stream), peer)
            }
            Kind::Tls(taken) => match taken.recv().await {
                Some((stream, peer)) => (Stream::Tls(Box::new(stream)), peer),
                // Its task is gone: nobody comes any more.
                None => std::future::pending().await,
            },
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.address)
    }
}

impl Connected<IncomingStream<'_, Door>> for Peer {
    fn connect_info(stream: IncomingStream<'_, Door>) -> Self {
        Self(*stream.remote_addr())
    }
}

/// One connection.
pub enum Stream {
    /// As it comes.
    Plain(TcpStream),
    /// Inside TLS.
    Tls(Box<TlsStream<TcpStream>>),
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Tls(stream) => Pin::new(stream).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, bytes),
            Self::Tls(stream) => Pin::new(stream).poll_write(cx, bytes),
        }
    }
    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Self::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }
    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
