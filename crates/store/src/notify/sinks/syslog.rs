//! Syslog as RFC 5424 over UDP (RFC 5426), TCP with octet counting (RFC 6587) or TLS (RFC 5425). The protocol has no receipt, so each
//! message gets a connection of its own: it is written, our side is closed, and the server's closing its side says that it has
//! read to the end. Over UDP only a host that says "nobody listens here" is noticed.

use super::super::config::{Channel, SyslogConfig, SyslogFormat, SyslogTransport};
use super::super::tls;
use super::{Delivery, Sink, SinkKind, timeout};
use record::{Form, Message, Severity};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream, ToSocketAddrs, UdpSocket};
use std::sync::Arc;
use std::time::Duration;

pub(super) const KIND: SinkKind = SinkKind {
    kind: "syslog",
    check,
    form: |channel| match channel.syslog.as_ref().map_or(SyslogFormat::Text, |s| s.format) {
        SyslogFormat::Text => Form::Text,
        SyslogFormat::Cef => Form::Cef,
        SyslogFormat::Eve => Form::Eve,
    },
    target: |channel| channel.syslog.as_ref().map_or(String::new(), |s| format!("{}:{}", s.host, port(s))),
    secrets: |_| Vec::new(),
    open,
};

/// How long a host's "nobody listens here" (ICMP port unreachable) is waited for.
const REFUSAL_WAIT: Duration = Duration::from_millis(150);
/// How long the server may take to close after it was told that no more comes.
const CLOSE_WAIT: Duration = Duration::from_secs(2);

struct Syslog {
    config: SyslogConfig,
    tls: Option<(Arc<ClientConfig>, ServerName<'static>)>,
    timeout: Duration,
    host: String,
}

fn settings(channel: &Channel) -> Result<&SyslogConfig, String> {
    channel.syslog.as_ref().ok_or_else(|| "there is no table `syslog`".to_owned())
}

fn check(channel: &Channel) -> Result<(), String> {
    let syslog = settings(channel)?;
    if syslog.host.is_empty() {
        return Err("syslog.host is not set".to_owned());
    }
    if syslog.facility > 23 {
        return Err(format!("syslog.facility is {}; set 0 to 23", syslog.facility));
    }
    Ok(())
}

fn open(channel: &Channel) -> Result<Box<dyn Sink>, String> {
    let config = settings(channel)?.clone();
    let tls = if config.transport == SyslogTransport::Tls {
        let name = ServerName::try_from(config.host.clone());
        let name = name.map_err(|_| format!("syslog.host `{}` is no name", config.host))?;
        Some((tls::client(config.ca_file.as_deref())?, name))
    } else {
        None
    };
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").map_or("-".to_owned(), |name| header(name.trim()));
    Ok(Box::new(Syslog { config, tls, timeout: timeout(channel), host }))
}

fn port(config: &SyslogConfig) -> u16 {
    config.port.unwrap_or(if config.transport == SyslogTransport::Tls { 6514 } else { 514 })
}

/// A header field: printable ASCII without spaces, or the nil value.
fn header(text: &str) -> String {
    let kept: String = text.chars().filter(char::is_ascii_graphic).take(255).collect();
    if kept.is_empty() { "-".to_owned() } else { kept }
}

/// RFC 5424 section 6. No byte order mark before the text: readers of CEF and JSON take it for data.
fn frame(facility: u8, host: &str, message: &Message) -> String {
    let severity = match message.severity {
        Severity::Critical => 2,
        Severity::High => 3,
        Severity::Medium => 4,
        Severity::Low => 5,
    };
    let kind: String = header(&message.kind).chars().take(32).collect();
    let priority = u32::from(facility) * 8 + severity;
    format!("<{priority}>1 {} {host} tripline {} {kind} - {}", message.at.rfc3339(), std::process::id(), message.line)
}

impl Syslog {
    fn addresses(&self) -> io::Result<Vec<SocketAddr>> {
        let all: Vec<_> = (self.config.host.as_str(), port(&self.config)).to_socket_addrs()?.collect();
        if all.is_empty() { Err(io::Error::new(ErrorKind::NotFound, "the name has no address")) } else { Ok(all) }
    }

