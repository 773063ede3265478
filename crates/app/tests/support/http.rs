//! One HTTP request over loopback, by hand: HTTP/1.0, so that answers come whole and unchunked.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// Between the parts of a form.
const BETWEEN: &str = "tripline-form-boundary";

/// Status and body.
pub struct Answer {
    /// Status code.
    pub status: u16,
    /// Header lines as they came.
    pub head: String,
    /// Body.
    pub body: Vec<u8>,
}

impl Answer {
    /// The body as JSON.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("{e}: {}", self.text()))
    }
    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// One request; an error only when the server is not there.
pub fn request(port: u16, method: &str, path: &str, body: Option<&str>) -> std::io::Result<Answer> {
    send(port, method, path, ("application/json", body.unwrap_or("").as_bytes()))
}

/// One file as it is, named in the query.
pub fn send_file(port: u16, path: &str, bytes: &[u8]) -> Answer {
    send(port, "POST", path, ("application/octet-stream", bytes)).unwrap_or_else(|e| panic!("POST {path}: {e}"))
}

/// A form of files, each with its field, its name and its content, as curl's `-F field=@name`.
pub fn send_form(port: u16, path: &str, files: &[(&str, &str, &[u8])]) -> Answer {
    let mut body = Vec::new();
    for (field, name, bytes) in files {
        let about = format!("Content-Disposition: form-data; name=\"{field}\"; filename=\"{name}\"");
        body.extend_from_slice(format!("--{BETWEEN}\r\n{about}\r\n\r\n").as_bytes());
        body.extend_from_slice(bytes);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(format!("--{BETWEEN}--\r\n").as_bytes());
    let kind = format!("multipart/form-data; boundary={BETWEEN}");
    send(port, "POST", path, (&kind, &body)).unwrap_or_else(|e| panic!("POST {path}: {e}"))
}

/// The same with header lines, each ended by CR LF.
pub fn request_with(port: u16, method: &str, path: &str, lines: &str, body: &str) -> std::io::Result<Answer> {
    send_with(port, method, path, lines, ("application/json", body.as_bytes()))
}

fn send(port: u16, method: &str, path: &str, body: (&str, &[u8])) -> std::io::Result<Answer> {
    send_with(port, method, path, "", body)
}

fn send_with(port: u16, method: &str, path: &str, lines: &str, (kind, body): (&str, &[u8])) -> std::io::Result<Answer> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    write!(
        stream,
        "{method} {path} HTTP/1.0\r\nHost: 127.0.0.1:{port}\r\n{lines}Content-Type: {kind}\r\nContent-Length: {}\r\n\r\n",
        body.len()
    )?;
    stream.write_all(body)?;
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes)?;
    let split = bytes.windows(4).position(|w| w == b"\r\n\r\n").unwrap_or(bytes.len());
    let head = String::from_utf8_lossy(&bytes[..split]).into_owned();
    let status = head.split_whitespace().nth(1).and_then(|s| s.parse().ok()).unwrap_or(0);
    Ok(Answer { status, head, body: bytes.get(split + 4..).unwrap_or_default().to_vec() })
}

/// GET that must answer.
pub fn get(port: u16, path: &str) -> Answer {
    request(port, "GET", path, None).unwrap_or_else(|e| panic!("GET {path}: {e}"))
}

/// GET of JSON that must be a 200.
pub fn get_json(port: u16, path: &str) -> serde_json::Value {
    let answer = get(port, path);
    assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    answer.json()
}
