//! One UDP question and what the answer, or its lack, says of a port. Owns the asking twice; what is asked is `questions`', the pace is not
//! its matter.

use super::probe::{Answer, Transport, open_port, refusal};
use super::questions::question;
use std::io::Error;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;
use tokio::net::UdpSocket;
use tokio::time::timeout;

/// Bytes kept of an answer: what one frame of Ethernet carries.
const ANSWER_BYTES_MAX: usize = 1_500;
/// Datagrams get lost: silence is asked again once, within the same wait.
const TIMES: u32 = 2;

/// Asks, and waits for the answer or for the host's word that nobody listens. Where no question is known, an empty datagram is sent.
pub async fn ask(to: SocketAddr, wait: Duration) -> Answer {
    let known = question(to.port());
    let mut bytes = [0; ANSWER_BYTES_MAX];
    let length = match exchange(to, known.map_or(&[][..], |q| q.bytes), wait, &mut bytes).await {
        Ok(Some(length)) => length,
        Ok(None) => return Answer::Silent,
        Err(error) => return refusal(error),
    };
    // Words that nobody understands may be others each time: they would look like a change.
    let understood = known.and_then(|q| q.understand(&bytes[..length]).map(|words| (q.service.to_owned(), words)));
    let (name, text) = understood.map_or((None, String::new()), |(service, words)| (Some(service), words));
    Answer::Open(Box::new(open_port(Transport::Udp, to.port(), name, text)))
}

/// The length of the answer; None: silence. The socket is connected, so that others' datagrams do not come and a refusal does.
async fn exchange(to: SocketAddr, question: &[u8], wait: Duration, answer: &mut [u8]) -> Result<Option<usize>, Error> {
    let any: IpAddr = if to.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let socket = UdpSocket::bind((any, 0)).await?;
    socket.connect(to).await?;
    // On loopback the system may have given the very port that is asked: nobody else has it.
    if socket.local_addr()? == to {
        return Err(std::io::ErrorKind::ConnectionRefused.into());
    }
    for _ in 0..TIMES {
        socket.send(question).await?;
        if let Ok(received) = timeout(wait / TIMES, socket.recv(answer)).await {
            return received.map(Some);
        }
    }
    Ok(None)
}