    fn udp(&self, text: &str) -> io::Result<String> {
        let to = self.addresses()?[0];
        let own: SocketAddr = if to.is_ipv4() { ([0, 0, 0, 0], 0).into() } else { ([0_u16; 8], 0).into() };
        let socket = UdpSocket::bind(own)?;
        socket.connect(to)?;
        socket.send(text.as_bytes())?;
        socket.set_read_timeout(Some(REFUSAL_WAIT))?;
        match socket.recv(&mut [0; 1]) {
            Err(error) if error.kind() == ErrorKind::ConnectionRefused => Err(error),
            _ => Ok("sent by UDP, which knows no receipt".to_owned()),
        }
    }

    fn connect(&self) -> io::Result<TcpStream> {
        let mut last = None;
        for address in self.addresses()? {
            match TcpStream::connect_timeout(&address, self.timeout) {
                Ok(stream) => {
                    stream.set_read_timeout(Some(self.timeout))?;
                    stream.set_write_timeout(Some(self.timeout))?;
                    stream.set_nodelay(true)?;
                    return Ok(stream);
                }
                Err(error) => last = Some(error),
            }
        }
        Err(last.unwrap_or_else(|| ErrorKind::NotFound.into()))
    }

    fn tcp(&self, text: &str) -> io::Result<String> {
        let mut stream = self.connect()?;
        stream.write_all(format!("{} {text}", text.len()).as_bytes())?;
        stream.flush()?;
        stream.shutdown(Shutdown::Write)?;
        stream.set_read_timeout(Some(CLOSE_WAIT.min(self.timeout)))?;
        closed(&mut stream)
    }

    fn over_tls(&self, config: &Arc<ClientConfig>, name: &ServerName<'static>, text: &str) -> io::Result<String> {
        let connection = ClientConnection::new(Arc::clone(config), name.clone()).map_err(io::Error::other)?;
        let mut stream = StreamOwned::new(connection, self.connect()?);
        stream.write_all(format!("{} {text}", text.len()).as_bytes())?;
        stream.flush()?;
        stream.conn.send_close_notify();
        stream.flush()?;
        stream.sock.shutdown(Shutdown::Write)?;
        stream.sock.set_read_timeout(Some(CLOSE_WAIT.min(self.timeout)))?;
        closed(&mut stream)
    }
}

/// Reads to the end of what the server says; an error when the connection broke instead.
fn closed(stream: &mut impl Read) -> io::Result<String> {
    let mut rest = [0; 512];
    loop {
        match stream.read(&mut rest) {
            Ok(0) => return Ok("written; the server read to the end and closed".to_owned()),
            Ok(_) => {}
            // TLS servers may close without their last word.
            Err(e) if e.kind() == ErrorKind::UnexpectedEof => {
                return Ok("written; the server closed".to_owned());
            }
            Err(e) if super::is_time_out(&e) => {
                return Ok(
                    "written; the server keeps the connection open, so nobody knows whether it was read".to_owned()
                );
            }
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
}

impl Sink for Syslog {
    fn deliver(&mut self, message: &Message) -> Delivery {
        let text = frame(self.config.facility, &self.host, message);
        let result = match (&self.tls, self.config.transport) {
            (Some((config, name)), _) => self.over_tls(config, name, &text),
            (None, SyslogTransport::Udp) => self.udp(&text),
            (None, _) => self.tcp(&text),
        };
        match result {
            Ok(said) => Delivery::Accepted(said),
            Err(error) => {
                let why = if super::is_time_out(&error) { "no answer in time".to_owned() } else { error.to_string() };
                Delivery::later(format!("{}:{}: {why}", self.config.host, port(&self.config)))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_rfc_5424() {
        let message = Message {
            severity: Severity::High,
            kind: "port_scan".into(),
            line: "10.0.0.5 scans".into(),
            at: record::Timestamp::from_parts(1_700_000_000, 0),
            ..Message::default()
        };
        let text = frame(13, "sensor1", &message);
        let begin = "<107>1 2023-11-14T22:13:20.000000Z sensor1 tripline ";
        assert!(text.starts_with(begin) && text.ends_with(" port_scan - 10.0.0.5 scans"), "{text}");
        assert_eq!(header("a b\u{e9}c\n"), "abc");
        assert_eq!(header(""), "-");
    }
}
