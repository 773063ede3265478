//! One TCP connection and what it says of a port. Owns the reading of errors and of first words; knows no pace.

use record::scan::{ScannedPort, ScriptOutput, Service};
use std::fmt::Write as _;
use std::io::{Error, ErrorKind};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Bytes kept of what a service says first.
const BANNER_BYTES_MAX: usize = 256;

/// How long to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waits {
    /// For the connection.
    pub connect: Duration,
    /// For first words; zero: do not.
    pub banner: Duration,
}

/// What a connection says of a port.
pub enum Answer {
    /// Something listens.
    Open(Box<ScannedPort>),
    /// The host refused.
    Closed,
    /// Nothing came back, or something on the way refused.
    Filtered,
    /// Nothing came back, which is what UDP services do with questions that are not theirs: open or filtered.
    Silent,
    /// This machine could not ask: that says nothing of the port.
    CannotAsk(Error),
}

/// Connects, listens, and closes.
pub async fn probe(to: SocketAddr, waits: Waits) -> Answer {
    match timeout(waits.connect, TcpStream::connect(to)).await {
        Err(_) => Answer::Filtered,
        Ok(Err(error)) => refusal(error),
        // On loopback a connection may meet itself when its own port is the one that is asked.
        Ok(Ok(stream)) if stream.local_addr().ok() == Some(to) => Answer::Closed,
        Ok(Ok(stream)) => {
            let said = if waits.banner.is_zero() { Vec::new() } else { first_words(&stream, waits.banner).await };
            let text = cleaned(&said);
            let name = service_of(&text).map(str::to_owned);
            Answer::Open(Box::new(open_port(Transport::Tcp, to.port(), name, text)))
        }
    }
}

pub(super) fn refusal(error: Error) -> Answer {
    // EMFILE and ENFILE have no kind of their own; 24 and 23 on every Unix.
    let out_of_files = matches!(error.raw_os_error(), Some(23 | 24));
    match error.kind() {
        ErrorKind::ConnectionRefused | ErrorKind::ConnectionReset => Answer::Closed,
        ErrorKind::AddrNotAvailable | ErrorKind::OutOfMemory => Answer::CannotAsk(error),
        _ if out_of_files => Answer::CannotAsk(error),
        _ => Answer::Filtered,
    }
}

async fn first_words(stream: &TcpStream, wait: Duration) -> Vec<u8> {
    let mut bytes = [0; BANNER_BYTES_MAX];
    let reading = async {
        loop {
            stream.readable().await.ok()?;
            match stream.try_read(&mut bytes) {
                Ok(count) => return Some(count),
                // Readiness may be a false alarm.
                Err(e) if e.kind() == ErrorKind::WouldBlock => {}
                Err(_) => return None,
            }
        }
    };
    let count = timeout(wait, reading).await.ok().flatten().unwrap_or(0);
    bytes[..count].to_vec()
}

/// How a port is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// By a connection.
    Tcp,
    /// By a request of the usual service.
    Udp,
}

/// A port that answers, with what it said.
pub(super) fn open_port(transport: Transport, port: u16, name: Option<String>, text: String) -> ScannedPort {
    let (protocol, reason) = match transport {
        Transport::Tcp => ("tcp", "syn-ack"),
        Transport::Udp => ("udp", "udp-response"),
    };
    let banner = ScriptOutput { id: "banner".to_owned(), output: text };
    ScannedPort {
        protocol: protocol.to_owned(),
        port: u32::from(port),
        state: Some("open".to_owned()),
        reason: reason.to_owned(),
        service: Service { name, ..Service::default() },
        scripts: if banner.output.is_empty() { Vec::new() } else { vec![banner] },
    }
}

/// As nmap's script `banner` writes it: other than printable ASCII as `\xHH`.
pub(super) fn cleaned(bytes: &[u8]) -> String {
    let mut text = String::new();
    for byte in bytes.trim_ascii_end() {
        match byte {
            b' '..=b'~' => text.push(char::from(*byte)),
            byte => _ = write!(text, "\\x{byte:02X}"),
        }
    }
    text
}

/// The protocol, where its first words leave no doubt.
fn service_of(banner: &str) -> Option<&'static str> {
    let upper = banner.to_ascii_uppercase();
    let greets = upper.starts_with("220 ") || upper.starts_with("220-");
    match () {
        () if upper.starts_with("SSH-") => Some("ssh"),
        () if upper.starts_with("RFB 0") => Some("vnc"),
        () if upper.starts_with("+OK") => Some("pop3"),
        () if upper.starts_with("* OK") => Some("imap"),
        () if greets && upper.contains("SMTP") => Some("smtp"),
        () if greets && upper.contains("FTP") => Some("ftp"),
        () => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_words_are_cleaned_and_tell_the_protocol() {
        assert_eq!(cleaned(b"SSH-2.0-OpenSSH_9.2\r\n"), "SSH-2.0-OpenSSH_9.2");
        assert_eq!(cleaned(b"\x1b[2J\x00hi\xff"), "\\x1B[2J\\x00hi\\xFF");
        assert_eq!(service_of("SSH-2.0-x"), Some("ssh"));
        assert_eq!(service_of("220 mail ESMTP Postfix"), Some("smtp"));
        assert_eq!(service_of("220 (vsFTPd 3.0.3)"), Some("ftp"));
        assert_eq!(service_of("220 hello"), None);
        assert_eq!(service_of(""), None);
    }

    #[test]
    fn errors_are_told_apart() {
        assert!(matches!(refusal(Error::from(ErrorKind::ConnectionRefused)), Answer::Closed));
        assert!(matches!(refusal(Error::from(ErrorKind::HostUnreachable)), Answer::Filtered));
        assert!(matches!(refusal(Error::from_raw_os_error(24)), Answer::CannotAsk(_)));
        assert!(matches!(refusal(Error::from(ErrorKind::AddrNotAvailable)), Answer::CannotAsk(_)));
    }
}
