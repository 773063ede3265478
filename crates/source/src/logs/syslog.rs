//! Syslog from the network: UDP (RFC 5426), TCP (RFC 6587) and TLS (RFC 5425), on one thread. Owns the sockets and connections, what
//! the kernel dropped, and who is refused.

use super::settings::LogSettings;
use super::streams::{Messages, hand_on};
use super::{LineSource, Piece};
use crate::collect::frames::HEADERS_BYTES;
use crate::collect::socket::{DATAGRAMS_MAX, ExportSocket, SLOT_BYTES, Taken};
use crate::tls::{self, Identity, Transport};
use crate::wait::wait_readable;
use crate::{KernelBuffer, SourceError, SourceStats};
use rustls::ServerConfig;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::AsRawFd;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Wait when nothing comes.
const WAIT_MS: i32 = 100;
/// Bytes taken of one connection before the next has its turn.
const TURN_BYTES: usize = 256 * 1024;
/// A connection that has said nothing for so long is closed, so that dead ones do not fill the table.
const SILENT_MAX: Duration = Duration::from_hours(1);
/// UDP messages have no connection: all are one stream.
const UDP_STREAM: u64 = 0;

struct Listener {
    socket: TcpListener,
    tls: Option<Arc<ServerConfig>>,
}

struct Connection {
    transport: Transport,
    messages: Messages,
    stream: u64,
    heard: Instant,
}

/// See the module.
pub struct Syslog {
    datagrams: Vec<ExportSocket>,
    listeners: Vec<Listener>,
    connections: Vec<Connection>,
    connections_max: usize,
    next_stream: u64,
    slots: Vec<u8>,
    taken: Vec<Taken>,
    buffer: Vec<u8>,
    stats: SourceStats,
    asked_bytes: u32,
    refused: u64,
    failed: u64,
    cut: u64,
}

impl Syslog {
    /// Binds everything the settings name.
    ///
    /// # Errors
    /// An address cannot be bound, certificate or key cannot be used.
    pub fn open(settings: &LogSettings) -> Result<Self, SourceError> {
        let [udp, tcp, with_tls] = settings.addresses()?;
        let failed = |address: &SocketAddr, error: &io::Error| SourceError::LogListener {
            address: address.to_string(),
            what: format!("{error}; choose another port, or grant the right to bind one below 1024"),
        };
        let datagrams = udp
            .iter()
            .map(|at| ExportSocket::bind(*at, settings.receive_buffer_bytes).map_err(|error| failed(at, &error)))
            .collect::<Result<Vec<_>, _>>()?;
        let refused =
            |path: &Path, why: String| SourceError::LogListener { address: path.display().to_string(), what: why };
        let identity = Identity { certificate: &settings.tls_certificate, key: &settings.tls_key, client_ca: None };
        let config = if with_tls.is_empty() { None } else { Some(tls::server(&identity, &refused)?) };
        let plain = tcp.iter().map(|at| (at, None));
        let listeners = plain
            .chain(with_tls.iter().map(|at| (at, config.clone())))
            .map(|(at, tls)| {
                let socket = TcpListener::bind(at).and_then(|socket| socket.set_nonblocking(true).map(|()| socket));
                Ok(Listener { socket: socket.map_err(|error| failed(at, &error))?, tls })
            })
            .collect::<Result<Vec<_>, SourceError>>()?;
        let slots = if datagrams.is_empty() { 0 } else { SLOT_BYTES * DATAGRAMS_MAX };
        Ok(Self {
            datagrams,
            listeners,
            connections: Vec::new(),
            connections_max: settings.connections_max,
            next_stream: UDP_STREAM,
            slots: vec![0; slots],
            taken: Vec::new(),
            buffer: vec![0; 64 * 1024],
            stats: SourceStats::default(),
            asked_bytes: settings.receive_buffer_bytes,
            refused: 0,
            failed: 0,
            cut: 0,
        })
    }

    /// Where messages are waited for: transport and address.
    #[must_use]
    pub fn listens_at(&self) -> Vec<String> {
        let udp = self.datagrams.iter().map(|socket| format!("udp {}", socket.local));
        let tcp = self.listeners.iter().filter_map(|listener| {
            let at = listener.socket.local_addr().ok()?;
            Some(format!("{} {at}", if listener.tls.is_some() { "tls" } else { "tcp" }))
        });
        udp.chain(tcp).collect()
    }

