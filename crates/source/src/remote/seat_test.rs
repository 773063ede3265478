//! Senders on loopback: captures in pieces, bad ones, strangers, too many, and one that comes again.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::PcapWriter;
use record::LinkType;
use std::io::Write;
use std::net::{SocketAddr, TcpStream};

/// Looks at a seat before a test gives up; each takes at most a tenth of a second.
const LOOKS_MAX: usize = 200;

fn seats(connections_max: usize, allow: &[&str]) -> (Vec<RemoteSeat>, SocketAddr) {
    let allow = allow.iter().map(|net| (*net).to_owned()).collect();
    let listen = vec!["127.0.0.1:0".to_owned()];
    let seats = open_remote(&RemoteSettings { listen, allow, connections_max, ..RemoteSettings::default() }).unwrap();
    let at = seats[0].listens_at()[0].strip_prefix("tcp ").unwrap().parse().unwrap();
    (seats, at)
}

/// A capture of so many packets of now.
fn capture(packets: u8) -> Vec<u8> {
    let mut pcap = PcapWriter::new(Vec::new(), LinkType::ETHERNET, 65_535).unwrap();
    for n in 0..packets {
        pcap.write(now(), 60, &[n; 60]).unwrap();
    }
    pcap.finish().unwrap()
}

/// First bytes of packets until so many have come, or until `over`.
fn read(seat: &mut RemoteSeat, packets: usize, over: impl Fn(&SourceStats) -> bool) -> Vec<u8> {
    let (mut headers, mut found) = (Vec::new(), Vec::new());
    for _ in 0..LOOKS_MAX {
        let bytes = seat.next_batch(&mut headers).unwrap().unwrap();
        found.extend(headers.iter().map(|header| bytes[header.offset]));
        if found.len() >= packets && over(&seat.stats()) {
            return found;
        }
    }
    panic!("{found:?} of {packets}: {:?}", seat.stats());
}

fn always(_: &SourceStats) -> bool {
    true
}

fn is_over(stats: &SourceStats) -> bool {
    stats.peer.as_ref().is_some_and(|peer| !peer.connected)
}

#[test]
fn packets_come_as_they_are_sent_and_a_sender_that_comes_again_goes_on() {
    let (mut seats, at) = seats(2, &[]);
    let file = capture(3);
    let mut sender = TcpStream::connect(at).unwrap();
    sender.write_all(&file[..10]).unwrap();
    assert!(read(&mut seats[0], 0, always).is_empty());
    // The rest of the header, one packet and a part of the next.
    sender.write_all(&file[10..24 + 76 + 30]).unwrap();
    assert_eq!(read(&mut seats[0], 1, always), [0]);
    assert_eq!(seats[0].stats().peer, Some(Peer { name: "127.0.0.1".to_owned(), connected: true }));
    sender.write_all(&file[24 + 76 + 30..]).unwrap();
    drop(sender);
    assert_eq!(read(&mut seats[0], 2, is_over), [1, 2]);
    assert!(seats[0].stats().notes[0].contains("the sender closed it"), "{:?}", seats[0].stats().notes);

    TcpStream::connect(at).unwrap().write_all(&capture(2)).unwrap();
    assert_eq!(read(&mut seats[0], 2, is_over), [0, 1], "the seat that it had");
    let stats = seats[0].stats();
    assert_eq!((stats.packets, stats.bytes, stats.dropped.total()), (5, 300, 0));
    assert_eq!(seats[1].stats().peer, None);
}

#[test]
fn a_bad_stream_ends_itself_alone_and_is_counted_by_its_reason() {
    let (mut seats, at) = seats(2, &[]);
    let mut good = TcpStream::connect(at).unwrap();
    good.write_all(&capture(1)).unwrap();
    assert_eq!(read(&mut seats[0], 1, always), [0]);
    let mut damaged = capture(1);
    damaged.extend([0xff; 40]);
    for (bytes, reason) in [(damaged, "sender_damaged"), (b"GET / HTTP/1.1\r\n\r\n".to_vec(), "sender_not_a_capture")] {
        TcpStream::connect(at).unwrap().write_all(&bytes).unwrap();
        read(&mut seats[1], 0, |stats| is_over(stats) && stats.notes.len() == 1);
        assert_eq!(seats[0].stats().dropped.0.get(reason), Some(&1), "{:?}", seats[0].stats().dropped);
        // The next one's peer is known only when it sits.
        seats[1].peer = None;
    }
    drop(TcpStream::connect(at).unwrap());
    read(&mut seats[1], 0, is_over);
    assert_eq!(seats[0].stats().dropped.total(), 2, "who only looks whether the port is open does no harm");
    good.write_all(&capture(2)[24..]).unwrap();
    assert_eq!(read(&mut seats[0], 2, always), [0, 1], "the good one goes on");
}

#[test]
fn strangers_and_those_without_a_seat_are_turned_away() {
    let (mut seats, at) = seats(1, &["192.0.2.0/24"]);
    TcpStream::connect(at).unwrap().write_all(&capture(1)).unwrap_or_default();
    let refused = |reason: &'static str| move |stats: &SourceStats| stats.dropped.0.contains_key(reason);
    assert!(read(&mut seats[0], 0, refused("sender_not_allowed")).is_empty());
    assert_eq!(seats[0].stats().peer, None);

    let (mut seats, at) = self::seats(1, &["127.0.0.0/8"]);
    let mut first = TcpStream::connect(at).unwrap();
    first.write_all(&capture(1)).unwrap();
    assert_eq!(read(&mut seats[0], 1, always), [0]);
    let second = TcpStream::connect(at).unwrap();
    read(&mut seats[0], 0, refused("sender_without_seat"));
    drop(second);
    first.write_all(&capture(1)[24..]).unwrap();
    assert_eq!(read(&mut seats[0], 1, always), [0]);
}

#[test]
fn a_recording_is_played_and_a_wrong_clock_is_told() {
    let (mut seats, at) = seats(1, &[]);
    let mut pcap = PcapWriter::new(Vec::new(), LinkType::ETHERNET, 65_535).unwrap();
    for n in 0..3_u8 {
        // Three hours between them: silences of a recording are not waited for.
        pcap.write(Timestamp::from_parts(1_300_000_000 + i64::from(n) * 10_800, 0), 60, &[n; 60]).unwrap();
    }
    let before = now();
    let mut sender = TcpStream::connect(at).unwrap();
    sender.write_all(&pcap.finish().unwrap()).unwrap();
    let (mut headers, mut times) = (Vec::new(), Vec::new());
    for _ in 0..LOOKS_MAX {
        seats[0].next_batch(&mut headers).unwrap();
        times.extend(headers.iter().map(|header| header.ts));
        if times.len() == 3 {
            break;
        }
    }
    assert!(times.len() == 3 && times.is_sorted() && times[0] >= before, "{times:?}");
    assert!(times[2] <= now());
    assert!(seats[0].stats().notes[0].contains("days behind"), "{:?}", seats[0].stats().notes);
}
