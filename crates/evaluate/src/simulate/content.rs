//! What a TCP message consists of, produced range by range, so that an upload of hundreds of megabytes needs no memory
//! and a retransmitted range has the same bytes. Knows no segment and no time.

use super::random::Random;

/// Size of each pool; a power of two.
const POOL_BYTES: usize = 1 << 16;
/// Plain bytes in a full TLS record (RFC 8446), with the inner type and the tag that encryption adds.
const RECORD_PLAIN: u64 = 16_384;
const RECORD_SEALED: u64 = RECORD_PLAIN + 17;
const RECORD_WIRE: u64 = RECORD_SEALED + 5;

/// Byte pools that bodies are cut from.
#[derive(Debug)]
pub(super) struct Pools {
    noise: Vec<u8>,
    text: Vec<u8>,
}

impl Pools {
    /// Pools of one simulation.
    pub(super) fn new(random: &mut Random) -> Self {
        const WORDS: [&str; 16] = [
            "the ",
            "quarterly ",
            "report ",
            "of ",
            "network ",
            "and ",
            "office ",
            "plan ",
            "for ",
            "<p>",
            "</p>\n",
            "table ",
            "value ",
            "is ",
            "updated ",
            "weekly.\n",
        ];
        let mut text = Vec::with_capacity(POOL_BYTES + 16);
        while text.len() < POOL_BYTES {
            text.extend_from_slice(random.pick(&WORDS).as_bytes());
        }
        text.truncate(POOL_BYTES);
        Self { noise: random.bytes(POOL_BYTES), text }
    }

    /// Up to half a pool of noise, from a place chosen by `salt`.
    pub(super) fn noise(&self, salt: u64, len: usize) -> &[u8] {
        let at = salt as usize % (POOL_BYTES / 2);
        &self.noise[at..at + len.min(POOL_BYTES / 2)]
    }

    /// Appends `len` bytes of a pool as a stream with period `POOL_BYTES`.
    fn cut(pool: &[u8], at: u64, mut len: usize, out: &mut Vec<u8>) {
        let mut at = at as usize & (POOL_BYTES - 1);
        while len > 0 {
            let n = len.min(POOL_BYTES - at);
            out.extend_from_slice(&pool[at..at + n]);
            len -= n;
            at = 0;
        }
    }
}

/// How the bytes after the head look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Body {
    /// Encrypted or compressed.
    Noise,
    /// Words.
    Text,
    /// TLS application data records.
    TlsRecords,
}

/// One message: literal bytes, then a body of a given length.
#[derive(Clone, Debug)]
pub(super) struct Content {
    head: Vec<u8>,
    body: Body,
    body_len: u64,
    salt: u64,
}

impl Content {
    /// Literal bytes only.
    pub(super) fn bytes(head: Vec<u8>) -> Self {
        Self { head, body: Body::Noise, body_len: 0, salt: 0 }
    }
    /// Literal bytes and a body; `salt` chooses where in the pool the body begins.
    pub(super) fn with_body(head: Vec<u8>, body: Body, body_len: u64, salt: u64) -> Self {
        Self { head, body, body_len, salt: salt & 0xffff }
    }
    /// `plain` bytes in TLS application data records, after literal bytes.
    pub(super) fn tls(head: Vec<u8>, plain: u64, salt: u64) -> Self {
        let records = plain.max(1).div_ceil(RECORD_PLAIN);
        Self { head, body: Body::TlsRecords, body_len: plain.max(1) + records * 22, salt: salt & 0xffff }
    }
    /// Bytes on the wire.
    pub(super) fn len(&self) -> u64 {
        self.head.len() as u64 + self.body_len
    }

    /// Appends the bytes `offset..offset + len`; the caller stays inside `len()`.
    pub(super) fn fill(&self, pools: &Pools, offset: u64, len: usize, out: &mut Vec<u8>) {
        let head = self.head.len() as u64;
        let from_head = len.min(head.saturating_sub(offset) as usize);
        if from_head > 0 {
            out.extend_from_slice(&self.head[offset as usize..offset as usize + from_head]);
        }
        let (at, len) = ((offset + from_head as u64).saturating_sub(head), len - from_head);
        match self.body {
            Body::Noise => Pools::cut(&pools.noise, self.salt + at, len, out),
            Body::Text => Pools::cut(&pools.text, self.salt + at, len, out),
            Body::TlsRecords => self.fill_records(pools, at, len, out),
        }
    }

    fn fill_records(&self, pools: &Pools, mut at: u64, mut len: usize, out: &mut Vec<u8>) {
        while len > 0 {
            let (record, inside) = (at / RECORD_WIRE, at % RECORD_WIRE);
            let sealed = RECORD_SEALED.min(self.body_len - record * RECORD_WIRE - 5);
            let n = if inside < 5 {
                let size = (sealed as u16).to_be_bytes();
                let header = [0x17, 3, 3, size[0], size[1]];
                let n = len.min(5 - inside as usize);
                out.extend_from_slice(&header[inside as usize..inside as usize + n]);
                n
            } else {
                let n = len.min((sealed + 5 - inside) as usize);
                Pools::cut(&pools.noise, self.salt + at, n, out);
                n
            };
            at += n as u64;
            len -= n;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_join_to_the_same_bytes_and_records_have_right_lengths() {
        let pools = Pools::new(&mut Random::new(1));
        let content = Content::tls(b"head".to_vec(), 40_000, 99);
        let total = content.len() as usize;
        let (mut whole, mut parts) = (Vec::new(), Vec::new());
        content.fill(&pools, 0, total, &mut whole);
        for start in (0..total).step_by(1000) {
            content.fill(&pools, start as u64, 1000.min(total - start), &mut parts);
        }
        assert_eq!(whole, parts);
        let (mut at, mut plain) = (4, 0);
        while at < total {
            assert_eq!(whole[at..at + 3], [0x17, 3, 3]);
            let size = usize::from(u16::from_be_bytes([whole[at + 3], whole[at + 4]]));
            plain += size - 17;
            at += 5 + size;
        }
        assert_eq!((at, plain), (total, 40_000));
    }
}
