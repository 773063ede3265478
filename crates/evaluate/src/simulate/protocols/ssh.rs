//! SSH (RFC 4253): banners, algorithm negotiation, curve25519 key exchange, then encrypted packets.
//! Owns message sizes of log-ins, terminals and failed guesses; what is encrypted is noise.

use super::super::content::{Body, Content};
use super::super::random::Random;
use super::super::tcp::{CLIENT, Dialogue, SERVER, Step};
use std::collections::VecDeque;

const MS: i64 = 1_000_000;
pub(in super::super) const OPENSSH: &str = "SSH-2.0-OpenSSH_9.6";
/// What guessing tools say.
pub(in super::super) const LIBSSH: &str = "SSH-2.0-libssh_0.10.6";

/// A binary packet in the clear: length, padding length, payload, padding to a multiple of eight.
fn packet(payload: &[u8], r: &mut Random) -> Vec<u8> {
    let padding = 4 + (8 - (payload.len() + 9) % 8) % 8;
    let mut out = ((payload.len() + padding + 1) as u32).to_be_bytes().to_vec();
    out.push(padding as u8);
    out.extend_from_slice(payload);
    out.extend_from_slice(&r.bytes(padding));
    out
}

fn string(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend_from_slice(&(bytes.len() as u32).to_be_bytes());
    out.extend_from_slice(bytes);
}

fn key_exchange_init(r: &mut Random) -> Vec<u8> {
    const CIPHERS: &str = "chacha20-poly1305@openssh.com,aes128-ctr,aes256-ctr,aes128-gcm@openssh.com";
    const MACS: &str = "hmac-sha2-256-etm@openssh.com,hmac-sha2-512-etm@openssh.com,hmac-sha2-256";
    let mut out = vec![20];
    out.extend_from_slice(&r.bytes(16));
    let lists = [
        "curve25519-sha256,curve25519-sha256@libssh.org,ecdh-sha2-nistp256",
        "ssh-ed25519,rsa-sha2-512,rsa-sha2-256",
        CIPHERS,
        CIPHERS,
        MACS,
        MACS,
        "none,zlib@openssh.com",
        "none,zlib@openssh.com",
        "",
        "",
    ];
    for list in lists {
        string(&mut out, list.as_bytes());
    }
    out.extend_from_slice(&[0; 5]);
    packet(&out, r)
}

/// Everything up to and including the new keys.
fn open(banner: &str, r: &mut Random) -> Vec<Step> {
    let mut ecdh = vec![30];
    string(&mut ecdh, &r.bytes(32));
    let mut host_key = Vec::new();
    string(&mut host_key, b"ssh-ed25519");
    string(&mut host_key, &r.bytes(32));
    let mut signature = Vec::new();
    string(&mut signature, b"ssh-ed25519");
    string(&mut signature, &r.bytes(64));
    let mut reply = vec![31];
    string(&mut reply, &host_key);
    string(&mut reply, &r.bytes(32));
    string(&mut reply, &signature);
    let mut answer = packet(&reply, r);
    answer.extend_from_slice(&packet(&[21], r));
    vec![
        Step::client(Content::bytes(format!("{banner}\r\n").into_bytes()), MS),
        Step::server(Content::bytes(format!("{OPENSSH}\r\n").into_bytes()), r.jitter_ns(8 * MS, 0.4)),
        Step::client(Content::bytes(key_exchange_init(r)), MS),
        Step::server(Content::bytes(key_exchange_init(r)), MS),
        Step::client(Content::bytes(packet(&ecdh, r)), 2 * MS),
        Step::server(Content::bytes(answer), r.jitter_ns(5 * MS, 0.3)),
        Step::client(Content::bytes(packet(&[21], r)), 3 * MS),
    ]
}

fn sealed(from: usize, size: u64, delay_ns: i64, r: &mut Random) -> Step {
    Step { from, content: Content::with_body(Vec::new(), Body::Noise, size, r.bits()), delay_ns }
}

/// A guessing attempt: service request and `tries` refused passwords, each refused slowly.
pub(in super::super) fn guess(tries: usize, r: &mut Random) -> Vec<Step> {
    let mut steps = open(LIBSSH, r);
    steps.push(sealed(CLIENT, 44, MS, r));
    steps.push(sealed(SERVER, 44, MS, r));
    for _ in 0..tries {
        steps.push(sealed(CLIENT, 84 + 16 * r.below(2) as u64, r.jitter_ns(20 * MS, 0.4), r));
        let refusal = r.jitter_ns(350 * MS, 0.3);
        steps.push(sealed(SERVER, 52, refusal, r));
    }
    steps
}

/// A terminal: log-in, then key strokes with echoes and now and then the output of a command, produced as it goes.
#[derive(Debug)]
pub(in super::super) struct Terminal {
    queue: VecDeque<Step>,
    commands_left: usize,
}

impl Terminal {
    /// A session of about so many commands.
    pub(in super::super) fn new(commands: usize, r: &mut Random) -> Self {
        let mut queue: VecDeque<Step> = open(OPENSSH, r).into();
        for (from, size, delay) in [
            (CLIENT, 44, 2),
            (SERVER, 44, 1),
            (CLIENT, 372, 4),
            (SERVER, 324, 3),
            (CLIENT, 620, 6),
            (SERVER, 28, 5),
            (CLIENT, 112, 2),
            (SERVER, 500, 20),
            (CLIENT, 44, 4),
            (SERVER, 204, 30),
        ] {
            let delay = r.jitter_ns(delay * MS, 0.4);
            queue.push_back(sealed(from, size, delay, r));
        }
        Self { queue, commands_left: commands }
    }

    fn command(&mut self, r: &mut Random) {
        for i in 0..4 + r.below(20) {
            let pause = if i == 0 { r.jitter_ns(4_000 * MS, 1.0) } else { r.jitter_ns(160 * MS, 0.6) };
            self.queue.push_back(sealed(CLIENT, 36, pause, r));
            self.queue.push_back(sealed(SERVER, 36, MS, r));
        }
        let output = r.pareto(60.0, 0.9, 60_000.0) as u64;
        self.queue.push_back(sealed(SERVER, 36 + output / 4 * 4, 15 * MS, r));
    }
}

impl Dialogue for Terminal {
    fn next_step(&mut self, r: &mut Random) -> Option<Step> {
        if self.queue.is_empty() && self.commands_left > 0 {
            self.commands_left -= 1;
            self.command(r);
        }
        self.queue.pop_front()
    }
}
