//! SMB 3.1.1 over TCP port 445 (MS-SMB2): negotiation and log-in headers in the clear, then sealed messages whose sizes
//! are those of directory listings, reads and writes. Owns the framing; sealed content is noise.

use super::super::content::{Body, Content};
use super::super::random::Random;
use super::super::tcp::{CLIENT, Dialogue, SERVER, Step};
use std::collections::VecDeque;

const MS: i64 = 1_000_000;
/// Bytes a client reads or writes at once.
const CHUNK: u64 = 1 << 20;

/// Puts the direct-TCP length before a message.
fn framed(message: &[u8]) -> Vec<u8> {
    let mut out = (message.len() as u32).to_be_bytes().to_vec();
    out.extend_from_slice(message);
    out
}

/// An SMB2 header (64 bytes).
fn header(command: u16, response: bool, message_id: u64, status: u32, session: u64) -> Vec<u8> {
    let mut h = vec![0xfe, b'S', b'M', b'B', 64, 0, 1, 0];
    h.extend_from_slice(&status.to_le_bytes());
    h.extend_from_slice(&command.to_le_bytes());
    h.extend_from_slice(&31u16.to_le_bytes());
    h.extend_from_slice(&u32::from(response).to_le_bytes());
    h.extend_from_slice(&0u32.to_le_bytes());
    h.extend_from_slice(&message_id.to_le_bytes());
    h.extend_from_slice(&[0xff, 0xfe, 0, 0, 0, 0, 0, 0]);
    h.extend_from_slice(&session.to_le_bytes());
    h.extend_from_slice(&[0; 16]);
    h
}

fn negotiate_request(r: &mut Random) -> Vec<u8> {
    let mut m = header(0, false, 0, 0, 0);
    m.extend_from_slice(&[36, 0, 2, 0, 1, 0, 0, 0, 0x7f, 0, 0, 0]);
    m.extend_from_slice(&r.bytes(16));
    m.extend_from_slice(&[0; 8]);
    m.extend_from_slice(&[0x00, 0x03, 0x02, 0x03]); // dialects 3.0 and 3.0.2
    framed(&m)
}

fn negotiate_response(r: &mut Random) -> Vec<u8> {
    let mut m = header(0, true, 0, 0, 0);
    m.extend_from_slice(&[65, 0, 1, 0, 0x02, 0x03, 0, 0]);
    m.extend_from_slice(&r.bytes(16));
    m.extend_from_slice(&[0x6f, 0, 0, 0]);
    for _ in 0..3 {
        m.extend_from_slice(&(8u32 << 20).to_le_bytes());
    }
    m.extend_from_slice(&133_540_000_000_000_000u64.to_le_bytes());
    m.extend_from_slice(&[0; 8]);
    m.extend_from_slice(&[128, 0, 0, 0, 0, 0, 0, 0]); // empty security buffer
    framed(&m)
}

/// The NTLMSSP message (MS-NLMP) of each log-in step, with empty fields where the content does not matter.
fn ntlm(step: u32, r: &mut Random) -> Vec<u8> {
    let mut m = b"NTLMSSP\0".to_vec();
    m.extend_from_slice(&step.to_le_bytes());
    let empty = |m: &mut Vec<u8>, at: u32| {
        m.extend_from_slice(&[0; 4]);
        m.extend_from_slice(&at.to_le_bytes());
    };
    let flags = 0x0008_8207u32.to_le_bytes();
    match step {
        1 => {
            m.extend_from_slice(&flags);
            empty(&mut m, 32);
            empty(&mut m, 32);
        }
        2 => {
            empty(&mut m, 48);
            m.extend_from_slice(&flags);
            m.extend_from_slice(&r.bytes(8));
            m.extend_from_slice(&[0; 8]);
            empty(&mut m, 48);
        }
        _ => {
            (0..6).for_each(|_| empty(&mut m, 64));
            m.extend_from_slice(&flags);
        }
    }
    m
}

