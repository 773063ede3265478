//! Each question is well made, and answers as their standards write them are understood; others are not.
#![allow(clippy::unwrap_used)]

use super::*;

fn read(port: u16, answer: &[u8]) -> Option<String> {
    question(port).unwrap().understand(answer)
}

#[test]
fn every_entry_is_whole() {
    assert!(QUESTIONS.is_sorted_by(|a, b| a.port < b.port), "by port, each once");
    // What their standards make of them.
    for (port, length) in [(53, 30), (111, 40), (123, 48), (137, 50), (161, 57), (443, 1_200), (3_478, 20), (5_353, 46)]
    {
        assert_eq!(question(port).unwrap().bytes.len(), length, "{port}");
    }
    for port in [1_900, 5_060] {
        assert!(question(port).unwrap().bytes.ends_with(b"\r\n\r\n"), "{port}");
    }
    for entry in QUESTIONS {
        assert!(!entry.service.is_empty() && entry.source.len() > 10, "{}", entry.port);
        // What is asked is no answer to itself: a mirror is no service.
        assert_eq!(entry.understand(entry.bytes), None, "{}", entry.service);
        // Nothing that comes can end the scan.
        let mut random = 1_u32;
        let mut noise = [0_u8; 300];
        for byte in &mut noise {
            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            *byte = (random >> 24) as u8;
        }
        let mut like = entry.bytes.to_vec();
        like.iter_mut().skip(2).take(2).for_each(|byte| *byte |= 0x80);
        like.extend(noise);
        for length in 0..like.len() {
            let _ = entry.understand(&like[..length]);
            let _ = entry.understand(&noise[..length.min(noise.len())]);
        }
    }
    assert!(question(54).is_none());
}

/// A DNS answer to the question, with these flags and records.
fn dns(flags: [u8; 2], count: u8, records: &[u8]) -> Vec<u8> {
    let mut answer = question(53).unwrap().bytes.to_vec();
    answer[2..4].copy_from_slice(&flags);
    answer[7] = count;
    answer.extend_from_slice(records);
    answer
}

#[test]
fn dns_tells_its_version_where_it_has_one() {
    let record = b"\xC0\x0C\0\x10\0\x03\0\0\0\0\0\x0D\x0Cdnsmasq-2.90";
    assert_eq!(read(53, &dns([0x84, 0], 1, record)).unwrap(), "dnsmasq-2.90");
    let spelled = b"\x07version\x04bind\0\0\x10\0\x03\0\0\0\0\0\x02\x01x";
    assert_eq!(read(53, &dns([0x84, 0], 1, spelled)).unwrap(), "x");
    // Refused (5): a DNS server all the same.
    assert_eq!(read(53, &dns([0x80, 5], 0, b"")).unwrap(), "");
    assert_eq!(read(53, &dns([0x84, 0], 1, &record[..record.len() - 1])).unwrap(), "");
    assert_eq!(read(53, &dns([0, 0], 1, record)), None);
}

#[test]
fn other_answers_are_told_apart() {
    let mut netbios = question(137).unwrap().bytes.to_vec();
    netbios[2] = 0x84;
    netbios.extend(b"\0\0\0\0\0\x37\x02WORKGROUP      \0\x84\0PRINTER        \0\x04\0");
    assert_eq!(read(137, &netbios).unwrap(), "PRINTER");
    assert_eq!(read(5_683, b"\x70\0TL").unwrap(), "");
    assert_eq!(read(11_211, b"TL\0\0\0\x01\0\0VERSION 1.6.18\r\n").unwrap(), "VERSION 1.6.18");
    assert_eq!(read(1_900, b"HTTP/1.1 200 OK\r\nServer: Linux UPnP/1.1 x/2\r\n\r\n").unwrap(), "Linux UPnP/1.1 x/2");
    assert_eq!(read(5_060, b"SIP/2.0 200 OK\r\nUser-Agent: pbx 1\r\n\r\n").unwrap(), "pbx 1");
    assert_eq!(read(443, b"\xC0\0\0\0\0\x08tripline\x08tripline\0\0\0\x01").unwrap(), "");
    let mut ntp = [0_u8; 48];
    ntp[0] = 0x24;
    assert_eq!(read(123, &ntp).unwrap(), "");
    assert_eq!(read(123, &ntp[..47]), None);
    for entry in QUESTIONS {
        assert_eq!(entry.understand(b"SSH-2.0-x\r\n"), None, "{}", entry.service);
    }
}
