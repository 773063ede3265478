//! What is asked of a UDP port: for the usual services a harmless request of their own standard, so that they answer. Owns the bytes, their
//! sources and what an answer looks like; sends nothing. One more service is one more entry.
//!
//! Left out on purpose: TFTP and others that answer from a new port (a connected socket does not hear it), requests that need a secret
//! (RADIUS), and control systems (BACnet, EtherNet/IP), which are known to stumble.

use super::probe::cleaned;

/// A request of one protocol.
pub struct Question {
    /// Where it is asked.
    pub port: u16,
    /// The service's registered name.
    pub service: &'static str,
    /// Where the request is written down.
    #[cfg_attr(not(test), expect(dead_code, reason = "for readers, and for the test that each entry has it"))]
    pub source: &'static str,
    /// The request.
    pub bytes: &'static [u8],
    /// What an answer of that protocol tells of the program, often nothing; None: it is no such answer. Only words that stay the
    /// same from scan to scan.
    pub read: fn(&[u8]) -> Option<String>,
}

impl Question {
    /// What an answer tells; None: it is of another protocol, or an echo.
    pub fn understand(&self, answer: &[u8]) -> Option<String> {
        if answer == self.bytes { None } else { (self.read)(answer) }
    }
}

/// The first two bytes of requests that have a number; answers repeat it.
const NUMBER: [u8; 2] = *b"TL";
/// Bytes before the question in DNS, NetBIOS and mDNS.
const HEADER: usize = 12;

/// By port.
pub static QUESTIONS: &[Question] = &[
    Question {
        port: 53,
        service: "domain",
        source: "RFC 1035 4.1, RFC 4892 2: version.bind CH TXT",
        bytes: b"TL\0\0\0\x01\0\0\0\0\0\0\x07version\x04bind\0\0\x10\0\x03",
        read: version_bind,
    },
    Question {
        port: 111,
        service: "sunrpc",
        source: "RFC 5531 9, RFC 1833 3: NULL of program 100000",
        bytes: b"TL\0\0\0\0\0\0\0\0\0\x02\0\x01\x86\xA0\0\0\0\x02\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
        read: |a| (a.len() >= 24 && a[..8] == *b"TL\0\0\0\0\0\x01").then(String::new),
    },
    Question {
        port: 123,
        service: "ntp",
        source: "RFC 5905 7.3: client, version 4",
        bytes: b"\x23\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0TL\0\0\0\0\0\x01",
        read: |a| (a.len() >= 48 && a[0] & 7 == 4).then(String::new),
    },
    Question {
        port: 137,
        service: "netbios-ns",
        source: "RFC 1002 4.2.17: node status",
        bytes: b"TL\0\0\0\x01\0\0\0\0\0\0\x20CKAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\0\0\x21\0\x01",
        read: netbios_name,
    },
    Question {
        port: 161,
        service: "snmp",
        source: "RFC 3414 4, RFC 3412 6: discovery of the engine, which needs no community",
        bytes: b"\x30\x37\x02\x01\x03\x30\x0D\x02\x01\x01\x02\x02\x05\xC0\x04\x01\x04\x02\x01\x03\
                 \x04\x10\x30\x0E\x04\0\x02\x01\0\x02\x01\0\x04\0\x04\0\x04\0\
                 \x30\x11\x04\0\x04\0\xA0\x0B\x02\x01\x01\x02\x01\0\x02\x01\0\x30\0",
        read: |a| (a.first() == Some(&0x30) && a.windows(3).take(8).any(|w| w == [2, 1, 3])).then(String::new),
    },
    Question {
        port: 443,
        service: "quic",
        source: "RFC 9000 6 and 15, RFC 8999 5: a reserved version, which asks for those that are spoken",
        bytes: &VERSION_NEGOTIATION,
        read: |a| (a.len() > 6 && a[0] & 0x80 != 0 && a[1..5] == [0; 4]).then(String::new),
    },
    Question {
        port: 1900,
        service: "ssdp",
        source: "UPnP Device Architecture 1.1, 1.3.2",
        bytes: b"M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nMAN: \"ssdp:discover\"\r\nMX: 1\r\nST: upnp:rootdevice\r\n\r\n",
        read: |a| a.starts_with(b"HTTP/1.").then(|| header(a, &["server"])),
    },
    Question {
        port: 3478,
        service: "stun",
        source: "RFC 8489 5: Binding",
        bytes: b"\0\x01\0\0\x21\x12\xA4\x42tripline\0\0\0\x01",
        read: |a| (a.len() >= 20 && a[..2] == [1, 1] && a[4..8] == [0x21, 0x12, 0xA4, 0x42]).then(String::new),
    },
    Question {
        port: 5060,
        service: "sip",
        source: "RFC 3261 11: OPTIONS, for the first hop itself",
        bytes: b"OPTIONS sip:tripline@invalid SIP/2.0\r\nVia: SIP/2.0/UDP invalid;branch=z9hG4bKtripline;rport\r\n\
                 Max-Forwards: 0\r\nTo: <sip:tripline@invalid>\r\nFrom: <sip:tripline@invalid>;tag=tripline\r\n\
                 Call-ID: tripline@invalid\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n",
        read: |a| a.starts_with(b"SIP/2.0 ").then(|| header(a, &["server", "user-agent"])),
    },
    Question {
        port: 5353,
        service: "mdns",
        source: "RFC 6762 5.5, RFC 6763 9: which services there are, to be answered directly",
        bytes: b"\0\0\0\0\0\x01\0\0\0\0\0\0\x09_services\x07_dns-sd\x04_udp\x05local\0\0\x0C\x80\x01",
        read: |a| (a.len() >= HEADER && a[2] & 0x80 != 0).then(String::new),
    },
    Question {
        port: 5683,
        service: "coap",
        source: "RFC 7252 4.3: ping",
        bytes: b"\x40\0TL",
        read: |a| (a == b"\x70\0TL").then(String::new),
    },
    Question {
        port: 11_211,
        service: "memcache",
        source: "memcached doc/protocol.txt, UDP protocol: version",
        bytes: b"TL\0\0\0\x01\0\0version\r\n",
        read: |a| (a.starts_with(&NUMBER) && a.get(8..)?.starts_with(b"VERSION ")).then(|| cleaned(&a[8..])),
    },
];

