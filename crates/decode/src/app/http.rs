//! HTTP/1 (RFC 9112): the head of a request or response, as far as it is in this packet.

use super::{Parsed, Payload, Probe, Protocol, Transport, pending::Pending};
use crate::bytes::text;
use record::{AppData, HttpData};

/// HTTP/1.
pub struct Http;

/// Headers read; further ones are left unread.
const HEADERS_MAX: usize = 64;

/// First words of a request: the registered methods that are met, and WebDAV's.
const METHODS: &[&[u8]] = &[
    b"GET ",
    b"POST ",
    b"HEAD ",
    b"PUT ",
    b"DELETE ",
    b"OPTIONS ",
    b"CONNECT ",
    b"TRACE ",
    b"PATCH ",
    b"PROPFIND ",
    b"PROPPATCH ",
    b"MKCOL ",
    b"COPY ",
    b"MOVE ",
    b"LOCK ",
    b"UNLOCK ",
    b"REPORT ",
    b"SEARCH ",
];

impl Protocol for Http {
    fn name(&self) -> &'static str {
        "http"
    }

    fn may_begin(&self, transport: Transport, first: u8) -> bool {
        transport == Transport::Tcp && first.is_ascii_uppercase()
    }

    #[inline]
    fn probe(&self, payload: &Payload<'_>) -> Probe {
        let data = payload.data;
        if !payload.is_tcp() || data.len() < 4 || !data[0].is_ascii_uppercase() {
            return Probe::NotMine;
        }
        if data.starts_with(b"HTTP/1.") {
            return Probe::Certain;
        }
        // Other protocols have commands like these: without `HTTP/1.` in the first line they are not ours.
        if METHODS.iter().any(|method| data.starts_with(method)) { Probe::Unsure } else { Probe::NotMine }
    }

    fn parse(&self, payload: &Payload<'_>, _: &mut Pending) -> Parsed {
        let data = payload.data;
        let read = if data.starts_with(b"HTTP/1.") { response(data) } else { request(data) };
        read.map_or(Parsed::Invalid, |data| Parsed::Message(AppData::Http(data)))
    }
}

fn request(data: &[u8]) -> Option<HttpData> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut request = httparse::Request::new(&mut headers);
    // A head that goes on in the next packet, or one with a header too many or a bad one, is read up to there.
    let _ = request.parse(data);
    let (method, path) = (request.method?, request.path?);
    if request.version.is_none() && !first_line_is_long(data) {
        return None;
    }
    let mut out = HttpData { http_method: text(method.as_bytes()), url: text(path.as_bytes()), ..HttpData::default() };
    read_headers(&mut out, request.headers);
    Some(out)
}

/// True when the packet ends inside the first line: the version is still to come.
fn first_line_is_long(data: &[u8]) -> bool {
    !data.contains(&b'\n') && data.len() > 200
}

fn response(data: &[u8]) -> Option<HttpData> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut response = httparse::Response::new(&mut headers);
    let _ = response.parse(data);
    let mut out = HttpData { response: true, status: response.code?, ..HttpData::default() };
    read_headers(&mut out, response.headers);
    Some(out)
}

fn read_headers(out: &mut HttpData, headers: &[httparse::Header<'_>]) {
    for header in headers {
        let name = header.name;
        if name.eq_ignore_ascii_case("host") {
            out.hostname = host_without_port(&text(header.value)).to_lowercase();
        } else if name.eq_ignore_ascii_case("user-agent") {
            out.http_user_agent = text(header.value);
        } else if name.eq_ignore_ascii_case("content-type") {
            out.http_content_type = text(header.value);
        } else if name.eq_ignore_ascii_case("authorization") {
            let (scheme, rest) = super::lines::word(header.value);
            out.authorization = text(scheme).to_lowercase();
            if out.authorization == "basic" {
                // Name, colon, password: the password ends here.
                out.http_user = super::lines::base64(rest).split(|b| *b == b':').next().map(text).unwrap_or_default();
            }
        } else if name.eq_ignore_ascii_case("content-length") {
            out.length = text(header.value).trim().parse().unwrap_or(0);
        }
    }
}

/// `example.org:8080` and `[2001:db8::1]:80` without the port: the flow has it.
fn host_without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port))
            if port.bytes().all(|b| b.is_ascii_digit()) && (!name.contains(':') || name.ends_with(']')) =>
        {
            name
        }
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_request_in_one_packet() {
        let data =
            b"GET /a?b=c HTTP/1.1\r\nHost: Example.org:8080\r\nUser-Agent: curl/8\r\nContent-Length: 12\r\n\r\nx";
        let http = request(data).unwrap();
        assert_eq!(http.http_method, "GET");
        assert_eq!(http.url, "/a?b=c");
        assert_eq!(http.hostname, "example.org");
        assert_eq!(http.http_user_agent, "curl/8");
        assert_eq!(http.length, 12);
    }

    #[test]
    fn basic_authorization_tells_the_user_and_not_the_password() {
        let http = request(b"GET / HTTP/1.1\r\nAuthorization: Basic Ym9iOmh1bnRlcjI=\r\n\r\n").unwrap();
        assert_eq!((http.authorization.as_str(), http.http_user.as_str()), ("basic", "bob"));
        assert!(!format!("{http:?}").contains("hunter2"));
        assert_eq!(request(b"GET / HTTP/1.1\r\nAuthorization: Bearer abc\r\n\r\n").unwrap().http_user, "");
    }

    #[test]
    fn a_cut_head_keeps_what_was_there() {
        let http = request(b"GET / HTTP/1.1\r\nHost: a.test\r\nUser-Ag").unwrap();
        assert_eq!(http.hostname, "a.test");
        assert_eq!(http.http_user_agent, "");
        assert_eq!(response(b"HTTP/1.1 404 Not Found\r\nContent-Type: text/html\r\nX").unwrap().status, 404);
    }

    #[test]
    fn other_protocols_with_the_same_words_are_refused() {
        assert!(request(b"OPTIONS sip:a@b SIP/2.0\r\n\r\n").is_none());
        assert!(request(b"GET foo\r\n").is_none());
        assert_eq!(host_without_port("[2001:db8::1]:80"), "[2001:db8::1]");
        assert_eq!(host_without_port("2001:db8::1"), "2001:db8::1");
    }
}