    fn take_datagrams(&mut self, sink: &mut dyn FnMut(u64, Piece<'_>)) -> Result<(), SourceError> {
        for socket in &mut self.datagrams {
            let address = socket.local;
            let result = socket.take(&mut self.slots, &mut self.taken);
            result
                .map_err(|error| SourceError::LogListener { address: address.to_string(), what: error.to_string() })?;
            for (slot, taken) in self.slots.chunks_exact(SLOT_BYTES).zip(&self.taken) {
                let room = &slot[HEADERS_BYTES..];
                let message = &room[..taken.bytes.min(room.len())];
                self.stats.packets += 1;
                self.stats.bytes += taken.bytes as u64;
                hand_on(message, &mut |line| sink(UDP_STREAM, Piece::Bytes(line)));
            }
        }
        Ok(())
    }

    fn accept(&mut self) {
        for listener in &self.listeners {
            while let Ok((stream, _)) = listener.socket.accept() {
                if self.connections.len() >= self.connections_max {
                    self.refused += 1;
                    continue;
                }
                let Ok(transport) = Transport::new(stream, listener.tls.as_ref()) else {
                    self.failed += 1;
                    continue;
                };
                self.next_stream += 1;
                let (messages, stream, heard) = (Messages::default(), self.next_stream, Instant::now());
                self.connections.push(Connection { transport, messages, stream, heard });
            }
        }
    }

    fn take_connections(&mut self, sink: &mut dyn FnMut(u64, Piece<'_>)) {
        let (buffer, stats) = (&mut self.buffer, &mut self.stats);
        let (failed, cut) = (&mut self.failed, &mut self.cut);
        self.connections.retain_mut(|connection| {
            let open = connection.take(buffer, stats, failed, sink);
            if !open {
                let stream = connection.stream;
                connection.messages.finish(&mut |line| sink(stream, Piece::Bytes(line)));
                *cut += connection.messages.cut;
                sink(stream, Piece::End);
            }
            open
        });
    }

    fn wait(&self) -> io::Result<()> {
        let sockets = self.datagrams.iter().map(ExportSocket::fd);
        let listeners = self.listeners.iter().map(|listener| listener.socket.as_raw_fd());
        let connections = self.connections.iter().map(|connection| connection.transport.stream().as_raw_fd());
        let all: Vec<_> = sockets.chain(listeners).chain(connections).collect();
        wait_readable(&all, WAIT_MS).map(drop)
    }
}

impl Connection {
    /// Takes its turn; false when it has ended.
    fn take(
        &mut self,
        buffer: &mut [u8],
        stats: &mut SourceStats,
        failed: &mut u64,
        sink: &mut dyn FnMut(u64, Piece<'_>),
    ) -> bool {
        let mut total = 0;
        while total < TURN_BYTES {
            match self.transport.read(buffer) {
                Ok(0) => return false,
                Ok(n) => {
                    total += n;
                    stats.bytes += n as u64;
                    self.heard = Instant::now();
                    let stream = self.stream;
                    let messages = &mut stats.packets;
                    self.messages.push(&buffer[..n], &mut |line| {
                        *messages += 1;
                        sink(stream, Piece::Bytes(line));
                    });
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // TLS that ends without saying so, or with what it was sent unread, as senders do that only write.
                Err(error) if tls::is_end(&error) => return false,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return self.heard.elapsed() < SILENT_MAX,
                Err(_) => {
                    *failed += 1;
                    return false;
                }
            }
        }
        true
    }
}

impl LineSource for Syslog {
    fn next(&mut self, sink: &mut dyn FnMut(u64, Piece<'_>)) -> Result<(), SourceError> {
        let waited = self.wait();
        waited.map_err(|error| SourceError::LogListener { address: "syslog".to_owned(), what: error.to_string() })?;
        self.accept();
        self.take_datagrams(sink)?;
        self.take_connections(sink);
        Ok(())
    }

    fn origin(&self, stream: u64) -> String {
        let from = self.connections.iter().find(|connection| connection.stream == stream);
        from.and_then(|from| from.transport.stream().peer_addr().ok()).map_or(String::new(), |at| at.ip().to_string())
    }

    fn stats(&self) -> SourceStats {
        let mut stats = self.stats.clone();
        let kernel: u64 = self.datagrams.iter().map(|socket| u64::from(socket.kernel_drops)).sum();
        let open: u64 = self.connections.iter().map(|connection| connection.messages.cut).sum();
        stats.dropped.add("kernel_socket_full", kernel);
        stats.dropped.add("connections_refused", self.refused);
        stats.dropped.add("connections_failed", self.failed);
        stats.dropped.add("messages_cut", self.cut + open);
        let granted = self.datagrams.iter().map(|socket| u64::from(socket.granted_bytes)).min();
        stats.buffer =
            granted.map(|granted_bytes| KernelBuffer { asked_bytes: self.asked_bytes.into(), granted_bytes });
        stats.notes.extend(stats.buffer.and_then(|buffer| buffer.note()));
        stats
    }
}

#[cfg(test)]
mod tests;
