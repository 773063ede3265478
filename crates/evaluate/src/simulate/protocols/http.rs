//! HTTP/1.1 in the clear (RFC 9112): page fetches, update checks, printing. Owns request and response heads.

use super::super::content::{Body, Content};
use super::super::random::Random;
use super::super::tcp::Step;

const MS: i64 = 1_000_000;
const AGENTS: [&str; 4] = [
    "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36",
    "Update-Agent/10.0",
    "curl/8.5.0",
];
const PATHS: [&str; 7] =
    ["/", "/index.html", "/status", "/pool/main/index", "/news/today", "/connectivity-check", "/crl/root"];

/// One request and its answer on a kept-alive connection.
pub(in super::super) fn fetch(host: &str, agent: usize, r: &mut Random) -> [Step; 2] {
    let request = format!(
        "GET {} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: {}\r\nAccept: */*\r\nConnection: keep-alive\r\n\r\n",
        r.pick(&PATHS),
        AGENTS[agent % AGENTS.len()]
    );
    let think = r.jitter_ns(60 * MS, 1.0);
    let answer = match r.below(12) {
        0 => Content::bytes(b"HTTP/1.1 304 Not Modified\r\nServer: nginx\r\nETag: \"5f0a-1\"\r\n\r\n".to_vec()),
        1 => answer("404 Not Found", "text/html", Body::Text, 153, r),
        2 | 3 => {
            let size = r.pareto(20_000.0, 1.1, 4e6) as u64;
            answer("200 OK", "application/octet-stream", Body::Noise, size, r)
        }
        _ => {
            let size = r.pareto(1500.0, 1.2, 4e5) as u64;
            answer("200 OK", "text/html; charset=utf-8", Body::Text, size, r)
        }
    };
    [Step::client(Content::bytes(request.into_bytes()), think), Step::server(answer, r.jitter_ns(8 * MS, 0.8))]
}

/// A monitor asks whether a service is up, and hears that it is.
pub(in super::super) fn health_check(host: &str, r: &mut Random) -> [Step; 2] {
    let request = format!(
        "GET /health HTTP/1.1\r\nHost: {host}\r\nUser-Agent: monitor/2.4\r\nAccept: application/json\r\nConnection: close\r\n\r\n"
    );
    let body = format!("{{\"status\":\"up\",\"load\":0.{:02}}}", r.below(100));
    let head = "HTTP/1.1 200 OK\r\nServer: nginx\r\nContent-Type: application/json\r\nContent-Length: ";
    let answer = format!("{head}{}\r\n\r\n{body}", body.len());
    [
        Step::client(Content::bytes(request.into_bytes()), MS),
        Step::server(Content::bytes(answer.into_bytes()), r.jitter_ns(6 * MS, 0.5)),
    ]
}

fn answer(status: &str, kind: &str, body: Body, size: u64, r: &mut Random) -> Content {
    let head = format!("HTTP/1.1 {status}\r\nServer: nginx\r\nContent-Type: {kind}\r\nContent-Length: {size}\r\n\r\n");
    Content::with_body(head.into_bytes(), body, size, r.bits())
}

/// A print job over IPP (RFC 8010): the document follows the operation's attributes.
pub(in super::super) fn print_job(host: &str, size: u64, r: &mut Random) -> Vec<Step> {
    let mut ipp = vec![2, 0, 0, 2, 0, 0, 0, 1, 1];
    for (tag, name, value) in [
        (0x47u8, "attributes-charset", "utf-8"),
        (0x48, "attributes-natural-language", "en"),
        (0x45, "printer-uri", "ipp://printer.office.test/ipp/print"),
    ] {
        ipp.push(tag);
        for text in [name, value] {
            ipp.extend_from_slice(&(text.len() as u16).to_be_bytes());
            ipp.extend_from_slice(text.as_bytes());
        }
    }
    ipp.push(3);
    let total = ipp.len() as u64 + size;
    let mut head = format!(
        "POST /ipp/print HTTP/1.1\r\nHost: {host}:631\r\nUser-Agent: CUPS/2.4\r\nContent-Type: application/ipp\r\nContent-Length: {total}\r\n\r\n"
    )
    .into_bytes();
    head.extend_from_slice(&ipp);
    let done = b"HTTP/1.1 200 OK\r\nServer: IPP\r\nContent-Type: application/ipp\r\nContent-Length: 9\r\n\r\n\x02\x00\x00\x00\x00\x00\x00\x01\x03";
    vec![
        Step::client(Content::with_body(head, Body::Noise, size, r.bits()), MS),
        Step::server(Content::bytes(done.to_vec()), 300 * MS),
    ]
}