/// A long header of a version that nobody speaks, as long as the first packet of a connection must be.
const VERSION_NEGOTIATION: [u8; 1_200] = {
    let head = *b"\xC0\x1A\x2A\x3A\x4A\x08tripline\x08tripline";
    let mut bytes = [0; 1_200];
    let mut i = 0;
    while i < head.len() {
        bytes[i] = head[i];
        i += 1;
    }
    bytes
};

/// The request for a port; None: nothing is known to be asked there.
pub fn question(port: u16) -> Option<&'static Question> {
    QUESTIONS.iter().find(|question| question.port == port)
}

/// The server's own name for its version, where it tells one.
fn version_bind(answer: &[u8]) -> Option<String> {
    let head = answer.get(..HEADER)?;
    if head[..2] != NUMBER || head[2] & 0x80 == 0 {
        return None;
    }
    let answered = head[3] & 0x0F == 0 && head[6..8] != [0, 0];
    Some(answered.then(|| first_text(answer)).flatten().unwrap_or_default())
}

/// The first text of the first record, which is a TXT. The question before it is ours.
fn first_text(answer: &[u8]) -> Option<String> {
    let mut rest = answer.get(question(53)?.bytes.len()..)?;
    loop {
        let length = usize::from(*rest.first()?);
        // A pointer ends a name, as its root does.
        let step = if length & 0xC0 == 0 { 1 + length } else { 2 };
        rest = rest.get(step..)?;
        if length == 0 || step == 2 && length & 0xC0 != 0 {
            break;
        }
    }
    // Type, class, time to live and length come first.
    let (head, text) = rest.split_at_checked(10)?;
    let length = usize::from(*text.first()?);
    (head[..2] == [0, 16]).then(|| text.get(1..=length).map(cleaned)).flatten()
}

/// The name of the computer: the first of its table that is its own and stands for the computer.
fn netbios_name(answer: &[u8]) -> Option<String> {
    const NAME_BYTES: usize = 15;
    // The question's name comes again, then type, class, time to live and length.
    const TABLE: usize = HEADER + 34 + 10;
    let head = answer.get(..HEADER)?;
    let count = usize::from(*answer.get(TABLE)?);
    if head[..2] != NUMBER || head[2] & 0x80 == 0 {
        return None;
    }
    let mut entries = answer[TABLE + 1..].chunks_exact(NAME_BYTES + 3).take(count);
    let own = entries.find(|entry| entry[NAME_BYTES] == 0 && entry[NAME_BYTES + 1] & 0x80 == 0);
    Some(own.map(|entry| cleaned(&entry[..NAME_BYTES])).unwrap_or_default())
}

/// The value of the first of these header lines that is there.
fn header(answer: &[u8], names: &[&str]) -> String {
    let of = |line: &[u8]| {
        let colon = line.iter().position(|byte| *byte == b':')?;
        let name = line[..colon].trim_ascii().to_ascii_lowercase();
        names.iter().any(|wanted| name == wanted.as_bytes()).then(|| cleaned(line[colon + 1..].trim_ascii()))
    };
    answer.split(|byte| *byte == b'\n').find_map(of).unwrap_or_default()
}

#[cfg(test)]
mod tests;
