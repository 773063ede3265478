//! `tripline health`: asks a running Tripline whether it answers. For containers and service managers, which have no curl. Owns the one
//! request; what healthy means is the running process's business.

use crate::cli::Common;
use crate::config::{Config, data_dir};
use crate::failure::{EXIT_DONE, EXIT_FOUND, Failure, Result};
use clap::Args;
use std::io::{Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

/// Most bytes of an answer that are looked at.
const ANSWER_BYTES_MAX: u64 = 4_096;
const PLAIN: &str = "http";
const TLS: &str = "https";

/// What is written to and read from.
trait Connection: Read + Write {}
impl<T: Read + Write> Connection for T {}

/// Where it answers while it lives, and where once it is ready to work.
const ALIVE: &str = "/healthz";
const READY: &str = "/healthz?ready=true";

/// `health`.
#[derive(Debug, Clone, Args)]
pub struct HealthArgs {
    /// Address of the running process [default: http:// and serve.listen]
    #[arg(long, value_name = "URL")]
    pub url: Option<String>,
    /// Ask whether sources and store are open, not only whether it lives
    #[arg(long)]
    pub ready: bool,
    /// Longest wait for the answer
    #[arg(long, value_name = "SECONDS", default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..=60))]
    pub timeout_s: u64,
}

/// Exit code 0 when it answers, 1 when it does not.
pub fn run(common: &Common, args: &HealthArgs) -> Result<u8> {
    let (scheme, host) = match &args.url {
        Some(url) => host_of(url)?,
        None => listen(common)?,
    };
    let path = if args.ready { READY } else { ALIVE };
    match ask((scheme, &host), path, Duration::from_secs(args.timeout_s)) {
        Ok(said) => {
            println!("{scheme}://{host}{path}: {said}");
            Ok(EXIT_DONE)
        }
        Err(why) => {
            eprintln!("tripline: {scheme}://{host}{path}: {why}");
            Ok(EXIT_FOUND)
        }
    }
}

/// Where `run` with the same settings listens.
fn listen(common: &Common) -> Result<(&'static str, String)> {
    let dashboards = data_dir(common).ok().filter(|dir| dir.join(crate::settings::file::NAME).exists());
    let config = match dashboards {
        Some(dir) => Config::load_in(common, &dir)?,
        None => Config::load(common)?,
    };
    let scheme = if config.serve.tls.is_set() { TLS } else { PLAIN };
    Ok((scheme, config.serve.listen.to_string()))
}

fn host_of(url: &str) -> Result<(&'static str, String)> {
    let found = [PLAIN, TLS].into_iter().find_map(|scheme| {
        let rest = url.strip_prefix(scheme)?.strip_prefix("://")?.trim_end_matches('/');
        Some((scheme, rest.to_owned()))
    });
    found.filter(|(_, host)| !host.is_empty() && !host.contains('/') && host.contains(':')).ok_or_else(|| {
        Failure::new(format!(
            "--url {url}: write http://HOST:PORT or https://HOST:PORT, the dashboard's address without a path"
        ))
    })
}

/// The first line of a good answer.
fn ask((scheme, host): (&str, &str), path: &str, limit: Duration) -> std::result::Result<String, String> {
    let words = |e: std::io::Error| e.to_string();
    let address = host.to_socket_addrs().map_err(words)?.next().ok_or("no address")?;
    let stream = TcpStream::connect_timeout(&address, limit).map_err(words)?;
    stream.set_read_timeout(Some(limit)).map_err(words)?;
    stream.set_write_timeout(Some(limit)).map_err(words)?;
    let mut stream: Box<dyn Connection> =
        if scheme == TLS { Box::new(super::health_tls::connect(stream)?) } else { Box::new(stream) };
    write!(stream, "GET {path} HTTP/1.0\r\nHost: {host}\r\nConnection: close\r\n\r\n").map_err(words)?;
    let mut answer = String::new();
    // TLS that ends without saying so has said all.
    let read = stream.take(ANSWER_BYTES_MAX).read_to_string(&mut answer);
    if answer.is_empty() {
        read.map_err(words)?;
    }
    let (head, body) = answer.split_once("\r\n\r\n").ok_or("the answer is no HTTP")?;
    let status = head.split_whitespace().nth(1).unwrap_or_default();
    if status == "200" { Ok(body.trim().to_owned()) } else { Err(format!("status {status}")) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::net::TcpListener;

    fn answering(answer: &'static str) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let host = listener.local_addr().unwrap().to_string();
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            // All of it, however it is cut: what is left unread would break the connection.
            let (mut asked, mut part) = (Vec::new(), [0; 1_024]);
            while !asked.ends_with(b"\r\n\r\n") {
                let read = stream.read(&mut part).unwrap();
                asked.extend_from_slice(&part[..read]);
            }
            stream.write_all(answer.as_bytes()).unwrap();
        });
        host
    }

    #[test]
    fn only_a_good_answer_is_good() {
        let limit = Duration::from_secs(5);
        assert_eq!(ask((PLAIN, &answering("HTTP/1.0 200 OK\r\n\r\nok\n")), ALIVE, limit).unwrap(), "ok");
        assert_eq!(
            ask((PLAIN, &answering("HTTP/1.0 503 Service Unavailable\r\n\r\nno")), READY, limit).unwrap_err(),
            "status 503"
        );
        assert!(ask((PLAIN, &answering("220 mail.example ESMTP\r\n")), ALIVE, limit).unwrap_err().contains("no HTTP"));
        let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
        assert!(ask((PLAIN, &closed), ALIVE, limit).unwrap_err().contains("refused"));
    }

    #[test]
    fn addresses_are_an_host_and_a_port() {
        assert_eq!(host_of("http://127.0.0.1:7070/").unwrap(), (PLAIN, "127.0.0.1:7070".to_owned()));
        assert_eq!(host_of("https://[::1]:7070").unwrap(), (TLS, "[::1]:7070".to_owned()));
        for wrong in ["ftp://127.0.0.1:7070", "127.0.0.1:7070", "http://host", "http://", "http://h:1/healthz"] {
            assert!(host_of(wrong).unwrap_err().to_string().contains("http://HOST:PORT"), "{wrong}");
        }
    }
}