fn session_setup(id: u64, step: u32, session: u64, r: &mut Random) -> Vec<u8> {
    let blob = ntlm(step, r);
    let mut m = header(1, false, id, 0, session);
    m.extend_from_slice(&[25, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 88, 0]);
    m.extend_from_slice(&(blob.len() as u16).to_le_bytes());
    m.extend_from_slice(&[0; 8]);
    m.extend_from_slice(&blob);
    framed(&m)
}

fn session_answer(id: u64, more: bool, session: u64, r: &mut Random) -> Vec<u8> {
    let blob = if more { ntlm(2, r) } else { Vec::new() };
    let mut m = header(1, true, id, if more { 0xc000_0016 } else { 0 }, session);
    m.extend_from_slice(&[9, 0, 0, 0, 72, 0]);
    m.extend_from_slice(&(blob.len() as u16).to_le_bytes());
    m.extend_from_slice(if blob.is_empty() { &[0] } else { &blob });
    framed(&m)
}

/// A sealed message of `size` plain bytes behind a transform header.
fn sealed(from: usize, session: u64, size: u64, delay_ns: i64, r: &mut Random) -> Step {
    let mut head = ((52 + size) as u32).to_be_bytes().to_vec();
    head.extend_from_slice(&[0xfd, b'S', b'M', b'B']);
    head.extend_from_slice(&r.bytes(27));
    head.extend_from_slice(&[0; 5]);
    head.extend_from_slice(&(size as u32).to_le_bytes());
    head.extend_from_slice(&[0, 0, 1, 0]);
    head.extend_from_slice(&session.to_le_bytes());
    Step { from, content: Content::with_body(head, Body::Noise, size, r.bits()), delay_ns }
}

/// A client's session with a file server: log-in, then a few files read or written in chunks, produced as it goes.
#[derive(Debug)]
pub(in super::super) struct Files {
    queue: VecDeque<Step>,
    session: u64,
    /// Files still to come.
    rest: usize,
    /// Bytes of the current file still to move.
    bytes_left: u64,
    upload: bool,
    median_bytes: f64,
}

impl Files {
    /// `files` files of about `median_bytes` each, from the server or to it.
    pub(in super::super) fn new(files: usize, median_bytes: f64, upload: bool, r: &mut Random) -> Self {
        let session = r.bits() | 1;
        let mut queue = VecDeque::new();
        let step = |from, bytes| Step { from, content: Content::bytes(bytes), delay_ns: MS };
        queue.push_back(step(CLIENT, negotiate_request(r)));
        queue.push_back(step(SERVER, negotiate_response(r)));
        queue.push_back(step(CLIENT, session_setup(1, 1, 0, r)));
        queue.push_back(step(SERVER, session_answer(1, true, session, r)));
        queue.push_back(step(CLIENT, session_setup(2, 3, session, r)));
        queue.push_back(step(SERVER, session_answer(2, false, session, r)));
        for size in [(98, 80), (160, 156), (190, 420)] {
            queue.push_back(sealed(CLIENT, session, size.0, MS, r));
            queue.push_back(sealed(SERVER, session, size.1, MS, r));
        }
        Self { queue, session, rest: files, bytes_left: 0, upload, median_bytes }
    }

    fn refill(&mut self, r: &mut Random) {
        if self.bytes_left == 0 {
            if self.rest == 0 {
                return;
            }
            self.rest -= 1;
            self.bytes_left = r.log_normal(self.median_bytes, 1.4).clamp(64.0, 8e9) as u64;
            let think = r.jitter_ns(40 * MS, 1.5);
            self.queue.push_back(sealed(CLIENT, self.session, 260, think, r));
            self.queue.push_back(sealed(SERVER, self.session, 244, MS, r));
        }
        let chunk = self.bytes_left.min(CHUNK);
        self.bytes_left -= chunk;
        let (up, down) = if self.upload { (112 + chunk, 84) } else { (117, 80 + chunk) };
        self.queue.push_back(sealed(CLIENT, self.session, up, MS / 2, r));
        self.queue.push_back(sealed(SERVER, self.session, down, MS, r));
    }
}

impl Dialogue for Files {
    fn next_step(&mut self, r: &mut Random) -> Option<Step> {
        if self.queue.is_empty() {
            self.refill(r);
        }
        self.queue.pop_front()
    }
}
